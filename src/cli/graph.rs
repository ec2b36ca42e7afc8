//! `trapline graph`: the steps and what flows between them, as a picture.

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::options::{ProjectArgs, StoreArgs};
use super::render::drawing::{Drawing, dot, mermaid, svg};
use super::terminal::Terminal;
use super::{plan, project};
use crate::run::RunOptions;

/// Draw the steps and what flows between them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline graph > pipeline.svg
  trapline graph --format mermaid --plan
  trapline graph --format dot | dot -Tpdf > pipeline.pdf")]
pub(super) struct Graph {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// The language of the picture
    #[arg(long, value_name = "FORMAT", default_value = "svg")]
    format: Format,

    /// Show what a run would do with each step
    #[arg(long)]
    plan: bool,
}

/// The language of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Graphviz.
    Dot,
    /// Mermaid, for Markdown.
    Mermaid,
    /// A finished picture.
    Svg,
}

pub(super) fn run(args: &Graph, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let planned = if args.plan {
        let options = RunOptions { store: project::store(&args.store, &pipeline), ..RunOptions::default() };
        Some(plan::planned(&pipeline, &options)?)
    } else {
        None
    };
    let drawing = Drawing::of(&pipeline, planned.as_ref().map(|planned| &planned.plan));
    terminal.print(&match args.format {
        Format::Dot => dot(&drawing),
        Format::Mermaid => mermaid(&drawing),
        Format::Svg => svg(&drawing),
    })?;
    Ok(Exit::Ok)
}
