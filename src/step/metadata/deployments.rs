//! The deployment table: which camera stood where, and when.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::dataset;
use crate::observation::CAMERA;
use crate::observation::ids::normal;
use crate::observation::sites::Places;
use crate::photo::clock::{Written, read_time};
use crate::table::{Column, Reading, Table, TableError, csv};

/// Columns with a meaning of their own here; all others are carried as they stand.
pub const OWN_COLUMNS: [&str; 4] = ["site", "deployment", "from", "to"];

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The site's id; ids match whole.
    pub site: String,
    /// Its season, where the table has one.
    pub season: Option<String>,
    /// The `deployment` column, or the site and the first day.
    pub id: String,
    /// First moment; open where empty.
    pub from: Option<DateTime>,
    /// Last moment, itself included; open where empty.
    pub to: Option<DateTime>,
    /// The camera, where the table names it.
    pub camera: Option<String>,
    /// The zone of the camera's clock, where it is known.
    pub zone: Option<TimeZone>,
}

impl Deployment {
    /// Says whether the camera stood there at `time`.
    #[must_use]
    pub fn covers(&self, time: DateTime) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time <= to)
    }
}

/// What is wrong with the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, where it is one place.
    pub line: Option<u64>,
    /// The column by its name.
    pub column: Option<String>,
    /// What is wrong, and the way out.
    pub message: String,
    shown: String,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Mistake {
    fn at(file: &str, line: u64, column: &str, message: String) -> Self {
        let shown = format!("`{file}` row {line}, column `{column}`: {message}");
        Self { line: Some(line), column: Some(column.to_owned()), message, shown }
    }

    /// Of several rows together.
    fn of_whole(message: String) -> Self {
        Self { line: None, column: Some("site".to_owned()), shown: message.clone(), message }
    }

    fn of(error: &TableError) -> Vec<Self> {
        let (line, column, message) = match error {
            TableError::Text { line, column, message, .. } => (*line, column.clone(), message.clone()),
            TableError::Several { first, count } => {
                let mut all: Vec<Self> = first.iter().flat_map(Self::of).collect();
                let hidden = count.saturating_sub(first.len() as u64);
                let message = format!("{hidden} more mistakes of this kind are in the file");
                all.extend((hidden > 0).then(|| Self { line: None, column: None, shown: message.clone(), message }));
                return all;
            }
            other => (None, None, other.to_string()),
        };
        vec![Self { line, column, message, shown: error.to_string() }]
    }
}

/// The lines on which header and rows of a table begin, in order.
pub(super) fn lines(bytes: &[u8]) -> Vec<u64> {
    let Ok(mut records) = Reading::tolerant("").records(bytes) else { return Vec::new() };
    let mut fields = Vec::new();
    std::iter::from_fn(|| records.next(&mut fields).ok().flatten()).collect()
}

/// The whole table.
#[derive(Debug, Default)]
pub struct Deployments {
    /// By row.
    pub rows: Vec<Deployment>,
    by_site: BTreeMap<String, Vec<u32>>,
    table: Option<Table>,
}

