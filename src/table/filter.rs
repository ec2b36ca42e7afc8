//! Rows by the values of their columns.

use super::{CellRef, Column, Table, Type};

/// How a column is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Relation {
    /// `=`
    #[serde(rename = "=")]
    Equal,
    /// `<`
    #[serde(rename = "<")]
    Below,
    /// `<=`
    #[serde(rename = "<=")]
    AtMost,
    /// `>`
    #[serde(rename = ">")]
    Above,
    /// `>=`
    #[serde(rename = ">=")]
    AtLeast,
}

impl Relation {
    /// All of them, the longer signs first.
    const SIGNS: [(&'static str, Self); 5] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("=", Self::Equal), ("<", Self::Below), (">", Self::Above)];

    /// As written.
    #[must_use]
    pub fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, relation)| *relation == self).map_or("=", |(sign, _)| *sign)
    }
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// How it is compared.
    pub relation: Relation,
    /// With what; an equal empty text means a missing value.
    pub value: String,
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}{}", self.column, self.relation.sign(), self.value)
    }
}

impl Condition {
    /// `COLUMN=VALUE`.
    #[must_use]
    pub fn equal(column: &str, value: &str) -> Self {
        Self { column: column.to_owned(), relation: Relation::Equal, value: value.to_owned() }
    }

    /// Reads `COLUMN=VALUE`, or with `<`, `<=`, `>`, `>=`; the first of them ends the column's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let at = text.find(['=', '<', '>'])?;
        let (sign, relation) = Relation::SIGNS.into_iter().find(|(sign, _)| text[at..].starts_with(sign))?;
        let column = text[..at].trim();
        let value = text[at + sign.len()..].trim().to_owned();
        (!column.is_empty()).then(|| Self { column: column.to_owned(), relation, value })
    }

    /// Says row by row whether it holds in a column.
    pub fn on<'a>(&self, column: &'a Column) -> Box<dyn Fn(usize) -> bool + 'a> {
        match self.relation {
            Relation::Equal => {
                let wanted = Wanted::of(column, &self.value);
                Box::new(move |row| wanted.holds(column, row))
            }
            relation => Box::new(compared(column, relation, &self.value)),
        }
    }

    /// The rows of a table in which all conditions hold, in order; none where one names a column that is not there.
    #[must_use]
    pub fn rows(table: &Table, conditions: &[Self]) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..table.rows).collect();
        for condition in conditions {
            let Some(column) = table.column(&condition.column) else { return Vec::new() };
            let holds = condition.on(column);
            rows.retain(|row| holds(*row));
        }
        rows
    }
}

/// An order holds for numbers, and for texts by their letters (dates).
fn compared<'a>(column: &'a Column, relation: Relation, value: &str) -> impl Fn(usize) -> bool + 'a {
    let text = value.to_owned();
    let number: Option<f64> = value.parse().ok();
    #[expect(clippy::cast_possible_truncation, reason = "a confidence is compared in the precision in which it is stored")]
    let single = number.map(|number| f64::from(number as f32));
    let holds = move |order: std::cmp::Ordering| match relation {
        Relation::Equal => order.is_eq(),
        Relation::Below => order.is_lt(),
        Relation::AtMost => order.is_le(),
        Relation::Above => order.is_gt(),
        Relation::AtLeast => order.is_ge(),
    };
    move |row| {
        let order = match column.cell(row) {
            #[expect(clippy::cast_precision_loss, reason = "a bound needs no more than 53 bits")]
            CellRef::Int(found) => number.and_then(|wanted| (found as f64).partial_cmp(&wanted)),
            CellRef::Float32(found) => single.and_then(|wanted| f64::from(found).partial_cmp(&wanted)),
            CellRef::Float64(found) => number.and_then(|wanted| found.partial_cmp(&wanted)),
            CellRef::Text(found) => Some(found.cmp(text.as_str())),
            cell @ CellRef::DateTime(_) => Some(cell.to_string().as_str().cmp(text.as_str())),
            _ => None,
        };
        order.is_some_and(holds)
    }
}

