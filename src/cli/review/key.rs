//! The token of a review page and its port, kept for a while: a page that is open, or has an answer that was not saved yet, goes on
//! when the server is started again.
//!
//! The file is for its owner alone. On Unix it lies in the store with mode 0600; on Windows in the person's own application data,
//! since a project may lie on a share. Where neither can be had, each start has a token of its own.

use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

/// How long a token stays valid.
const DAYS: i64 = 7;

/// The address of a page as it was served last.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Key {
    format: u32,
    /// 32 hexadecimal digits.
    pub token: String,
    /// Where it was served.
    pub port: u16,
    /// When it was made, RFC 3339.
    made: String,
}

impl Key {
    pub fn new(token: String, port: u16, made: Timestamp) -> Self {
        Self { format: 1, token, port, made: made.to_string() }
    }

    /// The key kept at `path`, while it is valid. Whatever else lies there is taken for none: a new one is made.
    pub fn read(path: &Path, now: Timestamp) -> Option<Self> {
        let about = std::fs::symlink_metadata(path).ok()?;
        if !about.is_file() || !is_private(&about) || about.len() > 4096 {
            return None;
        }
        let key: Self = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let is_token = key.token.len() == 32 && key.token.bytes().all(|byte| byte.is_ascii_hexdigit());
        let age = now.duration_since(key.made.parse().ok()?);
        let is_valid = age > SignedDuration::from_mins(-5) && age < SignedDuration::from_hours(24 * DAYS);
        (key.format == 1 && is_token && is_valid).then_some(key)
    }

    /// Keeps it at `path`, for this person alone.
    ///
    /// # Errors
    /// When the file cannot be written, or the disk cannot keep it from others.
    pub fn keep(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private().open(path)?;
        if !is_private(&file.metadata()?) {
            drop(file);
            std::fs::remove_file(path)?;
            return Err(io::ErrorKind::Unsupported.into());
        }
        io::Write::write_all(&mut file, &serde_json::to_vec(self).map_err(io::Error::other)?)
    }

    /// With the port at which it is served now.
    pub fn at(self, port: u16) -> Self {
        Self { port, ..self }
    }
}

/// Where the key of a review is kept: one for those who answer, another for who decides. A page that was opened for the one must not
/// find itself at the other.
pub(super) fn path(store: &Path, step: &str, is_arbiter: bool) -> Option<PathBuf> {
    let mut hasher = blake3::Hasher::new_derive_key("trapline review key 1");
    hasher.update(&[u8::from(is_arbiter)]);
    hasher.update(step.as_bytes());
    place(store, &mut hasher)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there may be no such place")]
fn place(store: &Path, hasher: &mut blake3::Hasher) -> Option<PathBuf> {
    Some(store.join("review").join(format!("{}.json", &hasher.finalize().to_hex()[..16])))
}

#[cfg(windows)]
fn place(store: &Path, hasher: &mut blake3::Hasher) -> Option<PathBuf> {
    let own = std::env::var_os("LOCALAPPDATA")?;
    hasher.update(std::path::absolute(store).ok()?.as_os_str().as_encoded_bytes());
    Some(Path::new(&own).join("trapline").join("review").join(format!("{}.json", &hasher.finalize().to_hex()[..16])))
}

#[cfg(not(any(unix, windows)))]
fn place(_: &Path, _: &mut blake3::Hasher) -> Option<PathBuf> {
    None
}

#[cfg(unix)]
fn is_private(about: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&about.permissions()).trailing_zeros() >= 6
}

#[cfg(not(unix))]
fn is_private(_: &std::fs::Metadata) -> bool {
    true
}

fn private() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn a_key_is_valid_for_a_week_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("review").join("key.json");
        let key = Key::new("0123456789abcdef0123456789abcdef".to_owned(), 7117, at("2026-03-01T12:00:00Z"));
        let now = at("2026-03-02T08:00:00Z");
        assert_eq!(Key::read(&path, now), None);
        key.keep(&path).unwrap();
        assert_eq!(Key::read(&path, now), Some(key.clone()));
        // Kept again at another port, it is as old as before.
        key.clone().at(7118).keep(&path).unwrap();
        assert_eq!(Key::read(&path, at("2026-03-08T11:59:00Z")).unwrap().port, 7118);
        assert_eq!(Key::read(&path, at("2026-03-08T12:01:00Z")), None);
        assert_eq!(Key::read(&path, at("2026-02-28T12:00:00Z")), None);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            assert_eq!(Key::read(&path, now), None);
        }
        for text in ["", "{}", r#"{"format":1,"token":"","port":7117,"made":"2026-03-01T12:00:00Z"}"#] {
            std::fs::remove_file(&path).unwrap();
            key.keep(&path).unwrap();
            std::fs::write(&path, text).unwrap();
            assert_eq!(Key::read(&path, now), None, "{text}");
        }
    }

    #[test]
    fn who_answers_and_who_decides_have_keys_of_their_own() {
        let store = Path::new("store");
        let paths = [path(store, "qc", false), path(store, "qc", true), path(store, "corrected", false)];
        assert!(paths[0] != paths[1] && paths[0] != paths[2] && paths[1] != paths[2]);
    }
}
