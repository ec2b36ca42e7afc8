//! The forms in which tables leave for other programs, and what each of them needs.

use std::collections::BTreeMap;

use super::shape::Files;
use super::{camtrapr, coat, megadetector, timelapse, wildlife_insights};
use crate::table::{Field, Schema, Table, TableError, Type};
use crate::taxonomy::Role;

/// The words for them in a pipeline.
pub const WORDS: &[&str] = &["megadetector", "camtrapr", "timelapse", "wildlife_insights", "coat_metadata", "camtrap_dp"];

/// A form that another program reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The JSON of `MegaDetector` 1.6.
    MegaDetector,
    /// The record table of the R package camtrapR.
    CamtrapR,
    /// What Timelapse imports.
    Timelapse,
    /// `images.csv` of Wildlife Insights.
    WildlifeInsights,
    /// The metadata table of the COAT portal.
    CoatMetadata,
    /// A data package of Camtrap DP.
    CamtrapDp,
}

/// What the columns of a table mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meaning {
    /// The column that says what an image shows.
    pub class: String,
    /// The programme's classes, in their order.
    pub classes: Vec<megadetector::Class>,
    /// Columns of the form that are the same for all rows.
    pub values: BTreeMap<String, String>,
    /// Taxa of classes (Wildlife Insights): an id, class, order, family, genus, species and a common name, between semicolons.
    pub taxa: BTreeMap<String, String>,
    /// Columns to write beside those of the form.
    pub columns: Vec<String>,
}

impl Meaning {
    /// What a class stands for.
    #[must_use]
    pub fn role(&self, name: &str) -> Role {
        self.classes.iter().find(|class| class.name == name).map_or_else(|| Role::of_name(name), |class| class.role)
    }
}

/// A table in its form.
#[derive(Debug, Clone, PartialEq)]
pub struct Shaped {
    /// Columns and rows as the other program wants them.
    pub table: Table,
    /// Rows for which the form has no place: how many of which kind, with the first few.
    pub notes: Vec<Note>,
}

/// Rows or classes that a person should know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// A stable word.
    pub kind: &'static str,
    /// How many.
    pub count: u64,
    /// What they are, behind their number.
    pub words: &'static str,
    /// The first few.
    pub examples: Vec<String>,
}

/// The columns that say what an image shows, the one that counts most first.
pub const SHOWN: [&str; 3] = ["final", "class", "label"];

impl Form {
    /// By its word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            "megadetector" => Self::MegaDetector,
            "camtrapr" => Self::CamtrapR,
            "timelapse" => Self::Timelapse,
            "wildlife_insights" => Self::WildlifeInsights,
            "coat_metadata" => Self::CoatMetadata,
            "camtrap_dp" => Self::CamtrapDp,
            _ => return None,
        })
    }

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::MegaDetector => "megadetector",
            Self::CamtrapR => "camtrapr",
            Self::Timelapse => "timelapse",
            Self::WildlifeInsights => "wildlife_insights",
            Self::CoatMetadata => "coat_metadata",
            Self::CamtrapDp => "camtrap_dp",
        }
    }

    /// Says whether it needs to know what an image shows.
    #[must_use]
    pub fn needs_class(self) -> bool {
        matches!(self, Self::CamtrapR | Self::WildlifeInsights | Self::CamtrapDp)
    }

    /// The columns that [`Meaning::values`] may fill.
    #[must_use]
    pub fn fillable(self) -> &'static [&'static str] {
        match self {
            Self::WildlifeInsights => wildlife_insights::COLUMNS,
            Self::CoatMetadata => coat::KEYS,
            Self::CamtrapDp => &["filePublic"],
            _ => &[],
        }
    }

    /// The columns that say where and when, of forms that have them under fixed names.
    #[must_use]
    pub fn fixed(self) -> Schema {
        let columns = if self == Self::CoatMetadata { coat::COLUMNS } else { &[] };
        Schema { fields: columns.iter().map(|name| Field { name: (*name).to_owned(), ty: Type::Text }).collect() }
    }

    /// Columns that the table lacks, with the way out.
    #[must_use]
    pub fn lacks(self, schema: &Schema) -> Vec<(&'static str, &'static str)> {
        const SITE: (&str, &str) = ("site", "capture it in the path of the images: `{site}`");
        const TIME: (&str, &str) = ("datetime", "read it with a `metadata` step before");
        let mut lacks = Vec::new();
        let mut need = |wanted: (&'static str, &'static str), there: bool| {
            if !there {
                lacks.push(wanted);
            }
        };
        let has = |name: &str| schema.field(name).is_some();
        let dated = schema.field("datetime").is_some_and(|field| field.ty == Type::DateTime);
        need(("path", "export a table of images"), Files::there(schema));
        match self {
            Self::MegaDetector => {
                for name in ["label", "confidence"] {
                    need((name, "export predictions: of `classify`, `ensemble` or `import`"), has(name));
                }
            }
            Self::CamtrapR | Self::CoatMetadata => {
                need(SITE, has("site") || has("sn_site"));
                need(TIME, dated);
            }
            Self::CamtrapDp => {
                need(SITE, has("site") || has("deployment"));
                need(TIME, dated);
            }
            Self::WildlifeInsights => need(TIME, dated),
            Self::Timelapse => {}
        }
        lacks
    }

    /// The table in its form; [`Form::MegaDetector`] and [`Form::CamtrapDp`] are no tables and leave it as it is.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn shaped(self, table: &Table, meaning: &Meaning) -> Result<Shaped, TableError> {
        match self {
            Self::MegaDetector | Self::CamtrapDp => Ok(Shaped { table: table.clone(), notes: Vec::new() }),
            Self::CamtrapR => camtrapr::shaped(table, meaning),
            Self::Timelapse => timelapse::shaped(table, meaning),
            Self::WildlifeInsights => wildlife_insights::shaped(table, meaning),
            Self::CoatMetadata => coat::shaped(table, meaning),
        }
    }
}
