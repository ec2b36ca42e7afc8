//! Architectures: residual networks, described once for training, for the ONNX export and for whoever reads weights.
//!
//! Names and shapes are torchvision's, so that public weights load by name. `resnet18` to `resnet152` are those of He et al. 2016,
//! section 4.1, with the stride of a bottleneck on its 3 x 3 convolution as torchvision has it; `resnet8`, `resnet20` and
//! `resnet32` those of section 4.2, made for small images, with a 1 x 1 convolution where a shortcut changes its shape.
//! `resnet10_narrow` is `resnet18` with one block a stage and a quarter of the channels: for photographs on small computers.

use serde::Serialize;

/// What a residual block computes beside its shortcut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockKind {
    /// Two 3 x 3 convolutions.
    Basic,
    /// 1 x 1, 3 x 3 and 1 x 1 convolutions; four times as many channels leave as the 3 x 3 has.
    Bottleneck,
}

/// A residual network up to its number of classes.
#[derive(Debug, PartialEq, Eq)]
pub struct Architecture {
    /// As written in pipelines and in `model.yaml`.
    pub name: &'static str,
    /// What its blocks are.
    pub block: BlockKind,
    /// Channels of the 3 x 3 convolutions of each stage.
    pub widths: &'static [usize],
    /// Blocks of each stage.
    pub depths: &'static [usize],
    /// The network is for photographs: a 7 x 7 convolution of stride 2 and a pooling come first; else a 3 x 3 one of stride 1.
    pub for_photographs: bool,
}

const WIDE: &[usize] = &[64, 128, 256, 512];
const NARROW: &[usize] = &[16, 32, 64, 128];
const SMALL: &[usize] = &[16, 32, 64];

const fn photographs(name: &'static str, block: BlockKind, depths: &'static [usize]) -> Architecture {
    Architecture { name, block, widths: WIDE, depths, for_photographs: true }
}

const fn narrow(name: &'static str, depths: &'static [usize]) -> Architecture {
    Architecture { name, block: BlockKind::Basic, widths: NARROW, depths, for_photographs: true }
}

const fn small(name: &'static str, depths: &'static [usize]) -> Architecture {
    Architecture { name, block: BlockKind::Basic, widths: SMALL, depths, for_photographs: false }
}

/// All architectures, the smallest first.
pub const ARCHITECTURES: &[Architecture] = &[
    small("resnet8", &[1, 1, 1]),
    small("resnet20", &[3, 3, 3]),
    small("resnet32", &[5, 5, 5]),
    narrow("resnet10_narrow", &[1, 1, 1, 1]),
    photographs("resnet18", BlockKind::Basic, &[2, 2, 2, 2]),
    photographs("resnet34", BlockKind::Basic, &[3, 4, 6, 3]),
    photographs("resnet50", BlockKind::Bottleneck, &[3, 4, 6, 3]),
    photographs("resnet101", BlockKind::Bottleneck, &[3, 4, 23, 3]),
    photographs("resnet152", BlockKind::Bottleneck, &[3, 8, 36, 3]),
];

/// A convolution without bias, followed by a batch norm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Convolution {
    /// The name of its weights, without `.weight`: `layer1.0.conv1`.
    pub name: String,
    /// The name of the batch norm behind it: `layer1.0.bn1`.
    pub norm: String,
    /// Channels that come in.
    pub inputs: usize,
    /// Channels that leave.
    pub outputs: usize,
    /// Side of its square kernel, pixels.
    pub kernel: usize,
    /// Stride, pixels.
    pub stride: usize,
    /// Zeros added on each side, pixels.
    pub padding: usize,
}

/// A residual block: `relu(main(x) + shortcut(x))`, with a ReLU behind every convolution of `main` but the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// `layer1.0`.
    pub name: String,
    /// Its convolutions, in order.
    pub main: Vec<Convolution>,
    /// The convolution on the way around; `None` where the input is added as it is.
    pub shortcut: Option<Convolution>,
}

/// What a parameter does, which says how it starts and whether it is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Weights of a convolution.
    Convolution,
    /// Scale of a batch norm.
    NormScale,
    /// Shift of a batch norm.
    NormShift,
    /// Running mean of a batch norm: measured, not learned.
    NormMean,
    /// Running variance of a batch norm: measured, not learned.
    NormVariance,
    /// Weights of the last layer.
    HeadWeight,
    /// Bias of the last layer.
    HeadBias,
}

/// A named array of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// torchvision's name.
    pub name: String,
    /// Its shape: (out, in, height, width) of a convolution, (channels) of a norm, (classes, features) of the last layer.
    pub shape: Vec<usize>,
    /// What it does.
    pub role: Role,
}

/// How far a batch norm keeps from dividing by zero, as in torchvision.
pub const NORM_EPSILON: f64 = 1e-5;

