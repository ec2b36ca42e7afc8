//! Step kind `threshold`: which labels to accept and which images people look at, by fixed rules or for a wanted accuracy.

use std::collections::BTreeMap;

use super::sample::bins::Bins;
use super::strata::Strata;
use super::{Context, Job, Metric, Outputs, Param, ParamType, Params, Port, Step, StepError, StepKind};
use crate::diagnostic::{Report, Span, Spanned};
use crate::stats::interval::{number, z_of};
use crate::stats::planning::hours;
use crate::table::{Schema, Table, Type};

mod check;
mod chosen;
mod curve;
mod estimate;
mod images;
mod in_force;
mod rules;
#[cfg(test)]
mod tests;

use chosen::choose;
use curve::{CURVE, Candidates};
use images::{Checked, Images};
use rules::{RULES, Where};

const DOCS: &str = "\
# threshold

Parts predictions into those whose label is accepted and those that people look at, and shows what every other threshold
would mean.

## Why
Above some confidence a model is as good as people, below it is not; some classes are too rare and some sites too odd to be
left to it. The work lies between looking at everything and trusting everything, and should be chosen from data.

## Example
```yaml
accepted:
  uses: threshold
  from: { predictions: predictions, quality: quality.checked }
  with: { accept_at: 0.9, always_review: [stoat, least_weasel], always_review_where: { site: [k12] } }
chosen:
  uses: threshold
  from: { predictions: predictions, quality: quality.checked }
  with: { target_accuracy: 0.95 }
blanks:                                   # a blank filter: people see what is an animal with a confidence of more than 0.25
  uses: threshold
  from: predictions
  with: { on: p_empty, accept_at: 0.75, images_per_hour: 500 }
```

## What is reviewed
An image is accepted when its confidence is at or above the threshold, and reviewed when any rule asks for it: it is below the
threshold, its class is in `always_review`, a column has a value of `always_review_where`, or it could not be classified. A threshold is
rounded to the precision in which confidences are stored, so that a confidence of 0.9 reaches a threshold of 0.9.

- `accept_at` is a threshold for all; `per_class: { vole: 0.8 }` gives some classes their own.
- `target_accuracy` chooses it: the smallest candidate for which the accuracy of the images at or above reaches the target,
  by its lower confidence bound, or by the estimate itself with `target_by: point`. `choose_per_class` does so for each
  predicted class; those of `per_class` keep theirs. Where no threshold reaches the target, or nothing was checked, all those
  images are reviewed and the run says what was reached. Candidates are 0.00 to 0.99 by 0.01, 0.995 and 0.999.
- `on` compares another column, such as the confidence `p_CLASS` of one class.

## How the accuracy is estimated
From the checked images of the random and the confidence sample. Within a bin of confidence and a group in which these were drawn they
are a simple random sample of the images at or above the threshold; each weighs by its number of images. The groups are those of the
`sample` steps behind `quality`; only where checked images come from elsewhere (`import`, `command`), `by` says them. Let `bins` be those of
the samples. A bin in which a group has no checked image is taken to be like that bin of the other groups, and where no group has one, like
its neighbour above; images of groups without any checked one are reported. The interval is Wilson's at the effective sample size of the
stratified sample. A threshold chosen
from data is the best of a hundred: check what it accepts with next season's random sample.

## What it yields
`accepted` and `to_review`: the predictions, row by row in one or the other; `to_review` has the column `why`: all rules that asked,
joined by `+`.

`curve`, for all images (no `class`) and, with `choose_per_class`, for each class:

| column | what it holds |
|---|---|
| `threshold` | the candidate |
| `images`, `coverage` | images at or above it, and their share of all |
| `images_to_review`, `hours` | what people would look at with it, all rules together; hours at `images_per_hour` |
| `checked`, `accuracy`, `lower`, `upper` | among the images at or above: how many were checked, the share of right labels, its interval |

`rules`: how many images each rule asks for, how many no other does, their share of all, the hours.

## References
Norouzzadeh et al. 2018, PNAS 115: E5716 (accuracy against coverage). Böhner et al. 2023, Ecological Informatics 76, 102150
(700 images an hour). Franco et al. 2019, Journal of Survey Statistics and Methodology 7: 334 (intervals of shares from complex
samples).
";

