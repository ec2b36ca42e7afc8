//! How two tables differ: rows joined by observation, or by the texts that name them, and compared cell by cell.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::observation::{self, Key};
use crate::table::{CellRef, Column, Schema, Table, TableError, Type};

/// How many rows of each sort are named.
const EXAMPLES: usize = 5;

/// How many columns of a changed row are named.
const CELLS: usize = 4;

/// How many leading columns may name a row.
const LONGEST_KEY: usize = 6;

/// More pairs of an old and a new value than this are names, not classes.
const MOST_TRANSITIONS: usize = 100;

/// A value that became another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// In the old table; missing where it had none.
    pub old: Option<String>,
    /// In the new table.
    pub new: Option<String>,
    /// In how many rows.
    pub rows: u64,
}

/// A column whose values differ in rows that both tables have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnDifference {
    /// Its name.
    pub column: String,
    /// In how many rows.
    pub rows: u64,
    /// The most frequent changes of a text or a truth.
    pub transitions: Vec<Transition>,
}

/// How two tables differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableDifference {
    /// The columns that join the rows; empty where whole rows are compared.
    pub key: Vec<String>,
    /// Rows of the old table alone.
    pub only_old: u64,
    /// Rows of the new table alone.
    pub only_new: u64,
    /// Rows of both that differ.
    pub changed: u64,
    /// Rows of both that do not.
    pub same: u64,
    /// Columns of the old table alone.
    pub columns_gone: Vec<String>,
    /// Columns of the new table alone.
    pub columns_new: Vec<String>,
    /// Columns whose values differ.
    pub columns: Vec<ColumnDifference>,
    /// The first rows of the old table alone, in words.
    pub old_examples: Vec<String>,
    /// The first rows of the new table alone.
    pub new_examples: Vec<String>,
    /// The first rows that differ, with old and new values.
    pub changed_examples: Vec<String>,
}

/// Compares two tables.
///
/// # Errors
/// When a column that the schema names is not there.
pub fn difference(old: &Table, new: &Table) -> Result<TableDifference, TableError> {
    let shared: Vec<&str> =
        old.schema.fields.iter().map(|field| field.name.as_str()).filter(|name| new.schema.field(name).is_some()).collect();
    let joined = Joined::of(old, new, &shared)?;
    let gone = |a: &Schema, b: &Schema| {
        a.fields.iter().filter(|field| b.field(&field.name).is_none()).map(|field| field.name.clone()).collect()
    };
    let naming = Naming { key: &joined.key };
    let words = |table: &Table, rows: &[u32]| rows.iter().take(EXAMPLES).map(|row| naming.words(table, *row as usize)).collect();
    let mut found = TableDifference {
        only_old: joined.only_old.len() as u64,
        only_new: joined.only_new.len() as u64,
        columns_gone: gone(&old.schema, &new.schema),
        columns_new: gone(&new.schema, &old.schema),
        old_examples: words(old, &joined.only_old),
        new_examples: words(new, &joined.only_new),
        key: joined.key.clone(),
        ..TableDifference::default()
    };
    let mut changed = vec![false; joined.pairs.len()];
    for name in shared {
        let (before, after) = (old.require(name)?, new.require(name)?);
        // Most columns are the same ones: where the rows stand in the same order, that is all there is to know.
        if joined.in_order && before.id() == after.id() {
            continue;
        }
        if let Some(column) = column(name, before, after, &joined.pairs, &mut changed) {
            found.columns.push(column);
        }
    }
    found.changed = changed.iter().filter(|changed| **changed).count() as u64;
    found.same = changed.len() as u64 - found.changed;
    let differing = changed.iter().zip(&joined.pairs).filter(|(changed, _)| **changed).take(EXAMPLES);
    found.changed_examples = differing.map(|(_, pair)| cells(&naming, old, new, *pair, &found.columns)).collect();
    Ok(found)
}

/// Rows of two tables, joined.
struct Joined {
    key: Vec<String>,
    pairs: Vec<(u32, u32)>,
    only_old: Vec<u32>,
    only_new: Vec<u32>,
    in_order: bool,
}

