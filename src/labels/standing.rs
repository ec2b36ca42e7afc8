//! Which answers stand: superseded and withdrawn ones fall away, a reviewer has one answer per image, several reviewers decide by
//! majority.

use super::fates::Fates;
use super::row::{Standing, moment};

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
    /// Somebody's answer supersedes that of another.
    pub adjudicated: bool,
    /// By reviewer, the first answer: what each said before anybody settled anything. Not that of an arbiter, nor one taken back.
    pub first: Vec<u32>,
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
/// superseded theirs: an arbiter's row settles a disagreement alone. Who took the answer back has not answered.
#[must_use]
pub fn standings(rows: &[Standing<'_>], wanted: impl Fn(u32) -> usize) -> Standings {
    let (fates, unknown_superseded) = Fates::of(rows);
    let mut found = Standings { unknown_superseded, ..Standings::default() };
    let counts = |row: &u32| rows[*row as usize].class.is_some() && !fates.withdrawn[*row as usize];
    let about = |row: &u32| rows[*row as usize].observation.filter(|_| counts(row));
    let mut order: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).filter(|row| about(row).is_some()).collect();
    order.sort_by_key(about);
    for group in order.chunk_by(|a, b| about(a) == about(b)) {
        if let Some(observation) = group.first().and_then(about) {
            let (answers, changed_mind) = weigh(rows, &fates, observation, group, wanted(observation));
            found.answers.push(answers);
            found.changed_mind.extend(changed_mind);
        }
    }
    found
}

