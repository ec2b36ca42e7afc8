//! The parameters of `train`: a preset, what overrides it, and the [`Options`] that both make.

use super::super::{Param, ParamType, ParamValue, Params};
use crate::diagnostic::codes::{BAD_MODEL_NAME, OUT_OF_RANGE, PARAMETER_TYPE, UNKNOWN_PARAMETER};
use crate::diagnostic::{Code, Diagnostic, Report, Spanned};
use crate::model::{Architecture, Resize, bundle_folder};
use crate::train::{Keep, Options};

mod phases;
mod presets;
#[cfg(test)]
mod tests;

use presets::{PRESETS, Recipe, Second};

/// `start: scratch`: random weights.
pub(super) const SCRATCH: &str = "scratch";

/// The words for architectures, the smallest network first.
const ARCHITECTURES: &[&str] =
    &["resnet8", "resnet20", "resnet32", "resnet10_narrow", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"];

const SHARE: ParamType = ParamType::Number(0.0, 1.0);
const RATE: ParamType = ParamType::Number(1e-9, 100.0);
const DECAY: ParamType = ParamType::Number(0.0, 10.0);
const THREE: ParamType = ParamType::List(&ParamType::Number(-1000.0, 1000.0));

const fn optional(name: &'static str, ty: ParamType, doc: &'static str) -> Param {
    Param { name, ty, required: false, default: None, keyed: true, doc }
}

const fn with_default(name: &'static str, ty: ParamType, default: &'static str, doc: &'static str) -> Param {
    Param { default: Some(default), ..optional(name, ty, doc) }
}

/// What `with:` may say; where nothing is said the preset decides.
pub(super) const PARAMS: &[Param] = &[
    with_default("preset", ParamType::Choice(PRESETS), "bohner", "the recipe from which everything starts that is not given"),
    // The model made.
    optional("name", ParamType::Text, "name of the model made; the step's where not given"),
    with_default("version", ParamType::Text, "candidate", "version of the model made, in quotes"),
    // The network and its input.
    optional("architecture", ParamType::Choice(ARCHITECTURES), "the network"),
    optional(
        "start",
        ParamType::ModelOr(SCRATCH),
        "model of the project whose weights are the first; random weights where not given",
    ),
    optional("width", ParamType::Int(8, 4096), "width of the network's input, pixels"),
    optional("height", ParamType::Int(8, 4096), "height of the network's input, pixels"),
    optional("resize", ParamType::Choice(&["squash", "letterbox"]), "how images of another shape reach that size"),
    optional("crop_bottom_px", ParamType::Int(0, 4096), "height of the information strip that is cut off first, pixels (0)"),
    optional(
        "margin_px",
        ParamType::Int(0, 1024),
        "images are resized to so much more on each side, which is cut off again, pixels",
    ),
    optional("mean", THREE, "subtracted from red, green and blue (0-1) of the input"),
    optional("std", THREE, "divides red, green and blue after that"),
    // The steps.
    optional("epochs", ParamType::Int(1, 10_000), "passes over the training images"),
    optional("batch", ParamType::Int(1, 8192), "images of one step"),
    optional("optimizer", ParamType::Choice(&["adam", "adamw", "sgd"]), "how gradients become steps"),
    optional("momentum", SHARE, "of `sgd`, 0-1 (0.9)"),
    optional("schedule", ParamType::Choice(&["constant", "one_cycle", "steps"]), "how the learning rate goes"),
    optional("learning_rate", RATE, "the rate of `constant`, the highest of `one_cycle`"),
    optional("lowest_rate", RATE, "the first and last rate of `one_cycle`"),
    optional("rate_steps", ParamType::ByEpoch(&RATE), "the rates of `steps`, each from an epoch on, counted from 1"),
    optional("weight_decay", ParamType::ByEpoch(&DECAY), "weight decay; one number, or several, each from an epoch on"),
    optional("label_smoothing", ParamType::Number(0.0, 0.9), "share of the target that is spread over all classes, 0-0.9"),
    optional("free_parts", ParamType::Int(0, 5), "only the last layer and the last so many parts of the network learn"),
    // The second phase.
    optional("two_phase", ParamType::Bool, "after the phase with `imbalance` the last layer alone learns from all images"),
    optional("second_epochs", ParamType::Int(1, 10_000), "epochs of the second phase; as many as the first where not given"),
    optional("second_rate", RATE, "learning rate of the second phase, as `learning_rate` is that of the first"),
    // Rare classes.
    optional(
        "imbalance",
        ParamType::Choice(&["none", "weighted", "oversample", "undersample", "both", "emphasis"]),
        "what is done about rare classes",
    ),
    optional("cap", ParamType::Int(1, 0xFFFF_FFFF), "of `undersample` and `both`: most images of a class (15000)"),
    optional("clamp", SHARE, "of `weighted`: bound of the gradients at the network's output, either way; 0 for none (0.01)"),
    optional("emphasis_top_1", SHARE, "of `emphasis`: chance of a batch whose first labels were wrong, after each batch (0.2)"),
    optional("emphasis_top_5", SHARE, "of `emphasis`: chance of a batch whose first five labels were all wrong (0.35)"),
    // Variation of the images.
    optional("augmentation", ParamType::Bool, "`false`: nothing that the preset varies is varied"),
    optional("flip", ParamType::Bool, "mirrors every other image, left to right"),
    optional("rotation_deg", ParamType::Number(0.0, 180.0), "turns images by up to so many degrees, either way"),
    optional("shift", SHARE, "shifts images by up to this share of their sides, either way"),
    optional("shear_deg", ParamType::Number(0.0, 60.0), "shears images by up to so many degrees, either way"),
    optional("zoom", ParamType::Number(0.0, 0.9), "scales width and height by up to this share, either way"),
    optional("brightness", SHARE, "changes brightness by up to this share, either way"),
    optional("contrast", SHARE, "changes contrast by up to this share, either way"),
    optional("night", SHARE, "makes this share of the images grey, dark and noisy, as of the night"),
    optional("random_crop", ParamType::Bool, "crops at a random place within `margin_px`, instead of the middle"),
    // The end.
    optional("keep", ParamType::Choice(&["best", "last"]), "which weights: those with the lowest validation loss, or the last"),
    optional("patience", ParamType::Int(0, 10_000), "ends a phase after so many epochs without a lower validation loss; 0 never"),
    with_default("calibrate", ParamType::Bool, "true", "fits a temperature to the validation images"),
    with_default("mixed_precision", ParamType::Bool, "false", "computes in 16 bits where that is safe; on a GPU only"),
    with_default("seed", ParamType::Int(0, i64::MAX), "1", "decides first weights, order and variation of the images"),
    with_default(
        "threads",
        ParamType::Int(1, 256),
        "4",
        "among how many threads sums are shared out: another number, another model",
    ),
];

/// The options that the parameters make; findings where they contradict each other.
pub(super) fn read(params: &Params, report: &mut Report) -> Option<Options> {
    let mut reading = Reading { params, report, fine: true };
    let preset = params.text("preset").unwrap_or(PRESETS[0]);
    let mut recipe = presets::recipe(preset);
    reading.model_name();
    reading.network(&mut recipe);
    reading.input(&mut recipe);
    reading.augmentation(&mut recipe);
    if let Some(smoothing) = params.number("label_smoothing") {
        recipe.label_smoothing = smoothing;
    }
    let phases = reading.phases(&mut recipe, preset);
    let keep = match params.text("keep") {
        Some("best") => Keep::Best,
        Some(_) => Keep::Last,
        None => recipe.keep,
    };
    reading.fine.then_some(Options {
        architecture: recipe.architecture,
        input: recipe.input,
        phases,
        batch: params.int("batch").and_then(|batch| usize::try_from(batch).ok()).unwrap_or(recipe.batch),
        label_smoothing: recipe.label_smoothing,
        augmentation: recipe.augmentation,
        keep,
        patience: reading.whole("patience").or(recipe.patience).filter(|patience| *patience > 0),
        seed: params.int("seed").and_then(|seed| u64::try_from(seed).ok()).unwrap_or(1),
        calibrate: params.get("calibrate").is_none() || params.bool("calibrate"),
        mixed_precision: params.bool("mixed_precision"),
    })
}

/// Parameters on their way into a recipe.
struct Reading<'a> {
    params: &'a Params,
    report: &'a mut Report,
    /// Nothing was refused.
    fine: bool,
}

