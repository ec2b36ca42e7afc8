//! A matrix of tiles on an even colour scale: days by class and month, confusion matrices.

use super::draw::empty;
use super::{Axis, Heading, Sheet, cell};
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
    /// Marks the tiles in which row and column have the same number: the hits of a confusion matrix.
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

impl Tiles {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        empty(&self.heading, templates)
    }

    /// The table behind the figure: a row for each row of tiles, a column for each of theirs.
    #[must_use]
    pub fn rows(&self) -> Sheet {
        let mut sheet = Sheet::new(&[&self.row_title]);
        sheet.columns.extend(self.column_names.iter().cloned());
        for (number, name) in self.row_names.iter().enumerate() {
            let tiles = self.tiles.get(number);
            let values = (0..self.column_names.len()).map(|column| cell(tiles?.get(column)?.value).into());
            let values = values.map(|text: Option<String>| text.unwrap_or_default());
            sheet.rows.push(std::iter::once(name.clone()).chain(values).collect());
        }
        sheet
    }
}
