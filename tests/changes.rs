//! What enters and leaves a sample is said when it happens, and stands in the journal.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use support::TestSpace;
use trapline::run::event::{Event, Outcome};
use trapline::run::journal;

fn pairs(list: &[(&str, u64)]) -> Vec<(String, u64)> {
    list.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
}

#[test]
fn who_leaves_and_who_enters_is_said_once() {
    let space = TestSpace::with_labels();
    let list = space.read("draw.txt");
    assert_eq!(space.run().changes("drawn"), pairs(&[]));
    space.edit("draw.txt", "b/2023/2.jpg class\n", "a/2024/4.jpg random\n");
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Waiting);
    assert_eq!(ran.changes("drawn"), pairs(&[("left_sample", 1), ("entered_sample", 1)]));
    // The next run has nothing new to say; the journal of the first one keeps it.
    assert_eq!(space.try_run().unwrap().changes("drawn"), pairs(&[]));
    let (_, path) = journal::runs(&space.options.store).unwrap().remove(1);
    let told = journal::read(&path).unwrap().into_iter().find_map(|entry| match entry.event {
        Event::StepChanged { step, findings } => Some((step, findings[0].examples.clone())),
        _ => None,
    });
    assert_eq!(told, Some(("drawn".to_owned(), vec!["b 2023 b/2023/2.jpg".to_owned()])));
    // The old list again: the result is known, and yet another one than the one before.
    space.write("draw.txt", list);
    let ran = space.run();
    assert!(ran.reused().contains(&"drawn".to_owned()));
    assert_eq!(ran.changes("drawn"), pairs(&[("left_sample", 1), ("entered_sample", 1)]));
}

#[test]
fn other_rows_of_the_same_sample_are_no_change() {
    let space = TestSpace::with_labels();
    space.run();
    space.edit("draw.txt", "b/2023/2.jpg class\n", "");
    space.write("draw.txt", format!("b/2023/2.jpg class\n{}", space.read("draw.txt")));
    let ran = space.run();
    assert_eq!((ran.ran(), ran.changes("drawn")), (pairs(&[("drawn", 0)]), pairs(&[])));
}
