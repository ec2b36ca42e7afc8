//! Spec to checked Pipeline: wiring, columns, cycles, paths, classes, models. No image is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::diagnostic::{Span, Spanned};
use crate::model::signature::ModelSignature;
use crate::step::{Ancestor, Context, Deployments, Drawn, Lineage, Origin, Param, Params, PortType, Step, StepKind};
use crate::table::Schema;
use crate::taxonomy::Taxonomy;

mod columns;
mod expect;
mod load;
mod models;
mod order;
mod params;
mod places;
mod reserved;
mod sense;
mod slips;
mod tables;
mod wiring;

pub use load::{Loaded, load, load_with, validate, validate_with};

/// What the command line adds to a pipeline file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--set key=value`, in order.
    pub set: Vec<(String, String)>,
    /// `--params FILE`, in order; `--set` wins.
    pub params: Vec<PathBuf>,
}

/// A declared root and where it may lie on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Its name in the pipeline.
    pub name: String,
    /// The marker file that proves it.
    pub marker: Option<String>,
    /// Candidates from `trapline.local.yaml`, in order, as absolute paths; a folder of the project has itself.
    pub candidates: Vec<PathBuf>,
}

/// Where an input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// Index into [`Pipeline::steps`].
    pub step: usize,
    /// Index of its output port.
    pub output: usize,
}

/// A comparison of `expect:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Comparison {
    /// `>=`
    #[serde(rename = ">=")]
    AtLeast,
    /// `<=`
    #[serde(rename = "<=")]
    AtMost,
    /// `>`
    #[serde(rename = ">")]
    Above,
    /// `<`
    #[serde(rename = "<")]
    Below,
    /// `==`, also what a bare number means.
    #[serde(rename = "==")]
    Equal,
}

impl Comparison {
    /// The sign as written in `expect:`.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::Below => "<",
            Self::Equal => "==",
        }
    }
}

/// A gate: fails the run, keeps the results.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// What is bounded, as written: `accuracy_lower`, `classes[class=stoat].precision`, `accepted.rows`.
    pub metric: String,
    /// What that means.
    pub subject: Subject,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: f64,
    /// Where it stands.
    pub span: Span,
}

/// What a gate bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A number that the step reports.
    Metric,
    /// How many rows of an output pass the filter.
    Rows(RowFilter),
    /// The values of a column in every row that passes the filter.
    Column(RowFilter, String),
}

/// Some rows of an output table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFilter {
    /// Index of the output port.
    pub output: usize,
    /// Columns with the value that each must hold, as text; an empty text means a missing value.
    pub equal: Vec<(String, String)>,
}

/// A step that passed every check.
pub struct CheckedStep {
    /// Its name; instances of `for_each` carry theirs: `train[resnet50]`.
    pub name: Spanned<String>,
    /// Its kind.
    pub kind: &'static StepKind,
    /// `stage: NAME`, outside the everyday run.
    pub stage: Option<String>,
    /// Its parameters.
    pub params: Params,
    /// What it does.
    pub step: Box<dyn Step>,
    /// Sources per input port, in port order.
    pub inputs: Vec<Vec<Wire>>,
    /// Schema per output port.
    pub outputs: Vec<Schema>,
    /// How the rows of its first output were chosen.
    pub drawn: Drawn,
    /// Gates.
    pub expect: Vec<Expectation>,
    /// Files and folders of the project that it writes, relative to it; a name may hold `{column}`.
    pub writes: Vec<String>,
}

/// A pipeline that passed every check, in an order in which it can run.
pub struct Pipeline {
    /// The file.
    pub file: PathBuf,
    /// Its folder, absolute.
    pub project: PathBuf,
    /// `name:`, or the file's stem.
    pub name: String,
    /// Parameters after overrides, as canonical text, for the record.
    pub params: BTreeMap<String, String>,
    /// `--set` or `--params` changed something.
    pub overridden: bool,
    /// Declared roots, and project folders used as one.
    pub roots: Vec<Root>,
    /// Classes.
    pub classes: Taxonomy,
    /// The deployment table, where declared.
    pub deployments: Option<Deployments>,
    /// What describes the data set.
    pub dataset: Option<crate::dataset::Dataset>,
    /// Known models by `name@version`.
    pub models: BTreeMap<String, ModelSignature>,
    /// Steps in topological order, ties in the order written.
    pub steps: Vec<CheckedStep>,
}

impl Pipeline {
    /// The step called `name`.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.name.value == name)
    }

    /// What the step at `index` may know of the project.
    #[must_use]
    pub fn context(&self, index: usize) -> Context<'_> {
        Context {
            project: &self.project,
            classes: &self.classes,
            deployments: self.deployments.as_ref(),
            dataset: self.dataset.as_ref(),
            models: &self.models,
            ports: BTreeMap::new(),
            lineage: self.lineage(index),
            span: self.steps[index].name.span,
        }
    }

    /// What the step at `index` rests on: how its inputs were drawn, and the steps before it where it takes whole ones.
    fn lineage(&self, index: usize) -> Lineage {
        let step = &self.steps[index];
        let ports = step.kind.inputs.iter().zip(&step.inputs);
        let tables: Vec<&Wire> = ports.filter(|(port, _)| port.ty == PortType::Step).flat_map(|(_, wires)| wires).collect();
        let drawn = |wires: &Vec<Wire>| wires.iter().map(|wire| self.steps[wire.step].drawn.clone()).collect();
        let drawn = step.inputs.iter().map(drawn).collect();
        if tables.is_empty() {
            return Lineage { drawn, ..Lineage::default() };
        }
        let named = |wire: &Wire| {
            let source = &self.steps[wire.step];
            Origin { step: source.name.value.clone(), kind: source.kind.name, output: source.kind.outputs[wire.output].name }
        };
        let ancestor = |at: usize| {
            let step = &self.steps[at];
            let from = step.inputs.iter().flatten().map(named).map(|source| format!("{}.{}", source.step, source.output));
            Ancestor {
                name: step.name.value.clone(),
                kind: step.kind.name,
                revision: step.kind.revision,
                params: step.canonical_params(),
                from: from.collect(),
                made: Vec::new(),
                metrics: BTreeMap::new(),
            }
        };
        Lineage {
            pipeline: self.name.clone(),
            params: self.params.clone(),
            steps: self.ancestors(index).into_iter().map(ancestor).collect(),
            tables: tables.into_iter().map(named).collect(),
            drawn,
        }
    }

    /// The steps on which the step at `index` rests, in running order, itself not among them.
    #[must_use]
    pub fn ancestors(&self, index: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![index];
        while let Some(at) = open.pop() {
            open.extend(self.steps[at].inputs.iter().flatten().map(|wire| wire.step).filter(|step| found.insert(*step)));
        }
        found
    }
}

impl CheckedStep {
    /// The parameters that touch the result, as given or by default, in canonical text and in the order declared.
    #[must_use]
    pub fn canonical_params(&self) -> Vec<(String, String)> {
        let given = |param: &Param| Some((param.name.to_owned(), self.params.get(param.name)?.value.canonical()));
        self.kind.params.iter().filter(|param| param.keyed).filter_map(given).collect()
    }
}
