//! Which model a season has: ranges of whole numbers, both ends included, and a default.

use crate::diagnostic::Spanned;
use crate::seasons::Seasons;
use crate::step::ParamValue;
use crate::table::Cell;

/// The column that decides.
const COLUMN: &str = "season";

/// Models by season: ranges from the earliest on, so that the order in which they are written changes nothing.
#[derive(Debug, Clone)]
pub(super) struct SeasonModels {
    /// First and last season, both included.
    ranges: Vec<((i64, i64), Spanned<String>)>,
    default: Option<Spanned<String>>,
}

impl SeasonModels {
    /// Reads a parameter whose ranges were checked: they can be read and none overlaps another.
    pub(super) fn read(value: &Spanned<ParamValue>) -> Option<Self> {
        let mut models = Self { ranges: Vec::new(), default: None };
        let named = |value: &Spanned<ParamValue>| match &value.value {
            ParamValue::Text(model) => Some(Spanned { value: model.clone(), span: value.span }),
            _ => None,
        };
        let ParamValue::Map(entries) = &value.value else {
            models.default = Some(named(value)?);
            return Some(models);
        };
        for (key, model) in entries {
            match Seasons::parse(&key.value).ok()? {
                Seasons::Default => models.default = Some(named(model)?),
                Seasons::Range(first, last) => models.ranges.push(((first, last), named(model)?)),
            }
        }
        models.ranges.sort_by_key(|(range, _)| *range);
        Some(models)
    }

    /// One model for all seasons.
    pub(super) fn only(model: Spanned<String>) -> Self {
        Self { ranges: Vec::new(), default: Some(model) }
    }

    /// The models in the order of their seasons, the default last; one may occur several times.
    pub(super) fn models(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.ranges.iter().map(|(_, model)| model).chain(&self.default)
    }

    /// The column that decides, unless all seasons have the same model.
    pub(super) fn chooses_by(&self) -> Option<&'static str> {
        (!self.ranges.is_empty()).then_some(COLUMN)
    }

    /// The place in [`SeasonModels::models`] of the model for a season.
    pub(super) fn choose(&self, season: Option<&Cell>) -> Option<usize> {
        let number = match season {
            Some(Cell::Int(number)) => Some(*number),
            Some(Cell::Text(text)) => text.trim().parse().ok(),
            _ => None,
        };
        let named =
            number.and_then(|number| self.ranges.iter().position(|((first, last), _)| (*first..=*last).contains(&number)));
        named.or_else(|| self.default.as_ref().map(|_| self.ranges.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{FileId, Span};

    fn read(entries: &[(&str, &str)]) -> Option<SeasonModels> {
        let span = Span::start_of(FileId(0));
        let entry = |(key, model): &(&str, &str)| {
            let key = Spanned { value: (*key).to_owned(), span };
            (key, Spanned { value: ParamValue::Text((*model).to_owned()), span })
        };
        SeasonModels::read(&Spanned { value: ParamValue::Map(entries.iter().map(entry).collect()), span })
    }

    fn chosen(seasons: &SeasonModels, season: &Cell) -> Option<String> {
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
}
