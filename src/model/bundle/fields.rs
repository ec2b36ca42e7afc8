//! The keys of `model.yaml`: what each takes and means, for whoever writes one by hand; and every fault of a file at once.

use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

use super::{ChannelOrder, OutputKind, Resize};
use crate::diagnostic::nearest;

/// A key of `model.yaml`.
#[derive(Debug)]
pub struct Field {
    /// Its name; those below `input` with their path, `input.width`.
    pub key: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// It must be there.
    pub required: bool,
    /// What it means.
    pub doc: &'static str,
    accepts: fn(&Value) -> bool,
}

fn is<T: DeserializeOwned>(value: &Value) -> bool {
    serde_yaml::from_value::<T>(value.clone()).is_ok()
}

/// A text, also where YAML takes it for a number or a truth: `version: 2021.10`.
fn is_text(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

macro_rules! fields {
    ($($key:literal, $required:literal, $takes:literal, $accepts:expr, $doc:literal;)*) => {
        /// All keys, in the order in which they are explained.
        pub static FIELDS: &[Field] = &[$(Field { key: $key, takes: $takes, required: $required, doc: $doc, accepts: $accepts }),*];
    };
}

fields! {
    "name", true, "a text", is_text, "with `version` the model's name in pipelines: `name@version`";
    "version", true, "a text", is_text, "`2021.10` is not `2021.1`";
    "architecture", true, "a text", is_text, "a word for people; libtorch needs one that it knows: `resnet18`, `resnet50` ...";
    "input", true, "a mapping", Value::is_mapping, "how an image becomes what the network takes";
    "input.width", true, "a whole number", is::<u32>, "pixels";
    "input.height", true, "a whole number", is::<u32>, "pixels";
    "input.resize", true, "`squash`, `letterbox` or `crop`", is::<Resize>,
        "`squash` changes the proportions; `letterbox` keeps them and fills the rest with grey; `crop` scales the shorter side and cuts \
         off on both sides what the longer one has too much (with `margin_px: 16` and 224 x 224: shorter side 256, centre crop 224)";
    "input.crop_bottom_px", false, "a whole number", is::<u32>, "rows cut off below before anything else: the camera's strip of text";
    "input.upright", false, "`true` or `false`", is::<bool>,
        "images are turned upright by their EXIF before the network sees them; default `false`: as they are stored";
    "input.margin_px", false, "a whole number", is::<u32>, "the image is resized to this much more on each side, which is cut off again";
    "input.mean", false, "three numbers", is::<[f32; 3]>, "subtracted from red, green and blue, which are scaled to 0-1; default 0";
    "input.std", false, "three numbers", is::<[f32; 3]>, "what red, green and blue are divided by after that; default 1";
    "layout", false, "`nchw` or `nhwc`", is::<ChannelOrder>,
        "the order of the network's input: channels first (PyTorch; the default) or channels last (TensorFlow, Keras)";
    "output", true, "`logits` or `probabilities`", is::<OutputKind>,
        "whether the network's outputs still need a softmax (`logits`) or are 0-1 and sum to 1 already";
    "temperature", false, "a number", is::<f32>, "divides logits before the softmax; above 1 confidences come nearer to each other";
    "classes", true, "a list of texts", is::<Vec<String>>, "the network's own classes in the order of its outputs";
    "taxonomy", false, "a mapping of texts", is::<std::collections::BTreeMap<String, String>>,
        "model class to class of the programme, where they differ; several may share one: their probabilities are added";
    "onnx", true, "a file of the folder", is_text, "the network; weights that lie beside it as external data are read along";
    "weights", false, "a file of the folder", is_text, "the same network's weights by name (safetensors), for libtorch";
    "training", false, "a mapping", Value::is_mapping, "notes on how it was trained, for people and for the report";
}

/// A model with every key that a person may need, as `trapline help model.yaml` shows it.
pub const EXAMPLE: &str = "\
name: small_mammals
version: '2026.1'
architecture: resnet50
input:
  width: 224
  height: 224
  resize: crop               # shorter side 256, then the middle 224 x 224
  margin_px: 16
  mean: [0.485, 0.456, 0.406]
  std: [0.229, 0.224, 0.225]
output: logits               # a softmax is still to be taken
classes: [empty, vole, mus_erm]
taxonomy: { mus_erm: stoat } # this programme calls it so
onnx: model.onnx
";

/// What is wrong with one key, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, dotted.
    pub key: String,
    /// What is wrong.
    pub reason: String,
}

