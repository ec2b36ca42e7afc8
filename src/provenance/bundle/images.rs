//! The images of a bundle: which of them, where they lie, and the list that says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::ProvenanceError;
use super::gather::{self, Gathered};
use super::withhold::Withheld;
use super::{IMAGES_FOLDER, Images, Packer};
use crate::check::{Pipeline, Root};
use crate::id::ContentId;
use crate::plan::planner::Planner;
use crate::run::packed::IMAGES_FILE;
use crate::run::{roots, verify};
use crate::spec::LOCAL_FILE;
use crate::spec::path::unportable;
use crate::step::LABEL_FILE;

impl Packer<'_> {
    /// The images, a list of them, and where they lie.
    pub(super) fn images(&mut self, planner: &Planner<'_>, gathered: &Gathered) -> Result<(), ProvenanceError> {
        let withheld = self.withheld(gathered)?;
        let wanted = match self.options.images {
            Images::None => Some(Vec::new()),
            Images::Sample(n) => Some(verify::sampled(self.pipeline, self.store, planner, n)?),
            Images::All => None,
        };
        let located = roots::located(&self.pipeline.roots);
        let (pipeline, store) = (self.pipeline, self.store);
        // A place by its hash, and by its turn whether it was packed: a million paths are not held in memory.
        let (mut seen, mut packed) = (BTreeSet::new(), Vec::new());
        gather::images(pipeline, store, planner, &mut |root, path, content| {
            packed.push(false);
            if !seen.insert(place_hash(root, path)) {
                return Ok(());
            }
            self.written.images += 1;
            if wanted.as_ref().is_some_and(|wanted| wanted.binary_search(&content).is_err()) {
                return Ok(());
            }
            if withheld.binary_search(&content).is_ok() {
                self.written.withheld += 1;
                return Ok(());
            }
            let folder = located.get(root).ok_or_else(|| ProvenanceError::RootAbsent(root.to_owned()))?;
            let Some(bytes) = read_image(folder, path, content) else {
                self.written.unusable += 1;
                return Ok(());
            };
            self.archive.add(&format!("{}/{path}", self.place(root)), &bytes)?;
            self.written.packed += 1;
            packed.last_mut().into_iter().for_each(|last| *last = true);
            Ok(())
        })?;
        let failed = |error: csv::Error| ProvenanceError::io("pack", Path::new(IMAGES_FILE))(error.into());
        let mut list = csv::Writer::from_writer(self.archive.stream(IMAGES_FILE)?);
        list.write_record(["content", "root", "path"]).map_err(failed)?;
        let mut turn = packed.into_iter();
        gather::images(pipeline, store, planner, &mut |root, path, content| {
            if turn.next() == Some(true) {
                list.write_record([&content.to_string(), root, path]).map_err(failed)?;
            }
            Ok(())
        })?;
        list.flush().map_err(|error| failed(error.into()))?;
        drop(list);
        self.roots()
    }

    /// Makes every root a place in the bundle: the pipeline cannot be checked without the folders that it names.
    fn roots(&mut self) -> Result<(), ProvenanceError> {
        let mut local = BTreeMap::new();
        for root in &self.pipeline.roots {
            let place = self.place(&root.name);
            if is_declared(self.pipeline, root) {
                match &root.marker {
                    Some(marker) => self.archive.add(&format!("{place}/{marker}"), b"")?,
                    None => self.archive.add_folder(&place)?,
                }
                local.insert(root.name.clone(), place);
            } else {
                self.archive.add_folder(&place)?;
            }
        }
        if local.is_empty() {
            return Ok(());
        }
        let mut text = "# Where the roots lie within this bundle.\nroots:\n".to_owned();
        for (root, place) in local {
            text.push_str(&format!("  {root}: {place}\n"));
        }
        self.archive.add(LOCAL_FILE, text.as_bytes())
    }

    fn place(&self, root: &str) -> String {
        let declared = self.pipeline.roots.iter().any(|own| own.name == root && is_declared(self.pipeline, own));
        if declared { format!("{IMAGES_FOLDER}/{root}") } else { root.to_owned() }
    }

    /// The images that stay at home, sorted.
    fn withheld(&self, gathered: &Gathered) -> Result<Vec<ContentId>, ProvenanceError> {
        let mut withheld = Withheld::of(&self.options.withhold);
        for id in &gathered.contents {
            withheld.table(self.store, *id)?;
        }
        for (index, step) in self.pipeline.steps.iter().enumerate() {
            let files = step.step.files(&self.pipeline.context(index))?;
            for file in files.iter().filter(|file| file.name.starts_with(LABEL_FILE)) {
                let path = self.pipeline.project.join(&file.path);
                withheld.labels(&file.name, &std::fs::read(&path).map_err(ProvenanceError::io("read", &path))?);
            }
        }
        Ok(withheld.contents())
    }
}

/// A folder of the project is its own only candidate.
fn is_declared(pipeline: &Pipeline, root: &Root) -> bool {
    root.marker.is_some() || root.candidates != [pipeline.project.join(&root.name)]
}

/// The bytes of an image, where they are what the results were made of and every system can name it.
fn read_image(folder: &Path, path: &str, content: ContentId) -> Option<Vec<u8>> {
    if crate::path::display(path) != path || unportable(path).is_some() {
        return None;
    }
    let bytes = std::fs::read(folder.join(crate::path::from_text(path))).ok()?;
    (ContentId::of(&bytes) == content).then_some(bytes)
}

fn place_hash(root: &str, path: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(root.as_bytes()).update(b"\0").update(path.as_bytes());
    let mut hash = [0; 16];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    hash
}
