//! What can be drawn: the observations of the images, less those held elsewhere, with those that belong to the sample anyway.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::EXAMPLES;
use super::kind::Kind;
use crate::moves::{Moves, Place};
use crate::observation::{Key, Keys, PLACE};
use crate::step::{Finding, StepError, label_type};
use crate::table::{ColumnBuilder, Table, TableError, Type};

/// The rows of the images as observations.
#[derive(Debug, Default)]
pub(super) struct Population {
    key: Option<Key>,
    /// The observation of each row; `None` where it has no identity, or another row stands for it.
    pub keys: Vec<Option<u128>>,
    /// The observation that an image was before it moved, where it did: its place in the order of a sample stays.
    first: HashMap<u32, u128>,
    /// Rows that `exclude` holds.
    pub excluded: Vec<bool>,
    /// By row.
    pub included: BTreeMap<u32, Included>,
    /// Which kinds of strata an included row counts in, as bits of [`Kind`]; empty where none is included.
    counted: Vec<u8>,
}

/// How an observation came into the sample through `include`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Included {
    /// Its `type` there; `None` where that table has no such column.
    pub types: Option<String>,
    /// Its `why` there.
    pub why: Option<String>,
}

impl Population {
    /// The observations of `images`, each once.
    pub fn of(images: &Table, moves: &Moves, findings: &mut Vec<Finding>) -> Result<Self, StepError> {
        let key = shared(&[images])?;
        let mut keys = key.of(images)?;
        let nameless: Vec<u32> = (0..).zip(&keys.rows).filter(|(_, key)| key.is_none()).map(|(row, _)| row).collect();
        let identity = key.identity();
        let words = format!("rows have no `{identity}`, belong to no observation and cannot be drawn");
        findings.extend(finding("unidentified", images, &nameless, &words));
        let repeating = keep_one(images, &mut keys)?;
        let words = format!("rows repeat the {} of another and count as one image with it", key.words());
        findings.extend(finding("repeated", images, &repeating, &words));
        let first = first(&key, images, moves)?;
        Ok(Self { key: Some(key), first, excluded: vec![false; images.rows], keys: keys.rows, ..Self::default() })
    }

    /// What the rank of a row is made of: the identity that its image had first.
    pub fn ranked(&self, row: usize) -> Option<u128> {
        let key = self.keys[row]?;
        if self.first.is_empty() {
            return Some(key);
        }
        Some(u32::try_from(row).ok().and_then(|row| self.first.get(&row)).copied().unwrap_or(key))
    }

    /// Takes the observations that `other` holds out of what can be drawn.
    pub fn exclude(&mut self, images: &Table, other: &Table) -> Result<(), StepError> {
        let key = shared(&[images, other])?;
        let index = key.of(other)?.index();
        let own = self.keys_by(&key, images)?;
        self.excluded =
            self.excluded.iter().zip(own.iter()).map(|(already, own)| *already || index.row(*own).is_some()).collect();
        Ok(())
    }

    /// Makes the observations that `other` holds part of the sample.
    pub fn include(&mut self, images: &Table, other: &Table, findings: &mut Vec<Finding>) -> Result<(), StepError> {
        let key = shared(&[images, other])?;
        let index = key.of(other)?.index();
        let (types, why) = (other.column("type"), other.column("why"));
        self.counted.resize(images.rows, 0);
        let mut found = vec![false; other.rows];
        let own = self.keys_by(&key, images)?.into_owned();
        for (row, own) in (0_u32..).zip(own) {
            let Some(there) = index.row(own).map(|there| there as usize) else { continue };
            found[there] = true;
            if self.keys[row as usize].is_none() {
                continue;
            }
            // A table without the column was drawn for this sample; a missing type in one that has it is a label nobody asked for.
            let here = types.map(|types| types.text(there).unwrap_or(label_type::OTHER).to_owned());
            self.counted[row as usize] |= counts_in(here.as_deref());
            let entry = self.included.entry(row).or_default();
            match (&mut entry.types, here) {
                (Some(known), Some(more)) => more.split('+').filter(|one| *one != label_type::OTHER).for_each(|one| {
                    if !label_type::holds(known, one) {
                        known.push('+');
                        known.push_str(one);
                    }
                }),
                (slot, more) => *slot = slot.take().or(more),
            }
            if entry.why.is_none() {
                entry.why = why.and_then(|why| why.text(there)).map(str::to_owned);
            }
        }
        for (_, row) in &index.repeated {
            found[*row as usize] = true;
        }
        let lost: Vec<u32> = (0..).zip(found).filter(|(_, found)| !found).map(|(row, _)| row).collect();
        let words = "observations to include are not among the images, and are left out";
        findings.extend(finding("included_unknown", other, &lost, words));
        Ok(())
    }

