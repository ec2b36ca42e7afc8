//! Inputs: stored tables as running steps take them, read column by column.

use std::collections::BTreeMap;
use std::path::Path;

use super::history::step_error;
use crate::check::{Pipeline, Wire};
use crate::id::ContentId;
use crate::plan::planner::{Planner, State, Work};
use crate::step::{InputTable, Port, PortType, StepError};
use crate::store::{Store, StoredTable};
use crate::table::{Schema, Table};

/// Opens the input tables of step `index`, whose sources must all have results.
pub(super) fn open_inputs<'s>(
    pipeline: &Pipeline,
    index: usize,
    planner: &Planner<'_>,
    store: &'s Store,
) -> Result<Vec<Vec<StoredInput<'s>>>, StepError> {
    let open = |wire: &Wire| {
        let Some(State::Ready(outputs)) = planner.state(wire.step) else {
            return Err(StepError::Data("an input has no result".into()));
        };
        let output = outputs.get(wire.output).ok_or_else(|| StepError::Data("an input has no such output".into()))?;
        StoredInput::open(store, output.id)
    };
    let step = &pipeline.steps[index];
    let ports = step.kind.inputs.iter().zip(&step.inputs);
    // Models come through the context.
    let tables = |(port, wires): (&Port, &Vec<Wire>)| match port.ty {
        PortType::Table | PortType::Step => wires.iter().map(open).collect(),
        _ => Ok(Vec::new()),
    };
    ports.map(tables).collect()
}

/// The contents of declared project files, exactly those whose identity entered the key.
///
/// # Errors
/// When a file that must be there is not, cannot be read, or changed since it was identified.
pub(super) fn read_files(project: &Path, work: &Work) -> Result<BTreeMap<String, Vec<u8>>, StepError> {
    let mut files = BTreeMap::new();
    for (file, content) in &work.files {
        let path = project.join(&file.path);
        let Some(content) = content else {
            if file.optional {
                continue;
            }
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(StepError::File { action: "read", path, source });
        };
        let bytes = std::fs::read(&path).map_err(|source| StepError::File { action: "read", path: path.clone(), source })?;
        if ContentId::of(&bytes) != *content {
            let path = path.display();
            return Err(StepError::Data(format!("`{path}` changed while the run was reading it: run again")));
        }
        files.insert(file.name.clone(), bytes);
    }
    Ok(files)
}

/// Input tables as steps take them.
pub(super) fn boxed<'s>(tables: Vec<Vec<StoredInput<'s>>>) -> Vec<Vec<Box<dyn InputTable + 's>>> {
    let port = |port: Vec<StoredInput<'s>>| port.into_iter().map(|table| Box::new(table) as Box<dyn InputTable + 's>).collect();
    tables.into_iter().map(port).collect()
}

/// A stored table as a step's input.
pub(super) struct StoredInput<'s> {
    table: StoredTable<'s>,
}

impl<'s> StoredInput<'s> {
    pub fn open(store: &'s Store, id: ContentId) -> Result<Self, StepError> {
        Ok(Self { table: store.open_table(id).map_err(step_error)? })
    }
}

impl InputTable for StoredInput<'_> {
    fn id(&self) -> ContentId {
        self.table.id()
    }

    fn schema(&self) -> &Schema {
        self.table.schema()
    }

    fn read(&self, names: Option<&[&str]>) -> Result<Table, StepError> {
        self.table.read(names).map_err(step_error)
    }
}
