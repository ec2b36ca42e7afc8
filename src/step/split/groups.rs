//! What must stay on one side: trigger events, equal values of columns, or single images.

use std::sync::Arc;

use regex::Regex;

use super::EXAMPLES;
use crate::event::{EVENT_ID, Events, is_known};
use crate::observation::words;
use crate::step::{Finding, StepError};
use crate::table::{Column, ColumnBuilder, Groups, Schema, Table, Type};

/// Says whether events can be told apart.
pub(super) fn knows_events(schema: &Schema) -> bool {
    is_known(schema) || schema.field(EVENT_ID).is_some_and(|field| field.ty == Type::Text)
}

/// What makes a group.
#[derive(Debug, Clone)]
pub(super) struct Grouping {
    pub by: By,
    /// Captures on `path` that tell cameras apart.
    pub pattern: Option<Regex>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    /// The event where the images have times or numbers, else the image.
    Default,
    Event,
    Columns(Vec<String>),
    Image,
}

/// The groups of the images.
#[derive(Debug)]
pub(super) struct Grouped {
    pub of_row: Vec<u32>,
    /// What decides the side of each group. Several groups may share it.
    pub keys: Vec<u128>,
    /// The name of each row's group.
    pub names: Column,
}

/// The column of captures while groups are made.
const CAPTURE: &str = "group_pattern";

/// Groups the images.
pub(super) fn of(images: &Table, grouping: &Grouping, gap_s: i64, findings: &mut Vec<Finding>) -> Result<Grouped, StepError> {
    let captured = match &grouping.pattern {
        Some(pattern) => Some(capture(images, pattern, findings)?),
        None => None,
    };
    let images = captured.as_ref().unwrap_or(images);
    let more: &[&str] = if captured.is_some() { &[CAPTURE] } else { &[] };
    let by_event = match grouping.by {
        By::Event => true,
        By::Default => knows_events(&images.schema),
        _ => false,
    };
    if by_event {
        return events(images, gap_s, more, findings);
    }
    let columns = match &grouping.by {
        By::Columns(columns) => columns.iter().map(String::as_str).chain(more.iter().copied()).collect(),
        _ => more.to_vec(),
    };
    if columns.is_empty() {
        if grouping.by == By::Default {
            findings.push(Finding {
                kind: "no_groups".into(),
                message:
                    "the images have neither times nor event numbers: each is parted by itself, and two images of one burst may \
                          fall on both sides; read them with `metadata`, or say `group: site` or `group: none`"
                        .into(),
                count: images.rows as u64,
                examples: Vec::new(),
            });
        }
        return single(images);
    }
    by_columns(images, &columns)
}

/// Adds the captures of `pattern` as a column, joined by a space.
fn capture(images: &Table, pattern: &Regex, findings: &mut Vec<Finding>) -> Result<Table, StepError> {
    let paths = images.require("path")?;
    let mut builder = ColumnBuilder::with_capacity(Type::Text, images.rows);
    let mut missed = Vec::new();
    for row in 0..images.rows {
        let found = paths.text(row).and_then(|path| pattern.captures(path));
        if found.is_none() {
            missed.push(row);
        }
        let text = found.map(|found| {
            let parts: Vec<&str> = found.iter().skip(1).flatten().map(|part| part.as_str()).collect();
            if parts.is_empty() { found[0].to_owned() } else { parts.join(" ") }
        });
        builder.push_optional_text(text.as_deref());
    }
    let examples = missed.iter().take(EXAMPLES).map(|row| words(images, *row)).collect();
    let said = "images have a path in which `group_pattern` finds nothing";
    findings.extend(Finding::counted("pattern_unmatched", missed.len() as u64, said, examples));
    Ok(images.with_column(CAPTURE, Arc::new(builder.finish()?))?)
}

/// Trigger events: as a column names them, else by site, number and time.
fn events(images: &Table, gap_s: i64, more: &[&str], findings: &mut Vec<Finding>) -> Result<Grouped, StepError> {
    let named = images.column(EVENT_ID).filter(|column| column.ty() == Type::Text);
    let events = Events::of(images, gap_s, more)?;
    let mut keys: Vec<u128> = events.list.iter().map(|event| event.anchor).collect();
    let Some(named) = named else {
        let lost = events.without_time.iter().filter(|row| events.list[events.of_row[**row as usize] as usize].number.is_none());
        let lost: Vec<u32> = lost.copied().collect();
        let examples = lost.iter().take(EXAMPLES).map(|row| words(images, *row as usize)).collect();
        let said = "images have neither a time nor an event number: each is a group of its own";
        findings.extend(Finding::counted("no_event", lost.len() as u64, said, examples));
        return Ok(Grouped { names: events.column()?, of_row: events.of_row, keys });
    };
    let own = events.column()?;
    let first = u32::try_from(keys.len()).unwrap_or(u32::MAX);
    keys.extend(named.texts().map(|text| digest(&[text])));
    let of_row = (0..images.rows).map(|row| named.code(row).map_or(events.of_row[row], |code| first + code)).collect();
    let mut names = ColumnBuilder::with_capacity(Type::Text, images.rows);
    (0..images.rows).for_each(|row| names.push_optional_text(named.text(row).or_else(|| own.text(row))));
    Ok(Grouped { of_row, keys, names: names.finish()? })
}

fn by_columns(images: &Table, columns: &[&str]) -> Result<Grouped, StepError> {
    let groups = Groups::of(images, columns)?;
    let all: Vec<String> = (0..groups.len()).map(|group| groups.words(group)).collect();
    let keys = all.iter().map(|words| digest(&[words])).collect();
    let mut names = ColumnBuilder::with_capacity(Type::Text, images.rows);
    groups.of_row.iter().for_each(|group| names.push_text(&all[*group as usize]));
    Ok(Grouped { of_row: groups.of_row, keys, names: names.finish()? })
}

/// Each image by itself: its bytes decide, wherever it stands.
fn single(images: &Table) -> Result<Grouped, StepError> {
    let content = images.require("content")?;
    let mut names = ColumnBuilder::with_capacity(Type::Text, images.rows);
    let mut keys = Vec::with_capacity(images.rows);
    for row in 0..images.rows {
        let text = content.cell(row).to_string();
        keys.push(digest(&[&text]));
        names.push_text(&text);
    }
    let rows = u32::try_from(images.rows).unwrap_or(u32::MAX);
    Ok(Grouped { of_row: (0..rows).collect(), keys, names: names.finish()? })
}

fn digest(parts: &[&str]) -> u128 {
    let mut hasher = blake3::Hasher::new_derive_key("trapline 2026 group of images");
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(half)
}
