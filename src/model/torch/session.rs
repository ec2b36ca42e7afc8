//! libtorch as an engine for inference: one folded network, shared by single-threaded sessions.

use std::sync::{Arc, Mutex, PoisonError};

use tch::Device;

use super::Folded;
use crate::model::architecture::Architecture;
use crate::model::bundle::{Bundle, OutputKind};
use crate::model::engine::{Engine, EngineError, Precision, to_probabilities};
use crate::model::found::noise;
use crate::model::rten;
use crate::model::weights::{check, read_safetensors};

/// How far the class scores of weights and network may be apart, as a share of their range, before they are called different.
const SAME_NETWORK: f32 = 1e-3;

/// A loaded network, shared by any number of sessions.
pub struct Shared {
    /// Tensors may move between threads, but two threads may not hold one handle.
    folded: Mutex<Folded>,
    temperature: f32,
    classes: usize,
    width: usize,
    height: usize,
}

impl Shared {
    /// Loads `weights`, the safetensors file of `bundle`, onto a GPU where there is one, and makes sure that they are those of
    /// `network`, its ONNX file: the model's identity knows that one alone.
    ///
    /// # Errors
    /// When the architecture is unknown, the weights do not fit it, are those of another network than the ONNX file, or libtorch fails.
    pub fn load(bundle: &Bundle, network: Vec<u8>, weights: &[u8], precision: Precision) -> Result<Arc<Self>, EngineError> {
        let unknown = || EngineError::Architecture(bundle.architecture.clone());
        let architecture = Architecture::named(&bundle.architecture).ok_or_else(unknown)?;
        let weights = read_safetensors(weights)?;
        let classes = bundle.classes.len();
        check(&weights, architecture, classes)?;
        let (width, height) = (bundle.input.width as usize, bundle.input.height as usize);
        let fold = |device, precision| {
            Folded::new(architecture, classes, &weights, device, precision).map_err(|error| EngineError::Load(error.to_string()))
        };
        let exact = fold(Device::Cpu, Precision::F32)?;
        compare(&exact, bundle, network)?;
        let device = Device::cuda_if_available();
        let folded = if device == Device::Cpu && precision == Precision::F32 { exact } else { fold(device, precision)? };
        Ok(Arc::new(Self { folded: Mutex::new(folded), temperature: bundle.temperature, classes, width, height }))
    }

    /// A session for one thread.
    #[must_use]
    pub fn session(&self) -> Session {
        let folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner).share();
        let Self { temperature, classes, width, height, .. } = *self;
        Session { folded, temperature, classes, width, height, is_set_up: false }
    }
}

/// Makes sure that libtorch and the embedded engine say the same of an image of noise.
fn compare(folded: &Folded, bundle: &Bundle, network: Vec<u8>) -> Result<(), EngineError> {
    let (width, height) = (bundle.input.width as usize, bundle.input.height as usize);
    let noise = noise(3 * width * height, 1);
    let theirs = rten::Network::load(bundle, network)?.session()?.output(&noise)?;
    let ours = folded.logits(&noise, height, width).map_err(|error| EngineError::Failed(error.to_string()))?;
    let (low, high) = theirs.iter().fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    let apart = theirs.iter().zip(&ours).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
    // A single class has no range of its own.
    let range = (high - low).max(1e-3 * high.abs().max(low.abs()));
    if theirs.len() == ours.len() && apart <= SAME_NETWORK * range { Ok(()) } else { Err(EngineError::OtherWeights) }
}

/// Runs a [`Shared`] network on one thread.
pub struct Session {
    folded: Folded,
    temperature: f32,
    classes: usize,
    width: usize,
    height: usize,
    is_set_up: bool,
}

impl Session {
    /// Classifies a black image: what libtorch cannot do at all shows here, before the first real one.
    ///
    /// # Errors
    /// As [`Engine::classify`].
    pub fn try_once(&mut self) -> Result<(), EngineError> {
        let input = vec![0.0; 3 * self.height * self.width];
        self.classify(&input, &mut Vec::new())
    }
}

impl Engine for Session {
    fn classify(&mut self, input: &[f32], probabilities: &mut Vec<f32>) -> Result<(), EngineError> {
        if input.len() != 3 * self.height * self.width {
            let expected = format!("{} numbers", 3 * self.height * self.width);
            return Err(EngineError::Input { expected, found: format!("{} numbers", input.len()) });
        }
        if !self.is_set_up {
            // Whole images on single threads are faster than one image on all, and do not depend on how many there are.
            tch::set_num_threads(1);
            self.is_set_up = true;
        }
        let logits = self.folded.logits(input, self.height, self.width);
        let logits = logits.map_err(|error| EngineError::Failed(error.to_string()))?;
        if logits.len() != self.classes {
            return Err(EngineError::Classes { expected: self.classes, found: logits.len() });
        }
        *probabilities = logits;
        to_probabilities(OutputKind::Logits, self.temperature, probabilities)
    }
}
