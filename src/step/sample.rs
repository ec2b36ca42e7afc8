//! Step kind `sample`: draws the images that people check, so that the draw stays put when images are added.

use super::{
    Context, Drawn, FileInput, Finding, Job, Metric, Outputs, Param, ParamType, Params, Port, Step, StepError, StepKind,
};
use crate::diagnostic::{Report, Span};
use crate::stats::interval::number;
use crate::table::{Groups, Schema, Table, Type};

pub(super) mod bins;
pub(super) mod changes;
mod check;
mod draw;
mod kind;
mod output;
mod population;
mod size;
#[cfg(test)]
mod tests;

use draw::Quotas;
use population::Population;

const DOCS: &str = "\
# sample

Draws images by chance, in one or several of three ways, and says for each why it was drawn.

## Why
A model is as good as its errors on images that people looked at. Three samples show them: one among all images of a group (how
good is the whole), one per predicted class (how good is each class, also the rare ones), one per bin of confidence (where to put
the threshold). A sample that moved whenever a season is added would make last year's checking worthless, so this one stays.

## Example
```yaml
qc_random:                      # before classification: cannot depend on a model
  uses: sample
  from: names
  with: { by: [season, locality], random_per_group: 500, seed: 20210701 }
qc_strata:
  uses: sample
  from: { images: predictions, exclude: qc_random }
  with: { by: [season, locality], per_class: 100, per_confidence_bin: 100, seed: 20210701 }
```

## What is drawn
Every image has a place in an order that follows from `seed`, the kind of sample and the observation itself (site, season and
content; without content its name, path or file) by a keyed hash. Of each stratum the first n are drawn, all where there are
fewer. A stratum says where to draw, never which: the order of rows, the folder, the model and other groups move nothing. Let
`by` contain the season, so that a new season is a group of its own. Where a group itself grows, some of its sample changes: of
500, about 404 stay when a quarter is added and about 246 when the group doubles; the run lists who leaves and who enters.

- `random_per_group` draws among all images of a group and ignores predictions: after retraining it is the same. `plan_size` chooses
  its size: `{ half_width: 0.02, expected: 0.95, level: 0.95 }` asks for 457 images of very many, fewer of a small group.
- `per_class` draws among the images of each predicted class; `per_class_n: { stoat: 200, empty: 0 }` gives some classes
  other numbers.
- `per_confidence_bin` draws among the images of each bin `(k/n, (k+1)/n]` of the confidence. A confidence equal to a boundary
  in the precision in which it is stored belongs to the bin below: 0.9 lies in (0.8, 0.9]. Exactly 0 is in the first bin.
- Images without a label, which could not be classified, belong to no class and no bin.
- The three are drawn independently of one another. An image that several draw stands there once, its `type` joined by `+`.
- An image whose folder got another name keeps its place in the order (`moves.csv`): correcting a site draws nothing anew.
- `exclude`: observations of those tables are not drawn. `include`: observations of those tables are part of this sample, with the
  `type` and `why` they have there. They count towards n: those drawn at random in every stratum they fall in, others in strata of
  their own `type`, those of a table without `type` everywhere. Include only what was drawn by chance.

## What it yields
`sample`: the images drawn, in their order, with all their columns and

| column | what it holds |
|---|---|
| `type` | `random`, `class`, `confidence`, joined by `+` |
| `stratum` | where it was drawn: `class=stoat season=2024`; several joined by ` + ` |
| `stratum_size` | images in that stratum (the first, where there are several) |
| `rank` | its place among those drawn there, from 1; missing where it was included |
| `why` | the same in words |

Columns of these names that the images have are replaced.

`strata`: one row per stratum, also the empty bins: the columns of `by`, `type`, `class`, `bin_from`, `bin_to`, `images`, `excluded`,
`wanted`, `included`, `drawn`, and `half_width`: how far, at most, a share estimated from the sample lies from the truth in 95 of 100
samples (normal interval at a share of one half, with finite-population correction).

## References
Böhner et al. 2023, Ecological Informatics 76, 102150: the three samples. Cochran 1977, Sampling Techniques: sizes and corrections.
";

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "sample",
    revision: 1,
    summary: "draws images to check: at random, per class, per confidence, the same ones whatever is added",
    docs: DOCS,
    inputs: &[
        Port::table("images", &[], "the images or predictions to draw from"),
        Port { many: true, optional: true, ..Port::table("exclude", &[], "observations that are not drawn") },
        Port { many: true, optional: true, ..Port::table("include", &[], "observations that belong to the sample") },
    ],
    outputs: &[
        Port::table("sample", MADE, "the images drawn, with the reasons"),
        Port::table("strata", STRATA, "where was drawn, how many of how many"),
    ],
    params: PARAMS,
    metrics: &[
        Metric { name: "drawn", doc: "images in the sample, included ones too" },
        Metric { name: "strata", doc: "strata to draw from" },
        Metric { name: "short_strata", doc: "strata with fewer images than wanted; empty confidence bins are not counted" },
        Metric { name: "excluded", doc: "images that were not drawn because `exclude` holds them" },
    ],
    keeps_rows: false,
    pins: Some("type"),
    read,
};

