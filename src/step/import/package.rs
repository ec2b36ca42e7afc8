//! Data packages of Camtrap DP: labels of people, predictions of models.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::layout::{Filter, Layout, PREDICTION_COLUMNS, Source};
use super::reading::Places;
use super::{EXAMPLES, Import, What, foreign};
use crate::exchange::camtrap_dp::check::read_table;
use crate::exchange::camtrap_dp::key;
use crate::exchange::camtrap_dp::read::{Package, Whose, tells};
use crate::exchange::camtrap_dp::rules::{DEPLOYMENTS, MEDIA, OBSERVATIONS, Rules, TABLES};
use crate::step::{Finding, Job, LABEL_COLUMNS, StepError};
use crate::table::{Faults, Table, TableError};

/// Our columns with what a package calls them, where it is not the same.
const NAMES: &[(&str, &str)] = &[("label", "class"), ("reviewer", "by"), ("model", "by")];

/// The folder of a path, with its `/`.
fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}

/// The columns that packages give, for the check.
///
/// # Errors
/// A table that a package lacks, or that cannot be read, in words.
pub fn layout_of(what: What, project: &Path, found: &[String]) -> Result<Layout, String> {
    let mut deployments = Vec::new();
    for path in found {
        let folder = folder(path);
        if let Some(lost) = TABLES.iter().map(|rules| format!("{folder}{}", rules.file())).find(|file| !found.contains(file)) {
            return Err(format!("the package has no `{lost}`"));
        }
        if path.strip_prefix(folder) == Some(DEPLOYMENTS.file().as_str()) {
            let bytes = std::fs::read(project.join(path)).map_err(|error| format!("`{path}` cannot be read: {error}"))?;
            deployments.push(read_table(path, &bytes).map_err(|error| error.to_string())?);
        }
    }
    Ok(layout(what, &deployments.iter().collect::<Vec<_>>()))
}

/// Columns by their names: where they stand is the package's matter. Sites and seasons are given where all deployments tell them.
fn layout(what: What, deployments: &[&Table]) -> Layout {
    let mut names = vec!["path", "name"];
    for name in [key::SITE, key::SEASON] {
        if deployments.iter().all(|table| tells(table, name)) {
            names.push(name);
        }
    }
    let own = if what == What::Labels { LABEL_COLUMNS } else { PREDICTION_COLUMNS };
    names.extend(own.iter().map(|(name, _)| *name).filter(|name| *name != "problem"));
    let columns = names.into_iter().enumerate().map(|(at, name)| (name.to_owned(), Source::Field(at)));
    Layout { columns: columns.collect(), filter: Filter::All }
}

/// The files of one package.
type Files<'f> = BTreeMap<&'static str, (&'f str, &'f [u8])>;

/// The labels of all packages, as they stand.
pub fn rows<'f>(
    import: &Import,
    job: &Job<'_>,
    files: &[(&'f str, &'f [u8])],
    resolved: bool,
    findings: &mut Vec<Finding>,
    faults: &mut Faults,
) -> Result<(Table, Places<'f>), StepError> {
    let mut packages: BTreeMap<&str, Files<'f>> = BTreeMap::new();
    for (path, bytes) in files {
        if let Some(rules) = TABLES.iter().find(|rules| path.strip_prefix(folder(path)) == Some(rules.file().as_str())) {
            packages.entry(folder(path)).or_default().insert(rules.name, (*path, *bytes));
        }
    }
    job.progress.start("read", packages.len() as u64);
    let (mut read, mut tables, mut paths, mut lines) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut unclear = Vec::new();
    for (number, (folder, files)) in (0_u32..).zip(&packages) {
        job.cancel.check()?;
        let package = Package {
            deployments: open(files, folder, &DEPLOYMENTS)?,
            media: open(files, folder, &MEDIA)?,
            observations: open(files, folder, &OBSERVATIONS)?,
        };
        if !check(&package, folder, faults) {
            continue;
        }
        let whose = if import.what == What::Labels { Whose::People } else { Whose::Models };
        let labels = package.labels(whose)?;
        paths.push(files.get(OBSERVATIONS.name).map_or("", |(path, _)| *path));
        lines.extend(labels.rows.iter().map(|row| (number, *row as u64 + 2)));
        unclear.extend(labels.unclear);
        tables.push(labels.table);
        read.push(package);
        job.progress.advance(1, 0);
    }
    faults.check()?;
    findings.extend(unsaid(&read, import.what));
    let words = "images lie within an event that nobody can tell to be theirs (a time-lapse image within an event of motion, or two \
                 events at once), and have no label of their own: they are left out";
    let count = unclear.len() as u64;
    unclear.truncate(EXAMPLES);
    findings.extend(Finding::counted("unclear_event", count, words, unclear));
    let mut answers = Table::concat(&tables)?;
    for (own, theirs) in NAMES {
        answers = answers.with_column(own, Arc::clone(answers.require(theirs)?))?;
    }
    let deployments: Vec<&Table> = read.iter().map(|package| &package.deployments).collect();
    let table = foreign::complete(import, layout(import.what, &deployments), &answers, resolved)?;
    Ok((table, Places::of_lines(paths, lines)))
}

fn open(files: &Files<'_>, folder: &str, rules: &Rules) -> Result<Table, StepError> {
    let Some((path, bytes)) = files.get(rules.name) else {
        return Err(StepError::Data(format!("the package has no `{folder}{}`", rules.file())));
    };
    Ok(read_table(path, bytes)?)
}

/// What is wrong with a package: it is not read then.
fn check(package: &Package, folder: &str, faults: &mut Faults) -> bool {
    let found = package.faults(&|name| format!("{folder}{name}.csv"));
    let told = found.first.into_iter().map(|fault| TableError::Text {
        file: fault.file,
        line: fault.row.map(|row| row as u64),
        column: fault.column,
        message: format!("{}; correct the package", fault.message),
    });
    faults.extend(told, found.count as u64);
    found.count == 0
}

/// Observations of which nobody says whether a person or a model made them.
fn unsaid(packages: &[Package], what: What) -> Option<Finding> {
    let mut examples = Vec::new();
    let mut count = 0;
    for table in packages.iter().map(|package| &package.observations).filter(|_| what == What::Labels) {
        let text =
            |row: usize, name: &str| table.column(name).and_then(|column| column.text(row)).filter(|text| !text.is_empty());
        for row in 0..table.rows {
            let classified = text(row, "observationType") != Some("unclassified");
            if classified && text(row, "classificationMethod").is_none() {
                count += 1;
                examples.extend(text(row, "observationID").filter(|_| examples.len() < EXAMPLES).map(str::to_owned));
            }
        }
    }
    let words = "observations do not say whether a person or a model made them, and count as labels of people";
    Finding::counted("no_method", count, words, examples)
}
