//! One site id, one site: what says which observation an image is must not name two things, in whatever table the ids come from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ids::{folded, normal, told_from};
use crate::table::{ColumnBuilder, Table, TableError, Type};

/// Columns that say where a site lies: a site has one value in each.
pub const ABOVE_A_SITE: &[&str] = &["sn_region", "region", "sn_locality", "locality", "sn_section", "section"];

/// Columns whose values are ids: two that differ by case alone are one thing written in two ways.
pub const IDS: &[&str] = &["site", "season", "locality", "region", "section", "camera"];

/// How many faults are named.
const NAMED: usize = 5;

/// Ids and what they stand for, row by row.
#[derive(Debug, Default)]
pub struct Places {
    /// By column and folded id: the ids, each with where it was first met.
    ids: BTreeMap<(String, String), BTreeMap<String, String>>,
    /// By site and column: where it lies, with where that was first said.
    above: BTreeMap<(String, String), BTreeMap<String, String>>,
}

impl Places {
    /// Notes the ids of one row: pairs of a column and its value. `place` says where they stand (a path, a row of a file).
    ///
    /// Most rows say what rows before them said: callers with a row per image note each combination once.
    pub fn note(&mut self, row: &[(&str, &str)], place: &str) {
        let site = row.iter().find(|(column, value)| *column == "site" && !value.is_empty()).map(|(_, site)| normal(site));
        for (column, value) in row.iter().filter(|(_, value)| !value.is_empty()) {
            if IDS.contains(column) {
                let met = self.ids.entry(((*column).to_owned(), folded(value))).or_default();
                met.entry(normal(value).into_owned()).or_insert_with(|| place.to_owned());
            }
            if let Some(site) = site.as_ref().filter(|_| ABOVE_A_SITE.contains(column)) {
                let met = self.above.entry((site.clone().into_owned(), (*column).to_owned())).or_default();
                met.entry(normal(value).into_owned()).or_insert_with(|| place.to_owned());
            }
        }
    }

    /// What must be mended before anything is counted: a sentence each, with the way out. Empty where each id names one thing.
    #[must_use]
    pub fn faults(&self, way_out: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for ((column, _), met) in self.ids.iter().filter(|(_, met)| met.len() > 1) {
            let written: Vec<String> = met
                .iter()
                .map(|(id, place)| {
                    let other = met.keys().find(|other| *other != id).map_or("", String::as_str);
                    format!("{} ({})", told_from(id, other), crate::path::display(place))
                })
                .collect();
            faults.push(format!(
                "one {column} is written in {} ways that differ by capital letters alone: {}; write it in one way",
                met.len(),
                written.join(", ")
            ));
        }
        let several: BTreeSet<_> =
            self.above.iter().filter(|(_, met)| met.keys().map(|id| folded(id)).collect::<BTreeSet<_>>().len() > 1).collect();
        for ((site, column), met) in several {
            let named: Vec<String> = met.iter().map(|(id, place)| format!("`{id}` ({})", crate::path::display(place))).collect();
            let plural = match column.trim_start_matches("sn_") {
                "locality" => "localities".to_owned(),
                other => format!("{other}s"),
            };
            faults.push(format!(
                "site `{site}` lies in {} {plural}: {}. The id of a site names one site in the whole programme: images, events and \
                 site-days of these would be put together. {way_out}",
                met.len(),
                named.join(", ")
            ));
        }
        faults
    }

    /// [`Places::faults`] as one message, the first few of them; `None` where there are none.
    #[must_use]
    pub fn refusal(&self, way_out: &str) -> Option<String> {
        let faults = self.faults(way_out);
        let more = faults.len().saturating_sub(NAMED);
        let mut lines: Vec<String> = faults.into_iter().take(NAMED).collect();
        if more > 0 {
            lines.push(format!("and {more} more like these"));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// The ids of a table's rows; `None` where it has no column of ids.
#[must_use]
pub fn of_table(table: &Table) -> Option<Places> {
    let columns: Vec<_> = IDS
        .iter()
        .chain(ABOVE_A_SITE)
        .filter_map(|name| Some((*name, table.column(name).filter(|column| column.ty() == Type::Text)?)))
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .collect();
    if columns.is_empty() {
        return None;
    }
    let mut seen = std::collections::HashSet::new();
    let mut places = Places::default();
    for row in 0..table.rows {
        let codes: Vec<Option<u32>> = columns.iter().map(|(_, column)| column.code(row)).collect();
        if seen.insert(codes) {
            let values: Vec<_> = columns.iter().map(|(name, column)| (*name, column.text(row).unwrap_or_default())).collect();
            places.note(&values, &super::words(table, row));
        }
    }
    Some(places)
}

/// Ids of `own` that `theirs` lacks and has with other capital letters, in words.
#[must_use]
pub fn near_misses<'a>(column: &str, own: impl Iterator<Item = &'a str>, theirs: impl Iterator<Item = &'a str>) -> Vec<String> {
    let theirs: BTreeMap<String, &str> = theirs.map(|id| (folded(id), id)).collect();
    let near = |id: &'a str| theirs.get(&folded(id)).filter(|there| normal(there) != normal(id)).map(|there| (id, *there));
    own.filter_map(near)
        .map(|(id, there)| format!("{column} {} is {} in the images", told_from(id, there), told_from(there, id)))
        .collect()
}

/// The table with its ids in their normal form.
///
/// # Errors
/// When a column cannot be made.
pub fn in_normal_form(mut table: Table) -> Result<Table, TableError> {
    for name in IDS {
        let Some(column) = table.column(name).filter(|column| column.ty() == Type::Text) else { continue };
        if column.texts().all(|text| normal(text) == text) {
            continue;
        }
        let mut builder = ColumnBuilder::with_capacity(Type::Text, table.rows);
        (0..table.rows).for_each(|row| builder.push_optional_text(column.text(row).map(normal).as_deref()));
        table = table.with_column(name, Arc::new(builder.finish()?))?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(rows: &[&[(&str, &str)]]) -> Option<String> {
        let mut places = Places::default();
        rows.iter().enumerate().for_each(|(at, row)| places.note(row, &format!("row {}", at + 2)));
        places.refusal("Rename one of them.")
    }

    #[test]
    fn a_site_lies_in_one_locality() {
        let rows: [&[(&str, &str)]; 3] = [
            &[("locality", "north"), ("site", "1")],
            &[("locality", "south"), ("site", "1")],
            &[("locality", "south"), ("site", "2")],
        ];
        let words = refusal(&rows).unwrap();
        assert!(words.starts_with("site `1` lies in 2 localities: `north` (row 2), `south` (row 3)."), "{words}");
        assert!(words.ends_with("Rename one of them.") && !words.contains('\n'), "{words}");
        assert_eq!(refusal(&rows[1..]), None);
    }

    #[test]
    fn ids_that_differ_by_case_stop_and_those_of_another_form_are_one() {
        let words = refusal(&[&[("site", "vm_1")], &[("site", "VM_1")], &[("site", "vm_2")]]).unwrap();
        assert!(words.contains("`VM_1` (row 3), `vm_1` (row 2)"), "{words}");
        assert_eq!(refusal(&[&[("site", "å ")], &[("site", "a\u{30a}")]]), None);
    }
}
