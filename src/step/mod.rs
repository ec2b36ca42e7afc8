//! Step kinds: what a step declares (ports, parameters, documentation) and what it does.
//!
//! One kind, one file, always in the same order: documentation page, parameters, ports, `impl Step`, tests. Checking, help and
//! the JSON Schema all come from the [`StepKind`] statics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dataset::Dataset;
use crate::diagnostic::{Report, Span};
use crate::id::{ContentId, RowKey};
use crate::model::signature::ModelSignature;
use crate::recipe::Recipe;
use crate::table::{Cell, Schema, Table, Type};
use crate::taxonomy::Taxonomy;

pub mod classify;
pub mod command;
mod compare;
mod drawn;
pub mod ensemble;
pub mod evaluate;
pub mod events;
pub mod export;
pub mod features;
pub mod heatmap;
pub mod images;
pub mod import;
mod inspect;
mod job;
mod lineage;
pub mod merge;
pub mod metadata;
pub mod moved;
mod networks;
mod param;
mod portable;
mod registry;
pub mod rename;
pub mod report;
pub mod review;
pub mod sample;
pub mod select;
pub mod split;
mod strata;
pub mod summarise;
#[cfg(test)]
pub(crate) mod testing;
pub mod threshold;
pub mod train;

pub use drawn::Drawn;
pub use inspect::{FileFault, Inspection};
pub use job::{Cancel, Finding, InputTable, Job, Outputs, Past, Progress, StepError, with_causes};
pub use lineage::{Ancestor, Lineage, Made, Origin};
pub use param::{Param, ParamType, ParamValue, Params, PathUse};
pub use registry::{KINDS, kind};

/// What flows through a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PortType {
    /// A table with named, typed columns.
    Table,
    /// A model bundle.
    Model,
    /// A set of files in the project.
    Files,
    /// A report.
    Report,
    /// A whole step: all the tables that it yields (inputs only). Who takes one tells where its numbers come from, so that the
    /// steps before it are part of its key ([`Context::lineage`]).
    Step,
}

/// An input or output of a step kind.
#[derive(Debug)]
pub struct Port {
    /// The name used in `from:`.
    pub name: &'static str,
    /// What flows.
    pub ty: PortType,
    /// Takes a list of sources (inputs only).
    pub many: bool,
    /// May be left out (inputs only).
    pub optional: bool,
    /// Columns that an input table must have.
    pub requires: &'static [(&'static str, Type)],
    /// One sentence.
    pub doc: &'static str,
}

impl Port {
    /// An input table that must have `requires`.
    #[must_use]
    pub const fn table(name: &'static str, requires: &'static [(&'static str, Type)], doc: &'static str) -> Self {
        Self { name, ty: PortType::Table, many: false, optional: false, requires, doc }
    }
}

/// Columns that make a table one of images: a row is an observation.
pub const IMAGE_COLUMNS: &[(&str, Type)] = &[("content", Type::Content), ("path", Type::Text)];

/// A number that a step reports and that `expect:` may bound.
#[derive(Debug)]
pub struct Metric {
    /// Its name in `expect:`.
    pub name: &'static str,
    /// One sentence, with the unit.
    pub doc: &'static str,
}

impl Metric {
    /// The least and the most that it can be, where its sentence says so: `0-1`, `-1 to 1`.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64)> {
        let says = |range: &str| self.doc.split([',', ';', ' ']).any(|word| word == range);
        if says("0-1") {
            Some((0.0, 1.0))
        } else if self.doc.contains("-1 to 1") {
            Some((-1.0, 1.0))
        } else {
            None
        }
    }
}

/// The metric by which a step says how many answers of people it lacks. What depends on such a step waits until there are none.
pub const MISSING_LABELS: &str = "missing_labels";

/// What the names of label files start with in [`FileInput::name`]: `trapline.lock` lists their heads.
pub const LABEL_FILE: &str = "labels/";

/// What a person does whose program has no libtorch.
pub(crate) const HOW_TO_BUILD: &str =
    "`bash .cargo/libtorch` in Trapline's folder installs it, `cargo build --release --features tch` builds with it";

/// The columns of a table of labels, beside those of the observation ([`crate::observation`]): one row per labelled observation.
pub const LABEL_COLUMNS: &[(&str, Type)] = &[
    ("class", Type::Text),    // what a person sees in the image
    ("type", Type::Text),     // the samples that drew it, joined by `+`, or `corrected`, or `other`
    ("reviewer", Type::Text), // who; several joined by `+`
    ("time", Type::Text),     // when, as written in the label file; missing where nobody wrote it
    ("shown", Type::Text),    // `blind`, `model`, or missing where nobody knows
    ("comment", Type::Text),
];

/// Kinds of sample and of label, as they stand in the column `type`.
pub mod label_type {
    /// Drawn at random among all images of a group.
    pub const RANDOM: &str = "random";
    /// Drawn among the images of one predicted class.
    pub const CLASS: &str = "class";
    /// Drawn among the images of one confidence bin.
    pub const CONFIDENCE: &str = "confidence";
    /// Reviewed because a rule asked for it.
    pub const CORRECTED: &str = "corrected";
    /// Chosen to train with: never by chance, so that no estimate may rest on it.
    pub const TRAINING: &str = "training";
    /// Labelled, and not (or no longer) asked for.
    pub const OTHER: &str = "other";

