//! Execution: reads what a step needs, runs it, and records what it yielded.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::event::{Event, Observer};
use super::history::{History, step_error};
use super::mapped::{Wanted, assemble};
use super::read::{Mapping, ReadDone, ReadJob, ReadJobs, read_all};
use super::scan::{Scan, known};
use crate::id::{ContentId, ResultKey, RowKey};
use crate::plan::decision::Reason;
use crate::plan::planner::{Known as _, KnownOutput, Planner, State, Work, file_ingredient};
use crate::step::{InputTable, Job, Outputs, Progress, RowMapper, StepError};
use crate::store::{FileRef, OutputRef, RESULT_FORMAT, ResultManifest, RowWriter, Store, StoredTable};
use crate::table::{Schema, Table};

/// Rows in flight are made durable this often: what a killed run loses at most.
const FLUSH_EVERY: Duration = Duration::from_secs(3);
/// The inventory is rewritten as a whole, so more rarely.
const INVENTORY_EVERY: Duration = Duration::from_secs(15);

/// Why a step has no result.
pub(super) enum Failure {
    Step(StepError),
    /// Images must be read and their root is absent.
    Blocked {
        root: String,
        images: u64,
    },
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

/// What a step left behind.
pub(super) struct Executed {
    /// Its new head; `None` where the head stands already.
    pub key: Option<ResultKey>,
    /// Numbers for its gates.
    pub metrics: BTreeMap<String, f64>,
}

/// One step being executed.
pub(super) struct Execution<'e, 'a> {
    pub engine: &'e mut Engine<'a>,
    pub index: usize,
    pub history: &'e History<'e>,
    pub force: bool,
}

impl<'a> Execution<'_, 'a> {
    /// Runs the step and records its result.
    pub fn run(mut self, planner: &mut Planner<'_>, reasons: &[Reason]) -> Result<Executed, Failure> {
        let began = Instant::now();
        let started = (self.engine.host.now)();
        let pipeline = self.engine.pipeline;
        let step = &pipeline.steps[self.index];
        let name = step.name.value.clone();
        let reasons = reasons.iter().map(|reason| serde_json::to_string(reason).unwrap_or_default()).collect();
        self.engine.observer.event(&Event::StepStarted { step: name.clone(), uses: step.kind.name.to_owned(), reasons });
        let work = planner.work(self.index)?;
        let bytes_before = self.engine.bytes_read;
        let tables = self.inputs(planner)?;
        let files = self.files(&work)?;
        let mapped = match &work.mapper {
            Some(mapper) => Some(self.mapped(mapper.as_ref(), &tables, &name)?),
            None => None,
        };
        let rows_total = mapped.as_ref().map_or(0, |mapped| mapped.rows as u64);
        let mut outputs = self.call(tables, files, mapped)?;
        let keys: Vec<_> = work.mapper.iter().flat_map(|mapper| mapper.recipes()).map(|recipe| recipe.key).collect();
        let computed = keys.iter().map(|key| self.engine.computed.remove(key).unwrap_or(0)).sum::<u64>();
        let (work, key) = self.rekey(work, planner)?;
        let stored = self.store_tables(&outputs)?;
        let known: Vec<_> = stored.iter().map(|out| KnownOutput { id: out.id, rows: out.rows.unwrap_or(0) }).collect();
        let last = self.history.last_result(&name);
        let unchanged = last.is_some_and(|last| last.outputs.iter().map(|out| out.id).eq(known.iter().map(|out| out.id)));
        let seconds = began.elapsed().as_secs_f64();
        let files = self.written(&outputs)?;
        let inputs = work.inputs.clone().unwrap_or_default();
        let recipe = work.ingredients.iter().filter(|part| !inputs.contains(part)).cloned().collect();
        let manifest = ResultManifest {
            format: RESULT_FORMAT,
            key,
            step: name.clone(),
            kind: step.kind.name.to_owned(),
            recipe_key: work.recipe.key(),
            recipe,
            inputs,
            rows: keys,
            outputs: stored,
            findings: outputs.findings.clone(),
            metrics: outputs.metrics.clone(),
            files,
            started,
            seconds,
            versions: self.engine.host.versions.clone(),
        };
        self.engine.store.put_result(&manifest).map_err(step_error)?;
        let rows = known.first().map_or(0, |out| out.rows);
        planner.set_state(self.index, State::Ready(known));
        self.engine.observer.event(&Event::StepFinished {
            step: name,
            rows,
            computed,
            cached: rows_total.saturating_sub(computed),
            bytes_read: self.engine.bytes_read - bytes_before,
            seconds,
            unchanged,
            findings: std::mem::take(&mut outputs.findings),
            metrics: outputs.metrics.clone(),
        });
        Ok(Executed { key: Some(key), metrics: outputs.metrics })
    }