/// The faults of form of a `model.yaml`, and the mapping without the keys that have one.
pub(super) fn faults(text: &str) -> Option<(Vec<Fault>, Mapping)> {
    let mut whole: Mapping = serde_yaml::from_str(text).ok()?;
    let mut faults = Vec::new();
    check_level(&mut whole, "", &mut faults);
    if let Some(Value::Mapping(input)) = whole.get_mut("input") {
        check_level(input, "input.", &mut faults);
    }
    Some((faults, whole))
}

fn check_level(map: &mut Mapping, prefix: &str, faults: &mut Vec<Fault>) {
    let own = |field: &&Field| field.key.strip_prefix(prefix).is_some_and(|rest| !rest.contains('.'));
    let known: Vec<&Field> = FIELDS.iter().filter(own).collect();
    let mut wrong = Vec::new();
    for (key, value) in &*map {
        let name = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
        let reason = match known.iter().find(|field| field.key[prefix.len()..] == name) {
            Some(field) if (field.accepts)(value) => continue,
            Some(field) => format!("{} is not {}", shown(value), field.takes),
            None => {
                let names = known.iter().map(|field| &field.key[prefix.len()..]);
                match nearest(&name, names.clone()) {
                    Some(near) => format!("there is no such key; did you mean `{near}`?"),
                    None => format!("there is no such key; the keys are {}", names.collect::<Vec<_>>().join(", ")),
                }
            }
        };
        wrong.push(key.clone());
        faults.push(Fault { key: format!("{prefix}{name}"), reason });
    }
    let is_missing = |field: &&&Field| field.required && !map.contains_key(&field.key[prefix.len()..]);
    for field in known.iter().filter(is_missing) {
        faults.push(Fault { key: field.key.to_owned(), reason: format!("it is missing; write {}: {}", field.takes, field.doc) });
    }
    for key in wrong {
        map.remove(key);
    }
}

/// A value as it may stand in a message.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", text.chars().take(40).collect::<String>()),
        Value::Number(number) => format!("`{number}`"),
        Value::Bool(value) => format!("`{value}`"),
        Value::Null => "nothing".to_owned(),
        Value::Sequence(items) => format!("a list of {}", items.len()),
        Value::Mapping(_) => "a mapping".to_owned(),
        Value::Tagged(_) => "a tagged value".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_no_fault_and_the_keys_are_those_that_are_read() {
        assert_eq!(faults(EXAMPLE).unwrap().0, []);
        let folder = std::path::Path::new(".");
        let mut bundle = super::super::Bundle::parse(EXAMPLE, "model.yaml".into(), folder).unwrap();
        // Every value away from its default, so that all keys are written.
        bundle.layout = ChannelOrder::Nhwc;
        (bundle.temperature, bundle.input.crop_bottom_px, bundle.weights) = (2.0, 1, Some("a.safetensors".into()));
        bundle.input.upright = true;
        bundle.training.insert("images".into(), 5.into());
        let written: Mapping = serde_yaml::from_str(&bundle.notes().unwrap()).unwrap();
        let below = written["input"].as_mapping().unwrap().keys().map(|key| format!("input.{}", key.as_str().unwrap()));
        let mut found: Vec<String> = written.keys().map(|key| key.as_str().unwrap().to_owned()).chain(below).collect();
        let mut keys: Vec<String> = FIELDS.iter().map(|field| field.key.to_owned()).collect();
        found.sort();
        keys.sort();
        assert_eq!(found, keys);
    }
}
