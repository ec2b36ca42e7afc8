//! Reads a clock file: a small CSV that people keep in a spreadsheet, so separators, BOM and line ends are forgiven.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::apply::{conflicting, elapsed};
use super::{Change, Correction, CorrectionKind, Reach, Written, by_number, read_time};
use crate::observation::ids::normal;
use crate::table::records::Value;
use crate::table::{Reading, TableError};

/// The columns of a clock file. `id` and `kind` are needed, and `site` or `deployment`; the others may be left out.
pub const HEADER: [&str; 18] = [
    "id",
    "site",
    "deployment",
    "season",
    "folder",
    "from",
    "to",
    "file_from",
    "file_to",
    "event_from",
    "event_to",
    "kind",
    "value",
    "anchor1_raw",
    "anchor1_true",
    "anchor2_raw",
    "anchor2_true",
    "comment",
];

/// A mistake in a clock file, with its place and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{file}` row {row}, column `{column}`: {what}; {way_out}")]
pub struct ClockError {
    /// Name of the file as the caller gave it.
    pub file: String,
    /// Row, the header being row 1.
    pub row: u64,
    /// Column by its name, or its number where it has none.
    pub column: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub way_out: String,
}

/// Reads the corrections of a file, in the order of its rows.
///
/// # Errors
/// All mistakes of the file at once, in the order of its rows.
pub fn read(file: &str, bytes: &[u8]) -> Result<Vec<Correction>, Vec<ClockError>> {
    let mut errors = Errors { file, found: Vec::new() };
    let corrections = read_rows(bytes, &mut errors).unwrap_or_default();
    check_pairs(&corrections, &mut errors);
    errors.found.sort_by_key(|error| error.row);
    if errors.found.is_empty() { Ok(corrections) } else { Err(errors.found) }
}

struct Errors<'a> {
    file: &'a str,
    found: Vec<ClockError>,
}

impl Errors<'_> {
    fn add(&mut self, row: u64, column: &str, what: impl Into<String>, way_out: impl Into<String>) {
        self.found.push(ClockError {
            file: self.file.to_owned(),
            row,
            column: column.to_owned(),
            what: what.into(),
            way_out: way_out.into(),
        });
    }

    fn add_table_error(&mut self, error: &TableError) {
        let (line, message) = match error {
            TableError::Text { line, message, .. } => (line.unwrap_or(1), message.clone()),
            other => (1, other.to_string()),
        };
        let (what, way_out) = message.split_once("; ").unwrap_or((&message, "look at this row in a text editor"));
        self.add(line, "1", what, way_out);
    }
}

fn read_rows(bytes: &[u8], errors: &mut Errors) -> Option<Vec<Correction>> {
    let mut records = Reading::tolerant(errors.file).records(bytes).map_err(|error| errors.add_table_error(&error)).ok()?;
    let mut columns: Option<BTreeMap<&'static str, usize>> = None;
    let mut corrections = Vec::new();
    let mut record = Vec::new();
    loop {
        let row = match records.next(&mut record) {
            Ok(Some(row)) => row,
            Ok(None) => return Some(corrections),
            Err(error) => {
                errors.add_table_error(&error);
                return Some(corrections);
            }
        };
        if record.iter().all(|field| field.text.trim().is_empty()) {
            continue;
        }
        match &columns {
            None => columns = Some(header(&record, row, errors)?),
            Some(columns) => {
                let fields = Fields { record: &record, columns, row };
                corrections.extend(correction(&fields, errors));
            }
        }
    }
}

