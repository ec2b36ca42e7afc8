//! Pass: one reading of many images, its rows made durable as they come.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::event::Event;
use super::execute::Failure;
use super::history::step_error;
use super::read::{Mapping, ReadDone, ReadJob, ReadJobs, read_all};
use super::scan::{Scan, known};
use crate::id::RowKey;
use crate::plan::planner::{Planner, Work};
use crate::step::{RowMapper, StepError};
use crate::store::{RowWriter, Store};

/// Rows in flight are made durable this often: what a killed run loses at most.
const FLUSH_EVERY: Duration = Duration::from_secs(3);
/// The inventory is rewritten as a whole, so more rarely.
const INVENTORY_EVERY: Duration = Duration::from_secs(15);

/// The first bytes of an identity.
fn short(id: &[u8; 32]) -> u64 {
    id.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The owner's side of a reading pass: rows go to packs, counts to the engine.
pub(super) struct ReadPass<'e, 'a> {
    pub engine: &'e mut Engine<'a>,
    writers: BTreeMap<RowKey, RowWriter<'a>>,
    /// Identical files are read each, and have one row. Eight bytes a row: should two meet by chance, the second is missing
    /// and computed when the step looks for it.
    seen: HashSet<u64>,
    flushed: Instant,
}

impl<'e, 'a> ReadPass<'e, 'a> {
    pub fn new(engine: &'e mut Engine<'a>) -> Self {
        Self { engine, writers: BTreeMap::new(), seen: HashSet::new(), flushed: Instant::now() }
    }

    pub fn take(
        &mut self,
        batch: &[ReadDone],
        each: &mut dyn FnMut(&ReadDone) -> Result<(), StepError>,
    ) -> Result<(), StepError> {
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
    pub fn finish(self, read: Result<(), StepError>) -> Result<(), StepError> {
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
                let text = place.and_then(|place| captures.as_ref()?.get(place).map(|text| text.clone().into_owned()));
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
