//! Exports a data package of Camtrap DP: deployments, media, observations and their description, checked before a file is written.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::folder::{self, File};
use super::forms::{self, Wanted};
use super::{ledger, times};
use crate::dataset::{Dataset, zone};
use crate::diagnostic::{Diagnostic, Report, codes};
use crate::exchange::camtrap_dp::capture_methods;
use crate::exchange::camtrap_dp::check::{Checker, Faults, Strictness, check_description};
use crate::exchange::camtrap_dp::observations::{self, Input};
use crate::exchange::camtrap_dp::package::{self, Contents};
use crate::exchange::camtrap_dp::places::{self, Place};
use crate::exchange::camtrap_dp::{DESCRIPTION, rules};
use crate::exchange::form::Note;
use crate::observation::{CAMERA, EVENT};
use crate::step::metadata::deployments::{Deployment, Deployments};
use crate::step::{Context, FileInput, Finding, Job, StepError};
use crate::table::{Column, Schema, Table, Type, civil, csv};
use crate::taxonomy::Taxon;

/// The name of the deployment table in the key.
const DEPLOYMENTS: &str = "deployments";

/// How many faults an error shows.
const SHOWN: usize = 8;

/// Columns that the table of events must have.
const EVENT_COLUMNS: &[(&str, Type)] =
    &[(EVENT, Type::Text), ("first", Type::DateTime), ("last", Type::DateTime), ("label", Type::Text)];

/// Checks what the package needs beside the table of images: the site table, the description, the columns of events.
pub(super) fn check(images: &Schema, events: Option<&Schema>, context: &Context<'_>, report: &mut Report) -> bool {
    let before = report.diagnostics.len();
    let mut missing = |code, message: String, help: &str| {
        report.push(Diagnostic::new(code, context.span, message).help(help));
    };
    let zoned = context.dataset.is_some_and(|dataset| dataset.timezone.is_some());
    match context.deployments {
        None => {
            let message = "the form `camtrap_dp` needs the deployments, and nobody declares them".to_owned();
            missing(
                codes::MISSING_COLUMN,
                message,
                "add `deployments: FILE.csv` with `site`, `latitude`, `longitude`, `from`, `to`",
            );
        }
        Some(table) => {
            let known = places::carried(&table.columns);
            let file = table.path.display();
            for name in ["latitude", "longitude"] {
                if known.iter().all(|(own, _)| *own != name) {
                    let message = format!("the form `camtrap_dp` needs the column `{name}` of `{file}`");
                    missing(codes::MISSING_COLUMN, message, "add it, in degrees of WGS 84; a rounded value protects a place");
                }
            }
            if !zoned && table.columns.iter().all(|name| name != "timezone") {
                let message = format!("nothing says in which time zone the cameras of `{file}` are");
                let help = "add the column `timezone`, or `timezone: Europe/Oslo` to `dataset:`; cameras that keep winter time are `+01:00`";
                missing(codes::MISSING_DATASET, message, help);
            }
        }
    }
    match context.dataset {
        None => {
            let message = "the form `camtrap_dp` describes the data set, and the pipeline does not".to_owned();
            let help = "add `dataset:` with `created`, `contributors` and `project`; `trapline help export` has an example";
            missing(codes::MISSING_DATASET, message, help);
        }
        Some(dataset) => {
            for (key, help) in package::lacks(dataset, images.field("trigger").is_some()) {
                let message = format!("`dataset` lacks `{key}`, which the form `camtrap_dp` needs");
                report.push(Diagnostic::new(codes::MISSING_DATASET, dataset.span, message).help(help));
            }
        }
    }
    for (name, ty) in events.map(|_| EVENT_COLUMNS).unwrap_or_default() {
        if events.and_then(|events| events.field(name)).is_none_or(|field| field.ty != *ty) {
            let message = format!("the table of events has no column `{name}` of {ty}");
            let help = "wire the step `events`";
            report.push(Diagnostic::new(codes::MISSING_COLUMN, context.span, message).help(help));
        }
    }
    report.diagnostics.len() == before
}

