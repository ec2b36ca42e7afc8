//! Sites, seasons and the days on which each of them has images.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::event::{TIME_LAPSE, TRIGGER};
use crate::observation::{CAMERA, SITE_COLUMNS};
use crate::step::StepError;
use crate::step::metadata::deployments::Deployments;
use crate::table::civil::DAY_S;
use crate::table::{Cell, Column, Groups, Table, Type};

/// A site in a season, or one of its cameras.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub site: String,
    /// Missing where the events, or the deployment table, do not tell.
    pub season: Option<String>,
    /// The camera, where cameras are counted by themselves and this one has a name.
    pub camera: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.site)?;
        self.season.as_ref().map_or(Ok(()), |season| write!(f, " {season}"))?;
        self.camera.as_ref().map_or(Ok(()), |camera| write!(f, " camera {camera}"))
    }
}

/// Days with images, each with the place of its season.
pub(super) type ImageDays = Vec<(i64, u32)>;

/// Days of one event that are looked at: a chain of images over months would else be as many days for each of its rows.
const LONGEST_EVENT: i64 = 366;

/// What the events show.
pub(super) struct Seen {
    /// By site, then season.
    pub places: Vec<Place>,
    /// The place of each event.
    pub of_row: Vec<Option<u32>>,
    /// The day of each event's first image, in days since 1970.
    pub day_of_row: Vec<Option<i64>>,
    /// Places and days with images, sorted, each once.
    pub days: Vec<(u32, i64)>,
    /// The events tell seasons.
    pub seasonal: bool,
    /// Cameras are counted by themselves.
    pub by_camera: bool,
    /// By place: an event of a time-lapse image is among those of the place.
    pub time_lapse: Vec<bool>,
    pub without_time: u64,
    pub without_site: u64,
}

impl Seen {
    /// Reads the events; with `cameras`, each camera that has a name is a place of its own.
    pub fn of(events: &Table, cameras: bool) -> Result<Self, StepError> {
        let seasonal = events.column("season").is_some();
        let by_camera = cameras && events.column(CAMERA).is_some();
        let mut names = vec!["site"];
        names.extend(seasonal.then_some("season"));
        names.extend(by_camera.then_some(CAMERA));
        let groups = Groups::of(events, &names)?;
        let mut places = Vec::with_capacity(groups.len());
        let mut of_group = Vec::with_capacity(groups.len());
        for key in &groups.keys {
            let Some(Cell::Text(site)) = key.first() else {
                of_group.push(None);
                continue;
            };
            let value = |name: &str| {
                let at = names.iter().position(|known| *known == name)?;
                key.get(at).filter(|cell| **cell != Cell::Null).map(|cell| cell.as_ref().to_string())
            };
            of_group.push(u32::try_from(places.len()).ok());
            places.push(Place { site: site.clone(), season: value("season"), camera: value(CAMERA) });
        }
        let (first, last) = (events.require("first")?, times(events, "last"));
        let day = |column: &Column, row: usize| column.datetime(row).map(|time| time.div_euclid(DAY_S));
        let of_row: Vec<_> = groups.of_row.iter().map(|group| of_group[*group as usize]).collect();
        let day_of_row: Vec<_> = (0..events.rows).map(|row| day(first, row)).collect();
        let mut days: Vec<(u32, i64)> = Vec::new();
        let (mut without_time, mut without_site) = (0, 0);
        let mut time_lapse = vec![false; places.len()];
        let triggers = events.column(TRIGGER);
        let lapse: Vec<bool> =
            triggers.into_iter().flat_map(|column| column.texts()).map(|text| TIME_LAPSE.contains(&text)).collect();
        for (row, (place, from)) in of_row.iter().zip(&day_of_row).enumerate() {
            without_time += u64::from(from.is_none());
            without_site += u64::from(place.is_none());
            let (Some(place), Some(from)) = (*place, *from) else { continue };
            time_lapse[place as usize] |= triggers.and_then(|column| column.code(row)).is_some_and(|code| lapse[code as usize]);
            // An event may begin before midnight and end behind it.
            let to = last.and_then(|last| day(last, row)).unwrap_or(from).clamp(from, from + LONGEST_EVENT);
            for day in from..=to {
                if days.last() != Some(&(place, day)) {
                    days.push((place, day));
                }
            }
        }
        days.sort_unstable();
        days.dedup();
        Ok(Self { places, of_row, day_of_row, days, seasonal, by_camera, time_lapse, without_time, without_site })
    }

