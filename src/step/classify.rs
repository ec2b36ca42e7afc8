//! `classify`: what each image shows, by a model bundle, with all class confidences kept.
//!
//! What is computed per image is a function of its bytes and one model (`mapper`); which model a season has, the labels and
//! the counts are a table operation behind it (`label`).

use std::collections::BTreeSet;

use super::networks::unknown;
use super::{
    Context, IMAGE_COLUMNS, Job, Metric, Outputs, Param, ParamType, Params, Port, PortType, RowMapper, Step, StepError, StepKind,
};
use crate::diagnostic::codes::{COLUMN_TYPE, MISSING_COLUMN, MISSING_PARAMETER, MODEL_CLASS, TOO_MANY_SOURCES};
use crate::diagnostic::{Diagnostic, Report, Span, Spanned, did_you_mean};
use crate::model::engines::EngineKind;
use crate::model::signature::ModelSignature;
use crate::table::{Field, Schema, Type};

mod engine;
pub(super) mod label;
mod mapper;
mod seasons;

use mapper::Predictor;
use seasons::SeasonModels;

/// Raised when the cells of a row change: every image is classified again.
const ROWS_REVISION: u32 = 1;

/// How many labels an image carries, the most confident first.
pub(super) const RANKS: usize = 5;

/// What a column of class confidences starts with.
pub(super) const CLASS_PREFIX: &str = "p_";

/// The columns of the labels and confidences by rank.
pub(super) const LABELS: [(&str, &str); RANKS] = [
    ("label", "confidence"),
    ("label_2", "confidence_2"),
    ("label_3", "confidence_3"),
    ("label_4", "confidence_4"),
    ("label_5", "confidence_5"),
];

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "classify",
    revision: 2,
    summary: "says what each image shows, by a model, with all class confidences",
    docs: DOCS,
    inputs: &[
        Port::table("images", IMAGE_COLUMNS, "The images to classify."),
        Port {
            name: "model",
            ty: PortType::Model,
            many: false,
            optional: true,
            requires: &[],
            doc: "A model that another step made, instead of a named one.",
        },
    ],
    outputs: &[Port::table("predictions", IMAGE_COLUMNS, "The images with their labels and confidences.")],
    params: &[
        Param {
            name: "model",
            ty: ParamType::BySeason(&ParamType::Model),
            required: false,
            default: None,
            keyed: true,
            doc: "The model, or one per range of seasons; not beside the port `model`.",
        },
        engine::ENGINE,
        engine::PRECISION,
    ],
    metrics: &[
        Metric { name: "images", doc: "Number of images." },
        Metric { name: "quarantined", doc: "Number of images that could not be classified." },
        Metric { name: "mean_confidence", doc: "Mean confidence of the first label, 0-1." },
        Metric { name: "share_above_0_9", doc: "Share of labelled images with a confidence above 0.9, 0-1." },
    ],
    keeps_rows: true,
    pins: None,
    read,
};

const DOCS: &str = "\
# classify

Says what each image shows. A model gives every class a confidence; the most confident class becomes the label. All
confidences are kept as the model computed them, so that a threshold can be moved, and a class looked at again, without
classifying anything twice.

## Example

```yaml
predictions:
  uses: classify
  from: names
  with: { model: { \"2014..2025\": small_mammals@2021.1, default: small_mammals@2026.1 } }
```

## What it yields

All columns of the images, and

| column | what it holds |
|---|---|
| `label`, `confidence` | the most confident class, and how confident the model is (0-1) |
| `label_2`, `confidence_2` ... `label_5`, `confidence_5` | the next four |
| `model` | `name@version` of the model that was asked |
| `problem` | why the image could not be classified; missing for all others |
| `p_CLASS` | the confidence of each class of each model; missing where the image's model does not know the class |

Of two classes with the same confidence, the one that stands first in the model's class list comes first. Where a model maps
several of its classes to one of the programme, their confidences are added. Columns of these names that the images have
already (from another `classify`) are replaced. What the camera wrote as its model goes on as `model_raw`.

An image that is empty, cut short or damaged keeps its row, without a label and with the reason under `problem`. It never stops
the run and never changes another image's result.

## Options