/// The columns of predictions.
const PREDICTIONS: &[(&str, Type)] = &[("label", Type::Text)];

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "threshold",
    revision: 2,
    summary: "accepts confident labels, sends the others to review, and shows what other thresholds would mean",
    docs: DOCS,
    inputs: &[
        Port::table("predictions", PREDICTIONS, "the predictions to part"),
        Port {
            optional: true,
            ..Port::table("quality", &[("type", Type::Text), ("correct", Type::Bool)], "checked images, from `evaluate`")
        },
    ],
    outputs: &[
        Port::table("accepted", PREDICTIONS, "predictions whose label is accepted"),
        Port::table(
            "to_review",
            &[("label", Type::Text), ("why", Type::Text)],
            "predictions that people look at, with the reason",
        ),
        Port::table("curve", CURVE, "what each threshold would mean"),
        Port::table("rules", RULES, "what each rule asks for"),
    ],
    params: PARAMS,
    metrics: &[
        Metric {
            name: "threshold",
            doc: "the threshold for all; missing where it is chosen by class or the target is not reached",
        },
        Metric { name: "coverage", doc: "share of images accepted, 0-1" },
        Metric { name: "accepted", doc: "images accepted" },
        Metric { name: "to_review", doc: "images to review" },
        Metric { name: "hours_to_review", doc: "hours to review them" },
        Metric { name: "hours_saved", doc: "hours that the accepted images would have taken" },
        Metric { name: "accuracy_above", doc: "share of right labels among images at or above their threshold, 0-1" },
        Metric { name: "accuracy_above_lower", doc: "the lower confidence bound of `accuracy_above`" },
        Metric { name: "near_threshold", doc: "images within 0.001 of their threshold" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

const fn optional(name: &'static str, ty: ParamType, doc: &'static str) -> Param {
    Param { name, ty, required: false, default: None, keyed: true, doc }
}

const fn with_default(default: &'static str, param: Param) -> Param {
    Param { default: Some(default), ..param }
}

const SHARE: ParamType = ParamType::Number(0.0, 1.0);

const PARAMS: &[Param] = &[
    optional("accept_at", SHARE, "threshold at or above which a label is accepted, 0-1"),
    optional("per_class", ParamType::Map(&SHARE), "other thresholds for some classes, by class"),
    optional("target_accuracy", SHARE, "chooses the threshold: the accuracy wanted of images at or above it, 0-1"),
    with_default(
        "lower",
        optional(
            "target_by",
            ParamType::Choice(&["point", "lower"]),
            "what must reach the target: the estimate or its lower bound",
        ),
    ),
    with_default("false", optional("choose_per_class", ParamType::Bool, "chooses a threshold for each predicted class")),
    optional("always_review", ParamType::List(&ParamType::Class), "predicted classes that people always look at"),
    optional(
        "always_review_where",
        ParamType::Map(&ParamType::List(&ParamType::Text)),
        "values of columns that people always look at: `site: [a, b]`",
    ),
    with_default(
        "700",
        optional("images_per_hour", ParamType::Number(1.0, f64::INFINITY), "images that a person reviews in an hour"),
    ),
    with_default("0.95", optional("level", ParamType::Number(0.5, 0.9999), "coverage of the confidence intervals")),
    with_default("confidence", optional("on", ParamType::Column("predictions"), "the column that is compared")),
    optional(
        "by",
        ParamType::List(&ParamType::Column("predictions")),
        "columns of the groups that checked images from elsewhere were drawn in; how `sample` steps draw is known",
    ),
    with_default("10", optional("bins", ParamType::Int(1, 1000), "number of bins of the confidence sample")),
];

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let choice = check::choice(params, report)?;
    let (wheres, where_columns) = check::wheres(params);
    let bins = params.int("bins").and_then(|count| u32::try_from(count).ok()).unwrap_or(10);
    Some(Box::new(Threshold {
        choice,
        choice_span: params.span_of("target_accuracy"),
        per_class: check::per_class(params),
        always_review: params.texts("always_review").into_iter().map(|class| class.value).collect(),
        wheres,
        where_columns,
        per_hour: params.number("images_per_hour").unwrap_or(700.0),
        z: z_of(params.number("level").unwrap_or(0.95)),
        on: params.text("on").unwrap_or("confidence").to_owned(),
        by: params.get("by").map(|_| params.texts("by").into_iter().map(|name| name.value).collect()),
        bins: Bins::new(bins),
    }))
}

struct Threshold {
    choice: Choice,
    choice_span: Span,
    per_class: Vec<(Spanned<String>, f64)>,
    always_review: Vec<String>,
    wheres: Vec<Where>,
    where_columns: Vec<Spanned<String>>,
    per_hour: f64,
    /// Standard errors that an interval reaches to each side.
    z: f64,
    on: String,
    by: Option<Vec<String>>,
    bins: Bins,
}

/// Where the threshold comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Choice {
    Fixed(f64),
    Target(Target),
}