    /// The days with images of each camera of each site, of whichever season, with their places. Where cameras are not counted by
    /// themselves, a site has one without a name.
    pub fn by_camera(&self) -> BTreeMap<&str, BTreeMap<Option<&str>, ImageDays>> {
        let mut sites: BTreeMap<&str, BTreeMap<Option<&str>, ImageDays>> = BTreeMap::new();
        for (place, day) in &self.days {
            let Place { site, camera, .. } = &self.places[*place as usize];
            sites.entry(site).or_default().entry(camera.as_deref()).or_default().push((*day, *place));
        }
        for days in sites.values_mut().flat_map(BTreeMap::values_mut) {
            days.sort_unstable();
        }
        sites
    }

    /// The first place of the site and season of `place`: one for all of their cameras.
    pub fn first_of_season(&self, place: u32) -> u32 {
        let own = &self.places[place as usize];
        let key = (&own.site, &own.season);
        u32::try_from(self.places.partition_point(|place| (&place.site, &place.season) < key)).unwrap_or(place)
    }

    /// All seasons that have events.
    pub fn seasons(&self) -> BTreeSet<&str> {
        self.places.iter().filter_map(|place| place.season.as_deref()).collect()
    }
}

fn times<'a>(events: &'a Table, name: &str) -> Option<&'a Column> {
    events.column(name).map(AsRef::as_ref).filter(|column| column.ty() == Type::DateTime)
}

/// What is known of each site beside its images: region, locality, habitat, as [`SITE_COLUMNS`] lists them.
pub(super) struct Described {
    by_site: BTreeMap<String, Vec<Option<String>>>,
}

impl Described {
    pub fn of(events: &Table, deployments: Option<&Deployments>) -> Self {
        let mut found = Self { by_site: BTreeMap::new() };
        for (at, names) in SITE_COLUMNS.iter().enumerate() {
            for name in names {
                found.add_events(events, at, name);
            }
            for name in names {
                found.add_deployments(deployments, at, name);
            }
        }
        found
    }

    /// The value under the column at `at` of [`SITE_COLUMNS`].
    pub fn value(&self, site: &str, at: usize) -> Option<&str> {
        self.by_site.get(site)?.get(at)?.as_deref()
    }

    fn put(&mut self, site: &str, at: usize, value: &str) {
        let values = match self.by_site.get_mut(site) {
            Some(values) => values,
            None => self.by_site.entry(site.to_owned()).or_insert_with(|| vec![None; SITE_COLUMNS.len()]),
        };
        values[at].get_or_insert_with(|| value.to_owned());
    }

    /// The first value that a site's events have.
    fn add_events(&mut self, events: &Table, at: usize, name: &str) {
        let (Some(sites), Some(values)) = (events.column("site"), events.column(name)) else { return };
        let mut known = vec![false; sites.distinct()];
        for row in 0..events.rows {
            let Some(code) = sites.code(row).filter(|code| !known[*code as usize]) else { continue };
            if let (Some(site), Some(value)) = (sites.text(row), values.text(row)) {
                known[code as usize] = true;
                self.put(site, at, value);
            }
        }
    }

    fn add_deployments(&mut self, deployments: Option<&Deployments>, at: usize, name: &str) {
        let Some(deployments) = deployments else { return };
        let Some(values) = deployments.column(name) else { return };
        for (row, deployment) in deployments.rows.iter().enumerate() {
            if let Some(value) = values.text(row).map(str::trim).filter(|value| !value.is_empty()) {
                self.put(&deployment.site, at, value);
            }
        }
    }
}
