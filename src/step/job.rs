//! A job: what a running step is given, and what it gives back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Context;
use crate::id::ContentId;
use crate::table::{Schema, Table};

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A project file could not be read or written.
    #[error("cannot {action} `{path}`")]
    File {
        /// `read`, `list`, `write`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Data that cannot be worked with: names the file, the place and the way out.
    #[error("{0}")]
    Data(String),
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The person stopped the run.
    #[error("interrupted")]
    Interrupted,
}

impl StepError {
    /// A project file that the system cannot `action`.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}

impl From<crate::table::TableError> for StepError {
    fn from(error: crate::table::TableError) -> Self {
        match &error {
            // An I/O error names nothing by itself: keep its cause in the sentence.
            crate::table::TableError::Io(cause) => Self::Data(format!("{error}: {cause}")),
            _ => Self::Data(error.to_string()),
        }
    }
}

/// An error with its causes, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

/// Tells a running step that the person wants to stop.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks everyone to stop at the next batch.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Says whether to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Fails when the person wants to stop.
    ///
    /// # Errors
    /// [`StepError::Interrupted`].
    pub fn check(&self) -> Result<(), StepError> {
        if self.is_cancelled() { Err(StepError::Interrupted) } else { Ok(()) }
    }
}

/// Receives the progress of a step; the words and bars are made elsewhere.
pub trait Progress: Send + Sync {
    /// A phase of `total` items starts (`hash`, `map`, `write`).
    fn start(&self, phase: &str, total: u64);
    /// `items` more are done, having read `bytes`.
    fn advance(&self, items: u64, bytes: u64);
}

/// An input table, read when asked for.
pub trait InputTable {
    /// Its identity.
    fn id(&self) -> ContentId;
    /// Its columns.
    fn schema(&self) -> &Schema;
    /// Reads the columns called `names`, or all.
    ///
    /// # Errors
    /// When the store cannot deliver it.
    fn read(&self, names: Option<&[&str]>) -> Result<Table, StepError>;
}

/// Something a step noticed that a person should know: kept with the result and said again whenever it is reused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// A stable word: `unknown_site`, `duplicate_content`.
    pub kind: String,
    /// One sentence with the names and the way out.
    pub message: String,
    /// How many rows, files, sites ...: whatever the examples are the first of.
    pub count: u64,
    /// The first few of them.
    pub examples: Vec<String>,
}

/// How many groups of rows are kept as examples.
const GROUPS: usize = 8;

impl Finding {
    /// One of `count` rows or files, as `COUNT WORDS`; none where there are none.
    #[must_use]
    pub fn counted(kind: &str, count: u64, words: &str, examples: Vec<String>) -> Option<Self> {
        (count > 0).then(|| Self { kind: kind.into(), message: format!("{count} {words}"), count, examples })
    }

    /// Of rows by what they have in common, such as a class: says how many rows there are, and lists the classes, each with its rows.
    #[must_use]
    pub fn grouped(kind: &str, rows: &BTreeMap<String, u64>, words: &str) -> Option<Self> {
        let examples = rows.iter().take(GROUPS).map(|(name, rows)| format!("{name}: {rows}")).collect();
        let message = format!("{} {words}", rows.values().sum::<u64>());
        (!rows.is_empty()).then(|| Self { kind: kind.into(), message, count: rows.len() as u64, examples })
    }
}

/// What a step yields.
#[derive(Debug, Default)]
pub struct Outputs {
    /// One per output port of tables, in port order.
    pub tables: Vec<Table>,
    /// One packed model ([`crate::model::packed`]) per output port of models, in port order.
    pub models: Vec<Vec<u8>>,
    /// What a person should know.
    pub findings: Vec<Finding>,
    /// Numbers for `expect:` and the summary, by the names of the kind's metrics.
    pub metrics: BTreeMap<String, f64>,
    /// Project files written, relative to the project (checked again by `plan`).
    pub files: Vec<PathBuf>,
}

/// What earlier runs knew, for a step that keeps a file of its own: what the file has lost can be compared and put back.
#[derive(Default)]
pub struct Past<'a> {
    /// The first output of the step's last result.
    pub table: Option<Box<dyn InputTable + 'a>>,
    /// How many rows that output has in `trapline.lock`.
    pub locked_rows: Option<u64>,
    /// The identities of the step's files in `trapline.lock`, by name.
    pub locked_files: BTreeMap<String, ContentId>,
}

/// What a running step is given.
pub struct Job<'a> {
    /// The step's name.
    pub step: &'a str,
    /// The project.
    pub context: &'a Context<'a>,
    /// Input tables in port order; a port that takes many has several.
    pub inputs: Vec<Vec<Box<dyn InputTable + 'a>>>,
    /// The rows of the step's mapper, aligned with the rows of its first input.
    pub mapped: Option<Table>,
    /// The files that a source's root holds, as a table of the engine's scan.
    pub scanned: Option<Table>,
    /// Contents of the files that [`super::Step::files`] declared, by name; a missing optional file is absent.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Opens an image of a root: (root, root-relative path) to an absolute path, where the root is mounted.
    pub locate: &'a (dyn Fn(&str, &str) -> Option<PathBuf> + Sync),
    /// What earlier runs knew; nothing where the step was forced to begin anew.
    pub past: Past<'a>,
    /// Where to say how far it is.
    pub progress: &'a dyn Progress,
    /// Whether to stop.
    pub cancel: &'a Cancel,
    /// How many threads to use.
    pub workers: usize,
    /// A folder of the store for unfinished work towards this very result (checkpoints): it outlives a killed run and goes when
    /// the result is there. The step makes it when it needs it. `None` where nothing may be kept.
    pub scratch: Option<PathBuf>,
    /// Results are only compared: project files are computed and not written.
    pub dry: bool,
}

impl Job<'_> {
    /// The only table of the input port at `port`.
    ///
    /// # Errors
    /// When the port is not wired, which checking prevents.
    pub fn input(&self, port: usize) -> Result<&dyn InputTable, StepError> {
        self.inputs
            .get(port)
            .and_then(|tables| tables.first())
            .map(AsRef::as_ref)
            .ok_or_else(|| StepError::Data(format!("step `{}` has no input {port}", self.step)))
    }

    /// Writes a project file through a temporary one, fsynced and renamed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_file(&self, relative: &Path, bytes: &[u8]) -> Result<(), StepError> {
        if self.dry {
            return Ok(());
        }
        let path = self.context.project.join(relative);
        crate::file::replace(&path, bytes).map_err(|source| StepError::File { action: "write", path, source })
    }
}
