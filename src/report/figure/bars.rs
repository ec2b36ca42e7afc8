//! Horizontal bars by category, one or several series side by side.

use super::draw::empty;
use super::{Amount, Axis, Heading, Series, Sheet, cells};
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
    /// One number for each series; `None` where it is missing.
    pub amounts: Vec<Option<Amount>>,
}

impl Bars {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        empty(&self.heading, templates)
    }

    /// The table behind the figure: a row for each bar.
    #[must_use]
    pub fn rows(&self) -> Sheet {
        let mut sheet = Sheet::new(&[&self.category, "series", "value", "lower", "upper"]);
        for bar in &self.bars {
            for (number, amount) in bar.amounts.iter().enumerate() {
                let series = self.series.get(number).map_or("", |series| &series.name);
                let mut row = vec![bar.name.clone(), series.to_owned()];
                row.extend(cells(amount.as_ref()));
                sheet.rows.push(row);
            }
        }
        sheet
    }
}
