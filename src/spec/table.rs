//! Small CSV files beside a pipeline, each cell with its place: the taxonomy, the header of the deployments.

use std::collections::HashSet;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, FileId, Report, Span, Spanned, codes, nearest};
use crate::table::too_wide;

/// The header of a table.
#[derive(Debug)]
pub struct Header {
    /// The names, in order.
    pub columns: Vec<String>,
    /// Where each stands.
    pub spans: Vec<Span>,
    /// Where the line stands.
    pub span: Span,
    separator: char,
}

impl Header {
    /// The place of the column called `name`.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// As [`Header::index`], reporting its absence under `code`.
    pub fn require(&self, name: &str, asked: Span, code: Code, report: &mut Report) -> Option<usize> {
        let found = self.index(name);
        if found.is_none() {
            let help = match nearest(name, self.columns.iter().map(String::as_str)) {
                Some(near) => format!("rename the column `{near}` to `{name}`"),
                None => format!("add the column `{name}` to the header"),
            };
            report.push(
                Diagnostic::new(code, self.span, format!("the table has no column `{name}`"))
                    .related(asked, "named here")
                    .help(help),
            );
        }
        found
    }
}

/// Where a line, or the cell of a column in it, stands; the start of the file where neither is known. Lines count from 1.
pub(crate) fn cell_span(file: FileId, text: &str, line: Option<u64>, column: Option<&str>) -> Span {
    let line_at = |number: u64| {
        let mut start = 0;
        for _ in 1..number {
            start += text[start..].find('\n')? + 1;
        }
        let line = text[start..].lines().next()?;
        // The mark of UTF-8 does not belong to the first line.
        let mark = if line.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Some((start + mark, &line[mark..]))
    };
    let Some((start, found)) = line.and_then(line_at) else { return Span::start_of(file) };
    let whole = bytes(file, start, start + found.len());
    let Some(column) = column else { return whole };
    let declared = line_at(1).and_then(|(_, first)| declared_separator(first));
    let Some((_, header)) = line_at(if declared.is_some() { 2 } else { 1 }) else { return whole };
    let separator = declared.unwrap_or_else(|| separator(header));
    let first = |line: &str, offset: usize| records(file, line, offset, separator).next().unwrap_or_default();
    let place = first(header, 0).iter().position(|cell| cell.value.eq_ignore_ascii_case(column));
    let cell = place.and_then(|place| first(found, start).get(place).map(|cell| cell.span));
    cell.filter(|span| span.end > span.start).unwrap_or(whole)
}

/// What `sep=;`, which spreadsheets write above a table, says.
fn declared_separator(line: &str) -> Option<char> {
    let mut letters = line.trim_end_matches('\r').strip_prefix("sep=")?.chars();
    letters.next().filter(|c| [',', ';', '\t'].contains(c) && letters.next().is_none())
}

/// The separator of a table, by its first line.
fn separator(line: &str) -> char {
    [',', ';', '\t'].into_iter().max_by_key(|c| (line.matches(*c).count(), *c == ',')).unwrap_or(',')
}

/// Reads the header of a table.
pub fn header(file: FileId, text: &Arc<str>, asked: Span, code: Code, report: &mut Report) -> Option<Header> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut offset = text.len() - body.len();
    let mut line = body.lines().next().unwrap_or("");
    let declared = declared_separator(line);
    if declared.is_some() {
        offset += body.find('\n').map_or(body.len(), |at| at + 1);
        line = text[offset..].lines().next().unwrap_or("");
    }
    let span = bytes(file, offset, offset + line.len());
    if line.trim().is_empty() {
        report.push(
            Diagnostic::new(code, span, "the table has no header")
                .related(asked, "named here")
                .help("the first line names the columns"),
        );
        return None;
    }
    let separator = declared.unwrap_or_else(|| separator(line));
    let mut cells = records(file, line, offset, separator);
    let cells = cells.next()?;
    let columns: Vec<String> = cells.iter().map(|cell| cell.value.clone()).collect();
    if let Some(message) = too_wide(columns.len()) {
        report.push(Diagnostic::new(code, span, message).related(asked, "named here"));
        return None;
    }
    let mut seen = HashSet::new();
    for cell in &cells {
        if cell.value.is_empty() || !seen.insert(cell.value.as_str()) {
            let message = if cell.value.is_empty() {
                "a column has no name".to_owned()
            } else {
                format!("two columns are called `{}`", cell.value)
            };
            report.push(
                Diagnostic::new(code, cell.span, message).related(asked, "named here").help("give each column its own name"),
            );
        }
    }
    Some(Header { columns, spans: cells.iter().map(|cell| cell.span).collect(), span, separator })
}

