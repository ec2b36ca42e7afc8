//! The forms in which a data set is written.

use std::collections::BTreeMap;

use super::decide::{Decided, Decision};
use super::join::Joined;
use crate::step::StepError;
use crate::step::classify::{self, CLASS_PREFIX};
use crate::table::{Column, Field, Schema, Table, Type};
use crate::taxonomy::UNKNOWN;

mod long;
mod wide;

/// A form of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One row per image.
    Wide,
    /// One row per image and class.
    Long,
    /// The reference workflow's final file.
    Bohner,
    /// The classification table of the COAT portal.
    Coat,
}

/// A class that has its row or column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Class {
    /// Its name in the programme.
    pub name: String,
    /// Its id in the published data set.
    pub species: Option<String>,
}

impl Class {
    /// The id of the published data set, or the name.
    pub fn id(&self) -> &str {
        self.species.as_deref().unwrap_or(&self.name)
    }
}

/// What a form is made from.
pub(super) struct Data<'a> {
    pub images: &'a Table,
    pub automatic: &'a Automatic<'a>,
    pub decided: &'a Decided,
    pub classes: &'a [Class],
}

impl Data<'_> {
    /// What people say of an image.
    pub fn decision(&self, image: usize) -> Option<&Decision> {
        self.decided.of_image[image].map(|place| &self.decided.decisions[place as usize])
    }

    /// The classes that people saw in an image: what is not among them is absent. `None` where nobody looked, labels differ, or nobody could
    /// tell what there is.
    pub fn seen(&self, image: usize) -> Option<&[String]> {
        let classes = &self.decision(image)?.classes[..];
        let undecidable = matches!(classes, [only] if only == UNKNOWN) && self.classes.iter().all(|class| class.name != UNKNOWN);
        (!classes.is_empty() && !undecidable).then_some(classes)
    }

    /// The place of each of people's classes among `classes`.
    pub fn places(&self) -> BTreeMap<&str, usize> {
        self.classes.iter().enumerate().map(|(place, class)| (class.name.as_str(), place)).collect()
    }
}

impl Form {
    /// Its word in the pipeline.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Long => "long",
            Self::Bohner => "bohner",
            Self::Coat => "coat",
        }
    }

    /// Columns that the images lack, with the way out.
    pub fn lacks(self, images: &Schema) -> Vec<(&'static str, &'static str)> {
        if matches!(self, Self::Wide | Self::Long) {
            return Vec::new();
        }
        let mut lacks = Vec::new();
        let mut need = |name, there: bool, help| {
            if !there {
                lacks.push((name, help));
            }
        };
        need("site", images.field("site").is_some(), "capture it in the path of the images: `{site}`");
        need(
            "locality",
            images.field("locality").is_some(),
            "capture it in the path of the images, or declare it in `deployments`",
        );
        let named = images.field("name").is_some() || images.field("file").is_some();
        need("name", named, "name the images with a `rename` step before");
        let dated =
            images.field("datetime").is_some_and(|field| field.ty == Type::DateTime) || images.field("date_raw").is_some();
        need("datetime", dated, "read it with a `metadata` step before");
        lacks
    }

    /// The columns.
    pub fn schema(self, images: &Schema, predictions: Option<&Schema>, classes: &[Class]) -> Schema {
        match self {
            Self::Wide => wide::schema(images, predictions, classes),
            form => long::schema(form, images),
        }
    }

    /// The data set.
    pub fn table(self, data: &Data<'_>) -> Result<Table, StepError> {
        match self {
            Self::Wide => wide::table(data),
            form => long::table(form, data),
        }
    }
}

/// The columns of predictions that a merge reads: its key with the images, and what a model says.
pub(super) fn prediction_columns<'a>(images: &Schema, predictions: &'a Schema) -> Vec<&'a str> {
    let key = crate::observation::Key::shared(&[images, predictions]).map(|key| key.columns).unwrap_or_default();
    let readable = ["site", "season", "name", "path", "file"];
    let wanted = |name: &str, ty| key.contains(&name) || readable.contains(&name) || is_answer(name, ty);
    predictions.fields.iter().filter(|field| wanted(&field.name, field.ty)).map(|field| field.name.as_str()).collect()
}

/// A column of a prediction that the data set keeps: not the second to fifth label, which the class confidences hold as well.
fn is_answer(name: &str, ty: Type) -> bool {
    ["label", "confidence", "model", "problem"].contains(&name) || (ty == Type::Float32 && name.starts_with(CLASS_PREFIX))
}

/// What a model says of the images, in their order.
pub(super) struct Automatic<'a> {
    /// The table with the answers: the predictions, or the images themselves.
    table: &'a Table,
    /// The row of `table` for each image; `None` where the rows are the same.
    rows: Option<&'a [Option<u32>]>,
    more: BTreeMap<u32, Vec<u32>>,
    label: Option<&'a Column>,
    confidence: Option<&'a Column>,
}

impl<'a> Automatic<'a> {
    /// Finds the answers.
    pub fn of(images: &'a Table, predictions: Option<&'a Table>, joined: &'a Joined, multilabel: bool) -> Self {
        let (table, rows) = match predictions {
            None => (images, None),
            Some(predictions) => {
                let same = (0_u32..).zip(&joined.prediction_of).all(|(image, row)| *row == Some(image));
                (predictions, (!same || predictions.rows != images.rows).then_some(&joined.prediction_of[..]))
            }
        };
        let more = if multilabel { joined.more_predictions.clone() } else { BTreeMap::new() };
        let typed = |name: &str, ty| table.column(name).filter(|column| column.ty() == ty).map(AsRef::as_ref);
        Self { table, rows, more, label: typed("label", Type::Text), confidence: typed("confidence", Type::Float32) }
    }

    /// The row of the answer to an image.
    pub fn row(&self, image: usize) -> Option<usize> {
        match self.rows {
            None => Some(image),
            Some(rows) => rows[image].map(|row| row as usize),
        }
    }

    /// All rows that answer an image.
    fn all_rows(&self, image: usize) -> impl Iterator<Item = usize> + '_ {
        let number = u32::try_from(image).unwrap_or(u32::MAX);
        let more = self.more.get(&number).into_iter().flatten().map(|row| *row as usize);
        self.row(image).into_iter().chain(more)
    }

    /// The label of an image, the first where there are several.
    pub fn label(&self, image: usize) -> Option<&'a str> {
        self.label?.text(self.row(image)?)
    }

    /// Labels and confidences of an image.
    pub fn labels(&self, image: usize) -> impl Iterator<Item = (&'a str, Option<f32>)> + '_ {
        let answer = |row| Some((self.label?.text(row)?, self.confidence.and_then(|column| column.float32(row))));
        self.all_rows(image).filter_map(answer)
    }

    /// Each distinct label by its code, with its place among `classes`.
    fn places(&self, classes: &[Class]) -> Vec<Option<usize>> {
        let texts = self.label.into_iter().flat_map(Column::texts);
        texts.map(|text| classes.iter().position(|class| class.name == text)).collect()
    }

    /// The code of an image's label.
    fn code(&self, image: usize) -> Option<u32> {
        self.label?.code(self.row(image)?)
    }
}

/// The name of a column of the images in the data set; `None` for one that the data set makes itself.
fn kept_as<'f>(images: &Schema, field: &'f Field, has_predictions: bool) -> Option<&'f str> {
    if ["class", "type", "reviewer", "comment", "final", "species_id"].contains(&field.name.as_str()) {
        return None;
    }
    if has_predictions { classify::kept_as(images, field) } else { Some(&field.name) }
}
