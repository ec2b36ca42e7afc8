//! Path patterns: `{locality}/{site}/{season}/**/*.{jpg,jpeg}` as captures, globs and choices.

use regex::Regex;

/// A compiled path pattern. Paths are relative to the root, with `/` between folders on every platform.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    captures: Vec<String>,
    /// Where each capture is a whole folder name in front of any `**`: its place in the path. Quicker than asking the expression.
    places: Option<Vec<usize>>,
    prefix: String,
    depth: Option<usize>,
}

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It starts at `/` or a drive, or leaves its root.
    #[error("the pattern leaves its root; write it relative to the root, without `..`")]
    Outside,
    /// A `{` without `}` or the reverse.
    #[error("unbalanced `{{` at character {0}")]
    Unbalanced(usize),
    /// `{}` or `{a-b}`.
    #[error("`{{{0}}}` is neither a column name (letters, digits, `_`) nor a choice (`{{jpg,jpeg}}`)")]
    Name(String),
    /// A capture named like a column that every image has.
    #[error("`{{{0}}}` cannot be captured: every image has a column of that name already")]
    Reserved(String),
    /// The same capture twice.
    #[error("`{{{0}}}` is captured twice")]
    Twice(String),
    /// `**` beside other text in one folder name.
    #[error("`**` stands for whole folders; write it alone between two `/`")]
    Stars,
    /// `\` as a separator.
    #[error("write `/` between folders, also on Windows")]
    Backslash,
    /// Nothing there.
    #[error("the pattern is empty")]
    Empty,
}

/// Columns that every image has and no capture may replace.
pub const RESERVED: &[&str] = &["content", "root", "path", "file", "bytes", "copies", "other_paths"];

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    /// When `text` is not a pattern; the error says what to write instead.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.trim().is_empty() {
            return Err(PatternError::Empty);
        }
        if text.contains('\\') {
            return Err(PatternError::Backslash);
        }
        if text.starts_with('/') || text.get(1..2) == Some(":") || text.split('/').any(|part| part == "..") {
            return Err(PatternError::Outside);
        }
        let mut captures = Vec::new();
        let components = split_components(text)?;
        let mut regex = String::from(r"\A");
        for (place, component) in components.iter().enumerate() {
            let last = place + 1 == components.len();
            if *component == "**" {
                // Zero or more folders; at the end, any file below.
                regex.push_str(if last { ".+" } else { "(?:[^/]+/)*" });
                continue;
            }
            if component.contains("**") {
                return Err(PatternError::Stars);
            }
            component_regex(component, last, &mut regex, &mut captures)?;
            if !last {
                regex.push('/');
            }
        }
        regex.push_str(r"\z");
        let whole = |name: &String| {
            let place = components.iter().position(|component| component.strip_prefix('{') == Some(&format!("{name}}}")))?;
            (!components[..place].contains(&"**")).then_some(place)
        };
        let places = captures.iter().map(whole).collect();
        let is_literal = |component: &&&str| !component.contains(['*', '?', '{']);
        let folders = &components[..components.len() - 1];
        let prefix: Vec<_> = folders.iter().take_while(is_literal).copied().collect();
        let depth = (!components.contains(&"**")).then_some(components.len());
        let Ok(regex) = Regex::new(&regex) else { return Err(PatternError::Name(text.to_owned())) };
        Ok(Self { regex, captures, places, prefix: prefix.join("/"), depth })
    }

    /// The captured columns, in the order written.
    pub fn captures(&self) -> &[String] {
        &self.captures
    }

    /// The folder below which every match lies; empty for the root itself.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// How many path components a match has at most; `None` with `**`.
    pub fn depth(&self) -> Option<usize> {
        self.depth
    }

    /// Says whether `path` matches.
    pub fn matches(&self, path: &str) -> bool {
        self.regex.is_match(path)
    }

    /// The captured texts of `path`, in the order of [`Pattern::captures`], or `None` where it does not match.
    pub fn capture<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        if let Some(places) = &self.places {
            if !self.matches(path) {
                return None;
            }
            let mut parts = path.split('/').enumerate();
            // Captures stand in the order written, so one walk over the path finds them all.
            let part = |place: &usize| parts.find(|(at, _)| at == place).map_or("", |(_, part)| part);
            return Some(places.iter().map(part).collect());
        }
        let found = self.regex.captures(path)?;
        Some(self.captures.iter().map(|name| found.name(name).map_or("", |m| m.as_str())).collect())
    }
}

