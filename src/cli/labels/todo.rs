//! `trapline labels todo`: the images still to be answered, as a CSV that a spreadsheet fills in.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use rayon::prelude::*;

use super::ReviewArgs;
use super::desk;
use crate::cli::exit::Exit;
use crate::cli::render::words::counted;
use crate::cli::terminal::Terminal;
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
  trapline labels todo qc_labels | wc -l

Fill in the column `class`, then: trapline labels add qc_labels --reviewer anna todo.csv")]
pub(super) struct Todo {
    #[command(flatten)]
    review: ReviewArgs,

    /// Only what this person has not answered, with the name filled in
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,

    /// Write to a file, which must not be there yet, instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Todo, terminal: Terminal) -> anyhow::Result<Exit> {
    if let Some(path) = args.output.as_ref().filter(|path| path.exists()) {
        bail!("`{}` is there already, perhaps with answers: choose another name", path.display());
    }
    let Some((desk, _)) = desk::open(&args.review, terminal)? else { return Ok(Exit::BadInput) };
    let (table, missing) = todo(&desk, args.reviewer.as_deref().map(str::trim))?;
    let mut bytes = Vec::new();
    csv::write(&table, &mut bytes)?;
    let left = counted(table.rows as u64, "image");
    match &args.output {
        None => terminal.out().write_all(&bytes)?,
        Some(path) => {
            let mark: &[u8] = if bytes.is_ascii() { b"" } else { "\u{feff}".as_bytes() };
            if path.parent().is_some_and(|parent| !parent.as_os_str().is_empty() && !parent.exists()) {
                // The first sheet of a review makes the folder of its labels, and no other.
                std::fs::create_dir_all(desk.folder()).with_context(|| format!("cannot make `{}`", desk.folder().display()))?;
            }
            let file = File::options().write(true).create_new(true).open(path);
            let written = file.and_then(|mut file| file.write_all(&[mark, &bytes].concat()).and_then(|()| file.sync_all()));
            written.with_context(|| format!("cannot write `{}`", path.display()))?;
            let reviewer = args.reviewer.as_deref().unwrap_or("NAME");
            let place = path.display();
            let next = if desk.holds(path) {
                "trapline run".to_owned()
            } else {
                format!("trapline labels add {} --reviewer {reviewer} {place}", desk.step())
            };
            terminal.say(&format!("{left} in `{place}`. Fill in the column `class`, then: {next}\n"));
            return Ok(Exit::Ok);
        }
    }
    terminal.say(&format!("{left} to answer, of {missing} that `{}` still lacks\n", desk.step()));
    Ok(Exit::Ok)
}

/// The sheet, and how many images are missing in all.
fn todo(desk: &Desk, reviewer: Option<&str>) -> anyhow::Result<(Table, usize)> {
    let reviewed = desk.review()?;
    let missing = reviewed.output("missing")?;
    let answers = reviewed.output("answers")?;
    let given = given(&reviewed.asked.key, answers)?;
    let keys = reviewed.asked.key.of(missing)?;
    let answered = |row: usize| keys.rows[row].and_then(|key| given.get(&key)).map_or(&[][..], Vec::as_slice);
    let is_settled = |row: usize| {
        let waits_for_others = matches!(text_of(missing, "status", row), "unanswered" | "needs another reviewer" | "not blind");
        waits_for_others && answered(row).iter().any(|(who, _)| Some(*who) == reviewer)
    };
    let rows: Vec<usize> = (0..missing.rows).filter(|row| !is_settled(*row)).collect();
    let pictures = Pictures::of(&desk.pipeline);
    let pixels: Vec<Option<String>> =
        rows.par_iter().map_init(Decoder::default, |decoder, row| pictures.hash(missing, *row, decoder)).collect();
    let says = missing.column("label").filter(|_| !desk.question.blind);
    let mut schema = Schema::of(&COLUMNS.map(|name| (name, Type::Text)));
    if says.is_some() {
        schema.set("model_label", Type::Text);
    }
    let mut builders: Vec<_> = schema.fields.iter().map(|_| ColumnBuilder::new(Type::Text)).collect();
    for (row, pixels) in rows.iter().zip(pixels) {
        // Whoever answers here decides between answers that contradict each other.
        let own = answered(*row);
        let decides = |who: &str| match text_of(missing, "status", *row) {
            "disagreement" => true,
            "conflict" => own.iter().filter(|(other, _)| *other == who).count() > 1,
            _ => false,
        };
        let superseded: Vec<&str> = own.iter().filter(|(who, _)| decides(who)).map(|(_, id)| *id).collect();
        let content = missing.column("content").and_then(|column| column.content(*row));
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
            says.and_then(|column| column.text(*row)).unwrap_or_default().to_owned(),
        ];
        for (builder, cell) in builders.iter_mut().zip(cells) {
            builder.push_optional_text((!cell.is_empty()).then_some(cell.as_str()));
        }
    }
    Ok((Table::from_builders(schema, builders)?, missing.rows))
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
