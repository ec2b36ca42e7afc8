//! Lines with bands: coverage against accuracy, the history of a training.

use serde::Serialize;

use super::draw::{
    EDGE, Frame, Px, SIZE, SMALL, Style, Text, Tick, WIDTH, count, empty, place, style, ticks_below, ticks_beside,
};
use super::draw::{widest, widest_tick};
use super::scale::Scale;
use super::text::{clean, on, width};
use super::{Axis, Heading};
use crate::report::{TemplateError, Templates};

/// Lines, each with its name at its end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curve {
    /// What the figure is called.
    pub heading: Heading,
    /// The x axis.
    pub x: Axis,
    /// The y axis.
    pub y: Axis,
    /// The lines.
    pub lines: Vec<Line>,
    /// A point that was chosen, for instance a threshold.
    pub chosen: Option<Chosen>,
}

/// A line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// `#rrggbb`; `None` takes the next of the palette.
    pub colour: Option<String>,
    /// Its points, in order. A point that is not finite interrupts the line. Of more than 1000, every so manieth is drawn.
    pub points: Vec<Point>,
}

/// A point of a line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// On the x axis.
    pub x: f64,
    /// On the y axis.
    pub y: f64,
    /// Lower and upper end of the band.
    pub band: Option<(f64, f64)>,
    /// Where it comes from.
    pub place: Option<String>,
}

/// A marked point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chosen {
    /// On the x axis.
    pub x: f64,
    /// On the y axis; `None` marks the whole height.
    pub y: Option<f64>,
    /// What it is, for instance `threshold 0.85`.
    pub label: String,
    /// Where it comes from.
    pub place: Option<String>,
}

/// Room for a name at the end of a line.
const NAME: f64 = 14.0;
/// A line with more points shows no dots: they would hide it.
const MARKED: usize = 60;

/// The most points of a line that are drawn: more than there are columns on a screen.
const DRAWN: usize = 1000;

impl Line {
    /// Every so manieth point, where there are very many, and the last.
    fn drawn(&self) -> Vec<&Point> {
        let every = self.points.len().div_ceil(DRAWN).max(1);
        let mut drawn: Vec<&Point> = self.points.iter().step_by(every).collect();
        drawn.extend(self.points.last().filter(|_| self.points.len() % every != 1 && every > 1));
        drawn
    }

    fn known(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| point.is_known())
    }
}

impl Point {
    fn is_known(&self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }

    fn limits(&self) -> Option<(f64, f64)> {
        self.band.filter(|(lower, upper)| lower.is_finite() && upper.is_finite())
    }
}

/// Moves names so far apart that each has its room between `top` and `bottom`, as near to where they wish to be as that allows.
fn apart(wished: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wished.len()).collect();
    order.sort_by(|a, b| wished[*a].total_cmp(&wished[*b]));
    let mut at = wished.to_vec();
    let mut free = top;
    for number in &order {
        at[*number] = at[*number].max(free);
        free = at[*number] + NAME;
    }
    let mut free = bottom;
    for number in order.iter().rev() {
        at[*number] = at[*number].min(free);
        free = at[*number] - NAME;
    }
    at
}

#[derive(Serialize)]
struct Layout {
    frame: Frame,
    left: Px,
    right: Px,
    top: Px,
    bottom: Px,
    lines: Vec<Drawn>,
    chosen: Option<Picked>,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    x_title: Text,
    y_title: Text,
}

#[derive(Serialize)]
struct Drawn {
    name: String,
    path: String,
    bands: Vec<String>,
    style: Style,
    dots: Vec<Dot>,
    label: Option<Text>,
    /// From the end of the line to its name.
    leader: [Px; 4],
}

#[derive(Serialize)]
struct Dot {
    x: Px,
    y: Px,
    told: String,
    place: Option<String>,
}

#[derive(Serialize)]
struct Picked {
    x: Px,
    y: Option<Px>,
    label: Text,
    told: String,
    place: Option<String>,
}

