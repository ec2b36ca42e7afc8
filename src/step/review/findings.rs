//! What a person should know about the label files, by kind.

use crate::step::Finding;

/// How many examples a finding shows.
const EXAMPLES: usize = 8;

/// All kinds, in the order in which they are said, with their sentence behind the count.
const KINDS: [(&str, &str); 17] = [
    ("bad_rows", "rows of label files cannot be read and are not used; correct or remove them"),
    (
        "altered_rows",
        "rows were changed in place after they were written: they count as they stand now; restore them from version control, or answer anew",
    ),
    ("unknown_labels", "answers name a class that nobody declared; correct it, or add it to the classes or to `extra_classes`"),
    ("class_spelling", "answers spell their class in another way; they count"),
    (
        "unknown_images",
        "answers name no image asked about; give `file`, `site` and `season` as the images have them (those that the data set knows are used there)",
    ),
    ("ambiguous_images", "answers fit several images; add `site` and `season`, or the `observation`"),
    ("changed_images", "answers belong to images whose bytes have changed; `trapline labels relink` finds them by their pixels"),
    ("moved_answers", "answers follow their images to the folders in which these lie now"),
    (
        "other_place",
        "answers say another site or season than the image of their `observation`, as a spreadsheet leaves them; they count for that image",
    ),
    ("not_blind", "answers were given with the model's answer in sight and do not count here; ask again without it"),
    ("unknown_shown", "rows say neither `blind` nor `model` in `shown`; they are taken as `model`"),
    (
        "conflicts",
        "images have different answers of one reviewer, and no time says which is the later; add a row that supersedes",
    ),
    (
        "disagreements",
        "images have no class that more than half of the reviewers name; somebody else decides, with `trapline review STEP --adjudicate` or \
         `trapline labels todo STEP --adjudicate`",
    ),
    (
        "alike_reviewers",
        "names of reviewers differ by case or spaces alone: they count as several people, and are one file on Windows; write one name in \
         the column `reviewer`",
    ),
    ("changed_mind", "answers were replaced by a later one of the same reviewer, which stands"),
    ("unknown_superseded", "rows supersede a label that no file holds; they count"),
    ("nameless", "rows asked about say of no image which one it is, and are left out"),
];

/// Gathers findings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: [(u64, Vec<String>); KINDS.len()],
}

impl Findings {
    /// Adds one of a kind; `example` is asked only while more are shown.
    pub fn add(&mut self, kind: &str, example: impl FnOnce() -> String) {
        if let Some((count, examples)) = KINDS.iter().position(|(name, _)| *name == kind).map(|at| &mut self.found[at]) {
            *count += 1;
            if examples.len() < EXAMPLES {
                examples.push(example());
            }
        }
    }

    /// Adds `count` of a kind under one example.
    pub fn add_many(&mut self, kind: &str, count: u64, example: impl FnOnce() -> String) {
        if let Some((found, examples)) = KINDS.iter().position(|(name, _)| *name == kind).map(|at| &mut self.found[at]) {
            *found += count;
            if examples.len() < EXAMPLES {
                examples.push(example());
            }
        }
    }

    /// How many of a kind.
    pub fn count(&self, kind: &str) -> u64 {
        KINDS.iter().position(|(name, _)| *name == kind).map_or(0, |at| self.found[at].0)
    }

    /// Those there are.
    pub fn finish(self) -> Vec<Finding> {
        let finding = |((kind, words), (count, examples)): (&(&str, &str), _)| Finding::counted(kind, count, words, examples);
        KINDS.iter().zip(self.found).filter_map(finding).collect()
    }
}
