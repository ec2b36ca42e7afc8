//! Reasons: what differs between two lists of ingredients.

use std::collections::BTreeMap;

use crate::plan::decision::Reason;
use crate::recipe::Ingredient;

/// What differs between two lists of ingredients, as reasons.
pub fn changes(old: &[Ingredient], new: &[Ingredient]) -> Vec<Reason> {
    let group = |list: &[Ingredient]| {
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for part in list {
            by_name.entry(part.name.clone()).or_default().push(part.value.clone());
        }
        by_name
    };
    let (old, new) = (group(old), group(new));
    let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let mut reasons = Vec::new();
    for name in names {
        let (before, now) = (old.get(name), new.get(name));
        // Row keys are explained by the ingredients of their recipes, which stand beside them.
        if before == now || name.starts_with("rows ") {
            continue;
        }
        let join = |values: Option<&Vec<String>>| values.map(|values| values.join(" "));
        let reason = reason(name, join(before), join(now));
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

/// The reason behind one changed ingredient.
fn reason(name: &str, old: Option<String>, new: Option<String>) -> Reason {
    let own = name.strip_prefix("row ").and_then(|rest| rest.split_once(' ')).map_or(name, |(_, own)| own);
    match own.split_once(' ') {
        Some(("param", param)) => Reason::Param { name: param.to_owned(), old, new },
        Some(("input" | "file", port)) => Reason::Input { name: port.to_owned(), old, new },
        _ => match own {
            "revision" | "format" => Reason::Revision { old: old.unwrap_or_default(), new: new.unwrap_or_default() },
            "model" => Reason::Model { old, new },
            "numerics" => Reason::Numerics { old, new },
            other => Reason::Input { name: other.to_owned(), old, new },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, value: &str) -> Ingredient {
        Ingredient { name: name.into(), value: value.into() }
    }

    #[test]
    fn a_changed_model_is_the_reason_and_its_row_key_is_not() {
        let old = [part("kind", "classify"), part("rows 0", "b3:aa"), part("row 0 model", "b3:11")];
        let new = [part("kind", "classify"), part("rows 0", "b3:bb"), part("row 0 model", "b3:22")];
        assert_eq!(changes(&old, &new), [Reason::Model { old: Some("b3:11".into()), new: Some("b3:22".into()) }]);
    }

    #[test]
    fn parameters_carry_their_old_and_new_value() {
        let reasons = changes(&[part("param seed", "1")], &[part("param seed", "2"), part("param by", "[]")]);
        assert_eq!(
            reasons,
            [
                Reason::Param { name: "by".into(), old: None, new: Some("[]".into()) },
                Reason::Param { name: "seed".into(), old: Some("1".into()), new: Some("2".into()) },
            ]
        );
    }

    #[test]
    fn nothing_changed_is_no_reason() {
        assert!(changes(&[part("kind", "x")], &[part("kind", "x")]).is_empty());
    }
}
