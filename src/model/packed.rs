//! A model as one run of bytes: what a step that trains hands to one that classifies.
//!
//! `TLMODEL2`, then three times a length (8 bytes, little-endian) and so many bytes: `model.yaml`, the network, and the weights by
//! name, which may be empty. `TLMODEL1` came without weights and is still read.

use std::path::{Path, PathBuf};

use super::bundle::{Bundle, BundleError, MODEL_FILE};
use super::signature::ModelSignature;

const MAGIC: &[u8; 8] = b"TLMODEL2";
const MAGIC_WITHOUT_WEIGHTS: &[u8; 8] = b"TLMODEL1";

/// A packed model in its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpacked {
    /// What `notes` describe; it lies in no folder.
    pub bundle: Bundle,
    /// The text of `model.yaml`.
    pub notes: String,
    /// The network, as ONNX.
    pub network: Vec<u8>,
    /// The weights by name, as safetensors; empty where the bundle has none.
    pub weights: Vec<u8>,
}

/// Packs the bundle in `folder`, after checking it.
///
/// # Errors
/// When it is no usable bundle.
pub fn pack(folder: &Path) -> Result<Vec<u8>, BundleError> {
    let bundle = Bundle::read(folder)?;
    let path = folder.join(MODEL_FILE);
    let notes = std::fs::read_to_string(&path).map_err(|source| BundleError::Read { path, source })?;
    Ok(pack_parts(&notes, &bundle.network()?, &bundle.read_weights()?.unwrap_or_default()))
}

impl Unpacked {
    /// What checks and plans need to know of the model.
    #[must_use]
    pub fn signature(&self) -> ModelSignature {
        self.bundle.signature(&self.network, self.named_weights())
    }

    /// The weights by name, where the bundle has some.
    #[must_use]
    pub fn named_weights(&self) -> Option<&[u8]> {
        Some(self.weights.as_slice()).filter(|weights| !weights.is_empty())
    }
}

/// Packs a model from the text of its `model.yaml` ([`Bundle::notes`]), its network (ONNX) and its weights by name (safetensors;
/// empty where the notes name none).
#[must_use]
pub fn pack_parts(notes: &str, network: &[u8], weights: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for part in [notes.as_bytes(), network, weights] {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The model in bytes that [`pack`] or [`pack_parts`] made.
///
/// # Errors
/// When the bytes are something else, or describe no usable model.
pub fn unpack(bytes: &[u8]) -> Result<Unpacked, BundleError> {
    let [notes, network, weights] = parts(bytes).ok_or(BundleError::Packed)?;
    let notes = std::str::from_utf8(notes).map_err(|_| BundleError::Packed)?.to_owned();
    let bundle = Bundle::parse(&notes, PathBuf::from(MODEL_FILE), Path::new(""))?;
    if bundle.weights.is_none() != weights.is_empty() {
        return Err(BundleError::PackedWeights);
    }
    Ok(Unpacked { bundle, notes, network: network.to_vec(), weights: weights.to_vec() })
}

fn parts(bytes: &[u8]) -> Option<[&[u8]; 3]> {
    let (magic, rest) = bytes.split_first_chunk()?;
    let (notes, rest) = part(rest)?;
    let (network, rest) = part(rest)?;
    let (weights, rest) = match magic {
        MAGIC => part(rest)?,
        MAGIC_WITHOUT_WEIGHTS => (&[][..], rest),
        _ => return None,
    };
    rest.is_empty().then_some([notes, network, weights])
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo/models/demo_mammals/1")
    }

    #[test]
    fn a_packed_model_is_the_same_model() {
        let packed = unpack(&pack(&demo()).unwrap()).unwrap();
        let there = Bundle::read(&demo()).unwrap();
        assert_eq!(packed.signature(), there.signature(&there.network().unwrap(), there.read_weights().unwrap().as_deref()));
        assert_eq!(packed.notes, std::fs::read_to_string(demo().join(MODEL_FILE)).unwrap());
        assert_eq!(packed.weights, there.read_weights().unwrap().unwrap_or_default());
    }

    #[test]
    fn weights_travel_where_the_notes_name_them_and_only_there() {
        let mut bundle = Bundle::read(&demo()).unwrap();
        let pack = |bundle: &Bundle, weights: &[u8]| unpack(&pack_parts(&bundle.notes().unwrap(), b"network", weights));
        bundle.weights = None;
        assert_eq!(pack(&bundle, b"").unwrap().network, b"network");
        assert!(matches!(pack(&bundle, b"weights"), Err(BundleError::PackedWeights)));
        bundle.weights = Some("model.safetensors".into());
        assert_eq!(pack(&bundle, b"weights").unwrap().weights, b"weights");
        assert!(matches!(pack(&bundle, b""), Err(BundleError::PackedWeights)));
    }

    #[test]
    fn models_packed_without_weights_are_still_read() {
        let mut bundle = Bundle::read(&demo()).unwrap();
        bundle.weights = None;
        let notes = bundle.notes().unwrap();
        let mut first = MAGIC_WITHOUT_WEIGHTS.to_vec();
        for part in [notes.as_bytes(), b"network"] {
            first.extend_from_slice(&(part.len() as u64).to_le_bytes());
            first.extend_from_slice(part);
        }
        assert_eq!(unpack(&first).unwrap(), unpack(&pack_parts(&notes, b"network", b"")).unwrap());
    }

    #[test]
    fn anything_else_is_refused() {
        let packed = pack(&demo()).unwrap();
        for bytes in [&b"TLMODEL"[..], &packed[..20], &packed[..packed.len() - 1], &[&packed[..], &b"x"[..]].concat()] {
            assert!(matches!(unpack(bytes), Err(BundleError::Packed)));
        }
        assert!(matches!(unpack(&[b"TLMODEL3", &packed[8..]].concat()), Err(BundleError::Packed)));
    }
}
