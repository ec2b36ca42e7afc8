//! `trapline season`: closes a season whose images must not change any more, or opens it again.

use std::collections::BTreeSet;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::exit::{Exit, coded};
use super::options::{ProjectArgs, StoreArgs};
use super::render::roots;
use super::render::words::{counted, list};
use super::terminal::Terminal;
use super::{host, plan, project};
use crate::check::Pipeline;
use crate::run::roots::locate;
use crate::run::{RunOptions, SealedSeason, seal_season, seasons};
use crate::step::Source;

/// Seal a season, so that any change of its images, samples or labels is an error; or reopen it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline season seal 2025
  trapline season reopen 2025 --because \"a memory card was found in spring\"")]
pub(super) struct Season {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write `seasons/SEASON.csv`, the list of its images, samples and labels: the file is the seal, commit it
    #[command(after_help = "Example:\n  trapline season seal 2025")]
    Seal {
        /// The season, as the folders name it
        season: String,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Remove the seal, with a reason for those who come later
    #[command(after_help = "Example:\n  trapline season reopen 2025 --because \"a memory card was found in spring\"")]
    Reopen {
        /// The season, as the folders name it
        season: String,
        /// Why; kept in `seasons/reopened.log`
        #[arg(long, value_name = "REASON")]
        because: String,
        #[command(flatten)]
        project: ProjectArgs,
    },
}

pub(super) fn run(args: &Season, terminal: Terminal) -> anyhow::Result<Exit> {
    match &args.action {
        Action::Seal { season, project: of, store } => {
            let Some(pipeline) = project::load(of, terminal)? else { return Ok(Exit::BadInput) };
            require_roots(&pipeline)?;
            let options = RunOptions { store: project::store(store, &pipeline), ..RunOptions::default() };
            let sealed = seal_season(&pipeline, &options, season).map_err(plan::run_error)?;
            terminal.say(&told(season, &sealed, &pipeline.project));
        }
        Action::Reopen { season, because, project: of } => {
            if because.trim().is_empty() {
                bail!("--because wants a reason, for those who come later");
            }
            let Some(pipeline) = project::load(of, terminal)? else { return Ok(Exit::BadInput) };
            seasons::reopen(&pipeline.project, season, because, &host::now())?;
            terminal.say(&format!("season {season} is open again; the reason stands in `seasons/reopened.log`.\n"));
        }
    }
    Ok(Exit::Ok)
}

/// What a season was sealed with, and what that means.
fn told(season: &str, sealed: &SealedSeason, project: &std::path::Path) -> String {
    let path = sealed.path.strip_prefix(project).unwrap_or(&sealed.path).display();
    let mut parts = vec![counted(sealed.files, "file")];
    parts.extend(sealed.pinned.iter().map(|(step, rows)| format!("{} of `{step}`", counted(*rows, "row"))));
    let mut page = format!("season {season} is sealed by `{path}`, with {}.\n", list(&parts));
    for note in &sealed.notes {
        page.push_str(&format!("note: {note}\n"));
    }
    let what = if sealed.pinned.is_empty() { "image" } else { "image, sample or label" };
    page.push_str(&format!("Next: commit the file. A changed, missing or new {what} of this season is now an error.\n"));
    page
}

/// An absent root has an exit code of its own: scripts connect it and try again.
fn require_roots(pipeline: &Pipeline) -> anyhow::Result<()> {
    let sources = pipeline.steps.iter().filter_map(|step| step.step.source());
    let absent = |source: &Source| pipeline.roots.iter().any(|root| root.name == source.root && locate(root).is_none());
    let absent: BTreeSet<_> = sources.filter(absent).map(|source| format!("`{}`", source.root)).collect();
    if absent.is_empty() {
        return Ok(());
    }
    let names = list(&absent.into_iter().collect::<Vec<_>>());
    let places = roots::absent(pipeline);
    let words = format!("root {names} is absent: a season is sealed with its images at hand\n{}", places.trim_end());
    Err(coded(Exit::RootAbsent, anyhow::anyhow!(words)))
}
