//! Path patterns: `{locality}/{site}/{season}/**/*.{jpg,jpeg}` as captures, globs and choices.

use std::borrow::Cow;

use regex::Regex;

use crate::observation::ids;

/// A compiled path pattern. Paths are relative to the root, with `/` between folders on every platform.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    /// What the path says, and then the site where it is made of other captures.
    captures: Vec<String>,
    /// How many of `captures` the path says.
    said: usize,
    site: Option<Site>,
    /// Where each capture is a whole folder name in front of any `**`: its place in the path. Quicker than asking the expression.
    places: Option<Vec<usize>>,
    prefix: String,
    /// The folder names that it spells out.
    spelt: Vec<String>,
    /// How many folders stand above a file: at least, and at most.
    folders: (usize, Option<usize>),
    /// Endings that the file's name may have, in small letters; empty where any will do.
    endings: Vec<String>,
}

/// How the id of a site is made where a folder's name alone is none: `{locality}_{site}`.
#[derive(Debug, Clone)]
struct Site {
    parts: Vec<SitePart>,
    /// Its place among the captures.
    place: usize,
}

#[derive(Debug, Clone)]
enum SitePart {
    Text(String),
    Capture(usize),
}

/// What keeps a path from fitting a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// Folders and ending are as they should be; a name is not.
    Name,
    /// It has another number of folders than this one, which is the nearest that fits.
    Folders(usize),
    /// Its name ends otherwise.
    Ending,
    /// It lies outside the folder in which the pattern begins.
    Elsewhere,
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
    /// `{jpg}`: a choice of one.
    #[error(
        "`{{{0}}}` would be a column called `{0}`, whatever the file's name ends in; write the ending without braces (`*.{0}`), or a \
         choice of several (`*.{{jpg,jpeg}}`)"
    )]
    Ending(String),
    /// A site that is made of a capture which the pattern lacks, or of none.
    #[error("`site: {0}` is made of columns that the path captures, such as `{{locality}}_{{site}}`; {1}")]
    Site(String, String),
    /// A capture in what is to be left out.
    #[error("what is left out has no columns: write `*` instead of `{{{0}}}`")]
    Captures(String),
    /// Nothing there.
    #[error("the pattern is empty")]
    Empty,
}

/// Endings of image files, in small letters.
pub const IMAGE_ENDINGS: &[&str] = &[
    "jpg", "jpeg", "jpe", "jfif", "png", "tif", "tiff", "bmp", "gif", "webp", "heic", "heif", "avif", "dng", "cr2", "nef", "arw",
];

