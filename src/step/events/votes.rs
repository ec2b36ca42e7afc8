//! What each image says about its event.

use std::collections::BTreeSet;

use super::Grouping;
use crate::event::Events;
use crate::step::sample::bins::confidence;
use crate::table::{Column, Table, Type};
use crate::taxonomy::{Role, Taxonomy};

/// What a class says: the higher wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Nothing, or nothing that can be seen.
    Nothing,
    /// A person, a vehicle, a class that nobody declared.
    Other,
    Animal,
}

/// The class that an image shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Vote<'a> {
    pub class: &'a str,
    pub weight: Weight,
    /// The model's; `None` for a person's label.
    pub confidence: Option<f32>,
    pub manual: bool,
}

/// A column of classes with what each of them says.
struct Classes<'a> {
    column: &'a Column,
    weights: Vec<Weight>,
    bad: Vec<bool>,
    unknown: Vec<bool>,
}

impl<'a> Classes<'a> {
    fn of(column: &'a Column, taxonomy: &Taxonomy) -> Self {
        // An image with several animals has them joined by `+`.
        let roles = |text: &str| text.split('+').map(|part| taxonomy.class(part).map(|class| class.role)).collect::<Vec<_>>();
        let weight = |role: &Option<Role>| match role {
            Some(Role::Animal) => Weight::Animal,
            Some(Role::Empty | Role::BadQuality) => Weight::Nothing,
            Some(Role::Person | Role::Vehicle | Role::Other) | None => Weight::Other,
        };
        let all: Vec<Vec<Option<Role>>> = column.texts().map(roles).collect();
        Self {
            column,
            weights: all.iter().map(|roles| roles.iter().map(weight).max().unwrap_or(Weight::Other)).collect(),
            bad: all.iter().map(|roles| roles.iter().all(|role| *role == Some(Role::BadQuality))).collect(),
            unknown: all.iter().map(|roles| roles.contains(&None)).collect(),
        }
    }
}

/// The labels of images, of people and of the model.
pub(super) struct Votes<'a> {
    manual: Option<Classes<'a>>,
    automatic: Option<Classes<'a>>,
    confidence: Option<&'a Column>,
    /// Classes are declared at all.
    declared: bool,
}

impl<'a> Votes<'a> {
    pub fn of(step: &Grouping, images: &'a Table, taxonomy: &Taxonomy) -> Self {
        let classes = |name: &str| {
            let column = images.column(name).filter(|column| column.ty() == Type::Text)?;
            Some(Classes::of(column, taxonomy))
        };
        let confidence = images.column("confidence").filter(|column| matches!(column.ty(), Type::Float32 | Type::Float64));
        Self {
            manual: step.manual(&images.schema).and_then(classes),
            automatic: classes("label"),
            confidence: confidence.map(AsRef::as_ref),
            declared: !taxonomy.classes.is_empty(),
        }
    }

    /// What people say of an image.
    pub fn manual(&self, row: u32) -> Option<Vote<'a>> {
        let classes = self.manual.as_ref()?;
        let code = classes.column.code(row as usize)?;
        let class = classes.column.text(row as usize)?;
        Some(Vote { class, weight: classes.weights[code as usize], confidence: None, manual: true })
    }

    /// What the model says of an image.
    pub fn automatic(&self, row: u32) -> Option<Vote<'a>> {
        let classes = self.automatic.as_ref()?;
        let code = classes.column.code(row as usize)?;
        let class = classes.column.text(row as usize)?;
        let confidence = self.confidence.and_then(|column| confidence(column, row as usize));
        Some(Vote { class, weight: classes.weights[code as usize], confidence, manual: false })
    }

    /// What people say, else the model.
    pub fn either(&self, row: u32) -> Option<Vote<'a>> {
        self.manual(row).or_else(|| self.automatic(row))
    }

    /// Says whether an image cannot be judged; `None` where nobody labelled it or nobody declared what that would be.
    pub fn is_bad(&self, row: u32) -> Option<bool> {
        let bad = |classes: &Option<Classes<'_>>| {
            let classes = classes.as_ref()?;
            classes.column.code(row as usize).map(|code| classes.bad[code as usize])
        };
        bad(&self.manual).or_else(|| bad(&self.automatic)).filter(|_| self.declared)
    }

    /// Classes that nobody declared, by name.
    pub fn unknown(&self) -> BTreeSet<String> {
        let both = self.manual.iter().chain(&self.automatic).filter(|_| self.declared);
        let unknown = both.flat_map(|classes| classes.column.texts().zip(&classes.unknown));
        unknown.filter(|(_, unknown)| **unknown).map(|(text, _)| text.to_owned()).collect()
    }

    /// The first image of each event in which people see different animals.
    pub fn several_animals(&self, events: &Events) -> Vec<u32> {
        if self.manual.is_none() {
            return Vec::new();
        }
        let several = |event: &usize| {
            let mut animals =
                events.rows(*event).iter().filter_map(|row| self.manual(*row)).filter(|vote| vote.weight == Weight::Animal);
            let first = animals.next();
            animals.any(|vote| first.is_some_and(|first| first.class != vote.class))
        };
        (0..events.list.len()).filter(several).map(|event| events.rows(event)[0]).collect()
    }
}
