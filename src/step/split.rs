//! Step kind `split`: parts labelled images into those to train with, to choose a model by, and to test it on.

use super::{
    Context, Drawn, Finding, IMAGE_COLUMNS, Job, LABEL_COLUMNS, Metric, Outputs, Param, ParamType, Params, Port, Step, StepError,
    StepKind,
};
use crate::diagnostic::{Report, Span};
use crate::event::GAP_S;
use crate::table::{Schema, Table, Type};

mod changes;
mod check;
mod gather;
mod groups;
mod output;
mod side;
#[cfg(test)]
mod speed_tests;
#[cfg(test)]
mod tests;

use groups::Grouping;
use side::{Given, Shares};

const DOCS: &str = "\
# split

Parts labelled images into three sides: `train`, `validation` (a training is stopped and calibrated by it) and `test` (nothing but
the final figures may look at it).

## Why
The images of one trigger event are near copies. Where one is trained with and the other tested on, the figures praise a model for its
memory. So whole events, or whole sites, fall on one side. And a test that changes with every new image measures something else each
time: here the side of an image follows from the image's group and a seed, and never from what else there is.

## Example
```yaml
sets:
  uses: split
  stage: retrain
  from: { images: names, labels: [older_labels, new_labels], exclude: [qc_random, qc_strata] }
  with: { validation: 0.1, test: 0.1, group: event, ambiguous: [difficult], seed: 1 }
```

## Groups
- `group: event`, the default where the images have times or event numbers (`metadata`): the trigger event, by site, season, trigger
  mode and the camera's event number, cut where images lie more than `gap_s` seconds apart; without numbers by time alone. A column
  `event_id` (step `events`) counts before all that: make it over the whole archive where only some images are labelled.
- `group: site`, `group: [site, season]` or other columns: all images with the same values. Stricter: the test shows how a model does at
  places it has never seen.
- `group: none`: each image for itself. Only where no two images show the same moment.
- `group_pattern` is a regular expression on `path`; what its captures find tells cameras apart, where no folder does: `'([^/]+) \\\\('`
  finds `3.1 D` in `train/lynx/3.1 D (106).jpg`. Beside `group: event` it stands for the site, else it is one more column.

## How sides are given
- A keyed hash of the group lies between 0 and 1: below `test` is the test, the next `validation` are the validation, the rest trains.
  Each class has its shares on average, and a rare one may miss a side: `strata` shows what came out. More images, sites or seasons
  never move an image; late images of a numbered event go where the others are. (Images without event numbers are hashed by place and day.)
- `stratify: true` counts instead: within each class and season the groups with the smallest hashes, so that each class has its shares,
  and at least one group on each side from three groups on. A new season moves nothing, but images added to a season may move a few of
  its others; the run says which. The class of a group is its first animal by name, else its first class.
- `column: fold` with `values: { valid: validation }` takes the sides that somebody else gave. Groups that lie on two sides are counted.

## Which images
`images` are labelled images (a column `class`: captured in the path, imported, or the labels of a `review`), or all images of the
archive with `labels` beside them. The second way keeps labels of images that a `review` does not ask about any more: their times and
paths are those of the images. Labels count before the images' own `class`.

Left out and counted are images without class, content or path, those of `ambiguous` classes, those labelled `unknown` (unless the programme
declares such a class), those of classes that it does not declare, images about which the inputs disagree, and bytes that occur more than once (one stays). Images whose trigger event is touched
by a table of `exclude` (samples for quality checks) are left out whole: no figure may rest on images that a model was trained with.

## What it yields
`images`: the rows that stay, with the columns of all inputs, `class`, `split` and `group`. `test`: those of the test alone, as labels
(`type` is `random`): `classify` takes them as images and `evaluate` as labels. `strata`: `class`, `split`, `images`, `groups`, `share`.

