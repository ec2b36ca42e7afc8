//! `trapline export`: a run, written for those who have no Trapline or no archive.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::exit::{Exit, coded};
use super::options::{Format, ProjectArgs, StoreArgs};
use super::render::words::{counted, list};
use super::terminal::Terminal;
use super::{plan, project, stored};
use crate::check::Pipeline;
use crate::provenance::ro_crate::{self, Options, Written};
use crate::provenance::{ProvenanceError, account};

/// Write a run for others: as an RO-Crate for archives
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline export --crate run_2026                    the last complete run
  trapline export --crate run_2026 --license https://creativecommons.org/licenses/by/4.0/
  trapline export --crate run_2025 --run 20251121T071330-500Z-7

A crate is a folder with `ro-crate-metadata.json` (Provenance Run Crate 0.5): the pipeline, what went in, what came out, one action
for each step. Images are rows of `inputs.csv`, by their identity. A crate that is there already is written anew.")]
pub(super) struct Export {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// Write a Workflow Run RO-Crate into this folder
    #[arg(long = "crate", value_name = "DIR", required = true)]
    folder: Option<PathBuf>,

    /// Of which run, by its id or the beginning of it; without it, the last complete one
    #[arg(long, value_name = "ID", requires = "folder")]
    run: Option<String>,

    /// The licence of the data: a URL, or words
    #[arg(long, value_name = "LICENCE", requires = "folder")]
    license: Option<String>,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Export, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some((pipeline, asked)) = project::load_with_files(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    if let Some(folder) = &args.folder {
        let store = stored::open(&project::store(&args.store, &pipeline))?;
        let account = account(&pipeline, &store, args.run.as_deref()).map_err(refused)?;
        let options = Options { license: args.license.clone() };
        let written = ro_crate::write(&pipeline, &store, &account, &asked, folder, &options).map_err(refused)?;
        match args.format {
            Format::Text => terminal.print(&crate_told(&written, &pipeline, folder))?,
            Format::Json => terminal.print_json(&json!({ "format": 1, "folder": folder, "crate": written }))?,
        }
    }
    Ok(Exit::Ok)
}

/// A failure with its exit code.
fn refused(error: ProvenanceError) -> anyhow::Error {
    match error {
        ProvenanceError::Store(error) => coded(Exit::Store, error),
        ProvenanceError::Run(error) => plan::run_error(error),
        error => error.into(),
    }
}

fn crate_told(written: &Written, pipeline: &Pipeline, folder: &std::path::Path) -> String {
    let mut page = format!("run {} of {} stands in `{}`: ", written.run, pipeline.name, folder.display());
    let parts = [
        counted(written.steps as u64, "step"),
        counted(written.images, "image"),
        counted(written.files as u64, "file"),
        counted(written.people as u64, "reviewer"),
    ];
    page.push_str(&format!("{}.\n", list(&parts)));
    if written.reused > 0 {
        page.push_str(&format!(
            "{} earlier: the crate says when.\n",
            if written.reused == 1 {
                "1 step was made".to_owned()
            } else {
                format!("{} were made", counted(written.reused as u64, "step"))
            }
        ));
    }
    if !written.undone.is_empty() {
        let names: Vec<_> = written.undone.iter().map(|name| format!("`{name}`")).collect();
        page.push_str(&format!("note: the run is not complete: {} without a result\n", list(&names)));
    }
    page
}
