//! What tests of step kinds need: tables in memory and a job around them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{
    Cancel, Context, Deployments, InputTable, Job, Lineage, Outputs, ParamValue, Params, Past, Progress, Step, StepError,
    StepKind,
};
use crate::dataset::Dataset;
use crate::diagnostic::{FileId, Report, Span, Spanned};
use crate::id::ContentId;
use crate::table::{Cell, ColumnBuilder, Schema, Table, Type};
use crate::taxonomy::Taxonomy;

/// A place in no file.
pub const NOWHERE: Span = Span::start_of(FileId(0));

impl InputTable for Table {
    fn id(&self) -> ContentId {
        Table::id(self)
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, names: Option<&[&str]>) -> Result<Table, StepError> {
        match names {
            Some(names) => Ok(self.select(names)?),
            None => Ok(self.clone()),
        }
    }
}

/// Builds a table from rows of cells.
pub fn table(fields: &[(&str, Type)], rows: &[Vec<Cell>]) -> Table {
    let mut builders: Vec<_> = fields.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
    for row in rows {
        for (builder, cell) in builders.iter_mut().zip(row) {
            builder.push(cell.as_ref());
        }
    }
    Table::from_builders(Schema::of(fields), builders).unwrap()
}

/// A text cell.
pub fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// The parameters of a kind: those given, then the defaults.
pub fn params(kind: &StepKind, given: &[(&'static str, ParamValue)]) -> Params {
    let mut values = BTreeMap::new();
    for param in kind.params {
        if let Some(default) = param.default {
            values.insert(param.name, Spanned { value: ParamValue::Text(default.to_owned()), span: NOWHERE });
        }
    }
    for (name, value) in given {
        assert!(kind.params.iter().any(|param| param.name == *name), "`{}` has no parameter `{name}`", kind.name);
        values.insert(*name, Spanned { value: value.clone(), span: NOWHERE });
    }
    Params { values, span: NOWHERE }
}

/// Reads a step that must be fine.
pub fn step(kind: &StepKind, given: &[(&'static str, ParamValue)]) -> Box<dyn Step> {
    let mut report = Report::default();
    let step = (kind.read)(&params(kind, given), &mut report);
    assert_eq!(report.diagnostics, []);
    step.unwrap()
}

struct Silent;

impl Progress for Silent {
    fn start(&self, _phase: &str, _total: u64) {}
    fn advance(&self, _items: u64, _bytes: u64) {}
}

/// Sees the paths that a step asks for.
pub type OnLocate = Box<dyn Fn(&str) + Sync>;

/// A project in a temporary folder in which steps run.
pub struct Project {
    /// Its folder.
    pub folder: tempfile::TempDir,
    /// Where images lie: root-relative paths are looked for here.
    pub root: PathBuf,
    /// Stops a run.
    pub cancel: Cancel,
    /// Called with each path that a step asks for.
    pub on_locate: Option<OnLocate>,
    /// The programme's classes.
    pub classes: Taxonomy,
    /// The deployment table, where one is declared.
    pub deployments: Option<Deployments>,
    /// What stands before the step, for kinds that tell it.
    pub lineage: Lineage,
    /// What describes the data set.
    pub dataset: Option<Dataset>,
}

impl Project {
    /// An empty project whose root is its folder `archive`.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("archive");
        Self {
            folder,
            root,
            cancel: Cancel::default(),
            on_locate: None,
            classes: Taxonomy::default(),
            deployments: None,
            lineage: Lineage::default(),
            dataset: None,
        }
    }

    /// The absolute path of a project file.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// The text of a project file.
    pub fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap()
    }

    /// Writes a project file.
    pub fn write(&self, relative: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// All files below a folder of the project, relative to it, sorted.
    pub fn list(&self, relative: &str) -> Vec<String> {
        fn walk(folder: &Path, base: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, base, found);
                } else {
                    found.push(crate::path::to_text(path.strip_prefix(base).unwrap()));
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.path(relative), &self.path(relative), &mut found);
        found.sort();
        found
    }

    /// Runs a step on one input table, its declared files read as the engine does.
    pub fn run(&self, step: &dyn Step, input: &Table) -> Result<Outputs, StepError> {
        self.run_on(step, &[&[input]])
    }

    /// Runs a step on the tables of each of its ports.
    pub fn run_on(&self, step: &dyn Step, inputs: &[&[&Table]]) -> Result<Outputs, StepError> {
        let models = BTreeMap::new();
        let context = Context {
            project: self.folder.path(),
            classes: &self.classes,
            deployments: self.deployments.as_ref(),
            dataset: self.dataset.as_ref(),
            models: &models,
            ports: BTreeMap::new(),
            lineage: self.lineage.clone(),
            span: NOWHERE,
        };
        let mut files = BTreeMap::new();
        for file in step.files(&context)? {
            match std::fs::read(self.folder.path().join(&file.path)) {
                Ok(bytes) => {
                    files.insert(file.name, bytes);
                }
                Err(_) if file.optional => {}
                Err(source) => return Err(StepError::File { action: "read", path: file.path, source }),
            }
        }
        let locate = |_: &str, path: &str| {
            if let Some(call) = &self.on_locate {
                call(path);
            }
            Some(self.root.join(path)).filter(|_| self.root.is_dir())
        };
        step.run(&mut Job {
            step: "tested",
            context: &context,
            inputs: inputs.iter().map(|port| port.iter().map(|table| boxed(table)).collect()).collect(),
            mapped: None,
            scanned: None,
            files,
            past: Past::default(),
            locate: &locate,
            progress: &Silent,
            cancel: &self.cancel,
            workers: 2,
            scratch: None,
            dry: false,
        })
    }

    /// Checks a step against the schema of one input.
    pub fn columns(&self, step: &dyn Step, schema: &Schema) -> (Option<Vec<Schema>>, Vec<String>) {
        self.columns_of(step, &[vec![schema.clone()]])
    }

    /// Checks a step against the schemas of each of its ports.
    pub fn columns_of(&self, step: &dyn Step, inputs: &[Vec<Schema>]) -> (Option<Vec<Schema>>, Vec<String>) {
        let models = BTreeMap::new();
        let context = Context {
            project: self.folder.path(),
            classes: &self.classes,
            deployments: self.deployments.as_ref(),
            dataset: self.dataset.as_ref(),
            models: &models,
            ports: BTreeMap::new(),
            lineage: self.lineage.clone(),
            span: NOWHERE,
        };
        let mut report = Report::default();
        let schemas = step.columns(inputs, &context, &mut report);
        (schemas, report.sorted().into_iter().map(|found| format!("{} {}", found.code.id, found.message)).collect())
    }
}

fn boxed(table: &Table) -> Box<dyn InputTable> {
    Box::new(table.clone())
}

/// An identity made from a few letters.
pub fn content(seed: &str) -> Cell {
    Cell::Content(ContentId::of(seed.as_bytes()))
}
