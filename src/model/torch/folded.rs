//! A network that only judges: batch norms folded into the convolutions, channels last, optionally in half precision.

use tch::{Device, Kind, TchError, Tensor};

use super::network::values;
use super::{Layers, TorchError, array, channels_last};
use crate::model::architecture::{Architecture, Convolution};
use crate::model::engine::Precision;
use crate::model::fold::fold;
use crate::model::weights::Weights;

/// A folded network.
pub struct Folded {
    layers: Layers<Layer>,
    device: Device,
    kind: Kind,
}

struct Layer {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
}

impl Folded {
    /// Folds `weights` for `device`.
    ///
    /// # Errors
    /// When an array is missing or of another shape, or libtorch fails.
    pub fn new(
        architecture: &Architecture,
        classes: usize,
        weights: &Weights,
        device: Device,
        precision: Precision,
    ) -> Result<Self, TorchError> {
        let kind = if precision == Precision::Bf16 { Kind::BFloat16 } else { Kind::Float };
        let place = |tensor: Tensor| tensor.f_to_device(device)?.f_to_kind(kind);
        let head = |name: &str, shape: &[usize]| -> Result<Tensor, TorchError> {
            Ok(place(super::tensor(weights, name, shape, Device::Cpu)?)?)
        };
        let head = (head("fc.weight", &[classes, architecture.features()])?, head("fc.bias", &[classes])?);
        let mut layer = |convolution: &Convolution| {
            let find = |name: &str, shape: &[usize]| array(weights, name, shape).map(|found| found.values.as_slice());
            let (weight, bias) = fold(convolution, find)?;
            let Convolution { inputs, outputs, kernel, stride, padding, .. } = convolution;
            let shape = [outputs, inputs, kernel, kernel].map(|side| i64::try_from(*side).unwrap_or(i64::MAX));
            Ok(Layer {
                weight: place(channels_last(&Tensor::f_from_slice(&weight)?.f_reshape(shape)?)?)?,
                bias: place(Tensor::f_from_slice(&bias)?)?,
                stride: i64::try_from(*stride).unwrap_or(1),
                padding: i64::try_from(*padding).unwrap_or(0),
            })
        };
        Ok(Self { layers: Layers::make(architecture, head, &mut layer)?, device, kind })
    }

    /// The same network for another thread: the numbers are shared, not copied.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { layers: self.layers.map(&Layer::share, &Tensor::shallow_clone), device: self.device, kind: self.kind }
    }

    /// Class scores of images: as many rows of classes as there are images in `input`.
    ///
    /// *Shapes*: `input` is images x 3 x `height` x `width`, row-major.
    ///
    /// # Errors
    /// When libtorch fails (memory).
    pub fn logits(&self, input: &[f32], height: usize, width: usize) -> Result<Vec<f32>, TchError> {
        let size = [3, height, width].map(|side| i64::try_from(side).unwrap_or(i64::MAX));
        let images = Tensor::f_from_slice(input)?.f_view([-1, size[0], size[1], size[2]])?;
        let images = channels_last(&images.f_to_device(self.device)?.f_to_kind(self.kind)?)?;
        values(&tch::no_grad(|| self.layers.logits(&images, &Layer::apply))?)
    }
}

impl Layer {
    fn share(&self) -> Self {
        Self { weight: self.weight.shallow_clone(), bias: self.bias.shallow_clone(), ..*self }
    }

    fn apply(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let [stride, padding] = [self.stride, self.padding].map(|side| [side, side]);
        if x.device().is_cuda() {
            // As `conv2d`, but without the shortened numbers (TF32) that GPUs multiply with unless told otherwise.
            let (bias, transposed, deterministic, cudnn, tf32) = (Some(&self.bias), false, true, true, false);
            let (dilation, beside, groups, benchmark) = ([1, 1], [0, 0], 1, false);
            return x.f_internal_convolution(
                &self.weight,
                bias,
                stride,
                padding,
                dilation,
                transposed,
                beside,
                groups,
                benchmark,
                deterministic,
                cudnn,
                tf32,
            );
        }
        x.f_conv2d(&self.weight, Some(&self.bias), stride, padding, [1, 1], 1)
    }
}
