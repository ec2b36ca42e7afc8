use super::*;
use crate::step::ParamValue;
use crate::step::testing::{NOWHERE, Project, step};
use crate::taxonomy::{Class, Role, Taxonomy};

const IMAGES: &[(&str, Type)] =
    &[("content", Type::Content), ("path", Type::Text), ("root", Type::Text), ("class", Type::Text), ("split", Type::Text)];

fn taxonomy(names: &[&str]) -> Taxonomy {
    let class = |name: &&str| Class {
        name: Spanned { value: (*name).to_owned(), span: NOWHERE },
        role: Role::Animal,
        key: None,
        colour: None,
        display: None,
        species_id: None,
        taxon: None,
    };
    Taxonomy { classes: names.iter().map(class).collect() }
}

/// What checking says of a training with these parameters, and the columns of its outputs. What every build without libtorch says
/// is left out.
fn checked(given: &[(&'static str, &str)], model_is_wired: bool, classes: &[&str]) -> (Option<Vec<Schema>>, Vec<String>) {
    let given: Vec<_> = given.iter().map(|(name, value)| (*name, ParamValue::Text((*value).to_owned()))).collect();
    let mut project = Project::new();
    project.classes = taxonomy(classes);
    let inputs = [vec![Schema::of(IMAGES)], if model_is_wired { vec![Schema::default()] } else { vec![] }];
    let (schemas, mut found) = project.columns_of(&*step(&KIND, &given), &inputs);
    found.retain(|finding| !finding.starts_with(BUILT_WITHOUT.id));
    assert_eq!(schemas.is_none(), !found.is_empty());
    (schemas, found)
}

fn finding(given: &[(&'static str, &str)], model_is_wired: bool, classes: &[&str]) -> String {
    let found = checked(given, model_is_wired, classes).1;
    let [one] = &found[..] else { panic!("{found:?}") };
    one.clone()
}

#[test]
fn outputs_have_their_columns_before_anything_is_trained() {
    let (schemas, _) = checked(&[], false, &["empty", "stoat"]);
    let schemas = schemas.unwrap();
    assert_eq!(schemas.len(), KIND.outputs.len());
    for name in ["path", "class", "split", "label", "confidence", "p_empty", "p_stoat"] {
        assert!(schemas[2].field(name).is_some(), "`{name}` of the validation images");
    }
}

#[test]
fn a_part_of_a_network_learns_on_top_of_a_model_only() {
    let transfer = [("preset", "bohner_transfer")];
    assert!(finding(&transfer, false, &["a"]).starts_with("TL0502 only a part of the network learns"));
    assert!(finding(&[transfer[0], ("start", "scratch")], false, &["a"]).starts_with("TL0502"));
    assert_eq!(checked(&transfer, true, &["a"]).1, Vec::<String>::new());
}

#[test]
fn the_model_to_start_from_is_known_and_one() {
    assert!(finding(&[("start", "x@1")], false, &["a"]).starts_with("TL0605 model `x@1` is not known"));
    assert!(finding(&[("start", "x@1")], true, &["a"]).starts_with("TL0407"));
    assert_eq!(checked(&[("start", "scratch")], false, &["a"]).1, Vec::<String>::new());
}

#[test]
fn classes_are_the_programmes() {
    assert!(finding(&[], false, &[]).starts_with("TL0607"));
}
