//! The JSON Schema (draft 2020-12) of pipeline files, from the definitions that checking uses.
//!
//! It serves completion and hints in editors: what it refuses is wrong, what it accepts `trapline validate` still checks.
//! A text with a template is accepted wherever a typed value is: what it becomes is known only when it is rendered.

use serde_json::{Map, Value, json};

use crate::step::{KINDS, Param, ParamType, Port, PortType, StepKind};

/// What a name of a step, parameter or root looks like.
const NAME: &str = "^[a-z][a-z0-9_-]{0,63}$";

/// The schema.
pub(in crate::cli) fn pipeline() -> Value {
    let mut definitions = Map::new();
    definitions.insert(
        "template".into(),
        json!({ "type": "string", "pattern": "\\{\\{|\\{%" , "description": "A template, rendered when the file is read." }),
    );
    definitions.insert("step".into(), step());
    for kind in KINDS {
        definitions.insert(kind.name.into(), of_kind(kind));
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Trapline pipeline",
        "description": "From a folder of camera-trap images to a quality-checked data set.",
        "type": "object",
        "required": ["trapline", "steps"],
        "additionalProperties": false,
        "properties": {
            "trapline": { "const": 1, "description": "Version of the pipeline language." },
            "requires": { "type": "string", "description": "Versions of the program that can run this pipeline.", "examples": [">=0.1"] },
            "name": { "type": "string", "description": "Name of the pipeline; without it, that of the file." },
            "params": {
                "type": "object",
                "description": "Values that templates name as `params.NAME`, and that `--set` and `--params` override.",
                "propertyNames": { "pattern": NAME }
            },
            "roots": {
                "type": "object",
                "description": "Places outside the project; where they lie on this machine stands in `trapline.local.yaml`.",
                "propertyNames": { "pattern": NAME },
                "additionalProperties": {
                    "type": ["object", "null"],
                    "additionalProperties": false,
                    "properties": { "marker": { "type": "string", "description": "A file inside the root that proves it is the right one." } }
                }
            },
            "taxonomy": { "type": "string", "description": "A CSV file of the classes: class, role, key, colour, display, species_id, scientific_name, taxon_rank, taxon_id." },
            "classes": { "description": "The short form of a taxonomy.", "anyOf": [{ "type": "array", "items": { "type": "string" } }, template()] },
            "deployments": { "type": "string", "description": "A CSV file that says which camera stood where and when." },
            "dataset": dataset(),
            "include": { "description": "Fragments of this project, relative to this file.", "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] },
            "steps": {
                "type": "object",
                "description": "The steps, by name.",
                "propertyNames": { "pattern": NAME },
                "additionalProperties": { "$ref": "#/$defs/step" }
            }
        },
        "$defs": definitions
    });
    // Another crate may ask serde_json to keep the order of insertion: the published file must not depend on it.
    schema.sort_all_objects();
    schema
}

fn template() -> Value {
    json!({ "$ref": "#/$defs/template" })
}

/// What describes the data set.
fn dataset() -> Value {
    use crate::dataset::{CAPTURE_METHODS, CONTRIBUTOR, LICENCES, PROJECT, ROLES, SAMPLING_DESIGNS, TEXTS};
    let texts = |keys: &[(&str, &str)]| -> Map<String, Value> {
        keys.iter().map(|(name, doc)| ((*name).to_owned(), json!({ "type": "string", "description": doc }))).collect()
    };
    let mut top = texts(TEXTS);
    let words = json!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, { "type": "string" }] });
    top.insert("keywords".into(), words);
    let mut person = texts(CONTRIBUTOR);
    person.insert("role".into(), or_template(&json!({ "enum": ROLES })));
    top.insert(
        "contributors".into(),
        json!({
            "type": "array",
            "description": "People and organisations behind the data set.",
            "items": { "type": "object", "required": ["title"], "additionalProperties": false, "properties": person }
        }),
    );
    top.insert(
        "licences".into(),
        json!({
            "type": "object",
            "description": "Names of licences, such as CC-BY-4.0, or where they stand.",
            "required": ["data", "media"],
            "additionalProperties": false,
            "properties": texts(LICENCES)
        }),
    );
    let mut project = texts(PROJECT);
    project.insert("sampling_design".into(), or_template(&json!({ "enum": SAMPLING_DESIGNS })));
    let method = json!({ "enum": CAPTURE_METHODS });
    project.insert("capture_method".into(), or_template(&json!({ "anyOf": [{ "type": "array", "items": method }, method] })));
    project.insert("individual_animals".into(), or_template(&json!({ "type": "boolean" })));
    top.insert("project".into(), json!({ "type": "object", "additionalProperties": false, "properties": project }));
    json!({
        "description": "What those who get the data set should know of it: the metadata of exports.",
        "type": "object",
        "additionalProperties": false,
        "properties": top
    })
}

