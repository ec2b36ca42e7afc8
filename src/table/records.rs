//! Splits separated text into records and fields, tolerant of what spreadsheets, R and cameras' tools write.

use std::borrow::Cow;

use super::TableError;

/// What stands between two fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// `,`
    Comma,
    /// `;`, where the comma is the decimal mark.
    Semicolon,
    /// A tab.
    Tab,
    /// One or more spaces, as R's `write.table` does.
    Space,
}

impl Separator {
    /// The byte that stands between two fields.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Space => b' ',
        }
    }

    /// Chooses by the header line: the most frequent of tab, semicolon and comma outside quotes, else the space.
    #[must_use]
    pub fn sniff(header: &str) -> Self {
        let mut counts = [0_usize; 4];
        let mut quoted = false;
        for byte in header.bytes() {
            match byte {
                b'\n' if !quoted => break,
                b'"' => quoted = !quoted,
                b'\t' if !quoted => counts[0] += 1,
                b';' if !quoted => counts[1] += 1,
                b',' if !quoted => counts[2] += 1,
                b' ' if !quoted => counts[3] += 1,
                _ => {}
            }
        }
        let [tabs, semicolons, commas, spaces] = counts;
        if tabs > 0 && tabs >= semicolons && tabs >= commas {
            Self::Tab
        } else if semicolons > commas {
            Self::Semicolon
        } else if commas > 0 || spaces == 0 {
            Self::Comma
        } else {
            Self::Space
        }
    }
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<'a> {
    /// Without its quotes.
    pub text: Cow<'a, str>,
    /// It stood in quotes: an empty text, or the letters `NA`, are meant.
    pub quoted: bool,
}

/// The records of a text, one after another, without copying what needs no unquoting.
#[derive(Debug)]
pub struct Records<'a> {
    text: &'a str,
    at: usize,
    line: u64,
    separator: Separator,
    file: &'a str,
    /// Keep empty lines as records of one empty field.
    pub keep_blank: bool,
    /// Pass over records of several fields that are all empty.
    pub skip_empty: bool,
    /// Take `\"` inside a quoted field for a quote, as R's `write.table` writes it; so it is between tabs and spaces.
    pub escapes: bool,
}

impl<'a> Records<'a> {
    /// Starts at the first record of `text`; `file` is named in errors.
    #[must_use]
    pub fn new(text: &'a str, separator: Separator, file: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            separator,
            file,
            keep_blank: false,
            skip_empty: false,
            escapes: matches!(separator, Separator::Space | Separator::Tab),
        }
    }

    /// Counts lines from `line`: what stands above was passed over.
    #[must_use]
    pub fn from_line(mut self, line: u64) -> Self {
        self.line = line;
        self
    }

    /// Reads the next record into `fields`; gives its line, or `None` at the end. Empty lines are passed over.
    ///
    /// # Errors
    /// [`TableError::Text`] for a quote that is never closed or goes on behind its end.
    pub fn next(&mut self, fields: &mut Vec<Value<'a>>) -> Result<Option<u64>, TableError> {
        loop {
            let line = self.record(fields)?;
            let is_empty = |field: &Value<'_>| !field.quoted && field.text.trim().is_empty();
            if line.is_none() || !self.skip_empty || fields.len() < 2 || !fields.iter().all(is_empty) {
                return Ok(line);
            }
        }
    }

    fn record(&mut self, fields: &mut Vec<Value<'a>>) -> Result<Option<u64>, TableError> {
        fields.clear();
        while !self.keep_blank && self.line_break() {}
        if self.at >= self.text.len() {
            return Ok(None);
        }
        let line = self.line;
        loop {
            self.skip_spaces();
            if self.separator == Separator::Space && !fields.is_empty() && self.at_end_of_line() {
                break; // spaces at the end of a line part nothing
            }
            fields.push(self.field()?);
            if self.peek() == Some(self.separator.byte()) {
                self.at += 1;
            } else {
                break;
            }
        }
        if self.line_break() || self.at >= self.text.len() {
            Ok(Some(line))
        } else {
            Err(self.error(self.line, "text behind a closing quote; write a quote inside a field twice"))
        }
    }

    /// The file that is named in errors.
    #[must_use]
    pub fn file(&self) -> &'a str {
        self.file
    }

    fn error(&self, line: u64, message: &str) -> TableError {
        TableError::Text { file: self.file.to_owned(), line: Some(line), column: None, message: message.to_owned() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn at_end_of_line(&self) -> bool {
        matches!(self.peek(), None | Some(b'\n' | b'\r'))
    }

    fn skip_spaces(&mut self) {
        while self.separator == Separator::Space && self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// Passes one line break: LF, CRLF, or CR alone.
    fn line_break(&mut self) -> bool {
        let passed = match &self.text.as_bytes()[self.at.min(self.text.len())..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n' | b'\r', ..] => 1,
            _ => return false,
        };
        self.at += passed;
        self.line += 1;
        true
    }

    fn field(&mut self) -> Result<Value<'a>, TableError> {
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        let (start, separator) = (self.at, self.separator.byte());
        let rest = &self.text.as_bytes()[start..];
        let length = rest.iter().position(|byte| *byte == separator || matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        self.at += length;
        Ok(Value { text: Cow::Borrowed(&self.text[start..self.at]), quoted: false })
    }

    fn quoted(&mut self) -> Result<Value<'a>, TableError> {
        let opened = self.line;
        self.at += 1;
        let mut start = self.at;
        let mut unquoted: Option<String> = None;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                None => return Err(self.error(opened, "a quote opens here and is never closed")),
                Some(b'"') if bytes.get(self.at + 1) == Some(&b'"') => {
                    // The first quote of two belongs to the text.
                    unquoted.get_or_insert_default().push_str(&self.text[start..=self.at]);
                    self.at += 2;
                    start = self.at;
                }
                Some(b'\\') if self.is_escaped_quote() => {
                    unquoted.get_or_insert_default().push_str(&self.text[start..self.at]);
                    start = self.at + 1;
                    self.at += 2;
                }
                Some(b'"') => break,
                Some(byte) => {
                    self.line += u64::from(*byte == b'\n');
                    self.at += 1;
                }
            }
        }
        let tail = &self.text[start..self.at];
        self.at += 1;
        let text = match unquoted {
            None => Cow::Borrowed(tail),
            Some(text) => Cow::Owned(text + tail),
        };
        Ok(Value { text, quoted: true })
    }

    /// At the end of a field it is a backslash and the closing quote.
    fn is_escaped_quote(&self) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        self.escapes
            && rest.get(1) == Some(&b'"')
            && !matches!(rest.get(2), None | Some(b'\n' | b'\r'))
            && rest.get(2) != Some(&self.separator.byte())
    }
}
