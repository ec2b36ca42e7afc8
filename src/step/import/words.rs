//! Words that must be those of the programme: classes, types of label, what was shown.

use std::collections::BTreeMap;

use super::bohner;
use super::formats::Format;
use super::reading::Places;
use crate::exchange::camtrap_dp::read;
use crate::exchange::speciesnet;
use crate::step::{StepError, label_type};
use crate::table::{Column, ColumnBuilder, Faults, Table, Type, excerpt};
use crate::taxonomy::{Role, Taxonomy, UNKNOWN};

/// What values of a file mean.
pub struct Classes<'a> {
    /// As the parameter says.
    pub given: BTreeMap<&'a str, &'a str>,
    /// The programme's.
    pub programme: &'a Taxonomy,
    /// Whose words they are.
    pub format: Format,
    /// A label may say that nobody could tell.
    pub undecided: bool,
}

impl Classes<'_> {
    /// The class behind a value; where the format writes all ranks of a class, behind the most exact of them that has one.
    pub fn class(&self, value: &str) -> Option<String> {
        match self.format {
            Format::SpeciesNet => self.of_ranks(value),
            Format::CamtrapDp => self.of_names(value),
            Format::MegaDetector => self.one(value).or_else(|| self.by_role(value)),
            _ => self.one(value),
        }
    }

    /// The class behind the names of what was observed, the most exact first; its scientific name counts too.
    fn of_names(&self, value: &str) -> Option<String> {
        let names: Vec<&str> = value.split(read::BETWEEN).collect();
        if let Some(class) = std::iter::once(&value).chain(&names).find_map(|name| self.given.get(name)) {
            return Some((*class).to_owned());
        }
        if self.programme.classes.is_empty() {
            return names.first().map(|name| (*name).to_owned());
        }
        let scientific = |name: &str| {
            let is = |class: &&crate::taxonomy::Class| class.taxon.as_ref().is_some_and(|taxon| taxon.name == name);
            self.programme.classes.iter().find(is).map(|class| class.name.value.clone())
        };
        let known = |name: &&str| self.one(name).or_else(|| scientific(name)).or_else(|| self.by_role(name));
        let unknown = || names.contains(&UNKNOWN).then(|| UNKNOWN.to_owned()).filter(|_| self.undecided);
        names.iter().find_map(known).or_else(unknown)
    }

    fn of_ranks(&self, value: &str) -> Option<String> {
        let names = speciesnet::names(value);
        if let Some(class) = names.iter().find_map(|name| self.given.get(name.as_str())) {
            return Some((*class).to_owned());
        }
        if self.programme.classes.is_empty() {
            return value.rsplit(';').map(str::trim).find(|name| !name.is_empty()).map(str::to_owned);
        }
        names.iter().find_map(|name| self.one(name).or_else(|| self.by_role(name)))
    }

    /// What others call empty, of bad quality, a person or a vehicle is the programme's only class of that role.
    fn by_role(&self, value: &str) -> Option<String> {
        let role = Role::of_name(value);
        let has_class = !matches!(role, Role::Animal | Role::Other);
        has_class.then(|| self.programme.only(role)).flatten().map(str::to_owned)
    }

    /// The class behind a value: as given, by name, by the id of the published data set, by the reference's codes; spelling
    /// differences of spaces, hyphens and case do not matter. `None` for one that the programme does not know.
    fn one(&self, value: &str) -> Option<String> {
        if let Some(class) = self.given.get(value) {
            return Some((*class).to_owned());
        }
        let plain = normal(value);
        let is_reference = self.format == Format::Bohner;
        let reference = if is_reference { bohner::class(value).or_else(|| bohner::class(&plain)) } else { None };
        if self.programme.classes.is_empty() {
            // Without a class list, whatever the file says is a class.
            let named = reference.map(str::to_owned);
            return named.or_else(|| Some(if is_reference { plain } else { value.to_owned() }));
        }
        let names = || self.programme.classes.iter().map(|class| class.name.value.as_str());
        let exact = names().find(|name| *name == value);
        let spelled = || names().find(|name| normal(name) == plain);
        let by_id = || {
            let has_id = |class: &&crate::taxonomy::Class| class.species_id.as_deref() == Some(value);
            self.programme.classes.iter().find(has_id).map(|class| class.name.value.as_str())
        };
        let by_code = || reference.and_then(|class| names().find(|name| normal(name) == class));
        exact.or_else(spelled).or_else(by_id).or_else(by_code).map(str::to_owned)
    }
}

