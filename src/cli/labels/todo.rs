//! `trapline labels todo`: the images still to be answered, as a CSV that a spreadsheet fills in.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use rayon::prelude::*;

use super::ReviewArgs;
use super::desk;
use crate::cli::exit::Exit;
use crate::cli::render::words::counted;
use crate::cli::terminal::Terminal;
use crate::file::{Part, make_folder};
use crate::labels::{COLUMNS, shown};
use crate::observation::Key;
use crate::photo::decode::Decoder;
use crate::review::desk::Desk;
use crate::review::pictures::{Pictures, file_of, text_of};
use crate::table::{ColumnBuilder, Schema, Table, Type, csv};

/// List the images still to be answered, as a CSV to fill in with a spreadsheet
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline labels todo qc_labels --reviewer anna -o todo.csv
  trapline labels todo qc_labels --adjudicate --reviewer carla -o disputed.csv
  trapline labels todo qc_labels | wc -l

Fill in the column `class`, then: trapline labels add qc_labels --reviewer anna todo.csv
The column `path` says where the image lies on this machine. Images about which reviewers disagree are left out: they wait for somebody
who decides, `--adjudicate`. What that person fills in takes the place of the answers named in `supersedes`.")]
pub(super) struct Todo {
    #[command(flatten)]
    review: ReviewArgs,

    /// Only what this person has not answered, with the name filled in
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,

    /// Only images about which reviewers disagree, for somebody who decides
    #[arg(long)]
    adjudicate: bool,

    /// Write to a file, which must not be there yet, instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Todo, terminal: Terminal) -> anyhow::Result<Exit> {
    if let Some(path) = args.output.as_ref().filter(|path| path.exists()) {
        bail!("`{}` is there already, perhaps with answers: choose another name", path.display());
    }
    let Some((desk, _)) = desk::open(&args.review, terminal)? else { return Ok(Exit::BadInput) };
    let sheet = todo(&desk, args.reviewer.as_deref().map(str::trim), args.adjudicate)?;
    let table = &sheet.table;
    let mut bytes = Vec::new();
    csv::write(table, &mut bytes)?;
    let left = counted(table.rows as u64, "image");
    match &args.output {
        None => terminal.out().write_all(&bytes)?,
        Some(path) => {
            let mark: &[u8] = if bytes.is_ascii() { b"" } else { "\u{feff}".as_bytes() };
            if path.parent().is_some_and(|parent| !parent.as_os_str().is_empty() && !parent.exists()) {
                // The first sheet of a review makes the folder of its labels, and no other.
                make_folder(&desk.folder()).with_context(|| format!("cannot make `{}`", desk.folder().display()))?;
            }
            write_new(path, &[mark, &bytes].concat()).with_context(|| format!("cannot write `{}`", path.display()))?;
            let reviewer = args.reviewer.as_deref().unwrap_or("NAME");
            let place = path.display();
            let next = if desk.holds(path) {
                "trapline run".to_owned()
            } else {
                format!("trapline labels add {} --reviewer {reviewer} {place}", desk.step())
            };
            terminal.say(&format!("{left} in `{place}`. Fill in the column `class`, then: {next}\n"));
            terminal.say(&sheet.disputes(desk.step()));
            return Ok(Exit::Ok);
        }
    }
    terminal.say(&format!("{left} to answer, of {} that `{}` still lacks\n", sheet.missing, desk.step()));
    terminal.say(&sheet.disputes(desk.step()));
    Ok(Exit::Ok)
}

/// Writes a sheet that is there whole or not at all: where it breaks off, the command can be given again.
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(std::io::ErrorKind::NotFound.into());
    }
    let mut part = Part::beside(path)?;
    part.file()?.write_all(bytes)?;
    part.file()?.sync_all()?;
    part.persist_new()
}

/// A sheet to fill in.
struct Sheet {
    table: Table,
    /// How many images the review lacks in all.
    missing: usize,
    /// How many of them wait for somebody who decides, and are not in the sheet.
    disputed: usize,
}

impl Sheet {
    /// What becomes of the images about which reviewers disagree; empty where there are none.
    fn disputes(&self, step: &str) -> String {
        if self.disputed == 0 {
            return String::new();
        }
        let images = counted(self.disputed as u64, "image");
        let verb = if self.disputed == 1 { "waits" } else { "wait" };
        format!(
            "{images} on which reviewers disagree {verb} for somebody else to decide: trapline labels todo {step} --adjudicate --reviewer \
             NAME\n"
        )
    }
}

