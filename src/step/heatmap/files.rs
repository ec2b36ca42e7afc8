//! The pictures in their folder: named, written, and removed again when they are no longer wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::look::Seen;
use crate::file::replace;
use crate::id::ContentId;
use crate::step::export::ledger::{Found, Ledger, within};
use crate::step::portable::{check_relative, fold};
use crate::step::{Finding, StepError};
use crate::table::{CellRef, Table};

/// How many examples an error or finding shows.
const EXAMPLES: usize = 8;

/// The file of each picture: the image's name, or its path, then class and confidence. `None` where there is no picture.
pub(super) fn names(table: &Table, seen: &[Result<Seen, String>]) -> Vec<Option<String>> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let name = |(row, seen): (usize, &Result<Seen, String>)| {
        let seen = seen.as_ref().ok()?;
        let place = [table.cell(row, "name"), table.cell(row, "path")];
        let place = place.into_iter().find(|cell| *cell != CellRef::Null).map(|cell| cell.to_string()).unwrap_or_default();
        let stem = place.rsplit_once('.').map_or(place.as_str(), |(stem, _)| stem);
        let base = format!("{}_{}_{:.2}", plain(stem), plain(&seen.class), seen.confidence);
        let mut name = format!("{base}.jpg");
        let mut number = 2;
        while !taken.insert(fold(&name)) {
            name = format!("{base}_{number}.jpg");
            number += 1;
        }
        Some(name)
    };
    seen.iter().enumerate().map(name).collect()
}

/// A part of a name that every system can have.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_alphanumeric() || "-.".contains(letter) { letter } else { '_' }).collect()
}

/// Brings the pictures into `folder`. A file that is not ours is never touched; ours of an earlier run that are no longer wanted go.
pub(super) fn write(folder: &Path, pictures: &BTreeMap<String, &[u8]>) -> Result<Vec<Finding>, StepError> {
    let path = within(folder);
    let earlier = Ledger::read(&path)?;
    let mut ours = Ledger::default();
    let (mut new, mut blocked) = (Vec::new(), Vec::new());
    for (file, bytes) in pictures {
        let content = ContentId::of(bytes);
        ours.add(file, content);
        match earlier.look(file, &folder.join(file))? {
            Found::Ours(there) if there == content => {}
            // It was made by a run whose ledger is lost.
            Found::Foreign(Some(there)) if there == content => {}
            Found::Nothing | Found::Emptied | Found::Ours(_) => new.push((file, bytes)),
            Found::Foreign(_) => blocked.push(format!("`{file}`")),
        }
    }
    if !blocked.is_empty() {
        let shown = blocked.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join(", ");
        return Err(StepError::Data(format!(
            "`{}` holds {} files that this step did not write, or that were changed since, where pictures should be; nothing was \
             written: move them away, or choose another `into`: {shown}",
            folder.display(),
            blocked.len()
        )));
    }
    if !new.is_empty() {
        // Whatever an interrupted run leaves is known as ours.
        let mut intent = earlier.clone();
        intent.add_all(&ours);
        intent.write(&path, true)?;
    }
    for (file, bytes) in &new {
        let path = folder.join(file);
        replace(&path, bytes).map_err(|source| StepError::File { action: "write", path, source })?;
    }
    let kept = remove_stale(&earlier, folder, pictures)?;
    ours.write(&path, !new.is_empty())?;
    let words = "pictures of an earlier run were changed since and are kept";
    Ok(Finding::counted("kept", kept.len() as u64, words, kept.into_iter().take(EXAMPLES).collect()).into_iter().collect())
}

/// Removes pictures of an earlier run; those that somebody changed are named instead.
fn remove_stale(earlier: &Ledger, folder: &Path, pictures: &BTreeMap<String, &[u8]>) -> Result<Vec<String>, StepError> {
    let wanted: BTreeSet<String> = pictures.keys().map(|file| fold(file)).collect();
    let mut kept = Vec::new();
    // A ledger that was edited must not reach outside the folder; where case does not count, a wanted file stays.
    for file in earlier.files.keys().filter(|file| check_relative(file).is_ok() && !wanted.contains(&fold(file))) {
        let path = folder.join(file);
        match earlier.look(file, &path)? {
            Found::Nothing => {}
            Found::Ours(_) | Found::Emptied => {
                std::fs::remove_file(&path).map_err(|source| StepError::File { action: "remove", path, source })?;
            }
            Found::Foreign(_) => kept.push(file.clone()),
        }
    }
    Ok(kept)
}