`model` is a bundle of the project, `name@version`, that lies in `models/name/version/` and is listed in `models.lock`
(`trapline model add FOLDER` does both). With a mapping from seasons to models, the column `season` decides; a range is of whole
numbers with both ends included, `default` is for all other seasons. A season without a model keeps its rows, without a label.

A model can also arrive through the port `model`, from a step that makes one: `from: { images: names, model: train }`, without the
parameter. Its predictions have a column for every class of the programme.

`engine` is what runs the network. The `embedded` engine is always there. `tch` is libtorch, in a Trapline built with the feature
`tch`: it is faster, on a GPU where there is one, and runs models that bring their weights by name (`weights:` of `model.yaml`; those
that `train` makes do). Both give the same labels, and confidences within 0.0001 of each other. `precision: bf16` makes `tch` faster
again on processors that know such numbers; confidences then move by about 0.01.

Every class of a model must be a class of the programme, under its own name or through `taxonomy:` of `model.yaml`. A class of
the programme that the model does not know is simply never predicted.

## What is computed again

A prediction depends on the image's bytes, the engine with its precision, and what the model's identity covers: the network, its input
size, cropping, resizing and normalisation, its temperature, its class list and mapping. Renaming or moving an image, adding a season or another model for other seasons
computes nothing again.

## References

Norouzzadeh et al. 2018, PNAS 115: E5716 (classification of camera-trap images by networks). Guo et al. 2017, ICML (why a
confidence is not yet a probability: assess it before a threshold is trusted).
";

/// The step.
#[derive(Debug)]
struct Classify {
    /// Named models; `None` where one arrives through the port.
    seasons: Option<SeasonModels>,
    span: Span,
    engine: EngineKind,
    engine_span: Span,
}

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let engine = engine::read(params, report)?;
    let seasons = match params.get("model") {
        Some(named) => Some(SeasonModels::read(named)?),
        None => None,
    };
    let (span, engine_span) = (params.span_of("model"), params.span_of("engine"));
    Some(Box::new(Classify { seasons, span, engine, engine_span }))
}

impl Step for Classify {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let input = inputs.first()?.first()?;
        let is_wired = inputs.get(1).is_some_and(|model| !model.is_empty());
        let Some(seasons) = &self.seasons else {
            let schema = self.wired_columns(is_wired, input, context, report)?;
            engine::check(self.engine, self.engine_span, std::iter::empty(), context, report);
            return Some(vec![schema]);
        };
        if is_wired {
            let message = "the model is named by the parameter `model` and arrives through the port `model` as well";
            report.push(Diagnostic::new(TOO_MANY_SOURCES, self.span, message).help("keep one of them"));
            return None;
        }
        let season_fits = check_season(seasons, input, context, report);
        let mut models = Vec::new();
        let mut fits = true;
        for model in seasons.models() {
            if let Some(signature) = context.models.get(&model.value) {
                fits &= check_classes(model, signature, context, report);
                models.push(signature);
            } else {
                report.push(unknown(model, context));
                fits = false;
            }
        }
        fits = fits && engine::check(self.engine, self.engine_span, seasons.models(), context, report);
        (season_fits && fits).then(|| vec![output_schema(input, &class_columns(&models))])
    }

    fn mapper(&self, context: &Context<'_>) -> Result<Option<Box<dyn RowMapper>>, StepError> {
        Ok(Some(Box::new(self.predictor(context)?)))
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        label::run(&self.predictor(job.context)?, job)
    }
}

impl Classify {
    fn predictor(&self, context: &Context<'_>) -> Result<Predictor, StepError> {
        match (&self.seasons, context.ports.get("model")) {
            (Some(seasons), _) => Predictor::new(self.engine, seasons.clone(), context.models),
            (None, Some(packed)) => Predictor::of_port(self.engine, packed, context),
            (None, None) => Err(StepError::Data("the model that should arrive through the port is not there yet".into())),
        }
    }

    /// A model that is not made yet may predict any class of the programme, and no other.
    fn wired_columns(&self, is_wired: bool, input: &Schema, context: &Context<'_>, report: &mut Report) -> Option<Schema> {
        let (code, message, help) = if !is_wired {
            (
                MISSING_PARAMETER,
                "parameter `model` is missing",
                "name a model, or wire one: `from: { images: names, model: train }`",
            )
        } else if context.classes.classes.is_empty() {
            (MODEL_CLASS, "a model that a step makes needs the programme's classes", "declare `classes:` or `taxonomy:`")
        } else {
            return Some(output_schema(input, &programme_columns(context)));
        };
        report.push(Diagnostic::new(code, self.span, message).help(help));
        None
    }
}

