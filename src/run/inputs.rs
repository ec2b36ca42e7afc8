//! Inputs: stored tables as running steps take them, read column by column.

use std::collections::BTreeMap;
use std::io::Read as _;
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
        let bytes = read_bounded(&path, LARGEST_BYTES)?;
        if ContentId::of(&bytes) != *content {
            let path = path.display();
            return Err(StepError::Data(format!("`{path}` changed while the run was reading it: run again")));
        }
        files.insert(file.name.clone(), bytes);
    }
    Ok(files)
}

/// Tables and other files of a project are held in memory while a step reads them: a larger one is refused by its size.
const LARGEST_BYTES: u64 = 4 << 30;

/// The bytes of a file of at most `limit` bytes.
fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, StepError> {
    let failed = |source| StepError::File { action: "read", path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    if size <= limit {
        bytes.reserve(usize::try_from(size).unwrap_or(0));
        // It may grow while it is read.
        (&mut file).take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if size.max(bytes.len() as u64) > limit {
        let message = format!(
            "`{}` has {size} bytes, and files of up to {limit} bytes are read as a whole: split it, by season or by site",
            path.display()
        );
        return Err(StepError::Data(message));
    }
    Ok(bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beyond_the_limit_is_refused_by_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_bounded(&path, 5).unwrap(), b"12345");
        let message = read_bounded(&path, 4).unwrap_err().to_string();
        assert!(
            message.contains("results.json") && message.contains("5 bytes") && message.contains("up to 4 bytes"),
            "{message}"
        );
    }
}
