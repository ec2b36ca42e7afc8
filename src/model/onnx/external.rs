//! External data: weights that an ONNX file keeps in files beside it, taken into the file itself.
//!
//! Large networks are exported so, and PyTorch does it for all since 2.9. One run of bytes is what we identify, copy and run, so the
//! tensors are put back where the format has them otherwise: `raw_data` instead of `external_data`.
//!
//! *Source*: `onnx.proto` of ONNX 1.12; the numbers below are the fields' numbers there.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::graph;

/// The most that a network may have, in bytes: what protobuf can hold.
const MAX_BYTES: u64 = 2 << 30;

/// Why the weights beside a network cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// A name that leads elsewhere.
    #[error("`{0}` does not lie beside the network")]
    Outside(String),
    /// A file of weights could not be read.
    #[error("cannot read `{path}`, which holds weights of the network; it belongs beside the `.onnx` file")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A part that the file does not have.
    #[error("`{0}` is shorter than the network says: it belongs to another network, or was cut short")]
    Short(PathBuf),
    /// A place that is not a number.
    #[error("the place of a tensor within its file is not a number: `{0}`")]
    Place(String),
    /// More than protobuf can hold.
    #[error("with its weights the network has {0} bytes, more than 2 GiB")]
    Large(u64),
}

/// The network with the tensors that lie in files of `folder`; `None` where it keeps none elsewhere, or is not an ONNX file.
///
/// # Errors
/// When such a file cannot be read, lies elsewhere or is too short.
pub fn take_in(network: &[u8], folder: &Path) -> Result<Option<Vec<u8>>, ExternalError> {
    let mut reader = Reader { folder, files: BTreeMap::new(), taken: 0 };
    let mut out = Vec::with_capacity(network.len());
    // What cannot be read as protobuf is left as it is: the engine says what it thinks of it.
    let whole = reader.message(network, Message::Model, &mut out)?;
    Ok((whole.is_some() && reader.taken > 0).then_some(out))
}

/// The messages in which tensors may stand.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    SparseTensor,
    Tensor,
    Function,
    Other,
}

impl Message {
    /// What a field of the message holds.
    const fn field(self, number: usize) -> Self {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => Self::Tensor,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::SparseTensor,
            (Self::Node, 5) => Self::Attribute,
            _ => Self::Other,
        }
    }
}

const RAW_DATA: usize = 9;
const EXTERNAL_DATA: usize = 13;
const DATA_LOCATION: usize = 14;

struct Reader<'a> {
    folder: &'a Path,
    files: BTreeMap<String, Vec<u8>>,
    taken: u64,
}

impl Reader<'_> {
    /// Copies a message with what lies elsewhere taken in; `None` where the bytes are not one.
    fn message(&mut self, bytes: &[u8], kind: Message, out: &mut Vec<u8>) -> Result<Option<()>, ExternalError> {
        let mut rest = bytes;
        let mut external: BTreeMap<String, String> = BTreeMap::new();
        while !rest.is_empty() {
            let before = rest;
            let Some((number, payload)) = field(&mut rest) else { return Ok(None) };
            let whole = &before[..before.len() - rest.len()];
            match (kind, number, payload) {
                (Message::Tensor, EXTERNAL_DATA, Some(entry)) => {
                    let Some((key, value)) = pair(entry) else { return Ok(None) };
                    external.insert(key, value);
                }
                (Message::Tensor, DATA_LOCATION, _) => {}
                (_, _, Some(inner)) if !matches!(kind.field(number), Message::Other) => {
                    let mut copied = Vec::with_capacity(inner.len());
                    if self.message(inner, kind.field(number), &mut copied)?.is_none() {
                        return Ok(None);
                    }
                    graph::field(number, &copied, out);
                }
                _ => out.extend_from_slice(whole),
            }
        }
        if !external.is_empty() {
            graph::field(RAW_DATA, self.part(&external)?, out);
        }
        Ok(Some(()))
    }

    /// The bytes of a tensor: a part of a file.
    fn part(&mut self, external: &BTreeMap<String, String>) -> Result<&[u8], ExternalError> {
        let location = external.get("location").map_or("", String::as_str);
        let path = PathBuf::from(location);
        if location.is_empty() || path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(ExternalError::Outside(location.to_owned()));
        }
        let path = self.folder.join(path);
        if !self.files.contains_key(location) {
            let read = |source| ExternalError::Read { path: path.clone(), source };
            let size = std::fs::metadata(&path).map_err(read)?.len();
            if size > MAX_BYTES {
                return Err(ExternalError::Large(size));
            }
            self.files.insert(location.to_owned(), std::fs::read(&path).map_err(read)?);
        }
        let file = self.files.get(location).map_or(&[][..], Vec::as_slice);
        let place = |key: &str, otherwise: usize| match external.get(key) {
            Some(text) => text.parse().map_err(|_| ExternalError::Place(text.clone())),
            None => Ok(otherwise),
        };
        let offset = place("offset", 0)?;
        let length = place("length", file.len().saturating_sub(offset))?;
        let part = offset.checked_add(length).and_then(|end| file.get(offset..end)).ok_or(ExternalError::Short(path))?;
        self.taken += part.len() as u64;
        if self.taken > MAX_BYTES {
            return Err(ExternalError::Large(self.taken));
        }
        Ok(part)
    }
}

