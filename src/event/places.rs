//! Where events happen: site, season, trigger, and the camera where several stand at one site.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{CAMERA, Event, SERIAL, Shot, TRIGGER, digest, feed};
use crate::observation::PLACE;
use crate::table::civil::DAY_S;
use crate::table::{Cell, Column, ColumnBuilder, Groups, Table, TableError, Type};

/// What counts events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Each camera.
    Camera,
    /// All cameras of a site together.
    Site,
}

/// Site, season, trigger mode, camera and whatever else tells cameras apart.
pub(super) struct Places {
    pub groups: Groups,
    /// The start of what is hashed for an event of each place. The camera is not in it: the events of a site keep their names, whether
    /// one camera stands there or two.
    hashed: Vec<blake3::Hasher>,
    /// Places of several cameras that count as one.
    mixed: Vec<bool>,
}

/// The columns that name cameras.
const CAMERAS: [&str; 2] = [CAMERA, SERIAL];

impl Places {
    pub fn of(unit: Unit, table: &Table, more: &[&str]) -> Result<Self, TableError> {
        let has = |name: &&str| table.column(name).is_some() && !more.contains(name);
        let known: Vec<&str> =
            PLACE.iter().chain(&[TRIGGER]).copied().filter(|name| has(name)).chain(more.iter().copied()).collect();
        let mut table = table.clone();
        let mut cameras: Vec<&str> = [CAMERA].into_iter().filter(has).collect();
        if has(&SERIAL)
            && let Some(serials) = several_serials(&table)?
        {
            table = table.with_column(SERIAL, Arc::new(serials))?;
            cameras.push(SERIAL);
        }
        let by_camera = Groups::of(&table, &[known.as_slice(), &cameras].concat())?;
        let groups = if unit == Unit::Camera { by_camera.clone() } else { Groups::of(&table, &known)? };
        let mut hashed = Vec::with_capacity(groups.len());
        for key in &groups.keys {
            let mut hasher = blake3::Hasher::new_derive_key("trapline 2026 trigger event");
            // A missing column and a missing value are the same: a table with fewer columns names its events alike.
            let told = groups.columns.iter().zip(key).take(known.len());
            for (name, cell) in told.filter(|(_, cell)| **cell != Cell::Null) {
                feed(&mut hasher, name, &cell.as_ref().to_string());
            }
            hashed.push(hasher);
        }
        let mixed = if unit == Unit::Camera { vec![false; groups.len()] } else { mixed(&groups, &by_camera) };
        Ok(Self { groups, hashed, mixed })
    }

    /// Says whether several cameras count as one at a place.
    pub fn mixed(&self, place: u32) -> bool {
        self.mixed.get(place as usize).copied().unwrap_or_default()
    }

    /// The event that starts with `shot`, the one at `at` in their order.
    pub fn begin(&self, shot: &Shot, at: u32) -> Event {
        let (anchor, id) = self.name(shot, false);
        Event { id, anchor, number: shot.number, first: shot.time, last: shot.time, start: at, end: at + 1 }
    }

    fn name(&self, shot: &Shot, with_camera: bool) -> (u128, u64) {
        let mut hasher = self.hashed[shot.place as usize].clone();
        match (shot.number, shot.time) {
            (Some(number), _) => feed(&mut hasher, "number", &number.to_string()),
            (None, Some(time)) => feed(&mut hasher, "day", &time.div_euclid(DAY_S).to_string()),
            (None, None) => feed(&mut hasher, "image", &shot.own.to_string()),
        }
        let anchor = digest(&hasher);
        if let Some(time) = shot.time {
            feed(&mut hasher, "time", &time.to_string());
        }
        if shot.pass == 2 {
            feed(&mut hasher, "pass", "2");
        }
        let key = self.groups.columns.iter().zip(&self.groups.keys[shot.place as usize]);
        for (name, cell) in key.filter(|(name, cell)| with_camera && CAMERAS.contains(&name.as_str()) && **cell != Cell::Null) {
            feed(&mut hasher, name, &cell.as_ref().to_string());
        }
        let mut id = [0; 8];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        (anchor, u64::from_le_bytes(id))
    }

