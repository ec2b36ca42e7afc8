//! A disk that fails and power that goes: whatever a run was doing, a plain rerun ends where an undisturbed run ends.
//!
//! The program runs with a small library (`faults/shim.c`, loaded by `LD_PRELOAD`) that counts what it does to the files of its
//! project and lets one of these fail, or ends the program there. `TRAPLINE_TRIALS=5000 cargo test --test faults -- --nocapture`
//! tries every point; the everyday suite 200, spread over all of them.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{PIPELINE, TestSpace};
use trapline::run::event::Outcome;
use trapline::store::{Access, Store};

/// Names, a table, pictures in folders: every way in which a run writes into a project.
const AND_PUBLISH: &str = "  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ counter(4) }}.JPG\", manifest: lists/names.csv }
  table:
    uses: export
    from: names
    with: { into: published/observations.csv }
  pictures:
    uses: export
    from: names
    with: { into: published/pictures, images: copy, folders: site }
";

/// The library, compiled once.
static SHIM: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").output();
    let compiled = compiled.expect("`cc` compiles the library: Debian and Ubuntu have it in `build-essential`");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    (folder, library)
});

fn project() -> TestSpace {
    let space = TestSpace::with_images();
    space.write("pipeline.yaml", format!("{PIPELINE}{AND_PUBLISH}"));
    // A file written within a tick of the scan is read again at the next one.
    std::thread::sleep(std::time::Duration::from_millis(30));
    space
}

/// Every file of the project but the store's, with its bytes. Ledgers hold no time, so that they are the same too.
fn files(space: &TestSpace) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![space.dir.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().unwrap() != ".trapline" {
                    open.push(path);
                }
            } else {
                let name = path.strip_prefix(space.dir.path()).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// One operation of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Operation {
    name: String,
    /// Device and inode of the file written or synced.
    file: (u64, u64),
}

/// Runs the program with a fault at operation `at`, and tells what it did until then.
fn run_with(space: &TestSpace, at: usize, kind: &str) -> (bool, Vec<Operation>) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let root = space.dir.path().canonicalize().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["run", "--jobs", "2"])
        .current_dir(&root)
        .env("LD_PRELOAD", &SHIM.1)
        .env("FAULT_ROOT", &root)
        .env("FAULT_LOG", log.path())
        .env("FAULT_AT", at.to_string())
        .env("FAULT_KIND", kind)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let text = fs::read_to_string(log.path()).unwrap();
    let operation = |line: &str| {
        let parts: Vec<&str> = line.split(' ').collect();
        Operation { name: parts[1].to_owned(), file: (parts[2].parse().unwrap(), parts[3].parse().unwrap()) }
    };
    (status.success(), text.lines().map(operation).collect())
}

/// Empties every file that was written and not synced since: what a power failure leaves of it, where names survive.
fn lose_power(space: &TestSpace, done: &[Operation]) -> usize {
    let mut unsynced = BTreeSet::new();
    for operation in done {
        match operation.name.as_str() {
            "write" => drop(unsynced.insert(operation.file)),
            "sync" => drop(unsynced.remove(&operation.file)),
            _ => {}
        }
    }
    let (mut open, mut emptied) = (vec![space.dir.path().to_owned()], 0);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let about = fs::symlink_metadata(&path).unwrap();
            if about.is_dir() {
                open.push(path);
            } else if unsynced.contains(&(about.dev(), about.ino())) {
                fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
                emptied += 1;
            }
        }
    }
    emptied
}

/// What an undisturbed run leaves, and how many operations it takes.
static REFERENCE: LazyLock<(BTreeMap<String, Vec<u8>>, usize)> = LazyLock::new(|| {
    let space = project();
    let (succeeded, done) = run_with(&space, 0, "");
    assert!(succeeded, "an undisturbed run failed");
    for name in ["open", "write", "sync", "rename", "mkdir"] {
        assert!(done.iter().any(|operation| operation.name == name), "no `{name}` was counted: {done:?}");
    }
    (files(&space), done.len())
});

/// How many points are tried, of `all`; `TRAPLINE_TRIALS` turns them up.
fn points(all: usize, usual: usize) -> Vec<usize> {
    let wanted = support::trials(usual).min(all);
    // Spread over the whole, the first and the last among them.
    (0..wanted).map(|place| place * all / wanted).collect()
}

/// A plain rerun must end as the reference, with nothing left over and a store that is whole.
fn assert_heals(space: &TestSpace, what: &str) {
    let ran = space.try_run().unwrap_or_else(|error| panic!("{what}: {}", trapline::step::with_causes(&error)));
    assert_eq!(ran.outcome, Outcome::Complete, "{what}: {:?}", ran.errors());
    let now = files(space);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&now), names(&REFERENCE.0), "{what}");
    for (name, bytes) in &REFERENCE.0 {
        assert!(now[name] == *bytes, "{what}: `{name}` differs");
    }
    let report = Store::open(&space.options.store, Access::Read).unwrap().verify(&|_, _| ()).unwrap();
    // A file that nothing reads again is found by verifying, which moves it aside.
    assert!(report.missing.is_empty(), "{what}: {report:?}");
}

/// Tries every job on as many threads as there are cores.
fn each(jobs: &[(usize, &'static str)], try_one: impl Fn(usize, &'static str) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((at, kind)) = jobs.get(next.fetch_add(1, Ordering::SeqCst)) {
                    try_one(*at, kind);
                }
            });
        }
    });
}

#[test]
fn a_rerun_after_any_fault_ends_as_if_there_had_been_none() {
    const KINDS: [&str; 4] = ["eio", "enospc", "before", "inside"];
    let operations = REFERENCE.1;
    let jobs: Vec<(usize, &'static str)> = points(KINDS.len() * operations, 150)
        .into_iter()
        .map(|point| (point / KINDS.len() + 1, KINDS[point % KINDS.len()]))
        .collect();
    println!("{} of {} faults", jobs.len(), KINDS.len() * operations);
    each(&jobs, |at, kind| {
        let space = project();
        let (succeeded, _) = run_with(&space, at, kind);
        let what = format!("`{kind}` at operation {at} of {operations}");
        if succeeded {
            // What a run may do without, such as the note of who holds the lock; whatever it published is right.
            for (name, bytes) in files(&space) {
                assert!(REFERENCE.0.get(&name).is_none_or(|then| *then == bytes), "{what} was passed over and `{name}` is wrong");
            }
        }
        assert_heals(&space, &what);
    });
}

#[test]
fn a_rerun_after_the_power_went_ends_as_if_it_had_not() {
    let operations = REFERENCE.1;
    let jobs: Vec<(usize, &'static str)> = points(operations, 50).into_iter().map(|point| (point + 1, "inside")).collect();
    let emptied = AtomicUsize::new(0);
    each(&jobs, |at, kind| {
        let space = project();
        let (_, done) = run_with(&space, at, kind);
        emptied.fetch_add(lose_power(&space, &done), Ordering::SeqCst);
        assert_heals(&space, &format!("power lost at operation {at} of {operations}"));
    });
    // At the end of a run, whatever it recorded is on the disk.
    let space = project();
    let (succeeded, done) = run_with(&space, 0, "");
    assert!(succeeded);
    lose_power(&space, &done);
    for (name, bytes) in &REFERENCE.0 {
        assert!(fs::read(space.path(name)).unwrap() == *bytes, "`{name}` was recorded before it was on the disk");
    }
    println!("{} power failures emptied {} files", jobs.len(), emptied.into_inner());
}
