//! Dots with whiskers by category: shares and scores with their intervals, in one or several panels side by side.

use super::draw::empty;
use super::{Amount, Axis, Heading, Series, Sheet, cells};
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

impl Dots {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        empty(&self.heading, templates)
    }

    /// The table behind the figure: a row for each dot.
    #[must_use]
    pub fn rows(&self) -> Sheet {
        let mut sheet = Sheet::new(&["measure", &self.category, "series", "value", "lower", "upper"]);
        for panel in &self.panels {
            for (name, amounts) in self.categories.iter().zip(&panel.amounts) {
                for (number, amount) in amounts.iter().enumerate() {
                    let series = self.series.get(number).map_or("", |series| &series.name);
                    let mut row = vec![panel.name.clone(), name.clone(), series.to_owned()];
                    row.extend(cells(amount.as_ref()));
                    sheet.rows.push(row);
                }
            }
        }
        sheet
    }
}
