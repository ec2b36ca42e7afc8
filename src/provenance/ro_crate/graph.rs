//! The graph of a crate: flat JSON-LD, one entity per `@id`, in the order in which they were added.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The terms that the entities use.
const CONTEXT: &str = "https://w3id.org/ro/crate/1.1/context";

/// Entities by `@id`.
#[derive(Default)]
pub(super) struct Graph {
    entities: Vec<Map<String, Value>>,
    places: BTreeMap<String, usize>,
}

impl Graph {
    /// Adds an entity; properties without a value (`null`, an empty list) are left out, a list of one is that one. An entity that is
    /// there already stays as it is. Returns a reference to it.
    pub fn add(&mut self, id: &str, types: &[&str], properties: Value) -> Value {
        if !self.places.contains_key(id) {
            let mut entity = Map::new();
            entity.insert("@id".into(), id.into());
            entity.insert("@type".into(), if let [only] = types { json!(only) } else { json!(types) });
            if let Value::Object(properties) = properties {
                entity.extend(properties.into_iter().filter_map(|(name, value)| Some((name, said(value)?))));
            }
            self.places.insert(id.to_owned(), self.entities.len());
            self.entities.push(entity);
        }
        link(id)
    }

    /// The text of `ro-crate-metadata.json`.
    pub fn text(self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(&json!({ "@context": CONTEXT, "@graph": self.entities }))?;
        text.push('\n');
        Ok(text)
    }
}

fn said(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(list) if list.len() < 2 => list.into_iter().next(),
        value => Some(value),
    }
}

/// A reference to an entity.
pub(super) fn link(id: &str) -> Value {
    json!({ "@id": id })
}
