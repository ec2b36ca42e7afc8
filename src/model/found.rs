//! What an ONNX file is found to be: its input, its outputs, and whether they are probabilities already.

use rten::Dimension;

use super::bundle::{Bundle, ChannelOrder, Input, OutputKind, Resize};
use super::engine::EngineError;
use super::rten::{Network, Session, describe, load_model};

/// How many images of noise a network is tried with.
const TRIALS: u32 = 6;
/// How far sums of probabilities may be from 1.
const SUM_TOLERANCE: f32 = 1e-3;

/// A classifier, as its file declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The order of the input.
    pub layout: ChannelOrder,
    /// Width of the input in pixels, where it is declared.
    pub width: Option<u32>,
    /// Height of the input in pixels, where it is declared.
    pub height: Option<u32>,
}

/// Looks at the declared input of a network.
///
/// # Errors
/// When it cannot be loaded, or does not take one image.
pub fn look(network: Vec<u8>) -> Result<Found, EngineError> {
    let model = load_model(network)?;
    let shape = model.input_shape(0).unwrap_or_default();
    let side = |at: usize| match shape.get(at) {
        Some(Dimension::Fixed(size)) => u32::try_from(*size).ok(),
        _ => None,
    };
    if model.input_ids().len() != 1 || !(shape.is_empty() || shape.len() == 4) {
        let found = format!("{} inputs, the first of {}", model.input_ids().len(), describe(&shape));
        return Err(EngineError::Input { expected: "one image".into(), found });
    }
    Ok(match layout(&shape) {
        Some(ChannelOrder::Nhwc) => Found { layout: ChannelOrder::Nhwc, width: side(2), height: side(1) },
        _ => Found { layout: ChannelOrder::Nchw, width: side(3), height: side(2) },
    })
}

/// The order of a declared input of four sizes, one of which is the three channels; `None` where that does not tell.
pub(super) fn layout(shape: &[Dimension]) -> Option<ChannelOrder> {
    let is_three = |at: usize| matches!(shape.get(at), Some(Dimension::Fixed(3)));
    match (shape.len(), is_three(1), is_three(3)) {
        (4, true, false) => Some(ChannelOrder::Nchw),
        (4, false, true) => Some(ChannelOrder::Nhwc),
        _ => None,
    }
}

/// Says whether a network's outputs are probabilities, by those for some images of noise.
///
/// # Errors
/// When it does not run.
pub fn output_kind(session: &mut Session, input: &Input) -> Result<OutputKind, EngineError> {
    let pixels = input.width as usize * input.height as usize;
    for seed in 1..=TRIALS {
        // As an image is: from 0 to 1, normalised.
        let mut image = noise(3 * pixels, seed);
        for (channel, values) in image.chunks_mut(pixels.max(1)).enumerate() {
            let (mean, std) = (input.mean[channel], input.std[channel]);
            for value in values {
                *value = (f32::midpoint(*value, 2.0) / 2.0 - mean) / std;
            }
        }
        let values = session.output(&image)?;
        let sum: f32 = values.iter().sum();
        let within = values.iter().all(|value| (0.0..=1.0 + SUM_TOLERANCE).contains(value));
        if values.len() < 2 || !within || (sum - 1.0).abs() > SUM_TOLERANCE {
            return Ok(OutputKind::Logits);
        }
    }
    Ok(OutputKind::Probabilities)
}

/// Makes sure that the outputs of a network are what its bundle says: a second softmax would make every answer unsure, and none at all
/// would give confidences above 1.
///
/// # Errors
/// When they are not, or the network does not run.
pub fn check_output(bundle: &Bundle, network: &std::sync::Arc<Network>) -> Result<(), EngineError> {
    let found = output_kind(&mut network.session()?, &bundle.input)?;
    match (bundle.output, found) {
        (OutputKind::Logits, OutputKind::Probabilities) => Err(EngineError::SoftmaxTwice),
        (OutputKind::Probabilities, OutputKind::Logits) => Err(EngineError::NotProbabilities),
        _ => Ok(()),
    }
}

/// Numbers within -2 and 2 that look random, the same on every machine.
#[expect(clippy::cast_precision_loss, reason = "24 bits fit an f32")]
pub(super) fn noise(length: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 22) as f32 - 2.0
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// What is done to an image before the network sees it, by the names that people know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preprocess {
    /// As torchvision's and most public classifiers: shorter side, centre crop, the means and deviations of `ImageNet`.
    Imagenet,
    /// 0 to 1, squashed.
    Unit,
    /// -1 to 1, squashed, as TensorFlow's.
    Signed,
}

impl Preprocess {
    /// The input of a network of `width` x `height` pixels.
    #[must_use]
    pub fn input(self, width: u32, height: u32) -> Input {
        let plain = Input {
            width,
            height,
            resize: Resize::Squash,
            crop_bottom_px: 0,
            upright: false,
            margin_px: 0,
            mean: [0.0; 3],
            std: [1.0; 3],
        };
        match self {
            Self::Imagenet => Input {
                resize: Resize::Crop,
                // 256 for 224, and in proportion.
                margin_px: (width.min(height) * 16 + 112) / 224,
                mean: [0.485, 0.456, 0.406],
                std: [0.229, 0.224, 0.225],
                ..plain
            },
            Self::Unit => plain,
            Self::Signed => Input { mean: [0.5; 3], std: [0.5; 3], ..plain },
        }
    }
}
