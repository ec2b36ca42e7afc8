//! `datapackage.json`: what describes a package.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::places::{Place, spatial, temporal};
use super::rules::TABLES;
use super::{SCHEMAS, VERSION};
use crate::dataset::Dataset;
use crate::taxonomy::Taxon;

/// What the data themselves say.
pub struct Contents<'a> {
    /// The deployments.
    pub places: &'a [Place],
    /// Scientific names that occur.
    pub taxa: &'a BTreeMap<String, Taxon>,
    /// What released the cameras.
    pub capture_methods: &'a [&'a str],
    /// Whether there are observations of events.
    pub events: bool,
}

/// The description, as text: the same for the same data.
#[must_use]
pub fn description(dataset: &Dataset, contents: &Contents<'_>) -> String {
    let resource = |name: &str| {
        json!({
            "name": name,
            "path": format!("{name}.csv"),
            "profile": "tabular-data-resource",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "schema": format!("{SCHEMAS}/{name}-table-schema.json"),
        })
    };
    let resources: Vec<Value> = TABLES.iter().map(|rules| resource(rules.name)).collect();
    let mut package = json!({
        "profile": format!("{SCHEMAS}/camtrap-dp-profile.json"),
        "created": dataset.created,
        "resources": resources,
        "contributors": contributors(dataset),
        "project": project(dataset, contents),
        "spatial": spatial(contents.places),
        "temporal": temporal(contents.places),
        "taxonomic": taxonomic(contents.taxa),
        "sources": [{ "title": "Trapline", "version": env!("CARGO_PKG_VERSION") }],
    });
    let texts = [
        ("name", &dataset.name),
        ("id", &dataset.id),
        ("title", &dataset.title),
        ("description", &dataset.description),
        ("version", &dataset.version),
        ("homepage", &dataset.homepage),
        ("bibliographicCitation", &dataset.citation),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            package[name] = json!(text);
        }
    }
    if !dataset.keywords.is_empty() {
        package["keywords"] = json!(dataset.keywords);
    }
    if let Some(licences) = &dataset.licences {
        package["licenses"] = json!([licence(&licences.data, "data"), licence(&licences.media, "media")]);
    }
    // Whatever order another crate asks serde_json to keep.
    package.sort_all_objects();
    let mut text = serde_json::to_string_pretty(&package).unwrap_or_default();
    text.push('\n');
    text
}

/// A licence by its name, or by where it stands.
fn licence(text: &str, scope: &str) -> Value {
    let key = if text.starts_with("http") { "path" } else { "name" };
    json!({ key: text, "scope": scope })
}

fn put(object: &mut Map<String, Value>, name: &str, text: Option<&String>) {
    if let Some(text) = text {
        object.insert(name.to_owned(), json!(text));
    }
}

fn contributors(dataset: &Dataset) -> Vec<Value> {
    let person = |person: &crate::dataset::Contributor| {
        let mut object = Map::new();
        object.insert("title".to_owned(), json!(person.title));
        put(&mut object, "email", person.email.as_ref());
        put(&mut object, "path", person.path.as_ref());
        put(&mut object, "organization", person.organization.as_ref());
        put(&mut object, "role", person.role.as_ref());
        Value::Object(object)
    };
    dataset.contributors.iter().map(person).collect()
}

fn project(dataset: &Dataset, contents: &Contents<'_>) -> Value {
    let project = &dataset.project;
    let given: Vec<&str> = project.capture_method.iter().map(String::as_str).collect();
    let methods = if given.is_empty() { contents.capture_methods } else { &given };
    let levels: &[&str] = if contents.events { &["media", "event"] } else { &["media"] };
    let mut object = Map::new();
    put(&mut object, "id", project.id.as_ref());
    put(&mut object, "title", project.title.as_ref());
    put(&mut object, "acronym", project.acronym.as_ref());
    put(&mut object, "description", project.description.as_ref());
    put(&mut object, "path", project.path.as_ref());
    put(&mut object, "samplingDesign", project.sampling_design.as_ref());
    object.insert("captureMethod".to_owned(), json!(methods));
    object.insert("individualAnimals".to_owned(), json!(project.individual_animals));
    object.insert("observationLevel".to_owned(), json!(levels));
    Value::Object(object)
}

fn taxonomic(taxa: &BTreeMap<String, Taxon>) -> Vec<Value> {
    let taxon = |(name, taxon): (&String, &Taxon)| {
        let mut object = Map::new();
        object.insert("scientificName".to_owned(), json!(name));
        put(&mut object, "taxonRank", taxon.rank.as_ref());
        put(&mut object, "taxonID", taxon.id.as_ref());
        Value::Object(object)
    };
    taxa.iter().map(taxon).collect()
}

/// What a description needs and `dataset:` does not say: the key, and what to write there.
#[must_use]
pub fn lacks(dataset: &Dataset, capture_method_known: bool) -> Vec<(&'static str, &'static str)> {
    let project = &dataset.project;
    let mut lacks = Vec::new();
    let mut need = |there: bool, key, help| {
        if !there {
            lacks.push((key, help));
        }
    };
    need(
        dataset.created.is_some(),
        "created",
        "say when the data set was made: `created: 2026-01-31`; it is never taken from the clock",
    );
    need(
        !dataset.contributors.is_empty(),
        "contributors",
        "name who stands behind it: `contributors: [{ title: NAME, role: contact }]`",
    );
    need(project.title.is_some(), "project.title", "say what the project is called: `project: { title: ... }`");
    need(
        project.sampling_design.is_some(),
        "project.sampling_design",
        "say how the places of the cameras were chosen, such as `sampling_design: systematicRandom`",
    );
    need(
        capture_method_known || !project.capture_method.is_empty(),
        "project.capture_method",
        "the images have no column `trigger`; say `capture_method: [activityDetection]`",
    );
    lacks
}

/// The version of the standard, for messages.
#[must_use]
pub fn standard() -> String {
    format!("Camtrap DP {VERSION}")
}
