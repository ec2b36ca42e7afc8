//! Step kind `compare`: is a candidate model better than the one in use, on images that neither was trained on?
//!
//! Both models' predictions are joined by observation (`matched`), counted on the images that people judged blindly (`survey`), and
//! what the counts say (`crate::stats::paired`) becomes tables (`sheets`) and findings (`words`).

use super::classify::is_prediction;
use super::evaluate::labels;
use super::strata::Strata;
use super::{Behind, Context, Job, Metric, Outputs, Param, ParamType, Params, Port, Step, StepError, StepKind};
use crate::diagnostic::codes::{COLUMN_TYPE, MISSING_COLUMN, TAKEN_COLUMN};
use crate::diagnostic::{Diagnostic, Report};
use crate::observation::{EVENT, IDENTITY, Key, PLACE};
use crate::table::{Schema, Table, Type};

mod docs;
mod matched;
mod sheets;
mod survey;
#[cfg(test)]
mod tests;
mod words;

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "compare",
    revision: 3,
    summary: "says whether a candidate model is better than the one in use, on the blind random sample",
    docs: docs::DOCS,
    inputs: &[
        Port::table("candidate", &[("label", Type::Text)], "the images as the candidate classifies them"),
        Port::table("current", &[("label", Type::Text)], "the same images as the model in use classifies them"),
        Port {
            many: true,
            ..Port::table("labels", &[("class", Type::Text), ("type", Type::Text)], "what people saw in the checked images")
        },
        Port {
            many: true,
            optional: true,
            ..Port::table(
                "exclude",
                &[],
                "images used in training, such as `split.images`; rows whose `split` is `test` were not",
            )
        },
    ],
    outputs: &[
        Port::table("comparison", COMPARISON, "accuracy of both, and their difference, over all and by group"),
        Port::table("classes", CLASSES, "recall and precision of both by class"),
        Port::table("disagreements", &[], "images to which the models give different labels"),
    ],
    params: &[
        Param {
            name: "by",
            ty: ParamType::List(&ParamType::Column("candidate")),
            required: false,
            default: None,
            keyed: true,
            doc: "columns of the groups to report beside all images, such as `[locality]`",
        },
        Param {
            name: "sampled_by",
            ty: ParamType::List(&ParamType::Column("candidate")),
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
    ],
    metrics: &[
        Metric { name: "images", doc: "checked images on which both models were compared" },
        Metric { name: "accuracy_candidate", doc: "accuracy of the candidate, 0-1" },
        Metric { name: "accuracy_current", doc: "accuracy of the model in use, 0-1" },
        Metric { name: "gain", doc: "accuracy of the candidate less that of the model in use, -1 to 1" },
        Metric { name: "gain_lower", doc: "its lower bound; -1 where no image could be compared" },
        Metric { name: "gain_upper", doc: "its upper bound; 1 where no image could be compared" },
        Metric { name: "worst_gain_lower", doc: "lowest lower bound of a group of `by`; -1 where one has no image to compare" },
        Metric {
            name: "min_recall_gain",
            doc: "lowest difference in recall of a class with at least 15 compared images, -1 to 1",
        },
        Metric { name: "disagreements", doc: "images to which the models give different labels" },
        Metric { name: "leaked", doc: "checked images left out because a model was trained on them or on their event" },
        Metric { name: "other_labels", doc: "labels that are not of the random sample; left out" },
        Metric { name: "unmatched_labels", doc: "labels of no image of the candidate" },
        Metric { name: "unpaired_labels", doc: "labels of sampled images that the model in use did not classify" },
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

/// Columns of `comparison` behind those of the group.
const COMPARISON: &[(&str, Type)] = &[
    ("scope", Type::Text),
    ("images", Type::Int),
    ("compared", Type::Int),
    ("leaked", Type::Int),
    ("both_right", Type::Int),
    ("only_candidate_right", Type::Int),
    ("only_current_right", Type::Int),
    ("both_wrong", Type::Int),
    ("accuracy_candidate", Type::Float64),
    ("accuracy_candidate_lower", Type::Float64),
    ("accuracy_candidate_upper", Type::Float64),
    ("accuracy_current", Type::Float64),
    ("accuracy_current_lower", Type::Float64),
    ("accuracy_current_upper", Type::Float64),
    ("gain", Type::Float64),
    ("gain_lower", Type::Float64),
    ("gain_upper", Type::Float64),
];

/// Columns of `classes` behind those of the group.
const CLASSES: &[(&str, Type)] = &[
    ("scope", Type::Text),
    ("class", Type::Text),
    ("compared", Type::Int),
    ("called_by_candidate", Type::Int),
    ("called_by_current", Type::Int),
    ("recall_candidate", Type::Float64),
    ("recall_current", Type::Float64),
    ("recall_gain", Type::Float64),
    ("recall_gain_lower", Type::Float64),
    ("recall_gain_upper", Type::Float64),
    ("precision_candidate", Type::Float64),
    ("precision_candidate_lower", Type::Float64),
    ("precision_candidate_upper", Type::Float64),
    ("precision_current", Type::Float64),
    ("precision_current_lower", Type::Float64),
    ("precision_current_upper", Type::Float64),
];

/// Columns of `disagreements` behind those of the image.
const DISAGREEMENTS: &[(&str, Type)] = &[
    ("candidate", Type::Text),
    ("candidate_confidence", Type::Float32),
    ("current", Type::Text),
    ("current_confidence", Type::Float32),
    ("class", Type::Text),
    ("right", Type::Text),
    ("trained", Type::Bool),
];

#[expect(clippy::unnecessary_wraps, reason = "the form of `StepKind::read`")]
fn read(params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    let names = |param: &str| -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in params.texts(param) {
            if !names.contains(&name.value) {
                names.push(name.value);
            }
        }
        names
    };
    Some(Box::new(Compare {
        by: names("by"),
        sampled_by: params.get("sampled_by").map(|_| names("sampled_by")),
        level: params.number("level").unwrap_or(0.95),
    }))
}

struct Compare {
    by: Vec<String>,
    sampled_by: Option<Vec<String>>,
    level: f64,
}

impl Compare {
    fn strata(&self) -> Strata<'_> {
        Strata { by: &self.by, sampled_by: self.sampled_by.as_deref(), port: 2, by_shares: false, param: "sampled_by" }
    }

    /// The schemas of the outputs, in port order.
    fn schemas(&self, candidate: &Schema) -> Vec<Schema> {
        let behind = |mut schema: Schema, columns: &[(&str, Type)]| {
            for (name, ty) in columns {
                schema.set(name, *ty);
            }
            schema
        };
        let groups = Schema { fields: self.by.iter().filter_map(|name| candidate.field(name)).cloned().collect() };
        let images = image_columns(candidate).into_iter().filter_map(|name| candidate.field(name)).cloned().collect();
        vec![behind(groups.clone(), COMPARISON), behind(groups, CLASSES), behind(Schema { fields: images }, DISAGREEMENTS)]
    }
}

