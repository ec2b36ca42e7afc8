//! Model bundles: the folder `models/NAME/VERSION/` with `model.yaml` and an ONNX file, and the identity made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::signature::ModelSignature;
use crate::diagnostic::nearest;
use crate::id::ContentId;
use crate::recipe::{Ingredient, KeySink};

/// The file of a bundle that describes it.
pub const MODEL_FILE: &str = "model.yaml";

/// The version of the bytes behind a model's identity. Raising it recomputes every prediction: a release note.
const ID_FORMAT: u32 = 1;

/// The largest input side, pixels: a typing mistake must not allocate gigabytes.
const MAX_SIDE_PX: u32 = 4096;

/// The tallest strip that may be cut off, pixels.
const MAX_CROP_PX: u32 = 4096;

/// Why a bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Bytes that should be a packed model are something else.
    #[error("these bytes are no packed model")]
    Packed,
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
    /// A value of `model.yaml` makes no sense.
    #[error("`{path}`, `{key}`: {reason}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which key, dotted.
        key: &'static str,
        /// What is wrong, and the way out.
        reason: String,
    },
    /// `name@version` is not written so.
    #[error("`{0}` is not a model: expected `name@version`")]
    Name(String),
}

/// How an image becomes the network's input size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// Both sides are scaled on their own; the aspect changes.
    Squash,
    /// The aspect is kept, the rest is filled.
    Letterbox,
}

/// What the network's output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// Any numbers; a softmax makes them probabilities.
    Logits,
    /// Numbers within 0-1 that sum to 1.
    Probabilities,
}

/// How an image becomes the network's input.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// How the size is reached.
    pub resize: Resize,
    /// Rows cut off at the bottom before resizing (the camera's information strip), pixels.
    #[serde(default)]
    pub crop_bottom_px: u32,
    /// The image is resized to this much more on each side, which is cut off again, pixels.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub margin_px: u32,
    /// Subtracted from each channel (red, green, blue) scaled to 0-1.
    #[serde(default = "zeros")]
    pub mean: [f32; 3],
    /// Divides each channel after that.
    #[serde(default = "ones")]
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

fn zeros() -> [f32; 3] {
    [0.0; 3]
}

fn ones() -> [f32; 3] {
    [1.0; 3]
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
    /// What the network's output holds.
    pub output: OutputKind,
    /// The model's own classes, in output order.
    pub classes: Vec<String>,
    /// Model class to programme class, where the names differ. Several model classes may share one: their probabilities are added.
    pub taxonomy: BTreeMap<String, String>,
    /// The network, relative to the folder.
    pub onnx: PathBuf,
    /// How it was trained: free notes for people and for the report.
    pub training: serde_yaml::Mapping,
}

/// `model.yaml`, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    version: String,
    architecture: String,
    input: Input,
    output: OutputKind,
    classes: Vec<String>,
    #[serde(default)]
    taxonomy: BTreeMap<String, String>,
    onnx: PathBuf,
    #[serde(default)]
    training: serde_yaml::Mapping,
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