/// What a chosen threshold must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Target {
    accuracy: f64,
    /// By the estimate instead of its lower bound.
    by_point: bool,
    per_class: bool,
}

/// How many examples a finding shows.
const EXAMPLES: usize = 8;

/// How far from the threshold a confidence may differ between machines.
const NEAR: f32 = 1e-3;

impl Step for Threshold {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        check::columns(self, inputs, context, report)?;
        let accepted = inputs.first()?.first()?.clone();
        let mut to_review = accepted.clone();
        to_review.set("why", Type::Text);
        Some(vec![accepted, to_review, Schema::of(CURVE), Schema::of(RULES)])
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        self.strata().declaration(context).into_iter().collect()
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let table = job.input(0)?.read(None)?;
        job.progress.start("decide", table.rows as u64);
        let drawn = self.strata().drawn(job.context);
        let strata = self.strata().columns(&drawn);
        let images = Images::of(&table, self, &strata)?;
        let mut findings = Vec::new();
        let checked = match job.inputs.get(1).and_then(|tables| tables.first()) {
            Some(quality) => Some(Checked::of(&quality.read(None)?, &images, self, &strata, &mut findings)?),
            None => None,
        };
        let mut asked = vec![0; table.rows];
        rules::mark_classes(&mut asked, images.label, &self.always_review);
        findings.extend(rules::mark_values(&mut asked, &table, &self.wheres)?);
        job.cancel.check()?;
        let fixed = match self.choice {
            Choice::Fixed(value) => Some(value),
            Choice::Target(_) => None,
        };
        let own = self.per_class.iter().map(|(_, value)| *value);
        let candidates = Candidates::with(own.chain(fixed));
        let (chosen, scopes) = choose(self, &images, checked.as_ref(), &asked, &candidates, &mut findings);
        let curve = curve::table(&scopes, &candidates, self.per_hour)?;
        let near = images.decide(&chosen, &mut asked);
        let words = rules::words(!self.always_review.is_empty(), &self.wheres);
        let rules = rules::table(&asked, &words, self.per_hour)?;
        let (mut kept, mut rest) = (Vec::with_capacity(table.rows), Vec::new());
        for (row, asked) in (0..).zip(&asked) {
            if *asked == 0 { kept.push(row) } else { rest.push(row) }
        }
        job.cancel.check()?;
        let to_review = rules::to_review(&table, &rest, &asked, &words)?;
        let accepted = table.take(&kept);
        let mut metrics = self.metrics(&accepted, &to_review, near);
        if let Some(value) = chosen.for_all.filter(|_| !self.chooses_per_class()) {
            metrics.insert("threshold", value);
        }
        let above = checked.as_ref().and_then(|checked| images.above(&chosen, checked, self));
        if let Some(above) = above {
            metrics.insert("accuracy_above", above.accuracy);
            metrics.insert("accuracy_above_lower", above.lower);
        }
        job.progress.advance(table.rows as u64, 0);
        let metrics = metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Outputs { tables: vec![accepted, to_review, curve, rules], findings, metrics, ..Outputs::default() })
    }
}

impl Threshold {
    fn strata(&self) -> Strata<'_> {
        Strata { by: &[], sampled_by: self.by.as_deref(), port: 1, by_shares: false, param: "by" }
    }

    fn chooses_per_class(&self) -> bool {
        matches!(self.choice, Choice::Target(Target { per_class: true, .. }))
    }

    fn metrics(&self, accepted: &Table, to_review: &Table, near: u64) -> BTreeMap<&'static str, f64> {
        let (kept, rest) = (accepted.rows as u64, to_review.rows as u64);
        let mut metrics: BTreeMap<_, _> = [
            ("accepted", number(kept)),
            ("to_review", number(rest)),
            ("hours_to_review", hours(rest, self.per_hour)),
            ("hours_saved", hours(kept, self.per_hour)),
            ("near_threshold", number(near)),
        ]
        .into();
        if kept + rest > 0 {
            metrics.insert("coverage", number(kept) / number(kept + rest));
        }
        metrics
    }
}
