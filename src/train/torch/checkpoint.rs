//! Checkpoints: everything that a training needs to go on after a kill as if there had been none.
//!
//! One file, replaced in one step after every epoch: the BLAKE3 of the rest, the length of the notes (8 bytes, little-endian),
//! the notes (JSON), the arrays (safetensors).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::weights::{Weights, read_safetensors, write_safetensors};
use crate::train::{Emphasis, Epoch};

const FILE: &str = "checkpoint";

/// Where a training stands after an epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Notes {
    /// What is trained, in words: a checkpoint of other options is no checkpoint of these.
    pub options: String,
    /// The phase, from 0.
    pub phase: usize,
    /// Epochs of the phase that are done.
    pub epochs: u32,
    /// The phase has ended, early or not.
    pub ended: bool,
    /// Steps of the optimizer in the phase.
    pub steps: i32,
    /// The factor of the loss in mixed precision.
    pub scale: f64,
    /// Everything so far.
    pub history: Vec<Epoch>,
    /// Lowest validation loss of the phase.
    pub best: Option<f64>,
    /// Epochs since then.
    pub waited: u32,
    /// The queues of emphasis sampling.
    pub queues: Option<Emphasis>,
}

/// Writes the checkpoint of `folder`.
pub(super) fn write(folder: &Path, notes: &Notes, arrays: &Weights) -> std::io::Result<()> {
    let words = serde_json::to_vec(notes)?;
    let mut rest = (words.len() as u64).to_le_bytes().to_vec();
    rest.extend_from_slice(&words);
    rest.extend_from_slice(&write_safetensors(arrays, "").map_err(std::io::Error::other)?);
    let mut bytes = blake3::hash(&rest).as_bytes().to_vec();
    bytes.append(&mut rest);
    std::fs::create_dir_all(folder)?;
    crate::file::replace(&path(folder), &bytes)
}

/// The checkpoint of `folder`, if there is a whole one for `options`.
pub(super) fn read(folder: &Path, options: &str) -> Option<(Notes, Weights)> {
    let bytes = std::fs::read(path(folder)).ok()?;
    let (digest, rest) = bytes.split_first_chunk::<32>()?;
    if blake3::hash(rest).as_bytes() != digest {
        return None;
    }
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (words, arrays) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let notes: Notes = serde_json::from_slice(words).ok()?;
    if notes.options != options {
        return None;
    }
    Some((notes, read_safetensors(arrays).ok()?))
}

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
