//! Step kind `select`: chooses the images that people label so that a model learns from them.

use super::{Context, Finding, Job, Metric, Outputs, Param, ParamType, Params, Port, Step, StepError, StepKind};
use crate::diagnostic::{Report, Span};
use crate::event::GAP_S;
use crate::stats::interval::number;
use crate::table::{Groups, Schema, Table, Type};

mod background;
mod candidates;
mod check;
mod choose;
mod order;
mod output;
#[cfg(test)]
mod tests;

use candidates::Candidates;
use choose::Chosen;
use order::Order;

const DOCS: &str = "\
# select

Chooses images for retraining: as many of each predicted class at each site, nearly all of rare classes, and others of the same place
where many come from it. A person verifies each (`review`) before anything is trained with it (`split`, `train`).

## Why
A few thousand well chosen images teach a model more than hundreds of thousands that look alike: in the reference programme 3 276 of
400 000 raised the accuracy on new images from 95.3 to 98.4 %. Chosen by chance alone, most would show an empty tunnel.

## Example
```yaml
chosen:
  uses: select
  stage: retrain
  from: { predictions: predictions, exclude: [qc_random, qc_strata] }
  with: { by: [season, site], per_group: 10, rare: [stoat, least_weasel, bird], background: 0.5, seed: 1 }
new_labels:
  uses: review
  stage: retrain
  from: { images: chosen }
  with: { labels: labels/training/ }
```

## What is chosen
- `per_group` images of each predicted class in each group of `by`; `per_class_n: { empty: 5, vole: 20 }` gives some classes other numbers.
  Let `by` contain the season: a new one then moves nothing that was chosen before.
- `rare`: all images of these predicted classes, up to `rare_max` of each class (and season, where there are seasons).
- `background`: where one class gave `background_from` images or more at a site (and season), so many times as many of *other* classes
  there, in turn, empty ones first, from the days on which those were taken. A model that sees one animal always before the same bush
  learns the bush.
- At most `max_per_event` images of a trigger event: its images are near copies. (Events as in `split`: `event_id`, or site, season,
  trigger, number and time.)
- Never an image of a trigger event that a table of `exclude` touches: no quality check may rest on images that a model was trained
  with. Images that are in the training set already may be excluded in the same way.

## In which order
`order` says which images of a group come first; the others only fill up. Ties go by a keyed hash of `seed` and observation.

| order | first come | needs |
|---|---|---|
| `random` | any: a keyed hash of the observation | - |
| `least_confidence` | those with the smallest confidence | `confidence` |
| `margin` | those whose two best classes are closest | `confidence` and `confidence_2`, or `p_CLASS` |
| `entropy` | those whose confidences are spread most | `p_CLASS` |
| `diversity` | those unlike all that came before: k-center greedy | `f_*` or `p_CLASS` |

`diversity` compares the columns `f_*` (of the step `features`), else `p_CLASS`, among the first `pool` of the group by hash, beginning with
the first.

`min_confidence` and `max_confidence` bound what `per_group` may take; rare classes and backgrounds are not bounded. Uncertain images are
those where people err most, too: leave out what nobody can tell (`ambiguous` of `split`).

## What it yields
`selection`: the rows chosen, in their order, with all their columns and `type` (`training`: such labels enter no estimate), `why` (by
which rule and group it was chosen) and `rank` (its place there). `quotas`: one row per rule and group with the columns of `by`, `rule`,
`class`, `why`, `available`, `excluded`, `wanted` (missing where all are) and `taken`.

