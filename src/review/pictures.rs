//! The files of images on this machine, and the hashes of their pixels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::check::Pipeline;
use crate::id::ContentId;
use crate::observation::Key;
use crate::photo::decode::Decoder;
use crate::run::roots::located;
use crate::table::Table;

/// Finds the files of images on this machine.
#[derive(Debug, Clone)]
pub struct Pictures {
    roots: BTreeMap<String, PathBuf>,
}

impl Pictures {
    /// Those of a pipeline whose roots are there now.
    #[must_use]
    pub fn of(pipeline: &Pipeline) -> Self {
        Self { roots: located(&pipeline.roots) }
    }

    /// The file of the image in a row, where its root is there.
    #[must_use]
    pub fn path(&self, table: &Table, row: usize) -> Option<PathBuf> {
        let root = table.column("root")?.text(row)?;
        let path = table.column("path")?.text(row)?;
        Some(self.roots.get(root)?.join(crate::path::from_text(path)))
    }

    /// The hash of the pixels of the image in a row; `None` where it is absent, damaged, or not the image that the row means.
    pub fn hash(&self, table: &Table, row: usize, decoder: &mut Decoder) -> Option<String> {
        hash_of(&self.path(table, row)?, table.column("content")?.content(row)?, decoder)
    }
}

/// The hash of the pixels of the image in a file; `None` where it is absent, damaged, or not the image with this content.
pub fn hash_of(path: &Path, content: ContentId, decoder: &mut Decoder) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    (ContentId::of(&bytes) == content).then(|| pixel_hash(&bytes, decoder))?
}

/// The hash of the pixels of an image as it stands in a label file; `None` where it is damaged.
#[must_use]
pub fn pixel_hash(bytes: &[u8], decoder: &mut Decoder) -> Option<String> {
    Some(hash_text(&decoder.pixel_hash(bytes).ok()?))
}

/// The hash of pixels as text: the prefix keeps spreadsheets from taking it for a number.
pub(super) fn hash_text(hash: &[u8; 32]) -> String {
    format!("b3:{}", blake3::Hash::from_bytes(*hash).to_hex())
}

/// The name by which people know the image in a row, and by which it is found where it has no content.
#[must_use]
pub fn file_of(key: &Key, table: &Table, row: usize) -> String {
    if key.identity() != "content" {
        return text_of(table, key.identity(), row).to_owned();
    }
    let text = |name: &str| table.column(name).and_then(|column| column.text(row));
    let name = text("name").or_else(|| text("file")).or_else(|| text("path").and_then(|path| path.rsplit('/').next()));
    name.unwrap_or_default().to_owned()
}

/// The text of a column in a row; empty where missing.
#[must_use]
pub fn text_of<'t>(table: &'t Table, name: &str, row: usize) -> &'t str {
    table.column(name).and_then(|column| column.text(row)).unwrap_or_default()
}
