//! Aligned columns of text.

use clap::builder::styling::Style;

use super::page::wrap;
use super::style::paint;

/// On which side of its column a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One text of a table.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Text {
    words: String,
    style: Style,
}

impl Text {
    /// Text in a style. Control characters (a file name may hold any) are made visible, so that they cannot steer the terminal.
    pub(in crate::cli) fn styled(words: &str, style: Style) -> Self {
        Self { words: visible(words), style }
    }
}

impl<S: AsRef<str>> From<S> for Text {
    fn from(words: S) -> Self {
        Self::styled(words.as_ref(), Style::new())
    }
}

/// Replaces control characters by their pictures.
pub(in crate::cli) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            _ => c,
        })
        .collect()
}

/// Lays `rows` out under `header`, two spaces between columns; lines end without spaces.
pub(in crate::cli) fn columns(header: &[(&str, Align)], rows: &[Vec<Text>], heading: Style) -> String {
    let mut widths: Vec<_> = header.iter().map(|(name, _)| width(name)).collect();
    for row in rows {
        for (place, text) in row.iter().enumerate().take(widths.len()) {
            widths[place] = widths[place].max(width(&text.words));
        }
    }
    let names: Vec<_> = header.iter().map(|(name, _)| Text::styled(name, heading)).collect();
    let mut page = String::new();
    for row in std::iter::once(&names).chain(rows) {
        let mut line = String::new();
        let mut owed = 0;
        for (place, text) in row.iter().enumerate().take(widths.len()) {
            let gap = widths[place] - width(&text.words);
            let (before, after) = if header[place].1 == Align::Right { (gap, 0) } else { (0, gap) };
            // Spaces are owed until something follows them.
            if text.words.is_empty() {
                owed += gap + 2;
            } else {
                line.extend(std::iter::repeat_n(' ', owed + before));
                line.push_str(&paint(text.style, &text.words));
                owed = after + 2;
            }
        }
        page.push_str(&line);
        page.push('\n');
    }
    page
}

/// [`columns`] within `room` characters, as far as the last column can give way: its texts are broken between words.
pub(in crate::cli) fn columns_within(header: &[(&str, Align)], rows: &[Vec<Text>], heading: Style, room: usize) -> String {
    let Some(last) = header.len().checked_sub(1) else { return String::new() };
    let widest = |place: usize| {
        let texts = rows.iter().filter_map(|row| row.get(place)).map(|text| width(&text.words));
        texts.chain([width(header[place].0)]).max().unwrap_or(0)
    };
    let taken: usize = (0..last).map(|place| widest(place) + 2).sum();
    // Words that are one below the other are harder to read than a line that is too long.
    let room = room.saturating_sub(taken).max(24);
    let mut broken = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(text) = row.get(last).filter(|text| width(&text.words) > room) else {
            broken.push(row.clone());
            continue;
        };
        for (place, line) in wrap(&text.words, room, 0).iter().enumerate() {
            let mut part = if place == 0 { row.clone() } else { vec![Text::from(""); header.len()] };
            part[last] = Text::styled(line, text.style);
            broken.push(part);
        }
    }
    columns(header, &broken, heading)
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let header = [("step", Align::Left), ("rows", Align::Right), ("why", Align::Left)];
        let rows = [
            vec!["images".into(), "440 000".into(), "".into()],
            vec!["ås".into(), "7".into(), "new".into()],
            vec!["".into(), "".into(), "moved".into()],
        ];
        insta::assert_snapshot!(columns(&header, &rows, Style::new()), @"
        step       rows  why
        images  440 000
        ås            7  new
                         moved
        ");
    }

    #[test]
    fn the_last_column_is_broken_between_words() {
        let header = [("step", Align::Left), ("why", Align::Left)];
        let rows = [vec!["images".into(), "a long story of many words that goes on".into()], vec!["names".into(), "new".into()]];
        insta::assert_snapshot!(columns_within(&header, &rows, Style::new(), 34), @"
        step    why
        images  a long story of many words
                that goes on
        names   new
        ");
    }

    #[test]
    fn escapes_in_names_are_shown_not_obeyed() {
        assert_eq!(visible("a\u{1b}[31mb\n"), "a\u{241b}[31mb\u{240a}");
    }
}
