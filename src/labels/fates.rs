//! What becomes of rows that others supersede: a later answer replaces them, an arbiter overrules them, or their reviewer takes them
//! back.

use std::collections::{HashMap, HashSet};

use super::row::{Standing, moment};

/// Rows that supersede a label which no file holds, and its id.
pub(super) type Unknown = Vec<(u32, String)>;

/// Pairs of rows of which the first supersedes the second.
type Links = Vec<(u32, u32)>;

/// What became of each row.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// Another row replaces it.
    pub fallen: Vec<bool>,
    /// Its reviewer took it back: as if it had never been written.
    pub withdrawn: Vec<bool>,
    /// The answer of another reviewer replaces it.
    pub overruled: Vec<bool>,
    /// It replaces the answer of another reviewer.
    pub overrules: Vec<bool>,
    /// It replaces an answer of its own reviewer.
    pub follows: Vec<bool>,
}

impl Fates {
    /// The fates of `rows`, and those that supersede a label which no file holds, with its id.
    pub fn of(rows: &[Standing<'_>]) -> (Self, Unknown) {
        let (links, unknown) = links(rows);
        let none = || vec![false; rows.len()];
        let mut fates = Self { fallen: none(), withdrawn: none(), overruled: none(), overrules: none(), follows: none() };
        if links.is_empty() {
            return (fates, unknown);
        }
        withdraw(rows, &links, &mut fates.withdrawn);
        for (later, earlier) in links {
            let (later, earlier) = (later as usize, earlier as usize);
            let is_own = rows[later].label.reviewer == rows[earlier].label.reviewer;
            // Who takes an answer back gives back what it overruled, and nobody takes back what another said.
            if rows[later].label.class.is_empty() || fates.withdrawn[later] && !is_own {
                continue;
            }
            fates.fallen[earlier] = true;
            fates.overruled[earlier] |= !is_own;
            fates.overrules[later] |= !is_own;
            fates.follows[later] |= is_own && rows[earlier].class.is_some() && !fates.withdrawn[earlier];
        }
        (fates, unknown)
    }
}

/// Pairs of rows of which the first supersedes the second, and ids that no row has.
fn links(rows: &[Standing<'_>]) -> (Links, Unknown) {
    let mut naming: HashMap<&str, Vec<u32>> = HashMap::new();
    let mut order = Vec::new();
    for (row, standing) in (0_u32..).zip(rows) {
        if standing.label.class.is_empty() && !standing.label.is_withdrawal() {
            continue;
        }
        // A row that names itself would withdraw itself: that is a slip of the pen.
        for id in standing.label.superseded().filter(|id| *id != standing.label.id) {
            naming.entry(id).or_default().push(row);
            order.push((row, id));
        }
    }
    if naming.is_empty() {
        return Default::default();
    }
    let (mut links, mut known) = (Vec::with_capacity(order.len()), HashSet::new());
    for (earlier, standing) in (0_u32..).zip(rows) {
        if let Some(later) = naming.get(standing.label.id.as_ref()) {
            known.insert(standing.label.id.as_ref());
            links.extend(later.iter().map(|later| (*later, earlier)));
        }
    }
    let unknown = order.into_iter().filter(|(_, id)| !known.contains(id)).map(|(row, id)| (row, id.to_owned()));
    (links, unknown.collect())
}

/// Marks the rows that their reviewers took back, with all that these had replaced: an older answer does not come back.
fn withdraw(rows: &[Standing<'_>], links: &[(u32, u32)], withdrawn: &mut [bool]) {
    let row = |at: u32| &rows[at as usize];
    let own = |(later, earlier): &&(u32, u32)| row(*later).label.reviewer == row(*earlier).label.reviewer;
    let taking_back = links.iter().filter(|(later, _)| row(*later).label.is_withdrawal());
    let mut next: Vec<u32> = taking_back.filter(own).map(|(_, earlier)| *earlier).collect();
    if next.is_empty() {
        return;
    }
    let mut replaced: HashMap<u32, Vec<u32>> = HashMap::new();
    for (later, earlier) in links.iter().filter(own) {
        replaced.entry(*later).or_default().push(*earlier);
    }
    let mut taken: HashMap<(u32, &str), Taken<'_>> = HashMap::new();
    while let Some(at) = next.pop() {
        if std::mem::replace(&mut withdrawn[at as usize], true) {
            continue;
        }
        next.extend(replaced.get(&at).into_iter().flatten());
        if let Some(observation) = row(at).observation {
            taken.entry((observation, row(at).label.reviewer.as_ref())).or_default().add(row(at));
        }
    }
    let given_anew: HashSet<u32> =
        links.iter().filter(|(_, earlier)| row(*earlier).label.is_withdrawal()).map(|(later, _)| *later).collect();
    for (at, standing) in (0_u32..).zip(rows) {
        let Some(observation) = standing.observation.filter(|_| !given_anew.contains(&at)) else { continue };
        let taken = taken.get(&(observation, standing.label.reviewer.as_ref()));
        withdrawn[at as usize] |= taken.is_some_and(|taken| taken.replaced(standing));
    }
}

/// The times of one reviewer's answers about one observation that were taken back: the last of all, and the last of each class.
#[derive(Default)]
struct Taken<'a> {
    last: Option<i128>,
    of_class: HashMap<Option<&'a str>, Option<i128>>,
}

impl<'a> Taken<'a> {
    fn add(&mut self, standing: &Standing<'a>) {
        let when = moment(&standing.label.time);
        self.last = self.last.max(when);
        let last = self.of_class.entry(standing.class).or_insert(when);
        *last = when.max(*last);
    }

    /// Says whether one of them had replaced an answer without naming it: by a later time, or by saying the same again. The same
    /// answer twice, of which no time says that it came later, was said once; where the rows stand in their file says nothing.
    fn replaced(&self, other: &Standing<'a>) -> bool {
        if other.class.is_none() {
            return false;
        }
        let then = moment(&other.label.time);
        let is_repeated = self.of_class.get(&other.class).is_some_and(|last| then <= *last);
        is_repeated || then.is_some() && then < self.last
    }
}
