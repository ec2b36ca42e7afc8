//! The Python with what the tests compare with.

use std::path::{Path, PathBuf};

/// The Python that `bash tests/tools/python` made, or that `TRAPLINE_PYTHON` names; without one it is said that `what` is missing.
pub fn python(what: &str) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("TRAPLINE_PYTHON") {
        return Some(named.into());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python");
    let found = ["bin/python", "Scripts/python.exe"].map(|name| folder.join(name)).into_iter().find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: no {what}; `bash tests/tools/python` installs it");
    }
    found
}