fn header(record: &[Value<'_>], row: u64, errors: &mut Errors) -> Option<BTreeMap<&'static str, usize>> {
    let mut columns = BTreeMap::new();
    let before = errors.found.len();
    for (at, name) in record.iter().enumerate() {
        let name = name.text.trim().to_lowercase();
        if name.is_empty() {
            continue;
        }
        if let Some(known) = HEADER.into_iter().find(|known| *known == name) {
            if columns.insert(known, at).is_some() {
                errors.add(row, &name, "the column stands there twice", "remove one of them");
            }
            continue;
        }
        let near = HEADER.into_iter().max_by(|a, b| strsim::jaro_winkler(a, &name).total_cmp(&strsim::jaro_winkler(b, &name)));
        let near = near.filter(|near| strsim::jaro_winkler(near, &name) > 0.8);
        let way_out =
            near.map_or_else(|| format!("the columns are {}", HEADER.join(", ")), |near| format!("did you mean `{near}`?"));
        errors.add(row, &name, "this is not a column of a clock file", way_out);
    }
    for needed in ["id", "kind"] {
        if !columns.contains_key(needed) {
            errors.add(row, needed, "the column is missing", format!("the columns are {}", HEADER.join(", ")));
        }
    }
    (errors.found.len() == before).then_some(columns)
}

struct Fields<'a> {
    record: &'a [Value<'a>],
    columns: &'a BTreeMap<&'static str, usize>,
    row: u64,
}

impl Fields<'_> {
    fn text(&self, column: &str) -> Option<String> {
        let field = self.record.get(*self.columns.get(column)?)?.text.trim();
        (!field.is_empty() && field != "NA").then(|| field.to_owned())
    }

    fn time(&self, column: &str, end_of_day: bool, errors: &mut Errors) -> Result<Option<DateTime>, ()> {
        let Some(text) = self.text(column) else { return Ok(None) };
        match read_time(&text, end_of_day) {
            Some(Written::Local(time)) => return Ok(Some(time)),
            Some(Written::Moment(_)) => {
                let way_out = "write what the clock showed, without an offset: YYYY-MM-DD hh:mm:ss";
                errors.add(self.row, column, format!("`{text}` has an offset to UTC, and a camera's clock has none"), way_out);
            }
            None => {
                let way_out = "write YYYY-MM-DD or YYYY-MM-DD hh:mm:ss";
                errors.add(self.row, column, format!("`{text}` is not a time"), way_out);
            }
        }
        Err(())
    }

    fn number(&self, column: &str, errors: &mut Errors) -> Option<i64> {
        let text = self.text(column)?;
        let number = text.parse().ok();
        if number.is_none() {
            errors.add(self.row, column, format!("`{text}` is not a whole number"), "write the number of an event");
        }
        number
    }

    /// The name of a file, without folders.
    fn file(&self, column: &str, errors: &mut Errors) -> Option<String> {
        let text = self.text(column)?;
        if text.contains(['/', '\\']) {
            let way_out = "write the name alone, such as `IMG_0412.JPG`, and its folders in the column `folder`";
            errors.add(self.row, column, format!("`{text}` holds folders"), way_out);
        }
        Some(text)
    }
}

fn correction(fields: &Fields, errors: &mut Errors) -> Option<Correction> {
    let row = fields.row;
    let before = errors.found.len();
    let id = fields.text("id");
    if id.is_none() {
        errors.add(row, "id", "the correction has no id", "give it a short name of its own");
    }
    let mut reach = reach(fields, errors);
    let kind = kind(fields, errors);
    let change = kind.and_then(|kind| change(kind, fields, errors));
    if kind == Some(CorrectionKind::Dst)
        && (reach.from.is_none() || reach.to.is_none())
        && matches!(change, Some(Change::ShiftSeconds(_)))
    {
        errors.add(
            row,
            "from",
            "a summer-time shift without a start and an end",
            "fill in `from` and `to`, or write a time zone as value",
        );
    }
    if errors.found.len() > before {
        return None;
    }
    if let Some(Change::Line([(raw_1, _), (raw_2, _)])) = &change {
        (reach.from, reach.to) = (reach.from.or(Some(*raw_1)), reach.to.or(Some(*raw_2)));
    }
    Some(Correction { id: id?, reach, kind: kind?, change: change?, comment: fields.text("comment"), row })
}

