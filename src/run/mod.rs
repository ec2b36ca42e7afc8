//! Plan to results: scanning, reading, executing, and the record of it all.
//!
//! One thread owns the plan and the store; workers read images and compute rows, and send what they made in batches.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::store::{Holder, StoreError};

pub mod compare;
pub mod difference;
mod engine;
pub mod event;
mod execute;
pub mod forgotten;
pub mod gates;
pub mod gone;
pub mod history;
mod inputs;
pub mod journal;
pub mod kept;
mod leftovers;
pub mod lockfile;
mod mapped;
mod moves;
pub mod packed;
mod pass;
mod pins;
mod planning;
pub mod promote;
pub mod published;
mod read;
mod record;
pub mod roots;
pub mod scan;
mod sealing;
pub mod seasons;
pub mod trace;
pub mod verify;
mod walk;

pub use engine::run;
pub use planning::{Planned, plan, select, unknown_step};
pub(crate) use record::other_inputs;
pub use sealing::{SealedSeason, seal_season};

/// What the person asked of a run.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Steps asked for with everything before them; empty means the whole stage.
    pub targets: Vec<String>,
    /// `--stage`; `None` is the everyday run.
    pub stage: Option<String>,
    /// `--frozen`: refuse whatever would change recipes or inputs, and outputs beyond tolerance.
    pub frozen: bool,
    /// Worker threads; 0 means one per core.
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

/// What only the command line knows: the clock and the machine.
pub struct Host<'a> {
    /// This process, for the lock.
    pub holder: Holder,
    /// Id of the run: sorts by time.
    pub run_id: String,
    /// The time now, RFC 3339.
    pub now: &'a (dyn Fn() -> String + Sync),
    /// The time now, nanoseconds since 1970, by the clock that file systems use.
    pub now_ns: &'a (dyn Fn() -> i64 + Sync),
    /// Versions of what may matter when outputs differ: Trapline, CPU.
    pub versions: BTreeMap<String, String>,
}

impl Host<'_> {
    /// Versions as one line, kept beside computed rows.
    pub fn provenance(&self) -> String {
        self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join("; ")
    }
}

/// Why a run could not begin or had to end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A seal.
    #[error(transparent)]
    Seal(#[from] seasons::SealError),
    /// The lock file.
    #[error(transparent)]
    LockFile(#[from] lockfile::LockFileError),
    /// What the lock knows and the project no longer has.
    #[error("{}", kept::words(.0))]
    Lost(Vec<kept::Lost>),
    /// A root cannot be looked at.
    #[error(transparent)]
    Scan(#[from] crate::step::StepError),
    /// A step that the pipeline lacks.
    #[error("the pipeline has no step `{name}`; {}", nearest(.near.as_deref()))]
    UnknownStep {
        /// As asked for.
        name: String,
        /// The step whose name is nearest.
        near: Option<String>,
    },
    /// A stage that the pipeline lacks.
    #[error("the pipeline has no stage `{name}`; its stages: {known}")]
    UnknownStage {
        /// As asked for.
        name: String,
        /// Those it has.
        known: String,
    },
}

/// How many threads can work at once.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn nearest(near: Option<&str>) -> String {
    near.map_or_else(|| "`trapline graph` shows its steps".to_owned(), |name| format!("did you mean `{name}`?"))
}
