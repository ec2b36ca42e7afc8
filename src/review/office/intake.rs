//! Taking answers and classes in.

use std::collections::{BTreeMap, BTreeSet};

use super::{MOST_ANSWERS, Office, OfficeError};
use crate::labels::{Label, shown};
use crate::review::clerk::{Entry, Refusal};
use crate::review::queue::Role;
use crate::review::wire::{AnswerGiven, AnswerTaken, Answers, AnswersTaken, ClassTaken};

impl Office {
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
        let mut tries = 0;
        let taken = loop {
            let Some(clerk) = self.clerks.get_mut(&name) else { return Err(OfficeError::Bad("nobody is here".to_owned())) };
            match clerk.take(&self.desk, &mut self.book, entries.clone(), now, pixels) {
                Ok(taken) => break taken,
                // What somebody else wrote meanwhile may be this very answer.
                Err(Refusal::Outdated) if tries < Refusal::TRIES => {
                    tries += 1;
                    // Also what this server wrote itself is read again: only so the file is known as it is.
                    self.stamps.clear();
                    self.refresh();
                }
                Err(Refusal::Disk(error)) => return Err(OfficeError::Disk(error)),
                Err(refusal) => return Err(OfficeError::Bad(format!("the answer {refusal}"))),
            }
        };
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
    /// When it cannot be the name of a class.
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

    pub(super) fn declare(&self, class: &str) -> String {
        format!(
            "`{class}` counts once it is declared: add it to `classes`, or `extra_classes: [{class}]` to the step `{}`",
            self.desk.step()
        )
    }
}

/// A class name as labels have it.
pub(super) fn class_name(written: &str) -> Result<String, OfficeError> {
    let name = written.trim().to_lowercase().replace([' ', '-'], "_");
    let fits = |c: char| c.is_alphanumeric() || c == '_';
    if name.is_empty() || name.chars().count() > 40 || !name.chars().all(fits) || !name.starts_with(char::is_alphabetic) {
        return Err(OfficeError::Bad(format!(
            "`{}` cannot be the name of a class: it takes up to 40 letters, digits and `_`, and begins with a letter",
            written.trim()
        )));
    }
    Ok(name)
}

/// A comment as it stands in a file, so that the same answer is known again.
fn one_line(comment: &str) -> String {
    let spaced: String = comment.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect();
    spaced.trim().to_owned()
}