/// The images that a row is about.
fn reach(fields: &Fields, errors: &mut Errors) -> Reach {
    let row = fields.row;
    let (site, deployment) = (fields.text("site"), fields.text("deployment"));
    if site.is_none() && deployment.is_none() {
        errors.add(row, "site", "neither a site nor a deployment is named", "name one, or write `*` for every site");
    }
    let reach = Reach {
        site: site.filter(|site| site != "*").map(|site| normal(&site).into_owned()),
        deployment,
        season: fields.text("season").map(|season| normal(&season).into_owned()),
        folder: fields.text("folder").map(|folder| folder.replace('\\', "/")),
        from: fields.time("from", false, errors).ok().flatten(),
        to: fields.time("to", true, errors).ok().flatten(),
        file_from: fields.file("file_from", errors),
        file_to: fields.file("file_to", errors),
        event_from: fields.number("event_from", errors),
        event_to: fields.number("event_to", errors),
    };
    let backwards = [
        ("to", "from", matches!((reach.from, reach.to), (Some(from), Some(to)) if to < from)),
        (
            "file_to",
            "file_from",
            matches!((&reach.file_from, &reach.file_to), (Some(from), Some(to)) if by_number(from, to).is_gt()),
        ),
        ("event_to", "event_from", matches!((reach.event_from, reach.event_to), (Some(from), Some(to)) if to < from)),
    ];
    for (end, start, _) in backwards.into_iter().filter(|(.., backwards)| *backwards) {
        errors.add(row, end, "the end lies before the start", format!("exchange `{start}` and `{end}`"));
    }
    reach
}

fn kind(fields: &Fields, errors: &mut Errors) -> Option<CorrectionKind> {
    let words = CorrectionKind::ALL.map(CorrectionKind::word);
    let Some(word) = fields.text("kind") else {
        errors.add(fields.row, "kind", "the correction has no kind", format!("write one of {}", words.join(", ")));
        return None;
    };
    let found = CorrectionKind::ALL.into_iter().find(|kind| kind.word() == word.to_lowercase());
    if found.is_none() {
        errors.add(
            fields.row,
            "kind",
            format!("`{word}` is not a kind of correction"),
            format!("write one of {}", words.join(", ")),
        );
    }
    found
}

fn change(kind: CorrectionKind, fields: &Fields, errors: &mut Errors) -> Option<Change> {
    let value = fields.text("value");
    let written = value.as_deref();
    let (change, way_out) = match kind {
        CorrectionKind::MonthDaySwap => (written.is_none().then_some(Change::SwapMonthDay), "leave the value empty"),
        CorrectionKind::AmPm => {
            let change = match written {
                None => Some(Change::FlipHalfDay),
                Some(text) => duration(text).filter(|shift| shift.abs() == 12 * 3600).map(Change::ShiftSeconds),
            };
            (change, "leave the value empty, or write `+12h` or `-12h`")
        }
        CorrectionKind::Year => (written.and_then(year), "write `+1` or `-1` to shift, or a year such as `2016` to set it"),
        CorrectionKind::Offset => {
            (written.and_then(duration).map(Change::ShiftSeconds), "write a shift such as `+2h`, `-1d2h30m` or `-00:30:00`")
        }
        CorrectionKind::Dst => {
            let shift = written.and_then(duration).map(Change::ShiftSeconds);
            let zone = || TimeZone::get(written?).ok().map(Change::SummerTime);
            (shift.or_else(zone), "write a shift such as `+1h`, or a time zone such as `Europe/Oslo`")
        }
        CorrectionKind::Drift if written.is_some() => (None, "leave the value empty: the anchors say it all"),
        CorrectionKind::Drift => return drift(fields, errors),
    };
    if change.is_none() {
        let what = value.map_or_else(
            || format!("a correction of kind `{kind}` needs a value"),
            |value| format!("`{value}` is not a value of kind `{kind}`"),
        );
        errors.add(fields.row, "value", what, way_out);
    }
    change
}

