//! Reads the labels of a package: one row per image and label, of people or of models.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::check::{Checker, Faults, Strictness, is_missing};
use super::rules::{DEPLOYMENTS, MEDIA, OBSERVATIONS, instant};
use super::{key, tag};
use crate::exchange::shape;
use crate::table::{Column, ColumnBuilder, Table, TableError, Type};

/// Whose labels are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of people, and those of which nobody says whose they are.
    People,
    /// Those of models.
    Models,
}

/// What stands between the names of a class.
pub const BETWEEN: char = ';';

/// The tables of a package, as texts.
pub struct Package {
    /// The deployments.
    pub deployments: Table,
    /// The media.
    pub media: Table,
    /// The observations.
    pub observations: Table,
}

/// Labels found.
pub struct Labels {
    /// `path`, `name`, `site`, `season`, `class` and what says how it was found: see [`COLUMNS`].
    pub table: Table,
    /// The row of each in the table of observations, from 0.
    pub rows: Vec<usize>,
    /// Media without a label that lie within an event of which nobody can tell whether it is theirs, by their paths.
    pub unclear: Vec<String>,
}

/// The columns of [`Labels`]. `class` holds the names of a class, the most exact first, with [`BETWEEN`] between them.
pub const COLUMNS: [(&str, Type); 11] = [
    ("path", Type::Text),
    ("name", Type::Text),
    ("site", Type::Text),
    ("season", Type::Text),
    ("class", Type::Text),
    ("type", Type::Text),
    ("by", Type::Text),
    ("time", Type::Text),
    ("shown", Type::Text),
    ("comment", Type::Text),
    ("confidence", Type::Float32),
];

impl Package {
    /// What is wrong with it; `file` makes the path of a table of its name.
    #[must_use]
    pub fn faults(&self, file: &dyn Fn(&str) -> String) -> Faults {
        let mut checker = Checker::default();
        let tables = [(&DEPLOYMENTS, &self.deployments), (&MEDIA, &self.media), (&OBSERVATIONS, &self.observations)];
        for (rules, table) in tables {
            checker.check(rules, table, &file(rules.name), Strictness::Reading);
        }
        checker.faults
    }

    /// The labels of a package without faults. Labels of events count for those of their images that have none of their own, each for
    /// the shortest event that holds it.
    ///
    /// # Errors
    /// When the table is too large.
    pub fn labels(&self, whose: Whose) -> Result<Labels, TableError> {
        let (found, unclear) = Finder::of(self).labels(whose);
        let made = Making { package: self, found: &found };
        let columns = COLUMNS.iter().map(|(name, _)| made.column(name)).collect::<Result<_, _>>()?;
        let table = Table::from_columns(crate::table::Schema::of(&COLUMNS), columns)?;
        let unclear = unclear.into_iter().filter_map(|medium| value(&self.media, "filePath", medium)).map(str::to_owned);
        Ok(Labels { table, rows: found.into_iter().map(|(_, row)| row).collect(), unclear: unclear.collect() })
    }
}

/// Says whether every deployment tells its site and season as our own packages do.
#[must_use]
pub fn tells(deployments: &Table, key: &str) -> bool {
    let Some(groups) = deployments.column("deploymentGroups") else { return false };
    deployments.rows > 0 && groups.null_count() == 0 && groups.texts().all(|text| tag(text, key).is_some())
}

/// A value that is there.
fn value<'t>(table: &'t Table, name: &str, row: usize) -> Option<&'t str> {
    table.column(name)?.text(row).filter(|text| !is_missing(text))
}

/// Finds pairs of a medium and an observation.
struct Finder<'t> {
    package: &'t Package,
    media: HashMap<&'t str, usize>,
    /// Media of each deployment by their moment.
    moments: BTreeMap<&'t str, Vec<(i64, usize)>>,
}

impl<'t> Finder<'t> {
    fn of(package: &'t Package) -> Self {
        let table = &package.media;
        let media = (0..table.rows).filter_map(|row| Some((value(table, "mediaID", row)?, row))).collect();
        let mut moments: BTreeMap<&str, Vec<(i64, usize)>> = BTreeMap::new();
        for row in 0..table.rows {
            let moment = value(table, "timestamp", row).and_then(instant);
            if let (Some(deployment), Some(moment)) = (value(table, "deploymentID", row), moment) {
                moments.entry(deployment).or_default().push((moment, row));
            }
        }
        for list in moments.values_mut() {
            list.sort_unstable();
        }
        Self { package, media, moments }
    }

