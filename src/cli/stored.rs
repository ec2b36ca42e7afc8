//! Reads what the steps of a pipeline yielded last.

use anyhow::{Context as _, bail};

use super::exit::{Exit, coded};
use super::render::words::list;
use crate::check::Pipeline;
use crate::run;
use crate::store::{Access, ResultManifest, Store, StoreError, StoredTable};

/// Opens the store for reading.
pub(super) fn open(folder: &std::path::Path) -> anyhow::Result<Store> {
    Store::open(folder, Access::Read).map_err(store_error)
}

/// A failure of the store, with its exit code.
pub(super) fn store_error(error: StoreError) -> anyhow::Error {
    coded(Exit::Store, error)
}

/// The last result of `step`.
pub(super) fn result(pipeline: &Pipeline, store: &Store, step: &str) -> anyhow::Result<ResultManifest> {
    if pipeline.step(step).is_none() {
        return Err(run::unknown_step(pipeline, step).into());
    }
    let heads = store.heads(&pipeline.name).map_err(store_error)?;
    let Some(key) = heads.steps.get(step) else {
        bail!("step `{step}` has not run yet: `trapline run {step}` does it");
    };
    let result = store.get_result(*key).map_err(store_error)?;
    result.with_context(|| {
        format!("the last result of `{step}` is not in the store any more: `trapline run {step}` makes it again")
    })
}

/// Opens a table of a result; without `port` the first.
pub(super) fn table<'s>(store: &'s Store, result: &ResultManifest, port: Option<&str>) -> anyhow::Result<StoredTable<'s>> {
    let output = match port {
        None => result.outputs.iter().find(|output| output.rows.is_some()),
        Some(port) => result.outputs.iter().find(|output| output.port == port),
    };
    let Some(output) = output else {
        let ports: Vec<_> = result.outputs.iter().map(|output| format!("`{}`", output.port)).collect();
        match port {
            Some(port) => bail!("step `{}` has no output `{port}`; it has {}", result.step, list(&ports)),
            None => bail!("step `{}` yields files, no table: `trapline why {}` tells more", result.step, result.step),
        }
    };
    store.open_table(output.id).map_err(store_error)
}

/// `STEP` or `STEP.PORT`. A dot inside brackets belongs to the instance: `train[lr=0.1]`.
pub(super) fn reference(text: &str) -> (&str, Option<&str>) {
    let after = text.rfind(']').map_or(0, |at| at + 1);
    match text[after..].find('.') {
        Some(dot) => (&text[..after + dot], Some(&text[after + dot + 1..])),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_step_and_perhaps_a_port() {
        assert_eq!(reference("names"), ("names", None));
        assert_eq!(reference("accepted.to_review"), ("accepted", Some("to_review")));
        assert_eq!(reference("train[lr=0.1]"), ("train[lr=0.1]", None));
        assert_eq!(reference("train[lr=0.1].model"), ("train[lr=0.1]", Some("model")));
    }
}