/// A value in the type of its column: a text is looked up once, not once a row.
enum Wanted {
    Nothing,
    Missing,
    Code(u32),
    Int(i64),
    Bool(bool),
    Float32(u32),
    Float64(u64),
    Written(String),
}

impl Wanted {
    fn of(column: &Column, value: &str) -> Self {
        let wanted = match column.ty() {
            _ if value.is_empty() => Some(Self::Missing),
            Type::Text => (0..).zip(column.texts()).find(|(_, text)| *text == value).map(|(code, _)| Self::Code(code)),
            Type::Int => value.parse().ok().map(Self::Int),
            Type::Bool => value.parse().ok().map(Self::Bool),
            Type::Float32 => value.parse().ok().map(|number: f32| Self::Float32((number + 0.0).to_bits())),
            Type::Float64 => value.parse().ok().map(|number: f64| Self::Float64((number + 0.0).to_bits())),
            Type::Content | Type::DateTime => Some(Self::Written(value.to_owned())),
        };
        wanted.unwrap_or(Self::Nothing)
    }

    fn holds(&self, column: &Column, row: usize) -> bool {
        match self {
            Self::Nothing => false,
            Self::Missing => column.is_null(row),
            Self::Code(code) => column.code(row) == Some(*code),
            Self::Int(value) => column.int(row) == Some(*value),
            Self::Bool(value) => column.bool(row) == Some(*value),
            Self::Float32(bits) => column.float32(row).is_some_and(|value| (value + 0.0).to_bits() == *bits),
            Self::Float64(bits) => column.float64(row).is_some_and(|value| (value + 0.0).to_bits() == *bits),
            Self::Written(text) => !column.is_null(row) && column.cell(row).to_string() == *text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ColumnBuilder, Schema};

    fn table() -> Table {
        let (mut class, mut sure) = (ColumnBuilder::new(Type::Text), ColumnBuilder::new(Type::Float32));
        for (name, confidence) in
            [(Some("vole"), Some(0.9_f32)), (Some("stoat"), Some(0.4)), (None, None), (Some("vole"), Some(1.0))]
        {
            class.push_optional_text(name);
            match confidence {
                Some(confidence) => sure.push_float32(confidence),
                None => sure.push_null(),
            }
        }
        Table::from_builders(Schema::of(&[("class", Type::Text), ("confidence", Type::Float32)]), vec![class, sure]).unwrap()
    }

    #[test]
    fn conditions_are_read_as_people_write_them() {
        let parse = |text: &str| Condition::parse(text).map(|found| (found.column, found.relation.sign(), found.value));
        assert_eq!(parse("class=stoat"), Some(("class".into(), "=", "stoat".into())));
        assert_eq!(parse("confidence >= 0.9"), Some(("confidence".into(), ">=", "0.9".into())));
        assert_eq!(parse("locality=a=b"), Some(("locality".into(), "=", "a=b".into())));
        assert_eq!(parse("class="), Some(("class".into(), "=", String::new())));
        assert_eq!((parse("class"), parse("=stoat")), (None, None));
    }

    #[test]
    fn rows_are_found_by_value_order_and_absence() {
        let rows = |conditions: &[&str]| {
            let conditions: Vec<_> = conditions.iter().map(|text| Condition::parse(text).unwrap()).collect();
            Condition::rows(&table(), &conditions)
        };
        assert_eq!(rows(&["class=vole"]), [0, 3]);
        assert_eq!(rows(&["class=vole", "confidence>0.9"]), [3]);
        // 0.9 as a model stores it is 0.9 as a person writes it.
        assert_eq!(rows(&["confidence<=0.9"]), [0, 1]);
        assert_eq!(rows(&["confidence=0.4"]), [1]);
        assert_eq!(rows(&["class="]), [2]);
        assert_eq!(rows(&["site=a"]), [0_usize; 0]);
        assert_eq!(rows(&[]), [0, 1, 2, 3]);
    }
}
