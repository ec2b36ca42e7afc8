//! Exports images: each under its name, in a folder, every byte verified.
//!
//! New files are made batch by batch in a folder of their own (`.trapline-part`), synced, and moved into place; the ledger says
//! before the first of them which files are to come. An interruption before that leaves nothing behind; one in the midst, or a
//! power failure, leaves whole files that the ledger knows, and the next run goes on from there.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::ledger::{self, Found, Ledger, content_of};
use crate::id::ContentId;
use crate::step::portable::{check_length, check_name, fold};
use crate::step::{Finding, Job, StepError};
use crate::table::{CellRef, Table};

/// How an image comes into its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A copy of the bytes.
    Copy,
    /// A copy that shares the disk's blocks until one of the two is changed; a plain copy where the disk cannot.
    Reflink,
    /// A second name of the same file.
    Hardlink,
    /// A pointer to the original by its path.
    Symlink,
}

/// How many examples an error or finding shows.
const EXAMPLES: usize = 8;
/// How many files are made and synced before they are moved into place together.
const BATCH: usize = 256;
/// New files are made here, inside the folder.
const PART: &str = ".trapline-part";

/// One file to be there.
#[derive(Debug)]
struct Target<'a> {
    content: ContentId,
    root: &'a str,
    path: &'a str,
}

/// The files wanted, by their path in the folder.
type Targets<'a> = BTreeMap<String, Target<'a>>;

/// Brings the images of `table` into `into`, in folders by the column `folders` where given.
pub fn write(job: &Job<'_>, table: &Table, into: &Path, way: Way, folders: Option<&str>) -> Result<Vec<Finding>, StepError> {
    let mut findings = Vec::new();
    let targets = plan(table, into, folders, &mut findings)?;
    let ledger_path = ledger::within(into);
    let earlier = Ledger::read(&ledger_path)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(job.workers.max(1))
        .build()
        .map_err(|error| StepError::Data(format!("no threads to export with: {error}")))?;
    let locate = job.locate;
    let missing = pool.install(|| missing(locate, &earlier, into, &targets, way))?;
    if !missing.is_empty() {
        reachable(job, &pool, &missing)?;
        job.progress.start("write", missing.len() as u64);
        let mut intent = earlier.clone();
        for (file, target) in &missing {
            intent.add(file, target.content);
            intent.sizes.remove(*file);
        }
        let mut part = Part::new(into)?;
        let (mut done, mut recorded) = (0, 0);
        for batch in missing.chunks(BATCH) {
            make(job, &pool, &part, batch, way)?;
            job.cancel.check()?;
            // A file that is older than the ledger is not read again by the run after a broken one. Written at every doubling, the
            // ledger costs no more than the files.
            if done == 0 || done >= 2 * recorded {
                intent.write(&ledger_path, true)?;
                recorded = done.max(BATCH);
            }
            part.publish(into, batch)?;
            done += batch.len();
        }
    } else if into.join(PART).exists() {
        // Left by a run that was killed.
        drop(Part { folder: into.join(PART), created: Vec::new() });
    }
    let wanted: Vec<&str> = targets.keys().map(String::as_str).collect();
    ledger::remove_stale(&earlier, into, &wanted, &mut findings)?;
    let made: HashSet<&str> = missing.iter().map(|(file, _)| *file).collect();
    let mut ours = Ledger::default();
    for (file, target) in &targets {
        // A file that was there with the right bytes before any export is not ours to remove.
        if earlier.files.contains_key(file) || made.contains(file.as_str()) {
            ours.add(file, target.content);
            let noted = earlier.sizes.get(file).copied().filter(|_| !made.contains(file.as_str()));
            let size = noted.or_else(|| std::fs::metadata(into.join(file)).ok().map(|about| about.len()));
            ours.sizes.extend(size.map(|size| (file.clone(), size)));
        }
    }
    ours.write(&ledger_path, !made.is_empty())?;
    let linked = match way {
        Way::Hardlink => Some((
            "hardlink",
            "each exported image is its original under a second name: rotating or tagging one alters both; `images: reflink` or `copy` keeps them apart",
        )),
        Way::Symlink => Some((
            "symlink",
            "each exported image is a link to its original: rotating or tagging it alters the original, and it leads nowhere once the archive is moved; `images: reflink` or `copy` keeps them apart",
        )),
        Way::Copy | Way::Reflink => None,
    };
    if let Some((kind, message)) = linked.filter(|_| !targets.is_empty()) {
        findings.push(Finding {
            kind: kind.into(),
            message: message.into(),
            count: targets.len() as u64,
            examples: targets.keys().take(EXAMPLES).cloned().collect(),
        });
    }
    Ok(findings)
}

