//! What the label files say of each image asked about, kept up to date while answers come in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::desk::Desk;
use crate::labels::{self, Answers, Label, Verdict, standings};
use crate::step::moved::moves_of;
use crate::step::review::{Asked, Given, given};
use crate::step::{Finding, StepError};

/// The images asked about, and every row about each.
#[derive(Debug)]
pub struct Book {
    /// The images.
    pub asked: Arc<Asked>,
    rows: Vec<Vec<Given>>,
    findings: Vec<Finding>,
    standing: Vec<Standing>,
    counts: Counts,
    reviewers_per_image: usize,
}

/// What the answers about one image come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// Too few reviewers say anything that stands.
    #[default]
    Open,
    /// Enough reviewers answered, and most agree.
    Settled,
    /// No class has more than half of the answers, or one reviewer says two things.
    Disputed,
}

/// What label files say now and did not say before.
#[derive(Debug, Default)]
pub struct Reread {
    /// The images of which they say something else.
    pub changed: Vec<u32>,
    /// By reviewer: rows that were there before.
    pub gone: BTreeMap<String, usize>,
}

/// How many images there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Nothing more is asked.
    pub settled: usize,
    /// An arbiter is wanted.
    pub disputed: usize,
}

impl Book {
    /// Reads what the label files of `desk` say.
    ///
    /// # Errors
    /// When the images cannot be told apart, or a file cannot be used.
    pub fn of(desk: &Desk) -> Result<Self, StepError> {
        let asked = Asked::of(&desk.images, &desk.known, desk.question.blind)?;
        let mut book = Self {
            asked: Arc::new(asked),
            rows: Vec::new(),
            findings: Vec::new(),
            standing: Vec::new(),
            counts: Counts::default(),
            reviewers_per_image: desk.question.reviewers,
        };
        book.read(desk)?;
        Ok(book)
    }

    /// Reads the label files again.
    ///
    /// # Errors
    /// When a file cannot be used; the book stays as it was.
    pub fn read(&mut self, desk: &Desk) -> Result<Reread, StepError> {
        let mut rows: Vec<Vec<Given>> = (0..self.asked.table.rows).map(|_| Vec::new()).collect();
        let moves = moves_of(&desk.pipeline.project)?;
        let (all, findings) = given(&desk.question, &desk.pipeline.classes, &self.asked, &moves, &desk.named_files())?;
        for given in all {
            rows[given.image as usize].push(given);
        }
        self.findings = findings;
        let before = std::mem::replace(&mut self.rows, rows);
        self.standing.resize(self.rows.len(), Standing::Open);
        let is_same = |now: &Given, then: &Given| said(now) == said(then);
        let mut reread = Reread::default();
        for image in self.images() {
            let now = &self.rows[image as usize];
            let then = before.get(image as usize).map_or(&[][..], Vec::as_slice);
            if now.len() == then.len() && now.iter().zip(then).all(|(now, then)| is_same(now, then)) {
                continue;
            }
            reread.changed.push(image);
            self.standing[image as usize] = standing(&self.verdict(image).0);
            let of = |rows: &[Given], row: &Given| rows.iter().filter(|one| one.label.reviewer == row.label.reviewer).count();
            let is_gone = |row: &&Given| now.iter().all(|now| now.label.id != row.label.id) && of(now, row) < of(then, row);
            for row in then.iter().filter(is_gone) {
                *reread.gone.entry(row.label.reviewer.to_string()).or_default() += 1;
            }
        }
        let count = |wanted: Standing| self.standing.iter().filter(|one| **one == wanted).count();
        self.counts = Counts { settled: count(Standing::Settled), disputed: count(Standing::Disputed) };
        Ok(reread)
    }

