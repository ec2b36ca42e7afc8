//! Project files as a record of a run takes them: which ones, copied with their identity, and their names on the web.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::ProvenanceError;
use crate::check::Pipeline;
use crate::file::Hashing;
use crate::id::ContentId;
use crate::run::lockfile;
use crate::spec::LOCAL_FILE;

/// The files that describe the project, as [`crate::path::to_text`] writes their paths: the pipeline with its fragments,
/// taxonomy, deployments and `models.lock` (all of `asked`, which loading lists), the lock, the seals. Never
/// `trapline.local.yaml`, which says where things lie on the machine of whoever ran it.
pub(super) fn descriptive(pipeline: &Pipeline, asked: &[PathBuf]) -> Result<BTreeSet<String>, ProvenanceError> {
    let project = &pipeline.project;
    let relative = |path: &PathBuf| {
        let absolute = std::path::absolute(path).ok()?;
        Some(crate::path::to_text(absolute.strip_prefix(project).ok()?))
    };
    let mut found: BTreeSet<String> = asked.iter().filter_map(relative).collect();
    found.insert(lockfile::FILE_NAME.to_owned());
    let folder = project.join("seasons");
    let seals = crate::file::reading::entries(&folder).map_err(ProvenanceError::io("list", &folder))?;
    found.extend(seals.iter().filter_map(relative));
    found.remove(LOCAL_FILE);
    let mut there = BTreeSet::new();
    for path in found {
        if is_file(&project.join(crate::path::from_text(&path)))? {
            there.insert(path);
        }
    }
    Ok(there)
}

/// Says whether a file lies at `path`. What cannot be looked at must not be left out in silence.
pub(super) fn is_file(path: &Path) -> Result<bool, ProvenanceError> {
    let about = crate::file::reading::if_there(path, std::fs::metadata).map_err(ProvenanceError::io("read", path))?;
    Ok(about.is_some_and(|about| about.is_file()))
}

/// Copies what is left of a file; returns its identity and its bytes.
pub(super) fn copy(from: &mut File, to: &mut dyn Write) -> io::Result<(ContentId, u64)> {
    let mut out = Hashing::new(to);
    io::copy(from, &mut out)?;
    Ok((out.content(), out.bytes()))
}

/// A path or name as part of a URI: everything but letters, digits and `-._~/` percent-encoded (RFC 3986).
pub(super) fn encoded(text: &str) -> String {
    let mut uri = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// The path that [`encoded`] made into a URI.
pub(super) fn decoded(uri: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let hex = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The media type of a file, by its ending.
pub(super) fn media_type(path: &str) -> &'static str {
    let ending = Path::new(path).extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "yaml" | "yml" => "application/yaml",
        "json" => "application/json",
        "parquet" => "application/vnd.apache.parquet",
        "html" => "text/html",
        "svg" => "image/svg+xml",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "txt" | "md" | "lock" | "r" | "py" | "log" => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back_from_its_uri() {
        for path in ["pipeline.yaml", "labels/kå 1/Anna Berg.csv", "100%/a#b?.csv", "train[resnet50]"] {
            let uri = encoded(path);
            assert!(uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"#?[]% ".contains(&byte) || byte == b'%'), "{uri}");
            assert_eq!(decoded(&uri).as_deref(), Some(path));
        }
        assert_eq!(encoded("kå 1.csv"), "k%C3%A5%201.csv");
    }
}
