//! One row per image and class: tidy, and the final formats of the reference workflow and of COAT.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Class, Data, Form};
use crate::step::StepError;
use crate::step::label_type::{CLASS, CONFIDENCE, CORRECTED, RANDOM};
use crate::step::merge::decide::Decision;
use crate::table::{Cell, CellRef, Column, ColumnBuilder, Schema, Table, Type, civil};

/// The images' own columns that the tidy form carries, where they have them.
const CARRIED: &[&str] = &["locality", "site", "season", "datetime", "name", "path", "file", "content", "item"];

/// Columns of the answers in the tidy form, in the order of [`ANSWERS`].
const TIDY: &[&str] = &[
    "class",
    "species_id",
    "presence_automatic",
    "presence_manual",
    "confidence_automatic",
    "observer_manual",
    "type_manual_classification",
    "comment",
];

/// The reference workflow's final file.
const BOHNER: &[(&str, From)] = &[
    ("locality", From::Image(&["locality"])),
    ("site", From::Image(&["site"])),
    ("date", From::Date),
    ("time", From::Time),
    ("image_name", From::Image(&["name", "file"])),
    ("class_id", From::Answer(Answer::Id)),
    ("presence_automatic", From::Answer(Answer::Automatic)),
    ("presence_manual", From::Answer(Answer::Manual)),
    ("confidence_automatic", From::Answer(Answer::Confidence)),
    ("observer_manual", From::Answer(Answer::Observer)),
    ("type_manual_classification", From::Answer(Answer::Type)),
    ("comment", From::Answer(Answer::Comment)),
];

/// The classification table of the COAT portal.
const COAT: &[(&str, From)] = &[
    ("sn_region", From::Image(&["sn_region", "region"])),
    ("sn_locality", From::Image(&["sn_locality", "locality"])),
    ("sn_section", From::Image(&["sn_section", "section"])),
    ("sc_type_of_sites_ecological", From::Image(&["sc_type_of_sites_ecological", "habitat"])),
    ("sn_site", From::Image(&["sn_site", "site"])),
    ("t_date", From::Date),
    ("t_time", From::Time),
    ("v_image_name", From::Image(&["name", "file"])),
    ("v_class_id", From::Answer(Answer::Id)),
    ("v_presence_automatic", From::Answer(Answer::Automatic)),
    ("v_presence_manual", From::Answer(Answer::Manual)),
    ("v_confidence_automatic", From::Answer(Answer::Confidence)),
    ("v_observer_manual", From::Answer(Answer::Observer)),
    ("v_type_manual_classification", From::Answer(Answer::Type)),
    ("v_comment", From::Answer(Answer::Comment)),
];

/// Where a column of a final format comes from.
#[derive(Clone, Copy)]
enum From {
    /// The first of these that the images have.
    Image(&'static [&'static str]),
    /// `YYYY-MM-DD` by the corrected clock.
    Date,
    /// `hh:mm:ss` by the corrected clock.
    Time,
    /// What model and people say of one class.
    Answer(Answer),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The class by its name.
    Name,
    /// The id in the published data set, where there is one.
    Species,
    /// That id, or the name.
    Id,
    Automatic,
    Manual,
    Confidence,
    Observer,
    Type,
    Comment,
}

/// The answers of the tidy form.
const ANSWERS: &[Answer] = &[
    Answer::Name,
    Answer::Species,
    Answer::Automatic,
    Answer::Manual,
    Answer::Confidence,
    Answer::Observer,
    Answer::Type,
    Answer::Comment,
];

impl Answer {
    fn ty(self, form: Form) -> Type {
        match self {
            Self::Automatic | Self::Manual => Type::Int,
            Self::Confidence if form == Form::Long => Type::Float32,
            Self::Confidence => Type::Float64,
            _ => Type::Text,
        }
    }
}

/// The columns of a form, in order.
fn layout(form: Form, images: &Schema) -> Vec<(String, From)> {
    let fixed = match form {
        Form::Bohner => BOHNER,
        Form::Coat => COAT,
        Form::Wide | Form::Long => {
            let carried = CARRIED.iter().filter(|name| images.field(name).is_some());
            let carried = carried.map(|name| ((*name).to_owned(), From::Image(std::slice::from_ref(name))));
            let answers = TIDY.iter().zip(ANSWERS).map(|(name, answer)| ((*name).to_owned(), From::Answer(*answer)));
            return carried.chain(answers).collect();
        }
    };
    fixed.iter().map(|(name, from)| ((*name).to_owned(), *from)).collect()
}

fn own<'a>(images: &Schema, names: &[&'a str]) -> Option<&'a str> {
    names.iter().find(|name| images.field(name).is_some()).copied()
}

pub(super) fn schema(form: Form, images: &Schema) -> Schema {
    let mut schema = Schema::default();
    for (name, from) in layout(form, images) {
        let ty = match from {
            From::Image(names) => own(images, names).and_then(|name| images.field(name)).map_or(Type::Text, |field| field.ty),
            From::Date | From::Time => Type::Text,
            From::Answer(answer) => answer.ty(form),
        };
        schema.set(&name, ty);
    }
    schema
}