    /// The keys of the images by the columns that they share with another table: most often those of their own.
    fn keys_by(&self, key: &Key, images: &Table) -> Result<Cow<'_, [Option<u128>]>, TableError> {
        if self.key.as_ref() == Some(key) { Ok(Cow::Borrowed(&self.keys)) } else { Ok(Cow::Owned(key.of(images)?.rows)) }
    }

    /// Says whether `row` is included and counts in strata of `kind`.
    pub fn counts(&self, row: usize, kind: Kind) -> bool {
        self.counted.get(row).is_some_and(|bits| bits & bit(kind) != 0)
    }
}

/// By row, the keys that moved images had first.
fn first(key: &Key, images: &Table, moves: &Moves) -> Result<HashMap<u32, u128>, StepError> {
    let contents = images.column("content").filter(|column| column.ty() == Type::Content && !moves.is_empty());
    let Some(contents) = contents else { return Ok(HashMap::new()) };
    let text = |name: &str, row: usize| images.column(name).map(|column| column.cell(row).to_string()).unwrap_or_default();
    let place = |row: usize| {
        let place = Place { season: text("season", row), site: text("site", row) };
        Some((u32::try_from(row).ok()?, moves.first(&place, contents.content(row)?)?.clone()))
    };
    let (rows, places): (Vec<u32>, Vec<Place>) = (0..images.rows).filter_map(place).unzip();
    let mut before = images.take(&rows);
    for name in PLACE {
        if before.column(name).is_none_or(|column| column.ty() != Type::Text) {
            continue;
        }
        let mut texts = ColumnBuilder::with_capacity(Type::Text, rows.len());
        for place in &places {
            texts.push_text(if *name == "site" { &place.site } else { &place.season });
        }
        before = before.with_column(name, Arc::new(texts.finish()?))?;
    }
    let keys = key.of(&before)?.rows;
    Ok(rows.into_iter().zip(keys).filter_map(|(row, key)| Some((row, key?))).collect())
}

fn bit(kind: Kind) -> u8 {
    1 << kind as u8
}

/// A random sample of a group is one of each class and bin in it; the others count only where they were drawn for. What was drawn
/// for no chance (`corrected`, `other`) counts nowhere.
fn counts_in(types: Option<&str>) -> u8 {
    let all = Kind::ALL.iter().fold(0, |bits, kind| bits | bit(*kind));
    match types {
        None => all,
        Some(types) if label_type::holds(types, label_type::RANDOM) => all,
        Some(types) => {
            let held = Kind::ALL.iter().filter(|kind| label_type::holds(types, kind.word()));
            held.fold(0, |bits, kind| bits | bit(*kind))
        }
    }
}

/// Leaves each key to one row, whatever their order: that with the first path or name. Gives the other rows.
fn keep_one(images: &Table, keys: &mut Keys) -> Result<Vec<u32>, TableError> {
    // Sorting finds out several times faster than a map whether anything repeats at all.
    let mut sorted: Vec<u128> = keys.rows.iter().flatten().copied().collect();
    sorted.sort_unstable();
    if sorted.windows(2).all(|pair| pair[0] != pair[1]) {
        return Ok(Vec::new());
    }
    let index = keys.index();
    let names: Vec<&str> =
        ["path", "name", "file", "label"].into_iter().filter(|name| images.schema.field(name).is_some()).collect();
    let mut places = vec![0_u32; images.rows];
    for (place, row) in (0_u32..).zip(images.sort_by(&names)?) {
        places[row as usize] = place;
    }
    let mut kept: HashMap<u32, u32> = HashMap::new();
    let mut others = Vec::with_capacity(index.repeated.len());
    for (first, row) in &index.repeated {
        let best = kept.entry(*first).or_insert(*first);
        let other = if places[*row as usize] < places[*best as usize] { std::mem::replace(best, *row) } else { *row };
        keys.rows[other as usize] = None;
        others.push(other);
    }
    others.sort_unstable();
    Ok(others)
}

fn shared(tables: &[&Table]) -> Result<Key, StepError> {
    let schemas: Vec<_> = tables.iter().map(|table| &table.schema).collect();
    Key::shared(&schemas).ok_or_else(|| StepError::Data("no column says which image a row is; see `trapline help sample`".into()))
}

fn finding(kind: &str, table: &Table, rows: &[u32], words: &str) -> Option<Finding> {
    let examples = rows.iter().take(EXAMPLES).map(|row| crate::observation::words(table, *row as usize)).collect();
    Finding::counted(kind, rows.len() as u64, words, examples)
}
