//! Which files are imported: those named, those of a folder, those that a `*` stands for.

use std::io;
use std::path::Path;

use crate::file::reading;

/// Finds the files that `given` means, relative to `project`, sorted. `wanted` judges names within folders.
///
/// # Errors
/// When a folder or file is there and cannot be looked at: it must not count as absent.
pub fn find(project: &Path, given: &str, wanted: &dyn Fn(&str) -> bool) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for place in expand(project, given)? {
        match reading::if_there(&project.join(&place), std::fs::metadata) {
            Ok(Some(about)) if about.is_dir() => collect(project, &place, wanted, &mut found)?,
            Ok(Some(_)) => found.push(place),
            // `a/*/b` passes files by.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
            Ok(None) => {}
            Err(error) => return Err(error),
        }
    }
    found.sort();
    Ok(found)
}

/// The places that a path with `*` stands for; each `*` stays within one name.
fn expand(project: &Path, given: &str) -> io::Result<Vec<String>> {
    let mut places = vec![String::new()];
    for part in given.split('/') {
        let mut next = Vec::new();
        for place in &places {
            if part.contains('*') {
                let names = names(&project.join(place))?;
                next.extend(names.iter().filter(|name| fits(name, part)).map(|name| below(place, name)));
            } else {
                next.push(below(place, part));
            }
        }
        places = next;
    }
    Ok(places)
}

/// The names in a folder that are not links and not hidden; a file has none.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match reading::entries(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for path in entries {
        // A link may lead out of the project.
        let own = !std::fs::symlink_metadata(&path)?.is_symlink();
        let name = path.file_name().and_then(|name| name.to_str()).filter(|name| own && !name.starts_with('.'));
        names.extend(name.map(str::to_owned));
    }
    Ok(names)
}

fn collect(project: &Path, folder: &str, wanted: &dyn Fn(&str) -> bool, found: &mut Vec<String>) -> io::Result<()> {
    for name in names(&project.join(folder))? {
        let path = below(folder, &name);
        if project.join(&path).is_dir() {
            collect(project, &path, wanted, found)?;
        } else if wanted(&name) {
            found.push(path);
        }
    }
    Ok(())
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Says whether `pattern` names `file`: as a whole, with `*` for any characters, or as a folder above it.
pub fn stands_for(pattern: &str, file: &str) -> bool {
    let folder = file.strip_prefix(pattern.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
    folder || fits(file, pattern)
}

/// Says whether `name` is what `pattern` stands for.
fn fits(name: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_a_name_and_folders_are_searched() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a/2020/x_1.txt", "a/2020/y_1.txt", "a/2021/deep/x_2.txt", "b/x_3.txt", "a/2020/.hidden.txt"] {
            std::fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(path), "").unwrap();
        }
        let all = |given: &str| find(dir.path(), given, &|name| name.starts_with('x')).unwrap();
        assert_eq!(all("a"), ["a/2020/x_1.txt", "a/2021/deep/x_2.txt"]);
        assert_eq!(all("a/*/*_1.txt"), ["a/2020/x_1.txt", "a/2020/y_1.txt"]);
        assert_eq!(all("*"), ["a/2020/x_1.txt", "a/2021/deep/x_2.txt", "b/x_3.txt"]);
        assert_eq!(all("b/x_3.txt"), ["b/x_3.txt"]);
        assert!(all("c").is_empty() && all("b/x").is_empty());
    }

    #[test]
    fn stars_match_in_order() {
        assert!(fits("ab_cd.txt", "a*_*.txt") && fits("x", "*") && !fits("ab", "a") && !fits("aXb", "a*c"));
        assert!(!fits("ab", "ab*b"));
        assert!(stands_for("*", "a/b.json") && stands_for("a/", "a/b.json") && stands_for("a/b.json", "a/b.json"));
        assert!(!stands_for("a/b", "a/b.json"));
    }
}
