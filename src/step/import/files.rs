//! Which files are imported: those named, those of a folder, those that a `*` stands for.

use std::path::Path;

/// Finds the files that `given` means, relative to `project`, sorted. `wanted` judges names within folders.
pub fn find(project: &Path, given: &str, wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for place in expand(project, given) {
        if project.join(&place).is_dir() {
            collect(project, &place, wanted, &mut found);
        } else if project.join(&place).is_file() {
            found.push(place);
        }
    }
    found.sort();
    found
}

/// The places that a path with `*` stands for; each `*` stays within one name.
fn expand(project: &Path, given: &str) -> Vec<String> {
    let mut places = vec![String::new()];
    for part in given.split('/') {
        let mut next = Vec::new();
        for place in &places {
            if part.contains('*') {
                let names = names(&project.join(place));
                next.extend(names.iter().filter(|name| fits(name, part)).map(|name| below(place, name)));
            } else {
                next.push(below(place, part));
            }
        }
        places = next;
    }
    places
}

/// The names in a folder that are no links and not hidden. A folder that cannot be read has none: its files are found missing.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    // A link may lead out of the project.
    let own = entries.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()));
    own.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| !name.starts_with('.')).collect()
}

fn collect(project: &Path, folder: &str, wanted: &dyn Fn(&str) -> bool, found: &mut Vec<String>) {
    for name in names(&project.join(folder)) {
        let path = below(folder, &name);
        if project.join(&path).is_dir() {
            collect(project, &path, wanted, found);
        } else if wanted(&name) {
            found.push(path);
        }
    }
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
        let all = |given: &str| find(dir.path(), given, &|name| name.starts_with('x'));
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
