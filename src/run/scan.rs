//! Scan: what lies under the root of a source step, what of it is known, and what must be read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::read::{ReadJob, ReadJobs, ReadProblem, read_all};
use super::seasons::{Sealed, SealedFile};
use super::walk::{self, PathProblem};
use crate::check::Root;
use crate::id::ContentId;
use crate::plan::planner::{Capture, ImageSet, LazyImages, SourceState};
use crate::step::images::SCANNED;
use crate::step::images::pattern::Pattern;
use crate::step::{Cancel, Source, StepError};
use crate::store::{Entry, Inventory, Known as KnownFile, Stat, Store, StoreError};
use crate::table::{ColumnBuilder, Schema, Table};

/// How many files a plan reads again.
const LOOK_AGAIN_MAX: usize = 1000;

/// What is known of a file of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// Size and times.
    pub stat: Stat,
    /// Its content or why it has none; `None` while it must be read.
    pub content: Option<Result<ContentId, &'static str>>,
}

/// What lies under the root of a source step.
pub struct Scan {
    /// Name of the root.
    pub root: String,
    /// Where it lies, if it is mounted.
    pub folder: Option<PathBuf>,
    /// The step's pattern.
    pub pattern: Pattern,
    /// Matching files, sorted. They stay while their states change: a pass over them reads on.
    pub paths: Arc<Vec<String>>,
    /// One per path.
    pub states: Arc<Vec<FileState>>,
    problems: Vec<(String, PathProblem)>,
    /// Files that look as they did and were touched too shortly before they were hashed to be believed.
    racy: Vec<usize>,
    added: u64,
    removed: u64,
    changed: u64,
    /// Images of open seasons under an absent root.
    open_images: u64,
    /// No image of an open season is known and the root is absent: served from the seals.
    all_sealed: bool,
}

/// Looks under the root of `source` and compares with the inventory. Reads no image.
///
/// # Errors
/// When the inventory cannot be read (damage heals: it is hashed again).
pub fn scan(source: &Source, root: &Root, sealed: &Sealed, store: &Store) -> Result<Scan, StepError> {
    let inventory = known(store, &source.root)?;
    let pattern = Pattern::parse(&source.pattern).map_err(|error| StepError::Data(error.to_string()))?;
    match super::roots::locate(root) {
        Some(folder) => Ok(present(source, folder, pattern, &inventory)),
        None => Ok(absent(source, pattern, sealed, &inventory)),
    }
}

/// The inventory of a root; a damaged one is an empty one: its files are hashed again.
///
/// # Errors
/// When it cannot be read for another reason.
pub fn known(store: &Store, root: &str) -> Result<Inventory, StepError> {
    match store.inventory(root) {
        Ok(inventory) => Ok(inventory.unwrap_or_default()),
        Err(StoreError::Damaged { .. }) => Ok(Inventory::default()),
        Err(error) => Err(super::history::step_error(error)),
    }
}

fn present(source: &Source, folder: PathBuf, pattern: Pattern, inventory: &Inventory) -> Scan {
    let walk = walk::walk(&folder, &pattern);
    let mut scan = Scan {
        root: source.root.clone(),
        folder: Some(folder),
        pattern,
        paths: Arc::default(),
        states: Arc::default(),
        problems: walk.problems,
        racy: Vec::new(),
        added: 0,
        removed: 0,
        changed: 0,
        open_images: 0,
        all_sealed: false,
    };
    let mut paths = Vec::with_capacity(walk.files.len());
    let mut states = Vec::with_capacity(walk.files.len());
    let mut entries = inventory.iter().peekable();
    for found in walk.files {
        while entries.next_if(|entry| entry.path < found.path.as_str()).is_some_and(|entry| scan.count_removed(&entry)) {}
        let content = match entries.next_if(|entry| entry.path == found.path) {
            None => {
                scan.added += 1;
                None
            }
            Some(entry) => match inventory.believed(&entry, &found.stat) {
                Some(KnownFile::Hashed(id)) => Some(Ok(id)),
                Some(KnownFile::ZeroByte) => Some(Err("zero_byte")),
                Some(KnownFile::Unreadable) => None,
                None => {
                    if entry.stat == found.stat {
                        scan.racy.push(paths.len());
                    } else {
                        scan.changed += 1;
                    }
                    None
                }
            },
        };
        states.push(FileState { stat: found.stat, content });
        paths.push(found.path);
    }
    entries.for_each(|entry| {
        scan.count_removed(&entry);
    });
    (scan.paths, scan.states) = (Arc::new(paths), Arc::new(states));
    scan
}