impl Architecture {
    /// The architecture called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ARCHITECTURES.iter().find(|known| known.name == name)
    }

    /// The first convolution.
    #[must_use]
    pub fn stem(&self) -> Convolution {
        let (kernel, stride) = if self.for_photographs { (7, 2) } else { (3, 1) };
        let outputs = self.widths[0];
        Convolution { name: "conv1".into(), norm: "bn1".into(), inputs: 3, outputs, kernel, stride, padding: kernel / 2 }
    }

    /// The blocks of each stage, in order. The stem and the stages are the parts that a transfer frees from the end: five for
    /// photographs, four for small images.
    #[must_use]
    pub fn stages(&self) -> Vec<Vec<Block>> {
        let mut inputs = self.widths[0];
        let stage = |(at, (width, depth)): (usize, (&usize, &usize))| {
            let blocks = (0..*depth).map(|number| {
                let stride = if at > 0 && number == 0 { 2 } else { 1 };
                let block = self.block_of(&format!("layer{}.{number}", at + 1), inputs, *width, stride);
                inputs = block.main.last().map_or(inputs, |last| last.outputs);
                block
            });
            blocks.collect()
        };
        self.widths.iter().zip(self.depths).enumerate().map(stage).collect()
    }

    fn block_of(&self, name: &str, inputs: usize, width: usize, stride: usize) -> Block {
        let convolution = |number: usize, inputs, outputs, kernel: usize, stride| Convolution {
            name: format!("{name}.conv{number}"),
            norm: format!("{name}.bn{number}"),
            inputs,
            outputs,
            kernel,
            stride,
            padding: kernel / 2,
        };
        let (main, outputs) = match self.block {
            BlockKind::Basic => (vec![convolution(1, inputs, width, 3, stride), convolution(2, width, width, 3, 1)], width),
            BlockKind::Bottleneck => (
                vec![
                    convolution(1, inputs, width, 1, 1),
                    convolution(2, width, width, 3, stride),
                    convolution(3, width, 4 * width, 1, 1),
                ],
                4 * width,
            ),
        };
        let shortcut = (stride != 1 || inputs != outputs).then(|| Convolution {
            name: format!("{name}.downsample.0"),
            norm: format!("{name}.downsample.1"),
            ..convolution(0, inputs, outputs, 1, stride)
        });
        Block { name: name.to_owned(), main, shortcut }
    }

    /// Length of the vector that enters the last layer.
    #[must_use]
    pub fn features(&self) -> usize {
        let expansion = if self.block == BlockKind::Bottleneck { 4 } else { 1 };
        expansion * self.widths[self.widths.len() - 1]
    }

    /// All arrays of the network for `classes` classes, in the order of the computation.
    #[must_use]
    pub fn parameters(&self, classes: usize) -> Vec<Parameter> {
        let mut all = Vec::new();
        push_convolution(&self.stem(), &mut all);
        for block in self.stages().iter().flatten() {
            for convolution in block.main.iter().chain(&block.shortcut) {
                push_convolution(convolution, &mut all);
            }
        }
        let features = self.features();
        all.push(Parameter { name: "fc.weight".into(), shape: vec![classes, features], role: Role::HeadWeight });
        all.push(Parameter { name: "fc.bias".into(), shape: vec![classes], role: Role::HeadBias });
        all
    }

    /// The part to which the parameter called `name` belongs: 0 the stem, then the stages; the last layer comes after the last.
    #[must_use]
    pub fn part_of(&self, name: &str) -> usize {
        let stage = name.strip_prefix("layer").and_then(|rest| rest.split('.').next()?.parse().ok());
        stage.unwrap_or(if name.starts_with("fc.") { self.depths.len() + 1 } else { 0 })
    }
}

impl Role {
    /// Says whether training changes it by gradients.
    #[must_use]
    pub const fn is_learned(self) -> bool {
        !matches!(self, Self::NormMean | Self::NormVariance)
    }
}

fn push_convolution(convolution: &Convolution, all: &mut Vec<Parameter>) {
    let Convolution { name, norm, inputs, outputs, kernel, .. } = convolution;
    all.push(Parameter {
        name: format!("{name}.weight"),
        shape: vec![*outputs, *inputs, *kernel, *kernel],
        role: Role::Convolution,
    });
    let parts = [
        ("weight", Role::NormScale),
        ("bias", Role::NormShift),
        ("running_mean", Role::NormMean),
        ("running_var", Role::NormVariance),
    ];
    for (part, role) in parts {
        all.push(Parameter { name: format!("{norm}.{part}"), shape: vec![*outputs], role });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(name: &str, classes: usize) -> usize {
        let parameters = Architecture::named(name).unwrap().parameters(classes);
        parameters.iter().filter(|one| one.role.is_learned()).map(|one| one.shape.iter().product::<usize>()).sum()
    }

    #[test]
    fn networks_have_the_published_numbers_of_parameters() {
        // torchvision's documentation of its ImageNet models; He et al. 2016, table 6, for the small ones (0.27 and 0.46 million).
        let published = [
            ("resnet18", 11_689_512),
            ("resnet34", 21_797_672),
            ("resnet50", 25_557_032),
            ("resnet101", 44_549_160),
            ("resnet152", 60_192_808),
        ];
        for (name, number) in published {
            assert_eq!(learned(name, 1000), number, "{name}");
        }
        assert!((270_000..280_000).contains(&learned("resnet20", 10)), "{}", learned("resnet20", 10));
        assert!((460_000..475_000).contains(&learned("resnet32", 10)), "{}", learned("resnet32", 10));
    }

    #[test]
    fn the_last_layer_of_resnet18_for_52_classes_has_26_676_parameters() {
        let network = Architecture::named("resnet18").unwrap();
        let head = network.parameters(52).into_iter().filter(|one| network.part_of(&one.name) == 5);
        assert_eq!(head.map(|one| one.shape.iter().product::<usize>()).sum::<usize>(), 26_676);
    }

    #[test]
    fn names_are_torchvisions() {
        let names: Vec<_> = Architecture::named("resnet50").unwrap().parameters(8).into_iter().map(|one| one.name).collect();
        for name in ["conv1.weight", "bn1.running_var", "layer1.0.downsample.0.weight", "layer4.2.bn3.bias", "fc.bias"] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
    }
}
