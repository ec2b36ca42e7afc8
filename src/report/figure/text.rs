//! Texts in figures: how wide they are, how they are cut, how numbers are written.

use super::Axis;

/// An estimate of the width of `text` at `size`, on the wide side: the fonts of readers differ.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

/// The width of a character in parts of the font's size, after the widest of the common sans-serif fonts.
fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' | '.' | ',' | ':' | ';' | '!' | 'I' | ' ' | '\u{a0}' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '\\' | '-' | '\u{2009}' | '\u{202f}' => 0.41,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | 'æ' | 'Æ' | 'œ' | 'Œ' | '—' => 1.0,
        'A'..='Z' | 'À'..='Þ' | '+' | '=' | '<' | '>' | '≤' | '≥' => 0.8,
        // Marks that stand above or below the letter before them, joiners and variation selectors.
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0.0,
        // Scripts with characters as wide as high, and pictures.
        '\u{1100}'..='\u{11ff}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{ff00}'..='\u{ff60}' => 1.05,
        '\u{1f000}'..='\u{1faff}' => 1.4,
        _ => 0.64,
    }
}

/// A text without what XML cannot hold.
pub fn clean(text: &str) -> String {
    let replaced = |c: char| match c {
        '\t' | '\n' | '\r' => ' ',
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
        c => c,
    };
    text.chars().map(replaced).collect()
}

/// `text` if it is at most `most` wide at `size`, else its beginning with an ellipsis.
pub fn fit(text: &str, size: f64, most: f64) -> String {
    let text = clean(text);
    if width(&text, size) <= most {
        return text;
    }
    let mut room = most / size - em('…');
    let fits = |c: &char| {
        room -= em(*c);
        room >= 0.0
    };
    let kept: String = text.chars().take_while(fits).collect();
    format!("{}…", kept.trim_end())
}

/// A number in fixed decimals, thousands apart by a narrow space; `fixed` numbers only.
pub fn number(value: f64, decimals: usize) -> String {
    let size = value.abs();
    if size >= 1e15 {
        return format!("{value:.2e}");
    }
    let text = format!("{size:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    if value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        out.push('\u{2212}');
    }
    for (number, digit) in whole.chars().enumerate() {
        // Four digits are read at a glance.
        if number > 0 && (whole.len() - number) % 3 == 0 && whole.len() > 4 {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out + rest
}

/// A number as an axis writes it.
pub fn on(axis: &Axis, value: f64) -> String {
    written(axis.percent, value, axis.decimals)
}

/// A number, in percent or not.
pub fn written(percent: bool, value: f64, decimals: usize) -> String {
    if percent { number(value * 100.0, decimals) + "\u{a0}%" } else { number(value, decimals) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_fixed_decimals_and_no_minus_at_zero() {
        let texts = [(0.0, 0), (-0.0, 1), (-0.04, 1), (1234.0, 0), (12_345.678, 2), (-1_234_567.0, 0), (1e300, 2)];
        let texts = texts.map(|(value, decimals)| number(value, decimals));
        assert_eq!(texts, ["0", "0.0", "0.0", "1234", "12\u{202f}345.68", "\u{2212}1\u{202f}234\u{202f}567", "1.00e300"]);
        assert_eq!(written(true, 0.856, 1), "85.6\u{a0}%");
    }

    #[test]
    fn a_long_text_is_cut_to_its_room() {
        assert_eq!(fit("stoat", 12.0, 100.0), "stoat");
        let cut = fit("Dværgspidsmus i den nordlige fjellkjede", 12.0, 100.0);
        assert!(cut.starts_with("Dværgspids") && cut.ends_with('…'), "{cut}");
        assert!(width(&cut, 12.0) <= 100.0);
        assert_eq!(fit("abc", 12.0, 0.0), "…");
    }

    #[test]
    fn control_characters_do_not_reach_xml() {
        assert_eq!(clean("a\u{0}b\nc\u{1b}"), "a\u{fffd}b c\u{fffd}");
    }
}
