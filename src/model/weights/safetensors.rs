//! safetensors: a table of names, shapes and offsets before the numbers themselves, little-endian.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use super::{Array, Weights, WeightsError, in_words, length};

/// PyTorch's count of the batches that a batch norm has seen; nothing is computed with it.
const IGNORED: &str = "num_batches_tracked";

/// The name of the notes among the file's metadata.
const NOTES: &str = "notes";

/// Reads all arrays of a safetensors file as 32-bit floats.
///
/// # Errors
/// When it is no such file, or an array holds anything but finite floats.
pub fn read_safetensors(bytes: &[u8]) -> Result<Weights, WeightsError> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Unreadable(error.to_string()))?;
    let named = file.iter().filter(|(name, _)| !name.ends_with(IGNORED));
    named.map(|(name, view)| Ok((name.to_owned(), array_of(name, &view)?))).collect()
}

/// Writes `weights` as a safetensors file of 32-bit floats, with `notes` for people among its metadata.
///
/// *Determinism*: the same weights and notes give the same bytes.
///
/// # Errors
/// When an array does not hold as many numbers as its shape says.
pub fn write_safetensors(weights: &Weights, notes: &str) -> Result<Vec<u8>, WeightsError> {
    let bytes: Vec<(&String, &Array, Vec<u8>)> = weights
        .iter()
        .map(|(name, array)| (name, array, array.values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let mut views = Vec::with_capacity(bytes.len());
    for (name, array, bytes) in &bytes {
        let wrong = || WeightsError::Length { name: (*name).clone(), shape: in_words(&array.shape), found: array.values.len() };
        if length(&array.shape) != Some(array.values.len()) {
            return Err(wrong());
        }
        views.push((name, TensorView::new(Dtype::F32, array.shape.clone(), bytes).map_err(|_| wrong())?));
    }
    // One entry alone: several would be written in the random order of a hash map.
    let metadata = (!notes.is_empty()).then(|| HashMap::from([(NOTES.to_owned(), notes.to_owned())]));
    serialize(views, metadata).map_err(|error| WeightsError::Unreadable(error.to_string()))
}

fn array_of(name: &str, view: &TensorView<'_>) -> Result<Array, WeightsError> {
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Dtype::F64 => view.data().as_chunks().0.iter().map(|bytes| rounded(f64::from_le_bytes(*bytes))).collect(),
        Dtype::F16 => view.data().as_chunks().0.iter().map(|bytes| of_f16(u16::from_le_bytes(*bytes))).collect(),
        Dtype::BF16 => {
            let upper_half = |bytes: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
            view.data().as_chunks().0.iter().map(upper_half).collect()
        }
        other => return Err(WeightsError::Kind { name: name.to_owned(), found: format!("{other:?}") }),
    };
    if !values.iter().all(|value| value.is_finite()) {
        return Err(WeightsError::NotFinite { name: name.to_owned() });
    }
    Ok(Array { shape: view.shape().to_vec(), values })
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is what is wanted; what overflows is refused as not finite")]
fn rounded(value: f64) -> f32 {
    value as f32
}

/// A half-precision number: 1 bit of sign, 5 of exponent (biased by 15), 10 of fraction. Every one of them is an f32, exactly.
fn of_f16(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1024.0 + fraction) * 2.0_f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
mod tests {
    use super::*;

    fn file(arrays: &[(&str, Dtype, &[u8])]) -> Vec<u8> {
        let view = |(name, dtype, bytes): &(&str, Dtype, &'static [u8])| {
            (name.to_string(), TensorView::new(*dtype, vec![bytes.len() * 8 / dtype.bitsize()], bytes).unwrap())
        };
        let arrays: Vec<(&str, Dtype, &'static [u8])> =
            arrays.iter().map(|(name, dtype, bytes)| (*name, *dtype, &*bytes.to_vec().leak())).collect();
        serialize(arrays.iter().map(view), None).unwrap()
    }

    #[test]
    fn halves_are_what_the_standard_says() {
        let known = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x3c00, 1.0),
            (0x3c01, 1.000_976_6),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ];
        for (bits, value) in known {
            assert_eq!(of_f16(bits).to_bits(), f32::to_bits(value), "{bits:04x}");
        }
        assert!(of_f16(0x7e00).is_nan());
    }

    #[test]
    fn all_float_kinds_are_read_and_the_count_of_batches_is_not() {
        let bytes = file(&[
            ("a", Dtype::F32, &1.5_f32.to_le_bytes()),
            ("b", Dtype::F64, &0.1_f64.to_le_bytes()),
            ("c", Dtype::F16, &0xc000_u16.to_le_bytes()),
            ("d", Dtype::BF16, &0x3fc0_u16.to_le_bytes()),
            ("bn1.num_batches_tracked", Dtype::I64, &7_i64.to_le_bytes()),
        ]);
        let values: Vec<(String, Vec<f32>)> =
            read_safetensors(&bytes).unwrap().into_iter().map(|(name, array)| (name, array.values)).collect();
        let expected = [("a", 1.5), ("b", 0.1), ("c", -2.0), ("d", 1.5)].map(|(name, value)| (name.to_owned(), vec![value]));
        assert_eq!(values, expected);
    }

    #[test]
    fn what_is_written_is_read_and_written_the_same() {
        let array = |values: &[f32]| Array { shape: vec![values.len() / 2, 2], values: values.to_vec() };
        let weights: Weights = [("z", &[1.0, -0.0][..]), ("a", &[f32::MIN_POSITIVE, 3.0e38, -7.25, 0.1]), ("none", &[])]
            .map(|(name, values)| (name.to_owned(), array(values)))
            .into();
        let bytes = write_safetensors(&weights, "resnet8, made for this test").unwrap();
        assert_eq!(read_safetensors(&bytes).unwrap(), weights);
        assert_eq!(write_safetensors(&weights, "resnet8, made for this test").unwrap(), bytes);
        assert!(String::from_utf8_lossy(&bytes).contains("made for this test"));
    }

    #[test]
    fn libtorch_reads_what_is_written() {
        let weights: Weights = [("fc.weight", vec![2, 3]), ("fc.bias", vec![2])]
            .map(|(name, shape): (&str, Vec<usize>)| {
                let values = (0..shape.iter().product()).map(|at: usize| at as f32 / 7.0).collect();
                (name.to_owned(), Array { shape, values })
            })
            .into();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, write_safetensors(&weights, "notes").unwrap()).unwrap();
        let there = tch::Tensor::read_safetensors(&path).unwrap();
        assert_eq!(there.len(), 2);
        for (name, tensor) in there {
            let shape: Vec<usize> = tensor.size().iter().map(|side| usize::try_from(*side).unwrap()).collect();
            assert_eq!(
                (&shape, &Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap()),
                (&weights[&name].shape, &weights[&name].values)
            );
        }
    }

    #[test]
    fn mistakes_say_what_is_wrong_and_where() {
        let message = |bytes: &[u8]| read_safetensors(bytes).unwrap_err().to_string();
        insta::assert_snapshot!(message(b"PK\x03\x04 and so on"), @"this is no safetensors file: header too large; weights of another form are saved anew with the `safetensors` package of Python");
        insta::assert_snapshot!(message(&file(&[("fc.bias", Dtype::I32, &[0; 8])])), @"`fc.bias` holds I32; weights are read from F32, F64, F16 and BF16: save it as one of them");
        insta::assert_snapshot!(message(&file(&[("fc.bias", Dtype::F32, &f32::NAN.to_le_bytes())])), @"`fc.bias` holds a number that is not finite: the training that made these weights went astray");
        insta::assert_snapshot!(message(&file(&[("fc.bias", Dtype::F64, &1e300_f64.to_le_bytes())])), @"`fc.bias` holds a number that is not finite: the training that made these weights went astray");
        let whole = file(&[("fc.bias", Dtype::F32, &[0; 8])]);
        assert!(matches!(read_safetensors(&whole[..whole.len() - 1]), Err(WeightsError::Unreadable(_))));
    }
}
