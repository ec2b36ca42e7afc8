//! `trapline season`: closes a season whose images must not change any more, or opens it again.

use anyhow::bail;
use clap::{Args, Subcommand};

use super::args::{ProjectArgs, StoreArgs};
use super::exit::{Exit, coded};
use super::render::words::{counted, list};
use super::terminal::Terminal;
use super::{host, plan, project};
use crate::check::Pipeline;
use crate::run::seasons::{self, SealedFile};
use crate::run::{RunOptions, select};

/// Seal a season, so that any change of its images is an error; or reopen it
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
    /// Write `seasons/SEASON.csv`, the list of its images: the file is the seal, commit it
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
            let files = files(&pipeline, season, store)?;
            let count = files.len() as u64;
            let path = seasons::seal(&pipeline.project, season, files)?;
            terminal.say(&format!(
                "season {season} is sealed: {} in `{}`.\nNext: commit the file. A changed, missing or new image of this season is now an error.\n",
                counted(count, "image"),
                shown(&pipeline, &path)
            ));
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

/// The images of a season, all of which must be known: what is sealed unread would be sealed unseen.
fn files(pipeline: &Pipeline, season: &str, store: &StoreArgs) -> anyhow::Result<Vec<SealedFile>> {
    let mut options = RunOptions { store: project::store(store, pipeline), ..RunOptions::default() };
    // Only sources are of interest: planning what comes behind them would take its time for nothing.
    options.targets = sources(pipeline, &select(pipeline, &options)?);
    let planned = plan::planned(pipeline, &options)?;
    let absent: Vec<_> = planned.scans.values().filter(|scan| scan.folder.is_none()).map(|scan| format!("`{}`", scan.root)).collect();
    if !absent.is_empty() {
        let error = anyhow::anyhow!("root {} is absent: a season is sealed with its images at hand", list(&absent));
        return Err(coded(Exit::RootAbsent, error));
    }
    let unread: usize = planned.scans.values().map(|scan| scan.unread().len()).sum();
    if unread > 0 {
        bail!("{} never read: `trapline run` first", if unread == 1 { "1 image was".into() } else { format!("{unread} images were") });
    }
    Ok(planned.scans.values().filter_map(|scan| scan.seasons().remove(season)).flatten().collect())
}

fn sources(pipeline: &Pipeline, order: &[usize]) -> Vec<String> {
    let steps = order.iter().map(|index| &pipeline.steps[*index]);
    steps.filter(|step| step.step.source().is_some()).map(|step| step.name.value.clone()).collect()
}

fn shown(pipeline: &Pipeline, path: &std::path::Path) -> String {
    path.strip_prefix(&pipeline.project).unwrap_or(path).display().to_string()
}
