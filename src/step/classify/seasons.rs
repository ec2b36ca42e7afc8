//! Which model a season has: ranges of whole numbers, both ends included, and a default.

use std::ops::RangeInclusive;

use crate::diagnostic::codes::{BAD_SEASONS, OVERLAPPING_SEASONS};
use crate::diagnostic::{Diagnostic, Report, Spanned};
use crate::step::ParamValue;
use crate::table::Cell;

/// The key for all seasons that no range names.
const DEFAULT: &str = "default";

/// The column that decides.
const COLUMN: &str = "season";

/// Models by season: ranges from the earliest on, so that the order in which they are written changes nothing.
#[derive(Debug, Clone)]
pub(super) struct Seasons {
    ranges: Vec<(RangeInclusive<i64>, Spanned<String>)>,
    default: Option<Spanned<String>>,
}

impl Seasons {
    /// Reads a checked parameter; a range that cannot be read or overlaps another is a finding.
    pub(super) fn read(value: &Spanned<ParamValue>, report: &mut Report) -> Option<Self> {
        let mut seasons = Self { ranges: Vec::new(), default: None };
        match &value.value {
            ParamValue::Text(model) => seasons.default = Some(Spanned { value: model.clone(), span: value.span }),
            ParamValue::Map(entries) => {
                for (key, model) in entries {
                    let ParamValue::Text(text) = &model.value else { return None };
                    let model = Spanned { value: text.clone(), span: model.span };
                    if key.value == DEFAULT {
                        seasons.default = Some(model);
                    } else if let Some(range) = parse_range(&key.value) {
                        seasons.ranges.push((range, model));
                    } else {
                        let message = format!("`{}` is not a season, a range of seasons or `{DEFAULT}`", key.value);
                        report.push(Diagnostic::new(BAD_SEASONS, key.span, message).help("write `2021` or `\"2014..2025\"`"));
                        return None;
                    }
                }
            }
            _ => return None,
        }
        seasons.ranges.sort_by_key(|(range, _)| *range.start());
        if let Some(pair) = seasons.ranges.windows(2).find(|pair| pair[0].0.end() >= pair[1].0.start()) {
            let message = format!("season {} has two models", pair[1].0.start());
            report.push(Diagnostic::new(OVERLAPPING_SEASONS, pair[1].1.span, message).help("both ends of a range are included"));
            return None;
        }
        Some(seasons)
    }

    /// The models in the order of their seasons, the default last; one may occur several times.
    pub(super) fn models(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.ranges.iter().map(|(_, model)| model).chain(&self.default)
    }

    /// The column that decides, unless all seasons have the same model.
    pub(super) fn chooses_by(&self) -> Option<&'static str> {
        (!self.ranges.is_empty()).then_some(COLUMN)
    }

    /// The place in [`Seasons::models`] of the model for a season.
    pub(super) fn choose(&self, season: Option<&Cell>) -> Option<usize> {
        let number = match season {
            Some(Cell::Int(number)) => Some(*number),
            Some(Cell::Text(text)) => text.trim().parse().ok(),
            _ => None,
        };
        let named = number.and_then(|number| self.ranges.iter().position(|(range, _)| range.contains(&number)));
        named.or_else(|| self.default.as_ref().map(|_| self.ranges.len()))
    }
}

/// `2021`, or `2014..2025` with both ends included.
fn parse_range(text: &str) -> Option<RangeInclusive<i64>> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then_some(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{FileId, Span};

    fn read(entries: &[(&str, &str)]) -> Result<Seasons, Vec<String>> {
        let span = Span::start_of(FileId(0));
        let entry = |(key, model): &(&str, &str)| {
            let key = Spanned { value: (*key).to_owned(), span };
            (key, Spanned { value: ParamValue::Text((*model).to_owned()), span })
        };
        let value = Spanned { value: ParamValue::Map(entries.iter().map(entry).collect()), span };
        let mut report = Report::default();
        Seasons::read(&value, &mut report).ok_or_else(|| report.diagnostics.into_iter().map(|d| d.message).collect())
    }

    fn chosen(seasons: &Seasons, season: &Cell) -> Option<String> {
        seasons.choose(Some(season)).and_then(|at| seasons.models().nth(at)).map(|model| model.value.clone())
    }

    #[test]
    fn both_ends_of_a_range_belong_to_it() {
        let seasons = read(&[("default", "new@2"), ("2020", "mid@1"), ("2014..2019", "old@1")]).unwrap();
        for (season, model) in [(2013, "new@2"), (2014, "old@1"), (2019, "old@1"), (2020, "mid@1"), (2021, "new@2")] {
            assert_eq!(chosen(&seasons, &Cell::Int(season)).as_deref(), Some(model), "{season}");
            assert_eq!(chosen(&seasons, &Cell::Text(format!(" {season} "))).as_deref(), Some(model), "{season} as text");
        }
    }

    #[test]
    fn without_a_default_other_seasons_have_no_model() {
        let seasons = read(&[("2014..2019", "old@1")]).unwrap();
        for season in [Cell::Int(2020), Cell::Null, Cell::Text("spring".into()), Cell::Text("2015.5".into())] {
            assert_eq!(chosen(&seasons, &season), None, "{season:?}");
        }
    }

    #[test]
    fn one_model_for_all_needs_no_season() {
        let seasons = read(&[("default", "all@1")]).unwrap();
        assert_eq!((seasons.chooses_by(), seasons.choose(None)), (None, Some(0)));
    }

    #[test]
    fn the_order_written_changes_nothing() {
        let names = |entries: &[(&str, &str)]| -> Vec<String> {
            read(entries).unwrap().models().map(|model| model.value.clone()).collect()
        };
        assert_eq!(names(&[("default", "c@1"), ("2020", "b@1"), ("2014", "a@1")]), ["a@1", "b@1", "c@1"]);
    }

    #[test]
    fn overlaps_and_nonsense_are_found() {
        assert_eq!(read(&[("2014..2020", "a@1"), ("2020..2021", "b@1")]).unwrap_err(), ["season 2020 has two models"]);
        for bad in ["2020..2014", "spring", "2014...2020", "", ".."] {
            assert_eq!(read(&[(bad, "a@1")]).unwrap_err().len(), 1, "{bad}");
        }
    }
}