impl Joined {
    fn of(old: &Table, new: &Table, shared: &[&str]) -> Result<Self, TableError> {
        let (key, then, now) = keys(old, new, shared)?;
        // Repeated keys are joined in the order of their rows: each row knows the next one of its key.
        let mut first: HashMap<u128, u32> = HashMap::with_capacity(then.len());
        let mut next: Vec<Option<u32>> = vec![None; then.len()];
        for at in (0..then.len()).rev() {
            if let (Some(digest), Ok(row)) = (then[at], u32::try_from(at)) {
                next[at] = first.insert(digest, row);
            }
        }
        let mut take = |digest: Option<u128>| {
            let row = first.remove(&digest?)?;
            if let Some(following) = next[row as usize] {
                first.insert(digest?, following);
            }
            Some(row)
        };
        let mut taken = vec![false; then.len()];
        let (mut pairs, mut only_new) = (Vec::new(), Vec::new());
        for (row, digest) in (0_u32..).zip(&now) {
            match take(*digest) {
                Some(other) => {
                    taken[other as usize] = true;
                    pairs.push((other, row));
                }
                None => only_new.push(row),
            }
        }
        let only_old = (0_u32..).zip(&taken).filter(|(_, taken)| !**taken).map(|(row, _)| row).collect();
        let in_order = old.rows == new.rows && pairs.len() == old.rows && pairs.iter().all(|(a, b)| a == b);
        Ok(Self { key, pairs, only_old, only_new, in_order })
    }
}

type Digests = Vec<Option<u128>>;

/// The key that both tables have: that of observations, else the first of their common texts or columns that name every row, else
/// whole rows.
fn keys(old: &Table, new: &Table, shared: &[&str]) -> Result<(Vec<String>, Digests, Digests), TableError> {
    if let Some(key) = Key::shared(&[&old.schema, &new.schema]) {
        let names = key.columns.iter().map(|name| (*name).to_owned()).collect();
        return Ok((names, key.of(old)?.rows, key.of(new)?.rows));
    }
    let is_text = |table: &Table, name: &str| table.schema.field(name).is_some_and(|field| field.ty == Type::Text);
    let texts: Vec<&str> = shared.iter().copied().filter(|name| is_text(old, name) && is_text(new, name)).collect();
    // The fewest leading texts that tell all rows apart: those behind them are values.
    for length in 1..=texts.len() {
        let (then, now) = (digests(old, &texts[..length])?, digests(new, &texts[..length])?);
        if is_unique(&then) && is_unique(&now) {
            return Ok((texts[..length].iter().map(|name| (*name).to_owned()).collect(), then, now));
        }
    }
    // A curve has a threshold, a table of bins their bounds. At least one column must be left to be compared.
    for length in 1..shared.len().min(LONGEST_KEY + 1) {
        let (then, now) = (digests(old, &shared[..length])?, digests(new, &shared[..length])?);
        if is_unique(&then) && is_unique(&now) {
            return Ok((shared[..length].iter().map(|name| (*name).to_owned()).collect(), then, now));
        }
    }
    Ok((Vec::new(), digests(old, shared)?, digests(new, shared)?))
}

fn is_unique(digests: &Digests) -> bool {
    let mut seen = std::collections::HashSet::with_capacity(digests.len());
    digests.iter().all(|digest| seen.insert(digest))
}

