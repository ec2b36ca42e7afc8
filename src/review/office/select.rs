//! Finds images of a queue: one's own answers, those with a mark, a class, a site, a name.

use serde::Deserialize;

use super::{Office, OfficeError};
use crate::labels::Label;
use crate::review::pictures::{file_of, text_of};
use crate::review::queue::Queue;
use crate::review::wire::Selection;

/// How the page writes the mark of a difficult image, before the words of a comment.
const DIFFICULT: &str = "[difficult]";

/// Which images are wanted: those that fit all that is said here.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Wanted {
    /// Open to this reviewer, or answered.
    pub state: Option<State>,
    /// Marked as difficult.
    #[serde(default)]
    pub difficult: bool,
    /// With words in the comment, or with any mark.
    #[serde(default)]
    pub commented: bool,
    /// Answered with this class.
    pub class: Option<String>,
    /// Called so by the model; never in a blind review.
    pub predicted: Option<String>,
    /// The model is as sure as this or surer, 0 to 1; never in a blind review.
    pub low: Option<f32>,
    /// The model is as sure as this or less sure, 0 to 1; never in a blind review.
    pub high: Option<f32>,
    /// At this site.
    pub site: Option<String>,
    /// A part of the file's name, or of the path where there is a `/` in it; upper and lower case are the same.
    pub name: Option<String>,
}

/// What became of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The reviewer is still to answer.
    Open,
    /// The reviewer answered.
    Mine,
}

impl Office {
    /// The places of the images in the queue of a reviewer that are wanted.
    ///
    /// # Errors
    /// [`OfficeError`]; a blind review tells nobody what the model said by leaving images out.
    pub fn select(&mut self, name: &str, wanted: &Wanted) -> Result<Selection, OfficeError> {
        let by_model = wanted.predicted.is_some() || wanted.low.is_some() || wanted.high.is_some();
        if by_model && self.desk.question.blind {
            let message = "this review is blind: what the model said cannot be asked for";
            return Err(OfficeError::Bad(message.to_owned()));
        }
        self.refresh();
        let name = self.enter(name)?;
        let queue = &self.queues[&name];
        let fits = |(_, image): &(u32, &u32)| self.fits(queue, &name, **image, wanted);
        Ok(Selection { places: (0_u32..).zip(&queue.order).filter(fits).map(|(at, _)| at).collect() })
    }

    fn fits(&self, queue: &Queue, reviewer: &str, image: u32, wanted: &Wanted) -> bool {
        let (table, row) = (&self.book.asked.table, image as usize);
        let is = |asked: &Option<String>, column: &str| asked.as_ref().is_none_or(|asked| text_of(table, column, row) == asked);
        if !is(&wanted.site, "site") || !is(&wanted.predicted, "label") || !self.is_named(image, wanted.name.as_deref()) {
            return false;
        }
        if wanted.low.is_some() || wanted.high.is_some() {
            let Some(sure) = table.column("confidence").and_then(|column| column.float32(row)) else { return false };
            if wanted.low.is_some_and(|low| sure < low) || wanted.high.is_some_and(|high| sure > high) {
                return false;
            }
        }
        match wanted.state {
            Some(State::Open) if !queue.is_to_do(image) => return false,
            Some(State::Mine) if self.book.own(image, reviewer).is_empty() => return false,
            _ => {}
        }
        if !wanted.difficult && !wanted.commented && wanted.class.is_none() {
            return true;
        }
        let (_, standing) = self.book.verdict(image);
        let said = |label: &Label<'_>| {
            (!wanted.difficult || label.comment.contains(DIFFICULT))
                && (!wanted.commented || !label.comment.trim().is_empty())
                && wanted.class.as_ref().is_none_or(|class| label.class == *class)
        };
        // What others said is an arbiter's business alone.
        let may_see = |label: &Label<'_>| label.reviewer == reviewer || self.terms.role == crate::review::queue::Role::Adjudicate;
        standing.iter().any(|given| may_see(&given.label) && said(&given.label))
    }

    fn is_named(&self, image: u32, part: Option<&str>) -> bool {
        let Some(part) = part else { return true };
        let (table, row) = (&self.book.asked.table, image as usize);
        let part = part.to_lowercase();
        let name =
            if part.contains('/') { text_of(table, "path", row).to_owned() } else { file_of(&self.book.asked.key, table, row) };
        name.to_lowercase().contains(&part)
    }
}
