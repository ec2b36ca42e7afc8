//! A small artificial monitoring programme: cameras in boxes, eight classes, seasons of images with real metadata.
//!
//! ```text
//! season (what each camera saw) -> draw (picture) + camera (EXIF, maker note) -> project (files in a folder)
//! ```
//!
//! Everything follows from a seed by our own arithmetic, so that a season has the same bytes on every machine and for any number of
//! threads. No photograph of anybody is used: the images, and the model that classifies them, are made by this project alone.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "drawing turns small coordinates and shares into pixels and back, each clamped where it matters"
)]
#![allow(clippy::many_single_char_names, clippy::similar_names, reason = "x, y, h, w are the names of coordinates and sizes")]

mod animal;
mod bird;
mod body;
mod camera;
mod canvas;
mod chance;
mod draw;
mod project;
mod scene;
mod season;

pub use project::{SeasonSummary, seasons, write_season, write_training_images};

use std::path::PathBuf;

/// What an image shows; the order is that of the reference programme's class codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Nothing can be recognised: snow on the lens, condensation, wrong exposure.
    BadQuality,
    /// The box without an animal.
    Empty,
    /// A bird.
    Bird,
    /// A vole.
    Vole,
    /// A least weasel.
    LeastWeasel,
    /// A lemming.
    Lemming,
    /// A shrew.
    Shrew,
    /// A stoat.
    Stoat,
}

impl Class {
    /// All classes, in the order of their codes.
    pub const ALL: [Self; 8] =
        [Self::BadQuality, Self::Empty, Self::Bird, Self::Vole, Self::LeastWeasel, Self::Lemming, Self::Shrew, Self::Stoat];

    /// Returns the name used in pipelines, models and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadQuality => "bad_quality",
            Self::Empty => "empty",
            Self::Bird => "bird",
            Self::Vole => "vole",
            Self::LeastWeasel => "least_weasel",
            Self::Lemming => "lemming",
            Self::Shrew => "shrew",
            Self::Stoat => "stoat",
        }
    }

    /// Tells whether an animal is seen.
    #[must_use]
    pub const fn is_animal(self) -> bool {
        !matches!(self, Self::BadQuality | Self::Empty)
    }
}

/// Why a demo project could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder holds something else.
    #[error("`{path}` is not empty and holds no demo project; choose a new folder: nothing in it was changed")]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// The season was written before.
    #[error("season {season} is already in `{path}`; nothing was changed")]
    SeasonExists {
        /// The season.
        season: u16,
        /// The demo project.
        path: PathBuf,
    },
    /// A season number that has no calendar.
    #[error("season {season} is outside 1991 to 2099")]
    Season {
        /// The season.
        season: u16,
    },
    /// A table of the project has other columns now.
    #[error("`{path}` does not begin with the columns that the demo writes; nothing was added to it")]
    Columns {
        /// The table.
        path: PathBuf,
    },
    /// A file stands where the demo would write another.
    #[error("`{path}` is there already and is not what the demo would write; it was left as it is")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The JPEG encoder failed.
    #[error("cannot encode an image")]
    Encode(#[source] image::ImageError),
}
