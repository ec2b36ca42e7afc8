//! How far the reviewers of a review agree.

use super::book::Book;
use super::wire::AgreementShown;

/// The agreement of the answers in `book`; `None` where no image has two.
pub(super) fn of(_book: &Book) -> Option<AgreementShown> {
    None
}
