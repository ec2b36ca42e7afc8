//! `trapline labels add`: answers from a file or another program, each on the disk before it is acknowledged.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::ReviewArgs;
use super::desk::{Desk, output};
use super::pixels::{Pictures, file_of, text_of};
use crate::cli::exit::Exit;
use crate::cli::host;
use crate::cli::options::Format;
use crate::cli::render::columns::visible;
use crate::cli::render::words::counted;
use crate::cli::terminal::Terminal;
use crate::labels::{self, Appender, Label, shown};
use crate::photo::decode::Decoder;
use crate::step::review::{Found, Reviewed};

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
    let reviewer = args.reviewer.trim();
    if reviewer.is_empty() || reviewer.contains(|c: char| c.is_control() || c == '+') {
        bail!("--reviewer wants a name without `+` and control characters");
    }
    let Some(desk) = Desk::open(&args.review, terminal)? else { return Ok(Exit::BadInput) };
    if let Some(path) = args.file.as_ref().filter(|path| desk.holds(path)) {
        bail!(
            "`{}` is a label file of `{}` already: its answers count as they stand, `trapline run` takes them up",
            path.display(),
            desk.step()
        );
    }
    let reviewed = desk.review()?;
    let mut clerk = Clerk::new(&desk, &reviewed, reviewer, args, terminal)?;
    match &args.file {
        Some(path) => {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).with_context(|| format!("cannot read `{name}`"))?;
            clerk.take(&labels::decode(&name, &bytes)?, &name, 0)?;
        }
        None => clerk.listen(std::io::stdin().lock())?,
    }
    let added = counted(clerk.added, "answer");
    let again = if clerk.again > 0 { format!(", {} stood already", clerk.again) } else { String::new() };
    let refused = if clerk.refused > 0 { format!(", {} refused", clerk.refused) } else { String::new() };
    let path = clerk.appender.path();
    let path = path.strip_prefix(&desk.pipeline.project).unwrap_or(&path).display();
    terminal.say(&format!("{added} added to `{path}`{again}{refused}\n"));
    Ok(if clerk.refused > 0 { Exit::BadInput } else { Exit::Ok })
}

/// A reviewer's answer that stands.
struct Own {
    id: String,
    class: String,
    comment: String,
    is_blind: bool,
}

/// Takes answers down.
struct Clerk<'a> {
    desk: &'a Desk,
    reviewed: &'a Reviewed,
    reviewer: &'a str,
    shown: &'static str,
    format: Format,
    terminal: Terminal,
    files: HashMap<&'a str, Vec<u32>>,
    own: HashMap<u32, Vec<Own>>,
    pictures: Pictures,
    decoder: Decoder,
    appender: Appender,
    added: u64,
    again: u64,
    refused: u64,
}

