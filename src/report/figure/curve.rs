//! Lines with bands: coverage against accuracy, the history of a training.

use super::draw::empty;
use super::{Axis, Heading, Sheet, cell};
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
    /// Its points, in order. A point that is not finite interrupts the line.
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

impl Curve {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        empty(&self.heading, templates)
    }

    /// The table behind the figure: a row for each point.
    #[must_use]
    pub fn rows(&self) -> Sheet {
        let mut sheet = Sheet::new(&["line", "x", "y", "lower", "upper"]);
        for line in &self.lines {
            for point in &line.points {
                let (lower, upper) = point.band.unzip();
                sheet.rows.push(vec![line.name.clone(), cell(Some(point.x)), cell(Some(point.y)), cell(lower), cell(upper)]);
            }
        }
        sheet
    }
}
