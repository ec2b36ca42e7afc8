//! `trapline export`: a run, written for those who have no Trapline or no archive.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{ArgGroup, Args, ValueEnum};
use serde_json::json;

use super::exit::{Exit, coded};
use super::options::{Format, ProjectArgs, StoreArgs};
use super::render::words::{bytes, count, counted, list};
use super::terminal::Terminal;
use super::{host, plan, project, stored};
use crate::check::Pipeline;
use crate::provenance::bundle::{self, Private};
use crate::provenance::{ProvenanceError, account, ro_crate};
use crate::store::Store;

/// Write a run for others: as an RO-Crate for archives, or as a bundle that a reviewer can verify
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
#[command(after_help = "Examples:
  trapline export --crate run_2026                    the last complete run
  trapline export --crate run_2026 --license https://creativecommons.org/licenses/by/4.0/
  trapline export --crate run_2025 --run 20251121T071330-500Z-7
  trapline export --bundle review.zip                 with the images that `verify --level sample` draws
  trapline export --bundle review.zip --images none
  trapline export --bundle review.zip --images all --withhold person --withhold vehicle

A crate is a folder with `ro-crate-metadata.json` (Provenance Run Crate 0.5): the pipeline, what went in, what came out, one action
for each step. Images are rows of `inputs.csv`, by their identity. A crate that is there already is written anew.

A bundle is a ZIP file with everything that `trapline verify` needs, as `trapline.lock` names it: unpack it anywhere, and
`trapline verify --level tables` and `--level sample` work in it, offline. It tells of no folder, account or machine of yours.
Images that a model, a table or a person says show people (classes with the role `person`) stay at home, unless --withhold names
other classes or `nothing`.")]
pub(super) struct Export {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// Write a Workflow Run RO-Crate into this folder
    #[arg(long = "crate", value_name = "DIR", group = "what")]
    folder: Option<PathBuf>,

    /// Of which run, by its id or the beginning of it; without it, the last complete one
    #[arg(long, value_name = "ID", requires = "folder")]
    run: Option<String>,

    /// The licence of the data: a URL, or words
    #[arg(long, value_name = "LICENCE", requires = "folder")]
    license: Option<String>,

    /// Write a reviewer's bundle to this file
    #[arg(long, value_name = "FILE.zip", group = "what")]
    bundle: Option<PathBuf>,

    /// Which images come along in the bundle
    #[arg(long, value_name = "WHICH", default_value = "sample", conflicts_with = "folder")]
    images: Which,

    /// Images of each step in `--images sample`: as many as `verify --level sample` draws
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "folder")]
    sample: usize,

    /// A class whose images stay at home, or `nothing`; may be repeated; without it, classes called person, people or human
    #[arg(long, value_name = "CLASS", requires = "bundle")]
    withhold: Vec<String>,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// Which images come along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// None.
    None,
    /// Those that a verification draws.
    Sample,
    /// All.
    All,
}

pub(super) fn run(args: &Export, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some((pipeline, asked)) = project::load_with_files(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let store = stored::open(&project::store(&args.store, &pipeline))?;
    if let Some(folder) = &args.folder {
        let account = account(&pipeline, &store, args.run.as_deref()).map_err(refused)?;
        let options = ro_crate::Options { license: args.license.clone() };
        let written = ro_crate::write(&pipeline, &store, &account, &asked, folder, &options).map_err(refused)?;
        match args.format {
            Format::Text => terminal.print(&crate_told(&written, &pipeline, folder))?,
            Format::Json => terminal.print_json(&json!({ "format": 1, "folder": folder, "crate": written }))?,
        }
    }
    if let Some(file) = &args.bundle {
        if pipeline.overridden {
            bail!("a bundle is of what `trapline.lock` says, which knows no --set or --params: leave them out");
        }
        let images = match args.images {
            Which::None => bundle::Images::None,
            Which::Sample => bundle::Images::Sample(args.sample),
            Which::All => bundle::Images::All,
        };
        let options = bundle::Options { images, withhold: classes(args, &pipeline)?, private: private(&pipeline, &store) };
        let written = bundle::write(&pipeline, &store, &asked, file, &options).map_err(refused)?;
        match args.format {
            Format::Text => terminal.print(&bundle_told(&written, file))?,
            Format::Json => terminal.print_json(&json!({ "format": 1, "file": file, "bundle": written }))?,
        }
    }
    Ok(Exit::Ok)
}

/// The classes to withhold; one that nobody knows would withhold nothing, unnoticed.
fn classes(args: &Export, pipeline: &Pipeline) -> anyhow::Result<Vec<String>> {
    if args.withhold.is_empty() {
        return Ok(bundle::people(pipeline));
    }
    if args.withhold == ["nothing"] {
        return Ok(Vec::new());
    }
    let known = |name: &str| {
        let of_models = || pipeline.models.values().any(|model| model.classes.iter().any(|class| class == name));
        pipeline.classes.class(name).is_some() || of_models()
    };
    if let Some(unknown) = args.withhold.iter().find(|name| !known(name)) {
        let names: Vec<_> = pipeline.classes.names().map(|name| format!("`{name}`")).collect();
        bail!("--withhold: no class is called `{unknown}`; the pipeline has {}", list(&names));
    }
    Ok(args.withhold.clone())
}

/// Places of this machine and its name.
fn private(pipeline: &Pipeline, store: &Store) -> Private {
    let mut private = Private::default();
    let mut path = |path: &Path, instead: &str| {
        private.add(&path.to_string_lossy(), instead);
        if let Ok(real) = path.canonicalize() {
            private.add(&real.to_string_lossy(), instead);
        }
    };
    path(&pipeline.project, ".");
    path(store.root(), ".trapline");
    for root in &pipeline.roots {
        root.candidates.iter().for_each(|candidate| path(candidate, &root.name));
    }
    if let Some(home) = std::env::home_dir() {
        path(&home, "~");
    }
    private.add(&host::holder().host, "HOST");
    private
}

/// A failure with its exit code.
fn refused(error: ProvenanceError) -> anyhow::Error {
    match error {
        ProvenanceError::Store(error) => coded(Exit::Store, error),
        error @ ProvenanceError::RootAbsent(_) => coded(Exit::RootAbsent, error),
        ProvenanceError::Run(error) => plan::run_error(error),
        error => error.into(),
    }
}

fn crate_told(written: &ro_crate::Written, pipeline: &Pipeline, folder: &Path) -> String {
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

fn bundle_told(written: &bundle::Written, file: &Path) -> String {
    let mut page = format!(
        "`{}` holds {}, {} unpacked, with {} of {}.\n",
        file.display(),
        counted(written.files, "file"),
        bytes(written.bytes),
        count(written.packed),
        counted(written.images, "image"),
    );
    if written.classes.is_empty() {
        let why = "no class is called person, people or human, or `nothing` was named";
        page.push_str(&format!("note: no image stayed at home for what it shows: {why}\n"));
    } else {
        let images = counted(written.withheld, "image");
        page.push_str(&format!("{images} stayed at home: {}.\n", list(&written.classes)));
    }
    if written.unusable > 0 {
        let images = counted(written.unusable, "image");
        page.push_str(&format!("note: {images} could not be read, changed since the run, or cannot be named on every system\n"));
    }
    for file in &written.reports_withheld {
        page.push_str(&format!("note: `{file}` stayed at home: its pictures may show what is withheld\n"));
    }
    for file in &written.telling {
        page.push_str(&format!("note: `{file}` names a folder or the name of this machine; it is in the bundle as it is\n"));
    }
    page.push_str("Next: unpack it elsewhere, then `trapline verify --level sample` in its folder.\n");
    page
}
