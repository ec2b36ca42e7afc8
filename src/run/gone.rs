//! Gone: images that are known and that a root, although it is there, no longer shows. Absent is not deleted, so they hold their source
//! back until they are there again or somebody lets them go ([`super::forgotten`]).
//!
//! What is known comes from the last result of the source, from the table that `trapline.lock` names, from seals, and where the store
//! knows neither of the first two, from `names.csv` and the numbers of files by season in the lock. An image whose bytes lie under
//! another path has moved and is not gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use super::forgotten::{self, Forgotten};
use super::history::{History, step_error};
use super::lockfile::{FILE_NAME, LockFile, LockFileError};
use super::scan::Scan;
use super::seasons::Sealed;
use super::{RunError, RunOptions};
use crate::check::Pipeline;
use crate::id::ContentId;
use crate::plan::decision::Gone;
use crate::plan::planner::Planner;
use crate::step::StepError;
use crate::store::{Access, Store, StoreError};
use crate::table::{Reading, csv};

/// How many folders are named.
const NAMED: usize = 8;

/// What is known of a project's images.
pub(super) struct Past<'a> {
    pub pipeline: &'a Pipeline,
    pub store: &'a Store,
    pub history: &'a History<'a>,
    pub sealed: &'a Sealed,
}

/// A known image that is gone from its root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoneImage {
    /// The root.
    pub root: String,
    /// Where it lay.
    pub path: String,
    /// What it was.
    pub content: ContentId,
}

/// What one source of knowledge says lay below a root: paths with contents, sorted by path.
struct Known {
    who: String,
    since: Option<String>,
    files: Vec<(String, ContentId)>,
}

/// The images of a source that are gone, and seasons of which only the number is known.
#[derive(Default)]
struct Missing {
    images: BTreeSet<(String, ContentId)>,
    counted: Vec<(String, u64, u64)>,
    known_to: Vec<String>,
    since: Option<String>,
    /// Known images that are gone and may be.
    forgotten: u64,
}

/// The known images that are gone from the roots of `pipeline`, one by one; those that may be gone are not among them.
///
/// # Errors
/// When the store, a seal or a root cannot be read.
pub fn list(pipeline: &Pipeline, options: &RunOptions) -> Result<Vec<GoneImage>, RunError> {
    let store = Store::open(&options.store, Access::Read)?;
    let sealed = super::seasons::read(&pipeline.project)?;
    let history = History::of(&store, &pipeline.name, &pipeline.project);
    let past = Past { pipeline, store: &store, history: &history, sealed: &sealed };
    let order: Vec<usize> = (0..pipeline.steps.len()).collect();
    let mut gone = BTreeSet::new();
    for (index, mut scan) in super::planning::scan_all(pipeline, &order, &sealed, &store)? {
        scan.look_again()?;
        gone.extend(past.images(index, &scan)?);
    }
    Ok(gone.into_iter().collect())
}

