//! Finds the pipeline that a command speaks of, and loads it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::options::{OverrideArgs, ProjectArgs, StoreArgs};
use super::render::diagnostics::{Checked, text};
use super::terminal::Terminal;
use crate::check::{self, Overrides, Pipeline};

/// What `init` writes and what is looked for first.
pub(super) const USUAL_FILE: &str = "pipeline.yaml";

/// The overrides as the library takes them.
pub(super) fn overrides(args: &OverrideArgs) -> Overrides {
    Overrides { set: args.set.clone(), params: args.params.clone() }
}

/// Finds and checks the pipeline; its mistakes are printed. `None` when it has errors.
pub(super) fn load(args: &ProjectArgs, terminal: Terminal) -> anyhow::Result<Option<Pipeline>> {
    Ok(load_with_files(args, terminal)?.map(|(pipeline, _)| pipeline))
}

/// [`load`], with every file that was asked for meanwhile; some may not exist.
pub(super) fn load_with_files(args: &ProjectArgs, terminal: Terminal) -> anyhow::Result<Option<(Pipeline, Vec<PathBuf>)>> {
    let file = find(args.pipeline.as_deref(), Path::new("."))?;
    let loaded = check::load(&file, &overrides(&args.overrides));
    let checked = Checked { file, sources: loaded.sources, diagnostics: loaded.report.sorted(), steps: None };
    if !checked.diagnostics.is_empty() {
        terminal.say(&text::render(std::slice::from_ref(&checked), terminal.full_width()));
    }
    Ok(loaded.pipeline.filter(|_| !checked.has_errors()).map(|pipeline| (pipeline, loaded.files)))
}

/// The store's folder.
pub(super) fn store(args: &StoreArgs, pipeline: &Pipeline) -> PathBuf {
    args.store.clone().unwrap_or_else(|| pipeline.project.join(".trapline"))
}

/// The pipeline's file: as given, `pipeline.yaml`, or the only YAML file in `folder` with a `trapline:` key.
pub(super) fn find(given: Option<&Path>, folder: &Path) -> anyhow::Result<PathBuf> {
    if let Some(file) = given {
        if file.is_dir() {
            return find(None, file);
        }
        return Ok(file.to_owned());
    }
    let usual = tidy(folder, USUAL_FILE);
    if usual.is_file() {
        return Ok(usual);
    }
    let mut found = candidates(folder).with_context(|| format!("cannot look for a pipeline in `{}`", folder.display()))?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => {
            bail!("there is no pipeline in `{}`: name one with `-p FILE`, or start one with `trapline init`", folder.display())
        }
        (Some(last), false) => {
            found.push(last);
            let names: Vec<_> = found.iter().map(|file| format!("\n  -p {}", file.display())).collect();
            bail!("there are several pipelines in `{}`: name one of them{}", folder.display(), names.concat())
        }
    }
}

/// The files of `folder` that begin as a pipeline does, sorted.
fn candidates(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let path = tidy(folder, &name);
        if is_yaml(&path) && path.is_file() && is_pipeline(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml"))
}

/// A pipeline names the version of its language at the left margin; fragments and local files do not.
pub(super) fn is_pipeline(path: &Path) -> bool {
    use std::io::Read as _;
    // More than the language allows in one file need not be read to know.
    const LIMIT: u64 = 1024 * 1024;
    let mut text = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LIMIT).read_to_end(&mut text));
    read.is_ok()
        && String::from_utf8_lossy(&text).lines().any(|line| line.trim_start_matches('\u{feff}').starts_with("trapline:"))
}

/// Joins without a leading `./`, so that messages show the path as a person would type it.
fn tidy(folder: &Path, name: impl AsRef<Path>) -> PathBuf {
    if folder == Path::new(".") { name.as_ref().to_owned() } else { folder.join(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn found(files: &[(&str, &str)]) -> Result<String, String> {
        let folder = folder(files);
        find(None, folder.path())
            .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
            .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "HERE"))
    }

    #[test]
    fn the_usual_name_wins() {
        assert_eq!(found(&[("pipeline.yaml", ""), ("a.yaml", "trapline: 1\n")]), Ok("pipeline.yaml".into()));
    }

    #[test]
    fn the_only_file_with_the_key_is_taken() {
        let files =
            [("voles.yml", "# ours\ntrapline: 1\n"), ("trapline.local.yaml", "roots:\n"), ("notes.yaml", "x: {trapline: 1}\n")];
        assert_eq!(found(&files), Ok("voles.yml".into()));
    }

    #[test]
    fn several_are_listed_and_none_says_how_to_start() {
        assert_eq!(
            found(&[("a.yaml", "trapline: 1\n"), ("b.yaml", "trapline: 1\n")]),
            Err("there are several pipelines in `HERE`: name one of them\n  -p HERE/a.yaml\n  -p HERE/b.yaml".into())
        );
        assert_eq!(
            found(&[]),
            Err("there is no pipeline in `HERE`: name one with `-p FILE`, or start one with `trapline init`".into())
        );
    }
}
