//! The loop: phases, epochs, batches; checkpoints after every epoch.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use tch::{Cuda, Device, Kind, TchError, Tensor};

use super::checkpoint::{self, Notes};
use super::loss::{ClassWeights, Loss};
use super::optimizer::Stepper;
use crate::model::torch::{Network, TorchError, channels_last, values};
use crate::model::weights::Weights;
use crate::stats::interval::number;
use crate::train::{
    Batch, Emphasis, Epoch, Free, Imbalance, Keep, Loader, Options, Phase, PixelsError, Set, Variation, chance, class_counts,
    class_weights, epoch_order,
};

/// The factor of the loss with which mixed precision starts: gradients below 6e-8 would vanish in 16 bits.
const FIRST_SCALE: f64 = 65_536.0;

/// Watches a training and may end it.
pub trait Watch {
    /// An epoch begins that will learn from `images`.
    fn begins(&mut self, epoch: u32, epochs: u32, images: u64, last: Option<&Epoch>);
    /// So many images more were learned from; false ends the training.
    fn advance(&mut self, images: u64) -> bool;
}

/// Why a training has no result.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// libtorch failed, or the weights do not fit.
    #[error(transparent)]
    Torch(#[from] TorchError),
    /// Prepared images could not be read.
    #[error(transparent)]
    Pixels(#[from] PixelsError),
    /// The checkpoint could not be written.
    #[error("cannot write the checkpoint in `{folder}`")]
    Checkpoint {
        /// Where.
        folder: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The loss is no number any more.
    #[error("the loss is no number any more in epoch {epoch}: lower `learning_rate`, or raise `batch`")]
    Diverged {
        /// From 1.
        epoch: u32,
    },
    /// The person stopped; the checkpoint of the last epoch is there.
    #[error("interrupted")]
    Interrupted,
}

impl From<TchError> for TrainError {
    fn from(error: TchError) -> Self {
        Self::Torch(error.into())
    }
}

/// What a training yields.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The weights kept.
    pub weights: Weights,
    /// One per epoch.
    pub history: Vec<Epoch>,
    /// Class scores of the validation images under these weights: images x classes.
    pub logits: Vec<f32>,
    /// Mean cross-entropy over the validation images under these weights; missing where there are none.
    pub validation_loss: Option<f64>,
    /// How many numbers the last phase learned.
    pub learned: usize,
}

/// A training about to be done.
pub struct Training<'a> {
    /// What is prescribed.
    pub options: &'a Options,
    /// Images and classes.
    pub set: &'a Set,
    /// Where batches come from.
    pub loader: Loader<'a>,
    /// Where it computes.
    pub device: Device,
    /// Where checkpoints lie; none are written where there is no folder.
    pub folder: Option<&'a Path>,
    /// Everything that makes the training what it is, in words, so that a checkpoint of another is not taken up.
    pub identity: String,
}

/// Where a training computes: a GPU where libtorch sees one.
#[must_use]
pub fn best_device() -> Device {
    Device::cuda_if_available()
}

/// What computes, for the notes of a model: the library and the device.
#[must_use]
pub fn library(device: Device) -> String {
    let place = if device.is_cuda() { format!("CUDA ({} devices)", Cuda::device_count()) } else { "CPU".to_owned() };
    format!("libtorch 2.11 through tch 0.24, {place}")
}

/// What changes from epoch to epoch.
struct State {
    network: Network,
    stepper: Stepper,
    /// Weights of the best epoch of the phase.
    best: Option<Weights>,
    notes: Notes,
}

/// Sums over the batches of an epoch.
#[derive(Default)]
struct Tally {
    loss: f64,
    right: u64,
    images: u64,
    batches: u64,
    rate: f64,
}

