//! Roots that are absent: each place where they may lie, and what is wrong with it.

use super::columns::visible;
use crate::check::{Pipeline, Root};
use crate::run::roots::{MissWhy, locate, misses};

/// The absent roots from which steps of `pipeline` read, each place in a line; empty where all are there.
pub(in crate::cli) fn absent(pipeline: &Pipeline) -> String {
    let is_read =
        |root: &&Root| pipeline.steps.iter().filter_map(|step| step.step.source()).any(|source| source.root == root.name);
    let absent = pipeline.roots.iter().filter(is_read).filter(|root| locate(root).is_none());
    absent.map(of_root).collect()
}

fn of_root(root: &Root) -> String {
    let mut page = format!("\nroot `{}` is not at any of its places:\n", root.name);
    if root.candidates.is_empty() {
        return format!(
            "\nroot `{0}` has no place on this machine: write `roots: {{ {0}: PATH }}` in `trapline.local.yaml`\n",
            root.name
        );
    }
    for miss in misses(root) {
        let words = match &miss.why {
            MissWhy::NotThere => "does not exist".to_owned(),
            MissWhy::Unreadable(why) => format!("cannot be read: {}", visible(why)),
            MissWhy::NotAFolder => "is a file, not a folder".to_owned(),
            MissWhy::Empty => "is an empty folder: perhaps nothing is mounted there".to_owned(),
            MissWhy::Unmarked(marker) => {
                format!("is there and holds no `{marker}`: if it is the right disk, create an empty file of that name in it")
            }
        };
        page.push_str(&format!("  {}: {words}\n", visible(&miss.place.display().to_string())));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_told() {
        let disk = tempfile::tempdir().unwrap();
        std::fs::write(disk.path().join("a.jpg"), "x").unwrap();
        let root = |candidates: Vec<std::path::PathBuf>| Root {
            name: "archive".into(),
            marker: Some(".trapline-root".into()),
            candidates,
        };
        let page = of_root(&root(vec!["/nowhere/at/all".into(), disk.path().into()]));
        let page = page.replace(&disk.path().display().to_string(), "DISK");
        insta::assert_snapshot!(page, @"

        root `archive` is not at any of its places:
          /nowhere/at/all: does not exist
          DISK: is there and holds no `.trapline-root`: if it is the right disk, create an empty file of that name in it
        ");
        assert!(of_root(&root(Vec::new())).contains("write `roots: { archive: PATH }` in `trapline.local.yaml`"));
    }
}
