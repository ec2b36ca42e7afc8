//! Writes the demo's folder: project files, one season of images, the rows that belong to it, and the truth about every image.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::ToSpan;
use jiff::civil::{DateTime, date};
use rayon::prelude::*;

use super::chance::Chance;
use super::draw::{Shot, Strip, photograph};
use super::scene::Backdrop;
use super::season::{Deployment, Image, calendar, is_light, snow};
use super::{Class, DemoError, camera};
use crate::file::Part;

/// Says that a folder is a demo project, and by which seed its boxes look as they do.
const MARKER: &str = ".trapline-demo";
const DEPLOYMENTS_HEADER: &str = include_str!("../../examples/demo/deployments.csv");
const CLOCK_HEADER: &str = include_str!("../../examples/demo/clock.csv");
/// Cameras keep one time all year: an hour ahead of Greenwich (the sign of such names is the other way round).
const TIMEZONE: &str = "Etc/GMT-1";

/// The files of a new project beside its images, with their paths in it.
const FILES: [(&str, &[u8]); 8] = [
    (".gitignore", include_bytes!("../../examples/demo/.gitignore")),
    (".gitattributes", include_bytes!("../../examples/demo/.gitattributes")),
    ("pipeline.yaml", include_bytes!("../../examples/demo/pipeline.yaml")),
    ("taxonomy.csv", include_bytes!("../../examples/demo/taxonomy.csv")),
    ("models.lock", include_bytes!("../../examples/demo/models.lock")),
    ("models/demo_mammals/1/model.yaml", include_bytes!("../../examples/demo/models/demo_mammals/1/model.yaml")),
    ("models/demo_mammals/1/model.safetensors", include_bytes!("../../examples/demo/models/demo_mammals/1/model.safetensors")),
    ("models/demo_mammals/1/model.onnx", include_bytes!("../../examples/demo/models/demo_mammals/1/model.onnx")),
];

/// What a season brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeasonSummary {
    /// The season.
    pub season: u16,
    /// Image files written, the duplicate and the cut one included.
    pub images: usize,
    /// Their size together.
    pub bytes: u64,
    /// Localities.
    pub localities: usize,
    /// Sites.
    pub sites: usize,
    /// Files of each true class, by name.
    pub classes: BTreeMap<&'static str, usize>,
    /// First and last moment by the cameras' clocks.
    pub span: (DateTime, DateTime),
    /// The file whose bytes are those of another, relative to the project.
    pub duplicate: String,
    /// The file that was cut off while it was written, relative to the project.
    pub truncated: String,
    /// The site whose clock was an hour slow for two weeks.
    pub slow_clock: &'static str,
}

/// Writes `season` (the year in which the cards were collected) into the demo project in `dir`, which is made if it is not there.
///
/// An existing project keeps its own seed, so that its boxes look as before. Project files that are there are kept as they are, and
/// rows are added behind those of earlier seasons. A season that was interrupted is completed.
///
/// *Determinism*: the bytes of every image follow from seed, site and season alone.
///
/// # Errors
/// The folder is not empty and not a demo project, the season is complete already, a file of the user's stands where one of ours
/// should, or the disk refuses.
pub fn write_season(dir: &Path, season: u16, seed: u64) -> Result<SeasonSummary, DemoError> {
    // A season that cannot be drawn must not leave an empty project behind.
    calendar(season, seed)?;
    let seed = open_project(dir, seed)?;
    write_calendar(dir, season, seed, &calendar(season, seed)?)
}

/// Writes the images of `deployments` and everything that belongs to them.
fn write_calendar(dir: &Path, season: u16, seed: u64, deployments: &[Deployment]) -> Result<SeasonSummary, DemoError> {
    let truth = dir.join("truth").join(format!("{season}.csv"));
    if truth.exists() {
        return Err(DemoError::SeasonExists { season, path: dir.to_owned() });
    }
    let oddities = Oddities::choose(deployments, season);
    for (path, bytes) in FILES {
        write_new(&dir.join(path), bytes, Existing::Kept)?;
    }
    let mut files = Vec::new();
    for deployment in deployments {
        files.extend(write_images(dir, deployment, season, seed, &oddities)?);
    }
    files.sort();
    add_rows(&dir.join("deployments.csv"), DEPLOYMENTS_HEADER, &deployment_rows(deployments, season))?;
    add_rows(&dir.join("clock.csv"), CLOCK_HEADER, &clock_rows(deployments, season))?;
    // The truth is written last: a season is complete when it is there.
    let mut rows = String::from("path,class\n");
    for (path, class, _) in files.iter().filter(|(path, ..)| *path != oddities.truncated_path) {
        writeln!(rows, "{path},{}", class.name()).map_err(|_| lost(&truth))?;
    }
    write_new(&truth, rows.as_bytes(), Existing::Refused)?;
    Ok(summarise(season, deployments, &files, &oddities))
}

