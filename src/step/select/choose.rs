//! Takes images rule by rule: rare classes, then quotas, then backgrounds.

use std::collections::HashMap;

use super::Select;
use super::candidates::Candidates;
use super::order::{Order, Space};
use crate::step::StepError;
use crate::table::{Cell, Groups, Table};

/// Why images are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Rare,
    Quota,
    Background,
}

impl Rule {
    pub fn word(self) -> &'static str {
        match self {
            Self::Rare => "rare",
            Self::Quota => "quota",
            Self::Background => "background",
        }
    }
}

/// A rule in one group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stratum {
    pub rule: Rule,
    pub class: String,
    /// The group in words.
    pub place: String,
    /// One of the groups of `by`, for a quota.
    pub group: Option<u32>,
    /// Images that may be chosen.
    pub available: u64,
    /// Images that `exclude` keeps out.
    pub excluded: u64,
    /// `None`: all.
    pub wanted: Option<u64>,
    pub taken: u64,
}

impl Stratum {
    /// As it stands in `why`.
    pub fn words(&self) -> String {
        let place = if self.place.is_empty() { String::new() } else { format!(" {}", self.place) };
        format!("{}: class={}{place}", self.rule.word(), self.class)
    }

    /// Says whether a quota found fewer images than wanted.
    pub fn is_short(&self) -> bool {
        self.rule == Rule::Quota && self.wanted.is_some_and(|wanted| self.taken < wanted)
    }
}

/// An image that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    pub row: u32,
    pub stratum: u32,
    pub rank: u32,
}

/// What is chosen so far.
pub(super) struct Chosen<'a> {
    pub step: &'a Select,
    pub candidates: &'a Candidates,
    pub images: &'a Table,
    pub strata: Vec<Stratum>,
    pub members: Vec<Member>,
    pub taken: Vec<bool>,
    /// How many images of each event are chosen.
    of_event: Vec<u32>,
}

impl<'a> Chosen<'a> {
    pub fn new(step: &'a Select, candidates: &'a Candidates, images: &'a Table) -> Self {
        let events = candidates.event.iter().max().map_or(0, |last| *last as usize + 1);
        let (strata, members) = (Vec::new(), Vec::new());
        let (taken, of_event) = (vec![false; images.rows], vec![0; events]);
        Self { step, candidates, images, strata, members, taken, of_event }
    }

    /// All images of rare classes, by class and season.
    pub fn rare(&mut self) -> Result<(), StepError> {
        let season = self.images.column("season").map(|_| "season");
        let names: Vec<&str> = season.into_iter().chain(["label"]).collect();
        let groups = Groups::of(self.images, &names)?;
        let (step, max) = (self.step, self.step.rare_max);
        let is_rare = |class: &str| step.rare.iter().any(|rare| rare == class).then_some(max);
        let (strata, of_row) = strata(&groups, Rule::Rare, |_| None, is_rare);
        self.take(strata, &of_row, false)
    }

    /// Quotas by group and predicted class.
    pub fn quotas(&mut self, by: &Groups) -> Result<(), StepError> {
        let names: Vec<&str> = by.columns.iter().map(String::as_str).filter(|name| *name != "label").chain(["label"]).collect();
        let groups = Groups::of(self.images, &names)?;
        let mut group_of = vec![0; groups.len()];
        for (inner, outer) in groups.of_row.iter().zip(&by.of_row) {
            group_of[*inner as usize] = *outer;
        }
        let step = self.step;
        let quota = |class: &str| step.quota(class).map(Some);
        let (strata, of_row) = strata(&groups, Rule::Quota, |group| Some(group_of[group]), quota);
        self.take(strata, &of_row, true)
    }

