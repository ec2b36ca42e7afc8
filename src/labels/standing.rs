//! Which answers stand: superseded ones fall away, a reviewer has one answer per image, several reviewers decide by majority.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::Label;

/// A row as the question sees it.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The row.
    pub label: &'a Label<'a>,
    /// The observation that it is about, by number; `None` where it is about none.
    pub observation: Option<u32>,
    /// The class that counts as an answer; `None` where the row is none.
    pub class: Option<&'a str>,
}

/// What the answers about one observation come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// More than half of the reviewers say this class; the last of their rows.
    Agreed(u32),
    /// Nobody says anything that stands.
    Unanswered,
    /// Fewer reviewers than wanted.
    TooFew,
    /// No class has more than half of the reviewers.
    Disagreement,
    /// One reviewer says different things, and nothing says which came last: these rows.
    Conflict(Vec<u32>),
}

/// The answers about one observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The observation's number.
    pub observation: u32,
    /// What they come to.
    pub verdict: Verdict,
    /// The rows that stand, in their order.
    pub current: Vec<u32>,
}

/// All that some rows come to. Rows are known by their places in the list given.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Standings {
    /// By observation, for those that have a row.
    pub answers: Vec<Answers>,
    /// A reviewer's earlier answer and the later, other one that stands.
    pub changed_mind: Vec<(u32, u32)>,
    /// Rows that supersede a label which no file holds, and its id.
    pub unknown_superseded: Vec<(u32, String)>,
}

/// Weighs `rows`. `wanted` says how many reviewers an observation needs; whoever answered counts, also where another answer
/// superseded theirs: an arbiter's row settles a disagreement alone.
#[must_use]
pub fn standings(rows: &[Standing<'_>], wanted: impl Fn(u32) -> usize) -> Standings {
    let mut found = Standings::default();
    let fallen = fallen(rows, &mut found.unknown_superseded);
    let about = |row: &u32| rows[*row as usize].observation.filter(|_| rows[*row as usize].class.is_some());
    let mut order: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).filter(|row| about(row).is_some()).collect();
    order.sort_by_key(about);
    for group in order.chunk_by(|a, b| about(a) == about(b)) {
        let Some(observation) = group.first().and_then(about) else { continue };
        let reviewer = |row: &u32| rows[*row as usize].label.reviewer.as_ref();
        let mut by_reviewer = group.to_vec();
        by_reviewer.sort_by_key(reviewer);
        let reviewers = by_reviewer.chunk_by(|a, b| reviewer(a) == reviewer(b)).count();
        let mut votes = Vec::new();
        let mut conflict = Vec::new();
        for own in by_reviewer.chunk_by(|a, b| reviewer(a) == reviewer(b)) {
            let own: Vec<u32> = own.iter().filter(|row| !fallen[**row as usize]).copied().collect();
            match latest(rows, &own) {
                Some(last) => {
                    let class = rows[last as usize].class;
                    let others = own.iter().filter(|row| rows[**row as usize].class != class);
                    found.changed_mind.extend(others.map(|row| (*row, last)));
                    votes.push(last);
                }
                None => conflict.extend(own),
            }
        }
        let mut current: Vec<u32> = votes.iter().chain(&conflict).copied().collect();
        current.sort_unstable();
        let verdict = match majority(rows, &votes) {
            _ if !conflict.is_empty() => Verdict::Conflict(conflict),
            _ if votes.is_empty() => Verdict::Unanswered,
            _ if reviewers < wanted(observation) => Verdict::TooFew,
            Some(row) => Verdict::Agreed(row),
            None => Verdict::Disagreement,
        };
        found.answers.push(Answers { observation, verdict, current });
    }
    found
}

