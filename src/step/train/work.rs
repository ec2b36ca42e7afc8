//! The work of `train`: images prepared, a network trained, calibrated, exported and described.

use std::path::{Path, PathBuf};

use super::Train;
use super::material::Material;
use super::outputs::{self, Judged};
use crate::model::engine::Precision;
use crate::model::packed::pack_parts;
use crate::model::torch::Shared;
use crate::model::weights::{Weights, read_safetensors, write_safetensors};
use crate::model::{Bundle, ChannelOrder, OutputKind, onnx};
use crate::step::networks::{self, MODEL_PORT};
use crate::step::{Job, Outputs, StepError, with_causes};
use crate::train::temperature;
use crate::train::torch::{TrainError, Trained, Training, Watch, best_device, initial_weights, library, transferred};
use crate::train::{Augmenter, Epoch, Loader, Pixels, PixelsError, Source};

/// The files of the bundle.
const NETWORK: &str = "model.onnx";
const WEIGHTS: &str = "model.safetensors";

/// Trains as prescribed.
pub(super) fn run(train: &Train, job: &Job<'_>) -> Result<Outputs, StepError> {
    let options = &train.options;
    let origin = Origin::of(train, job)?;
    let kept = origin.as_ref().map(|origin| origin.bundle.programme_classes()).unwrap_or_default();
    let (mut material, table) = Material::read(job, &kept)?;
    let start = match &origin {
        Some(origin) => origin.weights(train, &material.classes)?,
        None => initial_weights(options.architecture, material.classes.len(), options.seed),
    };
    // Without a folder of the store, everything is begun anew each time.
    let aside = tempfile::tempdir().map_err(|error| StepError::Data(format!("no folder for unfinished work: {error}")))?;
    let scratch = job.scratch.as_deref().unwrap_or(aside.path());
    let pixels = prepare(&material.sources, train, scratch, job)?;
    material.leave_out(&pixels.unusable, &table)?;
    let augmenter = Augmenter::new(&options.augmentation, &options.input);
    let device = best_device();
    // Not as many as the machine has, or as were asked for with `--jobs`: the recipe says how many.
    tch::set_num_threads(train.threads);
    let training = Training {
        options,
        set: &material.set,
        loader: Loader {
            pixels: &pixels,
            augmenter: &augmenter,
            numbers: augmenter.numbers(),
            batch: options.batch,
            workers: job.workers,
        },
        device,
        folder: job.scratch.is_some().then_some(scratch),
        // Recipe and inputs name the folder; images that could be read today and not yesterday would change the rest.
        identity: format!("{} images, {} unusable, {device:?}", material.sources.len(), pixels.unusable.len()),
    };
    let trained = training.run(&start, &mut Told { job }).map_err(|error| failed(&error))?;
    let judged = judge(train, &material, &trained);
    let (bundle, network, weights) =
        model(train, &material, &trained, &judged, job, (origin.map(|origin| origin.bundle.model()), library(device)))?;
    let notes = bundle.notes().map_err(|error| StepError::Data(with_causes(&error)))?;
    Ok(Outputs {
        tables: vec![
            outputs::history(&trained.history)?,
            outputs::validation(&table, &material, &judged, &bundle.model(), job)?,
            outputs::calibration(&judged)?,
        ],
        models: vec![pack_parts(&notes, &network, &weights)],
        metrics: outputs::metrics(&material, &trained, &judged),
        findings: material.findings,
        files: Vec::new(),
    })
}

fn prepare(sources: &[Source], train: &Train, scratch: &Path, job: &Job<'_>) -> Result<Pixels, StepError> {
    job.progress.start("prepare", sources.len() as u64);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(job.workers.max(1))
        .build()
        .map_err(|error| StepError::Data(format!("no threads to prepare images with: {error}")))?;
    let done = |bytes| {
        job.progress.advance(1, bytes);
        !job.cancel.is_cancelled()
    };
    let prepared = pool.install(|| Pixels::prepare(sources, &train.options.input, scratch, &done));
    prepared.map_err(|error| failed(&TrainError::Pixels(error)))
}

fn failed(error: &TrainError) -> StepError {
    match error {
        TrainError::Interrupted | TrainError::Pixels(PixelsError::Interrupted) => StepError::Interrupted,
        other => StepError::Data(with_causes(other)),
    }
}

/// A model to start from.
struct Origin {
    bundle: Bundle,
    /// safetensors.
    weights: Vec<u8>,
}

