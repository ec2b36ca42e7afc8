//! File names as text: lossless for every name, with `/` between the parts on every platform.
//!
//! Names are not always Unicode: a disk written by another system holds stray bytes, Windows allows unpaired surrogates. Each byte
//! that is not part of UTF-8 becomes one code point of U+EF80..=U+EFFF (a surrogate is taken as its three WTF-8 bytes). A name that
//! already holds such a code point has its three UTF-8 bytes written the same way, so that no two names share a text.

use std::path::{Component, Path, PathBuf};

const BASE: u32 = 0xEF00;

/// Writes an undecodable byte (0x80 or above) as a code point.
fn escape(byte: u8, text: &mut String) {
    text.extend(char::from_u32(BASE + u32::from(byte)));
}

/// The byte that a code point stands for.
fn escaped(c: char) -> Option<u8> {
    u32::from(c).checked_sub(BASE).and_then(|byte| u8::try_from(byte).ok()).filter(|byte| *byte >= 0x80)
}

/// Writes a character of a name, escaping those that stand for bytes.
fn push_char(c: char, text: &mut String) {
    if escaped(c).is_some() {
        c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| escape(byte, text));
    } else {
        text.push(c);
    }
}

/// Writes a relative path as text with `/` between its parts; [`from_text`] gives the same path back.
#[must_use]
pub fn to_text(path: &Path) -> String {
    let mut text = String::with_capacity(path.as_os_str().len());
    for component in path.components() {
        let part = match component {
            Component::CurDir => continue,
            Component::RootDir => {
                text.push('/');
                continue;
            }
            Component::Prefix(prefix) => prefix.as_os_str(),
            Component::ParentDir => "..".as_ref(),
            Component::Normal(part) => part,
        };
        if !text.is_empty() && !text.ends_with('/') {
            text.push('/');
        }
        push_name(part, &mut text);
    }
    text
}

/// Writes one file name.
fn push_name(name: &std::ffi::OsStr, text: &mut String) {
    match name.to_str() {
        Some(name) if !name.contains(|c| escaped(c).is_some()) => text.push_str(name),
        Some(name) => name.chars().for_each(|c| push_char(c, text)),
        None => push_undecodable(name, text),
    }
}

#[cfg(unix)]
fn push_undecodable(name: &std::ffi::OsStr, text: &mut String) {
    use std::os::unix::ffi::OsStrExt as _;
    for chunk in name.as_bytes().utf8_chunks() {
        chunk.valid().chars().for_each(|c| push_char(c, text));
        chunk.invalid().iter().for_each(|byte| escape(*byte, text));
    }
}

#[cfg(windows)]
fn push_undecodable(name: &std::ffi::OsStr, text: &mut String) {
    use std::os::windows::ffi::OsStrExt as _;
    push_utf16(name.encode_wide(), text);
}

#[cfg(not(any(unix, windows)))]
fn push_undecodable(name: &std::ffi::OsStr, text: &mut String) {
    name.to_string_lossy().chars().for_each(|c| push_char(c, text));
}

/// Writes UTF-16 that may hold unpaired surrogates.
#[cfg(any(windows, test))]
fn push_utf16(units: impl Iterator<Item = u16>, text: &mut String) {
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(c) => push_char(c, text),
            Err(error) => surrogate_bytes(error.unpaired_surrogate()).iter().for_each(|byte| escape(*byte, text)),
        }
    }
}

/// The three WTF-8 bytes of an unpaired surrogate.
#[cfg(any(windows, test))]
fn surrogate_bytes(unit: u16) -> [u8; 3] {
    [0xED, 0x80 | u8::try_from((unit >> 6) & 0x3F).unwrap_or(0), 0x80 | u8::try_from(unit & 0x3F).unwrap_or(0)]
}

/// The bytes that a text stands for: UTF-8, WTF-8 or whatever the name was.
fn to_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match escaped(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// The relative path that [`to_text`] wrote as `text`.
#[cfg(unix)]
#[must_use]
pub fn from_text(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    if !text.contains(|c| escaped(c).is_some()) {
        return PathBuf::from(text);
    }
    PathBuf::from(std::ffi::OsString::from_vec(to_bytes(text)))
}

/// The relative path that [`to_text`] wrote as `text`. A backslash in a name from another system stays within its name.
#[cfg(windows)]
#[must_use]
pub fn from_text(text: &str) -> PathBuf {
    use std::os::windows::ffi::OsStringExt as _;
    std::ffi::OsString::from_wide(&to_utf16(text)).into()
}

/// The relative path that [`to_text`] wrote as `text`.
#[cfg(not(any(unix, windows)))]
#[must_use]
pub fn from_text(text: &str) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(&to_bytes(text)).into_owned())
}

