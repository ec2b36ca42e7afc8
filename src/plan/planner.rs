//! Planner: decides one step from what stands before it and from what is known of the past.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::check::{Pipeline, Wire};
use crate::id::{ContentId, ResultKey, RowKey};
use crate::plan::decision::{Decision, Gone, Reason, StepPlan};
use crate::plan::reason::changes;
use crate::recipe::{Ingredient, Recipe};
use crate::step::{Context, FileInput, Lineage, Made, PortModels, PortType, RowMapper, StepError};
use crate::table::Cell;

/// A captured column of an [`ImageSet`]: a code per image into a list of values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capture {
    /// Name of the column.
    pub name: String,
    /// One per image.
    pub codes: Vec<u32>,
    /// What the codes stand for.
    pub values: Vec<String>,
}

/// The images that flow through steps which keep their rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageSet {
    /// One per observation; `None` where the content is not known yet.
    pub contents: Vec<Option<ContentId>>,
    /// Captured columns.
    pub captures: Vec<Capture>,
}

impl ImageSet {
    /// The value that image `row` has in the captured column `name`.
    pub fn value(&self, name: &str, row: usize) -> Option<&str> {
        let capture = self.captures.iter().find(|capture| capture.name == name)?;
        let code = *capture.codes.get(row)?;
        capture.values.get(code as usize).map(String::as_str)
    }
}

/// An [`ImageSet`] made when somebody counts: a run in which everything is reused never does.
pub struct LazyImages(LazyLock<ImageSet, Box<dyn FnOnce() -> ImageSet + Send + Sync>>);

impl LazyImages {
    /// Makes the set with `make` when it is first asked for.
    pub fn new(make: impl FnOnce() -> ImageSet + Send + Sync + 'static) -> Self {
        Self(LazyLock::new(Box::new(make)))
    }

    /// The set.
    pub fn get(&self) -> &ImageSet {
        &self.0
    }
}

/// What a scan found under the root of a source step.
#[derive(Clone)]
pub struct SourceState {
    /// Identity of the sorted list of paths and contents, once all are known.
    pub listing: Option<ContentId>,
    /// The images, by observation as far as known.
    pub images: Arc<LazyImages>,
    /// Files whose content must be read.
    pub unhashed: u64,
    /// Paths that the inventory did not know.
    pub added: u64,
    /// Paths that are gone.
    pub removed: u64,
    /// Paths with a new size, time or content.
    pub changed: u64,
    /// The root is absent and open seasons live there, or known images are gone from it: its name, how many images it last had, and
    /// which are gone.
    pub absent: Option<(String, u64, Option<Box<Gone>>)>,
}

/// An output of a known result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOutput {
    /// Its identity.
    pub id: ContentId,
    /// Its rows.
    pub rows: u64,
}

/// A known result.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownResult {
    /// Its outputs, in port order.
    pub outputs: Vec<KnownOutput>,
    /// Answers of people that it lacks: what depends on it waits.
    pub missing_labels: u64,
    /// The numbers that it reports.
    pub metrics: BTreeMap<String, f64>,
}

/// Why a known result cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// No such result.
    Unknown,
    /// An output is gone.
    Missing(ContentId),
    /// An output or the manifest was damaged.
    Damaged(ContentId),
    /// A file that the step wrote was deleted or edited.
    Written(String),
}

/// What planning needs to know of the past. The store knows it.
pub trait Known {
    /// The outputs of the result at `key`, if all are there.
    ///
    /// # Errors
    /// Why it cannot be served.
    fn result(&self, key: &ResultKey) -> Result<KnownResult, Unusable>;
    /// What the last result of `step` was made of.
    fn last(&self, step: &str) -> Option<Vec<Ingredient>>;
    /// The images with a row under `key`, sorted.
    fn rows(&self, key: &RowKey) -> Arc<Vec<ContentId>>;
    /// The images of a stored table, with the column that decides between recipes.
    fn images(&self, table: &ContentId, chooses_by: Option<&str>) -> Option<ImageSet>;
    /// A stored model, packed.
    fn model(&self, id: &ContentId) -> Option<Arc<Vec<u8>>>;
    /// The content of a project file, or `None` where it does not exist.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn file(&self, path: &Path) -> Result<Option<ContentId>, StepError>;
}

