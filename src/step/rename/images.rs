//! The images as observations, and the order in which they are counted.

use std::borrow::Cow;
use std::collections::HashSet;

use super::adopt::Unnamed;
use super::manifest::{Entry, Manifest};
use crate::moves::Place;
use crate::step::StepError;
use crate::step::portable::natural_order;
use crate::table::{Column, Table};

/// The columns that make an observation.
pub struct Images<'a> {
    pub table: &'a Table,
    pub content: &'a Column,
    path: &'a Column,
    season: Option<&'a Column>,
    site: Option<&'a Column>,
}

impl<'a> Images<'a> {
    /// Finds the columns.
    pub fn of(table: &'a Table) -> Result<Self, StepError> {
        Ok(Self {
            table,
            content: table.require("content")?,
            path: table.require("path")?,
            season: table.column("season").map(AsRef::as_ref),
            site: table.column("site").map(AsRef::as_ref),
        })
    }

    /// Where the image at `row` lies.
    pub fn path(&self, row: usize) -> &'a str {
        self.path.text(row).unwrap_or_default()
    }

    fn part(column: Option<&'a Column>, row: usize) -> Cow<'a, str> {
        let Some(column) = column else { return Cow::Borrowed("") };
        match column.text(row) {
            Some(text) => Cow::Borrowed(text),
            // A season may be a number; a missing one is empty.
            None => Cow::Owned(column.cell(row).to_string()),
        }
    }

    /// The image at `row` as one without a name; `None` without content.
    pub fn unnamed(&self, row: usize) -> Option<Unnamed<'a>> {
        let content = self.content.content(row)?;
        Some(Unnamed { season: Self::part(self.season, row), site: Self::part(self.site, row), path: self.path(row), content })
    }

    /// Where the image at `row` was taken, as its path says it.
    pub fn observed(&self, row: usize) -> Place {
        Place { season: Self::part(self.season, row).into_owned(), site: Self::part(self.site, row).into_owned() }
    }

    /// The place in the manifest of the image at `row`; see [`Manifest::find`] for `guess`.
    pub fn place(&self, row: usize, manifest: &Manifest<'_>, guess: usize) -> Option<usize> {
        let content = self.content.content(row)?;
        manifest.find(&Self::part(self.season, row), &Self::part(self.site, row), content, guess)
    }

    /// The places in the manifest of all images.
    pub fn places(&self, manifest: &Manifest<'_>) -> Vec<Option<usize>> {
        let mut guess = 0;
        let mut places = Vec::with_capacity(self.table.rows);
        for row in 0..self.table.rows {
            let place = self.place(row, manifest, guess);
            guess = place.map_or(guess, |place| place + 1);
            places.push(place);
        }
        places
    }

    /// A line of the manifest for the image at `row`.
    pub fn entry(&self, row: usize, name: Cow<'a, str>) -> Entry<'a> {
        Entry {
            season: Self::part(self.season, row),
            site: Self::part(self.site, row),
            name,
            content: self.content.content(row).unwrap_or(crate::id::ContentId([0; 32])),
            path: Cow::Borrowed(self.path(row)),
        }
    }
}

/// The rows that still need a name, in the order in which counters run: season, then file name; an observation once.
pub fn in_order(images: &Images<'_>, fresh: &[usize], manifest: &Manifest<'_>) -> Vec<usize> {
    let mut seen = HashSet::new();
    let mut rows: Vec<usize> = fresh.iter().copied().filter(|row| images.place(*row, manifest, usize::MAX).is_none()).collect();
    rows.sort_by(|a, b| {
        let season = |row: usize| Images::part(images.season, row);
        natural_order(&season(*a), &season(*b)).then_with(|| natural_order(images.path(*a), images.path(*b)))
    });
    rows.retain(|row| {
        let Some(content) = images.content.content(*row) else { return true };
        seen.insert((content, Images::part(images.season, *row), Images::part(images.site, *row)))
    });
    rows
}