    /// Says whether `types`, joined by `+`, hold `one`.
    #[must_use]
    pub fn holds(types: &str, one: &str) -> bool {
        types.split('+').any(|part| part == one)
    }
}

/// A kind of step, as declared.
pub struct StepKind {
    /// The name used in `uses:`.
    pub name: &'static str,
    /// Raised when the algorithm changes what it yields.
    pub revision: u32,
    /// One line.
    pub summary: &'static str,
    /// The documentation page, Markdown: what, why, example, options, references.
    pub docs: &'static str,
    /// Inputs. A kind with exactly one may be wired by a plain string.
    pub inputs: &'static [Port],
    /// Outputs; the first is what `from: STEP` means.
    pub outputs: &'static [Port],
    /// Parameters of `with:`.
    pub params: &'static [Param],
    /// Numbers for `expect:`.
    pub metrics: &'static [Metric],
    /// Steps that keep their rows let the set of images through: one row in, the same row out, in order.
    pub keeps_rows: bool,
    /// The column of the first output whose values a sealed season pins, observation by observation (`type` of a sample, `class`
    /// of labels).
    pub pins: Option<&'static str>,
    /// Builds the step from its checked parameters.
    pub read: fn(&Params, &mut Report) -> Option<Box<dyn Step>>,
}

/// What a step may know of its project while it is checked, planned and run.
pub struct Context<'a> {
    /// The folder of the pipeline's file; relative paths start here.
    pub project: &'a Path,
    /// The programme's classes; empty where none are declared.
    pub classes: &'a Taxonomy,
    /// The `deployments:` file and its header, where declared.
    pub deployments: Option<&'a Deployments>,
    /// What describes the data set, where the pipeline says it.
    pub dataset: Option<&'a Dataset>,
    /// Models known to the project, by `name@version`, from `models.lock` and the bundles under `models/`.
    pub models: &'a BTreeMap<String, ModelSignature>,
    /// Packed models that arrive through ports, by port: known once the steps before have run.
    pub ports: PortModels,
    /// What the step rests on: how its inputs were drawn; and all that stands before it, for those that tell it.
    pub lineage: Lineage,
    /// Where the step stands, for its diagnostics.
    pub span: Span,
}

/// Packed models ([`crate::model::packed`]) by the port through which they arrive.
pub type PortModels = BTreeMap<&'static str, Arc<Vec<u8>>>;

/// The deployment table as far as checking needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployments {
    /// Relative to the project.
    pub path: PathBuf,
    /// Its columns, in order.
    pub columns: Vec<String>,
}

/// A project file that a step reads; its content enters the result's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInput {
    /// The name in the key: `corrections`, `manifest`, `deployments`.
    pub name: String,
    /// Relative to the project.
    pub path: PathBuf,
    /// It may be absent (a manifest before the first run).
    pub optional: bool,
    /// The step rewrites it: what is recorded is its content after the run.
    pub rewritten: bool,
}

/// The files of a root that a source step wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// A declared root, or a folder of the project.
    pub root: String,
    /// The path pattern with captures.
    pub pattern: String,
    /// How the site's id is made of captures, where it is not one of them.
    pub site: Option<String>,
    /// What is left out, beside what systems put there.
    pub exclude: Vec<String>,
}

