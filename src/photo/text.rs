//! Camera text: bytes of doubtful encoding turned into strings that are safe to print.

use std::borrow::Cow;

/// Cuts at the first NUL, decodes and trims trailing spaces. Nothing left is `None`.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    tidy(&decode(&bytes[..end]))
}

/// UTF-8 where it is, else Latin-1, which is what older cameras write.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// Cuts UTF-16 units at the first NUL and decodes them; a broken pair becomes U+FFFD.
pub(super) fn from_utf16(units: impl Iterator<Item = u16>) -> Option<String> {
    let text: String =
        char::decode_utf16(units.take_while(|&unit| unit != 0)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    tidy(&text)
}

/// A control character in a table or on a terminal does harm: it is shown as U+FFFD.
fn tidy(text: &str) -> Option<String> {
    let text = text.trim_end_matches([' ', '\t', '\r', '\n']);
    let harmful = |c: char| c.is_control() && !matches!(c, '\t' | '\n');
    if text.trim_start().is_empty() {
        None
    } else if text.contains(harmful) {
        Some(text.replace(harmful, "\u{FFFD}"))
    } else {
        Some(text.to_owned())
    }
}

/// Decodes an EXIF `UserComment`: eight bytes of character code, then text.
///
/// Cuddeback writes no character code; other cameras fill it with spaces or NULs. Without a known code all bytes are text.
pub(super) fn from_user_comment(bytes: &[u8], little_endian: bool) -> Option<String> {
    if bytes.first().is_none_or(|&byte| byte == 0) {
        return bytes.get(8..).and_then(from_bytes);
    }
    match bytes.split_at_checked(8) {
        Some((b"ASCII\0\0\0" | b"JIS\0\0\0\0\0" | b"        ", text)) => from_bytes(text),
        Some((b"UNICODE\0", text)) => from_utf16(text.chunks_exact(2).map(|pair| {
            let pair = [pair[0], pair[1]];
            if little_endian { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
        })),
        _ => from_bytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_without_a_character_code_are_read_whole() {
        assert_eq!(from_user_comment(b"1 ATTEMPT G1H\0\0", true).as_deref(), Some("1 ATTEMPT G1H"));
        assert_eq!(from_user_comment(b"ASCII\0\0\0hello  \0", true).as_deref(), Some("hello"));
        assert_eq!(from_user_comment(b"\0\0\0\0\0\0\0\0hello", true).as_deref(), Some("hello"));
        assert_eq!(from_user_comment(b"UNICODE\0h\0i\0", true).as_deref(), Some("hi"));
        assert_eq!(from_user_comment(b"UNICODE\0\0h\0i", false).as_deref(), Some("hi"));
        assert_eq!(from_user_comment(b"abc", true).as_deref(), Some("abc"));
        assert_eq!(from_user_comment(b"", true), None);
        assert_eq!(from_user_comment(b"ASCII\0\0\0   ", true), None);
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(from_bytes(b"a\x1b[31mb").as_deref(), Some("a\u{FFFD}[31mb"));
        assert_eq!(from_bytes(b"caf\xe9").as_deref(), Some("caf\u{e9}"));
    }
}
