//! `model.yaml` as text: read into a bundle, written from one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Bundle, BundleError, ChannelOrder, Input, MODEL_FILE, OutputKind, fields};

/// `model.yaml`, as written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    version: String,
    architecture: String,
    input: Input,
    #[serde(default, skip_serializing_if = "is_nchw")]
    layout: ChannelOrder,
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
fn is_nchw(layout: &ChannelOrder) -> bool {
    *layout == ChannelOrder::Nchw
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
        match serde_yaml::from_str(text) {
            Ok(written) => {
                let bundle = Self::of(written, folder);
                bundle.check()?;
                Ok(bundle)
            }
            Err(source) => Err(Self::all_faults(text, &path, folder).unwrap_or(BundleError::Malformed { path, source })),
        }
    }

    fn of(written: Written, folder: &Path) -> Self {
        let Written { name, version, architecture, input, layout, output, temperature, .. } = written;
        let Written { classes, taxonomy, onnx, weights, training, .. } = written;
        let folder = folder.to_owned();
        Self {
            folder,
            name,
            version,
            architecture,
            input,
            layout,
            output,
            temperature,
            classes,
            taxonomy,
            onnx,
            weights,
            training,
        }
    }

    /// Every fault of form, and those of meaning where enough is left to see them; `None` where the text is not a mapping at all.
    fn all_faults(text: &str, path: &Path, folder: &Path) -> Option<BundleError> {
        let (mut faults, rest) = fields::faults(text)?;
        if let Ok(written) = serde_yaml::to_string(&rest).and_then(|text| serde_yaml::from_str(&text)) {
            faults.extend(Self::of(written, folder).faults());
        }
        (!faults.is_empty()).then(|| BundleError::Values { path: path.to_owned(), faults })
    }

    /// The text of a `model.yaml` that describes this bundle, wherever it will lie. Comments of the file it may have been read from
    /// are not kept.
    ///
    /// # Errors
    /// When it is not a usable bundle: a name that cannot be a folder, a value that makes no sense.
    pub fn notes(&self) -> Result<String, BundleError> {
        self.check()?;
        let Self { name, version, architecture, classes, taxonomy, onnx, weights, training, .. } = self.clone();
        let (input, layout, output, temperature) = (self.input, self.layout, self.output, self.temperature);
        let written = Written {
            name,
            version,
            architecture,
            input,
            layout,
            output,
            temperature,
            classes,
            taxonomy,
            onnx,
            weights,
            training,
        };
        serde_yaml::to_string(&written).map_err(|source| BundleError::Malformed { path: self.folder.join(MODEL_FILE), source })
    }
}
