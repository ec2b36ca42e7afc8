//! Names and relative paths that Windows, macOS and Linux all take: pure rules, the same on every machine.

use std::cmp::Ordering;

/// Longest name of a file: bytes on Linux, UTF-16 units on Windows and macOS (never more than the bytes).
pub const NAME_BYTES: usize = 255;
/// Longest path that every Windows program opens, without the closing zero.
pub const PATH_UNITS: usize = 259;

/// Why a name or path would not work everywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// `.` or `..`.
    #[error("`.` and `..` are folders")]
    Dots,
    /// A character that Windows refuses, `/` included.
    #[error("it holds `{}`, which Windows refuses", .0.escape_default())]
    Character(char),
    /// Windows drops what stands there.
    #[error("it ends in a dot or a space, which Windows drops")]
    Tail,
    /// A device of Windows, with any ending.
    #[error("`{0}` is a device on Windows, with any ending")]
    Reserved(String),
    /// Longer than [`NAME_BYTES`].
    #[error("it has {0} bytes; a file name has at most {NAME_BYTES}")]
    TooLong(usize),
    /// Longer than [`PATH_UNITS`].
    #[error("the whole path has {0} characters; Windows opens at most {PATH_UNITS}")]
    PathTooLong(usize),
    /// `C:`, `\\server`, `/`.
    #[error("it is absolute")]
    Absolute,
}

/// Checks one name of a file or folder.
///
/// # Errors
/// The first [`NameFault`].
pub fn check_name(name: &str) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name == "." || name == ".." {
        return Err(NameFault::Dots);
    }
    let refused = |c: &char| c.is_control() || matches!(c, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*');
    if let Some(c) = name.chars().find(refused) {
        return Err(NameFault::Character(c));
    }
    if name.ends_with(['.', ' ']) {
        return Err(NameFault::Tail);
    }
    if let Some(device) = reserved(name) {
        return Err(NameFault::Reserved(device));
    }
    if name.len() > NAME_BYTES {
        return Err(NameFault::TooLong(name.len()));
    }
    Ok(())
}

/// Checks a relative path with `/` between its parts.
///
/// # Errors
/// The first [`NameFault`] of any part.
pub fn check_relative(path: &str) -> Result<(), NameFault> {
    if is_absolute(path) {
        return Err(NameFault::Absolute);
    }
    path.split('/').try_for_each(check_name)
}

/// Checks the length of an absolute path as Windows counts it.
///
/// # Errors
/// [`NameFault::PathTooLong`].
pub fn check_length(path: &str) -> Result<(), NameFault> {
    let units = path.encode_utf16().count();
    if units > PATH_UNITS { Err(NameFault::PathTooLong(units)) } else { Ok(()) }
}

/// Says whether a text is an absolute path anywhere: `/x`, `\x`, `C:\x`, `C:x` (relative to a drive), `\\server\share`.
#[must_use]
pub fn is_absolute(path: &str) -> bool {
    let drive = matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    drive || path.starts_with(['/', '\\'])
}

