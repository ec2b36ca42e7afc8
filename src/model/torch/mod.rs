//! Networks in libtorch: for training, with gradients, and folded for fast inference. Built with the feature `tch`.

mod folded;
mod network;
mod session;

pub use super::engine::Precision;
pub use folded::Folded;
pub use network::{Network, values};
pub use session::{Session, Shared};

use tch::{Device, Kind, TchError, Tensor};

use super::architecture::{Architecture, Convolution};
use super::weights::{Array, Weights};

/// Why libtorch could not do something.
#[derive(Debug, thiserror::Error)]
pub enum TorchError {
    /// An array that the architecture has is not among the weights.
    #[error("the weights have no `{0}`")]
    Missing(String),
    /// An array has another shape than the architecture.
    #[error("`{name}` has the shape {found:?}, the network needs {expected:?}")]
    Shape {
        /// Which array.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The architecture's.
        expected: Vec<usize>,
    },
    /// libtorch itself failed.
    #[error("libtorch failed: {0}")]
    Failed(#[from] TchError),
}

/// The layers of a network whose convolutions are `L`, each with the batch norm behind it.
struct Layers<L> {
    stem: L,
    blocks: Vec<BlockLayers<L>>,
    head_weight: Tensor,
    head_bias: Tensor,
    for_photographs: bool,
}

struct BlockLayers<L> {
    main: Vec<L>,
    shortcut: Option<L>,
}

impl<L> Layers<L> {
    /// Makes all layers of `architecture`, `head` being weight and bias of the last one.
    fn make(
        architecture: &Architecture,
        head: (Tensor, Tensor),
        layer: &mut dyn FnMut(&Convolution) -> Result<L, TorchError>,
    ) -> Result<Self, TorchError> {
        let stem = layer(&architecture.stem())?;
        let mut blocks = Vec::new();
        for block in architecture.stages().iter().flatten() {
            let main = block.main.iter().map(&mut *layer).collect::<Result<_, _>>()?;
            let shortcut = block.shortcut.as_ref().map(&mut *layer).transpose()?;
            blocks.push(BlockLayers { main, shortcut });
        }
        let (head_weight, head_bias) = head;
        Ok(Self { stem, blocks, head_weight, head_bias, for_photographs: architecture.for_photographs })
    }

    /// The same layers, each made anew by `layer` and the head by `tensor`.
    fn map(&self, layer: &dyn Fn(&L) -> L, tensor: &dyn Fn(&Tensor) -> Tensor) -> Self {
        let block = |block: &BlockLayers<L>| BlockLayers {
            main: block.main.iter().map(layer).collect(),
            shortcut: block.shortcut.as_ref().map(layer),
        };
        Self {
            stem: layer(&self.stem),
            blocks: self.blocks.iter().map(block).collect(),
            head_weight: tensor(&self.head_weight),
            head_bias: tensor(&self.head_bias),
            for_photographs: self.for_photographs,
        }
    }

    /// What leaves the last block: batch x channels x height x width.
    fn feature_map(&self, input: &Tensor, apply: &dyn Fn(&L, &Tensor) -> Result<Tensor, TchError>) -> Result<Tensor, TchError> {
        let mut x = apply(&self.stem, input)?.f_relu_()?;
        if self.for_photographs {
            x = x.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        }
        for block in &self.blocks {
            let around = match &block.shortcut {
                Some(layer) => apply(layer, &x)?,
                None => x.shallow_clone(),
            };
            let mut y = x;
            for (at, layer) in block.main.iter().enumerate() {
                y = apply(layer, &y)?;
                if at + 1 < block.main.len() {
                    y = y.f_relu_()?;
                }
            }
            x = y.f_add_(&around)?.f_relu_()?;
        }
        Ok(x)
    }

    /// The class scores before the softmax: batch x classes.
    fn logits(&self, input: &Tensor, apply: &dyn Fn(&L, &Tensor) -> Result<Tensor, TchError>) -> Result<Tensor, TchError> {
        let map = self.feature_map(input, apply)?;
        let features = map.f_mean_dim([2_i64, 3].as_slice(), false, None::<Kind>)?;
        features.f_linear(&self.head_weight, Some(&self.head_bias))
    }
}

/// The array called `name`, checked.
fn array<'w>(weights: &'w Weights, name: &str, shape: &[usize]) -> Result<&'w Array, TorchError> {
    let array = weights.get(name).ok_or_else(|| TorchError::Missing(name.to_owned()))?;
    if array.shape != shape {
        return Err(TorchError::Shape { name: name.to_owned(), found: array.shape.clone(), expected: shape.to_vec() });
    }
    Ok(array)
}

/// The array called `name` as a tensor on `device`.
fn tensor(weights: &Weights, name: &str, shape: &[usize], device: Device) -> Result<Tensor, TorchError> {
    let array = array(weights, name, shape)?;
    let sizes: Vec<i64> = shape.iter().map(|side| i64::try_from(*side).unwrap_or(i64::MAX)).collect();
    Ok(Tensor::f_from_slice(&array.values)?.f_reshape(sizes.as_slice())?.f_to_device(device)?)
}

/// `tensor` (four dimensions) with its channels last in memory: what convolutions on CPUs and GPUs are fastest with.
///
/// # Errors
/// When libtorch refuses.
pub fn channels_last(tensor: &Tensor) -> Result<Tensor, TchError> {
    tensor.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])
}
