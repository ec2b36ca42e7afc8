//! `trapline labels`: what is still to be answered, answers to add, where a review stands, images whose bytes changed.

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::options::{ProjectArgs, StoreArgs};
use super::terminal::Terminal;

mod add;
pub(super) mod desk;
mod relink;
mod status;
mod todo;

/// List what a review still asks, add answers, count them, or find images whose bytes changed
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline labels todo qc_labels --reviewer anna -o todo.csv
  trapline labels add qc_labels --reviewer anna todo.csv
  trapline labels status qc_labels")]
pub(super) struct Labels {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Todo(todo::Todo),
    Add(add::Add),
    Status(status::Status),
    Relink(relink::Relink),
}

/// Which review.
#[derive(Debug, Args)]
pub(super) struct ReviewArgs {
    /// The review step
    #[arg(value_name = "STEP")]
    pub step: String,

    #[command(flatten)]
    pub project: ProjectArgs,
    #[command(flatten)]
    pub store: StoreArgs,
}

pub(super) fn run(args: Labels, terminal: Terminal) -> anyhow::Result<Exit> {
    match args.action {
        Action::Todo(args) => todo::run(&args, terminal),
        Action::Add(args) => add::run(&args, terminal),
        Action::Status(args) => status::run(&args, terminal),
        Action::Relink(args) => relink::run(&args, terminal),
    }
}
