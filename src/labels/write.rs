//! Adds rows to a reviewer's file: under a lock, whole rows only, on the disk before anybody is told so.

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::read::{Layout, layout};
use super::text::{check_merged, decode, is_quote_open, is_utf16};
use super::{Label, LabelError, header};
use crate::table::records::Separator;

/// Appends answers of one reviewer. Several may write to one folder, and to one file.
///
/// A file that a spreadsheet saved goes on in its own separator and order of columns. One that cannot take a whole row (UTF-16, too
/// few columns, an unfinished merge) is left alone, and `NAME-2.csv` beside it begins.
#[derive(Debug)]
pub struct Appender {
    folder: PathBuf,
    stem: String,
    number: u32,
    open: Option<Open>,
    last: Option<Wrote>,
}

/// What tells one state of a file from the next: length, time, and on Unix which file stands under the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    file: [i64; 4],
}

impl Stamp {
    /// The state of the file that `metadata` describes.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok(), file: file_of(metadata) }
    }

    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Says whether the file holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// A file before and after rows were added, both seen under its lock.
#[derive(Debug, Clone)]
pub struct Wrote {
    /// Which.
    pub path: PathBuf,
    /// Just before.
    pub before: Stamp,
    /// Just after.
    pub after: Stamp,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    layout: Layout,
    /// Length when the layout was read and behind what was written since.
    length: u64,
}

/// How often a file is opened again because another took its place.
const ATTEMPTS: u32 = 100;
/// More files than this of one reviewer that all cannot take rows: something else is wrong.
const FILES: u32 = 99;

/// The name of a reviewer's file without its ending: what every system takes as a name.
#[must_use]
pub fn file_stem(reviewer: &str) -> String {
    let refused = |c: char| c.is_control() || c.is_whitespace() || "/\\:*?\"<>|,;".contains(c);
    let mut stem: String = reviewer.trim().chars().map(|c| if refused(c) { '_' } else { c }).take(60).collect();
    stem.truncate(stem.trim_end_matches('.').len());
    if stem.starts_with('.') || stem.is_empty() || crate::path::is_device(&stem) {
        stem.insert(0, '_');
    }
    stem
}

impl Appender {
    /// Prepares to add answers of `reviewer` to a file in `folder`; nothing is made yet.
    #[must_use]
    pub fn new(folder: &Path, reviewer: &str) -> Self {
        Self { folder: folder.to_owned(), stem: file_stem(reviewer), number: 1, open: None, last: None }
    }

    /// The file that the next rows go to, as far as known.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let name = if self.number == 1 { format!("{}.csv", self.stem) } else { format!("{}-{}.csv", self.stem, self.number) };
        self.folder.join(name)
    }

    /// What the last rows changed: who knows the state before them knows that nobody else wrote in between.
    #[must_use]
    pub fn last(&self) -> Option<&Wrote> {
        self.last.as_ref()
    }

    /// Adds rows and returns once they are on the disk. Rows without an id get theirs.
    ///
    /// # Errors
    /// [`LabelError`]; what was acknowledged before stands.
    pub fn append(&mut self, rows: &mut [Label<'_>]) -> Result<(), LabelError> {
        self.append_to(rows, |_, _| true).map(|_| ())
    }

    /// As [`Appender::append`], if `is_known` agrees to the file and its length, which it sees under the lock: who decided what to
    /// write by an older state must look again. Says whether the rows were added.
    ///
    /// # Errors
    /// [`LabelError`]; what was acknowledged before stands.
    pub fn append_to(&mut self, rows: &mut [Label<'_>], is_known: impl Fn(&Path, u64) -> bool) -> Result<bool, LabelError> {
        for row in rows.iter_mut().filter(|row| row.id.is_empty()) {
            row.id = row.identity().into();
        }
        for _ in 0..ATTEMPTS {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => self.open()?,
            };
            open.lock()?;
            // Between opening and locking a spreadsheet or git may have put another file in its place.
            if !open.is_in_place() {
                continue;
            }
            let before = open.stamp()?;
            match open.prepare() {
                Ok(_) if !is_known(&open.path, before.length) => {
                    let _ = open.file.unlock();
                    return Ok(false);
                }
                Ok(missing) => {
                    let written = open.write(missing, rows).and_then(|()| open.stamp());
                    let _ = open.file.unlock();
                    let after = written?;
                    self.last = Some(Wrote { path: open.path.clone(), before, after });
                    self.open = Some(open);
                    return Ok(true);
                }
                Err(LabelError::Content { .. }) if self.number < FILES => self.number += 1,
                Err(error) => return Err(error),
            }
        }
        Err(LabelError::Content {
            file: self.path().display().to_string(),
            line: None,
            message: "is replaced again and again by another program: close it there".to_owned(),
        })
    }

    fn open(&self) -> Result<Open, LabelError> {
        let path = self.path();
        let io = |action: &'static str| error(action, &path);
        crate::file::make_folder(&self.folder).map_err(io("write"))?;
        let new = !path.exists();
        let file = File::options().read(true).append(true).create(true).open(&path).map_err(io("write"))?;
        if new {
            crate::file::sync_folder(&self.folder).map_err(io("write"))?;
        }
        Ok(Open { file, path, layout: Layout::own(), length: u64::MAX })
    }
}

