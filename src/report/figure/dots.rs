//! Dots with whiskers by category: shares and scores with their intervals, in one or several panels side by side.

use serde::Serialize;

use super::draw::{
    EDGE, Frame, Key, Px, SIZE, SMALL, Style, Text, Tick, WIDTH, count, empty, legend, place, style, ticks_below, told, widest,
    widest_tick,
};
use super::scale::Scale;
use super::{Amount, Axis, Heading, Series};
use crate::report::{TemplateError, Templates};

/// Dots with whiskers; the first series is filled, the second open, further ones have other shapes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dots {
    /// What the figure is called.
    pub heading: Heading,
    /// What the categories are, for instance `class`.
    pub category: String,
    /// What the dots measure; shared by all panels.
    pub axis: Axis,
    /// The series, for instance corrected and raw.
    pub series: Vec<Series>,
    /// The categories from top to bottom.
    pub categories: Vec<String>,
    /// Panels from left to right, for instance precision, recall and F1.
    pub panels: Vec<Panel>,
}

/// One of several panels that share categories and axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Panel {
    /// What it measures.
    pub name: String,
    /// For each category a number for each series; `None` where it is missing.
    pub amounts: Vec<Vec<Option<Amount>>>,
}

#[derive(Serialize)]
struct Layout {
    frame: Frame,
    top: Px,
    bottom: Px,
    left: Px,
    right: Px,
    named: bool,
    keys: Vec<Key>,
    names: Vec<Text>,
    /// Tops of every other row, and the height of a row.
    bands: Vec<Px>,
    band: Px,
    panels: Vec<Drawn>,
    title: Text,
}

#[derive(Serialize)]
struct Drawn {
    from: Px,
    to: Px,
    title: Text,
    ticks: Vec<Tick>,
    dots: Vec<Dot>,
}

#[derive(Serialize)]
struct Dot {
    x: Option<Px>,
    y: Px,
    whisker: Option<[Px; 2]>,
    style: Style,
    /// Stands where a number is missing.
    dash: Text,
    told: String,
    place: Option<String>,
}

impl Dots {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        if self.amounts().all(|amount| amount.known().is_none()) {
            return empty(&self.heading, templates);
        }
        templates.render("figures/dots.svg", self.layout())
    }

    fn amounts(&self) -> impl Iterator<Item = &Amount> {
        self.panels.iter().flat_map(|panel| panel.amounts.iter().take(self.categories.len()).flatten().flatten())
    }

    fn layout(&self) -> Layout {
        let ends = |amount: &Amount| {
            let (lower, upper) = amount.whisker().unzip();
            [amount.known(), lower, upper].into_iter().flatten()
        };
        let scale = Scale::over(&self.axis, self.amounts().flat_map(ends), false);
        let left = widest(self.categories.iter().map(String::as_str), SIZE).min(150.0) + 2.0 * EDGE + 8.0;
        // Half a tick's number stands out on either side of a panel.
        let tick = widest_tick(&scale);
        let gap = (tick + 8.0).max(18.0);
        let left = left.max(tick / 2.0 + EDGE);
        let edge = EDGE + (tick / 2.0).max(8.0);
        let panels = count(self.panels.len());
        let wide = ((WIDTH - left - edge - gap * (panels - 1.0)) / panels).max(84.0);
        let right = left + wide * panels + gap * (panels - 1.0);
        let frame = (right + edge).max(WIDTH);

        let (keys, used) = legend(&self.series, left, EDGE, frame - EDGE);
        let named = self.panels.iter().any(|panel| !panel.name.is_empty());
        let heads = EDGE + used + SIZE;
        let top = if named { heads + 8.0 } else { EDGE + used };
        let side = self.panels.iter().flat_map(|panel| &panel.amounts).map(Vec::len).max().unwrap_or(1).max(1);
        let row = (count(side) * 12.0 + 5.0).max(20.0);
        let middle = |line: usize| top + (count(line) + 0.5) * row;
        let bottom = top + count(self.categories.len()) * row;
        let names = self.categories.iter().enumerate();
        let names = names.map(|(line, name)| Text::new(name, left - 12.0, middle(line) + 4.0, SIZE, left - 12.0 - EDGE).end());
        let drawn = self.panels.iter().enumerate().map(|(number, panel)| {
            let from = left + count(number) * (wide + gap);
            let scale = scale.between(from, from + wide);
            let title = Text::new(&panel.name, from + wide / 2.0, heads, SIZE, wide + gap - 8.0).middle();
            let dots = self.categories.iter().zip(&panel.amounts).enumerate().flat_map(|(line, (name, amounts))| {
                let middle = middle(line);
                amounts.iter().enumerate().map(move |(number, amount)| {
                    let shift = (count(number) - (count(amounts.len()) - 1.0) / 2.0) * 11.0;
                    self.dot((&panel.name, name), number, amount.as_ref(), &scale, middle + shift)
                })
            });
            let dots = dots.collect();
            let title = Text { bold: true, ..title };
            Drawn { from: Px(from), to: Px(from + wide), title, ticks: ticks_below(&scale, bottom + 15.0, frame), dots }
        });
        Layout {
            frame: Frame::new(&self.heading, frame, bottom + 42.0),
            top: Px(top),
            bottom: Px(bottom),
            named,
            keys,
            names: names.collect(),
            bands: (0..self.categories.len()).step_by(2).map(|line| Px(middle(line) - row / 2.0)).collect(),
            band: Px(row),
            left: Px(left),
            right: Px(right),
            panels: drawn.collect(),
            title: Text::new(&self.axis.label, f64::midpoint(left, right), bottom + 33.0, SIZE, frame - 2.0 * EDGE)
                .middle()
                .within(EDGE, frame - EDGE),
        }
    }

    fn dot(&self, names: (&str, &str), number: usize, amount: Option<&Amount>, scale: &Scale, y: f64) -> Dot {
        let missing = Amount::of(f64::NAN);
        let amount = amount.unwrap_or(&missing);
        let series = self.series.get(number);
        let known = amount.known();
        let whisker = amount.whisker().filter(|_| known.is_some());
        let dash = Text::new("–", scale.at(scale.ends().0) + 5.0, y + 3.0, SMALL, 20.0).soft();
        Dot {
            x: known.map(|value| Px(scale.at(value))),
            y: Px(y),
            whisker: whisker.map(|(lower, upper)| [Px(scale.at(lower)), Px(scale.at(upper))]),
            style: style(number, series.and_then(|series| series.colour.as_deref())),
            dash,
            told: told(&self.axis, &[names.1, names.0, series.map_or("", |series| &series.name)], amount),
            place: place(amount.place.as_ref()),
        }
    }
}