    /// Pairs of a medium and its observation, and media of which nobody can tell whose event they belong to.
    fn labels(&self, whose: Whose) -> (Vec<(usize, usize)>, Vec<usize>) {
        let table = &self.package.observations;
        let level = |row: usize| value(table, "observationLevel", row);
        let classified = |row: &usize| value(table, "observationType", *row).is_some_and(|kind| kind != "unclassified");
        let wanted = |row: &usize| match value(table, "classificationMethod", *row) {
            Some("machine") => whose == Whose::Models,
            _ => whose == Whose::People,
        };
        let medium = |row: usize| self.media.get(value(table, "mediaID", row)?).copied();
        let own = |row: &usize| level(*row) == Some("media");
        let labelled: HashSet<usize> = (0..table.rows).filter(classified).filter(own).filter_map(medium).collect();
        let of_events: Vec<usize> = (0..table.rows).filter(classified).filter(wanted).filter(|row| !own(row)).collect();
        let (of_medium, mut unclear) = self.of_events(&of_events, &labelled);
        let mut found: Vec<(usize, usize)> = Vec::new();
        for row in (0..table.rows).filter(classified).filter(wanted) {
            if own(&row) {
                found.extend(medium(row).map(|medium| (medium, row)));
            } else {
                found.extend(of_medium.get(&row).into_iter().flatten().map(|medium| (*medium, row)));
            }
        }
        // Two individuals of one species are one label.
        let mut seen = HashSet::new();
        found.retain(|(medium, row)| seen.insert((*medium, names(table, *row), type_of(table, *row))));
        unclear.sort_unstable();
        (found, unclear)
    }

    /// The media of each observation of an event, without those `labelled` themselves, and media whose event is not clear. Events may
    /// lie within one another: the shortest one that holds a medium is its own. What released the camera must be the same for a
    /// medium as for those with which the event begins and ends: a time-lapse image is not part of what set off the sensor.
    fn of_events(&self, rows: &[usize], labelled: &HashSet<usize>) -> (HashMap<usize, Vec<usize>>, Vec<usize>) {
        let mut best: BTreeMap<usize, (i64, Vec<usize>)> = BTreeMap::new();
        let mut unclear: HashSet<usize> = HashSet::new();
        for row in rows {
            let Some((start, end)) = self.range(*row) else { continue };
            let methods = self.methods(*row, start, end);
            for medium in self.within(*row, start, end).filter(|medium| !labelled.contains(medium)) {
                let method = value(&self.package.media, "captureMethod", medium);
                if method.is_some_and(|method| !methods.is_empty() && !methods.contains(method)) {
                    unclear.insert(medium);
                    continue;
                }
                let (length, events) = best.entry(medium).or_insert((end - start, Vec::new()));
                if *length > end - start {
                    (*length, *events) = (end - start, Vec::new());
                }
                if *length == end - start {
                    events.push(*row);
                }
            }
        }
        let mut of_row: HashMap<usize, Vec<usize>> = HashMap::new();
        for (medium, (_, rows)) in best {
            // Several observations of one event are several labels; of two events as short as each other, neither is.
            let mut events = rows.iter().map(|row| (self.range(*row), value(&self.package.observations, "eventID", *row)));
            let first = events.next();
            if events.any(|event| Some(event) != first) {
                unclear.insert(medium);
                continue;
            }
            unclear.remove(&medium);
            for row in rows {
                of_row.entry(row).or_default().push(medium);
            }
        }
        (of_row, unclear.into_iter().collect())
    }

    /// First and last moment of an event.
    fn range(&self, row: usize) -> Option<(i64, i64)> {
        let moment = |name: &str| value(&self.package.observations, name, row).and_then(instant);
        moment("eventStart").zip(moment("eventEnd"))
    }