/// The UTF-16 that a text stands for: surrogates as they were; bytes that no Windows name can hold keep their code point.
#[cfg(any(windows, test))]
fn to_utf16(text: &str) -> Vec<u16> {
    let bytes = to_bytes(&text.replace('\\', "\u{F05C}"));
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (valid, invalid) = match std::str::from_utf8(rest) {
            Ok(valid) => (valid, &rest[rest.len()..]),
            Err(error) => {
                let (front, back) = rest.split_at(error.valid_up_to());
                (std::str::from_utf8(front).unwrap_or_default(), back)
            }
        };
        units.extend(valid.encode_utf16());
        rest = match invalid {
            [0xED, b @ 0xA0..=0xBF, c @ 0x80..=0xBF, after @ ..] => {
                units.push(0xD000 | (u16::from(b & 0x3F) << 6) | u16::from(c & 0x3F));
                after
            }
            [byte, after @ ..] => {
                units.push(0xEF00 | u16::from(*byte));
                after
            }
            [] => &[],
        };
    }
    units
}

/// A text as a person reads it: stray bytes as `\xNN`.
#[must_use]
pub fn display(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match escaped(c) {
            Some(byte) => shown.extend(["\\x", &format!("{byte:02X}")]),
            None => shown.push(c),
        }
    }
    shown
}

/// Says whether Windows takes `name` for a device, with any ending: `con`, `NUL.txt`, `com1`.
#[must_use]
pub fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    match stem.as_str() {
        "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" => true,
        _ => match stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")) {
            Some(rest) => matches!(rest, "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "\u{b9}" | "\u{b2}" | "\u{b3}"),
            None => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        assert_eq!(to_text(&Path::new("Komag").join("kå 1").join("IMG_0001.JPG")), "Komag/kå 1/IMG_0001.JPG");
        assert_eq!(to_text(Path::new("./a//b/./c")), "a/b/c");
    }

    #[test]
    fn stray_bytes_are_shown_as_hexadecimal() {
        assert_eq!(display("k\u{EFE5}.jpg"), "k\\xE5.jpg");
    }

    #[cfg(unix)]
    #[test]
    fn a_name_in_latin1_and_one_with_the_escape_itself_keep_apart() {
        use std::os::unix::ffi::OsStrExt as _;
        let latin = Path::new(std::ffi::OsStr::from_bytes(b"k\xE5/1.jpg"));
        let private = Path::new("k\u{EFE5}/1.jpg");
        assert_eq!(to_text(latin), "k\u{EFE5}/1.jpg");
        assert_eq!(to_text(private), "k\u{EFEE}\u{EFBF}\u{EFA5}/1.jpg");
        assert_eq!(from_text(&to_text(latin)), latin);
        assert_eq!(from_text(&to_text(private)), private);
    }

    #[test]
    fn unpaired_surrogates_survive() {
        let units = [0x6B, 0xD800, 0x2F, 0xDFFF, 0xD83D, 0xDC2D, 0xEFE5];
        let mut text = String::new();
        push_utf16(units.iter().copied(), &mut text);
        assert_eq!(to_utf16(&text), units);
    }

    #[test]
    fn a_backslash_from_another_system_is_no_separator_on_windows() {
        assert!(!to_utf16("..\\..\\x").contains(&u16::from(b'\\')));
    }

    proptest! {
        #[cfg(unix)]
        #[test]
        fn every_unix_name_survives(bytes in proptest::collection::vec(1u8..=255, 1..40)) {
            use std::os::unix::ffi::OsStrExt as _;
            let path: PathBuf = Path::new(std::ffi::OsStr::from_bytes(&bytes)).components()
                .filter(|c| matches!(c, Component::Normal(_))).collect();
            prop_assert_eq!(from_text(&to_text(&path)), path);
        }

        #[cfg(unix)]
        #[test]
        fn names_around_the_escapes_survive(name in "[\u{EF7F}-\u{F000}a]{1,8}") {
            let path = PathBuf::from(&name);
            prop_assert_eq!(from_text(&to_text(&path)), path);
        }

        #[test]
        fn every_windows_name_survives(units in proptest::collection::vec(
            prop_oneof![any::<u16>(), 0xD800u16..0xE000, 0xEF70u16..0xF010], 0..30)) {
            let units: Vec<u16> = units.into_iter().filter(|unit| *unit != u16::from(b'\\')).collect();
            let mut text = String::new();
            push_utf16(units.iter().copied(), &mut text);
            prop_assert_eq!(to_utf16(&text), units);
        }
    }
}
