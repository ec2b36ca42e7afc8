//! Planning: which steps a run covers, and what it would do with each. Writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::gone::Past;
use super::history::History;
use super::kept::Lost;
use super::scan::{Scan, scan};
use super::seasons::{self, Sealed};
use super::{RunError, RunOptions};
use crate::check::{Pipeline, Root};
use crate::plan::decision::Plan;
use crate::plan::planner::Planner;
use crate::step::Source;
use crate::store::{Access, Store};

/// A plan with what it was made from.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What lies under the roots, by step.
    pub scans: BTreeMap<usize, Scan>,
    /// What the lock knows and the project no longer has: a run would not begin.
    pub lost: Vec<Lost>,
}

/// The steps that `options` ask for, in running order.
///
/// # Errors
/// Names a step or stage that the pipeline lacks.
pub fn select(pipeline: &Pipeline, options: &RunOptions) -> Result<Vec<usize>, RunError> {
    let mut wanted = BTreeSet::new();
    for name in options.targets.iter().chain(&options.force) {
        let Some(index) = pipeline.step(name) else { return Err(unknown_step(pipeline, name)) };
        if options.targets.contains(name) {
            wanted.insert(index);
        }
    }
    if let Some(stage) = &options.stage
        && !pipeline.steps.iter().any(|step| step.stage.as_ref() == Some(stage))
    {
        let known: BTreeSet<_> = pipeline.steps.iter().filter_map(|step| step.stage.as_deref()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.into_iter().collect::<Vec<_>>().join(", ") };
        return Err(RunError::UnknownStage { name: stage.clone(), known });
    }
    if wanted.is_empty() {
        let in_stage = |index: &usize| pipeline.steps[*index].stage == options.stage;
        wanted.extend((0..pipeline.steps.len()).filter(in_stage));
    }
    // Steps stand in running order: going backwards meets every step before what it needs.
    for index in (0..pipeline.steps.len()).rev() {
        if wanted.contains(&index) {
            wanted.extend(pipeline.steps[index].inputs.iter().flatten().map(|wire| wire.step));
        }
    }
    Ok(wanted.into_iter().collect())
}

/// A step name that does not exist, with the nearest that does.
pub fn unknown_step(pipeline: &Pipeline, name: &str) -> RunError {
    let near = pipeline
        .steps
        .iter()
        .map(|step| (strsim::damerau_levenshtein(&step.name.value, name), step.name.value.clone()))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    RunError::UnknownStep { name: name.to_owned(), near: near.map(|(_, name)| name) }
}

/// The root that a source names.
pub fn root_of<'p>(pipeline: &'p Pipeline, source: &Source) -> Option<&'p Root> {
    pipeline.roots.iter().find(|root| root.name == source.root)
}

/// The other sources of the root of `source`, which is step `index`, each with whether it comes before.
pub fn beside(pipeline: &Pipeline, index: usize, source: &Source) -> Vec<(Source, bool)> {
    let others = pipeline.steps.iter().enumerate().filter(|(other, _)| *other != index);
    let same = others.filter_map(|(other, step)| Some((step.step.source().filter(|of| of.root == source.root)?, other < index)));
    same.collect()
}

/// Scans the roots of the source steps among `order`.
pub fn scan_all(pipeline: &Pipeline, order: &[usize], sealed: &Sealed, store: &Store) -> Result<BTreeMap<usize, Scan>, RunError> {
    let mut scans = BTreeMap::new();
    for index in order {
        let Some(source) = pipeline.steps[*index].step.source() else { continue };
        if let Some(root) = root_of(pipeline, &source) {
            scans.insert(*index, scan(&source, &beside(pipeline, *index, &source), root, sealed, store)?);
        }
    }
    Ok(scans)
}

/// Says what a run would do, without writing anything: it works while another run holds the store and while the disk is full.
///
/// # Errors
/// When the store or a seal cannot be read, or a step does not exist.
pub fn plan(pipeline: &Pipeline, options: &RunOptions) -> Result<Planned, RunError> {
    let store = Store::open(&options.store, Access::Read)?;
    let order = select(pipeline, options)?;
    let sealed = seasons::read(&pipeline.project)?;
    let mut scans = scan_all(pipeline, &order, &sealed, &store)?;
    let history = History::of(&store, &pipeline.name, &pipeline.project);
    let past = Past { pipeline, store: &store, history: &history, sealed: &sealed };
    for (index, scan) in &mut scans {
        scan.look_again()?;
        past.settle(*index, scan)?;
    }
    let mut planner = Planner::new(pipeline, &history);
    let mut steps = Vec::with_capacity(order.len());
    for index in order {
        if let Some(scan) = scans.get(&index) {
            planner.set_source(index, scan.state());
        }
        let force = options.force.contains(&pipeline.steps[index].name.value);
        steps.push(planner.decide(index, force)?);
    }
    let lost = super::kept::check(&pipeline.project, &sealed, options.frozen)?.lost;
    Ok(Planned { plan: Plan { steps }, scans, lost })
}