/// What `reviewer` is asked; with `adjudicate`, what somebody must decide.
fn todo(desk: &Desk, reviewer: Option<&str>, adjudicate: bool) -> anyhow::Result<Sheet> {
    let reviewed = desk.review()?;
    let missing = reviewed.output("missing")?;
    let answers = reviewed.output("answers")?;
    let given = given(&reviewed.asked.key, answers)?;
    let keys = reviewed.asked.key.of(missing)?;
    let answered = |row: usize| keys.rows[row].and_then(|key| given.get(&key)).map_or(&[][..], Vec::as_slice);
    let times = |row: usize, who: &str| answered(row).iter().filter(|(other, _)| *other == who).count();
    let is_own = |row: usize| reviewer.is_some_and(|reviewer| times(row, reviewer) > 0);
    // Who said two things can say which holds; anybody else would decide between answers, as with a disagreement.
    let is_own_conflict = |row: usize| reviewer.is_some_and(|reviewer| times(row, reviewer) > 1);
    let is_disputed = |row: usize| match text_of(missing, "status", row) {
        "disagreement" => true,
        "conflict" => !is_own_conflict(row),
        _ => false,
    };
    // Nobody decides a dispute in which they have a part.
    let is_asked = |row: &usize| match (adjudicate, is_disputed(*row)) {
        (true, disputed) => disputed && !is_own(*row),
        (false, true) => false,
        (false, false) => is_own_conflict(*row) || !is_own(*row),
    };
    let rows: Vec<usize> = (0..missing.rows).filter(is_asked).collect();
    let disputed = if adjudicate { 0 } else { (0..missing.rows).filter(|row| is_disputed(*row)).count() };
    let pictures = Pictures::of(&desk.pipeline);
    let pixels: Vec<Option<String>> =
        rows.par_iter().map_init(Decoder::default, |decoder, row| pictures.hash(missing, *row, decoder)).collect();
    let says = missing.column("label").filter(|_| !desk.question.blind);
    let mut schema = Schema::of(&COLUMNS.map(|name| (name, Type::Text)));
    if says.is_some() {
        schema.set("model_label", Type::Text);
    }
    schema.set("path", Type::Text);
    let mut builders: Vec<_> = schema.fields.iter().map(|_| ColumnBuilder::new(Type::Text)).collect();
    for (row, pixels) in rows.iter().zip(pixels) {
        // Whoever answers here decides between answers that contradict each other: those of others, or their own.
        let replaces = |who: &str| if adjudicate { true } else { Some(who) == reviewer };
        let given = answered(*row).iter().filter(|(who, _)| replaces(who));
        let superseded: Vec<&str> = given.map(|(_, id)| *id).collect();
        let path = pictures.path(missing, *row).filter(|path| path.exists());
        let lies = path.map(|path| shown_path(&path)).unwrap_or_default();
        let content = missing.column("content").and_then(|column| column.content(*row));
        let model_label = says.map(|column| column.text(*row).unwrap_or_default().to_owned());
        let cells = [
            String::new(),
            content.map(|id| id.to_string()).unwrap_or_default(),
            String::new(),
            reviewer.unwrap_or_default().to_owned(),
            String::new(),
            desk.question.question.clone(),
            if says.is_some() { shown::MODEL } else { shown::BLIND }.to_owned(),
            superseded.join(" "),
            pixels.unwrap_or_default(),
            text_of(missing, "site", *row).to_owned(),
            text_of(missing, "season", *row).to_owned(),
            file_of(&reviewed.asked.key, missing, *row),
            String::new(),
        ];
        for (builder, cell) in builders.iter_mut().zip(cells.into_iter().chain(model_label).chain([lies])) {
            builder.push_optional_text((!cell.is_empty()).then_some(cell.as_str()));
        }
    }
    Ok(Sheet { table: Table::from_builders(schema, builders)?, missing: missing.rows, disputed })
}

/// A path that opens from the folder in which the person works.
fn shown_path(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.as_ref().and_then(|here| path.strip_prefix(here).ok());
    relative.unwrap_or(path).to_string_lossy().into_owned()
}

/// By image: who answered, and the label's id.
fn given<'t>(key: &Key, answers: &'t Table) -> anyhow::Result<HashMap<u128, Vec<(&'t str, &'t str)>>> {
    let mut given: HashMap<u128, Vec<(&str, &str)>> = HashMap::new();
    for (row, key) in key.of(answers)?.rows.into_iter().enumerate() {
        if let Some(key) = key {
            given.entry(key).or_default().push((text_of(answers, "reviewer", row), text_of(answers, "label_id", row)));
        }
    }
    Ok(given)
}