/// How far a step is, for those after it.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Its outputs are known.
    Ready(Vec<KnownOutput>),
    /// It has to run first.
    Stale,
    /// It waits for people.
    Waits(u64),
    /// It waits for a disk, or for images that are gone.
    Blocked(String, u64, Option<Box<Gone>>),
}

/// Decides steps one after another, in running order.
pub struct Planner<'a> {
    pipeline: &'a Pipeline,
    known: &'a dyn Known,
    sources: BTreeMap<usize, SourceState>,
    states: BTreeMap<usize, State>,
    images: BTreeMap<usize, Arc<LazyImages>>,
    /// Answers that steps lack, which are there otherwise.
    missing_labels: BTreeMap<usize, u64>,
    /// Numbers that results report, for steps that tell what they rest on.
    metrics: BTreeMap<usize, BTreeMap<String, f64>>,
    /// Project files by step, as they were when the step was decided: large label files are hashed once, not at every question.
    files: RefCell<BTreeMap<usize, Identified>>,
    counts: bool,
}

/// Project files with their content.
type Identified = Vec<(FileInput, Option<ContentId>)>;

/// The recipe and inputs of one step, as far as they can be known before it runs.
pub struct Work {
    /// What it does.
    pub recipe: Recipe,
    /// Its per-image function.
    pub mapper: Option<Box<dyn RowMapper>>,
    /// Models that arrive through ports.
    pub ports: PortModels,
    /// What the step rests on, for steps that tell it.
    pub lineage: Lineage,
    /// Project files with their content.
    pub files: Identified,
    /// Everything behind the key, the row recipes spelled out; for people.
    pub ingredients: Vec<Ingredient>,
    /// The identities that follow the recipe in the key; `None` while an input is unknown.
    pub inputs: Option<Vec<Ingredient>>,
}

impl Work {
    /// The key, where all inputs are known.
    pub fn key(&self) -> Option<ResultKey> {
        self.inputs.as_ref().map(|inputs| self.recipe.result_key(inputs))
    }
}

impl<'a> Planner<'a> {
    /// Starts with nothing decided.
    pub fn new(pipeline: &'a Pipeline, known: &'a dyn Known) -> Self {
        Self {
            pipeline,
            known,
            sources: BTreeMap::new(),
            states: BTreeMap::new(),
            images: BTreeMap::new(),
            missing_labels: BTreeMap::new(),
            metrics: BTreeMap::new(),
            files: RefCell::default(),
            counts: true,
        }
    }

    /// Leaves out how many images are cached and to compute: a run is about to see it.
    #[must_use]
    pub fn without_counts(mut self) -> Self {
        self.counts = false;
        self
    }

    /// Says what the scan of source step `index` found.
    pub fn set_source(&mut self, index: usize, state: SourceState) {
        self.images.insert(index, Arc::clone(&state.images));
        self.sources.insert(index, state);
    }

    /// What the scan of source step `index` found.
    pub fn source(&self, index: usize) -> Option<&SourceState> {
        self.sources.get(&index)
    }

    /// Says how far step `index` is now.
    pub fn set_state(&mut self, index: usize, state: State) {
        self.states.insert(index, state);
    }

    /// Says how many answers of people step `index` lacks.
    pub fn set_missing_labels(&mut self, index: usize, labels: u64) {
        self.missing_labels.insert(index, labels);
    }

    /// Says which numbers the result of step `index` reports.
    pub fn set_metrics(&mut self, index: usize, metrics: BTreeMap<String, f64>) {
        self.metrics.insert(index, metrics);
    }

    /// How far step `index` is.
    pub fn state(&self, index: usize) -> Option<&State> {
        self.states.get(&index)
    }

