//! Media and observations: one row per image, and one per label of an image or of an event.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use super::places::{Place, push_moment};
use super::rules::{MEDIA, OBSERVATIONS, is_moment};
use super::{check, key, push_tag};
use crate::exchange::form::{Meaning, Note};
use crate::exchange::shape::{self, Files};
use crate::observation::{EVENT, words};
use crate::table::{CellRef, Column, Table, TableError, Type};
use crate::taxonomy::{Role, Taxon, normal};

/// A column under its name in the standard.
pub type Made = (&'static str, Arc<Column>);

/// How many examples a note shows.
const EXAMPLES: usize = 8;

/// What a data set is made of.
pub struct Input<'a> {
    /// The images with what they show.
    pub images: &'a Table,
    /// The column that says what an image shows, and the roles of classes.
    pub meaning: &'a Meaning,
    /// What classes are called in biology.
    pub taxa: &'a BTreeMap<String, Taxon>,
    /// The deployments.
    pub places: &'a [Place],
    /// The deployment of each image.
    pub place_of: &'a [Option<u32>],
    /// Events with the deployment of each.
    pub events: Option<(&'a Table, &'a [Option<u32>])>,
    /// Whether everybody may open the images.
    pub public: bool,
}

/// Media, observations, and what a person should know.
pub struct Output {
    /// The media.
    pub media: Table,
    /// The observations.
    pub observations: Table,
    /// Scientific names that occur, each with its taxon, in the order of the names.
    pub taxa: BTreeMap<String, Taxon>,
    /// What has no place in the data set.
    pub notes: Vec<Note>,
}

/// What a class is in the words of the standard.
struct Meant {
    class: String,
    kind: &'static str,
    bad: bool,
    taxon: Option<Taxon>,
}

impl Meant {
    fn of(class: &str, input: &Input<'_>) -> Self {
        let role = input.meaning.role(class);
        let kind = match (role, normal(class).as_str()) {
            (Role::Animal, _) => "animal",
            (Role::Empty, _) => "blank",
            (Role::Other, "person" | "human" | "people") => "human",
            (Role::Other, "vehicle") => "vehicle",
            (Role::BadQuality | Role::Other, _) => "unknown",
        };
        let taxon = input.taxa.get(class).filter(|_| kind != "blank").cloned();
        Self { class: class.to_owned(), kind, bad: role == Role::BadQuality, taxon }
    }

    fn tags(&self, buffer: &mut String) {
        if self.bad {
            push_tag(buffer, key::QUALITY, "bad");
        }
        push_tag(buffer, key::CLASS, &self.class);
    }
}

/// What the texts of a column of classes mean, by code; classes joined by `+` are several.
fn meanings(column: Option<&Column>, input: &Input<'_>) -> Vec<Vec<Meant>> {
    let declared = |class: &str| input.meaning.classes.iter().any(|known| known.name == class);
    let parts = |text: &str| -> Vec<Meant> {
        let one = declared(text) || !text.contains('+');
        if one { vec![Meant::of(text, input)] } else { text.split('+').map(|part| Meant::of(part, input)).collect() }
    };
    column.into_iter().flat_map(Column::texts).map(parts).collect()
}

/// A label of an image: its row, which of several classes it is, and its number among all of the image.
struct Label {
    row: usize,
    part: usize,
    number: u32,
}

/// The images that have a place in the data set.
struct Shots<'a> {
    /// The first row of each.
    rows: Vec<usize>,
    labels: Vec<Label>,
    times: &'a Column,
    names: Option<&'a Column>,
    files: Files<'a>,
    notes: Vec<Note>,
}