impl Past<'_> {
    /// Finds what is gone from the root of source `index` and tells the scan. Returns how many known images are gone and forgotten.
    ///
    /// # Errors
    /// When what is known cannot be read.
    pub fn settle(&self, index: usize, scan: &mut Scan) -> Result<u64, StepError> {
        if scan.folder.is_none() {
            return Ok(0);
        }
        let missing = self.missing(index, scan)?;
        let unhashed = scan.unread().len() as u64;
        let forgotten = missing.forgotten;
        scan.settle(missing.told(scan.unreadable(), unhashed));
        Ok(forgotten)
    }

    /// The images that are gone from the root of source `index`, one by one.
    ///
    /// # Errors
    /// When what is known cannot be read.
    pub fn images(&self, index: usize, scan: &Scan) -> Result<Vec<GoneImage>, StepError> {
        if scan.folder.is_none() {
            return Ok(Vec::new());
        }
        let image = |(path, content)| GoneImage { root: scan.root.clone(), path, content };
        Ok(self.missing(index, scan)?.images.into_iter().map(image).collect())
    }

    fn missing(&self, index: usize, scan: &Scan) -> Result<Missing, StepError> {
        let lock = match LockFile::read(&self.pipeline.project) {
            Ok(lock) => Some(lock),
            Err(LockFileError::Absent(_)) => None,
            Err(error) => return Err(StepError::Data(crate::step::with_causes(&error))),
        };
        let let_go = forgotten::read(&self.pipeline.project)?;
        let contents = forgotten::contents(&let_go, &scan.root);
        let mut missing = Missing::default();
        let (known, tables_are_known) = self.known(index, scan, lock.as_ref())?;
        for known in known {
            let gone = gone_from(&known.files, scan);
            let (may_go, gone): (Vec<_>, Vec<_>) = gone.into_iter().partition(|(_, content)| contents.contains(content));
            missing.forgotten = missing.forgotten.max(may_go.len() as u64);
            if !gone.is_empty() {
                missing.known_to.push(known.who);
                missing.since = missing.since.max(known.since);
                missing.images.extend(gone);
            }
        }
        if let Some(lock) = lock.filter(|_| !tables_are_known && missing.images.is_empty()) {
            missing.counted = self.too_few(index, scan, &lock, &let_go);
            if !missing.counted.is_empty() {
                missing.known_to.push(FILE_NAME.to_owned());
            }
        }
        Ok(missing)
    }

    /// What is known to have been there, and whether the tables of the last run and of the lock are.
    fn known(&self, index: usize, scan: &Scan, lock: Option<&LockFile>) -> Result<(Vec<Known>, bool), StepError> {
        let step = &self.pipeline.steps[index].name.value;
        let last = self.history.last_result(step);
        let locked = lock.and_then(|lock| lock.steps.get(step)?.outputs.first()).map(|output| output.id);
        let last_id = last.as_ref().and_then(|last| last.outputs.first()).map(|output| output.id);
        let mut known = Vec::new();
        let mut all = last_id.is_some();
        // Where the root shows what it showed the last time, nothing of that is gone, and no table need be read.
        let listing = scan.unread().is_empty().then(|| scan.listing().to_string());
        let as_before = last
            .as_ref()
            .filter(|last| last.inputs.iter().any(|input| input.name == "listing" && Some(&input.value) == listing.as_ref()));
        let last = if as_before.is_some() { None } else { last };
        if let (Some(last), Some(id)) = (&last, last_id) {
            match self.table(id, &scan.root)? {
                Some(files) => known.push(Known { who: "the last run".into(), since: Some(last.started.clone()), files }),
                None => all = false,
            }
        }
        if let Some(id) = locked.filter(|id| Some(*id) != last_id) {
            match self.table(id, &scan.root)? {
                Some(files) => known.push(Known { who: FILE_NAME.into(), since: None, files }),
                None => all = false,
            }
        }
        for (season, seal) in self.sealed {
            let own = seal.files.iter().filter(|file| file.root == scan.root);
            let mut files: Vec<_> = own.map(|file| (file.path.clone(), file.content)).collect();
            files.sort();
            known.push(Known { who: format!("seasons/{season}.csv"), since: None, files });
        }
        if !all {
            known.extend(self.names(index)?);
        }
        Ok((known, all))
    }

    /// The paths and contents that a stored table of images has below `root`; `None` where the store does not have it any more.
    fn table(&self, id: ContentId, root: &str) -> Result<Option<Vec<(String, ContentId)>>, StepError> {
        let read = self.store.open_table(id).and_then(|table| table.read(Some(&["root", "path", "content"])));
        let table = match read {
            Ok(table) => table,
            // Damage is told where the table is needed, and heals.
            Err(StoreError::Missing(_) | StoreError::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(step_error(error)),
        };
        let columns = (table.column("root"), table.column("path"), table.column("content"));
        let (Some(roots), Some(paths), Some(contents)) = columns else { return Ok(None) };
        let file = |row: usize| Some((paths.text(row)?.to_owned(), contents.content(row)?));
        let own = (0..table.rows).filter(|row| roots.text(*row) == Some(root));
        let mut files: Vec<_> = own.filter_map(file).collect();
        files.sort();
        Ok(Some(files))
    }

    /// What the manifests of names know of the images of source `index`.
    fn names(&self, index: usize) -> Result<Vec<Known>, StepError> {
        let mut known = Vec::new();
        for (at, step) in self.pipeline.steps.iter().enumerate().filter(|(_, step)| step.kind.name == "rename") {
            if self.source_of(at) != Some(index) {
                continue;
            }
            for file in step.step.files(&self.pipeline.context(at))?.iter().filter(|file| file.rewritten) {
                let (path, name) = (self.pipeline.project.join(&file.path), crate::path::to_text(&file.path));
                let bytes = match std::fs::read(&path) {
                    Ok(bytes) => bytes,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(source) => return Err(StepError::File { action: "read", path, source }),
                };
                // A manifest that cannot be understood is told by the step that needs it.
                let Ok(table) = csv::read(&bytes, &Reading::tolerant(&name)) else { continue };
                let (Some(contents), Some(paths)) = (table.column("content"), table.column("path")) else { continue };
                let file = |row: usize| Some((paths.text(row)?.to_owned(), contents.text(row)?.parse().ok()?));
                let mut files: Vec<(String, ContentId)> = (0..table.rows).filter_map(file).collect();
                files.sort();
                known.push(Known { who: name, since: None, files });
            }
        }
        Ok(known)
    }

    /// The source whose images step `index` carries on.
    fn source_of(&self, mut index: usize) -> Option<usize> {
        loop {
            let step = &self.pipeline.steps[index];
            if step.step.source().is_some() {
                return Some(index);
            }
            index = step.inputs.first()?.first()?.step;
        }
    }

    /// Seasons with fewer files than the lock says, where it was made by the same work and of this source alone.
    fn too_few(&self, index: usize, scan: &Scan, lock: &LockFile, let_go: &[Forgotten]) -> Vec<(String, u64, u64)> {
        let step = &self.pipeline.steps[index];
        let sources = self.pipeline.steps.iter().filter(|step| step.step.source().is_some()).count();
        let recipe = Planner::new(self.pipeline, self.history).work(index).map(|work| work.recipe.key());
        let locked = lock.steps.get(&step.name.value).map(|locked| locked.recipe);
        let same = recipe.is_ok_and(|recipe| Some(recipe) == locked);
        if sources != 1 || !same {
            return Vec::new();
        }
        let now: BTreeMap<String, u64> = scan.seasons().into_iter().map(|(season, files)| (season, files.len() as u64)).collect();
        let place = scan.pattern.captures().iter().position(|name| name == "season");
        let season_of = |path: &str| Some(scan.pattern.capture(path)?.get(place?)?.clone().into_owned());
        let mut may_go: BTreeMap<String, u64> = BTreeMap::new();
        for season in let_go.iter().filter(|one| one.root == scan.root).filter_map(|one| season_of(&one.path)) {
            *may_go.entry(season).or_default() += 1;
        }
        let unread = scan.unread().len() as u64;
        let count = |counts: &BTreeMap<String, u64>, season: &String| counts.get(season).copied().unwrap_or(0);
        let fewer = lock.seasons.iter().filter_map(|(season, locked)| {
            let there = count(&now, season);
            // Files that are not read yet belong to some season.
            (there + count(&may_go, season) + unread < locked.files).then(|| (season.clone(), locked.files, there))
        });
        fewer.collect()
    }
}