pub(super) fn table(form: Form, data: &Data<'_>) -> Result<Table, StepError> {
    let images = data.images;
    let order = order(form, data)?;
    let mut classes: Vec<&Class> = data.classes.iter().collect();
    if form != Form::Long {
        classes.sort_by_key(|class| class.id());
    }
    let repeated: Vec<u32> = order.iter().flat_map(|image| classes.iter().map(|_| *image)).collect();
    let answers = Answers::of(data, &classes);
    let column = |(_, from): (String, From)| -> Result<Arc<Column>, StepError> {
        Ok(Arc::new(match from {
            From::Image(names) => match own(&images.schema, names).and_then(|name| images.column(name)) {
                Some(column) => column.take(&repeated),
                None => Column::nulls(Type::Text, repeated.len()),
            },
            From::Date => moments(images, "date_raw", 0)?.take(&repeated),
            From::Time => moments(images, "time_raw", 1)?.take(&repeated),
            From::Answer(answer) => answers.column(answer, &order, form)?,
        }))
    };
    let columns = layout(form, &images.schema).into_par_iter().map(column).collect::<Result<_, _>>()?;
    Ok(Table::from_columns(schema(form, &images.schema), columns)?)
}

/// The images in the order of the form: as they are, or as the final formats have them, by site and name.
fn order(form: Form, data: &Data<'_>) -> Result<Vec<u32>, StepError> {
    let images = data.images;
    if form == Form::Long {
        return Ok((0..u32::try_from(images.rows).unwrap_or(u32::MAX)).collect());
    }
    let columns = [&["locality"][..], &["site"], &["season"], &["name", "file"]];
    let names: Vec<&str> = columns.iter().filter_map(|names| own(&images.schema, names)).collect();
    Ok(images.sort_by(&names)?)
}

/// Date (0) or time (1) of each image.
fn moments(images: &Table, raw: &str, part: usize) -> Result<Column, StepError> {
    let mut builder = ColumnBuilder::with_capacity(Type::Text, images.rows);
    let corrected = images.column("datetime").filter(|column| column.ty() == Type::DateTime);
    for row in 0..images.rows {
        match (corrected.and_then(|column| column.datetime(row)), images.cell(row, raw)) {
            (Some(seconds), _) => builder.push_optional_text(civil::format(seconds).split('T').nth(part)),
            (None, CellRef::Text(text)) if corrected.is_none() => builder.push_text(text),
            _ => builder.push_null(),
        }
    }
    Ok(builder.finish()?)
}

/// What model and people say of each class.
struct Answers<'a> {
    data: &'a Data<'a>,
    classes: &'a [&'a Class],
}

impl<'a> Answers<'a> {
    fn of(data: &'a Data<'a>, classes: &'a [&'a Class]) -> Self {
        Self { data, classes }
    }

    fn column(&self, answer: Answer, order: &[u32], form: Form) -> Result<Column, StepError> {
        let mut builder = ColumnBuilder::with_capacity(answer.ty(form), order.len() * self.classes.len());
        for image in order {
            let image = *image as usize;
            match answer {
                Answer::Name => self.classes.iter().for_each(|class| builder.push_text(&class.name)),
                Answer::Id => self.classes.iter().for_each(|class| builder.push_text(class.id())),
                Answer::Species => self.classes.iter().for_each(|class| builder.push_optional_text(class.species.as_deref())),
                Answer::Automatic => self.automatic(image, &mut builder),
                Answer::Confidence => self.confidence(image, form, &mut builder),
                Answer::Manual => {
                    let classes = self.data.seen(image);
                    let shown = |class: &str| classes.unwrap_or_default().iter().any(|shown| shown == class);
                    self.presence(&mut builder, classes.is_some().then_some(&shown));
                }
                Answer::Observer => {
                    self.repeated(&mut builder, self.data.decision(image).and_then(|decision| decision.reviewer.as_deref()));
                }
                Answer::Comment => {
                    self.repeated(&mut builder, self.data.decision(image).and_then(|decision| decision.comment.as_deref()));
                }
                Answer::Type => {
                    let kind = self.data.decision(image).and_then(|decision| kind(decision, form));
                    self.repeated(&mut builder, kind);
                }
            }
        }
        Ok(builder.finish()?)
    }

    fn repeated(&self, builder: &mut ColumnBuilder, text: Option<&str>) {
        self.classes.iter().for_each(|_| builder.push_optional_text(text));
    }

    fn presence(&self, builder: &mut ColumnBuilder, shown: Option<&dyn Fn(&str) -> bool>) {
        for class in self.classes {
            match shown {
                Some(shown) => builder.push_int(i64::from(shown(&class.name))),
                None => builder.push_null(),
            }
        }
    }

    fn automatic(&self, image: usize, builder: &mut ColumnBuilder) {
        let automatic = self.data.automatic;
        let classified = automatic.label(image).is_some();
        let shown = |class: &str| automatic.labels(image).any(|(label, _)| label == class);
        self.presence(builder, classified.then_some(&shown));
    }

    fn confidence(&self, image: usize, form: Form, builder: &mut ColumnBuilder) {
        for class in self.classes {
            let found = self.data.automatic.labels(image).find(|(label, _)| *label == class.name);
            let cell = match found.and_then(|(_, confidence)| confidence) {
                None => Cell::Null,
                Some(value) if form == Form::Long => Cell::Float32(value),
                Some(value) => Cell::Float64(in_fifteen_digits(value)),
            };
            builder.push(cell.as_ref());
        }
    }
}

/// A confidence as the final formats have it, which R wrote: its decimal expansion rounded to fifteen significant digits.
fn in_fifteen_digits(value: f32) -> f64 {
    let exact = f64::from(value);
    format!("{exact:.14e}").parse().unwrap_or(exact)
}

/// The kind of the label that counts: in the words of the final formats, or in our own.
fn kind(decision: &Decision, form: Form) -> Option<&str> {
    if form == Form::Long {
        return decision.types.as_deref();
    }
    let kind = decision.kind.as_deref()?;
    Some(match kind {
        RANDOM => "quality_check_random",
        CONFIDENCE => "quality_check_confidence_level",
        CLASS => "quality_check_classes",
        CORRECTED => "corrected_image_label",
        other => other,
    })
}
