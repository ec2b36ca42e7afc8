//! Images that keep their name although the line of the manifest says another place or other bytes.

use std::collections::{HashMap, HashSet};

use super::EXAMPLES;
use super::images::Images;
use super::manifest::Manifest;
use super::template::Template;
use crate::id::ContentId;
use crate::moves::{Moves, Place};
use crate::step::Finding;

/// What an image without a line has to do with an entry of the manifest.
enum Link {
    /// The image lay at the entry's place and moved.
    Moved(Place),
    /// The bytes and the path are the entry's: its columns `season` or `site` were changed.
    Respelled,
    /// The image lies at the entry's path and has other bytes, the entry's bytes are gone, and the name fits.
    Rewritten,
}

/// Gives images that have no line of their own the line that was theirs. Says whether the manifest changed.
pub fn stay<'a>(
    images: &Images<'a>,
    manifest: &mut Manifest<'a>,
    moves: &Moves,
    template: &Template,
    file: &str,
    findings: &mut Vec<Finding>,
) -> bool {
    let places = images.places(manifest);
    let fresh: Vec<usize> = (0..places.len()).filter(|row| places[*row].is_none()).collect();
    if fresh.is_empty() || manifest.entries.is_empty() {
        return false;
    }
    // A line has one image: what is at its place keeps it.
    let mut taken: HashSet<usize> = places.into_iter().flatten().collect();
    let by_path = by_path(images, &fresh, manifest, &taken);
    let (mut moved, mut respelled, mut rewritten, mut replaced) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in fresh {
        let Some(content) = images.content.content(row) else { continue };
        let here = images.observed(row);
        let found = at_earlier_place(manifest, moves, &here, content, &taken)
            .or_else(|| {
                let mut same = manifest.of_content(content).filter(|at| !taken.contains(at));
                same.find(|at| manifest.entries[*at].path == images.path(row)).map(|at| (at, Link::Respelled))
            })
            .or_else(|| {
                let at = *by_path.get(images.path(row))?;
                let entry = &manifest.entries[at];
                if taken.contains(&at) || entry.season != here.season || entry.site != here.site {
                    return None;
                }
                if template.draft(images.table, row).is_ok_and(|draft| draft.fits(&entry.name)) {
                    return Some((at, Link::Rewritten));
                }
                replaced.push(format!("{}: not `{}`", images.path(row), entry.name));
                None
            });
        let Some((at, link)) = found else { continue };
        taken.insert(at);
        let name = manifest.entries[at].name.to_string();
        match link {
            Link::Moved(from) => moved.push(format!("{name}: {} is {}", from.words(&here), here.words(&from))),
            Link::Respelled => respelled.push(format!("{name}: {}", images.path(row))),
            Link::Rewritten => rewritten.push(format!("{name}: {}", images.path(row))),
        }
        if manifest.entries[at].content != content {
            manifest.set_content(at, content);
        }
        let path = images.path(row);
        let entry = &mut manifest.entries[at];
        (entry.season, entry.site, entry.path) = (here.season.into(), here.site.into(), path.into());
    }
    let is_changed = !(moved.is_empty() && respelled.is_empty() && rewritten.is_empty());
    let mut say = |kind: &str, found: &[String], words: &str| {
        let examples = found.iter().take(EXAMPLES).cloned().collect();
        findings.extend(Finding::counted(kind, found.len() as u64, words, examples));
    };
    say("names_moved", &moved, "images keep their names under the new site or season of their folder");
    let words =
        format!("lines of `{file}` had another season or site than the path of their image; they have those of the path again");
    say("names_healed", &respelled, &words);
    let words = format!(
        "images have other bytes than `{file}` says and lie where it says, with the same site and date: a tag was written into them, or \
         the line was damaged; they keep their names"
    );
    say("names_rewritten", &rewritten, &words);
    let words = format!("images lie where `{file}` has others and do not fit their names: they get names of their own");
    say("names_replaced", &replaced, &words);
    is_changed
}

/// The line of a place at which the image was before.
fn at_earlier_place(
    manifest: &Manifest<'_>,
    moves: &Moves,
    here: &Place,
    content: ContentId,
    taken: &HashSet<usize>,
) -> Option<(usize, Link)> {
    moves.before(here, content).into_iter().find_map(|place| {
        let at = manifest.find(&place.season, &place.site, content, usize::MAX)?;
        (!taken.contains(&at)).then(|| (at, Link::Moved(place.clone())))
    })
}

/// Lines whose bytes are not among the images, by their path, as far as an image without a line lies there.
fn by_path<'m>(images: &Images<'m>, fresh: &[usize], manifest: &Manifest<'_>, taken: &HashSet<usize>) -> HashMap<&'m str, usize> {
    let paths: HashSet<&str> = fresh.iter().map(|row| images.path(*row)).collect();
    let lines = manifest.entries.iter().enumerate().filter(|(at, _)| !taken.contains(at));
    let mut found: HashMap<&str, usize> = HashMap::new();
    let mut contents: HashMap<ContentId, usize> = HashMap::new();
    for (at, entry) in lines {
        if let Some(path) = paths.get(entry.path.as_ref()) {
            found.insert(*path, at);
            contents.insert(entry.content, at);
        }
    }
    if found.is_empty() {
        return found;
    }
    let present: HashSet<ContentId> =
        (0..images.table.rows).filter_map(|row| images.content.content(row)).filter(|id| contents.contains_key(id)).collect();
    found.retain(|_, at| !present.contains(&manifest.entries[*at].content));
    found
}
