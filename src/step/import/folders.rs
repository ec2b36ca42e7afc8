//! Finds paths of files among those of the images. A path names one image: as it stands, or, where that holds for all paths of its
//! file, without the same number of first folders or below the same number of folders.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use super::files;
use crate::diagnostic::Spanned;
use crate::table::{Table, TableError, Type, excerpt};

/// Site and season as codes of the images' columns: what rows and images must have in common.
pub type Spot = [u32; 2];

/// Folders that are told; there may be any number.
const TOLD: usize = 3;

/// Folders that the pipeline says: by file, what its paths lose at their beginning, and what they get there.
#[derive(Debug, Default)]
pub struct Given {
    /// `strip`: files, or names with `*`, with folders.
    pub strip: Vec<(Spanned<String>, String)>,
    /// `prefix`, likewise.
    pub prefix: Vec<(Spanned<String>, String)>,
}

impl Given {
    fn of(pairs: &[(Spanned<String>, String)], file: &str) -> Option<String> {
        let (_, folders) = pairs.iter().find(|(key, _)| files::stands_for(&key.value, file))?;
        Some(normal(folders).into_owned())
    }
}

/// A path that is looked for.
pub struct Wanted<'t> {
    /// The row that has it.
    pub row: usize,
    /// `None` where no image has the row's site and season.
    pub spot: Option<Spot>,
    /// As the file writes it.
    pub path: &'t str,
}

/// The image that a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Its row.
    pub image: u32,
    /// It is the path of a copy, whose bytes are those of the image.
    pub copy: bool,
    /// Another image that it names as well.
    pub other: Option<u32>,
}

/// The paths of images.
pub struct Paths<'t>(Vec<(Spot, Cow<'t, str>, Hit)>);

impl<'t> Paths<'t> {
    /// Of the images with a path and a spot.
    pub fn of(images: &'t Table, spots: &[Option<Spot>]) -> Self {
        let texts = |name: &str| images.column(name).filter(|column| column.ty() == Type::Text);
        let (own, others) = (texts("path"), texts("other_paths"));
        let mut paths = Vec::with_capacity(images.rows);
        for (row, image) in (0..images.rows).zip(0_u32..) {
            let Some(spot) = spots[row] else { continue };
            let mut add = |path: &'t str, copy| paths.push((spot, normal(path), Hit { image, copy, other: None }));
            own.and_then(|column| column.text(row)).into_iter().for_each(|path| add(path, false));
            let copies = others.and_then(|column| column.text(row)).into_iter().flat_map(|text| text.split(" | "));
            copies.for_each(|path| add(path, true));
        }
        Self(paths)
    }
}

/// The first two places of a path among those of images.
type Places = (u32, Option<u32>);

/// The paths of images, to be looked up as a whole or by what is left of them without their first folders.
pub struct Archive<'p> {
    paths: &'p [(Spot, Cow<'p, str>, Hit)],
    /// By the number of folders left out.
    tails: Vec<HashMap<(Spot, &'p str), Places>>,
}

/// How the paths of a file lie among those of the images.
pub struct Fit {
    /// The image of each path.
    pub hits: Vec<Option<Hit>>,
    /// Folders left out or added without having been asked for, in words.
    pub guessed: Option<String>,
}

impl<'p> Archive<'p> {
    /// Of these paths.
    pub fn of(paths: &'p Paths<'_>) -> Self {
        Self { paths: &paths.0, tails: Vec::new() }
    }

