//! Everything that the review page is served from: queues, answers, progress. Whoever asks is one of several reviewers.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use super::book::{Book, Reread};
use super::clerk::{Clerk, reviewer};
use super::desk::{Desk, DeskError};
use super::frames::Frames;
use super::pictures::{Pictures, text_of};
use super::queue::{Queue, Role};
use super::wire::{Changes, ClassShown, Counts, QueuePart, Session};
use crate::id::ContentId;
use crate::labels::Stamp;
use crate::step::review::label_files;
use crate::step::{StepError, with_causes};
use crate::table::{Table, TableError};
use crate::taxonomy::{ShownClass, keys};

mod intake;
mod select;
mod sight;

use intake::class_name;
pub use select::Wanted;

/// The most answers of one request: a sheet of images, accepted at once.
pub const MOST_ANSWERS: usize = 1000;
/// The most images of one part of a queue.
pub const MOST_ITEMS: usize = 1000;
/// Images whose pixels were hashed when they were shown, until they are answered.
const MOST_HASHES: usize = 4096;

/// How the page is served.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What reviewers are here for.
    pub role: Role,
    /// The only reviewer; anybody where not given.
    pub reviewer: Option<String>,
    /// The language to begin with.
    pub language: Option<String>,
    /// The words of another language.
    pub strings: Option<BTreeMap<String, String>>,
}

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// It asks for what cannot be done.
    #[error("{0}")]
    Bad(String),
    /// There is no such image here.
    #[error("image `{0}` is neither asked about nor near one that is")]
    NoImage(String),
    /// The label file cannot take rows.
    #[error(transparent)]
    Disk(#[from] crate::labels::LabelError),
    /// Label files cannot be read.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// Label files cannot be used.
    #[error(transparent)]
    Step(#[from] StepError),
    /// A table lacks a column.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// The images of the pipeline, asked about or not.
#[derive(Debug)]
pub struct Scene {
    /// One row per image.
    pub table: Table,
    /// Events and neighbours.
    pub frames: Frames,
}

impl Scene {
    fn content(&self, row: u32) -> Option<ContentId> {
        self.table.column("content")?.content(row as usize)
    }

    /// The images just before those asked about.
    fn before(&self, book: &Book) -> HashSet<ContentId> {
        let contents = book.asked.table.column("content");
        let asked = (0..book.len()).filter_map(|row| contents?.content(row));
        asked.filter_map(|content| self.content(self.frames.previous(content)?)).collect()
    }
}

/// The office of one review.
pub struct Office {
    desk: Desk,
    book: Book,
    scene: Option<Scene>,
    pictures: Pictures,
    terms: Terms,
    added: Vec<String>,
    clerks: BTreeMap<String, Clerk>,
    queues: BTreeMap<String, Queue>,
    /// The event of each image asked about.
    events: Vec<u32>,
    /// The state in which each image last changed.
    touched: Vec<u64>,
    revision: u64,
    stamps: Stamps,
    notes: Vec<String>,
    hashes: BTreeMap<ContentId, String>,
    /// Images that their camera took just before one that is asked about.
    before: HashSet<ContentId>,
}

/// The state of each label file as it was read.
type Stamps = BTreeMap<PathBuf, Stamp>;

impl Office {
    /// Opens the office. `scene` holds all images of the pipeline, for the frames around those asked about.
    ///
    /// # Errors
    /// When the images cannot be told apart, cannot be shown, or a label file cannot be used.
    pub fn open(desk: Desk, scene: Option<Scene>, terms: Terms) -> Result<Self, OfficeError> {
        let stamps = stamps(&desk);
        let book = Book::of(&desk)?;
        if book.asked.table.column("content").is_none() {
            let message = format!(
                "step `{0}` asks about images by name only, which cannot be shown: `trapline labels todo {0}` lists them",
                desk.step()
            );
            return Err(OfficeError::Bad(message));
        }
        let events = crate::event::Events::of(&book.asked.table, crate::event::GAP_S, &[])?.of_row;
        let pictures = Pictures::of(&desk.pipeline);
        let touched = vec![0; book.len()];
        let (clerks, queues, hashes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let before = scene.as_ref().map(|scene| scene.before(&book)).unwrap_or_default();
        let mut office = Self {
            before,
            added: undeclared(&book),
            notes: Vec::new(),
            revision: 1,
            desk,
            book,
            scene,
            pictures,
            terms,
            clerks,
            queues,
            events,
            touched,
            stamps,
            hashes,
        };
        office.take_notes();
        Ok(office)
    }

    /// The review.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The answers.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// What the page must know once.
    #[must_use]
    pub fn session(&self) -> Session {
        Session {
            format: 1,
            pipeline: self.desk.pipeline.name.clone(),
            step: self.desk.step().to_owned(),
            question: self.desk.question.question.clone(),
            blind: self.desk.question.blind,
            reviewers_per_image: self.desk.question.reviewers,
            reviewer: self.terms.reviewer.clone(),
            role: if self.terms.role == Role::Review { "review" } else { "adjudicate" },
            classes: self.classes(),
            asked: self.book.len(),
            reviewers: if self.terms.role == Role::Adjudicate { self.reviewers() } else { Vec::new() },
            sites: self.sites(),
            version: env!("CARGO_PKG_VERSION"),
            language: self.terms.language.clone(),
            strings: self.terms.strings.clone(),
        }
    }

    /// Everybody who answered anything, by name.
    fn reviewers(&self) -> Vec<String> {
        let rows = self.book.images().flat_map(|image| self.book.rows(image));
        let names: BTreeSet<&str> = rows.map(|given| given.label.reviewer.as_ref()).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The sites of the images asked about, by name.
    fn sites(&self) -> Vec<String> {
        let table = &self.book.asked.table;
        let sites: BTreeSet<&str> = (0..table.rows).map(|row| text_of(table, "site", row)).collect();
        sites.into_iter().filter(|site| !site.is_empty()).map(str::to_owned).collect()
    }

    fn classes(&self) -> Vec<ClassShown> {
        let declared = &self.desk.question.extra_classes;
        let extra: Vec<String> = declared.iter().chain(&self.added).cloned().collect();
        keys(&self.desk.pipeline.classes, &extra).into_iter().map(shown_class).collect()
    }

    /// Checks a reviewer's name, and prepares queue and clerk.
    fn enter(&mut self, name: &str) -> Result<String, OfficeError> {
        let name = reviewer(name).map_err(OfficeError::Bad)?;
        if let Some(only) = self.terms.reviewer.as_ref().filter(|only| *only != name) {
            return Err(OfficeError::Bad(format!("this page was opened for `{only}`, not for `{name}`")));
        }
        if !self.queues.contains_key(name) {
            self.queues.insert(name.to_owned(), Queue::of(&self.book, name, self.terms.role)?);
            // A queue is made anew for an arbiter; the clerk goes on knowing what was written.
            self.clerks.entry(name.to_owned()).or_insert_with(|| Clerk::new(&self.desk, name));
        }
        Ok(name.to_owned())
    }

    /// A part of the queue of a reviewer. From its beginning, an arbiter finds disputes that came up meanwhile.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn queue(&mut self, name: &str, from: usize, count: usize) -> Result<QueuePart, OfficeError> {
        self.refresh();
        if from == 0 && self.terms.role == Role::Adjudicate {
            self.queues.remove(name.trim());
        }
        let name = self.enter(name)?;
        let queue = &self.queues[&name];
        let images = queue.order.iter().skip(from).take(count.min(MOST_ITEMS));
        let items = images.map(|image| self.item(queue, &name, *image)).collect();
        Ok(QueuePart { total: queue.order.len(), from, revision: self.revision, items })
    }

    /// What changed since the state `since`.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn changes(&mut self, name: &str, since: u64) -> Result<Changes, OfficeError> {
        self.refresh();
        let name = self.enter(name)?;
        let queue = &self.queues[&name];
        let (images, revision) = self.changed(queue, since);
        let items = images.into_iter().map(|image| self.item(queue, &name, image)).collect();
        Ok(Changes { revision, items, counts: self.counts(&name), notes: self.notes() })
    }

    /// The images of a queue that changed since a state, as many as one reply tells of, and the state after them.
    fn changed(&self, queue: &Queue, since: u64) -> (Vec<u32>, u64) {
        if since >= self.revision {
            return (Vec::new(), self.revision);
        }
        let state = |image: &u32| self.touched[*image as usize];
        let mut images: Vec<u32> = queue.order.iter().copied().filter(|image| state(image) > since).collect();
        if images.len() <= MOST_ITEMS {
            return (images, self.revision);
        }
        images.sort_by_key(state);
        let cut = state(&images[MOST_ITEMS]);
        images.retain(|image| state(image) < cut);
        (images, cut - 1)
    }

    fn notes(&self) -> Vec<String> {
        let added = self.added.iter().filter(|class| self.desk.question.class(&self.desk.pipeline.classes, class).is_err());
        self.notes.iter().cloned().chain(added.map(|class| self.declare(class))).collect()
    }

    /// How far the review is, for one reviewer.
    pub(super) fn counts(&self, name: &str) -> Counts {
        let counts = self.book.counts();
        let (mine, to_do) = self.queues.get(name).map_or((0, 0), |queue| (queue.answered, queue.left));
        Counts { asked: self.book.len(), answered: counts.settled, mine, to_do, disagreements: counts.disputed }
    }

    /// How far the review is, in its parts.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn progress(&mut self, name: &str) -> Result<super::wire::Progress, OfficeError> {
        self.refresh();
        let name = self.enter(name)?;
        Ok(super::progress::of(&self.desk, &self.book, self.counts(&name)))
    }

    /// Images that are left to anybody: what `run` waits for.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.book.len() - self.book.counts().settled
    }

    fn touch(&mut self, images: &[u32]) {
        // No state changes more images than one reply tells of.
        for some in images.chunks(MOST_ITEMS) {
            self.revision += 1;
            for image in some {
                self.touched[*image as usize] = self.revision;
                for queue in self.queues.values_mut() {
                    queue.update(&self.book, *image);
                }
            }
        }
    }

    /// Reads label files that somebody else changed: an editor, git, another server.
    fn refresh(&mut self) {
        let stamps = stamps(&self.desk);
        if stamps == self.stamps {
            return;
        }
        let files = Desk::label_files(&self.desk.pipeline, &self.desk.question);
        let read = files.map_err(OfficeError::from).and_then(|files| {
            self.desk.files = files;
            Ok(self.book.read(&self.desk)?)
        });
        match read {
            Ok(Reread { changed, gone }) => {
                self.touch(&changed);
                let new = undeclared(&self.book).into_iter().filter(|class| !self.added.contains(class)).collect::<Vec<_>>();
                self.added.extend(new);
                self.take_notes();
                let gone: Vec<String> = gone.iter().map(|(name, count)| self.gone(name, *count)).collect();
                self.notes.extend(gone);
            }
            // What was read before stands, and nothing is written over the file.
            Err(error) => self.notes = vec![with_causes(&error)],
        }
        self.stamps = stamps;
    }

    /// Knows the reviewer's own file as it is after an answer. Where somebody else wrote between reading and answering, the file is
    /// read again at the next request.
    fn restamp(&mut self, name: &str) {
        let Some(wrote) = self.clerks.get(name).and_then(Clerk::wrote) else { return };
        let is_known = self.stamps.get(&wrote.path).map_or(wrote.before.is_empty(), |known| *known == wrote.before);
        if is_known {
            self.stamps.insert(wrote.path.clone(), wrote.after);
        }
    }

    fn gone(&self, reviewer: &str, count: usize) -> String {
        let (answers, folder) = (if count == 1 { "answer" } else { "answers" }, self.desk.question.folder.trim_end_matches('/'));
        format!(
            "another program took {count} {answers} of `{reviewer}` out of the files in `{folder}`: where nobody meant to, take the \
             file back from git or a copy"
        )
    }

    fn take_notes(&mut self) {
        self.notes = self.book.findings().iter().filter(|finding| is_note(&finding.kind)).map(note).collect();
    }
}

