//! The lock: one writer at a time, across threads and processes; readers never wait.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use trapline::store::{Access, Holder, Store, StoreError, Wait};

const STORE: &str = "TRAPLINE_TEST_STORE";

fn holder(host: &str) -> Holder {
    Holder { host: host.into(), pid: std::process::id(), since: "2026-07-01T12:00:00Z".into() }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".trapline"), Access::Write).unwrap();
    (folder, store)
}

#[test]
fn the_second_writer_is_told_who_holds_the_store_and_readers_are_not_kept_out() {
    let (_folder, store) = store();
    let lock = store.lock(&holder("laptop"), Wait::No).unwrap();
    assert!(lock.is_enforced());
    let second = Store::open(store.root(), Access::Write).unwrap();
    let error = second.lock(&holder("server"), Wait::No).unwrap_err();
    assert!(matches!(&error, StoreError::Locked { holder: Some(found), .. } if *found == holder("laptop")));
    assert!(error.to_string().contains("on laptop since 2026-07-01T12:00:00Z"), "{error}");
    let id = store.put(b"x").unwrap();
    let reader = Store::open(store.root(), Access::Read).unwrap();
    assert_eq!(reader.get(id).unwrap(), b"x");
    assert_eq!(reader.holder(), Some(holder("laptop")));
    assert!(matches!(reader.lock(&holder("x"), Wait::No), Err(StoreError::ReadOnly(_))));
    drop(lock);
    assert_eq!(reader.holder(), None);
    drop(second.lock(&holder("server"), Wait::No).unwrap());
}

#[test]
fn a_waiting_run_starts_when_the_first_ends_and_may_give_up() {
    let (_folder, store) = store();
    let lock = store.lock(&holder("laptop"), Wait::No).unwrap();
    let second = Store::open(store.root(), Access::Write).unwrap();
    let (mut asked, asking) = (0, AtomicBool::new(false));
    let error = second.lock(
        &holder("server"),
        Wait::While(&mut |_| {
            asked += 1;
            asked < 3
        }),
    );
    assert!(matches!(error, Err(StoreError::Locked { .. })));
    assert_eq!(asked, 3);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut wait = |found: Option<&Holder>| {
                assert_eq!(found.map(|h| h.host.as_str()), Some("laptop"));
                asking.store(true, Ordering::SeqCst);
                true
            };
            drop(second.lock(&holder("server"), Wait::While(&mut wait)).unwrap());
        });
        while !asking.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(lock);
    });
}

/// Runs below as a process of its own; by itself it has nothing to do.
#[test]
#[ignore = "started by the tests of this file as a second process"]
fn second_process() {
    let Ok(root) = std::env::var(STORE) else { return };
    let store = Store::open(root.as_ref(), Access::Write).unwrap();
    let _lock = store.lock(&holder("second"), Wait::No).unwrap();
    std::fs::write(store.root().join("tmp/half.tmp"), "half").unwrap();
    println!("\nlocked");
    loop {
        std::thread::sleep(Duration::from_mins(1));
    }
}

fn start(store: &Store) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "second_process", "--nocapture"])
        .env(STORE, store.root())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "locked"), "the second process ended early");
    child
}

#[test]
fn the_lock_of_a_killed_process_is_free_and_its_leftovers_go() {
    let (_folder, store) = store();
    let mut child = start(&store);
    let error = store.lock(&holder("first"), Wait::No).unwrap_err();
    assert!(
        matches!(&error, StoreError::Locked { holder: Some(found), .. } if found.host == "second" && found.pid == child.id())
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(store.root().join("tmp/half.tmp").exists());
    let reader = Store::open(store.root(), Access::Read).unwrap();
    assert!(reader.holder().is_some() && reader.held_by().is_none(), "a dead run's note is there and holds nothing");
    let lock = store.lock(&holder("first"), Wait::No).unwrap();
    assert_eq!(reader.held_by(), Some(holder("first")));
    assert_eq!(store.holder(), Some(holder("first")), "the note of the dead is replaced");
    assert!(!store.root().join("tmp/half.tmp").exists());
    drop(lock);
}
