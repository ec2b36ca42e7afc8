//! Scan: what lies under the root of a source step, what of it is known, and what must be read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::read::{ReadJob, ReadJobs, ReadProblem, read_all};
use super::seasons::{Sealed, SealedFile};
use super::walk::{self, Left, LeftOut, PathProblem, Wanted};
use crate::check::Root;
use crate::id::ContentId;
use crate::photo::decode::FILE_LIMIT_BYTES;
use crate::plan::decision::Gone;
use crate::plan::planner::{Capture, ImageSet, LazyImages, SourceState};
use crate::step::images::exclude::{Exclude, Why};
use crate::step::images::pattern::Pattern;
use crate::step::images::{SCANNED, left_out};
use crate::step::{Cancel, Source, StepError};
use crate::store::{Entry, Inventory, Known as KnownFile, Stat, Store, StoreError};
use crate::table::{ColumnBuilder, Schema, Table};

/// How many files a plan reads again.
const LOOK_AGAIN_MAX: usize = 1000;

/// The problem of a file that is too large to be an image.
const TOO_LARGE: &str = "too_large";

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
    /// What the step leaves out.
    pub exclude: Exclude,
    /// Matching files, sorted. They stay while their states change: a pass over them reads on.
    pub paths: Arc<Vec<String>>,
    /// One per path.
    pub states: Arc<Vec<FileState>>,
    problems: Vec<(String, PathProblem)>,
    left_out: Vec<LeftOut>,
    /// Files that look as they did and were touched too shortly before they were hashed to be believed.
    racy: Vec<usize>,
    added: u64,
    removed: u64,
    changed: u64,
    /// Images of open seasons under an absent root.
    open_images: u64,
    /// Images that are known and that the root no longer shows.
    pub gone: Option<Box<Gone>>,
    /// Nothing that is known is missing, or somebody said that it may be: the inventory can forget what is not there.
    settled: bool,
    /// No image of an open season is known and the root is absent: served from the seals.
    all_sealed: bool,
}

