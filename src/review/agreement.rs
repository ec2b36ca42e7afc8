//! How far the reviewers of a review agree.

use super::book::Book;
use super::wire::{AgreementShown, KappaShown, ShareShown};
use crate::step::review::agreed;

/// The agreement of the answers in `book`; `None` where no image has two.
pub(super) fn of(book: &Book) -> Option<AgreementShown> {
    let images = book.images().map(|image| book.first(image));
    let agreed = agreed(images)?;
    let percent = agreed.found.percent;
    let kappa = agreed.found.kappa.map(|kappa| KappaShown {
        kind: kappa.kind.word(),
        value: kappa.estimate.value,
        low: kappa.estimate.lower,
        high: kappa.estimate.upper,
    });
    let percent = ShareShown { value: percent.value, low: percent.lower, high: percent.upper };
    Some(AgreementShown { images: agreed.found.images, reviewers: agreed.reviewers, percent, kappa })
}
