//! Observations: one row per label of an image, and one per event.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::moments::{Offsets, push_moment};
use super::observations::{Input, Made, Meant, Shots, meanings, text};
use super::rules::{OBSERVATIONS, is_moment};
use super::{check, key, push_tag};
use crate::exchange::shape;
use crate::observation::EVENT;
use crate::table::{CellRef, Column, Table, TableError, Type};

/// Makes the rows of observations.
pub(super) struct Maker<'a> {
    input: &'a Input<'a>,
    classes: Option<&'a Column>,
    meant: &'a [Vec<Meant>],
    /// Times of labels without an offset.
    pub naive: u64,
}

impl<'a> Maker<'a> {
    /// Of labels whose meanings are known by code.
    pub fn of(input: &'a Input<'a>, classes: Option<&'a Column>, meant: &'a [Vec<Meant>]) -> Self {
        Self { input, classes, meant, naive: 0 }
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.input.images.column(name).map(AsRef::as_ref)
    }

    /// People say what an image shows where they gave it a class; a column of a model's labels says nothing of them.
    fn by_people(&self, row: usize) -> bool {
        self.input.meaning.class != "label" && self.column("class").is_some_and(|people| !people.is_null(row))
    }

    fn meant(&self, row: usize, part: usize) -> Option<&Meant> {
        self.meant[self.classes?.code(row)? as usize].get(part)
    }

    /// One row per label of an image.
    pub fn labels(&mut self, shots: &Shots<'_>) -> Result<Table, TableError> {
        let labels = &shots.labels;
        let count = labels.len();
        let place = |at: usize| self.input.place_of[labels[at].row].map(|place| &self.input.places[place as usize]);
        let of = |at: usize| self.meant(labels[at].row, labels[at].part);
        let people: Vec<bool> = labels.iter().map(|label| self.by_people(label.row)).collect();
        let taken = shape::written(count, |at, buffer| {
            let time = shots.times.datetime(labels[at].row);
            let offset = shots.offsets.at(labels[at].row);
            place(at).zip(time).is_some_and(|(place, time)| push_moment(time, offset, &place.zone, buffer))
        })?;
        let own = |name: &str, at: usize| self.column(name).and_then(|column| column.text(labels[at].row));
        let confidence = self.column("confidence");
        let counts = self.column("count").filter(|column| column.ty() == Type::Int);
        let moment: Vec<bool> = self.column("time").into_iter().flat_map(Column::texts).map(is_moment).collect();
        let code = |at: usize| self.column("time")?.code(labels[at].row).filter(|_| people[at]);
        let naive = (0..count).filter(|at| code(*at).is_some_and(|code| !moment[code as usize])).count();
        let made: Vec<Made> = vec![
            (
                "observationID",
                shape::written(count, |at, buffer| {
                    let id = shots.id(labels[at].row);
                    let _ = write!(buffer, "{}_{}", id.unwrap_or_default(), labels[at].number);
                    id.is_some()
                })?,
            ),
            ("deploymentID", text(count, |at| place(at).map(|place| place.id.as_str()))?),
            ("mediaID", text(count, |at| shots.id(labels[at].row))?),
            ("eventID", text(count, |at| own(EVENT, at))?),
            ("eventStart", Arc::clone(&taken)),
            ("eventEnd", taken),
            ("observationLevel", shape::constant(Some("media"), count)?),
            ("observationType", text(count, |at| Some(of(at).map_or("unclassified", |meant| meant.kind)))?),
            ("scientificName", text(count, |at| of(at)?.taxon.as_ref().map(|taxon| taxon.name.as_str()))?),
            (
                "count",
                shape::written(count, |at, buffer| {
                    let number = counts.and_then(|column| column.int(labels[at].row)).filter(|number| *number > 0);
                    let number = number.filter(|_| of(at).is_some_and(|meant| meant.kind == "animal"));
                    let _ = number.map(|number| write!(buffer, "{number}"));
                    number.is_some()
                })?,
            ),
            ("classificationMethod", text(count, |at| of(at).map(|_| if people[at] { "human" } else { "machine" }))?),
            ("classifiedBy", text(count, |at| of(at).and_then(|_| own(if people[at] { "reviewer" } else { "model" }, at)))?),
            (
                "classificationTimestamp",
                text(count, |at| code(at).filter(|code| moment[*code as usize]).and_then(|_| own("time", at)))?,
            ),
            (
                "classificationProbability",
                shape::written(count, |at, buffer| {
                    let value = confidence.map_or(CellRef::Null, |column| column.cell(labels[at].row));
                    let there = value != CellRef::Null && !people[at] && of(at).is_some();
                    there && write!(buffer, "{value}").is_ok()
                })?,
            ),
            (
                "observationTags",
                shape::written(count, |at, buffer| {
                    let Some(meant) = of(at) else { return false };
                    meant.tags(buffer);
                    for (name, key) in [("type", key::TYPE), ("shown", key::SHOWN)] {
                        if let Some(value) = own(name, at).filter(|_| people[at]) {
                            push_tag(buffer, key, value);
                        }
                    }
                    true
                })?,
            ),
            ("observationComments", text(count, |at| own("comment", at))?),
        ];
        let table = check::complete(&OBSERVATIONS, count, made)?;
        self.naive += naive as u64;
        Ok(table)
    }