fn drift(fields: &Fields, errors: &mut Errors) -> Option<Change> {
    let mut times = [None; 4];
    for (time, column) in times.iter_mut().zip(["anchor1_raw", "anchor1_true", "anchor2_raw", "anchor2_true"]) {
        let read = fields.time(column, false, errors);
        if read == Ok(None) {
            errors.add(
                fields.row,
                column,
                "a drift needs both anchors",
                "write what the camera showed and what the time really was, twice",
            );
        }
        *time = read.ok().flatten();
    }
    let [raw_1, true_1, raw_2, true_2] = times;
    let (raw_1, true_1, raw_2, true_2) = (raw_1?, true_1?, raw_2?, true_2?);
    if elapsed(raw_1, raw_2)? <= 0 || elapsed(true_1, true_2)? <= 0 {
        errors.add(fields.row, "anchor2_raw", "the second anchor is not later than the first", "exchange the anchors");
        return None;
    }
    Some(Change::Line([(raw_1, true_1), (raw_2, true_2)]))
}

fn year(text: &str) -> Option<Change> {
    let text = text.replace('\u{2212}', "-");
    if text.starts_with(['+', '-']) {
        return text.parse().ok().filter(|shift: &i16| *shift != 0 && shift.abs() <= 200).map(Change::ShiftYears);
    }
    text.parse().ok().filter(|year| text.len() == 4 && (1900..=2200).contains(year)).map(Change::SetYear)
}

/// Seconds of `[+-]1d2h30m10s` or `[+-]hh:mm[:ss]`. A spreadsheet's long minus is a minus.
fn duration(text: &str) -> Option<i64> {
    let text = text.replace('\u{2212}', "-").to_lowercase();
    let text = text.trim();
    let (sign, size) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let total = if size.contains(':') { clock_duration(size)? } else { unit_duration(size)? };
    (total != 0).then_some(sign * total)
}

fn clock_duration(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split(':').collect();
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i32>().ok()).flatten().map(i64::from);
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes] => (number(hours)?, number(minutes)?, 0),
        [hours, minutes, seconds] => (number(hours)?, number(minutes)?, number(seconds)?),
        _ => return None,
    };
    (minutes < 60 && seconds < 60).then_some(hours * 3600 + minutes * 60 + seconds)
}

fn unit_duration(text: &str) -> Option<i64> {
    let mut total = 0;
    let mut digits = String::new();
    let mut last = i64::MAX;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        if unit >= last {
            return None;
        }
        last = unit;
        total += i64::from(digits.parse::<i32>().ok()?) * unit;
        digits.clear();
    }
    (digits.is_empty() && last != i64::MAX).then_some(total)
}

fn check_pairs(corrections: &[Correction], errors: &mut Errors) {
    for (at, later) in corrections.iter().enumerate() {
        for earlier in &corrections[..at] {
            if earlier.id == later.id {
                errors.add(
                    later.row,
                    "id",
                    format!("`{}` stands in row {} too", later.id, earlier.row),
                    "give each correction an id of its own",
                );
            }
            if !earlier.reach.overlaps(&later.reach) {
                continue;
            }
            let kinds = (earlier.kind, later.kind);
            if kinds.0 == kinds.1 {
                let what = format!(
                    "`{}` and `{}` (row {}) are both of kind `{}` and overlap",
                    later.id, earlier.id, earlier.row, kinds.0
                );
                errors.add(
                    later.row,
                    "from",
                    what,
                    "end one before the other starts, limit them to seasons, folders, files or events, or join them into one",
                );
            } else if conflicting(kinds.0, kinds.1) {
                let what = format!(
                    "`{}` ({}) overlaps `{}` ({}, row {}), and a drift states the true time by itself",
                    later.id, kinds.1, earlier.id, kinds.0, earlier.row
                );
                errors.add(later.row, "from", what, "put the whole correction into the drift's anchors");
            }
        }
    }
}
