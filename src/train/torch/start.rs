//! The weights with which a training starts.

use rand_distr::{Distribution, Normal, Uniform};

use crate::model::Architecture;
use crate::model::architecture::{Parameter, Role};
use crate::model::weights::{Array, Weights};
use crate::train::chance;

/// Random weights as `torchvision` starts its networks: convolutions after He et al. 2015 by their outputs, batch norms as the
/// identity, the last layer uniform within one over the root of its inputs.
#[must_use]
pub fn initial_weights(architecture: &Architecture, classes: usize, seed: u64) -> Weights {
    let start = |(at, parameter): (usize, Parameter)| {
        let values = values(&parameter, at as u64, seed);
        (parameter.name, Array { shape: parameter.shape, values })
    };
    architecture.parameters(classes).into_iter().enumerate().map(start).collect()
}

#[expect(clippy::cast_precision_loss, reason = "layers have far fewer than 2^24 numbers a side")]
fn values(parameter: &Parameter, at: u64, seed: u64) -> Vec<f32> {
    let count = parameter.shape.iter().product();
    let mut rng = chance(seed, "weights", &[at]);
    let uniform = |inputs: usize| Uniform::new(-1.0, 1.0).map(|spread| (spread, 1.0 / (inputs.max(1) as f32).sqrt()));
    match parameter.role {
        Role::Convolution => {
            let fan_out: usize = parameter.shape[0] * parameter.shape[2..].iter().product::<usize>();
            match Normal::new(0.0, (2.0 / fan_out as f32).sqrt()) {
                Ok(normal) => (0..count).map(|_| normal.sample(&mut rng)).collect(),
                Err(_) => vec![0.0; count],
            }
        }
        Role::NormScale | Role::NormVariance => vec![1.0; count],
        Role::HeadWeight => match uniform(parameter.shape[1]) {
            Ok((spread, scale)) => (0..count).map(|_| scale * spread.sample(&mut rng)).collect(),
            Err(_) => vec![0.0; count],
        },
        // The last bias starts at zero too: its bound would be that of the weights, whose shape it does not know.
        Role::NormShift | Role::NormMean | Role::HeadBias => vec![0.0; count],
    }
}

/// The weights of another network of the same architecture, with a last layer of its own where the classes differ.
///
/// # Errors
/// The name of the first array that is missing or of another shape.
pub fn transferred(
    architecture: &Architecture,
    classes: usize,
    from: &Weights,
    same_classes: bool,
    seed: u64,
) -> Result<Weights, String> {
    let mut weights = initial_weights(architecture, classes, seed);
    for (name, array) in &mut weights {
        if name.starts_with("fc.") && !same_classes {
            continue;
        }
        match from.get(name) {
            Some(known) if known.shape == array.shape => array.clone_from(known),
            _ => return Err(name.clone()),
        }
    }
    Ok(weights)
}
