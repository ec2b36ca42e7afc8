//! Pins: the rows of samples and labels that a sealed season holds fast, observation by observation.

use std::collections::BTreeMap;

use super::seasons::{Pin, Seal, Sealed};
use crate::observation::IDENTITY;
use crate::step::StepError;
use crate::store::{StoreError, StoredTable};
use crate::table::{CellRef, Column, Table};

/// The column that says to which season a row belongs.
const SEASON: &str = "season";

/// How many differences an error names.
const NAMED: usize = 10;

/// Reads what `pins_of` needs of a table whose `column` is pinned; `None` where its rows belong to no season or to no image.
pub(super) fn read(stored: &StoredTable<'_>, column: &str) -> Result<Option<Table>, StoreError> {
    let schema = stored.schema();
    let has = |name: &&str| schema.field(name).is_some();
    let identity: Vec<&str> = IDENTITY.iter().copied().filter(|name| has(name)).collect();
    if identity.is_empty() || !has(&SEASON) || !has(&column) {
        return Ok(None);
    }
    let mut names = vec![SEASON, "site", column];
    names.retain(has);
    names.extend(identity);
    stored.read(Some(&names)).map(Some)
}

/// The rows of `table` that belong to `season`, sorted.
pub(super) fn pins_of(table: &Table, season: &str, column: &str) -> Vec<Pin> {
    let (Some(seasons), Some(values)) = (table.column(SEASON), table.column(column)) else { return Vec::new() };
    let identities: Vec<&Column> = IDENTITY.iter().filter_map(|name| table.column(name).map(AsRef::as_ref)).collect();
    let site = table.column("site");
    let wanted = (0..).zip(seasons.texts()).find(|(_, text)| *text == season).map(|(code, _): (u32, _)| code);
    let in_season = |row: &usize| match wanted {
        Some(code) => seasons.code(*row) == Some(code),
        // A season that is a number has no codes.
        None => seasons.distinct() == 0 && seasons.cell(*row).to_string() == season,
    };
    let pin = |row: usize| {
        let identity = identities.iter().find(|column| !column.is_null(row))?;
        Some(Pin {
            site: site.map_or_else(String::new, |column| column.cell(row).to_string()),
            observation: identity.cell(row).to_string(),
            value: values.cell(row).to_string(),
        })
    };
    let mut pins: Vec<Pin> = (0..table.rows).filter(in_season).filter_map(pin).collect();
    pins.sort();
    pins
}

/// Holds the rows of `step` against every seal that pins them.
///
/// # Errors
/// Names the rows that left, entered or have another value.
pub(super) fn check(sealed: &Sealed, step: &str, column: &str, table: Option<&Table>) -> Result<(), StepError> {
    let (mut drift, mut seasons) = (Vec::new(), Vec::new());
    for (season, seal) in sealed {
        let Some(then) = seal.pins.get(step) else { continue };
        let now = table.map(|table| pins_of(table, season, column)).unwrap_or_default();
        if now != *then {
            seasons.push(season.as_str());
            drift.extend(differences(then, &now).into_iter().map(|found| found.words(season, seal, table)));
        }
    }
    if drift.is_empty() {
        return Ok(());
    }
    let shown = drift[..drift.len().min(NAMED)].join("\n  ");
    let more = if drift.len() > NAMED { format!("\n  and {} more", drift.len() - NAMED) } else { String::new() };
    let (rows, differ) = if drift.len() == 1 { ("row", "differs") } else { ("rows", "differ") };
    let files: Vec<_> = seasons.iter().map(|season| format!("`seasons/{season}.csv`")).collect();
    let ways: Vec<_> = seasons.iter().map(|season| format!("`trapline season reopen {season} --because \"...\"`")).collect();
    Err(StepError::Data(format!(
        "{} {rows} of sealed seasons {differ} from {}:\n  {shown}{more}\nundo what changed them, or {} and seal again",
        drift.len(),
        files.join(", "),
        ways.join(", "),
    )))
}

/// One observation whose pinned values are others now.
#[derive(Debug, PartialEq)]
struct Difference<'a> {
    site: &'a str,
    observation: &'a str,
    then: Vec<&'a str>,
    now: Vec<&'a str>,
}

/// The observations that differ, in the order of their sites. An observation may have several rows.
fn differences<'a>(then: &'a [Pin], now: &'a [Pin]) -> Vec<Difference<'a>> {
    type Values<'a> = (Vec<&'a str>, Vec<&'a str>);
    let mut found: BTreeMap<(&str, &str), Values<'_>> = BTreeMap::new();
    for pin in then {
        found.entry((&pin.site, &pin.observation)).or_default().0.push(&pin.value);
    }
    for pin in now {
        found.entry((&pin.site, &pin.observation)).or_default().1.push(&pin.value);
    }
    let differing = found.into_iter().filter(|(_, (then, now))| then != now);
    differing.map(|((site, observation), (then, now))| Difference { site, observation, then, now }).collect()
}

