//! Days on which a camera that stood there took no image at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::DateTime;

use super::sites::{ImageDays, Place, Seen};
use crate::step::StepError;
use crate::step::metadata::deployments::{Deployment, Deployments};
use crate::table::civil::{self, DAY_S};

/// The longest stretch between two images that is a gap where no deployment table says that the camera stood there. Cameras are
/// visited once a year; what lies further apart is most often a clock that began again.
const LONGEST_GAP: i64 = 366;

/// The longest deployment, in days: a year written wrong must not become millions of rows.
const LONGEST_DEPLOYMENT: i64 = 36_600;

/// Where a gap lies among the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    NoImages,
    BeforeFirst,
    Between,
    AfterLast,
}

impl Why {
    pub fn word(self) -> &'static str {
        match self {
            Self::NoImages => "no_images",
            Self::BeforeFirst => "before_first_image",
            Self::Between => "between_images",
            Self::AfterLast => "after_last_image",
        }
    }
}

/// A run of days without any image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub place: Place,
    /// The first day, in days since 1970.
    pub from: i64,
    /// The last day, itself included.
    pub to: i64,
    pub why: Why,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} to {} ({})", self.place, civil::format_day(self.from), civil::format_day(self.to), self.why.word())
    }
}

/// All gaps, and what is none for want of knowledge.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// By site, season and day.
    pub list: Vec<Gap>,
    /// Runs of days without any image on which the camera worked: by site, season and day.
    pub quiet: Vec<Gap>,
    /// Stretches longer than [`LONGEST_GAP`], in words.
    pub far: Vec<String>,
    /// Seasons of the deployment table of which there is no image at all.
    pub waiting: BTreeSet<String>,
    /// Deployments of which nobody knows the days, in words.
    pub open: Vec<String>,
}

/// How to tell that a camera worked on a day of which it has no image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// A camera works from the start to the end of its deployment.
    pub alive: bool,
    /// Without a deployment table, a camera stays from one season to the next.
    pub between_seasons: bool,
}

/// A time during which a site's camera stood there, in days.
struct Period {
    /// The first and the last whole day.
    from: i64,
    to: i64,
    /// The first and the last day with whatever part of it.
    touched: (i64, i64),
    season: Season,
    /// Longest stretch without images that is a gap.
    longest: i64,
    /// The camera worked on all days.
    alive: bool,
}

enum Season {
    Known(Option<String>),
    /// That of the image before, or behind.
    OfImages,
}

/// Finds the gaps; `file` names the deployment table in errors.
pub(super) fn find(seen: &Seen, deployments: Option<&Deployments>, file: &str, rule: Rule) -> Result<Gaps, StepError> {
    let mut gaps = Gaps::default();
    let (images, seasons) = (seen.by_camera(), seen.seasons());
    let sites: BTreeSet<&str> = images.keys().copied().chain(deployments.into_iter().flat_map(Deployments::sites)).collect();
    let none = BTreeMap::new();
    for site in sites {
        let own = images.get(site).unwrap_or(&none);
        let rows = deployments.and_then(|table| Some((table, table.of_site(site)?)));
        let cameras = cameras(seen, own, rows);
        let mut known: BTreeSet<i64> = BTreeSet::new();
        for camera in &cameras {
            let days = own.get(camera).map_or(&[][..], Vec::as_slice);
            let rows = rows.and_then(|(table, rows)| Some((table, rows_of(seen, table, rows, *camera)?)));
            let periods = match rows {
                Some((table, rows)) => deployed(&mut gaps, (seen, &seasons), days, (table, &rows), (file, rule.alive))?,
                None => photographed(seen, days, rule.between_seasons),
            };
            let mut taken: BTreeSet<i64> = days.iter().map(|(day, _)| *day).collect();
            for period in &periods {
                gaps.fill(seen, (site, *camera), days, period, &mut taken);
            }
            known.append(&mut taken);
        }
        if cameras.len() > 1 && rows.is_none() {
            // One camera may have followed another: days between them, of which no camera has an image, are missing too.
            let of_season = |place: u32| seen.first_of_season(place);
            let mut days: ImageDays = own.values().flatten().map(|(day, place)| (*day, of_season(*place))).collect();
            days.sort_unstable();
            for period in photographed(seen, &days, rule.between_seasons) {
                gaps.fill(seen, (site, None), &days, &period, &mut known);
            }
        }
    }
    for list in [&mut gaps.list, &mut gaps.quiet] {
        list.sort_by(|a, b| (&a.place, a.from).cmp(&(&b.place, b.from)));
    }
    Ok(gaps)
}

