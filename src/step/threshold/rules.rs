//! Which rules send an image to review: a union, in which each rule is known.

use std::sync::Arc;

use super::EXAMPLES;
use super::curve::{push, push_count};
use crate::stats::interval::number;
use crate::stats::planning::hours;
use crate::step::Finding;
use crate::table::{Column, ColumnBuilder, Schema, Table, TableError, Type};

/// The columns of the table of rules.
pub(super) const RULES: &[(&str, Type)] = &[
    ("rule", Type::Text),
    ("images", Type::Int),
    ("only_by_this_rule", Type::Int),
    ("share", Type::Float64),
    ("hours", Type::Float64),
];

/// The rules that ask for an image, as bits; none where it is accepted.
pub(super) type Asked = u64;

pub(super) const BELOW: Asked = 1;
pub(super) const CLASS: Asked = 2;
pub(super) const UNCLASSIFIED: Asked = 4;
/// The first of those for values of columns.
const WHERE: u32 = 3;

/// Images with some values of a column are always reviewed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Where {
    pub column: String,
    pub values: Vec<String>,
}

/// The words of all rules that are in force, in the order of their bits.
pub(super) fn words(classes: bool, wheres: &[Where]) -> Vec<(Asked, String)> {
    let mut words = vec![(BELOW, "below threshold".to_owned())];
    if classes {
        words.push((CLASS, "always_review".to_owned()));
    }
    words.push((UNCLASSIFIED, "not classified".to_owned()));
    words.extend((0..).zip(wheres).map(|(at, rule)| (bit(at), format!("always_review_where {}", rule.column))));
    words
}

fn bit(at: u32) -> Asked {
    1 << (WHERE + at).min(Asked::BITS - 1)
}

/// Marks the rows of always-review classes.
pub(super) fn mark_classes(asked: &mut [Asked], label: &Column, classes: &[String]) {
    let wanted: Vec<bool> = label.texts().map(|class| classes.iter().any(|name| name == class)).collect();
    for (row, asked) in asked.iter_mut().enumerate() {
        if label.code(row).is_some_and(|code| wanted[code as usize]) {
            *asked |= CLASS;
        }
    }
}

/// Marks the rows with values that are always reviewed, and says which values no row has.
pub(super) fn mark_values(asked: &mut [Asked], table: &Table, wheres: &[Where]) -> Result<Vec<Finding>, TableError> {
    let mut unknown = Vec::new();
    for (at, rule) in (0..).zip(wheres) {
        let column = table.require(&rule.column)?;
        let mut seen = vec![false; rule.values.len()];
        let find = |text: &str| rule.values.iter().position(|value| value == text);
        let places: Vec<Option<usize>> = column.texts().map(find).collect();
        for (row, asked) in asked.iter_mut().enumerate() {
            let place = match column.code(row) {
                Some(code) => places[code as usize],
                None if column.ty() == Type::Text || column.is_null(row) => None,
                None => find(&column.cell(row).to_string()),
            };
            if let Some(place) = place {
                seen[place] = true;
                *asked |= bit(at);
            }
        }
        let missed = rule.values.iter().zip(seen).filter(|(_, seen)| !seen);
        unknown.extend(missed.map(|(value, _)| format!("{}={value}", rule.column)));
    }
    let count = unknown.len() as u64;
    unknown.truncate(EXAMPLES);
    let message = format!("{count} values of `always_review_where` occur in no image; check how they are written");
    let finding = Finding { kind: "unknown_value".into(), message, count, examples: unknown };
    Ok((count > 0).then_some(finding).into_iter().collect())
}

/// The rows to review with the rules that asked for each.
pub(super) fn to_review(
    predictions: &Table,
    rows: &[u32],
    asked: &[Asked],
    words: &[(Asked, String)],
) -> Result<Table, TableError> {
    let mut why = ColumnBuilder::with_capacity(Type::Text, rows.len());
    // Few combinations occur, and rows of one come together.
    let mut last = (0, String::new());
    for row in rows {
        let asked = asked[*row as usize];
        if asked != last.0 {
            let held: Vec<&str> = words.iter().filter(|(bit, _)| asked & bit != 0).map(|(_, word)| word.as_str()).collect();
            last = (asked, held.join("+"));
        }
        why.push_text(&last.1);
    }
    predictions.take(rows).with_column("why", Arc::new(why.finish()?))
}

/// One row per rule.
pub(super) fn table(asked: &[Asked], words: &[(Asked, String)], per_hour: f64) -> Result<Table, TableError> {
    let mut builders: Vec<_> = RULES.iter().map(|(_, ty)| ColumnBuilder::with_capacity(*ty, words.len())).collect();
    for (bit, word) in words {
        let images = asked.iter().filter(|asked| *asked & bit != 0).count() as u64;
        let only = asked.iter().filter(|asked| *asked == bit).count() as u64;
        if let [rule, all, alone, share, time] = &mut builders[..] {
            rule.push_text(word);
            push_count(all, images);
            push_count(alone, only);
            push(share, (!asked.is_empty()).then(|| number(images) / number(asked.len() as u64)));
            time.push_float64(hours(images, per_hour));
        }
    }
    Table::from_builders(Schema::of(RULES), builders)
}
