//! Engines: one image in, one probability per class of the network out.

use super::bundle::OutputKind;
use super::weights::WeightsError;

/// How far probabilities that a network calls such may sum from 1; networks in half precision miss it by some thousandths.
const SUM_TOLERANCE: f32 = 1e-2;

/// Why a network cannot be loaded, or an image not be classified.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum EngineError {
    /// The file is not an ONNX network that the engine can run.
    #[error("the network cannot be loaded: {0}")]
    Load(String),
    /// The network takes something else than one image of the described size.
    #[error("the network takes {found}, `model.yaml` describes {expected}")]
    Input {
        /// What `model.yaml` says.
        expected: String,
        /// What the network says.
        found: String,
    },
    /// The network's output does not have one number per class.
    #[error("the network has {found} outputs, `model.yaml` lists {expected} classes")]
    Classes {
        /// Classes listed.
        expected: usize,
        /// The network's output width.
        found: usize,
    },
    /// A network that finds animals, where one that names them is needed.
    #[error(
        "the network gives {0}: that is how detectors give boxes with their scores, and a classifier with one number for each class is \
         needed here"
    )]
    Detector(String),
    /// The network computes no value of this name.
    #[error("the network computes nothing called `{0}`; networks that `trapline` writes have `features` and `feature_map`")]
    Node(String),
    /// libtorch runs weights by name, and there are none.
    #[error(
        "it comes without weights by name, which libtorch runs: name a safetensors file under `weights:` of its `model.yaml`"
    )]
    NoWeights,
    /// libtorch needs an architecture that it knows.
    #[error("libtorch runs residual networks, and `{0}` is none of those known: `resnet18`, `resnet50` and so on")]
    Architecture(String),
    /// libtorch runs a network up to its class scores.
    #[error("libtorch gives logits, and `model.yaml` describes a network that gives probabilities")]
    NotLogits,
    /// The weights do not fit the architecture.
    #[error(transparent)]
    Weights(Box<WeightsError>),
    /// Weights and network disagree.
    #[error("its weights by name are not those of its ONNX network, which is what its identity stands for; export both together")]
    OtherWeights,
    /// The program has no libtorch.
    #[error("this Trapline was built without libtorch; `trapline help TL0417` says how to build it with")]
    BuiltWithout,
    /// The network failed while it ran.
    #[error("the network failed: {0}")]
    Failed(String),
    /// The output holds a NaN or an infinity.
    #[error("the network's output is not finite")]
    NotFinite,
    /// The output was to hold probabilities and does not.
    #[error("the network's output is not a set of probabilities; `output: logits` may be meant")]
    NotProbabilities,
    /// The output was to be logits and holds probabilities.
    #[error(
        "the network's outputs are probabilities already (they sum to 1 for each image of noise): write `output: probabilities`"
    )]
    SoftmaxTwice,
}

impl From<WeightsError> for EngineError {
    fn from(error: WeightsError) -> Self {
        Self::Weights(Box::new(error))
    }
}

/// The numbers that a network computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits with the range of 32: faster where the processor knows them, exact to about three digits.
    Bf16,
}

/// Classifies images on one thread.
pub trait Engine: Send {
    /// Fills `probabilities` with one number per class of the network, in its order, for one image.
    ///
    /// *Shapes*: `input` is channels x height x width of the bundle's input.
    /// *Determinism*: a function of the network and `input` alone on one kind of CPU; across kinds within the numerics epoch.
    ///
    /// # Errors
    /// When the network fails, or its output is not finite or no set of probabilities; the next image is not affected.
    fn classify(&mut self, input: &[f32], probabilities: &mut Vec<f32>) -> Result<(), EngineError>;
}

/// Turns a network's output into probabilities in place; logits are divided by `temperature` first.
///
/// # Errors
/// When the output is not finite, or was to hold probabilities and does not.
pub fn to_probabilities(kind: OutputKind, temperature: f32, values: &mut [f32]) -> Result<(), EngineError> {
    if values.iter().any(|value| !value.is_finite()) {
        return Err(EngineError::NotFinite);
    }
    match kind {
        OutputKind::Logits => {
            softmax(temperature, values);
            Ok(())
        }
        OutputKind::Probabilities => {
            let within = values.iter().all(|value| (-1e-6..=1.0 + 1e-6).contains(value));
            let sum: f32 = values.iter().sum();
            // Rounding in a network's own softmax may leave the range by an ulp; a confidence may not.
            for value in values.iter_mut() {
                *value = value.clamp(0.0, 1.0);
            }
            if within && (sum - 1.0).abs() <= SUM_TOLERANCE { Ok(()) } else { Err(EngineError::NotProbabilities) }
        }
    }
}

/// The softmax of finite `values` over `temperature`, in f32 and in their order. The largest is subtracted first, so that nothing
/// overflows; a division by 1 changes no bit.
fn softmax(temperature: f32, values: &mut [f32]) {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for value in values.iter_mut() {
        // The platform's `expf` differs between systems in the last bit; that is within the numerics epoch's tolerance.
        *value = ((*value - largest) / temperature).exp();
        sum += *value;
    }
    for value in values.iter_mut() {
        *value /= sum;
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_known_numbers() {
        let mut values = [0.0, 2.0_f32.ln(), 5.0_f32.ln()];
        to_probabilities(OutputKind::Logits, 1.0, &mut values).unwrap();
        for (found, expected) in values.iter().zip([0.125, 0.25, 0.625]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn a_temperature_takes_the_root_of_the_odds() {
        let mut values = [0.0, 4.0_f32.ln(), 9.0_f32.ln()];
        to_probabilities(OutputKind::Logits, 2.0, &mut values).unwrap();
        for (found, expected) in values.iter().zip([1.0 / 6.0, 2.0 / 6.0, 3.0 / 6.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        // The coldest and the largest numbers meet without a NaN.
        let mut values = [3.0e38, -3.0e38];
        to_probabilities(OutputKind::Logits, 0.01, &mut values).unwrap();
        assert_eq!(values, [1.0, 0.0]);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let mut values = [3.0e38, -3.0e38, 3.0e38];
        to_probabilities(OutputKind::Logits, 1.0, &mut values).unwrap();
        assert_eq!(values, [0.5, 0.0, 0.5]);
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for kind in [OutputKind::Logits, OutputKind::Probabilities] {
                assert_eq!(to_probabilities(kind, 1.0, &mut [0.5, bad]), Err(EngineError::NotFinite));
            }
        }
    }

    #[test]
    fn probabilities_are_kept_as_they_are_and_logits_mistaken_for_them_refused() {
        let mut values = [0.1, 0.7, 0.2];
        to_probabilities(OutputKind::Probabilities, 1.0, &mut values).unwrap();
        assert_eq!(values, [0.1, 0.7, 0.2]);
        for mut wrong in [[0.9, 0.9, 0.9], [-1.0, 1.0, 1.0], [7.0, -3.0, -3.0]] {
            assert_eq!(to_probabilities(OutputKind::Probabilities, 1.0, &mut wrong), Err(EngineError::NotProbabilities));
        }
    }
}