/// The cameras of a site: those of its images, and those that its deployments name.
fn cameras<'a>(
    seen: &Seen,
    images: &BTreeMap<Option<&'a str>, ImageDays>,
    rows: Option<(&'a Deployments, &[u32])>,
) -> BTreeSet<Option<&'a str>> {
    let mut cameras: BTreeSet<Option<&str>> = images.keys().copied().collect();
    if let Some((table, rows)) = rows {
        let named = rows.iter().filter_map(|row| table.rows[*row as usize].camera.as_deref()).filter(|_| seen.by_camera);
        cameras.extend(named.map(Some));
        if cameras.is_empty() {
            cameras.insert(None);
        }
    }
    cameras
}

/// The deployments of a camera: those that name it, else those that name none. Images whose camera is not known have none at a site whose
/// deployments all name theirs; `None` where the table says nothing of the camera.
fn rows_of(seen: &Seen, table: &Deployments, rows: &[u32], camera: Option<&str>) -> Option<Vec<u32>> {
    if !seen.by_camera {
        return Some(rows.to_vec());
    }
    let of = |wanted: Option<&str>| -> Vec<u32> {
        rows.iter().copied().filter(|row| table.rows[*row as usize].camera.as_deref() == wanted).collect()
    };
    let own = of(camera);
    let shared = if own.is_empty() { of(None) } else { own };
    (!shared.is_empty() || camera.is_none()).then_some(shared)
}

impl Gaps {
    /// Adds the runs of days of `period` that are not `taken`: by images of the site, or by another period.
    fn fill(
        &mut self,
        seen: &Seen,
        (site, camera): (&str, Option<&str>),
        images: &[(i64, u32)],
        period: &Period,
        taken: &mut BTreeSet<i64>,
    ) {
        let own = within(images, period.touched.0, period.touched.1);
        let mut day = period.from;
        while day <= period.to {
            let next = taken.range(day..=period.to).next().copied();
            let end = next.unwrap_or(period.to + 1);
            if end > day {
                let (from, to) = (day, end - 1);
                let why = match (own.first(), own.last()) {
                    (Some((first, _)), _) if to < *first => Why::BeforeFirst,
                    (_, Some((last, _))) if from > *last => Why::AfterLast,
                    (Some(_), _) => Why::Between,
                    _ => Why::NoImages,
                };
                let season = match &period.season {
                    Season::Known(season) => season.clone(),
                    Season::OfImages => {
                        let before = own[..own.partition_point(|(day, _)| *day < from)].last();
                        let nearest = before.or_else(|| own.first());
                        nearest.and_then(|(_, place)| seen.places[*place as usize].season.clone())
                    }
                };
                let place = Place { site: site.to_owned(), season, camera: camera.map(str::to_owned) };
                let gap = Gap { place, from, to, why };
                // A camera that has no image at all is not taken to have worked.
                if period.alive && why != Why::NoImages {
                    taken.extend(from..=to);
                    self.quiet.push(gap);
                } else if to - from < period.longest {
                    taken.extend(from..=to);
                    self.list.push(gap);
                } else {
                    self.far.push(gap.to_string());
                }
            }
            day = end + 1;
        }
    }
}

/// The days with images from `from` to `to`.
fn within(images: &[(i64, u32)], from: i64, to: i64) -> &[(i64, u32)] {
    let start = images.partition_point(|(day, _)| *day < from);
    let end = images.partition_point(|(day, _)| *day <= to);
    images.get(start..end).unwrap_or_default()
}