/// Splits at `/` outside braces.
fn split_components(text: &str) -> Result<Vec<&str>, PatternError> {
    let (mut parts, mut start, mut open) = (Vec::new(), 0, None);
    for (at, c) in text.char_indices() {
        match (c, open) {
            ('{', None) => open = Some(at),
            ('{', Some(_)) | ('}', None) => return Err(PatternError::Unbalanced(text[..at].chars().count() + 1)),
            ('}', Some(_)) => open = None,
            ('/', None) => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if let Some(at) = open {
        return Err(PatternError::Unbalanced(text[..at].chars().count() + 1));
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty() && *part != ".");
    if parts.is_empty() { Err(PatternError::Empty) } else { Ok(parts) }
}

/// Appends the regular expression of one folder or file name. The ending of the last one matches in any case.
fn component_regex(component: &str, last: bool, regex: &mut String, captures: &mut Vec<String>) -> Result<(), PatternError> {
    let ending = if last { component.rfind('.') } else { None };
    let mut rest = component;
    while let Some(c) = rest.chars().next() {
        let at = component.len() - rest.len();
        if Some(at) == ending {
            regex.push_str("(?i:");
        }
        let mut used = c.len_utf8();
        match c {
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '{' => {
                let end = rest.find('}').unwrap_or(rest.len() - 1);
                braces(&rest[1..end], regex, captures)?;
                used = end + 1;
            }
            _ => regex.push_str(&regex::escape(&rest[..used])),
        }
        rest = &rest[used..];
    }
    if ending.is_some() {
        regex.push(')');
    }
    Ok(())
}

/// Appends a capture (`{site}`) or a choice (`{jpg,jpeg}`).
fn braces(inside: &str, regex: &mut String, captures: &mut Vec<String>) -> Result<(), PatternError> {
    if inside.contains(',') {
        let choices: Vec<_> = inside.split(',').map(|choice| regex::escape(choice.trim())).collect();
        regex.push_str(&format!("(?:{})", choices.join("|")));
        return Ok(());
    }
    let is_name =
        inside.starts_with(|c: char| c.is_ascii_alphabetic()) && inside.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(PatternError::Name(inside.to_owned()));
    }
    if RESERVED.contains(&inside) {
        return Err(PatternError::Reserved(inside.to_owned()));
    }
    if captures.iter().any(|name| name == inside) {
        return Err(PatternError::Twice(inside.to_owned()));
    }
    regex.push_str(&format!("(?P<{inside}>[^/]+)"));
    captures.push(inside.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "{locality}/{site}/{season}/**/*.{jpg,jpeg}";

    #[test]
    fn folders_become_columns_and_sub_folders_are_searched() {
        let pattern = Pattern::parse(REFERENCE).unwrap();
        assert_eq!(pattern.captures(), ["locality", "site", "season"]);
        let direct = pattern.capture("ko/ko_ga_hu_1/2019/IMG_0001.JPG").unwrap();
        assert_eq!(direct, ["ko", "ko_ga_hu_1", "2019"]);
        let nested = pattern.capture("ko/ko_ga_hu_1b/2019/100RECNX/IMG_0001.jpeg").unwrap();
        assert_eq!(nested, ["ko", "ko_ga_hu_1b", "2019"]);
        assert!(pattern.capture("ko/2019/IMG_0001.JPG").is_none());
        assert!(!pattern.matches("ko/ko_ga_hu_1/2019/notes.txt"));
    }

    #[test]
    fn endings_match_in_any_case_and_names_do_not() {
        let pattern = Pattern::parse("IMG_*.jpg").unwrap();
        assert!(pattern.matches("IMG_1.JpG"));
        assert!(!pattern.matches("img_1.jpg"));
        assert_eq!(pattern.depth(), Some(1));
    }

    #[test]
    fn a_literal_start_limits_the_walk() {
        let pattern = Pattern::parse("raw/2019/{site}/*.jpg").unwrap();
        assert_eq!(pattern.prefix(), "raw/2019");
        assert_eq!(pattern.depth(), Some(4));
        assert_eq!(Pattern::parse(REFERENCE).unwrap().depth(), None);
    }

    #[test]
    fn the_quick_way_and_the_expression_agree() {
        let quick = Pattern::parse(REFERENCE).unwrap();
        let slow = Pattern { places: None, ..quick.clone() };
        assert!(quick.places.is_some());
        assert!(Pattern::parse("**/{site}/*.jpg").unwrap().places.is_none());
        for path in ["a/b/c/d.jpg", "a/b/c/d/e.JPEG", "a/b/c.jpg", "a/b/c/d.png", "å/b c/2019/x.jpg", "a//c/d.jpg"] {
            assert_eq!(quick.capture(path), slow.capture(path), "{path}");
        }
    }

    #[test]
    fn parts_of_a_name_can_be_captured() {
        let pattern = Pattern::parse("{site}_{season}/*.jpg").unwrap();
        assert_eq!(pattern.capture("ko_ga_hu_1_2019/a.jpg").unwrap(), ["ko_ga_hu_1", "2019"]);
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| Pattern::parse(text).unwrap_err();
        assert_eq!(error("../*.jpg"), PatternError::Outside);
        assert_eq!(error("C:/x/*.jpg"), PatternError::Outside);
        assert_eq!(error("/x/*.jpg"), PatternError::Outside);
        assert_eq!(error("{site/*.jpg"), PatternError::Unbalanced(1));
        assert_eq!(error("site}/*.jpg"), PatternError::Unbalanced(5));
        assert_eq!(error("{si te}/*.jpg"), PatternError::Name("si te".into()));
        assert_eq!(error("{path}/*.jpg"), PatternError::Reserved("path".into()));
        assert_eq!(error("{a}/{a}/*.jpg"), PatternError::Twice("a".into()));
        assert_eq!(error("a**/*.jpg"), PatternError::Stars);
        assert_eq!(error("a\\*.jpg"), PatternError::Backslash);
        assert_eq!(error(" "), PatternError::Empty);
    }
}
