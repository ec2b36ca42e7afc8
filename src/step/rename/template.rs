//! The name template: rendered per image with its counter left open.

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind};

use crate::table::{CellRef, Table};
use crate::template;

/// What stands for the counter until its number is known. No name holds a control character.
const OPEN: char = '\u{1}';
const CLOSE: char = '\u{2}';

/// A compiled name template.
pub struct Template {
    env: Environment<'static>,
    /// It multiplies: the columns must be numbers.
    multiplies: bool,
    /// The columns that it speaks of.
    pub columns: Vec<String>,
}

/// A name up to its counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Draft {
    /// A name without counter.
    Whole(String),
    /// What stands before and behind the first counter. Later counters repeat the number and stand open in `behind`.
    Counted {
        /// Before the counter.
        before: String,
        /// Fewest digits.
        width: usize,
        /// Behind the counter.
        behind: String,
    },
}

impl Draft {
    /// The name under `number`.
    pub fn name(&self, number: u64) -> String {
        match self {
            Self::Whole(name) => name.clone(),
            Self::Counted { before, width, behind } => {
                let name = format!("{before}{number:0width$}");
                match open(behind) {
                    Some(draft) => name + &draft.name(number),
                    None => name + behind,
                }
            }
        }
    }
}

impl Draft {
    /// Says whether `name` is this one, whatever its number.
    pub fn fits(&self, name: &str) -> bool {
        let Self::Counted { before, .. } = self else { return self.name(0) == name };
        let Some(rest) = name.strip_prefix(before.as_str()) else { return false };
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().is_ok_and(|number| self.name(number) == name)
    }
}

/// Finds the counter in a rendered text.
fn open(rendered: &str) -> Option<Draft> {
    let (before, rest) = rendered.split_once(OPEN)?;
    let (width, behind) = rest.split_once(CLOSE)?;
    Some(Draft::Counted { before: before.to_owned(), width: width.parse().ok()?, behind: behind.to_owned() })
}

/// Why an image gets no name.
#[derive(Debug)]
pub enum Refusal {
    /// A column that the template needs is missing for this image.
    Missing,
    /// The template fails.
    Failed(Error),
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// When it cannot be parsed.
    pub fn new(text: &str) -> Result<Self, Error> {
        let too_much = |error: template::TooMuch| Error::new(ErrorKind::OutOfFuel, error.to_string());
        let multiplies = template::check(text).map_err(too_much)?;
        let mut env = template::environment();
        env.add_function("counter", |width: Option<usize>| match width.unwrap_or(1) {
            width @ 1..=12 => Ok(format!("{OPEN}{width}{CLOSE}")),
            _ => Err(Error::new(ErrorKind::InvalidOperation, "counter(width) takes 1 to 12 digits")),
        });
        env.add_template_owned("name", text.to_owned())?;
        let mut columns: Vec<_> = env.get_template("name")?.undeclared_variables(false).into_iter().collect();
        columns.retain(|name| env.globals().all(|(global, _)| global != name));
        columns.sort();
        Ok(Self { env, multiplies, columns })
    }

    /// Renders the name of the image at `row`.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn draft(&self, table: &Table, row: usize) -> Result<Draft, Refusal> {
        let cells = || self.columns.iter().map(|name| (name.as_str(), table.cell(row, name)));
        if let Some((name, _)) = cells().find(|(_, cell)| self.multiplies && matches!(cell, CellRef::Text(_))) {
            let error = template::TooMuch::Repeats(name.to_owned());
            return Err(Refusal::Failed(Error::new(ErrorKind::OutOfFuel, error.to_string())));
        }
        let values = cells().map(|(name, cell)| (name, value(cell)));
        match template::render(&self.env, "name", Value::from_pairs(values)) {
            Ok(text) => Ok(open(&text).unwrap_or(Draft::Whole(text))),
            Err(error) if error.kind() == ErrorKind::UndefinedError => Err(Refusal::Missing),
            Err(error) => Err(Refusal::Failed(error)),
        }
    }

    /// The columns of the template that are missing for the image at `row`.
    pub fn missing<'a>(&'a self, table: &'a Table, row: usize) -> impl Iterator<Item = &'a str> {
        self.columns.iter().map(String::as_str).filter(move |name| table.cell(row, name) == CellRef::Null)
    }
}

/// A cell as templates see it; a missing one is undefined, which `default("...")` can replace.
fn value(cell: CellRef<'_>) -> Value {
    match cell {
        CellRef::Null => Value::UNDEFINED,
        CellRef::Text(text) => Value::from(text),
        CellRef::Int(value) => Value::from(value),
        CellRef::Float32(value) => Value::from(f64::from(value)),
        CellRef::Float64(value) => Value::from(value),
        CellRef::Bool(value) => Value::from(value),
        CellRef::Content(_) | CellRef::DateTime(_) => Value::from(cell.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::testing::{table, text};
    use crate::table::{Cell, Type};

    fn drafts(template: &str) -> Vec<Result<Draft, Refusal>> {
        let fields = [("site", Type::Text), ("date_raw", Type::Text), ("n", Type::Int)];
        let rows = [vec![text("ko_1"), text("2021-07-01"), Cell::Int(7)], vec![text("ko_1"), Cell::Null, Cell::Null]];
        let (template, table) = (Template::new(template).unwrap(), table(&fields, &rows));
        (0..2).map(|row| template.draft(&table, row)).collect()
    }

    #[test]
    fn the_counter_stays_open_until_its_number_is_known() {
        let drafts = drafts("{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG");
        let Ok(draft) = &drafts[0] else { panic!("{drafts:?}") };
        assert_eq!(*draft, Draft::Counted { before: "ko_1_2021-07-01_".into(), width: 4, behind: ".JPG".into() });
        assert_eq!(draft.name(3), "ko_1_2021-07-01_0003.JPG");
        assert_eq!(draft.name(12345), "ko_1_2021-07-01_12345.JPG");
        assert!(matches!(drafts[1], Err(Refusal::Missing)));
    }

    #[test]
    fn a_default_replaces_a_missing_value() {
        let drafts = drafts("{{ site }}_{{ date_raw | default('undated') }}.JPG");
        assert!(matches!(&drafts[1], Ok(Draft::Whole(name)) if name == "ko_1_undated.JPG"));
    }

    #[test]
    fn two_counters_show_one_number() {
        let drafts = drafts("{{ counter(2) }}-{{ n }}-{{ counter() }}");
        assert!(matches!(&drafts[0], Ok(draft) if draft.name(5) == "05-7-5"));
    }

    #[test]
    fn endless_work_is_stopped() {
        let drafts = drafts("{{ site * 1000000000 }}");
        assert!(matches!(&drafts[0], Err(Refusal::Failed(error)) if error.kind() == ErrorKind::OutOfFuel), "{drafts:?}");
        assert!(Template::new("{% for a in range(9999) %}{% for b in range(9999) %}{{ site }}{% endfor %}{% endfor %}").is_err());
        assert!(matches!(&drafts_error("{{ counter(99) }}"), Refusal::Failed(_)));
        assert!(Template::new("{{ site").is_err());
    }

    fn drafts_error(template: &str) -> Refusal {
        drafts(template).swap_remove(0).unwrap_err()
    }
}