    /// The recipe and inputs of step `index`.
    ///
    /// # Errors
    /// When a model that it names is unknown.
    pub fn work(&self, index: usize) -> Result<Work, StepError> {
        let step = &self.pipeline.steps[index];
        let mut context = self.pipeline.context(index);
        context.ports = self.port_models(index);
        self.made(&mut context.lineage);
        let mapper = step.step.mapper(&context)?;
        let recipes = mapper.as_ref().map_or(&[][..], |mapper| mapper.recipes());
        let mut params = step.canonical_params();
        params.extend(step.step.declarations(&context));
        params.sort();
        let rows = recipes.iter().map(|recipe| recipe.key).collect();
        let recipe = Recipe { kind: step.kind.name, revision: step.kind.revision, params, model: None, numerics: None, rows };
        let mut ingredients = recipe.explain();
        for (place, row) in recipes.iter().enumerate() {
            let explained = row.recipe.explain().into_iter().filter(|part| part.name != "format" && part.name != "kind");
            ingredients
                .extend(explained.map(|part| Ingredient { name: format!("row {place} {}", part.name), value: part.value }));
        }
        let files = self.identified(index, &context)?;
        let inputs = self.inputs(index, &files, &context.lineage);
        ingredients.extend(inputs.iter().flatten().cloned());
        Ok(Work { recipe, mapper, files, ingredients, inputs, ports: context.ports, lineage: context.lineage })
    }

    /// The project files of step `index` with their content.
    fn identified(&self, index: usize, context: &Context<'_>) -> Result<Identified, StepError> {
        if let Some(files) = self.files.borrow().get(&index) {
            return Ok(files.clone());
        }
        let identify = |file: FileInput| {
            let content = self.known.file(&self.pipeline.project.join(&file.path))?;
            Ok((file, content))
        };
        let files = self.pipeline.steps[index].step.files(context)?;
        let files: Identified = files.into_iter().map(identify).collect::<Result<_, StepError>>()?;
        self.files.borrow_mut().insert(index, files.clone());
        Ok(files)
    }

    /// Looks at the project files of step `index` again the next time: it was just decided upon, or rewrote them.
    pub fn forget_files(&self, index: usize) {
        self.files.borrow_mut().remove(&index);
    }

    /// Writes what the steps of a lineage yielded into it, as far as that is known.
    fn made(&self, lineage: &mut Lineage) {
        for ancestor in &mut lineage.steps {
            let Some(step) = self.pipeline.step(&ancestor.name) else { continue };
            let Some(State::Ready(outputs)) = self.states.get(&step) else { continue };
            let ports = self.pipeline.steps[step].kind.outputs.iter().filter(|port| port.ty != PortType::Files);
            let made = ports.zip(outputs).map(|(port, known)| Made { output: port.name, id: known.id, rows: known.rows });
            ancestor.made = made.collect();
            ancestor.metrics = self.metrics.get(&step).cloned().unwrap_or_default();
        }
    }

    /// The models that arrive through the ports of step `index`, as far as the steps before it have run.
    fn port_models(&self, index: usize) -> PortModels {
        let step = &self.pipeline.steps[index];
        let ports = step.kind.inputs.iter().zip(&step.inputs).filter(|(port, _)| port.ty == PortType::Model);
        let model = |wire: &Wire| match self.states.get(&wire.step)? {
            State::Ready(outputs) => self.known.model(&outputs.get(wire.output)?.id),
            _ => None,
        };
        ports.filter_map(|(port, wires)| Some((port.name, model(wires.first()?)?))).collect()
    }

    /// The identities of all inputs in a fixed order; `None` while one is unknown.
    fn inputs(&self, index: usize, files: &[(FileInput, Option<ContentId>)], lineage: &Lineage) -> Option<Vec<Ingredient>> {
        let step = &self.pipeline.steps[index];
        let mut inputs = Vec::new();
        for (port, wires) in step.kind.inputs.iter().zip(&step.inputs) {
            for wire in wires {
                let Some(State::Ready(outputs)) = self.states.get(&wire.step) else { return None };
                let output = outputs.get(wire.output)?;
                inputs.push(Ingredient { name: format!("input {}", port.name), value: output.id.to_string() });
            }
        }
        for (file, content) in files {
            inputs.push(file_ingredient(file, *content));
        }
        for step in &lineage.steps {
            let made =
                |made: &Made| Ingredient { name: format!("made {}.{}", step.name, made.output), value: made.id.to_string() };
            inputs.extend(step.made.iter().map(made));
            let said = |(name, value): (&String, &f64)| Ingredient {
                name: format!("metric {}.{name}", step.name),
                value: value.to_string(),
            };
            inputs.extend(step.metrics.iter().map(said));
        }
        if let Some(source) = self.sources.get(&index) {
            inputs.push(Ingredient { name: "listing".into(), value: source.listing?.to_string() });
        }
        Some(inputs)
    }