    /// Makes what is left of the paths without up to `folders` of their first folders findable.
    fn prepare(&mut self, folders: usize) {
        while self.tails.len() <= folders {
            let dropped = self.tails.len();
            let mut tails: HashMap<(Spot, &'p str), Places> = HashMap::with_capacity(self.paths.len());
            for (at, (spot, path, _)) in (0_u32..).zip(self.paths) {
                let Some(tail) = without(path, dropped) else { continue };
                match tails.entry((*spot, tail)) {
                    Entry::Vacant(new) => drop(new.insert((at, None))),
                    Entry::Occupied(mut known) => drop(known.get_mut().1.get_or_insert(at)),
                }
            }
            self.tails.push(tails);
        }
    }

    /// The image that `path` names among the images' paths without their first `folders`.
    fn hit(&self, spot: Option<Spot>, path: &str, folders: usize) -> Option<Hit> {
        let (first, other) = *self.tails.get(folders)?.get(&(spot?, path))?;
        let (hit, other) = (self.paths[first as usize].2, other.map(|at| self.paths[at as usize].2.image));
        Some(Hit { other: other.filter(|other| *other != hit.image), ..hit })
    }

    fn depth(&self) -> usize {
        self.paths.iter().map(|(_, path, _)| folders(path)).max().unwrap_or(0)
    }

    /// Finds the paths of one file.
    ///
    /// # Errors
    /// Where only some of them fit, or several images fit one, with counts and the way out.
    pub fn fit(&mut self, file: &str, wanted: &[Wanted<'_>], given: &Given) -> Result<Fit, TableError> {
        let (strip, prefix) = (Given::of(&given.strip, file), Given::of(&given.prefix, file));
        let paths: Vec<Cow<'_, str>> = wanted.iter().map(|one| normal(one.path)).collect();
        if strip.is_some() || prefix.is_some() {
            return self.fit_given(file, wanted, &paths, strip.as_deref(), prefix.as_deref());
        }
        let hits = self.hits(wanted, &paths, 0, 0);
        if hits.iter().any(Option::is_some) || wanted.is_empty() {
            return Ok(Fit { hits, guessed: None });
        }
        let deepest = paths.iter().map(|path| folders(path)).max().unwrap_or(0);
        let left_out = (1..=deepest).map(|dropped| (dropped, 0));
        let added = (1..=self.depth()).map(|added| (0, added));
        let mut best: Option<Tried> = None;
        for (dropped, added) in left_out.chain(added) {
            let hits = self.hits(wanted, &paths, dropped, added);
            let tried = Tried::of(wanted, &paths, dropped, added, hits);
            if tried.fits() {
                let folders = self.folders_of(&tried, &paths);
                return Ok(Fit { guessed: Some(guessed(file, &tried, &folders)), hits: tried.hits });
            }
            if tried.found > best.as_ref().map_or(0, |best| best.found) {
                best = Some(tried);
            }
        }
        match best {
            None => Ok(Fit { hits, guessed: None }),
            Some(best) => Err(self.refusal(file, wanted, &paths, &best)),
        }
    }

    fn fit_given(
        &mut self,
        file: &str,
        wanted: &[Wanted<'_>],
        paths: &[Cow<'_, str>],
        strip: Option<&str>,
        prefix: Option<&str>,
    ) -> Result<Fit, TableError> {
        let mut meant = Vec::with_capacity(paths.len());
        for path in paths {
            let rest = match strip.filter(|strip| !strip.is_empty()) {
                Some(strip) => path.strip_prefix(strip).and_then(|rest| rest.strip_prefix('/')),
                None => Some(path.as_ref()),
            };
            meant.push(rest.map(|rest| match prefix.filter(|prefix| !prefix.is_empty()) {
                Some(prefix) => format!("{prefix}/{rest}"),
                None => rest.to_owned(),
            }));
        }
        if let (Some(strip), Some(first)) = (strip, paths.first())
            && meant.iter().all(Option::is_none)
        {
            let message = format!("no path begins with the `{strip}/` of `strip`; the first is `{}`", excerpt(first));
            return Err(whole(file, message));
        }
        self.prepare(0);
        let hits = wanted.iter().zip(&meant).map(|(one, path)| self.hit(one.spot, path.as_deref()?, 0)).collect();
        Ok(Fit { hits, guessed: None })
    }

    fn hits(&mut self, wanted: &[Wanted<'_>], paths: &[Cow<'_, str>], dropped: usize, added: usize) -> Vec<Option<Hit>> {
        self.prepare(added);
        wanted.iter().zip(paths).map(|(one, path)| self.hit(one.spot, without(path, dropped)?, added)).collect()
    }

    /// The folders that a try leaves out or adds, the first of them.
    fn folders_of(&self, tried: &Tried, paths: &[Cow<'_, str>]) -> BTreeSet<String> {
        let mut folders = BTreeSet::new();
        for (hit, path) in tried.hits.iter().zip(paths) {
            if folders.len() > TOLD {
                break;
            }
            let Some(hit) = hit else { continue };
            let whole: &str = if tried.dropped > 0 { path } else { self.path_of(hit.image) };
            folders.extend(before(whole, tried.dropped.max(tried.added)).map(str::to_owned));
        }
        folders
    }

    fn path_of(&self, image: u32) -> &'p str {
        // In the order of the images: their own paths come before those of copies.
        let at = self.paths.partition_point(|(.., hit)| hit.image < image);
        &self.paths[at.min(self.paths.len().saturating_sub(1))].1
    }

    /// Why the best try is not taken, and the way out.
    fn refusal(&self, file: &str, wanted: &[Wanted<'_>], paths: &[Cow<'_, str>], best: &Tried) -> TableError {
        let folders = self.folders_of(best, paths);
        let (option, what) = if best.dropped > 0 {
            ("strip", format!("without {} ({})", first_folders(best.dropped), listed(&folders)))
        } else {
            ("prefix", format!("below {} of the images ({})", first_folders(best.added), listed(&folders)))
        };
        let example = folders.first().map_or_else(|| "FOLDERS".to_owned(), Clone::clone);
        let say = format!("say `{option}: \"{example}\"`, or by file `{option}: {{ \"{file}\": \"{example}\" }}`");
        let all = paths.len();
        if let Some((row, first, other)) = best.several {
            let images = [self.path_of(first), self.path_of(other)];
            return whole(
                file,
                format!(
                    "{} of {all} paths may be several images: `{}` is `{}` or `{}`; {say}",
                    best.ambiguous,
                    excerpt(wanted[row].path),
                    images[0],
                    images[1]
                ),
            );
        }
        if let Some((row, other)) = best.clash {
            let message = format!(
                "`{}` and `{}` would be one image {what}; {say}, to read those of one folder",
                excerpt(wanted[row].path),
                excerpt(wanted[other].path)
            );
            return whole(file, message);
        }
        let missed = best.hits.iter().position(Option::is_none).map_or("", |row| wanted[row].path);
        let message = format!(
            "no path is that of an image as it stands; {} of {all} would be {what}, `{}` would not. Folders are left out or added \
             only where that fits all paths of a file: {say}, or import the files that belong to these images",
            best.found,
            excerpt(missed)
        );
        whole(file, message)
    }
}

/// What leaving out or adding so many folders comes to.
struct Tried {
    dropped: usize,
    added: usize,
    hits: Vec<Option<Hit>>,
    found: usize,
    /// Paths that name several images.
    ambiguous: usize,
    /// The first of them, and two of its images.
    several: Option<(usize, u32, u32)>,
    /// Two paths that would become one.
    clash: Option<(usize, usize)>,
}

impl Tried {
    fn of(wanted: &[Wanted<'_>], paths: &[Cow<'_, str>], dropped: usize, added: usize, hits: Vec<Option<Hit>>) -> Self {
        let (mut found, mut ambiguous, mut several, mut clash) = (0, 0, None, None);
        let mut first: HashMap<(Spot, &str), usize> = HashMap::with_capacity(hits.len());
        for (at, hit) in hits.iter().enumerate() {
            let (Some(hit), Some(spot)) = (hit, wanted[at].spot) else { continue };
            found += 1;
            if let Some(other) = hit.other {
                ambiguous += 1;
                several = several.or(Some((at, hit.image, other)));
            }
            let tail = without(&paths[at], dropped).unwrap_or_default();
            let other = *first.entry((spot, tail)).or_insert(at);
            if paths[other] != paths[at] {
                clash = clash.or(Some((other, at)));
            }
        }
        Self { dropped, added, hits, found, ambiguous, several, clash }
    }

    fn fits(&self) -> bool {
        self.found == self.hits.len() && self.several.is_none() && self.clash.is_none()
    }
}

fn guessed(file: &str, tried: &Tried, folders: &BTreeSet<String>) -> String {
    if tried.dropped > 0 {
        format!("`{file}`: all paths without {}, {}", first_folders(tried.dropped), listed(folders))
    } else {
        format!("`{file}`: all paths below {} of the images, {}", first_folders(tried.added), listed(folders))
    }
}

fn first_folders(count: usize) -> String {
    if count == 1 { "the first folder".to_owned() } else { format!("the first {count} folders") }
}

fn listed(folders: &BTreeSet<String>) -> String {
    let told: Vec<String> = folders.iter().take(TOLD).map(|folder| format!("`{folder}/`")).collect();
    let more = if folders.len() > TOLD { " and others" } else { "" };
    format!("{}{more}", told.join(", "))
}

fn whole(file: &str, message: String) -> TableError {
    TableError::Text { file: file.to_owned(), line: None, column: Some("path".to_owned()), message }
}

/// A path as it is compared: `/` between its folders, without empty ones and `.`.
pub fn normal(path: &str) -> Cow<'_, str> {
    let odd = |part: &str| part.is_empty() || part == ".";
    if !path.contains('\\') && !path.split('/').any(odd) {
        return Cow::Borrowed(path);
    }
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !odd(part)).collect();
    Cow::Owned(parts.join("/"))
}

fn folders(path: &str) -> usize {
    path.bytes().filter(|byte| *byte == b'/').count()
}

/// The path without its first folders; `None` where it has fewer.
fn without(path: &str, count: usize) -> Option<&str> {
    (0..count).try_fold(path, |rest, _| rest.split_once('/').map(|(_, rest)| rest))
}

/// The first folders of a path.
fn before(path: &str, count: usize) -> Option<&str> {
    let rest = without(path, count)?;
    path.strip_suffix(rest)?.strip_suffix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_every_system_are_compared_alike() {
        assert_eq!(normal(r"E:\archive\.\s1\\1.jpg"), "E:/archive/s1/1.jpg");
        assert_eq!(normal("//nas/s1/1.jpg"), "nas/s1/1.jpg");
        assert!(matches!(normal("s1/1.jpg"), Cow::Borrowed("s1/1.jpg")));
        assert_eq!((without("a/b/1.jpg", 2), without("a/1.jpg", 2), before("a/b/1.jpg", 2)), (Some("1.jpg"), None, Some("a/b")));
    }
}
