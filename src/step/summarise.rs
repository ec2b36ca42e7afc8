//! Step kind `summarise`: trigger events to site-days, camera gaps and weekly abundance.

use std::collections::BTreeMap;

use super::metadata::{read_deployments, timezone};
use super::{Context, FileInput, Finding, Job, Metric, Outputs, Param, ParamType, Params, Port, Step, StepError, StepKind};
use crate::diagnostic::{Diagnostic, Report, Span, codes};
use crate::event::{TRIGGER, Unit};
use crate::observation::{CAMERA, SITE_COLUMNS};
use crate::stats::interval::number;
use crate::table::{Schema, Type, civil};
use crate::taxonomy::Role;

mod counts;
mod docs;
mod gaps;
mod output;
mod sites;
#[cfg(test)]
mod tests;
mod weeks;

use counts::{Grid, Status};
use gaps::{Gaps, Rule};
use output::Levels;
use sites::Seen;

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "summarise",
    revision: 2,
    summary: "trigger events to site-days, camera gaps and weekly abundance",
    docs: docs::DOCS,
    inputs: &[Port::table("events", NEEDED, "trigger events, each with its label: the first output of `events`")],
    outputs: &[
        Port::table("days", &[], "one row per site, season, day and class"),
        Port::table("gaps", &[], "one row per run of days on which a camera took no image at all"),
        Port::table("weeks", &[], "one row per site, week and class: COAT's abundance table"),
    ],
    params: PARAMS,
    metrics: &[
        Metric { name: "site_days", doc: "days of sites (or cameras), those without any image included" },
        Metric { name: "missing_days", doc: "of these, days of which nothing is known: gaps, bad quality, no label" },
        Metric { name: "gap_days", doc: "days on which a camera that stood there took no image" },
        Metric { name: "gaps", doc: "runs of such days" },
        Metric { name: "quiet_days", doc: "days without an image that count as observed, by `alive: deployment`" },
        Metric { name: "events", doc: "events that count" },
        Metric { name: "unlabelled", doc: "events without a label" },
        Metric { name: "without_time", doc: "events without any time, which belong to no day" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

/// What the events must have.
const NEEDED: &[(&str, Type)] =
    &[("site", Type::Text), ("first", Type::DateTime), ("label", Type::Text), ("day_missing", Type::Bool)];

const fn optional(name: &'static str, ty: ParamType, default: Option<&'static str>, doc: &'static str) -> Param {
    Param { name, ty, required: false, default, keyed: true, doc }
}

const PARAMS: &[Param] = &[
    optional(
        "classes",
        ParamType::List(&ParamType::Class),
        None,
        "classes that are counted; all animals of the programme where not given",
    ),
    optional(
        "count",
        ParamType::Choice(&["all", "motion"]),
        Some("all"),
        "which events are counted: all, as COAT does, or not those of time-lapse images",
    ),
    optional(
        "weeks",
        ParamType::Choice(&["coat", "iso"]),
        Some("coat"),
        "weeks from 1 January on, as COAT counts them, or those of ISO 8601",
    ),
    optional(
        "missing_days",
        ParamType::Int(0, 6),
        Some("0"),
        "days of a week that may be missing before its abundance is missing",
    ),
    optional(
        "between_seasons",
        ParamType::Bool,
        Some("false"),
        "without a deployment table: a camera stays at its site from one season to the next",
    ),
    optional(
        "alive",
        ParamType::Choice(&["images", "deployment"]),
        None,
        "when a camera worked: on days of which it has images (also where not given), or from the start to the end of its deployment",
    ),
    optional(
        "unit",
        ParamType::Choice(&["camera", "site"]),
        Some("camera"),
        "whose days and gaps are counted: those of each camera that has a name, or of a whole site",
    ),
];

/// How many examples a finding shows.
const EXAMPLES: usize = 8;

/// A class that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    name: String,
    /// The id in the published data set, or the name.
    id: String,
    /// It says that an image cannot be judged.
    bad: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of all kinds")]
fn read(params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    Some(Box::new(Summarise {
        classes: params.texts("classes").into_iter().map(|class| class.value).collect(),
        motion: params.text("count") == Some("motion"),
        iso: params.text("weeks") == Some("iso"),
        missing_days: params.int("missing_days").and_then(|days| u32::try_from(days).ok()).unwrap_or_default(),
        between_seasons: params.bool("between_seasons"),
        alive: params.text("alive").map(|alive| alive == "deployment"),
        unit: if params.text("unit") == Some("site") { Unit::Site } else { Unit::Camera },
        span: params.span,
    }))
}

struct Summarise {
    /// Empty: all animals of the programme.
    classes: Vec<String>,
    motion: bool,
    iso: bool,
    missing_days: u32,
    between_seasons: bool,
    /// A camera works from the start to the end of its deployment; `None` where nobody said so or otherwise.
    alive: Option<bool>,
    /// Whose days are counted.
    unit: Unit,
    span: Span,
}

impl Summarise {
    fn classes(&self, context: &Context<'_>) -> Vec<Class> {
        let animals = context.classes.classes.iter().filter(|class| class.role == Role::Animal);
        let names: Vec<&str> = match &self.classes[..] {
            [] => animals.map(|class| class.name.value.as_str()).collect(),
            listed => listed.iter().map(String::as_str).collect(),
        };
        let class = |name: &str| {
            let known = context.classes.class(name);
            let id = known.and_then(|class| class.species_id.as_deref()).unwrap_or(name);
            Class { name: name.to_owned(), id: id.to_owned(), bad: known.is_some_and(|class| class.role == Role::BadQuality) }
        };
        names.into_iter().map(class).collect()
    }
}

impl Step for Summarise {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let events = inputs.first()?.first()?;
        let before = report.diagnostics.len();
        if self.classes(context).is_empty() {
            let message = "`summarise` needs the classes to count, and the programme declares no animal";
            let help = "declare `classes:` or a `taxonomy:`, or list them in `classes` of this step";
            report.push(Diagnostic::new(codes::MISSING_PARAMETER, self.span, message).help(help));
        }
        if self.motion && events.field(TRIGGER).is_none_or(|field| field.ty != Type::Text) {
            let message = format!("`count: motion` asks what triggered an event, and the events have no column `{TRIGGER}`");
            let help = "take `count: all`, or events of images with the metadata of their cameras";
            report.push(Diagnostic::new(codes::MISSING_COLUMN, self.span, message).help(help));
        }
        if self.alive == Some(true) && context.deployments.is_none() {
            let message = "`alive: deployment` asks when each camera was deployed, and the pipeline names no deployment table";
            let help = "add `deployments: FILE.csv` with `site`, `from` and `to`, or take `alive: images`";
            report.push(Diagnostic::new(codes::ALIVE_WITHOUT_DEPLOYMENTS, self.span, message).help(help));
        }
        (report.diagnostics.len() == before).then(|| output::schemas(events, self.unit == Unit::Camera))
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        let classes = self.classes(context).into_iter().map(|class| serde_json::json!([class.name, class.id, class.bad]));
        let known: Vec<&str> = context.classes.classes.iter().map(|class| class.name.value.as_str()).collect();
        let mut declared = vec![
            ("classes counted".to_owned(), classes.collect::<serde_json::Value>().to_string()),
            ("classes declared".to_owned(), serde_json::Value::from(known).to_string()),
        ];
        if let Some(zone) = timezone(context).filter(|_| context.deployments.is_some()) {
            declared.push(("time zone of the data set".to_owned(), zone.to_owned()));
        }
        declared
    }

    fn files(&self, context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        let file = context.deployments.map(|table| FileInput {
            name: "deployments".to_owned(),
            path: table.path.clone(),
            optional: false,
            rewritten: false,
        });
        Ok(file.into_iter().collect())
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let input = job.input(0)?;
        let wanted = ["site", "season", "first", "last", "label", "day_missing", TRIGGER, CAMERA];
        let wanted: Vec<&str> = wanted.iter().chain(SITE_COLUMNS.as_flattened()).copied().collect();
        let names: Vec<&str> = wanted.into_iter().filter(|name| input.schema().field(name).is_some()).collect();
        let events = input.read(Some(&names))?;
        job.progress.start("events", events.rows as u64);
        let deployments = read_deployments(job)?;
        let classes = self.classes(job.context);
        let seen = Seen::of(&events, self.unit == Unit::Camera)?;
        job.cancel.check()?;
        let file = job.context.deployments.map(|table| table.path.to_string_lossy().into_owned()).unwrap_or_default();
        let rule = Rule { alive: self.alive == Some(true), between_seasons: self.between_seasons };
        let gaps = gaps::find(&seen, deployments.as_ref(), &file, rule)?;
        job.cancel.check()?;
        let grid = Grid::of(&events, &seen, &gaps, &classes, self.motion);
        job.cancel.check()?;
        let sites = sites::Described::of(&events, deployments.as_ref());
        let weeks = weeks::table(&grid, &classes, &sites, self)?;
        let known: Vec<&str> = job.context.classes.classes.iter().map(|class| class.name.value.as_str()).collect();
        let mut findings = findings(&seen, &gaps, &grid, &grid.other_labels(&events, &known, &classes));
        if self.alive.is_none() {
            findings.extend(no_time_lapse(&seen, &gaps, deployments.is_some()));
        }
        let metrics = metrics(&seen, &gaps, &grid);
        job.progress.advance(events.rows as u64, 0);
        let levels = Levels { seasonal: seen.seasonal, by_camera: seen.by_camera };
        let tables = vec![output::days(&grid, &classes, levels)?, output::gaps(&gaps.list, levels)?, weeks];
        Ok(Outputs { tables, findings, metrics, ..Outputs::default() })
    }
}

fn metrics(seen: &Seen, gaps: &Gaps, grid: &Grid) -> BTreeMap<String, f64> {
    let days = |wanted: fn(Status) -> bool| grid.days.iter().filter(|day| wanted(day.status())).count() as u64;
    let counts = [
        ("site_days", grid.days.len() as u64),
        ("missing_days", days(|status| status != Status::Observed)),
        ("gap_days", days(|status| status == Status::Gap)),
        ("gaps", gaps.list.len() as u64),
        ("quiet_days", days_of(&gaps.quiet)),
        ("events", grid.days.iter().map(|day| u64::from(day.events)).sum()),
        ("unlabelled", grid.unlabelled),
        ("without_time", seen.without_time),
    ];
    counts.into_iter().map(|(name, count)| (name.to_owned(), number(count))).collect()
}

fn days_of(runs: &[gaps::Gap]) -> u64 {
    runs.iter().map(|run| (run.to - run.from + 1).unsigned_abs()).sum()
}

/// Cameras that take no time-lapse image: nothing tells a day without a trigger from a day on which the camera had failed, and a person
/// must choose.
fn no_time_lapse(seen: &Seen, gaps: &Gaps, deployed: bool) -> Option<Finding> {
    let silent = |place: &&sites::Place| seen.places.binary_search(place).is_ok_and(|at| !seen.time_lapse[at]);
    let places: std::collections::BTreeSet<&sites::Place> = gaps.list.iter().map(|gap| &gap.place).filter(silent).collect();
    let said = if deployed {
        "sites and seasons have no time-lapse image, and days without any image: those days count as missing. Choose: `alive: deployment` \
         where cameras that wait for a trigger worked from the start to the end of their deployments, so that such a day is one without \
         animals; `alive: images` where that is not known"
    } else {
        "sites and seasons have no time-lapse image, and days without any image: those days count as missing. Choose: `alive: deployment`, \
         with a table `deployments:`, where cameras that wait for a trigger worked from the start to the end of their deployments, so that \
         such a day is one without animals; `alive: images` where that is not known"
    };
    let shown = places.iter().take(EXAMPLES).map(ToString::to_string).collect();
    Finding::counted("no_time_lapse", places.len() as u64, said, shown)
}

fn findings(seen: &Seen, gaps: &Gaps, grid: &Grid, others: &BTreeMap<String, u64>) -> Vec<Finding> {
    let shown = |words: Vec<String>| words.into_iter().take(EXAMPLES).collect::<Vec<_>>();
    let days = |status: Status| grid.days.iter().filter(move |day| day.status() == status);
    let named = |status: Status| {
        let name = |day: &counts::Day| format!("{} {}", grid.places[day.place as usize], civil::format_day(day.date));
        shown(days(status).take(EXAMPLES).map(name).collect())
    };
    let counted = |kind: &str, count: usize, words: &str, examples| Finding::counted(kind, count as u64, words, examples);
    let said = "runs of days on which a camera that stood there took no image (output `gaps`): missing, not without animals";
    let found = [
        counted("gaps", gaps.list.len(), said, shown(gaps.list.iter().take(EXAMPLES).map(ToString::to_string).collect())),
        counted(
            "quiet_days",
            usize::try_from(days_of(&gaps.quiet)).unwrap_or(usize::MAX),
            "days without an image count as observed, without animals: their cameras are taken to work throughout (`alive: deployment`)",
            shown(gaps.quiet.iter().take(EXAMPLES).map(ToString::to_string).collect()),
        ),
        counted(
            "bad_quality_days",
            days(Status::BadQuality).count(),
            "days of a site have time-lapse images of bad quality alone: missing, not without animals",
            named(Status::BadQuality),
        ),
        counted(
            "unlabelled_days",
            days(Status::Unlabelled).count(),
            "days of a site have images, and no label at all: missing; classify them, or label them",
            named(Status::Unlabelled),
        ),
        Finding::counted("unlabelled", grid.unlabelled, "events have no label and are not counted", Vec::new()),
        Finding::grouped(
            "other_labels",
            others,
            "events have labels that are not classes of the programme, and are not counted: declare them, or list them in `classes`",
        ),
        Finding::counted("without_time", seen.without_time, "events have no time, and belong to no day", Vec::new()),
        Finding::counted("without_site", seen.without_site, "events have no site, and are left out", Vec::new()),
        counted(
            "far_apart",
            gaps.far.len(),
            "stretches without images are longer than a year, and are not counted as gaps: look at the clock, or write a deployment table",
            shown(gaps.far.clone()),
        ),
        counted(
            "seasons_without_images",
            gaps.waiting.len(),
            "seasons of the deployment table have no images at all: their days are left out until they have",
            shown(gaps.waiting.iter().cloned().collect()),
        ),
        counted(
            "open_deployments",
            gaps.open.len(),
            "deployments have neither images nor both dates, so that nobody knows their days: fill in `from` and `to`",
            shown(gaps.open.clone()),
        ),
    ];
    found.into_iter().flatten().collect()
}