    /// What released the camera for the media with which an event begins and ends; empty where that is not known.
    fn methods(&self, row: usize, start: i64, end: i64) -> HashSet<&'t str> {
        let ends = self.within(row, start, start).chain(self.within(row, end, end));
        ends.filter_map(|medium| value(&self.package.media, "captureMethod", medium)).collect()
    }

    /// The media that were taken while an event lasted, in the order of their moments.
    fn within(&self, row: usize, start: i64, end: i64) -> impl Iterator<Item = usize> + '_ {
        let list = value(&self.package.observations, "deploymentID", row).and_then(|deployment| self.moments.get(deployment));
        let list = list.map(Vec::as_slice).unwrap_or_default();
        let within = list.partition_point(|(moment, _)| *moment < start)..list.partition_point(|(moment, _)| *moment <= end);
        list.get(within).unwrap_or_default().iter().map(|(_, medium)| *medium)
    }
}

fn type_of(table: &Table, row: usize) -> Option<&str> {
    tag(value(table, "observationTags", row)?, key::TYPE)
}

/// The names of what is observed, the most exact first.
fn names(table: &Table, row: usize) -> String {
    let tags = value(table, "observationTags", row).unwrap_or_default();
    let general: &[&str] = match value(table, "observationType", row) {
        Some("human") => &["human", "person", "people"],
        Some("unknown") if tag(tags, key::QUALITY) == Some("bad") => &["bad_quality", "bad"],
        Some("animal") => &["animal"],
        Some("vehicle") => &["vehicle"],
        Some("blank") => &["blank"],
        _ => &["unknown"],
    };
    let mut names: Vec<&str> = tag(tags, key::CLASS).into_iter().chain(value(table, "scientificName", row)).collect();
    names.extend(general);
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    names.join(&BETWEEN.to_string())
}

/// Makes the columns of labels.
struct Making<'t> {
    package: &'t Package,
    found: &'t [(usize, usize)],
}

impl<'t> Making<'t> {
    fn medium(&self, at: usize, name: &str) -> Option<&'t str> {
        value(&self.package.media, name, self.found[at].0)
    }

    fn observed(&self, at: usize, name: &str) -> Option<&'t str> {
        value(&self.package.observations, name, self.found[at].1)
    }

    fn text(&self, of: impl Fn(usize) -> Option<&'t str>) -> Result<Arc<Column>, TableError> {
        shape::written(self.found.len(), |at, buffer| {
            let text = of(at);
            buffer.push_str(text.unwrap_or_default());
            text.is_some()
        })
    }

    fn column(&self, name: &str) -> Result<Arc<Column>, TableError> {
        match name {
            "path" => self.text(|at| self.medium(at, "filePath")),
            "name" => self.names(),
            "site" => self.groups(key::SITE),
            "season" => self.groups(key::SEASON),
            "class" => shape::written(self.found.len(), |at, buffer| {
                buffer.push_str(&names(&self.package.observations, self.found[at].1));
                true
            }),
            "type" => self.text(|at| type_of(&self.package.observations, self.found[at].1)),
            "by" => self.text(|at| self.observed(at, "classifiedBy")),
            "time" => self.text(|at| self.observed(at, "classificationTimestamp")),
            "shown" => self.text(|at| tag(self.observed(at, "observationTags")?, key::SHOWN)),
            "comment" => self.text(|at| self.observed(at, "observationComments")),
            _ => {
                let mut builder = ColumnBuilder::with_capacity(Type::Float32, self.found.len());
                for at in 0..self.found.len() {
                    match self.observed(at, "classificationProbability").and_then(|text| text.trim().parse().ok()) {
                        Some(value) => builder.push_float32(value),
                        None => builder.push_null(),
                    }
                }
                Ok(Arc::new(builder.finish()?))
            }
        }
    }

    /// Names of files tell images apart only where no two media have one.
    fn names(&self) -> Result<Arc<Column>, TableError> {
        let media = &self.package.media;
        let mut seen = HashSet::new();
        let unique = (0..media.rows).all(|row| value(media, "fileName", row).is_none_or(|name| seen.insert(name)));
        self.text(|at| self.medium(at, "fileName").filter(|_| unique))
    }

    /// A group of the deployment of each label.
    fn groups(&self, key: &str) -> Result<Arc<Column>, TableError> {
        let table = &self.package.deployments;
        let group = |row: usize| Some((value(table, "deploymentID", row)?, tag(value(table, "deploymentGroups", row)?, key)?));
        let by_id: HashMap<&str, &str> = (0..table.rows).filter_map(group).collect();
        self.text(|at| by_id.get(self.medium(at, "deploymentID")?).copied())
    }
}
