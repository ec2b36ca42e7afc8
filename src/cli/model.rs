//! `trapline model`: the models of a project.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::Exit;
use super::options::Format;
use super::render::columns::{Align, columns};
use super::render::style::STRONG;
use super::render::words::{counted, short};
use super::terminal::Terminal;
use crate::model::found::Preprocess;
use crate::model::{self, ChannelOrder, Described, OutputKind, Resize, signature};

/// Add a model to the project, or list its models
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline model add ~/Downloads/small_mammals
  trapline model add voles.onnx --classes classes.txt --preprocess imagenet
  trapline model list")]
pub(super) struct Model {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Copy a model bundle into `models/` and note it in `models.lock`
    #[command(after_help = "Examples:
  trapline model add ~/Downloads/small_mammals
  trapline model add voles.onnx --classes classes.txt --preprocess imagenet --as voles@2026.1

A folder holds model.yaml and the ONNX file that it names; `trapline help model.yaml` explains
every key. A bare ONNX file becomes such a folder: its classes come from a text file, one in a
line, in the order of the network's outputs. What the network is found to be is said.")]
    Add {
        /// The folder of the bundle, or an ONNX file
        #[arg(value_name = "FOLDER|FILE.onnx")]
        folder: PathBuf,
        /// The classes of a bare ONNX file: a text file, one class in a line
        #[arg(long, value_name = "FILE", requires = "preprocess")]
        classes: Option<PathBuf>,
        /// What a bare ONNX file expects: `imagenet` (shorter side, centre crop, its means and deviations), `unit` (0 to 1) or
        /// `signed` (-1 to 1), both squashed
        #[arg(long, value_name = "NAME", requires = "classes")]
        preprocess: Option<Prepared>,
        /// How images of another shape become the input, where it is not as `--preprocess` has it
        #[arg(long, value_name = "RULE", requires = "classes")]
        resize: Option<Resized>,
        /// Width and height of the input, where the network takes any: 224x224
        #[arg(long, value_name = "WxH", requires = "classes", value_parser = size)]
        size: Option<(u32, u32)>,
        /// The name of the model; otherwise that of the file, version 1
        #[arg(long = "as", value_name = "NAME@VERSION", requires = "classes")]
        name: Option<String>,
        /// The project
        #[arg(long, value_name = "DIR", default_value = ".")]
        project: PathBuf,
    },
    /// List the models that `models.lock` knows
    #[command(after_help = "Example:\n  trapline model list --format json")]
    List {
        /// The project
        #[arg(long, value_name = "DIR", default_value = ".")]
        project: PathBuf,
        /// For people or for programs
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
}

pub(super) fn run(args: &Model, terminal: Terminal) -> anyhow::Result<Exit> {
    match &args.action {
        Action::Add { folder, classes: Some(classes), preprocess: Some(preprocess), resize, size, name, project } => {
            let described = describe(folder, classes, *preprocess, *resize, *size, name.as_deref())?;
            let bundle = model::add_network(project, folder, &described)?;
            terminal.say(&found(&bundle));
        }
        Action::Add { folder, .. } if folder.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")) => {
            anyhow::bail!(
                "a bare network does not say what its outputs and inputs are: add `--classes classes.txt` (one class in a line, in the \
                 order of the outputs) and `--preprocess imagenet`, `unit` or `signed`"
            );
        }
        Action::Add { folder, project, .. } => {
            let added = model::add(project, folder)?;
            terminal.say(&format!(
                "{} is known now: {}.\nNext: `model: {}` in a classify step, and commit models.lock.\n",
                added.model,
                added.classes.join(", "),
                added.model
            ));
        }
        Action::List { project, format } => list(project, *format, terminal)?,
    }
    Ok(Exit::Ok)
}

/// What is done to an image before a bare network sees it.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Prepared {
    Imagenet,
    Unit,
    Signed,
}

/// How an image of another shape becomes the input.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Resized {
    Squash,
    Letterbox,
    Crop,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    sides.ok_or_else(|| format!("`{text}` is not a size: write width x height in pixels, `224x224`"))
}

fn describe(
    file: &Path,
    classes: &Path,
    preprocess: Prepared,
    resize: Option<Resized>,
    size: Option<(u32, u32)>,
    name: Option<&str>,
) -> anyhow::Result<Described> {
    let text = std::fs::read_to_string(classes).with_context(|| format!("cannot read `{}`", classes.display()))?;
    let text = text.trim_start_matches('\u{feff}');
    let classes = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let (name, version) = match name {
        Some(name) => {
            name.split_once('@').with_context(|| format!("`{name}` is not a name and a version: write `voles@2026.1`"))?
        }
        None => (stem.as_str(), "1"),
    };
    Ok(Described {
        name: name.to_owned(),
        version: version.to_owned(),
        classes,
        preprocess: match preprocess {
            Prepared::Imagenet => Preprocess::Imagenet,
            Prepared::Unit => Preprocess::Unit,
            Prepared::Signed => Preprocess::Signed,
        },
        resize: resize.map(|resize| match resize {
            Resized::Squash => Resize::Squash,
            Resized::Letterbox => Resize::Letterbox,
            Resized::Crop => Resize::Crop,
        }),
        size,
    })
}

/// What a bare network was found to be.
fn found(bundle: &model::Bundle) -> String {
    let output = match bundle.output {
        OutputKind::Logits => "its outputs are logits: a softmax makes probabilities of them",
        OutputKind::Probabilities => "its outputs are probabilities: they sum to 1 for each image of noise",
    };
    let order = match bundle.layout {
        ChannelOrder::Nchw => "channels first",
        ChannelOrder::Nhwc => "channels last",
    };
    let (model, width, height) = (bundle.model(), bundle.input.width, bundle.input.height);
    format!(
        "{model}: a classifier of {} for images of {width} x {height} pixels, {order}; {output}.\n\
         All of it stands in {}; change what is not so there, under another version.\n\
         Next: `model: {model}` in a classify step, and commit models.lock.\n",
        counted(bundle.classes.len() as u64, "class"),
        bundle.folder.join("model.yaml").display(),
    )
}

fn list(project: &Path, format: Format, terminal: Terminal) -> anyhow::Result<()> {
    let models = signature::read_lock(project)?;
    if format == Format::Json {
        return terminal.print_json(&json!({ "format": 1, "models": models.values().collect::<Vec<_>>() }));
    }
    if models.is_empty() {
        terminal.say("no model is known here: `trapline model add FOLDER` adds one\n");
        return Ok(());
    }
    let header = [("model", Align::Left), ("input", Align::Left), ("id", Align::Left), ("classes", Align::Left)];
    let rows: Vec<_> = models
        .values()
        .map(|m| {
            vec![
                m.model.clone().into(),
                format!("{}x{}", m.width, m.height).into(),
                short(&m.id.to_string()).into(),
                m.classes.join(", ").into(),
            ]
        })
        .collect();
    terminal.print(&columns(&header, &rows, STRONG))
}
