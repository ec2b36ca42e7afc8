//! Pixels: every image of a training read, decoded and resized once, then read back in any order.
//!
//! They lie in one file of records of equal size: an epoch over a million images needs a file of some 150 GB (at 224 x 224) and no
//! more memory than the batches in flight.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::ContentId;
use crate::model::Input;
use crate::model::preprocess::Preprocessor;

/// Images that are decoded before they are written.
const CHUNK: usize = 256;

/// An image that is to be prepared.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// What it must contain.
    pub content: ContentId,
}

/// An image that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusable {
    /// Its place in the list.
    pub image: u32,
    /// Why.
    pub reason: String,
}

/// Prepared images in a file.
#[derive(Debug)]
pub struct Pixels {
    path: PathBuf,
    /// Bytes of one image: 3 x (width + 2 margins) x (height + 2 margins), rows of RGB.
    size: usize,
    /// Those that could not be prepared, in order.
    pub unusable: Vec<Unusable>,
}

/// What is known of a finished file.
#[derive(Serialize, Deserialize)]
struct Note {
    images: usize,
    size: usize,
    unusable: Vec<Unusable>,
}

/// Why images could not be prepared or read back.
#[derive(Debug, thiserror::Error)]
pub enum PixelsError {
    /// The file of prepared images could not be written or read.
    #[error("cannot {action} `{path}`")]
    File {
        /// `write`, `read`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The person stopped.
    #[error("interrupted")]
    Interrupted,
}

impl Pixels {
    /// Prepares `sources` for `input` in the folder `scratch`, or takes up what an earlier run prepared there. `done` is told of
    /// every image and its bytes read, and says whether to go on.
    ///
    /// # Errors
    /// When the file cannot be written, or `done` says stop.
    pub fn prepare(
        sources: &[Source],
        input: &Input,
        scratch: &Path,
        done: &(dyn Fn(u64) -> bool + Sync),
    ) -> Result<Self, PixelsError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| PixelsError::File { action, path, source }
        };
        std::fs::create_dir_all(scratch).map_err(failed("make", scratch))?;
        let (path, note) = (scratch.join("pixels"), scratch.join("pixels.json"));
        let size = input.prepared_bytes();
        if let Some(known) = std::fs::read(&note).ok().and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok()) {
            let length = std::fs::metadata(&path).map_or(0, |found| found.len());
            if known.images == sources.len() && known.size == size && length == (sources.len() * size) as u64 {
                return Ok(Self { path, size, unusable: known.unusable });
            }
        }
        let mut file = BufWriter::new(File::create(&path).map_err(failed("write", &path))?);
        let mut unusable = Vec::new();
        for (chunk, sources) in sources.chunks(CHUNK).enumerate() {
            let prepared: Vec<_> = sources
                .par_iter()
                .map_init(Preprocessor::default, |preprocessor, source| {
                    let prepared = read(preprocessor, input, source);
                    let goes_on = done(prepared.as_ref().map_or(0, |(_, bytes)| *bytes));
                    goes_on.then_some(prepared)
                })
                .collect::<Option<_>>()
                .ok_or(PixelsError::Interrupted)?;
            for (at, prepared) in prepared.into_iter().enumerate() {
                let image = u32::try_from(chunk * CHUNK + at).unwrap_or(u32::MAX);
                let pixels = match prepared {
                    Ok((pixels, _)) => pixels,
                    Err(reason) => {
                        unusable.push(Unusable { image, reason });
                        vec![0; size]
                    }
                };
                file.write_all(&pixels).map_err(failed("write", &path))?;
            }
        }
        file.flush().map_err(failed("write", &path))?;
        let words = serde_json::to_vec(&Note { images: sources.len(), size, unusable: unusable.clone() }).unwrap_or_default();
        crate::file::replace(&note, &words).map_err(failed("write", &note))?;
        Ok(Self { path, size, unusable })
    }

    /// A reader with a file handle of its own, for one thread.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn reader(&self) -> Result<PixelReader, PixelsError> {
        let file = File::open(&self.path);
        let file = file.map_err(|source| PixelsError::File { action: "read", path: self.path.clone(), source })?;
        Ok(PixelReader { file, path: self.path.clone(), buffer: vec![0; self.size] })
    }
}

/// Reads the pixels of one image after the other, and the bytes that were read for it.
fn read(preprocessor: &mut Preprocessor, input: &Input, source: &Source) -> Result<(Vec<u8>, u64), String> {
    let bytes = std::fs::read(&source.path).map_err(|error| error.to_string())?;
    if ContentId::of(&bytes) != source.content {
        return Err("it changed since it was looked at: run again".to_owned());
    }
    let pixels = preprocessor.pixels(input, &bytes).map_err(|error| error.to_string())?;
    Ok((pixels.to_vec(), bytes.len() as u64))
}

/// Reads prepared images back on one thread.
#[derive(Debug)]
pub struct PixelReader {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
}

impl PixelReader {
    /// The pixels of the image at `image`: rows of RGB, with the margin.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&mut self, image: u32) -> Result<&[u8], PixelsError> {
        let start = u64::from(image) * self.buffer.len() as u64;
        let read = self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.read_exact(&mut self.buffer));
        read.map_err(|source| PixelsError::File { action: "read", path: self.path.clone(), source })?;
        Ok(&self.buffer)
    }
}
