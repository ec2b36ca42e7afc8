//! `trapline model`: the models of a project.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::Exit;
use super::options::Format;
use super::render::columns::{Align, columns};
use super::render::style::STRONG;
use super::render::words::short;
use super::terminal::Terminal;
use crate::model::{self, signature};

/// Add a model to the project, or list its models
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline model add ~/Downloads/small_mammals
  trapline model list")]
pub(super) struct Model {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Copy a model bundle into `models/` and note it in `models.lock`
    #[command(after_help = "Example:
  trapline model add ~/Downloads/small_mammals

The folder holds model.yaml (name, version, classes, input) and the ONNX file that it names.")]
    Add {
        /// The folder of the bundle
        folder: PathBuf,
        /// The project
        #[arg(long, value_name = "DIR", default_value = ".")]
        project: PathBuf,
    },
    /// List the models that `models.lock` knows
    #[command(after_help = "Example:\n  trapline model list --format json")]
    List {
        /// The project
        #[arg(long, value_name = "DIR", default_value = ".")]
        project: PathBuf,
        /// For people or for programs
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
}

pub(super) fn run(args: &Model, terminal: Terminal) -> anyhow::Result<Exit> {
    match &args.action {
        Action::Add { folder, project } => {
            let added = model::add(project, folder)?;
            terminal.say(&format!(
                "{} is known now: {}.\nNext: `model: {}` in a classify step, and commit models.lock.\n",
                added.model,
                added.classes.join(", "),
                added.model
            ));
        }
        Action::List { project, format } => list(project, *format, terminal)?,
    }
    Ok(Exit::Ok)
}

fn list(project: &Path, format: Format, terminal: Terminal) -> anyhow::Result<()> {
    let models = signature::read_lock(project)?;
    if format == Format::Json {
        return terminal.print_json(&json!({ "format": 1, "models": models.values().collect::<Vec<_>>() }));
    }
    if models.is_empty() {
        terminal.say("no model is known here: `trapline model add FOLDER` adds one\n");
        return Ok(());
    }
    let header = [("model", Align::Left), ("input", Align::Left), ("id", Align::Left), ("classes", Align::Left)];
    let rows: Vec<_> = models
        .values()
        .map(|m| {
            vec![
                m.model.clone().into(),
                format!("{}x{}", m.width, m.height).into(),
                short(&m.id.to_string()).into(),
                m.classes.join(", ").into(),
            ]
        })
        .collect();
    terminal.print(&columns(&header, &rows, STRONG))
}
