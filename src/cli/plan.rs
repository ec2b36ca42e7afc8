//! `trapline plan`: what a run would do, and why. Nothing is written.

use clap::Args;

use super::exit::{Exit, coded};
use super::options::{Format, ProjectArgs, StoreArgs};
use super::project;
use super::render::columns::visible;
use super::render::plan::{answer, render};
use super::render::roots;
use super::terminal::Terminal;
use crate::check::Pipeline;
use crate::run::{self, Planned, RunError, RunOptions, kept};

/// Show what a run would do, and why
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline plan
  trapline plan --set accept_at=0.95
  trapline plan --format json

Decisions: reuse, run, wait (for labels), blocked (a root is absent,
or known images are gone from it), unknown (depends on a step that runs).")]
pub(super) struct Plan {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// Plan these steps with all before them; without any, the everyday run
    #[arg(value_name = "STEP")]
    steps: Vec<String>,

    /// Plan the steps of this stage
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Plan, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let options = RunOptions {
        targets: args.steps.clone(),
        stage: args.stage.clone(),
        store: project::store(&args.store, &pipeline),
        ..RunOptions::default()
    };
    let planned = planned(&pipeline, &options)?;
    match args.format {
        Format::Text => {
            terminal.print(&(render(&planned.plan, terminal.full_width()) + &roots::absent(&pipeline) + &lost(&planned)))?;
        }
        Format::Json => terminal.print_json(&answer(&pipeline.name, &planned.plan))?,
    }
    Ok(Exit::Ok)
}

/// What keeps a run from beginning, where something does.
pub(super) fn lost(planned: &Planned) -> String {
    if planned.lost.is_empty() {
        String::new()
    } else {
        format!("\nA run would not begin: {}\n", visible_lines(&kept::words(&planned.lost)))
    }
}

fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// Plans, with the exit code that a failure stands for.
pub(super) fn planned(pipeline: &Pipeline, options: &RunOptions) -> anyhow::Result<Planned> {
    run::plan(pipeline, options).map_err(run_error)
}

/// What a run that could not begin or end means for the exit code.
pub(super) fn run_error(error: RunError) -> anyhow::Error {
    match error {
        RunError::Store(_) => coded(Exit::Store, error),
        RunError::Scan(_) | RunError::Lost(_) => coded(Exit::StepFailed, error),
        RunError::Seal(_) | RunError::LockFile(_) | RunError::UnknownStep { .. } | RunError::UnknownStage { .. } => error.into(),
    }
}