/// Each row's values in some columns, as digests.
fn digests(table: &Table, names: &[&str]) -> Result<Digests, TableError> {
    let columns: Vec<&Column> = names.iter().map(|name| table.require(name).map(AsRef::as_ref)).collect::<Result<_, _>>()?;
    let digest = |row: usize| {
        let mut hasher = blake3::Hasher::new();
        for column in &columns {
            let cell = column.cell(row);
            let text = cell.to_string();
            hasher.update(&[u8::from(cell != CellRef::Null)]);
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Some(u128::from_le_bytes(half))
    };
    Ok((0..table.rows).map(digest).collect())
}

/// A value of the old and of the new table; missing where there was none.
type OldAndNew = (Option<String>, Option<String>);

/// Compares one column in all joined rows and marks those that differ.
fn column(name: &str, old: &Column, new: &Column, pairs: &[(u32, u32)], changed: &mut [bool]) -> Option<ColumnDifference> {
    let mut rows = 0;
    let mut counts: Option<BTreeMap<OldAndNew, u64>> = matches!(new.ty(), Type::Text | Type::Bool).then(BTreeMap::new);
    for ((before, after), changed) in pairs.iter().zip(changed) {
        let (before, after) = (old.cell(*before as usize), new.cell(*after as usize));
        if before == after {
            continue;
        }
        rows += 1;
        *changed = true;
        if let Some(all) = &mut counts {
            let text = |cell: CellRef<'_>| (cell != CellRef::Null).then(|| cell.to_string());
            *all.entry((text(before), text(after))).or_default() += 1;
            if all.len() > MOST_TRANSITIONS {
                counts = None;
            }
        }
    }
    let mut transitions: Vec<_> =
        counts.unwrap_or_default().into_iter().map(|((old, new), rows)| Transition { old, new, rows }).collect();
    transitions.sort_by_key(|transition| std::cmp::Reverse(transition.rows));
    transitions.truncate(EXAMPLES);
    (rows > 0).then(|| ColumnDifference { column: name.to_owned(), rows, transitions })
}

/// A changed row with the cells that differ.
fn cells(naming: &Naming<'_>, old: &Table, new: &Table, (before, after): (u32, u32), columns: &[ColumnDifference]) -> String {
    let words = |cell: CellRef<'_>| if cell == CellRef::Null { "missing".to_owned() } else { cell.to_string() };
    let changes = columns.iter().filter_map(|column| {
        let (then, now) = (old.cell(before as usize, &column.column), new.cell(after as usize, &column.column));
        (then != now).then(|| format!("{} {} -> {}", column.column, words(then), words(now)))
    });
    let mut changes: Vec<_> = changes.collect();
    let hidden = changes.len().saturating_sub(CELLS);
    changes.truncate(CELLS);
    if hidden > 0 {
        changes.push(format!("{hidden} more"));
    }
    format!("{}: {}", naming.words(new, after as usize), changes.join(", "))
}

/// Says which row is meant.
struct Naming<'a> {
    key: &'a [String],
}

