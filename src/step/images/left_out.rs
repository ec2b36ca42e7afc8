//! What a scan leaves out, in words: files that fit no pattern, files of systems and programmes, files that `exclude:` names.

use std::collections::BTreeMap;

use super::pattern::{IMAGE_ENDINGS, Misfit, Pattern, ending_of};
use crate::step::Finding;
use crate::table::Table;

/// Files that fit no pattern of a source.
pub const UNMATCHED: &str = "unmatched";
/// Files of systems and programmes that would fit.
pub const OF_SYSTEM: &str = "of_system";
/// Files that `exclude:` leaves out and that would fit.
pub const EXCLUDED: &str = "excluded";

/// How many folders a finding names.
const NAMED: usize = 5;

/// Some files of one folder that were left out for one reason.
struct Group<'t> {
    /// The first of them by name.
    path: &'t str,
    files: u64,
}

impl Group<'_> {
    fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("the root itself", |(folder, _)| folder)
    }
}

fn groups<'t>(scanned: &'t Table, kind: &str) -> Vec<Group<'t>> {
    let columns = (scanned.column("path"), scanned.column("problem"), scanned.column("files"));
    let (Some(paths), Some(problems), Some(files)) = columns else { return Vec::new() };
    let group = |row: usize| {
        let files = files.int(row).and_then(|files| u64::try_from(files).ok()).unwrap_or(1);
        Some(Group { path: paths.text(row)?, files })
    };
    (0..scanned.rows).filter(|row| problems.text(*row) == Some(kind)).filter_map(group).collect()
}

/// The findings about what was left out of `scanned`.
pub(super) fn findings(scanned: &Table, pattern: &Pattern, text: &str) -> Vec<Finding> {
    let unmatched = groups(scanned, UNMATCHED);
    let is_image = |group: &&Group<'_>| is_image(group.path, pattern);
    let (images, others): (Vec<_>, Vec<_>) = unmatched.iter().partition(is_image);
    let mut found = Vec::new();
    found.extend(finding(
        "unmatched",
        &images,
        &format!(
            "images below the root do not fit `{text}`, or any other pattern, and are not in the data set: {}",
            why(&images, pattern)
        ),
        |group| format!("{} in {}, such as {}", group.files, group.folder(), group.path),
    ));
    let endings = by_ending(&others);
    found.extend(finding(
        "other_files",
        &others,
        &format!("other files below the root fit no pattern and are left alone: {endings}"),
        |group| format!("{} in {}, such as {}", group.files, group.folder(), group.path),
    ));
    let of_system: Vec<_> = groups(scanned, OF_SYSTEM);
    found.extend(finding(
        OF_SYSTEM,
        &of_system.iter().collect::<Vec<_>>(),
        "files that systems and programmes made (copies of a Mac, thumbnails, a recycle bin) are left out",
        |group| format!("{} such as {}", group.files, group.path),
    ));
    let excluded: Vec<_> = groups(scanned, EXCLUDED);
    found.extend(finding(EXCLUDED, &excluded.iter().collect::<Vec<_>>(), "files are left out by `exclude:`", |group| {
        format!("{} such as {}", group.files, group.path)
    }));
    found
}

fn finding(kind: &str, groups: &[&Group<'_>], words: &str, example: impl Fn(&&&Group<'_>) -> String) -> Option<Finding> {
    let files = groups.iter().map(|group| group.files).sum();
    let mut largest = groups.to_vec();
    largest.sort_by_key(|group| (std::cmp::Reverse(group.files), group.path));
    let mut examples: Vec<String> = largest.iter().take(NAMED).map(|group| example(&group)).collect();
    let more = groups.len().saturating_sub(NAMED);
    if more > 0 {
        examples.push(format!("and in {more} other folders"));
    }
    Finding::counted(kind, files, words, examples)
}

fn is_image(path: &str, pattern: &Pattern) -> bool {
    ending_of(path).is_some_and(|ending| IMAGE_ENDINGS.contains(&ending.as_str()) || pattern.takes_ending_of(path))
}

/// What the pattern wants and most of the files lack.
fn why(groups: &[&Group<'_>], pattern: &Pattern) -> String {
    let mut counts: BTreeMap<Misfit, u64> = BTreeMap::new();
    for group in groups {
        *counts.entry(pattern.misfit(group.path)).or_default() += group.files;
    }
    let most = counts.into_iter().max_by_key(|(_, files)| *files).map(|(misfit, _)| misfit);
    match most {
        Some(Misfit::Folders(wanted)) => {
            let example = groups.iter().find(|group| pattern.misfit(group.path) == Misfit::Folders(wanted));
            let has = example.map_or(0, |group| group.path.matches('/').count());
            let (least, at_most) = pattern.folders();
            let bound = if at_most.is_none() && has < least { "at least " } else { "" };
            let beside = if has > wanted { "; `**/` before the file's name takes folders below too" } else { "" };
            format!(
                "it wants {bound}{wanted} folders above a file, they lie below {has}: move them, or change the pattern{beside}"
            )
        }
        Some(Misfit::Ending) => {
            "their names end otherwise: add the ending to the pattern, or name them under `exclude:`".to_owned()
        }
        _ => "their names or folders are others: change the pattern, or name them under `exclude:`".to_owned(),
    }
}

/// How many files have which ending, most first: `12 .txt, 3 .avi`.
fn by_ending(groups: &[&Group<'_>]) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for group in groups {
        *counts
            .entry(ending_of(group.path).map_or_else(|| "without ending".to_owned(), |ending| format!(".{ending}")))
            .or_default() += group.files;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let named: Vec<String> = counts.iter().take(NAMED).map(|(ending, files)| format!("{files} {ending}")).collect();
    named.join(", ") + if counts.len() > NAMED { " and others" } else { "" }
}

/// Why a pattern that nothing fits is an error, and what lies there instead.
pub(super) fn nothing_fits(scanned: &Table, pattern: &Pattern, text: &str, root: &str) -> String {
    let unmatched = groups(scanned, UNMATCHED);
    let images: Vec<_> = unmatched.iter().filter(|group| is_image(group.path, pattern)).collect();
    let count: u64 = images.iter().map(|group| group.files).sum();
    let left_out: u64 = [OF_SYSTEM, EXCLUDED].iter().flat_map(|kind| groups(scanned, kind)).map(|group| group.files).sum();
    let mut words = format!("no file below root `{root}` fits the pattern `{text}`");
    match images.first() {
        Some(first) => {
            words.push_str(&format!(
                " ({count} images lie there, such as {}): {}",
                crate::path::display(first.path),
                why(&images, pattern)
            ));
        }
        None if left_out > 0 => {
            words.push_str(&format!(": all {left_out} that would fit are left out (`exclude:`, files of systems)"));
        }
        None => words.push_str(": put the images there, or say where they are (`root`, and `trapline.local.yaml` for a disk)"),
    }
    words
}
