//! Events: what happens during a run, as data. Bars, `status`, the summary and the journal read the same values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
        /// Which metric.
        metric: String,
        /// What was expected, as text.
        expected: String,
        /// What was found; missing where the step reported no such number.
        found: Option<f64>,
    },
    /// A step waits for people.
    StepWaits {
        /// Which.
        step: String,
        /// Labels missing.
        labels: u64,
    },
    /// A step waits for a disk.
    StepBlocked {
        /// Which.
        step: String,
        /// The absent root.
        root: String,
        /// Images last seen there.
        images: u64,
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
