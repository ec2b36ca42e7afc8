//! Damage, crashes and changes behind the back: noticed, healed, same result.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use support::TestSpace;
use trapline::run::event::Outcome;
use trapline::store::{Access, Store, StoreError};

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        if entry.path().is_dir() { files.extend(files_below(&entry.path())) } else { files.push(entry.path()) }
    }
    files.sort();
    files
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// What must be the same afterwards.
fn outcome(space: &TestSpace) -> (String, trapline::id::ContentId) {
    (space.read("trapline.lock"), space.table("metadata").id())
}

#[test]
fn a_flipped_bit_in_any_file_of_the_store_is_noticed_and_healed() {
    let space = TestSpace::with_images();
    space.run();
    let reference = outcome(&space);
    let mut tried = 0;
    for folder in ["objects", "results", "rows", "inventory", "heads"] {
        for file in files_below(&space.path(".trapline").join(folder)) {
            if !file.exists() {
                continue; // Healed under another name meanwhile.
            }
            flip(&file, 7 + tried * 13);
            tried += 1;
            let store = Store::open(&space.options.store, Access::Write).unwrap();
            let report = store.verify(&|_, _| ()).unwrap();
            assert!(!report.damages.is_empty(), "a flipped bit in {} went unnoticed", file.display());
            drop(store);
            assert_eq!(space.run().outcome, Outcome::Complete, "after damage to {}", file.display());
            assert_eq!(outcome(&space), reference, "after damage to {}", file.display());
            let store = Store::open(&space.options.store, Access::Read).unwrap();
            let clean = store.verify(&|_, _| ()).unwrap();
            assert!(clean.damages.is_empty() && clean.missing.is_empty(), "after {}: {clean:?}", file.display());
        }
    }
    assert!(tried > 20, "only {tried} files were damaged");
}

#[test]
fn a_run_that_reads_damage_heals_without_being_told() {
    let space = TestSpace::with_images();
    space.run();
    let reference = outcome(&space);
    for file in files_below(&space.path(".trapline/objects")) {
        flip(&file, 5);
    }
    // Something else to do, so that tables are read.
    space.image("raw/b/2025/8.jpg", 8);
    space.run();
    fs::remove_file(space.path("raw/b/2025/8.jpg")).unwrap();
    space.forget_what_is_gone();
    space.run();
    assert_eq!(space.read("trapline.lock"), reference.0);
    // What no step had to read is found by verifying, and made anew by the next run.
    Store::open(&space.options.store, Access::Write).unwrap().verify(&|_, _| ()).unwrap();
    space.run();
    assert_eq!(outcome(&space), reference);
}

#[test]
fn a_deleted_store_is_computed_again_to_the_same_result() {
    let space = TestSpace::with_images();
    space.run();
    let reference = outcome(&space);
    fs::remove_dir_all(space.path(".trapline")).unwrap();
    space.run();
    assert_eq!(outcome(&space), reference);
}

#[test]
fn a_second_run_names_the_holder_of_the_store() {
    let space = TestSpace::with_images();
    space.run();
    let store = Store::open(&space.options.store, Access::Write).unwrap();
    let me = trapline::store::Holder { host: "laptop".into(), pid: 7, since: "2026-01-01".into() };
    let lock = store.lock(&me, trapline::store::Wait::No).unwrap();
    let error = space.try_run().unwrap_err();
    assert!(matches!(&error, trapline::run::RunError::Store(StoreError::Locked { .. })), "{error}");
    assert!(error.to_string().contains("process 7 on laptop since 2026-01-01"), "{error}");
    // Readers are not blocked.
    assert_eq!(space.decisions()[0].1, "reuse");
    drop(lock);
    space.run();
}

#[test]
fn a_file_that_the_run_cannot_read_is_reported_and_read_when_it_can() {
    let space = TestSpace::with_images();
    space.write("raw/a/2024/0.jpg", "");
    let ran = space.run();
    assert_eq!(ran.findings("images"), [("zero_byte".to_owned(), 1)]);
    space.image("raw/a/2024/0.jpg", 10);
    let ran = space.run();
    assert!(ran.findings("images").is_empty());
    assert_eq!(space.table("images").rows, 4);
}

#[test]
fn readers_write_nothing() {
    let space = TestSpace::with_images();
    space.plan();
    assert!(!space.path(".trapline").exists());
}

#[test]
fn an_input_that_changes_while_it_is_read_poisons_nothing() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let space = TestSpace::with_images();
    let (path, stop) = (space.path("raw/a/2024/1.jpg"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in (0u8..3).cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                // In place and in two halves: a reader may see any mixture.
                let bytes = support::jpeg(20 + round);
                let (front, back) = bytes.split_at(bytes.len() / 2);
                fs::write(&path, front).unwrap();
                std::thread::yield_now();
                fs::File::options().append(true).open(&path).unwrap().write_all(back).unwrap();
            }
        });
        for _ in 0..15 {
            // A file that never rests may be left out with a word; the run must not fail for it.
            space.try_run().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    space.image("raw/a/2024/1.jpg", 1);
    space.run();
    let after = outcome(&space);
    fs::remove_dir_all(space.path(".trapline")).unwrap();
    space.run();
    assert_eq!(outcome(&space), after);
}

#[test]
fn a_run_that_is_stopped_keeps_what_it_computed() {
    let space = TestSpace::with_images();
    for seed in 10..60 {
        space.image(&format!("raw/b/2024/{seed}.jpg"), seed);
    }
    let cancel = trapline::step::Cancel::default();
    let stopped = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(45));
            cancel.cancel();
        });
        space.run_with(&cancel).unwrap()
    });
    assert!(matches!(stopped.outcome, Outcome::Interrupted | Outcome::Complete), "{stopped:?}");
    space.run();
    assert_eq!(space.table("metadata").rows, 53);
}
