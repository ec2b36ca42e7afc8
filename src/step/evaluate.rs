//! Step kind `evaluate`: how good the predictions are, from images that people checked.
//!
//! Labels are joined to predictions (`labels`), counted by group, sample and class (`survey`), and what the counts say about all
//! images (`crate::stats`) becomes tables (`sheets`) and findings (`words`).

use super::strata::Strata;
use super::{Behind, Context, Drawn, Job, Metric, Outputs, Param, ParamType, Params, Port, Step, StepError, StepKind};
use crate::diagnostic::codes::{COLUMN_TYPE, MISSING_COLUMN, TAKEN_COLUMN, UNKNOWN_CLASS, UNKNOWN_PARAMETER};
use crate::diagnostic::{Diagnostic, Report, did_you_mean};
use crate::observation::Key;
use crate::table::{Schema, Table, Type};
use crate::taxonomy::UNKNOWN;

mod cutoffs;
mod docs;
pub(super) mod labels;
pub(in crate::step) mod sheets;
mod survey;
pub(in crate::step) mod words;

use cutoffs::Shares;
use survey::Survey;

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "evaluate",
    revision: 3,
    summary: "says how good the predictions are, from images that people checked, with intervals",
    docs: docs::DOCS,
    inputs: &[
        Port::table("predictions", &[("label", Type::Text)], "all images with their predicted class"),
        Port {
            many: true,
            ..Port::table("labels", &[("class", Type::Text), ("type", Type::Text)], "what people saw in the checked images")
        },
    ],
    outputs: &[
        Port::table("classes", CLASSES, "precision, recall, F1 and abundance by group and class"),
        Port::table("overall", OVERALL, "accuracy by group"),
        Port::table("confusion", CONFUSION, "checked images by manual and automatic class"),
        Port::table("bins", BINS, "accuracy by confidence"),
        Port::table("checked", CHECKED, "the checked images, with the samples that they count for"),
    ],
    params: &[
        Param {
            name: "by",
            ty: ParamType::List(&ParamType::Column("predictions")),
            required: false,
            default: None,
            keyed: true,
            doc: "columns of the groups to report, such as `[season, locality]`; all images are one group where not given",
        },
        Param {
            name: "sampled_by",
            ty: ParamType::List(&ParamType::Column("predictions")),
            required: false,
            default: None,
            keyed: true,
            doc: "columns of the groups that labels from elsewhere were drawn in; how `sample` steps draw is known",
        },
        Param {
            name: "level",
            ty: ParamType::Number(0.5, 0.9999),
            required: false,
            default: Some("0.95"),
            keyed: true,
            doc: "confidence level of the intervals, 0.5-0.9999",
        },
        Param {
            name: "bins",
            ty: ParamType::Int(1, 1000),
            required: false,
            default: Some("10"),
            keyed: true,
            doc: "number of confidence bins of equal width",
        },
        Param {
            name: "classes",
            ty: ParamType::List(&ParamType::Class),
            required: false,
            default: None,
            keyed: true,
            doc: "classes to list first, also where neither the model nor a person names them; the programme's where not given",
        },
        Param {
            name: "cutoffs",
            ty: ParamType::Map(&ParamType::Number(0.0, 1.0)),
            required: false,
            default: None,
            keyed: true,
            doc: "by class, the confidence `p_CLASS` from which on an image is called so, instead of the most confident class",
        },
        Param {
            name: "prevalence",
            ty: ParamType::Map(&ParamType::Number(0.0, 1.0)),
            required: false,
            default: None,
            keyed: true,
            doc: "by class, its share of the images; where labelled images were drawn by what they show, in other shares",
        },
    ],
    metrics: &[
        Metric { name: "checked", doc: "checked images that count for the figures by class" },
        Metric { name: "accuracy", doc: "corrected accuracy, 0-1; of the worst group" },
        Metric { name: "accuracy_lower", doc: "its lower bound, 0-1; of the worst group, 0 where one was not checked at all" },
        Metric { name: "random_accuracy", doc: "accuracy of the random sample alone, 0-1; of the worst group" },
        Metric {
            name: "random_accuracy_lower",
            doc: "its lower bound, 0-1; of the worst group, 0 where one has no random label",
        },
        Metric { name: "macro_f1", doc: "mean corrected F1 of the classes that people found, 0-1; of the worst group" },
        Metric { name: "min_precision", doc: "lowest precision of a class in a group, 0-1" },
        Metric { name: "min_recall", doc: "lowest recall of a predicted class in a group, 0-1" },
        Metric { name: "assessed_share", doc: "share of images whose predicted class was checked, 0-1; of the worst group" },
        Metric { name: "unassessed_classes", doc: "predicted classes without a checked image, counted in each group" },
        Metric { name: "unmatched_labels", doc: "labels of no image of the predictions" },
        Metric { name: "contradicting_labels", doc: "sampled images whose labels name different classes; left out" },
        Metric {
            name: "labels_with_model_shown",
            doc: "labels of sampled images given with the model's answer on screen; left out",
        },
        Metric { name: "undecidable_labels", doc: "labels `unknown` of sampled images; left out unless `unknown` is a class" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

/// Columns of `classes` behind those of the group.
const CLASSES: &[(&str, Type)] = &[
    ("class", Type::Text),
    ("automatic", Type::Int),
    ("checked", Type::Int),
    ("manual", Type::Int),
    ("tp", Type::Float64),
    ("fp", Type::Float64),
    ("fn", Type::Float64),
    ("precision", Type::Float64),
    ("precision_lower", Type::Float64),
    ("precision_upper", Type::Float64),
    ("recall", Type::Float64),
    ("recall_lower", Type::Float64),
    ("recall_upper", Type::Float64),
    ("f1", Type::Float64),
    ("f1_lower", Type::Float64),
    ("f1_upper", Type::Float64),
    ("raw_precision", Type::Float64),
    ("raw_recall", Type::Float64),
    ("raw_f1", Type::Float64),
    ("abundance", Type::Float64),
    ("abundance_lower", Type::Float64),
    ("abundance_upper", Type::Float64),
    ("warning", Type::Text),
];

/// Columns of `overall` behind those of the group.
const OVERALL: &[(&str, Type)] = &[
    ("images", Type::Int),
    ("unclassified", Type::Int),
    ("checked", Type::Int),
    ("accuracy", Type::Float64),
    ("accuracy_se", Type::Float64),
    ("accuracy_lower", Type::Float64),
    ("accuracy_upper", Type::Float64),
    ("raw_accuracy", Type::Float64),
    ("random_checked", Type::Int),
    ("random_accuracy", Type::Float64),
    ("random_lower", Type::Float64),
    ("random_upper", Type::Float64),
    ("assessed_share", Type::Float64),
    ("unassessed_classes", Type::Int),
];

/// Columns of `confusion` behind those of the group.
const CONFUSION: &[(&str, Type)] = &[
    ("manual", Type::Text),
    ("automatic", Type::Text),
    ("count", Type::Int),
    ("percent_of_manual", Type::Float64),
    ("corrected", Type::Float64),
    ("corrected_percent", Type::Float64),
];

/// Columns of `bins` behind those of the group.
const BINS: &[(&str, Type)] = &[
    ("bin_from", Type::Float64),
    ("bin_to", Type::Float64),
    ("images", Type::Int),
    ("checked", Type::Int),
    ("correct", Type::Int),
    ("accuracy", Type::Float64),
    ("lower", Type::Float64),
    ("upper", Type::Float64),
];

/// Columns of `checked` behind those of the observation and its groups.
const CHECKED: &[(&str, Type)] =
    &[("label", Type::Text), ("confidence", Type::Float32), ("class", Type::Text), ("type", Type::Text), ("correct", Type::Bool)];

/// What shares may add up to beyond 1, as rounding leaves it.
const ROUNDING: f64 = 1e-6;

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let prevalence = cutoffs::shares(params, "prevalence");
    let mut wrong = |name: &str, message: &str, help: &str| {
        report.push(Diagnostic::new(UNKNOWN_PARAMETER, params.span_of(name), message).help(help));
        None
    };
    if prevalence.iter().map(|(_, share)| share).sum::<f64>() > 1.0 + ROUNDING {
        return wrong(
            "prevalence",
            "the shares of `prevalence` are more than 1 together",
            "write shares of all images, such as 0.75",
        );
    }
    if !prevalence.is_empty() && params.get("sampled_by").is_some() {
        let message = "`prevalence` and `sampled_by` both say what a labelled image stands for";
        return wrong("sampled_by", message, "leave `sampled_by` away: each class has its share in every group of `by`");
    }
    let names = |param: &str| -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in params.texts(param) {
            if !names.contains(&name.value) {
                names.push(name.value);
            }
        }
        names
    };
    Some(Box::new(Evaluate {
        by: names("by"),
        sampled_by: params.get("sampled_by").map(|_| names("sampled_by")),
        level: params.number("level").unwrap_or(0.95),
        bins: params.int("bins").and_then(|bins| u32::try_from(bins).ok()).unwrap_or(10),
        classes: names("classes"),
        cutoffs: cutoffs::shares(params, "cutoffs"),
        prevalence,
    }))
}

