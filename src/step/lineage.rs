//! Lineage: what a step rests on, for steps that tell where their numbers come from.

use std::collections::BTreeMap;

use super::Drawn;
use crate::id::ContentId;

/// All that stands before a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lineage {
    /// The pipeline's name.
    pub pipeline: String,
    /// Its `params:` after overrides, as canonical text.
    pub params: BTreeMap<String, String>,
    /// The steps before, in running order.
    pub steps: Vec<Ancestor>,
    /// Where the input tables of a port of whole steps come from, one by one.
    pub tables: Vec<Origin>,
    /// How the rows of the input tables were drawn, by port and table: known for every step, also while a pipeline is checked.
    pub drawn: Vec<Vec<Drawn>>,
}

/// A step before another.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Ancestor {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Revision of the kind's algorithm.
    pub revision: u32,
    /// The parameters that touch its result, by name, as canonical text (JSON).
    pub params: Vec<(String, String)>,
    /// What it takes, as `STEP.OUTPUT`, in port order.
    pub from: Vec<String>,
    /// What it yielded; empty while that is not known.
    #[serde(skip)]
    pub made: Vec<Made>,
    /// The numbers that it reports, by the names of its kind's metrics; empty while they are not known.
    #[serde(skip)]
    pub metrics: BTreeMap<String, f64>,
}

/// An output that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Name of the output.
    pub output: &'static str,
    /// Its identity.
    pub id: ContentId,
    /// Its rows.
    pub rows: u64,
}

/// Where a table comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Name of the step.
    pub step: String,
    /// Its kind.
    pub kind: &'static str,
    /// Name of the output.
    pub output: &'static str,
}

impl Lineage {
    /// What enters the recipe: everything said of the steps before, but not the identities of what they yielded, which are inputs.
    #[must_use]
    pub fn declaration(&self) -> (String, String) {
        let said = serde_json::json!({ "pipeline": self.pipeline, "params": self.params, "steps": self.steps });
        ("pipeline".to_owned(), said.to_string())
    }
}
