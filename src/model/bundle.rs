//! Model bundles: the folder `models/NAME/VERSION/` with `model.yaml` and an ONNX file, and the identity made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::signature::ModelSignature;
use crate::id::ContentId;
use crate::recipe::{Ingredient, KeySink};

mod checks;
pub mod fields;
mod written;

use checks::is_plain_name;
use fields::Fault;

/// The file of a bundle that describes it.
pub const MODEL_FILE: &str = "model.yaml";

/// The version of the bytes behind a model's identity. Raising it recomputes every prediction: a release note.
const ID_FORMAT: u32 = 1;

/// Why a bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Bytes that should be a packed model are something else.
    #[error("these bytes are no packed model")]
    Packed,
    /// A packed model names weights that it does not bring, or brings some that it does not name.
    #[error("the packed model and its `model.yaml` disagree on whether there are `weights`")]
    PackedWeights,
    /// A file of the bundle could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `model.yaml` is not of the expected form.
    #[error("`{path}` does not describe a model")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_yaml::Error,
    },
    /// Values of `model.yaml` make no sense: all of them, in the order of its keys.
    #[error("{}", listed(path, faults))]
    Values {
        /// Which file.
        path: PathBuf,
        /// Which keys, and what is wrong with each.
        faults: Vec<Fault>,
    },
    /// The weights beside the network cannot be read along.
    #[error("`{path}` keeps its weights in other files, which cannot be read")]
    External {
        /// The network.
        path: PathBuf,
        /// Why.
        #[source]
        source: super::onnx::external::ExternalError,
    },
    /// `name@version` is not written so.
    #[error("`{0}` is not a model: expected `name@version`")]
    Name(String),
}

/// Faults as a person reads them.
fn listed(path: &Path, faults: &[Fault]) -> String {
    let path = path.display();
    if let [fault] = faults {
        return format!("`{path}`, `{}`: {}", fault.key, fault.reason);
    }
    let lines: Vec<_> = faults.iter().map(|fault| format!("  `{}`: {}", fault.key, fault.reason)).collect();
    format!("`{path}` has {} faults:\n{}", faults.len(), lines.join("\n"))
}

/// How an image becomes the network's input size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// Both sides are scaled on their own; the aspect changes.
    Squash,
    /// The aspect is kept, the rest is filled.
    Letterbox,
    /// The aspect is kept: the shorter side is scaled to the input, and what the longer one has too much is cut off on both sides.
    Crop,
}

/// The order of the numbers in the network's input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelOrder {
    /// Batch, channels, rows, columns.
    #[default]
    Nchw,
    /// Batch, rows, columns, channels.
    Nhwc,
}

/// What the network's output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// Any numbers; a softmax makes them probabilities.
    Logits,
    /// Numbers within 0-1 that sum to 1.
    Probabilities,
}

/// How an image becomes the network's input.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// How the size is reached.
    pub resize: Resize,
    /// Rows cut off at the bottom before resizing (the camera's information strip), pixels.
    #[serde(default, skip_serializing_if = "written::is_zero")]
    pub crop_bottom_px: u32,
    /// Images are turned as their EXIF orientation says before anything else; else the network sees them as they are stored.
    #[serde(default, skip_serializing_if = "written::is_false")]
    pub upright: bool,
    /// The image is resized to this much more on each side, which is cut off again, pixels.
    #[serde(default, skip_serializing_if = "written::is_zero")]
    pub margin_px: u32,
    /// Subtracted from each channel (red, green, blue) scaled to 0-1.
    #[serde(default = "written::zeros")]
    pub mean: [f32; 3],
    /// Divides each channel after that.
    #[serde(default = "written::ones")]
    pub std: [f32; 3],
}

impl Input {
    /// Width and height to which an image is resized before the margin is cut off, pixels.
    #[must_use]
    pub const fn prepared_px(&self) -> (u32, u32) {
        (self.width + 2 * self.margin_px, self.height + 2 * self.margin_px)
    }

    /// Bytes of an image of that size.
    #[must_use]
    pub const fn prepared_bytes(&self) -> usize {
        let (width, height) = self.prepared_px();
        3 * width as usize * height as usize
    }
}

/// A model as its folder describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// The folder.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// Its version, as text: `2021.10` is not `2021.1`.
    pub version: String,
    /// A word for people: `resnet50`.
    pub architecture: String,
    /// How an image becomes the network's input.
    pub input: Input,
    /// In which order the network takes it.
    pub layout: ChannelOrder,
    /// What the network's output holds.
    pub output: OutputKind,
    /// Logits are divided by it before the softmax: above 1 confidences come nearer to each other. 1 changes nothing.
    pub temperature: f32,
    /// The model's own classes, in output order.
    pub classes: Vec<String>,
    /// Model class to programme class, where the names differ. Several model classes may share one: their probabilities are added.
    pub taxonomy: BTreeMap<String, String>,
    /// The network, relative to the folder.
    pub onnx: PathBuf,
    /// The weights of the same network by name (safetensors), relative to the folder: what libtorch runs, and further training
    /// starts from.
    pub weights: Option<PathBuf>,
    /// How it was trained: free notes for people and for the report.
    pub training: serde_yaml::Mapping,
}

/// The folder of `name@version`, relative to the project.
///
/// # Errors
/// When `model` is not written as `name@version`, or either part could leave `models/`.
pub fn bundle_folder(model: &str) -> Result<PathBuf, BundleError> {
    match model.split_once('@') {
        Some((name, version)) if is_plain_name(name) && is_plain_name(version) => {
            Ok(Path::new("models").join(name).join(version))
        }
        _ => Err(BundleError::Name(model.to_owned())),
    }
}

