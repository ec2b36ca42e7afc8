//! What all parts of a report share.

use std::collections::BTreeSet;

use super::inputs::{Input, Inputs};
use crate::report::figure::Heading;
use crate::report::page::Source;
use crate::report::{TemplateError, Templates};
use crate::step::{Ancestor, Lineage, StepError};
use crate::taxonomy::{Role, Taxonomy};

/// What sections are made from.
pub(super) struct Draft<'j> {
    pub inputs: Inputs<'j>,
    pub templates: &'j Templates,
    pub classes: &'j Taxonomy,
    pub lineage: &'j Lineage,
}

impl Draft<'_> {
    /// Class names in the programme's order, then the others by name.
    pub fn ordered(&self, mut found: BTreeSet<String>) -> Vec<String> {
        let mut names: Vec<String> = self.classes.names().filter(|name| found.remove(*name)).map(str::to_owned).collect();
        names.extend(found);
        names
    }

    /// What a class stands for, declared or not.
    pub fn role(&self, class: &str) -> Role {
        self.classes.role(class)
    }

    pub fn is_animal(&self, class: &str) -> bool {
        self.role(class) == Role::Animal
    }

    /// The step before the report that is called `name`.
    pub fn step(&self, name: &str) -> Option<&Ancestor> {
        self.lineage.steps.iter().find(|step| step.name == name)
    }

    /// A figure, or why the user's template could not draw it.
    pub fn drawn(&self, figure: impl FnOnce(&Templates) -> Result<String, TemplateError>) -> Result<String, StepError> {
        figure(self.templates).map_err(|error| StepError::Data(error.to_string()))
    }
}

/// What a figure is called.
pub(super) fn heading(id: &str, title: &str, about: &str) -> Heading {
    Heading { id: format!("figure-{id}"), title: title.to_owned(), about: about.to_owned() }
}

/// Where the numbers of a table come from.
pub(super) fn source(input: Input<'_>) -> Source {
    Source { step: input.origin.step.clone(), output: input.origin.output.to_owned() }
}

/// The value of a parameter, from its canonical text.
pub(super) fn param(step: &Ancestor, name: &str) -> Option<serde_json::Value> {
    let (_, text) = step.params.iter().find(|(given, _)| given == name)?;
    serde_json::from_str(text).ok()
}
