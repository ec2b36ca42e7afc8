//! Exports several files at once: all of them or none, and what an earlier export wrote and nobody wants any more goes.

use std::io::{BufWriter, Write};
use std::path::Path;

use super::ledger::{self, Found, Ledger};
use crate::file::{Hashing, Part};
use crate::id::ContentId;
use crate::step::{Finding, Job, StepError};
use crate::table::TableError;

/// How many files an error names.
const EXAMPLES: usize = 8;

/// Writes the bytes of a file; called twice, once to learn their identity, so that no file is open or in memory for long.
pub type Writer<'a> = Box<dyn Fn(&mut (dyn Write + Send)) -> Result<(), TableError> + 'a>;

/// A file to be there.
pub struct File<'a> {
    /// Relative to the folder, `/` between parts.
    pub name: String,
    /// What is in it.
    pub write: Writer<'a>,
}

/// Brings `files` into `folder`. Files with the same bytes are left alone; nothing is written where one that is not ours, or that
/// somebody changed, is in the way.
///
/// # Errors
/// Files in the way; what the writers say; when a file cannot be written.
pub fn write(job: &Job<'_>, folder: &Path, ledger_path: &Path, files: &[File<'_>]) -> Result<Vec<Finding>, StepError> {
    let earlier = Ledger::read(ledger_path)?;
    job.progress.start("write", files.len() as u64);
    let (mut missing, mut blocked, mut ours) = (Vec::new(), Vec::new(), Ledger::default());
    for file in files {
        job.cancel.check()?;
        let content = identity(file, folder)?;
        let path = folder.join(&file.name);
        match earlier.look(&file.name, &path)? {
            Found::Ours(there) | Found::Foreign(Some(there)) if there == content => {}
            Found::Nothing | Found::Emptied | Found::Ours(_) => missing.push((file, content)),
            Found::Foreign(_) if earlier.files.contains_key(&file.name) => {
                blocked.push(format!("`{}` was changed since it was exported", file.name));
            }
            Found::Foreign(_) => blocked.push(format!("`{}` was not written by an export", file.name)),
        }
        ours.add(&file.name, content);
    }
    if !blocked.is_empty() {
        let more = blocked.len().saturating_sub(EXAMPLES);
        let mut shown = blocked.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join("\n  ");
        if more > 0 {
            shown.push_str(&format!("\n  and {more} more"));
        }
        return Err(StepError::Data(format!(
            "`{}` holds files that are not this export's, nothing was written: move them away, or choose another `into`\n  {shown}",
            folder.display()
        )));
    }
    // Last chance to stop: from here on files change.
    job.cancel.check()?;
    if !missing.is_empty() {
        let mut intent = earlier.clone();
        intent.add_all(&ours);
        intent.write(ledger_path, true)?;
    }
    for (file, content) in &missing {
        put(file, *content, &folder.join(&file.name))?;
        job.progress.advance(1, 0);
    }
    let mut findings = Vec::new();
    let wanted: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    ledger::remove_stale(&earlier, folder, &wanted, &mut findings)?;
    ours.write(ledger_path, !missing.is_empty())?;
    Ok(findings)
}

fn failed(path: &Path) -> impl Fn(TableError) -> StepError + '_ {
    |error| match error {
        TableError::Io(source) => StepError::File { action: "write", path: path.to_owned(), source },
        other => other.into(),
    }
}

fn identity(file: &File<'_>, folder: &Path) -> Result<ContentId, StepError> {
    let mut out = Hashing::new(std::io::sink());
    (file.write)(&mut out).map_err(failed(&folder.join(&file.name)))?;
    Ok(out.content())
}

fn put(file: &File<'_>, content: ContentId, path: &Path) -> Result<(), StepError> {
    let write = || -> Result<ContentId, TableError> {
        let mut part = Part::beside(path)?;
        let mut out = Hashing::new(BufWriter::with_capacity(1 << 18, part.file()?));
        (file.write)(&mut out)?;
        out.flush()?;
        let written = out.content();
        drop(out);
        part.persist()?;
        Ok(written)
    };
    let written = write().map_err(failed(path))?;
    debug_assert_eq!(written, content, "the same file twice has other bytes");
    Ok(())
}
