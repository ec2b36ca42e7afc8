//! Bundle: everything that `trapline verify` needs, in one ZIP file for a reviewer who has neither the archive nor our machine.
//!
//! | in it | from |
//! |---|---|
//! | pipeline, fragments, taxonomy, deployments, labels, seals, `trapline.lock`, `models.lock`, models, published files | the project |
//! | `.trapline/`: tables, models, rows, results; journals without what is said of the machine | the store |
//! | images: none, those that `verify --level sample` draws, or all; never those of classes that are withheld | the roots |
//! | `bundle.images.csv`, `trapline.local.yaml`, `README.txt` | made here: which images came along, where, what to do |
//!
//! Roots that are folders of the project stay where they are; a declared one lies in `bundle.images/ROOT`, with its marker.

use std::path::{Path, PathBuf};

use super::ProvenanceError;
use super::files::{descriptive, is_file};
use crate::check::Pipeline;
use crate::model::bundle_folder;
use crate::plan::planner::Planner;
use crate::run::event::Event;
use crate::run::history::History;
use crate::run::journal;
use crate::run::lockfile::LockFile;
use crate::run::packed::IMAGES_FILE;
use crate::spec::LOCAL_FILE;
use crate::store::{Part, Store};

mod archive;
mod gather;
mod images;
mod private;
mod readme;
mod withhold;

use archive::Archive;
use gather::{Gathered, gather};
pub use private::Private;
pub use withhold::people;

/// Where the images of declared roots lie. No root can be called like this: names of roots have no dot.
const IMAGES_FOLDER: &str = "bundle.images";
/// The store within the bundle.
const STORE_FOLDER: &str = ".trapline";

/// Which images come along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images {
    /// None.
    None,
    /// Those that a verification of so many images of each step draws.
    Sample(usize),
    /// All.
    All,
}

/// What the person asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which images.
    pub images: Images,
    /// Classes whose images stay at home.
    pub withhold: Vec<String>,
    /// What must not be told.
    pub private: Private,
}

/// What was packed.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Written {
    /// Files in the bundle.
    pub files: u64,
    /// Their bytes, unpacked.
    pub bytes: u64,
    /// Images known to the results, paths counted.
    pub images: u64,
    /// Those in the bundle.
    pub packed: u64,
    /// Those left out for their class.
    pub withheld: u64,
    /// Those that should be in it and cannot be read, are not what they were, or have a name that not every system can have.
    pub unusable: u64,
    /// Reports left out because their pictures may show one of these classes.
    pub reports_withheld: Vec<String>,
    /// Classes whose images were left out.
    pub classes: Vec<String>,
    /// Project files in it, passed on as they are, that name a place or the machine of whoever made the bundle.
    pub telling: Vec<String>,
}

/// Writes the bundle of what `trapline.lock` names to `path`; `asked` are the files that loading the pipeline asked for.
///
/// # Errors
/// When the project is not what the lock says, the store lacks something, a root is absent, or `path` exists.
pub fn write(
    pipeline: &Pipeline,
    store: &Store,
    asked: &[PathBuf],
    path: &Path,
    options: &Options,
) -> Result<Written, ProvenanceError> {
    if path.exists() {
        return Err(ProvenanceError::Exists(path.to_owned()));
    }
    let lock = LockFile::read(&pipeline.project)?;
    let history = History::of(store, &pipeline.name, &pipeline.project);
    let mut planner = Planner::new(pipeline, &history).without_counts();
    let gathered = gather(pipeline, store, &lock, &history, &mut planner)?;
    let folder = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut packer = Packer {
        pipeline,
        store,
        options,
        archive: Archive::create(path, &folder)?,
        written: Written { classes: options.withhold.clone(), ..Written::default() },
    };
    packer.project(asked, &gathered)?;
    packer.store(&gathered)?;
    packer.journals()?;
    packer.images(&planner, &gathered)?;
    let Packer { mut archive, mut written, .. } = packer;
    archive.add("README.txt", readme::text(&pipeline.name, &written, options).as_bytes())?;
    (written.files, written.bytes) = (archive.files, archive.bytes);
    archive.finish(path)?;
    Ok(written)
}

struct Packer<'a> {
    pipeline: &'a Pipeline,
    store: &'a Store,
    options: &'a Options,
    archive: Archive,
    written: Written,
}