/// A step: the keys that all kinds share, then those of the kind that `uses` names.
fn step() -> Value {
    let kinds: Vec<_> = KINDS.iter().map(|kind| json!({ "const": kind.name, "description": kind.summary })).collect();
    let branches: Vec<_> = KINDS
        .iter()
        .map(|kind| {
            json!({
                "if": { "properties": { "uses": { "const": kind.name } }, "required": ["uses"] },
                "then": { "$ref": format!("#/$defs/{}", kind.name) }
            })
        })
        .collect();
    json!({
        "type": "object",
        "required": ["uses"],
        "additionalProperties": false,
        "properties": {
            "uses": { "description": "The kind of step.", "anyOf": kinds },
            "from": { "description": "Where the inputs come from: `STEP`, `STEP.PORT`, `STEP[INSTANCE]` or `STEP[*]`." },
            "with": { "type": ["object", "null"], "description": "The parameters of the step." },
            "expect": { "type": ["object", "null"], "description": "Bounds on what the step reports: they fail the run and keep the results." },
            "stage": { "type": "string", "description": "Takes the step out of the everyday run: `trapline run --stage NAME`." },
            "for_each": {
                "type": "object",
                "description": "Makes one instance per value: `{ arch: [resnet18, resnet50] }`; templates see `each.arch`.",
                "additionalProperties": { "anyOf": [{ "type": "array", "items": { "type": ["string", "number", "boolean"] } }, { "type": ["string", "number", "boolean"] }] }
            }
        },
        "allOf": branches
    })
}

/// What a kind asks of `with`, `from` and `expect`.
fn of_kind(kind: &StepKind) -> Value {
    let with: Map<_, _> = kind.params.iter().map(|p| (p.name.to_owned(), param(p))).collect();
    let required: Vec<_> = kind.params.iter().filter(|p| p.required).map(|p| p.name).collect();
    let metrics: Map<_, _> = kind.metrics.iter().map(|metric| (metric.name.to_owned(), bound(metric.doc))).collect();
    let mut properties = json!({
        "with": { "type": ["object", "null"], "additionalProperties": false, "properties": with, "required": required },
        "expect": { "type": ["object", "null"], "additionalProperties": false, "properties": metrics }
    });
    let tables: Vec<_> = kind.outputs.iter().filter(|port| port.ty == PortType::Table).map(|port| port.name).collect();
    if !tables.is_empty() {
        let doc =
            "A bound for every row of a column: `PORT.COLUMN`, `PORT[COLUMN=VALUE].COLUMN`; or for their number: `PORT.rows`.";
        properties["expect"]["patternProperties"] =
            json!({ format!("^({})(\\[[^\\]]+\\])?\\..+$", tables.join("|")): bound(doc) });
    }
    if required.is_empty() {
        properties["with"].as_object_mut().map(|with| with.remove("required"));
    } else {
        properties["with"]["type"] = json!("object");
    }
    let mut needed = Vec::new();
    if kind.inputs.is_empty() {
        properties["from"] = json!(false);
    } else {
        properties["from"] = from(kind.inputs);
        if kind.inputs.iter().any(|port| !port.optional) {
            needed.push("from");
        }
    }
    if !required.is_empty() {
        needed.push("with");
    }
    json!({ "description": kind.summary, "properties": properties, "required": needed })
}

/// How inputs may be wired: by name, or plainly where there is one.
fn from(inputs: &[Port]) -> Value {
    let source = |port: &Port| {
        let one = json!({ "type": "string", "description": port.doc });
        if port.many {
            json!({ "description": port.doc, "anyOf": [one, { "type": "array", "items": { "type": "string" }, "minItems": 1 }] })
        } else {
            one
        }
    };
    let named: Map<_, _> = inputs.iter().map(|port| (port.name.to_owned(), source(port))).collect();
    let required: Vec<_> = inputs.iter().filter(|port| !port.optional).map(|port| port.name).collect();
    let mut mapping = json!({ "type": "object", "additionalProperties": false, "properties": named });
    if !required.is_empty() {
        mapping["required"] = json!(required);
    }
    let mut ways = vec![mapping];
    // A plain string or list wires the only input, or the only one that must be wired.
    if inputs.len() == 1 || required.len() == 1 {
        let port = inputs.iter().find(|port| !port.optional).unwrap_or(&inputs[0]);
        ways.push(source(port));
    }
    json!({ "anyOf": ways })
}

fn bound(doc: &str) -> Value {
    let comparison = "^\\s*(>=|<=|>|<|==)?\\s*-?[0-9.]+([eE][-+]?[0-9]+)?\\s*$";
    json!({ "description": doc, "anyOf": [{ "type": "number" }, { "type": "string", "pattern": comparison }, template()] })
}

