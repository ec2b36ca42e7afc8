//! Horizontal bars by category, one or several series side by side.

use serde::Serialize;

use super::draw::{
    EDGE, Frame, Key, Px, SIZE, SMALL, Style, Text, Tick, WIDTH, count, empty, legend, place, style, ticks_below, told, widest,
};
use super::scale::Scale;
use super::text::on;
use super::{Amount, Axis, Heading, Series};
use crate::report::{TemplateError, Templates};

/// Bars by category.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bars {
    /// What the figure is called.
    pub heading: Heading,
    /// What the categories are, for instance `class`.
    pub category: String,
    /// What the bars measure.
    pub axis: Axis,
    /// Series side by side; none or one without a name for plain bars.
    pub series: Vec<Series>,
    /// The categories from top to bottom.
    pub bars: Vec<Bar>,
}

/// A category with a number for each series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// `#rrggbb` of its bars, for instance of a class; for figures with one series.
    pub colour: Option<String>,
    /// One number for each series; `None` where it is missing.
    pub amounts: Vec<Option<Amount>>,
}

#[derive(Serialize)]
struct Layout {
    frame: Frame,
    top: Px,
    bottom: Px,
    zero: Px,
    keys: Vec<Key>,
    ticks: Vec<Tick>,
    title: Text,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: Text,
    bars: Vec<Drawn>,
}

#[derive(Serialize)]
struct Drawn {
    x: Px,
    y: Px,
    width: Px,
    height: Px,
    style: Style,
    /// Lower end, upper end, height of the line.
    whisker: Option<[Px; 3]>,
    number: Text,
    told: String,
    place: Option<String>,
}

impl Bars {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        if self.amounts().all(|amount| amount.known().is_none()) {
            return empty(&self.heading, templates);
        }
        templates.render("figures/bars.svg", self.layout())
    }

    fn amounts(&self) -> impl Iterator<Item = &Amount> {
        self.bars.iter().flat_map(|bar| bar.amounts.iter().flatten())
    }

    fn layout(&self) -> Layout {
        let ends = |amount: &Amount| {
            let (lower, upper) = amount.whisker().unzip();
            [amount.known(), lower, upper].into_iter().flatten()
        };
        let numbers: Vec<String> = self.amounts().filter_map(Amount::known).map(|value| on(&self.axis, value)).collect();
        let left = (widest(self.bars.iter().map(|bar| bar.name.as_str()), SIZE).min(160.0) + 2.0 * EDGE + 4.0).max(20.0);
        let right = WIDTH - EDGE - widest(numbers.iter().map(String::as_str), SMALL) - 6.0;
        let scale = Scale::over(&self.axis, self.amounts().flat_map(ends), true).between(left, right);
        let (keys, top) = legend(&self.series, left, EDGE, WIDTH - EDGE);
        let top = top + EDGE;
        let side = self.bars.iter().map(|bar| bar.amounts.len()).max().unwrap_or(1).max(1);
        let thick = if side == 1 { 16.0 } else { 13.0 };
        let mut y = top + 4.0;
        let mut rows = Vec::new();
        for bar in &self.bars {
            let height = thick * count(side);
            let name = Text::new(&bar.name, left - 8.0, y + height / 2.0 + 4.0, SIZE, left - 8.0 - EDGE).end();
            let drawn = bar.amounts.iter().enumerate();
            let drawn =
                drawn.map(|(number, amount)| self.bar(bar, number, amount.as_ref(), &scale, (y + thick * count(number), thick)));
            rows.push(Row { name, bars: drawn.collect() });
            y += height + 7.0;
        }
        let height = y + 40.0;
        Layout {
            frame: Frame::new(&self.heading, WIDTH, height),
            top: Px(top),
            bottom: Px(y),
            zero: Px(scale.at(0.0)),
            keys,
            ticks: ticks_below(&scale, y + 15.0, WIDTH),
            title: Text::new(&self.axis.label, f64::midpoint(left, right), y + 33.0, SIZE, WIDTH - 2.0 * EDGE)
                .middle()
                .within(EDGE, WIDTH - EDGE),
            rows,
        }
    }

    fn bar(&self, bar: &Bar, number: usize, amount: Option<&Amount>, scale: &Scale, (y, height): (f64, f64)) -> Drawn {
        let missing = Amount::of(f64::NAN);
        let amount = amount.unwrap_or(&missing);
        let series = self.series.get(number);
        let own = bar.colour.as_ref().filter(|_| self.series.len() < 2).or(series.and_then(|series| series.colour.as_ref()));
        let zero = scale.at(0.0);
        let end = amount.known().map_or(zero, |value| scale.at(value));
        let whisker =
            amount.whisker().filter(|_| amount.known().is_some()).map(|(lower, upper)| (scale.at(lower), scale.at(upper)));
        let text = amount.known().map_or_else(|| "–".to_owned(), |value| on(&self.axis, value));
        let x = zero.max(end).max(whisker.map_or(0.0, |ends| ends.1)) + 5.0;
        let number_text = Text::new(&text, x, y + height / 2.0 + 4.0, SMALL, f64::INFINITY).soft();
        Drawn {
            x: Px(zero.min(end)),
            y: Px(y),
            width: Px((end - zero).abs()),
            height: Px(height - 1.0),
            style: style(number, own.map(String::as_str)),
            whisker: whisker.map(|(lower, upper)| [Px(lower), Px(upper), Px(y + (height - 1.0) / 2.0)]),
            number: number_text,
            told: told(&self.axis, &[&bar.name, series.map_or("", |series| &series.name)], amount),
            place: place(amount.place.as_ref()),
        }
    }
}