/// Reads a field off the front: its number, and its content where it has a length.
fn field<'b>(rest: &mut &'b [u8]) -> Option<(usize, Option<&'b [u8]>)> {
    let tag = varint(rest)?;
    let payload = match tag & 7 {
        0 => {
            varint(rest)?;
            None
        }
        1 => {
            take(rest, 8)?;
            None
        }
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            Some(take(rest, length)?)
        }
        5 => {
            take(rest, 4)?;
            None
        }
        _ => return None,
    };
    Some((usize::try_from(tag >> 3).ok()?, payload))
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Key and value of a `StringStringEntryProto`.
fn pair(mut entry: &[u8]) -> Option<(String, String)> {
    let (mut key, mut value) = (None, None);
    while !entry.is_empty() {
        match field(&mut entry)? {
            (1, Some(text)) => key = Some(String::from_utf8(text.to_vec()).ok()?),
            (2, Some(text)) => value = Some(String::from_utf8(text.to_vec()).ok()?),
            _ => {}
        }
    }
    Some((key?, value?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model of one tensor of four bytes, here or in a file beside it.
    fn model(external: Option<&[(&str, &str)]>) -> Vec<u8> {
        let mut tensor = Vec::new();
        graph::field(8, b"w", &mut tensor);
        match external {
            None => graph::field(RAW_DATA, &[1, 2, 3, 4], &mut tensor),
            Some(entries) => {
                for (key, value) in entries {
                    let mut entry = Vec::new();
                    graph::field(1, key.as_bytes(), &mut entry);
                    graph::field(2, value.as_bytes(), &mut entry);
                    graph::field(EXTERNAL_DATA, &entry, &mut tensor);
                }
                tensor.extend([14 << 3, 1]);
            }
        }
        let (mut inner, mut whole) = (Vec::new(), vec![1 << 3, 8]);
        graph::field(5, &tensor, &mut inner);
        graph::field(7, &inner, &mut whole);
        whole
    }

    #[test]
    fn a_tensor_from_a_file_is_the_same_as_one_within() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w.data"), [9, 9, 1, 2, 3, 4, 9]).unwrap();
        let taken = |entries: &[(&str, &str)]| take_in(&model(Some(entries)), folder.path());
        let part = [("location", "w.data"), ("offset", "2"), ("length", "4"), ("checksum", "x")];
        assert_eq!(taken(&part).unwrap().unwrap(), model(None));
        assert_eq!(take_in(&model(None), folder.path()).unwrap(), None);
        assert_eq!(take_in(b"no network", folder.path()).unwrap(), None);

        let error = |entries: &[(&str, &str)]| taken(entries).unwrap_err().to_string();
        assert!(error(&[("location", "../w.data")]).starts_with("`../w.data` does not lie beside"), "{}", error(&part));
        assert!(error(&[("location", "gone.data")]).contains("it belongs beside the `.onnx` file"));
        assert!(error(&[("location", "w.data"), ("offset", "5"), ("length", "4")]).contains("is shorter than the network says"));
        assert!(error(&[("location", "w.data"), ("offset", "-1")]).contains("not a number: `-1`"));
    }
}
