//! Names in use, and the next number of a group of names that differ in their counter alone.

use std::collections::HashSet;

use super::template::Draft;
use crate::step::portable::fold;

/// Names in use, compared without case as Windows and macOS do.
#[derive(Debug)]
pub struct Used {
    taken: HashSet<String>,
    /// The names that were there at the start, sorted: those of one beginning lie together.
    forward: Vec<String>,
    /// The same read backwards, for names that begin with their counter.
    backward: Option<Vec<String>>,
}

impl Used {
    /// Takes the names in use.
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut forward: Vec<String> = names.map(fold).collect();
        forward.sort_unstable();
        Self { taken: forward.iter().cloned().collect(), forward, backward: None }
    }

    /// Takes a name; false where it is taken already.
    pub fn take(&mut self, name: &str) -> bool {
        self.taken.insert(fold(name))
    }

    /// The highest number that names of the start carry between `before` and `behind`; 0 where there is none.
    pub fn highest(&mut self, before: &str, behind: &str) -> u64 {
        let (before, behind) = (fold(before), fold(behind));
        if before.len() >= behind.len() {
            return highest(&self.forward, &before, &behind);
        }
        let backward = self.backward.get_or_insert_with(|| {
            let mut names: Vec<String> = self.forward.iter().map(|name| reversed(name)).collect();
            names.sort_unstable();
            names
        });
        highest_reversed(backward, &reversed(&behind), &reversed(&before))
    }
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// The names that start with `prefix`, of a sorted list.
fn starting<'a>(sorted: &'a [String], prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let start = sorted.partition_point(|name| name.as_str() < prefix);
    sorted[start..].iter().map(String::as_str).take_while(move |name| name.starts_with(prefix))
}

fn middle<'a>(name: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    let middle = name.strip_prefix(before)?.strip_suffix(behind)?;
    (!middle.is_empty() && middle.bytes().all(|byte| byte.is_ascii_digit())).then_some(middle)
}

fn highest(sorted: &[String], before: &str, behind: &str) -> u64 {
    starting(sorted, before).filter_map(|name| middle(name, before, behind)?.parse().ok()).max().unwrap_or(0)
}

fn highest_reversed(sorted: &[String], before: &str, behind: &str) -> u64 {
    starting(sorted, before).filter_map(|name| reversed(middle(name, before, behind)?).parse().ok()).max().unwrap_or(0)
}

/// Numbers the images of one group, given in their order: after the highest number in use, past any taken name.
pub fn number(drafts: &[Draft], used: &mut Used) -> Vec<String> {
    let mut next = match drafts.first() {
        Some(Draft::Counted { before, behind, .. }) => used.highest(before, behind) + 1,
        _ => 1,
    };
    let mut names = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let name = loop {
            let name = draft.name(next);
            next += 1;
            // Another group may have come to the same name: `a1` + `2` and `a` + `12`.
            if used.take(&name) {
                break name;
            }
        };
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(before: &str, behind: &str) -> Draft {
        Draft::Counted { before: before.into(), width: 2, behind: behind.into() }
    }

    #[test]
    fn numbers_go_on_after_the_highest_in_use_whatever_its_case() {
        let mut used = Used::new(["a_01.jpg", "A_07.JPG", "a_99x.jpg", "ab_50.jpg"].into_iter());
        assert_eq!(number(&[counted("a_", ".JPG"), counted("a_", ".JPG")], &mut used), ["a_08.JPG", "a_09.JPG"]);
        assert_eq!(number(&[counted("b_", ".JPG")], &mut used), ["b_01.JPG"]);
    }

    #[test]
    fn a_counter_at_the_start_is_found_too() {
        let mut used = Used::new(["07_ko_1.jpg", "12_ko_1.jpg", "90_ko_11.jpg"].into_iter());
        assert_eq!(number(&[counted("", "_ko_1.jpg")], &mut used), ["13_ko_1.jpg"]);
    }

    #[test]
    fn groups_that_meet_step_aside() {
        let mut used = Used::new(std::iter::empty());
        let many = vec![counted("a", ""); 12];
        assert_eq!(number(&many, &mut used)[10], "a11");
        assert_eq!(number(&[counted("a1", "")], &mut used), ["a101"]);
        let mut used = Used::new(std::iter::empty());
        assert_eq!(number(&[Draft::Counted { before: "a1".into(), width: 1, behind: String::new() }], &mut used), ["a11"]);
        assert_eq!(number(&many, &mut used)[10], "a12", "`a11` was taken");
    }
}
