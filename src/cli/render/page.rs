//! Documentation pages for a terminal: the Markdown that our own pages use, wrapped and styled.

use super::style::{CODE, FAINT, HEADING, STRONG, paint};

/// Renders headings, paragraphs, lists, tables and code blocks within `width` columns.
pub(in crate::cli) fn render(markdown: &str, width: usize) -> String {
    let mut page = Page { width, text: String::new(), paragraph: String::new(), table: Vec::new(), indent: 0, hang: 0 };
    let mut in_code = false;
    for line in markdown.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") {
            page.flush();
            page.gap();
            in_code = !in_code;
        } else if in_code {
            page.text.push_str(&if line.is_empty() { "\n".into() } else { format!("    {}\n", paint(CODE, line)) });
        } else if trimmed.is_empty() {
            page.flush();
            page.gap();
        } else if let Some(heading) = heading(trimmed) {
            page.flush();
            page.gap();
            page.text.push_str(&format!("{}\n", paint(HEADING, heading)));
        } else if trimmed.starts_with('|') {
            page.row(trimmed);
        } else {
            page.take(line, trimmed);
        }
    }
    page.flush();
    format!("{}\n", page.text.trim_end())
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    (text.len() < line.len()).then_some(())?;
    text.strip_prefix(' ')
}

struct Page {
    width: usize,
    text: String,
    paragraph: String,
    table: Vec<Vec<String>>,
    indent: usize,
    hang: usize,
}

impl Page {
    /// Adds a line to the paragraph or list item that it belongs to.
    fn take(&mut self, line: &str, trimmed: &str) {
        if !self.table.is_empty() {
            self.flush_table();
        }
        let item = ["- ", "* "].iter().any(|mark| trimmed.starts_with(mark))
            || trimmed.split_once(". ").is_some_and(|(n, _)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if item || self.paragraph.is_empty() {
            self.flush();
            self.indent = line.len() - trimmed.len();
            self.hang = if item { trimmed.find(' ').map_or(0, |at| at + 1) } else { 0 };
        }
        if !self.paragraph.is_empty() {
            self.paragraph.push(' ');
        }
        self.paragraph.push_str(trimmed.trim_end());
    }

    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Takes a line of a table.
    fn row(&mut self, line: &str) {
        if self.table.is_empty() {
            self.flush();
            self.gap();
        }
        // The rule between head and body says nothing that the eye does not see.
        if !line.chars().all(|c| "|-: ".contains(c)) {
            self.table.push(line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect());
        }
    }

    /// Aligns the columns of a table; the last one is wrapped.
    fn flush_table(&mut self) {
        let table = std::mem::take(&mut self.table);
        let last = table.iter().map(Vec::len).max().unwrap_or(1) - 1;
        let widths: Vec<_> = (0..last)
            .map(|n| table.iter().filter_map(|row| row.get(n)).map(|cell| shown_width(cell)).max().unwrap_or(0) + 2)
            .collect();
        let lead: usize = widths.iter().sum::<usize>() + 2;
        for (place, row) in table.iter().enumerate() {
            let mut line = String::from("  ");
            for (cell, width) in row.iter().zip(&widths) {
                let gap = width - shown_width(cell);
                line.push_str(&format!("{}{:gap$}", styled(cell, place), ""));
            }
            let words = wrap(row.get(last).map_or("", String::as_str), self.width.saturating_sub(lead).max(20), 0);
            for (n, part) in words.iter().enumerate() {
                let before = if n == 0 { std::mem::take(&mut line) } else { " ".repeat(lead) };
                self.text.push_str(&format!("{}\n", format!("{before}{}", styled(part, place)).trim_end()));
            }
        }
    }

    fn flush(&mut self) {
        if !self.table.is_empty() {
            self.flush_table();
        }
        if self.paragraph.is_empty() {
            return;
        }
        let room = self.width.saturating_sub(self.indent + self.hang).max(20);
        for (place, line) in wrap(&self.paragraph, room, self.hang).iter().enumerate() {
            let lead = if place == 0 { self.indent } else { self.indent + self.hang };
            self.text.push_str(&format!("{:lead$}{}\n", "", inline(line)));
        }
        self.paragraph.clear();
    }
}

/// Breaks at spaces, never inside `code`, so that a command can be copied whole.
pub(in crate::cli) fn wrap(text: &str, width: usize, first_extra: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        let room = if lines.is_empty() { width + first_extra } else { width };
        if !line.is_empty() && line.chars().count() + 1 + shown_width(&word) > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

/// Splits at spaces outside backticks.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '`';
        match words.last_mut() {
            _ if c == ' ' && !quoted => words.push(String::new()),
            Some(word) => word.push(c),
            None => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A cell: the first row is the head.
fn styled(cell: &str, row: usize) -> String {
    if row == 0 { paint(STRONG, cell) } else { inline(cell) }
}

fn shown_width(word: &str) -> usize {
    word.chars().count()
}

/// Styles `code` (the backticks stay, as they do in messages) and **strong** text.
fn inline(text: &str) -> String {
    let mut styled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*']) {
        let (before, from) = rest.split_at(at);
        styled.push_str(before);
        let (mark, style, shown) = if from.starts_with('`') {
            ("`", CODE, true)
        } else if from.starts_with("**") {
            ("**", STRONG, false)
        } else {
            styled.push('*');
            rest = &from[1..];
            continue;
        };
        let inner = &from[mark.len()..];
        let Some(end) = inner.find(mark) else {
            styled.push_str(from);
            return styled;
        };
        let piece = if shown { format!("`{}`", &inner[..end]) } else { inner[..end].to_owned() };
        styled.push_str(&paint(style, &piece));
        rest = &inner[end + mark.len()..];
    }
    styled.push_str(rest);
    styled
}

/// A generated list: a name, what it is, and what it means below.
pub(in crate::cli) fn entry(name: &str, kind: &str, doc: &str, width: usize) -> String {
    let kind = if kind.is_empty() { String::new() } else { format!("  {}", paint(FAINT, kind)) };
    let mut text = format!("  {}{kind}\n", paint(CODE, name));
    for line in wrap(doc, width.saturating_sub(6).max(20), 0) {
        if !line.is_empty() {
            text.push_str(&format!("      {}\n", inline(&line)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "Finds the images of a root.\n\n# Why\nA path says where and when, and **nothing** else does. Two lines\nare one paragraph.\n\n- first item that is long enough to go on in a second line here\n- `a code span` stays\n\n```yaml\nimages:\n\n  uses: images\n```\n| a | b |\n|---|---|\n| 1 | 2 * 3 |\n";

    #[test]
    fn a_page_is_wrapped() {
        insta::assert_snapshot!(anstream::adapter::strip_str(&render(PAGE, 44)).to_string(), @"
        Finds the images of a root.

        Why
        A path says where and when, and nothing
        else does. Two lines are one paragraph.

        - first item that is long enough to go on in
          a second line here
        - `a code span` stays

            images:

              uses: images

          a  b
          1  2 * 3
        ");
    }

    #[test]
    fn code_is_styled_and_kept_whole() {
        assert_eq!(inline("a `b c` d"), format!("a {} d", paint(CODE, "`b c`")));
        assert_eq!(inline("unclosed `tick"), "unclosed `tick");
        assert_eq!(words("run `trapline run` now"), ["run", "`trapline run`", "now"]);
    }
}
