//! Decisions: what a run would do with each step, and why, as data.

use serde::{Deserialize, Serialize};

use crate::id::{ContentId, ResultKey};
use crate::recipe::Ingredient;

/// Why a step cannot be reused as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// No result of this step is known.
    NeverRan,
    /// The algorithm was revised.
    Revision {
        /// Before.
        old: String,
        /// Now.
        new: String,
    },
    /// A parameter changed.
    Param {
        /// Which.
        name: String,
        /// Its canonical text before; missing if it is new.
        old: Option<String>,
        /// Its canonical text now; missing if it is gone.
        new: Option<String>,
    },
    /// An input or a project file changed.
    Input {
        /// Port or file.
        name: String,
        /// Its identity before.
        old: Option<String>,
        /// Its identity now.
        new: Option<String>,
    },
    /// The images under a root changed.
    Images {
        /// New paths.
        added: u64,
        /// Paths that are gone.
        removed: u64,
        /// Paths with other bytes.
        changed: u64,
    },
    /// Another model.
    Model {
        /// Before.
        old: Option<String>,
        /// Now.
        new: Option<String>,
    },
    /// An engine whose outputs changed beyond the tolerance.
    Numerics {
        /// Before.
        old: Option<String>,
        /// Now.
        new: Option<String>,
    },
    /// A stored output is gone.
    Missing {
        /// Which.
        id: ContentId,
    },
    /// A stored output was damaged and moved aside.
    Damaged {
        /// Which.
        id: ContentId,
    },
    /// A written file was deleted or edited.
    Written {
        /// Relative to the project.
        path: String,
    },
    /// The person asked for it.
    Forced,
}

/// Images that are known and that a root, although it is there, no longer shows: held back until somebody says what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// How many.
    pub images: u64,
    /// The folders in which they lay, most images first; not all of them where they are many.
    pub folders: Vec<(String, u64)>,
    /// How many folders there are in all.
    pub folder_count: u64,
    /// When a run last had them, where that is known: RFC 3339.
    pub since: Option<String>,
    /// Who knows them: the last run, `trapline.lock`, `names.csv`, a seal.
    pub known_to: Vec<String>,
    /// Places below the root that are there and cannot be read.
    pub unreadable: Vec<String>,
    /// Seasons of which only the number of files is known, as the lock has it: then and now.
    pub counted: Vec<(String, u64, u64)>,
}

/// What a run would do with a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The stored result is served.
    Reuse,
    /// It runs.
    Run(Vec<Reason>),
    /// A person must answer first.
    Wait {
        /// Labels missing.
        labels: u64,
    },
    /// A root is absent, or known images are gone from it.
    Blocked {
        /// Which.
        root: String,
        /// Images last seen there.
        images: u64,
        /// The root is there, and images that are known are not below it any more.
        gone: Option<Box<Gone>>,
    },
    /// Depends on the values of a step that runs.
    Unknown {
        /// The nearest such step.
        upstream: String,
    },
}

impl Decision {
    /// The word in `plan --format json`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reuse => "reuse",
            Self::Run(_) => "run",
            Self::Wait { .. } => "wait",
            Self::Blocked { .. } => "blocked",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// The plan of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepPlan {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub uses: &'static str,
    /// Its stage, where it has one.
    pub stage: Option<String>,
    /// What a run would do.
    pub decision: Decision,
    /// Images that the step maps or lists; `None` where they are not known yet or the step has none.
    pub total: Option<u64>,
    /// Of these, rows already computed.
    pub cached: Option<u64>,
    /// Of these, rows to compute.
    pub to_compute: Option<u64>,
    /// Files whose content is not known yet.
    pub unhashed: u64,
    /// Answers of people that the result to be reused lacks.
    pub missing_labels: u64,
    /// What its key is made of; empty where it cannot be known yet.
    pub ingredients: Vec<Ingredient>,
    /// The key, where it can be known.
    pub key: Option<ResultKey>,
}

/// The plan of a pipeline, in running order.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One per step that the plan covers.
    pub steps: Vec<StepPlan>,
}
