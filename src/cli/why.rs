//! `trapline why`: what a result is made of, and what changed.

use anyhow::bail;
use clap::Args;

use super::exit::Exit;
use super::options::{Format, ProjectArgs, StoreArgs};
use super::render::plan::{render_why, why_answer};
use super::terminal::Terminal;
use super::{image, plan, project};
use crate::run::RunOptions;

/// Show what a step's result is made of, and why it would run
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline why predictions
  trapline why predictions --image ko_ga_hu_1_2021-07-01_0001.JPG")]
pub(super) struct Why {
    /// The step
    #[arg(value_name = "STEP")]
    step: String,

    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// Show the row of one image, by its path, file name, new name or identity
    #[arg(long, value_name = "NAME")]
    image: Option<String>,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Why, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let options =
        RunOptions { store: project::store(&args.store, &pipeline), targets: vec![args.step.clone()], ..RunOptions::default() };
    let planned = plan::planned(&pipeline, &options)?;
    let Some(step) = planned.plan.steps.iter().find(|step| step.name == args.step) else {
        bail!("the plan has no step `{}`", args.step);
    };
    let rows = match &args.image {
        Some(name) => Some(image::rows(&pipeline, &options.store, &args.step, name)?),
        None => None,
    };
    match args.format {
        Format::Text => {
            terminal.print(&render_why(step))?;
            if let Some(rows) = &rows {
                terminal.print(&image::render(rows))?;
            }
        }
        Format::Json => {
            let mut answer = why_answer(step);
            if let Some(rows) = &rows {
                answer["image"] = image::answer(rows);
            }
            terminal.print_json(&answer)?;
        }
    }
    Ok(Exit::Ok)
}