    /// Takes from each stratum the first images of its order, as many as it wants.
    fn take(&mut self, mut strata: Vec<Stratum>, of_row: &[u32], bounded: bool) -> Result<(), StepError> {
        let candidates = self.candidates;
        let mut sorted: Vec<(u32, u64, u128, u32)> = Vec::new();
        for (row, at) in of_row.iter().enumerate() {
            let (Some(stratum), Some(hash)) = (strata.get_mut(*at as usize), candidates.hash[row]) else { continue };
            if bounded && !candidates.bounded[row] {
                continue;
            }
            if candidates.excluded[row] {
                stratum.excluded += 1;
            } else {
                stratum.available += 1;
                sorted.push((*at, candidates.score[row], hash, u32::try_from(row).unwrap_or(u32::MAX)));
            }
        }
        sorted.sort_unstable();
        let space = Space::of(self.images)?;
        let before = u32::try_from(self.strata.len()).unwrap_or(u32::MAX);
        for rows in sorted.chunk_by(|a, b| a.0 == b.0) {
            let at = rows[0].0;
            let stratum = &mut strata[at as usize];
            let wanted = stratum.wanted.and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(usize::MAX);
            let rows = rows.iter().map(|(.., row)| *row);
            let taken = match self.step.order {
                // Who takes all need not compare; a pool smaller than what is wanted would leave some out.
                Order::Diversity if stratum.wanted.is_some() => {
                    space.spread(&self.free(rows, self.step.pool.max(wanted)), wanted)
                }
                _ => self.free(rows, wanted),
            };
            stratum.taken = taken.len() as u64;
            self.add(before + at, &taken);
        }
        self.strata.append(&mut strata);
        Ok(())
    }

    /// The first `most` of `rows` that are not chosen, of no event more than may be.
    fn free(&self, rows: impl Iterator<Item = u32>, most: usize) -> Vec<u32> {
        let mut here = HashMap::new();
        rows.filter(|row| self.is_free(*row, &mut here)).take(most).collect()
    }

    /// The first of each of several lists, then the second of each, as [`Chosen::free`] does.
    pub fn in_turn(&self, lists: impl Iterator<Item = Vec<u32>>, most: usize) -> Vec<u32> {
        let mut here = HashMap::new();
        let mut lists: Vec<_> = lists.map(Vec::into_iter).collect();
        let mut taken = Vec::new();
        while taken.len() < most && !lists.is_empty() {
            lists.retain_mut(|rows| {
                let next = if taken.len() < most { rows.find(|row| self.is_free(*row, &mut here)) } else { None };
                taken.extend(next);
                next.is_some()
            });
        }
        taken
    }

    /// Says whether a row may be taken beside those counted in `here`, and counts it there.
    fn is_free(&self, row: u32, here: &mut HashMap<u32, u32>) -> bool {
        let event = self.candidates.event[row as usize];
        let taken = here.entry(event).or_insert(self.of_event[event as usize]);
        let free = !self.taken[row as usize] && *taken < self.step.per_event;
        *taken += u32::from(free);
        free
    }

    /// Adds images, in their order, to a stratum.
    pub fn add(&mut self, stratum: u32, rows: &[u32]) {
        for (rank, row) in (1..).zip(rows) {
            self.taken[*row as usize] = true;
            self.of_event[self.candidates.event[*row as usize] as usize] += 1;
            self.members.push(Member { row: *row, stratum, rank });
        }
    }
}

/// A stratum per group whose class is wanted, and that of each row; the class is the last column.
fn strata(
    groups: &Groups,
    rule: Rule,
    group: impl Fn(usize) -> Option<u32>,
    wanted: impl Fn(&str) -> Option<Option<u64>>,
) -> (Vec<Stratum>, Vec<u32>) {
    const NONE: u32 = u32::MAX;
    let mut places = vec![NONE; groups.len()];
    let mut strata = Vec::new();
    for (at, key) in groups.keys.iter().enumerate() {
        let Some(Cell::Text(class)) = key.last() else { continue };
        let Some(wanted) = wanted(class) else { continue };
        let words = groups.words(at);
        let place = words.strip_suffix(&format!("label={class}")).unwrap_or(&words).trim_end().to_owned();
        places[at] = u32::try_from(strata.len()).unwrap_or(NONE);
        let (class, group) = (class.clone(), group(at));
        strata.push(Stratum { rule, class, place, group, available: 0, excluded: 0, wanted, taken: 0 });
    }
    let of_row = groups.of_row.iter().map(|group| places[*group as usize]).collect();
    (strata, of_row)
}
