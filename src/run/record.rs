//! Record: `trapline.lock` after a complete run, and `--frozen`, which holds a run to it.

use std::collections::BTreeMap;

use super::RunError;
use super::compare::compare_stored;
use super::engine::Engine;
use super::event::Event;
use super::execute::Failure;
use super::lockfile::{self, LockFile, LockFileError};
use super::seasons;
use crate::id::ContentId;
use crate::plan::planner::{Planner, State};
use crate::step::StepError;

impl Engine<'_> {
    /// The recipe and inputs of a step must be those of the lock.
    pub(super) fn check_frozen(&self, index: usize, planner: &Planner<'_>) -> Result<(), Failure> {
        let Some(lock) = &self.frozen else { return Ok(()) };
        let name = &self.pipeline.steps[index].name.value;
        let work = planner.work(index)?;
        let Some(locked) = lock.steps.get(name) else {
            return Err(StepError::Data(format!("--frozen: step `{name}` is not in `{}`", lockfile::FILE_NAME)).into());
        };
        if work.recipe.key() != locked.recipe {
            let words = format!(
                "--frozen: the recipe of step `{name}` is not the locked one (`trapline why {name}` shows what it is made of)"
            );
            return Err(StepError::Data(words).into());
        }
        let changed = work.inputs.iter().flatten().zip(&locked.inputs).find(|(now, then)| now != then);
        if let Some((now, then)) = changed {
            let words = format!("--frozen: {} of step `{name}` is {}, the lock says {}", now.name, now.value, then.value);
            return Err(StepError::Data(words).into());
        }
        Ok(())
    }

    /// The outputs of a step that ran must be those of the lock, within tolerance.
    pub(super) fn check_frozen_outputs(&self, index: usize, planner: &Planner<'_>) -> Result<(), Failure> {
        let Some(lock) = &self.frozen else { return Ok(()) };
        let name = &self.pipeline.steps[index].name.value;
        let (Some(locked), Some(State::Ready(outputs))) = (lock.steps.get(name), planner.state(index)) else { return Ok(()) };
        for (now, then) in outputs.iter().zip(&locked.outputs) {
            if now.id == then.id {
                continue;
            }
            let verdict = compare_stored(self.store, now.id, then.id);
            if !verdict.is_within_tolerance() {
                let words = format!("--frozen: output `{}` of step `{name}` differs from the lock: {verdict}", then.port);
                return Err(StepError::Data(words).into());
            }
        }
        Ok(())
    }

    /// Writes `trapline.lock` after a complete run of the everyday steps.
    pub(super) fn write_lock(&self, planner: &Planner<'_>) -> Result<(), RunError> {
        let everyday: Vec<_> =
            (0..self.pipeline.steps.len()).filter(|index| self.pipeline.steps[*index].stage.is_none()).collect();
        let partial = self.options.stage.is_some() || everyday.iter().any(|index| !self.order().contains(index));
        let why = if self.options.frozen {
            return Ok(());
        } else if partial {
            "only some steps ran"
        } else if self.pipeline.overridden {
            "parameters were overridden on the command line"
        } else {
            let lock = self.lock_file(planner, &everyday)?;
            return Ok(lock.write(&self.pipeline.project)?);
        };
        let message = format!("{} is left as it is: {why}", lockfile::FILE_NAME);
        self.observer.event(&Event::Notice { message });
        Ok(())
    }

    fn lock_file(&self, planner: &Planner<'_>, steps: &[usize]) -> Result<LockFile, RunError> {
        let mut lock = LockFile {
            pipeline: self.pipeline.name.clone(),
            tool: format!("trapline {}", env!("CARGO_PKG_VERSION")),
            ..LockFile::default()
        };
        for index in steps {
            let step = &self.pipeline.steps[*index];
            let (Ok(work), Some(State::Ready(outputs))) = (planner.work(*index), planner.state(*index)) else { continue };
            for recipe in work.mapper.iter().flat_map(|mapper| mapper.recipes()) {
                lock.numerics.extend(recipe.recipe.numerics.map(|n| format!("{}/{}", n.engine, n.epoch)));
                let model = |id: &ContentId| self.pipeline.models.values().find(|signature| signature.id == *id);
                if let Some(signature) = recipe.recipe.model.as_ref().and_then(model) {
                    lock.models.insert(signature.model.clone(), signature.id);
                }
            }
            let ports = step.kind.outputs.iter().zip(outputs);
            let outputs = ports
                .map(|(port, output)| lockfile::LockedOutput { port: port.name.to_owned(), id: output.id, rows: output.rows })
                .collect();
            let inputs = work.inputs.unwrap_or_default();
            let step_lock = lockfile::LockedStep { recipe: work.recipe.key(), inputs, outputs };
            lock.steps.insert(step.name.value.clone(), step_lock);
        }
        lock.seasons = match self.unchanged_seasons(&lock) {
            Some(seasons) => seasons,
            None => self.season_manifests()?,
        };
        Ok(lock)
    }

    /// The seasons of the lock on disk, where every source lists what it listed then: a run that changes nothing makes no manifests.
    fn unchanged_seasons(&self, lock: &LockFile) -> Option<BTreeMap<String, lockfile::LockedSeason>> {
        let before = LockFile::read(&self.pipeline.project).ok()?;
        let sources = self.scans.keys().map(|index| &self.pipeline.steps[*index].name.value);
        let inputs = |lock: &LockFile, name: &String| lock.steps.get(name).map(|step| step.inputs.clone());
        let unchanged = sources.into_iter().all(|name| {
            let now = inputs(lock, name);
            now.is_some() && now == inputs(&before, name)
        });
        unchanged.then_some(before.seasons)
    }

    /// The manifest of every season, over all sources.
    fn season_manifests(&self) -> Result<BTreeMap<String, lockfile::LockedSeason>, RunError> {
        let mut seasons: BTreeMap<String, Vec<seasons::SealedFile>> = BTreeMap::new();
        for scan in self.scans.values() {
            for (season, files) in scan.seasons() {
                seasons.entry(season).or_default().extend(files);
            }
        }
        let lock = |(season, mut files): (String, Vec<seasons::SealedFile>)| {
            files.sort_by(|a, b| (&a.root, &a.path).cmp(&(&b.root, &b.path)));
            files.dedup();
            let manifest = seasons::manifest_id(&files).map_err(|error| LockFileError::Io {
                action: "write",
                path: self.pipeline.project.join(lockfile::FILE_NAME),
                source: std::io::Error::other(error),
            })?;
            Ok((season, lockfile::LockedSeason { manifest, files: files.len() as u64 }))
        };
        seasons.into_iter().map(lock).collect()
    }
}
