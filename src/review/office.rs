//! Everything that the review page is served from: queues, answers, progress. Whoever asks is one of several reviewers.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use super::book::{Book, Reread, Standing};
use super::clerk::{Clerk, Entry, Refusal, reviewer};
use super::desk::{Desk, DeskError};
use super::frames::Frames;
use super::pictures::{Pictures, file_of, text_of};
use super::queue::{Queue, Role};
use super::wire::{
    AnswerGiven, AnswerTaken, Answers, AnswersTaken, Changes, ClassShown, ClassTaken, Counts, Frame, FramesShown, Item,
    Predicted, QueuePart, Said, SaidBy, Session,
};
use crate::id::ContentId;
use crate::labels::{Label, Stamp, shown};
use crate::step::StepError;
use crate::step::review::{Given, label_files};
use crate::table::{Table, TableError, civil};
use crate::taxonomy::{ShownClass, keys};

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
            version: env!("CARGO_PKG_VERSION"),
            language: self.terms.language.clone(),
            strings: self.terms.strings.clone(),
        }
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
            self.clerks.insert(name.to_owned(), Clerk::new(&self.desk, name));
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

    fn item(&self, queue: &Queue, reviewer: &str, image: u32) -> Item {
        let (table, row) = (&self.book.asked.table, image as usize);
        let time = |name: &str| table.column(name).and_then(|column| column.datetime(row)).map(civil::format);
        let (raw, corrected) = (time("datetime_raw"), time("datetime"));
        let (_, standing) = self.book.verdict(image);
        let say = |label: &Label<'_>| Said {
            class: label.class.to_string(),
            label: label.id.to_string(),
            comment: label.comment.to_string(),
            time: label.time.to_string(),
        };
        let own = standing.iter().rev().find(|given| given.label.reviewer == reviewer);
        let everybody = || {
            let said =
                |given: &&Given| SaidBy { reviewer: given.label.reviewer.to_string(), class: given.label.class.to_string() };
            standing.iter().map(said).collect()
        };
        let predicted = || {
            let class = table.column("label")?.text(row)?.to_owned();
            Some(Predicted { class, confidence: table.column("confidence").and_then(|column| column.float32(row)) })
        };
        Item {
            image: self.name(image),
            at: queue.place[row].unwrap_or_default(),
            event: self.events[row],
            site: text_of(table, "site", row).to_owned(),
            season: text_of(table, "season", row).to_owned(),
            file: file_of(&self.book.asked.key, table, row),
            corrected_time: corrected.clone().filter(|_| raw.is_some() && corrected != raw),
            time: raw.or(corrected),
            temperature_c: number(table, "temperature_c", row),
            // Why an image was drawn hints at what a model said of it.
            sample: if self.desk.question.blind { String::new() } else { text_of(table, "type", row).to_owned() },
            predicted: if self.desk.question.blind { None } else { predicted() },
            answer: own.map(|given| say(&given.label)),
            done_by_others: own.is_none() && self.book.is_done_by_others(image, reviewer),
            answers: (self.terms.role == Role::Adjudicate).then(everybody),
        }
    }

    /// The name of an image asked about: its content, and a number where it lies in several places.
    fn name(&self, image: u32) -> String {
        let Some(content) = self.content(image) else { return String::new() };
        let hex = content.hex();
        match self.book.with_content(content).iter().position(|other| *other == image) {
            None | Some(0) => hex,
            Some(at) => format!("{hex}-{}", at + 1),
        }
    }

    fn content(&self, image: u32) -> Option<ContentId> {
        self.book.asked.table.column("content")?.content(image as usize)
    }

    /// The image asked about that `name` names.
    fn image(&self, name: &str) -> Result<u32, OfficeError> {
        let unknown = || OfficeError::NoImage(name.to_owned());
        let (hex, number) = name.split_once('-').unwrap_or((name, "1"));
        let content = content_of(hex).ok_or_else(unknown)?;
        let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1)).ok_or_else(unknown)?;
        self.book.with_content(content).get(at).copied().ok_or_else(unknown)
    }

    /// The frames around an image: its trigger event, and the image before it.
    ///
    /// # Errors
    /// [`OfficeError::NoImage`].
    pub fn frames(&self, name: &str, reviewer: &str) -> Result<FramesShown, OfficeError> {
        let image = self.image(name)?;
        let queue = self.queues.get(reviewer.trim());
        let asked_at = |content: ContentId| {
            let asked = self.book.with_content(content).first()?;
            queue.and_then(|queue| queue.place[*asked as usize])
        };
        let found = self.scene.as_ref().zip(self.content(image));
        let found = found.and_then(|(scene, content)| Some((scene, content, scene.frames.event(content)?)));
        let Some((scene, content, rows)) = found else {
            let time = self.book.asked.table.column("datetime_raw").and_then(|column| column.datetime(image as usize));
            let place = queue.and_then(|queue| queue.place[image as usize]);
            let only = Frame { image: name.to_owned(), time: time.map(civil::format), asked_at: place };
            return Ok(FramesShown { event: vec![only], previous: None });
        };
        let times = crate::event::time_column(&scene.table.schema).and_then(|name| scene.table.column(name));
        let frame = |row: &u32| {
            let content = scene.content(*row)?;
            let time = times.and_then(|times| times.datetime(*row as usize)).map(civil::format);
            Some(Frame { image: content.hex(), time, asked_at: asked_at(content) })
        };
        let previous = scene.frames.previous(content).and_then(|row| scene.content(row)).map(|content| content.hex());
        Ok(FramesShown { event: rows.iter().filter_map(frame).collect(), previous })
    }

    /// The file of an image that may be shown: one asked about, of the event of such a one, or just before it.
    ///
    /// # Errors
    /// [`OfficeError::NoImage`].
    pub fn file(&self, name: &str) -> Result<(ContentId, Option<PathBuf>), OfficeError> {
        let unknown = || OfficeError::NoImage(name.to_owned());
        let asked = self.image(name).ok();
        let content = asked.and_then(|image| self.content(image)).or_else(|| content_of(name)).ok_or_else(unknown)?;
        if let Some(row) = asked {
            let path = self.pictures.path(&self.book.asked.table, row as usize);
            if path.is_some() || self.scene.is_none() {
                return Ok((content, path));
            }
        }
        let scene = self.scene.as_ref().ok_or_else(unknown)?;
        let row = scene.frames.row(content).filter(|_| self.is_near(scene, content)).ok_or_else(unknown)?;
        Ok((content, self.pictures.path(&scene.table, row as usize)))
    }

    /// Says whether an image is asked about, of the event of one that is, or comes just before one.
    fn is_near(&self, scene: &Scene, content: ContentId) -> bool {
        let is_asked = |row: &u32| scene.content(*row).is_some_and(|content| !self.book.with_content(content).is_empty());
        let event = scene.frames.event(content).unwrap_or_default();
        event.iter().any(is_asked) || self.before.contains(&content)
    }

    /// Keeps the hash of an image's pixels, made while it was shown, until it is answered.
    pub fn keep_hash(&mut self, content: ContentId, hash: String) {
        if self.hashes.len() >= MOST_HASHES {
            self.hashes.pop_first();
        }
        self.hashes.insert(content, hash);
    }

    /// Says whether the hash of an image's pixels is wanted and not there.
    #[must_use]
    pub fn wants_hash(&self, content: ContentId) -> bool {
        !self.book.with_content(content).is_empty() && !self.hashes.contains_key(&content)
    }

    /// The hash of an image's pixels, as far as it is known: made when it was shown, or written when it was answered before.
    fn hash(&self, image: u32) -> Option<String> {
        let content = self.content(image)?;
        let is_of_it = |label: &&Label<'_>| label.observation == Some(content) && !label.pixels.is_empty();
        let written =
            || self.book.rows(image).iter().map(|given| &given.label).find(is_of_it).map(|label| label.pixels.to_string());
        self.hashes.get(&content).cloned().or_else(written)
    }

    /// The files of images that are to be answered and whose pixels have no hash yet. Making it takes longer than an answer may keep
    /// others waiting, so it is made before [`Office::answer`].
    #[must_use]
    pub fn unhashed(&self, given: &Answers) -> Vec<(ContentId, PathBuf)> {
        let images = given.answers.iter().take(MOST_ANSWERS).filter_map(|one| self.image(&one.image).ok());
        let without = images.filter(|image| self.hash(*image).is_none());
        let file = |image: u32| Some((self.content(image)?, self.pictures.path(&self.book.asked.table, image as usize)?));
        without.filter_map(file).collect()
    }

    /// Takes answers down; they are on the disk when this returns.
    ///
    /// # Errors
    /// [`OfficeError`]; nothing was written.
    pub fn answer(&mut self, given: &Answers, now: &str) -> Result<AnswersTaken, OfficeError> {
        let name = self.enter(&given.reviewer)?;
        if given.answers.is_empty() || given.answers.len() > MOST_ANSWERS {
            return Err(OfficeError::Bad(format!("a request holds 1 to {MOST_ANSWERS} answers, not {}", given.answers.len())));
        }
        self.refresh();
        let mut seen = BTreeSet::new();
        let mut entries = Vec::with_capacity(given.answers.len());
        for one in &given.answers {
            let image = self.image(&one.image)?;
            if !seen.insert(image) {
                return Err(OfficeError::Bad(format!("image `{}` is answered twice in one request", one.image)));
            }
            entries.push(self.entry(&name, image, one)?);
        }
        let known: BTreeMap<u32, String> =
            entries.iter().filter_map(|entry| Some((entry.image, self.hash(entry.image)?))).collect();
        let pixels = |image: u32| known.get(&image).cloned();
        let Some(clerk) = self.clerks.get_mut(&name) else { return Err(OfficeError::Bad("nobody is here".to_owned())) };
        let taken = clerk.take(&self.desk, &mut self.book, entries, now, pixels).map_err(|refusal| match refusal {
            Refusal::Row(message) => OfficeError::Bad(format!("the answer {message}")),
            Refusal::Disk(error) => OfficeError::Disk(error),
        })?;
        if taken.iter().any(|one| one.is_new) {
            self.restamp(&name);
            let images: Vec<u32> = taken.iter().filter(|one| one.is_new).map(|one| one.image).collect();
            self.touch(&images);
        }
        let queue = &self.queues[&name];
        let answers = taken
            .iter()
            .map(|one| AnswerTaken { image: self.name(one.image), answer: self.item(queue, &name, one.image).answer })
            .collect();
        Ok(AnswersTaken { revision: self.revision, answers, counts: self.counts(&name) })
    }

    fn entry(&self, reviewer: &str, image: u32, given: &AnswerGiven) -> Result<Entry, OfficeError> {
        let written = given.class.as_deref().unwrap_or_default();
        let class = if written.is_empty() {
            String::new()
        } else {
            match self.desk.question.class(&self.desk.pipeline.classes, written) {
                Ok(class) => class,
                Err(_) if self.added.iter().any(|added| added == written) => written.to_owned(),
                Err(message) => return Err(OfficeError::Bad(message)),
            }
        };
        let mut supersedes = String::new();
        if self.terms.role == Role::Adjudicate && !class.is_empty() {
            let (_, standing) = self.book.verdict(image);
            let others = standing.iter().filter(|given| given.label.reviewer != reviewer);
            let mut ids: Vec<&str> = others.map(|given| given.label.id.as_ref()).collect();
            // An arbiter who decides otherwise decides between the same answers as before.
            for own in self.book.own(image, reviewer) {
                ids.extend(own.label.superseded().filter(|id| self.is_of_another(image, reviewer, id)));
            }
            ids.dedup();
            supersedes = ids.join(" ");
        }
        let shown = if self.desk.question.blind { shown::BLIND } else { shown::MODEL };
        let label = Label {
            class: class.into(),
            reviewer: reviewer.to_owned().into(),
            shown: shown.into(),
            comment: one_line(&given.comment).into(),
            supersedes: supersedes.into(),
            ..Label::default()
        };
        Ok(Entry { image, label, whole: true })
    }

    fn is_of_another(&self, image: u32, reviewer: &str, id: &str) -> bool {
        self.book.rows(image).iter().any(|given| given.label.id == id && given.label.reviewer != reviewer)
    }

    /// Adds a class for answers.
    ///
    /// # Errors
    /// When it is no name of a class.
    pub fn add_class(&mut self, name: &str, written: &str) -> Result<ClassTaken, OfficeError> {
        self.enter(name)?;
        let class = class_name(written)?;
        let declared = self.desk.question.class(&self.desk.pipeline.classes, &class);
        let class = declared.as_ref().unwrap_or(&class).clone();
        if declared.is_err() && !self.added.contains(&class) {
            self.added.push(class.clone());
        }
        let shown = self.classes().into_iter().find(|shown| shown.name == class);
        let shown = shown.ok_or_else(|| OfficeError::Bad(format!("`{class}` cannot be a class")))?;
        Ok(ClassTaken { class: shown, note: if declared.is_ok() { String::new() } else { self.declare(&class) } })
    }

    fn declare(&self, class: &str) -> String {
        format!(
            "`{class}` counts once it is declared: add it to `classes`, or `extra_classes: [{class}]` to the step `{}`",
            self.desk.step()
        )
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
        (0..u32::try_from(self.book.len()).unwrap_or(u32::MAX))
            .filter(|image| self.book.standing(*image) != Standing::Settled)
            .count()
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
            Err(error) => self.notes = vec![super::sentence(&error)],
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
    let images = 0..u32::try_from(book.len()).unwrap_or(u32::MAX);
    let rows = images.flat_map(|image| book.rows(image)).filter(|given| !given.is_declared);
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

/// A class name as labels have it.
fn class_name(written: &str) -> Result<String, OfficeError> {
    let name = written.trim().to_lowercase().replace([' ', '-'], "_");
    let fits = |c: char| c.is_alphanumeric() || c == '_';
    if name.is_empty() || name.chars().count() > 40 || !name.chars().all(fits) || !name.starts_with(char::is_alphabetic) {
        return Err(OfficeError::Bad(format!("`{}` is no name of a class: letters, digits and `_`, at most 40", written.trim())));
    }
    Ok(name)
}

pub(super) fn shown_class(class: ShownClass) -> ClassShown {
    let ShownClass { name, display, key, colour, role, extra } = class;
    ClassShown { name, display, key, color: colour, role, extra }
}

fn stamps(desk: &Desk) -> Stamps {
    let files = label_files(&desk.pipeline.project, &desk.question.folder);
    let paths = files.into_iter().map(|file| desk.pipeline.project.join(file.path));
    paths.filter_map(|path| stamp(&path).map(|stamp| (path, stamp))).collect()
}

fn stamp(path: &std::path::Path) -> Option<Stamp> {
    Some(Stamp::of(&std::fs::metadata(path).ok()?))
}

fn number(table: &Table, name: &str, row: usize) -> Option<f64> {
    let column = table.column(name)?;
    let whole =
        || column.int(row).map(|whole| crate::stats::interval::number(whole.unsigned_abs()) * if whole < 0 { -1.0 } else { 1.0 });
    match column.ty() {
        crate::table::Type::Int => whole(),
        crate::table::Type::Float32 => column.float32(row).map(f64::from),
        crate::table::Type::Float64 => column.float64(row),
        _ => None,
    }
}

/// A comment as it stands in a file, so that the same answer is known again.
fn one_line(comment: &str) -> String {
    let spaced: String = comment.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect();
    spaced.trim().to_owned()
}

fn content_of(hex: &str) -> Option<ContentId> {
    // With its prefix it would be another name of the same image.
    (hex.len() == 64).then(|| hex.parse().ok())?
}