fn param(param: &Param) -> Value {
    let mut schema = typed(&param.ty);
    schema["description"] = json!(param.doc);
    if let Some(default) = param.default {
        // A default is YAML text; what is no plain value stands as text.
        schema["default"] = serde_yaml::from_str::<Value>(default).unwrap_or_else(|_| json!(default));
    }
    schema
}

/// A type, or a template that becomes one.
fn typed(ty: &ParamType) -> Value {
    match ty {
        ParamType::Bool => or_template(&json!({ "type": "boolean" })),
        ParamType::Int(low, high) => {
            or_template(&bounded("integer", (*low > i64::MIN).then(|| json!(low)), (*high < i64::MAX).then(|| json!(high))))
        }
        ParamType::Number(low, high) => {
            or_template(&bounded("number", low.is_finite().then(|| json!(low)), high.is_finite().then(|| json!(high))))
        }
        ParamType::Choice(words) => or_template(&json!({ "enum": words })),
        // A season or a code may be written as a number.
        ParamType::Text | ParamType::Class => json!({ "type": ["string", "number", "boolean"] }),
        ParamType::Path(_) | ParamType::Root | ParamType::Pattern | ParamType::Column(_) | ParamType::Template(_) => {
            json!({ "type": "string" })
        }
        ParamType::Model => or_template(&json!({ "type": "string", "pattern": "^[^@]+@[^@]+$" })),
        ParamType::ModelOr(word) => {
            json!({ "anyOf": [{ "const": word }, { "type": "string", "pattern": "^[^@]+@[^@]+$" }, template()] })
        }
        ParamType::List(inner) => json!({ "anyOf": [{ "type": "array", "items": typed(inner) }, typed(inner), template()] }),
        ParamType::Map(inner) => or_template(&json!({ "type": "object", "additionalProperties": typed(inner) })),
        ParamType::BySeason(inner) => {
            let ranges = json!({ "type": "object", "additionalProperties": typed(inner), "description": "By seasons: `2014..2025`, `2026`, `default`." });
            json!({ "anyOf": [typed(inner), ranges] })
        }
        ParamType::ByFile(inner) => {
            let files = json!({ "type": "object", "additionalProperties": typed(inner), "description": "By files, folders, or names with `*`." });
            json!({ "anyOf": [typed(inner), files] })
        }
        ParamType::ByEpoch(inner) => {
            let epochs = json!({
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "pattern": "^[1-9][0-9]*$" },
                "additionalProperties": typed(inner),
                "description": "From an epoch on, counted from 1."
            });
            json!({ "anyOf": [typed(inner), epochs] })
        }
    }
}

fn or_template(schema: &Value) -> Value {
    json!({ "anyOf": [schema, template()] })
}

fn bounded(ty: &str, low: Option<Value>, high: Option<Value>) -> Value {
    let mut schema = json!({ "type": ty });
    if let Some(low) = low {
        schema["minimum"] = low;
    }
    if let Some(high) = high {
        schema["maximum"] = high;
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::KEYS;

    #[test]
    fn the_keys_are_those_that_reading_knows() {
        let schema = pipeline();
        let mut keys: Vec<_> = KEYS.to_vec();
        keys.sort_unstable();
        let mut known: Vec<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        known.sort_unstable();
        assert_eq!(known, keys);
    }

    #[test]
    fn types_accept_templates_and_refuse_what_is_out_of_range() {
        let validator = |ty: &ParamType| {
            let mut schema = typed(ty);
            schema["$defs"] = pipeline()["$defs"].clone();
            jsonschema::validator_for(&schema).unwrap()
        };
        let share = validator(&ParamType::Number(0.0, 1.0));
        assert!(share.is_valid(&json!(0.9)) && share.is_valid(&json!("{{ params.accept_at }}")));
        assert!(!share.is_valid(&json!(1.1)) && !share.is_valid(&json!("0.9")));
        let words = validator(&ParamType::List(&ParamType::Choice(&["a", "b"])));
        assert!(words.is_valid(&json!("a")) && words.is_valid(&json!(["a", "b"])) && !words.is_valid(&json!(["c"])));
        let models = validator(&ParamType::BySeason(&ParamType::Model));
        assert!(
            models.is_valid(&json!("m@1"))
                && models.is_valid(&json!({ "2014..2025": "m@1", "default": "m@2" }))
                && !models.is_valid(&json!("m"))
        );
        let start = validator(&ParamType::ModelOr("scratch"));
        assert!(start.is_valid(&json!("scratch")) && start.is_valid(&json!("m@1")) && !start.is_valid(&json!("scratchy")));
        let decay = validator(&ParamType::ByEpoch(&ParamType::Number(0.0, 1.0)));
        assert!(decay.is_valid(&json!(0.1)) && decay.is_valid(&json!({ "1": 0.1, "30": 0 })));
        assert!(!decay.is_valid(&json!({ "0": 0.1 })) && !decay.is_valid(&json!({})) && !decay.is_valid(&json!({ "1": 2 })));
    }
}