    /// Two cameras of a site may begin events of one number in one second: then their names tell them apart.
    pub fn tell_apart(&self, sorted: &[Shot], list: &mut [Event]) {
        if !self.groups.columns.iter().any(|name| CAMERAS.contains(&name.as_str())) {
            return;
        }
        let mut places: HashMap<u64, (u32, bool)> = HashMap::with_capacity(list.len());
        for event in list.iter() {
            let place = sorted[event.start as usize].place;
            places.entry(event.id).and_modify(|(known, shared)| *shared |= *known != place).or_insert((place, false));
        }
        for event in list.iter_mut().filter(|event| places.get(&event.id).is_some_and(|(_, shared)| *shared)) {
            event.id = self.name(&sorted[event.start as usize], true).1;
        }
    }
}

/// The places that hold several cameras.
fn mixed(groups: &Groups, by_camera: &Groups) -> Vec<bool> {
    let mut first: Vec<Option<u32>> = vec![None; groups.len()];
    let mut mixed = vec![false; groups.len()];
    for (place, camera) in groups.of_row.iter().zip(&by_camera.of_row) {
        let known = first[*place as usize].get_or_insert(*camera);
        mixed[*place as usize] |= *known != *camera;
    }
    mixed
}

/// The places of a table, whatever the trigger.
fn sites(table: &Table) -> Result<Groups, TableError> {
    let names: Vec<&str> = PLACE.iter().copied().filter(|name| table.column(name).is_some()).collect();
    Groups::of(table, &names)
}

/// The serial numbers, at those sites and seasons that have several: elsewhere a file that lost its own is of the only camera. `None` where
/// no site has several.
fn several_serials(table: &Table) -> Result<Option<Column>, TableError> {
    let Some(serials) = table.column(SERIAL).filter(|column| column.ty() == Type::Text && column.distinct() > 1) else {
        return Ok(None);
    };
    let sites = sites(table)?;
    let mut first: Vec<Option<u32>> = vec![None; sites.len()];
    let mut several = vec![false; sites.len()];
    for (row, site) in sites.of_row.iter().enumerate() {
        if let Some(code) = serials.code(row) {
            let known = first[*site as usize].get_or_insert(code);
            several[*site as usize] |= *known != code;
        }
    }
    if !several.contains(&true) {
        return Ok(None);
    }
    let mut builder = ColumnBuilder::with_capacity(Type::Text, table.rows);
    for (row, site) in sites.of_row.iter().enumerate() {
        builder.push_optional_text(serials.text(row).filter(|_| several[*site as usize]));
    }
    builder.finish().map(Some)
}

/// Sites and seasons at which several cameras without a name, known by their serial numbers alone, took images in the same time: in words.
///
/// # Errors
/// [`TableError`], when columns do not fit.
pub fn overlapping_cameras(table: &Table) -> Result<Vec<String>, TableError> {
    let Some(serials) = several_serials(table)? else { return Ok(Vec::new()) };
    let Some(times) = super::time_column(&table.schema).and_then(|name| table.column(name)) else { return Ok(Vec::new()) };
    let (sites, named) = (sites(table)?, table.column(CAMERA));
    let mut spans: BTreeMap<u32, BTreeMap<u32, (i64, i64)>> = BTreeMap::new();
    for (row, site) in sites.of_row.iter().enumerate() {
        let has_name = named.is_some_and(|column| !column.is_null(row));
        let (Some(serial), Some(time)) = (serials.code(row).filter(|_| !has_name), times.datetime(row)) else { continue };
        let (first, last) = spans.entry(*site).or_default().entry(serial).or_insert((time, time));
        (*first, *last) = ((*first).min(time), (*last).max(time));
    }
    let overlap = |spans: &BTreeMap<u32, (i64, i64)>| {
        let ordered: BTreeSet<(i64, i64)> = spans.values().copied().collect();
        let mut end = i64::MIN;
        let mut found = ordered.len() < spans.len();
        for (first, last) in ordered {
            found |= first <= end;
            end = end.max(last);
        }
        found
    };
    Ok(spans.iter().filter(|(_, spans)| overlap(spans)).map(|(site, _)| sites.words(*site as usize)).collect())
}