impl<'a> Clerk<'a> {
    fn new(desk: &'a Desk, reviewed: &'a Reviewed, reviewer: &'a str, args: &Add, terminal: Terminal) -> anyhow::Result<Self> {
        let answers = output(reviewed, "answers")?;
        let mut own: HashMap<u32, Vec<Own>> = HashMap::new();
        for (row, key) in reviewed.asked.key.of(answers)?.rows.into_iter().enumerate() {
            let Some(image) = reviewed.asked.row(key).filter(|_| text_of(answers, "reviewer", row) == reviewer) else { continue };
            own.entry(image).or_default().push(Own {
                id: text_of(answers, "label_id", row).to_owned(),
                class: text_of(answers, "class", row).to_owned(),
                comment: text_of(answers, "comment", row).to_owned(),
                is_blind: text_of(answers, "shown", row) != shown::MODEL,
            });
        }
        let usual = if desk.question.blind { Shown::Blind } else { Shown::Model };
        Ok(Self {
            desk,
            reviewed,
            reviewer,
            shown: args.shown.unwrap_or(usual).word(),
            format: args.format,
            terminal,
            files: reviewed.asked.files(None),
            own,
            pictures: Pictures::of(&desk.pipeline),
            decoder: Decoder::default(),
            appender: Appender::new(&desk.folder(), reviewer),
            added: 0,
            again: 0,
            refused: 0,
        })
    }

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
        for label in read.labels.into_iter().filter(|label| !label.class.is_empty()) {
            let line = before + label.line;
            match self.answer(label) {
                Ok((label, is_new)) => self.acknowledge(&label, line, is_new)?,
                Err(Refusal::Row(message)) => self.refuse(name, line, &message),
                Err(Refusal::Disk(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, name: &str, line: u64, message: &str) {
        self.refused += 1;
        self.terminal.say(&format!("{} line {line}: {}\n", visible(name), visible(message)));
    }

    /// Writes one answer; false where it stands already.
    fn answer(&mut self, given: Label<'_>) -> Result<(Label<'static>, bool), Refusal> {
        let mut label = given.into_owned();
        if label.reviewer != self.reviewer {
            return Err(Refusal::Row(format!("is an answer of `{}`: add it with that --reviewer", label.reviewer)));
        }
        let question = &self.desk.question;
        if !label.question.is_empty() && label.question != question.question {
            return Err(Refusal::Row(format!("answers the question `{}`, not `{}`", label.question, question.question)));
        }
        label.class = question.class(&self.desk.pipeline.classes, &label.class).map_err(Refusal::Row)?.into();
        if label.shown.is_empty() {
            label.shown = self.shown.into();
        }
        if ![shown::BLIND, shown::MODEL].contains(&label.shown.as_ref()) {
            return Err(Refusal::Row(format!("`{}` in `shown` is neither `blind` nor `model`", label.shown)));
        }
        let is_blind = label.shown == shown::BLIND;
        if question.blind && !is_blind {
            return Err(Refusal::Row("was answered with the model's answer in sight, and this review is blind".to_owned()));
        }
        let image = match self.reviewed.asked.find(&label, &self.files) {
            Found::Row(image) => image,
            Found::None => return Err(Refusal::Row("names an image that this review does not ask about".to_owned())),
            Found::Several => return Err(Refusal::Row("fits several images: add `site` and `season`".to_owned())),
        };
        self.complete(&mut label, image as usize);
        let own = self.own.entry(image).or_default();
        let stands = |own: &&Own| {
            own.class == label.class && own.is_blind == is_blind && (label.comment.is_empty() || own.comment == label.comment)
        };
        if let [only] = &own[..]
            && stands(&only)
            && label.supersedes.is_empty()
        {
            label.id = only.id.clone().into();
            return Ok((label, false));
        }
        let mut superseded: Vec<String> = label.superseded().map(str::to_owned).collect();
        superseded.extend(own.iter().map(|own| own.id.clone()).filter(|id| !superseded.contains(id)).collect::<Vec<_>>());
        label.supersedes = superseded.join(" ").into();
        label.id = label.identity().into();
        self.appender.append(std::slice::from_mut(&mut label)).map_err(Refusal::Disk)?;
        *own =
            vec![Own { id: label.id.to_string(), class: label.class.to_string(), comment: label.comment.to_string(), is_blind }];
        Ok((label, true))
    }

    /// Fills in what is known of the image.
    fn complete(&mut self, label: &mut Label<'static>, image: usize) {
        let table = &self.reviewed.asked.table;
        label.observation = table.column("content").and_then(|column| column.content(image));
        for (field, name) in [(&mut label.site, "site"), (&mut label.season, "season")] {
            if table.column(name).is_some() {
                *field = text_of(table, name, image).to_owned().into();
            }
        }
        label.file = file_of(&self.reviewed.asked.key, table, image).into();
        label.question = self.desk.question.question.clone().into();
        if label.pixels.is_empty() {
            label.pixels = self.pictures.hash(table, image, &mut self.decoder).unwrap_or_default().into();
        }
        if label.time.is_empty() {
            label.time = host::now().into();
        }
    }

    fn acknowledge(&mut self, label: &Label<'_>, line: u64, is_new: bool) -> anyhow::Result<()> {
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

/// Why an answer was not taken.
enum Refusal {
    /// The row itself.
    Row(String),
    /// The file cannot be written: no later answer can either.
    Disk(labels::LabelError),
}
