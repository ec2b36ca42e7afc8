//! The account of a run: which steps it covered, the result of each, and when and by which run that was made.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::ProvenanceError;
use crate::check::Pipeline;
use crate::id::ContentId;
use crate::plan::planner::{Known as _, KnownOutput, Planner, State, Unusable, Work};
use crate::run::event::{Event, Outcome};
use crate::run::history::History;
use crate::run::journal::{self, Entry};
use crate::run::other_inputs;
use crate::step::FileInput;
use crate::store::{ResultManifest, Store};

/// Two numbers of seconds closer than this are the same: JSON may be off by the last bit.
const SAME_SECONDS: f64 = 1e-9;
/// How many inputs are named that differ.
const NAMED_INPUTS: usize = 3;
/// How many runs are named when one is asked for that does not exist.
const NAMED_RUNS: usize = 5;

/// Which run made a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The one that the account is of.
    ThisRun,
    /// An earlier one, which has a journal.
    Run(String),
    /// An earlier one of which no journal tells; the times are those of the result's own record.
    Unrecorded,
}

/// A step of a run with its result.
pub struct StepRecord {
    /// Index into [`Pipeline::steps`].
    pub index: usize,
    /// The result.
    pub manifest: ResultManifest,
    /// The project files it read, as they were and still are.
    pub files: Vec<(FileInput, ContentId)>,
    /// Models that it used, by `name@version`.
    pub models: Vec<(String, ContentId)>,
    /// When the work began, RFC 3339.
    pub started: String,
    /// When it was done, RFC 3339.
    pub ended: String,
    /// Who did it.
    pub origin: Origin,
}

/// What a run did.
pub struct Account {
    /// Its id.
    pub run: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// When it was over, or was last heard of.
    pub ended: String,
    /// How it ended; missing where it was killed.
    pub outcome: Option<Outcome>,
    /// The steps that have a result, in running order.
    pub steps: Vec<StepRecord>,
    /// The steps that it covered and that have none.
    pub undone: Vec<String>,
}

/// The account of the run called `run` (the beginning of its id is enough); without it, of the last complete run, else the last.
///
/// # Errors
/// When there is no such run, or when pipeline, files or store are not what they were: an account of something else would be
/// wrong.
pub fn account(pipeline: &Pipeline, store: &Store, run: Option<&str>) -> Result<Account, ProvenanceError> {
    let (runs, at) = choose(pipeline, store, run)?;
    let (id, entries) = &runs[at];
    let begin = entries.first().map(|entry| entry.time.clone()).unwrap_or_default();
    let mut account = Account {
        run: id.clone(),
        started: begin.clone(),
        ended: entries.last().map_or(begin, |entry| entry.time.clone()),
        outcome: entries.iter().rev().find_map(|entry| match entry.event {
            Event::RunFinished { outcome, .. } => Some(outcome),
            _ => None,
        }),
        steps: Vec::new(),
        undone: Vec::new(),
    };
    let covered = covered(entries);
    if let Some(gone) = covered.iter().find(|name| pipeline.step(name).is_none()) {
        return Err(changed(gone, "the pipeline has no such step any more"));
    }
    let history = History::of(store, &pipeline.name, &pipeline.project);
    let mut planner = Planner::new(pipeline, &history).without_counts();
    for (index, step) in pipeline.steps.iter().enumerate() {
        let name = &step.name.value;
        if !covered.contains(&name.as_str()) {
            continue;
        }
        if !has_result(entries, name) {
            account.undone.push(name.clone());
            continue;
        }
        let work = planner.work(index)?;
        let manifest = if step.step.source().is_some() {
            source_result(store, &history, name, &work, &account.ended)?
        } else {
            result(store, &history, name, &work)?
        };
        usable(&history, name, &manifest)?;
        let outputs = manifest.outputs.iter().map(|out| KnownOutput { id: out.id, rows: out.rows.unwrap_or(0) }).collect();
        planner.set_state(index, State::Ready(outputs));
        planner.set_metrics(index, manifest.metrics.clone());
        let (started, ended, origin) = when(&runs[..=at], name, &manifest);
        let files = work.files.iter().filter_map(|(file, content)| Some((file.clone(), (*content)?))).collect();
        let models = models(pipeline, &work);
        account.steps.push(StepRecord { index, manifest, files, models, started, ended, origin });
    }
    Ok(account)
}

fn changed(step: &str, what: impl Into<String>) -> ProvenanceError {
    ProvenanceError::Changed { step: step.to_owned(), what: what.into() }
}

type Runs = Vec<(String, Vec<Entry>)>;

/// The runs of the pipeline, oldest first, and the place of the one that is meant.
fn choose(pipeline: &Pipeline, store: &Store, run: Option<&str>) -> Result<(Runs, usize), ProvenanceError> {
    let mut runs: Runs = Vec::new();
    let journals = journal::runs(store.root()).map_err(ProvenanceError::io("list", &store.root().join("runs")))?;
    for (id, path) in journals {
        let entries = journal::read(&path).map_err(ProvenanceError::io("read", &path))?;
        let own = entries.iter().any(|entry| match &entry.event {
            Event::RunStarted { pipeline: name, .. } => *name == pipeline.name,
            _ => false,
        });
        if own {
            runs.push((id, entries));
        }
    }
    let is_complete = |entries: &[Entry]| {
        entries.iter().any(|entry| matches!(entry.event, Event::RunFinished { outcome: Outcome::Complete, .. }))
    };
    let at = match run {
        None => runs.iter().rposition(|(_, entries)| is_complete(entries)).or_else(|| runs.len().checked_sub(1)),
        Some(id) => runs.iter().position(|(own, _)| own == id).or_else(|| {
            let mut begin = runs.iter().enumerate().filter(|(_, (own, _))| own.starts_with(id));
            begin.next().filter(|_| begin.next().is_none()).map(|(at, _)| at)
        }),
    };
    match (at, run) {
        (Some(at), _) => Ok((runs, at)),
        (None, Some(id)) if !runs.is_empty() => {
            let known = runs.iter().rev().take(NAMED_RUNS).map(|(id, _)| format!("`{id}`")).collect();
            Err(ProvenanceError::NoSuchRun { id: id.to_owned(), known })
        }
        _ => Err(ProvenanceError::NeverRan(pipeline.name.clone())),
    }
}

