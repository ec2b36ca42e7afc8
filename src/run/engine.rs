//! Engine: one run, step after step, with every event told and every result recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::event::{Event, Observer, Outcome};
use super::execute::{Executed, Execution, Failure};
use super::forgotten;
use super::gates::{FailedGate, failed_gates};
use super::gone::Past;
use super::history::{History, missing_labels, step_error};
use super::journal::Journal;
use super::kept;
use super::leftovers;
use super::lockfile::{FILE_NAME, LockFile, LockFileError};
use super::planning::{beside, root_of, select};
use super::scan::{Scan, scan};
use super::seasons::{self, Sealed};
use super::{Host, RunError, RunOptions, cores, pins};
use crate::check::Pipeline;
use crate::id::{ContentId, RowKey};
use crate::plan::decision::{Decision, Gone, StepPlan};
use crate::plan::planner::{Planner, State};
use crate::step::{Cancel, StepError, with_causes};
use crate::store::{Access, Store, StoreError, Wait};

/// Damage found while a step reads its inputs is healed by running the steps behind it again: this many times a run.
const HEAL_ATTEMPTS: usize = 8;

/// Runs what `options` ask for and tells `observer` what happens.
///
/// # Errors
/// When the run cannot begin or its record cannot be written. A step that fails is an event and an [`Outcome`], no error.
pub fn run(
    pipeline: &Pipeline,
    options: &RunOptions,
    host: &Host<'_>,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<Outcome, RunError> {
    let began = Instant::now();
    let order = select(pipeline, options)?;
    // A lock that is there and cannot be read must not be written over at the end of the run.
    let frozen = match LockFile::read_if_there(&pipeline.project)? {
        None if options.frozen => return Err(LockFileError::Absent(pipeline.project.join(FILE_NAME)).into()),
        lock => lock.filter(|_| options.frozen),
    };
    let sealed = seasons::read(&pipeline.project)?;
    let kept = kept::check(&pipeline.project, &sealed, options.frozen)?;
    if !kept.lost.is_empty() {
        return Err(RunError::Lost(kept.lost));
    }
    let store = Store::open(&options.store, Access::Write)?;
    let mut told = false;
    let mut keep_waiting = |holder: Option<&crate::store::Holder>| {
        if !std::mem::replace(&mut told, true) {
            let holder = holder.map_or_else(|| "another run".to_owned(), ToString::to_string);
            observer.event(&Event::Notice { message: format!("waiting for the store, in use by {holder}") });
        }
        !cancel.is_cancelled()
    };
    let wait = if options.wait { Wait::While(&mut keep_waiting) } else { Wait::No };
    let lock = store.lock(&host.holder, wait)?;
    leftovers::remove(pipeline)?;
    let journal = Journal::start(store.root(), &host.run_id, host.now, observer);
    if !lock.is_enforced() {
        let message = "this file system knows no locks: make sure that no second run uses the same store".to_owned();
        journal.event(&Event::Notice { message });
    }
    let names = order.iter().map(|index| pipeline.steps[*index].name.value.clone()).collect();
    let (run, pipeline_name, stage) = (host.run_id.clone(), pipeline.name.clone(), options.stage.clone());
    journal.event(&Event::RunStarted { run, pipeline: pipeline_name, steps: names, stage });
    let mut engine = Engine {
        pipeline,
        options,
        host,
        observer: &journal,
        cancel,
        store: &store,
        sealed,
        order,
        frozen,
        scans: BTreeMap::new(),
        computed: BTreeMap::new(),
        finished: BTreeSet::new(),
        bytes_read: 0,
    };
    engine.tell_unheld_pins();
    for path in &kept.rewritten {
        let message = format!(
            "`{}` does not go on from what the last complete run read: rows were changed in place, put in another order, or saved by \
             another programme; answers count as they stand there now (`git diff` shows what differs)",
            crate::path::display(path)
        );
        journal.event(&Event::Notice { message });
    }
    let outcome = engine.heal_and_run()?;
    let seconds = began.elapsed().as_secs_f64();
    journal.event(&Event::RunFinished { outcome, seconds, bytes_read: engine.bytes_read });
    Ok(outcome)
}

/// A run under way.
pub(super) struct Engine<'a> {
    pub pipeline: &'a Pipeline,
    pub options: &'a RunOptions,
    pub host: &'a Host<'a>,
    pub observer: &'a dyn Observer,
    pub cancel: &'a Cancel,
    pub store: &'a Store,
    pub sealed: Sealed,
    order: Vec<usize>,
    pub frozen: Option<LockFile>,
    pub scans: BTreeMap<usize, Scan>,
    /// Rows computed in this run, by recipe.
    pub computed: BTreeMap<RowKey, u64>,
    /// Steps that ran or were told of already, when damage makes the engine start over.
    finished: BTreeSet<usize>,
    pub bytes_read: u64,
}

