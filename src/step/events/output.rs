//! The table of events.

use std::sync::Arc;

use super::days::Days;
use super::decide::Decided;
use super::votes::Votes;
use super::{MADE, Rule, classes, times};
use crate::event::{EVENT_ID, Events, NUMBER, TRIGGER};
use crate::observation::{ITEM, PLACE, SITE_COLUMNS};
use crate::stats::interval::number;
use crate::step::StepError;
use crate::table::{CellRef, Column, ColumnBuilder, Schema, Table, Type};

/// The columns of the images that are the same for all images of an event.
fn carried(images: &Schema) -> impl Iterator<Item = &crate::table::Field> {
    PLACE.iter().chain(SITE_COLUMNS.as_flattened()).chain(&[TRIGGER, NUMBER]).filter_map(|name| images.field(name))
}

/// The schemas of the outputs.
pub(super) fn schemas(images: &Schema, rule: Rule) -> Vec<Schema> {
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
    let mut named = images.clone();
    named.set(EVENT_ID, Type::Text);
    vec![events, named]
}

/// What the rows of the events are made of.
pub(super) struct Parts<'a> {
    pub rule: Rule,
    pub images: &'a Table,
    pub events: &'a Events,
    pub votes: &'a Votes<'a>,
    pub decided: &'a Decided,
    pub days: &'a Days<'a>,
}

/// One row per event.
pub(super) fn events(parts: &Parts<'_>) -> Result<Table, StepError> {
    let Parts { rule, images, events, decided, .. } = *parts;
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
    for event in 0..count {
        push(&mut made, parts, event);
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
    Ok(Table::from_columns(schemas(&images.schema, rule).swap_remove(0), columns)?)
}

fn push(made: &mut [ColumnBuilder], parts: &Parts<'_>, event: usize) {
    let Parts { rule, images, votes, decided, days, .. } = *parts;
    let rows = parts.events.rows(event);
    let [first, last, number_of, labelled, label, confidence, agreement, source, rules, missing] = made else { return };
    let times = rows.iter().filter_map(|row| times(images)?.datetime(*row as usize));
    let time = |time: Option<i64>| time.map_or(CellRef::Null, CellRef::DateTime);
    first.push(time(times.clone().min()));
    last.push(time(times.max()));
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