    /// How many images are asked about.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// All images asked about.
    #[must_use]
    pub fn images(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// Says whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What a person should know about the label files, as they were last read.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// All rows about an image, in the order in which they were written.
    #[must_use]
    pub fn rows(&self, image: u32) -> &[Given] {
        &self.rows[image as usize]
    }

    /// Adds a row that was written.
    pub fn add(&mut self, given: Given) {
        let image = given.image;
        self.rows[image as usize].push(given);
        let after = standing(&self.verdict(image).0);
        let before = std::mem::replace(&mut self.standing[image as usize], after);
        for (kind, number) in [(Standing::Settled, &mut self.counts.settled), (Standing::Disputed, &mut self.counts.disputed)] {
            *number = *number + usize::from(after == kind) - usize::from(before == kind);
        }
    }

    /// How many images are settled, how many disputed.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What the answers about an image come to, in a word.
    #[must_use]
    pub fn standing(&self, image: u32) -> Standing {
        self.standing[image as usize]
    }

    /// What the answers about an image come to, and the rows of it that stand.
    #[must_use]
    pub fn verdict(&self, image: u32) -> (Verdict, Vec<&Given>) {
        let rows = self.rows(image);
        let Some(Answers { verdict, current, .. }) = self.weighed(image) else { return (Verdict::Unanswered, Vec::new()) };
        (verdict, current.into_iter().map(|at| &rows[at as usize]).collect())
    }

    /// What each reviewer said first of an image: reviewer and class, as far as the class is declared.
    #[must_use]
    pub fn first(&self, image: u32) -> Vec<(&str, &str)> {
        let rows = self.rows(image);
        // Most images of a large review have one answer or none: nothing to weigh.
        let Some(Answers { first, .. }) = (rows.len() > 1).then(|| self.weighed(image)).flatten() else { return Vec::new() };
        let said = first.into_iter().map(|at| &rows[at as usize]).filter(|given| given.is_declared);
        said.filter_map(|given| Some((given.label.reviewer.as_ref(), given.class.as_deref()?))).collect()
    }

    fn weighed(&self, image: u32) -> Option<Answers> {
        let standing: Vec<labels::Standing<'_>> = (self.rows(image).iter())
            .map(|given| labels::Standing { label: &given.label, observation: Some(image), class: given.class.as_deref() })
            .collect();
        standings(&standing, |_| self.reviewers_per_image).answers.pop()
    }

    /// The rows of `reviewer` about an image that stand: one, or several that contradict each other.
    #[must_use]
    pub fn own(&self, image: u32, reviewer: &str) -> Vec<&Given> {
        let (_, mut standing) = self.verdict(image);
        standing.retain(|given| given.label.reviewer == reviewer);
        standing
    }

    /// Says whether so many people other than `reviewer` answered about an image that nobody else needs to, or an arbiter settled it
    /// without the reviewer.
    #[must_use]
    pub fn is_done_by_others(&self, image: u32, reviewer: &str) -> bool {
        let (_, standing) = self.verdict(image);
        if self.standing(image) == Standing::Settled && standing.iter().all(|given| given.label.reviewer != reviewer) {
            return true;
        }
        let others = standing.iter().map(|given| given.label.reviewer.as_ref()).filter(|name| *name != reviewer);
        others.collect::<BTreeSet<&str>>().len() >= self.reviewers_per_image
    }
}

/// All of a row that says something of its image; not the line, which moves with those before it.
fn said(given: &Given) -> impl PartialEq {
    let Label { id, reviewer, time, shown, supersedes, comment, .. } = &given.label;
    let texts: [&str; 6] = [id, reviewer, time, shown, supersedes, comment];
    (given.class.as_deref(), texts)
}

fn standing(verdict: &Verdict) -> Standing {
    match verdict {
        Verdict::Agreed(_) => Standing::Settled,
        Verdict::Disagreement | Verdict::Conflict(_) => Standing::Disputed,
        Verdict::Unanswered | Verdict::TooFew => Standing::Open,
    }
}

/// The last row of one reviewer, whatever became of it.
pub(super) fn last_of<'b>(rows: &'b [Given], reviewer: &str) -> Option<&'b Label<'static>> {
    rows.iter().rev().map(|given| &given.label).find(|label| label.reviewer == reviewer)
}
