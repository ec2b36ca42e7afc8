//! Rows of a label file: any separator, order of columns and spreadsheet's quirk; faults by line, each alone.

use std::borrow::Cow;

use super::text::{Line, Lines, check_merged, is_quote_open};
use super::{COLUMNS, Fault, Label, LabelError, header};
use crate::observation::ids::normal;
use crate::table::TableError;
use crate::table::records::{Records, Separator, Value};

/// A cell of a spreadsheet may hold line breaks; more of them than this is a quote that somebody forgot.
const LONGEST_CELL_LINES: usize = 64;

/// What a label file holds.
#[derive(Debug, Default)]
pub struct LabelFile<'a> {
    /// The rows that could be read, answered or not, in their order.
    pub labels: Vec<Label<'a>>,
    /// The rows that could not.
    pub faults: Vec<Fault>,
    /// Lines of rows that are not any more what they were when their id was made of them; among the labels all the same.
    pub altered: Vec<u64>,
}

/// How the rows of a file are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub separator: Separator,
    /// Where each of [`COLUMNS`] stands.
    pub places: [Option<usize>; 13],
    /// Columns in all.
    pub width: usize,
    /// Lines end with CR and LF.
    pub crlf: bool,
    /// Lines before the first row.
    lines: u64,
}

impl Layout {
    /// That of a new file.
    pub fn own() -> Self {
        let mut places = [None; 13];
        places.iter_mut().enumerate().for_each(|(at, place)| *place = Some(at));
        Self { separator: Separator::Comma, places, width: places.len(), crlf: false, lines: 1 }
    }
}

/// Reads a decoded file ([`super::decode`]); `file` is named in errors, `stem` is the reviewer where rows name none.
///
/// # Errors
/// [`LabelError::Content`] for a file without a usable header, or in the middle of a merge.
pub fn read<'a>(file: &str, stem: &'a str, bytes: &'a [u8]) -> Result<LabelFile<'a>, LabelError> {
    check_merged(file, bytes)?;
    let mut found = LabelFile::default();
    // A file whose writer was killed before the header was whole holds nothing yet.
    if header().as_bytes().starts_with(bytes) {
        return Ok(found);
    }
    let layout = layout(file, bytes)?;
    let mut reader = Reader { bytes, layout, stem, altered: Vec::new() };
    let mut lines = Lines::new(bytes).skip(usize::try_from(reader.layout.lines).unwrap_or(0)).peekable();
    while let Some(line) = lines.next() {
        match reader.row(line) {
            Ok((label, more)) => {
                found.labels.extend(label);
                for _ in 0..more {
                    lines.next();
                }
            }
            Err(message) => found.faults.push(Fault { line: line.number, message }),
        }
    }
    found.altered = reader.altered;
    Ok(found)
}

/// Finds the columns by the first line; `sep=;`, which some spreadsheets write above it, is obeyed.
pub(super) fn layout(file: &str, bytes: &[u8]) -> Result<Layout, LabelError> {
    let fail = |line, message: &str| Err(LabelError::Content { file: file.to_owned(), line, message: message.to_owned() });
    let mut lines = Lines::new(bytes).skip_while(|line| line.bytes.iter().all(u8::is_ascii_whitespace)).peekable();
    let declared = lines.next_if(|line| line.bytes.len() == 5 && line.bytes[..4].eq_ignore_ascii_case(b"sep="));
    let Some(first) = lines.next() else {
        return fail(None, "has no first line with the names of its columns: `class`, and `observation` or `file`");
    };
    let Ok(text) = std::str::from_utf8(first.bytes) else {
        return fail(Some(first.number), "is not UTF-8: save it as `CSV UTF-8`");
    };
    let separator = match declared.and_then(|line| line.bytes.last().copied()) {
        Some(b';') => Separator::Semicolon,
        Some(b',') => Separator::Comma,
        Some(b'\t') => Separator::Tab,
        _ => Separator::sniff(text),
    };
    let mut fields = Vec::new();
    if let Err(error) = Records::new(text, separator, file).next(&mut fields) {
        return fail(Some(first.number), &words(&error));
    }
    let names: Vec<String> = fields.iter().map(|field| field.text.trim().to_lowercase()).collect();
    let mut places = [None; 13];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let mut of_name = names.iter().enumerate().filter(|(_, name)| *name == column).map(|(at, _)| at);
        *place = of_name.next();
        if of_name.next().is_some() {
            return fail(Some(first.number), &format!("names the column `{column}` twice"));
        }
    }
    let has = |column: &str| COLUMNS.iter().position(|name| *name == column).is_some_and(|at| places[at].is_some());
    if !has("class") || !has("observation") && !has("file") {
        let message = "must name the columns `class`, and `observation` or `file`, in its first line";
        return fail(Some(first.number), message);
    }
    let end = bytes.get(first.start + first.bytes.len()..).unwrap_or_default();
    Ok(Layout { separator, places, width: names.len(), crlf: end.starts_with(b"\r\n"), lines: first.number })
}