    /// The input tables, to be read by the step column by column.
    fn inputs(&self, planner: &Planner<'_>) -> Result<Vec<Vec<StoredInput<'a>>>, StepError> {
        open_inputs(self.engine.pipeline, self.index, planner, self.engine.store)
    }

    /// The contents of declared project files, exactly those whose identity entered the key.
    fn files(&self, work: &Work) -> Result<BTreeMap<String, Vec<u8>>, StepError> {
        let mut files = BTreeMap::new();
        for (file, content) in &work.files {
            let path = self.engine.pipeline.project.join(&file.path);
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

    /// Cached rows of the step's images, after computing those that are missing.
    fn mapped(&mut self, mapper: &dyn RowMapper, tables: &[Vec<StoredInput<'a>>], name: &str) -> Result<Table, Failure> {
        let input = tables.first().and_then(|port| port.first()).ok_or_else(|| StepError::Data("no image table".into()))?;
        let mut columns = vec!["content"];
        columns.extend(mapper.chooses_by().filter(|name| input.schema().field(name).is_some()));
        let images = input.read(Some(&columns))?;
        let wanted = Wanted::of(mapper, &images)?;
        if self.force {
            let all: Vec<_> = (0..mapper.recipes().len()).map(|recipe| wanted.under(recipe)).collect();
            self.compute(mapper, input, &wanted, &all, name)?;
        }
        // Rows lost to damage are computed again; a second round that still lacks some means that their images are gone.
        for _ in 0..2 {
            let assembled = assemble(mapper, &wanted, self.engine.store)?;
            if assembled.missing.iter().all(Vec::is_empty) {
                return Ok(assembled.table);
            }
            self.compute(mapper, input, &wanted, &assembled.missing, name)?;
        }
        let assembled = assemble(mapper, &wanted, self.engine.store)?;
        let missing: usize = assembled.missing.iter().map(Vec::len).sum();
        if missing > 0 {
            return Err(StepError::Data(format!("{missing} images changed or vanished during the run: run again")).into());
        }
        Ok(assembled.table)
    }

    /// Computes rows of images that are known by content, reading each once.
    fn compute(
        &mut self,
        mapper: &dyn RowMapper,
        input: &StoredInput<'a>,
        wanted: &Wanted,
        missing: &[Vec<ContentId>],
        name: &str,
    ) -> Result<(), Failure> {
        let places = input.read(Some(&["root", "path"]))?;
        let (Some(roots), Some(paths)) = (places.column("root"), places.column("path")) else {
            return Err(StepError::Data("the image table has no `root` and `path`".into()).into());
        };
        let located = self.located();
        let mut jobs = Vec::new();
        let mut absent: BTreeMap<String, u64> = BTreeMap::new();
        let mut taken: Vec<Vec<bool>> = missing.iter().map(|list| vec![false; list.len()]).collect();
        for (row, (content, recipe)) in wanted.contents.iter().zip(&wanted.recipes).enumerate() {
            let Some(recipe) = *recipe else { continue };
            let Ok(at) = missing[recipe].binary_search(content) else { continue };
            if std::mem::replace(&mut taken[recipe][at], true) {
                continue;
            }
            let (root, path) = (roots.text(row).unwrap_or_default(), paths.text(row).unwrap_or_default());
            match located.get(root) {
                Some(folder) => {
                    let path = folder.join(crate::path::from_text(path));
                    jobs.push((path, *content, recipe));
                }
                None => *absent.entry(root.to_owned()).or_default() += 1,
            }
        }
        if let Some((root, images)) = absent.into_iter().next() {
            return Err(Failure::Blocked { root, images });
        }
        let context = self.engine.pipeline.context(self.index);
        let known = vec![Arc::default(); mapper.recipes().len()];
        let mappings = [Mapping { step: name, mapper, context, known }];
        let phase = Event::Phase { step: name.to_owned(), phase: "compute".into(), total: jobs.len() as u64 };
        self.engine.observer.event(&phase);
        let mut pass = ReadPass::new(self.engine);
        let workers = pass.engine.workers();
        let cancel = pass.engine.cancel;
        let job = |at: usize| {
            let (path, content, recipe) = &jobs[at];
            ReadJob { path: path.clone(), expected: Some(*content), wants: vec![(0, *recipe)] }
        };
        let jobs = ReadJobs { count: jobs.len(), job: &job };
        let read = read_all(&jobs, &mappings, workers, cancel, &mut |batch| pass.take(&batch, &mut |_| Ok(())));
        pass.finish(read)?;
        self.history.forget_rows();
        Ok(())
    }

    /// Where the pipeline's roots lie now.
    fn located(&self) -> BTreeMap<String, PathBuf> {
        let roots = self.engine.pipeline.roots.iter();
        roots.filter_map(|root| Some((root.name.clone(), super::roots::locate(root)?))).collect()
    }

    fn call(
        &mut self,
        tables: Vec<Vec<StoredInput<'a>>>,
        files: BTreeMap<String, Vec<u8>>,
        mapped: Option<Table>,
    ) -> Result<Outputs, StepError> {
        let step = &self.engine.pipeline.steps[self.index];
        let context = self.engine.pipeline.context(self.index);
        let located = self.located();
        let progress = StepProgress { step: &step.name.value, observer: self.engine.observer };
        let scanned = self.engine.scans.get(&self.index).map(Scan::table).transpose()?;
        let mut job = Job {
            step: &step.name.value,
            context: &context,
            inputs: boxed(tables),
            mapped,
            scanned,
            files,
            locate: &|root, path| Some(located.get(root)?.join(crate::path::from_text(path))),
            progress: &progress,
            cancel: self.engine.cancel,
            workers: self.engine.workers(),
            dry: false,
        };
        let outputs = step.step.run(&mut job)?;
        if outputs.tables.len() != step.outputs.len() {
            let words =
                format!("step kind `{}` yielded {} tables of {}", step.kind.name, outputs.tables.len(), step.outputs.len());
            return Err(StepError::Data(words));
        }
        Ok(outputs)
    }

    /// The work with its key after the run: files that the step rewrote are recorded as they are now.
    fn rekey(&self, mut work: Work, planner: &Planner<'_>) -> Result<(Work, ResultKey), StepError> {
        if work.files.iter().any(|(file, _)| file.rewritten) {
            let before: Vec<_> = work.files.iter().map(|(file, content)| (file.clone(), *content)).collect();
            work = planner.work(self.index)?;
            // A file that the step only reads may have been edited meanwhile: the key says what was read.
            for (file, content) in before {
                let kept = file_ingredient(&file, content);
                let parts = work.inputs.iter_mut().flatten().chain(&mut work.ingredients);
                parts.filter(|part| !file.rewritten && part.name == kept.name).for_each(|part| *part = kept.clone());
            }
        }
        let key = work.key().ok_or_else(|| StepError::Data("an input has no identity".into()))?;
        Ok((work, key))
    }

    fn store_tables(&self, outputs: &Outputs) -> Result<Vec<OutputRef>, StepError> {
        let kind = self.engine.pipeline.steps[self.index].kind;
        let ports = kind.outputs.iter().zip(&outputs.tables);
        ports
            .map(|(port, table)| {
                let id = self.engine.store.put_table(table).map_err(step_error)?;
                Ok(OutputRef { port: port.name.to_owned(), id, rows: Some(table.rows as u64) })
            })
            .collect()
    }

    fn written(&self, outputs: &Outputs) -> Result<Vec<FileRef>, StepError> {
        let identify = |path: &PathBuf| {
            let absolute = self.engine.pipeline.project.join(path);
            let id = self.history.file(&absolute).ok_or_else(|| StepError::File {
                action: "read",
                path: absolute,
                source: std::io::Error::from(std::io::ErrorKind::NotFound),
            })?;
            Ok(FileRef { path: crate::path::to_text(path), id })
        };
        outputs.files.iter().map(identify).collect()
    }
}

/// Opens the input tables of step `index`, whose sources must all have results.
pub(super) fn open_inputs<'s>(
    pipeline: &crate::check::Pipeline,
    index: usize,
    planner: &Planner<'_>,
    store: &'s Store,
) -> Result<Vec<Vec<StoredInput<'s>>>, StepError> {
    let open = |wire: &crate::check::Wire| {
        let Some(State::Ready(outputs)) = planner.state(wire.step) else {
            return Err(StepError::Data("an input has no result".into()));
        };
        let output = outputs.get(wire.output).ok_or_else(|| StepError::Data("an input has no such output".into()))?;
        StoredInput::open(store, output.id)
    };
    let ports = pipeline.steps[index].inputs.iter();
    ports.map(|wires| wires.iter().map(open).collect()).collect()
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

/// Passes a step's progress on under its name.
struct StepProgress<'a> {
    step: &'a str,
    observer: &'a dyn Observer,
}

impl Progress for StepProgress<'_> {
    fn start(&self, phase: &str, total: u64) {
        self.observer.event(&Event::Phase { step: self.step.to_owned(), phase: phase.to_owned(), total });
    }

    fn advance(&self, items: u64, bytes: u64) {
        self.observer.advance(items, bytes);
    }
}

/// The first bytes of an identity.
fn short(id: &[u8; 32]) -> u64 {
    id.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The owner's side of a reading pass: rows go to packs, counts to the engine.
struct ReadPass<'e, 'a> {
    engine: &'e mut Engine<'a>,
    writers: BTreeMap<RowKey, RowWriter<'a>>,
    /// Identical files are read each, and have one row. Eight bytes a row: should two meet by chance, the second is missing
    /// and computed when the step looks for it.
    seen: HashSet<u64>,
    flushed: Instant,
}

impl<'e, 'a> ReadPass<'e, 'a> {
    fn new(engine: &'e mut Engine<'a>) -> Self {
        Self { engine, writers: BTreeMap::new(), seen: HashSet::new(), flushed: Instant::now() }
    }

    fn take(&mut self, batch: &[ReadDone], each: &mut dyn FnMut(&ReadDone) -> Result<(), StepError>) -> Result<(), StepError> {
        let mut bytes = 0;
        for done in batch {
            bytes += done.bytes_read;
            each(done)?;
            let Ok(content) = done.content else { continue };
            for (key, row) in &done.rows {
                if !self.seen.insert(short(key.bytes()) ^ short(content.bytes()).rotate_left(1)) {
                    continue;
                }
                let writer = match self.writers.entry(*key) {
                    std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        let provenance = self.engine.host.provenance();
                        entry.insert(self.engine.store.row_writer(*key, &provenance).map_err(step_error)?)
                    }
                };
                writer.append(content, row).map_err(step_error)?;
                *self.engine.computed.entry(*key).or_default() += 1;
            }
        }
        self.engine.bytes_read += bytes;
        self.engine.observer.advance(batch.len() as u64, bytes);
        if self.flushed.elapsed() >= FLUSH_EVERY {
            for writer in self.writers.values_mut() {
                writer.flush().map_err(step_error)?;
            }
            self.flushed = Instant::now();
        }
        Ok(())
    }

    /// Makes everything durable, also after a failure or an interruption: what was computed is kept.
    fn finish(self, read: Result<(), StepError>) -> Result<(), StepError> {
        let mut outcome = read;
        let mut differing = 0;
        for (_, writer) in self.writers {
            match writer.finish() {
                Ok(written) => differing += written.conflicts.len(),
                Err(error) => outcome = outcome.and(Err(step_error(error))),
            }
        }
        if differing > 0 {
            let message = format!("{differing} rows differ from those computed before; the first ones are kept");
            self.engine.observer.event(&Event::Notice { message });
        }
        outcome
    }
}

impl Engine<'_> {
    /// Reads the files of a source whose content is not known, and computes on the way whatever later steps want of them.
    pub(super) fn read_source(
        &mut self,
        index: usize,
        scan: &mut Scan,
        unread: &[usize],
        planner: &Planner<'_>,
        taken_ns: i64,
    ) -> Result<(), Failure> {
        let Some(folder) = scan.folder.clone() else { return Ok(()) };
        let mappers = self.fused(index, planner);
        let mut mappings = Vec::new();
        for (step, mapper) in &mappers {
            let context = self.pipeline.context(*step);
            // A model that cannot be loaded fails its own step later, not this one.
            if mapper.worker(&context).is_err() {
                continue;
            }
            let name = self.pipeline.steps[*step].name.value.as_str();
            let rows = |recipe: &crate::step::RowRecipe| self.store.row_contents(recipe.key).map(Arc::new);
            let known = mapper.recipes().iter().map(rows).collect::<Result<_, _>>().map_err(step_error)?;
            mappings.push(Mapping { step: name, mapper: mapper.as_ref(), context, known });
        }
        let (paths, pattern) = (Arc::clone(&scan.paths), scan.pattern.clone());
        let wants = |path: &str| -> Vec<(usize, usize)> {
            let captures = pattern.capture(path);
            let choose = |(at, mapping): (usize, &Mapping<'_>)| {
                let name = mapping.mapper.chooses_by();
                let place = name.and_then(|name| pattern.captures().iter().position(|capture| capture == name));
                let text = place.and_then(|place| captures.as_ref()?.get(place).map(|text| (*text).to_owned()));
                mapping.mapper.choose(text.map(crate::table::Cell::Text).as_ref()).map(|recipe| (at, recipe))
            };
            mappings.iter().enumerate().filter_map(choose).collect()
        };
        let job = |at: usize| {
            let path = &paths[unread[at]];
            ReadJob { path: folder.join(crate::path::from_text(path)), expected: None, wants: wants(path) }
        };
        let jobs = ReadJobs { count: unread.len(), job: &job };
        let name = self.pipeline.steps[index].name.value.clone();
        self.observer.event(&Event::Phase { step: name, phase: "read".into(), total: jobs.count as u64 });
        let (workers, cancel, store) = (self.workers(), self.cancel, self.store);
        let mut saved = Instant::now();
        let mut pass = ReadPass::new(self);
        let read = read_all(&jobs, &mappings, workers, cancel, &mut |batch| {
            pass.take(&batch, &mut |done| {
                scan.set(unread[done.job], done.content, done.stat);
                Ok(())
            })?;
            if saved.elapsed() >= INVENTORY_EVERY {
                save_inventory(store, scan, taken_ns)?;
                saved = Instant::now();
            }
            Ok(())
        });
        let read = pass.finish(read);
        // What was hashed is kept, also after an interruption.
        let kept = self.save_inventory(scan, taken_ns);
        read.and(kept)?;
        Ok(())
    }

    /// Mapping steps of this run that want every image of source `index`, each with its per-image function.
    fn fused(&self, index: usize, planner: &Planner<'_>) -> Vec<(usize, Box<dyn RowMapper>)> {
        let mut passes = vec![index];
        let mut mappers = Vec::new();
        for step in self.order() {
            let checked = &self.pipeline.steps[*step];
            let input = checked.inputs.first().and_then(|wires| wires.first());
            if !input.is_some_and(|wire| passes.contains(&wire.step)) {
                continue;
            }
            if checked.kind.keeps_rows {
                passes.push(*step);
            }
            if let Ok(Work { mapper: Some(mapper), .. }) = planner.work(*step) {
                mappers.push((*step, mapper));
            }
        }
        mappers
    }

    /// Remembers what the scan knows of its root.
    pub(super) fn save_inventory(&self, scan: &Scan, taken_ns: i64) -> Result<(), StepError> {
        save_inventory(self.store, scan, taken_ns)
    }
}

fn save_inventory(store: &Store, scan: &Scan, taken_ns: i64) -> Result<(), StepError> {
    let before = known(store, &scan.root)?;
    store.put_inventory(&scan.root, &scan.inventory(&before, taken_ns)?).map_err(step_error)
}