/// Sealed seasons come from their manifests; open ones wait, counted.
fn absent(source: &Source, pattern: Pattern, sealed: &Sealed, inventory: &Inventory) -> Scan {
    let season = pattern.captures().iter().position(|name| name == "season");
    let is_open = |path: &str| {
        let captures = pattern.capture(path)?;
        Some(season.is_none_or(|at| !sealed.contains_key(captures[at])))
    };
    let open = inventory.iter().filter(|entry| is_open(entry.path) == Some(true)).count() as u64;
    let mut files: Vec<_> = sealed
        .values()
        .flat_map(|seal| &seal.files)
        .filter(|file| file.root == source.root && pattern.matches(&file.path))
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let state =
        |file: &&SealedFile| FileState { stat: Stat { size: file.bytes, ..Stat::default() }, content: Some(Ok(file.content)) };
    Scan {
        root: source.root.clone(),
        folder: None,
        pattern,
        problems: Vec::new(),
        racy: Vec::new(),
        added: 0,
        removed: 0,
        changed: 0,
        open_images: open,
        all_sealed: open == 0 && !files.is_empty(),
        paths: Arc::new(files.iter().map(|file| file.path.clone()).collect()),
        states: Arc::new(files.iter().map(state).collect()),
    }
}

impl Scan {
    fn count_removed(&mut self, entry: &Entry<'_>) -> bool {
        // The inventory of a root also holds what other patterns match.
        if self.pattern.matches(entry.path) {
            self.removed += 1;
        }
        true
    }

