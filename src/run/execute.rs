//! Execution: reads what a step needs, runs it, and records what it yielded.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::engine::Engine;
use super::event::{Event, Observer};
use super::history::{History, step_error};
use super::inputs::{StoredInput, boxed, open_inputs, read_files};
use super::lockfile::{LockFile, LockFileError};
use super::mapped::{Wanted, assemble};
use super::pass::ReadPass;
use super::read::{Mapping, ReadJob, ReadJobs, read_all};
use super::scan::Scan;
use crate::id::{ContentId, ResultKey};
use crate::plan::decision::Reason;
use crate::plan::planner::{Known as _, KnownOutput, Planner, State, Work, file_ingredient};
use crate::step::{InputTable, Job, Outputs, Past, PortType, Progress, RowMapper, StepError, with_causes};
use crate::store::{FileRef, OutputRef, RESULT_FORMAT, ResultManifest};
use crate::table::Table;

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
#[derive(Default)]
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
    /// When the work for the step began: looking under its root and reading belong to it.
    pub began: Instant,
}

impl<'a> Execution<'_, 'a> {
    /// Runs the step and records its result.
    pub fn run(mut self, planner: &mut Planner<'_>, reasons: &[Reason]) -> Result<Executed, Failure> {
        let began = self.began;
        let started = (self.engine.host.now)();
        let pipeline = self.engine.pipeline;
        let step = &pipeline.steps[self.index];
        let name = step.name.value.clone();
        let reasons = reasons.iter().map(|reason| serde_json::to_string(reason).unwrap_or_default()).collect();
        self.engine.observer.event(&Event::StepStarted { step: name.clone(), uses: step.kind.name.to_owned(), reasons });
        let work = planner.work(self.index)?;
        let bytes_before = self.engine.bytes_read;
        let tables = self.inputs(planner)?;
        let files = read_files(&self.engine.pipeline.project, &work)?;
        let mapped = match &work.mapper {
            Some(mapper) => Some(self.mapped(mapper.as_ref(), &tables, &name)?),
            None => None,
        };
        let rows_total = mapped.as_ref().map_or(0, |mapped| mapped.rows as u64);
        let mut outputs = self.call(tables, files, mapped, &work)?;
        let keys: Vec<_> = work.mapper.iter().flat_map(|mapper| mapper.recipes()).map(|recipe| recipe.key).collect();
        let computed = keys.iter().map(|key| self.engine.computed.remove(key).unwrap_or(0)).sum::<u64>();
        let (work, key) = self.rekey(work, planner)?;
        let stored = self.store_outputs(&outputs)?;
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
        self.engine.store.clear_scratch(key);
        let rows = known.first().map_or(0, |out| out.rows);
        planner.set_state(self.index, State::Ready(known));
        planner.set_metrics(self.index, outputs.metrics.clone());
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
        let located = super::roots::located(&self.engine.pipeline.roots);
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

    fn call(
        &mut self,
        tables: Vec<Vec<StoredInput<'a>>>,
        files: BTreeMap<String, Vec<u8>>,
        mapped: Option<Table>,
        work: &Work,
    ) -> Result<Outputs, StepError> {
        let step = &self.engine.pipeline.steps[self.index];
        let mut context = self.engine.pipeline.context(self.index);
        context.ports.clone_from(&work.ports);
        context.lineage.clone_from(&work.lineage);
        let located = super::roots::located(&self.engine.pipeline.roots);
        let progress = StepProgress { step: &step.name.value, observer: self.engine.observer };
        let scanned = self.engine.scans.get(&self.index).map(Scan::table).transpose()?;
        let mut job = Job {
            step: &step.name.value,
            context: &context,
            inputs: boxed(tables),
            mapped,
            scanned,
            files,
            past: self.past(work)?,
            locate: &|root, path| Some(located.get(root)?.join(crate::path::from_text(path))),
            progress: &progress,
            cancel: self.engine.cancel,
            workers: self.engine.workers(),
            scratch: work.key().map(|key| self.engine.store.scratch(key)),
            dry: false,
        };
        let outputs = step.step.run(&mut job)?;
        let ports = |ty| step.kind.outputs.iter().filter(|port| port.ty == ty).count();
        let (tables, models) = (outputs.tables.len(), outputs.models.len());
        if (tables, models) != (ports(PortType::Table), ports(PortType::Model)) {
            let words =
                format!("step kind `{}` yielded {tables} tables and {models} models, not what it declares", step.kind.name);
            return Err(StepError::Data(words));
        }
        Ok(outputs)
    }

    /// Says whether every column of a stored table is there and as it was written.
    fn is_sound(&self, table: ContentId) -> bool {
        let store = self.engine.store;
        let columns = store.open_table(table).map(|table| table.column_ids().to_vec());
        columns.is_ok_and(|columns| columns.iter().all(|column| store.verify_object(*column).is_ok()))
    }

    /// What earlier runs knew of a step that keeps a file of its own. Where it is forced, it begins anew.
    fn past(&self, work: &Work) -> Result<Past<'a>, StepError> {
        let mut past = Past::default();
        if self.force || !work.files.iter().any(|(file, _)| file.rewritten) {
            return Ok(past);
        }
        let name = &self.engine.pipeline.steps[self.index].name.value;
        let last = self.history.last_result(name).and_then(|last| last.outputs.first().map(|output| output.id));
        // What the store has lost, or holds damaged, it cannot tell of: the lock may.
        let last = last.filter(|id| self.is_sound(*id));
        past.table =
            last.and_then(|id| Some(Box::new(StoredInput::open(self.engine.store, id).ok()?) as Box<dyn InputTable + 'a>));
        let lock = match LockFile::read(&self.engine.pipeline.project) {
            Ok(lock) => lock,
            Err(LockFileError::Absent(_)) => return Ok(past),
            Err(error) => return Err(StepError::Data(with_causes(&error))),
        };
        if let Some(step) = lock.steps.get(name).filter(|_| lock.pipeline == self.engine.pipeline.name) {
            past.locked_rows = step.outputs.first().map(|output| output.rows);
            let files =
                step.inputs.iter().filter_map(|input| Some((input.name.strip_prefix("file ")?, input.value.parse().ok()?)));
            past.locked_files = files.map(|(name, id)| (name.to_owned(), id)).collect();
        }
        Ok(past)
    }

    /// The work with its key after the run: files that the step rewrote are recorded as they are now.
    fn rekey(&self, mut work: Work, planner: &Planner<'_>) -> Result<(Work, ResultKey), StepError> {
        if work.files.iter().any(|(file, _)| file.rewritten) {
            let before: Vec<_> = work.files.iter().map(|(file, content)| (file.clone(), *content)).collect();
            planner.forget_files(self.index);
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

    fn store_outputs(&self, outputs: &Outputs) -> Result<Vec<OutputRef>, StepError> {
        let store = self.engine.store;
        let (mut tables, mut models) = (outputs.tables.iter(), outputs.models.iter());
        let mut stored = Vec::new();
        for port in self.engine.pipeline.steps[self.index].kind.outputs {
            let (id, rows) = match port.ty {
                PortType::Table => {
                    let Some(table) = tables.next() else { continue };
                    (store.put_table(table), Some(table.rows as u64))
                }
                PortType::Model => {
                    let Some(model) = models.next() else { continue };
                    (store.put(model), None)
                }
                PortType::Files | PortType::Report | PortType::Step => continue,
            };
            stored.push(OutputRef { port: port.name.to_owned(), id: id.map_err(step_error)?, rows });
        }
        Ok(stored)
    }

    fn written(&self, outputs: &Outputs) -> Result<Vec<FileRef>, StepError> {
        let identify = |path: &PathBuf| {
            let absolute = self.engine.pipeline.project.join(path);
            let id = self.history.file(&absolute)?.ok_or_else(|| StepError::File {
                action: "read",
                path: absolute,
                source: std::io::Error::from(std::io::ErrorKind::NotFound),
            })?;
            Ok(FileRef { path: crate::path::to_text(path), id })
        };
        outputs.files.iter().map(identify).collect()
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
