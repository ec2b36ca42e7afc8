//! `train`: a network learns from labelled images and becomes a model of the pipeline.
//!
//! What is prescribed stands in `options`, which images it concerns in `material`; the work itself needs libtorch (`work`).

use super::networks::unknown;
use super::{Context, HOW_TO_BUILD, IMAGE_COLUMNS, Job, Metric, Outputs, Params, Port, PortType, Step, StepError, StepKind};
use crate::diagnostic::codes::{BUILT_WITHOUT, MISSING_PARAMETER, MODEL_CLASS, TOO_MANY_SOURCES};
use crate::diagnostic::{Diagnostic, Report, Span, Spanned};
use crate::table::{Schema, Type};
use crate::train::Options;

mod docs;
mod material;
mod options;
#[cfg(feature = "tch")]
mod outputs;
#[cfg(test)]
mod tests;
#[cfg(feature = "tch")]
mod work;

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "train",
    revision: 2,
    summary: "lets a network learn from labelled images; the model it makes is a port",
    docs: docs::DOCS,
    inputs: &[
        Port::table(
            "images",
            &[
                ("content", Type::Content),
                ("root", Type::Text),
                ("path", Type::Text),
                ("class", Type::Text),
                ("split", Type::Text),
            ],
            "Labelled images and the side on which each stands, as `split` makes them.",
        ),
        Port {
            name: "model",
            ty: PortType::Model,
            many: false,
            optional: true,
            requires: &[],
            doc: "A model that another step made, to start from.",
        },
    ],
    outputs: &[
        Port { name: "model", ty: PortType::Model, many: false, optional: false, requires: &[], doc: "The model." },
        Port::table("history", &[], "Losses and accuracies, a row per epoch."),
        Port::table("validation", IMAGE_COLUMNS, "The validation images as the model judges them, in the form of `classify`."),
        Port::table("calibration", &[], "How often labels of a confidence are right, before and after the temperature."),
    ],
    params: options::PARAMS,
    metrics: &[
        Metric { name: "training_images", doc: "Images learned from." },
        Metric { name: "validation_images", doc: "Images judged by." },
        Metric { name: "epochs", doc: "Epochs done." },
        Metric { name: "learned_parameters", doc: "Numbers that the last phase learned." },
        Metric { name: "training_loss", doc: "Mean loss of the last epoch." },
        Metric { name: "validation_loss", doc: "Mean cross-entropy over the validation images, before the temperature." },
        Metric { name: "validation_accuracy", doc: "Share of the validation images that are right, 0-1." },
        Metric { name: "validation_macro_f1", doc: "Mean F1 over the classes of the validation images, 0-1." },
        Metric { name: "temperature", doc: "What class scores are divided by." },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

/// The step.
struct Train {
    options: Options,
    /// Of the model made; the step's name where none is given.
    name: Option<String>,
    version: String,
    /// Of the arithmetic: sums of floating-point numbers depend on how they are shared out.
    #[cfg_attr(not(feature = "tch"), expect(dead_code, reason = "only a training computes"))]
    threads: i32,
    /// A model of the project to start from.
    start: Option<Spanned<String>>,
    span: Span,
}

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let options = options::read(params, report)?;
    let start = params.text("start").filter(|start| *start != options::SCRATCH);
    Some(Box::new(Train {
        options,
        name: params.text("name").map(str::to_owned),
        version: params.text("version").unwrap_or("candidate").to_owned(),
        threads: params.int("threads").and_then(|threads| i32::try_from(threads).ok()).unwrap_or(4),
        start: start.map(|model| Spanned { value: model.to_owned(), span: params.span_of("start") }),
        span: params.span,
    }))
}

impl Step for Train {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let input = inputs.first()?.first()?;
        let before = report.diagnostics.len();
        if context.classes.classes.is_empty() {
            let message = "a network learns the programme's classes, and none are declared";
            report.push(Diagnostic::new(MODEL_CLASS, self.span, message).help("declare `classes:` or `taxonomy:`"));
        }
        if let Some(start) = &self.start {
            if inputs.get(1).is_some_and(|wired| !wired.is_empty()) {
                let message = "the model to start from is named by `start` and arrives through the port `model` as well";
                report.push(Diagnostic::new(TOO_MANY_SOURCES, start.span, message).help("keep one of them"));
            } else if !context.models.contains_key(&start.value) {
                report.push(unknown(start, context));
            }
        }
        if self.options.needs_start() && self.start.is_none() && inputs.get(1).is_none_or(Vec::is_empty) {
            let message = "only a part of the network learns, and there is no model to start from";
            let help = "name one, `start: small_mammals@2026.1`, or wire one: `from: { images: sides, model: trained }`";
            report.push(Diagnostic::new(MISSING_PARAMETER, self.span, message).help(help));
        }
        let faults = report.diagnostics.len() - before;
        if !cfg!(feature = "tch") {
            let message = "this Trapline was built without libtorch and cannot train";
            report.push(Diagnostic::new(BUILT_WITHOUT, context.span, message).help(HOW_TO_BUILD));
        }
        (faults == 0).then(|| schemas(input, context))
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        let classes: Vec<&str> = context.classes.names().collect();
        let mut list = vec![("classes".to_owned(), serde_json::Value::from(classes).to_string())];
        if let Some(known) = self.start.as_ref().and_then(|start| context.models.get(&start.value)) {
            list.push(("start model".to_owned(), known.id.to_string()));
        }
        list
    }

    #[cfg(feature = "tch")]
    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        if job.dry {
            let words = "a training is not repeated to compare it; run the stage again with `--force` to see what it yields";
            return Err(StepError::Data(words.to_owned()));
        }
        work::run(self, job)
    }

    #[cfg(not(feature = "tch"))]
    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let (material, _) = material::Material::read(job, &[])?;
        let (images, name) = (material.sources.len(), self.name.as_deref().unwrap_or(job.step));
        let words = format!("cannot train `{name}@{}` on {images} images", self.version);
        Err(StepError::Data(format!("{words}: this Trapline was built without libtorch; {HOW_TO_BUILD}")))
    }
}

/// The columns of `history`.
const HISTORY: &[(&str, Type)] = &[
    ("phase", Type::Int),
    ("epoch", Type::Int),
    ("images", Type::Int),
    ("learning_rate", Type::Float64),
    ("training_loss", Type::Float64),
    ("training_accuracy", Type::Float64),
    ("validation_loss", Type::Float64),
    ("validation_accuracy", Type::Float64),
    ("best", Type::Bool),
];

/// The columns of `calibration`.
const CALIBRATION: &[(&str, Type)] = &[
    ("scores", Type::Text), // `as learned`, `by temperature`
    ("confidence_from", Type::Float64),
    ("confidence_to", Type::Float64),
    ("images", Type::Int),
    ("mean_confidence", Type::Float64),
    ("accuracy", Type::Float64),
];

/// The schemas of the tables, in the order of their ports.
fn schemas(input: &Schema, context: &Context<'_>) -> Vec<Schema> {
    let classes: Vec<String> = context.classes.names().map(|class| format!("{}{class}", super::classify::CLASS_PREFIX)).collect();
    // Rows of training say nothing of cameras.
    let images = Schema { fields: input.fields.iter().filter(|field| field.name != "model").cloned().collect() };
    let validation = super::classify::output_schema(&images, &classes);
    vec![Schema::default(), Schema::of(HISTORY), validation, Schema::of(CALIBRATION)]
}