/// What a file's name ends in, in small letters, where it has an ending.
#[must_use]
pub fn ending_of(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').filter(|(stem, ending)| !stem.is_empty() && !ending.is_empty()).map(|(_, ending)| ending.to_lowercase())
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
        let spelt = components.iter().filter(is_literal).map(|component| (*component).to_owned()).collect();
        let folders = folder_bounds(&components);
        let endings = components.last().map(|last| endings(last)).unwrap_or_default();
        let (prefix, said) = (prefix.join("/"), captures.len());
        let Ok(regex) = Regex::new(&regex) else { return Err(PatternError::Name(text.to_owned())) };
        Ok(Self { regex, captures, said, site: None, places, prefix, spelt, folders, endings })
    }

    /// The same pattern with the site's id made of captures: `{locality}_{site}`.
    ///
    /// # Errors
    /// When `template` names a column that the path does not capture, or none.
    pub fn with_site(mut self, template: &str) -> Result<Self, PatternError> {
        let bad = |why: String| PatternError::Site(template.to_owned(), why);
        let mut parts = Vec::new();
        let mut rest = template.trim();
        while let Some((text, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { return Err(bad("a `{` has no `}`".to_owned())) };
            let Some(place) = self.captures.iter().position(|capture| capture == name.trim()) else {
                return Err(bad(format!("it captures {}", named(&self.captures))));
            };
            parts.extend([SitePart::Text(text.to_owned()), SitePart::Capture(place)]);
            rest = after;
        }
        if parts.is_empty() {
            return Err(bad(format!("it captures {}", named(&self.captures))));
        }
        parts.push(SitePart::Text(rest.to_owned()));
        let place = self.captures.iter().position(|capture| capture == "site").unwrap_or_else(|| {
            self.captures.push("site".to_owned());
            self.captures.len() - 1
        });
        self.site = Some(Site { parts, place });
        Ok(self)
    }

    /// The columns that it yields: those captured, in the order written, then the site where it is made of others.
    pub fn captures(&self) -> &[String] {
        &self.captures
    }

    /// The folder below which every match lies; empty for the root itself.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The folder and file names that it spells out.
    pub fn spelt(&self) -> &[String] {
        &self.spelt
    }

    /// How many folders stand above a file: at least, and at most; no most with `**`.
    pub fn folders(&self) -> (usize, Option<usize>) {
        self.folders
    }

    /// Says whether the file's ending is one that the pattern takes.
    pub fn takes_ending_of(&self, path: &str) -> bool {
        self.endings.is_empty() || ending_of(path).is_some_and(|ending| self.endings.contains(&ending))
    }

    /// What keeps `path`, which does not fit, from fitting.
    pub fn misfit(&self, path: &str) -> Misfit {
        let below = path.strip_prefix(self.prefix.as_str()).is_some_and(|rest| self.prefix.is_empty() || rest.starts_with('/'));
        if !below {
            return Misfit::Elsewhere;
        }
        if !self.takes_ending_of(path) {
            return Misfit::Ending;
        }
        let (least, most) = self.folders;
        match path.matches('/').count() {
            folders if folders < least => Misfit::Folders(least),
            folders => most.filter(|most| folders > *most).map_or(Misfit::Name, Misfit::Folders),
        }
    }

    /// Says whether `path` matches.
    pub fn matches(&self, path: &str) -> bool {
        self.regex.is_match(path)
    }

    /// The values of `path`, in the order of [`Pattern::captures`] and in their normal form ([`ids::normal`]), or `None` where it
    /// does not match.
    pub fn capture<'p>(&self, path: &'p str) -> Option<Vec<Cow<'p, str>>> {
        let mut values: Vec<Cow<'p, str>> = self.said(path)?.into_iter().map(ids::normal).collect();
        if let Some(site) = &self.site {
            let text = |part: &SitePart| match part {
                SitePart::Text(text) => text.clone(),
                SitePart::Capture(place) => values.get(*place).map(|value| value.clone().into_owned()).unwrap_or_default(),
            };
            let made: String = site.parts.iter().map(text).collect();
            match values.get_mut(site.place) {
                Some(value) => *value = Cow::Owned(made),
                None => values.push(Cow::Owned(made)),
            }
        }
        Some(values)
    }

    /// The columns that the path says, in the order of [`Pattern::said`].
    pub fn said_names(&self) -> &[String] {
        &self.captures[..self.said]
    }

    /// The texts of `path` as they stand there, or `None` where it does not match.
    pub fn said<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
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
        Some(self.said_names().iter().map(|name| found.name(name).map_or("", |m| m.as_str())).collect())
    }
}

/// Columns in words, for messages.
fn named(captures: &[String]) -> String {
    if captures.is_empty() { "none".to_owned() } else { format!("`{}`", captures.join("`, `")) }
}

/// A pattern without captures, for what is left out: of a whole path below the root where it has a `/`, else of a single name.
///
/// # Errors
/// As [`Pattern::parse`].
pub fn glob(text: &str) -> Result<Regex, PatternError> {
    let pattern = Pattern::parse(text.trim_end_matches('/'))?;
    if let Some(name) = pattern.captures.first() {
        return Err(PatternError::Captures(name.clone()));
    }
    Regex::new(&format!("(?i){}", pattern.regex.as_str())).map_err(|_| PatternError::Name(text.to_owned()))
}

/// How many folders stand above a file: at least, and at most.
fn folder_bounds(components: &[&str]) -> (usize, Option<usize>) {
    let stars = components.contains(&"**");
    let names = components.iter().filter(|component| **component != "**").count();
    // `**` at the end stands for the file too.
    let least = if components.last() == Some(&"**") { names } else { names.saturating_sub(1) };
    (least, (!stars).then_some(least))
}