    /// Reads those files again that look as they did but cannot be believed, so that `plan` right after a run knows them. Many of
    /// them (an archive copied within one tick) are left to the run.
    ///
    /// # Errors
    /// When the person stops.
    pub fn look_again(&mut self) -> Result<(), StepError> {
        let Some(folder) = self.folder.clone().filter(|_| self.racy.len() <= LOOK_AGAIN_MAX) else { return Ok(()) };
        let racy = std::mem::take(&mut self.racy);
        let path = |at: &usize| folder.join(crate::path::from_text(&self.paths[*at]));
        let job = |at: usize| ReadJob { path: path(&racy[at]), expected: None, wants: Vec::new() };
        let mut found = Vec::new();
        read_all(&ReadJobs { count: racy.len(), job: &job }, &[], 2, &Cancel::default(), &mut |batch| {
            found.extend(batch.into_iter().filter(|done| done.content.is_ok()));
            Ok(())
        })?;
        for done in found {
            self.set(racy[done.job], done.content, done.stat);
        }
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = (&str, &FileState)> {
        self.paths.iter().map(String::as_str).zip(self.states.iter())
    }

    /// The paths of files with their contents, as far as they are known.
    pub fn contents(&self) -> impl Iterator<Item = (&str, ContentId)> {
        self.files().filter_map(|(path, file)| Some((path, file.content?.ok()?)))
    }

    /// Indices of files whose content must be read.
    pub fn unread(&self) -> Vec<usize> {
        let unread = self.states.iter().enumerate().filter(|(_, file)| file.content.is_none());
        unread.map(|(at, _)| at).collect()
    }

    /// Records what reading the file at `at` showed. The times are those of the moment of reading.
    pub fn set(&mut self, at: usize, content: Result<ContentId, ReadProblem>, stat: Option<Stat>) {
        let file = &mut Arc::make_mut(&mut self.states)[at];
        file.stat = stat.unwrap_or(file.stat);
        file.content = Some(content.map_err(|problem| match problem {
            ReadProblem::ZeroByte => "zero_byte",
            ReadProblem::Unreadable => "unreadable",
            ReadProblem::Changing | ReadProblem::OtherContent => "changing",
        }));
    }

    /// Says whether nothing differs from the inventory.
    pub fn is_unchanged(&self) -> bool {
        self.added + self.removed + self.changed == 0 && self.states.iter().all(|file| file.content.is_some())
    }

    /// What the planner needs to know.
    pub fn state(&self) -> SourceState {
        let unhashed = self.states.iter().filter(|file| file.content.is_none()).count() as u64;
        let (paths, states, pattern) = (Arc::clone(&self.paths), Arc::clone(&self.states), self.pattern.clone());
        SourceState {
            listing: (unhashed == 0).then(|| self.listing()),
            images: Arc::new(LazyImages::new(move || image_set(&paths, &states, &pattern))),
            unhashed,
            added: self.added,
            removed: self.removed,
            changed: self.changed,
            absent: (self.folder.is_none() && !self.all_sealed).then(|| (self.root.clone(), self.open_images)),
        }
    }

    /// The identity of all paths with their contents or problems.
    fn listing(&self) -> ContentId {
        let mut hasher = blake3::Hasher::new();
        let mut line = |path: &str, content: &[u8]| {
            hasher.update(&(path.len() as u64).to_le_bytes());
            hasher.update(path.as_bytes());
            hasher.update(&(content.len() as u64).to_le_bytes());
            hasher.update(content);
        };
        for (path, file) in self.files() {
            match &file.content {
                Some(Ok(id)) => line(path, id.bytes()),
                Some(Err(problem)) => line(path, problem.as_bytes()),
                None => line(path, b"unread"),
            }
        }
        for (path, problem) in &self.problems {
            line(path, word(*problem).as_bytes());
        }
        ContentId(*hasher.finalize().as_bytes())
    }

    /// The table that the source step receives.
    ///
    /// # Errors
    /// When it would be too long for a table.
    pub fn table(&self) -> Result<Table, StepError> {
        let schema = Schema::of(SCANNED);
        let mut columns: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
        let mut push = |path: &str, content: Option<ContentId>, bytes: u64, problem: Option<&str>| {
            columns[0].push_text(path);
            match content {
                Some(id) => columns[1].push_content(id),
                None => columns[1].push_null(),
            }
            columns[2].push_int(i64::try_from(bytes).unwrap_or(i64::MAX));
            columns[3].push_optional_text(problem);
        };
        for (path, file) in self.files() {
            let content = file.content.unwrap_or(Err("unreadable"));
            push(path, content.ok(), file.stat.size, content.err());
        }
        for (path, problem) in &self.problems {
            push(path, None, 0, Some(word(*problem)));
        }
        Table::from_builders(schema, columns).map_err(|error| StepError::Data(error.to_string()))
    }

    /// The inventory as it is known now, with what other patterns know of the same root. `taken_ns` is when the scan began.
    ///
    /// # Errors
    /// When it would be too large.
    pub fn inventory(&self, before: &Inventory, taken_ns: i64) -> Result<Inventory, StepError> {
        let own = self.files().filter_map(|(path, file)| {
            let known = match file.content? {
                Ok(id) => KnownFile::Hashed(id),
                Err("zero_byte") => KnownFile::ZeroByte,
                Err(_) => KnownFile::Unreadable,
            };
            Some(Entry { path, stat: file.stat, known })
        });
        // What another pattern hashed at another time is believed no longer than before: racy entries are left out.
        let others = before.iter().filter(|entry| !self.pattern.matches(entry.path) && !before.is_racy(&entry.stat));
        let mut entries: Vec<_> = own.chain(others).collect();
        entries.sort_unstable_by_key(|entry| entry.path);
        Inventory::new(taken_ns, &entries).map_err(super::history::step_error)
    }

    /// Files by season, for sealing and for `trapline.lock`: only those with content, sorted by path.
    pub fn seasons(&self) -> BTreeMap<String, Vec<SealedFile>> {
        let mut seasons: BTreeMap<String, Vec<SealedFile>> = BTreeMap::new();
        let Some(season) = self.pattern.captures().iter().position(|name| name == "season") else { return seasons };
        for (path, file) in self.files() {
            let (Some(Ok(content)), Some(captures)) = (file.content, self.pattern.capture(path)) else { continue };
            let (root, path, bytes) = (self.root.clone(), path.to_owned(), file.stat.size);
            let sealed = SealedFile { root, path, content, bytes };
            match seasons.get_mut(captures[season]) {
                Some(files) => files.push(sealed),
                None => drop(seasons.insert(captures[season].to_owned(), vec![sealed])),
            }
        }
        seasons
    }

    /// Compares sealed seasons with what lies on the disk now.
    ///
    /// # Errors
    /// Names the files of sealed seasons that changed, vanished or are new.
    pub fn check_seals(&self, sealed: &Sealed) -> Result<(), StepError> {
        if sealed.is_empty() || self.folder.is_none() {
            return Ok(());
        }
        let present = self.seasons();
        let mut drift = Vec::new();
        for (season, seal) in sealed {
            let now: BTreeMap<_, _> =
                present.get(season).into_iter().flatten().map(|file| (file.path.as_str(), file.content)).collect();
            let then: BTreeMap<_, _> = seal
                .files
                .iter()
                .filter(|file| file.root == self.root && self.pattern.matches(&file.path))
                .map(|file| (file.path.as_str(), file.content))
                .collect();
            for (path, content) in &then {
                match now.get(path) {
                    None => drift.push(format!("{path} is gone (season {season})")),
                    Some(found) if found != content => drift.push(format!("{path} has other bytes (season {season})")),
                    Some(_) => {}
                }
            }
            let new = now.keys().filter(|path| !then.contains_key(*path));
            drift.extend(new.map(|path| format!("{path} is new (season {season})")));
        }
        if drift.is_empty() {
            return Ok(());
        }
        let shown: Vec<_> = drift.iter().take(10).map(|line| crate::path::display(line)).collect();
        let more = if drift.len() > shown.len() { format!("\n  and {} more", drift.len() - shown.len()) } else { String::new() };
        Err(StepError::Data(format!(
            "{} files of sealed seasons differ from their seal:\n  {}{more}\nbring the files back, or `trapline season reopen SEASON --because \"...\"`",
            drift.len(),
            shown.join("\n  "),
        )))
    }
}

fn word(problem: PathProblem) -> &'static str {
    match problem {
        PathProblem::Unreadable => "unreadable",
        PathProblem::Loop => "loop",
    }
}

