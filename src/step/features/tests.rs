//! What can be checked without a run; `tests/features.rs` has the rest.

use super::*;
use crate::step::ParamValue;
use crate::step::testing::{Project, params};

#[test]
fn columns_of_the_same_names_are_replaced_and_others_stay() {
    let schema = Schema::of(&[("f_1", Type::Float32), ("f_stop", Type::Float32), ("f_2", Type::Text), ("f_", Type::Float32)]);
    let kept: Vec<_> = without_made(&schema).fields.into_iter().map(|field| field.name).collect();
    assert_eq!(kept, ["f_stop", "f_2", "f_"]);
}

#[test]
fn the_number_of_columns_is_known_before_the_network() {
    let step = (KIND.read)(&params(&KIND, &[("dimensions", ParamValue::Int(3))]), &mut Report::default()).unwrap();
    let images = Schema::of(IMAGE_COLUMNS);
    let (schemas, findings) = Project::new().columns_of(step.as_ref(), &[vec![images.clone()], vec![Schema::default()]]);
    let names: Vec<_> = schemas.unwrap().remove(0).fields.into_iter().map(|field| field.name).collect();
    assert_eq!((names.join(" ").as_str(), findings), ("content path f_1 f_2 f_3", Vec::new()));
    let (none, findings) = Project::new().columns_of(step.as_ref(), &[vec![images], Vec::new()]);
    assert!(none.is_none() && findings[0].ends_with("parameter `model` is missing"), "{findings:?}");
}