/// The endings that the last part of a pattern spells out, in small letters; none where it leaves them open.
fn endings(last: &str) -> Vec<String> {
    let Some((_, ending)) = last.rsplit_once('.') else { return Vec::new() };
    let ending = ending.to_lowercase();
    match ending.strip_prefix('{').and_then(|inside| inside.strip_suffix('}')) {
        Some(choices) if choices.contains(',') => choices.split(',').map(|choice| choice.trim().to_owned()).collect(),
        _ if ending.contains(['*', '?', '{', '}']) => Vec::new(),
        _ => vec![ending],
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
    if IMAGE_ENDINGS.contains(&inside.to_lowercase().as_str()) {
        return Err(PatternError::Ending(inside.to_owned()));
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
        assert_eq!(pattern.folders(), (0, Some(0)));
    }

    #[test]
    fn a_literal_start_limits_the_walk() {
        let pattern = Pattern::parse("raw/2019/{site}/*.jpg").unwrap();
        assert_eq!(pattern.prefix(), "raw/2019");
        assert_eq!(pattern.folders(), (3, Some(3)));
        assert_eq!(Pattern::parse(REFERENCE).unwrap().folders(), (3, None));
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
    fn the_normal_form_of_a_folder_is_its_value() {
        let pattern = Pattern::parse("{site}/{season}/*.jpg").unwrap();
        assert_eq!(pattern.capture("sja\u{30a} /2024/1.jpg").unwrap(), ["sjå", "2024"]);
        assert_eq!(pattern.said("sja\u{30a} /2024/1.jpg").unwrap(), ["sja\u{30a} ", "2024"]);
    }

    #[test]
    fn a_site_can_be_made_of_several_folders() {
        let site = |path: &str, site: &str| Pattern::parse(path).unwrap().with_site(site);
        let pattern = site("{locality}/{site}/{season}/*.jpg", "{locality}_{site}").unwrap();
        assert_eq!(pattern.captures(), ["locality", "site", "season"]);
        assert_eq!(pattern.capture("north/1/2024/1.jpg").unwrap(), ["north", "north_1", "2024"]);
        let pattern = site("{locality}/{number}/*.jpg", "{locality}-{number}x").unwrap();
        assert_eq!(pattern.captures(), ["locality", "number", "site"]);
        assert_eq!(pattern.capture("north/1/1.jpg").unwrap(), ["north", "1", "north-1x"]);
        for bad in ["{region}_{site}", "north", "{site"] {
            assert!(matches!(site("{locality}/{site}/*.jpg", bad), Err(PatternError::Site(..))), "{bad}");
        }
    }

    #[test]
    fn what_keeps_a_path_out_is_known() {
        let pattern = Pattern::parse("raw/{site}/{season}/**/*.{jpg,jpeg}").unwrap();
        assert_eq!(pattern.misfit("raw/s3/IMG_1.JPG"), Misfit::Folders(3));
        assert_eq!(pattern.misfit("raw/s3/2024/IMG_1.png"), Misfit::Ending);
        assert_eq!(pattern.misfit("rawer/s3/2024/IMG_1.jpg"), Misfit::Elsewhere);
        assert_eq!(Pattern::parse("{site}/*.jpg").unwrap().misfit("a/b/1.jpg"), Misfit::Folders(1));
        assert_eq!(Pattern::parse("{site}/IMG*.jpg").unwrap().misfit("a/1.jpg"), Misfit::Name);
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
        assert_eq!(error("{site}/*.{jpg}"), PatternError::Ending("jpg".into()));
        assert_eq!(error("{site}/*.{JPG}"), PatternError::Ending("JPG".into()));
        assert!(matches!(glob("{site}/x"), Err(PatternError::Captures(_))));
        assert_eq!(error("a**/*.jpg"), PatternError::Stars);
        assert_eq!(error("a\\*.jpg"), PatternError::Backslash);
        assert_eq!(error(" "), PatternError::Empty);
    }
}
