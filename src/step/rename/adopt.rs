//! Names given before: a manifest of another project, or the metadata files of the reference workflow.

use std::borrow::Cow;
use std::collections::HashMap;

use super::manifest::{COLUMNS, Entry, Manifest};
use crate::id::ContentId;
use crate::table::{Reading, TableError};

/// The columns that may hold a name, a file, a site and a season, the first that is there counting.
const NAMES: &[&str] = &["NewFileName", "new_name", "name"];
const FILES: &[&str] = &["SourceFile", "path", "FileName", "file_name", "filename", "file"];
const SITES: &[&str] = &["site"];
const SEASONS: &[&str] = &["season", "year"];

/// A name given before to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given<'a> {
    /// The file: a path as it was then, or its last part.
    pub file: Cow<'a, str>,
    /// Its site, where the table says so.
    pub site: Option<Cow<'a, str>>,
    /// Its season, where the table says so.
    pub season: Option<Cow<'a, str>>,
    /// The name.
    pub name: Cow<'a, str>,
}

/// What a file to adopt holds.
#[derive(Debug)]
pub enum Adopted<'a> {
    /// A manifest: names by observation, taken as they are.
    Manifest(Vec<Entry<'a>>),
    /// Names by file, to be found among the images.
    Files(Vec<Given<'a>>),
}

/// Reads a file to adopt.
///
/// # Errors
/// [`TableError::Text`] for a file without a column of names or files, or one that is damaged.
pub fn read<'a>(bytes: &'a [u8], file: &'a str) -> Result<Adopted<'a>, TableError> {
    let reading = Reading::tolerant(file);
    let mut records = reading.records(bytes)?;
    let mut fields = Vec::new();
    let line = records.next(&mut fields)?;
    let header: Vec<String> = fields.iter().map(|field| field.text.trim().to_owned()).collect();
    if COLUMNS.iter().all(|name| header.iter().any(|column| column == name)) {
        return Ok(Adopted::Manifest(Manifest::read(bytes, file)?.entries));
    }
    let place = |names: &[&str]| names.iter().find_map(|name| header.iter().position(|column| column == name));
    let (Some(name), Some(file_at)) = (place(NAMES), place(FILES)) else {
        let message = format!("to adopt names, a table needs a column of {} and one of {}", words(NAMES), words(FILES));
        return Err(TableError::Text { file: file.to_owned(), line, column: None, message });
    };
    let (site, season) = (place(SITES), place(SEASONS));
    let mut given = Vec::new();
    while let Some(line) = records.next(&mut fields)? {
        if fields.len() != header.len() {
            let message = format!("{} fields under a header of {}", fields.len(), header.len());
            return Err(TableError::Text { file: file.to_owned(), line: Some(line), column: None, message });
        }
        let at = |place: usize| Some(fields[place].text.clone()).filter(|text| !text.is_empty() && text != "NA");
        if let (Some(name), Some(file)) = (at(name), at(file_at)) {
            given.push(Given { file, site: site.and_then(at), season: season.and_then(at), name });
        }
    }
    Ok(Adopted::Files(given))
}

fn words(names: &[&str]) -> String {
    format!("`{}`", names.join("`, `"))
}

/// An image that has no name yet.
#[derive(Debug, Clone)]
pub struct Unnamed<'a> {
    /// Its season; empty where there is none.
    pub season: Cow<'a, str>,
    /// Its site; empty where there is none.
    pub site: Cow<'a, str>,
    /// Where it lies.
    pub path: &'a str,
    /// Its identity.
    pub content: ContentId,
}

/// Which image a given name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// This one of the images.
    Image(usize),
    /// None of them.
    None,
    /// Several that cannot be told apart.
    Several,
}

/// Finds files among images by site, season and file name.
pub struct Matcher<'a> {
    images: &'a [Unnamed<'a>],
    by_file: HashMap<(&'a str, &'a str), Vec<usize>>,
}

impl<'a> Matcher<'a> {
    /// Prepares for `images`.
    pub fn new(images: &'a [Unnamed<'a>]) -> Self {
        let mut by_file: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, image) in images.iter().enumerate() {
            by_file.entry((image.site.as_ref(), last_part(image.path))).or_default().push(at);
        }
        Self { images, by_file }
    }

    /// The image that `given` names: of the same site and season, of the same file name, and with the most folders in common.
    pub fn find(&self, given: &Given<'_>) -> Match {
        let path = given.file.replace('\\', "/");
        let parts: Vec<&str> = path.split('/').collect();
        let (Some(file), folders) = (parts.last(), &parts[..parts.len() - 1]) else { return Match::None };
        let sites: Vec<&str> = match &given.site {
            Some(site) => vec![site],
            // A site is a folder of the path; ids match whole: `ko_ga_hu_1` is not `ko_ga_hu_1b`.
            None => folders.iter().copied().chain([""]).collect(),
        };
        let mut best: Option<(usize, usize)> = None;
        let mut tied = false;
        for at in sites.iter().filter_map(|site| self.by_file.get(&(*site, *file))).flatten() {
            let image = &self.images[*at];
            let season_fits = match &given.season {
                Some(season) => image.season == *season,
                None => image.season.is_empty() || folders.is_empty() || folders.contains(&image.season.as_ref()),
            };
            if !season_fits {
                continue;
            }
            let shared = image.path.rsplit('/').zip(parts.iter().rev()).take_while(|(a, b)| a == *b).count();
            match best {
                Some((other, _)) if other == *at => {}
                Some((_, most)) if shared == most => tied = true,
                Some((_, most)) if shared < most => {}
                _ => (best, tied) = (Some((*at, shared)), false),
            }
        }
        match best {
            Some((at, _)) if !tied => Match::Image(at),
            Some(_) => Match::Several,
            None => Match::None,
        }
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(season: &'static str, site: &'static str, path: &'static str) -> Unnamed<'static> {
        Unnamed { season: season.into(), site: site.into(), path, content: ContentId::of(path.as_bytes()) }
    }

    fn given(file: &'static str) -> Given<'static> {
        Given { file: file.into(), site: None, season: None, name: "n".into() }
    }

    #[test]
    fn sites_match_whole_and_seasons_and_folders_decide() {
        let images = [
            image("2020", "ko_1", "ko/ko_1/2020/100RECNX/IMG_1.JPG"),
            image("2020", "ko_1", "ko/ko_1/2020/101RECNX/IMG_1.JPG"),
            image("2020", "ko_1b", "ko/ko_1b/2020/100RECNX/IMG_1.JPG"),
            image("2021", "ko_1", "ko/ko_1/2021/100RECNX/IMG_1.JPG"),
        ];
        let matcher = Matcher::new(&images);
        assert_eq!(matcher.find(&given("data/raw/ko/ko_1/2020/101RECNX/IMG_1.JPG")), Match::Image(1));
        assert_eq!(matcher.find(&given("data\\raw\\ko\\ko_1b\\2020\\100RECNX\\IMG_1.JPG")), Match::Image(2));
        assert_eq!(matcher.find(&given("ko/ko_1/2021/100RECNX/IMG_1.JPG")), Match::Image(3));
        assert_eq!(matcher.find(&given("ko/ko_1/2022/100RECNX/IMG_1.JPG")), Match::None);
        assert_eq!(matcher.find(&given("ko/ko_1/2020/IMG_1.JPG")), Match::Several);
        let by_columns = Given { site: Some("ko_1b".into()), season: Some("2020".into()), ..given("IMG_1.JPG") };
        assert_eq!(matcher.find(&by_columns), Match::Image(2));
    }
}
