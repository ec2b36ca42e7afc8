//! Networks of random weights, and a slow and plain way to run them.

#![allow(dead_code, clippy::cast_precision_loss, reason = "each test binary uses its own part; sizes are small")]

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use trapline::model::architecture::{Architecture, BlockKind, Convolution, NORM_EPSILON, Role};
use trapline::model::weights::{Array, Weights};
use trapline::model::{Bundle, ChannelOrder, Input, OutputKind, Resize};

/// A network like those for photographs, small enough for the plain way: it has all their parts.
pub static TINY: Architecture =
    Architecture { name: "tiny", block: BlockKind::Bottleneck, widths: &[4, 6], depths: &[1, 2], for_photographs: true };

/// The notes of such a network.
pub fn bundle(classes: usize, width: u32, height: u32) -> Bundle {
    let (mean, std) = ([0.0; 3], [1.0; 3]);
    Bundle {
        folder: std::path::PathBuf::new(),
        name: "random".into(),
        version: "1".into(),
        architecture: "random".into(),
        input: Input { width, height, resize: Resize::Squash, crop_bottom_px: 0, upright: false, margin_px: 0, mean, std },
        layout: ChannelOrder::Nchw,
        output: OutputKind::Logits,
        temperature: 1.0,
        classes: (0..classes).map(|class| format!("class_{class}")).collect(),
        taxonomy: std::collections::BTreeMap::new(),
        onnx: "model.onnx".into(),
        weights: None,
        training: serde_yaml::Mapping::new(),
    }
}

/// Weights that keep the numbers within a network near 1, none of them zero.
pub fn random_weights(architecture: &Architecture, classes: usize, seed: u64) -> Weights {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut between = |low: f32, high: f32| chance.random_range(low..high);
    let all = architecture.parameters(classes).into_iter().map(|one| {
        let fan_in: usize = one.shape.iter().skip(1).product();
        let limit = (6.0 / fan_in as f32).sqrt();
        let (low, high) = match one.role {
            Role::Convolution | Role::HeadWeight => (-limit, limit),
            Role::NormScale => (0.5, 1.0),
            Role::NormShift | Role::NormMean | Role::HeadBias => (-0.3, 0.3),
            Role::NormVariance => (0.5, 2.0),
        };
        let values = (0..one.shape.iter().product()).map(|_| between(low, high)).collect();
        (one.name, Array { shape: one.shape, values })
    });
    all.collect()
}

/// Random images, one after the other.
pub fn random_images(count: usize, width: u32, height: u32, seed: u64) -> Vec<f32> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    (0..count * 3 * width as usize * height as usize).map(|_| chance.random_range(-2.0..2.0)).collect()
}

/// Rows, columns and channels of numbers.
#[derive(Clone)]
pub struct Map {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub values: Vec<f64>,
}

impl Map {
    /// The number at a place, zero outside.
    fn at(&self, channel: usize, row: isize, column: isize) -> f64 {
        let inside = |at: isize, length: usize| usize::try_from(at).ok().filter(|at| *at < length);
        match (inside(row, self.height), inside(column, self.width)) {
            (Some(row), Some(column)) => self.values[(channel * self.height + row) * self.width + column],
            _ => 0.0,
        }
    }

    fn relu(mut self) -> Self {
        self.values.iter_mut().for_each(|value| *value = value.max(0.0));
        self
    }
}

/// Feature map, features and class scores of one image, computed in 64 bits from the definitions.
pub fn plain(
    architecture: &Architecture,
    weights: &Weights,
    image: &[f32],
    [height, width]: [usize; 2],
) -> (Map, Vec<f64>, Vec<f64>) {
    let values = image.iter().map(|value| f64::from(*value)).collect();
    let mut x = normed(&architecture.stem(), weights, &Map { channels: 3, height, width, values }).relu();
    if architecture.for_photographs {
        x = largest_of_nine(&x);
    }
    for block in architecture.stages().iter().flatten() {
        let mut y = x.clone();
        for (at, convolution) in block.main.iter().enumerate() {
            y = normed(convolution, weights, &y);
            if at + 1 < block.main.len() {
                y = y.relu();
            }
        }
        let around = match &block.shortcut {
            Some(convolution) => normed(convolution, weights, &x),
            None => x,
        };
        y.values.iter_mut().zip(around.values).for_each(|(value, more)| *value += more);
        x = y.relu();
    }
    let area = x.height * x.width;
    let features: Vec<f64> = x.values.chunks(area).map(|channel| channel.iter().sum::<f64>() / area as f64).collect();
    let score = |(row, bias): (&[f32], &f32)| {
        f64::from(*bias) + row.iter().zip(&features).map(|(weight, feature)| f64::from(*weight) * feature).sum::<f64>()
    };
    let (head, bias) = (&weights["fc.weight"].values, &weights["fc.bias"].values);
    let logits = head.chunks(features.len()).zip(bias).map(score).collect();
    (x, features, logits)
}

/// A convolution and the batch norm behind it.
fn normed(convolution: &Convolution, weights: &Weights, x: &Map) -> Map {
    let Convolution { name, norm, inputs, outputs, kernel, stride, padding } = convolution;
    let side = |length: usize| (length + 2 * padding - kernel) / stride + 1;
    let (height, width) = (side(x.height), side(x.width));
    let of = |part: &str, at: usize| f64::from(weights[&format!("{norm}.{part}")].values[at]);
    let filter = &weights[&format!("{name}.weight")].values;
    let mut values = Vec::with_capacity(outputs * height * width);
    for output in 0..*outputs {
        for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
            let mut sum = 0.0;
            for input in 0..*inputs {
                for (down, right) in (0..*kernel).flat_map(|down| (0..*kernel).map(move |right| (down, right))) {
                    let place = [row * stride + down, column * stride + right].map(|at| at.cast_signed() - padding.cast_signed());
                    let weight = filter[((output * inputs + input) * kernel + down) * kernel + right];
                    sum += f64::from(weight) * x.at(input, place[0], place[1]);
                }
            }
            let normal = (sum - of("running_mean", output)) / (of("running_var", output) + NORM_EPSILON).sqrt();
            values.push(normal * of("weight", output) + of("bias", output));
        }
    }
    Map { channels: *outputs, height, width, values }
}

/// The pooling behind the stem: 3 x 3, stride 2. Its input is nowhere below zero, so that zeros beside it change nothing.
fn largest_of_nine(x: &Map) -> Map {
    let side = |length: usize| (length - 1) / 2 + 1;
    let (height, width) = (side(x.height), side(x.width));
    let places =
        (0..x.channels).flat_map(|channel| (0..height).flat_map(move |row| (0..width).map(move |column| (channel, row, column))));
    let largest = |(channel, row, column): (usize, usize, usize)| {
        let around = (0..9).map(|at| [2 * row + at / 3, 2 * column + at % 3].map(|at| at.cast_signed() - 1));
        around.map(|[row, column]| x.at(channel, row, column)).fold(0.0, f64::max)
    };
    Map { channels: x.channels, height, width, values: places.map(largest).collect() }
}