/// What should lie where; all of it is checked before anything is written.
fn plan<'a>(table: &'a Table, into: &Path, folders: Option<&str>, findings: &mut Vec<Finding>) -> Result<Targets<'a>, StepError> {
    let (name, content) = (table.require("name")?, table.require("content")?);
    let (root, path) = (table.require("root")?, table.require("path")?);
    let class = folders.map(|column| table.require(column)).transpose()?;
    let base = into.to_string_lossy();
    let mut targets = Targets::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let (mut faults, mut left_out, mut long) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..table.rows {
        let place = path.text(row).unwrap_or_default();
        let (Some(name), Some(content)) = (name.text(row), content.content(row)) else {
            left_out.push(place);
            continue;
        };
        let label = class.map(|column| column.cell(row));
        if label == Some(CellRef::Null) {
            left_out.push(place);
            continue;
        }
        let label = label.map(|label| label.to_string());
        let file = label.as_ref().map_or_else(|| name.to_owned(), |label| format!("{label}/{name}"));
        if let Err(fault) = label.iter().map(String::as_str).chain([name]).try_for_each(check_name) {
            faults.push(format!("`{file}` for `{place}`: {fault}"));
            continue;
        }
        if check_length(&format!("{base}/{file}")).is_err() {
            long.push(file.clone());
        }
        if let Some(other) = seen.get(&fold(&file)) {
            if *other != file || targets.get(other).is_some_and(|target| target.content != content) {
                faults.push(format!(
                    "`{file}` is wanted for `{place}` and for `{}`",
                    targets.get(other).map_or("", |target| target.path)
                ));
            }
            continue;
        }
        seen.insert(fold(&file), file.clone());
        targets.insert(file, Target { content, root: root.text(row).unwrap_or_default(), path: place });
    }
    if !faults.is_empty() {
        return Err(StepError::Data(format!(
            "{} files cannot be exported, nothing was written:\n  {}",
            faults.len(),
            first(&faults)
        )));
    }
    let note = |kind: &str, words: &str, list: &[String]| Finding {
        kind: kind.into(),
        message: format!("{} {words}", list.len()),
        count: list.len() as u64,
        examples: list.iter().take(EXAMPLES).cloned().collect(),
    };
    let left_out: Vec<String> = left_out.into_iter().map(str::to_owned).collect();
    if !left_out.is_empty() {
        findings.push(note("left_out", "images have no name, content or folder and are left out", &left_out));
    }
    if !long.is_empty() {
        findings.push(note("long_path", "paths are longer than many Windows programs open; export to a shorter folder", &long));
    }
    Ok(targets)
}

fn first(list: &[String]) -> String {
    let more = list.len().saturating_sub(EXAMPLES);
    let shown = list.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join("\n  ");
    if more > 0 { format!("{shown}\n  and {more} more") } else { shown }
}

/// The targets that are not there yet; fails where something else is in the way.
fn missing<'t, 'a>(
    locate: &(dyn Fn(&str, &str) -> Option<PathBuf> + Sync),
    ledger: &Ledger,
    into: &Path,
    targets: &'t Targets<'a>,
    way: Way,
) -> Result<Vec<(&'t str, &'t Target<'a>)>, StepError> {
    let mut links: Vec<String> =
        targets.keys().filter_map(|file| file.split_once('/')).map(|(folder, _)| folder.to_owned()).collect();
    links.dedup();
    // A link in place of a folder could lead out of the project.
    links.retain(|folder| std::fs::symlink_metadata(into.join(folder)).is_ok_and(|meta| !meta.is_dir()));
    let mut blocked: Vec<String> = links.into_iter().map(|folder| format!("`{folder}` is not a folder")).collect();
    let look = |file: &String, target: &Target<'_>| -> Result<Found, StepError> {
        let path = into.join(file);
        if !ledger.is_own_link(file, &path) {
            return ledger.look(file, &path);
        }
        // A link is what it should be where it leads to the image for which the ledger has it; a copy is wanted in its place else.
        let written = ledger.files[file].len() == 1 && ledger.files[file].contains(&target.content);
        let leads = |source: PathBuf| std::fs::read_link(&path).is_ok_and(|there| there == absolute(&source) && there.exists());
        // Where the disk is not mounted nobody can tell, and nothing better can be made.
        let right = way == Way::Symlink && written && locate(target.root, target.path).is_none_or(leads);
        Ok(if right { Found::Ours(target.content) } else { Found::Nothing })
    };
    let looked: Vec<_> = targets
        .par_iter()
        .map(|(file, target)| Ok((file.as_str(), target, look(file, target)?)))
        .collect::<Result<_, StepError>>()?;
    let mut missing = Vec::new();
    for (file, target, found) in looked {
        match found {
            Found::Ours(there) | Found::Foreign(Some(there)) if there == target.content => {}
            Found::Nothing | Found::Emptied | Found::Ours(_) => missing.push((file, target)),
            Found::Foreign(_) if ledger.files.contains_key(file) => {
                blocked.push(format!("`{file}` was changed since it was exported"));
            }
            Found::Foreign(_) => blocked.push(format!("`{file}` was not written by an export")),
        }
    }
    if blocked.is_empty() {
        return Ok(missing);
    }
    Err(StepError::Data(format!(
        "`{}` holds files that are not this export's, nothing was written: move them away, or choose another `into`\n  {}",
        into.display(),
        first(&blocked)
    )))
}