impl Naming<'_> {
    fn words(&self, table: &Table, row: usize) -> String {
        if self.key.iter().any(|name| observation::IDENTITY.contains(&name.as_str())) {
            return observation::words(table, row);
        }
        let all: Vec<String>;
        let names = if self.key.is_empty() {
            all = table.schema.fields.iter().take(CELLS).map(|field| field.name.clone()).collect();
            &all
        } else {
            self.key
        };
        let parts = names.iter().map(|name| (name, table.cell(row, name))).filter(|(_, cell)| *cell != CellRef::Null);
        parts.map(|(name, cell)| format!("{name}={cell}")).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::ColumnBuilder;

    const OF_IMAGES: &[(&str, Type)] =
        &[("site", Type::Text), ("season", Type::Text), ("name", Type::Text), ("label", Type::Text), ("n", Type::Int)];

    fn table(fields: &[(&str, Type)], rows: &[&[CellRef<'_>]]) -> Table {
        let mut builders: Vec<_> = fields.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
        for row in rows {
            builders.iter_mut().zip(*row).for_each(|(builder, cell)| builder.push(*cell));
        }
        Table::from_builders(Schema::of(fields), builders).unwrap()
    }

    fn image<'a>(name: &'a str, label: &'a str, n: i64) -> [CellRef<'a>; 5] {
        let label = if label.is_empty() { CellRef::Null } else { CellRef::Text(label) };
        [CellRef::Text("a"), CellRef::Text("2024"), CellRef::Text(name), label, CellRef::Int(n)]
    }

    #[test]
    fn rows_are_joined_by_observation_wherever_they_stand() {
        let old =
            table(OF_IMAGES, &[&image("1", "vole", 1), &image("2", "vole", 1), &image("3", "empty", 1), &image("4", "", 1)]);
        let new =
            table(OF_IMAGES, &[&image("4", "stoat", 2), &image("2", "stoat", 1), &image("1", "vole", 1), &image("5", "", 1)]);
        let found = difference(&old, &new).unwrap();
        assert_eq!((found.only_old, found.only_new, found.changed, found.same), (1, 1, 2, 1));
        assert_eq!(found.key, ["site", "season", "name"]);
        let transition =
            |old: Option<&str>, new: &str, rows| Transition { old: old.map(Into::into), new: Some(new.into()), rows };
        let label = ColumnDifference {
            column: "label".into(),
            rows: 2,
            transitions: vec![transition(None, "stoat", 1), transition(Some("vole"), "stoat", 1)],
        };
        let n = ColumnDifference { column: "n".into(), rows: 1, transitions: vec![] };
        assert_eq!(found.columns, [label, n]);
        assert_eq!((found.old_examples, found.new_examples), (vec!["a 2024 3".into()], vec!["a 2024 5".into()]));
        assert_eq!(found.changed_examples, ["a 2024 4: label missing -> stoat, n 1 -> 2", "a 2024 2: label vole -> stoat"]);
    }

    #[test]
    fn repeated_keys_are_joined_in_their_order() {
        let old = table(OF_IMAGES, &[&image("1", "vole", 1), &image("1", "stoat", 2)]);
        let new = table(OF_IMAGES, &[&image("1", "vole", 1), &image("1", "stoat", 3), &image("1", "stoat", 4)]);
        let found = difference(&old, &new).unwrap();
        assert_eq!((found.only_old, found.only_new, found.changed, found.same), (0, 1, 1, 1));
    }

    #[test]
    fn tables_of_numbers_are_joined_by_the_texts_that_name_their_rows() {
        let fields = [("season", Type::Text), ("class", Type::Text), ("note", Type::Text), ("precision", Type::Float64)];
        let row =
            |class, precision| [CellRef::Text("2024"), CellRef::Text(class), CellRef::Text("x"), CellRef::Float64(precision)];
        let old = table(&fields, &[&row("vole", 0.9), &row("stoat", 0.5)]);
        let new = table(&fields, &[&row("stoat", 0.75), &row("vole", 0.9)]);
        let found = difference(&old, &new).unwrap();
        assert_eq!((found.key.join(","), found.changed, found.same), ("season,class".into(), 1, 1));
        assert_eq!(found.changed_examples, ["season=2024 class=stoat: precision 0.5 -> 0.75"]);
    }

    #[test]
    fn rows_without_names_are_compared_whole_and_columns_come_and_go() {
        let old = table(
            &[("n", Type::Int), ("a", Type::Int)],
            &[&[CellRef::Int(1), CellRef::Int(1)], &[CellRef::Int(2), CellRef::Null]],
        );
        let new = table(
            &[("n", Type::Int), ("b", Type::Int)],
            &[&[CellRef::Int(2), CellRef::Int(9)], &[CellRef::Int(3), CellRef::Null]],
        );
        let found = difference(&old, &new).unwrap();
        assert_eq!((found.key.len(), found.only_old, found.only_new, found.changed, found.same), (0, 1, 1, 0, 1));
        assert_eq!((found.columns_gone, found.columns_new), (vec!["a".to_owned()], vec!["b".to_owned()]));
        assert_eq!(found.old_examples, ["n=1 a=1"]);
    }

    #[test]
    fn a_curve_is_joined_by_its_first_column() {
        let fields = [("threshold", Type::Float64), ("coverage", Type::Float64)];
        let row = |threshold, coverage| [CellRef::Float64(threshold), CellRef::Float64(coverage)];
        let old = table(&fields, &[&row(0.5, 1.0), &row(0.6, 1.0)]);
        let found = difference(&old, &table(&fields, &[&row(0.5, 1.0), &row(0.6, 0.9)])).unwrap();
        assert_eq!((found.key.join(","), found.changed, found.same), ("threshold".into(), 1, 1));
        assert_eq!(found.changed_examples, ["threshold=0.6: coverage 1 -> 0.9"]);
    }

    #[test]
    fn equal_tables_do_not_differ() {
        let old = table(OF_IMAGES, &[&image("1", "vole", 1), &image("2", "", 1)]);
        let found = difference(&old, &old).unwrap();
        assert_eq!((found.only_old, found.only_new, found.changed, found.same), (0, 0, 0, 2));
    }
}