impl Open {
    fn lock(&self) -> Result<(), LabelError> {
        match self.file.lock() {
            // A share that knows no locks: whole rows in one write are what is left.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
            result => result.map_err(error("lock", &self.path)),
        }
    }

    fn stamp(&self) -> Result<Stamp, LabelError> {
        self.file.metadata().map(|metadata| Stamp::of(&metadata)).map_err(error("read", &self.path))
    }

    fn is_in_place(&self) -> bool {
        match (self.file.metadata(), std::fs::metadata(&self.path)) {
            (Ok(ours), Ok(there)) => is_same(&ours, &there),
            _ => false,
        }
    }

    /// What must be written before the next row: nothing, the header, or the end of a row that was cut off.
    fn prepare(&mut self) -> Result<Vec<u8>, LabelError> {
        let length = self.file.metadata().map_err(error("read", &self.path))?.len();
        if length == self.length {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        // Through the handle that holds the lock: Windows lets no other read. Writing goes to the end all the same.
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_end(&mut bytes));
        read.map_err(error("read", &self.path))?;
        let name = self.path.display().to_string();
        let unfit = |message: &str| {
            Err(LabelError::Content { file: name.clone(), line: None, message: format!("{message}, so no row can be added") })
        };
        if is_utf16(&bytes) {
            return unfit("is UTF-16");
        }
        let text = decode(&name, &bytes)?;
        self.length = bytes.len() as u64;
        let own = header();
        if let Some(rest) = own.as_bytes().strip_prefix(text.as_ref()) {
            self.layout = Layout::own();
            return Ok(rest.to_vec());
        }
        check_merged(&name, &text)?;
        self.layout = layout(&name, &text)?;
        if self.layout.places.contains(&None) || self.layout.separator == Separator::Space {
            return unfit("lacks columns of a label file");
        }
        Ok(ending(&text, self.layout.crlf))
    }

    fn write(&mut self, mut bytes: Vec<u8>, rows: &[Label<'_>]) -> Result<(), LabelError> {
        for row in rows {
            self.layout.push(row, &mut bytes);
        }
        self.file.write_all(&bytes).and_then(|()| self.file.sync_data()).map_err(error("write", &self.path))?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

/// Ends a row that was cut off, and the quote in it, so that it never runs into the next.
fn ending(text: &[u8], crlf: bool) -> Vec<u8> {
    let last = text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if last.is_empty() {
        return Vec::new();
    }
    let mut end = if is_quote_open(last) { vec![b'"'] } else { Vec::new() };
    end.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
    end
}

impl Layout {
    /// Writes a row with its line end.
    fn push(&self, label: &Label<'_>, bytes: &mut Vec<u8>) {
        let values = label.values();
        let separator = match self.separator {
            Separator::Semicolon => b';',
            Separator::Tab => b'\t',
            Separator::Comma | Separator::Space => b',',
        };
        for column in 0..self.width {
            if column > 0 {
                bytes.push(separator);
            }
            if let Some(at) = self.places.iter().position(|place| *place == Some(column)) {
                push_field(&values[at], separator, bytes);
            }
        }
        bytes.extend_from_slice(if self.crlf { b"\r\n" } else { b"\n" });
    }
}

/// A row is one line: line breaks in a comment become spaces.
fn push_field(text: &str, separator: u8, bytes: &mut Vec<u8>) {
    let quoted = text.bytes().any(|byte| byte == separator || byte == b'"');
    if quoted {
        bytes.push(b'"');
    }
    for byte in text.bytes() {
        match byte {
            b'"' => bytes.extend_from_slice(b"\"\""),
            0..b' ' | 0x7f => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    if quoted {
        bytes.push(b'"');
    }
}

fn error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LabelError {
    let path = path.to_owned();
    move |source| LabelError::File { action, path, source }
}

#[cfg(unix)]
fn file_of(metadata: &Metadata) -> [i64; 4] {
    use std::os::unix::fs::MetadataExt as _;
    [metadata.dev().cast_signed(), metadata.ino().cast_signed(), metadata.ctime(), metadata.ctime_nsec()]
}

#[cfg(not(unix))]
fn file_of(_: &Metadata) -> [i64; 4] {
    [0; 4]
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Windows does not let a file be replaced while it is open for writing.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}
