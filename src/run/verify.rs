//! Verify: computes again what `trapline.lock` names and says how far it agrees.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::compare::{Verdict, compare};
use super::event::{Event, Observer};
use super::gates::failed_gates;
use super::gone::Past;
use super::history::History;
use super::inputs::{boxed, open_inputs, read_files};
use super::kept;
use super::lockfile::{LockFile, LockedOutput, LockedStep};
use super::mapped::{Wanted, assemble};
use super::packed::{self, Packed};
use super::planning::{beside, root_of};
use super::read::{Mapping, ReadJob, ReadJobs, read_all};
use super::record::other_inputs;
use super::scan::scan;
use super::seasons::{self, Sealed};
use super::{RunError, cores, pins, published};
use crate::check::Pipeline;
use crate::id::ContentId;
use crate::plan::planner::{KnownOutput, Planner, State, Work};
use crate::step::export::published::is_ledger;
use crate::step::{Cancel, InputTable as _, Job, Outputs, PortType, Progress, RowMapper, StepError, with_causes};
use crate::store::{Access, ResultManifest, Store};
use crate::table::Table;

mod draw;
mod tally;

use draw::drawn;
pub use draw::sampled;
use tally::Tally;

/// How thoroughly to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Every table operation, from stored inputs and rows: needs no image.
    Tables,
    /// Also this many images of each mapping step, drawn by hash.
    Sample(usize),
    /// Also every image.
    All,
}

/// The verdict on one output, set of rows or file.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Verified {
    /// Which step, or `store` for a damaged file of the store.
    pub step: String,
    /// `recipe`, `input NAME`, `output PORT`, `rows`, `images`, `images withheld`, `model NAME`, `file PATH`, `files of LEDGER`,
    /// `expectations`, `sealed rows`.
    pub what: String,
    /// Rows or files compared.
    pub checked: u64,
    /// How far it agrees.
    pub verdict: Verdict,
}

/// Compares what `trapline.lock` says with what the same work yields now. Writes nothing.
///
/// # Errors
/// When there is no lock, or the store cannot be read.
pub fn verify(
    pipeline: &Pipeline,
    store: &std::path::Path,
    level: Level,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<Vec<Verified>, RunError> {
    let lock = LockFile::read(&pipeline.project)?;
    let store = Store::open(store, Access::Read)?;
    let history = History::of(&store, &pipeline.name, &pipeline.project);
    let mut planner = Planner::new(pipeline, &history);
    let mut verifier = Verifier {
        pipeline,
        store: &store,
        level,
        observer,
        cancel,
        sealed: seasons::read(&pipeline.project)?,
        packed: packed::read(&pipeline.project)?,
        models: BTreeMap::new(),
        looked_at: RefCell::default(),
        found: Vec::new(),
    };
    for (index, step) in pipeline.steps.iter().enumerate() {
        let name = &step.name.value;
        match lock.steps.get(name) {
            Some(locked) => {
                let outputs = locked.outputs.iter().map(|out| KnownOutput { id: out.id, rows: out.rows }).collect();
                planner.set_state(index, State::Ready(outputs));
                let key = planner.work(index).ok().and_then(|work| work.key());
                let by_key = key.and_then(|key| store.get_result(key).ok().flatten());
                // The key of a source holds what lay under its root: without it, the last result counts where it yielded the same.
                let same =
                    |result: &ResultManifest| result.outputs.iter().map(|out| out.id).eq(locked.outputs.iter().map(|out| out.id));
                if let Some(manifest) = by_key.or_else(|| history.last_result(name).filter(same)) {
                    planner.set_metrics(index, manifest.metrics);
                }
                verifier.step(index, locked, &planner)?;
            }
            None if step.stage.is_none() => {
                verifier.say(name, "recipe", 0, Verdict::Differs { what: "the lock has no such step".into() });
            }
            None => {}
        }
    }
    for name in lock.steps.keys().filter(|name| pipeline.step(name).is_none()) {
        verifier.say(name, "recipe", 0, Verdict::Differs { what: "the pipeline has no such step".into() });
    }
    // Label files are inputs of their steps; a seal is the project's own.
    for lost in kept::check(&pipeline.project, &verifier.sealed, true)?.lost {
        verifier.say("seasons", "seal", 1, Verdict::Differs { what: lost.words() });
    }
    for damage in store.take_damages() {
        verifier.say(
            "store",
            &format!("file {}", damage.path),
            1,
            Verdict::Differs { what: format!("damaged: {}", damage.what) },
        );
    }
    Ok(verifier.found)
}

struct Verifier<'a> {
    pipeline: &'a Pipeline,
    store: &'a Store,
    level: Level,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    sealed: Sealed,
    /// The images that came along, where this project is a bundle.
    packed: Option<Packed>,
    /// Models looked at, by name.
    models: BTreeMap<String, Verdict>,
    /// Columns that were read to see whether they are whole.
    looked_at: RefCell<BTreeSet<ContentId>>,
    found: Vec<Verified>,
}

