//! Step kind `events`: groups images into trigger events, and gives each event one label.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::classify::CLASS_PREFIX;
use super::{Context, Finding, Job, Metric, Outputs, Param, ParamType, Params, Port, Step, StepError, StepKind};
use crate::diagnostic::{Diagnostic, Report, codes};
use crate::event::{EVENT_ID, Events, GAP_S, Unit, overlapping_cameras};
use crate::observation::words;
use crate::stats::interval::number;
use crate::table::{Column, Schema, Table, Type};

mod days;
mod decide;
mod output;
#[cfg(test)]
mod tests;
mod votes;

use days::Days;
use decide::Decided;
use votes::Votes;

const DOCS: &str = "\
# events

Groups images into trigger events (an animal that walks by leaves several images), names the event of each image, and gives each event one
label: what analyses of occupancy and abundance count.

## Why
The images of one trigger are no independent observations. Counted one by one, a vole that stays is ten voles; and an animal that one
image of a pair shows and the other does not was there.

## Example
```yaml
events:
  uses: events
  from: final                     # labels of people in `class`, of the model in `label` and `confidence`
  with: { rule: coat }
table: { uses: export, from: events, with: { into: published/events.csv } }
chosen: { uses: select, from: { predictions: events.images }, with: { by: [season, site], per_group: 10 } }
```

## Events
Same camera, season, trigger mode and event number of the camera, cut where two images lie more than `gap_s` seconds apart (cameras count
from 1 again when batteries are changed). Images without a number: same site, season and trigger, cut by gap, and where a sequence begins
again. The raw clock decides, so that a corrected one renames nothing; folders do not. In the hour that clocks show twice in autumn the
column `repeated_hour` of `metadata` parts the passes. Images without any time are events of their own,
unless the camera numbered them. `event_id` is a hash of all that and of the first time: a new season renames nothing.

Cameras of one site are told apart by the column `camera` (the capture `{camera}` of the path, or the deployment table), and by `serial`, the
number that each writes into its images. With `unit: site` they are one: their images make common events by time alone, since each camera
counts and numbers by itself.

## Rules
| rule | the label of an event |
|---|---|
| `coat` | where people labelled any of its images, only those count: an animal before empty or bad quality, else the first. Otherwise the model's labels: an animal before empty or bad quality, else the higher confidence |
| `any_animal` | every image counts, with the label of a person where there is one: an animal before all else; of several the one that people named, then the most confident |
| `average` | the class with the highest mean of `p_CLASS` over the event's images; labels of people are not looked at |

Which classes are animals, empty or of bad quality says the taxonomy (`role`). Other classes (roles `person`, `vehicle`, `other`) come behind animals.
People's labels stand in the column `manual`, `class` where not given. Images without any label do not count; without a column of labels,
events are made and named, and have no label.

Where all time-lapse images of a site and day are of bad quality the camera saw nothing on that day: its events are marked in
`day_missing`. Such a day is missing in an analysis, not a day without animals.

