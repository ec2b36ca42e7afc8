//! Finds imported rows among the images, so that they carry the identity of their content.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::folders::{Archive, Given, Hit, Paths, Spot, Wanted};
use super::reading::Places;
use super::{EXAMPLES, What};
use crate::observation::{self, Key, PLACE};
use crate::step::{Finding, StepError};
use crate::table::{Column, ColumnBuilder, Faults, Table, Type};

/// The columns by which rows are found, the surest first.
pub const BY: &[&str] = &["name", "path", "file"];

/// Times of the images, with which those of the files are compared.
pub const TIMES: &[&str] = &["datetime_raw", "datetime"];

/// What stands for a column of the place that rows or images lack.
const ANY: u32 = u32::MAX;

/// A file's time and an image's may differ by a wrong zone or a corrected clock, but not by a season.
const SAME_TIME_S: u64 = 36 * 3600;

/// Rows with the identity of their images.
pub struct Resolved<'f> {
    /// With `content` and the columns carried.
    pub table: Table,
    /// Where its rows stand.
    pub places: Places<'f>,
    /// Rows that were not found.
    pub unresolved: usize,
    /// Images to which no row belongs.
    pub without: usize,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// What rows are found among.
pub struct Among<'a> {
    /// The images.
    pub images: &'a Table,
    /// Columns of theirs that the rows take over.
    pub carried: &'a [&'a str],
    /// What the pipeline says of folders.
    pub folders: &'a Given,
    /// What the rows are.
    pub what: What,
}

/// Fills `content` of `table` from the images, and takes over the columns carried. Rows that several images fit, and files whose
/// paths fit in part, go to `faults`.
///
/// # Errors
/// When a table cannot be built.
pub fn resolve<'f>(
    table: &Table,
    among: &Among<'_>,
    mut places: Places<'f>,
    faults: &mut Faults,
) -> Result<Resolved<'f>, StepError> {
    let mut finder = Finder::of(table, among);
    finder.by_content()?;
    finder.by_text("name", &places, faults);
    let guessed = finder.by_path(&places, faults);
    finder.by_text("file", &places, faults);
    faults.check()?;
    let mut findings = Vec::new();
    let words = "paths are those of images only without their first folders, or below more folders; make sure that the files are about \
                 these images, and say it with `strip` or `prefix`";
    findings.extend(Finding::counted("other_folders", guessed.rows, words, guessed.files));
    findings.extend(finder.other_times(&places, faults, guessed.any)?);
    let kept = finder.kept();
    let left = (table.rows - kept.len()) as u64;
    let words = "rows are about copies of images whose own path has a row: the same bytes are one image, and its own row counts";
    findings.extend(Finding::counted("copies", left, words, finder.copies(&kept, &places)));
    let (without, finding) = finder.without(&places);
    findings.extend(finding);
    let hits = std::mem::take(&mut finder.hits);
    let (table, hits) = if left == 0 {
        (table.clone(), hits)
    } else {
        places = places.take(&kept);
        (table.take(&kept), kept.iter().map(|row| hits[*row as usize]).collect())
    };
    let (table, unresolved) = filled(&table, among, &hits)?;
    findings.extend(Finding::counted(
        "unresolved",
        unresolved.len() as u64,
        "rows belong to no image here; they are kept without content: check sites, seasons, names and folders",
        unresolved
            .iter()
            .take(EXAMPLES)
            .map(|row| format!("{} ({})", observation::words(&table, *row), places.words(*row)))
            .collect(),
    ));
    Ok(Resolved { table, places, unresolved: unresolved.len(), without, findings })
}

