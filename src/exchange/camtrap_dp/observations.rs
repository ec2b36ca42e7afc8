//! Media and observations: one row per image, and one per label of an image or of an event.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::labels::Maker;
use super::media::media;
use super::moments::{self, Offsets};
use super::places::Place;
use super::{key, push_tag};
use crate::event::DATETIME_OFFSET;
use crate::exchange::form::{Meaning, Note};
use crate::exchange::shape::{self, Files};
use crate::observation::{EVENT, words};
use crate::table::{Column, Table, TableError};
use crate::taxonomy::{Role, Taxon};

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
pub(super) struct Meant {
    class: String,
    pub kind: &'static str,
    bad: bool,
    pub taxon: Option<Taxon>,
}

impl Meant {
    fn of(class: &str, input: &Input<'_>) -> Self {
        let role = input.meaning.role(class);
        let kind = match role {
            Role::Animal => "animal",
            Role::Empty => "blank",
            Role::Person => "human",
            Role::Vehicle => "vehicle",
            Role::BadQuality | Role::Other => "unknown",
        };
        let taxon = input.taxa.get(class).filter(|_| kind != "blank").cloned();
        Self { class: class.to_owned(), kind, bad: role == Role::BadQuality, taxon }
    }

    pub fn tags(&self, buffer: &mut String) {
        if self.bad {
            push_tag(buffer, key::QUALITY, "bad");
        }
        push_tag(buffer, key::CLASS, &self.class);
    }
}

/// What the texts of a column of classes mean, by code; classes joined by `+` are several.
pub(super) fn meanings(column: Option<&Column>, input: &Input<'_>) -> Vec<Vec<Meant>> {
    let declared = |class: &str| input.meaning.classes.iter().any(|known| known.name == class);
    let parts = |text: &str| -> Vec<Meant> {
        let one = declared(text) || !text.contains('+');
        if one { vec![Meant::of(text, input)] } else { text.split('+').map(|part| Meant::of(part, input)).collect() }
    };
    column.into_iter().flat_map(Column::texts).map(parts).collect()
}

/// A label of an image: its row, which of several classes it is, and its number among all of the image.
pub(super) struct Label {
    pub row: usize,
    pub part: usize,
    pub number: u32,
}

/// The images that have a place in the data set.
pub(super) struct Shots<'a> {
    /// The first row of each.
    pub rows: Vec<usize>,
    pub labels: Vec<Label>,
    pub times: &'a Column,
    /// What is known of the offsets of the times.
    pub offsets: Offsets<'a>,
    pub names: Option<&'a Column>,
    pub files: Files<'a>,
    notes: Vec<Note>,
}

impl<'a> Shots<'a> {
    fn of(input: &Input<'a>, meant: &[Vec<Meant>], classes: Option<&Column>) -> Result<Self, TableError> {
        let images = input.images;
        let times = images.require("datetime")?.as_ref();
        let names = images.column("name").map(AsRef::as_ref);
        let offsets = Offsets::of(images, DATETIME_OFFSET);
        let (rows, labels, notes) = (Vec::new(), Vec::new(), Vec::new());
        let mut shots = Self { rows, labels, times, offsets, names, files: Files::of(images), notes };
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
    pub fn id(&self, row: usize) -> Option<&'a str> {
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
    let mut maker = Maker::of(input, classes, &meant);
    let mut tables = vec![maker.labels(&shots)?];
    let doubts = moments::notes(&shots, (input.images, input.place_of), input.events, input.places);
    let mut notes = shots.notes;
    notes.extend(doubts);
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

pub(super) fn text<'t>(rows: usize, of: impl Fn(usize) -> Option<&'t str>) -> Result<Arc<Column>, TableError> {
    shape::written(rows, |row, buffer| {
        let text = of(row);
        buffer.push_str(text.unwrap_or_default());
        text.is_some()
    })
}