    /// Decides step `index`; every step before it must have been decided.
    ///
    /// # Errors
    /// When a project file of the step is there and cannot be read: it must not be decided upon as if it were absent.
    pub fn decide(&mut self, index: usize, force: bool) -> Result<StepPlan, StepError> {
        let step = &self.pipeline.steps[index];
        let mut plan = StepPlan {
            name: step.name.value.clone(),
            uses: step.kind.name,
            stage: step.stage.clone(),
            decision: Decision::Reuse,
            total: None,
            cached: None,
            to_compute: None,
            unhashed: 0,
            missing_labels: 0,
            ingredients: Vec::new(),
            key: None,
        };
        self.forget_files(index);
        self.pass_images(index);
        if let Err(error) = self.identified(index, &self.pipeline.context(index)) {
            self.states.insert(index, State::Stale);
            return Err(error);
        }
        let (decision, state) = self.decision(index, force, &mut plan);
        plan.decision = decision;
        self.states.insert(index, state);
        Ok(plan)
    }

    fn decision(&mut self, index: usize, force: bool, plan: &mut StepPlan) -> (Decision, State) {
        let step = &self.pipeline.steps[index];
        let upstream = step.inputs.iter().flatten().find_map(|wire| match self.states.get(&wire.step) {
            Some(State::Ready(_)) => {
                let labels = self.missing_labels.get(&wire.step).copied().filter(|labels| *labels > 0)?;
                Some((wire.step, State::Waits(labels)))
            }
            None => None,
            Some(other) => Some((wire.step, other.clone())),
        });
        // A step that takes a model through a port has no recipe before that model is there.
        let work = self.work(index);
        if let Ok(work) = &work {
            plan.ingredients.clone_from(&work.ingredients);
            plan.key = work.key();
        }
        let count = |plan: &mut StepPlan| work.iter().for_each(|work| self.count(index, work, plan));
        match upstream {
            Some((_, State::Blocked(root, images, gone))) => {
                count(plan);
                let decision = Decision::Blocked { root: root.clone(), images, gone: gone.clone() };
                return (decision, State::Blocked(root, images, gone));
            }
            Some((_, State::Waits(labels))) => return (Decision::Wait { labels }, State::Waits(labels)),
            Some((before, _)) => {
                count(plan);
                let upstream = self.pipeline.steps[before].name.value.clone();
                return (Decision::Unknown { upstream }, State::Stale);
            }
            None => {}
        }
        let Ok(work) = work else { return (Decision::Run(vec![Reason::NeverRan]), State::Stale) };
        if let Some((root, images, gone)) = self.sources.get(&index).and_then(|source| source.absent.clone()) {
            self.count(index, &work, plan);
            let decision = Decision::Blocked { root: root.clone(), images, gone: gone.clone() };
            return (decision, State::Blocked(root, images, gone));
        }
        let found = work.key().map_or(Err(Unusable::Unknown), |key| self.known.result(&key));
        match found {
            Ok(KnownResult { outputs, missing_labels, metrics }) if !force => {
                self.metrics.insert(index, metrics);
                self.missing_labels.insert(index, missing_labels);
                plan.missing_labels = missing_labels;
                let rows = outputs.first().map(|output| output.rows);
                plan.total = rows;
                if work.mapper.is_some() {
                    (plan.cached, plan.to_compute) = (rows, Some(0));
                }
                (Decision::Reuse, State::Ready(outputs))
            }
            other => {
                self.count(index, &work, plan);
                let reasons = if force { vec![Reason::Forced] } else { self.reasons(index, &work, other.err()) };
                (Decision::Run(reasons), State::Stale)
            }
        }
    }