/// The table with the contents of its images and the columns carried, and the rows that have none.
fn filled(table: &Table, among: &Among<'_>, hits: &[Option<Hit>]) -> Result<(Table, Vec<usize>), StepError> {
    let (given, content) = (table.require("content")?, among.images.require("content")?);
    let mut builder = ColumnBuilder::with_capacity(Type::Content, table.rows);
    let mut unresolved = Vec::new();
    for (row, hit) in hits.iter().enumerate() {
        match (given.content(row), hit) {
            (Some(id), _) => builder.push_content(id),
            (None, Some(hit)) => builder.push(content.cell(hit.image as usize)),
            (None, None) => {
                unresolved.push(row);
                builder.push_null();
            }
        }
    }
    let mut filled = table.with_column("content", Arc::new(builder.finish()?))?;
    let image_of: Vec<Option<u32>> = hits.iter().map(|hit| hit.map(|hit| hit.image)).collect();
    for name in among.carried {
        filled = filled.with_column(name, Arc::new(among.images.require(name)?.take_optional(&image_of)))?;
    }
    Ok((filled, unresolved))
}

/// Paths that were found by folders of which nobody had spoken.
struct Guessed {
    rows: u64,
    files: Vec<String>,
    any: bool,
}

/// Finds the image of each row.
struct Finder<'t> {
    table: &'t Table,
    among: &'t Among<'t>,
    /// Site and season of the rows, in the codes of the images; `None` where no image has them.
    row_spots: Vec<Option<Spot>>,
    image_spots: Vec<Option<Spot>>,
    hits: Vec<Option<Hit>>,
}

impl<'t> Finder<'t> {
    fn of(table: &'t Table, among: &'t Among<'t>) -> Self {
        let (row_spots, image_spots) = spots(table, among.images);
        Self { table, among, row_spots, image_spots, hits: vec![None; table.rows] }
    }

