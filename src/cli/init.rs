//! `trapline init`: the files of a new project, with comments that say what to edit.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::exit::Exit;
use super::project::USUAL_FILE;
use super::render::style::{CODE, STRONG, paint};
use super::terminal::Terminal;

/// Start a project: a commented pipeline.yaml and the files around it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline init                 in this folder
  trapline init varanger        in a new folder")]
pub(super) struct Init {
    /// The folder of the project; made where it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// What is written, and what to do with it.
const FILES: &[(&str, &str, &str)] = &[
    (USUAL_FILE, include_str!("init/pipeline.yaml"), "the steps: say where the images lie and how their folders are named"),
    ("deployments.csv", include_str!("init/deployments.csv"), "which camera stood where, from when to when: one line each"),
    ("trapline.local.yaml", include_str!("init/trapline.local.yaml"), "where the archive lies on this machine; never committed"),
    (".gitattributes", include_str!("init/gitattributes"), "lets git merge the labels of several people without a conflict"),
    (".gitignore", include_str!("init/gitignore"), "keeps results and machine paths out of git"),
];

pub(super) fn run(args: &Init, terminal: Terminal) -> anyhow::Result<Exit> {
    write(&args.folder)?;
    let mut page = String::from("Written:\n");
    for (name, _, purpose) in FILES {
        page.push_str(&format!("  {}  {purpose}\n", paint(STRONG, &format!("{name:<19}"))));
    }
    let there = if args.folder == Path::new(".") { String::new() } else { format!("cd {}, then ", args.folder.display()) };
    page.push_str(&format!(
        "\nEdit the first three, then: {there}{}, {}, {}\n",
        paint(CODE, "trapline validate"),
        paint(CODE, "trapline plan"),
        paint(CODE, "trapline run")
    ));
    terminal.say(&page);
    Ok(Exit::Ok)
}

/// Writes all files or none: what a person wrote is never replaced.
fn write(folder: &Path) -> anyhow::Result<()> {
    let there: Vec<_> =
        FILES.iter().map(|(name, ..)| *name).filter(|name| folder.join(name).symlink_metadata().is_ok()).collect();
    if !there.is_empty() {
        bail!(
            "`{}` has `{}` already, and nothing is replaced: name a new folder, `trapline init DIR`",
            folder.display(),
            there.join("`, `")
        );
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    for (name, text, _) in FILES {
        let path = folder.join(name);
        crate::file::replace(&path, text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("deployments.csv"), "mine").unwrap();
        let error = write(folder.path()).unwrap_err().to_string();
        assert!(error.contains("has `deployments.csv` already"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
