//! Which images belong to trigger events of other tables: those of quality-check samples, of which none may be trained with.

use std::collections::HashSet;

use super::{EVENT_ID, Events, NUMBER, REPEATED_HOUR, SEQUENCE, TIMES, TRIGGER};
use crate::observation::{CAMERA, IDENTITY, Key, PLACE, SERIAL};
use crate::table::{Schema, Table, TableError, Type};

/// Images of events that other tables touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// By row: the image, or another of its event, is in one of the tables.
    pub rows: Vec<bool>,
    /// Rows of the tables that are not among the images and that no column ties to an event of theirs: what they touch is not known.
    pub loose: u64,
}

/// Finds the rows of `images` whose event has an image in one of `others`: the image itself (by observation, and by its bytes wherever
/// they stand), then by `event_id`, then by site, trigger, number and time of both together.
///
/// # Errors
/// [`TableError`], when columns of the tables do not fit.
pub fn touched(images: &Table, others: &[Table], gap_s: i64) -> Result<Touched, TableError> {
    let mut seeds = vec![false; images.rows];
    let mut loose = 0;
    let mut ids: HashSet<&str> = HashSet::new();
    let own_ids = texts(images);
    let columns = Shared::of(&images.schema, others);
    let mut parts = vec![images.conform(&columns.schema)?];
    for other in others {
        let found = mark(images, other, &mut seeds)?;
        let event_ids = texts(other).filter(|_| own_ids.is_some());
        let by_columns = columns.tie(&other.schema);
        for (row, found) in found.into_iter().enumerate() {
            let id = event_ids.and_then(|column| column.text(row));
            ids.extend(id);
            let tied = id.is_some() || by_columns && columns.known(other, row);
            loose += u64::from(!found && !tied);
        }
        if by_columns {
            parts.push(other.conform(&columns.schema)?);
        }
    }
    let mut rows = seeds.clone();
    if let Some(column) = own_ids {
        ids.extend((0..images.rows).filter(|row| seeds[*row]).filter_map(|row| column.text(row)));
        for (row, touched) in rows.iter_mut().enumerate() {
            *touched |= column.text(row).is_some_and(|id| ids.contains(id));
        }
    }
    let events = Events::of(&Table::concat(&parts)?, gap_s, &[])?;
    let mut hit = vec![false; events.list.len()];
    for (row, event) in events.of_row.iter().enumerate() {
        hit[*event as usize] |= seeds.get(row).copied().unwrap_or(true);
    }
    for (touched, event) in rows.iter_mut().zip(&events.of_row) {
        *touched |= hit[*event as usize];
    }
    Ok(Touched { rows, loose })
}

fn texts(table: &Table) -> Option<&crate::table::Column> {
    table.column(EVENT_ID).filter(|column| column.ty() == Type::Text).map(AsRef::as_ref)
}

/// Marks the images that `other` holds, and says which rows of it were found.
fn mark(images: &Table, other: &Table, seeds: &mut [bool]) -> Result<Vec<bool>, TableError> {
    let mut found = vec![false; other.rows];
    let mut keys: Vec<Key> = Key::shared(&[&images.schema, &other.schema]).into_iter().collect();
    for key in &mut keys {
        key.columns.retain(|name| *name != crate::observation::ITEM);
    }
    let has_content = |table: &Table| table.column("content").is_some_and(|column| column.ty() == Type::Content);
    if has_content(images) && has_content(other) {
        keys.push(Key { columns: vec!["content"] });
    }
    for key in keys {
        let (own, there) = (key.of(images)?, key.of(other)?);
        let held: HashSet<u128> = there.rows.iter().flatten().copied().collect();
        let mut met = HashSet::new();
        for (seed, own) in seeds.iter_mut().zip(&own.rows) {
            if let Some(own) = own.filter(|own| held.contains(own)) {
                *seed = true;
                met.insert(own);
            }
        }
        for (found, there) in found.iter_mut().zip(&there.rows) {
            *found |= there.is_some_and(|there| met.contains(&there));
        }
    }
    Ok(found)
}

/// The columns of the images by which events of both sides are made.
struct Shared {
    schema: Schema,
    /// The time that both sides know.
    time: Option<&'static str>,
}

impl Shared {
    fn of(images: &Schema, others: &[Table]) -> Self {
        let has = |schema: &Schema, name: &str| schema.field(name).is_some_and(|field| field.ty == Type::DateTime);
        let dated: Vec<&Schema> =
            others.iter().map(|table| &table.schema).filter(|schema| TIMES.iter().any(|name| has(schema, name))).collect();
        let everywhere = |name: &&&str| has(images, name) && dated.iter().all(|schema| has(schema, name));
        let time = TIMES.iter().find(everywhere).copied();
        // What tells cameras apart must be known of all tables: an image of the same camera would else be taken for another's.
        let told = |name: &str| {
            [CAMERA, SERIAL, REPEATED_HOUR].contains(&name) && dated.iter().all(|schema| schema.field(name).is_some())
        };
        let wanted = |name: &str| {
            told(name)
                || [PLACE, IDENTITY, &[TRIGGER, NUMBER, SEQUENCE]].iter().any(|names| names.contains(&name))
                || time == Some(name)
        };
        let fields = images.fields.iter().filter(|field| wanted(&field.name)).cloned().collect();
        Self { schema: Schema { fields }, time }
    }

    /// Says whether a row has a time or a number.
    fn known(&self, other: &Table, row: usize) -> bool {
        let has = |name: &str| other.column(name).is_some_and(|column| !column.is_null(row));
        self.time.is_some_and(has) || self.schema.field(NUMBER).is_some() && has(NUMBER)
    }

    /// Says whether rows of `other` can be put among the events of the images.
    fn tie(&self, other: &Schema) -> bool {
        let has = |schema: &Schema, name: &str, ty| schema.field(name).is_some_and(|field| field.ty == ty);
        let numbered = has(&self.schema, NUMBER, Type::Int);
        let timed = self.time.is_some_and(|name| has(other, name, Type::DateTime));
        if numbered { has(other, NUMBER, Type::Int) && (timed || self.time.is_none()) } else { timed }
    }
}