/// The observations of a scan: one per site, season and content; one per file while its content is not known.
fn image_set(paths: &[String], states: &[FileState], pattern: &Pattern) -> ImageSet {
    let mut captures: Vec<_> =
        pattern.captures().iter().map(|name| Capture { name: name.clone(), ..Capture::default() }).collect();
    let mut codes: Vec<BTreeMap<String, u32>> = vec![BTreeMap::new(); captures.len()];
    let place = |name: &str| pattern.captures().iter().position(|capture| capture == name);
    let (site, season) = (place("site"), place("season"));
    let mut seen = std::collections::HashSet::with_capacity(paths.len());
    let mut contents = Vec::with_capacity(paths.len());
    for (path, file) in paths.iter().zip(states) {
        let content = match file.content {
            Some(Err(_)) => continue,
            Some(Ok(id)) => Some(id),
            None => None,
        };
        let Some(texts) = pattern.capture(path) else { continue };
        let row: Vec<u32> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| {
                if let Some(code) = codes[at].get(*text) {
                    return *code;
                }
                let code = u32::try_from(captures[at].values.len()).unwrap_or(u32::MAX);
                captures[at].values.push((*text).to_owned());
                codes[at].insert((*text).to_owned(), code);
                code
            })
            .collect();
        if let Some(id) = content
            && !seen.insert((site.map(|at| row[at]), season.map(|at| row[at]), id))
        {
            continue;
        }
        contents.push(content);
        for (capture, code) in captures.iter_mut().zip(row) {
            capture.codes.push(code);
        }
    }
    ImageSet { contents, captures }
}
