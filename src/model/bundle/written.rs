//! `model.yaml` as text: read into a bundle, written from one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Bundle, BundleError, Input, MODEL_FILE, OutputKind};

/// `model.yaml`, as written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    version: String,
    architecture: String,
    input: Input,
    output: OutputKind,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    temperature: f32,
    classes: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    taxonomy: BTreeMap<String, String>,
    onnx: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weights: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "serde_yaml::Mapping::is_empty")]
    training: serde_yaml::Mapping,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
pub(super) fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
pub(super) fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_one(value: &f32) -> bool {
    value.to_bits() == one().to_bits()
}

fn one() -> f32 {
    1.0
}

pub(super) fn zeros() -> [f32; 3] {
    [0.0; 3]
}

pub(super) fn ones() -> [f32; 3] {
    [1.0; 3]
}

impl Bundle {
    /// Checks the text of a `model.yaml` that lies, or lay, at `path` in `folder`.
    pub(in crate::model) fn parse(text: &str, path: PathBuf, folder: &Path) -> Result<Self, BundleError> {
        let written: Written = serde_yaml::from_str(text).map_err(|source| BundleError::Malformed { path, source })?;
        let Written { name, version, architecture, input, output, temperature, classes, taxonomy, onnx, weights, training } =
            written;
        let bundle = Self {
            folder: folder.to_owned(),
            name,
            version,
            architecture,
            input,
            output,
            temperature,
            classes,
            taxonomy,
            onnx,
            weights,
            training,
        };
        bundle.check()?;
        Ok(bundle)
    }

    /// The text of a `model.yaml` that describes this bundle, wherever it will lie. Comments of the file it may have been read from
    /// are not kept.
    ///
    /// # Errors
    /// When it is no usable bundle: a name that cannot be a folder, a value that makes no sense.
    pub fn notes(&self) -> Result<String, BundleError> {
        self.check()?;
        let Self { name, version, architecture, classes, taxonomy, onnx, weights, training, .. } = self.clone();
        let (input, output, temperature) = (self.input, self.output, self.temperature);
        let written =
            Written { name, version, architecture, input, output, temperature, classes, taxonomy, onnx, weights, training };
        serde_yaml::to_string(&written).map_err(|source| BundleError::Malformed { path: self.folder.join(MODEL_FILE), source })
    }
}