impl Packer<'_> {
    /// The files of the project, as they are.
    fn project(&mut self, asked: &[PathBuf], gathered: &Gathered) -> Result<(), ProvenanceError> {
        let project = &self.pipeline.project;
        let mut files = descriptive(self.pipeline, asked)?;
        files.extend(gathered.files.iter().cloned());
        // The gallery of a report shows no picture of the other classes.
        if self.options.withhold.iter().any(|class| self.pipeline.classes.role(class).is_public()) {
            self.written.reports_withheld.extend(gathered.reports.iter().cloned());
        } else {
            files.extend(gathered.reports.iter().cloned());
        }
        for model in &gathered.models {
            let Ok(folder) = bundle_folder(model) else { continue };
            let place = project.join(&folder);
            for path in crate::file::reading::entries(&place).map_err(ProvenanceError::io("list", &place))? {
                files.insert(crate::path::to_text(&folder.join(path.file_name().unwrap_or_default())));
            }
        }
        for file in files {
            let from = project.join(crate::path::from_text(&file));
            if file == LOCAL_FILE || file == IMAGES_FILE || !is_file(&from)? {
                continue;
            }
            if self.archive.copy(&file, &from, Some(&self.options.private))?.1 {
                self.written.telling.push(file);
            }
        }
        Ok(())
    }

    /// The part of the store that the lock names.
    fn store(&mut self, gathered: &Gathered) -> Result<(), ProvenanceError> {
        let mut results = gathered.results.clone();
        for manifest in &mut results {
            self.options.private.scrub(&mut manifest.findings);
        }
        let parts = self.store.parcel(&self.pipeline.name, &results, &gathered.heads, &gathered.contents, &gathered.rows)?;
        for part in parts {
            let path = format!("{STORE_FOLDER}/{}", part.path());
            match part {
                Part::Bytes { bytes, .. } => self.archive.add(&path, &bytes)?,
                Part::File { from, id, .. } => {
                    let (found, _) = self.archive.copy(&path, &from, None)?;
                    if id.is_some_and(|id| id != found) {
                        let damage =
                            std::io::Error::new(std::io::ErrorKind::InvalidData, "it is damaged; `trapline run` makes it again");
                        // Moved aside, so that the run finds it missing.
                        if let Some(id) = id {
                            let _ = self.store.verify_object(id);
                        }
                        return Err(ProvenanceError::io("pack", &from)(damage));
                    }
                }
            }
        }
        Ok(())
    }

    /// What the runs of the pipeline did and when; nothing in free words, which may name places and machines.
    fn journals(&mut self) -> Result<(), ProvenanceError> {
        let runs = journal::runs(self.store.root()).map_err(ProvenanceError::io("list", &self.store.root().join("runs")))?;
        for (id, path) in runs {
            let entries = journal::read(&path).map_err(ProvenanceError::io("read", &path))?;
            let is_own = |event: &Event| matches!(event, Event::RunStarted { pipeline, .. } if *pipeline == self.pipeline.name);
            if !entries.iter().any(|entry| is_own(&entry.event)) {
                continue;
            }
            let mut lines = Vec::new();
            for mut entry in entries.into_iter().filter(|entry| is_plain(&entry.event)) {
                match &mut entry.event {
                    Event::StepReused { findings, .. } | Event::StepFinished { findings, .. } => {
                        self.options.private.scrub(findings);
                    }
                    Event::StepStarted { reasons, .. } => {
                        for reason in reasons {
                            *reason = self.options.private.scrubbed(reason);
                        }
                    }
                    _ => {}
                }
                serde_json::to_writer(&mut lines, &entry).map_err(|error| ProvenanceError::io("copy", &path)(error.into()))?;
                lines.push(b'\n');
            }
            self.archive.add(&format!("{STORE_FOLDER}/runs/{id}/events.jsonl"), &lines)?;
        }
        Ok(())
    }
}

/// Says whether an event tells of steps only, not in words that may name a place.
fn is_plain(event: &Event) -> bool {
    matches!(
        event,
        Event::RunStarted { .. }
            | Event::StepStarted { .. }
            | Event::StepReused { .. }
            | Event::StepFinished { .. }
            | Event::StepWaits { .. }
            | Event::RunFinished { .. }
    )
}
