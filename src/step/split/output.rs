//! The tables of a split, and what a person should know about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::groups::Grouped;
use super::side::{Shares, Side};
use super::{EXAMPLES, GROUP, SPLIT, STRATA};
use crate::stats::interval::number;
use crate::step::{Finding, LABEL_COLUMNS, StepError, label_type};
use crate::table::{CellRef, Column, ColumnBuilder, Schema, Table, TableError, Type};
use crate::taxonomy::Taxonomy;

/// With fewer groups than this of a class, one group more or less on a side changes its figures.
const FEW: usize = 10;

/// The schemas of the outputs.
pub(super) fn schemas(images: &Schema) -> Vec<Schema> {
    let mut parted = images.clone();
    for name in [SPLIT, GROUP] {
        parted.set(name, Type::Text);
    }
    let mut test = images.clone();
    for (name, ty) in LABEL_COLUMNS {
        test.set(name, *ty);
    }
    vec![parted, test, Schema::of(STRATA)]
}

/// The images with their sides, and those of the test as labels.
pub(super) fn tables(images: &Table, grouped: &Grouped, sides: &[Side]) -> Result<(Table, Table), StepError> {
    let mut words = ColumnBuilder::with_capacity(Type::Text, images.rows);
    for side in sides {
        words.push_text(side.word());
    }
    let parted = images.with_column(SPLIT, Arc::new(words.finish()?))?.with_column(GROUP, Arc::new(grouped.names.clone()))?;
    let rows: Vec<u32> = (0..).zip(sides).filter(|(_, side)| **side == Side::Test).map(|(row, _)| row).collect();
    let mut test = images.take(&rows);
    for (name, ty) in LABEL_COLUMNS {
        let known = test.column(name).filter(|column| column.ty() == *ty).cloned();
        let column = match known {
            // Within the test every image counts: it is no sample of anything larger.
            _ if *name == "type" => Arc::new(Column::repeated(*ty, CellRef::Text(label_type::RANDOM), rows.len())?),
            Some(column) => column,
            None => Arc::new(Column::nulls(*ty, rows.len())),
        };
        test = test.with_column(name, column)?;
    }
    Ok((parted, test))
}

/// Images and groups by class and side.
pub(super) struct Parted {
    classes: BTreeMap<String, [(u64, BTreeSet<u32>); 3]>,
    groups: usize,
    /// Names of groups that lie on several sides, with the sides.
    divided: Vec<String>,
}

impl Parted {
    pub fn of(images: &Table, grouped: &Grouped, sides: &[Side]) -> Result<Self, StepError> {
        let column = images.require("class")?;
        let mut counts: Vec<[(u64, BTreeSet<u32>); 3]> = vec![Default::default(); column.distinct()];
        let mut met = vec![[false; 3]; grouped.keys.len()];
        let mut first = vec![0_usize; grouped.keys.len()];
        for (row, (side, group)) in sides.iter().zip(&grouped.of_row).enumerate() {
            let (side, at) = (*side as usize, *group as usize);
            if let Some(code) = column.code(row) {
                let (images, groups) = &mut counts[code as usize][side];
                *images += 1;
                groups.insert(*group);
            }
            met[at][side] = true;
            first[at] = row;
        }
        let several = |at: &usize| met[*at].iter().filter(|met| **met).count() > 1;
        let divided = (0..met.len()).filter(several).map(|at| {
            let sides: Vec<&str> = Side::ALL.iter().filter(|side| met[at][**side as usize]).map(|side| side.word()).collect();
            format!("{} ({})", grouped.names.text(first[at]).unwrap_or_default(), sides.join(", "))
        });
        Ok(Self {
            divided: divided.collect(),
            groups: met.iter().filter(|met| met.contains(&true)).count(),
            classes: column
                .texts()
                .map(str::to_owned)
                .zip(counts)
                .filter(|(_, sides)| sides.iter().any(|(n, _)| *n > 0))
                .collect(),
        })
    }

    fn few(&self) -> Vec<(&str, usize)> {
        let groups = |sides: &[(u64, BTreeSet<u32>); 3]| sides.iter().map(|(_, groups)| groups.len()).sum::<usize>();
        self.classes.iter().map(|(class, sides)| (class.as_str(), groups(sides))).filter(|(_, n)| *n < FEW).collect()
    }

    pub fn metrics(&self, sides: &[Side]) -> BTreeMap<&'static str, f64> {
        let count = |wanted: Side| number(sides.iter().filter(|side| **side == wanted).count() as u64);
        let mut metrics: BTreeMap<_, _> = Side::ALL.iter().map(|side| (side.word(), count(*side))).collect();
        metrics.insert("groups", number(self.groups as u64));
        metrics.insert("few_groups", number(self.few().len() as u64));
        metrics.insert("divided_groups", number(self.divided.len() as u64));
        metrics
    }

    /// Classes that cannot be parted well, classes that lack a side, animals without any image, and groups torn apart.
    pub fn findings(&self, shares: &Shares, given: bool, taxonomy: &Taxonomy) -> Vec<Finding> {
        let few = self.few();
        let mut findings = Vec::new();
        let shown = few.iter().take(EXAMPLES).map(|(class, n)| format!("{class} ({n})")).collect();
        let said = "classes have fewer than 10 groups: their shares are left to chance, and their figures will say little; label more \
                    events of them";
        findings.extend(Finding::counted("few_groups", few.len() as u64, said, shown));
        let lacking = |side: &Side| {
            let wanted = given || shares.of(*side) > 0.0;
            let none = self.classes.iter().filter(move |(_, sides)| wanted && sides[*side as usize].0 == 0);
            none.map(|(class, _)| format!("{class} in {}", side.word())).collect::<Vec<_>>()
        };
        let mut lacking: Vec<String> = Side::ALL.iter().flat_map(lacking).collect();
        let count = lacking.len() as u64;
        lacking.truncate(EXAMPLES);
        let said = "times a class has no image on a side; `stratify: true` gives each class of three groups its share";
        findings.extend(Finding::counted("class_lacks_side", count, said, lacking));
        let animals = taxonomy.classes.iter().filter(|class| class.role.is_public());
        let none: Vec<String> =
            animals.map(|class| class.name.value.clone()).filter(|name| !self.classes.contains_key(name)).collect();
        let said = "classes of the programme have no image: no model will know them";
        findings.extend(Finding::counted("class_without_images", none.len() as u64, said, none));
        let said = "groups lie on several sides: near copies of what was trained with will be tested on";
        let shown = self.divided.iter().take(EXAMPLES).cloned().collect();
        findings.extend(Finding::counted("divided_groups", self.divided.len() as u64, said, shown));
        findings
    }

    /// One row per class and side.
    pub fn strata(&self) -> Result<Table, TableError> {
        let mut builders: Vec<_> = STRATA.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for (class, sides) in &self.classes {
            let all: u64 = sides.iter().map(|(images, _)| images).sum();
            for (side, (images, groups)) in Side::ALL.iter().zip(sides) {
                if let [name, split, count, held, share] = &mut builders[..] {
                    name.push_text(class);
                    split.push_text(side.word());
                    count.push_int(whole(*images));
                    held.push_int(whole(groups.len() as u64));
                    share.push_float64(number(*images) / number(all.max(1)));
                }
            }
        }
        Table::from_builders(Schema::of(STRATA), builders)
    }
}
