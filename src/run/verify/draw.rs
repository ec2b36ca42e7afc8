//! Drawing: which images a verification of a sample reads.

use crate::check::Pipeline;
use crate::id::ContentId;
use crate::plan::planner::{Planner, State};
use crate::run::history::step_error;
use crate::run::inputs::open_inputs;
use crate::step::{InputTable as _, StepError};
use crate::store::Store;
use crate::table::Table;

/// The images that [`Level::Sample`](super::Level::Sample) of `n` reads, sorted.
///
/// # Errors
/// When a table that the lock names cannot be read.
pub fn sampled(pipeline: &Pipeline, store: &Store, planner: &Planner<'_>, n: usize) -> Result<Vec<ContentId>, StepError> {
    let mut contents = Vec::new();
    let mut draw = |table: &Table| {
        let column = table.column("content");
        contents.extend(column.iter().flat_map(|column| drawn(table, n).into_iter().filter_map(|row| column.content(row))));
    };
    for (index, step) in pipeline.steps.iter().enumerate() {
        let Some(State::Ready(outputs)) = planner.state(index) else { continue };
        if step.step.source().is_some() {
            for output in outputs {
                draw(&store.open_table(output.id).and_then(|table| table.read(Some(&["content"]))).map_err(step_error)?);
            }
        } else if planner.work(index)?.mapper.is_some() {
            let tables = open_inputs(pipeline, index, planner, store)?;
            if let Some(input) = tables.first().and_then(|port| port.first()) {
                draw(&input.read(Some(&["content"]))?);
            }
        }
    }
    contents.sort_unstable();
    contents.dedup();
    Ok(contents)
}

/// The rows of `n` images, drawn by a hash of their content: the same ones at every verification.
pub(super) fn drawn(table: &Table, n: usize) -> Vec<usize> {
    let Some(contents) = table.column("content") else { return Vec::new() };
    let rank = |row: &usize| {
        contents.content(*row).map(|id| *blake3::keyed_hash(b"trapline verify draws by content", id.bytes()).as_bytes())
    };
    let mut rows: Vec<usize> = (0..table.rows).collect();
    rows.sort_by_cached_key(rank);
    rows.truncate(n);
    rows
}