/// Weighs the rows about one observation; beside it, earlier answers of reviewers and the later, other ones.
fn weigh(rows: &[Standing<'_>], fates: &Fates, observation: u32, group: &[u32], wanted: usize) -> (Answers, Vec<(u32, u32)>) {
    let reviewer = |row: &u32| rows[*row as usize].label.reviewer.as_ref();
    let mut by_reviewer = group.to_vec();
    by_reviewer.sort_by_key(reviewer);
    let (mut reviewers, mut votes, mut conflict) = (0, Vec::new(), Vec::new());
    let (mut first, mut changed_mind) = (Vec::new(), Vec::new());
    for own in by_reviewer.chunk_by(|a, b| reviewer(a) == reviewer(b)) {
        reviewers += 1;
        first.extend(earliest(rows, fates, own));
        let own: Vec<u32> = own.iter().filter(|row| !fates.fallen[**row as usize]).copied().collect();
        match latest(rows, &own) {
            Some(last) => {
                let class = rows[last as usize].class;
                let others = own.iter().filter(|row| rows[**row as usize].class != class);
                changed_mind.extend(others.map(|row| (*row, last)));
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
        _ if reviewers < wanted => Verdict::TooFew,
        Some(row) => Verdict::Agreed(row),
        None => Verdict::Disagreement,
    };
    let adjudicated = group.iter().any(|row| fates.overruled[*row as usize]);
    (Answers { observation, verdict, current, adjudicated, first }, changed_mind)
}

/// The first of a reviewer's rows; nothing where neither times nor what they supersede tells which it is, or where it overrules
/// somebody.
fn earliest(rows: &[Standing<'_>], fates: &Fates, own: &[u32]) -> Option<u32> {
    let time = |row: &u32| moment(&rows[*row as usize].label.time);
    let mut candidates: Vec<u32> = own.iter().copied().filter(|row| !fates.follows[*row as usize]).collect();
    let times: Option<Vec<i128>> = candidates.iter().map(time).collect();
    if let Some(first) = times.and_then(|times| times.into_iter().min()) {
        candidates.retain(|row| time(row) == Some(first));
    }
    let first = *candidates.first()?;
    let is_alike = |row: &u32| rows[*row as usize].class == rows[first as usize].class && !fates.overrules[*row as usize];
    candidates.iter().all(is_alike).then_some(first)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Label;

    fn label<'a>(id: &'a str, reviewer: &'a str, time: &'a str, supersedes: &'a str) -> Label<'a> {
        let class = "as written".into();
        let [id, reviewer, time, supersedes] = [id, reviewer, time, supersedes].map(std::borrow::Cow::Borrowed);
        Label { id, class, reviewer, time, supersedes, ..Label::default() }
    }

    /// A row about the only observation; without a class it is no answer.
    fn standing<'a>(label: &'a Label<'a>, class: &'a str) -> Standing<'a> {
        Standing { label, observation: Some(7), class: Some(class).filter(|class| !class.is_empty()) }
    }

    fn verdict(wanted: usize, rows: &[(&Label<'_>, &str)]) -> Verdict {
        let rows: Vec<_> = rows.iter().map(|(label, class)| standing(label, class)).collect();
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

    /// Who withdraws `ids`.
    fn withdrawal<'a>(id: &'a str, reviewer: &'a str, ids: &'a str) -> Label<'a> {
        Label { class: "".into(), ..label(id, reviewer, "2026-01-02T10:00:00Z", ids) }
    }

    #[test]
    fn who_takes_an_answer_back_has_not_answered() {
        let (a, b) = (label("a", "anna", "2026-01-01", ""), label("b", "ben", "2026-01-03", ""));
        let back = withdrawal("w", "anna", "a");
        assert_eq!(verdict(2, &[(&a, "vole"), (&b, "vole")]), Verdict::Agreed(1));
        assert_eq!(verdict(2, &[(&a, "vole"), (&back, ""), (&b, "vole")]), Verdict::TooFew);
        // The next answer is one again, also where it says the same.
        let again = label("c", "anna", "2026-01-04", "w");
        assert_eq!(verdict(2, &[(&a, "vole"), (&back, ""), (&b, "vole"), (&again, "vole")]), Verdict::Agreed(2));
        let rows = [(&a, "vole"), (&back, "")].map(|(label, class)| standing(label, class));
        assert_eq!(standings(&rows, |_| 1), Standings::default());
    }

    #[test]
    fn what_an_answer_had_replaced_is_taken_back_with_it() {
        let a = label("a", "anna", "2026-01-01", "");
        let (by_id, by_time) = (label("b", "anna", "", "a"), label("b", "anna", "2026-01-01T12:00:00Z", ""));
        let (back, ben) = (withdrawal("w", "anna", "b"), label("x", "ben", "", ""));
        for changed in [&by_id, &by_time] {
            let rows = [(&a, "vole"), (changed, "stoat"), (&back, ""), (&ben, "shrew")];
            assert_eq!(verdict(1, &rows), Verdict::Agreed(3), "the first answer does not come back");
        }
        // An answer given later, by hand, is not meant.
        let later = label("c", "anna", "2026-01-03", "");
        assert_eq!(verdict(1, &[(&a, "vole"), (&by_id, "stoat"), (&back, ""), (&later, "shrew")]), Verdict::Agreed(3));
    }

    #[test]
    fn an_arbiter_who_takes_the_answer_back_leaves_the_disagreement() {
        let (a, b) = (label("a", "anna", "", ""), label("b", "ben", "", ""));
        let (arbiter, changed) = (label("c", "carla", "", "a b"), label("d", "carla", "", "c"));
        let back = withdrawal("w", "carla", "d");
        let two = [(&a, "vole"), (&b, "stoat")];
        let rows = [two[0], two[1], (&arbiter, "shrew"), (&changed, "empty")];
        assert_eq!(verdict(2, &rows), Verdict::Agreed(3));
        assert_eq!(verdict(2, &[&rows[..], &[(&back, "")]].concat()), Verdict::Disagreement);
        let again = label("e", "carla", "2026-01-04", "w a b");
        assert_eq!(verdict(2, &[&rows[..], &[(&back, ""), (&again, "shrew")]].concat()), Verdict::Agreed(5));
    }

    #[test]
    fn an_answer_said_twice_is_taken_back_with_its_double_wherever_that_stands() {
        let (once, again) = (label("a", "anna", "", ""), label("b", "anna", "", ""));
        let back = withdrawal("w", "anna", "a");
        for rows in [[(&once, "vole"), (&again, "vole"), (&back, "")], [(&back, ""), (&again, "vole"), (&once, "vole")]] {
            let rows: Vec<_> = rows.iter().map(|(label, class)| standing(label, class)).collect();
            assert_eq!(standings(&rows, |_| 1).answers, [], "nothing of it stands");
        }
    }

    #[test]
    fn nobody_takes_back_what_another_said_and_an_empty_row_of_a_sheet_takes_back_nothing() {
        let (a, b) = (label("a", "anna", "", ""), label("b", "ben", "", ""));
        let of_another = withdrawal("w", "carla", "a b");
        assert_eq!(verdict(2, &[(&a, "vole"), (&b, "vole"), (&of_another, "")]), Verdict::Agreed(1));
        // A sheet to settle a disagreement names both answers, ben's own among them, before he has filled it in.
        let unfilled = Label { class: "".into(), ..label("s", "ben", "", "a b") };
        assert_eq!(verdict(1, &[(&a, "vole"), (&b, "stoat"), (&unfilled, "")]), Verdict::Disagreement);
    }

    #[test]
    fn first_answers_are_those_before_anybody_settled_anything() {
        let first = |rows: &[(&Label<'_>, &'static str)]| {
            let rows: Vec<_> = rows.iter().map(|(label, class)| standing(label, class)).collect();
            let found = standings(&rows, |_| 1).answers.remove(0);
            (found.first, found.adjudicated)
        };
        let (late, early) = (label("l", "anna", "2026-01-02", ""), label("e", "anna", "2026-01-01", ""));
        let (ben, arbiter) = (label("b", "ben", "", ""), label("c", "carla", "", "l e b"));
        assert_eq!(first(&[(&late, "vole"), (&early, "stoat"), (&ben, "vole")]), (vec![1, 2], false));
        let settled = [(&late, "vole"), (&early, "stoat"), (&ben, "vole"), (&arbiter, "shrew")];
        assert_eq!(first(&settled), (vec![1, 2], true));
        // A reviewer who settles it speaks for the first time at the first answer.
        let own = label("d", "ben", "", "l e b");
        assert_eq!(first(&[(&late, "vole"), (&early, "stoat"), (&ben, "vole"), (&own, "stoat")]), (vec![1, 2], true));
        // Neither a time nor an id says which of two came first: it is not asked.
        let untimed = label("u", "anna", "", "");
        assert_eq!(first(&[(&late, "vole"), (&untimed, "stoat"), (&ben, "vole")]), (vec![2], false));
        assert_eq!(first(&[(&late, "vole"), (&label("f", "anna", "", "l"), "stoat"), (&ben, "vole")]), (vec![0, 2], false));
        let back = withdrawal("w", "anna", "e");
        assert_eq!(first(&[(&early, "stoat"), (&back, ""), (&ben, "vole")]), (vec![2], false));
    }

    #[test]
    fn what_supersedes_an_unknown_label_is_said_and_stands() {
        let row = label("a", "anna", "", "lb:gone a");
        let rows = [Standing { label: &row, observation: Some(0), class: Some("vole") }];
        let found = standings(&rows, |_| 1);
        assert_eq!((found.unknown_superseded, found.answers[0].current.clone()), (vec![(0, "lb:gone".to_owned())], vec![0]));
    }
}
