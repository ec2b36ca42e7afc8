//! Figures: plain numbers in, SVG text out.
//!
//! Every figure has real text, a title and a description for those who do not see it, a tooltip on each mark, and colours that the page
//! sets by custom properties (`figures/theme.css` holds them for light, dark and print). No state and no series is told by colour alone.
//! A mark with a `place` carries it as `data-where`, so that a page can say where its number comes from.
//!
//! The text depends on nothing but the numbers: fixed decimals, no clock, no chance. What is not finite counts as missing.
//!
//! A figure takes the width of its container between `min-width` and `max-width` of its own; on a narrow screen the container should
//! scroll sideways (`overflow-x: auto`), because a month of 164 sites cannot be told at the width of a hand.

pub mod activity;
pub mod bars;
pub mod curve;
pub mod dots;
mod draw;
#[cfg(test)]
mod extremes;
pub mod histogram;
mod scale;
#[cfg(test)]
mod sheet;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
pub mod tiles;

pub use activity::{Activity, Run, Site, State};
pub use bars::{Bar, Bars};
pub use curve::{Chosen, Curve, Line, Point};
pub use dots::{Dots, Panel};
pub use histogram::{Bin, Histogram, Mark};
pub(super) use text::number as written;
pub use tiles::{Tile, Tiles};

/// What a figure is called.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heading {
    /// Unique on the page; letters, digits, `-` and `_` (others become `-`).
    pub id: String,
    /// One line: what is shown.
    pub title: String,
    /// What is to be read from it, for those who cannot see it; may be empty.
    pub about: String,
}

/// An axis of numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axis {
    /// What is counted or measured, with its unit.
    pub label: String,
    /// Logarithmic (base 10). What is not above 0 stands at the axis' foot.
    pub log: bool,
    /// Numbers between 0 and 1, written in percent.
    pub percent: bool,
    /// Decimals of written numbers (of the percentage, where `percent`).
    pub decimals: usize,
    /// Ends of the axis; `None` takes them from the numbers.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis for counts.
    #[must_use]
    pub fn counts(label: &str) -> Self {
        Self { label: label.to_owned(), ..Self::default() }
    }

    /// An axis from 0 to 1, written in percent with one decimal.
    #[must_use]
    pub fn share(label: &str) -> Self {
        Self { label: label.to_owned(), percent: true, decimals: 1, range: Some((0.0, 1.0)), ..Self::default() }
    }

    /// An axis from 0 to 1, written with `decimals`.
    #[must_use]
    pub fn unit(label: &str, decimals: usize) -> Self {
        Self { label: label.to_owned(), decimals, range: Some((0.0, 1.0)), ..Self::default() }
    }
}

/// One of several groups of numbers, told by colour and by hatching, shape or dashes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// `#rrggbb`, for instance of a class; `None` takes the next of the palette.
    pub colour: Option<String>,
}

impl Series {
    /// A series in the next colour of the palette.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), colour: None }
    }
}

/// A number with its interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Amount {
    /// The number itself.
    pub value: f64,
    /// Lower and upper end of its interval.
    pub interval: Option<(f64, f64)>,
    /// Where it comes from: `class=stoat season=2020`.
    pub place: Option<String>,
}

impl Amount {
    /// A number without interval and place.
    #[must_use]
    pub fn of(value: f64) -> Self {
        Self { value, ..Self::default() }
    }

    /// The same with an interval.
    #[must_use]
    pub fn between(mut self, lower: f64, upper: f64) -> Self {
        self.interval = Some((lower, upper));
        self
    }

    /// The same with a place.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.place = Some(place.to_owned());
        self
    }

    /// The number, where it is one.
    fn known(&self) -> Option<f64> {
        self.value.is_finite().then_some(self.value)
    }

    /// The interval, where it is one, in order.
    fn whisker(&self) -> Option<(f64, f64)> {
        self.interval.filter(|(lower, upper)| lower.is_finite() && upper.is_finite()).map(|(a, b)| (a.min(b), a.max(b)))
    }
}