impl Deployments {
    /// Reads the file; `file` is named in errors, `timezone` is the data set's, for rows that have none of their own.
    ///
    /// Times are local ones of the deployment's zone; those with an offset (`2024-07-01T10:00:00Z`) become local times.
    ///
    /// # Errors
    /// The mistakes in it, one sentence each.
    pub fn read(file: &str, bytes: &[u8], timezone: Option<&str>) -> Result<Self, Vec<Mistake>> {
        let table = csv::read(bytes, &Reading::tolerant(file)).map_err(|error| Mistake::of(&error))?;
        let sites = table.require("site").map_err(|error: TableError| {
            vec![Mistake { line: None, column: None, message: error.to_string(), shown: format!("`{file}`: {error}") }]
        })?;
        let lines = lines(bytes);
        let mut errors = Vec::new();
        let mut places = Places::default();
        let mut rows = Vec::with_capacity(table.rows);
        for row in 0..table.rows {
            // The header is line 1; behind it rows and lines may part company.
            let line = lines.get(row + 1).copied().unwrap_or(row as u64 + 2);
            let mistake = |column: &str, message: String| Mistake::at(file, line, column, message);
            let Some(site) = trimmed(sites, row) else {
                errors.push(mistake("site", "the site is missing; name it or remove the row".to_owned()));
                continue;
            };
            let site = normal(site);
            let field = |column: &str| table.column(column).and_then(|values| trimmed(values, row));
            let placed = ["locality", "region", "section"].map(|column| (column, field(column).unwrap_or_default()));
            let ids = [("site", site.as_ref()), ("season", field("season").unwrap_or_default())];
            places.note(&[ids.as_slice(), &placed].concat(), &format!("`{file}` row {}", row + 2));
            let zone = field("timezone").or(timezone).and_then(dataset::zone);
            let mut time = |column: &str, end_of_day: bool| {
                let text = field(column)?;
                let message = match (read_time(text, end_of_day), &zone) {
                    (Some(Written::Local(time)), _) => return Some(time),
                    (Some(Written::Moment(moment)), Some(zone)) => return Some(zone.to_datetime(moment)),
                    (Some(Written::Moment(_)), None) => format!(
                        "`{text}` has an offset to UTC, and the time zone of the deployment is not known; add the column `timezone` \
                         (`Europe/Oslo`, or `+01:00` for a camera that keeps winter time), or write the local time without an offset"
                    ),
                    (None, _) => format!("`{text}` is not a time; write YYYY-MM-DD or YYYY-MM-DD hh:mm:ss"),
                };
                errors.push(mistake(column, message));
                None
            };
            let (from, to) = (time("from", false), time("to", true));
            if let (Some(from), Some(to)) = (from, to)
                && to < from
            {
                errors.push(mistake("to", "the end lies before the start; exchange `from` and `to`".to_owned()));
            }
            let id = field("deployment").map_or_else(|| default_id(&site, from), str::to_owned);
            let season = field("season").map(|season| normal(season).into_owned());
            let camera = field(CAMERA).map(str::to_owned);
            rows.push(Deployment { site: site.into_owned(), season, id, from, to, camera, zone });
        }
        let faults =
            places.faults("Give each site an id of its own, in the folders (or by `site:` of the images) and in this table.");
        errors.extend(faults.into_iter().map(Mistake::of_whole));
        if !errors.is_empty() {
            return Err(errors);
        }
        tell_cameras_apart(&mut rows, table.column("deployment").map(AsRef::as_ref));
        let mut by_site: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (row, deployment) in (0..).zip(&rows) {
            by_site.entry(deployment.site.clone()).or_default().push(row);
        }
        Ok(Self { rows, by_site, table: Some(table) })
    }

    /// The rows of a site; `None` where the site is unknown.
    #[must_use]
    pub fn of_site(&self, site: &str) -> Option<&[u32]> {
        self.by_site.get(normal(site).as_ref()).map(Vec::as_slice)
    }

    /// All site ids, sorted.
    pub fn sites(&self) -> impl Iterator<Item = &str> {
        self.by_site.keys().map(String::as_str)
    }

    /// Names of the columns, in the order of the file.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.table.iter().flat_map(|table| &table.schema.fields).map(|field| field.name.clone()).collect()
    }

    /// The column called `name`, as text.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.table.as_ref()?.column(name).map(AsRef::as_ref)
    }
}

fn trimmed(column: &Column, row: usize) -> Option<&str> {
    column.text(row).map(str::trim).filter(|text| !text.is_empty())
}

/// Cameras that come to one site on one day would share an id that nobody gave them: the camera's name is added to it.
fn tell_cameras_apart(rows: &mut [Deployment], given: Option<&Column>) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows.iter() {
        *count.entry(row.id.clone()).or_default() += 1;
    }
    for (at, row) in rows.iter_mut().enumerate() {
        let own = given.is_some_and(|column| trimmed(column, at).is_some());
        if let Some(camera) = row.camera.as_ref().filter(|_| !own && count.get(&row.id).is_some_and(|count| *count > 1)) {
            row.id = format!("{}/{camera}", row.id);
        }
    }
}

/// `site/2019-07-08`: unique as long as a site starts one deployment a day.
fn default_id(site: &str, from: Option<DateTime>) -> String {
    from.map_or_else(|| site.to_owned(), |from| format!("{site}/{}", from.date()))
}