impl Difference<'_> {
    fn words(&self, season: &str, seal: &Seal, table: Option<&Table>) -> String {
        let image = [self.site, season, &readable(self.observation, seal, table)].join(" ");
        let image = image.trim_start();
        let (then, now) = (self.then.join(" and "), self.now.join(" and "));
        match (self.then.is_empty(), self.now.is_empty()) {
            (false, true) => format!("{image} left (was {then})"),
            (true, false) => format!("{image} entered ({now})"),
            _ => format!("{image} changed from {then} to {now}"),
        }
    }
}

/// An image as people know it: by its path, where the seal or the table knows one.
fn readable(observation: &str, seal: &Seal, table: Option<&Table>) -> String {
    let Ok(content) = observation.parse() else { return crate::path::display(observation) };
    if let Some(file) = seal.files.iter().find(|file| file.content == content) {
        return crate::path::display(&file.path);
    }
    let named = table.and_then(|table| {
        let contents = table.column("content")?;
        let row = (0..table.rows).find(|row| contents.content(*row) == Some(content))?;
        let name = IDENTITY[1..].iter().map(|name| table.cell(row, name)).find(|cell| *cell != CellRef::Null)?;
        Some(crate::path::display(&name.to_string()))
    });
    named.unwrap_or_else(|| observation.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ContentId;
    use crate::table::{ColumnBuilder, Schema, Type};

    fn table(rows: &[(&str, &str, Option<ContentId>, &str, &str)]) -> Table {
        let fields = [
            ("season", Type::Text),
            ("site", Type::Text),
            ("content", Type::Content),
            ("name", Type::Text),
            ("class", Type::Text),
        ];
        let mut columns: Vec<_> = fields.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
        for (season, site, content, name, class) in rows {
            columns[0].push_text(season);
            columns[1].push_text(site);
            columns[2].push(content.map_or(CellRef::Null, CellRef::Content));
            columns[3].push_text(name);
            columns[4].push_text(class);
        }
        Table::from_builders(Schema::of(&fields), columns).unwrap()
    }

    #[test]
    fn rows_are_pinned_by_content_or_else_by_name_season_by_season() {
        let id = ContentId::of(b"x");
        let rows = table(&[
            ("2019", "b", None, "b.jpg", "vole"),
            ("2020", "a", Some(id), "c.jpg", "stoat"),
            ("2019", "a", Some(id), "a.jpg", "empty"),
        ]);
        let pin = |site: &str, observation: String, value: &str| Pin { site: site.into(), observation, value: value.into() };
        assert_eq!(pins_of(&rows, "2019", "class"), [pin("a", id.to_string(), "empty"), pin("b", "b.jpg".into(), "vole")]);
        assert_eq!(pins_of(&rows, "2021", "class"), []);
    }

    #[test]
    fn what_left_entered_and_changed_is_named_with_the_way_out() {
        let id = ContentId::of(b"x");
        let then = table(&[("2019", "a", Some(id), "a.jpg", "vole"), ("2019", "b", None, "b.jpg", "vole")]);
        let now = table(&[("2019", "a", Some(id), "a.jpg", "stoat"), ("2019", "b", None, "c.jpg", "vole")]);
        let pins = BTreeMap::from([("qc".to_owned(), pins_of(&then, "2019", "class"))]);
        let sealed = Sealed::from([("2019".to_owned(), Seal { pins, ..Seal::default() })]);
        assert!(check(&sealed, "qc", "class", Some(&then)).is_ok());
        assert!(check(&sealed, "other", "class", Some(&now)).is_ok());
        insta::assert_snapshot!(check(&sealed, "qc", "class", Some(&now)).unwrap_err().to_string(), @r#"
        3 rows of sealed seasons differ from `seasons/2019.csv`:
          a 2019 a.jpg changed from vole to stoat
          b 2019 b.jpg left (was vole)
          b 2019 c.jpg entered (vole)
        undo what changed them, or `trapline season reopen 2019 --because "..."` and seal again
        "#);
    }

    #[test]
    fn an_observation_with_several_rows_has_several_values() {
        let pin = |value: &str| Pin { site: "a".into(), observation: "x".into(), value: value.into() };
        let (then, now) = ([pin("stoat"), pin("vole"), pin("vole")], [pin("stoat"), pin("vole")]);
        assert_eq!(
            differences(&then, &now),
            [Difference { site: "a", observation: "x", then: vec!["stoat", "vole", "vole"], now: vec!["stoat", "vole"] }]
        );
        assert_eq!(differences(&now, &now), []);
    }
}
