//! What the values of `model.yaml` must satisfy.

use std::collections::BTreeSet;
use std::path::Component;

use super::fields::Fault;
use super::{Bundle, BundleError, MODEL_FILE, OutputKind};
use crate::diagnostic::nearest;

/// The largest input side, pixels: a typing mistake must not allocate gigabytes.
const MAX_SIDE_PX: u32 = 4096;

/// The tallest strip that may be cut off, pixels.
const MAX_CROP_PX: u32 = 4096;

/// What logits may be divided by: beyond this every confidence is 1 or all are equal.
const MIN_TEMPERATURE: f32 = 0.01;
const MAX_TEMPERATURE: f32 = 100.0;

/// One folder name on every platform: ASCII letters, digits, `_`, `-` and `.`, with a letter or digit at both ends.
pub(super) fn is_plain_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    bytes.len() <= 100
        && bytes.iter().all(plain)
        && [bytes.first(), bytes.last()].iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
}

impl Bundle {
    /// Makes sure that every value makes sense.
    pub(super) fn check(&self) -> Result<(), BundleError> {
        let faults = self.faults();
        if faults.is_empty() { Ok(()) } else { Err(self.values(faults)) }
    }

    /// Everything that is wrong with the values, in the order of the keys.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |key: &str, reason: String| faults.push(Fault { key: key.to_owned(), reason });
        self.check_names(&mut fault);
        self.check_input(&mut fault);
        self.check_output(&mut fault);
        self.check_classes(&mut fault);
        faults
    }

    pub(super) fn value(&self, key: &str, reason: impl Into<String>) -> BundleError {
        self.values(vec![Fault { key: key.to_owned(), reason: reason.into() }])
    }

    fn values(&self, faults: Vec<Fault>) -> BundleError {
        BundleError::Values { path: self.folder.join(MODEL_FILE), faults }
    }

    fn check_names(&self, fault: &mut dyn FnMut(&str, String)) {
        for (key, text) in [("name", &self.name), ("version", &self.version)] {
            if !is_plain_name(text) {
                let rule = "use letters, digits, `_`, `-` and `.`, with a letter or digit at both ends";
                fault(key, format!("`{text}` cannot name a folder on every system; {rule}"));
            }
        }
        for (key, path) in std::iter::once(("onnx", &self.onnx)).chain(self.weights.iter().map(|path| ("weights", path))) {
            // A second way to write a path would be a second identity; anything but plain parts could leave the bundle.
            let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
            if !inside || path.as_os_str().is_empty() {
                fault(key, format!("`{}` must lie inside the bundle's folder", path.display()));
            }
        }
        if self.weights.as_ref() == Some(&self.onnx) {
            fault("weights", "this is the network; the weights by name lie in a file of their own".to_owned());
        }
    }

    fn check_input(&self, fault: &mut dyn FnMut(&str, String)) {
        for (key, side) in [("input.width", self.input.width), ("input.height", self.input.height)] {
            if !(1..=MAX_SIDE_PX).contains(&side) {
                fault(key, format!("{side} is not within 1-{MAX_SIDE_PX} pixels"));
            }
        }
        if self.input.crop_bottom_px > MAX_CROP_PX {
            let crop = self.input.crop_bottom_px;
            fault("input.crop_bottom_px", format!("{crop} is not within 0-{MAX_CROP_PX} pixels"));
        }
        let margin = self.input.margin_px;
        if self.input.width.max(self.input.height).saturating_add(margin.saturating_mul(2)) > MAX_SIDE_PX {
            let reason = format!("{margin} on each side makes an image of more than {MAX_SIDE_PX} pixels");
            fault("input.margin_px", reason);
        }
        if let Some(bad) = self.input.mean.iter().find(|v| !v.is_finite()) {
            fault("input.mean", format!("{bad} is not a number to subtract"));
        }
        if let Some(bad) = self.input.std.iter().find(|v| !(v.is_finite() && **v > 0.0)) {
            fault("input.std", format!("{bad} is not a number to divide by; it must be above 0"));
        }
    }

    fn check_output(&self, fault: &mut dyn FnMut(&str, String)) {
        let found = self.temperature;
        if !(MIN_TEMPERATURE..=MAX_TEMPERATURE).contains(&found) {
            let reason = format!("{found} is not within {MIN_TEMPERATURE}-{MAX_TEMPERATURE}; 1 changes nothing");
            fault("temperature", reason);
        }
        if self.output == OutputKind::Probabilities && found.to_bits() != 1.0_f32.to_bits() {
            let reason = "it divides logits, and this network gives probabilities: export it without its softmax";
            fault("temperature", reason.to_owned());
        }
    }

    fn check_classes(&self, fault: &mut dyn FnMut(&str, String)) {
        if self.classes.is_empty() {
            fault("classes", "the list is empty; write the network's classes in output order".to_owned());
        }
        let mut seen = BTreeSet::new();
        for class in &self.classes {
            Self::check_class("classes", class, fault);
            if !seen.insert(class) {
                fault("classes", format!("`{class}` is listed twice; each output needs a name of its own"));
            }
        }
        for (own, programme) in &self.taxonomy {
            if !seen.contains(own) {
                let hint = nearest(own, self.classes.iter().map(String::as_str))
                    .map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
                fault("taxonomy", format!("`{own}` is not among `classes`{hint}"));
            }
            Self::check_class("taxonomy", programme, fault);
        }
    }

    fn check_class(key: &str, class: &str, fault: &mut dyn FnMut(&str, String)) {
        if class.is_empty() || class.trim() != class || class.chars().any(char::is_control) {
            fault(key, format!("{class:?} is not a class name: empty, padded, or with a line break"));
        }
    }
}
