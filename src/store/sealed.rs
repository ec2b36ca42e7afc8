//! Small JSON files that notice a flipped bit: two lines, the document and its BLAKE3 as a JSON string.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Store, StoreError};
use crate::id::ContentId;

/// The bytes of the file that holds `value`.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(value)?;
    let seal = ContentId::of(&bytes);
    bytes.extend_from_slice(format!("\n\"{seal}\"\n").as_bytes());
    Ok(bytes)
}

/// Reads the value back.
pub(super) fn decode<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, StoreError> {
    let document = unseal(bytes).ok_or_else(|| StoreError::damaged(path, "its checksum does not fit its text"))?;
    serde_json::from_slice(document).map_err(|error| StoreError::damaged(path, format!("unexpected content: {error}")))
}

/// The document of a sealed file whose second line fits it, byte for byte.
fn unseal(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|&b| b == b'\n')?;
    let (document, seal) = bytes.split_at(end);
    (seal == format!("\n\"{}\"\n", ContentId::of(document)).as_bytes()).then_some(document)
}

/// Reads the value in `path`; `None` where there is no such file. Damage is left in place.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    Store::read_file(path)?.map(|bytes| decode(path, &bytes)).transpose()
}

impl Store {
    /// Reads the value in `path`; damage is moved aside and handed up.
    pub(super) fn read_sealed<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, StoreError> {
        match read(path) {
            Err(StoreError::Damaged { what, .. }) => Err(self.damage(path, &what)),
            done => done,
        }
    }

    /// Replaces the value in `path`.
    pub(super) fn write_sealed<T: Serialize>(&self, path: &Path, value: &T) -> Result<(), StoreError> {
        let bytes = encode(value).map_err(|error| StoreError::io("write", path)(error.into()))?;
        self.write_atomically(path, &bytes)
    }
}

/// A file name for something that users name: readable, legal on every platform, different for names that differ only in case.
pub(super) fn file_stem(name: &str) -> String {
    let readable: String =
        name.chars().take(60).map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' }).collect();
    format!("{readable}-{}", &ContentId::of(name.as_bytes()).hex()[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = encode(&vec![("site", 7), ("season", 2021)]).unwrap();
        let read = |bytes: &[u8]| decode::<Vec<(String, i32)>>(Path::new("x"), bytes);
        assert!(read(&bytes).is_ok());
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << bit;
                assert!(read(&flipped).is_err(), "bit {bit} of byte {place}");
            }
            assert!(read(&bytes[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn names_that_differ_only_in_case_have_different_files() {
        assert_ne!(file_stem("Archive").to_lowercase(), file_stem("archive").to_lowercase());
        assert!(file_stem("../CON:x").starts_with("___CON_x-"));
    }
}
