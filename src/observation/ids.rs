//! Ids of sites, seasons and localities as people write them: one form in which they are compared, and words for what two of them
//! differ in, also where the difference cannot be seen.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// The form in which an id is kept and compared: composed letters (NFC), no blanks at either end.
///
/// A Mac writes `å` as `a` with a ring, Windows and Linux as one letter, and a blank at the end of a folder's name is nobody's
/// intention: names that differ in such things alone are one.
#[must_use]
pub fn normal(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// What ids must differ in to be told apart by people: [`normal`], in small letters.
#[must_use]
pub fn folded(text: &str) -> String {
    normal(text).to_lowercase()
}

/// An id in quotes, with the code points of what tells it from `other` where an eye may not see that.
#[must_use]
pub fn told_from(text: &str, other: &str) -> String {
    let (own, theirs): (Vec<char>, Vec<char>) = (text.chars().collect(), other.chars().collect());
    let same = |(a, b): &(&char, &char)| a == b;
    let front = own.iter().zip(&theirs).take_while(same).count();
    let back = own[front..].iter().rev().zip(theirs[front..].iter().rev()).take_while(same).count();
    let differs = &own[front..own.len() - back];
    let is_plain = |c: &char| c.is_ascii_graphic();
    if differs.iter().all(is_plain) && theirs[front..theirs.len() - back].iter().all(is_plain) {
        return format!("`{}`", shown(text));
    }
    let points: Vec<String> = differs.iter().map(|c| point(*c)).collect();
    let shown = shown(text);
    if points.is_empty() || shown.contains("<U+") { format!("`{shown}`") } else { format!("`{shown}` ({})", points.join(" ")) }
}

/// A text as a person can read it: control characters, and blanks at the ends, by their code points.
#[must_use]
pub fn shown(text: &str) -> String {
    let (start, end) = (text.len() - text.trim_start().len(), text.trim_end().len());
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let outside = at < start || at >= end;
        if c.is_control() || outside || (c.is_whitespace() && c != ' ') || is_invisible(c) {
            shown.push_str(&format!("<{}>", point(c)));
        } else {
            shown.push(c);
        }
    }
    crate::path::display(&shown)
}

fn point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// Characters without a width: joiners, marks of direction, the byte-order mark, the soft hyphen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composed_and_decomposed_letters_are_one_and_outer_blanks_none() {
        assert_eq!(normal("Skarvsjøen a\u{30a}"), "Skarvsjøen å");
        assert_eq!(normal(" vm_1\t"), "vm_1");
        assert!(matches!(normal("ko_ga_hu_1"), Cow::Borrowed(_)));
        // Stray bytes of a name that is not Unicode keep their code points.
        assert_eq!(normal("k\u{EFE5}"), "k\u{EFE5}");
        assert_eq!(folded("VM_1 "), folded("vm_1"));
    }

    #[test]
    fn what_cannot_be_seen_is_named_by_its_code_points() {
        let (composed, parted) = ("sjøen å", "sjøen a\u{30a}");
        assert_eq!(told_from(composed, parted), "`sjøen å` (U+00E5)");
        assert_eq!(told_from(parted, composed), "`sjøen a\u{30a}` (U+0061 U+030A)");
        assert_eq!(told_from("vm_1 ", "vm_1"), "`vm_1<U+0020>`");
        assert_eq!(told_from("vm_1", "vm_1 "), "`vm_1`");
        assert_eq!(told_from("VM_1", "vm_1"), "`VM_1`");
        assert_eq!(shown("a\tb\u{200b}"), "a<U+0009>b<U+200B>");
    }
}
