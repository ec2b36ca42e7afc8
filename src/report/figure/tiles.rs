//! A matrix of tiles on an even colour scale: days by class and month, confusion matrices.

use serde::Serialize;

use super::draw::{EDGE, Frame, Px, SIZE, SMALL, Text, WIDTH, count, empty, place, widest};
use super::scale::Scale;
use super::text::{clean, number, on, width};
use super::{Axis, Heading};
use crate::report::{TemplateError, Templates};

/// Tiles in rows and columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tiles {
    /// What the figure is called.
    pub heading: Heading,
    /// What the rows are, for instance `manual class`.
    pub row_title: String,
    /// What the columns are, for instance `month`.
    pub column_title: String,
    /// Names of the rows, from top to bottom.
    pub row_names: Vec<String>,
    /// Names of the columns, from left to right.
    pub column_names: Vec<String>,
    /// What the colours measure.
    pub axis: Axis,
    /// Writes the number into each tile.
    pub numbers: bool,
    /// Marks the tiles whose row and column have the same name: the hits of a confusion matrix.
    pub diagonal: bool,
    /// For each row a tile for each column; what is not there is missing.
    pub tiles: Vec<Vec<Tile>>,
}

/// A tile.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tile {
    /// Its number; `None` is drawn hatched.
    pub value: Option<f64>,
    /// Where it comes from: `class=stoat month=2020-03`.
    pub place: Option<String>,
}

/// Steps of the colour scale.
const STEPS: usize = 9;
/// Width of a step in the key.
const KEY: f64 = 18.0;
/// An even scale from pale yellow to dark blue, told apart with any colour vision and in grey.
const COLOURS: [&str; STEPS] =
    ["#ffffd9", "#edf8b1", "#c7e9b4", "#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8", "#253494", "#081d58"];
/// The first step on which text is white.
const WHITE_FROM: usize = 6;

/// The step of a share of the scale.
fn step(share: f64) -> usize {
    (1..STEPS).filter(|step| share >= count(*step) / count(STEPS)).count()
}

/// Colours of a step and of text on it.
fn look(step: &str) -> (String, String) {
    match step.parse::<usize>() {
        Ok(step) => {
            let ink = if step < WHITE_FROM { "#111" } else { "#fff" };
            (format!("var(--tile-{step},{})", COLOURS[step]), format!("var(--tile-ink-{step},{ink})"))
        }
        Err(_) => ("var(--tile-none,#f1f1f1)".to_owned(), "var(--tile-ink-none,#595959)".to_owned()),
    }
}

#[derive(Serialize)]
struct Layout {
    frame: Frame,
    wide: Px,
    high: Px,
    row_title: Text,
    column_title: Text,
    row_names: Vec<Text>,
    column_names: Vec<Text>,
    tiles: Vec<Drawn>,
    /// The key: where each step stands, and its colour.
    swatches: Vec<(Px, String)>,
    key: Px,
    key_title: Text,
    low: Text,
    most: Text,
    extra: Vec<Extra>,
}

#[derive(Serialize)]
struct Drawn {
    x: Px,
    y: Px,
    fill: String,
    /// Step of the scale, `none` for zero, `missing`.
    step: String,
    ink: String,
    hit: bool,
    text: Option<Text>,
    told: String,
    place: Option<String>,
}

#[derive(Serialize)]
struct Extra {
    look: &'static str,
    x: Px,
    label: Text,
}

