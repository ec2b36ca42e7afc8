//! `trapline labels add`: answers from a file or another program, each on the disk before it is acknowledged.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::ReviewArgs;
use super::desk;
use crate::cli::exit::Exit;
use crate::cli::host;
use crate::cli::options::Format;
use crate::cli::render::columns::visible;
use crate::cli::render::words::counted;
use crate::cli::terminal::Terminal;
use crate::labels::{self, Label, shown};
use crate::moves::{Moves, Place};
use crate::photo::decode::Decoder;
use crate::review::book::Book;
use crate::review::clerk::{Clerk, Entry, Refusal, Taken, reviewer};
use crate::review::desk::Desk;
use crate::review::pictures::Pictures;
use crate::step::moved::moves_of;
use crate::step::review::Found;
use crate::step::with_causes;

/// Add answers of one person, from a CSV or from the standard input
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline labels add qc_labels --reviewer anna todo.csv
  printf 'site,season,file,class\\nko_ga_hu_1,2024,IMG_0001.JPG,vole\\n' | trapline labels add qc_labels --reviewer anna

The CSV names the image (`observation`, or `file` with `site` and `season`), its `class`, and perhaps a `comment`. Rows without a
class are passed over. Each answer is written to the disk, then acknowledged by one line: label, class, site, season and file.
What cannot be taken is said by line; everything else is added. An answer that stands already is acknowledged again, not doubled.")]
pub(super) struct Add {
    #[command(flatten)]
    review: ReviewArgs,

    /// Who answered
    #[arg(long, value_name = "NAME")]
    reviewer: String,

    /// The CSV; without it the standard input, answered line by line
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// What the reviewer saw, where the CSV does not say it; without it `blind` in a blind review, else `model`
    #[arg(long, value_name = "WHAT")]
    shown: Option<Shown>,

    /// How to acknowledge: fields between tabs, or one object per line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// What a reviewer saw beside the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// Nothing.
    Blind,
    /// What the model said.
    Model,
}

impl Shown {
    const fn word(self) -> &'static str {
        match self {
            Self::Blind => shown::BLIND,
            Self::Model => shown::MODEL,
        }
    }
}

pub(super) fn run(args: &Add, terminal: Terminal) -> anyhow::Result<Exit> {
    let reviewer = reviewer(&args.reviewer).map_err(|message| anyhow!("--reviewer: {message}"))?;
    let Some((desk, _)) = desk::open(&args.review, terminal)? else { return Ok(Exit::BadInput) };
    if let Some(path) = args.file.as_ref().filter(|path| desk.holds(path)) {
        bail!(
            "`{}` is a label file of `{}` already: its answers count as they stand, `trapline run` takes them up",
            path.display(),
            desk.step()
        );
    }
    let book = Book::of(&desk)?;
    let asked = Arc::clone(&book.asked);
    let folder = desk.pipeline.project.clone();
    let usual = if desk.question.blind { Shown::Blind } else { Shown::Model };
    let mut counter = Counter {
        moves: moves_of(&folder)?,
        files: asked.files(None),
        pictures: Pictures::of(&desk.pipeline),
        clerk: Clerk::new(&desk, reviewer),
        desk,
        shown: args.shown.unwrap_or(usual).word(),
        format: args.format,
        decoder: Decoder::default(),
        book,
        reviewer,
        terminal,
        added: 0,
        again: 0,
        refused: 0,
    };
    match &args.file {
        Some(path) => {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).with_context(|| format!("cannot read `{name}`"))?;
            counter.take(&labels::decode(&name, &bytes)?, &name, 0)?;
        }
        None => counter.listen(std::io::stdin().lock())?,
    }
    let added = counted(counter.added, "answer");
    let again = if counter.again > 0 { format!(", {} stood already", counter.again) } else { String::new() };
    let refused = if counter.refused > 0 { format!(", {} refused", counter.refused) } else { String::new() };
    let path = counter.clerk.path();
    let path = path.strip_prefix(&folder).unwrap_or(&path).display();
    terminal.say(&format!("{added} added to `{path}`{again}{refused}\n"));
    Ok(if counter.refused > 0 { Exit::BadInput } else { Exit::Ok })
}

/// Takes the rows of a CSV to the clerk, and counts them.
struct Counter<'a> {
    desk: Desk,
    book: Book,
    moves: Moves,
    files: HashMap<Cow<'a, str>, Vec<u32>>,
    clerk: Clerk,
    pictures: Pictures,
    decoder: Decoder,
    reviewer: &'a str,
    shown: &'static str,
    format: Format,
    terminal: Terminal,
    added: u64,
    again: u64,
    refused: u64,
}