impl Origin {
    /// The model that the port or `start` brings; `None` where the weights are random.
    ///
    /// The weights must be those of its network: the model's identity, and with it the key of the training, knows that one alone.
    fn of(train: &Train, job: &Job<'_>) -> Result<Option<Self>, StepError> {
        let context = job.context;
        if train.start.is_none() && !context.ports.contains_key(MODEL_PORT.name) {
            return Ok(None);
        }
        let source = networks::Source::of(train.start.as_ref().map(|start| start.value.as_str()), context)?;
        let (bundle, network) = source.open(context)?;
        let model = bundle.model();
        let Some(weights) = source.weights(&bundle)? else {
            let way_out = "name a safetensors file under `weights:` of its `model.yaml`";
            return Err(unusable(&model, &format!("it comes without weights by name; {way_out}")));
        };
        Shared::load(&bundle, network, &weights, Precision::F32).map_err(|error| unusable(&model, &with_causes(&error)))?;
        Ok(Some(Self { bundle, weights }))
    }

    /// Its weights, brought to the classes of the training.
    fn weights(&self, train: &Train, classes: &[String]) -> Result<Weights, StepError> {
        let (options, model) = (&train.options, self.bundle.model());
        let weights = read_safetensors(&self.weights).map_err(|error| unusable(&model, &with_causes(&error)))?;
        let theirs = self.bundle.programme_classes();
        let rows: Vec<Option<usize>> = classes.iter().map(|class| theirs.iter().position(|known| known == class)).collect();
        transferred(options.architecture, &weights, &rows, options.seed).map_err(|array| {
            let name = options.architecture.name;
            unusable(&model, &format!("its weights do not have `{array}` as a {name} has it; set `architecture`"))
        })
    }
}

fn unusable(model: &str, why: &str) -> StepError {
    StepError::Data(format!("cannot start from model `{model}`: {why}"))
}

/// How the model judges the validation images.
fn judge(train: &Train, material: &Material, trained: &Trained) -> Judged {
    let labels: Vec<u32> = material.set.validation.iter().map(|image| material.set.labels[*image as usize]).collect();
    let fit = train.options.calibrate.then(|| temperature::fit(&trained.logits, material.classes.len(), &labels)).flatten();
    Judged::of(&trained.logits, material.classes.len(), labels, fit)
}

/// The bundle of what was trained, its network and its weights.
fn model(
    train: &Train,
    material: &Material,
    trained: &Trained,
    judged: &Judged,
    job: &Job<'_>,
    (from, library): (Option<String>, String),
) -> Result<(Bundle, Vec<u8>, Vec<u8>), StepError> {
    let options = &train.options;
    let input = options.input;
    let network = onnx::write(options.architecture, material.classes.len(), &trained.weights, input.width, input.height)
        .map_err(|error| StepError::Data(with_causes(&error)))?;
    let weights = write_safetensors(&trained.weights, "").map_err(|error| StepError::Data(with_causes(&error)))?;
    let bundle = Bundle {
        folder: PathBuf::new(),
        name: train.name.clone().unwrap_or_else(|| job.step.replace(['[', ']'], "-").trim_matches('-').to_owned()),
        version: train.version.clone(),
        architecture: options.architecture.name.to_owned(),
        input,
        layout: ChannelOrder::Nchw,
        output: OutputKind::Logits,
        temperature: judged.temperature(),
        classes: material.classes.clone(),
        taxonomy: std::collections::BTreeMap::new(),
        onnx: NETWORK.into(),
        weights: Some(WEIGHTS.into()),
        training: outputs::provenance(train, material, trained, judged, from, &library),
    };
    Ok((bundle, network, weights))
}

/// Passes the progress of a training on.
struct Told<'a, 'j> {
    job: &'a Job<'j>,
}

impl Watch for Told<'_, '_> {
    fn begins(&mut self, epoch: u32, epochs: u32, images: u64, last: Option<&Epoch>) {
        let before = last.map_or_else(String::new, |last| {
            let judged = last.validation_loss.zip(last.validation_accuracy);
            let judged = judged.map_or_else(String::new, |(loss, accuracy)| {
                format!(", validation loss {loss:.3}, {:.1} % right", 100.0 * accuracy)
            });
            format!(" (before: loss {:.3}{judged})", last.training_loss)
        });
        self.job.progress.start(&format!("epoch {epoch} of {epochs}{before}"), images);
    }

    fn advance(&mut self, images: u64) -> bool {
        self.job.progress.advance(images, 0);
        !self.job.cancel.is_cancelled()
    }
}
