//! The order of the files against the clock: where it runs backwards, begins again, misses a new year, or goes back in autumn.

use std::collections::{BTreeMap, HashMap};

use super::dating::Dated;
use super::zones::Hour;
use crate::observation::{CAMERA, SERIAL};
use crate::photo::flags::MetadataFlag;
use crate::table::civil::{self, DAY_S};
use crate::table::{Column, Table};

/// A step back by more than this is a clock that began again, and no clock that was set right.
const RESET_S: i64 = 180 * DAY_S;

/// A step forward by more than this, among the files of one folder, is one as well.
const LONGEST_PAUSE_S: i64 = 366 * DAY_S;

/// Times of one hour that comes twice lie no further apart.
const SAME_NIGHT_S: i64 = 3 * 3600;

/// What counts files by itself: site, season, camera, serial number, folder, and the name without its number.
type Counter<'a> = (Option<u32>, Option<u32>, Option<u32>, Option<u32>, &'a str, &'a str, &'a str);

/// A file among those of its counter: the number of its folder, its own, and its row.
type Place = (u32, u64, usize);

/// Flags images whose times do not follow the order of the files, and tells the two passes of an hour that comes twice apart.
pub fn check(rows: &mut [Dated], images: &Table, mapped: &Table) {
    for files in sequences(rows, images, mapped) {
        tell_passes_apart(rows, &files);
        if !counter_began_again(rows, &files) {
            flag_steps(rows, &files);
        }
    }
    for row in rows.iter_mut().filter(|row| row.hour != Hour::Plain && row.offset_min.is_none()) {
        row.flag(MetadataFlag::RepeatedHour);
    }
    flag_against_events(rows, images, mapped);
}

/// The rows of each counter, in the order of the files.
fn sequences(rows: &[Dated], images: &Table, mapped: &Table) -> Vec<Vec<Place>> {
    let own = |name: &str| images.column(name).map(AsRef::as_ref);
    let code = |column: Option<&Column>, row: usize| column.and_then(|column| column.code(row));
    let (site, season, camera, path) = (own("site"), own("season"), own(CAMERA), own("path"));
    let serial = mapped.column(SERIAL).map(AsRef::as_ref);
    let raw = mapped.column("datetime_raw");
    let mut found: BTreeMap<Counter<'_>, Vec<Place>> = BTreeMap::new();
    for (row, dated) in rows.iter().enumerate() {
        let Some(path) = path.and_then(|column| column.text(row)).filter(|_| dated.time.is_some()) else { continue };
        let raw = raw.and_then(|column| column.datetime(row));
        let Some(file) = File::of(path, raw) else { continue };
        let counter =
            (code(site, row), code(season, row), code(camera, row), code(serial, row), file.folder, file.before, file.behind);
        found.entry(counter).or_default().push((file.card, file.number, row));
    }
    let mut sequences: Vec<Vec<Place>> = found.into_values().filter(|files| files.len() > 1).collect();
    for files in &mut sequences {
        files.sort_unstable();
    }
    sequences
}

/// The parts of a path that tell the order in which a camera wrote its files.
#[derive(Debug, PartialEq, Eq)]
struct File<'a> {
    /// The folder, without the numbered one that cameras make (`100RECNX`).
    folder: &'a str,
    /// The number of that folder.
    card: u32,
    before: &'a str,
    number: u64,
    behind: &'a str,
}

