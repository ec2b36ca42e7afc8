//! A network that learns.

use tch::{Device, Kind, TchError, Tensor};

use super::{Layers, TorchError, channels_last, tensor};
use crate::model::architecture::{Architecture, Convolution, NORM_EPSILON, Parameter, Role};
use crate::model::weights::{Array, Weights};

/// Share of a batch's statistics in the running ones, as in torchvision.
const NORM_MOMENTUM: f64 = 0.1;

/// A network whose parameters may be learned.
pub struct Network {
    architecture: &'static Architecture,
    device: Device,
    parameters: Vec<Parameter>,
    /// One per parameter, in the order of [`Architecture::parameters`].
    tensors: Vec<Tensor>,
    layers: Layers<Layer>,
    /// The first part that is learned.
    first_free: usize,
}

/// A convolution and the batch norm behind it, sharing their tensors with [`Network::tensors`].
struct Layer {
    weight: Tensor,
    scale: Tensor,
    shift: Tensor,
    mean: Tensor,
    variance: Tensor,
    stride: i64,
    padding: i64,
    part: usize,
}

impl Network {
    /// A network with `weights` on `device`; everything may be learned.
    ///
    /// # Errors
    /// When an array is missing or of another shape, or libtorch fails.
    pub fn new(
        architecture: &'static Architecture,
        classes: usize,
        weights: &Weights,
        device: Device,
    ) -> Result<Self, TorchError> {
        let parameters = architecture.parameters(classes);
        let mut tensors = Vec::with_capacity(parameters.len());
        for parameter in &parameters {
            let mut loaded = tensor(weights, &parameter.name, &parameter.shape, device)?;
            if parameter.role == Role::Convolution {
                loaded = channels_last(&loaded)?;
            }
            tensors.push(loaded);
        }
        let find = |name: &str| {
            let at = parameters.iter().position(|parameter| parameter.name == name);
            at.map(|at| tensors[at].shallow_clone()).ok_or_else(|| TorchError::Missing(name.to_owned()))
        };
        let mut layer = |convolution: &Convolution| {
            let Convolution { name, norm, stride, padding, .. } = convolution;
            Ok(Layer {
                weight: find(&format!("{name}.weight"))?,
                scale: find(&format!("{norm}.weight"))?,
                shift: find(&format!("{norm}.bias"))?,
                mean: find(&format!("{norm}.running_mean"))?,
                variance: find(&format!("{norm}.running_var"))?,
                stride: i64::try_from(*stride).unwrap_or(1),
                padding: i64::try_from(*padding).unwrap_or(0),
                part: architecture.part_of(name),
            })
        };
        let layers = Layers::make(architecture, (find("fc.weight")?, find("fc.bias")?), &mut layer)?;
        let mut network = Self { architecture, device, parameters, tensors, layers, first_free: 0 };
        network.free_from(0)?;
        Ok(network)
    }

    /// Lets the parts from `first` on be learned ([`Architecture::part_of`]); what comes before keeps its weights, and its batch
    /// norms their statistics.
    ///
    /// # Errors
    /// When libtorch fails.
    pub fn free_from(&mut self, first: usize) -> Result<(), TorchError> {
        self.first_free = first;
        for (parameter, tensor) in self.parameters.iter().zip(&self.tensors) {
            let learned = parameter.role.is_learned() && self.architecture.part_of(&parameter.name) >= first;
            // The gradient flag lives in the tensor that layers share.
            let _same = tensor.f_set_requires_grad(learned)?;
        }
        Ok(())
    }

    /// Names and tensors of what is learned.
    #[must_use]
    pub fn learned(&self) -> Vec<(&str, Tensor)> {
        let both = self.parameters.iter().zip(&self.tensors);
        both.filter(|(_, tensor)| tensor.requires_grad())
            .map(|(parameter, tensor)| (parameter.name.as_str(), tensor.shallow_clone()))
            .collect()
    }

    /// Number of single numbers that are learned.
    #[must_use]
    pub fn learned_numbers(&self) -> usize {
        self.learned().iter().map(|(_, tensor)| tensor.numel()).sum()
    }

    /// Class scores of a batch while learning: batch norms of free parts use the batch and remember it.
    ///
    /// *Shapes*: `input` is batch x 3 x height x width, the result batch x classes.
    ///
    /// # Errors
    /// When libtorch fails (memory).
    pub fn learn(&self, input: &Tensor) -> Result<Tensor, TchError> {
        self.layers.logits(input, &|layer, x| layer.apply(x, layer.part >= self.first_free))
    }

    /// Class scores of a batch by the running statistics, without gradients.
    ///
    /// # Errors
    /// When libtorch fails (memory).
    pub fn judge(&self, input: &Tensor) -> Result<Tensor, TchError> {
        tch::no_grad(|| self.layers.logits(input, &|layer, x| layer.apply(x, false)))
    }

    /// Where it computes.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// A copy of all arrays, to keep.
    ///
    /// # Errors
    /// When libtorch fails.
    pub fn weights(&self) -> Result<Weights, TorchError> {
        let mut weights = Weights::new();
        for (parameter, tensor) in self.parameters.iter().zip(&self.tensors) {
            weights.insert(parameter.name.clone(), Array { shape: parameter.shape.clone(), values: values(tensor)? });
        }
        Ok(weights)
    }
}

impl Layer {
    fn apply(&self, x: &Tensor, learning: bool) -> Result<Tensor, TchError> {
        let [stride, padding] = [self.stride, self.padding].map(|side| [side, side]);
        let x = x.f_conv2d(&self.weight, None::<&Tensor>, stride, padding, [1, 1], 1)?;
        x.f_batch_norm(
            Some(&self.scale),
            Some(&self.shift),
            Some(&self.mean),
            Some(&self.variance),
            learning,
            NORM_MOMENTUM,
            NORM_EPSILON,
            true,
        )
    }
}

/// The numbers of a tensor in row-major order.
///
/// # Errors
/// When libtorch fails.
pub fn values(tensor: &Tensor) -> Result<Vec<f32>, TchError> {
    let flat = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?;
    let mut values = vec![0.0; flat.numel()];
    flat.f_copy_data(&mut values, flat.numel())?;
    Ok(values)
}
