//! Weekly abundance in COAT's form.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::counts::Grid;
use super::output::texts;
use super::sites::Described;
use super::{Class, Summarise};
use crate::observation::SITE_COLUMNS;
use crate::step::StepError;
use crate::table::civil::{self, DAY_S};
use crate::table::{CellRef, ColumnBuilder, Schema, Table, Type};

/// COAT's columns, in its order.
const COLUMNS: &[(&str, Type)] = &[
    ("sn_region", Type::Text),
    ("sn_locality", Type::Text),
    ("sc_type_of_sites_ecological", Type::Text),
    ("sn_site", Type::Text),
    ("t_year", Type::Int),
    ("t_week", Type::Int),
    ("v_class_id", Type::Text),
    ("v_abundance", Type::Int),
];

pub(super) fn schema() -> Schema {
    Schema::of(COLUMNS)
}

/// Year and week of a day since 1970: with `iso` those of ISO 8601, whose first week holds the first Thursday of January; else
/// the calendar year and its weeks of seven days from 1 January on, of which the last, the 53rd, has one day or two.
pub(super) fn week(date: i64, iso: bool) -> Option<(i16, i8)> {
    let date = civil::from_seconds(date.checked_mul(DAY_S)?)?.date();
    if iso {
        let week = date.iso_week_date();
        return Some((week.year(), week.week()));
    }
    Some((date.year(), i8::try_from((date.day_of_year() - 1) / 7 + 1).ok()?))
}

/// What a week holds of one class.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    events: i64,
    known: u32,
    missing: u32,
}

/// The classes of each id: several may be published as one.
fn ids(classes: &[Class]) -> BTreeMap<&str, Vec<usize>> {
    let mut ids: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, class) in classes.iter().enumerate() {
        ids.entry(&class.id).or_default().push(at);
    }
    ids
}

/// One row per site, week and class.
pub(super) fn table(grid: &Grid, classes: &[Class], sites: &Described, step: &Summarise) -> Result<Table, StepError> {
    let ids = ids(classes);
    let mut of_site: Vec<u32> = Vec::new();
    let mut of_id: Vec<u32> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let [mut years, mut weeks, mut abundances] = [0; 3].map(|_: u8| ColumnBuilder::new(Type::Int));
    let mut start = 0;
    while let Some(first) = grid.days.get(start) {
        let site = grid.places[first.place as usize].site.as_str();
        let end = start + grid.days[start..].partition_point(|day| grid.places[day.place as usize].site == site);
        for ((year, week), sums) in sums(grid, classes, &ids, start..end, step.iso) {
            for (id, sum) in (0_u32..).zip(sums) {
                of_site.push(u32::try_from(names.len()).unwrap_or(u32::MAX));
                of_id.push(id);
                years.push_int(year.into());
                weeks.push_int(week.into());
                let known = sum.known > 0 && sum.missing <= step.missing_days;
                abundances.push(if known { CellRef::Int(sum.events) } else { CellRef::Null });
            }
        }
        names.push(site);
        start = end;
    }
    let described = |name: &str| {
        let at = SITE_COLUMNS.iter().position(|names| names[0] == name).unwrap_or_default();
        texts(names.iter().map(|site| sites.value(site, at)))
    };
    let columns = vec![
        described("sn_region")?.take(&of_site),
        described("sn_locality")?.take(&of_site),
        described("sc_type_of_sites_ecological")?.take(&of_site),
        texts(names.iter().map(|name| Some(*name)))?.take(&of_site),
        years.finish()?,
        weeks.finish()?,
        texts(ids.keys().map(|id| Some(*id)))?.take(&of_id),
        abundances.finish()?,
    ];
    Ok(Table::from_columns(schema(), columns.into_iter().map(Arc::new).collect())?)
}

/// The weeks of a site, whose days are those at `range`, each with one sum per id.
fn sums(
    grid: &Grid,
    classes: &[Class],
    ids: &BTreeMap<&str, Vec<usize>>,
    range: std::ops::Range<usize>,
    iso: bool,
) -> BTreeMap<(i16, i8), Vec<Sum>> {
    // A date may belong to two seasons: the day on which the cards are changed.
    let mut dates: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for day in range {
        dates.entry(grid.days[day].date).or_default().push(day);
    }
    let mut weeks: BTreeMap<(i16, i8), Vec<Sum>> = BTreeMap::new();
    for (date, days) in dates {
        let Some(week) = week(date, iso) else { continue };
        let sums = weeks.entry(week).or_insert_with(|| vec![Sum::default(); ids.len()]);
        for (sum, own) in sums.iter_mut().zip(ids.values()) {
            let cells = days.iter().flat_map(|day| own.iter().map(move |at| grid.events(*day, *at, classes[*at].bad)));
            let mut complete = true;
            for cell in cells {
                complete &= cell.is_some();
                sum.events += i64::from(cell.unwrap_or_default());
            }
            sum.known += u32::from(complete);
            sum.missing += u32::from(!complete);
        }
    }
    weeks
}