/// Lists the complete seasons of the demo project in `dir`, oldest first; none where there is no demo project.
#[must_use]
pub fn seasons(dir: &Path) -> Vec<u16> {
    if read_seed(dir).is_none() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(dir.join("truth")) else { return Vec::new() };
    let mut out: Vec<u16> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".csv")?.parse().ok()).collect();
    out.sort_unstable();
    out
}

/// Writes `per_class` images of each class into `dir/<class>/`, of boxes that no demo has, for training and testing a model.
///
/// Images `2k` and `2k + 1` are the two of one trigger event and must not be split between training and test.
///
/// # Errors
/// A file is there already with other bytes, or the disk refuses.
pub fn write_training_images(dir: &Path, per_class: usize, seed: u64) -> Result<(), DemoError> {
    const BOXES: usize = 48;
    let boxes: Vec<OnceLock<Backdrop>> = (0..BOXES).map(|_| OnceLock::new()).collect();
    let jobs: Vec<(Class, usize)> = Class::ALL.iter().flat_map(|&class| (0..per_class).map(move |i| (class, i))).collect();
    jobs.into_par_iter().try_for_each(|(class, i)| {
        let (shot, strip, which) = training_shot(class, i, seed, BOXES);
        let backdrop = boxes[which].get_or_init(|| Backdrop::new(seed, &format!("training {which}")));
        let jpeg = photograph(backdrop, &shot, &strip)?;
        write_new(&dir.join(class.name()).join(format!("{i:05}.jpg")), &jpeg, Existing::Same)
    })
}

/// The conditions of a training image: any day of the year, any hour.
fn training_shot(class: Class, i: usize, seed: u64, boxes: usize) -> (Shot, Strip, usize) {
    let mut chance = Chance::of(seed, &["training", class.name(), &(i / 2).to_string()]);
    let day = date(2022, 7, 5).saturating_add((chance.below(364) as i64).days());
    let time = day.at(chance.below(24) as i8, chance.below(60) as i8, 0, 0);
    let exposed = chance.between(0.5, 1.0);
    let shot = Shot {
        class,
        day: is_light(time) && chance.happens(0.75),
        snow: snow(day) * exposed,
        season: chance.unit(),
        winter_coat: !(5..=10).contains(&time.month()),
        frame: (i % 2) as u8,
        event: Chance::of(chance.next(), &["event"]),
    };
    let strip = Strip {
        text: time.strftime("%Y-%m-%d %H:%M:%S  T").to_string(),
        moon: camera::moon_phase(day),
        temperature: "0°C".into(),
    };
    (shot, strip, chance.below(boxes))
}

/// Makes or recognises the project and returns its seed.
fn open_project(dir: &Path, seed: u64) -> Result<u64, DemoError> {
    if let Some(own) = read_seed(dir) {
        return Ok(own);
    }
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let mut entries = fs::read_dir(dir).map_err(failed(dir))?;
    if entries.next().is_some() {
        return Err(DemoError::NotOurs { path: dir.to_owned() });
    }
    let text = format!("This folder was written by `trapline demo`; the file lets a season be added to it.\nseed: {seed}\n");
    write_new(&dir.join(MARKER), text.as_bytes(), Existing::Refused)?;
    Ok(seed)
}

/// The seed in the marker of a demo project.
fn read_seed(dir: &Path) -> Option<u64> {
    let text = fs::read_to_string(dir.join(MARKER)).ok()?;
    text.lines().find_map(|line| line.strip_prefix("seed: ")?.trim().parse().ok())
}

