//! Promotion: a model that a step made becomes a named bundle of the project, if a comparison speaks for it.
//!
//! A comparison speaks for exactly one model: it and the step that made the model must both be served from the store as they are,
//! so that the predictions compared are those of this model. Nothing is written before everything was checked.

use std::collections::BTreeMap;

use super::gates::{FailedGate, failed_gates};
use super::{RunError, RunOptions};
use crate::check::{CheckedStep, Pipeline, Subject, Wire};
use crate::id::ContentId;
use crate::model::packed::{Unpacked, unpack};
use crate::model::signature::{ModelSignature, read_lock};
use crate::model::{AddError, BundleError, add_parts, bundle_folder};
use crate::plan::decision::{Decision, Plan, Reason};
use crate::step::PortType;
use crate::store::{Access, ResultManifest, Store, StoreError};

/// By how much the candidate may be worse at the lower bound, where no gate of the comparison bounds its gain.
pub const LEAST_GAIN_LOWER: f64 = -0.02;

/// Metrics of `compare` of which one must be bounded, lest a comparison prove nothing.
const GAINS: [&str; 3] = ["gain", "gain_lower", "worst_gain_lower"];

/// What the person asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The step that made the model.
    pub step: &'a str,
    /// Its output; without one the first model.
    pub port: Option<&'a str>,
    /// `name@version`.
    pub model: &'a str,
    /// Why.
    pub because: &'a str,
    /// When: as the caller reads the clock.
    pub on: &'a str,
}

/// A comparison that speaks for the model.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Verdict {
    /// The step of kind `compare`.
    pub step: String,
    /// Its numbers.
    pub metrics: BTreeMap<String, f64>,
    /// The gates that it passed, as text.
    pub gates: Vec<String>,
}

/// A model that was promoted.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Promoted {
    /// The step that made it.
    pub step: String,
    /// Its signature in `models.lock`.
    #[serde(flatten)]
    pub signature: ModelSignature,
    /// Its folder, relative to the project.
    pub folder: String,
    /// What speaks for it.
    pub comparisons: Vec<Verdict>,
}