/// The columns that a sample adds.
const MADE: &[(&str, Type)] =
    &[("type", Type::Text), ("stratum", Type::Text), ("stratum_size", Type::Int), ("rank", Type::Int), ("why", Type::Text)];

/// The columns of the strata behind those of the groups.
const STRATA: &[(&str, Type)] = &[
    ("type", Type::Text),
    ("class", Type::Text),
    ("bin_from", Type::Float64),
    ("bin_to", Type::Float64),
    ("images", Type::Int),
    ("excluded", Type::Int),
    ("wanted", Type::Int),
    ("included", Type::Int),
    ("drawn", Type::Int),
    ("half_width", Type::Float64),
];

const fn optional(name: &'static str, ty: ParamType, doc: &'static str) -> Param {
    Param { name, ty, required: false, default: None, keyed: true, doc }
}

/// More images than any table has.
const MOST: i64 = 0xFFFF_FFFF;

const PARAMS: &[Param] = &[
    optional(
        "by",
        ParamType::List(&ParamType::Column("images")),
        "columns that make the groups; all images are one where not given",
    ),
    optional("random_per_group", ParamType::Int(1, MOST), "images to draw at random per group"),
    optional(
        "plan_size",
        ParamType::Map(&ParamType::Number(0.0, 1.0)),
        "instead of `random_per_group`: the `half_width` wanted, the share `expected` (0.5) and the `level` (0.95)",
    ),
    optional("per_class", ParamType::Int(1, MOST), "images to draw per group and predicted class"),
    optional("per_class_n", ParamType::Map(&ParamType::Int(0, MOST)), "other numbers for some classes, by class"),
    optional("per_confidence_bin", ParamType::Int(1, MOST), "images to draw per group and bin of confidence"),
    Param { default: Some("10"), ..optional("bins", ParamType::Int(1, 1000), "number of bins of confidence") },
    Param {
        default: Some("1"),
        ..optional("seed", ParamType::Int(i64::MIN, i64::MAX), "another seed draws another sample; never change it in between")
    },
];

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let quotas = check::quotas(params, report)?;
    let by = params.texts("by").into_iter().map(|name| name.value).collect();
    let class_names = check::class_names(params);
    Some(Box::new(Sample { by, by_span: params.span_of("by"), quotas, class_names }))
}

struct Sample {
    by: Vec<String>,
    by_span: Span,
    quotas: Quotas,
    /// The classes of `per_class_n`, where they stand.
    class_names: Vec<crate::diagnostic::Spanned<String>>,
}

/// How many examples a finding shows.
const EXAMPLES: usize = 8;

impl Step for Sample {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let images = inputs.first()?.first()?;
        check::columns(self, inputs, context, report)?;
        Some(vec![output::sample_schema(images), output::strata_schema(images, &self.by)])
    }

    fn drawn(&self, _name: &str, inputs: &[Vec<Drawn>]) -> Drawn {
        // What `include` brings was drawn before, perhaps by other columns.
        let mut drawn = Drawn::of_port(inputs, 2);
        drawn.by_chance = true;
        drawn.by.extend(self.by.iter().cloned());
        drawn
    }

    fn files(&self, context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        Ok(super::moved::input(context.project).into_iter().collect())
    }

    fn changes(&self, before: &Table, after: &Table) -> Vec<Finding> {
        changes::between(before, after)
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.input(0)?.read(None)?;
        job.progress.start("draw", images.rows as u64);
        let mut findings = Vec::new();
        let mut population = Population::of(&images, &super::moved::moves(job)?, &mut findings)?;
        for other in job.inputs.get(1).into_iter().flatten() {
            population.exclude(&images, &other.read(None)?)?;
        }
        for other in job.inputs.get(2).into_iter().flatten() {
            population.include(&images, &other.read(None)?, &mut findings)?;
        }
        job.cancel.check()?;
        let groups = Groups::of(&images, &self.by)?;
        let drawing = draw::draw(&images, &groups, &self.quotas, &population)?;
        job.cancel.check()?;
        let bins = &self.quotas.bins;
        let sample = output::sample(&images, &groups, bins, &drawing, &population)?;
        let strata = output::strata(output::strata_schema(&images.schema, &self.by), &groups, bins, &drawing.strata)?;
        let short: Vec<_> = drawing.strata.iter().filter(|stratum| stratum.is_short()).collect();
        if !short.is_empty() {
            let shown = short.iter().take(EXAMPLES);
            let words = shown.map(|one| format!("{}: {} of {}", one.words(&groups, bins), one.held(), one.wanted));
            findings.push(Finding {
                kind: "short_stratum".into(),
                message: format!("{} strata have fewer images than wanted; all of them are in the sample", short.len()),
                count: short.len() as u64,
                examples: words.collect(),
            });
        }
        let excluded = population.excluded.iter().zip(&population.keys).filter(|(held, key)| **held && key.is_some()).count();
        let counts = [("drawn", sample.rows), ("strata", strata.rows), ("short_strata", short.len()), ("excluded", excluded)];
        let metrics = counts.into_iter().map(|(name, count)| (name.to_owned(), number(count as u64))).collect();
        job.progress.advance(images.rows as u64, 0);
        Ok(Outputs { tables: vec![sample, strata], findings, metrics, ..Outputs::default() })
    }
}