## What it yields
`events`: `event_id`, `site`, `season`, `region`, `locality`, `section`, `habitat` (or COAT's names of these four), `trigger` and
`event` as far as the images have them, `first` and `last` (corrected times where there are such, of the first and the last moment), `images`, `labelled` (images with people's labels), `label`, `confidence` (the model's; missing where people decided),
`agreement` (share of the images with a label that have this one), `source` (`manual`, `automatic`), `rule`, `day_missing` (missing on
days without time-lapse images), for `average` the means `p_CLASS`, and as far as the images tell them `camera` (not with `unit: site`),
`first_offset` and `last_offset` (what the times are ahead of UTC). `images`: the input's rows with `event_id`; a column of that name is
replaced.

## References
Böhner et al. 2023, Ecological Informatics 76, 102150, and the scripts of the COAT programme: trigger pairs. Norouzzadeh et al. 2018,
PNAS 115, E5716-E5725: averages over capture events.
";

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "events",
    revision: 3,
    summary: "groups images into trigger events, each with one label",
    docs: DOCS,
    inputs: &[Port::table("images", &[], "images, most often with labels of people, of a model, or of both")],
    outputs: &[
        Port::table("events", MADE, "one row per trigger event"),
        Port::table("images", &[(EVENT_ID, Type::Text)], "the images, each with its event"),
    ],
    params: PARAMS,
    metrics: &[
        Metric { name: "events", doc: "trigger events" },
        Metric { name: "without_time", doc: "images without any time" },
        Metric { name: "manual", doc: "events whose label people decided" },
        Metric { name: "unlabelled", doc: "events without any label" },
        Metric { name: "missing_days", doc: "days of a site on which all time-lapse images are of bad quality" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

/// The columns of the events behind those that tell where they are.
const MADE: &[(&str, Type)] = &[
    ("first", Type::DateTime),
    ("last", Type::DateTime),
    ("images", Type::Int),
    ("labelled", Type::Int),
    ("label", Type::Text),
    ("confidence", Type::Float32),
    ("agreement", Type::Float64),
    ("source", Type::Text),
    ("rule", Type::Text),
    ("day_missing", Type::Bool),
];

const fn optional(name: &'static str, ty: ParamType, doc: &'static str) -> Param {
    Param { name, ty, required: false, default: None, keyed: true, doc }
}

const PARAMS: &[Param] = &[
    Param {
        default: Some("coat"),
        ..optional("rule", ParamType::Choice(Rule::WORDS), "how the labels of its images make that of an event")
    },
    optional("manual", ParamType::Column("images"), "column with the labels of people; `class` where not given"),
    Param {
        default: Some("60"),
        ..optional("gap_s", ParamType::Int(0, 86_400), "seconds that may lie between two images of an event")
    },
    Param {
        default: Some("camera"),
        ..optional(
            "unit",
            ParamType::Choice(&["camera", "site"]),
            "whose images make events: those of each camera, or of a whole site",
        )
    },
];

/// The column of people's labels, where none is named.
const MANUAL: &str = "class";

/// How many examples a finding shows.
const EXAMPLES: usize = 8;

/// How the labels of its images make that of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Coat,
    AnyAnimal,
    Average,
}

impl Rule {
    const WORDS: &'static [&'static str] = &["coat", "any_animal", "average"];

    fn of(word: &str) -> Self {
        match word {
            "any_animal" => Self::AnyAnimal,
            "average" => Self::Average,
            _ => Self::Coat,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Coat => "coat",
            Self::AnyAnimal => "any_animal",
            Self::Average => "average",
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of all kinds")]
fn read(params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    Some(Box::new(Grouping {
        rule: Rule::of(params.text("rule").unwrap_or_default()),
        manual: params.text("manual").map(str::to_owned),
        gap_s: params.int("gap_s").unwrap_or(GAP_S),
        unit: if params.text("unit") == Some("site") { Unit::Site } else { Unit::Camera },
    }))
}

struct Grouping {
    rule: Rule,
    manual: Option<String>,
    gap_s: i64,
    unit: Unit,
}

impl Grouping {
    /// The column of people's labels.
    fn manual<'a>(&'a self, schema: &Schema) -> Option<&'a str> {
        let name = self.manual.as_deref().unwrap_or(MANUAL);
        schema.field(name).filter(|field| field.ty == Type::Text).map(|_| name)
    }

    fn labels(&self, schema: &Schema) -> bool {
        self.manual(schema).is_some() || schema.field("label").is_some_and(|field| field.ty == Type::Text)
    }
}

/// The columns of class confidences.
fn classes(schema: &Schema) -> Vec<&str> {
    let columns = schema.fields.iter().filter(|field| field.ty == Type::Float32 && field.name.starts_with(CLASS_PREFIX));
    columns.map(|field| field.name.as_str()).collect()
}

impl Step for Grouping {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let images = inputs.first()?.first()?;
        let before = report.diagnostics.len();
        if let Some(field) = self.manual.as_deref().and_then(|name| images.field(name)).filter(|field| field.ty != Type::Text) {
            let message = format!("the column `{}` holds {}, not classes", field.name, field.ty);
            report.push(Diagnostic::new(codes::COLUMN_TYPE, context.span, message).help("name a column of people's labels"));
        }
        if self.rule == Rule::Average && classes(images).is_empty() {
            let message = "`rule: average` needs confidences of all classes, and the images have no `p_CLASS`";
            let help = "take predictions of `classify`, or `rule: coat`";
            report.push(Diagnostic::new(codes::MISSING_COLUMN, context.span, message).help(help));
        }
        if self.rule != Rule::Average && self.labels(images) && context.classes.classes.is_empty() {
            let message = format!("`rule: {}` asks which classes are animals, and nobody declares the classes", self.rule.word());
            let help = "list them under `classes:` or in a `taxonomy:`, or take `rule: average`";
            report.push(Diagnostic::new(codes::NO_ROLES, context.span, message).help(help));
        }
        (report.diagnostics.len() == before).then(|| output::schemas(images, self.rule, self.unit))
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        let roles: BTreeMap<_, _> = context.classes.classes.iter().map(|class| (class.name.value.as_str(), class.role)).collect();
        vec![("class roles".to_owned(), serde_json::to_string(&roles).unwrap_or_default())]
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.input(0)?.read(None)?;
        job.progress.start("events", images.rows as u64);
        let events = Events::by(self.unit, &images, self.gap_s, &[])?;
        job.cancel.check()?;
        let votes = Votes::of(self, &images, job.context.classes);
        let days = Days::of(&images, &votes)?;
        let decided = match self.rule {
            Rule::Average => decide::average(&images, &events)?,
            rule => decide::by_role(rule, &events, &votes),
        };
        job.cancel.check()?;
        let table = output::events(&output::Parts {
            rule: self.rule,
            unit: self.unit,
            images: &images,
            events: &events,
            votes: &votes,
            decided: &decided,
            days: &days,
        })?;
        let named = images.with_column(EVENT_ID, Arc::new(events.column()?))?;
        let mut findings = findings(&images, &events, &votes, &days);
        if self.unit == Unit::Camera {
            findings.extend(several_cameras(&images)?);
        }
        let metrics = metrics(&events, &decided, &days);
        job.progress.advance(images.rows as u64, 0);
        Ok(Outputs { tables: vec![table, named], findings, metrics, ..Outputs::default() })
    }
}

fn metrics(events: &Events, decided: &Decided, days: &Days) -> BTreeMap<String, f64> {
    let count = |wanted: &dyn Fn(&decide::Label) -> bool| decided.labels.iter().filter(|label| wanted(label)).count() as u64;
    let counts = [
        ("events", events.list.len() as u64),
        ("without_time", events.without_time.len() as u64),
        ("manual", count(&|label| label.manual)),
        ("unlabelled", count(&|label| label.class.is_none())),
        ("missing_days", days.missing.len() as u64),
    ];
    counts.into_iter().map(|(name, count)| (name.to_owned(), number(count))).collect()
}

fn findings(images: &Table, events: &Events, votes: &Votes<'_>, days: &Days) -> Vec<Finding> {
    let named = |rows: &[u32]| rows.iter().take(EXAMPLES).map(|row| words(images, *row as usize)).collect::<Vec<_>>();
    let said = "images have no time: each is an event of its own, unless its camera numbered it";
    let untimed = Finding::counted("without_time", events.without_time.len() as u64, said, named(&events.without_time));
    let unknown = votes.unknown();
    let said =
        "classes are not declared, and count neither as animals nor as empty: declare them under `classes:` or in the taxonomy";
    let unknown = Finding::counted("unknown_class", unknown.len() as u64, said, unknown.into_iter().take(EXAMPLES).collect());
    let several = votes.several_animals(events);
    let said = "events show different animals, as people say: the label is the first of them";
    let several = Finding::counted("several_animals", several.len() as u64, said, named(&several));
    let said = "days of a site have time-lapse images of bad quality alone: nothing is known of them (`day_missing`)";
    let shown = days.missing.iter().take(EXAMPLES).cloned().collect();
    let missing = Finding::counted("missing_days", days.missing.len() as u64, said, shown);
    [untimed, unknown, several, missing].into_iter().flatten().collect()
}

/// Sites of several cameras that have no name: events know them by their serial numbers, days do not.
fn several_cameras(images: &Table) -> Result<Option<Finding>, StepError> {
    let places = overlapping_cameras(images)?;
    let said = "sites and seasons have several cameras at the same time, known by their serial numbers alone: their events are told apart, but \
                `summarise` counts days and gaps for the site; name the cameras (`{camera}` in the path of the images, or a column `camera` of \
                the deployment table) to count them by camera, or take `unit: site` for events of the site";
    Ok(Finding::counted("several_cameras", places.len() as u64, said, places.into_iter().take(EXAMPLES).collect()))
}

/// The corrected times where there are such, else the raw ones.
fn times(images: &Table) -> Option<&Column> {
    let time = |name: &str| images.column(name).filter(|column| column.ty() == Type::DateTime);
    time("datetime").or_else(|| time("datetime_raw")).map(AsRef::as_ref)
}
