//! Strata, and which images of each are drawn: those with the smallest keyed hashes.

use std::collections::{BTreeSet, BinaryHeap};

use super::bins::Bins;
use super::kind::Kind;
use super::population::Population;
use super::size::Plan;
use crate::table::{Cell, CellRef, Groups, Table, TableError};

/// How many images of each stratum are wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quotas {
    pub random: Option<Random>,
    pub per_class: Option<u64>,
    /// Other numbers for some classes.
    pub per_class_n: Vec<(String, u64)>,
    pub per_bin: Option<u64>,
    pub bins: Bins,
    pub seed: i64,
}

/// The size of the random sample of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Random {
    Fixed(u64),
    Planned(Plan),
}

/// Where to draw.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stratum {
    pub kind: Kind,
    /// One of the groups of `by`.
    pub group: u32,
    pub class: Option<String>,
    pub bin: Option<usize>,
    /// Observations in it.
    pub images: u64,
    /// Those of them that `exclude` holds.
    pub excluded: u64,
    pub wanted: u64,
    /// Those of `include` that count towards `wanted`.
    pub included: u64,
    /// Those drawn here.
    pub drawn: u64,
}

impl Stratum {
    fn new(kind: Kind, group: u32) -> Self {
        Self { kind, group, class: None, bin: None, images: 0, excluded: 0, wanted: 0, included: 0, drawn: 0 }
    }

    /// Observations of it in the sample.
    pub fn held(&self) -> u64 {
        self.drawn + self.included
    }

    /// Says whether it had fewer than wanted. An empty bin is no lack: with ten classes no confidence is below 0.1.
    pub fn is_short(&self) -> bool {
        self.held() < self.wanted && (self.bin.is_none() || self.images > 0)
    }

    /// In words: `random season=2024`, `class=stoat season=2024`, `confidence=(0.8,0.9] season=2024`.
    pub fn words(&self, groups: &Groups, bins: &Bins) -> String {
        let mut words = match (&self.class, self.bin) {
            (Some(class), _) => format!("class={class}"),
            (_, Some(bin)) => format!("confidence={}", bins.words(bin)),
            _ => self.kind.word().to_owned(),
        };
        let group = groups.words(self.group as usize);
        if !group.is_empty() {
            words.push(' ');
            words.push_str(&group);
        }
        words
    }
}

/// An observation that belongs to the sample for the sake of a stratum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    pub row: u32,
    pub stratum: u32,
    /// Its place among those drawn, from 1; `None` where `include` brought it.
    pub rank: Option<u64>,
}

/// What was drawn.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Drawing {
    /// By kind, group, and class or bin.
    pub strata: Vec<Stratum>,
    /// By row, then stratum.
    pub members: Vec<Member>,
}

/// The stratum of rows that belong to none.
const NONE: u32 = u32::MAX;

/// Draws every kind of sample that `quotas` ask for.
pub(super) fn draw(table: &Table, groups: &Groups, quotas: &Quotas, population: &Population) -> Result<Drawing, TableError> {
    let mut drawing = Drawing::default();
    if quotas.random.is_some() {
        let strata = (0..groups.len()).map(|group| Stratum::new(Kind::Random, number(group))).collect();
        drawing.add(strata, &groups.of_row, population, quotas);
    }
    if quotas.per_class.is_some() || !quotas.per_class_n.is_empty() {
        let (strata, of_row) = classes(table, groups, quotas)?;
        drawing.add(strata, &of_row, population, quotas);
    }
    if quotas.per_bin.is_some() {
        let (strata, of_row) = confidence_bins(table, groups, quotas)?;
        drawing.add(strata, &of_row, population, quotas);
    }
    drawing.members.sort_unstable();
    Ok(drawing)
}

/// A stratum per group and predicted class, and those that are asked for by name and that nothing was predicted to be.
fn classes(table: &Table, groups: &Groups, quotas: &Quotas) -> Result<(Vec<Stratum>, Vec<u32>), TableError> {
    let columns: Vec<&str> = groups.columns.iter().map(String::as_str).filter(|name| *name != "label").chain(["label"]).collect();
    let by_class = Groups::of(table, &columns)?;
    let mut group_of = vec![0; by_class.len()];
    for (class, group) in by_class.of_row.iter().zip(&groups.of_row) {
        group_of[*class as usize] = *group;
    }
    let wanted = |class: &str| quotas.per_class_n.iter().find(|(name, _)| name == class).map(|(_, n)| *n).or(quotas.per_class);
    let mut found: Vec<(Stratum, Option<usize>)> = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, (key, group)) in by_class.keys.iter().zip(group_of).enumerate() {
        let Some(Cell::Text(class)) = key.last() else { continue };
        if wanted(class).is_some() {
            seen.insert((group, class.as_str()));
            found.push((Stratum { class: Some(class.clone()), ..Stratum::new(Kind::Class, group) }, Some(at)));
        }
    }
    for group in 0..number(groups.len()) {
        for (class, _) in quotas.per_class_n.iter().filter(|(class, _)| !seen.contains(&(group, class.as_str()))) {
            found.push((Stratum { class: Some(class.clone()), ..Stratum::new(Kind::Class, group) }, None));
        }
    }
    found.sort_by(|(a, _), (b, _)| (a.group, &a.class).cmp(&(b.group, &b.class)));
    let mut places = vec![NONE; by_class.len()];
    for (place, (_, at)) in found.iter().enumerate() {
        if let Some(at) = at {
            places[*at] = number(place);
        }
    }
    let of_row = by_class.of_row.iter().map(|at| places[*at as usize]).collect();
    Ok((found.into_iter().map(|(stratum, _)| stratum).collect(), of_row))
}