impl Bundle {
    /// Reads and checks the bundle `name@version` of `project`.
    ///
    /// # Errors
    /// When it is not there, or its `model.yaml` does not describe a usable model of that name.
    pub fn open(project: &Path, model: &str) -> Result<Self, BundleError> {
        let bundle = Self::read(&project.join(bundle_folder(model)?))?;
        if bundle.model() != model {
            let reason = format!("the folder holds `{}`, its place says `{model}`", bundle.model());
            return Err(bundle.value("name", reason));
        }
        Ok(bundle)
    }

    /// Reads and checks the bundle in `folder`, wherever it lies.
    ///
    /// # Errors
    /// When `model.yaml` cannot be read or does not describe a usable model.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let path = folder.join(MODEL_FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| BundleError::Read { path: path.clone(), source })?;
        let bundle = Self::parse(&text, path, folder)?;
        if !folder.join(&bundle.onnx).is_file() {
            return Err(bundle.value("onnx", format!("`{}` is not a file of the bundle", bundle.onnx.display())));
        }
        if let Some(weights) = bundle.weights.as_ref().filter(|weights| !folder.join(weights).is_file()) {
            let way_out = "where the weights are not handed on, take the line out";
            return Err(bundle.value("weights", format!("`{}` is not a file of the bundle; {way_out}", weights.display())));
        }
        Ok(bundle)
    }

    /// `name@version`.
    #[must_use]
    pub fn model(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Reads the network, with the weights that it keeps in files beside it (external data, as PyTorch exports large networks):
    /// these bytes are what the identity covers.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn network(&self) -> Result<Vec<u8>, BundleError> {
        let path = self.folder.join(&self.onnx);
        let bytes = std::fs::read(&path).map_err(|source| BundleError::Read { path: path.clone(), source })?;
        let whole = super::onnx::external::take_in(&bytes, path.parent().unwrap_or(&self.folder));
        Ok(whole.map_err(|source| BundleError::External { path, source })?.unwrap_or(bytes))
    }

    /// Reads the weights by name, as bytes; `None` where the bundle has none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_weights(&self) -> Result<Option<Vec<u8>>, BundleError> {
        let Some(weights) = &self.weights else { return Ok(None) };
        let path = self.folder.join(weights);
        std::fs::read(&path).map(Some).map_err(|source| BundleError::Read { path, source })
    }

    /// The class of the programme behind each output of the network.
    #[must_use]
    pub fn programme_classes(&self) -> Vec<&str> {
        self.classes.iter().map(|class| self.taxonomy.get(class).unwrap_or(class).as_str()).collect()
    }

    /// The classes of a prediction: those of the programme, each once, in the order in which the network first names them.
    #[must_use]
    pub fn predicted_classes(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        self.programme_classes().into_iter().filter(|class| seen.insert(*class)).map(str::to_owned).collect()
    }

    /// Writes everything that may change a prediction into `sink`. Training notes, name and version are not among it, nor the
    /// weights by name: they have an identity of their own ([`ModelSignature::weights`]), which libtorch's rows carry.
    pub fn write_into(&self, network: &[u8], sink: &mut dyn KeySink) {
        let Input { width, height, resize, crop_bottom_px, upright, margin_px, mean, std } = self.input;
        let bits = |values: &[f32]| values.iter().map(|v| format!("{:08x}", (v + 0.0).to_bits())).collect::<Vec<_>>().join(" ");
        sink.ingredient("model format", &ID_FORMAT.to_string());
        sink.ingredient("network", &ContentId::of(network).to_string());
        sink.ingredient("input", &format!("{width}x{height}"));
        let resize = match resize {
            Resize::Squash => "squash",
            Resize::Letterbox => "letterbox",
            Resize::Crop => "crop",
        };
        sink.ingredient("resize", resize);
        if self.layout == ChannelOrder::Nhwc {
            sink.ingredient("layout", "nhwc");
        }
        sink.ingredient("crop_bottom_px", &crop_bottom_px.to_string());
        // Named only where there is one: older identities stand.
        if upright {
            sink.ingredient("upright", "true");
        }
        if margin_px > 0 {
            sink.ingredient("margin_px", &margin_px.to_string());
        }
        sink.ingredient("mean", &bits(&mean));
        sink.ingredient("std", &bits(&std));
        sink.ingredient("output", if self.output == OutputKind::Logits { "logits" } else { "probabilities" });
        if self.temperature.to_bits() != 1.0_f32.to_bits() {
            sink.ingredient("temperature", &bits(&[self.temperature]));
        }
        for class in &self.classes {
            sink.ingredient("class", class);
        }
        for (own, programme) in &self.taxonomy {
            sink.ingredient(&format!("taxonomy {own}"), programme);
        }
    }

    /// Identifies everything that may change a prediction, given the bytes of [`Bundle::network`].
    #[must_use]
    pub fn id(&self, network: &[u8]) -> ContentId {
        let mut ingredients: Vec<Ingredient> = Vec::new();
        self.write_into(network, &mut ingredients);
        let mut bytes = Vec::new();
        for text in ingredients.iter().flat_map(|part| [&part.name, &part.value]) {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        ContentId::of(&bytes)
    }

    /// What checks and plans need to know of the model, given the bytes of [`Bundle::network`] and of its weights by name.
    #[must_use]
    pub fn signature(&self, network: &[u8], weights: Option<&[u8]>) -> ModelSignature {
        ModelSignature {
            model: self.model(),
            id: self.id(network),
            classes: self.predicted_classes(),
            width: self.input.width,
            height: self.input.height,
            weights: weights.map(ContentId::of),
        }
    }
}

#[cfg(test)]
mod tests;
