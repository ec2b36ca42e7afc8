//! Events: what happens during a run, as data. Bars, `status`, the summary and the journal read the same values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::decision::Gone;
use crate::step::Finding;

/// Something that happened during a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// Its id.
        run: String,
        /// Name of the pipeline.
        pipeline: String,
        /// Steps that it covers, in order.
        steps: Vec<String>,
        /// The stage that was asked for; missing in the everyday run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<String>,
    },
    /// A step begins.
    StepStarted {
        /// Which.
        step: String,
        /// Its kind.
        uses: String,
        /// Why, in words for the journal.
        reasons: Vec<String>,
    },
    /// A phase of a step begins: `scan`, `read`, `write`.
    Phase {
        /// Which step.
        step: String,
        /// Which phase.
        phase: String,
        /// Items ahead; 0 where unknown.
        total: u64,
    },
    /// The stored result of a step is served.
    StepReused {
        /// Which.
        step: String,
        /// Rows of its first table.
        rows: u64,
        /// What a person should know, said again.
        findings: Vec<Finding>,
    },
    /// A step ended well.
    StepFinished {
        /// Which.
        step: String,
        /// Rows of its first table.
        rows: u64,
        /// Rows computed for images.
        computed: u64,
        /// Rows taken from the cache.
        cached: u64,
        /// Bytes of images read.
        bytes_read: u64,
        /// Wall time, seconds.
        seconds: f64,
        /// Whether the outputs equal those of the previous result.
        unchanged: bool,
        /// What a person should know.
        findings: Vec<Finding>,
        /// Numbers that `expect:` may bound.
        metrics: BTreeMap<String, f64>,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        step: String,
        /// Why, with causes.
        error: String,
    },
    /// A gate of `expect:` failed; the results are kept.
    GateFailed {
        /// Which step.
        step: String,
        /// Which metric, column or number of rows, as written in `expect:`.
        metric: String,
        /// What was expected, as text.
        expected: String,
        /// What was found, of several values the worst; missing where there is no such number.
        found: Option<f64>,
        /// The rows behind it, for a gate on a table.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<GateRows>,
    },
    /// The first output of a step is another than the one before: what a person should know of the change.
    StepChanged {
        /// Which.
        step: String,
        /// Who left, who entered.
        findings: Vec<Finding>,
    },
    /// A step waits for people.
    StepWaits {
        /// Which.
        step: String,
        /// Labels missing.
        labels: u64,
    },
    /// A step waits for a disk, or for images that are gone.
    StepBlocked {
        /// Which.
        step: String,
        /// The absent root.
        root: String,
        /// Images last seen there.
        images: u64,
        /// The root is there, and these images are gone from it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gone: Option<Box<Gone>>,
    },
    /// A step was not tried because one before it failed, waits or is blocked.
    StepSkipped {
        /// Which.
        step: String,
        /// The step that stands in the way.
        because: String,
    },
    /// Something about the store or the run as a whole that a person should know.
    Notice {
        /// In one sentence.
        message: String,
    },
    /// The run is over.
    RunFinished {
        /// How it ended.
        outcome: Outcome,
        /// Wall time, seconds.
        seconds: f64,
        /// Bytes of images read.
        bytes_read: u64,
    },
}

/// The rows of a table that a gate looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRows {
    /// How many pass the filter.
    pub checked: u64,
    /// How many of them break the bound or have no value.
    pub failing: u64,
    /// How many of them have no value.
    pub missing: u64,
    /// The first few that fail, in words: which row, which value.
    pub examples: Vec<String>,
}

/// How a run ended, in falling order of precedence for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything asked for is there.
    Complete,
    /// A step or a gate failed.
    Failed,
    /// People must answer first.
    Waiting,
    /// A root is absent.
    Blocked,
    /// The person stopped it.
    Interrupted,
}

/// Watches a run.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
    /// The current phase got `items` further and read `bytes`.
    fn advance(&self, items: u64, bytes: u64);
}
