//! Record: `trapline.lock` after a complete run, and `--frozen`, which holds a run to it.

use std::collections::BTreeMap;

use super::RunError;
use super::compare::compare_stored;
use super::engine::Engine;
use super::event::Event;
use super::execute::Failure;
use super::lockfile::{self, LockFile, LockFileError};
use super::seasons::{self, Seal};
use crate::check::Pipeline;
use crate::id::ContentId;
use crate::model::packed::unpack;
use crate::model::{Bundle, BundleError, MODEL_FILE, bundle_folder};
use crate::plan::planner::{Planner, State};
use crate::recipe::Ingredient;
use crate::step::{LABEL_FILE, PortModels, StepError, with_causes};

/// The identity of a file that does not exist.
const ABSENT: &str = "absent";

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
        let Some(inputs) = &work.inputs else { return Ok(()) };
        if let Some((what, then, now)) = other_inputs(&locked.inputs, inputs).into_iter().next() {
            let words = match what.strip_prefix("file ").filter(|file| file.starts_with(LABEL_FILE)) {
                Some(file) => {
                    let found = work.files.iter().find(|(own, _)| own.name == file);
                    // A file that is gone has but its name.
                    let path = found.map_or_else(|| file.to_owned(), |(own, _)| crate::path::to_text(&own.path));
                    let what = grew(&then, &now);
                    format!("--frozen: the labels of step `{name}` are not the locked ones: `{path}` {what}")
                }
                None => format!("--frozen: {what} of step `{name}` is {now}, the lock says {then}"),
            };
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
            let Some(State::Ready(outputs)) = planner.state(*index) else { continue };
            let work = planner.work(*index)?;
            for recipe in work.mapper.iter().flat_map(|mapper| mapper.recipes()) {
                lock.numerics.extend(recipe.recipe.numerics.map(|n| format!("{}/{}", n.engine, n.epoch)));
                let model = |id: &ContentId| self.pipeline.models.values().find(|signature| signature.id == *id);
                if let Some(signature) = recipe.recipe.model.as_ref().and_then(model) {
                    let training = training_of(&self.pipeline.project, &signature.model)?;
                    lock.models.insert(signature.model.clone(), lockfile::LockedModel { id: signature.id, training });
                }
            }
            lock.models.extend(port_models(self.pipeline, *index, &work.ports));
            for (file, content) in work.files.iter().filter(|(file, _)| file.name.starts_with(LABEL_FILE)) {
                if let Some(head) = content {
                    let lines = lines_of(&self.pipeline.project.join(&file.path))?;
                    let path = crate::path::to_text(&file.path);
                    lock.labels.insert(path, lockfile::LockedLabels { head: *head, lines });
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
        lock.seasons = match self.unchanged_seasons(&lock)? {
            Some(seasons) => seasons,
            None => self.season_manifests()?,
        };
        let seal = |(season, seal): (&String, &Seal)| Ok((season.clone(), self.lock_season(seal)?.manifest));
        lock.seals = self.sealed.iter().map(seal).collect::<Result<_, RunError>>()?;
        Ok(lock)
    }

    /// The seasons of the lock on disk, where every source lists what it listed then: a run that changes nothing makes no manifests.
    fn unchanged_seasons(&self, lock: &LockFile) -> Result<Option<BTreeMap<String, lockfile::LockedSeason>>, RunError> {
        let Some(before) = LockFile::read_if_there(&self.pipeline.project)? else { return Ok(None) };
        let sources = self.scans.keys().map(|index| &self.pipeline.steps[*index].name.value);
        let inputs = |lock: &LockFile, name: &String| lock.steps.get(name).map(|step| step.inputs.clone());
        let unchanged = sources.into_iter().all(|name| {
            let now = inputs(lock, name);
            now.is_some() && now == inputs(&before, name)
        });
        if !unchanged {
            return Ok(None);
        }
        let mut seasons = before.seasons;
        for (name, season) in &mut seasons {
            match self.sealed.get(name).filter(|seal| seal.pinned() > 0) {
                Some(seal) => *season = self.lock_season(seal)?,
                // It was sealed with rows then, and is open now.
                None if season.pins > 0 => return Ok(None),
                None => {}
            }
        }
        let all_there = self.sealed.iter().all(|(name, seal)| seal.pinned() == 0 || seasons.contains_key(name));
        Ok(all_there.then_some(seasons))
    }

    /// The manifest of every season, over all sources; that of a sealed one holds its samples and labels too.
    fn season_manifests(&self) -> Result<BTreeMap<String, lockfile::LockedSeason>, RunError> {
        let mut seasons: BTreeMap<String, Seal> = BTreeMap::new();
        for scan in self.scans.values() {
            for (season, files) in scan.seasons() {
                seasons.entry(season).or_default().files.extend(files);
            }
        }
        for (season, seal) in self.sealed.iter().filter(|(_, seal)| seal.pinned() > 0) {
            seasons.entry(season.clone()).or_default().pins.clone_from(&seal.pins);
        }
        let lock = |(season, mut seal): (String, Seal)| {
            seal.files.sort_by(|a, b| (&a.root, &a.path).cmp(&(&b.root, &b.path)));
            seal.files.dedup();
            Ok((season, self.lock_season(&seal)?))
        };
        seasons.into_iter().map(lock).collect()
    }

    fn lock_season(&self, seal: &Seal) -> Result<lockfile::LockedSeason, RunError> {
        let manifest = seasons::manifest_id(seal).map_err(|error| LockFileError::Io {
            action: "write",
            path: self.pipeline.project.join(lockfile::FILE_NAME),
            source: std::io::Error::other(error),
        })?;
        Ok(lockfile::LockedSeason { manifest, files: seal.files.len() as u64, pins: seal.pinned() })
    }
}

/// The inputs that are others now, in key order: what, then, now. An input that is not there is `absent`.
pub(crate) fn other_inputs(then: &[Ingredient], now: &[Ingredient]) -> Vec<(String, String, String)> {
    let group = |list: &[Ingredient]| {
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for part in list {
            by_name.entry(part.name.clone()).or_default().push(part.value.clone());
        }
        by_name
    };
    let (old, new) = (group(then), group(now));
    let mut names: Vec<&str> = Vec::new();
    for part in now.iter().chain(then) {
        if !names.contains(&part.name.as_str()) {
            names.push(&part.name);
        }
    }
    let words = |values: Option<&Vec<String>>| values.map_or_else(|| ABSENT.to_owned(), |values| values.join(" "));
    names.retain(|name| old.get(*name) != new.get(*name));
    names.into_iter().map(|name| (name.to_owned(), words(old.get(name)), words(new.get(name)))).collect()
}

/// What happened to a label file.
fn grew(then: &str, now: &str) -> &'static str {
    match (then, now) {
        (ABSENT, _) => "is new",
        (_, ABSENT) => "is gone",
        _ => "changed",
    }
}