/// The column of an output whose worst value a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Index of the output port.
    pub output: usize,
    /// The column.
    pub column: &'static str,
    /// A row without a value counts as the worst there can be; else it is left out.
    pub missing_is_worst: bool,
}

/// One instance of a step kind.
pub trait Step: Send + Sync {
    /// The schema of each output, from those of the inputs in port order (a port that takes many has several); checked without data.
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>>;

    /// How the rows of the first output were chosen, from how those of the inputs were, in port order. `name` is the step's. Rows are
    /// those of the first port where a step says nothing else.
    fn drawn(&self, name: &str, inputs: &[Vec<Drawn>]) -> Drawn {
        let _ = name;
        Drawn::of_port(inputs, 0)
    }

    /// The column whose worst value a metric is, so that a gate on it can say where it fails.
    fn behind(&self, metric: &str) -> Option<Behind> {
        let _ = metric;
        None
    }

    /// What enters the recipe besides the parameters: declarations of the project on which the result depends, by name. A step that
    /// never looks at the programme's classes must not be made anew when one is added, so only those that do name them here.
    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        let _ = context;
        Vec::new()
    }

    /// Project files read, besides the inputs.
    ///
    /// # Errors
    /// When a folder of them cannot be listed: what cannot be seen must not count as absent.
    fn files(&self, context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        let _ = context;
        Ok(Vec::new())
    }

    /// Looks at the project files that are tables, by the readers that [`Step::run`] calls, and adds each mistake to the inspection:
    /// so that `validate` finds what a run would stop at, without data.
    fn inspect(&self, context: &Context<'_>, files: &mut Inspection<'_>) {
        let _ = (context, files);
    }

    /// The files that a source finds. Only sources return one.
    fn source(&self) -> Option<Source> {
        None
    }

    /// The per-image function of a step that maps images.
    ///
    /// # Errors
    /// When a model that the step names is not known to the project.
    fn mapper(&self, context: &Context<'_>) -> Result<Option<Box<dyn RowMapper>>, StepError> {
        let _ = context;
        Ok(None)
    }

    /// Says whether [`Step::changes`] is asked although the kind pins nothing.
    fn tells_changes(&self) -> bool {
        false
    }

    /// What a person should know about a first output that is another than the one before (who left a sample, who entered): said
    /// when it happens, kept in no result. Asked of kinds with [`StepKind::pins`], and where [`Step::tells_changes`].
    fn changes(&self, before: &Table, after: &Table) -> Vec<Finding> {
        let _ = (before, after);
        Vec::new()
    }

    /// Makes the outputs. No clock, no environment, no unseeded chance.
    ///
    /// # Errors
    /// When an input cannot be read or the work cannot be done; nothing is recorded then.
    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError>;
}

/// A function of one image's bytes and a recipe, cached row by row. Whatever depends on path, site, season or clock is a table
/// operation in [`Step::run`], which finds the rows in [`Job::mapped`].
pub trait RowMapper: Send + Sync {
    /// All columns that rows of any recipe may fill.
    fn schema(&self) -> &Schema;

    /// The row recipes of the step (a model per season), in a fixed order.
    fn recipes(&self) -> &[RowRecipe];

    /// Which captured columns decide the recipe (`season`), if several recipes exist.
    fn chooses_by(&self) -> Option<&str> {
        None
    }

    /// The recipe for an image with `value` in the deciding column; `None` leaves its columns missing.
    fn choose(&self, value: Option<&Cell>) -> Option<usize> {
        let _ = value;
        Some(0)
    }

    /// A worker with its own buffers, for one thread.
    ///
    /// # Errors
    /// When a model cannot be loaded or is not the one that the recipe names.
    fn worker(&self, context: &Context<'_>) -> Result<Box<dyn RowWorker>, StepError>;
}

/// One row recipe of a mapping step.
#[derive(Debug, Clone)]
pub struct RowRecipe {
    /// What enters the key.
    pub recipe: Recipe,
    /// Its key.
    pub key: RowKey,
    /// Which columns of [`RowMapper::schema`] its rows fill, in the order of their cells.
    pub columns: Vec<usize>,
}

/// Computes rows on one thread.
pub trait RowWorker: Send {
    /// The cells of `image` under the recipe at `recipe`, in the order of [`RowRecipe::columns`]. A damaged image is a row that says so.
    fn map(&mut self, recipe: usize, image: &[u8], content: ContentId) -> Vec<Cell>;
}
