//! Deployments: where cameras stood and when, with the zone of their clocks.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::moments::push_moment;
use super::observations::Made;
use super::rules::DEPLOYMENTS;
use super::{check, key, push_tag};
use crate::exchange::shape;
use crate::table::{Column, Table, TableError, civil};

/// Columns of a deployment that the table of sites may call otherwise. Besides, every column may be called as the standard does,
/// or so with `_` between small words.
const ALIASES: &[(&str, &[&str])] = &[
    ("locationName", &["site_name"]),
    ("cameraID", &["camera", "serial"]),
    ("cameraModel", &["camera_type", "model"]),
    ("deploymentComments", &["comment", "comments"]),
    ("latitude", &["lat"]),
    ("longitude", &["lon", "lng", "long"]),
];

/// Columns that are made here and not carried.
const OWN: &[&str] = &["deploymentID", "locationID", "deploymentStart", "deploymentEnd", "deploymentGroups"];

/// A deployment.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its id.
    pub id: String,
    /// The site.
    pub site: String,
    /// The season, where known.
    pub season: Option<String>,
    /// The zone of its camera's clock.
    pub zone: TimeZone,
    /// First moment, in civil seconds since 1970.
    pub start: Option<i64>,
    /// Last moment.
    pub end: Option<i64>,
    /// Other columns by their names in the standard.
    pub values: Vec<(&'static str, String)>,
}

impl Place {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.value(name)?.trim().parse().ok()
    }
}

/// The columns of a table of sites that say something of a deployment: the name in the standard, and where it stands.
#[must_use]
pub fn carried(columns: &[String]) -> Vec<(&'static str, usize)> {
    let find = |name: &str| columns.iter().position(|column| column == name);
    let carried = DEPLOYMENTS.fields.iter().map(|field| field.name).filter(|name| !OWN.contains(name));
    let place = |name: &'static str| {
        let aliases = ALIASES.iter().find(|(own, _)| *own == name).map(|(_, aliases)| *aliases).unwrap_or_default();
        let at = find(name).or_else(|| find(&spelled(name))).or_else(|| aliases.iter().find_map(|alias| find(alias)))?;
        Some((name, at))
    };
    carried.filter_map(place).collect()
}

/// `camera_height` of `cameraHeight`, `camera_id` of `cameraID`.
fn spelled(name: &str) -> String {
    let mut words = String::new();
    let mut before = 'A';
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !before.is_ascii_uppercase() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
        before = letter;
    }
    words
}

/// The table of deployments, in the order given.
///
/// # Errors
/// When it is too large.
pub fn table(places: &[Place]) -> Result<Table, TableError> {
    let rows = places.len();
    let text = |of: &dyn Fn(&Place) -> Option<String>| -> Result<Arc<Column>, TableError> {
        shape::written(rows, |row, buffer| {
            let value = of(&places[row]).filter(|value| !value.is_empty());
            buffer.push_str(value.as_deref().unwrap_or_default());
            value.is_some()
        })
    };
    let moment = |of: &dyn Fn(&Place) -> Option<i64>| -> Result<Arc<Column>, TableError> {
        shape::written(rows, |row, buffer| {
            of(&places[row]).is_some_and(|time| push_moment(time, None, &places[row].zone, buffer))
        })
    };
    let mut made: Vec<Made> = vec![
        ("deploymentID", text(&|place| Some(place.id.clone()))?),
        ("locationID", text(&|place| Some(place.site.clone()))?),
        ("locationName", text(&|place| Some(place.value("locationName").unwrap_or(&place.site).to_owned()))?),
        ("deploymentStart", moment(&|place| place.start)?),
        ("deploymentEnd", moment(&|place| place.end)?),
        ("deploymentGroups", text(&|place| Some(groups(place)))?),
    ];
    for field in DEPLOYMENTS.fields {
        if made.iter().all(|(name, _)| *name != field.name) {
            made.push((field.name, text(&|place| place.value(field.name).map(|value| value.trim().to_owned()))?));
        }
    }
    check::complete(&DEPLOYMENTS, rows, made)
}

fn groups(place: &Place) -> String {
    let mut groups = String::new();
    push_tag(&mut groups, key::SITE, &place.site);
    if let Some(season) = &place.season {
        push_tag(&mut groups, key::SEASON, season);
    }
    groups
}

/// What all deployments cover, as `GeoJSON`: a point, a line, or the rectangle around them.
#[must_use]
pub fn spatial(places: &[Place]) -> Value {
    let bounds = |name: &str| {
        let values = || places.iter().filter_map(|place| place.number(name));
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        (low.is_finite()).then_some((low, high))
    };
    let (Some((south, north)), Some((west, east))) = (bounds("latitude"), bounds("longitude")) else { return Value::Null };
    #[expect(clippy::float_cmp, reason = "one and the same number")]
    let (narrow, flat) = (west == east, south == north);
    match (narrow, flat) {
        (true, true) => json!({ "type": "Point", "coordinates": [west, south] }),
        (true, false) | (false, true) => json!({ "type": "LineString", "coordinates": [[west, south], [east, north]] }),
        (false, false) => {
            let ring = json!([[west, south], [east, south], [east, north], [west, north], [west, south]]);
            json!({ "type": "Polygon", "coordinates": [ring] })
        }
    }
}

/// The dates of the first and last moment of all deployments.
#[must_use]
pub fn temporal(places: &[Place]) -> Value {
    let date = |seconds: Option<i64>| seconds.and_then(civil::from_seconds).map(|time| time.date().to_string());
    let (start, end) = (places.iter().filter_map(|place| place.start).min(), places.iter().filter_map(|place| place.end).max());
    json!({ "start": date(start), "end": date(end) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_site_table_are_found_by_any_of_their_names() {
        assert_eq!(
            (spelled("cameraHeight"), spelled("cameraID"), spelled("latitude")),
            ("camera_height".into(), "camera_id".into(), "latitude".into())
        );
        let columns = ["site", "latitude", "camera", "camera_height", "baitUse", "from"].map(str::to_owned);
        assert_eq!(carried(&columns), [("latitude", 1), ("cameraID", 2), ("cameraHeight", 3), ("baitUse", 4)]);
    }
}