/// Looks under the root of a source and compares with the inventory. Reads no image. `others` are the other sources of the root,
/// each with whether it comes before this one: what fits their patterns is theirs.
///
/// # Errors
/// When the inventory cannot be read (damage heals: it is hashed again).
pub fn scan(source: &Source, others: &[(Source, bool)], root: &Root, sealed: &Sealed, store: &Store) -> Result<Scan, StepError> {
    let inventory = known(store, &source.root)?;
    let compiled = |source: &Source| source.compiled().map_err(|error| StepError::Data(error.to_string()));
    let (pattern, exclude) = compiled(source)?;
    let others = others.iter().map(|(other, before)| Ok((compiled(other)?.0, *before)));
    let others = others.collect::<Result<_, StepError>>()?;
    let wanted = Wanted { pattern, exclude, others, marker: root.marker.clone() };
    match super::roots::locate(root) {
        Some(folder) => Ok(present(source, folder, wanted, &inventory)),
        None => Ok(absent(source, wanted, sealed, &inventory)),
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

fn present(source: &Source, folder: PathBuf, wanted: Wanted, inventory: &Inventory) -> Scan {
    let walk = walk::walk(&folder, &wanted);
    let mut scan = Scan {
        root: source.root.clone(),
        folder: Some(folder),
        pattern: wanted.pattern,
        exclude: wanted.exclude,
        paths: Arc::default(),
        states: Arc::default(),
        problems: walk.problems,
        left_out: walk.left_out,
        racy: Vec::new(),
        added: 0,
        removed: 0,
        changed: 0,
        open_images: 0,
        gone: None,
        settled: false,
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
        // Its size says enough.
        let content = if found.stat.size > FILE_LIMIT_BYTES { Some(Err(TOO_LARGE)) } else { content };
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
fn absent(source: &Source, wanted: Wanted, sealed: &Sealed, inventory: &Inventory) -> Scan {
    let Wanted { pattern, exclude, .. } = wanted;
    let season = pattern.captures().iter().position(|name| name == "season");
    let is_open = |path: &str| {
        let captures = pattern.capture(path)?;
        Some(season.is_none_or(|at| !sealed.contains_key(captures[at].as_ref())))
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
        exclude,
        problems: Vec::new(),
        left_out: Vec::new(),
        racy: Vec::new(),
        added: 0,
        removed: 0,
        changed: 0,
        open_images: open,
        gone: None,
        settled: false,
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

    /// Says what is gone from the root, once the contents of all that is there are known (or as far as they are).
    pub fn settle(&mut self, gone: Option<Box<Gone>>) {
        self.settled = gone.is_none();
        self.gone = gone;
    }

    /// Says whether the inventory on disk still has files that may be forgotten.
    pub fn lost_entries(&self) -> bool {
        self.settled && self.removed > 0 && self.folder.is_some()
    }

    /// Says whether the step takes files at `path`.
    pub fn takes(&self, path: &str) -> bool {
        self.pattern.matches(path) && !self.exclude.hides(path)
    }

    /// Folders and files that are there and cannot be read.
    pub fn unreadable(&self) -> Vec<String> {
        let files =
            self.files().filter(|(_, file)| matches!(file.content, Some(Err("unreadable")))).map(|(path, _)| path.to_owned());
        let folders =
            self.problems.iter().filter(|(_, problem)| *problem == PathProblem::Unreadable).map(|(path, _)| path.clone());
        folders.chain(files).collect()
    }

    /// The files with what is known of each, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &FileState)> {
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
            ReadProblem::TooLarge => TOO_LARGE,
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
            absent: match &self.gone {
                Some(gone) => Some((self.root.clone(), gone.images, Some(gone.clone()))),
                None => (self.folder.is_none() && !self.all_sealed).then(|| (self.root.clone(), self.open_images, None)),
            },
        }
    }

    /// The identity of all paths with their contents or problems.
    pub fn listing(&self) -> ContentId {
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
        // What is left out is told with the result: another number is another result.
        for left in &self.left_out {
            line(&left.path, format!("{} {}", left_word(left.why), left.files).as_bytes());
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
        let mut push = |path: &str, content: Option<ContentId>, bytes: u64, problem: Option<&str>, files: u64| {
            columns[0].push_text(path);
            match content {
                Some(id) => columns[1].push_content(id),
                None => columns[1].push_null(),
            }
            columns[2].push_int(i64::try_from(bytes).unwrap_or(i64::MAX));
            columns[3].push_optional_text(problem);
            columns[4].push_int(i64::try_from(files).unwrap_or(i64::MAX));
        };
        for (path, file) in self.files() {
            let content = file.content.unwrap_or(Err("unreadable"));
            push(path, content.ok(), file.stat.size, content.err(), 1);
        }
        for (path, problem) in &self.problems {
            push(path, None, 0, Some(word(*problem)), 1);
        }
        for left in &self.left_out {
            push(&left.path, None, 0, Some(left_word(left.why)), left.files);
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
        // What another pattern hashed at another time is believed no longer than before: racy entries are left out. What this one
        // does not find any more is kept until it is clear that it may go: a disk that comes back is not read again.
        let is_missing = |path: &str| !self.settled && self.paths.binary_search_by(|own| own.as_str().cmp(path)).is_err();
        let stays = |path: &str| !self.pattern.matches(path) || is_missing(path);
        let others = before.iter().filter(|entry| stays(entry.path) && !before.is_racy(&entry.stat));
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
            match seasons.get_mut(captures[season].as_ref()) {
                Some(files) => files.push(sealed),
                None => drop(seasons.insert(captures[season].clone().into_owned(), vec![sealed])),
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
        let (mut drift, mut others) = (Vec::new(), false);
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
                    Some(found) if found != content => {
                        others = true;
                        drift.push(format!("{path} has other bytes (season {season})"));
                    }
                    Some(_) => {}
                }
            }
            let new: Vec<_> = now.keys().filter(|path| !then.contains_key(*path)).collect();
            others |= !new.is_empty();
            drift.extend(new.into_iter().map(|path| format!("{path} is new (season {season})")));
        }
        // Files that are gone altogether hold the run back by themselves.
        if drift.is_empty() || (self.gone.is_some() && !others) {
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

fn left_word(left: Left) -> &'static str {
    match left {
        Left::Unmatched => left_out::UNMATCHED,
        Left::Out(Why::System) => left_out::OF_SYSTEM,
        Left::Out(Why::Asked) => left_out::EXCLUDED,
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
                if let Some(code) = codes[at].get(text.as_ref()) {
                    return *code;
                }
                let code = u32::try_from(captures[at].values.len()).unwrap_or(u32::MAX);
                captures[at].values.push(text.clone().into_owned());
                codes[at].insert(text.clone().into_owned(), code);
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