/// One folder name on every platform: ASCII letters, digits, `_`, `-` and `.`, with a letter or digit at both ends.
fn is_plain_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    bytes.len() <= 100
        && bytes.iter().all(plain)
        && [bytes.first(), bytes.last()].iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
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
        Ok(bundle)
    }

    /// Checks the text of a `model.yaml` that lies, or lay, at `path` in `folder`.
    pub(super) fn parse(text: &str, path: PathBuf, folder: &Path) -> Result<Self, BundleError> {
        let written: Written = serde_yaml::from_str(text).map_err(|source| BundleError::Malformed { path, source })?;
        let Written { name, version, architecture, input, output, classes, taxonomy, onnx, training } = written;
        let folder = folder.to_owned();
        let bundle = Self { folder, name, version, architecture, input, output, classes, taxonomy, onnx, training };
        bundle.check_names()?;
        bundle.check_input()?;
        bundle.check_classes()?;
        Ok(bundle)
    }

    /// `name@version`.
    #[must_use]
    pub fn model(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Reads the network. Weights in a second file are not supported: the identity covers these bytes alone.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn network(&self) -> Result<Vec<u8>, BundleError> {
        let path = self.folder.join(&self.onnx);
        std::fs::read(&path).map_err(|source| BundleError::Read { path, source })
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

    /// Writes everything that may change a prediction into `sink`; training notes, name and version are not among it.
    pub fn write_into(&self, network: &[u8], sink: &mut dyn KeySink) {
        let Input { width, height, resize, crop_bottom_px, margin_px, mean, std } = self.input;
        let bits = |values: [f32; 3]| values.map(|v| format!("{:08x}", (v + 0.0).to_bits())).join(" ");
        sink.ingredient("model format", &ID_FORMAT.to_string());
        sink.ingredient("network", &ContentId::of(network).to_string());
        sink.ingredient("input", &format!("{width}x{height}"));
        sink.ingredient("resize", if resize == Resize::Squash { "squash" } else { "letterbox" });
        sink.ingredient("crop_bottom_px", &crop_bottom_px.to_string());
        // Named only where there is one: older identities stand.
        if margin_px > 0 {
            sink.ingredient("margin_px", &margin_px.to_string());
        }
        sink.ingredient("mean", &bits(mean));
        sink.ingredient("std", &bits(std));
        sink.ingredient("output", if self.output == OutputKind::Logits { "logits" } else { "probabilities" });
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

    /// What checks and plans need to know of the model.
    #[must_use]
    pub fn signature(&self, network: &[u8]) -> ModelSignature {
        ModelSignature {
            model: self.model(),
            id: self.id(network),
            classes: self.predicted_classes(),
            width: self.input.width,
            height: self.input.height,
        }
    }

    fn value(&self, key: &'static str, reason: impl Into<String>) -> BundleError {
        BundleError::Value { path: self.folder.join(MODEL_FILE), key, reason: reason.into() }
    }

    fn check_names(&self) -> Result<(), BundleError> {
        for (key, text) in [("name", &self.name), ("version", &self.version)] {
            if !is_plain_name(text) {
                let rule = "use letters, digits, `_`, `-` and `.`, with a letter or digit at both ends";
                return Err(self.value(key, format!("`{text}` cannot name a folder on every system; {rule}")));
            }
        }
        // A second way to write a path would be a second identity; anything but plain parts could leave the bundle.
        let inside = self.onnx.components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || self.onnx.as_os_str().is_empty() {
            return Err(self.value("onnx", format!("`{}` must lie inside the bundle's folder", self.onnx.display())));
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
        if let Some(bad) = self.input.mean.iter().find(|v| !v.is_finite()) {
            return Err(self.value("input.mean", format!("{bad} is not a number to subtract")));
        }
        if let Some(bad) = self.input.std.iter().find(|v| !(v.is_finite() && **v > 0.0)) {
            return Err(self.value("input.std", format!("{bad} is not a number to divide by; it must be above 0")));
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

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "\
name: voles
version: 2021.10
architecture: small
input: { width: 96, height: 64, resize: squash, crop_bottom_px: 24, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
output: logits
classes: [empty, vole, mus_erm]
taxonomy: { mus_erm: stoat }
onnx: model.onnx
training: { images: 5, by: [a, b] }
";

    fn folder_with(yaml: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MODEL_FILE), yaml).unwrap();
        std::fs::write(folder.path().join("model.onnx"), b"network").unwrap();
        folder
    }

    fn read(yaml: &str) -> Result<Bundle, String> {
        let folder = folder_with(yaml);
        Bundle::read(folder.path()).map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            format!("{error}{cause}").replace(&folder.path().display().to_string(), "B").replace('\\', "/")
        })
    }

    #[test]
    fn a_bundle_reads_as_written() {
        let bundle = read(YAML).unwrap();
        assert_eq!(bundle.model(), "voles@2021.10");
        assert_eq!(bundle.predicted_classes(), ["empty", "vole", "stoat"]);
        assert_eq!((bundle.input.width, bundle.input.height, bundle.input.crop_bottom_px), (96, 64, 24));
    }

    #[test]
    fn the_identity_changes_with_what_changes_a_prediction_and_with_nothing_else() {
        let id = |yaml: &str| read(yaml).unwrap().id(b"network");
        let base = id(YAML);
        insta::assert_snapshot!(base, @"b3:c55cee07259d13d725d56f29a6714554c6e8c9a81a77cbfb2dad8f6870fec772");
        for same in [("by: [a, b]", "by: [c]"), ("voles", "mice"), ("2021.10", "9"), ("architecture: small", "architecture: big")]
        {
            assert_eq!(base, id(&YAML.replace(same.0, same.1)), "{same:?}");
        }
        let others = [
            ("width: 96", "width: 95"),
            ("height: 64", "height: 65"),
            ("squash", "letterbox"),
            ("_px: 24", "_px: 23"),
            ("0.406", "0.407"),
            ("0.225", "0.226"),
            ("logits", "probabilities"),
            ("[empty, vole", "[vole, empty"),
            ("{ mus_erm: stoat }", "{}"),
            ("{ mus_erm: stoat }", "{ vole: stoat }"),
        ];
        let mut seen = BTreeSet::from([base]);
        for (old, new) in others {
            assert!(seen.insert(id(&YAML.replace(old, new))), "`{new}` kept the identity");
        }
        assert!(seen.insert(read(YAML).unwrap().id(b"network!")));
    }

    #[test]
    fn two_outputs_of_one_programme_class_are_one_prediction() {
        let bundle = read(&YAML.replace("{ mus_erm: stoat }", "{ mus_erm: vole }")).unwrap();
        assert_eq!(bundle.predicted_classes(), ["empty", "vole"]);
        assert_eq!(bundle.programme_classes(), ["empty", "vole", "vole"]);
    }

    #[test]
    fn mistakes_name_file_key_and_way_out() {
        let message = |old: &str, new: &str| read(&YAML.replace(old, new)).unwrap_err();
        insta::assert_snapshot!(message("width: 96", "width: 0"), @"`B/model.yaml`, `input.width`: 0 is not within 1-4096 pixels");
        insta::assert_snapshot!(message("_px: 24", "_px: 9999"), @"`B/model.yaml`, `input.crop_bottom_px`: 9999 is not within 0-4096 pixels");
        insta::assert_snapshot!(message("0.225", "0"), @"`B/model.yaml`, `input.std`: 0 is not a number to divide by; it must be above 0");
        insta::assert_snapshot!(message("0.406", ".nan"), @"`B/model.yaml`, `input.mean`: NaN is not a number to subtract");
        insta::assert_snapshot!(message("vole, mus_erm", "vole, vole"), @"`B/model.yaml`, `classes`: `vole` is listed twice; each output needs a name of its own");
        insta::assert_snapshot!(message("[empty, vole, mus_erm]", "[]"), @"`B/model.yaml`, `classes`: the list is empty; write the network's classes in output order");
        insta::assert_snapshot!(message("{ mus_erm: stoat }", "{ mus_er: stoat }"), @"`B/model.yaml`, `taxonomy`: `mus_er` is not among `classes`; did you mean `mus_erm`?");
        insta::assert_snapshot!(message("onnx: model.onnx", "onnx: ../model.onnx"), @"`B/model.yaml`, `onnx`: `../model.onnx` must lie inside the bundle's folder");
        insta::assert_snapshot!(message("onnx: model.onnx", "onnx: gone.onnx"), @"`B/model.yaml`, `onnx`: `gone.onnx` is not a file of the bundle");
        insta::assert_snapshot!(message("name: voles", "name: a/b"), @"`B/model.yaml`, `name`: `a/b` cannot name a folder on every system; use letters, digits, `_`, `-` and `.`, with a letter or digit at both ends");
        insta::assert_snapshot!(message("output: logits", "outputs: logits"), @"`B/model.yaml` does not describe a model: unknown field `outputs`, expected one of `name`, `version`, `architecture`, `input`, `output`, `classes`, `taxonomy`, `onnx`, `training` at line 5 column 1");
        insta::assert_snapshot!(message("squash", "stretch"), @"`B/model.yaml` does not describe a model: input.resize: unknown variant `stretch`, expected `squash` or `letterbox` at line 4 column 41");
    }

    #[test]
    fn a_model_name_cannot_leave_its_folder() {
        assert_eq!(bundle_folder("voles@2021.1").unwrap(), Path::new("models").join("voles").join("2021.1"));
        for bad in ["voles", "@1", "voles@", "../x@1", "voles@..", "a/b@1", "C:@1", "voles@1@2", "voles@1.", "a b@1"] {
            assert!(bundle_folder(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bundle_under_the_wrong_name_is_noticed() {
        let project = tempfile::tempdir().unwrap();
        let folder = project.path().join("models/voles/3");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(MODEL_FILE), YAML).unwrap();
        std::fs::write(folder.join("model.onnx"), b"network").unwrap();
        let error = Bundle::open(project.path(), "voles@3").unwrap_err().to_string();
        assert!(error.ends_with("`name`: the folder holds `voles@2021.10`, its place says `voles@3`"), "{error}");
    }
}
