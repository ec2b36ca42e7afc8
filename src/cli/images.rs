//! `trapline images`: known images that are gone, and letting them go.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::Exit;
use super::options::{Format, ProjectArgs, StoreArgs};
use super::render::columns::visible;
use super::render::words::counted;
use super::terminal::Terminal;
use super::{host, plan, project};
use crate::check::Pipeline;
use crate::run::forgotten::{self, Forgotten};
use crate::run::gone::{self, GoneImage};
use crate::run::{RunError, RunOptions};

/// List known images that are gone from their root, and let them go or take that back
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline images gone
  trapline images forget south/s4/2024 --because \"the card was stolen before it was copied twice\"
  trapline images remember south/s4/2024

Images that a run, a seal, `names.csv` or `trapline.lock` knows and that their root no longer shows hold a run back, as an absent root
does. Most often a disk, a share or a folder is missing: bring it back. Images that may be gone are let go by `forget`, which writes
them with the reason to `forgotten.csv`: commit it. Their names and labels stay where they are.")]
pub(super) struct Images {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List what is gone, path by path
    #[command(after_help = "Example:\n  trapline images gone")]
    Gone {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        store: StoreArgs,
        /// For people or for programs
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Let gone images go, with a reason for those who come later
    #[command(after_help = "Example:\n  trapline images forget south/s4/2024 --because \"the card was stolen\"")]
    Forget {
        /// Files or folders below the root, as `trapline images gone` lists them; `.` is all that is gone
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<String>,
        /// Why; kept in `forgotten.csv`
        #[arg(long, value_name = "REASON")]
        because: String,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Take lines out of `forgotten.csv`: these images are missed again
    #[command(after_help = "Example:\n  trapline images remember south/s4/2024")]
    Remember {
        /// Files or folders below the root, as `forgotten.csv` lists them; `.` is all of them
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<String>,
        #[command(flatten)]
        project: ProjectArgs,
    },
}

pub(super) fn run(args: &Images, terminal: Terminal) -> anyhow::Result<Exit> {
    match &args.action {
        Action::Gone { project: of, store, format } => {
            let Some(pipeline) = project::load(of, terminal)? else { return Ok(Exit::BadInput) };
            let found = list(&pipeline, store)?;
            match format {
                Format::Text if found.is_empty() => terminal.say("no known image is gone.\n"),
                Format::Text => {
                    let line = |image: &GoneImage| {
                        format!("{}\t{}\n", visible(&image.root), visible(&crate::path::display(&image.path)))
                    };
                    terminal.print(&found.iter().map(line).collect::<String>())?;
                }
                Format::Json => terminal.print_json(&json!({
                    "format": 1,
                    "gone": found.iter().map(|image| json!({
                        "root": image.root, "path": image.path, "content": image.content.to_string(),
                    })).collect::<Vec<_>>(),
                }))?,
            }
        }
        Action::Forget { paths, because, project: of, store } => {
            let Some(pipeline) = project::load(of, terminal)? else { return Ok(Exit::BadInput) };
            forget(&pipeline, store, paths, because, terminal)?;
        }
        Action::Remember { paths, project: of } => {
            let Some(pipeline) = project::load(of, terminal)? else { return Ok(Exit::BadInput) };
            let known = forgotten::read(&pipeline.project)?;
            for path in paths {
                if !known.iter().any(|one| lies_in(&one.path, path)) {
                    bail!("`{}` has no line for `{}`", forgotten::FILE_NAME, visible(path));
                }
            }
            let (back, kept): (Vec<_>, Vec<_>) =
                known.into_iter().partition(|one| paths.iter().any(|path| lies_in(&one.path, path)));
            forgotten::write(&pipeline.project, &kept)?;
            let images = counted(back.len() as u64, "image");
            terminal
                .say(&format!("{images} taken out of `{}`: a run holds back where they are not there.\n", forgotten::FILE_NAME));
        }
    }
    Ok(Exit::Ok)
}

fn list(pipeline: &Pipeline, store: &StoreArgs) -> anyhow::Result<Vec<GoneImage>> {
    let options = RunOptions { store: project::store(store, pipeline), ..RunOptions::default() };
    gone::list(pipeline, &options).map_err(plan::run_error)
}

fn forget(pipeline: &Pipeline, store: &StoreArgs, paths: &[String], because: &str, terminal: Terminal) -> anyhow::Result<()> {
    // One line a reason, whatever the person typed.
    let because = because.split_whitespace().collect::<Vec<_>>().join(" ");
    if because.is_empty() {
        bail!("--because wants a reason, for those who come later");
    }
    let found = list(pipeline, store)?;
    for path in paths {
        if !found.iter().any(|image| lies_in(&image.path, path)) {
            bail!("no known image is gone from `{}`; `trapline images gone` lists those that are", visible(path));
        }
    }
    let now = host::now();
    let mut known = forgotten::read(&pipeline.project)?;
    let gone = found.into_iter().filter(|image| paths.iter().any(|path| lies_in(&image.path, path)));
    let before = known.len();
    known.extend(gone.map(|image| Forgotten {
        root: image.root,
        path: image.path,
        content: image.content,
        time: now.clone(),
        because: because.clone(),
    }));
    forgotten::write(&pipeline.project, &known).map_err(RunError::from)?;
    let images = counted((known.len() - before) as u64, "image");
    terminal.say(&format!(
        "{images} may be gone now, as `{file}` says: commit it. Next: `trapline run`. Taking the lines out of it (`trapline images \
         remember`) takes this back.\n",
        file = forgotten::FILE_NAME
    ));
    Ok(())
}

/// Says whether `path` is `place` or lies in it.
fn lies_in(path: &str, place: &str) -> bool {
    let place = place.trim_start_matches("./").trim_end_matches('/').replace('\\', "/");
    place == "." || place.is_empty() || path == place || path.strip_prefix(&place).is_some_and(|rest| rest.starts_with('/'))
}
