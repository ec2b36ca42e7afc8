//! `trapline schema`: the JSON Schema of pipeline files, for editors.

use clap::Args;

use super::exit::Exit;
use super::render::json_schema;
use super::terminal::Terminal;

/// Print the JSON Schema of pipeline files, for completion and hints in editors
#[derive(Debug, Args)]
#[command(after_help = "Example:
  trapline schema > pipeline.schema.json

An editor with a YAML language server then completes and explains keys in a file that begins with
  # yaml-language-server: $schema=pipeline.schema.json")]
pub(super) struct Schema {}

pub(super) fn run(_: &Schema, terminal: Terminal) -> anyhow::Result<Exit> {
    terminal.print_json(&json_schema::pipeline())?;
    Ok(Exit::Ok)
}
