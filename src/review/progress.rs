//! How far a review is: part by part, what its answers say of the model, and how far people agree.

use std::collections::BTreeMap;

use super::book::{Book, Standing};
use super::desk::Desk;
use super::pictures::text_of;
use super::wire::{Counts, PrecisionShown, Progress, StratumShown};
use crate::labels::Verdict;
use crate::stats::interval::{number, wilson_finite, z_of};

/// Of 20 intervals 19 hold the truth.
const LEVEL: f64 = 0.95;

/// The progress of a review. In a blind one nothing tells what a model said.
pub(super) fn of(desk: &Desk, book: &Book, counts: Counts) -> Progress {
    let predicted = !desk.question.blind && book.asked.table.column("label").is_some();
    Progress {
        counts,
        strata: strata(book, predicted),
        precision: predicted.then(|| precision(book)),
        agreement: super::agreement::of(book),
    }
}

fn strata(book: &Book, predicted: bool) -> Vec<StratumShown> {
    let table = &book.asked.table;
    let place = ["locality", "site"].into_iter().find(|name| table.column(name).is_some()).unwrap_or("site");
    let mut strata: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for image in book.images() {
        let row = image as usize;
        let name = if predicted {
            text_of(table, "label", row).to_owned()
        } else {
            let parts = [text_of(table, "season", row), text_of(table, place, row)];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
        };
        let (asked, answered) = strata.entry(name).or_default();
        *asked += 1;
        *answered += usize::from(book.standing(image) == Standing::Settled);
    }
    strata.into_iter().map(|(name, (asked, answered))| StratumShown { name, asked, answered }).collect()
}

#[derive(Default)]
struct Tally {
    asked: u64,
    n: u64,
    right: u64,
    population: u64,
}

/// How often the model was right, class by class, as far as answers go.
fn precision(book: &Book) -> Vec<PrecisionShown> {
    let table = &book.asked.table;
    let sizes = table.column("stratum_size");
    let mut classes: BTreeMap<&str, Tally> = BTreeMap::new();
    for image in book.images() {
        let row = image as usize;
        let class = text_of(table, "label", row);
        let tally = classes.entry(class).or_default();
        tally.asked += 1;
        let size = sizes.and_then(|sizes| sizes.int(row)).and_then(|size| u64::try_from(size).ok());
        tally.population = tally.population.max(size.unwrap_or(0));
        if book.standing(image) != Standing::Settled {
            continue;
        }
        let (verdict, standing) = book.verdict(image);
        let agreed = |at: u32| book.rows(image).get(at as usize).and_then(|given| given.class.as_deref());
        if let Verdict::Agreed(at) = verdict
            && !standing.is_empty()
        {
            tally.n += 1;
            tally.right += u64::from(agreed(at) == Some(class));
        }
    }
    classes.into_iter().filter(|(class, _)| !class.is_empty()).filter_map(|(class, tally)| shown(class, &tally)).collect()
}

fn shown(class: &str, tally: &Tally) -> Option<PrecisionShown> {
    let z = z_of(LEVEL);
    // Where nobody drew a sample, the images asked about are all that there are.
    let population = tally.population.max(tally.asked);
    let now = wilson_finite(tally.right, tally.n, population, z)?;
    let p = number(tally.right) / number(tally.n);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count is a count")]
    let right_then = (p * number(tally.asked)).round() as u64;
    let then = wilson_finite(right_then, tally.asked, population, z)?;
    Some(PrecisionShown {
        class: class.to_owned(),
        n: tally.n,
        right: tally.right,
        p,
        low: now.lower,
        high: now.upper,
        population,
        more: tally.asked - tally.n,
        half_width_then: (then.upper - then.lower) / 2.0,
    })
}