/// The Windows device that `name` would open: `aux.jpg`, `COM¹`, `nul .txt`.
#[must_use]
pub fn reserved(name: &str) -> Option<String> {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_ascii_uppercase();
    let is_port =
        |rest: &str| matches!(rest, "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "\u{B9}" | "\u{B2}" | "\u{B3}");
    let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || stem.strip_prefix("COM").is_some_and(is_port)
        || stem.strip_prefix("LPT").is_some_and(is_port);
    device.then_some(stem)
}

/// A name as file systems that ignore case compare it.
#[must_use]
pub fn fold(name: &str) -> String {
    if name.is_ascii() { name.to_ascii_lowercase() } else { name.to_lowercase() }
}

/// Orders names as a person does: runs of digits by their number, so that `IMG_9` comes before `IMG_10`; else by bytes.
#[must_use]
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        let ((x, rest_x), (y, rest_y)) = (digits(left), digits(right));
        if !x.is_empty() && !y.is_empty() {
            let (x, y) = (significant(x), significant(y));
            let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
            if order.is_ne() {
                return order;
            }
            (left, right) = (rest_x, rest_y);
            continue;
        }
        match (left.split_first(), right.split_first()) {
            (Some((x, rest_x)), Some((y, rest_y))) if x == y => (left, right) = (rest_x, rest_y),
            (Some((x, _)), Some((y, _))) => return x.cmp(y),
            // Equal but for leading zeros: still two names.
            _ => return left.len().cmp(&right.len()).then_with(|| a.cmp(b)),
        }
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

fn significant(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().take_while(|byte| **byte == b'0').count()..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn windows_devices_are_refused_with_any_ending() {
        for name in ["aux.jpg", "AUX", "con.tar.gz", "COM1.txt", "com¹", "LPT³.x", "nul .txt", "CONIN$", "prn  "] {
            assert!(reserved(name).is_some(), "{name}");
        }
        for name in ["auxiliary.jpg", "com10.jpg", "COM0", "console.txt", "lpt", "vj_aux.jpg", "com.jpg"] {
            assert_eq!(reserved(name), None, "{name}");
        }
    }

    #[test]
    fn characters_tails_and_lengths_are_refused() {
        assert_eq!(check_name("vj_ga_hu_1_2019-07-08_0001.JPG"), Ok(()));
        assert_eq!(check_name("måned 1 (kopi).jpg"), Ok(()));
        assert_eq!(check_name(""), Err(NameFault::Empty));
        assert_eq!(check_name(".."), Err(NameFault::Dots));
        for c in ['<', '>', ':', '"', '/', '\\', '|', '?', '*', '\u{0}', '\n', '\u{1f}', '\u{7f}'] {
            assert_eq!(check_name(&format!("a{c}b")), Err(NameFault::Character(c)));
        }
        assert_eq!(check_name("a."), Err(NameFault::Tail));
        assert_eq!(check_name("a "), Err(NameFault::Tail));
        assert_eq!(check_name(&"x".repeat(255)), Ok(()));
        assert_eq!(check_name(&"x".repeat(256)), Err(NameFault::TooLong(256)));
        assert_eq!(check_name(&"ø".repeat(128)), Err(NameFault::TooLong(256)));
        assert_eq!(check_length(&"x".repeat(259)), Ok(()));
        assert_eq!(check_length(&"x".repeat(260)), Err(NameFault::PathTooLong(260)));
        assert_eq!(check_length(&"𝄞".repeat(130)), Err(NameFault::PathTooLong(260)));
    }

    #[test]
    fn drives_shares_and_roots_are_absolute_everywhere() {
        for path in ["C:\\x", "c:/x", "C:x", "\\\\nas\\varanger", "//nas/varanger", "/x", "\\x", "\\\\?\\C:\\x"] {
            assert!(is_absolute(path), "{path}");
            assert_eq!(check_relative(path), Err(NameFault::Absolute), "{path}");
        }
        for path in ["x", "x/y.jpg", "1:30"] {
            assert!(!is_absolute(path), "{path}");
        }
        assert_eq!(check_relative("vole/a.jpg"), Ok(()));
        assert_eq!(check_relative("vole/../a.jpg"), Err(NameFault::Dots));
        assert_eq!(check_relative("vole//a.jpg"), Err(NameFault::Empty));
        assert_eq!(check_relative("aux/a.jpg"), Err(NameFault::Reserved("AUX".into())));
        assert_eq!(check_relative("vole\\a.jpg"), Err(NameFault::Character('\\')));
    }

    #[test]
    fn digits_are_ordered_by_number() {
        let mut names =
            ["b/IMG_10", "b/IMG_9", "100RECNX/IMG_0002", "99RECNX/IMG_0001", "a", "a0", "a00", "b/IMG_9999", "b/IMG_10000"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(
            names,
            ["99RECNX/IMG_0001", "100RECNX/IMG_0002", "a", "a0", "a00", "b/IMG_9", "b/IMG_10", "b/IMG_9999", "b/IMG_10000"]
        );
    }

    proptest! {
        #[test]
        fn the_natural_order_is_an_order(a in "[a0-2]{0,5}", b in "[a0-2]{0,5}", c in "[a0-2]{0,5}") {
            prop_assert_eq!(natural_order(&a, &b), natural_order(&b, &a).reverse());
            prop_assert_eq!(natural_order(&a, &b) == Ordering::Equal, a == b);
            if natural_order(&a, &b).is_le() && natural_order(&b, &c).is_le() {
                prop_assert!(natural_order(&a, &c).is_le());
            }
        }

        #[test]
        fn any_text_is_judged(name in "\\PC{0,300}") {
            let _ = (check_name(&name), check_relative(&name), check_length(&name), fold(&name));
        }
    }
}