/// The faults that every season has, as archives have them.
struct Oddities {
    duplicate: (&'static str, usize),
    duplicate_path: String,
    truncated: (&'static str, usize),
    truncated_path: String,
}

impl Oddities {
    /// One image lies twice on a card, another was cut off when the battery ran out.
    fn choose(deployments: &[Deployment], season: u16) -> Self {
        let pick = |shift: usize, animal: bool| {
            let deployment = &deployments[(usize::from(season) + shift) % deployments.len()];
            let found = deployment
                .images
                .iter()
                .rposition(|image| image.shot.class.is_animal() == animal && image.reading.sequence.1 > 0);
            (deployment.site, found.unwrap_or(0))
        };
        let (duplicate, truncated) = (pick(1, true), pick(5, false));
        Self {
            duplicate_path: format!(
                "{}/copied_twice/{}",
                folder(duplicate.0.locality, duplicate.0.id, season),
                file_name(duplicate.1)
            ),
            duplicate: (duplicate.0.id, duplicate.1),
            truncated_path: format!("{}/{}", folder(truncated.0.locality, truncated.0.id, season), file_name(truncated.1)),
            truncated: (truncated.0.id, truncated.1),
        }
    }
}

fn folder(locality: &str, site: &str, season: u16) -> String {
    format!("raw_images/{locality}/{site}/{season}")
}

fn file_name(index: usize) -> String {
    format!("IMG_{:04}.JPG", index + 1)
}

/// A written file: its path in the project, true class and size.
type Written = (String, Class, u64);

/// Draws and writes the images of one deployment, in parallel.
fn write_images(dir: &Path, deployment: &Deployment, season: u16, seed: u64, odd: &Oddities) -> Result<Vec<Written>, DemoError> {
    let site = deployment.site;
    let backdrop = Backdrop::new(seed, site.id);
    let folder = folder(site.locality, site.id, season);
    let write = |(i, image): (usize, &Image)| -> Result<Vec<Written>, DemoError> {
        let drawn = photograph(&backdrop, &image.shot, &image.strip())?;
        let mut jpeg = camera::stamp(&drawn, &image.reading);
        if odd.truncated == (site.id, i) {
            jpeg.truncate(jpeg.len() * 2 / 5);
        }
        let mut paths = vec![format!("{folder}/{}", file_name(i))];
        if odd.duplicate == (site.id, i) {
            paths.push(odd.duplicate_path.clone());
        }
        let size = jpeg.len() as u64;
        for path in &paths {
            write_new(&dir.join(path), &jpeg, Existing::Same)?;
        }
        Ok(paths.into_iter().map(|path| (path, image.shot.class, size)).collect())
    };
    let written: Vec<Vec<Written>> = deployment.images.par_iter().enumerate().map(write).collect::<Result<_, _>>()?;
    Ok(written.into_iter().flatten().collect())
}

/// A moment as spreadsheets and the field book write it.
fn written(time: DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn deployment_rows(deployments: &[Deployment], season: u16) -> Vec<String> {
    let row = |d: &Deployment| {
        let (site, (lat, lon), from, to) = (d.site, d.site.position, written(d.from), written(d.to));
        let (id, locality, habitat) = (site.id, site.locality, site.habitat);
        format!("{id},{season},{locality},{habitat},reconyx_sm750,{from},{to},{lat},{lon},{TIMEZONE}\n")
    };
    deployments.iter().map(row).collect()
}

fn clock_rows(deployments: &[Deployment], season: u16) -> Vec<String> {
    let row = |d: &Deployment| {
        let (from, to) = d.slow_clock.map(|(from, to)| (written(from), written(to)))?;
        let site = d.site.id;
        Some(format!("{site}_{season}_slow,{site},,{from},{to},offset,+01:00:00,,,,,set an hour slow after a battery change\n"))
    };
    deployments.iter().filter_map(row).collect()
}

fn summarise(season: u16, deployments: &[Deployment], files: &[Written], odd: &Oddities) -> SeasonSummary {
    let mut classes = BTreeMap::new();
    for (_, class, _) in files {
        *classes.entry(class.name()).or_default() += 1;
    }
    let times = || deployments.iter().flat_map(|d| d.images.iter().map(|image| image.reading.time));
    let localities: std::collections::BTreeSet<&str> = deployments.iter().map(|d| d.site.locality).collect();
    SeasonSummary {
        season,
        images: files.len(),
        bytes: files.iter().map(|(_, _, size)| size).sum(),
        localities: localities.len(),
        sites: deployments.len(),
        classes,
        span: (times().min().unwrap_or_default(), times().max().unwrap_or_default()),
        duplicate: odd.duplicate_path.clone(),
        truncated: odd.truncated_path.clone(),
        slow_clock: deployments.iter().find(|d| d.slow_clock.is_some()).map_or("", |d| d.site.id),
    }
}

/// What to do where a file stands already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    /// It is the user's now.
    Kept,
    /// It must be the same: left by an interrupted run.
    Same,
    /// It must not be there.
    Refused,
}

/// Writes a file that is not there yet, whole or not at all.
fn write_new(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), DemoError> {
    let mut part = Part::beside(path).map_err(failed(path))?;
    part.file().and_then(|file| file.write_all(bytes)).map_err(failed(path))?;
    match part.persist_new() {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match existing {
            Existing::Kept => Ok(()),
            Existing::Same if fs::read(path).map_err(failed(path))? == bytes => Ok(()),
            Existing::Same | Existing::Refused => Err(DemoError::Foreign { path: path.to_owned() }),
        },
        Err(error) => Err(failed(path)(error)),
    }
}

/// Adds those of `rows` that are not there to the table at `path`, behind what stands in it.
fn add_rows(path: &Path, header: &str, rows: &[String]) -> Result<(), DemoError> {
    let mut text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => header.to_owned(),
        Err(error) => return Err(failed(path)(error)),
    };
    if text.lines().next() != header.lines().next() {
        return Err(DemoError::Columns { path: path.to_owned() });
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    for row in rows {
        if !text.lines().any(|line| line == row.trim_end()) {
            text.push_str(row);
        }
    }
    crate::file::replace(path, text.as_bytes()).map_err(failed(path))
}

/// Names the path in what the system said.
fn failed(path: &Path) -> impl FnOnce(io::Error) -> DemoError {
    let path: PathBuf = path.to_owned();
    move |source| DemoError::Write { path, source }
}

fn lost(path: &Path) -> DemoError {
    failed(path)(io::Error::other("no memory for its rows"))
}

#[cfg(test)]
#[path = "project_tests.rs"]
mod tests;
