//! The three kinds of sample.

use crate::step::label_type;

/// The kinds of sample, in the order of their words in `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Among all images of a group.
    Random,
    /// Among those of one predicted class.
    Class,
    /// Among those of one bin of confidence.
    Confidence,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Random, Self::Class, Self::Confidence];

    /// Its word in `type`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Random => label_type::RANDOM,
            Self::Class => label_type::CLASS,
            Self::Confidence => label_type::CONFIDENCE,
        }
    }
}