## References
Malik et al. 2021 (80/10/10 by capture event); Beery et al. 2018, ECCV, on why sites must not be shared.
";

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "split",
    revision: 2,
    summary: "parts labelled images into training, validation and test, events undivided",
    docs: DOCS,
    inputs: &[
        Port { many: true, ..Port::table("images", IMAGE_COLUMNS, "labelled images, or images that `labels` label") },
        Port {
            many: true,
            optional: true,
            ..Port::table("labels", &[("class", Type::Text)], "classes by observation, before those of the images")
        },
        Port { many: true, optional: true, ..Port::table("exclude", &[], "images whose trigger events are left out") },
    ],
    outputs: &[
        Port::table("images", &[("class", Type::Text), (SPLIT, Type::Text), (GROUP, Type::Text)], "the images with their side"),
        Port::table("test", LABEL_COLUMNS, "the test images, as labels"),
        Port::table("strata", STRATA, "how many images and groups of each class lie on each side"),
    ],
    params: PARAMS,
    metrics: &[
        Metric { name: "train", doc: "images to train with" },
        Metric { name: "validation", doc: "images to validate with" },
        Metric { name: "test", doc: "images to test on" },
        Metric { name: "groups", doc: "groups of images that stay together" },
        Metric { name: "left_out", doc: "images left out, for whatever reason" },
        Metric { name: "excluded", doc: "images left out because `exclude` touches their event" },
        Metric { name: "few_groups", doc: "classes with too few groups to be parted well" },
        Metric { name: "divided_groups", doc: "groups that lie on several sides; 0 unless `column` gives the sides" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

/// The column that holds the side.
const SPLIT: &str = "split";

/// The column that names the group.
const GROUP: &str = "group";

const STRATA: &[(&str, Type)] =
    &[("class", Type::Text), (SPLIT, Type::Text), ("images", Type::Int), ("groups", Type::Int), ("share", Type::Float64)];

const fn optional(name: &'static str, ty: ParamType, doc: &'static str) -> Param {
    Param { name, ty, required: false, default: None, keyed: true, doc }
}

const fn with_default(default: &'static str, param: Param) -> Param {
    Param { default: Some(default), ..param }
}

const PARAMS: &[Param] = &[
    with_default("0.1", optional("validation", ParamType::Number(0.0, 1.0), "share of groups to validate with, 0-1")),
    with_default("0.1", optional("test", ParamType::Number(0.0, 1.0), "share of groups to test on, 0-1")),
    optional("group", ParamType::List(&ParamType::Text), "`event`, `none`, or columns: what stays on one side"),
    optional("group_pattern", ParamType::Text, "regular expression on `path` whose captures tell cameras apart"),
    with_default("60", optional("gap_s", ParamType::Int(0, 86_400), "seconds that may lie between two images of an event")),
    with_default("false", optional("stratify", ParamType::Bool, "counts within class and season instead of hashing alone")),
    optional("column", ParamType::Column("images"), "column that gives the sides, instead of chance"),
    optional("values", ParamType::Map(&ParamType::Text), "what the values of `column` mean: `train`, `validation` or `test`"),
    optional("ambiguous", ParamType::List(&ParamType::Text), "classes that nobody trains: their images are left out"),
    with_default(
        "1",
        optional("seed", ParamType::Int(i64::MIN, i64::MAX), "another seed parts otherwise; never change it in between"),
    ),
];

/// How many examples a finding shows.
const EXAMPLES: usize = 8;

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let grouping = check::grouping(params, report);
    let shares = check::shares(params, report);
    let given = check::given(params, report);
    Some(Box::new(Split {
        grouping: grouping?,
        group_span: params.span_of("group"),
        gap_s: params.int("gap_s").unwrap_or(GAP_S),
        shares: shares?,
        given: given?,
        ambiguous: params.texts("ambiguous").into_iter().map(|class| class.value).collect(),
    }))
}

struct Split {
    grouping: Grouping,
    group_span: Span,
    gap_s: i64,
    shares: Shares,
    given: Option<Given>,
    ambiguous: Vec<String>,
}

impl Step for Split {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let images = check::columns(self, inputs, context, report)?;
        Some(output::schemas(&images))
    }

    fn drawn(&self, _name: &str, _inputs: &[Vec<Drawn>]) -> Drawn {
        // The test images are all there are to judge by, not a sample of others.
        Drawn::default()
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        // Classes that nobody declares are left out, and animals name the strata.
        let classes = context.classes.classes.iter().map(|class| (class.name.value.as_str(), class.role));
        let classes: std::collections::BTreeMap<_, _> = classes.collect();
        vec![("class roles".to_owned(), serde_json::to_string(&classes).unwrap_or_default())]
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn changes(&self, before: &Table, after: &Table) -> Vec<Finding> {
        changes::between(before, after)
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let gathered = gather::gather(self, job)?;
        job.progress.start(SPLIT, gathered.table.rows as u64);
        let (images, mut findings) = (gathered.table, gathered.findings);
        let grouped = groups::of(&images, &self.grouping, self.gap_s, &mut findings)?;
        job.cancel.check()?;
        let sides = match &self.given {
            Some(given) => given.sides(&images)?,
            None => side::by_chance(&images, &grouped, &self.shares, job.context.classes)?,
        };
        let parted = output::Parted::of(&images, &grouped, &sides)?;
        findings.extend(parted.findings(&self.shares, self.given.is_some(), job.context.classes));
        let mut metrics = parted.metrics(&sides);
        metrics.extend(gathered.metrics);
        job.cancel.check()?;
        let (images, test) = output::tables(&images, &grouped, &sides)?;
        job.progress.advance(images.rows as u64, 0);
        let metrics = metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Outputs { tables: vec![images, test, parted.strata()?], findings, metrics, ..Outputs::default() })
    }
}
