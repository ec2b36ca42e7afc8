//! Label files: what people saw in images, as they wrote it. Append-only CSV in the user's project, one file per reviewer.
//!
//! ```text
//! bytes -> decode -> read (rows, faults by line) -> standing (current answers) -> step `review`
//! row -> Appender (lock, whole rows, fsync) -> bytes
//! ```
//!
//! Labels outlive programs, spreadsheets and merges, so reading forgives whatever does not change a meaning, and a row that cannot
//! be read is named by file and line while all others are used. Nothing here removes or rewrites a row.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::id::ContentId;

mod fates;
mod read;
mod row;
mod standing;
mod text;
mod write;

pub use read::{LabelFile, read};
pub use row::{Standing, moment};
pub use standing::{Answers, Standings, Verdict, standings};
pub use text::{decode, is_quote_open, kept};
pub use write::{Appender, Stamp, Wrote, file_stem};

/// The columns of a label file, in the order in which a new one is written.
pub const COLUMNS: [&str; 13] = [
    "label",
    "observation",
    "class",
    "reviewer",
    "time",
    "question",
    "shown",
    "supersedes",
    "pixels",
    "site",
    "season",
    "file",
    "comment",
];

/// What the reviewer saw beside the image, as written in the column `shown`.
pub mod shown {
    /// Nothing that a model said.
    pub const BLIND: &str = "blind";
    /// The model's answer.
    pub const MODEL: &str = "model";
}

/// One row of a label file: one answer of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label<'a> {
    /// Where it stands; the first place if the same row stands in several.
    pub line: u64,
    /// Its identity: as written, else made of the row.
    pub id: Cow<'a, str>,
    /// The content of the image, where the row says it.
    pub observation: Option<ContentId>,
    /// What the person saw; empty while unanswered, and where the row takes an answer back ([`Label::is_withdrawal`]).
    pub class: Cow<'a, str>,
    /// Who; the file's name where the row does not say it.
    pub reviewer: Cow<'a, str>,
    /// When, as written.
    pub time: Cow<'a, str>,
    /// What was asked; empty means whatever the step asks.
    pub question: Cow<'a, str>,
    /// [`shown`], or empty where nobody knows.
    pub shown: Cow<'a, str>,
    /// Ids of the labels that this one replaces, between spaces.
    pub supersedes: Cow<'a, str>,
    /// Hash of the image's pixels: finds the image again after its bytes changed.
    pub pixels: Cow<'a, str>,
    /// The site.
    pub site: Cow<'a, str>,
    /// The season.
    pub season: Cow<'a, str>,
    /// The image's name.
    pub file: Cow<'a, str>,
    /// Whatever the person wished to add.
    pub comment: Cow<'a, str>,
}

impl Label<'_> {
    /// The row with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Label<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Label {
            line: self.line,
            id: own(self.id),
            observation: self.observation,
            class: own(self.class),
            reviewer: own(self.reviewer),
            time: own(self.time),
            question: own(self.question),
            shown: own(self.shown),
            supersedes: own(self.supersedes),
            pixels: own(self.pixels),
            site: own(self.site),
            season: own(self.season),
            file: own(self.file),
            comment: own(self.comment),
        }
    }

    /// The identity that a row has by its content. It begins with a letter, so that no spreadsheet takes it for a number.
    #[must_use]
    pub fn identity(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"trapline label 1\n");
        // All but the id itself, as the file keeps it: a row that is read again is the same.
        for text in &self.values()[1..] {
            let text = kept(text);
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        format!("lb:{}", &hasher.finalize().to_hex()[..20])
    }

    /// The values in the order of [`COLUMNS`], as they are written.
    fn values(&self) -> [Cow<'_, str>; 13] {
        let observation = self.observation.map(|id| Cow::Owned(id.to_string())).unwrap_or_default();
        let [id, class, reviewer, time, question, shown, supersedes, pixels, site, season, file, comment] = [
            &self.id,
            &self.class,
            &self.reviewer,
            &self.time,
            &self.question,
            &self.shown,
            &self.supersedes,
            &self.pixels,
            &self.site,
            &self.season,
            &self.file,
            &self.comment,
        ]
        .map(|text| Cow::Borrowed(text.as_ref()));
        [id, observation, class, reviewer, time, question, shown, supersedes, pixels, site, season, file, comment]
    }

    /// Says whether the row takes back what it supersedes: it has no class, and says when. Without a time it is a row of a sheet that
    /// nobody has filled in yet: such sheets name what an answer would supersede.
    #[must_use]
    pub fn is_withdrawal(&self) -> bool {
        self.class.is_empty() && !self.time.is_empty() && self.superseded().next().is_some()
    }

    /// The ids in `supersedes`.
    pub fn superseded(&self) -> impl Iterator<Item = &str> {
        self.supersedes.split([' ', '\t', ',', ';', '\u{a0}']).filter(|id| !id.is_empty())
    }
}

/// A row, or something about a row, that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line in its file, from 1.
    pub line: u64,
    /// What is wrong and the way out.
    pub message: String,
}

/// A label file that cannot be used at all, or cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// Its content.
    #[error("`{file}`{}: {message}", at(*.line))]
    Content {
        /// The file, as named to people.
        file: String,
        /// Where, if it is one place.
        line: Option<u64>,
        /// What is wrong and the way out.
        message: String,
    },
    /// The disk.
    #[error("cannot {action} `{}`", .path.display())]
    File {
        /// `read`, `write`, `lock`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

fn at(line: Option<u64>) -> String {
    line.map(|line| format!(" line {line}")).unwrap_or_default()
}

/// The first line of a new file, with its line break.
fn header() -> String {
    COLUMNS.join(",") + "\n"
}