    /// Rows that say their content.
    fn by_content(&mut self) -> Result<(), StepError> {
        let images = self.among.images;
        if self.table.require("content")?.null_count() == self.table.rows {
            return Ok(());
        }
        let mut key = Key { columns: vec!["content"] };
        let both = |name: &&&'static str| {
            let ty = |table: &Table| table.schema.field(name).map(|field| field.ty);
            ty(self.table).is_some() && ty(self.table) == ty(images)
        };
        key.columns.splice(0..0, PLACE.iter().filter(both).copied());
        let (rows, index) = (key.of(self.table)?, key.of(images)?.index());
        for (hit, key) in self.hits.iter_mut().zip(rows.rows) {
            *hit = index.row(key).map(|image| Hit { image, copy: false, other: None });
        }
        Ok(())
    }

    /// Says whether a row is still looked for.
    fn is_open(&self, row: usize) -> bool {
        self.hits[row].is_none() && self.table.cell(row, "content") == crate::table::CellRef::Null
    }

    /// Rows by a text that must be that of one image. A row that has a path goes by no file name: the path has said no already.
    fn by_text(&mut self, column: &str, places: &Places<'_>, faults: &mut Faults) {
        let text = |table: &'t Table| table.column(column).filter(|texts| texts.ty() == Type::Text);
        let (Some(own), Some(theirs)) = (text(self.table), text(self.among.images)) else { return };
        let mut images: HashMap<(Spot, &str), Hit> = HashMap::with_capacity(theirs.len());
        for (row, image) in (0..theirs.len()).zip(0_u32..) {
            let (Some(text), Some(spot)) = (theirs.text(row), self.image_spots[row]) else { continue };
            match images.entry((spot, text)) {
                Entry::Vacant(new) => drop(new.insert(Hit { image, copy: false, other: None })),
                Entry::Occupied(mut known) => drop(known.get_mut().other.get_or_insert(image)),
            }
        }
        let paths = self.table.column("path").filter(|_| column == "file");
        for row in 0..self.table.rows {
            let (Some(text), Some(spot)) = (own.text(row), self.row_spots[row]) else { continue };
            if !self.is_open(row) || paths.is_some_and(|paths| !paths.is_null(row)) {
                continue;
            }
            let hit = images.get(&(spot, text)).copied();
            self.hits[row] = self.only(row, column, text, hit, places, faults);
        }
    }

    /// Paths of each file, in the order of the files.
    fn by_path(&mut self, places: &Places<'_>, faults: &mut Faults) -> Guessed {
        let mut guessed = Guessed { rows: 0, files: Vec::new(), any: false };
        let texts = self.table.column("path").filter(|texts| texts.ty() == Type::Text);
        let Some(texts) = texts.filter(|_| self.among.images.column("path").is_some()) else { return guessed };
        let mut by_file: BTreeMap<&str, Vec<Wanted<'_>>> = BTreeMap::new();
        for row in (0..self.table.rows).filter(|row| self.is_open(*row)) {
            let Some(path) = texts.text(row) else { continue };
            let wanted = Wanted { row, spot: self.row_spots[row], path };
            by_file.entry(places.file(row)).or_default().push(wanted);
        }
        let paths = Paths::of(self.among.images, &self.image_spots);
        let mut archive = Archive::of(&paths);
        for (file, wanted) in by_file {
            let fit = match archive.fit(file, &wanted, self.among.folders) {
                Ok(fit) => fit,
                Err(fault) => {
                    faults.push(|| fault);
                    continue;
                }
            };
            if let Some(words) = fit.guessed {
                guessed.rows += wanted.len() as u64;
                guessed.any = true;
                if guessed.files.len() < EXAMPLES {
                    guessed.files.push(words);
                }
            }
            for (one, hit) in wanted.iter().zip(fit.hits) {
                self.hits[one.row] = self.only(one.row, "path", one.path, hit, places, faults);
            }
        }
        guessed
    }

    /// The image that a text names, where it is one.
    fn only(
        &self,
        row: usize,
        column: &str,
        text: &str,
        hit: Option<Hit>,
        places: &Places<'_>,
        faults: &mut Faults,
    ) -> Option<Hit> {
        if let Some((hit, other)) = hit.and_then(|hit| Some((hit, hit.other?))) {
            let images = [hit.image, other].map(|image| describe(self.among.images, image as usize));
            let text = crate::table::excerpt(text);
            let message = format!("`{text}` is several images: {} and {}; add the column `path` or `name`", images[0], images[1]);
            faults.push(|| places.fault(row, column, message));
            return None;
        }
        hit
    }

    /// Rows whose file says another time than their image. Where folders were guessed and no time agrees, the files are about others.
    fn other_times(&self, places: &Places<'_>, faults: &mut Faults, guessed: bool) -> Result<Option<Finding>, StepError> {
        let times =
            |table: &'t Table| TIMES.iter().filter_map(|name| table.column(name)).filter(|column| column.ty() == Type::DateTime);
        let theirs: Vec<&Column> = times(self.among.images).map(AsRef::as_ref).collect();
        let own: Vec<&Column> = times(self.table).map(AsRef::as_ref).collect();
        let (mut compared, mut other, mut examples) = (0_u64, 0_u64, Vec::new());
        for (row, hit) in self.hits.iter().enumerate() {
            let Some(hit) = hit else { continue };
            let said = places.taken(row).or_else(|| own.iter().find_map(|column| column.datetime(row)));
            let image: Vec<i64> = theirs.iter().filter_map(|column| column.datetime(hit.image as usize)).collect();
            let (Some(said), Some(first)) = (said, image.first()) else { continue };
            compared += 1;
            if image.iter().any(|time| time.abs_diff(said) <= SAME_TIME_S) {
                continue;
            }
            other += 1;
            if examples.len() < EXAMPLES {
                let [said, first] = [said, *first].map(crate::table::civil::format);
                let image = describe(self.among.images, hit.image as usize);
                examples.push(format!("{}: {said}, {image}: {first}", places.words(row)));
            }
        }
        if guessed && compared > 0 && other == compared {
            let message = format!(
                "the files are about other images: their paths fit only with other folders, and none of {compared} times is that of its \
                 image ({}); import the files that belong to these images, or say `strip` or `prefix` where they do",
                examples.first().map_or("", String::as_str)
            );
            faults.push(|| crate::table::TableError::Text { file: places.file(0).to_owned(), line: None, column: None, message });
            faults.check()?;
        }
        let words =
            "rows have another time than their images by more than a day: make sure that the files are about these images";
        Ok(Finding::counted("other_time", other, words, examples))
    }

    /// The rows that count: not those about a copy of an image that another row is about as well.
    fn kept(&self) -> Vec<u32> {
        let mut first: HashMap<u32, u32> = HashMap::new();
        let of_row = |row: u32| self.hits[row as usize];
        let rows = 0..u32::try_from(self.hits.len()).unwrap_or(u32::MAX);
        if rows.clone().all(|row| of_row(row).is_none_or(|hit| !hit.copy)) {
            return rows.collect();
        }
        // The image's own row first, else the first of a copy; several of one path are not copies of each other.
        for own in [true, false] {
            for row in rows.clone() {
                if let Some(hit) = of_row(row).filter(|hit| hit.copy != own) {
                    first.entry(hit.image).or_insert(row);
                }
            }
        }
        let path = |row: u32| self.table.column("path").and_then(|paths| paths.text(row as usize));
        let counts = |row: &u32| match of_row(*row) {
            Some(hit) if hit.copy => first.get(&hit.image).is_some_and(|first| path(*first) == path(*row)),
            _ => true,
        };
        rows.filter(counts).collect()
    }

    /// The first rows that are not among `kept`.
    fn copies(&self, kept: &[u32], places: &Places<'_>) -> Vec<String> {
        let mut kept = kept.iter().copied().peekable();
        let left = (0_u32..).take(self.hits.len()).filter(|row| kept.next_if_eq(row).is_none());
        left.take(EXAMPLES).map(|row| places.words(row as usize)).collect()
    }

    /// How many images no row is about; said of predictions, which are made for all images.
    fn without(&self, places: &Places<'_>) -> (usize, Option<Finding>) {
        let images = self.among.images;
        let mut has = vec![false; images.rows];
        for hit in self.hits.iter().flatten() {
            has[hit.image as usize] = true;
        }
        let without = has.iter().filter(|has| !**has).count();
        if without == 0 || self.among.what != What::Predictions {
            return (without, None);
        }
        let mut by_place: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (row, has) in has.iter().enumerate() {
            let place = PLACE.iter().map(|name| images.cell(row, name).to_string()).filter(|text| !text.is_empty());
            let (missing, all) = by_place.entry(place.collect::<Vec<_>>().join(" ")).or_default();
            *missing += u64::from(!has);
            *all += 1;
        }
        let lacking = by_place.into_iter().filter(|(_, (missing, _))| *missing > 0);
        let examples = lacking.take(EXAMPLES).map(|(place, (missing, all))| format!("{place}: {missing} of {all}"));
        let finding = Finding {
            kind: "without_result".into(),
            message: format!(
                "{without} of {} images have no result in {}: they stay without a label; was a run of the model broken off?",
                images.rows,
                places.files_in_words()
            ),
            count: without as u64,
            examples: examples.collect(),
        };
        (without, Some(finding))
    }
}