/// The confidence columns of every class of the programme.
fn programme_columns(context: &Context<'_>) -> Vec<String> {
    context.classes.classes.iter().map(|class| format!("{CLASS_PREFIX}{}", class.name.value)).collect()
}

/// A model per season needs a season to choose by.
fn check_season(seasons: &SeasonModels, input: &Schema, context: &Context<'_>, report: &mut Report) -> bool {
    let Some(column) = seasons.chooses_by() else { return true };
    let (code, message) = match input.field(column).map(|field| field.ty) {
        Some(Type::Int | Type::Text) => return true,
        Some(_) => (COLUMN_TYPE, format!("column `{column}` chooses the model and must be text or a whole number")),
        None => (MISSING_COLUMN, format!("a model per season needs the column `{column}`, which the images do not have")),
    };
    let span = seasons.models().next().map_or(context.span, |model| model.span);
    report.push(Diagnostic::new(code, span, message).help("capture it in the path of `images`: `{season}`"));
    false
}

/// The model's classes must be the programme's, by name. A programme without a class list takes any.
fn check_classes(model: &Spanned<String>, signature: &ModelSignature, context: &Context<'_>, report: &mut Report) -> bool {
    let known: Vec<&str> = context.classes.names().collect();
    let unknown: Vec<&String> = signature.classes.iter().filter(|class| context.classes.class(class).is_none()).collect();
    if known.is_empty() || unknown.is_empty() {
        return true;
    }
    for class in unknown {
        let message = format!("model `{}` predicts `{class}`, which is not a class of the programme", model.value);
        let way_out = "declare the class, or map it under `taxonomy:` of the model's `model.yaml`";
        let help = match did_you_mean(class, &known) {
            Some(hint) => format!("{hint} If not, {way_out}"),
            None => way_out.to_owned(),
        };
        report.push(Diagnostic::new(MODEL_CLASS, model.span, message).help(help));
    }
    false
}

/// The confidence columns of all models, each once: in the order of the models, then of their classes.
fn class_columns(models: &[&ModelSignature]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all = models.iter().flat_map(|model| &model.classes);
    all.filter(|class| seen.insert(class.as_str())).map(|class| format!("{CLASS_PREFIX}{class}")).collect()
}

/// The columns of the output: the images' own, the labels by rank, model and problem, the class confidences.
pub(super) fn output_schema(input: &Schema, class_columns: &[String]) -> Schema {
    let kept = |field: &Field| Some(Field { name: kept_as(input, field)?.to_owned(), ty: field.ty });
    let mut schema = Schema { fields: input.fields.iter().filter_map(kept).collect() };
    for (label, confidence) in LABELS {
        schema.set(label, Type::Text);
        schema.set(confidence, Type::Float32);
    }
    schema.set("model", Type::Text);
    schema.set("problem", Type::Text);
    for column in class_columns {
        schema.set(column, Type::Float32);
    }
    schema
}

/// What the column `model` of images is called beside predictions, whose `model` is who predicts: what the camera wrote.
pub(super) const CAMERA_MODEL: &str = "model_raw";

/// The name under which a column of images goes on beside predictions; `None` for one of an earlier prediction, which is replaced.
pub(super) fn kept_as<'f>(images: &Schema, field: &'f Field) -> Option<&'f str> {
    if !is_prediction(&field.name, field.ty) {
        return Some(&field.name);
    }
    let predicted = |field: &Field| field.name != "model" && field.name != "problem" && is_prediction(&field.name, field.ty);
    let of_camera = field.name == "model" && !images.fields.iter().any(predicted) && images.field(CAMERA_MODEL).is_none();
    of_camera.then_some(CAMERA_MODEL)
}

/// A column that `classify` yields and therefore replaces.
pub(super) fn is_prediction(name: &str, ty: Type) -> bool {
    let ranked = LABELS.iter().any(|(label, confidence)| name == *label || name == *confidence);
    ranked || name == "model" || name == "problem" || (ty == Type::Float32 && name.starts_with(CLASS_PREFIX))
}