impl<'a> Shots<'a> {
    fn of(input: &Input<'a>, meant: &[Vec<Meant>], classes: Option<&Column>) -> Result<Self, TableError> {
        let images = input.images;
        let times = images.require("datetime")?.as_ref();
        let names = images.column("name").map(AsRef::as_ref);
        let mut shots = Self { rows: Vec::new(), labels: Vec::new(), times, names, files: Files::of(images), notes: Vec::new() };
        let (mut placeless, mut timeless) = (Vec::new(), Vec::new());
        let mut known: HashMap<&str, (usize, u32)> = HashMap::with_capacity(images.rows);
        for row in 0..images.rows {
            if input.place_of[row].is_none() {
                placeless.push(row);
                continue;
            }
            let Some((id, path)) = shots.id(row).zip(shots.files.path(row)).filter(|_| times.datetime(row).is_some()) else {
                timeless.push(row);
                continue;
            };
            let (first, labels) = known.entry(id).or_insert_with(|| {
                shots.rows.push(row);
                (row, 0)
            });
            let same = shots.files.path(*first) == Some(path) && images.cell(*first, "content") == images.cell(row, "content");
            if !same {
                let message = format!("two images are called `{id}`; give each a name of its own with a `rename` step before");
                return Err(TableError::Text { file: path.to_owned(), line: None, column: Some("name".into()), message });
            }
            let parts = classes.and_then(|column| column.code(row)).map_or(1, |code| meant[code as usize].len());
            for part in 0..parts {
                *labels += 1;
                shots.labels.push(Label { row, part, number: *labels });
            }
        }
        for (kind, rows, said) in [
            ("without_deployment", placeless, "images belong to no deployment and are left out: check the table of deployments"),
            ("without_time", timeless, "images have no time or no file and are left out"),
        ] {
            let examples = rows.iter().take(EXAMPLES).map(|row| words(images, *row)).collect();
            shots.notes.push(Note { kind, count: rows.len() as u64, words: said, examples });
        }
        Ok(shots)
    }

    /// The name that the image keeps, else its path.
    fn id(&self, row: usize) -> Option<&'a str> {
        self.names.and_then(|names| names.text(row)).or_else(|| self.files.path(row))
    }
}

/// Makes media and observations.
///
/// # Errors
/// Two images of one name; a column that is not there; too large a table.
pub fn tables(input: &Input<'_>) -> Result<Output, TableError> {
    let classes = input.images.column(&input.meaning.class).map(AsRef::as_ref);
    let meant = meanings(classes, input);
    let shots = Shots::of(input, &meant, classes)?;
    let media = media(input, &shots)?;
    let mut maker = Maker { input, classes, meant: &meant, naive: 0 };
    let mut tables = vec![maker.labels(&shots)?];
    let mut notes = shots.notes;
    if let Some((events, place_of)) = input.events {
        let (table, left) = maker.events(events, place_of)?;
        tables.push(table);
        let said = "events have no deployment or no time and are left out";
        let examples = left.iter().take(EXAMPLES).map(|row| events.cell(*row, EVENT).to_string()).collect();
        notes.push(Note { kind: "events_left_out", count: left.len() as u64, words: said, examples });
    }
    let said = "labels have a time without an offset, which is left out; write it as `2026-01-31T10:00:00Z`";
    notes.push(Note { kind: "naive_time", count: maker.naive, words: said, examples: Vec::new() });
    let observations = Table::concat(&tables)?;
    let without = |meant: &&Meant| meant.kind == "animal" && meant.taxon.is_none();
    let unnamed: Vec<String> = meant.iter().flatten().filter(without).map(|meant| meant.class.clone()).collect();
    let said =
        "classes of animals have no scientific name; say it in the column `scientific_name` of the taxonomy, or under `taxa`";
    notes.push(Note { kind: "no_taxon", count: unnamed.len() as u64, words: said, examples: unnamed });
    let named: HashMap<&str, &Taxon> = input.taxa.values().map(|taxon| (taxon.name.as_str(), taxon)).collect();
    let there = observations.column("scientificName");
    let taxa = there
        .into_iter()
        .flat_map(|column| column.texts())
        .filter_map(|name| named.get(name).map(|taxon| (name.to_owned(), (*taxon).clone())));
    let taxa = taxa.collect();
    Ok(Output { media, observations, taxa, notes })
}

fn text<'t>(rows: usize, of: impl Fn(usize) -> Option<&'t str>) -> Result<Arc<Column>, TableError> {
    shape::written(rows, |row, buffer| {
        let text = of(row);
        buffer.push_str(text.unwrap_or_default());
        text.is_some()
    })
}

