//! The ZIP file: every entry below one folder, without times, owners or links, written as it is read.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, Write as _};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::super::ProvenanceError;
use super::super::files::copy;
use super::private::Private;
use crate::file::Part;
use crate::id::ContentId;

/// Files above this need the long form of ZIP.
const LONG_BYTES: u64 = u32::MAX as u64 / 2;
/// Endings of files that are packed already.
const PACKED: [&str; 7] = ["jpg", "jpeg", "png", "onnx", "safetensors", "parquet", "zip"];
/// Files up to this size are looked through for what tells of the machine.
const LOOKED_THROUGH_BYTES: u64 = 64 << 20;

/// A bundle being written.
pub(super) struct Archive {
    zip: ZipWriter<BufWriter<File>>,
    part: Part,
    folder: String,
    pub files: u64,
    pub bytes: u64,
}

impl Archive {
    pub fn create(path: &Path, folder: &str) -> Result<Self, ProvenanceError> {
        let mut part = Part::beside(path).map_err(ProvenanceError::io("make", path))?;
        let file = part.file().and_then(|file| file.try_clone()).map_err(ProvenanceError::io("make", path))?;
        Ok(Self { zip: ZipWriter::new(BufWriter::new(file)), part, folder: folder.to_owned(), files: 0, bytes: 0 })
    }

    fn begin(&mut self, path: &str, bytes: u64) -> io::Result<()> {
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        let method = if PACKED.contains(&ending.as_str()) { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(bytes > LONG_BYTES);
        self.zip.start_file(format!("{}/{path}", self.folder), options).map_err(io::Error::other)?;
        self.files += 1;
        self.bytes += bytes;
        Ok(())
    }

    /// Adds a file that is in memory.
    pub fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(), ProvenanceError> {
        let done = self.begin(path, bytes.len() as u64).and_then(|()| self.zip.write_all(bytes));
        done.map_err(ProvenanceError::io("pack", Path::new(path)))
    }

    /// Begins a file that is written bit by bit; the next one ends it.
    pub fn stream(&mut self, path: &str) -> Result<&mut dyn io::Write, ProvenanceError> {
        self.begin(path, LONG_BYTES + 1).map_err(ProvenanceError::io("pack", Path::new(path)))?;
        self.bytes -= LONG_BYTES + 1;
        Ok(&mut self.zip)
    }

    /// Adds an empty folder.
    pub fn add_folder(&mut self, path: &str) -> Result<(), ProvenanceError> {
        let options = SimpleFileOptions::default().last_modified_time(DateTime::default()).unix_permissions(0o755);
        let done = self.zip.add_directory(format!("{}/{path}", self.folder), options).map_err(io::Error::other);
        done.map_err(ProvenanceError::io("pack", Path::new(path)))
    }

    /// Adds a file from the disk; returns what it held, and whether it tells of the maker's machine.
    pub fn copy(&mut self, path: &str, from: &Path, private: Option<&Private>) -> Result<(ContentId, bool), ProvenanceError> {
        let mut done = || -> io::Result<(ContentId, bool)> {
            let mut file = File::open(from)?;
            let bytes = file.metadata()?.len();
            let mut tells = false;
            if let Some(private) = private.filter(|_| bytes <= LOOKED_THROUGH_BYTES) {
                let mut text = Vec::new();
                file.read_to_end(&mut text)?;
                tells = private.is_in(&String::from_utf8_lossy(&text));
                file.rewind()?;
            }
            self.begin(path, bytes)?;
            Ok((copy(&mut file, &mut self.zip)?.0, tells))
        };
        done().map_err(ProvenanceError::io("pack", from))
    }

    /// Puts the finished file in its place, where none may be yet.
    pub fn finish(self, path: &Path) -> Result<(), ProvenanceError> {
        let mut file = self.zip.finish().map_err(|error| ProvenanceError::io("write", path)(io::Error::other(error)))?;
        let done = file.flush().and_then(|()| file.get_ref().sync_all());
        drop(file);
        done.and_then(|()| self.part.persist_new()).map_err(ProvenanceError::io("write", path))
    }
}
