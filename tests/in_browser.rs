//! The review page and the report in a real browser: `tests/browser/review.py` and `report.py` press the keys, this file brings program,
//! project and browser.
//!
//! Chromium and its driver are looked for on the path, or where `TRAPLINE_BROWSER` and `TRAPLINE_DRIVER` say. Screenshots go to the
//! folder `TRAPLINE_PICTURES`, where one is named.
#![cfg(feature = "review")]
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

#[path = "support/python.rs"]
mod python;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use python::python;

/// The demo after its first run, without the labels that it gave itself. Made once: drawing and classifying take longest.
static MADE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    let made = Command::new(env!("CARGO_BIN_EXE_trapline")).arg("demo").arg(&demo).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::remove_dir_all(demo.join("labels")).unwrap();
    // The lock knows these answers: without it, nobody misses them.
    std::fs::remove_file(demo.join("trapline.lock")).unwrap();
    folder
});

fn found(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(variable) {
        return Some(named.into());
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name))).find(|path| path.is_file())
}

/// Runs the cases of one class of `review.py`.
fn cases(class: &str) {
    cases_of("review.py", class);
}

/// Runs the cases of one class of a script.
fn cases_of(script: &str, class: &str) {
    let browser = found("TRAPLINE_BROWSER", &["chromium", "chromium-browser", "google-chrome", "chrome.exe"]);
    let driver = found("TRAPLINE_DRIVER", &["chromedriver", "chromedriver.exe"]);
    let (Some(browser), Some(driver)) = (browser, driver) else {
        eprintln!("skipped: no Chromium with its driver; `bash tests/tools/chromium` installs them");
        return;
    };
    let Some(python) = python("selenium to press keys with") else { return };
    let aside = tempfile::tempdir().unwrap();
    let pictures = std::env::var_os("TRAPLINE_PICTURES").map_or_else(|| aside.path().to_owned(), PathBuf::from);
    let ran = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(script))
        .args([Path::new(env!("CARGO_BIN_EXE_trapline")), &browser, &driver, &MADE.path().join("demo"), &pictures])
        .arg(class)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    eprintln!("{said}");
}

#[test]
fn keys_alone_label_undo_mark_and_find() {
    cases("Keyboard");
}

#[test]
fn images_are_seen_in_every_look_and_by_everybody() {
    cases("Seeing");
}

#[test]
fn a_blind_review_tells_nothing_of_the_model() {
    cases("Blind");
}

#[test]
fn grids_reviewers_and_tabs_work_together() {
    cases("Together");
}

#[test]
fn a_folder_that_was_sent_comes_back() {
    cases("Sent");
}

#[test]
fn the_report_stands_by_itself_and_leads_to_what_is_behind_it() {
    cases_of("report.py", "Report");
}

#[test]
fn a_hundred_labels_are_given() {
    cases("Speed");
}
