//! Networks as ONNX files, written by us: opset 17, batch norms folded, any number of images at once.
//!
//! ```text
//! input [batch, 3, H, W] -> Conv, Relu, MaxPool, Add ... -> feature_map [batch, channels, h, w]
//!     -> GlobalAveragePool, Flatten -> features [batch, channels] -> Gemm -> logits [batch, classes]
//! ```
//!
//! *Source*: the ONNX operator set, version 17. Only operators that have been in it since long are used, so that every engine runs them.

use super::architecture::{Architecture, Block, Convolution};
use super::fold::fold;
use super::weights::{Weights, WeightsError, check};

pub mod external;
mod graph;

use graph::{Attribute, Graph};

/// The name of the network's input.
pub const INPUT: &str = "input";

/// The name of the network's output: class scores before the softmax.
pub const LOGITS: &str = "logits";

/// The name of what enters the last layer: one row of numbers for each image.
pub const FEATURES: &str = "features";

/// The name of what leaves the last block, before it is averaged over the image.
pub const FEATURE_MAP: &str = "feature_map";

/// Why a network cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// The weights are not those of the architecture.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// There would be nothing to compute.
    #[error("a network for {classes} classes and images of {width} x {height} pixels has nothing to compute")]
    Empty {
        /// Classes asked for.
        classes: usize,
        /// Width asked for, pixels.
        width: u32,
        /// Height asked for, pixels.
        height: u32,
    },
}

/// The ONNX file of a network of `architecture` with `weights`, for images of `width` x `height` pixels.
///
/// *Determinism*: the same network gives the same bytes.
///
/// # Errors
/// When the weights are not those of the architecture for so many classes, or a size is zero.
pub fn write(
    architecture: &Architecture,
    classes: usize,
    weights: &Weights,
    width: u32,
    height: u32,
) -> Result<Vec<u8>, OnnxError> {
    if [classes, width as usize, height as usize].contains(&0) {
        return Err(OnnxError::Empty { classes, width, height });
    }
    check(weights, architecture, classes)?;
    let mut writer = Writer { graph: Graph::new(architecture.name), architecture, weights };
    writer.graph.input(INPUT, &[3, height as usize, width as usize]);
    let size = writer.body([height as usize, width as usize])?;
    writer.head(classes, size)?;
    Ok(writer.graph.finish())
}

/// Height and width of a map of numbers, pixels.
type Size = [usize; 2];

struct Writer<'a> {
    graph: Graph,
    architecture: &'a Architecture,
    weights: &'a Weights,
}

impl<'a> Writer<'a> {
    /// From the input to the feature map, whose size is given back.
    fn body(&mut self, mut size: Size) -> Result<Size, OnnxError> {
        let stem = self.architecture.stem();
        self.convolution(&stem, INPUT)?;
        self.graph.node("Relu", &[&stem.name], "stem", &[]);
        size = after(size, stem.kernel, stem.stride);
        let mut value = "stem".to_owned();
        if self.architecture.for_photographs {
            let attributes = window(3, 2, 1);
            self.graph.node("MaxPool", &[&value], "pooled_stem", &attributes);
            size = after(size, 3, 2);
            "pooled_stem".clone_into(&mut value);
        }
        let blocks: Vec<Block> = self.architecture.stages().into_iter().flatten().collect();
        for (at, block) in blocks.iter().enumerate() {
            let output = if at + 1 == blocks.len() { FEATURE_MAP } else { &block.name };
            self.block(block, &value, output)?;
            output.clone_into(&mut value);
            size = block.main.iter().fold(size, |size, one| after(size, one.kernel, one.stride));
        }
        Ok(size)
    }

    /// `relu(main(input) + shortcut(input))`.
    fn block(&mut self, block: &Block, input: &str, output: &str) -> Result<(), OnnxError> {
        let mut value = input.to_owned();
        for (at, convolution) in block.main.iter().enumerate() {
            self.convolution(convolution, &value)?;
            value.clone_from(&convolution.name);
            if at + 1 < block.main.len() {
                let relu = format!("{}.relu", convolution.name);
                self.graph.node("Relu", &[&value], &relu, &[]);
                value = relu;
            }
        }
        let around = match &block.shortcut {
            Some(convolution) => {
                self.convolution(convolution, input)?;
                &convolution.name
            }
            None => input,
        };
        let sum = format!("{}.sum", block.name);
        self.graph.node("Add", &[&value, around], &sum, &[]);
        self.graph.node("Relu", &[&sum], output, &[]);
        Ok(())
    }

    /// The convolution with its batch norm; the value that leaves it has its name.
    fn convolution(&mut self, convolution: &Convolution, input: &str) -> Result<(), OnnxError> {
        let Convolution { name, inputs, outputs, kernel, stride, padding, .. } = convolution;
        let (weight, bias) = fold(convolution, |name, _| self.array(name))?;
        let names = ["weight", "bias"].map(|part| format!("{name}.{part}"));
        self.graph.initializer(&names[0], &[*outputs, *inputs, *kernel, *kernel], &weight);
        self.graph.initializer(&names[1], &[*outputs], &bias);
        self.graph.node("Conv", &[input, &names[0], &names[1]], name, &window(*kernel, *stride, *padding));
        Ok(())
    }

    /// From the feature map to the class scores.
    fn head(&mut self, classes: usize, [height, width]: Size) -> Result<(), OnnxError> {
        let features = self.architecture.features();
        self.graph.value(FEATURE_MAP, &[features, height, width]);
        self.graph.node("GlobalAveragePool", &[FEATURE_MAP], "pooled", &[]);
        self.graph.node("Flatten", &["pooled"], FEATURES, &[("axis", Attribute::Int(1))]);
        self.graph.value(FEATURES, &[features]);
        for (name, shape) in [("fc.weight", &[classes, features][..]), ("fc.bias", &[classes])] {
            let values = self.array(name)?;
            self.graph.initializer(name, shape, values);
        }
        self.graph.node("Gemm", &[FEATURES, "fc.weight", "fc.bias"], LOGITS, &[("transB", Attribute::Int(1))]);
        self.graph.output(LOGITS, &[classes]);
        Ok(())
    }

    fn array(&self, name: &str) -> Result<&'a [f32], WeightsError> {
        let missing = || {
            let (name, architecture) = (name.to_owned(), self.architecture.name);
            WeightsError::Missing { name, architecture, hint: String::new() }
        };
        self.weights.get(name).map(|array| array.values.as_slice()).ok_or_else(missing)
    }
}

/// The attributes of a square window that moves over a map.
fn window(kernel: usize, stride: usize, padding: usize) -> [(&'static str, Attribute); 3] {
    [
        ("kernel_shape", Attribute::Ints(vec![kernel; 2])),
        ("strides", Attribute::Ints(vec![stride; 2])),
        ("pads", Attribute::Ints(vec![padding; 4])),
    ]
}

/// The size that such a window leaves; its padding is half the kernel.
fn after(size: Size, kernel: usize, stride: usize) -> Size {
    size.map(|side| (side + 2 * (kernel / 2) - kernel) / stride + 1)
}
