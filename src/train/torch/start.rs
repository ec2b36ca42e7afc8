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

/// The weights of another network of the same architecture. `rows` says for each class which class of the other network it is: those keep
/// their part of the last layer, new ones begin at random.
///
/// # Errors
/// The name of the first array that is missing or of another shape.
pub fn transferred(architecture: &Architecture, from: &Weights, rows: &[Option<usize>], seed: u64) -> Result<Weights, String> {
    let mut weights = initial_weights(architecture, rows.len(), seed);
    for (name, array) in &mut weights {
        let known = from.get(name).ok_or_else(|| name.clone())?;
        if !name.starts_with("fc.") {
            if known.shape != array.shape {
                return Err(name.clone());
            }
            array.clone_from(known);
            continue;
        }
        let length = array.values.len() / rows.len().max(1);
        if known.shape.get(1..) != array.shape.get(1..) {
            return Err(name.clone());
        }
        for (own, theirs) in array.values.chunks_exact_mut(length.max(1)).zip(rows) {
            let Some(theirs) = theirs else { continue };
            let row = known.values.chunks_exact(length.max(1)).nth(*theirs).ok_or_else(|| name.clone())?;
            own.copy_from_slice(row);
        }
    }
    Ok(weights)
}
