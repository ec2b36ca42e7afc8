//! Gives each image its true time and its deployment: clock corrections and the deployment table, applied row by row.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::DateTime;
use rayon::prelude::*;

use super::deployments::Deployments;
use crate::photo::clock::{self, ClockProblem, Corrected, Correction};
use crate::photo::flags::MetadataFlag;
use crate::table::{Column, Table, civil};

/// What becomes of one image. Kept small: there is one for each.
#[derive(Debug, Clone, Default)]
pub struct Dated {
    /// The corrected time, in seconds since 1970.
    pub time: Option<i64>,
    /// Row of the deployment that covers the corrected time.
    pub deployment: Option<u32>,
    /// Which set of deployments the carried columns come from: see [`Dating::sets`].
    pub set: Option<u32>,
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
}

/// All images.
pub struct Dating {
    /// By row.
    pub rows: Vec<Dated>,
    /// Sets of deployment rows: a covering deployment alone, or all that an image could belong to.
    pub sets: Vec<Vec<u32>>,
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

/// Dates all rows of `images`, whose times stand in the column `datetime_raw` of `mapped`.
#[must_use]
pub fn date(images: &Table, mapped: &Table, corrections: &[Correction], deployments: Option<&Deployments>) -> Dating {
    let none = Deployments::default();
    let table = deployments.unwrap_or(&none);
    let column =
        |name: &str| images.column(name).map(AsRef::as_ref).filter(|column: &&Column| column.ty() == crate::table::Type::Text);
    let (site, season) = (column("site"), column("season"));
    let sites: Vec<Site> =
        site.map_or_else(Vec::new, |column| column.texts().map(|name| Site::of(name, corrections, deployments)).collect());
    let nameless = Site::of("", corrections, None);
    let raw = mapped.column("datetime_raw");
    let mut rows: Vec<Dated> = (0..images.rows)
        .into_par_iter()
        .map(|row| {
            let code = site.and_then(|column| column.code(row));
            let site = code.map_or(&nameless, |code| &sites[code as usize]);
            let season = season.and_then(|column| column.text(row));
            let raw = raw.and_then(|column| column.datetime(row)).and_then(civil::from_seconds);
            site.date(raw, season, table)
        })
        .collect();
    let sets = carried_sets(&mut rows, site, season, &sites, table);
    flag_backward_steps(&mut rows, images, mapped);
    Dating { rows, sets }
}

impl Site {
    fn of(name: &str, corrections: &[Correction], deployments: Option<&Deployments>) -> Self {
        let own = deployments.and_then(|table| table.of_site(name));
        let ids: Vec<&str> =
            own.unwrap_or_default().iter().filter_map(|row| Some(deployments?.rows[*row as usize].id.as_str())).collect();
        let mine = |correction: &&Correction| {
            correction.site.as_deref().is_none_or(|site| site == name)
                && correction.deployment.as_deref().is_none_or(|deployment| ids.contains(&deployment))
        };
        let corrections: Vec<Correction> = corrections.iter().filter(mine).cloned().collect();
        Self {
            name: name.to_owned(),
            by_deployment: corrections.iter().any(|correction| correction.deployment.is_some()),
            corrections,
            deployments: own.unwrap_or_default().to_vec(),
            known: own.is_some() || deployments.is_none(),
        }
    }

    fn date(&self, raw: Option<DateTime>, season: Option<&str>, table: &Deployments) -> Dated {
        let mut rare = Rare::default();
        if !self.known {
            rare.flags.push(MetadataFlag::UnknownSite);
        }
        let (mut time, mut deployment) = (None, None);
        if let Some(raw) = raw {
            let candidates = self.candidates(raw, table);
            let (row, corrected) = self.choose(candidates, raw, season, table, &mut rare.flags);
            if row.is_none() && self.known && !self.deployments.is_empty() {
                rare.flags.push(MetadataFlag::NoDeployment);
            }
            (time, deployment) = (Some(civil::to_seconds(corrected.time)), row);
            rare.take(corrected);
        }
        let plain = rare.clock.is_empty() && rare.flags.is_empty();
        Dated { time, deployment, set: None, rare: (!plain).then(|| Box::new(rare)) }
    }