/// From the first image of each season to its last, or to the first of the season that follows.
fn photographed(seen: &Seen, images: &[(i64, u32)], between_seasons: bool) -> Vec<Period> {
    let mut bounds: Vec<(i64, i64, u32)> = Vec::new();
    for (day, place) in images {
        match bounds.iter_mut().find(|(_, _, known)| known == place) {
            Some((_, last, _)) => *last = *day,
            None => bounds.push((*day, *day, *place)),
        }
    }
    let next: Vec<i64> = bounds.iter().skip(1).map(|(first, ..)| *first).chain([i64::MIN]).collect();
    let period = |((from, last, place), next): (&(i64, i64, u32), i64)| {
        let (from, to) = (*from, if between_seasons { next.max(*last) } else { *last });
        let season = Season::Known(seen.places[*place as usize].season.clone());
        Period { from, to, touched: (from, to), season, longest: LONGEST_GAP, alive: false }
    };
    bounds.iter().zip(next).map(period).collect()
}

/// The deployments of a camera.
fn deployed(
    gaps: &mut Gaps,
    (seen, seasons): (&Seen, &BTreeSet<&str>),
    images: &[(i64, u32)],
    (table, rows): (&Deployments, &[u32]),
    (file, alive): (&str, bool),
) -> Result<Vec<Period>, StepError> {
    let mut periods = Vec::new();
    for row in rows {
        let deployment = &table.rows[*row as usize];
        let season = deployment.season.as_deref().filter(|_| seen.seasonal);
        let own: Vec<i64> = images
            .iter()
            .filter(|(_, place)| {
                let known = season.filter(|season| seasons.contains(season));
                known.is_none() || seen.places[*place as usize].season.as_deref() == known
            })
            .map(|(day, _)| *day)
            .collect();
        let next = rows.iter().filter_map(|other| table.rows[*other as usize].from).filter(|from| deployment.from < Some(*from));
        let before_next = next.min().map(|from| whole_days_from(civil::to_seconds(from)) - 1);
        let Some((from, to)) = days(deployment, &own, before_next) else {
            gaps.open.push(deployment.id.clone());
            continue;
        };
        let day = |time: Option<DateTime>, open: i64| time.map_or(open, |time| civil::to_seconds(time).div_euclid(DAY_S));
        let touched = (day(deployment.from, from), day(deployment.to, to));
        if to - from >= LONGEST_DEPLOYMENT {
            return Err(StepError::Data(format!(
                "`{file}` row {}: the deployment `{}` lasts more than {} years; correct its `from` or `to`",
                row + 2,
                deployment.id,
                LONGEST_DEPLOYMENT / 366
            )));
        }
        let season = match season {
            Some(season) if seasons.contains(season) => Season::Known(Some(season.to_owned())),
            // A table is often ahead of its images.
            Some(season) if within(images, touched.0, touched.1).is_empty() => {
                gaps.waiting.insert(season.to_owned());
                continue;
            }
            _ => Season::OfImages,
        };
        periods.push(Period { from, to, touched, season, longest: i64::MAX, alive });
    }
    periods.sort_by_key(|period| (period.from, period.to));
    Ok(periods)
}

/// The days that a deployment covers from midnight to midnight; where an end is open, as far as there are images.
fn days(deployment: &Deployment, images: &[i64], before_next: Option<i64>) -> Option<(i64, i64)> {
    let from = deployment.from.map(|from| whole_days_from(civil::to_seconds(from)));
    let to = deployment.to.map(|to| (civil::to_seconds(to) + 1).div_euclid(DAY_S) - 1);
    let limit = to.or(before_next).unwrap_or(i64::MAX);
    let mut known = images.iter().copied().filter(|day| from.is_none_or(|from| from <= *day) && *day <= limit);
    let (first, last) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) => (from, known.next_back()?),
        (None, Some(to)) => (known.next()?, to),
        (None, None) => {
            let first = known.next()?;
            (first, known.next_back().unwrap_or(first))
        }
    };
    Some((first, last))
}

/// The first day that is whole from `seconds` on.
fn whole_days_from(seconds: i64) -> i64 {
    (seconds + DAY_S - 1).div_euclid(DAY_S)
}
