//! Plan to results: the executor, its events and its journal.

use std::path::PathBuf;

pub mod event;
pub mod journal;
mod read;
pub mod roots;
pub mod seasons;
mod walk;

/// What the person asked of a run.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Steps asked for with everything before them; empty means the whole stage.
    pub targets: Vec<String>,
    /// `--stage`; `None` is the everyday run.
    pub stage: Option<String>,
    /// `--frozen`: refuse whatever would change recipes or inputs, and outputs beyond tolerance.
    pub frozen: bool,
    /// Worker threads.
    pub jobs: usize,
    /// Steps computed again even where a result is known.
    pub force: Vec<String>,
    /// Go on with steps that do not depend on one that failed.
    pub keep_going: bool,
    /// Wait for another run on the same store instead of naming its holder and leaving.
    pub wait: bool,
    /// The store's folder.
    pub store: PathBuf,
}