impl Reading<'_> {
    fn refuse(&mut self, code: Code, name: &str, message: impl Into<String>, help: impl Into<String>) {
        self.fine = false;
        self.report.push(Diagnostic::new(code, self.params.span_of(name), message).help(help));
    }

    /// Refuses a parameter that was given and changes nothing: its author believed that it did.
    fn idle(&mut self, name: &str, why: &str, help: &str) {
        if self.params.get(name).is_some() {
            self.refuse(UNKNOWN_PARAMETER, name, format!("`{name}` has no effect: {why}"), help);
        }
    }

    fn whole(&self, name: &str) -> Option<u32> {
        self.params.int(name).and_then(|value| u32::try_from(value).ok())
    }

    /// True or false where it was given.
    fn given(&self, name: &str) -> Option<bool> {
        self.params.get(name).map(|_| self.params.bool(name))
    }

    fn model_name(&mut self) {
        let name = self.params.text("name").unwrap_or("model");
        let version = self.params.text("version").unwrap_or("candidate");
        // As `name@version` of a pipeline is read: a dot would be a version's.
        if bundle_folder(&format!("{name}@0")).is_err() || name.contains('.') {
            let help = "letters, digits, `_` and `-`, as in `small_mammals`";
            self.refuse(BAD_MODEL_NAME, "name", format!("`{name}` cannot be the name of a model"), help);
        }
        if bundle_folder(&format!("a@{version}")).is_err() {
            let help = "letters, digits, `_`, `-` and `.`, as in `\"2026.1\"`";
            self.refuse(BAD_MODEL_NAME, "version", format!("`{version}` cannot be the version of a model"), help);
        }
    }

    fn network(&mut self, recipe: &mut Recipe) {
        if let Some(known) = self.params.text("architecture").and_then(Architecture::named) {
            recipe.architecture = known;
        }
        let Some(parts) = self.params.int("free_parts").and_then(|parts| usize::try_from(parts).ok()) else { return };
        let most = recipe.architecture.depths.len() + 1;
        if parts > most {
            let message = format!("`{}` has {most} parts before its last layer, not {parts}", recipe.architecture.name);
            self.refuse(OUT_OF_RANGE, "free_parts", message, format!("choose a value from 0 to {most}"));
        }
        recipe.free_last(parts);
    }

    fn input(&mut self, recipe: &mut Recipe) {
        let input = &mut recipe.input;
        for (name, side) in [
            ("width", &mut input.width),
            ("height", &mut input.height),
            ("crop_bottom_px", &mut input.crop_bottom_px),
            ("margin_px", &mut input.margin_px),
        ] {
            *side = self.whole(name).unwrap_or(*side);
        }
        if let Some(word) = self.params.text("resize") {
            input.resize = if word == "squash" { Resize::Squash } else { Resize::Letterbox };
        }
        input.mean = self.channels("mean").unwrap_or(input.mean);
        input.std = self.channels("std").unwrap_or(input.std);
        if input.std.iter().any(|std| *std <= 0.0) {
            self.refuse(
                OUT_OF_RANGE,
                "std",
                "`std` divides and must be above 0",
                "leave it out, or write the deviations of 0-1 values",
            );
        }
    }

    fn channels(&mut self, name: &str) -> Option<[f32; 3]> {
        let Some(Spanned { value: ParamValue::List(items), .. }) = self.params.get(name) else { return None };
        #[expect(clippy::cast_possible_truncation, reason = "the precision in which images are normalised")]
        let numbers: Vec<f32> = items.iter().filter_map(|item| number(&item.value)).map(|number| number as f32).collect();
        let three = numbers.try_into().ok();
        if three.is_none() {
            let message = format!("`{name}` takes three numbers: of red, green and blue");
            self.refuse(PARAMETER_TYPE, name, message, "`[0.485, 0.456, 0.406]`");
        }
        three
    }

    fn augmentation(&mut self, recipe: &mut Recipe) {
        if self.given("augmentation") == Some(false) {
            recipe.augmentation = crate::train::Augmentation::default();
        }
        let varied = &mut recipe.augmentation;
        for (name, amount) in [
            ("rotation_deg", &mut varied.rotation_deg),
            ("shift", &mut varied.shift),
            ("shear_deg", &mut varied.shear_deg),
            ("zoom", &mut varied.zoom),
            ("brightness", &mut varied.brightness),
            ("contrast", &mut varied.contrast),
            ("night", &mut varied.night),
        ] {
            *amount = self.params.number(name).unwrap_or(*amount);
        }
        varied.flip = self.given("flip").unwrap_or(varied.flip);
        varied.random_crop = self.given("random_crop").unwrap_or(varied.random_crop);
        if varied.random_crop && recipe.input.margin_px == 0 {
            varied.random_crop = false;
            let why = "a crop moves within `margin_px`, which is 0";
            if self.given("random_crop") == Some(true) {
                self.idle("random_crop", why, "give `margin_px: 16`, or leave `random_crop` out");
            }
        }
    }
}

/// A number, however it was written.
fn number(value: &ParamValue) -> Option<f64> {
    match value {
        ParamValue::Number(number) => Some(*number),
        #[expect(clippy::cast_precision_loss, reason = "a parameter written as a whole number is small")]
        ParamValue::Int(number) => Some(*number as f64),
        _ => None,
    }
}