/// The columns of an image that no model made.
fn image_columns(candidate: &Schema) -> Vec<&str> {
    let own = |name: &str| DISAGREEMENTS.iter().any(|(made, _)| *made == name);
    let fields = candidate.fields.iter().filter(|field| !is_prediction(&field.name, field.ty) && !own(&field.name));
    fields.map(|field| field.name.as_str()).collect()
}

/// The columns of `schema` by which an image or its event is recognised, and some more where they are there.
fn key_columns<'a>(schema: &Schema, more: &[&'a str]) -> Vec<&'a str> {
    let all = PLACE.iter().chain(IDENTITY).copied().chain([crate::observation::ITEM, EVENT]).chain(more.iter().copied());
    let mut names: Vec<&str> = Vec::new();
    for name in all.filter(|name| schema.field(name).is_some()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

impl Step for Compare {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let candidate = inputs.first()?.first()?;
        let mut fine = true;
        let mut refuse = |code, message: String, help: &str| {
            report.push(Diagnostic::new(code, context.span, message).help(help));
            fine = false;
        };
        for (port, what) in [(1, "current"), (2, "labels"), (3, "exclude")] {
            for other in inputs.get(port).into_iter().flatten() {
                if Key::shared(&[candidate, other]).is_none() {
                    let message = format!("`candidate` and `{what}` have no column in common that says which image it is");
                    refuse(MISSING_COLUMN, message, "both need `content`, `name`, `path` or `file`, beside `site` and `season`");
                }
            }
        }
        for (port, what) in [(0, "candidate"), (1, "current")] {
            let field = inputs.get(port).and_then(|tables| tables.first()).and_then(|schema| schema.field("confidence"));
            if let Some(field) = field.filter(|field| field.ty != Type::Float32) {
                let message = format!("the column `confidence` of `{what}` holds {}, not confidences", field.ty);
                refuse(COLUMN_TYPE, message, "take predictions from `classify`, `ensemble` or `import`");
            }
        }
        let made = [COMPARISON, CLASSES].concat();
        for name in self.by.iter().chain(self.sampled_by.iter().flatten()).filter(|name| made.iter().any(|(own, _)| own == name))
        {
            let message = format!("groups by `{name}`, which is a column that `compare` makes itself");
            refuse(TAKEN_COLUMN, message, "group by columns of the images, such as `season` or `locality`");
        }
        fine &= self.strata().check(candidate, context, report);
        fine.then(|| self.schemas(candidate))
    }

    fn behind(&self, metric: &str) -> Option<Behind> {
        let (output, column) = match metric {
            "worst_gain_lower" => (0, "gain_lower"),
            "min_recall_gain" => (1, "recall_gain"),
            _ => return None,
        };
        Some(Behind { output, column, missing_is_worst: metric.ends_with("_lower") })
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        // The order of rows follows from the programme's classes.
        let names: Vec<&str> = context.classes.names().collect();
        let classes = ("classes declared".to_owned(), serde_json::Value::from(names).to_string());
        [classes].into_iter().chain(self.strata().declaration(context)).collect()
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let all = |port: usize, columns: &dyn Fn(&Schema) -> Option<Vec<&'static str>>| -> Result<Vec<Table>, StepError> {
            let tables = job.inputs.get(port).into_iter().flatten();
            tables.map(|table| table.read(columns(table.schema()).as_deref())).collect()
        };
        let answers = all(2, &|_| None)?;
        let excluded = all(3, &|schema| Some(key_columns(schema, &["split"])))?;
        let current = all(1, &|schema| Some(key_columns(schema, &["label", "confidence"])))?;
        let current = current.first().ok_or_else(|| StepError::Data("`current` is not wired".into()))?;
        let input = job.input(0)?;
        let mut columns = image_columns(input.schema());
        columns.push("label");
        let drawn = self.strata().drawn(job.context);
        let strata = self.strata().columns(&drawn);
        let more = strata.iter().copied().chain(["confidence"]);
        for name in more.filter(|name| input.schema().field(name).is_some()) {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
        let candidate = input.read(Some(&columns))?;
        job.progress.start("compare", candidate.rows as u64);
        let classes: Vec<String> = job.context.classes.names().map(str::to_owned).collect();
        let models = [(input.schema(), &candidate), (job.input(1)?.schema(), current)];
        let answers = labels::join(&candidate, &answers, labels::is_unknown_a_class(&classes, &models))?;
        let matched = matched::Matched::of(&candidate, current, &excluded)?;
        job.cancel.check()?;
        let survey = survey::Survey::of(self, job.context, &matched, &answers, &strata)?;
        let judged = survey.judge(crate::stats::interval::z_of(self.level));
        let tables = sheets::write(&survey, &judged, self.schemas(input.schema()), &matched, &answers)?;
        job.progress.advance(candidate.rows as u64, 0);
        let findings = words::findings(&survey, &answers, &matched);
        Ok(Outputs { metrics: words::metrics(&survey, &judged, &answers, &tables), tables, findings, ..Outputs::default() })
    }
}
