//! The strata of an estimate: the groups in which the samples behind its labels were drawn, as the pipeline itself shows them.

use super::drawn::joined;
use super::{Context, Drawn};
use crate::diagnostic::{Diagnostic, Report, codes};
use crate::table::Schema;

/// What a step that estimates says of its strata.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strata<'a> {
    /// The groups that it reports.
    pub by: &'a [String],
    /// The groups that `sampled_by` names, where it is given.
    pub sampled_by: Option<&'a [String]>,
    /// The port of the labels.
    pub port: usize,
    /// Each class has a share that was given, so that no label needs to stand for a stratum.
    pub by_shares: bool,
    /// The parameter that says how labels from elsewhere were drawn.
    pub param: &'static str,
}

impl<'a> Strata<'a> {
    /// The samples behind the labels.
    pub fn drawn(&self, context: &Context<'_>) -> Drawn {
        let drawn = Drawn::of_port(&context.lineage.drawn, self.port);
        if self.by_shares { Drawn { not_blind: drawn.not_blind, ..Drawn::default() } } else { drawn }
    }

    /// Columns of the strata: of the reported groups, of `sampled_by`, then those of the samples. Finer ones than needed do no harm:
    /// the images of each are counted, so that an estimate over them is one of a sample stratified afterwards.
    pub fn columns<'b>(&self, drawn: &'b Drawn) -> Vec<&'b str>
    where
        'a: 'b,
    {
        joined(self.by, self.sampled_by.unwrap_or_default().iter().chain(&drawn.by))
    }

    /// What enters the recipe: the columns that only the pipeline knows.
    pub fn declaration(&self, context: &Context<'_>) -> Option<(String, String)> {
        let drawn = self.drawn(context);
        let said = joined(self.by, self.sampled_by.unwrap_or_default());
        let more: Vec<&str> = drawn.by.iter().map(String::as_str).filter(|name| !said.contains(name)).collect();
        (!more.is_empty()).then(|| ("strata of the samples".to_owned(), serde_json::Value::from(more).to_string()))
    }

    /// Refuses labels of which nobody says how they were drawn, labels that are not blind, and images that lack a column of the strata.
    pub fn check(&self, images: &Schema, context: &Context<'_>, report: &mut Report) -> bool {
        let (drawn, param) = (self.drawn(context), self.param);
        let errors = report.diagnostics.len();
        let mut refuse = |code, message: String, help: String| {
            report.push(Diagnostic::new(code, context.span, message).help(help));
        };
        if self.sampled_by.is_none() && !drawn.unknown.is_empty() {
            let steps = words(&drawn.unknown);
            refuse(
                codes::UNKNOWN_STRATA,
                format!("nothing says in which groups the labels from {steps} were drawn"),
                format!(
                    "name the columns, such as `{param}: [season, locality]`; `{param}: []` where they were drawn among all images at \
                     once, or all images have labels"
                ),
            );
        }
        if !drawn.not_blind.is_empty() {
            let steps = words(&drawn.not_blind);
            refuse(
                codes::NOT_BLIND,
                format!("labels of a sample come from {steps}, where people see what the model says: such answers never count"),
                format!("add `blind: true` to {steps}"),
            );
        }
        for name in drawn.by.iter().filter(|name| images.field(name).is_none()) {
            refuse(
                codes::MISSING_COLUMN,
                format!("the samples behind the labels were drawn by `{name}`, a column that the predictions lack"),
                "take predictions that carry the columns of the images (`carry` of `import`)".to_owned(),
            );
        }
        report.diagnostics.len() == errors
    }
}

/// Steps by their names.
fn words(steps: &std::collections::BTreeSet<String>) -> String {
    steps.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}
