//! The kinds of step that pipelines may use.

use super::StepKind;

/// All kinds, in the order of the documentation.
pub static KINDS: &[&StepKind] = &[
    &super::images::KIND,
    &super::metadata::KIND,
    &super::rename::KIND,
    &super::import::KIND,
    &super::events::KIND,
    &super::sample::KIND,
    &super::classify::KIND,
    &super::ensemble::KIND,
    &super::features::KIND,
    &super::heatmap::KIND,
    &super::review::KIND,
    &super::evaluate::KIND,
    &super::compare::KIND,
    &super::threshold::KIND,
    &super::train::KIND,
    &super::merge::KIND,
    &super::summarise::KIND,
    &super::command::KIND,
    &super::report::KIND,
    &super::export::KIND,
    &super::select::KIND,
    &super::split::KIND,
];

/// The kind called `name`.
#[must_use]
pub fn kind(name: &str) -> Option<&'static StepKind> {
    KINDS.iter().find(|kind| kind.name == name).copied()
}
