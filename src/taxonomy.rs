//! The programme's classes: names, roles, keys and colours.

use crate::diagnostic::Spanned;

mod shown;

pub(crate) use shown::folded;
pub use shown::{RESERVED_KEYS, ShownClass, UNKNOWN, is_reserved, keys};

/// What a class stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An animal.
    Animal,
    /// Nothing to be seen.
    Empty,
    /// Cannot be judged: snow on the lens, fog, over-exposed.
    BadQuality,
    /// A person: such images are withheld from what is published.
    Person,
    /// A vehicle.
    Vehicle,
    /// Anything else, such as `difficult`.
    Other,
}

impl Role {
    /// The role that a class has by its name, where none is given.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        match normal(name).as_str() {
            "empty" | "blank" => Self::Empty,
            "bad_quality" | "bad" => Self::BadQuality,
            "person" | "persons" | "human" | "humans" | "people" | "homo_sapiens" => Self::Person,
            "vehicle" | "vehicles" | "car" | "snowmobile" => Self::Vehicle,
            "other" | "unknown" | "difficult" => Self::Other,
            _ => Self::Animal,
        }
    }

    /// Says whether images of the class may be shown to everybody: what people do is nobody's business but theirs, and nobody knows
    /// what `other` may be.
    #[must_use]
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Animal | Self::Empty | Self::BadQuality)
    }
}

/// What two names must differ in to be two classes.
pub(crate) fn normal(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// Says why a text cannot be the name of a class: what names may be, and a way out. `None` for one that can.
#[must_use]
pub fn refused_name(name: &str) -> Option<&'static str> {
    const NOT_IN_NAMES: [char; 8] = [',', ';', '|', '"', '\t', '\n', '/', '+'];
    (name.is_empty() || name.trim() != name || name.contains(NOT_IN_NAMES)).then_some(
        "no space at the ends, and none of `, ; | \" / +`: tables and folders are made of names, and `+` stands between several classes of \
         one image; a class of two kinds is `vole_or_lemming`, shown as you like by `display`",
    )
}

/// One class of the programme.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// The name that pipelines, labels and models use.
    pub name: Spanned<String>,
    /// What it stands for.
    pub role: Role,
    /// The key that labels it in the review page.
    pub key: Option<String>,
    /// `#rrggbb`.
    pub colour: Option<String>,
    /// The name shown to people.
    pub display: Option<String>,
    /// The id of the published data set (`mus_erm`).
    pub species_id: Option<String>,
    /// What it is called in biology.
    pub taxon: Option<Taxon>,
}

/// A taxon as data sets name it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Taxon {
    /// `Mustela erminea`; the most exact name that is sure, such as `Arvicolinae`.
    pub name: String,
    /// `species`, `genus`, `family` ...
    pub rank: Option<String>,
    /// Its identifier in an authoritative checklist, most often a URL.
    pub id: Option<String>,
}

/// Ranks that a taxon may have.
pub const RANKS: &[&str] = &["kingdom", "phylum", "class", "order", "family", "genus", "species", "subspecies"];

/// The programme's class list, in the order written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taxonomy {
    /// The classes.
    pub classes: Vec<Class>,
}

impl Taxonomy {
    /// The names, in the order written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().map(|class| class.name.value.as_str())
    }

    /// What the class called `name` stands for; one that the programme does not declare goes by its name.
    #[must_use]
    pub fn role(&self, name: &str) -> Role {
        self.class(name).map_or_else(|| Role::of_name(name), |class| class.role)
    }

    /// The only class of `role`; nothing where there are several.
    #[must_use]
    pub fn only(&self, role: Role) -> Option<&str> {
        let mut of_role = self.classes.iter().filter(|class| class.role == role);
        let only = of_role.next().filter(|_| of_role.next().is_none())?;
        Some(only.name.value.as_str())
    }

    /// The class called `name`.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|c| c.name.value == name)
    }
}
