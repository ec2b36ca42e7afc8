//! Opens the review that a command names.

use super::ReviewArgs;
use crate::cli::terminal::Terminal;
use crate::cli::{project, stored};
use crate::review::desk::Desk;
use crate::store::Store;

/// The review, and the store for other tables of the pipeline; `None` where the pipeline has errors, which were printed.
pub(in crate::cli) fn open(args: &ReviewArgs, terminal: Terminal) -> anyhow::Result<Option<(Desk, Store)>> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(None) };
    let (index, question) = Desk::find(&pipeline, &args.step)?;
    let store = stored::open(&project::store(&args.store, &pipeline))?;
    let mut inputs = Vec::new();
    for wires in &pipeline.steps[index].inputs {
        let mut tables = Vec::new();
        for wire in wires {
            let source = &pipeline.steps[wire.step];
            let result = stored::result(&pipeline, &store, &source.name.value)?;
            let port = source.kind.outputs.get(wire.output).map(|port| port.name);
            tables.push(stored::table(&store, &result, port)?.read(None).map_err(stored::store_error)?);
        }
        inputs.push(tables);
    }
    let mut inputs = inputs.into_iter();
    let (images, known) = (inputs.next().unwrap_or_default(), inputs.next().unwrap_or_default());
    let files = Desk::label_files(&pipeline, &question)?;
    Ok(Some((Desk { pipeline, index, question, files, images, known }, store)))
}