/// What released the camera.
fn capture_method(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().replace(['-', ' ', '_'], "").as_str() {
        "m" | "motion" | "motionsensor" | "motiondetection" | "activitydetection" => Some("activityDetection"),
        "t" | "timelapse" => Some("timeLapse"),
        _ => None,
    }
}

/// The capture methods that a column of triggers names.
#[must_use]
pub fn capture_methods(triggers: Option<&Column>) -> Vec<&'static str> {
    let mut methods: Vec<&str> = triggers.into_iter().flat_map(Column::texts).filter_map(capture_method).collect();
    methods.sort_unstable();
    methods.dedup();
    methods
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).as_deref() {
        Some("png") => "image/png",
        Some("tif" | "tiff") => "image/tiff",
        Some("gif") => "image/gif",
        Some("mp4") => "video/mp4",
        Some("avi") => "video/x-msvideo",
        Some("mov") => "video/quicktime",
        _ => "image/jpeg",
    }
}

/// What the camera wrote that has no column, with the names that it has in EXIF and the makers' notes.
const EXIF: &[(&str, &str)] = &[
    ("Make", "camera_make"),
    ("Model", "camera_model"),
    ("SerialNumber", "serial"),
    ("TriggerMode", "trigger"),
    ("EventNumber", "event"),
    ("SequenceNumber", "sequence_n"),
    ("SequenceLength", "sequence_of"),
    ("MoonPhase", "moon"),
    ("AmbientTemperature", "temperature_c"),
    ("BatteryVoltage", "battery_mv"),
];

fn media(input: &Input<'_>, shots: &Shots<'_>) -> Result<Table, TableError> {
    let (images, rows) = (input.images, &shots.rows);
    let count = rows.len();
    let place = |at: usize| input.place_of[rows[at]].map(|place| &input.places[place as usize]);
    let triggers = images.column("trigger");
    let methods: Vec<Option<&str>> = triggers.iter().flat_map(|column| column.texts()).map(capture_method).collect();
    let exif: Vec<(&str, &Column)> = EXIF.iter().filter_map(|(name, own)| Some((*name, images.column(own)?.as_ref()))).collect();
    let exif = shape::written(count, |at, buffer| {
        for (name, column) in &exif {
            let cell = column.cell(rows[at]);
            if cell == CellRef::Null {
                continue;
            }
            buffer.push_str(if buffer.is_empty() { "{" } else { "," });
            let value = match cell {
                CellRef::Int(number) => serde_json::Value::from(number),
                cell => serde_json::Value::from(cell.to_string()),
            };
            let _ = write!(buffer, "\"{name}\":{value}");
        }
        let some = !buffer.is_empty();
        buffer.push_str(if some { "}" } else { "" });
        some
    })?;
    let made: Vec<Made> = vec![
        ("mediaID", text(count, |at| shots.id(rows[at]))?),
        ("deploymentID", text(count, |at| place(at).map(|place| place.id.as_str()))?),
        (
            "captureMethod",
            text(count, |at| triggers.and_then(|column| column.code(rows[at])).and_then(|code| methods[code as usize]))?,
        ),
        (
            "timestamp",
            shape::written(count, |at, buffer| {
                place(at).zip(shots.times.datetime(rows[at])).is_some_and(|(place, time)| push_moment(time, &place.zone, buffer))
            })?,
        ),
        ("filePath", text(count, |at| shots.files.path(rows[at]))?),
        ("filePublic", shape::constant(Some(if input.public { "true" } else { "false" }), count)?),
        (
            "fileName",
            text(count, |at| {
                let name = shots.names.and_then(|names| names.text(rows[at]));
                name.or_else(|| shots.files.parts(rows[at]).map(|(_, name)| name))
            })?,
        ),
        ("fileMediatype", text(count, |at| shots.files.path(rows[at]).map(media_type))?),
        ("exifData", exif),
    ];
    check::complete(&MEDIA, count, made)
}

/// Makes the rows of observations.
struct Maker<'a> {
    input: &'a Input<'a>,
    classes: Option<&'a Column>,
    meant: &'a [Vec<Meant>],
    /// Times of labels without an offset.
    naive: u64,
}