/// The programme's class for images without an animal, where it has one and no more.
pub fn empty_class(programme: &Taxonomy) -> Option<&str> {
    programme.only(Role::Empty)
}

/// What two names must differ in to be two classes.
fn normal(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// The table with the texts of `column` translated, each distinct one once. One without a translation goes to `faults` with its first
/// row, and is missing; `refused` says why there is none.
///
/// # Errors
/// When the table cannot be built.
pub fn translate(
    table: &Table,
    column: &str,
    places: &Places<'_>,
    translation: &dyn Fn(&str) -> Option<String>,
    refused: &str,
    faults: &mut Faults,
) -> Result<Table, StepError> {
    let Some(texts) = table.column(column) else { return Ok(table.clone()) };
    let translated: Vec<Option<String>> = texts.texts().map(translation).collect();
    if translated.iter().any(Option::is_none) {
        // The first row of each text, and how many rows have it.
        let mut rows: Vec<(usize, u64)> = vec![(0, 0); translated.len()];
        for row in 0..table.rows {
            if let Some(code) = texts.code(row).map(|code| code as usize).filter(|code| translated[*code].is_none()) {
                let (first, count) = rows[code];
                rows[code] = (if count == 0 { row } else { first }, count + 1);
            }
        }
        let mut wrong: Vec<(usize, u64)> = rows.into_iter().filter(|(_, count)| *count > 0).collect();
        wrong.sort_unstable();
        for (row, count) in wrong {
            let text = excerpt(texts.text(row).unwrap_or_default());
            let rows = if count == 1 { String::new() } else { format!(" ({count} rows)") };
            faults.push(|| places.fault(row, column, format!("`{text}`{rows} is {refused}")));
        }
    }
    Ok(table.with_column(column, std::sync::Arc::new(recode(texts, &translated)?))?)
}

/// The table with the texts of `column` translated; missing, with their confidence, where there is no translation.
///
/// # Errors
/// When the table cannot be built.
pub fn translate_known(table: &Table, column: &str, translation: &dyn Fn(&str) -> Option<String>) -> Result<Table, StepError> {
    let Some(texts) = table.column(column) else { return Ok(table.clone()) };
    let translated: Vec<Option<String>> = texts.texts().map(translation).collect();
    let labels = recode(texts, &translated)?;
    let confidence = column.replace("label", "confidence");
    let mut known = table.clone();
    if let Some(values) = table.column(&confidence).filter(|_| labels.null_count() > texts.null_count()) {
        let rows: Vec<Option<u32>> =
            (0_u32..).take(labels.len()).map(|row| (!labels.is_null(row as usize)).then_some(row)).collect();
        known = known.with_column(&confidence, std::sync::Arc::new(values.take_optional(&rows)))?;
    }
    Ok(known.with_column(column, std::sync::Arc::new(labels))?)
}

fn recode(texts: &Column, by_code: &[Option<String>]) -> Result<Column, StepError> {
    let mut builder = ColumnBuilder::with_capacity(Type::Text, texts.len());
    for row in 0..texts.len() {
        builder.push_optional_text(texts.code(row).and_then(|code| by_code[code as usize].as_deref()));
    }
    Ok(builder.finish()?)
}

/// The words of the reference workflow for types of label, with ours.
pub const TYPES: &[(&str, &str)] = &[
    ("quality_check_random", label_type::RANDOM),
    ("quality_check_confidence_level", label_type::CONFIDENCE),
    ("quality_check_classes", label_type::CLASS),
    ("corrected_image_label", label_type::CORRECTED),
];

/// The types of label in `value`, joined by `+`.
pub fn label_types(value: &str) -> Option<String> {
    const OWN: &[&str] = &[
        label_type::RANDOM,
        label_type::CLASS,
        label_type::CONFIDENCE,
        label_type::CORRECTED,
        label_type::TRAINING,
        label_type::OTHER,
    ];
    let one = |part: &str| {
        let part = part.trim();
        let own = OWN.iter().find(|own| **own == part).copied();
        own.or_else(|| TYPES.iter().find(|(theirs, _)| *theirs == part).map(|(_, own)| *own))
    };
    Some(value.split('+').map(one).collect::<Option<Vec<_>>>()?.join("+"))
}

/// What was shown to the reviewer.
pub fn shown(value: &str) -> Option<String> {
    matches!(value, "blind" | "model").then(|| value.to_owned())
}
