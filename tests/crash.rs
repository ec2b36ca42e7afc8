//! Kills, full disks, two runs at once: a plain rerun ends where an undisturbed run ends.
//!
//! `TRAPLINE_TRIALS=100 cargo test --release --test crash -- --nocapture` runs the long trial; the everyday suite kills a few times.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::TestSpace;

fn project(images: u16) -> TestSpace {
    let space = TestSpace::with_model();
    for image in 0..images {
        let site = if image % 3 == 0 { "a" } else { "b" };
        let mut bytes = support::jpeg(u8::try_from(image % 250 + 1).unwrap());
        // Bytes behind the end of the picture make every file its own.
        bytes.extend(image.to_le_bytes());
        space.write(&format!("raw/{site}/2024/{image:04}.jpg"), bytes);
    }
    space
}

fn trapline(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path) -> Output {
    trapline(folder, &["run"]).output().unwrap()
}

/// What must be the same afterwards.
fn results(folder: &Path) -> Vec<(String, Vec<u8>)> {
    support::RESULTS.iter().map(|file| ((*file).to_owned(), fs::read(folder.join(file)).unwrap_or_default())).collect()
}

fn forget(folder: &Path) {
    for file in ["trapline.lock", "names.csv"] {
        let _ = fs::remove_file(folder.join(file));
    }
    for tree in [".trapline", "published"] {
        let _ = fs::remove_dir_all(folder.join(tree));
    }
}

fn trials() -> u32 {
    std::env::var("TRAPLINE_TRIALS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

fn succeeded(output: &Output) -> bool {
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

#[test]
fn a_killed_run_is_finished_by_a_plain_rerun() {
    let space = project(90);
    let folder = space.dir.path();
    assert!(succeeded(&run(folder)));
    let reference = results(folder);
    assert!(reference.iter().all(|(_, bytes)| !bytes.is_empty()));
    forget(folder);
    let began = Instant::now();
    assert!(succeeded(&run(folder)));
    let full = began.elapsed();
    let (mut killed, mut tried, trials) = (0, 0u32, trials());
    while killed < trials && tried < 4 * trials {
        forget(folder);
        let mut child = trapline(folder, &["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Moments spread over the whole run, in an order without pattern.
        let share = f64::from(tried.wrapping_mul(0x9E37_79B1) >> 8) / f64::from(1 << 24);
        std::thread::sleep(full.mul_f64(share));
        tried += 1;
        killed += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        assert!(succeeded(&run(folder)), "trial {tried}: the rerun failed");
        for (then, now) in reference.iter().zip(results(folder)) {
            assert!(*then == now, "trial {tried}: {} differs", then.0);
        }
    }
    println!("{killed} runs killed before they had ended, of {tried}; a full run took {full:?}");
    assert!(killed > trials / 2, "only {killed} of {tried} runs were killed before they had ended");
}

#[test]
fn killing_again_and_again_still_gets_there() {
    let space = project(60);
    let folder = space.dir.path();
    assert!(succeeded(&run(folder)));
    let reference = results(folder);
    forget(folder);
    for round in 0..5u64 {
        let mut child = trapline(folder, &["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(60 + 70 * round));
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(succeeded(&run(folder)));
    assert_eq!(reference, results(folder));
}

#[test]
fn two_runs_at_once_wait_or_name_the_holder() {
    let space = project(60);
    let folder = space.dir.path();
    let mut first = trapline(folder, &["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let holder = first.id().to_string();
    // The lock's note names its holder as soon as it is taken.
    let began = Instant::now();
    while !folder.join(".trapline/lock").exists() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let refused = trapline(folder, &["run", "--no-wait"]).output().unwrap();
    let waited = run(folder);
    first.wait().unwrap();
    if refused.status.success() {
        eprintln!("the first run had ended before the second began");
    } else {
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(3), "{words}");
        assert!(words.contains(&holder), "the holder {holder} is not named: {words}");
    }
    assert!(succeeded(&waited));
    assert!(String::from_utf8_lossy(&waited.stdout).len() < 100_000);
}

/// Runs in a file system of a few megabytes, where the machine lets us make one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_clear_error_and_a_rerun_after_freeing_gets_there() {
    let space = project(60);
    let folder = space.dir.path();
    assert!(succeeded(&run(folder)));
    let reference = results(folder);
    forget(folder);
    fs::create_dir(folder.join(".trapline")).unwrap();
    let store = folder.join(".trapline");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&store).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no small file system can be mounted here");
        return;
    }
    fs::write(store.join("ballast"), vec![0; 900 * 1024]).unwrap();
    let full = run(folder);
    let words = String::from_utf8_lossy(&full.stderr).into_owned();
    let readable: Vec<_> = [&["plan"][..], &["status"], &["cache", "gc"], &["cache", "stats"]]
        .iter()
        .map(|arguments| (arguments.join(" "), trapline(folder, arguments).output().unwrap()))
        .collect();
    fs::remove_file(store.join("ballast")).unwrap();
    let after = run(folder);
    let now = results(folder);
    let unmounted = Command::new("umount").arg(&store).status();
    assert!(!full.status.success(), "the disk was not full: {words}");
    assert!(words.contains("disk is full"), "{words}");
    for (command, output) in readable {
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{command}` failed on a full disk: {words}");
    }
    assert!(succeeded(&after));
    assert_eq!(reference, now);
    assert!(unmounted.is_ok_and(|status| status.success()));
}
