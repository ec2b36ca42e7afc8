//! `trapline.lock`: what a complete run was made of and what it yielded; sorted, one fact a line, committed by the user.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::id::{ContentId, RecipeKey};
use crate::recipe::Ingredient;

/// The file's name, beside the pipeline.
pub const FILE_NAME: &str = "trapline.lock";

/// One output of a locked step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LockedOutput {
    /// Port.
    pub port: String,
    /// Identity.
    pub id: ContentId,
    /// Rows.
    pub rows: u64,
}

/// A step as locked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LockedStep {
    /// Identity of its work.
    pub recipe: RecipeKey,
    /// Identities of its inputs, in key order.
    pub inputs: Vec<Ingredient>,
    /// Its outputs, in port order.
    pub outputs: Vec<LockedOutput>,
}

/// A season as locked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LockedSeason {
    /// Identity of its sorted list of files.
    pub manifest: ContentId,
    /// How many files.
    pub files: u64,
    /// How many rows of samples and labels it is sealed with; none where it is open.
    pub pins: u64,
}

/// The head of a label file as locked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LockedLabels {
    /// Identity of its bytes.
    pub head: ContentId,
    /// How many lines it had: it only ever grows.
    pub lines: u64,
}

/// A model as locked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LockedModel {
    /// Identity of everything that may change a prediction.
    pub id: ContentId,
    /// Where its bundle says what it was trained on: that training's id.
    pub training: Option<String>,
}

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct LockFile {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Version of Trapline that wrote it.
    pub tool: String,
    /// By step.
    pub steps: BTreeMap<String, LockedStep>,
    /// By season.
    pub seasons: BTreeMap<String, LockedSeason>,
    /// The seals of sealed seasons, by season: what each holds.
    pub seals: BTreeMap<String, ContentId>,
    /// By `name@version`.
    pub models: BTreeMap<String, LockedModel>,
    /// Label files by path, relative to the project.
    pub labels: BTreeMap<String, LockedLabels>,
    /// `engine/epoch`.
    pub numerics: BTreeSet<String>,
}

/// Why a lock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockFileError {
    /// It cannot be read or written.
    #[error("cannot {action} `{path}`")]
    Io {
        /// `read`, `write`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is none.
    #[error("`{0}` does not exist; a complete run of the everyday steps writes it")]
    Absent(PathBuf),
    /// A line is damaged.
    #[error("`{path}` line {line}: {what}; restore the file from version control, or run without it to write it anew")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

impl LockFile {
    /// The text of the file.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("pipeline {}", self.pipeline), format!("tool {}", self.tool)];
        for (name, step) in &self.steps {
            lines.push(format!("step {name} recipe {}", step.recipe));
            for (place, input) in step.inputs.iter().enumerate() {
                lines.push(format!("step {name} uses {place:02} {} {}", input.name, input.value));
            }
            for (place, output) in step.outputs.iter().enumerate() {
                lines.push(format!("step {name} yields {place:02} {} {} {}", output.port, output.id, output.rows));
            }
        }
        for (name, season) in &self.seasons {
            let pins = if season.pins > 0 { format!(" {}", season.pins) } else { String::new() };
            lines.push(format!("season {name} {} {}{pins}", season.manifest, season.files));
        }
        lines.extend(self.seals.iter().map(|(name, seal)| format!("seal {name} {seal}")));
        for (name, model) in &self.models {
            let training = model.training.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
            lines.push(format!("model {name} {}{training}", model.id));
        }
        lines.extend(self.labels.iter().map(|(path, labels)| format!("labels {path} {} {}", labels.head, labels.lines)));
        lines.extend(self.numerics.iter().map(|numerics| format!("numerics {numerics}")));
        lines.sort();
        let mut text =
            String::from("# Written by `trapline run`; commit it. `trapline verify` and `run --frozen` compare with it.\n");
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// Reads the file's text; `path` is for messages.
    ///
    /// # Errors
    /// Names the line that cannot be read.
    pub fn parse(text: &str, path: &Path) -> Result<Self, LockFileError> {
        if let Some(line) = crate::merging::first_mark(text) {
            let what = "a merge conflict is not resolved".to_owned();
            return Err(LockFileError::Line { path: path.to_owned(), line: usize::try_from(line).unwrap_or(usize::MAX), what });
        }
        let mut lock = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            lock.line(line).ok_or_else(|| {
                let what = format!("`{line}` is not a line of a lock");
                LockFileError::Line { path: path.to_owned(), line: at + 1, what }
            })?;
        }
        Ok(lock)
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "pipeline" => rest.clone_into(&mut self.pipeline),
            "tool" => rest.clone_into(&mut self.tool),
            "numerics" => drop(self.numerics.insert(rest.to_owned())),
            "model" => {
                let (name, id, rest) = around_id(rest)?;
                let training = (!rest.is_empty()).then(|| rest.to_owned());
                self.models.insert(name.to_owned(), LockedModel { id, training });
            }
            "labels" => {
                let (path, head, rest) = around_id(rest)?;
                self.labels.insert(path.to_owned(), LockedLabels { head, lines: rest.parse().ok()? });
            }
            "season" => {
                let (name, manifest, rest) = around_id(rest)?;
                let (files, pins) = rest.split_once(' ').unwrap_or((rest, "0"));
                let season = LockedSeason { manifest, files: files.parse().ok()?, pins: pins.parse().ok()? };
                self.seasons.insert(name.to_owned(), season);
            }
            "seal" => {
                let (name, seal, rest) = around_id(rest)?;
                rest.is_empty().then(|| self.seals.insert(name.to_owned(), seal))?;
            }
            "step" => self.step_line(rest)?,
            _ => return None,
        }
        Some(())
    }

    fn step_line(&mut self, rest: &str) -> Option<()> {
        let (name, rest) = rest.split_once(' ')?;
        let (word, rest) = rest.split_once(' ')?;
        if word == "recipe" {
            let step = LockedStep { recipe: rest.parse().ok()?, inputs: Vec::new(), outputs: Vec::new() };
            // Sorted lines put `recipe` before `uses` and `yields`.
            self.steps.insert(name.to_owned(), step);
            return Some(());
        }
        let step = self.steps.get_mut(name)?;
        let (_, rest) = rest.split_once(' ')?;
        match word {
            "uses" => {
                let (input, value) = rest.rsplit_once(' ')?;
                step.inputs.push(Ingredient { name: input.to_owned(), value: value.to_owned() });
            }
            "yields" => {
                let (rest, rows) = rest.rsplit_once(' ')?;
                let (port, id) = rest.rsplit_once(' ')?;
                step.outputs.push(LockedOutput { port: port.to_owned(), id: id.parse().ok()?, rows: rows.parse().ok()? });
            }
            _ => return None,
        }
        Some(())
    }

    /// Reads the lock of a project.
    ///
    /// # Errors
    /// When there is none or it is damaged.
    pub fn read(project: &Path) -> Result<Self, LockFileError> {
        Self::read_if_there(project)?.ok_or_else(|| LockFileError::Absent(project.join(FILE_NAME)))
    }

    /// Reads the lock of a project that may have none.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is damaged.
    pub fn read_if_there(project: &Path) -> Result<Option<Self>, LockFileError> {
        let path = project.join(FILE_NAME);
        match crate::file::reading::text(&path) {
            Ok(text) => text.map(|text| Self::parse(&text, &path)).transpose(),
            Err(source) => Err(LockFileError::Io { action: "read", path, source }),
        }
    }

    /// Writes the lock of a project, unless it says the same already.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, project: &Path) -> Result<(), LockFileError> {
        let (path, text) = (project.join(FILE_NAME), self.text());
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        crate::file::replace(&path, text.as_bytes()).map_err(|source| LockFileError::Io { action: "write", path, source })
    }
}

