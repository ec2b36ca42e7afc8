//! Gives each image its true time and its deployment: clock corrections and the deployment table, applied row by row.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use rayon::prelude::*;

use super::deployments::{Deployment, Deployments};
use super::zones::{self, Hour, Zones};
use super::{folders, sequence};
use crate::observation::{CAMERA, SERIAL};
use crate::photo::clock::{self, ClockProblem, Corrected, Correction, Subject};
use crate::photo::flags::MetadataFlag;
use crate::table::{Column, Table, Type, civil};

/// What becomes of one image. Kept small: there is one for each.
#[derive(Debug, Clone, Default)]
pub struct Dated {
    /// The corrected time, in seconds since 1970.
    pub time: Option<i64>,
    /// Row of the deployment that covers the corrected time.
    pub deployment: Option<u32>,
    /// Which set of deployments the carried columns come from: see [`Dating::sets`].
    pub set: Option<u32>,
    /// What the corrected time is ahead of UTC, in minutes, where it is known.
    pub offset_min: Option<i16>,
    /// Whether the clocks of the zone show the corrected time twice.
    pub hour: Hour,
    /// Of an hour that comes twice: 1 before the clock went back, 2 after, where the order of the files tells it; else 0.
    pub pass: u8,
    /// What most images do not have.
    pub rare: Option<Box<Rare>>,
}

/// Corrections and oddities of one image.
#[derive(Debug, Clone, Default)]
pub struct Rare {
    /// Ids of the corrections applied.
    pub clock: Vec<String>,
    /// Ids of the corrections that match and could not be applied.
    pub refused: Vec<String>,
    /// What is odd.
    pub flags: Vec<MetadataFlag>,
}

impl Dated {
    /// Ids of the corrections applied.
    #[must_use]
    pub fn clock(&self) -> &[String] {
        self.rare.as_ref().map_or(&[], |rare| &rare.clock)
    }

    /// Ids of the corrections that match and could not be applied.
    #[must_use]
    pub fn refused(&self) -> &[String] {
        self.rare.as_ref().map_or(&[], |rare| &rare.refused)
    }

    /// What is odd.
    #[must_use]
    pub fn flags(&self) -> &[MetadataFlag] {
        self.rare.as_ref().map_or(&[], |rare| &rare.flags)
    }

    /// Adds what is odd, once.
    pub fn flag(&mut self, flag: MetadataFlag) {
        let flags = &mut self.rare.get_or_insert_default().flags;
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
}

/// All images.
pub struct Dating {
    /// By row.
    pub rows: Vec<Dated>,
    /// Sets of deployment rows: a covering deployment alone, or all that an image could belong to.
    pub sets: Vec<Vec<u32>>,
}

/// An image as corrections and deployments ask for it.
struct Asked<'a> {
    subject: Subject<'a>,
    raw: Option<DateTime>,
    /// The camera that the path names.
    camera: Option<&'a str>,
    /// The serial number that the camera wrote.
    serial: Option<&'a str>,
}

/// One site as the corrections and deployments know it.
struct Site {
    name: String,
    corrections: Vec<Correction>,
    by_deployment: bool,
    deployments: Vec<u32>,
    known: bool,
}

impl Rare {
    fn take(&mut self, corrected: Corrected) {
        self.clock = corrected.ids;
        for problem in corrected.problems {
            let (flag, ids) = match problem {
                ClockProblem::Overlap { ids } => (MetadataFlag::ClockOverlap, ids),
                ClockProblem::Impossible { id } => (MetadataFlag::ClockImpossible, vec![id]),
            };
            if !self.flags.contains(&flag) {
                self.flags.push(flag);
            }
            self.refused.extend(ids);
        }
    }
}

/// Dates all rows of `images`, whose times stand in the column `datetime_raw` of `mapped`; `timezone` is the data set's.
#[must_use]
pub fn date(
    images: &Table,
    mapped: &Table,
    corrections: &[Correction],
    deployments: Option<&Deployments>,
    timezone: Option<&str>,
) -> Dating {
    let none = Deployments::default();
    let table = deployments.unwrap_or(&none);
    let column = |name: &str| images.column(name).map(AsRef::as_ref).filter(|column: &&Column| column.ty() == Type::Text);
    let (site, season, path, camera) = (column("site"), column("season"), column("path"), column(CAMERA));
    let sites: Vec<Site> =
        site.map_or_else(Vec::new, |column| column.texts().map(|name| Site::of(name, corrections, deployments)).collect());
    let nameless = Site::of("", corrections, None);
    let written = |name: &str| mapped.column(name).map(AsRef::as_ref);
    let (raw, event, serial) = (written("datetime_raw"), written("event"), written(SERIAL));
    let rows: Vec<Dated> = (0..images.rows)
        .into_par_iter()
        .map(|row| {
            let code = site.and_then(|column| column.code(row));
            let site = code.map_or(&nameless, |code| &sites[code as usize]);
            let asked = Asked {
                subject: Subject {
                    site: &site.name,
                    deployment: None,
                    season: season.and_then(|column| column.text(row)),
                    path: path.and_then(|column| column.text(row)).unwrap_or_default(),
                    event: event.and_then(|column: &Column| column.int(row)),
                },
                raw: raw.and_then(|column: &Column| column.datetime(row)).and_then(civil::from_seconds),
                camera: camera.and_then(|column| column.text(row)),
                serial: serial.and_then(|column: &Column| column.text(row)),
            };
            site.date(&asked, table)
        })
        .collect();
    let mut dating = Dating { rows, sets: Vec::new() };
    dating.sets = carried_sets(&mut dating.rows, site, season, &sites, table);
    Zones::of(&dating, deployments, timezone).fill(&mut dating.rows, mapped);
    sequence::check(&mut dating.rows, images, mapped);
    folders::check(&mut dating.rows, images, deployments);
    flag_outside_drifts(&mut dating.rows, (site, season, raw), corrections);
    dating
}

