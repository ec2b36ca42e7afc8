//! What a verification needs of project and store: exactly what `trapline.lock` names.

use std::collections::BTreeSet;

use super::super::ProvenanceError;
use crate::check::Pipeline;
use crate::id::{ContentId, RowKey};
use crate::plan::planner::{KnownOutput, Planner, State, Work};
use crate::run::history::History;
use crate::run::lockfile::{LockFile, LockedStep};
use crate::run::other_inputs;
use crate::step;
use crate::store::{Heads, ResultManifest, Store};

/// What `trapline.lock` names, found.
#[derive(Default)]
pub(super) struct Gathered {
    /// Results of the locked steps, as far as the store has them.
    pub results: Vec<ResultManifest>,
    /// The same, by step.
    pub heads: Heads,
    /// Tables and models.
    pub contents: BTreeSet<ContentId>,
    /// Computed rows.
    pub rows: BTreeSet<RowKey>,
    /// Project files that steps read or wrote, as text.
    pub files: BTreeSet<String>,
    /// Reports, which hold pictures of images.
    pub reports: BTreeSet<String>,
    /// Models by name.
    pub models: BTreeSet<String>,
}

/// Gathers what the lock names; `planner` learns the outputs of its steps.
///
/// # Errors
/// When the project is not what the lock says: whoever verified the bundle would find the same.
pub(super) fn gather(
    pipeline: &Pipeline,
    store: &Store,
    lock: &LockFile,
    history: &History<'_>,
    planner: &mut Planner<'_>,
) -> Result<Gathered, ProvenanceError> {
    let changed = |step: &str, what: &str| ProvenanceError::Changed { step: step.to_owned(), what: what.to_owned() };
    let mut gathered = Gathered::default();
    if let Some(gone) = lock.steps.keys().find(|name| pipeline.step(name).is_none()) {
        return Err(changed(gone, "`trapline.lock` names it, the pipeline does not"));
    }
    for (index, step) in pipeline.steps.iter().enumerate() {
        let name = &step.name.value;
        // Files of steps outside the lock are needed for the pipeline to be checked at all.
        let files = step.step.files(&pipeline.context(index))?;
        gathered.files.extend(files.iter().map(|file| crate::path::to_text(&file.path)));
        let Some(locked) = lock.steps.get(name) else {
            if step.stage.is_none() {
                return Err(changed(name, "`trapline.lock` does not know it"));
            }
            continue;
        };
        let outputs = locked.outputs.iter().map(|out| KnownOutput { id: out.id, rows: out.rows }).collect();
        planner.set_state(index, State::Ready(outputs));
        let work = planner.work(index)?;
        if work.recipe.key() != locked.recipe {
            return Err(changed(
                name,
                "its parameters, or the classes or models that it names, are not those of `trapline.lock`",
            ));
        }
        let is_source = step.step.source().is_some();
        let others = work.inputs.as_ref().map(|now| other_inputs(&locked.inputs, now)).unwrap_or_default();
        if let Some((what, ..)) = others.first().filter(|_| !is_source) {
            return Err(changed(name, &format!("`{what}` is not what `trapline.lock` says")));
        }
        gathered.contents.extend(locked.outputs.iter().map(|output| output.id));
        let recipes = work.mapper.iter().flat_map(|mapper| mapper.recipes());
        gathered.rows.extend(recipes.map(|recipe| recipe.key));
        if let Some(manifest) = result(store, history, name, &work, locked)? {
            let is_report = manifest.kind == step::report::KIND.name;
            let files = if is_report { &mut gathered.reports } else { &mut gathered.files };
            files.extend(manifest.files.iter().map(|file| file.path.clone()));
            // A report is made of the numbers of the steps before it.
            planner.set_metrics(index, manifest.metrics.clone());
            gathered.heads.steps.insert(name.clone(), manifest.key);
            gathered.results.push(manifest);
        }
    }
    gathered.models = lock.models.keys().filter(|name| pipeline.models.contains_key(*name)).cloned().collect();
    gathered.results.sort_by_key(|manifest| manifest.key);
    gathered.results.dedup_by_key(|manifest| manifest.key);
    Ok(gathered)
}

/// The result behind a locked step: by its key; of a source, whose key needs its root, the last one where it yields the same.
fn result(
    store: &Store,
    history: &History<'_>,
    name: &str,
    work: &Work,
    locked: &LockedStep,
) -> Result<Option<ResultManifest>, ProvenanceError> {
    let by_key = work.key().map(|key| store.get_result(key)).transpose()?.flatten();
    let same = |manifest: &ResultManifest| manifest.outputs.iter().map(|out| out.id).eq(locked.outputs.iter().map(|out| out.id));
    Ok(by_key.or_else(|| history.last_result(name)).filter(same))
}

/// The places of the images of all sources, root by root: `each(root, path, content)`.
pub(super) fn images(
    pipeline: &Pipeline,
    store: &Store,
    planner: &Planner<'_>,
    each: &mut dyn FnMut(&str, &str, ContentId) -> Result<(), ProvenanceError>,
) -> Result<(), ProvenanceError> {
    let mut seen = BTreeSet::new();
    for (index, step) in pipeline.steps.iter().enumerate() {
        let (Some(_), Some(State::Ready(outputs))) = (step.step.source(), planner.state(index)) else { continue };
        let Some(output) = outputs.first().filter(|output| seen.insert(output.id)) else { continue };
        let table = store.open_table(output.id)?.read(Some(&["root", "path", "content"]))?;
        let (Some(roots), Some(paths), Some(contents)) = (table.column("root"), table.column("path"), table.column("content"))
        else {
            continue;
        };
        for row in 0..table.rows {
            if let (Some(root), Some(path), Some(content)) = (roots.text(row), paths.text(row), contents.content(row)) {
                each(root, path, content)?;
            }
        }
    }
    Ok(())
}