impl Tiles {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        if self.row_names.is_empty() || self.column_names.is_empty() {
            return empty(&self.heading, templates);
        }
        templates.render("figures/tiles.svg", self.layout())
    }

    fn value(&self, row: usize, column: usize) -> Option<f64> {
        self.tiles.get(row)?.get(column)?.value.filter(|value| value.is_finite())
    }

    fn layout(&self) -> Layout {
        let (rows, columns) = (self.row_names.len(), self.column_names.len());
        let values = || (0..rows).flat_map(|row| (0..columns).filter_map(move |column| self.value(row, column)));
        let scale = Scale::over(&self.axis, values(), true);
        let written: Vec<String> = values().map(|value| self.written(value)).collect();
        let left = widest(self.row_names.iter().map(String::as_str), SIZE).min(150.0) + 2.0 * EDGE + 4.0;
        let left = left.max(width(&clean(&self.row_title), SIZE).min(150.0) + 2.0 * EDGE);
        let least = if self.numbers { (widest(written.iter().map(String::as_str), SMALL) + 6.0).max(20.0) } else { 15.0 };
        let wide = ((WIDTH - left - EDGE) / count(columns)).min(56.0).max(least);
        let high = if self.numbers { (wide * 0.8).clamp(20.0, 30.0) } else { (wide * 0.8).clamp(16.0, 24.0) };
        let names = widest(self.column_names.iter().map(String::as_str), SMALL);
        let turned = names > wide - 4.0;
        let heads = if turned { names.min(110.0) } else { SMALL };
        let top = 24.0 + heads + 8.0;
        let right = left + wide * count(columns);
        let bottom = top + high * count(rows);
        let frame = (right + EDGE).max(WIDTH);

        let row_names = self.row_names.iter().enumerate().map(|(row, name)| {
            let y = top + (count(row) + 0.5) * high + 4.0;
            Text::new(name, left - 6.0, y, SIZE.min(high - 4.0), left - 6.0 - EDGE).end()
        });
        let column_names = self.column_names.iter().enumerate().map(|(column, name)| {
            let x = left + (count(column) + 0.5) * wide;
            if turned {
                Text { turned: true, ..Text::new(name, x + 4.0, top - 6.0, SMALL, heads) }
            } else {
                Text::new(name, x, top - 6.0, SMALL, wide - 2.0).middle()
            }
        });
        let drawn = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let drawn = drawn.map(|(row, column)| {
            self.tile(row, column, &scale, (left + wide * count(column), top + high * count(row)), (wide, high))
        });
        let tiles: Vec<Drawn> = drawn.collect();
        let key = bottom + 30.0;
        let (low, most) = scale.ends();
        let low = Text::new(&on(&self.axis, low), left, key + 24.0, SMALL, 80.0).soft();
        let most = Text::new(&on(&self.axis, most), left + KEY * count(STEPS), key + 24.0, SMALL, 80.0).end().soft();
        let mut extra = Vec::new();
        let mut x = left + KEY * count(STEPS) + 16.0;
        let wanted = [
            ("none", "0", tiles.iter().any(|tile| tile.step == "none")),
            ("missing", "no data", tiles.iter().any(|tile| tile.step == "missing")),
            ("diagonal", "agreement", self.diagonal),
        ];
        for (look, name, _) in wanted.into_iter().filter(|wanted| wanted.2) {
            extra.push(Extra { look, x: Px(x), label: Text::new(name, x + 22.0, key + 9.0, SMALL, 90.0).soft() });
            x += 22.0 + width(name, SMALL) + 12.0;
        }
        Layout {
            frame: Frame::new(&self.heading, frame.max(x), key + 32.0),
            wide: Px(wide),
            high: Px(high),
            row_title: Text { bold: true, ..Text::new(&self.row_title, left - 6.0, top - 6.0, SMALL, left - 6.0 - EDGE).end() },
            column_title: Text { bold: true, ..Text::new(&self.column_title, left, 14.0, SMALL, WIDTH - left - EDGE) },
            row_names: row_names.collect(),
            column_names: column_names.collect(),
            tiles,
            swatches: (0..STEPS).map(|step| (Px(left + KEY * count(step)), look(&step.to_string()).0)).collect(),
            key: Px(key),
            key_title: Text::new(&self.axis.label, left, key - 7.0, SMALL, frame - left - EDGE),
            low,
            most,
            extra,
        }
    }

    /// The number in a tile: without the sign of percent, which the key has.
    fn written(&self, value: f64) -> String {
        number(if self.axis.percent { value * 100.0 } else { value }, self.axis.decimals)
    }

    fn tile(&self, row: usize, column: usize, scale: &Scale, (x, y): (f64, f64), (wide, high): (f64, f64)) -> Drawn {
        let value = self.value(row, column);
        let step = match value {
            None => "missing".to_owned(),
            Some(value) if value == 0.0 && scale.ends().0 == 0.0 => "none".to_owned(),
            Some(value) => step(scale.share(value)).to_string(),
        };
        let (fill, ink) = look(&step);
        let text = value.filter(|_| self.numbers).map(|value| {
            let text = Text::new(&self.written(value), x + wide / 2.0, y + high / 2.0 + 4.0, SMALL, f64::INFINITY).middle();
            Text { ink: ink.clone(), ..text }
        });
        let told = value.map_or_else(|| "no data".to_owned(), |value| on(&self.axis, value));
        let told = format!("{}, {}: {told}", clean(&self.row_names[row]), clean(&self.column_names[column]));
        let given = self.tiles.get(row).and_then(|tiles| tiles.get(column));
        let place = place(given.and_then(|tile| tile.place.as_ref()));
        Drawn {
            x: Px(x),
            y: Px(y),
            fill,
            step,
            ink,
            hit: self.diagonal && self.row_names[row] == self.column_names[column],
            text,
            told,
            place,
        }
    }
}