    /// Lets the set of images through steps that keep their rows.
    fn pass_images(&mut self, index: usize) {
        let step = &self.pipeline.steps[index];
        if !step.kind.keeps_rows {
            return;
        }
        if let Some(images) = step.inputs.first().and_then(|wires| wires.first()).and_then(|wire| self.images.get(&wire.step)) {
            self.images.insert(index, Arc::clone(images));
        }
    }

    /// The images that step `index` maps: passed through from a source, or read from its input table.
    fn image_set(&self, index: usize, chooses_by: Option<&str>) -> Option<Arc<LazyImages>> {
        let wire = self.pipeline.steps[index].inputs.first()?.first()?;
        if let Some(images) = self.images.get(&wire.step) {
            return Some(Arc::clone(images));
        }
        match self.states.get(&wire.step)? {
            State::Ready(outputs) => {
                let images = self.known.images(&outputs.get(wire.output)?.id, chooses_by)?;
                Some(Arc::new(LazyImages::new(move || images)))
            }
            _ => None,
        }
    }

    /// Fills in how many images the step has, and how many rows are there already.
    fn count(&self, index: usize, work: &Work, plan: &mut StepPlan) {
        if !self.counts {
            return;
        }
        if let Some(source) = self.sources.get(&index) {
            plan.total = Some(source.images.get().contents.len() as u64);
            plan.unhashed = source.unhashed;
            return;
        }
        let Some(mapper) = &work.mapper else {
            let wire = self.pipeline.steps[index].inputs.first().and_then(|wires| wires.first());
            plan.total = wire.and_then(|wire| self.images.get(&wire.step)).map(|images| images.get().contents.len() as u64);
            return;
        };
        let Some(images) = self.image_set(index, mapper.chooses_by()) else { return };
        let images = images.get();
        let rows: Vec<_> = mapper.recipes().iter().map(|recipe| self.known.rows(&recipe.key)).collect();
        let (mut cached, mut missing, mut unhashed) = (0, 0, 0);
        for (row, content) in images.contents.iter().enumerate() {
            let value = mapper.chooses_by().and_then(|name| images.value(name, row)).map(|text| Cell::Text(text.to_owned()));
            let Some(recipe) = mapper.choose(value.as_ref()) else { continue };
            match content {
                None => unhashed += 1,
                Some(content) if rows[recipe].binary_search(content).is_ok() => cached += 1,
                Some(_) => missing += 1,
            }
        }
        (plan.total, plan.cached, plan.to_compute) = (Some(images.contents.len() as u64), Some(cached), Some(missing));
        plan.unhashed = unhashed;
    }

    /// What changed since the last result of the step.
    fn reasons(&self, index: usize, work: &Work, unusable: Option<Unusable>) -> Vec<Reason> {
        match unusable {
            Some(Unusable::Missing(id)) => return vec![Reason::Missing { id }],
            Some(Unusable::Damaged(id)) => return vec![Reason::Damaged { id }],
            Some(Unusable::Written(path)) => return vec![Reason::Written { path }],
            Some(Unusable::Unknown) | None => {}
        }
        let Some(last) = self.known.last(&self.pipeline.steps[index].name.value) else { return vec![Reason::NeverRan] };
        let mut reasons = changes(&last, &work.ingredients);
        if let Some(source) = self.sources.get(&index) {
            reasons.retain(|reason| !matches!(reason, Reason::Input { name, .. } if name == "listing"));
            if source.added + source.removed + source.changed + source.unhashed > 0 {
                let SourceState { added, removed, changed, .. } = *source;
                reasons.push(Reason::Images { added, removed, changed });
            }
        }
        if reasons.is_empty() { vec![Reason::NeverRan] } else { reasons }
    }
}

/// A project file as an ingredient.
pub fn file_ingredient(file: &FileInput, content: Option<ContentId>) -> Ingredient {
    let value = content.map_or_else(|| "absent".to_owned(), |id| id.to_string());
    Ingredient { name: format!("file {}", file.name), value }
}
