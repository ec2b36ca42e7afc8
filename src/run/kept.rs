//! Kept: what `trapline.lock` knows of people's own files (answers, seals) must still be there when a run begins. A run that went on
//! without them would publish as if nobody had answered, and then write a lock that does not know them either.

use std::io;
use std::path::Path;

use super::lockfile::{FILE_NAME, LockFile, LockFileError, LockedLabels};
use super::seasons::{self, Sealed};
use crate::id::ContentId;
use crate::step::StepError;

/// Something that the lock knows and the project no longer has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "lost", rename_all = "snake_case")]
pub enum Lost {
    /// A label file.
    LabelFile {
        /// Which, relative to the project.
        path: String,
        /// How many lines it had.
        lines: u64,
    },
    /// Lines of a label file.
    LabelLines {
        /// Which, relative to the project.
        path: String,
        /// How many lines it had.
        then: u64,
        /// How many it has.
        now: u64,
    },
    /// The seal of a season.
    Seal {
        /// Which season.
        season: String,
    },
    /// A seal is another one, and nobody reopened the season.
    OtherSeal {
        /// Which season.
        season: String,
    },
}

/// How the project's own files compare with the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// What is lost.
    pub lost: Vec<Lost>,
    /// Label files that did not only grow: rows were changed, put in another order, or saved by another programme.
    pub rewritten: Vec<String>,
}

impl Lost {
    /// In words, without the way out.
    #[must_use]
    pub fn words(&self) -> String {
        let shown = crate::path::display;
        match self {
            Self::LabelFile { path, lines } => format!("`{}` is gone: it had {lines} lines of answers", shown(path)),
            Self::LabelLines { path, then, now } => {
                format!("`{}` has {now} lines, and had {then}: answers are gone", shown(path))
            }
            Self::Seal { season } => {
                format!("`seasons/{season}.csv` is gone: season {season} was sealed, and nobody reopened it")
            }
            Self::OtherSeal { season } => {
                format!(
                    "`seasons/{season}.csv` is another seal than the one of the last complete run, and nobody reopened the season"
                )
            }
        }
    }

    fn is_seal(&self) -> bool {
        matches!(self, Self::Seal { .. } | Self::OtherSeal { .. })
    }
}

/// What is lost, with the ways on.
#[must_use]
pub fn words(lost: &[Lost]) -> String {
    let mut lines = vec![format!("the project no longer has what `{FILE_NAME}` knows:")];
    lines.extend(lost.iter().map(|lost| format!("  {}", lost.words())));
    lines.push("Bring it back from version control or a backup (`git checkout -- FILE`).".to_owned());
    for lost in lost {
        if let Lost::Seal { season } | Lost::OtherSeal { season } = lost {
            lines.push(format!("If season {season} is to be open: `trapline season reopen {season} --because \"...\"`."));
        }
    }
    if lost.iter().any(|lost| !lost.is_seal()) {
        lines.push(format!("If answers are meant to be gone: take the lines `labels FILE ...` out of `{FILE_NAME}`."));
    }
    lines.join("\n")
}

/// Compares the label files and seals of a project with its lock. A frozen run compares label files itself, step by step.
///
/// # Errors
/// When the lock, a label file or the log of reopened seasons cannot be read.
pub fn check(project: &Path, sealed: &Sealed, frozen: bool) -> Result<Kept, StepError> {
    let lock = match LockFile::read(project) {
        Ok(lock) => lock,
        Err(LockFileError::Absent(_)) => return Ok(Kept::default()),
        Err(error) => return Err(StepError::Data(crate::step::with_causes(&error))),
    };
    let mut kept = Kept::default();
    if !frozen {
        for (path, locked) in &lock.labels {
            label_file(project, path, locked, &mut kept)?;
        }
    }
    let reopened = seasons::reopened(project)?;
    // Locks of earlier versions know of a seal by the rows that it pins.
    let earlier = lock.seasons.iter().filter(|(season, locked)| locked.pins > 0 && !lock.seals.contains_key(*season));
    let known = lock.seals.iter().map(|(season, id)| (season, Some(*id))).chain(earlier.map(|(season, _)| (season, None)));
    for (season, id) in known {
        let is_open = reopened.iter().any(|one| one.season == *season && (one.seal.is_none() || id.is_none() || one.seal == id));
        match (sealed.get(season), id) {
            _ if is_open => {}
            (None, _) => kept.lost.push(Lost::Seal { season: season.clone() }),
            (Some(seal), Some(id)) => {
                let now = seasons::manifest_id(seal).map_err(|error| StepError::Data(error.to_string()))?;
                if now != id {
                    kept.lost.push(Lost::OtherSeal { season: season.clone() });
                }
            }
            (Some(_), None) => {}
        }
    }
    Ok(kept)
}

fn label_file(project: &Path, path: &str, locked: &LockedLabels, kept: &mut Kept) -> Result<(), StepError> {
    let file = project.join(crate::path::from_text(path));
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !is_renamed(&file, locked) {
                kept.lost.push(Lost::LabelFile { path: path.to_owned(), lines: locked.lines });
            }
            return Ok(());
        }
        Err(source) => return Err(StepError::File { action: "read", path: file, source }),
    };
    if goes_on(&bytes, locked) {
        return Ok(());
    }
    let now = lines(&bytes);
    if now < locked.lines {
        kept.lost.push(Lost::LabelLines { path: path.to_owned(), then: locked.lines, now });
    } else {
        kept.rewritten.push(path.to_owned());
    }
    Ok(())
}

/// Says whether the file begins with all that the locked one held.
fn goes_on(bytes: &[u8], locked: &LockedLabels) -> bool {
    if ContentId::of(bytes) == locked.head {
        return true;
    }
    let wanted = usize::try_from(locked.lines).unwrap_or(usize::MAX);
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let end = wanted.checked_sub(1).and_then(|before| ends.clone().nth(before));
    end.is_some_and(|end| ContentId::of(&bytes[..end]) == locked.head)
}

/// Says whether another file of the folder holds what the locked one held.
fn is_renamed(file: &Path, locked: &LockedLabels) -> bool {
    let Some(Ok(entries)) = file.parent().map(std::fs::read_dir) else { return false };
    let holds = |path: &Path| std::fs::read(path).is_ok_and(|bytes| goes_on(&bytes, locked));
    entries.flatten().map(|entry| entry.path()).any(|path| path.is_file() && holds(&path))
}

/// How many lines a label file has.
pub(super) fn lines(bytes: &[u8]) -> u64 {
    // Behind the last line end stands a line only where it was cut off.
    let ended = bytes.last().is_none_or(|last| *last == b'\n');
    (bytes.split(|byte| *byte == b'\n').count() - usize::from(ended)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_on_where_it_only_grew() {
        let locked = LockedLabels { head: ContentId::of(b"class\nvole\n"), lines: 2 };
        assert!(goes_on(b"class\nvole\n", &locked) && goes_on(b"class\nvole\nstoat\n", &locked));
        assert!(!goes_on(b"class\nbird\nstoat\n", &locked) && !goes_on(b"class\n", &locked));
        let cut = LockedLabels { head: ContentId::of(b"class\nvole"), lines: 2 };
        assert!(goes_on(b"class\nvole", &cut));
        assert_eq!([lines(b""), lines(b"a\n"), lines(b"a\nb")], [0, 1, 2]);
    }
}
