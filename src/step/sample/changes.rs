//! Who left a sample and who entered it, stratum by stratum.

use std::collections::{BTreeMap, BTreeSet};

use super::EXAMPLES;
use super::output::AND;
use crate::observation::{Key, words};
use crate::step::Finding;
use crate::table::Table;

/// What a person should know about a sample that is another than before.
pub(super) fn between(before: &Table, after: &Table) -> Vec<Finding> {
    by_stratum(before, after, "stratum", "sample")
}

/// Who left and who entered what is called `noun`, by the strata in `column`.
pub(in crate::step) fn by_stratum(before: &Table, after: &Table, column: &str, noun: &str) -> Vec<Finding> {
    let Some(mut key) = Key::shared(&[&before.schema, &after.schema]) else { return Vec::new() };
    // An image whose folder has another name now neither left nor entered.
    if key.identity() == "content" {
        key.columns.retain(|name| *name == "content");
    }
    let of = |table| Members::of(table, &key, column);
    let (Some(old), Some(new)) = (of(before), of(after)) else { return Vec::new() };
    let words = format!("left the {noun}; labels already given are kept and stay in use");
    let left = old.without(&new).finding(&format!("left_{noun}"), &words);
    let words = format!("entered the {noun}; those without a label will be asked for");
    let entered = new.without(&old).finding(&format!("entered_{noun}"), &words);
    left.into_iter().chain(entered).collect()
}

/// The observations of each stratum, by its words.
struct Members<'a> {
    table: &'a Table,
    strata: BTreeMap<&'a str, BTreeMap<u128, usize>>,
}

impl<'a> Members<'a> {
    fn of(table: &'a Table, key: &Key, column: &str) -> Option<Self> {
        let column = table.column(column)?;
        let mut strata: BTreeMap<&str, BTreeMap<u128, usize>> = BTreeMap::new();
        for (row, key) in key.of(table).ok()?.rows.into_iter().enumerate() {
            let Some(key) = key else { continue };
            for stratum in column.text(row).unwrap_or("included").split(AND) {
                strata.entry(stratum).or_default().insert(key, row);
            }
        }
        Some(Self { table, strata })
    }

    /// Those that `other` does not hold in the same stratum.
    fn without(&self, other: &Self) -> Difference<'a> {
        let mut difference = Difference { table: self.table, strata: Vec::new(), rows: BTreeSet::new() };
        for (stratum, members) in &self.strata {
            let there = other.strata.get(stratum);
            let gone = members.iter().filter(|(key, _)| !there.is_some_and(|there| there.contains_key(key)));
            let gone: Vec<usize> = gone.map(|(_, row)| *row).collect();
            if !gone.is_empty() {
                difference.strata.push((*stratum, gone.len(), members.len()));
                difference.rows.extend(gone);
            }
        }
        difference
    }
}

struct Difference<'a> {
    table: &'a Table,
    /// Words, how many of them changed, and of how many.
    strata: Vec<(&'a str, usize, usize)>,
    rows: BTreeSet<usize>,
}

impl Difference<'_> {
    fn finding(&self, kind: &str, verb: &str) -> Option<Finding> {
        let count = self.rows.len() as u64;
        let shown: Vec<String> =
            self.strata.iter().take(EXAMPLES).map(|(stratum, some, all)| format!("{stratum} ({some} of {all})")).collect();
        let more = match self.strata.len().saturating_sub(EXAMPLES) {
            0 => String::new(),
            1 => " and one more stratum".to_owned(),
            more => format!(" and {more} more strata"),
        };
        let noun = if count == 1 { "image" } else { "images" };
        (count > 0).then(|| Finding {
            kind: kind.into(),
            message: format!("{count} {noun} {verb}: {}{more}", shown.join(", ")),
            count,
            examples: self.rows.iter().take(EXAMPLES).map(|row| words(self.table, *row)).collect(),
        })
    }
}