/// Marks rows that another row supersedes.
fn fallen(rows: &[Standing<'_>], unknown: &mut Vec<(u32, String)>) -> Vec<bool> {
    let mut superseded: HashSet<&str> = HashSet::new();
    let mut naming = Vec::new();
    for (row, standing) in (0_u32..).zip(rows) {
        // A row that names itself would withdraw itself: that is a slip of the pen.
        for id in standing.label.superseded().filter(|id| *id != standing.label.id) {
            superseded.insert(id);
            naming.push((row, id));
        }
    }
    if naming.is_empty() {
        return vec![false; rows.len()];
    }
    let known: HashSet<&str> = rows.iter().map(|row| row.label.id.as_ref()).collect();
    unknown.extend(naming.into_iter().filter(|(_, id)| !known.contains(id)).map(|(row, id)| (row, id.to_owned())));
    rows.iter().map(|row| superseded.contains(row.label.id.as_ref())).collect()
}

/// The last of a reviewer's rows; nothing where they differ and their times do not order them, or where there are none.
fn latest(rows: &[Standing<'_>], own: &[u32]) -> Option<u32> {
    let class = |row: u32| rows[row as usize].class;
    let time = |row: u32| moment(&rows[row as usize].label.time);
    let last = own.iter().copied().max_by_key(|row| (time(*row), *row))?;
    if own.iter().all(|row| class(*row) == class(last)) {
        return Some(last);
    }
    let ordered = |row: &u32| time(*row).is_some() && (class(*row) == class(last) || time(*row) < time(last));
    own.iter().all(ordered).then_some(last)
}

fn majority(rows: &[Standing<'_>], votes: &[u32]) -> Option<u32> {
    let class = |row: &u32| rows[*row as usize].class;
    let agreeing = |row: &&u32| votes.iter().filter(|other| class(other) == class(row)).count();
    votes.iter().rev().find(|row| 2 * agreeing(row) > votes.len()).copied()
}

/// A moment that can be compared: `2026-11-21T10:00:00Z`, `2026-11-21 10:00:00`, `2026-11-21`; civil times are taken as UTC. What a
/// spreadsheet made of a time otherwise is no moment: day and month may have changed places.
#[must_use]
pub fn moment(text: &str) -> Option<i128> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let civil = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let stamp = (text.parse::<Timestamp>().ok())
        .or_else(|| text.parse::<DateTime>().ok().and_then(civil))
        .or_else(|| text.parse::<Date>().ok().and_then(|date| civil(date.at(0, 0, 0, 0))));
    stamp.map(Timestamp::as_nanosecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label<'a>(id: &'a str, reviewer: &'a str, time: &'a str, supersedes: &'a str) -> Label<'a> {
        Label { id: id.into(), reviewer: reviewer.into(), time: time.into(), supersedes: supersedes.into(), ..Label::default() }
    }

    fn verdict(wanted: usize, rows: &[(&Label<'_>, &str)]) -> Verdict {
        let rows: Vec<_> =
            rows.iter().map(|(label, class)| Standing { label, observation: Some(7), class: Some(class) }).collect();
        let found = standings(&rows, |_| wanted);
        assert_eq!(found.answers.len(), 1);
        found.answers.into_iter().next().unwrap().verdict
    }

    #[test]
    fn more_than_half_of_the_reviewers_decide() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| label(name, name, "", ""));
        assert_eq!(verdict(1, &[(&a, "vole")]), Verdict::Agreed(0));
        assert_eq!(verdict(2, &[(&a, "vole")]), Verdict::TooFew);
        assert_eq!(verdict(2, &[(&a, "vole"), (&b, "stoat")]), Verdict::Disagreement);
        assert_eq!(verdict(2, &[(&a, "vole"), (&b, "stoat"), (&c, "vole")]), Verdict::Agreed(2));
        let two_of_four = [(&a, "vole"), (&b, "vole"), (&c, "stoat"), (&d, "shrew")];
        assert_eq!(verdict(1, &two_of_four), Verdict::Disagreement, "two of four are no majority");
    }

    #[test]
    fn an_arbiter_settles_a_disagreement_alone() {
        let (a, b) = (label("a", "anna", "", ""), label("b", "ben", "", ""));
        let arbiter = label("c", "carla", "", "a b");
        assert_eq!(verdict(2, &[(&a, "vole"), (&b, "stoat"), (&arbiter, "shrew")]), Verdict::Agreed(2));
    }

    #[test]
    fn a_reviewer_s_later_answer_stands_only_where_its_time_says_so() {
        let early = label("a", "anna", "2026-01-01T10:00:00Z", "");
        let late = label("b", "anna", "2026-01-01 10:00:01", "");
        let (mangled, none) = (label("c", "anna", "01.01.2026 11:00", ""), label("d", "anna", "", ""));
        assert_eq!(verdict(1, &[(&late, "vole"), (&early, "stoat")]), Verdict::Agreed(0));
        assert_eq!(verdict(1, &[(&early, "vole"), (&early, "stoat")]), Verdict::Conflict(vec![0, 1]));
        assert_eq!(verdict(1, &[(&late, "vole"), (&mangled, "stoat")]), Verdict::Conflict(vec![0, 1]));
        assert_eq!(verdict(1, &[(&none, "vole"), (&none, "vole")]), Verdict::Agreed(1));
        let settled = label("e", "anna", "", "b c");
        assert_eq!(verdict(1, &[(&late, "vole"), (&mangled, "stoat"), (&settled, "shrew")]), Verdict::Agreed(2));
    }

    #[test]
    fn what_supersedes_an_unknown_label_is_said_and_stands() {
        let row = label("a", "anna", "", "lb:gone a");
        let rows = [Standing { label: &row, observation: Some(0), class: Some("vole") }];
        let found = standings(&rows, |_| 1);
        assert_eq!((found.unknown_superseded, found.answers[0].current.clone()), (vec![(0, "lb:gone".to_owned())], vec![0]));
    }
}
