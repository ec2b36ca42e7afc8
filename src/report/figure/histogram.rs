//! A histogram with its cumulative curve.

use super::draw::empty;
use super::{Axis, Heading, Sheet, cell};
use crate::report::{TemplateError, Templates};

/// A histogram, with the share of all that lies below on a second axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// What the figure is called.
    pub heading: Heading,
    /// What is on the x axis, for instance the confidence.
    pub x: Axis,
    /// What is counted; its `log` makes the axis of the counts logarithmic.
    pub counts: Axis,
    /// The bins, in order.
    pub bins: Vec<Bin>,
    /// Values marked on the x axis, for instance a threshold.
    pub marks: Vec<Mark>,
}

/// A bin.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bin {
    /// Its lower end.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
    /// How many lie in it.
    pub count: u64,
    /// Where they come from: `confidence=0.95..1`.
    pub place: Option<String>,
}

/// A marked value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mark {
    /// The value.
    pub at: f64,
    /// What it is, for instance `threshold 0.85`.
    pub label: String,
}

impl Histogram {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        empty(&self.heading, templates)
    }

    /// The table behind the figure: a row for each bin, with the share of all up to its upper end.
    #[must_use]
    pub fn rows(&self) -> Sheet {
        let mut sheet = Sheet::new(&["from", "to", "count", "cumulative_share"]);
        for (bin, share) in self.bins.iter().zip(self.cumulative()) {
            sheet.rows.push(vec![cell(Some(bin.from)), cell(Some(bin.to)), bin.count.to_string(), cell(share)]);
        }
        sheet
    }

    /// For each bin the share of all up to its upper end; `None` where there is nothing at all.
    #[expect(clippy::cast_precision_loss, reason = "images are fewer than 2^53")]
    fn cumulative(&self) -> Vec<Option<f64>> {
        let all: u64 = self.bins.iter().map(|bin| bin.count).sum();
        let mut sum = 0;
        let shares = self.bins.iter().map(|bin| {
            sum += bin.count;
            (all > 0).then(|| sum as f64 / all as f64)
        });
        shares.collect()
    }
}
