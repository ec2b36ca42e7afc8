//! `trapline diff`: what differs between two locks.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::options::Format;
use super::render::diff::render;
use super::terminal::Terminal;
use crate::run::difference::difference;
use crate::run::lockfile::{FILE_NAME, LockFile};
use crate::store::{Access, Store};

/// Say what differs between two locks: recipes, inputs, tables, seasons, models, labels
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  git show v2025:trapline.lock > 2025.lock
  trapline diff 2025.lock
  trapline diff 2025.lock trapline.lock --format json

Tables are compared row by row where the store still has both; without a store the identities are.")]
pub(super) struct Diff {
    /// The older `trapline.lock`
    #[arg(value_name = "OLD.lock")]
    old: PathBuf,

    /// The newer one; without it, `trapline.lock` in this folder
    #[arg(value_name = "NEW.lock", default_value = FILE_NAME)]
    new: PathBuf,

    /// The folder of stored results; without it `.trapline` beside the newer lock
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Diff, terminal: Terminal) -> anyhow::Result<Exit> {
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let folder = args.store.clone().unwrap_or_else(|| args.new.with_file_name(".trapline"));
    let store = folder.is_dir().then(|| Store::open(&folder, Access::Read)).transpose().map_err(super::stored::store_error)?;
    let found = difference(&old, &new, store.as_ref());
    match args.format {
        Format::Text => terminal.print(&render(&found, store.is_some()))?,
        Format::Json => terminal.print_json(&json!({ "format": 1, "with_store": store.is_some(), "difference": found }))?,
    }
    Ok(Exit::Ok)
}

fn read(path: &Path) -> anyhow::Result<LockFile> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(LockFile::parse(&text, path)?)
}
