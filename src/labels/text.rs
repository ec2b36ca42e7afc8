//! Bytes of a label file as lines: encodings of spreadsheets, line ends of three systems, marks of an unfinished merge.

use std::borrow::Cow;

use super::LabelError;

/// The bytes as UTF-8 as far as they are text: without byte order mark, from UTF-16 where a mark says so.
///
/// A line may still hold stray bytes (a row cut in the middle of a letter): it is refused alone, when it is read.
///
/// # Errors
/// [`LabelError::Content`] for UTF-16 without a mark.
pub fn decode<'a>(file: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, LabelError> {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => Ok(Cow::Borrowed(rest)),
        [0xFF, 0xFE, rest @ ..] => Ok(Cow::Owned(from_utf16(rest, u16::from_le_bytes))),
        [0xFE, 0xFF, rest @ ..] => Ok(Cow::Owned(from_utf16(rest, u16::from_be_bytes))),
        _ if bytes.iter().take(64).any(|byte| *byte == 0) => Err(LabelError::Content {
            file: file.to_owned(),
            line: None,
            message: "is no text that can be read (UTF-16 without its mark, or no text at all): save it as `CSV UTF-8`"
                .to_owned(),
        }),
        _ => Ok(Cow::Borrowed(bytes)),
    }
}

/// A text as a row of a label file keeps it: on one line, without anything at its ends that is not seen. Names of folders may have
/// more, so that both sides are brought into this form wherever a row is compared with an image.
#[must_use]
pub fn kept(text: &str) -> Cow<'_, str> {
    let control = |letter: char| letter.is_ascii_control();
    if text.contains(control) { Cow::Owned(text.replace(control, " ").trim().to_owned()) } else { Cow::Borrowed(text.trim()) }
}

/// Says whether the bytes begin as UTF-16 does: rows in UTF-8 must not follow.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..])
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into_bytes()
}

/// Says whether a quote in `bytes` is still open at their end. A quote written twice closes and opens again.
#[must_use]
pub fn is_quote_open(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |open, byte| open ^ (*byte == b'"'))
}

/// The lines of `bytes` with their numbers from 1 and where they start; LF, CRLF and CR end one.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: u64,
}

/// One line without its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub number: u64,
    pub start: usize,
    pub bytes: &'a [u8],
}

impl<'a> Lines<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let end = match &rest[length..] {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        let line = Line { number: self.number + 1, start: self.at, bytes: &rest[..length] };
        self.at += length + end;
        self.number += 1;
        Some(line)
    }
}

/// Fails at the first mark of an unfinished merge: which of the two sides holds cannot be known.
pub(super) fn check_merged(file: &str, bytes: &[u8]) -> Result<(), LabelError> {
    let mark = |line: &Line<'_>| [b"<<<<<<<", b">>>>>>>", b"|||||||"].iter().any(|mark| line.bytes.starts_with(*mark));
    match Lines::new(bytes).find(mark) {
        None => Ok(()),
        Some(line) => Err(LabelError::Content {
            file: file.to_owned(),
            line: Some(line.number),
            message: "holds the mark of a merge that is not finished: keep the rows of both sides and remove the lines \
                      `<<<<<<<`, `=======` and `>>>>>>>`; `labels/**/*.csv merge=union` in `.gitattributes` does it from now on"
                .to_owned(),
        }),
    }
}