    /// One row per event with its label; the rows of events that have no place.
    pub fn events(&self, events: &Table, place_of: &[Option<u32>]) -> Result<(Table, Vec<usize>), TableError> {
        let (ids, first) = (events.require(EVENT)?, events.require("first")?);
        let (last, labels) = (events.require("last")?, events.require("label")?);
        let (source, rule) = (events.column("source"), events.column("rule"));
        let fits = |row: &usize| place_of[*row].is_some() && first.datetime(*row).is_some() && last.datetime(*row).is_some();
        let (rows, left): (Vec<usize>, Vec<usize>) = (0..events.rows).partition(fits);
        let count = rows.len();
        let meant = meanings(Some(labels), self.input);
        let of = |at: usize| labels.code(rows[at]).and_then(|code| meant[code as usize].first());
        let place = |at: usize| place_of[rows[at]].map(|place| &self.input.places[place as usize]);
        let manual = |at: usize| source.and_then(|column| column.text(rows[at])) == Some("manual");
        let speakers = self.speakers(ids, labels, source.map(AsRef::as_ref));
        let moment = |column: &Column, offsets: &Offsets<'_>| {
            shape::written(count, |at, buffer| {
                let (time, offset) = (column.datetime(rows[at]), offsets.at(rows[at]));
                place(at).zip(time).is_some_and(|(place, time)| push_moment(time, offset, &place.zone, buffer))
            })
        };
        let made: Vec<Made> = vec![
            ("observationID", text(count, |at| ids.text(rows[at]))?),
            ("deploymentID", text(count, |at| place(at).map(|place| place.id.as_str()))?),
            ("eventID", text(count, |at| ids.text(rows[at]))?),
            ("eventStart", moment(first, &Offsets::of(events, "first_offset"))?),
            ("eventEnd", moment(last, &Offsets::of(events, "last_offset"))?),
            ("observationLevel", shape::constant(Some("event"), count)?),
            ("observationType", text(count, |at| Some(of(at).map_or("unclassified", |meant| meant.kind)))?),
            ("scientificName", text(count, |at| of(at)?.taxon.as_ref().map(|taxon| taxon.name.as_str()))?),
            ("classificationMethod", text(count, |at| of(at).map(|_| if manual(at) { "human" } else { "machine" }))?),
            (
                "classifiedBy",
                text(count, |at| {
                    let column = self.column(if manual(at) { "reviewer" } else { "model" })?;
                    column.text(*speakers.get(&rows[at])?)
                })?,
            ),
            (
                "classificationProbability",
                shape::written(count, |at, buffer| {
                    let value = events.cell(rows[at], "confidence");
                    let there = value != CellRef::Null && !manual(at) && of(at).is_some();
                    there && write!(buffer, "{value}").is_ok()
                })?,
            ),
            (
                "observationTags",
                shape::written(count, |at, buffer| {
                    let Some(meant) = of(at) else { return false };
                    meant.tags(buffer);
                    if let Some(rule) = rule.and_then(|column| column.text(rows[at])) {
                        push_tag(buffer, key::RULE, rule);
                    }
                    true
                })?,
            ),
        ];
        Ok((check::complete(&OBSERVATIONS, count, made)?, left))
    }

    /// For an event the first of its images of which the same was said by the same kind of speaker.
    fn speakers(&self, ids: &Column, labels: &Column, source: Option<&Column>) -> HashMap<usize, usize> {
        let mut speakers = HashMap::new();
        let (Some(named), Some(classes)) = (self.column(EVENT), self.classes) else { return speakers };
        let by_id: HashMap<&str, usize> = (0..ids.len()).filter_map(|row| Some((ids.text(row)?, row))).collect();
        let events: Vec<Option<usize>> = named.texts().map(|id| by_id.get(id).copied()).collect();
        for row in 0..named.len() {
            let Some(event) = named.code(row).and_then(|code| events[code as usize]) else { continue };
            let manual = source.and_then(|column| column.text(event)) == Some("manual");
            if classes.text(row) == labels.text(event) && self.by_people(row) == manual {
                speakers.entry(event).or_insert(row);
            }
        }
        speakers
    }
}
