//! Applies clock corrections to one raw time.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, ToSpan};

use super::{Change, ClockProblem, Corrected, Correction, CorrectionKind, Subject, seconds};

/// Corrects one time. Pure: the same corrections, image and raw time always give the same answer, in any order of rows.
///
/// *Order*: see the module's table. *Overlaps*: when two of one kind match, or a drift beside anything but `dst`, none
/// of them is applied and the problem is named.
#[must_use]
pub fn apply(corrections: &[Correction], image: &Subject<'_>, raw: DateTime) -> Corrected {
    let mut matching: Vec<&Correction> = corrections.iter().filter(|correction| correction.reach.holds(image, raw)).collect();
    matching.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    let mut done = Corrected { time: raw, offset: None, ids: Vec::new(), problems: Vec::new() };
    drop_overlaps(&mut matching, &mut done);
    for correction in matching {
        match change(&correction.change, done.time) {
            Some((time, offset)) => {
                (done.time, done.offset) = (time, offset);
                done.ids.push(correction.id.clone());
            }
            None => done.problems.push(ClockProblem::Impossible { id: correction.id.clone() }),
        }
    }
    done
}

fn drop_overlaps(matching: &mut Vec<&Correction>, done: &mut Corrected) {
    let drifting = matching.iter().any(|correction| correction.kind == CorrectionKind::Drift);
    let clash = |correction: &Correction| {
        let same = matching.iter().filter(|other| other.kind == correction.kind).count() > 1;
        let beside_drift = drifting
            && correction.kind != CorrectionKind::Dst
            && matching.iter().any(|other| conflicting(other.kind, correction.kind));
        same || beside_drift
    };
    let ids: Vec<String> =
        matching.iter().filter(|correction| clash(correction)).map(|correction| correction.id.clone()).collect();
    if !ids.is_empty() {
        matching.retain(|correction| !ids.contains(&correction.id));
        done.problems.push(ClockProblem::Overlap { ids });
    }
}

/// Whether two different kinds exclude each other.
pub(super) fn conflicting(a: CorrectionKind, b: CorrectionKind) -> bool {
    use CorrectionKind::{Drift, Dst};
    (a == Drift) != (b == Drift) && a != Dst && b != Dst
}

/// What one correction alone makes of a time.
#[must_use]
pub fn apply_one(correction: &Correction, time: DateTime) -> Option<DateTime> {
    change(&correction.change, time).map(|(time, _)| time)
}

/// The time after a change, and its offset where the change knows it.
fn change(change: &Change, time: DateTime) -> Option<(DateTime, Option<Offset>)> {
    let time = match change {
        Change::SwapMonthDay => time.with().month(time.day()).day(time.month()).build().ok(),
        Change::FlipHalfDay => time.with().hour((time.hour() + 12) % 24).build().ok(),
        Change::ShiftYears(years) => time.checked_add(i64::from(*years).years()).ok(),
        Change::SetYear(year) => time.checked_add(i64::from(year - time.year()).years()).ok(),
        Change::ShiftSeconds(shift) => time.checked_add(seconds(*shift)?).ok(),
        Change::SummerTime(zone) => return summer_time(zone, time).map(|(time, offset)| (time, Some(offset))),
        Change::Line(anchors) => line(anchors, time),
    };
    Some((time?, None))
}

/// Reads `time` as the zone's winter time and gives its legal time, with its offset: the hour that comes twice in autumn is known.
fn summer_time(zone: &TimeZone, time: DateTime) -> Option<(DateTime, Offset)> {
    let offset_in = |month: i8| {
        let instant = time.with().month(month).day(1).build().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(zone.to_offset(instant))
    };
    let winter = offset_in(1)?.min(offset_in(7)?);
    let moment = winter.to_timestamp(time).ok()?;
    let offset = zone.to_offset(moment);
    Some((offset.to_datetime(moment), offset))
}

/// The straight line through both anchors, beyond them too, rounded to the second.
fn line([(raw_1, true_1), (raw_2, true_2)]: &[(DateTime, DateTime); 2], time: DateTime) -> Option<DateTime> {
    let run = i128::from(elapsed(*raw_1, *raw_2)?);
    let gained = i128::from(elapsed(*true_1, *true_2)?) - run;
    if run == 0 {
        return None;
    }
    let passed = i128::from(elapsed(*raw_1, time)?);
    let product = passed * gained;
    let shift = (2 * product + run * product.signum() * run.signum()) / (2 * run);
    let shift = i64::try_from(shift).ok()? + elapsed(*raw_1, *true_1)?;
    time.checked_add(seconds(shift)?).ok()
}

/// Seconds from one civil time to another.
pub(super) fn elapsed(from: DateTime, to: DateTime) -> Option<i64> {
    let span: Span = from.until((jiff::Unit::Second, to)).ok()?;
    Some(span.get_seconds())
}
