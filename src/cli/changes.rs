//! What changed since a revision, as git says: for checks of a pull request that touch only what it touches.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::project::{is_pipeline, is_yaml};

/// The files that differ from a revision, as absolute paths.
#[derive(Debug)]
pub(super) struct Changes {
    files: BTreeSet<PathBuf>,
}

impl Changes {
    /// Whether `path` is among them, also where it was deleted.
    pub(super) fn touch(&self, path: &Path) -> bool {
        self.files.contains(&settled(path))
    }
}

/// Files that differ between the merge base with `revision` and the working tree in `folder`; untracked ones count.
pub(super) fn since(revision: &str, folder: &Path) -> anyhow::Result<Changes> {
    let top = PathBuf::from(line(&git(folder, &["rev-parse", "--show-toplevel"])?));
    // A revision that looks like an option must not become one.
    let commit = git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")])
        .map_err(|_| anyhow::anyhow!("git knows no revision `{revision}`: fetch it, or name another"))?;
    let base = git(folder, &["merge-base", line(&commit), "HEAD"]).map_err(|_| {
        anyhow::anyhow!("`{revision}` and this branch have no common past: a shallow clone needs `git fetch --unshallow`")
    })?;
    let mut files = BTreeSet::new();
    for args in [
        &["diff", "--name-only", "--no-renames", "-z", line(&base), "--"][..],
        &["ls-files", "--others", "--exclude-standard", "-z", "--full-name"][..],
    ] {
        let list = git(&top, args)?;
        files.extend(list.split('\0').filter(|name| !name.is_empty()).map(|name| settled(&top.join(name))));
    }
    Ok(Changes { files })
}

/// All pipelines that git knows or could know in `folder` and below, relative to it.
pub(super) fn pipelines(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let list = git(folder, &["ls-files", "--cached", "--others", "--exclude-standard", "-z"])?;
    let files: BTreeSet<_> = list.split('\0').map(PathBuf::from).collect();
    Ok(files.into_iter().filter(|file| is_yaml(file) && is_pipeline(&folder.join(file))).collect())
}

/// The top folder of the repository that `folder` lies in; nothing without git or a repository.
pub(super) fn repository(folder: &Path) -> Option<PathBuf> {
    let top = git(folder, &["rev-parse", "--show-toplevel"]).ok()?;
    Some(settled(Path::new(line(&top))))
}

/// `path` as seen from the top folder of its repository; one that lies elsewhere stays as it is.
pub(super) fn within(repository: &Path, path: &Path) -> PathBuf {
    // A setting of the command line is shown as if it were a file.
    if path.as_os_str().to_string_lossy().starts_with("--") {
        return path.to_owned();
    }
    settled(path).strip_prefix(repository).map_or_else(|_| path.to_owned(), Path::to_owned)
}

fn line(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}

fn git(folder: &Path, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        .output()
        .context("cannot run `git`, which knows the files and what changed: install it, or name the files to check")?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        if words.contains("not a git repository") {
            bail!("only a git repository knows which files to check, and this folder is in none: name them instead");
        }
        bail!("`git {}` failed: {}", args.first().unwrap_or(&""), words.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// An absolute path without links, `.` and `..`, also for a file that is gone.
fn settled(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    // The folders that are still there may be links.
    match (plain.parent(), plain.file_name()) {
        (Some(folder), Some(name)) if folder != plain => settled(folder).join(name),
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for args in [&["init", "-q", "-b", "main"][..], &["config", "user.email", "a@b.c"], &["config", "user.name", "a"]] {
            git(folder.path(), args).unwrap();
        }
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for (name, text) in [("a.yaml", "trapline: 1\n"), ("sub/b.yaml", "trapline: 1\n"), ("gone.csv", "x\n"), ("å.csv", "x\n")]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        git(folder.path(), &["add", "-A"]).unwrap();
        git(folder.path(), &["commit", "-qm", "start"]).unwrap();
        folder
    }

    #[test]
    fn changed_deleted_and_new_files_count() {
        let folder = repository();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("å.csv"), "y\n").unwrap();
        std::fs::remove_file(at("gone.csv")).unwrap();
        std::fs::write(at("new.csv"), "z\n").unwrap();
        let changes = since("main", &at("sub")).unwrap();
        let touched = |name: &str| changes.touch(&at(name));
        assert_eq!(
            ["å.csv", "gone.csv", "sub/../new.csv", "a.yaml", "sub/b.yaml"].map(touched),
            [true, true, true, false, false]
        );
    }

    #[test]
    fn what_the_other_branch_did_since_does_not_count() {
        let folder = repository();
        git(folder.path(), &["switch", "-qc", "mine"]).unwrap();
        git(folder.path(), &["switch", "-q", "main"]).unwrap();
        std::fs::write(folder.path().join("a.yaml"), "trapline: 1\n# later\n").unwrap();
        git(folder.path(), &["commit", "-qam", "later"]).unwrap();
        git(folder.path(), &["switch", "-q", "mine"]).unwrap();
        assert!(!since("main", folder.path()).unwrap().touch(&folder.path().join("a.yaml")));
    }

    #[test]
    fn pipelines_are_found_below() {
        let folder = repository();
        std::fs::write(folder.path().join("sub/fragment.yaml"), "steps:\n").unwrap();
        assert_eq!(pipelines(folder.path()).unwrap(), [PathBuf::from("a.yaml"), PathBuf::from("sub/b.yaml")]);
    }

    #[test]
    fn outside_a_repository_it_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = since("main", folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("only a git repository knows which files to check"), "{error}");
        let error = since("no-such-branch", repository().path()).unwrap_err().to_string();
        assert_eq!(error, "git knows no revision `no-such-branch`: fetch it, or name another");
    }
}