impl Site {
    fn of(name: &str, corrections: &[Correction], deployments: Option<&Deployments>) -> Self {
        let own = deployments.and_then(|table| table.of_site(name));
        let ids: Vec<&str> =
            own.unwrap_or_default().iter().filter_map(|row| Some(deployments?.rows[*row as usize].id.as_str())).collect();
        let mine = |correction: &&Correction| {
            correction.reach.site.as_deref().is_none_or(|site| site == name)
                && correction.reach.deployment.as_deref().is_none_or(|deployment| ids.contains(&deployment))
        };
        let corrections: Vec<Correction> = corrections.iter().filter(mine).cloned().collect();
        Self {
            name: name.to_owned(),
            by_deployment: corrections.iter().any(|correction| correction.reach.deployment.is_some()),
            corrections,
            deployments: own.unwrap_or_default().to_vec(),
            known: own.is_some() || deployments.is_none(),
        }
    }

    fn date(&self, asked: &Asked<'_>, table: &Deployments) -> Dated {
        let mut dated = Dated::default();
        if !self.known {
            dated.flag(MetadataFlag::UnknownSite);
        }
        let Some(raw) = asked.raw else { return dated };
        let camera = self.camera(asked, table);
        let fits = |row: &u32| match (camera, &table.rows[*row as usize].camera) {
            (Some(camera), Some(theirs)) => camera == theirs,
            _ => true,
        };
        let deployments: Vec<u32> = self.deployments.iter().copied().filter(fits).collect();
        if deployments.is_empty() && !self.deployments.is_empty() {
            dated.flag(MetadataFlag::UnknownCamera);
        }
        let candidates = self.candidates(&deployments, asked, raw, table);
        let (row, corrected) = self.choose(candidates, &deployments, (asked, raw, camera), table, &mut dated);
        if row.is_none() && !deployments.is_empty() && !dated.flags().contains(&MetadataFlag::SeveralCameras) {
            dated.flag(MetadataFlag::NoDeployment);
        }
        (dated.time, dated.deployment) = (Some(civil::to_seconds(corrected.time)), row);
        dated.offset_min = corrected.offset.map(zones::minutes);
        if !corrected.ids.is_empty() || !corrected.problems.is_empty() {
            dated.rare.get_or_insert_default().take(corrected);
        }
        dated
    }

