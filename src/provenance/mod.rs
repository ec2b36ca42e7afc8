//! Provenance: what a run was made of and what came out, for people who were not there.
//!
//! ```text
//! journal + results + project -> account (steps, results, times) -> RO-Crate
//! trapline.lock + store + images -> what a verification needs    -> bundle
//! ```
//!
//! Nothing here computes: it reads the records of runs, compares them with the project as it is, and refuses where these differ.

use std::path::PathBuf;

use crate::run::RunError;
use crate::run::lockfile::LockFileError;
use crate::step::StepError;
use crate::store::StoreError;

mod account;
pub mod bundle;
mod files;
pub mod ro_crate;

pub use account::{Account, Origin, StepRecord, account};

/// Why a record of a run cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ProvenanceError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A step cannot say what it is made of.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The lock file.
    #[error(transparent)]
    LockFile(#[from] LockFileError),
    /// Anything else about runs.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file cannot be read or written.
    #[error("cannot {action} `{path}`")]
    Io {
        /// `read`, `write`, `make`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The pipeline never ran here.
    #[error("pipeline `{0}` has not run yet: `trapline run` does it")]
    NeverRan(String),
    /// No run has this id.
    #[error("there is no run `{id}` of this pipeline; the last runs: {}", .known.join(", "))]
    NoSuchRun {
        /// As asked for.
        id: String,
        /// The last few.
        known: Vec<String>,
    },
    /// The project is not what it was.
    #[error("step `{step}` cannot be recorded: {what}; run the pipeline again, or take back what it was made of")]
    Changed {
        /// Which step.
        step: String,
        /// What differs.
        what: String,
    },
    /// The file exists.
    #[error("`{0}` exists: name another file, or remove it first")]
    Exists(PathBuf),
    /// Images are wanted and their root is not here.
    #[error("root `{0}` is absent: connect it, or leave the images out with `--images none`")]
    RootAbsent(String),
    /// The folder holds something else.
    #[error("`{0}` holds something else than a crate of Trapline's: name a new folder")]
    Occupied(PathBuf),
}

impl ProvenanceError {
    /// An error about a file, from what the system says.
    fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