/// The classes that people added when they labelled before.
fn undeclared(book: &Book) -> Vec<String> {
    let rows = book.images().flat_map(|image| book.rows(image)).filter(|given| !given.is_declared);
    let names: BTreeSet<&String> = rows.filter_map(|given| given.class.as_ref()).collect();
    names.into_iter().filter(|name| class_name(name).as_ref().is_ok_and(|class| class == *name)).cloned().collect()
}

/// Findings that somebody at the page can do something about.
fn is_note(kind: &str) -> bool {
    !matches!(kind, "changed_mind" | "class_spelling" | "disagreements" | "unknown_labels")
}

fn note(finding: &crate::step::Finding) -> String {
    let examples = finding.examples.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("; ");
    format!("{}: {examples}", finding.message)
}

pub(super) fn shown_class(class: ShownClass) -> ClassShown {
    let ShownClass { name, display, key, colour, role, extra } = class;
    ClassShown { name, display, key, color: colour, role, extra }
}

fn stamps(desk: &Desk) -> Stamps {
    // A folder that cannot be listed looks changed: reading it says why.
    let files = label_files(&desk.pipeline.project, &desk.question.folder).unwrap_or_default();
    let paths = files.into_iter().map(|file| desk.pipeline.project.join(file.path));
    paths.filter_map(|path| stamp(&path).map(|stamp| (path, stamp))).collect()
}

fn stamp(path: &std::path::Path) -> Option<Stamp> {
    Some(Stamp::of(&std::fs::metadata(path).ok()?))
}