struct Evaluate {
    by: Vec<String>,
    sampled_by: Option<Vec<String>>,
    level: f64,
    bins: u32,
    classes: Vec<String>,
    /// From which confidence on an image is called a class.
    cutoffs: Shares,
    /// Shares of classes in each group; empty where they follow from the predictions.
    prevalence: Shares,
}

impl Evaluate {
    fn strata(&self) -> Strata<'_> {
        let by_shares = !self.prevalence.is_empty();
        Strata { by: &self.by, sampled_by: self.sampled_by.as_deref(), port: 1, by_shares, param: "sampled_by" }
    }

    fn group_fields(&self, predictions: &Schema) -> Schema {
        Schema { fields: self.by.iter().filter_map(|name| predictions.field(name)).cloned().collect() }
    }

    /// Columns of an observation and its `groups`, of which those that the step makes itself are not.
    fn place_columns<'a>(predictions: &Schema, groups: &[&'a str]) -> Vec<&'a str> {
        let mut names = Key::shared(&[predictions]).map_or_else(Vec::new, |key| key.columns);
        for name in groups {
            if !names.contains(name) && !CHECKED.iter().any(|(made, _)| made == name) {
                names.push(name);
            }
        }
        names
    }

    /// The classes that have a share must be the programme's, where it declares any.
    fn check_prevalence(&self, context: &Context<'_>, report: &mut Report) -> bool {
        let known: Vec<&str> = context.classes.names().collect();
        let unknown = self.prevalence.iter().filter(|(class, _)| !known.is_empty() && !known.contains(&class.value.as_str()));
        let mut fine = true;
        for (class, _) in unknown {
            let mut finding = Diagnostic::new(UNKNOWN_CLASS, class.span, format!("there is no class `{}`", class.value));
            finding.help =
                did_you_mean(&class.value, &known).or_else(|| Some("declare it under `classes:` or in the taxonomy".to_owned()));
            report.push(finding);
            fine = false;
        }
        fine
    }

    /// The classes to list first, and all that have a share.
    fn classes(&self, context: &Context<'_>) -> Vec<String> {
        let programme = context.classes.classes.iter().map(|class| class.name.value.clone());
        let mut classes = if self.classes.is_empty() { programme.collect() } else { self.classes.clone() };
        for (class, _) in &self.prevalence {
            if !classes.contains(&class.value) {
                classes.push(class.value.clone());
            }
        }
        classes
    }

    /// The schemas of the outputs, in port order.
    fn schemas(&self, predictions: &Schema, strata: &[&str]) -> Vec<Schema> {
        let behind = |mut schema: Schema, columns: &[(&str, Type)]| {
            for (name, ty) in columns {
                schema.set(name, *ty);
            }
            schema
        };
        let place = Self::place_columns(predictions, strata);
        let place = Schema { fields: place.iter().filter_map(|name| predictions.field(name)).cloned().collect() };
        let groups = self.group_fields(predictions);
        let mut schemas: Vec<Schema> =
            [CLASSES, OVERALL, CONFUSION, BINS].iter().map(|columns| behind(groups.clone(), columns)).collect();
        schemas.push(behind(place, CHECKED));
        schemas
    }

    /// What of the predictions is needed.
    fn read_predictions(&self, job: &Job<'_>, labels: &[Table], strata: &[&str]) -> Result<Table, StepError> {
        let input = job.input(0)?;
        let schema = input.schema();
        let confidences: Vec<String> = cutoffs::classes(schema).map(|class| format!("{}{class}", labels::CLASS_PREFIX)).collect();
        let mut names = Self::place_columns(schema, strata);
        let shared = labels.iter().filter_map(|table| Key::shared(&[schema, &table.schema]));
        // `name` and `path` make messages readable.
        let more = shared.flat_map(|key| key.columns).chain(["label", "confidence", "name", "path"]);
        let confidences = confidences.iter().map(String::as_str).filter(|_| !self.cutoffs.is_empty());
        for name in more.chain(confidences) {
            if !names.contains(&name) && schema.field(name).is_some() {
                names.push(name);
            }
        }
        let table = input.read(Some(&names))?;
        if self.cutoffs.is_empty() { Ok(table) } else { cutoffs::call(&table, &self.cutoffs) }
    }
}