/// Why a model was not promoted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PromoteError {
    /// No reason was given.
    #[error("--because wants a reason, for those who come later")]
    NoReason,
    /// The name cannot be one.
    #[error(transparent)]
    Name(BundleError),
    /// The step makes no model, or not at this output.
    #[error("step `{step}` (`{kind}`) has no output of a model{}; name a step that trains", port.as_ref().map(|port| format!(" called `{port}`")).unwrap_or_default())]
    NoModel {
        /// The step.
        step: String,
        /// Its kind.
        kind: &'static str,
        /// The output asked for.
        port: Option<String>,
    },
    /// No comparison judges the model.
    #[error(
        "no comparison judges `{0}`: add a step `compare` whose `candidate` comes from a `classify` with `model: {0}` and whose \
         `current` comes from the model in use"
    )]
    NoComparison(String),
    /// Both sides of the comparison are the same model.
    #[error("`{comparison}` compares `{step}` with itself: wire `current` to the predictions of the model in use")]
    WithItself {
        /// The step of kind `compare`.
        comparison: String,
        /// The step that made the model.
        step: String,
    },
    /// The comparison may rest on images that the model was trained on.
    #[error("`{comparison}` does not leave out the images that `{step}` was trained on: add `exclude: {images}` to its `from:`")]
    NotExcluded {
        /// The step of kind `compare`.
        comparison: String,
        /// The step that made the model.
        step: String,
        /// The step whose images it was given.
        images: String,
    },
    /// A step has no result as things stand.
    #[error("step `{step}` {}: `trapline run {run}`, then promote", unready(decision))]
    NotReady {
        /// The step.
        step: String,
        /// What a run would do with it.
        decision: Decision,
        /// The steps to ask for.
        run: String,
    },
    /// Gates failed.
    #[error("{}", gate_words(.0))]
    Gates(Vec<(String, FailedGate)>),
    /// What the step made is no usable model.
    #[error("what `{step}` made is no usable model")]
    Model {
        /// The step.
        step: String,
        /// Why.
        #[source]
        source: BundleError,
    },
    /// The model was not taken into the project.
    #[error(transparent)]
    Add(#[from] AddError),
    /// Planning failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a step cannot be relied on.
fn unready(decision: &Decision) -> String {
    match decision {
        Decision::Reuse => "is up to date".into(),
        Decision::Run(reasons) if reasons.contains(&Reason::NeverRan) => "has not run as it stands".into(),
        Decision::Run(_) => "would run again, so its last result is not what the pipeline makes now".into(),
        Decision::Wait { labels } => format!("waits for {labels} labels"),
        Decision::Blocked { root, images, gone: Some(_), .. } => {
            format!("cannot be checked while {images} images are gone from root `{root}`")
        }
        Decision::Blocked { root, .. } => format!("cannot be checked while root `{root}` is absent"),
        Decision::Unknown { upstream } => format!("depends on `{upstream}`, which would run again"),
    }
}

fn gate_words(failed: &[(String, FailedGate)]) -> String {
    let one = |(step, gate): &(String, FailedGate)| {
        let found = gate.found.map_or_else(|| "nothing was found".to_owned(), |found| format!("it is {found:.4}"));
        format!("`{step}` expects {} {}, {found}", gate.metric, gate.expected)
    };
    let words: Vec<_> = failed.iter().map(one).collect();
    format!("the comparison does not speak for this model: {}", words.join("; "))
}

/// Makes the model that a step made a named one, if its comparisons speak for it.
///
/// # Errors
/// When anything speaks against it; nothing is changed then.
pub fn promote(pipeline: &Pipeline, options: &RunOptions, wish: &Wish<'_>) -> Result<Promoted, PromoteError> {
    if wish.because.trim().is_empty() {
        return Err(PromoteError::NoReason);
    }
    let folder = bundle_folder(wish.model).map_err(PromoteError::Name)?;
    let made = maker(pipeline, wish)?;
    let judges = match comparisons(pipeline, made) {
        // There is nothing yet that the first model of a project could be compared with.
        Err(PromoteError::NoComparison(_)) if read_lock(&pipeline.project).map_err(AddError::Lock)?.is_empty() => Vec::new(),
        judges => judges?,
    };
    let plan = planned(pipeline, options, made.step, &judges)?;
    let store = Store::open(&options.store, Access::Read)?;
    let result = |index: usize| ready(pipeline, &store, &plan, made.step, index);
    let source = result(made.step)?;
    let mut failed = gates_of(&pipeline.steps[made.step], &source, &store)?;
    let mut verdicts = Vec::new();
    for judge in judges {
        let manifest = result(judge)?;
        let step = &pipeline.steps[judge];
        failed.extend(gates_of(step, &manifest, &store)?);
        let mut gates: Vec<String> =
            step.expect.iter().map(|gate| format!("{} {} {}", gate.metric, gate.comparison.sign(), gate.value)).collect();
        if !bounds_a_gain(step) {
            gates.push(format!("gain_lower >= {LEAST_GAIN_LOWER}"));
            failed.extend(least_gain(step, &manifest));
        }
        verdicts.push(Verdict { step: step.name.value.clone(), metrics: manifest.metrics, gates });
    }
    if !failed.is_empty() {
        return Err(PromoteError::Gates(failed));
    }
    let signature = take(pipeline, &store, &source, made, wish, &verdicts)?;
    let step = pipeline.steps[made.step].name.value.clone();
    Ok(Promoted { step, signature, folder: crate::path::to_text(&folder), comparisons: verdicts })
}

/// The output that holds the model.
fn maker(pipeline: &Pipeline, wish: &Wish<'_>) -> Result<Wire, PromoteError> {
    let Some(index) = pipeline.step(wish.step) else { return Err(super::unknown_step(pipeline, wish.step).into()) };
    let step = &pipeline.steps[index];
    let is_meant = |name: &str| wish.port.is_none_or(|port| port == name);
    let output = step.kind.outputs.iter().position(|port| port.ty == PortType::Model && is_meant(port.name));
    let none = || PromoteError::NoModel { step: wish.step.to_owned(), kind: step.kind.name, port: wish.port.map(str::to_owned) };
    Ok(Wire { step: index, output: output.ok_or_else(none)? })
}

/// The comparisons whose candidate is the model at `made`.
fn comparisons(pipeline: &Pipeline, made: Wire) -> Result<Vec<usize>, PromoteError> {
    let name = || pipeline.steps[made.step].name.value.clone();
    let mut judges = Vec::new();
    for (index, step) in pipeline.steps.iter().enumerate().filter(|(_, step)| step.kind.name == "compare") {
        let side = |port: &str| model_of(pipeline, wires(step, PortType::Table, Some(port)).next()?);
        if side("candidate") != Some(made) {
            continue;
        }
        if side("current") == Some(made) {
            return Err(PromoteError::WithItself { comparison: step.name.value.clone(), step: name() });
        }
        let left_out: Vec<_> = wires(step, PortType::Table, Some("exclude")).map(|wire| wire.step).collect();
        let mut given = wires(&pipeline.steps[made.step], PortType::Table, None);
        if let Some(images) = given.find(|wire| !left_out.contains(&wire.step)) {
            let images = pipeline.steps[images.step].name.value.clone();
            return Err(PromoteError::NotExcluded { comparison: step.name.value.clone(), step: name(), images });
        }
        judges.push(index);
    }
    if judges.is_empty() { Err(PromoteError::NoComparison(name())) } else { Ok(judges) }
}

/// The model port behind predictions: that of the `classify` which made them. Steps in between may add columns; one that picks among
/// the images would pick in favour of a model.
fn model_of(pipeline: &Pipeline, mut wire: Wire) -> Option<Wire> {
    loop {
        let step = &pipeline.steps[wire.step];
        if step.kind.name == "classify" {
            return wires(step, PortType::Model, None).next();
        }
        // Steps stand in running order, so that this ends.
        wire = wires(step, PortType::Table, None).next().filter(|_| step.kind.keeps_rows)?;
    }
}

/// The sources of a step's inputs of one type; of one port where `name` says which.
fn wires<'s>(step: &'s CheckedStep, ty: PortType, name: Option<&'s str>) -> impl Iterator<Item = Wire> + 's {
    let ports = step.kind.inputs.iter().zip(&step.inputs);
    let meant = ports.filter(move |(port, _)| port.ty == ty && name.is_none_or(|name| port.name == name));
    meant.flat_map(|(_, wires)| wires.iter().copied())
}

fn planned(pipeline: &Pipeline, options: &RunOptions, made: usize, judges: &[usize]) -> Result<Plan, RunError> {
    let targets = judges.iter().chain([&made]).map(|index| pipeline.steps[*index].name.value.clone()).collect();
    let options = RunOptions { targets, stage: None, force: Vec::new(), ..options.clone() };
    Ok(super::plan(pipeline, &options)?.plan)
}

/// The result of a step that a run would serve as it is.
fn ready(pipeline: &Pipeline, store: &Store, plan: &Plan, made: usize, index: usize) -> Result<ResultManifest, PromoteError> {
    let name = &pipeline.steps[index].name.value;
    let not_ready = |decision: Decision| PromoteError::NotReady {
        step: name.clone(),
        decision,
        run: if index == made { name.clone() } else { format!("{} {name}", pipeline.steps[made].name.value) },
    };
    let never = || not_ready(Decision::Run(vec![Reason::NeverRan]));
    let planned = plan.steps.iter().find(|step| step.name == *name).ok_or_else(never)?;
    if planned.decision != Decision::Reuse {
        return Err(not_ready(planned.decision.clone()));
    }
    let key = planned.key.ok_or_else(never)?;
    store.get_result(key)?.ok_or_else(never)
}

fn gates_of(step: &CheckedStep, result: &ResultManifest, store: &Store) -> Result<Vec<(String, FailedGate)>, StoreError> {
    let outputs: Vec<ContentId> = result.outputs.iter().map(|output| output.id).collect();
    let failed = failed_gates(step, &result.metrics, &outputs, store)?;
    Ok(failed.into_iter().map(|gate| (step.name.value.clone(), gate)).collect())
}

/// Whether a gate says how much better, or at most worse, the candidate must be.
fn bounds_a_gain(step: &CheckedStep) -> bool {
    step.expect.iter().any(|gate| match &gate.subject {
        Subject::Metric => GAINS.contains(&gate.metric.as_str()),
        Subject::Column(_, column) => GAINS.contains(&column.as_str()),
        Subject::Rows(_) => false,
    })
}

/// The gate where the pipeline has none.
fn least_gain(step: &CheckedStep, result: &ResultManifest) -> Option<(String, FailedGate)> {
    let found = result.metrics.get("gain_lower").copied();
    if found.is_some_and(|found| found >= LEAST_GAIN_LOWER) {
        return None;
    }
    let expected = format!(">= {LEAST_GAIN_LOWER} (where no gate of its own bounds the gain)");
    Some((step.name.value.clone(), FailedGate { metric: "gain_lower".into(), expected, found, rows: None }))
}

/// Takes the model into the project under its name, with the reasons among its notes.
fn take(
    pipeline: &Pipeline,
    store: &Store,
    result: &ResultManifest,
    made: Wire,
    wish: &Wish<'_>,
    verdicts: &[Verdict],
) -> Result<ModelSignature, PromoteError> {
    let step = &pipeline.steps[made.step];
    let port = step.kind.outputs.get(made.output).map(|port| port.name);
    let output = result.outputs.iter().find(|output| Some(output.port.as_str()) == port);
    let unusable = |source| PromoteError::Model { step: step.name.value.clone(), source };
    let packed = store.get(output.ok_or_else(|| unusable(BundleError::Packed))?.id)?;
    let Unpacked { mut bundle, network, weights, .. } = unpack(&packed).map_err(unusable)?;
    if let Some((name, version)) = wish.model.split_once('@') {
        (bundle.name, bundle.version) = (name.to_owned(), version.to_owned());
    }
    bundle.training.insert("promoted".into(), notes(pipeline, step, wish, verdicts));
    Ok(add_parts(&pipeline.project, &bundle, &network, &weights)?)
}

/// Why, when and on what grounds: for those who come later.
fn notes(pipeline: &Pipeline, step: &CheckedStep, wish: &Wish<'_>, verdicts: &[Verdict]) -> serde_yaml::Value {
    let mapping = |entries: Vec<(&str, serde_yaml::Value)>| {
        serde_yaml::Value::Mapping(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())
    };
    let figures = |verdict: &Verdict| {
        let numbers = verdict.metrics.iter().map(|(name, value)| (name.as_str(), (*value).into())).collect();
        let gates = verdict.gates.iter().map(|gate| gate.as_str().into()).collect::<Vec<serde_yaml::Value>>();
        mapping(vec![("step", verdict.step.as_str().into()), ("gates", gates.into()), ("figures", mapping(numbers))])
    };
    mapping(vec![
        ("because", wish.because.trim().into()),
        ("on", wish.on.into()),
        ("pipeline", pipeline.name.as_str().into()),
        ("step", step.name.value.as_str().into()),
        ("comparisons", verdicts.iter().map(figures).collect::<Vec<_>>().into()),
    ])
}