impl Counter<'_> {
    /// Answers line by line, so that another program may wait for each acknowledgement.
    fn listen(&mut self, input: impl Read) -> anyhow::Result<()> {
        const NAME: &str = "standard input";
        let mut input = BufReader::new(input);
        let (mut header, mut row) = (Vec::new(), Vec::new());
        let (mut line, mut lines_of_row) = (0, 0);
        loop {
            let before = row.len();
            let ended = input.read_until(b'\n', &mut row).context("cannot read the standard input")? == 0;
            line += u64::from(!ended);
            if header.is_empty() {
                header = labels::decode(NAME, &row)?.into_owned();
                row.clear();
                if ended {
                    return Ok(());
                }
                if !header.ends_with(b"\n") {
                    header.push(b'\n');
                }
                // A header that is none is said before anybody answers a hundred questions.
                labels::read(NAME, self.reviewer, &[&header[..], b","].concat())?;
                continue;
            }
            lines_of_row += u64::from(row.len() > before);
            // An open quote goes on in the next line, within reason.
            if !ended && labels::is_quote_open(&row) && lines_of_row < 64 {
                continue;
            }
            if !row.is_empty() {
                let text = [&header[..], &row[..]].concat();
                self.take(&text, NAME, line - lines_of_row - 1)?;
            }
            row.clear();
            lines_of_row = 0;
            if ended {
                return Ok(());
            }
        }
    }

    /// Takes the rows of a text; their lines are counted from `before`.
    fn take(&mut self, text: &[u8], name: &str, before: u64) -> anyhow::Result<()> {
        let read = labels::read(name, self.reviewer, text)?;
        for fault in read.faults {
            self.refuse(name, before + fault.line, &fault.message);
        }
        let answers = |label: &Label<'_>| !label.class.is_empty() || label.is_withdrawal();
        for label in read.labels.into_iter().filter(answers) {
            let line = before + label.line;
            match self.answer(label, name, line) {
                Ok(taken) => self.acknowledge(taken, line)?,
                Err(Refusal::Disk(error)) => return Err(error.into()),
                Err(refusal) => self.refuse(name, line, &refusal.to_string()),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, name: &str, line: u64, message: &str) {
        self.refused += 1;
        self.terminal.say(&format!("{} line {line}: {}\n", visible(name), visible(message)));
    }

    /// Says how a row was taken that says otherwise.
    fn settle(&self, name: &str, line: u64, message: &str) {
        self.terminal.say(&format!("{} line {line}: {}\n", visible(name), visible(message)));
    }

    /// Writes one answer.
    fn answer(&mut self, given: Label<'_>, name: &str, line: u64) -> Result<Taken, Refusal> {
        let mut label = given.into_owned();
        if !label.class.is_empty() {
            label.class = self.desk.question.class(&self.desk.pipeline.classes, &label.class).map_err(Refusal::Row)?.into();
        }
        if label.shown.is_empty() {
            label.shown = self.shown.into();
        }
        if let Some((place, _)) = self.book.asked.place_of(&label, &self.moves, true) {
            let said = Place::new(&label.season, &label.site);
            self.settle(
                name,
                line,
                &format!("`{}` is taken as `{}`, where its image lies", said.words(&place), place.words(&said)),
            );
            (label.season, label.site) = (place.season.into(), place.site.into());
        }
        let image = match self.book.asked.find(&label, &self.files) {
            Found::Row(image) => image,
            Found::None => return Err(Refusal::Row("names an image that this review does not ask about".to_owned())),
            Found::Several => return Err(Refusal::Row("fits several images: add `site` and `season`".to_owned())),
        };
        let entry = Entry { image, label, whole: false };
        let mut tries = 0;
        loop {
            let Self { clerk, desk, book, pictures, decoder, .. } = self;
            let asked = Arc::clone(&book.asked);
            let pixels = |image: u32| pictures.hash(&asked.table, image as usize, decoder);
            match clerk.take(desk, book, vec![entry.clone()], &host::now(), pixels) {
                Err(Refusal::Outdated) if tries < Refusal::TRIES => {
                    tries += 1;
                    self.read_again()?;
                }
                taken => return taken?.into_iter().next().ok_or_else(|| Refusal::Row("was not taken".to_owned())),
            }
        }
    }

    /// Another program added answers of the same person meanwhile: they may be these.
    fn read_again(&mut self) -> Result<(), Refusal> {
        let failed = |error: &dyn std::error::Error| Refusal::Row(format!("cannot be compared: {}", with_causes(error)));
        self.desk.files = Desk::label_files(&self.desk.pipeline, &self.desk.question).map_err(|error| failed(&error))?;
        self.book.read(&self.desk).map(|_| ()).map_err(|error| failed(&error))
    }

    fn acknowledge(&mut self, taken: Taken, line: u64) -> anyhow::Result<()> {
        let (label, is_new) = (taken.label.unwrap_or_default(), taken.is_new);
        self.added += u64::from(is_new);
        self.again += u64::from(!is_new);
        let text = match self.format {
            Format::Text => {
                [&label.id, &label.class, &label.site, &label.season, &label.file].map(|text| visible(text)).join("\t")
            }
            Format::Json => json!({
                "line": line,
                "label": label.id,
                "observation": label.observation,
                "class": label.class,
                "site": label.site,
                "season": label.season,
                "file": label.file,
                "new": is_new,
            })
            .to_string(),
        };
        let mut out = self.terminal.out();
        writeln!(out, "{text}")?;
        Ok(out.flush()?)
    }
}