/// How many lines a label file has. One that grows while the run ends is locked again by the next run, which reads it.
fn lines_of(path: &std::path::Path) -> Result<u64, StepError> {
    Ok(super::kept::lines(&std::fs::read(path).map_err(StepError::file("read", path))?))
}

/// The `id` among the training notes of a model's bundle, where the bundle is here.
fn training_of(project: &std::path::Path, model: &str) -> Result<Option<String>, StepError> {
    let unusable = |error: &BundleError| StepError::Data(with_causes(error));
    let notes = project.join(bundle_folder(model).map_err(|error| unusable(&error))?).join(MODEL_FILE);
    if !crate::file::reading::is_there(&notes).map_err(StepError::file("read", &notes))? {
        return Ok(None);
    }
    Bundle::open(project, model).map(|bundle| training_id(&bundle)).map_err(|error| unusable(&error))
}

/// The `id` among the training notes of a bundle, where it has one.
fn training_id(bundle: &Bundle) -> Option<String> {
    let id = bundle.training.get("id")?;
    let text = id.as_str().map_or_else(|| serde_yaml::to_string(id).unwrap_or_default(), str::to_owned);
    // One line, whatever was written.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// The models that arrive through the ports of a step, by the output that they come from: they have no name that others know.
fn port_models(pipeline: &Pipeline, index: usize, ports: &PortModels) -> Vec<(String, lockfile::LockedModel)> {
    let step = &pipeline.steps[index];
    let mut models = Vec::new();
    for (port, wires) in step.kind.inputs.iter().zip(&step.inputs) {
        let Some((packed, wire)) = ports.get(port.name).zip(wires.first()) else { continue };
        let Ok(model) = unpack(packed) else { continue };
        let source = &pipeline.steps[wire.step];
        let output = source.kind.outputs.get(wire.output).map_or("", |port| port.name);
        let name = format!("{}.{output}", source.name.value);
        let id = model.bundle.id(&model.network);
        models.push((name, lockfile::LockedModel { id, training: training_id(&model.bundle) }));
    }
    models
}
