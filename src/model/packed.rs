//! A model as one run of bytes: what a step that trains hands to one that classifies.
//!
//! `TLMODEL1`, then the length (8 bytes, little-endian) and the bytes of `model.yaml`, then those of the network.

use std::path::{Path, PathBuf};

use super::bundle::{Bundle, BundleError, MODEL_FILE};

const MAGIC: &[u8; 8] = b"TLMODEL1";

/// Packs the bundle in `folder`, after checking it.
///
/// # Errors
/// When it is no usable bundle.
pub fn pack(folder: &Path) -> Result<Vec<u8>, BundleError> {
    let bundle = Bundle::read(folder)?;
    let path = folder.join(MODEL_FILE);
    let notes = std::fs::read(&path).map_err(|source| BundleError::Read { path, source })?;
    let network = bundle.network()?;
    let mut bytes = MAGIC.to_vec();
    for part in [&notes, &network] {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    Ok(bytes)
}

/// The bundle and its network from what [`pack`] wrote.
///
/// # Errors
/// When the bytes are something else, or describe no usable model.
pub fn unpack(bytes: &[u8]) -> Result<(Bundle, Vec<u8>), BundleError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(BundleError::Packed)?;
    let (notes, rest) = part(rest).ok_or(BundleError::Packed)?;
    let (network, rest) = part(rest).ok_or(BundleError::Packed)?;
    let text = std::str::from_utf8(notes).map_err(|_| BundleError::Packed)?;
    if !rest.is_empty() {
        return Err(BundleError::Packed);
    }
    Ok((Bundle::parse(text, PathBuf::from(MODEL_FILE), Path::new(""))?, network.to_vec()))
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
        let (bundle, network) = unpack(&pack(&demo()).unwrap()).unwrap();
        let there = Bundle::read(&demo()).unwrap();
        assert_eq!(bundle.signature(&network), there.signature(&there.network().unwrap()));
    }

    #[test]
    fn anything_else_is_refused() {
        let packed = pack(&demo()).unwrap();
        for bytes in [&b"TLMODEL"[..], &packed[..20], &packed[..packed.len() - 1], &[&packed[..], &b"x"[..]].concat()] {
            assert!(matches!(unpack(bytes), Err(BundleError::Packed)));
        }
    }
}
