//! The text files of a project: read once, registered for spans, listed for those who ask what a pipeline depends on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, FileId, Report, Sources, Span, codes};
use crate::merging;
use crate::yaml::{self, Allow, Document};

/// What was read so far.
#[derive(Debug, Default)]
pub struct Files {
    /// Texts for spans.
    pub sources: Sources,
    /// Every file asked for, found or not, in the order of asking.
    pub read: Vec<PathBuf>,
    /// `allow` comments of all YAML files.
    pub allows: Vec<Allow>,
}

/// The most bytes read of a table that is only looked at.
const TABLE_LIMIT: u64 = 16 << 20;

impl Files {
    /// Reads the YAML file at `path`. `asked` is the place that names it and the code for a file that cannot be read.
    pub fn yaml(&mut self, path: &Path, asked: Option<(Span, Code)>, report: &mut Report) -> Option<(FileId, Document)> {
        let limit = yaml::MAX_BYTES as u64;
        let (file, text) = self.text(path, limit, asked, report)?;
        let document = yaml::read(file, &text, report)?;
        self.allows.extend(document.allows.iter().cloned());
        Some((file, document))
    }

    /// Reads the table at `path`.
    pub fn table(&mut self, path: &Path, asked: (Span, Code), report: &mut Report) -> Option<(FileId, Arc<str>)> {
        self.text(path, TABLE_LIMIT, Some(asked), report)
    }

    fn text(&mut self, path: &Path, limit: u64, asked: Option<(Span, Code)>, report: &mut Report) -> Option<(FileId, Arc<str>)> {
        self.read.push(path.to_owned());
        let bytes = match read_bytes(path, limit) {
            Ok(bytes) => bytes,
            Err(why) => {
                let (span, code) = match asked {
                    Some(asked) => asked,
                    None => (Span::start_of(self.sources.add(path, "")), codes::UNREADABLE_FILE),
                };
                let shown = shown(path);
                let (code, message, help) = match why {
                    Unreadable::TooLarge(bytes) if code.id.starts_with("TL01") || limit == yaml::MAX_BYTES as u64 => (
                        codes::FILE_TOO_LARGE,
                        format!("`{shown}` has {bytes} bytes"),
                        "the limit is 1 MiB; put data into CSV files and shared parts into fragments",
                    ),
                    Unreadable::TooLarge(bytes) => (code, format!("`{shown}` has {bytes} bytes"), "the limit is 16 MiB"),
                    Unreadable::NoFile => (code, format!("`{shown}` is not a file"), "name a text file"),
                    Unreadable::Missing => (code, format!("`{shown}` does not exist"), "check the name and the folder"),
                    Unreadable::Io(error) => (code, format!("`{shown}` cannot be read: {error}"), "check that you may read it"),
                };
                report.push(Diagnostic::new(code, span, message).help(help));
                return None;
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) => {
                let text: Arc<str> = text.into();
                let file = self.sources.add(path, Arc::clone(&text));
                if let Some(line) = merging::first_mark(&text) {
                    let span = super::cell_span(file, &text, Some(line), None);
                    report.push(Diagnostic::new(codes::UNFINISHED_MERGE, span, merging::WHAT).help(merging::WAY_OUT));
                    return None;
                }
                Some((file, text))
            }
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let file = self.sources.add(path, text);
                // Up to here the lossy text has the same bytes; the replacement character has three.
                let start = u32::try_from(valid).unwrap_or(0);
                let span = Span { file, start, end: start + 3 };
                report.push(Diagnostic::new(codes::NOT_UTF8, span, "this is not UTF-8 text").help("save the file as UTF-8"));
                None
            }
        }
    }
}

enum Unreadable {
    Missing,
    NoFile,
    TooLarge(u64),
    Io(std::io::Error),
}

/// Reads a regular file of at most `limit` bytes; a pipe or device would hang, so it is refused.
fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Unreadable> {
    use std::io::Read as _;
    let about = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Unreadable::Missing,
        _ => Unreadable::Io(error),
    })?;
    if !about.is_file() {
        return Err(Unreadable::NoFile);
    }
    if about.len() > limit {
        return Err(Unreadable::TooLarge(about.len()));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(Unreadable::Io)?;
    // It may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Unreadable::Io)?;
    if bytes.len() as u64 > limit { Err(Unreadable::TooLarge(bytes.len() as u64)) } else { Ok(bytes) }
}

/// A path as shown in messages: the same on every system.
#[must_use]
pub fn shown(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}