impl Maker<'_> {
    fn column(&self, name: &str) -> Option<&Column> {
        self.input.images.column(name).map(AsRef::as_ref)
    }

    /// People say what an image shows where they gave it a class; a column of a model's labels says nothing of them.
    fn by_people(&self, row: usize) -> bool {
        self.input.meaning.class != "label" && self.column("class").is_some_and(|people| !people.is_null(row))
    }

    fn meant(&self, row: usize, part: usize) -> Option<&Meant> {
        self.meant[self.classes?.code(row)? as usize].get(part)
    }

    /// One row per label of an image.
    fn labels(&mut self, shots: &Shots<'_>) -> Result<Table, TableError> {
        let labels = &shots.labels;
        let count = labels.len();
        let place = |at: usize| self.input.place_of[labels[at].row].map(|place| &self.input.places[place as usize]);
        let of = |at: usize| self.meant(labels[at].row, labels[at].part);
        let people: Vec<bool> = labels.iter().map(|label| self.by_people(label.row)).collect();
        let taken = shape::written(count, |at, buffer| {
            let time = shots.times.datetime(labels[at].row);
            place(at).zip(time).is_some_and(|(place, time)| push_moment(time, &place.zone, buffer))
        })?;
        let own = |name: &str, at: usize| self.column(name).and_then(|column| column.text(labels[at].row));
        let confidence = self.column("confidence");
        let counts = self.column("count").filter(|column| column.ty() == Type::Int);
        let moment: Vec<bool> = self.column("time").into_iter().flat_map(Column::texts).map(is_moment).collect();
        let code = |at: usize| self.column("time")?.code(labels[at].row).filter(|_| people[at]);
        let naive = (0..count).filter(|at| code(*at).is_some_and(|code| !moment[code as usize])).count();
        let made: Vec<Made> = vec![
            (
                "observationID",
                shape::written(count, |at, buffer| {
                    let id = shots.id(labels[at].row);
                    let _ = write!(buffer, "{}_{}", id.unwrap_or_default(), labels[at].number);
                    id.is_some()
                })?,
            ),
            ("deploymentID", text(count, |at| place(at).map(|place| place.id.as_str()))?),
            ("mediaID", text(count, |at| shots.id(labels[at].row))?),
            ("eventID", text(count, |at| own(EVENT, at))?),
            ("eventStart", Arc::clone(&taken)),
            ("eventEnd", taken),
            ("observationLevel", shape::constant(Some("media"), count)?),
            ("observationType", text(count, |at| Some(of(at).map_or("unclassified", |meant| meant.kind)))?),
            ("scientificName", text(count, |at| of(at)?.taxon.as_ref().map(|taxon| taxon.name.as_str()))?),
            (
                "count",
                shape::written(count, |at, buffer| {
                    let number = counts.and_then(|column| column.int(labels[at].row)).filter(|number| *number > 0);
                    let number = number.filter(|_| of(at).is_some_and(|meant| meant.kind == "animal"));
                    let _ = number.map(|number| write!(buffer, "{number}"));
                    number.is_some()
                })?,
            ),
            ("classificationMethod", text(count, |at| of(at).map(|_| if people[at] { "human" } else { "machine" }))?),
            ("classifiedBy", text(count, |at| of(at).and_then(|_| own(if people[at] { "reviewer" } else { "model" }, at)))?),
            (
                "classificationTimestamp",
                text(count, |at| code(at).filter(|code| moment[*code as usize]).and_then(|_| own("time", at)))?,
            ),
            (
                "classificationProbability",
                shape::written(count, |at, buffer| {
                    let value = confidence.map_or(CellRef::Null, |column| column.cell(labels[at].row));
                    let there = value != CellRef::Null && !people[at] && of(at).is_some();
                    there && write!(buffer, "{value}").is_ok()
                })?,
            ),
            (
                "observationTags",
                shape::written(count, |at, buffer| {
                    let Some(meant) = of(at) else { return false };
                    meant.tags(buffer);
                    for (name, key) in [("type", key::TYPE), ("shown", key::SHOWN)] {
                        if let Some(value) = own(name, at).filter(|_| people[at]) {
                            push_tag(buffer, key, value);
                        }
                    }
                    true
                })?,
            ),
            ("observationComments", text(count, |at| own("comment", at))?),
        ];
        let table = check::complete(&OBSERVATIONS, count, made)?;
        self.naive += naive as u64;
        Ok(table)
    }

    /// One row per event with its label; the rows of events that have no place.
    fn events(&self, events: &Table, place_of: &[Option<u32>]) -> Result<(Table, Vec<usize>), TableError> {
        let (ids, first) = (events.require(EVENT)?, events.require("first")?);
        let (last, labels) = (events.require("last")?, events.require("label")?);
        let (source, rule) = (events.column("source"), events.column("rule"));
        let fits = |row: &usize| place_of[*row].is_some() && first.datetime(*row).is_some() && last.datetime(*row).is_some();
        let (rows, left): (Vec<usize>, Vec<usize>) = (0..events.rows).partition(fits);
        let count = rows.len();
        let meant = meanings(Some(labels), self.input);
        let of = |at: usize| labels.code(rows[at]).and_then(|code| meant[code as usize].first());
        let place = |at: usize| place_of[rows[at]].map(|place| &self.input.places[place as usize]);
        let manual = |at: usize| source.and_then(|column| column.text(rows[at])) == Some("manual");
        let speakers = self.speakers(ids, labels, source.map(AsRef::as_ref));
        let moment = |column: &Column| {
            shape::written(count, |at, buffer| {
                place(at).zip(column.datetime(rows[at])).is_some_and(|(place, time)| push_moment(time, &place.zone, buffer))
            })
        };
        let made: Vec<Made> = vec![
            ("observationID", text(count, |at| ids.text(rows[at]))?),
            ("deploymentID", text(count, |at| place(at).map(|place| place.id.as_str()))?),
            ("eventID", text(count, |at| ids.text(rows[at]))?),
            ("eventStart", moment(first)?),
            ("eventEnd", moment(last)?),
            ("observationLevel", shape::constant(Some("event"), count)?),
            ("observationType", text(count, |at| Some(of(at).map_or("unclassified", |meant| meant.kind)))?),
            ("scientificName", text(count, |at| of(at)?.taxon.as_ref().map(|taxon| taxon.name.as_str()))?),
            ("classificationMethod", text(count, |at| of(at).map(|_| if manual(at) { "human" } else { "machine" }))?),
            (
                "classifiedBy",
                text(count, |at| {
                    let column = self.column(if manual(at) { "reviewer" } else { "model" })?;
                    column.text(*speakers.get(&rows[at])?)
                })?,
            ),
            (
                "classificationProbability",
                shape::written(count, |at, buffer| {
                    let value = events.cell(rows[at], "confidence");
                    let there = value != CellRef::Null && !manual(at) && of(at).is_some();
                    there && write!(buffer, "{value}").is_ok()
                })?,
            ),
            (
                "observationTags",
                shape::written(count, |at, buffer| {
                    let Some(meant) = of(at) else { return false };
                    meant.tags(buffer);
                    if let Some(rule) = rule.and_then(|column| column.text(rows[at])) {
                        push_tag(buffer, key::RULE, rule);
                    }
                    true
                })?,
            ),
        ];
        Ok((check::complete(&OBSERVATIONS, count, made)?, left))
    }

    /// For an event the first of its images of which the same was said by the same kind of speaker.
    fn speakers(&self, ids: &Column, labels: &Column, source: Option<&Column>) -> HashMap<usize, usize> {
        let mut speakers = HashMap::new();
        let (Some(named), Some(classes)) = (self.column(EVENT), self.classes) else { return speakers };
        let by_id: HashMap<&str, usize> = (0..ids.len()).filter_map(|row| Some((ids.text(row)?, row))).collect();
        let events: Vec<Option<usize>> = named.texts().map(|id| by_id.get(id).copied()).collect();
        for row in 0..named.len() {
            let Some(event) = named.code(row).and_then(|code| events[code as usize]) else { continue };
            let manual = source.and_then(|column| column.text(event)) == Some("manual");
            if classes.text(row) == labels.text(event) && self.by_people(row) == manual {
                speakers.entry(event).or_insert(row);
            }
        }
        speakers
    }
}
