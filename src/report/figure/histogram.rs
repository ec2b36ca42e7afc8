//! A histogram with its cumulative curve.

use serde::Serialize;

use super::draw::{EDGE, Frame, Px, SIZE, SMALL, Text, Tick, WIDTH, count, empty, place, ticks_below, ticks_beside, widest_tick};
use super::scale::Scale;
use super::text::{on, width, written};
use super::{Axis, Heading};
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

#[derive(Serialize)]
struct Layout {
    frame: Frame,
    left: Px,
    right: Px,
    top: Px,
    bottom: Px,
    bars: Vec<Drawn>,
    line: String,
    marks: Vec<Marked>,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    share_ticks: Vec<Tick>,
    x_title: Text,
    y_title: Text,
    /// Where a piece of the curve stands before its name.
    share_key: Px,
    share_title: Text,
}

#[derive(Serialize)]
struct Drawn {
    x: Px,
    y: Px,
    width: Px,
    height: Px,
    told: String,
    place: Option<String>,
}

#[derive(Serialize)]
struct Marked {
    at: Px,
    top: Px,
    label: Text,
}

impl Histogram {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        if self.drawn().next().is_none() {
            return empty(&self.heading, templates);
        }
        templates.render("figures/histogram.svg", self.layout())
    }

    /// Bins with something in them, where that has a place on the x axis.
    fn drawn(&self) -> impl Iterator<Item = (&Bin, f64)> {
        let shares = self.bins.iter().zip(self.cumulative());
        let sound = |bin: &Bin| bin.from.is_finite() && bin.to.is_finite() && bin.from < bin.to;
        shares.filter_map(move |(bin, share)| share.filter(|_| sound(bin)).map(|share| (bin, share)))
    }

    fn layout(&self) -> Layout {
        let marks: Vec<&Mark> = self.marks.iter().filter(|mark| mark.at.is_finite()).collect();
        let heights = Scale::over(&self.counts, self.drawn().map(|(bin, _)| amount(bin.count)), true);
        let shares = Scale::over(&Axis::share(""), std::iter::empty(), true);
        let top = 34.0 + 16.0 * count(marks.len());
        let bottom = top + 200.0;
        let (left, right) = (EDGE + widest_tick(&heights) + 8.0, WIDTH - EDGE - widest_tick(&shares) - 8.0);
        let (heights, shares) = (heights.between(bottom, top), shares.between(bottom, top));
        let ends = self.drawn().flat_map(|(bin, _)| [bin.from, bin.to]).chain(marks.iter().map(|mark| mark.at));
        let x = Scale::over(&self.x, ends, false).between(left, right);
        let all = self.all();
        let bars = self.drawn().map(|(bin, _)| {
            let (from, to, y) = (x.at(bin.from), x.at(bin.to), heights.at(amount(bin.count)));
            let share = written(true, amount(bin.count) / amount(all), 1);
            let told = format!(
                "{} to {}: {} ({share})",
                on(&self.x, bin.from),
                on(&self.x, bin.to),
                on(&self.counts, amount(bin.count))
            );
            let height = if bin.count == 0 { 0.0 } else { bottom - y };
            Drawn {
                x: Px(from),
                y: Px(bottom - height),
                width: Px(to - from),
                height: Px(height),
                told,
                place: place(bin.place.as_ref()),
            }
        });
        let first = self.drawn().next().map_or(left, |(bin, _)| x.at(bin.from));
        let mut line = format!("M{} {}", Px(first), Px(bottom));
        for (bin, share) in self.drawn() {
            line.push_str(&format!("L{} {}", Px(x.at(bin.to)), Px(shares.at(share))));
        }
        let lines = marks.iter().enumerate().map(|(number, mark)| {
            let at = x.at(mark.at);
            let label = Text::new(&mark.label, at + 5.0, 38.0 + 16.0 * count(number), SMALL, right - left);
            let label = if at + 5.0 + width(&label.shown, SMALL) > WIDTH - EDGE {
                Text { x: Px(at - 5.0), ..label.end() }
            } else {
                label
            };
            Marked { at: Px(at), top: Px(30.0 + 16.0 * count(number)), label: label.within(EDGE, WIDTH - EDGE) }
        });
        let (half, share) = (WIDTH / 2.0 - 24.0, "cumulative share");
        Layout {
            frame: Frame::new(&self.heading, WIDTH, bottom + 42.0),
            left: Px(left),
            right: Px(right),
            top: Px(top),
            bottom: Px(bottom),
            bars: bars.collect(),
            line,
            marks: lines.collect(),
            x_ticks: ticks_below(&x, bottom + 16.0, WIDTH),
            y_ticks: ticks_beside(&heights, left - 6.0, true),
            share_ticks: ticks_beside(&shares, right + 6.0, false),
            x_title: Text::new(&self.x.label, f64::midpoint(left, right), bottom + 34.0, SIZE, WIDTH - 2.0 * EDGE)
                .middle()
                .within(EDGE, WIDTH - EDGE),
            y_title: Text::new(&self.counts.label, EDGE + 15.0, 14.0, SIZE, half),
            share_key: Px(WIDTH - EDGE - width(share, SIZE) - 24.0),
            share_title: Text::new(share, WIDTH - EDGE, 14.0, SIZE, half).end(),
        }
    }

    fn all(&self) -> u64 {
        self.bins.iter().fold(0, |sum, bin| sum.saturating_add(bin.count))
    }

    /// For each bin the share of all up to its upper end; `None` where there is nothing at all.
    fn cumulative(&self) -> Vec<Option<f64>> {
        let all = self.all();
        let mut sum = 0u64;
        let shares = self.bins.iter().map(|bin| {
            sum = bin.count.saturating_add(sum);
            (all > 0).then(|| amount(sum) / amount(all))
        });
        shares.collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "images are fewer than 2^53")]
fn amount(count: u64) -> f64 {
    count as f64
}