fn words(error: &TableError) -> String {
    match error {
        TableError::Text { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    layout: Layout,
    stem: &'a str,
    altered: Vec<u64>,
}

impl<'a> Reader<'a> {
    /// The row that begins in `line`, and how many lines after it belong to it; nothing for an empty one.
    fn row(&mut self, line: Line<'a>) -> Result<(Option<Label<'a>>, usize), String> {
        let alone = self.fields(line.bytes);
        let (fields, more) = match alone {
            Ok(fields) => (fields, 0),
            // An odd number of quotes: the rest of a cell may stand below, or the writer was killed here. It is the former only
            // if the lines together make exactly one row.
            Err(message) if is_quote_open(line.bytes) => self.joined(line).ok_or(message)?,
            Err(message) => return Err(message),
        };
        Ok((self.label(line.number, fields)?, more))
    }

    fn joined(&self, first: Line<'a>) -> Option<(Vec<Value<'a>>, usize)> {
        let rest = Lines::new(&self.bytes[first.start..]).take(LONGEST_CELL_LINES).enumerate().skip(1);
        for (more, line) in rest {
            if is_quote_open(line.bytes) {
                let end = first.start + line.start + line.bytes.len();
                return Some((self.fields(&self.bytes[first.start..end]).ok()?, more));
            }
        }
        None
    }

    /// The fields of one record, as many as the header has; none for an empty line.
    fn fields(&self, bytes: &'a [u8]) -> Result<Vec<Value<'a>>, String> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| "is not UTF-8, or was cut off: save the file as `CSV UTF-8`, or remove the line".to_owned())?;
        let plain = self.record(text, false);
        // R's `write.table` has a way of its own to write quotes; ours comes first.
        if plain.is_err() && text.contains("\\\"") { self.record(text, true).or(plain) } else { plain }
    }

    fn record(&self, text: &'a str, escapes: bool) -> Result<Vec<Value<'a>>, String> {
        let mut fields = Vec::with_capacity(self.layout.width);
        let mut records = Records::new(text, self.layout.separator, "");
        records.escapes = escapes;
        if records.next(&mut fields).map_err(|error| words(&error))?.is_none() {
            return Ok(fields);
        }
        // Spreadsheets fill rows up with separators.
        while fields.len() > self.layout.width && fields.last().is_some_and(|field| field.text.trim().is_empty()) {
            fields.pop();
        }
        let (found, width) = (fields.len(), self.layout.width);
        if fields.iter().all(|field| field.text.trim().is_empty()) {
            fields.clear();
        } else if found != width {
            return Err(format!(
                "{found} fields under a header of {width}: quote a field that holds the separator, or remove a row that was cut off"
            ));
        }
        let mut beyond = Vec::new();
        if records.next(&mut beyond).map_err(|error| words(&error))?.is_some() {
            return Err("a quote opens here and is never closed".to_owned());
        }
        Ok(fields)
    }

    fn label(&mut self, line: u64, mut fields: Vec<Value<'a>>) -> Result<Option<Label<'a>>, String> {
        if fields.is_empty() {
            return Ok(None);
        }
        let mut values = self.layout.places.iter().map(|place| match place.and_then(|at| fields.get_mut(at)) {
            Some(value) => trimmed(std::mem::take(&mut value.text)),
            None => Cow::Borrowed(""),
        });
        let mut next = || values.next().unwrap_or_default();
        let (id, observation) = (next(), next());
        let mut label = Label {
            line,
            id,
            observation: None,
            class: next(),
            reviewer: next(),
            time: next(),
            question: next(),
            shown: next(),
            supersedes: next(),
            pixels: next(),
            site: next(),
            season: next(),
            file: next(),
            comment: next(),
        };
        if !observation.is_empty() {
            label.observation =
                Some(observation.parse().map_err(|error| format!("{error}; or leave it empty and name the `file`"))?);
        }
        if label.shown.bytes().any(|byte| byte.is_ascii_uppercase()) {
            label.shown = Cow::Owned(label.shown.to_ascii_lowercase());
        }
        if label.reviewer.is_empty() {
            label.reviewer = Cow::Borrowed(self.stem);
        }
        if label.id.is_empty() {
            label.id = Cow::Owned(label.identity());
        }
        if is_own_id(&label.id) && label.identity() != label.id {
            self.altered.push(line);
        }
        // As the images have them, whichever system wrote their folders. The identity above is that of the row as written.
        for id in [&mut label.site, &mut label.season] {
            if let Cow::Owned(normal) = normal(id) {
                *id = Cow::Owned(normal);
            }
        }
        if label.observation.is_none() && label.file.is_empty() {
            return Err("names no image: give `observation`, or `file` with `site` and `season`".to_owned());
        }
        Ok(Some(label))
    }
}

/// Says whether a row's id is one that the programme made of the row ([`Label::identity`]).
fn is_own_id(id: &str) -> bool {
    id.strip_prefix("lb:").is_some_and(|hex| hex.len() == 20 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}