/// The site table, whose content enters the key.
pub(super) fn files(context: &Context<'_>) -> Vec<FileInput> {
    let input = |path: PathBuf| FileInput { name: DEPLOYMENTS.to_owned(), path, optional: false, rewritten: false };
    context.deployments.map(|table| input(table.path.clone())).into_iter().collect()
}

/// What the package depends on beside tables and files.
pub(super) fn declarations(context: &Context<'_>) -> Vec<(String, String)> {
    let taxa: BTreeMap<&str, &Taxon> =
        context.classes.classes.iter().filter_map(|class| Some((class.name.value.as_str(), class.taxon.as_ref()?))).collect();
    let json = |value: serde_json::Value| value.to_string();
    vec![
        ("scientific names of classes".to_owned(), json(serde_json::to_value(taxa).unwrap_or_default())),
        ("description of the data set".to_owned(), json(serde_json::to_value(context.dataset).unwrap_or_default())),
    ]
}

/// Writes the package into the folder `into`; gives the rows, what a person should know, and the files.
pub(super) fn write(job: &Job<'_>, form: &Wanted, into: &str) -> Result<(usize, Vec<Finding>, Vec<PathBuf>), StepError> {
    let lost = || StepError::Data("the pipeline describes no data set".to_owned());
    let dataset = job.context.dataset.ok_or_else(lost)?;
    let labels = job.inputs.get(2).map(Vec::as_slice).unwrap_or_default();
    let labels: Vec<Table> = labels.iter().map(|table| table.read(None)).collect::<Result<_, _>>()?;
    let images = times::with_times(&job.input(0)?.read(None)?, &labels)?;
    let events = job.inputs.get(1).and_then(|tables| tables.first()).map(|events| events.read(None)).transpose()?;
    let sites = Sites::read(job, dataset)?;
    let place_of = sites.of_rows(&images, "datetime")?;
    let event_places = events.as_ref().map(|events| sites.of_rows(events, "first")).transpose()?;
    job.cancel.check()?;
    let mut notes = Vec::new();
    let places = sites.bounded(&images, &place_of, &mut notes)?;
    let meaning = form.meaning(job)?;
    let taxa = form.taxa(job.context);
    let made = observations::tables(&Input {
        images: &images,
        meaning: &meaning,
        taxa: &taxa,
        places: &places,
        place_of: &place_of,
        events: events.as_ref().zip(event_places.as_deref()),
        public: meaning.values.get(forms::FILE_PUBLIC).is_some_and(|value| value == "true"),
    })?;
    notes.extend(made.notes);
    let deployments = places::table(&places)?;
    let methods = capture_methods(images.column("trigger").map(AsRef::as_ref));
    let contents = Contents { places: &places, taxa: &made.taxa, capture_methods: &methods, events: events.is_some() };
    let description = package::description(dataset, &contents);
    let tables = [(&rules::DEPLOYMENTS, &deployments), (&rules::MEDIA, &made.media), (&rules::OBSERVATIONS, &made.observations)];
    refuse_faults(&tables, &description)?;
    let mut files: Vec<File<'_>> = Vec::new();
    for (rules, table) in tables {
        files.push(File { name: rules.file(), write: Box::new(move |out| Ok(csv::write(table, out)?)) });
    }
    files.push(File { name: DESCRIPTION.to_owned(), write: Box::new(|out| Ok(out.write_all(description.as_bytes())?)) });
    let folder = job.context.project.join(into);
    let mut findings = folder::write(job, &folder, &ledger::within(&folder), &files)?;
    let finding = |note: Note| Finding::counted(note.kind, note.count, note.words, note.examples);
    findings.extend(notes.into_iter().filter_map(finding));
    let written = files.iter().map(|file| PathBuf::from(format!("{into}/{}", file.name))).collect();
    Ok((made.media.rows, findings, written))
}