impl Missing {
    /// As it is told; `None` where nothing is missing. Of `unhashed` files the bytes are not known: they may be what is missed.
    fn told(self, unreadable: Vec<String>, unhashed: u64) -> Option<Box<Gone>> {
        let counted: u64 = self.counted.iter().map(|(_, then, now)| then - now).sum();
        let images = (self.images.len() as u64).saturating_sub(unhashed) + counted;
        if images == 0 {
            return None;
        }
        let mut by_folder: BTreeMap<&str, u64> = BTreeMap::new();
        for (path, _) in &self.images {
            *by_folder.entry(path.rsplit_once('/').map_or("", |(folder, _)| folder)).or_default() += 1;
        }
        let folder_count = by_folder.len() as u64;
        let mut folders: Vec<(String, u64)> = by_folder.into_iter().map(|(folder, images)| (folder.to_owned(), images)).collect();
        folders.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        folders.truncate(NAMED);
        let unreadable = unreadable.into_iter().take(NAMED).collect();
        let Self { since, known_to, counted, .. } = self;
        Some(Box::new(Gone { images, folders, folder_count, since, known_to, unreadable, counted }))
    }
}

/// Those of `known` (sorted by path) that the scan does not show: neither at their place nor, moved, at another.
fn gone_from(known: &[(String, ContentId)], scan: &Scan) -> Vec<(String, ContentId)> {
    let mut there = scan.files().peekable();
    let mut missed: HashMap<ContentId, Vec<&str>> = HashMap::new();
    for (path, content) in known {
        while there.next_if(|(found, _)| *found < path.as_str()).is_some() {}
        // A file with other bytes was changed; one that cannot be read is missed like one that is not there.
        let is_there = there.peek().is_some_and(|(found, state)| *found == path && !matches!(state.content, Some(Err(_))));
        if !is_there && scan.takes(path) {
            missed.entry(*content).or_default().push(path);
        }
    }
    if missed.is_empty() {
        return Vec::new();
    }
    let captures = scan.pattern.captures();
    let places: Vec<usize> = ["site", "season"].iter().filter_map(|name| captures.iter().position(|own| own == name)).collect();
    let place = |path: &str| -> Vec<String> {
        let values = scan.pattern.capture(path).unwrap_or_default();
        places.iter().filter_map(|at| values.get(*at)).map(|value| value.clone().into_owned()).collect()
    };
    for (path, state) in scan.files() {
        let Some(Ok(content)) = state.content else { continue };
        let Some(paths) = missed.get_mut(&content) else { continue };
        let is_new = known.binary_search_by(|(own, _)| own.as_str().cmp(path)).is_err();
        if is_new {
            // It moved here: one of the same bytes, and which of them does not matter.
            paths.pop();
        } else {
            // The same image lay here too, known at another site or season: only copies of one place stand for each other.
            paths.retain(|own| place(own) != place(path));
        }
    }
    let mut gone: Vec<(String, ContentId)> =
        missed.into_iter().flat_map(|(content, paths)| paths.into_iter().map(move |path| (path.to_owned(), content))).collect();
    gone.sort();
    gone
}