/// Reads a whole small table. Rows of another length than the header are reported.
pub fn rows(
    file: FileId,
    text: &Arc<str>,
    asked: Span,
    code: Code,
    report: &mut Report,
) -> Option<(Header, Vec<Vec<Spanned<String>>>)> {
    let header = header(file, text, asked, code, report)?;
    let end = header.span.end as usize;
    let mut rows = Vec::new();
    for cells in records(file, &text[end..], end, header.separator) {
        // Spreadsheets leave rows of nothing but separators behind.
        if cells.iter().all(|cell| cell.value.is_empty()) {
            continue;
        }
        if cells.len() != header.columns.len() {
            let span = Span { end: cells[cells.len() - 1].span.end, ..cells[0].span };
            let message = format!("this row has {} cells, the header {}", cells.len(), header.columns.len());
            let code = if code == codes::BAD_TAXONOMY { codes::TAXONOMY_ROW } else { code };
            report.push(Diagnostic::new(code, span, message).help("quote cells that hold the separator"));
            continue;
        }
        rows.push(cells);
    }
    Some((header, rows))
}

/// The records of `text`, which starts at byte `offset` of the file. Cells are trimmed, `""` inside quotes is one quote.
fn records(file: FileId, text: &str, offset: usize, separator: char) -> impl Iterator<Item = Vec<Spanned<String>>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= text.len() {
            return None;
        }
        let mut cells = Vec::new();
        loop {
            let start = at;
            let mut value = String::new();
            let mut quoted = false;
            let mut end = text.len();
            let mut last = true;
            let mut letters = text[start..].char_indices().peekable();
            while let Some((place, c)) = letters.next() {
                match c {
                    '"' if quoted && letters.peek().is_some_and(|(_, next)| *next == '"') => {
                        letters.next();
                        value.push('"');
                    }
                    '"' if quoted || value.trim().is_empty() => quoted = !quoted,
                    c if c == separator && !quoted => {
                        (end, last) = (start + place, false);
                        break;
                    }
                    '\n' if !quoted => {
                        end = start + place;
                        break;
                    }
                    c => value.push(c),
                }
            }
            let raw = &text[start..end];
            let lead = raw.len() - raw.trim_start().len();
            let trimmed = raw.trim();
            let span = bytes(file, offset + start + lead, offset + start + lead + trimmed.len());
            cells.push(Spanned { value: value.trim().to_owned(), span });
            at = end + 1;
            if last {
                return Some(cells);
            }
        }
    })
}

fn bytes(file: FileId, start: usize, end: usize) -> Span {
    // Tables that are read whole have at most 16 MiB.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { file, start: offset(start), end: offset(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_know_their_place() {
        let text: Arc<str> = "\u{feff}class;role\r\n\"bad \"\"x\"\"\"; animal \r\n\r\nvole;empty".into();
        let asked = Span::start_of(FileId(0));
        let mut report = Report::default();
        let (header, rows) = rows(FileId(1), &text, asked, codes::BAD_TAXONOMY, &mut report).unwrap();
        assert_eq!(report.diagnostics, []);
        assert_eq!(header.columns, ["class", "role"]);
        let values: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(|cell| cell.value.as_str()).collect()).collect();
        assert_eq!(values, [["bad \"x\"", "animal"], ["vole", "empty"]]);
        let place = rows[0][1].span;
        assert_eq!(&text[place.start as usize..place.end as usize], "animal");
    }

    proptest::proptest! {
        #[test]
        fn no_table_panics(text in "[a,;\t\"\r\n \u{e9}]{0,60}") {
            let mut report = Report::default();
            let _ = rows(FileId(0), &text.into(), Span::start_of(FileId(0)), codes::BAD_TAXONOMY, &mut report);
        }
    }
}
