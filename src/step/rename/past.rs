//! Names that an earlier run gave, against a manifest that lost some of them or calls an image otherwise.

use std::collections::HashMap;

use super::EXAMPLES;
use super::manifest::{Entry, Manifest};
use crate::moves::{Moves, Place};
use crate::observation::PLACE;
use crate::step::portable::fold;
use crate::step::{Finding, Past, StepError};
use crate::table::Table;

/// The names of the step's last result.
pub struct Remembered {
    table: Table,
}

impl Remembered {
    /// Those that the store still has.
    pub fn of(past: &Past<'_>) -> Result<Option<Self>, StepError> {
        let Some(table) = &past.table else { return Ok(None) };
        let columns = ["content", "path", "name"].into_iter().chain(PLACE.iter().copied());
        let names: Vec<&str> = columns.filter(|name| table.schema().field(name).is_some()).collect();
        let is_whole = ["content", "path", "name"].iter().all(|name| names.contains(name));
        Ok(if is_whole { Some(Self { table: table.read(Some(&names))? }) } else { None })
    }

    fn text(&self, column: &str, row: usize) -> &str {
        self.table.column(column).and_then(|column| column.text(row)).unwrap_or_default()
    }

    /// A season may be a number; a missing one is empty.
    fn part(&self, column: &str, row: usize) -> String {
        self.table.column(column).map(|column| column.cell(row).to_string()).unwrap_or_default()
    }

    /// Makes the manifest know every name that the last run knew. `is_as_locked` says that the file is the one of `trapline.lock`:
    /// where that calls an image otherwise, another machine named it and the file holds. Says whether anything changed.
    ///
    /// # Errors
    /// When a name is another than in the last run, and nobody can tell which holds.
    pub fn put_back(
        &self,
        manifest: &mut Manifest<'_>,
        moves: &Moves,
        file: &str,
        is_as_locked: bool,
        findings: &mut Vec<Finding>,
    ) -> Result<bool, StepError> {
        let (mut lost, mut healed, mut others, mut faults) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut by_name: Option<HashMap<String, usize>> = None;
        let Some(contents) = self.table.column("content") else { return Ok(false) };
        let mut guess = 0;
        for row in 0..self.table.rows {
            let (Some(content), name) = (contents.content(row), self.text("name", row)) else { continue };
            if name.is_empty() {
                continue;
            }
            let (place, path) =
                (Place { season: self.part("season", row), site: self.part("site", row) }, self.text("path", row));
            let entry = || Entry {
                season: place.season.clone().into(),
                site: place.site.clone().into(),
                name: name.to_owned().into(),
                content,
                path: path.to_owned().into(),
            };
            if let Some(at) = manifest.find(&place.season, &place.site, content, guess) {
                guess = at + 1;
                let written = manifest.entries[at].name.as_ref();
                if written == name {
                    continue;
                }
                if is_as_locked {
                    others.push(format!("{path}: `{name}` is `{written}`"));
                } else if is_respelled(written, name) {
                    healed.push(format!("{path}: `{written}` is `{name}` again"));
                    manifest.entries[at].name = name.to_owned().into();
                } else {
                    faults.push(format!("{path} is `{written}` in `{file}`, and was `{name}`"));
                }
                continue;
            }
            let moved = moves.now(&place, content);
            if moved.is_some_and(|now| manifest.find(&now.season, &now.site, content, usize::MAX).is_some()) {
                continue;
            }
            let is_emptied = |one: &Entry<'_>| one.content == content && one.season == place.season && one.site == place.site;
            if manifest.emptied.iter().any(is_emptied) {
                continue;
            }
            let by_name = by_name
                .get_or_insert_with(|| manifest.entries.iter().enumerate().map(|(at, entry)| (fold(&entry.name), at)).collect());
            match by_name.get(&fold(name)).copied() {
                None => {
                    by_name.insert(fold(name), manifest.entries.len());
                    manifest.add(entry());
                    lost.push(format!("{path}: `{name}`"));
                }
                // The line is there, and one of its columns is not what it was.
                Some(at) if manifest.entries[at].content == content || manifest.entries[at].path == path => {
                    let is_other = manifest.entries[at].content != content;
                    let was = std::mem::replace(&mut manifest.entries[at], entry());
                    if is_other {
                        manifest.set_content(at, content);
                    }
                    healed.push(format!("{path}: {}", differing(&was, &manifest.entries[at])));
                }
                Some(at) => {
                    faults.push(format!(
                        "`{name}` is the name of {} in `{file}`, and was that of {path}",
                        manifest.entries[at].path
                    ));
                }
            }
        }
        if !faults.is_empty() {
            return Err(refusal(file, &faults));
        }
        let is_changed = !lost.is_empty() || !healed.is_empty();
        let words = format!(
            "names of the last run were missing in `{file}` and are put back; to have another given, empty the cell `name`"
        );
        findings.extend(counted("names_put_back", &lost, &words));
        let words = format!("lines of `{file}` were changed by another program; they are as in the last run again");
        findings.extend(counted("names_healed", &healed, &words));
        let words = format!(
            "images have another name in `{file}` than in the last run here; those of the file hold, as `trapline.lock` has it"
        );
        findings.extend(counted("names_differ", &others, &words));
        Ok(is_changed)
    }
}

