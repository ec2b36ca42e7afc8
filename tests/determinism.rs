//! The same images give the same hashes: whatever the threads, the folder, the order of files, the zone, the locale, the times.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod support;

use std::fs;
use std::process::Command;

use support::TestSpace;

/// Lock, names and table of a run over the same 40 images, which are written in `order`.
fn results(order: &[u8], jobs: &str, environment: &[(&str, &str)], aged: bool) -> [Vec<u8>; 3] {
    let space = TestSpace::with_model();
    space.edit("pipeline.yaml", "steps:\n", "deployments: deployments.csv\nsteps:\n");
    space.write("deployments.csv", "site,from,to,timezone\na,2024-01-01,2024-12-31,Europe/Oslo\nb,,,Europe/Oslo\n");
    for seed in order {
        let path = format!("raw/{}/2024/Å{seed}.jpg", if seed % 2 == 0 { "a" } else { "b" });
        space.write(&path, support::jpeg(*seed));
        if aged {
            let past = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000 + u64::from(*seed));
            fs::File::options().write(true).open(space.path(&path)).unwrap().set_modified(past).unwrap();
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["run", "--jobs", jobs])
        .current_dir(space.dir.path())
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    support::RESULTS.map(|file| fs::read(space.path(file)).unwrap())
}

#[test]
fn nothing_of_the_machine_enters_a_result() {
    let upwards: Vec<u8> = (1..=40).collect();
    let downwards: Vec<u8> = (1..=40).rev().collect();
    let mixed: Vec<u8> = (1..=40u16).map(|n| u8::try_from((n * 7) % 41).unwrap()).collect();
    let reference = results(&upwards, "1", &[("TZ", "UTC"), ("LC_ALL", "C")], false);
    assert_eq!(String::from_utf8_lossy(&reference[2]).lines().count(), 41);
    let others = [
        ("two threads, files written the other way round", results(&downwards, "2", &[("TZ", "Pacific/Chatham")], false)),
        ("four threads, another locale", results(&mixed, "4", &[("TZ", "America/St_Johns"), ("LC_ALL", "tr_TR.UTF-8")], false)),
        ("old file times", results(&upwards, "2", &[("LANG", "nb_NO.UTF-8")], true)),
    ];
    for (what, found) in others {
        for (place, name) in support::RESULTS.iter().enumerate() {
            assert!(found[place] == reference[place], "{name} differs: {what}");
        }
    }
}
