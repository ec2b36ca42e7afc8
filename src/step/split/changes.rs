//! Which images changed sides.

use std::collections::BTreeMap;

use super::{EXAMPLES, SPLIT};
use crate::observation::{Key, words};
use crate::step::Finding;
use crate::table::Table;

/// What a person should know about a split that is another than before.
pub(super) fn between(before: &Table, after: &Table) -> Vec<Finding> {
    let Some(key) = Key::shared(&[&before.schema, &after.schema]) else { return Vec::new() };
    let (Ok(old), Ok(new)) = (key.of(before), key.of(after)) else { return Vec::new() };
    let index = old.index();
    let mut moved: BTreeMap<String, u64> = BTreeMap::new();
    let mut examples = Vec::new();
    for (row, key) in new.rows.into_iter().enumerate() {
        let Some(then) = index.row(key) else { continue };
        let (then, now) = (before.cell(then as usize, SPLIT), after.cell(row, SPLIT));
        if then != now {
            *moved.entry(format!("{then} to {now}")).or_default() += 1;
            if examples.len() < EXAMPLES {
                examples.push(words(after, row));
            }
        }
    }
    let count = moved.values().sum();
    let shown: Vec<String> = moved.iter().map(|(way, count)| format!("{count} from {way}")).collect();
    let said = format!("images changed sides ({}): figures of models trained before cannot be compared", shown.join(", "));
    Finding::counted("changed_side", count, &said, examples).into_iter().collect()
}
