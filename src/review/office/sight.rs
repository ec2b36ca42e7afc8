//! What of the images a page may see, and how: facts, frames around them, files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{MOST_ANSWERS, MOST_HASHES, Office, OfficeError, Scene};
use crate::id::ContentId;
use crate::labels::Label;
use crate::review::pictures::{file_of, text_of};
use crate::review::queue::{Queue, Role};
use crate::review::wire::{Answers, Frame, FramesShown, Item, Predicted, Said, SaidBy};
use crate::step::review::Given;
use crate::table::{Table, Type, civil};

impl Office {
    pub(super) fn item(&self, queue: &Queue, reviewer: &str, image: u32) -> Item {
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
            answers: (self.terms.role == Role::Adjudicate).then(|| self.others(image, reviewer)),
        }
    }

    /// What everybody but `reviewer` said last of an image, whether or not an arbiter has decided since.
    fn others(&self, image: u32, reviewer: &str) -> Vec<SaidBy> {
        let mut last: BTreeMap<&str, &Given> = BTreeMap::new();
        for given in self.book.rows(image).iter().filter(|given| given.label.reviewer != reviewer) {
            last.insert(&given.label.reviewer, given);
        }
        let said = last.into_iter().filter_map(|(name, given)| {
            let (class, comment) = (given.class.clone()?, given.label.comment.to_string());
            Some(SaidBy { reviewer: name.to_owned(), class, comment })
        });
        said.collect()
    }

    /// The name of an image asked about: its content, and a number where it lies in several places.
    pub(super) fn name(&self, image: u32) -> String {
        let Some(content) = self.content(image) else { return String::new() };
        let hex = content.hex();
        match self.book.asked.with_content(content).iter().position(|other| *other == image) {
            None | Some(0) => hex,
            Some(at) => format!("{hex}-{}", at + 1),
        }
    }

    fn content(&self, image: u32) -> Option<ContentId> {
        self.book.asked.table.column("content")?.content(image as usize)
    }

    /// The image asked about that `name` names.
    pub(super) fn image(&self, name: &str) -> Result<u32, OfficeError> {
        let unknown = || OfficeError::NoImage(name.to_owned());
        let (hex, number) = name.split_once('-').unwrap_or((name, "1"));
        let content = content_of(hex).ok_or_else(unknown)?;
        let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1)).ok_or_else(unknown)?;
        self.book.asked.with_content(content).get(at).copied().ok_or_else(unknown)
    }

    /// The frames around an image: its trigger event, and the image before it.
    ///
    /// # Errors
    /// [`OfficeError::NoImage`].
    pub fn frames(&self, name: &str, reviewer: &str) -> Result<FramesShown, OfficeError> {
        let image = self.image(name)?;
        let queue = self.queues.get(reviewer.trim());
        let asked_at = |content: ContentId| {
            let asked = self.book.asked.with_content(content).first()?;
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
        let is_asked = |row: &u32| scene.content(*row).is_some_and(|content| !self.book.asked.with_content(content).is_empty());
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
        !self.book.asked.with_content(content).is_empty() && !self.hashes.contains_key(&content)
    }

    /// The hash of an image's pixels, as far as it is known: made when it was shown, or written when it was answered before.
    pub(super) fn hash(&self, image: u32) -> Option<String> {
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
}

fn number(table: &Table, name: &str, row: usize) -> Option<f64> {
    let column = table.column(name)?;
    let whole =
        || column.int(row).map(|whole| crate::stats::interval::number(whole.unsigned_abs()) * if whole < 0 { -1.0 } else { 1.0 });
    match column.ty() {
        Type::Int => whole(),
        Type::Float32 => column.float32(row).map(f64::from),
        Type::Float64 => column.float64(row),
        _ => None,
    }
}

fn content_of(hex: &str) -> Option<ContentId> {
    // With its prefix it would be another name of the same image.
    (hex.len() == 64).then(|| hex.parse().ok())?
}
