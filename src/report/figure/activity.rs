//! Activity of cameras by site and day: when they took images, when not, and what was wrong.

use jiff::civil::Date;

use super::draw::empty;
use super::{Heading, Sheet};
use crate::report::{TemplateError, Templates};

/// A row for each site, a column for each day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Activity {
    /// What the figure is called.
    pub heading: Heading,
    /// The sites, from top to bottom.
    pub sites: Vec<Site>,
    /// The most sites that are drawn; how many are left out is said in the figure. The table has all.
    pub most: usize,
}

/// A site with what its camera did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Spans of days; a day in none of them was not asked for.
    pub runs: Vec<Run>,
    /// Where its numbers come from: `site=...`.
    pub place: Option<String>,
}

/// Days on which a camera was in the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// The state.
    pub state: State,
}

/// What a camera did on a day. The order is that in which one of several states of a column is shown: the last wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It was there, and took no images.
    NoImages,
    /// It took images: so many in the whole run.
    Active {
        /// Images of the run.
        images: u64,
    },
    /// There is nothing of these days between others.
    Gap,
    /// All images that tell whether the camera saw anything are bad.
    BadQuality,
    /// Its clock contradicts itself or others.
    ClockConflict,
}

impl State {
    /// Its name, as tables have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoImages => "no images",
            Self::Active { .. } => "active",
            Self::Gap => "gap",
            Self::BadQuality => "bad quality",
            Self::ClockConflict => "clock conflict",
        }
    }
}

impl Activity {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        empty(&self.heading, templates)
    }

    /// The table behind the figure: a row for each run of each site.
    #[must_use]
    pub fn rows(&self) -> Sheet {
        let mut sheet = Sheet::new(&["site", "from", "to", "state", "images"]);
        for site in &self.sites {
            for run in &site.runs {
                let images = match run.state {
                    State::Active { images } => images.to_string(),
                    _ => String::new(),
                };
                let (from, to) = (run.from.to_string(), run.to.to_string());
                sheet.rows.push(vec![site.name.clone(), from, to, run.state.name().to_owned(), images]);
            }
        }
        sheet
    }
}