fn counted(kind: &str, examples: &[String], words: &str) -> Option<Finding> {
    Finding::counted(kind, examples.len() as u64, words, examples.iter().take(EXAMPLES).cloned().collect())
}

/// Says which columns of a line were others.
fn differing(was: &Entry<'_>, now: &Entry<'_>) -> String {
    let texts = [("season", &was.season, &now.season), ("site", &was.site, &now.site), ("path", &was.path, &now.path)];
    let others =
        texts.iter().filter(|(_, was, now)| was != now).map(|(name, was, now)| format!("{name} `{was}` is `{now}` again"));
    let content = (was.content != now.content).then(|| format!("content {} is {} again", was.content, now.content));
    others.chain(content).collect::<Vec<_>>().join(", ")
}

/// Says whether a spreadsheet may have made `written` of `name`: the same number without its zeros, or the same letters in another
/// case or with blanks around them.
fn is_respelled(written: &str, name: &str) -> bool {
    let plain = |text: &str| {
        let text = fold(text.trim());
        text.split(|c: char| !c.is_alphanumeric()).map(|part| part.trim_start_matches('0').to_owned()).collect::<Vec<_>>()
    };
    plain(written) == plain(name)
}

fn refusal(file: &str, faults: &[String]) -> StepError {
    let more = faults.len().saturating_sub(EXAMPLES);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    let shown = faults.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join("\n  ");
    StepError::Data(format!(
        "`{file}` was changed since the last run and names {} otherwise; nothing was written:\n  {shown}{more}\nPut the file back (version \
         control, a backup), or run this step with `--force` to let the file decide.",
        if faults.len() == 1 { "1 image".to_owned() } else { format!("{} images", faults.len()) },
    ))
}

/// Fails where `trapline.lock` knows more names than the manifest, and no store can tell which.
///
/// # Errors
/// Says how many are lost, and the ways out.
pub fn check_whole(past: &Past<'_>, known: u64, step: &str, file: &str) -> Result<(), StepError> {
    let Some(rows) = past.locked_rows.filter(|rows| known < *rows && past.locked_files.contains_key("manifest")) else {
        return Ok(());
    };
    let lost = rows - known;
    Err(StepError::Data(format!(
        "`{file}` has lost names: `trapline.lock` counts {rows} images, {lost} more than the file now names, and the store does not know \
         their names.\nThey would be named anew. Put the file back (version control, a backup), or `trapline run --force {step}` names them \
         anew."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_is_told_from_a_person() {
        assert!(is_respelled("1", "0001") && is_respelled("S1_1.jpg ", "s1_0001.JPG"));
        assert!(!is_respelled("s1_0002.JPG", "s1_0001.JPG") && !is_respelled("north.JPG", "s1_0001.JPG"));
    }
}