/// Nothing is written that is no package.
fn refuse_faults(tables: &[(&'static rules::Rules, &Table)], description: &str) -> Result<(), StepError> {
    let mut checker = Checker::default();
    for (rules, table) in tables {
        checker.check(rules, table, &rules.file(), Strictness::Package);
    }
    let mut faults: Faults = checker.faults;
    check_description(&serde_json::from_str(description).unwrap_or_default(), &mut faults);
    if faults.count == 0 {
        return Ok(());
    }
    let mut shown: Vec<String> = faults.first.iter().take(SHOWN).map(ToString::to_string).collect();
    if faults.count > shown.len() {
        shown.push(format!("and {} more", faults.count - shown.len()));
    }
    Err(StepError::Data(format!(
        "the data make no valid package of {}, nothing was written (rows as in the site table, or of the images in their order):\n  {}",
        package::standard(),
        shown.join("\n  ")
    )))
}

/// The rows of the site table with what a package needs of them.
struct Sites {
    file: String,
    rows: Vec<Deployment>,
    places: Vec<Place>,
    by_id: HashMap<String, Vec<u32>>,
    by_site: HashMap<String, Vec<u32>>,
}

impl Sites {
    fn read(job: &Job<'_>, dataset: &Dataset) -> Result<Self, StepError> {
        let file = job.context.deployments.map(|table| crate::path::to_text(&table.path)).unwrap_or_default();
        let bytes = job.files.get(DEPLOYMENTS).map(Vec::as_slice).unwrap_or_default();
        let table = Deployments::read(&file, bytes, dataset.timezone.as_deref())
            .map_err(|errors| StepError::Data(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
        let names = table.names();
        let carried: Vec<(&'static str, Option<&Column>)> =
            places::carried(&names).into_iter().map(|(name, at)| (name, table.column(&names[at]))).collect();
        let mut sites =
            Self { file, rows: table.rows.clone(), places: Vec::new(), by_id: HashMap::new(), by_site: HashMap::new() };
        for (row, number) in (0..table.rows.len()).zip(0_u32..) {
            let deployment = &table.rows[row];
            sites.by_id.entry(deployment.id.clone()).or_default().push(number);
            sites.by_site.entry(deployment.site.clone()).or_default().push(number);
            let written =
                table.column("timezone").and_then(|column| column.text(row)).map(str::trim).filter(|text| !text.is_empty());
            let values = carried.iter().filter_map(|(name, column)| Some((*name, column.as_ref()?.text(row)?.to_owned())));
            sites.places.push(Place {
                id: deployment.id.clone(),
                site: deployment.site.clone(),
                season: deployment.season.clone(),
                zone: sites.zone(row, written, dataset)?,
                start: deployment.from.map(civil::to_seconds),
                end: deployment.to.map(civil::to_seconds),
                values: values.collect(),
            });
        }
        // Without first days the seasons of a site share its id.
        for rows in sites.by_id.values().filter(|rows| rows.len() > 1) {
            for row in rows {
                let place = &mut sites.places[*row as usize];
                if let Some(season) = &place.season {
                    place.id = format!("{}/{season}", place.id);
                }
            }
        }
        Ok(sites)
    }

    fn zone(&self, row: usize, written: Option<&str>, dataset: &Dataset) -> Result<TimeZone, StepError> {
        let deployment = &self.rows[row].id;
        let place = format!("`{}` row {}, column `timezone`: ", self.file, row + 2);
        let Some(text) = written.or(dataset.timezone.as_deref()) else {
            return Err(StepError::Data(format!(
                "{place}the deployment `{deployment}` has no time zone, and the times of a package are never without; write one there, such \
                 as `Europe/Oslo` or `+01:00`, or `timezone` under `dataset:` for all"
            )));
        };
        zone(text).ok_or_else(|| {
            let help = "write a zone such as `Europe/Oslo`, or an offset such as `+01:00`";
            StepError::Data(format!("{place}`{text}` of the deployment `{deployment}` is not a time zone; {help}"))
        })
    }

    /// The deployment of each row: the one that the row names, else that of its site and season, or that covers its time.
    fn of_rows(&self, table: &Table, time: &str) -> Result<Vec<Option<u32>>, StepError> {
        let text = |name: &str| table.column(name).map(AsRef::as_ref).filter(|column: &&Column| column.ty() == Type::Text);
        let times = table.require(time)?;
        let candidates = |column: Option<&Column>, known: &HashMap<String, Vec<u32>>| -> Vec<Vec<u32>> {
            column.into_iter().flat_map(Column::texts).map(|name| known.get(name).cloned().unwrap_or_default()).collect()
        };
        let (named, sites, season, camera) = (text("deployment"), text("site"), text("season"), text(CAMERA));
        let (by_name, by_site) = (candidates(named, &self.by_id), candidates(sites, &self.by_site));
        let of = |row: usize| {
            let name = named.and_then(|column| column.code(row)).map(|code| &by_name[code as usize]);
            let site = sites.and_then(|column| column.code(row)).map(|code| &by_site[code as usize]);
            let season = season.and_then(|column| column.text(row));
            if let Some(named) = name.filter(|rows| !rows.is_empty()) {
                return self.choose(named, season, times.datetime(row));
            }
            let time = times.datetime(row).and_then(civil::from_seconds);
            let covers = |number: &u32| time.is_none_or(|time| self.rows[*number as usize].covers(time));
            let rows = self.of_camera(site?, camera.and_then(|column| column.text(row)), &covers)?;
            // That a site has one deployment only does not say that it stood there then.
            self.choose(&rows, season, times.datetime(row)).filter(covers)
        };
        Ok((0..table.rows).map(of).collect())
    }

    /// The deployments that an image of `camera` may belong to; `None` where nothing tells its camera and several stood there.
    fn of_camera(&self, rows: &[u32], camera: Option<&str>, covers: &dyn Fn(&u32) -> bool) -> Option<Vec<u32>> {
        let own = |row: &u32| self.rows[*row as usize].camera.as_deref();
        if camera.is_some() {
            return Some(rows.iter().copied().filter(|row| own(row).is_none() || own(row) == camera).collect());
        }
        let mut cameras: Vec<Option<&str>> = rows.iter().filter(|row| covers(row)).map(own).collect();
        cameras.sort_unstable();
        cameras.dedup();
        (cameras.len() < 2).then(|| rows.to_vec())
    }

    fn choose(&self, rows: &[u32], season: Option<&str>, time: Option<i64>) -> Option<u32> {
        let own = |row: &u32| self.rows[*row as usize].season.as_deref();
        let of_season = |row: &&u32| season.is_none() || own(row).is_none() || own(row) == season;
        let covers = |row: &&u32| {
            let time = time.and_then(civil::from_seconds);
            time.is_some_and(|time| self.rows[**row as usize].covers(time))
        };
        let mut fitting = rows.iter().filter(of_season);
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Some(*only),
            (Some(_), Some(_)) => {
                rows.iter().filter(of_season).filter(covers).max_by_key(|row| (self.rows[**row as usize].from, **row)).copied()
            }
            (None, _) => rows.iter().filter(covers).max_by_key(|row| (self.rows[**row as usize].from, **row)).copied(),
        }
    }

    /// The deployments, those of open ends from their first to their last image.
    fn bounded(&self, images: &Table, place_of: &[Option<u32>], notes: &mut Vec<Note>) -> Result<Vec<Place>, StepError> {
        let times = images.require("datetime")?;
        let mut seen: Vec<Option<(i64, i64)>> = vec![None; self.places.len()];
        for (row, place) in place_of.iter().enumerate() {
            if let (Some(place), Some(time)) = (place, times.datetime(row)) {
                let (first, last) = seen[*place as usize].get_or_insert((time, time));
                (*first, *last) = ((*first).min(time), (*last).max(time));
            }
        }
        let mut open = Vec::new();
        let mut places = self.places.clone();
        for (row, place) in places.iter_mut().enumerate() {
            if place.start.is_some() && place.end.is_some() {
                continue;
            }
            let Some((first, last)) = seen[row] else {
                let column = if place.start.is_none() { "from" } else { "to" };
                return Err(StepError::Data(format!(
                    "`{}` row {}, column `{column}`: the deployment `{}` has no {} and no images that could tell; write the day there",
                    self.file,
                    row + 2,
                    place.id,
                    if column == "from" { "start" } else { "end" }
                )));
            };
            (place.start, place.end) = (place.start.or(Some(first)), place.end.or(Some(last)));
            open.push(place.id.clone());
        }
        let words = "deployments have no start or no end: their first and last image stand for it; write the days of the visits";
        notes.push(Note {
            kind: "open_deployment",
            count: open.len() as u64,
            words,
            examples: open.into_iter().take(SHOWN).collect(),
        });
        Ok(places)
    }
}