impl<'a> File<'a> {
    fn of(path: &'a str, raw: Option<i64>) -> Option<Self> {
        let (mut folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut card = 0;
        let (parent, last) = folder.rsplit_once('/').unwrap_or(("", folder));
        if let Some(number) = camera_folder(last) {
            (folder, card) = (parent, number);
        }
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let end = stem.rfind(|letter: char| letter.is_ascii_digit())? + 1;
        let start = stem[..end]
            .rfind(|letter: char| !letter.is_ascii_digit())
            .map_or(0, |at| at + stem[at..].chars().next().map_or(1, char::len_utf8));
        let (before, mut digits, behind) = (&stem[..start], &stem[start..end], &stem[end..]);
        // Some makers write month and day before a counter of four digits: 07120033.
        let day = raw.and_then(civil::from_seconds).map(|time| format!("{:02}{:02}", time.month(), time.day()));
        if let Some(counter) = day.filter(|_| digits.len() == 8).and_then(|day| digits.strip_prefix(day.as_str())) {
            digits = counter;
        }
        Some(Self { folder, card, before, number: digits.parse().ok()?, behind })
    }
}

/// The number of a folder as cameras make them: three digits and five letters or digits (DCF).
fn camera_folder(name: &str) -> Option<u32> {
    let (number, letters) = name.split_at_checked(3)?;
    let plain = letters.len() == 5 && letters.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let has_letter = letters.bytes().any(|byte| byte.is_ascii_alphabetic());
    number.parse().ok().filter(|_| plain && has_letter && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// By how many seconds `after` lies behind `before`: as moments where both offsets are known, else as the clock shows them.
fn passed(before: &Dated, after: &Dated) -> Option<i64> {
    let shown = after.time? - before.time?;
    let moments = after.offset_min.zip(before.offset_min);
    Some(shown - moments.map_or(0, |(after, before)| i64::from(after - before) * 60))
}

/// A camera that goes back by itself in autumn shows an hour twice. Where the files of that night step back once, those before the step
/// are of the first pass.
fn tell_passes_apart(rows: &mut [Dated], files: &[Place]) {
    let mut start = 0;
    while start < files.len() {
        let time = |at: usize| rows[files[at].2].time.unwrap_or_default();
        let repeated = |at: usize| rows[files[at].2].hour != Hour::Plain;
        if !repeated(start) {
            start += 1;
            continue;
        }
        let mut end = start + 1;
        while end < files.len() && repeated(end) && (time(end) - time(end - 1)).abs() < SAME_NIGHT_S {
            end += 1;
        }
        let steps: Vec<usize> = (start + 1..end).filter(|at| time(*at) < time(at - 1)).collect();
        if let [step] = steps[..] {
            for (at, (.., row)) in files.iter().enumerate().take(end).skip(start) {
                let row = &mut rows[*row];
                let Hour::Repeated { before_min, after_min } = row.hour else { continue };
                let second = at >= step;
                row.offset_min = Some(if second { after_min } else { before_min });
                row.pass = if second { 2 } else { 1 };
            }
        }
        start = end;
    }
}

/// A counter that went from its last number (9999) to 1 within the folder: the files from there on come first.
fn counter_began_again(rows: &[Dated], files: &[Place]) -> bool {
    let (Some(first), Some(last)) = (files.first(), files.last()) else { return false };
    let full = last.1.checked_add(1).is_some_and(|next| next >= 1000 && next.to_string().trim_matches('0') == "1");
    let back = |pair: &&[Place]| passed(&rows[pair[0].2], &rows[pair[1].2]).is_some_and(|passed| passed < 0);
    full && first.1 <= 1
        && files.windows(2).filter(back).count() == 1
        && passed(&rows[last.2], &rows[first.2]).is_some_and(|passed| passed >= 0)
}

/// Flags what follows a step back, and what stands before a jump of years.
fn flag_steps(rows: &mut [Dated], files: &[Place]) {
    // What the clock is wrong by, and the time from which on it is right again.
    let mut wrong: Option<(MetadataFlag, i64)> = None;
    let mut run = 0;
    for at in 1..files.len() {
        let (before, row) = (files[at - 1].2, files[at].2);
        let Some(passed) = passed(&rows[before], &rows[row]) else { continue };
        let (then, now) = (rows[before].time.unwrap_or_default(), rows[row].time.unwrap_or_default());
        if passed < 0 {
            let flag = kind_of_step(then, now);
            if flag == MetadataFlag::TimeRunsBackwards {
                rows[row].flag(flag);
            } else {
                wrong = Some((flag, then));
            }
            run = at;
        } else if passed > LONGEST_PAUSE_S {
            if wrong.take().is_none() {
                files[run..at].iter().for_each(|(.., row)| rows[*row].flag(MetadataFlag::ClockReset));
            }
            run = at;
        }
        wrong = wrong.filter(|(_, right)| now < *right);
        if let Some((flag, _)) = &wrong {
            rows[row].flag(flag.clone());
        }
    }
}

/// Why a clock went back from `then` to `now`.
fn kind_of_step(then: i64, now: i64) -> MetadataFlag {
    let month = |seconds: i64| civil::from_seconds(seconds).map(jiff::civil::DateTime::month);
    let back = then - now;
    let a_year = (300 * DAY_S..=366 * DAY_S).contains(&back);
    if a_year && month(then) == Some(12) && month(now) == Some(1) {
        MetadataFlag::YearNotAdvanced
    } else if back > RESET_S {
        MetadataFlag::ClockReset
    } else {
        MetadataFlag::TimeRunsBackwards
    }
}

/// Site, season, folder and trigger: what counts events by itself.
type EventCounter<'a> = (Option<u32>, Option<u32>, &'a str, Option<u32>);

/// Flags an image whose corrected time lies before that of the image before it in the same folder, though its event or its place in the
/// burst is later. Event numbers start again when a camera is reset: a smaller number says nothing.
fn flag_against_events(rows: &mut [Dated], images: &Table, mapped: &Table) {
    let text = |name: &str| images.column(name).map(AsRef::as_ref);
    let (site, season, path) = (text("site"), text("season"), text("path"));
    let column = |name: &str| mapped.column(name).map(AsRef::as_ref);
    let (trigger, event, place) = (column("trigger"), column("event"), column("sequence_n"));
    // Event, place in the burst and row of the last image.
    let mut last: HashMap<EventCounter<'_>, (i64, i64, usize)> = HashMap::new();
    for at in 0..rows.len() {
        let Some(event) = event.and_then(|column: &Column| column.int(at)).filter(|_| rows[at].time.is_some()) else { continue };
        let code = |column: Option<&Column>| column.and_then(|column| column.code(at));
        let folder =
            path.and_then(|column| column.text(at)).and_then(|path| path.rsplit_once('/')).map_or("", |(folder, _)| folder);
        let now = (event, place.and_then(|column: &Column| column.int(at)).unwrap_or(0), at);
        let before = last.insert((code(site), code(season), folder, code(trigger)), now);
        let Some((.., row)) = before.filter(|before| (before.0, before.1) < (now.0, now.1)) else { continue };
        let known = [MetadataFlag::YearNotAdvanced, MetadataFlag::ClockReset];
        if passed(&rows[row], &rows[at]).is_some_and(|passed| passed < 0)
            && !rows[at].flags().iter().any(|flag| known.contains(flag))
        {
            rows[at].flag(MetadataFlag::TimeRunsBackwards);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_makers_tell_folder_counter_and_number() {
        let day = civil::parse("2024-07-12T10:00:00");
        let file = |path: &'static str| {
            let file = File::of(path, day).unwrap();
            format!("{}|{}|{}|{}|{}", file.folder, file.card, file.before, file.number, file.behind)
        };
        assert_eq!(file("n/a/2024/100RECNX/IMG_0412.JPG"), "n/a/2024|100|IMG_|412|");
        assert_eq!(file("n/a/2024/IMG_0412.JPG"), "n/a/2024|0|IMG_|412|");
        // Month and day before the counter, as Bushnell and Moultrie write them.
        assert_eq!(file("a/07120033.JPG"), "a|0||33|");
        assert_eq!(file("a/07110033.JPG"), "a|0||7110033|");
        assert_eq!(file("a/cam2_0007 (é).jpg"), "a|0|cam2_|7| (é)");
        assert_eq!(file("é7.jpg"), "|0|é|7|");
        assert_eq!(File::of("a/fox.jpg", day), None);
        assert_eq!((camera_folder("100RECNX"), camera_folder("20240701"), camera_folder("100éabc")), (Some(100), None, None));
    }

    #[test]
    fn a_step_back_has_its_cause() {
        let step = |then: &str, now: &str| kind_of_step(civil::parse(then).unwrap(), civil::parse(now).unwrap()).word();
        assert_eq!(step("2024-12-31T23:59:00", "2024-01-01T00:01:00"), "year_not_advanced");
        assert_eq!(step("2024-08-01T10:00:00", "2006-01-01T00:00:00"), "clock_reset");
        assert_eq!(step("2024-08-01T10:00:00", "2024-07-31T10:00:00"), "time_runs_backwards");
    }
}