impl Training<'_> {
    /// Trains from `start`, or from the last checkpoint, to the end.
    ///
    /// # Errors
    /// See [`TrainError`]; the checkpoint of the last whole epoch stays.
    pub fn run(&self, start: &Weights, watch: &mut dyn Watch) -> Result<Trained, TrainError> {
        let mut state = self.begin(start)?;
        let last = self.options.phases.len().saturating_sub(1);
        for (number, phase) in self.options.phases.iter().enumerate().skip(state.notes.phase) {
            while !state.notes.ended && state.notes.epochs < phase.epochs {
                self.epoch(phase, &mut state, watch)?;
            }
            if let (Keep::Best, Some(best)) = (self.options.keep, state.best.take()) {
                state.network = Network::new(self.options.architecture, self.set.classes, &best, self.device)?;
            }
            if number < last {
                self.enter(number + 1, &mut state)?;
            }
        }
        let logits = self.judge(&state.network)?;
        let learned = state.network.learned_numbers();
        let validation_loss = self.score(&logits).map(|score| score.0);
        Ok(Trained { weights: state.network.weights()?, history: state.notes.history, logits, validation_loss, learned })
    }

    fn begin(&self, start: &Weights) -> Result<State, TrainError> {
        let known = self.folder.and_then(|folder| checkpoint::read(folder, &self.identity));
        let (weights, best, notes, arrays) = match known {
            Some((notes, arrays)) => {
                let part = |prefix: &str| -> Weights {
                    let of =
                        arrays.iter().filter_map(|(name, array)| Some((name.strip_prefix(prefix)?.to_owned(), array.clone())));
                    of.collect()
                };
                let best = Some(part("best.")).filter(|best| !best.is_empty());
                (part("network."), best, notes, Some(arrays))
            }
            None => (start.clone(), None, self.first_notes(), None),
        };
        let mut network = Network::new(self.options.architecture, self.set.classes, &weights, self.device)?;
        let phase = &self.options.phases[notes.phase];
        network.free_from(self.first_free(phase))?;
        let mut stepper = Stepper::new(phase.optimizer, network.learned())?;
        if let Some(arrays) = arrays {
            stepper.load(&arrays, notes.steps)?;
        }
        Ok(State { network, stepper, best, notes })
    }

    fn first_notes(&self) -> Notes {
        Notes {
            options: self.identity.clone(),
            phase: 0,
            epochs: 0,
            ended: false,
            steps: 0,
            scale: FIRST_SCALE,
            history: Vec::new(),
            best: None,
            waited: 0,
            queues: None,
        }
    }

    /// Begins the phase at `number` from the weights that the one before it left.
    fn enter(&self, number: usize, state: &mut State) -> Result<(), TrainError> {
        let phase = &self.options.phases[number];
        state.network.free_from(self.first_free(phase))?;
        state.stepper = Stepper::new(phase.optimizer, state.network.learned())?;
        let history = std::mem::take(&mut state.notes.history);
        state.notes = Notes { phase: number, history, scale: state.notes.scale, ..self.first_notes() };
        Ok(())
    }

    /// The first part of the network that a phase learns.
    fn first_free(&self, phase: &Phase) -> usize {
        let head = self.options.architecture.depths.len() + 1;
        match phase.free {
            Free::All => 0,
            Free::Last(parts) => head.saturating_sub(parts),
        }
    }

    fn epoch(&self, phase: &Phase, state: &mut State, watch: &mut dyn Watch) -> Result<(), TrainError> {
        let labels: Vec<u32> = self.set.training.iter().map(|image| self.set.labels[*image as usize]).collect();
        let (number, seed) = (state.notes.epochs, self.options.seed);
        let phase_number = u32::try_from(state.notes.phase).unwrap_or(u32::MAX);
        let order: Vec<u32> = epoch_order(&labels, self.set.classes, &phase.imbalance, seed, phase_number, number)
            .into_iter()
            .map(|place| self.set.training[place as usize])
            .collect();
        let done = u32::try_from(state.notes.history.len()).unwrap_or(u32::MAX);
        let epochs = done - number + self.options.phases[state.notes.phase..].iter().map(|phase| phase.epochs).sum::<u32>();
        watch.begins(done + 1, epochs, order.len() as u64, state.notes.history.last());
        let per_epoch = order.len().div_ceil(self.options.batch) as u64;
        let steps =
            Steps { phase, epoch: number, done: per_epoch * u64::from(number), total: per_epoch * u64::from(phase.epochs) };
        let loss = self.loss(phase, &labels)?;
        let vary = Variation { seed, epoch: done };
        let tally = std::thread::scope(|scope| {
            let mut tally = Tally::default();
            let mut rng = chance(seed, "emphasis", &[u64::from(done)]);
            for (step, batch) in self.loader.stream(scope, &order, Some(vary)).enumerate() {
                let batch = batch?;
                tally.rate = steps.rate(step as u64);
                self.learn(&batch, &loss, &steps, state, &mut tally)?;
                if !watch.advance(batch.images.len() as u64) {
                    return Err(TrainError::Interrupted);
                }
                self.emphasise(&mut rng, &loss, &steps, state, &mut tally)?;
            }
            Ok(tally)
        })?;
        self.close(phase, state, &tally, done + 1)
    }

    fn loss(&self, phase: &Phase, labels: &[u32]) -> Result<Loss, TchError> {
        let smoothing = self.options.label_smoothing;
        let Imbalance::Weighted { clamp } = phase.imbalance else {
            return Ok(Loss { smoothing, weights: None, clamp: None });
        };
        let counts = class_counts(labels, self.set.classes);
        let weights = class_weights(&counts);
        let total: f64 = counts.iter().zip(&weights).map(|(count, weight)| number(*count) * weight).sum();
        let of_class = Tensor::f_from_slice(&weights)?.f_to_kind(Kind::Float)?.f_to_device(self.device)?;
        let scale = number(labels.len() as u64) / total.max(f64::MIN_POSITIVE);
        Ok(Loss { smoothing, weights: Some(ClassWeights { of_class, scale }), clamp })
    }

    /// Learns from one batch.
    fn learn(
        &self,
        batch: &Batch,
        loss: &Loss,
        steps: &Steps<'_>,
        state: &mut State,
        tally: &mut Tally,
    ) -> Result<(), TrainError> {
        // The statistics of a single image are no statistics.
        if batch.images.len() < 2 && self.set.training.len() > 1 {
            return Ok(());
        }
        let (input, labels) = self.tensors(batch)?;
        state.stepper.clear();
        let mixed = self.options.mixed_precision && self.device.is_cuda();
        let logits = if mixed { tch::autocast(true, || state.network.learn(&input))? } else { state.network.learn(&input)? };
        let value = loss.backward(&logits, &labels, if mixed { state.notes.scale } else { 1.0 })?;
        if !value.is_finite() {
            let epoch = u32::try_from(state.notes.history.len()).unwrap_or(u32::MAX).saturating_add(1);
            return Err(TrainError::Diverged { epoch });
        }
        if !mixed || state.stepper.unscale(state.notes.scale)? {
            state.stepper.step(tally.rate, steps.phase.decay(steps.epoch))?;
        } else {
            state.notes.scale = (state.notes.scale / 2.0).max(1.0);
        }
        // The rank of the true class: how many classes scored higher.
        let scores = logits.f_detach()?.f_to_kind(Kind::Float)?;
        let own = scores.f_gather(1, &labels.f_unsqueeze(1)?, false)?;
        let higher = scores.f_gt_tensor(&own)?.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Int64)?;
        let ranks: Vec<u32> = Vec::<i64>::try_from(&higher.f_to_device(Device::Cpu)?)?
            .into_iter()
            .map(|rank| u32::try_from(rank).unwrap_or(u32::MAX))
            .collect();
        tally.loss += value;
        tally.batches += 1;
        tally.images += ranks.len() as u64;
        tally.right += ranks.iter().filter(|rank| **rank == 0).count() as u64;
        if let Some(queues) = &mut state.notes.queues {
            queues.observe(&batch.images, &ranks);
        }
        Ok(())
    }

    /// Emphasis sampling: with some chance a further batch of images that were wrong.
    fn emphasise(
        &self,
        rng: &mut ChaCha8Rng,
        loss: &Loss,
        steps: &Steps<'_>,
        state: &mut State,
        tally: &mut Tally,
    ) -> Result<(), TrainError> {
        let Imbalance::Emphasis { top_1, top_5 } = steps.phase.imbalance else { return Ok(()) };
        let queues = state.notes.queues.get_or_insert_with(|| Emphasis::new(top_1, top_5));
        if let Some(images) = queues.next(rng, self.options.batch) {
            // Past the end of the epoch: no image of it is varied by the same chance.
            let first = usize::try_from(tally.images).unwrap_or(0) + (1 << 40);
            let vary = Variation { seed: self.options.seed, epoch: u32::try_from(state.notes.history.len()).unwrap_or(0) };
            let batch = self.loader.make(&mut self.loader.pixels.reader()?, &images, first, Some(vary))?;
            self.learn(&batch, loss, steps, state, tally)?;
        }
        Ok(())
    }

    fn tensors(&self, batch: &Batch) -> Result<(Tensor, Tensor), TchError> {
        let labels: Vec<i64> = batch.images.iter().map(|image| i64::from(self.set.labels[*image as usize])).collect();
        Ok((self.input(batch)?, Tensor::f_from_slice(&labels)?.f_to_device(self.device)?))
    }

    fn input(&self, batch: &Batch) -> Result<Tensor, TchError> {
        let [height, width] = [self.options.input.height, self.options.input.width].map(i64::from);
        channels_last(&Tensor::f_from_slice(&batch.input)?.f_view([-1, 3, height, width])?.f_to_device(self.device)?)
    }

    /// Ends an epoch: judges, remembers the best, writes the checkpoint.
    fn close(&self, phase: &Phase, state: &mut State, tally: &Tally, epoch: u32) -> Result<(), TrainError> {
        let logits = self.judge(&state.network)?;
        let (validation_loss, validation_accuracy) = self.score(&logits).unzip();
        if validation_loss.is_some_and(|loss| !loss.is_finite()) {
            return Err(TrainError::Diverged { epoch });
        }
        let weights = state.network.weights()?;
        let best = validation_loss.is_some_and(|loss| state.notes.best.is_none_or(|best| loss < best));
        if best {
            state.notes.best = validation_loss;
            state.notes.waited = 0;
            if self.options.keep == Keep::Best {
                state.best = Some(weights.clone());
            }
        } else {
            state.notes.waited += 1;
        }
        let share = |part: f64, whole: u64| if whole == 0 { 0.0 } else { part / number(whole) };
        state.notes.history.push(Epoch {
            phase: u32::try_from(state.notes.phase + 1).unwrap_or(u32::MAX),
            epoch,
            images: tally.images,
            rate: tally.rate,
            training_loss: share(tally.loss, tally.batches),
            training_accuracy: share(number(tally.right), tally.images),
            validation_loss,
            validation_accuracy,
            best,
        });
        state.notes.epochs += 1;
        let patient = self.options.patience.is_none_or(|patience| state.notes.waited < patience);
        state.notes.ended = state.notes.epochs >= phase.epochs || (validation_loss.is_some() && !patient);
        let Some(folder) = self.folder else { return Ok(()) };
        let mut arrays = Weights::new();
        state.notes.steps = state.stepper.save(&mut arrays)?;
        arrays.extend(weights.into_iter().map(|(name, array)| (format!("network.{name}"), array)));
        if let Some(best) = &state.best {
            arrays.extend(best.iter().map(|(name, array)| (format!("best.{name}"), array.clone())));
        }
        let written = checkpoint::write(folder, &state.notes, &arrays);
        written.map_err(|source| TrainError::Checkpoint { folder: folder.to_owned(), source })
    }

    /// Class scores of the validation images: images x classes.
    fn judge(&self, network: &Network) -> Result<Vec<f32>, TrainError> {
        let mut logits = Vec::with_capacity(self.set.validation.len() * self.set.classes);
        std::thread::scope(|scope| {
            for batch in self.loader.stream(scope, &self.set.validation, None) {
                logits.extend(values(&network.judge(&self.input(&batch?)?)?)?);
            }
            Ok(logits)
        })
    }

    /// Mean cross-entropy and accuracy of the validation images; `None` where there are none.
    fn score(&self, logits: &[f32]) -> Option<(f64, f64)> {
        let (mut loss, mut right) = (0.0, 0_u64);
        for (scores, image) in logits.chunks_exact(self.set.classes.max(1)).zip(&self.set.validation) {
            let own = self.set.labels[*image as usize] as usize;
            let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = scores.iter().map(|score| f64::from(score - largest).exp()).sum();
            loss += sum.ln() - f64::from(scores[own] - largest);
            right += u64::from(scores.iter().enumerate().all(|(at, score)| at == own || *score < scores[own]));
        }
        let images = self.set.validation.len() as u64;
        (images > 0).then(|| (loss / number(images), number(right) / number(images)))
    }
}

/// A phase's rule at one of its steps.
struct Steps<'a> {
    phase: &'a Phase,
    epoch: u32,
    /// Steps of the phase before this epoch.
    done: u64,
    total: u64,
}

impl Steps<'_> {
    fn rate(&self, step: u64) -> f64 {
        self.phase.schedule.rate(self.epoch, self.done + step, self.total)
    }
}
