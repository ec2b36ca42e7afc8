//! `trapline demo`: a small complete project made by the program itself, run before your eyes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::exit::Exit;
use super::options::{ProjectArgs, StoreArgs};
use super::render::style::{CODE, STRONG, paint};
use super::render::words::{bytes, counted, list};
use super::terminal::Terminal;
use super::{project, run};
use crate::demo::{self, SeasonSummary};
use crate::model;
use crate::run::RunOptions;
mod answers;
mod story;

/// Make a small project with images of our own, and run it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline demo
  trapline demo --add-season        only the new images are computed
  trapline demo --retrain           then lets the model learn more, and compares (needs libtorch)
  trapline demo images --training-images 50
                                    draws images to train a model with, and stops

The images are drawn by this program; nothing is downloaded.")]
pub(super) struct Demo {
    /// The folder of the project
    #[arg(value_name = "DIR", default_value = "trapline-demo")]
    folder: PathBuf,

    /// Bring the next season to a demo made before
    #[arg(long)]
    add_season: bool,

    /// Run the retraining loop of a demo made before
    #[arg(long, conflicts_with = "add_season")]
    retrain: bool,

    /// Only draw N labelled images of each class, in a folder per class
    #[arg(long, value_name = "N", conflicts_with = "add_season", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    training_images: Option<u32>,

    /// With --training-images: another seed draws other boxes and other animals
    #[arg(long, value_name = "SEED", requires = "training_images", default_value_t = SEED)]
    seed: u64,
}

/// The first season, and the seed that makes every demo the same.
const FIRST_SEASON: u16 = 2024;
const SEED: u64 = 20_210_701;
/// The stage of the demo's pipeline that trains.
const STAGE: &str = "retrain";
/// The bundle that the demo brings, in its folder.
const MODEL: &str = "models/demo_mammals/1";

pub(super) fn run(args: &Demo, terminal: Terminal) -> anyhow::Result<Exit> {
    let (folder, retrain) = (&args.folder, args.retrain);
    if let Some(per_class) = args.training_images {
        terminal.say(&format!("drawing {} of each class ...\n", counted(u64::from(per_class), "image")));
        demo::write_training_images(folder, per_class as usize, args.seed)?;
        terminal.say(&format!("{} holds a folder per class.\n", folder.display()));
        return Ok(Exit::Ok);
    }
    if args.retrain && !cfg!(feature = "tch") {
        anyhow::bail!("this Trapline was built without libtorch and cannot train; {}", crate::step::HOW_TO_BUILD);
    }
    match (demo::seasons(folder).last(), args.add_season || args.retrain) {
        (None, true) => anyhow::bail!("`{0}` holds no demo yet: `trapline demo {0}` makes one", folder.display()),
        (Some(last), _) if args.add_season => write(folder, last + 1, terminal)?,
        (Some(_), _) => terminal.say(&format!("{} is there already; running it again.\n", folder.display())),
        (None, false) => write(folder, FIRST_SEASON, terminal)?,
    }
    model::add(folder, &folder.join(MODEL)).context("cannot list the demo's model")?;
    let args = ProjectArgs { pipeline: Some(folder.join(project::USUAL_FILE)), ..ProjectArgs::default() };
    let Some(pipeline) = project::load(&args, terminal)? else { return Ok(Exit::BadInput) };
    let stage = retrain.then(|| STAGE.to_owned());
    let options =
        RunOptions { store: project::store(&StoreArgs::default(), &pipeline), wait: true, stage, ..RunOptions::default() };
    let truth = truth(&pipeline.project)?;
    let interrupts = run::Interrupts::heed()?;
    let mut exit = run::watched(&pipeline, &options, terminal, &interrupts)?;
    while exit == Exit::Waiting {
        let answered = answers::answer(&pipeline, &options, &truth)?;
        if answered.is_empty() {
            return Ok(exit);
        }
        for (step, folder, count) in answered {
            let images = counted(count, "image");
            terminal.say(&format!(
                "\n`{step}` asks people about {images}. Here the generator answers, which knows the truth: {folder}\n\n"
            ));
        }
        exit = run::watched(&pipeline, &options, terminal, &interrupts)?;
    }
    if exit == Exit::Ok && retrain {
        terminal.print(&story::retold(&pipeline, &options, &truth)?)?;
        terminal.say(&format!(
            "Next: `trapline promote retrained --as demo_mammals@2 --because \"it was less often wrong\"` in {}.\n",
            folder.display()
        ));
    } else if exit == Exit::Ok {
        terminal.print(&story::tell(&pipeline, &options, &truth)?)?;
        terminal.say(&next(folder));
    }
    Ok(exit)
}

fn write(folder: &Path, season: u16, terminal: Terminal) -> anyhow::Result<()> {
    terminal.say(&format!("drawing season {season} ...\n"));
    terminal.say(&brought(&demo::write_season(folder, season, SEED)?));
    Ok(())
}

/// What a season brought.
fn brought(season: &SeasonSummary) -> String {
    format!(
        "season {}: {} ({}) of {} in {}; as archives have it, one image lies there twice ({}), one was cut off ({}), and the clock of {} was an hour slow for two weeks.\n",
        season.season,
        counted(season.images as u64, "image"),
        bytes(season.bytes),
        counted(season.sites as u64, "site"),
        if season.localities == 1 { "1 locality".to_owned() } else { format!("{} localities", season.localities) },
        season.duplicate,
        season.truncated,
        season.slow_clock,
    )
}

/// The true class of each image by its path in the project.
type Truth = BTreeMap<String, String>;

/// The true classes of all seasons.
fn truth(folder: &Path) -> anyhow::Result<Truth> {
    let mut truth = BTreeMap::new();
    for season in demo::seasons(folder) {
        let path = folder.join("truth").join(format!("{season}.csv"));
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        truth.extend(
            text.lines()
                .skip(1)
                .filter_map(|line| line.rsplit_once(','))
                .map(|(path, class)| (path.to_owned(), class.to_owned())),
        );
    }
    Ok(truth)
}

fn next(folder: &Path) -> String {
    let there = format!("cd {}", folder.display());
    let commands = [
        (there.as_str(), "the project: pipeline.yaml says in words what was done"),
        ("published/report.html", "open it in a browser: figures, tables, errors, methods"),
        ("trapline explain quality --where class=stoat", "what stands behind a number"),
        ("trapline show quality", "precision and recall of each class; published/quality.csv holds it too"),
        ("trapline show accepted.to_review", "what people were asked to look at, and why"),
        ("trapline labels status qc_labels", "who has answered what"),
        ("trapline plan", "nothing to do: everything is known"),
        ("trapline why quality", "what a result is made of"),
    ];
    let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    let mut page = format!("\n{}\n", paint(STRONG, "Try next"));
    let add = format!("trapline demo {} --add-season", folder.display());
    page.push_str(&format!("  {}\n      another season comes: only its images are computed\n", paint(CODE, &add)));
    for (command, words) in commands {
        page.push_str(&format!("  {}  {words}\n", paint(CODE, &format!("{command:width$}"))));
    }
    let steps = [
        "edit pipeline.yaml".to_owned(),
        "`trapline plan` says what would change".to_owned(),
        "`trapline run` does it".to_owned(),
    ];
    page + &format!("Then {}.\n", list(&steps))
}