/// Site and season of rows and images, as far as both have them, in the codes of the images.
fn spots(table: &Table, images: &Table) -> (Vec<Option<Spot>>, Vec<Option<Spot>>) {
    let mut rows = vec![Some([ANY; 2]); table.rows];
    let mut theirs = vec![Some([ANY; 2]); images.rows];
    for (at, name) in PLACE.iter().enumerate() {
        let pair = table.column(name).zip(images.column(name));
        let Some((own, their)) = pair.filter(|(own, their)| own.ty() == Type::Text && their.ty() == Type::Text) else { continue };
        let numbers: HashMap<&str, u32> = their.texts().zip(0..).collect();
        let codes: Vec<Option<u32>> = own.texts().map(|text| numbers.get(text).copied()).collect();
        let put = |spots: &mut Vec<Option<Spot>>, code: &dyn Fn(usize) -> Option<u32>| {
            for (row, spot) in spots.iter_mut().enumerate() {
                *spot = spot.zip(code(row)).map(|(mut spot, code)| {
                    spot[at] = code;
                    spot
                });
            }
        };
        put(&mut rows, &|row| own.code(row).and_then(|code| codes[code as usize]));
        put(&mut theirs, &|row| their.code(row));
    }
    (rows, theirs)
}

fn describe(images: &Table, row: usize) -> String {
    let path = images.column("path").and_then(|column| column.text(row));
    path.map_or_else(|| observation::words(images, row), |path| format!("`{path}`"))
}