/// A name that may hold spaces, an identity, and what follows it.
fn around_id(text: &str) -> Option<(&str, ContentId, &str)> {
    let (name, rest) = text.split_at(text.find(" b3:")?);
    let (id, rest) = rest[1..].split_once(' ').unwrap_or((&rest[1..], ""));
    Some((name, id.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> LockFile {
        let id = ContentId::of(b"x");
        let step = LockedStep {
            recipe: RecipeKey::of(b"r"),
            inputs: vec![
                Ingredient { name: "input images".into(), value: id.to_string() },
                Ingredient { name: "file manifest".into(), value: "absent".into() },
            ],
            outputs: vec![LockedOutput { port: "images".into(), id, rows: 3 }],
        };
        LockFile {
            pipeline: "small mammals".into(),
            tool: "trapline 0.1.0".into(),
            steps: [("images".to_owned(), step.clone()), ("train[resnet50]".to_owned(), step)].into(),
            seasons: [
                ("2023".to_owned(), LockedSeason { manifest: id, files: 3, pins: 7 }),
                ("2024 spring".to_owned(), LockedSeason { manifest: id, files: 3, pins: 0 }),
            ]
            .into(),
            seals: [("2023".to_owned(), id)].into(),
            models: [
                ("demo@1".to_owned(), LockedModel { id, training: None }),
                ("demo@2".to_owned(), LockedModel { id, training: Some("2026-01 varanger".into()) }),
            ]
            .into(),
            labels: [("labels/qc/Anna Berg.csv".to_owned(), LockedLabels { head: id, lines: 12 })].into(),
            numerics: ["rten/1".to_owned()].into(),
        }
    }

    #[test]
    fn a_lock_reads_back_and_its_lines_are_sorted() {
        let text = lock().text();
        assert_eq!(LockFile::parse(&text, Path::new("trapline.lock")).unwrap(), lock());
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert!(lines.is_sorted());
    }

    #[test]
    fn an_unresolved_merge_is_named_by_its_line() {
        let text = lock().text().replace("pipeline", "<<<<<<< HEAD\npipeline");
        let error = LockFile::parse(&text, Path::new("trapline.lock")).unwrap_err();
        assert!(error.to_string().contains("merge conflict"), "{error}");
    }
}
