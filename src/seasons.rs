//! Ranges of seasons: `2021`, `"2014..2025"` (both ends included), `default`.

/// The seasons that one entry speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seasons {
    /// All that no other entry names.
    Default,
    /// From the first to the last, both included.
    Range(i64, i64),
}

/// What is wrong with a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSeasons {
    /// Neither a number, a range, nor `default`.
    #[error("is no range of seasons")]
    Form,
    /// The last season comes before the first.
    #[error("is empty: the last season comes before the first")]
    Empty,
}

impl Seasons {
    /// Reads a key.
    ///
    /// # Errors
    /// When it has another form or holds no season.
    pub fn parse(text: &str) -> Result<Self, BadSeasons> {
        let text = text.trim();
        if text == "default" {
            return Ok(Self::Default);
        }
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let number = |part: &str| part.trim().parse::<i64>().map_err(|_| BadSeasons::Form);
        let (first, last) = (number(first)?, number(last)?);
        if first > last { Err(BadSeasons::Empty) } else { Ok(Self::Range(first, last)) }
    }

    /// The seasons that both name.
    #[must_use]
    pub fn overlap(self, other: Self) -> Option<(i64, i64)> {
        let (Self::Range(a, b), Self::Range(c, d)) = (self, other) else { return None };
        let (first, last) = (a.max(c), b.min(d));
        (first <= last).then_some((first, last))
    }
}

impl std::fmt::Display for Seasons {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::Range(first, last) if first == last => write!(f, "{first}"),
            Self::Range(first, last) => write!(f, "{first}..{last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_both_ends() {
        assert_eq!(Seasons::parse("2014..2025"), Ok(Seasons::Range(2014, 2025)));
        assert_eq!(Seasons::parse(" 2021 "), Ok(Seasons::Range(2021, 2021)));
        assert_eq!(Seasons::parse("default"), Ok(Seasons::Default));
        assert_eq!(Seasons::parse("2025..2014"), Err(BadSeasons::Empty));
        for text in ["", "2014..", "..2025", "2014...2025", "2014-2025", "spring"] {
            assert_eq!(Seasons::parse(text), Err(BadSeasons::Form), "{text}");
        }
    }

    #[test]
    fn ranges_that_touch_overlap() {
        let range = |a, b| Seasons::Range(a, b);
        assert_eq!(range(2014, 2020).overlap(range(2020, 2025)), Some((2020, 2020)));
        assert_eq!(range(2014, 2019).overlap(range(2020, 2025)), None);
        assert_eq!(range(2014, 2019).overlap(Seasons::Default), None);
    }
}
