//! Which label of an image counts.

use crate::step::label_type::{CLASS, CONFIDENCE, CORRECTED, OTHER, RANDOM, TRAINING};
use crate::table::Table;

/// Kinds of label, the one that counts most first; always all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Priority(Vec<String>);

impl Priority {
    /// Those listed, then the others in their usual order.
    pub fn of(listed: impl Iterator<Item = String>) -> Self {
        let mut kinds: Vec<String> = Vec::new();
        for kind in listed.chain([RANDOM, CONFIDENCE, CLASS, CORRECTED, TRAINING, OTHER].map(str::to_owned)) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Self(kinds)
    }

    /// The best rank among the kinds of a label, joined by `+`; kinds that nobody knows come last.
    fn rank(&self, types: Option<&str>) -> usize {
        let place = |kind: &str| self.0.iter().position(|known| known == kind);
        types.into_iter().flat_map(|types| types.split('+')).filter_map(place).min().unwrap_or(self.0.len())
    }
}

/// What people say of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// The image.
    pub image: u32,
    /// Its class; several in a multi-label data set; none where labels of the same kind differ.
    pub classes: Vec<String>,
    /// The kind of label that counts, as it stands in `type`.
    pub types: Option<String>,
    /// The kind among `types` by which it counts.
    pub kind: Option<String>,
    /// Who gave the labels that count, joined by `+`.
    pub reviewer: Option<String>,
    /// Comments of all labels that agree, joined by `; `.
    pub comment: Option<String>,
}

/// A label that differs from the one that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Overruled {
    /// Index into [`Decided::decisions`].
    pub decision: usize,
    /// Which table of labels.
    pub table: u32,
    /// Which row of it.
    pub row: u32,
}

/// What people say of all images.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// In the order of the images.
    pub decisions: Vec<Decision>,
    /// The decision about each image.
    pub of_image: Vec<Option<u32>>,
    /// Labels that differ.
    pub overruled: Vec<Overruled>,
}

/// A label of an image.
struct Candidate<'a> {
    rank: usize,
    table: u32,
    row: u32,
    class: &'a str,
    types: Option<&'a str>,
    reviewer: Option<&'a str>,
    comment: Option<&'a str>,
}

/// Weighs the labels of each image; `labels` are (image, table, row), sorted.
pub(super) fn decide(
    labels: &[(u32, u32, u32)],
    tables: &[Table],
    priority: &Priority,
    multilabel: bool,
    images: usize,
) -> Decided {
    let mut decided = Decided { of_image: vec![None; images], ..Decided::default() };
    for group in labels.chunk_by(|a, b| a.0 == b.0) {
        let mut candidates: Vec<Candidate<'_>> = group.iter().filter_map(|label| candidate(label, tables, priority)).collect();
        // Who said what comes in an order of its own: neither tables nor rows decide.
        candidates.sort_by(|a, b| (a.rank, a.class, a.reviewer, a.comment).cmp(&(b.rank, b.class, b.reviewer, b.comment)));
        let Some(best) = candidates.first().map(|first| first.rank) else { continue };
        let counting = candidates.iter().filter(|candidate| candidate.rank == best);
        let classes = distinct(counting.clone().map(|candidate| candidate.class));
        let classes = if multilabel || classes.len() == 1 { classes } else { Vec::new() };
        let place = decided.decisions.len();
        let differing = candidates.iter().filter(|candidate| !classes.iter().any(|class| class == candidate.class));
        decided.overruled.extend(differing.map(|other| Overruled { decision: place, table: other.table, row: other.row }));
        let agreeing = candidates.iter().filter(|candidate| classes.is_empty() || classes.iter().any(|c| c == candidate.class));
        let types = counting.clone().find_map(|candidate| candidate.types);
        decided.of_image[group[0].0 as usize] = u32::try_from(place).ok();
        decided.decisions.push(Decision {
            image: group[0].0,
            kind: priority.0.get(best).filter(|_| types.is_some()).cloned(),
            types: types.map(str::to_owned),
            // Who answered for several tables is one person.
            reviewer: joined(&distinct(counting.filter_map(|one| one.reviewer).flat_map(|names| names.split('+'))), "+"),
            comment: joined(&distinct(agreeing.filter_map(|candidate| candidate.comment)), "; "),
            classes,
        });
    }
    decided
}

fn candidate<'a>(label: &(u32, u32, u32), tables: &'a [Table], priority: &Priority) -> Option<Candidate<'a>> {
    let (_, table, row) = *label;
    let text = |name: &str| tables[table as usize].column(name).and_then(|column| column.text(row as usize));
    let types = text("type");
    Some(Candidate {
        rank: priority.rank(types),
        table,
        row,
        class: text("class")?,
        types,
        reviewer: text("reviewer"),
        comment: text("comment"),
    })
}

/// Each text once, in the order of their first occurrence.
fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in texts {
        if !all.iter().any(|known| known == text) {
            all.push(text.to_owned());
        }
    }
    all
}

fn joined(texts: &[String], by: &str) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join(by))
}
