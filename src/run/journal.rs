//! Journal: every event of a run as one line of `runs/<id>/events.jsonl`, for `status`, the report and provenance.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::event::{Event, Observer};
use crate::step::Finding;

/// An event with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, RFC 3339, by the clock of the command line.
    pub time: String,
    /// What.
    pub event: Event,
}

/// Writes events to a run's journal and passes them on.
pub struct Journal<'a> {
    file: Mutex<Option<File>>,
    now: &'a (dyn Fn() -> String + Sync),
    next: &'a dyn Observer,
}

impl<'a> Journal<'a> {
    /// Starts the journal of run `id` in the store at `store`. A journal that cannot be written (a full disk) silences nobody else.
    pub fn start(store: &Path, id: &str, now: &'a (dyn Fn() -> String + Sync), next: &'a dyn Observer) -> Self {
        let folder = store.join("runs").join(id);
        let file = fs::create_dir_all(&folder)
            .and_then(|()| File::options().append(true).create(true).open(folder.join("events.jsonl")))
            .ok();
        Self { file: Mutex::new(file), now, next }
    }
}

impl Observer for Journal<'_> {
    fn event(&self, event: &Event) {
        let entry = Entry { time: (self.now)(), event: event.clone() };
        if let (Ok(mut file), Ok(mut line)) = (self.file.lock(), serde_json::to_vec(&entry)) {
            line.push(b'\n');
            if file.as_mut().is_some_and(|file| file.write_all(&line).is_err()) {
                *file = None;
            }
        }
        self.next.event(event);
    }

    fn advance(&self, items: u64, bytes: u64) {
        self.next.advance(items, bytes);
    }
}

/// How many runs back a step's findings are looked for.
const RUNS_BACK: usize = 50;

/// What was last said of each step of a pipeline, by the newest run that came to it, in the order in which it was said.
#[must_use]
pub fn known_findings(store: &Path, pipeline: &str) -> Vec<(String, Finding)> {
    let mut told: BTreeSet<String> = BTreeSet::new();
    let mut known = Vec::new();
    // Where the journals cannot be listed nothing counts as known, and all is said.
    for (_, path) in runs(store).unwrap_or_default().into_iter().rev().take(RUNS_BACK) {
        let Ok(entries) = read(&path) else { continue };
        let is_own = |event: &Event| matches!(event, Event::RunStarted { pipeline: name, .. } if name == pipeline);
        if !entries.first().is_some_and(|first| is_own(&first.event)) {
            continue;
        }
        for entry in entries {
            if let Event::StepFinished { step, findings, .. } | Event::StepReused { step, findings, .. } = entry.event
                && told.insert(step.clone())
            {
                known.extend(findings.into_iter().map(|finding| (step.clone(), finding)));
            }
        }
    }
    known
}

/// The runs in a store, oldest first.
///
/// # Errors
/// When their folder is there and cannot be listed.
pub fn runs(store: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let folders = crate::file::reading::entries(&store.join("runs"))?;
    let run = |folder: PathBuf| {
        let id = folder.file_name()?.to_string_lossy().into_owned();
        Some((id, folder.join("events.jsonl"))).filter(|(_, path)| path.is_file())
    };
    Ok(folders.into_iter().filter_map(run).collect())
}

/// The events of a journal. A line cut off by a crash is left out.
///
/// # Errors
/// When the file cannot be read.
pub fn read(path: &Path) -> std::io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        entries.extend(serde_json::from_slice(&line?).ok());
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::Outcome;

    struct Deaf;

    impl Observer for Deaf {
        fn event(&self, _: &Event) {}
        fn advance(&self, _: u64, _: u64) {}
    }

    #[test]
    fn a_journal_reads_back_without_its_torn_line() {
        let store = tempfile::tempdir().unwrap();
        let now = || "2026-01-01T00:00:00Z".to_owned();
        let journal = Journal::start(store.path(), "1", &now, &Deaf);
        let event = Event::RunFinished { outcome: Outcome::Complete, seconds: 1.5, bytes_read: 7 };
        journal.event(&event);
        drop(journal);
        let (_, path) = runs(store.path()).unwrap().remove(0);
        File::options().append(true).open(&path).unwrap().write_all(b"{\"time\":\"20").unwrap();
        assert_eq!(read(&path).unwrap(), [Entry { time: now(), event }]);
    }
}
