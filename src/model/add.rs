//! Takes a bundle into a project: checked, tried once, copied under `models/`, listed in `models.lock`.

use std::path::{Path, PathBuf};

use super::bundle::{Bundle, BundleError, ChannelOrder, MODEL_FILE, OutputKind, Resize, bundle_folder};
use super::engine::EngineError;
use super::found::{self, Preprocess};
use super::rten::Network;
use super::signature::{LockError, ModelSignature, read_lock, write_lock};
use crate::file::{make_folder, reading, replace, sync_folder};

/// Why a bundle was not taken into the project. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The bundle itself is at fault.
    #[error("`{folder}` is not a usable model")]
    Bundle {
        /// The folder given.
        folder: PathBuf,
        /// Why.
        #[source]
        source: BundleError,
    },
    /// The network does not run, or is not the one described.
    #[error("the network of `{model}` does not fit its `model.yaml`")]
    Network {
        /// `name@version`.
        model: String,
        /// Why.
        #[source]
        source: EngineError,
    },
    /// Another model has this name and version already.
    #[error("`{0}` is in the project already and predicts otherwise; results depend on it, so give the new one another version")]
    Taken(String),
    /// A bare network that does not do.
    #[error("`{path}` cannot be used as a classifier")]
    Unfit {
        /// The ONNX file.
        path: PathBuf,
        /// Why.
        #[source]
        source: EngineError,
    },
    /// A network that takes images of any size.
    #[error("`{0}` takes images of any size: say which it was trained with, `--size 224x224`")]
    Size(PathBuf),
    /// A file could not be copied.
    #[error("cannot copy `{path}`")]
    Copy {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `models.lock` could not be read or written.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// Takes the bundle in `folder` into `project` and lists it in `models.lock`. A bundle that lies under `models/` already is only
/// listed; one of the same name and identity gets the new notes.
///
/// # Errors
/// When the bundle is not usable, another model has its name, or a file cannot be written.
pub fn add(project: &Path, folder: &Path) -> Result<ModelSignature, AddError> {
    let failed = |source| AddError::Bundle { folder: folder.to_owned(), source };
    let bundle = Bundle::read(folder).map_err(failed)?;
    let network = bundle.network().map_err(failed)?;
    let notes_file = folder.join(MODEL_FILE);
    let notes = std::fs::read(&notes_file).map_err(|source| AddError::Copy { path: notes_file, source })?;
    let weights = bundle.read_weights().map_err(failed)?;
    take(project, &bundle, network, weights.as_deref(), |signature, target| {
        if same_folder(folder, target) {
            return Ok(());
        }
        place(signature, target, &notes, bundle.weights.as_deref().zip(weights.as_deref()), |whole| copy_folder(folder, whole))
    })
}

/// What a person says of a network that comes without `model.yaml`.
#[derive(Debug, Clone)]
pub struct Described {
    /// Name of the model.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The classes in the order of the outputs.
    pub classes: Vec<String>,
    /// What is done to an image first.
    pub preprocess: Preprocess,
    /// How an image of another shape becomes the input, where it is not as `preprocess` has it.
    pub resize: Option<Resize>,
    /// Width and height of the input in pixels, where the network does not say them.
    pub size: Option<(u32, u32)>,
}

/// Takes a bare network, the ONNX file at `path`, into `project`: what its file does not say stands in `described`. Returns the bundle
/// that was made of it, with what the network was found to be.
///
/// # Errors
/// When the network is not a classifier of that description; as [`add`].
pub fn add_network(project: &Path, path: &Path, described: &Described) -> Result<Bundle, AddError> {
    let model = format!("{}@{}", described.name, described.version);
    let unfit = |source| AddError::Unfit { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut bundle = Bundle {
        folder: folder.to_owned(),
        name: described.name.clone(),
        version: described.version.clone(),
        architecture: "unknown".to_owned(),
        input: described.preprocess.input(1, 1),
        layout: ChannelOrder::Nchw,
        output: OutputKind::Logits,
        temperature: 1.0,
        classes: described.classes.clone(),
        taxonomy: std::collections::BTreeMap::new(),
        onnx: path.file_name().map(PathBuf::from).unwrap_or_default(),
        weights: None,
        training: serde_yaml::Mapping::new(),
    };
    let network = bundle.network().map_err(|source| AddError::Bundle { folder: path.to_owned(), source })?;
    let found = found::look(network.clone()).map_err(unfit)?;
    let declared = found.width.zip(found.height);
    let (width, height) = described.size.or(declared).ok_or_else(|| AddError::Size(path.to_owned()))?;
    bundle.layout = found.layout;
    bundle.input = described.preprocess.input(width, height);
    bundle.input.resize = described.resize.unwrap_or(bundle.input.resize);
    let loaded = Network::load(&bundle, network.clone()).map_err(unfit)?;
    bundle.output = found::output_kind(&mut loaded.session().map_err(unfit)?, &bundle.input).map_err(unfit)?;
    bundle.onnx = "model.onnx".into();
    add_parts(project, &bundle, &network, &[])?;
    bundle.folder = project.join(bundle_folder(&model).map_err(|source| AddError::Bundle { folder: path.to_owned(), source })?);
    Ok(bundle)
}

/// Takes a model from memory into `project`, as [`add`] does: what `bundle` describes, with the bytes of its network and, where it
/// names some, of its weights.
///
/// # Errors
/// As [`add`].
pub fn add_parts(project: &Path, bundle: &Bundle, network: &[u8], weights: &[u8]) -> Result<ModelSignature, AddError> {
    let notes = bundle.notes().map_err(|source| AddError::Bundle { folder: bundle.model().into(), source })?;
    let write = |path: PathBuf, bytes: &[u8]| {
        let parent = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        parent.and_then(|()| std::fs::write(&path, bytes)).map_err(|source| AddError::Copy { path, source })
    };
    take(project, bundle, network.to_vec(), bundle.weights.as_ref().map(|_| weights), |signature, target| {
        let named = bundle.weights.as_deref().map(|file| (file, weights));
        place(signature, target, notes.as_bytes(), named, |whole| {
            write(whole.join(&bundle.onnx), network)?;
            if let Some((file, weights)) = named {
                write(whole.join(file), weights)?;
            }
            write(whole.join(MODEL_FILE), notes.as_bytes())
        })
    })
}

/// Tries the network, puts the bundle into its folder and lists it.
fn take(
    project: &Path,
    bundle: &Bundle,
    network: Vec<u8>,
    weights: Option<&[u8]>,
    put: impl FnOnce(&ModelSignature, &Path) -> Result<(), AddError>,
) -> Result<ModelSignature, AddError> {
    let mut signature = bundle.signature(&network, weights);
    let failed = |source| AddError::Bundle { folder: bundle.folder.clone(), source };
    let target = project.join(bundle_folder(&signature.model).map_err(failed)?);
    let mut signatures = read_lock(project)?;
    if let Some(known) = signatures.get(&signature.model) {
        // Weights may come later or stay behind; others would be another model.
        signature.weights = signature.weights.or(known.weights);
        if known.id != signature.id || known.weights.is_some_and(|weights| Some(weights) != signature.weights) {
            return Err(AddError::Taken(signature.model));
        }
    }
    try_network(bundle, network).map_err(|source| AddError::Network { model: bundle.model(), source })?;
    put(&signature, &target)?;
    signatures.insert(signature.model.clone(), signature.clone());
    write_lock(project, &signatures)?;
    Ok(signature)
}

/// Runs the network on a black image and on noise: what it cannot do, or is not, shows now and not in the night.
fn try_network(bundle: &Bundle, bytes: Vec<u8>) -> Result<(), EngineError> {
    let network = Network::load(bundle, bytes)?;
    network.session()?.try_once()?;
    found::check_output(bundle, &network)
}

fn same_folder(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Puts a bundle at `target`, whole or not at all: `fill` writes it into an empty folder. Where the same model lies there already it
/// gets the new `notes`, and the `weights` that they name.
fn place(
    signature: &ModelSignature,
    target: &Path,
    notes: &[u8],
    weights: Option<(&Path, &[u8])>,
    fill: impl FnOnce(&Path) -> Result<(), AddError>,
) -> Result<(), AddError> {
    let copy = |path: &Path| {
        let path = path.to_owned();
        move |source| AddError::Copy { path, source }
    };
    if target.join(MODEL_FILE).exists() {
        let there = Bundle::read(target).and_then(|there| Ok(there.id(&there.network()?)));
        if !there.is_ok_and(|id| id == signature.id) {
            return Err(AddError::Taken(signature.model.clone()));
        }
        // The notes may name weights that are not there yet.
        if let Some((file, bytes)) = weights {
            let path = target.join(file);
            path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(copy(&path))?;
            replace(&path, bytes).map_err(copy(&path))?;
        }
        return replace(&target.join(MODEL_FILE), notes).map_err(copy(&target.join(MODEL_FILE)));
    }
    let parent = target.parent().unwrap_or(target);
    make_folder(parent).map_err(copy(parent))?;
    // Left by a command that was killed.
    for path in reading::entries(parent).map_err(copy(parent))?.iter().filter(|path| is_aside(path)) {
        std::fs::remove_dir_all(path).map_err(copy(path))?;
    }
    let mut name = std::ffi::OsString::from(ADDING);
    name.push(target.file_name().unwrap_or_default());
    let aside = Aside(parent.join(name));
    fill(&aside.0)?;
    sync(&aside.0).map_err(copy(&aside.0))?;
    std::fs::rename(&aside.0, target).map_err(copy(target))?;
    sync_folder(parent).map_err(copy(parent))
}

/// What the folder is called, in front of the version, in which a bundle is put together.
const ADDING: &str = ".adding-";

fn is_aside(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(ADDING))
}

/// A bundle that is being put together; gone when dropped, unless it was renamed.
struct Aside(PathBuf);

impl Drop for Aside {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next command.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Forces a folder with all that is in it to the disk.
fn sync(folder: &Path) -> std::io::Result<()> {
    for path in reading::entries(folder)? {
        if path.is_dir() { sync(&path)? } else { std::fs::File::open(&path)?.sync_all()? }
    }
    sync_folder(folder)
}

/// Copies the files of `from` and of the folders below it; links are followed, so that the copy stands alone.
fn copy_folder(from: &Path, to: &Path) -> Result<(), AddError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AddError::Copy { path, source }
    };
    std::fs::create_dir_all(to).map_err(failed(to))?;
    for entry in std::fs::read_dir(from).map_err(failed(from))? {
        let entry = entry.map_err(failed(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).map_err(failed(&source))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ContentId;
    use crate::model::architecture::Architecture;
    use crate::model::onnx::write;
    use crate::model::weights::Array;

    const NOTES: &str = "\
name: voles
version: '1'
architecture: resnet8
input: { width: 8, height: 8, resize: squash }
output: logits
classes: [empty, vole]
onnx: model.onnx
";

    /// A bundle of a network that says the same of everything.
    fn bundle(notes: &str, weights: Option<&str>) -> tempfile::TempDir {
        let network = Architecture::named("resnet8").unwrap();
        let zeros = |shape: Vec<usize>| Array { values: vec![0.0; shape.iter().product()], shape };
        let all = network.parameters(2).into_iter().map(|one| (one.name, zeros(one.shape))).collect();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.onnx"), write(network, 2, &all, 8, 8).unwrap()).unwrap();
        std::fs::write(folder.path().join(MODEL_FILE), notes).unwrap();
        if let Some(text) = weights {
            std::fs::create_dir(folder.path().join("by_name")).unwrap();
            std::fs::write(folder.path().join("by_name/model.safetensors"), text).unwrap();
        }
        folder
    }

    #[test]
    fn weights_by_name_come_along_at_once_or_later() {
        let with = format!("{NOTES}weights: by_name/model.safetensors\n");
        let project = tempfile::tempdir().unwrap();
        let without = add(project.path(), bundle(NOTES, None).path()).unwrap();
        assert_eq!(without.weights, None);
        let signature = add(project.path(), bundle(&with, Some("first")).path()).unwrap();
        assert_eq!((signature.id, signature.weights), (without.id, Some(ContentId::of(b"first"))));
        assert_eq!(Bundle::open(project.path(), "voles@1").unwrap().read_weights().unwrap().unwrap(), b"first");
        // A bundle without them is the same model still, and others are not.
        assert_eq!(add(project.path(), bundle(NOTES, None).path()).unwrap(), signature);
        let error = add(project.path(), bundle(&with, Some("second")).path()).unwrap_err();
        assert!(matches!(error, AddError::Taken(_)), "{error}");
        assert_eq!(read_lock(project.path()).unwrap()["voles@1"], signature);
    }
}
