//! The table of events.

use std::sync::Arc;

use super::days::Days;
use super::decide::Decided;
use super::votes::Votes;
use super::{MADE, Rule, classes, times};
use crate::dataset::offset;
use crate::event::{DATETIME_OFFSET, EVENT_ID, Events, NUMBER, TRIGGER, Unit};
use crate::observation::{CAMERA, ITEM, PLACE, SITE_COLUMNS};
use crate::stats::interval::number;
use crate::step::StepError;
use crate::table::{CellRef, Column, ColumnBuilder, Schema, Table, Type};

/// The columns of the images that are the same for all images of an event.
fn carried(images: &Schema) -> impl Iterator<Item = &crate::table::Field> {
    PLACE.iter().chain(SITE_COLUMNS.as_flattened()).chain(&[TRIGGER, NUMBER]).filter_map(|name| images.field(name))
}

/// The columns behind all others: the camera, and what is known of the offsets of both times.
fn behind(images: &Schema, unit: Unit) -> Vec<&'static str> {
    let text = |name: &str| images.field(name).is_some_and(|field| field.ty == Type::Text);
    let mut names = Vec::new();
    if unit == Unit::Camera && text(CAMERA) {
        names.push(CAMERA);
    }
    if text(DATETIME_OFFSET) {
        names.extend(OFFSETS);
    }
    names
}

/// What the first and the last time are ahead of UTC.
const OFFSETS: [&str; 2] = ["first_offset", "last_offset"];

/// The schemas of the outputs.
pub(super) fn schemas(images: &Schema, rule: Rule, unit: Unit) -> Vec<Schema> {
    let mut events = Schema::of(&[(EVENT_ID, Type::Text)]);
    for field in carried(images) {
        events.set(&field.name, field.ty);
    }
    for (name, ty) in MADE {
        events.set(name, *ty);
    }
    if rule == Rule::Average {
        for name in classes(images) {
            events.set(name, Type::Float32);
        }
    }
    for name in behind(images, unit) {
        events.set(name, Type::Text);
    }
    let mut named = images.clone();
    named.set(EVENT_ID, Type::Text);
    vec![events, named]
}

/// What the rows of the events are made of.
pub(super) struct Parts<'a> {
    pub rule: Rule,
    pub unit: Unit,
    pub images: &'a Table,
    pub events: &'a Events,
    pub votes: &'a Votes<'a>,
    pub decided: &'a Decided,
    pub days: &'a Days<'a>,
}

/// One row per event.
pub(super) fn events(parts: &Parts<'_>) -> Result<Table, StepError> {
    let Parts { rule, unit, images, events, decided, .. } = *parts;
    let count = events.list.len();
    let first: Vec<u32> = (0..count).map(|event| events.rows(event)[0]).collect();
    let mut columns: Vec<Arc<Column>> = Vec::new();
    let mut names = ColumnBuilder::with_capacity(Type::Text, count);
    for event in &events.list {
        names.push_text(&event.name());
    }
    columns.push(Arc::new(names.finish()?));
    for field in carried(&images.schema) {
        columns.push(Arc::new(images.require(&field.name)?.take(&first)));
    }
    let mut made: Vec<ColumnBuilder> = MADE.iter().map(|(_, ty)| ColumnBuilder::with_capacity(*ty, count)).collect();
    let ends = ends(parts);
    for (event, ends) in ends.iter().enumerate() {
        push(&mut made, parts, event, *ends);
    }
    for builder in made {
        columns.push(Arc::new(builder.finish()?));
    }
    for means in &decided.means {
        let mut builder = ColumnBuilder::with_capacity(Type::Float32, count);
        for mean in means {
            builder.push(mean.map_or(CellRef::Null, CellRef::Float32));
        }
        columns.push(Arc::new(builder.finish()?));
    }
    for name in behind(&images.schema, unit) {
        let column = match name {
            CAMERA => images.require(CAMERA)?.take(&first),
            name => {
                let of_row = images.require(DATETIME_OFFSET)?;
                let row = |ends: &Option<(u32, u32)>| ends.map(|(first, last)| if name == OFFSETS[0] { first } else { last });
                of_row.take_optional(&ends.iter().map(row).collect::<Vec<_>>())
            }
        };
        columns.push(Arc::new(column));
    }
    Ok(Table::from_columns(schemas(&images.schema, rule, unit).swap_remove(0), columns)?)
}

/// The rows of the first and the last moment of each event; none where it has no time. A clock that goes back in autumn shows the later
/// moment as the earlier time: offsets decide where all rows of the event have them.
fn ends(parts: &Parts<'_>) -> Vec<Option<(u32, u32)>> {
    let Parts { images, events, .. } = *parts;
    let times = times(images);
    let written = images.column(DATETIME_OFFSET).filter(|column| column.ty() == Type::Text);
    let known: Vec<Option<i64>> = written
        .into_iter()
        .flat_map(|column| column.texts())
        .map(|text| offset(text).map(|offset| i64::from(offset.seconds())))
        .collect();
    let ahead = |row: u32| known.get(written?.code(row as usize)? as usize).copied().flatten();
    let ends = |event: usize| {
        let rows: Vec<(u32, i64)> =
            events.rows(event).iter().filter_map(|row| Some((*row, times?.datetime(*row as usize)?))).collect();
        let all = rows.iter().all(|(row, _)| ahead(*row).is_some());
        let moment = |(row, time): &&(u32, i64)| time - ahead(*row).filter(|_| all).unwrap_or_default();
        let first = rows.iter().min_by_key(moment)?;
        let last = rows.iter().max_by_key(moment)?;
        Some((first.0, last.0))
    };
    (0..events.list.len()).map(ends).collect()
}

fn push(made: &mut [ColumnBuilder], parts: &Parts<'_>, event: usize, ends: Option<(u32, u32)>) {
    let Parts { rule, images, votes, decided, days, .. } = *parts;
    let rows = parts.events.rows(event);
    let [first, last, number_of, labelled, label, confidence, agreement, source, rules, missing] = made else { return };
    let time = |row: Option<u32>| {
        let time = row.and_then(|row| times(images)?.datetime(row as usize));
        time.map_or(CellRef::Null, CellRef::DateTime)
    };
    first.push(time(ends.map(|(first, _)| first)));
    last.push(time(ends.map(|(_, last)| last)));
    // An image with several animals has several rows, numbered from 1.
    let items = images.column(ITEM);
    let is_first = |row: &&u32| items.and_then(|items| items.int(**row as usize)).is_none_or(|item| item == 1);
    let count = |n: usize| CellRef::Int(i64::try_from(n).unwrap_or(i64::MAX));
    number_of.push(count(rows.iter().filter(is_first).count()));
    labelled.push(count(rows.iter().filter(|row| votes.manual(**row).is_some()).count()));
    let decision = &decided.labels[event];
    label.push_optional_text(decision.class.as_deref());
    confidence.push(decision.confidence.map_or(CellRef::Null, CellRef::Float32));
    let own: Vec<&str> = rows.iter().filter_map(|row| votes.either(*row)).map(|vote| vote.class).collect();
    let agreeing = own.iter().filter(|class| decision.class.as_deref() == Some(**class)).count();
    let share = decision.class.as_ref().filter(|_| !own.is_empty()).map(|_| number(agreeing as u64) / number(own.len() as u64));
    agreement.push(share.map_or(CellRef::Null, CellRef::Float64));
    source.push_optional_text(decision.class.as_ref().map(|_| if decision.manual { "manual" } else { "automatic" }));
    rules.push_text(rule.word());
    missing.push(days.is_missing(rows[0]).map_or(CellRef::Null, CellRef::Bool));
}
