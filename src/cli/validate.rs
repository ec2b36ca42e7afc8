//! `trapline validate`: all mistakes of all pipelines at once; no image is touched.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::options::OverrideArgs;
use super::render::diagnostics::{Checked, closing, github, json, sarif, text};
use super::terminal::Terminal;
use super::{changes, project};
use crate::check::{self, Overrides};

/// Check pipelines without touching an image
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline validate pipeline.yaml
  trapline validate pipelines/*.yaml --format sarif > trapline.sarif
  trapline validate --all
  trapline validate --changed-since origin/main --format github

Exit code: 0 when every pipeline can run, 2 otherwise.")]
pub(super) struct Validate {
    /// Pipeline files; without any, the one in this folder (with --all or --changed-since, all of this folder and below)
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How to show what was found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Check all pipelines in this folder and below that git knows or could know
    #[arg(long, conflicts_with_all = ["files", "changed_since"])]
    all: bool,

    /// Check only pipelines that changes since this revision touch, through the files they read too
    #[arg(long, value_name = "REV")]
    changed_since: Option<String>,

    #[command(flatten)]
    overrides: OverrideArgs,
}

/// Who reads the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// People.
    Text,
    /// Programs; the form is stable.
    Json,
    /// Code scanning, SARIF 2.1.0.
    Sarif,
    /// GitHub, beside the changed lines.
    Github,
}

pub(super) fn run(args: &Validate, terminal: Terminal) -> anyhow::Result<Exit> {
    let overrides = project::overrides(&args.overrides);
    let mut files = checked(args, &overrides)?;
    if matches!(args.format, Format::Sarif | Format::Github) {
        // Both speak of files of the repository, wherever in it the program is started.
        if let Some(repository) = changes::repository(Path::new(".")) {
            for checked in &mut files {
                checked.sources.relocate(|path| changes::within(&repository, path));
            }
        }
    }
    match args.format {
        Format::Text => {
            terminal.print(&text::render(&files, terminal.full_width()))?;
            terminal.say(&if files.is_empty() { nothing(args).to_owned() } else { closing(&files) });
        }
        Format::Json => terminal.print_json(&json::answer(&files))?,
        Format::Sarif => terminal.print_json(&sarif::log(&files))?,
        Format::Github => {
            terminal.print(&github::render(&files))?;
            terminal.say(&if files.is_empty() { nothing(args).to_owned() } else { closing(&files) });
        }
    }
    Ok(if files.iter().any(Checked::has_errors) { Exit::BadInput } else { Exit::Ok })
}

/// What is said where no pipeline was checked.
fn nothing(args: &Validate) -> &'static str {
    if args.all { "there is no pipeline in this folder or below\n" } else { "no pipeline is touched by the changes\n" }
}

/// The pipelines asked for, checked.
fn checked(args: &Validate, overrides: &Overrides) -> anyhow::Result<Vec<Checked>> {
    let Some(revision) = &args.changed_since else {
        let files = match &args.files[..] {
            [] if args.all => changes::pipelines(Path::new("."))?,
            [] => vec![project::find(None, Path::new("."))?],
            given => given.iter().map(|file| project::find(Some(file), Path::new("."))).collect::<Result<_, _>>()?,
        };
        return Ok(files.into_iter().map(|file| check(file, overrides).0).collect());
    };
    let changes = changes::since(revision, Path::new("."))?;
    let files = if args.files.is_empty() { changes::pipelines(Path::new("."))? } else { args.files.clone() };
    let mut touched = Vec::new();
    for file in files {
        let (checked, read) = check(file, overrides);
        if read.iter().any(|path| changes.touch(path)) || changes.touch(&checked.file) {
            touched.push(checked);
        }
    }
    Ok(touched)
}

/// Checks one file; gives the files that were asked for on the way too.
fn check(file: PathBuf, overrides: &Overrides) -> (Checked, Vec<PathBuf>) {
    let loaded = check::validate(&file, overrides);
    let steps = loaded.pipeline.as_ref().map(|pipeline| pipeline.steps.len());
    (Checked { file, sources: loaded.sources, diagnostics: loaded.report.sorted(), steps }, loaded.files)
}