impl Curve {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        if self.lines.iter().all(|line| line.known().next().is_none()) {
            return empty(&self.heading, templates);
        }
        templates.render("figures/curve.svg", self.layout())
    }

    fn layout(&self) -> Layout {
        let chosen = self.chosen.as_ref().filter(|chosen| chosen.x.is_finite());
        let points = || self.lines.iter().flat_map(Line::known);
        let ends = |point: &Point| {
            let (lower, upper) = point.limits().unzip();
            [Some(point.y), lower, upper].into_iter().flatten()
        };
        let x = Scale::over(&self.x, points().map(|point| point.x).chain(chosen.map(|chosen| chosen.x)), false);
        let y = Scale::over(&self.y, points().flat_map(ends).chain(chosen.and_then(|chosen| chosen.y)), false);
        let names = widest(self.lines.iter().map(|line| line.name.as_str()), SMALL).min(130.0);
        let (left, right) = (EDGE + widest_tick(&y) + 8.0, WIDTH - EDGE - names - 10.0);
        let right = right.min(WIDTH - EDGE - widest_tick(&x) / 2.0);
        let top = if chosen.is_some() { 44.0 } else { 28.0 };
        let bottom = top + (count(self.lines.len()) * NAME).max(210.0);
        let (x, y) = (x.between(left, right), y.between(bottom, top));
        let drawn = self.lines.iter().enumerate().map(|(number, line)| self.line(line, number, &x, &y));
        let mut lines: Vec<Drawn> = drawn.collect();
        let wished: Vec<f64> = self.lines.iter().map(|line| line.known().last().map_or(bottom, |point| y.at(point.y))).collect();
        for ((drawn, at), line) in lines.iter_mut().zip(apart(&wished, top, bottom)).zip(&self.lines) {
            let label = Text::new(&line.name, right + 10.0, at + 4.0, SMALL, WIDTH - EDGE - right - 10.0);
            drawn.label = line.known().next().is_some().then_some(label);
            let from = line.known().last().map_or(right, |point| x.at(point.x));
            let end = line.known().last().map_or(at, |point| y.at(point.y));
            drawn.leader = [Px(from + 3.0), Px(end), Px(right + 8.0), Px(at)];
        }
        let chosen = chosen.map(|chosen| {
            let at = x.at(chosen.x);
            let mut label = Text::new(&chosen.label, at, 34.0, SMALL, WIDTH - 2.0 * EDGE).middle();
            label.bold = width(&label.shown, SMALL) * 1.1 < WIDTH - 2.0 * EDGE;
            let value = chosen.y.filter(|value| value.is_finite());
            let told = format!("{}: {}", clean(&chosen.label), on(&self.x, chosen.x));
            let told = value.map_or(told.clone(), |value| format!("{told}; {}", on(&self.y, value)));
            let y = value.map(|value| Px(y.at(value)));
            Picked { x: Px(at), y, label: label.within(EDGE, WIDTH - EDGE), told, place: place(chosen.place.as_ref()) }
        });
        Layout {
            frame: Frame::new(&self.heading, WIDTH, bottom + 42.0),
            left: Px(left),
            right: Px(right),
            top: Px(top),
            bottom: Px(bottom),
            lines,
            chosen,
            x_ticks: ticks_below(&x, bottom + 16.0, WIDTH),
            y_ticks: ticks_beside(&y, left - 6.0, true),
            x_title: Text::new(&self.x.label, f64::midpoint(left, right), bottom + 34.0, SIZE, WIDTH - 2.0 * EDGE)
                .middle()
                .within(EDGE, WIDTH - EDGE),
            y_title: Text::new(&self.y.label, EDGE, 14.0, SIZE, WIDTH - 2.0 * EDGE),
        }
    }

    fn line(&self, line: &Line, number: usize, x: &Scale, y: &Scale) -> Drawn {
        let (mut path, mut bands) = (String::new(), Vec::new());
        for piece in line.drawn().split(|point| !point.is_known()) {
            for (number, point) in piece.iter().enumerate() {
                let letter = if number == 0 { 'M' } else { 'L' };
                path.push_str(&format!("{letter}{} {}", Px(x.at(point.x)), Px(y.at(point.y))));
            }
            for part in piece.split(|point: &&Point| point.limits().is_none()).filter(|part| part.len() > 1) {
                let limits = |point: &Point, upper: bool| {
                    let (low, high) = point.limits().unwrap_or_default();
                    format!("{} {}", Px(x.at(point.x)), Px(y.at(if upper { high } else { low })))
                };
                let above = part.iter().map(|point| limits(point, true));
                let around: Vec<String> = above.chain(part.iter().rev().map(|point| limits(point, false))).collect();
                bands.push(format!("M{}z", around.join("L")));
            }
        }
        let few = line.points.len() <= MARKED;
        let dots = line.known().filter(|_| few || line.points.len() == 1).map(|point| {
            let mut told = format!("{}: {}; {}", clean(&line.name), on(&self.x, point.x), on(&self.y, point.y));
            if let Some((lower, upper)) = point.limits() {
                told.push_str(&format!(" ({} to {})", on(&self.y, lower), on(&self.y, upper)));
            }
            Dot { x: Px(x.at(point.x)), y: Px(y.at(point.y)), told, place: place(point.place.as_ref()) }
        });
        let style = style(number, line.colour.as_deref());
        Drawn { name: clean(&line.name), path, bands, style, dots: dots.collect(), label: None, leader: [Px(0.0); 4] }
    }
}