/// The steps that a run covered.
fn covered(entries: &[Entry]) -> Vec<&str> {
    let steps = entries.iter().find_map(|entry| match &entry.event {
        Event::RunStarted { steps, .. } => Some(steps.iter().map(String::as_str).collect()),
        _ => None,
    });
    steps.unwrap_or_default()
}

fn has_result(entries: &[Entry], name: &str) -> bool {
    entries.iter().any(|entry| match &entry.event {
        Event::StepFinished { step, .. } | Event::StepReused { step, .. } => step == name,
        _ => false,
    })
}

/// The result of a source: the last one that has its recipe and was there when the run ended. Its key holds what lay under the
/// root then, which need not be connected now.
fn source_result(
    store: &Store,
    history: &History<'_>,
    name: &str,
    work: &Work,
    ended: &str,
) -> Result<ResultManifest, ProvenanceError> {
    let fits = |manifest: &ResultManifest| manifest.recipe_key == work.recipe.key() && moment(&manifest.started) <= moment(ended);
    if let Some(head) = history.last_result(name).filter(fits) {
        return Ok(head);
    }
    let mut best: Option<ResultManifest> = None;
    for key in store.results()? {
        let Some(manifest) = store.get_result(key)?.filter(fits) else { continue };
        if best.as_ref().is_none_or(|best| moment(&best.started) < moment(&manifest.started)) {
            best = Some(manifest);
        }
    }
    best.ok_or_else(|| changed(name, "its result is not in the store, or its parameters were changed since"))
}

/// The result of any other step, by its key.
fn result(store: &Store, history: &History<'_>, name: &str, work: &Work) -> Result<ResultManifest, ProvenanceError> {
    let Some(key) = work.key() else { return Err(changed(name, "a step before it has no result")) };
    if let Some(manifest) = store.get_result(key)? {
        return Ok(manifest);
    }
    let Some(last) = history.last_result(name) else { return Err(changed(name, "its result is not in the store any more")) };
    if last.recipe_key != work.recipe.key() {
        return Err(changed(name, "its parameters, or the classes or models that it names, were changed since"));
    }
    let others = other_inputs(&last.inputs, work.inputs.as_deref().unwrap_or_default());
    let more = others.len().saturating_sub(NAMED_INPUTS);
    let names: Vec<_> = others.into_iter().take(NAMED_INPUTS).map(|(what, ..)| format!("`{what}`")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(changed(name, format!("{}{more} changed since", names.join(", "))))
}

/// Tables must be in the store, and files as they were written.
fn usable(history: &History<'_>, name: &str, manifest: &ResultManifest) -> Result<(), ProvenanceError> {
    let what = match history.result(&manifest.key) {
        Ok(_) => return Ok(()),
        Err(Unusable::Written(path)) => format!("`{path}` was edited since it was written"),
        Err(Unusable::Missing(id)) => format!("its output {id} is not in the store any more"),
        Err(Unusable::Damaged(_) | Unusable::Unknown) => "its result is damaged in the store".to_owned(),
    };
    Err(changed(name, what))
}

/// The models by name that the rows of a step are made with.
fn models(pipeline: &Pipeline, work: &Work) -> Vec<(String, ContentId)> {
    let recipes = work.mapper.iter().flat_map(|mapper| mapper.recipes());
    let ids = recipes.filter_map(|recipe| recipe.recipe.model);
    let named = ids.filter_map(|id| {
        let signature = pipeline.models.values().find(|signature| signature.id == id)?;
        Some((signature.model.clone(), id))
    });
    named.collect::<BTreeMap<_, _>>().into_iter().collect()
}

/// When the work behind a result was done, and by which of `runs`, of which the last is the one that the account is of.
fn when(runs: &[(String, Vec<Entry>)], name: &str, manifest: &ResultManifest) -> (String, String, Origin) {
    for (age, (id, entries)) in runs.iter().rev().enumerate() {
        if let Some((started, ended)) = work_on(entries, name, manifest.seconds, age == 0) {
            return (started, ended, if age == 0 { Origin::ThisRun } else { Origin::Run(id.clone()) });
        }
    }
    let ended = moment(&manifest.started).and_then(|start| {
        let end = start.checked_add(SignedDuration::try_from_secs_f64(manifest.seconds).ok()?).ok()?;
        Some(format!("{end:.3}"))
    });
    (manifest.started.clone(), ended.unwrap_or_else(|| manifest.started.clone()), Origin::Unrecorded)
}

/// Beginning and end of the work on a step in one journal. Of an earlier run it must be the very work behind the result, which
/// took as long; the run itself may have done work that a later one recorded anew.
fn work_on(entries: &[Entry], name: &str, took: f64, own: bool) -> Option<(String, String)> {
    let mut begun = None;
    let mut found = None;
    for entry in entries {
        match &entry.event {
            Event::StepStarted { step, .. } if step == name => begun = Some(&entry.time),
            Event::StepFinished { step, seconds, .. } if step == name && (own || (seconds - took).abs() < SAME_SECONDS) => {
                found = Some((begun.unwrap_or(&entry.time).clone(), entry.time.clone()));
            }
            _ => {}
        }
    }
    found
}

fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
