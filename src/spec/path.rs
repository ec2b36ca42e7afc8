//! Project paths, judged by their text alone: the same verdict on every system.

use crate::diagnostic::{Code, codes};

/// What is wrong with a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPath {
    /// Its code.
    pub code: Code,
    /// What is wrong, with the path in backticks.
    pub message: String,
    /// The way out.
    pub help: &'static str,
}

/// Says whether `text` is a place of one machine: `/x`, `\\server\share`, `E:\x`, `E:x`, `~/x`.
#[must_use]
pub fn is_machine_path(text: &str) -> bool {
    let mut letters = text.chars();
    let drive = letters.next().is_some_and(|c| c.is_ascii_alphabetic()) && letters.next() == Some(':');
    drive || text.starts_with(['/', '\\']) || text == "~" || text.starts_with("~/")
}

/// Checks a path of the project and returns it without `.` and inner `..`, separated by `/`.
///
/// # Errors
/// When it is empty, absolute, leaves the project, or is written with backslashes.
pub fn project_path(text: &str) -> Result<String, BadPath> {
    normal_path("", text)
}

/// Checks a path relative to `folder` (itself a normal project path) and returns it relative to the project.
///
/// # Errors
/// As [`project_path`].
pub fn normal_path(folder: &str, text: &str) -> Result<String, BadPath> {
    let bad = |code, message: String, help| Err(BadPath { code, message, help });
    if text.trim().is_empty() {
        return bad(codes::EMPTY_PATH, "this path is empty".into(), "name a file or folder of the project");
    }
    if is_machine_path(text) {
        let help = "write it relative to the pipeline, or declare a root and place it in `trapline.local.yaml`";
        return bad(codes::ABSOLUTE_PATH, format!("`{text}` is a place of one machine"), help);
    }
    if text.contains('\\') {
        return bad(codes::BACKSLASH, format!("`{text}` is written with backslashes"), "write `/` between folders");
    }
    let mut names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in text.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                if names.pop().is_none() {
                    let help = "the only way out of the project is a declared root";
                    return bad(codes::PATH_LEAVES, format!("`{text}` leaves the project"), help);
                }
            }
            name => names.push(name),
        }
    }
    if names.first().is_some_and(|name| name.eq_ignore_ascii_case(".trapline")) {
        return bad(codes::STORE_PATH, format!("`{text}` lies in the store"), "choose another folder");
    }
    if let [only] = names[..]
        && ["trapline.lock", "models.lock"].iter().any(|lock| only.eq_ignore_ascii_case(lock))
    {
        return bad(codes::STORE_PATH, format!("`{text}` belongs to the program"), "choose another name");
    }
    Ok(names.join("/"))
}

/// The first part of `path` that Windows cannot have, with the reason.
#[must_use]
pub fn unportable(path: &str) -> Option<(&str, &'static str)> {
    path.split('/').filter(|name| !name.is_empty() && *name != "." && *name != "..").find_map(|name| {
        if crate::path::is_device(name) {
            Some((name, "is a device on Windows"))
        } else if name.ends_with(['.', ' ']) {
            Some((name, "ends in a dot or space, which Windows drops"))
        } else if name.contains(|c: char| matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') || c.is_control()) {
            Some((name, "has a character that Windows refuses"))
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        project_path(text).map_or_else(|bad| bad.code.id, |_| "ok")
    }

    #[test]
    fn paths_of_one_machine_are_refused_on_every_system() {
        for text in ["/data", "E:\\varanger", "e:varanger", "\\\\nas\\varanger", "\\x", "~/x", "//nas/x"] {
            assert_eq!(code(text), "TL0701", "{text}");
        }
        assert_eq!(code("a\\b"), "TL0703");
    }

    #[test]
    fn what_leaves_the_project_is_refused() {
        assert_eq!(code("../x"), "TL0702");
        assert_eq!(code("a/../../x"), "TL0702");
        assert_eq!(project_path("a/./b/../c//d/").as_deref(), Ok("a/c/d"));
        assert_eq!(normal_path("shared", "../x.yaml").as_deref(), Ok("x.yaml"));
        assert_eq!(code(".trapline/objects/x"), "TL0714");
        assert_eq!(code("models.lock"), "TL0714");
        assert_eq!(code(" "), "TL0715");
    }

    #[test]
    fn names_that_windows_refuses() {
        for name in ["con", "NUL.txt", "a/com1.csv", "x.", "y /z", "a:b", "what?", "lpt\u{b9}"] {
            assert!(unportable(name).is_some(), "{name}");
        }
        for name in ["console.csv", "com10", "a/b.csv", "com", "nul_1"] {
            assert!(unportable(name).is_none(), "{name}");
        }
    }
}
