//! Batch norms folded into the convolutions before them: one multiplication less for a network that only judges.

use super::architecture::{Convolution, NORM_EPSILON};

/// Weights and bias of a convolution that does what `convolution` and its batch norm do by their running statistics; `array` finds an
/// array by name and shape.
///
/// *Shapes*: outputs x inputs x kernel x kernel, and outputs. Computed in 64 bits, rounded once.
///
/// # Errors
/// Those of `array`.
#[expect(clippy::cast_possible_truncation, reason = "networks compute in 32 bits")]
pub fn fold<'w, E>(
    convolution: &Convolution,
    array: impl Fn(&str, &[usize]) -> Result<&'w [f32], E>,
) -> Result<(Vec<f32>, Vec<f32>), E> {
    let Convolution { name, norm, inputs, outputs, kernel, .. } = convolution;
    let of_norm = |part: &str| array(&format!("{norm}.{part}"), &[*outputs]);
    let (scale, shift) = (of_norm("weight")?, of_norm("bias")?);
    let (mean, variance) = (of_norm("running_mean")?, of_norm("running_var")?);
    let weight = array(&format!("{name}.weight"), &[*outputs, *inputs, *kernel, *kernel])?;
    let mut folded = Vec::with_capacity(weight.len());
    let mut bias = Vec::with_capacity(*outputs);
    for (channel, filter) in weight.chunks_exact(inputs * kernel * kernel).enumerate() {
        let factor = f64::from(scale[channel]) / (f64::from(variance[channel]) + NORM_EPSILON).sqrt();
        folded.extend(filter.iter().map(|value| (f64::from(*value) * factor) as f32));
        bias.push((f64::from(shift[channel]) - f64::from(mean[channel]) * factor) as f32);
    }
    Ok((folded, bias))
}