impl Verifier<'_> {
    fn say(&mut self, step: &str, what: &str, checked: u64, verdict: Verdict) {
        self.found.push(Verified { step: step.to_owned(), what: what.to_owned(), checked, verdict });
    }

    fn step(&mut self, index: usize, locked: &LockedStep, planner: &Planner<'_>) -> Result<(), RunError> {
        let step = &self.pipeline.steps[index];
        let name = step.name.value.clone();
        let work = match planner.work(index) {
            Ok(work) => work,
            Err(error) => {
                self.say(&name, "recipe", 0, Verdict::NotCheckable { because: error.to_string() });
                return Ok(());
            }
        };
        if work.recipe.key() != locked.recipe {
            let what = format!("{} instead of {}", work.recipe.key(), locked.recipe);
            self.say(&name, "recipe", 0, Verdict::Differs { what });
            return Ok(());
        }
        let is_source = step.step.source().is_some();
        let others = work.inputs.as_ref().map(|now| other_inputs(&locked.inputs, now)).unwrap_or_default();
        if !is_source && !others.is_empty() {
            for (what, then, now) in others {
                self.say(&name, &what, 1, Verdict::Differs { what: format!("{now} instead of {then}") });
            }
            return Ok(());
        }
        if is_source {
            return self.source(index, locked);
        }
        match self.outputs(index, &work, planner) {
            Ok(outputs) => {
                let is_table = |output: &&LockedOutput| {
                    step.kind.outputs.iter().any(|port| port.name == output.port && port.ty == PortType::Table)
                };
                for (table, output) in outputs.tables.iter().zip(locked.outputs.iter().filter(is_table)) {
                    let verdict = self.against(table, output.id);
                    self.say(&name, &format!("output {}", output.port), output.rows, verdict);
                }
                self.gates(index, locked, &outputs);
            }
            Err(error) => {
                let because =
                    if self.packed.is_some() && is_absent(&error) { "images withheld".to_owned() } else { with_causes(&error) };
                self.say(&name, "output", 0, Verdict::NotCheckable { because });
            }
        }
        self.check_models(index, &work);
        self.files(&name, &work);
        self.pins(index, locked);
        if let Some(mapper) = &work.mapper {
            self.rows(index, mapper.as_ref(), planner)?;
        }
        Ok(())
    }

    /// Compares a freshly made table with the stored one.
    fn against(&self, table: &Table, id: ContentId) -> Verdict {
        if table.id() == id {
            // The same was computed; whether the stored copy is whole too is told with the damages of the store.
            self.look_at(id);
            return Verdict::Exact;
        }
        match self.store.open_table(id).and_then(|stored| stored.read(None)) {
            Ok(then) => compare(table, &then),
            Err(_) => Verdict::Differs { what: format!("{} instead of {id}, which is not in the store", table.id()) },
        }
    }

    /// Reads an object that nothing else may read, so that damage is noticed.
    fn look_at(&self, table: ContentId) {
        let columns = self.store.open_table(table).map(|table| table.column_ids().to_vec()).unwrap_or_default();
        for column in columns {
            // Tables share the columns that they carry on.
            if self.looked_at.borrow_mut().insert(column) {
                let _ = self.store.verify_object(column);
            }
        }
    }

    /// The models by name that rows were made with must be those whose bundles lie here.
    fn check_models(&mut self, index: usize, work: &Work) {
        let recipes = work.mapper.iter().flat_map(|mapper| mapper.recipes());
        let mut ids: Vec<ContentId> = recipes.filter_map(|recipe| recipe.recipe.model).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            // A model that came through a port is an object of the store and has no name.
            let Some(signature) = self.pipeline.models.values().find(|signature| signature.id == id) else { continue };
            let name = signature.model.clone();
            let project = &self.pipeline.project;
            let verdict = self.models.entry(name.clone()).or_insert_with(|| packed::model(project, &name, id)).clone();
            self.say(&self.pipeline.steps[index].name.value, &format!("model {name}"), 1, verdict);
        }
    }

    /// Takes out of `chosen` the rows whose images were withheld from this bundle, and says how many.
    fn at_hand(&mut self, name: &str, table: &Table, chosen: Vec<usize>) -> Vec<usize> {
        let (Some(packed), Some(contents)) = (&self.packed, table.column("content")) else { return chosen };
        let (here, withheld): (Vec<_>, Vec<_>) =
            chosen.into_iter().partition(|row| contents.content(*row).is_none_or(|content| packed.holds(content)));
        if !withheld.is_empty() {
            let because = "images withheld".to_owned();
            self.say(name, "images withheld", withheld.len() as u64, Verdict::NotCheckable { because });
        }
        here
    }

    /// The locked outputs must pass the gates of `expect:`.
    fn gates(&mut self, index: usize, locked: &LockedStep, outputs: &Outputs) {
        let step = &self.pipeline.steps[index];
        if step.expect.is_empty() {
            return;
        }
        let ids: Vec<_> = locked.outputs.iter().map(|output| output.id).collect();
        let verdict = match failed_gates(step, &outputs.metrics, &ids, self.store) {
            Ok(failed) if failed.is_empty() => Verdict::Exact,
            Ok(failed) => {
                let words: Vec<_> = failed.iter().map(|gate| format!("`{}` is not {}", gate.metric, gate.expected)).collect();
                Verdict::Differs { what: words.join(", ") }
            }
            Err(error) => Verdict::NotCheckable { because: with_causes(&error) },
        };
        self.say(&step.name.value, "expectations", step.expect.len() as u64, verdict);
    }

    /// The locked rows of sealed seasons must be those that the seals pin.
    fn pins(&mut self, index: usize, locked: &LockedStep) {
        let step = &self.pipeline.steps[index];
        let (name, Some(column), Some(output)) = (&step.name.value, step.kind.pins, locked.outputs.first()) else { return };
        let pinned: u64 = self.sealed.values().filter_map(|seal| seal.pins.get(name)).map(|pins| pins.len() as u64).sum();
        if !self.sealed.values().any(|seal| seal.pins.contains_key(name)) {
            return;
        }
        let verdict = match self.store.open_table(output.id).and_then(|stored| pins::read(&stored, column)) {
            Ok(table) => match pins::check(&self.sealed, name, column, table.as_ref()) {
                Ok(()) => Verdict::Exact,
                Err(error) => {
                    let words = error.to_string();
                    let first = words.lines().next().unwrap_or_default().trim_end_matches(':');
                    Verdict::Differs { what: first.to_owned() }
                }
            },
            Err(error) => Verdict::NotCheckable { because: with_causes(&error) },
        };
        self.say(name, "sealed rows", pinned, verdict);
    }

    /// Runs the step's table operation on what is stored.
    fn outputs(&self, index: usize, work: &Work, planner: &Planner<'_>) -> Result<Outputs, StepError> {
        let step = &self.pipeline.steps[index];
        let tables = open_inputs(self.pipeline, index, planner, self.store)?;
        let files = read_files(&self.pipeline.project, work)?;
        let mapped = match &work.mapper {
            None => None,
            Some(mapper) => {
                let input = tables.first().and_then(|port| port.first());
                let input = input.ok_or_else(|| StepError::Data("no image table".into()))?;
                let wanted = Wanted::of(mapper.as_ref(), &input.read(None)?)?;
                let assembled = assemble(mapper.as_ref(), &wanted, self.store)?;
                let missing: usize = assembled.missing.iter().map(Vec::len).sum();
                if missing > 0 {
                    return Err(StepError::Data(format!("{missing} rows are not in the store")));
                }
                Some(assembled.table)
            }
        };
        let mut context = self.pipeline.context(index);
        context.ports.clone_from(&work.ports);
        context.lineage.clone_from(&work.lineage);
        let located = super::roots::located(&self.pipeline.roots);
        let mut job = Job {
            step: &step.name.value,
            context: &context,
            inputs: boxed(tables),
            mapped,
            scanned: None,
            files,
            past: crate::step::Past::default(),
            locate: &|root, path| Some(located.get(root)?.join(crate::path::from_text(path))),
            progress: &Silent,
            cancel: self.cancel,
            workers: cores(),
            scratch: None,
            dry: true,
        };
        step.step.run(&mut job)
    }

    /// Files that the step wrote must still be as they were; at level `all` those of exported folders are read.
    fn files(&mut self, name: &str, work: &Work) {
        let manifest = work.key().and_then(|key| self.store.get_result(key).ok().flatten());
        for file in manifest.into_iter().flat_map(|manifest| manifest.files) {
            let (files, verdict) = match &self.packed {
                // Exported images stay at home.
                Some(_) if is_ledger(&file.path) => (0, Verdict::NotCheckable { because: "images withheld".into() }),
                Some(_) if !self.pipeline.project.join(crate::path::from_text(&file.path)).exists() => {
                    (1, Verdict::NotCheckable { because: "it is not in the bundle".into() })
                }
                _ => published::look(&self.pipeline.project, &file, self.level == Level::All),
            };
            let what = if is_ledger(&file.path) { "files of" } else { "file" };
            self.say(name, &format!("{what} {}", crate::path::display(&file.path)), files, verdict);
        }
    }

    /// The stored image table must be whole; at level `all` every file must still hold its content.
    fn source(&mut self, index: usize, locked: &LockedStep) -> Result<(), RunError> {
        let name = self.pipeline.steps[index].name.value.clone();
        self.gone(index)?;
        for output in &locked.outputs {
            let whole = self.store.open_table(output.id).and_then(|table| table.read(None));
            let table = match whole {
                Ok(table) => table,
                Err(error) => {
                    let because = with_causes(&error);
                    self.say(&name, &format!("output {}", output.port), 0, Verdict::NotCheckable { because });
                    continue;
                }
            };
            self.say(&name, &format!("output {}", output.port), output.rows, Verdict::Exact);
            let chosen: Vec<usize> = match self.level {
                Level::Tables => continue,
                Level::All => (0..table.rows).collect(),
                Level::Sample(n) => drawn(&table, n),
            };
            let chosen = self.at_hand(&name, &table, chosen);
            if chosen.is_empty() {
                continue;
            }
            let jobs = self.read_jobs(&table, &chosen, &|_| Vec::new());
            let jobs = match jobs {
                Ok(jobs) => jobs,
                Err(because) => {
                    self.say(&name, "images", 0, Verdict::NotCheckable { because });
                    continue;
                }
            };
            let mut wrong = 0u64;
            read_all(&ReadJobs { count: jobs.len(), job: &in_turn(&jobs) }, &[], cores(), self.cancel, &mut |batch| {
                wrong += batch.iter().filter(|done| done.content.is_err()).count() as u64;
                Ok(())
            })?;
            let verdict = match wrong {
                0 => Verdict::Exact,
                _ => Verdict::Differs { what: format!("{wrong} images are gone or hold other bytes") },
            };
            self.say(&name, "images", jobs.len() as u64, verdict);
        }
        Ok(())
    }

    /// Known images must still be below a root that is there. A bundle has some of them only.
    fn gone(&mut self, index: usize) -> Result<(), RunError> {
        let step = &self.pipeline.steps[index];
        let source = step.step.source().filter(|_| self.packed.is_none());
        let Some(source) = source else { return Ok(()) };
        let Some(root) = root_of(self.pipeline, &source) else { return Ok(()) };
        let mut scan = scan(&source, &beside(self.pipeline, index, &source), root, &self.sealed, self.store)?;
        let history = History::of(self.store, &self.pipeline.name, &self.pipeline.project);
        Past { pipeline: self.pipeline, store: self.store, history: &history, sealed: &self.sealed }.settle(index, &mut scan)?;
        if let Some(gone) = &scan.gone {
            let what = format!("{} known images are gone from root `{}`", gone.images, scan.root);
            self.say(&step.name.value, "images", gone.images, Verdict::Differs { what });
        }
        Ok(())
    }

    /// What to read for the rows at `chosen`, or why that is impossible.
    fn read_jobs(
        &self,
        table: &Table,
        chosen: &[usize],
        wants: &dyn Fn(usize) -> Vec<(usize, usize)>,
    ) -> Result<Vec<ReadJob>, String> {
        let columns = (table.column("content"), table.column("root"), table.column("path"));
        let (Some(contents), Some(roots), Some(paths)) = columns else { return Err("the table has no paths".into()) };
        let mut folders = BTreeMap::new();
        let mut jobs = Vec::with_capacity(chosen.len());
        for row in chosen {
            let (Some(root), Some(path)) = (roots.text(*row), paths.text(*row)) else { continue };
            let folder = folders.entry(root).or_insert_with(|| {
                self.pipeline.roots.iter().find(|declared| declared.name == root).and_then(super::roots::locate)
            });
            let folder = folder.as_ref().ok_or_else(|| format!("images withheld: root `{root}` is not connected"))?;
            let path = folder.join(crate::path::from_text(path));
            jobs.push(ReadJob { path, expected: contents.content(*row), wants: wants(*row) });
        }
        Ok(jobs)
    }

    /// Computes rows of a mapping step again and compares them with those stored.
    fn rows(&mut self, index: usize, mapper: &dyn RowMapper, planner: &Planner<'_>) -> Result<(), RunError> {
        if self.level == Level::Tables {
            return Ok(());
        }
        let name = self.pipeline.steps[index].name.value.clone();
        let tables = open_inputs(self.pipeline, index, planner, self.store)?;
        let Some(input) = tables.first().and_then(|port| port.first()) else { return Ok(()) };
        let table = input.read(None)?;
        let wanted = Wanted::of(mapper, &table)?;
        let chosen = match self.level {
            Level::Sample(n) => drawn(&table, n),
            _ => (0..table.rows).collect(),
        };
        let chosen = self.at_hand(&name, &table, chosen);
        if chosen.is_empty() {
            return Ok(());
        }
        let wants = |row: usize| wanted.recipes[row].map(|recipe| (0, recipe)).into_iter().collect();
        let jobs = match self.read_jobs(&table, &chosen, &wants) {
            Ok(jobs) => jobs,
            Err(because) => {
                self.say(&name, "rows", 0, Verdict::NotCheckable { because });
                return Ok(());
            }
        };
        let phase = Event::Phase { step: name.clone(), phase: "verify".into(), total: jobs.len() as u64 };
        self.observer.event(&phase);
        let known = vec![std::sync::Arc::default(); mapper.recipes().len()];
        let mappings = [Mapping { step: &name, mapper, context: self.pipeline.context(index), known }];
        let mut tally = Tally::default();
        read_all(&ReadJobs { count: jobs.len(), job: &in_turn(&jobs) }, &mappings, cores(), self.cancel, &mut |batch| {
            self.observer.advance(batch.len() as u64, batch.iter().map(|done| done.bytes_read).sum());
            tally.images(&batch, self.store)
        })?;
        let checked = tally.checked;
        self.say(&name, "rows", checked, tally.verdict());
        Ok(())
    }
}

/// Says whether a step failed because a file that it reads is not there: steps that draw on images read them again.
fn is_absent(error: &StepError) -> bool {
    matches!(error, StepError::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
}

/// A list of jobs as a pass takes them.
fn in_turn(jobs: &[ReadJob]) -> impl Fn(usize) -> ReadJob + Sync {
    |at| jobs[at].clone()
}

/// Nobody watches a table operation that is only compared.
struct Silent;

impl Progress for Silent {
    fn start(&self, _phase: &str, _total: u64) {}
    fn advance(&self, _items: u64, _bytes: u64) {}
}