/// How one pass over the steps ended.
enum Pass {
    Done(Outcome),
    /// Something stored was damaged: the steps that yield it must run again.
    Damaged,
}

impl Engine<'_> {
    /// The steps of the run, in running order.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// How many threads work.
    pub fn workers(&self) -> usize {
        match self.options.jobs {
            0 => cores(),
            jobs => jobs,
        }
    }

    fn heal_and_run(&mut self) -> Result<Outcome, RunError> {
        for _ in 0..HEAL_ATTEMPTS {
            let pass = self.pass()?;
            for damage in self.store.take_damages() {
                self.observer.event(&Event::Notice {
                    message: format!("`{}` was damaged ({}); it is computed again where it is needed", damage.path, damage.what),
                });
            }
            if let Pass::Done(outcome) = pass {
                return Ok(outcome);
            }
        }
        let message = "the store is damaged faster than it heals: check the disk, then `trapline cache verify`".to_owned();
        self.observer.event(&Event::Notice { message });
        Ok(Outcome::Failed)
    }

    /// Goes through all steps once.
    fn pass(&mut self) -> Result<Pass, RunError> {
        let history = History::of(self.store, &self.pipeline.name, &self.pipeline.project);
        let mut planner = Planner::new(self.pipeline, &history).without_counts();
        let mut heads = history.heads().clone();
        let mut stopped = BTreeSet::new();
        let mut worst = Outcome::Complete;
        for index in self.order.clone() {
            if self.cancel.is_cancelled() {
                return Ok(Pass::Done(Outcome::Interrupted));
            }
            let name = &self.pipeline.steps[index].name.value;
            let before = self.pipeline.steps[index].inputs.iter().flatten().find(|wire| stopped.contains(&wire.step));
            if let Some(wire) = before {
                stopped.insert(index);
                planner.set_state(index, State::Stale);
                let because = self.pipeline.steps[wire.step].name.value.clone();
                self.observer.event(&Event::StepSkipped { step: name.clone(), because });
                continue;
            }
            let mut result = self.step(index, &mut planner, &history);
            if let Ok(Stepped::Ready(executed)) = &result {
                if let Some(key) = executed.key {
                    self.changes(index, &planner, &history);
                    heads.steps.insert(name.clone(), key);
                    self.store.put_heads(&self.pipeline.name, &heads)?;
                }
                let labels = missing_labels(&executed.metrics);
                planner.set_missing_labels(index, labels);
                if labels > 0 {
                    // The step itself is done as far as it can be; what depends on it says that it waits.
                    worst = graver(worst, Outcome::Waiting);
                    self.observer.event(&Event::StepWaits { step: name.clone(), labels });
                }
                result = self.judge(index, &executed.metrics, &planner);
            }
            let outcome = match result {
                Ok(Stepped::Ready(_)) => Outcome::Complete,
                Ok(Stepped::Refused) => Outcome::Failed,
                Ok(Stepped::Waits(labels)) => {
                    self.observer.event(&Event::StepWaits { step: name.clone(), labels });
                    Outcome::Waiting
                }
                Err(Failure::Blocked { root, images }) => self.blocked(index, &mut planner, root, images, None),
                Ok(Stepped::Blocked(root, images, gone)) => self.blocked(index, &mut planner, root, images, gone),
                Err(Failure::Step(StepError::Interrupted)) => return Ok(Pass::Done(Outcome::Interrupted)),
                Err(Failure::Step(error)) if is_damage(&error) => {
                    self.find_damage(&planner)?;
                    return Ok(Pass::Damaged);
                }
                Err(Failure::Step(error)) => {
                    self.observer.event(&Event::StepFailed { step: name.clone(), error: with_causes(&error) });
                    Outcome::Failed
                }
            };
            if outcome != Outcome::Complete {
                stopped.insert(index);
                worst = graver(worst, outcome);
                if outcome == Outcome::Failed && !self.options.keep_going {
                    break;
                }
            }
        }
        if worst == Outcome::Complete {
            self.write_lock(&planner)?;
        }
        Ok(Pass::Done(worst))
    }

    /// Tells that a step waits for a disk or for images.
    fn blocked(&self, index: usize, planner: &mut Planner<'_>, root: String, images: u64, gone: Option<Box<Gone>>) -> Outcome {
        let step = self.pipeline.steps[index].name.value.clone();
        planner.set_state(index, State::Blocked(root.clone(), images, gone.clone()));
        self.observer.event(&Event::StepBlocked { step, root, images, gone });
        Outcome::Blocked
    }

    /// Looks at every table behind the steps so far, so that one round heals all that is damaged and not only what was met first.
    fn find_damage(&self, planner: &Planner<'_>) -> Result<(), StoreError> {
        for index in &self.order {
            let Some(State::Ready(outputs)) = planner.state(*index) else { continue };
            for output in outputs {
                self.find_damaged_columns(output.id)?;
            }
        }
        Ok(())
    }

    fn find_damaged_columns(&self, table: ContentId) -> Result<(), StoreError> {
        // A model has no columns: it is one object.
        let columns = self.store.open_table(table).map_or_else(|_| vec![table], |table| table.column_ids().to_vec());
        for column in &columns {
            match self.store.verify_object(*column) {
                Ok(_) | Err(StoreError::Missing(_) | StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Decides one step and does what was decided.
    fn step(&mut self, index: usize, planner: &mut Planner<'_>, history: &History<'_>) -> Result<Stepped, Failure> {
        let began = Instant::now();
        if self.pipeline.steps[index].step.source().is_some() {
            self.scan_source(index, planner, history)?;
        }
        let name = self.pipeline.steps[index].name.value.clone();
        let force = self.options.force.contains(&name) && !self.finished.contains(&index);
        let plan = planner.decide(index, force)?;
        // A step that is held back is compared when all its images are there.
        if !matches!(plan.decision, Decision::Blocked { .. }) {
            self.check_frozen(index, planner)?;
        }
        match plan.decision {
            Decision::Reuse => Ok(self.reuse(index, &plan, history)),
            Decision::Wait { labels } => Ok(Stepped::Waits(labels)),
            Decision::Blocked { root, images, gone } => Ok(Stepped::Blocked(root, images, gone)),
            Decision::Unknown { upstream } => Err(StepError::Data(format!("step `{upstream}` before it has no result")).into()),
            Decision::Run(reasons) => {
                let executed = Execution { engine: self, index, history, force, began }.run(planner, &reasons)?;
                self.finished.insert(index);
                self.check_frozen_outputs(index, planner)?;
                Ok(Stepped::Ready(executed))
            }
        }
    }

    fn reuse(&mut self, index: usize, plan: &StepPlan, history: &History<'_>) -> Stepped {
        let key = plan.key;
        let manifest = key.and_then(|key| self.store.get_result(key).ok().flatten());
        let (findings, metrics) = manifest.map(|manifest| (manifest.findings, manifest.metrics)).unwrap_or_default();
        // When damage makes the engine start over, steps that are done are not told of twice.
        if self.finished.insert(index) {
            self.observer.event(&Event::StepReused { step: plan.name.clone(), rows: plan.total.unwrap_or(0), findings });
        }
        let is_head = history.heads().steps.get(&plan.name) == key.as_ref();
        Stepped::Ready(Executed { key: if is_head { None } else { key }, metrics })
    }

    /// Looks under the root of a source step and reads what is not known yet, once for all who want it.
    fn scan_source(&mut self, index: usize, planner: &mut Planner<'_>, history: &History<'_>) -> Result<(), Failure> {
        if !self.scans.contains_key(&index) {
            let step = &self.pipeline.steps[index];
            let (Some(source), name) = (step.step.source(), step.name.value.clone()) else { return Ok(()) };
            self.observer.event(&Event::Phase { step: name, phase: "scan".into(), total: 0 });
            let root = root_of(self.pipeline, &source)
                .ok_or_else(|| StepError::Data(format!("root `{}` is not declared", source.root)))?;
            let taken_ns = (self.host.now_ns)();
            let mut scan = scan(&source, &beside(self.pipeline, index, &source), root, &self.sealed, self.store)?;
            let unread = scan.unread();
            if !unread.is_empty() {
                self.read_source(index, &mut scan, &unread, planner, taken_ns)?;
                history.forget_rows();
            }
            // What is gone is looked for when the bytes of all that is there are known: an image under another path has moved.
            let past = Past { pipeline: self.pipeline, store: self.store, history, sealed: &self.sealed };
            let forgotten = past.settle(index, &mut scan)?;
            if scan.lost_entries() {
                self.save_inventory(&scan, taken_ns)?;
            }
            if forgotten > 0 {
                let message = format!(
                    "{forgotten} images that are gone from root `{}` are forgotten, as `{}` says",
                    scan.root,
                    forgotten::FILE_NAME
                );
                self.observer.event(&Event::Notice { message });
            }
            scan.check_seals(&self.sealed)?;
            // A frozen run changes nothing in the project: other images are other inputs, which it refuses.
            if self.frozen.is_none() {
                let last = history.last_result(&self.pipeline.steps[index].name.value);
                let told = super::moves::follow(self.pipeline, &scan, self.store, last.as_ref(), &(self.host.now)())?;
                for message in told {
                    self.observer.event(&Event::Notice { message });
                }
            }
            self.scans.insert(index, scan);
        }
        if let Some(scan) = self.scans.get(&index) {
            planner.set_source(index, scan.state());
        }
        Ok(())
    }

    /// Tells what changed in the first output of a step that gets a new head. What cannot be read any more is no change.
    fn changes(&self, index: usize, planner: &Planner<'_>, history: &History<'_>) {
        let step = &self.pipeline.steps[index];
        if step.kind.pins.is_none() && !step.step.tells_changes() {
            return;
        }
        let Some(last) = history.last_result(&step.name.value) else { return };
        let (Some(State::Ready(outputs)), Some(before)) = (planner.state(index), last.outputs.first()) else { return };
        let Some(after) = outputs.first().filter(|after| after.id != before.id) else { return };
        let read = |id| self.store.open_table(id).and_then(|table| table.read(None));
        let (Ok(before), Ok(after)) = (read(before.id), read(after.id)) else { return };
        let findings = step.step.changes(&before, &after);
        if !findings.is_empty() {
            self.observer.event(&Event::StepChanged { step: step.name.value.clone(), findings });
        }
    }

    /// Holds the results of a step against the sealed seasons and its gates. They are kept whatever comes out.
    fn judge(&self, index: usize, metrics: &BTreeMap<String, f64>, planner: &Planner<'_>) -> Result<Stepped, Failure> {
        self.check_pins(index, planner)?;
        Ok(if self.gates(index, metrics, planner)? { Stepped::Ready(Executed::default()) } else { Stepped::Refused })
    }

    /// The rows of sealed seasons must be those that the seals pin.
    fn check_pins(&self, index: usize, planner: &Planner<'_>) -> Result<(), StepError> {
        let step = &self.pipeline.steps[index];
        let (Some(column), Some(State::Ready(outputs))) = (step.kind.pins, planner.state(index)) else { return Ok(()) };
        let name = &step.name.value;
        let Some(output) = outputs.first().filter(|_| self.sealed.values().any(|seal| seal.pins.contains_key(name))) else {
            return Ok(());
        };
        let table = self.store.open_table(output.id).and_then(|stored| pins::read(&stored, column)).map_err(step_error)?;
        pins::check(&self.sealed, name, column, table.as_ref())
    }

    /// Says which sealed rows nothing can be held against any more.
    fn tell_unheld_pins(&self) {
        for (season, seal) in &self.sealed {
            for step in seal.pins.keys() {
                let pins = self.pipeline.step(step).is_some_and(|index| self.pipeline.steps[index].kind.pins.is_some());
                if !pins {
                    let message = format!(
                        "season {season} is sealed with rows of step `{step}`, which the pipeline does not have any more: nothing \
                         compares them (`trapline season reopen {season} --because \"...\"` and seal it again to drop them)"
                    );
                    self.observer.event(&Event::Notice { message });
                }
            }
        }
    }

    /// Compares the results with the gates of `expect:`; false where one failed.
    fn gates(&self, index: usize, metrics: &BTreeMap<String, f64>, planner: &Planner<'_>) -> Result<bool, Failure> {
        let step = &self.pipeline.steps[index];
        let Some(State::Ready(outputs)) = planner.state(index) else { return Ok(true) };
        let tables: Vec<_> = outputs.iter().map(|output| output.id).collect();
        let failed = failed_gates(step, metrics, &tables, self.store).map_err(step_error)?;
        let passed = failed.is_empty();
        for FailedGate { metric, expected, found, rows } in failed {
            let step = step.name.value.clone();
            self.observer.event(&Event::GateFailed { step, metric, expected, found, rows });
        }
        Ok(passed)
    }
}

/// What became of one step.
enum Stepped {
    Ready(Executed),
    /// It has results that a gate refuses.
    Refused,
    Waits(u64),
    Blocked(String, u64, Option<Box<Gone>>),
}

/// The graver of two outcomes: a failure outweighs waiting, waiting a missing disk.
fn graver(a: Outcome, b: Outcome) -> Outcome {
    let weight = |outcome| match outcome {
        Outcome::Complete => 0,
        Outcome::Blocked => 1,
        Outcome::Waiting => 2,
        Outcome::Failed => 3,
        Outcome::Interrupted => 4,
    };
    if weight(b) > weight(a) { b } else { a }
}

fn is_damage(error: &StepError) -> bool {
    let StepError::Store(source) = error else { return false };
    matches!(source.downcast_ref::<StoreError>(), Some(StoreError::Damaged { .. } | StoreError::Missing(_)))
}