    /// The camera of an image as far as the deployment table can know it: the one that the path names, else a serial number that the
    /// table names as a camera of the site.
    fn camera<'a>(&self, asked: &Asked<'a>, table: &Deployments) -> Option<&'a str> {
        let named =
            |serial: &&str| self.deployments.iter().any(|row| table.rows[*row as usize].camera.as_deref() == Some(*serial));
        asked.camera.or_else(|| asked.serial.filter(named))
    }

    fn apply(&self, deployment: Option<&str>, asked: &Asked<'_>, raw: DateTime) -> Corrected {
        clock::apply(&self.corrections, &Subject { deployment, ..asked.subject }, raw)
    }

    /// The deployments that cover the time that they themselves lead to: a correction may hold for one deployment only, so which one an
    /// image belongs to and what its time is are one question.
    fn candidates(&self, rows: &[u32], asked: &Asked<'_>, raw: DateTime, table: &Deployments) -> Vec<(u32, Corrected)> {
        let once = (!self.by_deployment).then(|| self.apply(None, asked, raw));
        let corrected = |row: u32| once.clone().unwrap_or_else(|| self.apply(Some(&table.rows[row as usize].id), asked, raw));
        rows.iter().map(|row| (*row, corrected(*row))).filter(|(row, done)| table.rows[*row as usize].covers(done.time)).collect()
    }

    fn choose(
        &self,
        mut candidates: Vec<(u32, Corrected)>,
        deployments: &[u32],
        (asked, raw, camera): (&Asked<'_>, DateTime, Option<&str>),
        table: &Deployments,
        dated: &mut Dated,
    ) -> (Option<u32>, Corrected) {
        let season = asked.subject.season;
        let of_season = |row: u32| season.is_some() && table.rows[row as usize].season.as_deref() == season;
        // On the day of a visit the old and the new deployment both cover the time: the folder's season tells them apart.
        if candidates.len() > 1 && candidates.iter().any(|(row, _)| of_season(*row)) {
            candidates.retain(|(row, _)| of_season(*row));
        }
        if camera.is_none() && cameras_differ(candidates.iter().map(|(row, _)| &table.rows[*row as usize])) {
            // To take one of them would give the images of one camera to the other.
            dated.flag(MetadataFlag::SeveralCameras);
            return (None, self.apply(None, asked, raw));
        }
        if candidates.len() > 1 {
            dated.flag(MetadataFlag::SeveralDeployments);
            candidates.sort_by_key(|(row, _)| (table.rows[*row as usize].from, *row));
        }
        if let Some((row, corrected)) = candidates.pop() {
            return (Some(row), corrected);
        }
        let mut fitting = deployments.iter().filter(|row| of_season(**row));
        let only = fitting.next().filter(|_| fitting.next().is_none());
        (None, self.apply(only.map(|row| table.rows[*row as usize].id.as_str()), asked, raw))
    }
}

fn cameras_differ<'a>(mut deployments: impl Iterator<Item = &'a Deployment>) -> bool {
    let first = deployments.next().and_then(|deployment| deployment.camera.as_deref());
    deployments.any(|deployment| deployment.camera.as_deref() != first)
}

/// Fills in `set` of every row. Where no deployment covers an image, what all deployments of its site (and season, where one fits) agree on
/// still holds: a camera type, a habitat.
fn carried_sets(
    rows: &mut [Dated],
    site: Option<&Column>,
    season: Option<&Column>,
    sites: &[Site],
    table: &Deployments,
) -> Vec<Vec<u32>> {
    let mut sets: Vec<Vec<u32>> = (0..table.rows.len()).filter_map(|row| Some(vec![u32::try_from(row).ok()?])).collect();
    let mut shared: BTreeMap<(u32, Option<u32>), Option<u32>> = BTreeMap::new();
    for (at, row) in rows.iter_mut().enumerate() {
        if row.deployment.is_some() {
            row.set = row.deployment;
            continue;
        }
        let Some(code) = site.and_then(|column| column.code(at)) else { continue };
        let key = (code, season.and_then(|column| column.code(at)));
        row.set = *shared.entry(key).or_insert_with(|| {
            let all = &sites[code as usize].deployments;
            let name = season.and_then(|column| column.text(at));
            let fitting: Vec<u32> =
                all.iter().copied().filter(|row| name.is_some() && table.rows[*row as usize].season.as_deref() == name).collect();
            let set = if fitting.is_empty() { all.clone() } else { fitting };
            (!set.is_empty()).then(|| {
                sets.push(set);
                u32::try_from(sets.len() - 1).unwrap_or(u32::MAX)
            })
        });
    }
    sets
}

/// Site, season and raw time of the images.
type Placed<'a> = (Option<&'a Column>, Option<&'a Column>, Option<&'a Column>);

/// Flags the images of a place that lie before the first or after the last anchor of the drift that holds there: uncorrected, or on a line
/// that nobody measured.
fn flag_outside_drifts(rows: &mut [Dated], (site, season, raw): Placed<'_>, corrections: &[Correction]) {
    let drifts: BTreeMap<&str, (DateTime, DateTime)> = corrections
        .iter()
        .filter_map(|correction| match &correction.change {
            clock::Change::Line([(first, _), (last, _)]) => Some((correction.id.as_str(), (*first, *last))),
            _ => None,
        })
        .collect();
    if drifts.is_empty() {
        return;
    }
    let place = |row: usize| (site.and_then(|column| column.code(row)), season.and_then(|column| column.code(row)));
    let drift = |dated: &Dated| dated.clock().iter().find_map(|id| drifts.get(id.as_str()).copied());
    let drifting: std::collections::BTreeSet<_> =
        rows.iter().enumerate().filter(|(_, dated)| drift(dated).is_some()).map(|(row, _)| place(row)).collect();
    for (row, dated) in rows.iter_mut().enumerate() {
        let Some(raw) = raw.and_then(|column| column.datetime(row)).and_then(civil::from_seconds) else { continue };
        let outside = match drift(dated) {
            Some((first, last)) => raw < first || raw > last,
            None => dated.clock().is_empty() && drifting.contains(&place(row)),
        };
        if outside {
            dated.flag(MetadataFlag::OutsideDrift);
        }
    }
}
