//! What the values of `model.yaml` must satisfy.

use std::collections::BTreeSet;
use std::path::Component;

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
        self.check_names()?;
        self.check_input()?;
        self.check_output()?;
        self.check_classes()
    }

    pub(super) fn value(&self, key: &'static str, reason: impl Into<String>) -> BundleError {
        BundleError::Value { path: self.folder.join(MODEL_FILE), key, reason: reason.into() }
    }

    fn check_names(&self) -> Result<(), BundleError> {
        for (key, text) in [("name", &self.name), ("version", &self.version)] {
            if !is_plain_name(text) {
                let rule = "use letters, digits, `_`, `-` and `.`, with a letter or digit at both ends";
                return Err(self.value(key, format!("`{text}` cannot name a folder on every system; {rule}")));
            }
        }
        for (key, path) in std::iter::once(("onnx", &self.onnx)).chain(self.weights.iter().map(|path| ("weights", path))) {
            // A second way to write a path would be a second identity; anything but plain parts could leave the bundle.
            let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
            if !inside || path.as_os_str().is_empty() {
                return Err(self.value(key, format!("`{}` must lie inside the bundle's folder", path.display())));
            }
        }
        if self.weights.as_ref() == Some(&self.onnx) {
            return Err(self.value("weights", "this is the network; the weights by name lie in a file of their own"));
        }
        Ok(())
    }

    fn check_input(&self) -> Result<(), BundleError> {
        for (key, side) in [("input.width", self.input.width), ("input.height", self.input.height)] {
            if !(1..=MAX_SIDE_PX).contains(&side) {
                return Err(self.value(key, format!("{side} is not within 1-{MAX_SIDE_PX} pixels")));
            }
        }
        if self.input.crop_bottom_px > MAX_CROP_PX {
            let crop = self.input.crop_bottom_px;
            return Err(self.value("input.crop_bottom_px", format!("{crop} is not within 0-{MAX_CROP_PX} pixels")));
        }
        let margin = self.input.margin_px;
        if self.input.width.max(self.input.height).saturating_add(margin.saturating_mul(2)) > MAX_SIDE_PX {
            let reason = format!("{margin} on each side makes an image of more than {MAX_SIDE_PX} pixels");
            return Err(self.value("input.margin_px", reason));
        }
        if let Some(bad) = self.input.mean.iter().find(|v| !v.is_finite()) {
            return Err(self.value("input.mean", format!("{bad} is not a number to subtract")));
        }
        if let Some(bad) = self.input.std.iter().find(|v| !(v.is_finite() && **v > 0.0)) {
            return Err(self.value("input.std", format!("{bad} is not a number to divide by; it must be above 0")));
        }
        Ok(())
    }

    fn check_output(&self) -> Result<(), BundleError> {
        let found = self.temperature;
        if !(MIN_TEMPERATURE..=MAX_TEMPERATURE).contains(&found) {
            let reason = format!("{found} is not within {MIN_TEMPERATURE}-{MAX_TEMPERATURE}; 1 changes nothing");
            return Err(self.value("temperature", reason));
        }
        if self.output == OutputKind::Probabilities && found.to_bits() != 1.0_f32.to_bits() {
            let reason = "it divides logits, and this network gives probabilities: export it without its softmax";
            return Err(self.value("temperature", reason));
        }
        Ok(())
    }

    fn check_classes(&self) -> Result<(), BundleError> {
        if self.classes.is_empty() {
            return Err(self.value("classes", "the list is empty; write the network's classes in output order"));
        }
        let mut seen = BTreeSet::new();
        for class in &self.classes {
            self.check_class("classes", class)?;
            if !seen.insert(class) {
                return Err(self.value("classes", format!("`{class}` is listed twice; each output needs a name of its own")));
            }
        }
        for (own, programme) in &self.taxonomy {
            if !seen.contains(own) {
                let hint = nearest(own, self.classes.iter().map(String::as_str))
                    .map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
                return Err(self.value("taxonomy", format!("`{own}` is not among `classes`{hint}")));
            }
            self.check_class("taxonomy", programme)?;
        }
        Ok(())
    }

    fn check_class(&self, key: &'static str, class: &str) -> Result<(), BundleError> {
        if class.is_empty() || class.trim() != class || class.chars().any(char::is_control) {
            return Err(self.value(key, format!("{class:?} is not a class name: empty, padded, or with a line break")));
        }
        Ok(())
    }
}
