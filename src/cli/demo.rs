//! `trapline demo`: a small complete project made by the program itself, run before your eyes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::exit::Exit;
use super::options::{ProjectArgs, StoreArgs};
use super::render::columns::{Align, Text, columns};
use super::render::style::{CODE, STRONG, paint};
use super::render::words::{bytes, count, counted, list};
use super::terminal::Terminal;
use super::{project, run, stored};
use crate::check::Pipeline;
use crate::demo::{self, SeasonSummary};
use crate::model;
use crate::run::RunOptions;
use crate::table::Table;

/// Make a small project with images of our own, and run it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline demo
  trapline demo --add-season        only the new images are computed

The images are drawn by this program; nothing is downloaded.")]
pub(super) struct Demo {
    /// The folder of the project
    #[arg(value_name = "DIR", default_value = "trapline-demo")]
    folder: PathBuf,

    /// Bring the next season to a demo made before
    #[arg(long)]
    add_season: bool,
}

/// The first season, and the seed that makes every demo the same.
const FIRST_SEASON: u16 = 2024;
const SEED: u64 = 20_210_701;
/// The bundle that the demo brings, in its folder.
const MODEL: &str = "models/demo_mammals/1";

pub(super) fn run(args: &Demo, terminal: Terminal) -> anyhow::Result<Exit> {
    let folder = &args.folder;
    match (demo::seasons(folder).last(), args.add_season) {
        (None, true) => anyhow::bail!("`{0}` holds no demo yet: `trapline demo {0}` makes one", folder.display()),
        (Some(last), true) => write(folder, last + 1, terminal)?,
        (Some(_), false) => terminal.say(&format!("{} is there already; running it again.\n", folder.display())),
        (None, false) => write(folder, FIRST_SEASON, terminal)?,
    }
    model::add(folder, &folder.join(MODEL)).context("cannot list the demo's model")?;
    let args = ProjectArgs { pipeline: Some(folder.join(project::USUAL_FILE)), ..ProjectArgs::default() };
    let Some(pipeline) = project::load(&args, terminal)? else { return Ok(Exit::BadInput) };
    let options = RunOptions { store: project::store(&StoreArgs::default(), &pipeline), wait: true, ..RunOptions::default() };
    let exit = run::watched(&pipeline, &options, terminal)?;
    if exit == Exit::Ok {
        terminal.print(&found(&pipeline, &options)?)?;
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

/// What the model saw, by locality, and how often it was right: the generator knows the truth.
fn found(pipeline: &Pipeline, options: &RunOptions) -> anyhow::Result<String> {
    let store = stored::open(&options.store)?;
    let result = stored::result(pipeline, &store, "predictions")?;
    let names = ["root", "path", "locality", "label"];
    let table = stored::table(&store, &result, None)?.read(Some(&names)).map_err(stored::store_error)?;
    let (tally, right, known) = tally(&table, &truth(&pipeline.project)?);
    let localities: Vec<_> =
        tally.values().flat_map(BTreeMap::keys).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    let mut header = vec![("what the model saw", Align::Left)];
    header.extend(localities.iter().map(|name| (name.as_str(), Align::Right)));
    let rows: Vec<Vec<Text>> = tally
        .iter()
        .map(|(label, by)| {
            let cells = localities.iter().map(|name| by.get(*name).map_or("-".to_owned(), |n| count(*n)).into());
            std::iter::once(Text::from(label)).chain(cells).collect()
        })
        .collect();
    let share = right.saturating_mul(1000).checked_div(known).unwrap_or(0);
    Ok(format!(
        "\n{}\nThe generator knows the truth: {} of {} labels are right ({}.{} %).\n",
        columns(&header, &rows, STRONG),
        count(right),
        count(known),
        share / 10,
        share % 10
    ))
}

/// Images per label and locality; labels that agree with the truth; labels of which it is known.
type Tally = (BTreeMap<String, BTreeMap<String, u64>>, u64, u64);

fn tally(table: &Table, truth: &BTreeMap<String, String>) -> Tally {
    let text = |name: &str, row: usize| table.column(name).and_then(|column| column.text(row));
    let mut tally = BTreeMap::<String, BTreeMap<String, u64>>::new();
    let (mut right, mut known) = (0, 0);
    for row in 0..table.rows {
        let label = text("label", row);
        let locality = text("locality", row).unwrap_or_default().to_owned();
        *tally.entry(label.unwrap_or("(not readable)").to_owned()).or_default().entry(locality).or_default() += 1;
        let place = text("root", row).zip(text("path", row)).map(|(root, path)| format!("{root}/{path}"));
        let truth = place.and_then(|place| truth.get(&place));
        if let (Some(truth), Some(label)) = (truth, label) {
            known += 1;
            right += u64::from(truth == label);
        }
    }
    (tally, right, known)
}

/// The true classes by path, of all seasons.
fn truth(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
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
        ("trapline show predictions", "the table, which published/observations.csv holds too"),
        ("trapline plan", "nothing to do: everything is known"),
        ("trapline why names", "what a result is made of"),
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