## References
Böhner et al. 2023, Ecological Informatics 76, 102150: the selection. Settles 2009, Active Learning Literature Survey: uncertainty.
Sener and Savarese 2018, ICLR: k-center.
";

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "select",
    revision: 1,
    summary: "chooses images to label for training: quotas, rare classes, backgrounds, the most instructive first",
    docs: DOCS,
    inputs: &[
        Port::table("predictions", &[("label", Type::Text)], "classified images"),
        Port { many: true, optional: true, ..Port::table("exclude", &[], "images whose trigger events are never chosen") },
    ],
    outputs: &[
        Port::table("selection", MADE, "the images chosen, with the reason"),
        Port::table("quotas", QUOTAS, "what each rule wanted and took, group by group"),
    ],
    params: PARAMS,
    metrics: &[
        Metric { name: "selected", doc: "images chosen" },
        Metric { name: "rare", doc: "images chosen because their class is rare" },
        Metric { name: "background", doc: "images chosen for the background of others" },
        Metric { name: "excluded", doc: "images that could not be chosen because `exclude` touches their event" },
        Metric { name: "short", doc: "groups with fewer images than `per_group` wants" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

/// The columns that a selection adds.
const MADE: &[(&str, Type)] = &[("type", Type::Text), ("why", Type::Text), ("rank", Type::Int)];

/// The columns of the quotas behind those of the groups.
const QUOTAS: &[(&str, Type)] = &[
    ("rule", Type::Text),
    ("class", Type::Text),
    ("why", Type::Text),
    ("available", Type::Int),
    ("excluded", Type::Int),
    ("wanted", Type::Int),
    ("taken", Type::Int),
];

const fn optional(name: &'static str, ty: ParamType, doc: &'static str) -> Param {
    Param { name, ty, required: false, default: None, keyed: true, doc }
}

const fn with_default(default: &'static str, param: Param) -> Param {
    Param { default: Some(default), ..param }
}

/// More images than any table has.
const MOST: i64 = 0xFFFF_FFFF;

const SHARE: ParamType = ParamType::Number(0.0, 1.0);

const PARAMS: &[Param] = &[
    optional(
        "by",
        ParamType::List(&ParamType::Column("predictions")),
        "columns that make the groups; all images are one where not given",
    ),
    optional("per_group", ParamType::Int(1, MOST), "images to choose per group and predicted class"),
    optional("per_class_n", ParamType::Map(&ParamType::Int(0, MOST)), "other numbers for some classes, by class"),
    optional("rare", ParamType::List(&ParamType::Class), "predicted classes of which all images are chosen"),
    optional("rare_max", ParamType::Int(1, MOST), "at most so many of each rare class and season"),
    with_default(
        "0",
        optional(
            "background",
            ParamType::Number(0.0, 10.0),
            "images of other classes per image of a class that gave many at a site",
        ),
    ),
    with_default("20", optional("background_from", ParamType::Int(1, MOST), "how many images of a class at a site are many")),
    with_default("random", optional("order", ParamType::Choice(Order::WORDS), "which images of a group come first")),
    with_default("500", optional("pool", ParamType::Int(1, 100_000), "candidates per group that `diversity` compares")),
    optional("min_confidence", SHARE, "confidence from which on `per_group` takes images, 0-1"),
    optional("max_confidence", SHARE, "confidence up to which `per_group` takes images, 0-1"),
    with_default("1", optional("max_per_event", ParamType::Int(1, 1000), "images to choose of one trigger event")),
    with_default("60", optional("gap_s", ParamType::Int(0, 86_400), "seconds that may lie between two images of an event")),
    with_default(
        "1",
        optional("seed", ParamType::Int(i64::MIN, i64::MAX), "another seed chooses otherwise; never change it in between"),
    ),
];

/// How many examples a finding shows.
const EXAMPLES: usize = 8;

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    check::quotas(params, report)?;
    let count = |name: &str| params.int(name).and_then(|n| u64::try_from(n).ok());
    Some(Box::new(Select {
        by: params.texts("by").into_iter().map(|name| name.value).collect(),
        by_span: params.span_of("by"),
        per_group: count("per_group"),
        per_class_n: check::entries(params),
        rare: params.texts("rare").into_iter().map(|class| class.value).collect(),
        rare_max: count("rare_max"),
        background: params.number("background").unwrap_or(0.0),
        background_from: count("background_from").unwrap_or(20),
        order: Order::of(params.text("order").unwrap_or_default()),
        pool: count("pool").and_then(|n| usize::try_from(n).ok()).unwrap_or(500),
        confidence: (params.number("min_confidence"), params.number("max_confidence")),
        per_event: count("max_per_event").and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
        gap_s: params.int("gap_s").unwrap_or(GAP_S),
        seed: params.int("seed").unwrap_or(1),
    }))
}

struct Select {
    by: Vec<String>,
    by_span: Span,
    per_group: Option<u64>,
    per_class_n: Vec<(crate::diagnostic::Spanned<String>, u64)>,
    rare: Vec<String>,
    rare_max: Option<u64>,
    background: f64,
    background_from: u64,
    order: Order,
    pool: usize,
    /// From, to.
    confidence: (Option<f64>, Option<f64>),
    per_event: u32,
    gap_s: i64,
    seed: i64,
}

impl Select {
    /// How many images of a predicted class each group gives.
    fn quota(&self, class: &str) -> Option<u64> {
        if self.rare.iter().any(|rare| rare == class) {
            return None;
        }
        self.per_class_n.iter().find(|(name, _)| name.value == class).map(|(_, n)| *n).or(self.per_group)
    }

    fn is_bounded(&self) -> bool {
        self.confidence != (None, None)
    }
}

impl Step for Select {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let predictions = inputs.first()?.first()?;
        check::columns(self, inputs, context, report)?;
        Some(vec![output::selection_schema(predictions), output::quotas_schema(predictions, &self.by)])
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        // Which classes stand for an empty image decides the order of backgrounds, and nothing else.
        let empty = background::empty_classes(context.classes);
        if self.background > 0.0 {
            vec![("empty classes".to_owned(), serde_json::Value::from(empty).to_string())]
        } else {
            Vec::new()
        }
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn changes(&self, before: &Table, after: &Table) -> Vec<Finding> {
        super::sample::changes::by_stratum(before, after, "why", "selection")
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.input(0)?.read(None)?;
        job.progress.start("select", images.rows as u64);
        let exclude = job.inputs.get(1).into_iter().flatten().map(|table| table.read(None)).collect::<Result<Vec<_>, _>>()?;
        let mut findings = Vec::new();
        let candidates = Candidates::of(self, &images, &exclude, &mut findings)?;
        job.cancel.check()?;
        let groups = Groups::of(&images, &self.by)?;
        let mut chosen = Chosen::new(self, &candidates, &images);
        chosen.rare()?;
        chosen.quotas(&groups)?;
        job.cancel.check()?;
        chosen.background(job.context.classes)?;
        let taken = |rule: choose::Rule| chosen.strata.iter().filter(|one| one.rule == rule).map(|one| one.taken).sum::<u64>();
        let short = chosen.strata.iter().filter(|one| one.is_short()).count() as u64;
        let metrics = [
            ("selected", chosen.members.len() as u64),
            ("rare", taken(choose::Rule::Rare)),
            ("background", taken(choose::Rule::Background)),
            ("excluded", candidates.excluded_count()),
            ("short", short),
        ];
        let selection = output::selection(&images, &chosen)?;
        let quotas = output::quotas(output::quotas_schema(&images.schema, &self.by), &groups, &chosen.strata)?;
        job.progress.advance(images.rows as u64, 0);
        let metrics = metrics.into_iter().map(|(name, count)| (name.to_owned(), number(count))).collect();
        Ok(Outputs { tables: vec![selection, quotas], findings, metrics, ..Outputs::default() })
    }
}