    fn apply(&self, deployment: Option<&str>, raw: DateTime) -> Corrected {
        clock::apply(&self.corrections, &self.name, deployment, raw)
    }

    /// The deployments that cover the time that they themselves lead to: a correction may hold for one deployment only, so which one an
    /// image belongs to and what its time is are one question.
    fn candidates(&self, raw: DateTime, table: &Deployments) -> Vec<(u32, Corrected)> {
        let once = (!self.by_deployment).then(|| self.apply(None, raw));
        let corrected = |row: u32| once.clone().unwrap_or_else(|| self.apply(Some(&table.rows[row as usize].id), raw));
        self.deployments
            .iter()
            .map(|row| (*row, corrected(*row)))
            .filter(|(row, done)| table.rows[*row as usize].covers(done.time))
            .collect()
    }

    fn choose(
        &self,
        mut candidates: Vec<(u32, Corrected)>,
        raw: DateTime,
        season: Option<&str>,
        table: &Deployments,
        flags: &mut Vec<MetadataFlag>,
    ) -> (Option<u32>, Corrected) {
        let of_season = |row: u32| season.is_some() && table.rows[row as usize].season.as_deref() == season;
        // On the day of a visit the old and the new deployment both cover the time: the folder's season tells them apart.
        if candidates.len() > 1 && candidates.iter().any(|(row, _)| of_season(*row)) {
            candidates.retain(|(row, _)| of_season(*row));
        }
        if candidates.len() > 1 {
            flags.push(MetadataFlag::SeveralDeployments);
            candidates.sort_by_key(|(row, _)| (table.rows[*row as usize].from, *row));
        }
        if let Some((row, corrected)) = candidates.pop() {
            return (Some(row), corrected);
        }
        let mut fitting = self.deployments.iter().filter(|row| of_season(**row));
        let only = fitting.next().filter(|_| fitting.next().is_none());
        (None, self.apply(only.map(|row| table.rows[*row as usize].id.as_str()), raw))
    }
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

/// Site, season, folder and trigger: what counts events by itself.
type Counter<'a> = (Option<u32>, Option<u32>, &'a str, Option<u32>);

/// Flags an image whose corrected time lies before that of the image before it in the same folder, though its event or its place in the
/// burst is later. Event numbers start again when a camera is reset: a smaller number says nothing.
fn flag_backward_steps(rows: &mut [Dated], images: &Table, mapped: &Table) {
    let text = |name: &str| images.column(name).map(AsRef::as_ref);
    let (site, season, path) = (text("site"), text("season"), text("path"));
    let column = |name: &str| mapped.column(name).map(AsRef::as_ref);
    let (trigger, event, place) = (column("trigger"), column("event"), column("sequence_n"));
    // Event, place in the burst and time of the last image.
    let mut last: HashMap<Counter<'_>, (i64, i64, i64)> = HashMap::new();
    for (at, row) in rows.iter_mut().enumerate() {
        let (Some(time), Some(event)) = (row.time, event.and_then(|column: &Column| column.int(at))) else { continue };
        let code = |column: Option<&Column>| column.and_then(|column| column.code(at));
        let folder =
            path.and_then(|column| column.text(at)).and_then(|path| path.rsplit_once('/')).map_or("", |(folder, _)| folder);
        let now = (event, place.and_then(|column: &Column| column.int(at)).unwrap_or(0), time);
        let before = last.insert((code(site), code(season), folder, code(trigger)), now);
        if before.is_some_and(|(event, place, time)| (event, place) < (now.0, now.1) && now.2 < time) {
            row.rare.get_or_insert_default().flags.push(MetadataFlag::TimeRunsBackwards);
        }
    }
}