impl Step for Evaluate {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let predictions = inputs.first()?.first()?;
        let mut fine = true;
        let mut refuse = |code, message: String, help: &str| {
            report.push(Diagnostic::new(code, context.span, message).help(help));
            fine = false;
        };
        for labels in inputs.get(1)? {
            if Key::shared(&[predictions, labels]).is_none() {
                refuse(
                    MISSING_COLUMN,
                    "predictions and labels have no column in common that says which image it is".into(),
                    "both need `content`, `name`, `path` or `file`, beside `site` and `season`",
                );
            }
        }
        if let Some(field) = predictions.field("confidence").filter(|field| field.ty != Type::Float32) {
            let message = format!("the column `confidence` holds {}, not confidences", field.ty);
            refuse(COLUMN_TYPE, message, "take predictions from `classify` or `import`");
        }
        let made = [CLASSES, OVERALL, CONFUSION, BINS, CHECKED].concat();
        for name in self.by.iter().chain(self.sampled_by.iter().flatten()).filter(|name| made.iter().any(|(own, _)| own == name))
        {
            let message = format!("groups by `{name}`, which is a column that `evaluate` makes itself");
            refuse(TAKEN_COLUMN, message, "group by columns of the images, such as `season` or `locality`");
        }
        // `label` and `confidence` of the checked images are those of the predictions; the others are what people said.
        let drawn = self.strata().drawn(context);
        let own =
            |name: &&String| CHECKED.iter().any(|(made, _)| made == name) && !matches!(name.as_str(), "label" | "confidence");
        for name in drawn.by.iter().filter(own) {
            let message =
                format!("the samples behind the labels were drawn by `{name}`, which is a column that `evaluate` makes itself");
            refuse(TAKEN_COLUMN, message, "give the column of the images another name, such as `folder_class`");
        }
        fine &= cutoffs::check(&self.cutoffs, predictions, context, report);
        fine &= self.check_prevalence(context, report);
        fine &= self.strata().check(predictions, context, report);
        fine.then(|| self.schemas(predictions, &self.strata().columns(&drawn)))
    }

    fn drawn(&self, _name: &str, inputs: &[Vec<Drawn>]) -> Drawn {
        let mut drawn = Drawn::of_port(inputs, 1);
        if !self.prevalence.is_empty() {
            // The checked images are those of no sample.
            return Drawn { not_blind: drawn.not_blind, ..Drawn::default() };
        }
        if self.sampled_by.is_some() {
            drawn.unknown.clear();
        }
        drawn.by.extend(self.sampled_by.iter().flatten().cloned());
        drawn
    }

    fn behind(&self, metric: &str) -> Option<Behind> {
        let (output, column) = match metric {
            "min_precision" => (0, "precision"),
            "min_recall" => (0, "recall"),
            "accuracy" => (1, "accuracy"),
            "accuracy_lower" => (1, "accuracy_lower"),
            "random_accuracy" => (1, "random_accuracy"),
            "random_accuracy_lower" => (1, "random_lower"),
            "assessed_share" => (1, "assessed_share"),
            "unassessed_classes" => (1, "unassessed_classes"),
            _ => return None,
        };
        Some(Behind { output, column, missing_is_worst: metric.ends_with("_lower") })
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        // Rows and their order follow from the programme's classes.
        let classes = self.classes(context);
        let declares = context.classes.class(UNKNOWN).is_some() && !classes.iter().any(|class| class == UNKNOWN);
        let unknown = declares.then(|| ("unknown is a class".to_owned(), "true".to_owned()));
        [("classes declared".to_owned(), serde_json::Value::from(classes).to_string())]
            .into_iter()
            .chain(unknown)
            .chain(self.strata().declaration(context))
            .collect()
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let labels = job.inputs.get(1).into_iter().flatten().map(|table| table.read(None)).collect::<Result<Vec<_>, _>>()?;
        let drawn = self.strata().drawn(job.context);
        let strata = self.strata().columns(&drawn);
        let predictions = self.read_predictions(job, &labels, &strata)?;
        job.progress.start("evaluate", predictions.rows as u64);
        let mut classes = self.classes(job.context);
        classes.extend(job.context.classes.names().map(str::to_owned));
        let is_class = labels::is_unknown_a_class(&classes, &[(job.input(0)?.schema(), &predictions)]);
        let answers = labels::join(&predictions, &labels, is_class)?;
        job.cancel.check()?;
        let survey = Survey::of(self, job, &predictions, &answers, &strata)?;
        let assessed = survey.assess(crate::stats::interval::z_of(self.level))?;
        let schemas = self.schemas(&predictions.schema, &strata);
        let tables = sheets::write(&survey, &assessed, schemas, &predictions, &answers)?;
        job.progress.advance(predictions.rows as u64, 0);
        let findings = words::findings(&survey, &assessed, &answers);
        Ok(Outputs { tables, findings, metrics: words::metrics(&survey, &assessed, &answers), ..Outputs::default() })
    }
}
