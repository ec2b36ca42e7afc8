//! Diagnostics: mistakes in a user's files as data, collected so that all appear at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

pub mod codes;
mod nearest;
mod plain;

pub use nearest::{any_of, did_you_mean, nearest};
pub use plain::plain;

/// Names one source text of a [`Sources`] collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A place in a source text, as half-open byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Which text.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The start of a file, for findings about a file as a whole.
    #[must_use]
    pub const fn start_of(file: FileId) -> Self {
        Self { file, start: 0, end: 0 }
    }
}

/// A value with the place where the user wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The pipeline cannot run.
    Error,
    /// It can, but probably not as meant.
    Warning,
}

/// A stable diagnostic code such as `TL0412`, with the title that its documentation carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    /// `TL` and four digits.
    pub id: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Error or warning.
    pub severity: Severity,
}

/// One finding about a user's file.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// Stable code.
    pub code: Code,
    /// What is wrong here, with the names involved.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// Where.
    pub span: Span,
    /// Other places that belong to the finding, each with a few words.
    pub related: Vec<(Span, String)>,
}

impl Diagnostic {
    /// Starts a finding of `code` at `span`.
    #[must_use]
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None, span, related: Vec::new() }
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at another place that belongs to the finding.
    #[must_use]
    pub fn related(mut self, span: Span, words: impl Into<String>) -> Self {
        self.related.push((span, words.into()));
        self
    }
}

/// Collects findings. A checking function takes `&mut Report` and returns an `Option`: `?` skips the damaged branch only.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order found; [`Report::sorted`] gives source order.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Says whether any finding is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.code.severity == Severity::Error)
    }

    /// The findings in source order: file, place, code, message.
    #[must_use]
    pub fn sorted(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by(|a, b| (a.span, a.code.id, &a.message).cmp(&(b.span, b.code.id, &b.message)));
        self.diagnostics.dedup();
        self.diagnostics
    }
}

/// One text that spans point into.
#[derive(Debug, Clone)]
pub struct Source {
    /// As shown to the user.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
}

/// The texts that spans point into, in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Registers a text and names it.
    pub fn add(&mut self, path: &Path, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Source { path: path.to_owned(), text: text.into() });
        id
    }

    /// Shows the texts under other paths.
    pub fn relocate(&mut self, path: impl Fn(&Path) -> PathBuf) {
        for source in &mut self.files {
            source.path = path(&source.path);
        }
    }

    /// The text that `id` names, if it is one of these.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// Line and column of a byte offset, both 1-based, columns in characters.
    #[must_use]
    pub fn line_column(&self, file: FileId, offset: u32) -> (usize, usize) {
        let Some(source) = self.get(file) else { return (1, 1) };
        let mut end = (offset as usize).min(source.text.len());
        while !source.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &source.text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}
