//! Moves: images that are known under one site or season and lie under another now are remembered in `moves.csv`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::scan::Scan;
use crate::check::Pipeline;
use crate::id::ContentId;
use crate::moves::{FILE_NAME, Move, Place};
use crate::step::images::pattern::Pattern;
use crate::step::moved::moves_of;
use crate::step::{StepError, rename};
use crate::store::{ResultManifest, Store};

/// An image as something knew it before this run.
struct Before {
    content: ContentId,
    place: Place,
    path: String,
}

/// Compares what the `last` result of a source and the manifests of names knew with what the root shows now, and adds what moved to
/// `moves.csv`. Gives what to tell, one sentence per pair of places.
///
/// The same bytes at two places that are both there are a copy; an image moved where its old place has it no longer and the new one
/// was not known.
///
/// # Errors
/// When `moves.csv` or a manifest cannot be read, or the former cannot be written.
pub fn follow(
    pipeline: &Pipeline,
    scan: &Scan,
    store: &Store,
    last: Option<&ResultManifest>,
    now: &str,
) -> Result<Vec<String>, StepError> {
    let Some(places) = Places::of(&scan.pattern).filter(|_| scan.folder.is_some()) else { return Ok(Vec::new()) };
    if last.is_some_and(|last| is_as_before(last, scan)) {
        return Ok(Vec::new());
    }
    let mut before = named(pipeline)?;
    before.extend(last.into_iter().flat_map(|last| listed(store, last)));
    let is_there = |path: &str| scan.paths.binary_search_by(|own| own.as_str().cmp(path)).is_ok();
    let (gone, stayed): (Vec<Before>, Vec<Before>) = before.into_iter().partition(|one| !is_there(&one.path));
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let contents: HashSet<ContentId> = gone.iter().map(|one| one.content).collect();
    let mut present: HashMap<ContentId, Vec<Place>> = HashMap::new();
    for (path, content) in scan.contents().filter(|(_, content)| contents.contains(content)) {
        if let Some(place) = places.at(path) {
            let found = present.entry(content).or_default();
            if !found.contains(&place) {
                found.push(place);
            }
        }
    }
    let known: HashSet<(ContentId, &Place)> =
        gone.iter().chain(&stayed).filter(|one| contents.contains(&one.content)).map(|one| (one.content, &one.place)).collect();
    let gone = gone.iter().map(|one| (one.content, &one.place)).collect();
    remember(&pipeline.project, gone, &present, &known, now)
}

/// Says whether the root shows what it showed when the result was made.
fn is_as_before(last: &ResultManifest, scan: &Scan) -> bool {
    let listing = scan.state().listing.map(|id| id.to_string());
    last.inputs.iter().any(|input| input.name == "listing" && Some(&input.value) == listing.as_ref())
}

/// The images of a source's last result. What the store has lost, it cannot tell of.
fn listed(store: &Store, last: &ResultManifest) -> Vec<Before> {
    let Some(output) = last.outputs.first() else { return Vec::new() };
    let Ok(stored) = store.open_table(output.id) else { return Vec::new() };
    let wanted = ["content", "path", "season", "site"].into_iter().filter(|name| stored.schema().field(name).is_some());
    let Ok(table) = stored.read(Some(&wanted.collect::<Vec<_>>())) else { return Vec::new() };
    let text = |name: &str, row: usize| table.column(name).and_then(|column| column.text(row)).unwrap_or_default().to_owned();
    let image = |row: usize| {
        let content = table.column("content")?.content(row)?;
        Some(Before { content, place: Place { season: text("season", row), site: text("site", row) }, path: text("path", row) })
    };
    (0..table.rows).filter_map(image).collect()
}

/// Pairs what is gone with where it turned up, writes it down, and says it.
fn remember(
    project: &Path,
    mut gone: Vec<(ContentId, &Place)>,
    present: &HashMap<ContentId, Vec<Place>>,
    known: &HashSet<(ContentId, &Place)>,
    now: &str,
) -> Result<Vec<String>, StepError> {
    let mut moves = moves_of(project)?;
    let mut new: Vec<Move> = Vec::new();
    let mut taken: HashSet<(ContentId, &Place)> = HashSet::new();
    gone.sort_unstable();
    gone.dedup();
    for (content, place) in gone {
        let Some(found) = present.get(&content).filter(|found| !found.contains(place)) else { continue };
        // What is remembered already was noticed by another machine, or by a run that broke off.
        if moves.now(place, content).is_some_and(|to| found.contains(to)) {
            continue;
        }
        let is_new = |to: &&Place| !known.contains(&(content, *to)) && !taken.contains(&(content, *to));
        if let Some(to) = found.iter().find(is_new) {
            taken.insert((content, to));
            new.push(Move { time: now.to_owned(), from: place.clone(), to: to.clone(), content });
        }
    }
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let mut counts: BTreeMap<(Place, Place), u64> = BTreeMap::new();
    for one in &new {
        *counts.entry((one.from.clone(), one.to.clone())).or_default() += 1;
    }
    moves.extend(new);
    let path = project.join(FILE_NAME);
    crate::file::replace(&path, &moves.write()).map_err(|source| StepError::File { action: "write", path, source })?;
    let words = |((from, to), count): ((Place, Place), u64)| {
        let (images, verb, their) = if count == 1 { ("image", "lies", "its") } else { ("images", "lie", "their") };
        format!(
            "{count} {images} of `{}` {verb} in `{}` now: {their} names, answers and samples follow (remembered in `{FILE_NAME}`: \
             commit it); rows of the clock and deployment tables that name the old place need the new one",
            from.words(&to),
            to.words(&from)
        )
    };
    Ok(counts.into_iter().map(words).collect())
}

/// Where a pattern finds season and site in a path.
struct Places<'a> {
    pattern: &'a Pattern,
    season: Option<usize>,
    site: Option<usize>,
}

impl<'a> Places<'a> {
    /// Those of a pattern that captures either.
    fn of(pattern: &'a Pattern) -> Option<Self> {
        let place = |name: &str| pattern.captures().iter().position(|capture| capture == name);
        let (season, site) = (place("season"), place("site"));
        (season.is_some() || site.is_some()).then_some(Self { pattern, season, site })
    }

    fn at(&self, path: &str) -> Option<Place> {
        let captures = self.pattern.capture(path)?;
        let text = |at: Option<usize>| at.map(|at| captures[at].to_string()).unwrap_or_default();
        Some(Place { season: text(self.season), site: text(self.site) })
    }
}

/// The images that the manifests of names know, with the paths at which they were named. Those of a pipeline with several sources
/// are left out: a manifest does not say which root it means.
fn named(pipeline: &Pipeline) -> Result<Vec<Before>, StepError> {
    let mut found = Vec::new();
    if pipeline.steps.iter().filter(|step| step.step.source().is_some()).count() > 1 {
        return Ok(found);
    }
    let steps = pipeline.steps.iter().enumerate().filter(|(_, step)| step.kind.name == rename::KIND.name);
    for (index, step) in steps {
        let manifests = step.step.files(&pipeline.context(index))?.into_iter().filter(|file| file.rewritten);
        for file in manifests {
            let path = pipeline.project.join(&file.path);
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => return Err(StepError::File { action: "read", path, source }),
            };
            let known = rename::known(&bytes, &crate::path::to_text(&file.path))?;
            found.extend(known.into_iter().map(|(place, content, path)| Before { content, place, path }));
        }
    }
    Ok(found)
}