/// A link is read from its own folder: its path must not depend on where the program was started.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The folder in which new files are made; gone when dropped, and `into` with it where it was new.
struct Part {
    folder: PathBuf,
    created: Vec<PathBuf>,
}

impl Part {
    fn new(into: &Path) -> Result<Self, StepError> {
        let folder = into.join(PART);
        let failed = |source| StepError::File { action: "write", path: folder.clone(), source };
        let created: Vec<PathBuf> = into.ancestors().take_while(|path| !path.exists()).map(Path::to_owned).collect();
        if folder.exists() {
            // Left by a run that was killed.
            std::fs::remove_dir_all(&folder).map_err(failed)?;
        }
        std::fs::create_dir_all(&folder).map_err(failed)?;
        Ok(Self { folder, created })
    }

    /// Moves the files of a batch into place, durably; nothing is undone from here on.
    fn publish(&mut self, into: &Path, batch: &[(&str, &Target<'_>)]) -> Result<(), StepError> {
        self.created.clear();
        let mut folders = BTreeSet::new();
        for (number, (file, _)) in batch.iter().enumerate() {
            let target = into.join(file);
            let failed = |source| StepError::File { action: "write", path: target.clone(), source };
            if let Some(folder) = target.parent().filter(|folder| !folders.contains(*folder)) {
                crate::file::make_folder(folder).map_err(failed)?;
                folders.insert(folder.to_owned());
            }
            std::fs::rename(self.folder.join(number.to_string()), &target).map_err(failed)?;
        }
        folders.iter().try_for_each(|folder| crate::file::sync_folder(folder).map_err(StepError::file("sync", folder)))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run.
        let _ = std::fs::remove_dir_all(&self.folder);
        for folder in &self.created {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Fails before anything is written where an original cannot be reached.
fn reachable(job: &Job<'_>, pool: &rayon::ThreadPool, missing: &[(&str, &Target<'_>)]) -> Result<(), StepError> {
    let locate = job.locate;
    let there = |target: &Target<'_>| locate(target.root, target.path).is_some_and(|source| source.exists());
    match pool.install(|| missing.par_iter().find_first(|(_, target)| !there(target))) {
        Some((file, target)) => Err(unreached(file, target)),
        None => Ok(()),
    }
}

fn unreached(file: &str, target: &Target<'_>) -> StepError {
    StepError::Data(format!(
        "`{}` of root `{}` cannot be reached for `{file}`: mount the disk and run again",
        target.path, target.root
    ))
}

/// Makes the files of a batch in the part folder, numbered, each verified against its identity and synced.
fn make(job: &Job<'_>, pool: &rayon::ThreadPool, part: &Part, batch: &[(&str, &Target<'_>)], way: Way) -> Result<(), StepError> {
    let (locate, progress, cancel) = (job.locate, job.progress, job.cancel);
    pool.install(|| {
        batch.par_iter().enumerate().try_for_each(|(number, (file, target))| {
            cancel.check()?;
            let source = locate(target.root, target.path).ok_or_else(|| unreached(file, target))?;
            let copy = part.folder.join(number.to_string());
            let content = bring(&source, &copy, way)?;
            if content != target.content {
                return Err(StepError::Data(format!(
                    "`{}` is not the image that was hashed ({content} instead of {}): run again to hash it anew",
                    source.display(),
                    target.content
                )));
            }
            // A link has no bytes of its own to sync.
            if matches!(way, Way::Copy | Way::Reflink) {
                std::fs::File::open(&copy).and_then(|file| file.sync_all()).map_err(StepError::file("sync", &copy))?;
            }
            progress.advance(1, 0);
            Ok(())
        })
    })
}

/// Brings one file, and gives the identity of what has arrived.
fn bring(source: &Path, copy: &Path, way: Way) -> Result<ContentId, StepError> {
    match way {
        Way::Hardlink => std::fs::hard_link(source, copy).map_err(|error| {
            StepError::Data(format!("`{}` cannot be linked ({error}); links need one disk: use `images: copy`", source.display()))
        })?,
        Way::Symlink => symlink(&absolute(source), copy).map_err(|error| {
            StepError::Data(format!(
                "no link to `{}` can be made here ({error}): use `images: reflink` or `copy`",
                source.display()
            ))
        })?,
        // A disk that shares no blocks, or another disk: a plain copy.
        Way::Reflink if reflink_copy::reflink(source, copy).is_ok() => {}
        Way::Reflink | Way::Copy => {
            std::fs::copy(source, copy).map_err(|error| StepError::File {
                action: "copy",
                path: source.to_owned(),
                source: error,
            })?;
        }
    }
    // What has arrived is read back, not what was sent.
    content_of(copy)
}

#[cfg(unix)]
fn symlink(source: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(source, link)
}

#[cfg(windows)]
fn symlink(source: &Path, link: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(source, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