/// A stratum per group and bin, also the empty ones. An image without a label has no confidence that means something.
fn confidence_bins(table: &Table, groups: &Groups, quotas: &Quotas) -> Result<(Vec<Stratum>, Vec<u32>), TableError> {
    let (confidence, label) = (table.require("confidence")?, table.require("label")?);
    let bins = quotas.bins.len();
    let bin = |at: usize| Stratum { bin: Some(at % bins), ..Stratum::new(Kind::Confidence, number(at / bins)) };
    let strata = (0..groups.len() * bins).map(bin).collect();
    let place = |row: usize| {
        let bin = quotas.bins.of_row(confidence, row).filter(|_| !label.is_null(row))?;
        Some(number(groups.of_row[row] as usize * bins + bin))
    };
    Ok((strata, (0..table.rows).map(|row| place(row).unwrap_or(NONE)).collect()))
}

impl Drawing {
    /// Draws from `strata` of one kind.
    fn add(&mut self, mut strata: Vec<Stratum>, of_row: &[u32], population: &Population, quotas: &Quotas) {
        let Some(kind) = strata.first().map(|stratum| stratum.kind) else { return };
        let before = number(self.strata.len());
        for (row, at) in of_row.iter().enumerate() {
            if let Some(stratum) = strata.get_mut(*at as usize)
                && population.keys[row].is_some()
            {
                stratum.images += 1;
                if population.counts(row, kind) {
                    stratum.included += 1;
                    self.members.push(Member { row: number(row), stratum: before + at, rank: None });
                } else if population.excluded[row] {
                    stratum.excluded += 1;
                }
            }
        }
        for stratum in &mut strata {
            stratum.wanted = wanted(stratum, quotas);
        }
        let key = hash_key(quotas.seed, kind);
        let mut smallest: Vec<BinaryHeap<(u128, u32)>> = strata.iter().map(|_| BinaryHeap::new()).collect();
        for (row, at) in of_row.iter().enumerate() {
            let Some(stratum) = strata.get(*at as usize) else { continue };
            let Some(observation) = population.ranked(row) else { continue };
            let room = stratum.wanted.saturating_sub(stratum.included);
            if room == 0 || population.excluded[row] || population.counts(row, kind) {
                continue;
            }
            let ranked = (rank(&key, observation), number(row));
            let heap = &mut smallest[*at as usize];
            if (heap.len() as u64) < room {
                heap.push(ranked);
            } else if let Some(mut largest) = heap.peek_mut()
                && ranked < *largest
            {
                *largest = ranked;
            }
        }
        for ((at, stratum), heap) in (before..).zip(&mut strata).zip(smallest) {
            stratum.drawn = heap.len() as u64;
            let ranked = (1..).zip(heap.into_sorted_vec());
            self.members.extend(ranked.map(|(rank, (_, row))| Member { row, stratum: at, rank: Some(rank) }));
        }
        self.strata.append(&mut strata);
    }
}

fn wanted(stratum: &Stratum, quotas: &Quotas) -> u64 {
    let named = |class: &String| quotas.per_class_n.iter().find(|(name, _)| name == class).map(|(_, n)| *n);
    match (stratum.kind, quotas.random) {
        (Kind::Random, Some(Random::Fixed(n))) => n,
        (Kind::Random, Some(Random::Planned(plan))) => plan.size(stratum.images),
        (Kind::Random, None) => 0,
        (Kind::Class, _) => stratum.class.as_ref().and_then(named).or(quotas.per_class).unwrap_or(0),
        (Kind::Confidence, _) => quotas.per_bin.unwrap_or(0),
    }
}

/// One key per seed and kind of sample: the kinds are drawn independently of one another.
fn hash_key(seed: i64, kind: Kind) -> [u8; 32] {
    let mut material = seed.to_le_bytes().to_vec();
    material.extend_from_slice(kind.word().as_bytes());
    blake3::derive_key("trapline 2026 order of observations in a sample", &material)
}

/// The place of an observation in the order of a seed and kind. Stratum, model and season do not enter.
fn rank(key: &[u8; 32], observation: u128) -> u128 {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::keyed_hash(key, &observation.to_le_bytes()).as_bytes()[..16]);
    u128::from_le_bytes(half)
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}

/// A value of a group, for a column of the same type.
pub(super) fn group_cell(groups: &Groups, group: u32, column: usize) -> CellRef<'_> {
    groups.keys[group as usize][column].as_ref()
}
