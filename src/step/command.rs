//! Step kind `command`: a script of the user's own, in R, Python or anything else, as a step with declared inputs and outputs.
//!
//! The script runs in a folder of its own that holds its inputs and the files that it declares, and nothing else of the project: what it
//! reads without saying so is not there, so that a change of it cannot go unnoticed.

use std::path::{Path, PathBuf};

use super::{
    Context, Drawn, FileInput, Finding, Job, Metric, Outputs, Param, ParamType, ParamValue, Params, PathUse, Port, Step,
    StepError, StepKind,
};
use crate::diagnostic::codes::{MISSING_PARAMETER, ONE_WORD, OUT_OF_RANGE};
use crate::diagnostic::{Diagnostic, Report, Span};
use crate::table::{Reading, Schema, Table, Type, csv};

mod process;
#[cfg(test)]
mod tests;

use process::{Ran, Running};

const DOCS: &str = "\
# command

Runs a script of your own, in R, Python or any other language, on tables of the pipeline, and takes a table back.

## Why
Occupancy models, figures, a special filter: what Trapline does not do itself need not stand outside the pipeline. As a step it runs again
when its inputs, its text or its options change, and only then; what it yields is identified, cached and checked like everything else.

## Example
```yaml
per_site:
  uses: command
  from: { tables: [final] }
  with:
    run: [python3, scripts/per_site.py]
    files: [scripts/per_site.py]            # its text is part of what identifies the result
    columns: { site: text, season: text, images: integer, share: number }
    pin: { \"python3 --version\": \"3.11\" }
    timeout_s: 600
```

## What the script finds
- It runs in a folder of its own. `inputs/1.csv` is the first table of `from`, `inputs/2.csv` the second; with `format: parquet`,
  `inputs/1.parquet` and so on. The `files` lie where they lie in the project: `scripts/per_site.py`, and what it sources or imports, if you name
  it. Nothing else of the project is there.
- It writes `outputs/table.csv`: commas, a header, UTF-8, with the columns that `columns` declares, in any order. A missing value is an empty
  field. Whatever else it leaves in `outputs/` (figures, a report) is copied to the folder `into`.
- The language of messages is `C.UTF-8`, the time zone UTC, Python's hashes are not shuffled; `environment` adds or changes variables. Seeds
  are the script's own: a script that draws without one yields something else each time, and `verify` will say so.

## When it fails
A script that ends with another status than 0, takes longer than `timeout_s`, writes no table, one with other columns, or one that breaks off in
the middle of a row, fails the step with the last lines that it said; nothing is kept of it, and it runs again next time.

## Pinning what runs it
The result depends on R, Python and their packages as well. `pin` names commands and a text that must be in what they print; a command is
taken apart at its spaces. Another version fails the step, before the script runs, and says which it found. The pins are part of the
result's identity: who changes them has it made anew.
";

const TYPES: &[&str] = &["text", "integer", "number", "boolean", "datetime", "content"];

const fn param(name: &'static str, ty: ParamType, required: bool, default: Option<&'static str>, doc: &'static str) -> Param {
    Param { name, ty, required, default, keyed: true, doc }
}

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "command",
    revision: 1,
    summary: "runs a script of your own on tables, and takes a table back",
    docs: DOCS,
    inputs: &[Port { many: true, ..Port::table("tables", &[], "the tables that the script reads, in their order") }],
    outputs: &[Port::table("table", &[], "what the script wrote")],
    params: &[
        param(
            "run",
            ParamType::List(&ParamType::Text),
            true,
            None,
            "the program and its arguments: `[Rscript, scripts/model.R]`",
        ),
        param(
            "columns",
            ParamType::Map(&ParamType::Choice(TYPES)),
            true,
            None,
            "the columns of `outputs/table.csv` and their types",
        ),
        param(
            "files",
            ParamType::List(&ParamType::Path(PathUse::Read)),
            false,
            None,
            "files of the project that the script is made of or reads",
        ),
        param("format", ParamType::Choice(&["csv", "parquet"]), false, Some("csv"), "how the inputs are written"),
        param("environment", ParamType::Map(&ParamType::Text), false, None, "variables that the script sees"),
        param(
            "pin",
            ParamType::Map(&ParamType::Text),
            false,
            None,
            "commands, and a text that must be in what each prints: versions",
        ),
        Param {
            keyed: false,
            ..param("timeout_s", ParamType::Int(1, 604_800), false, Some("3600"), "how long it may take, seconds")
        },
        param("into", ParamType::Path(PathUse::Write), false, None, "folder to which the other files of `outputs/` are copied"),
    ],
    metrics: &[
        Metric { name: "rows", doc: "rows that the script wrote" },
        Metric { name: "files", doc: "other files that it wrote" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

/// A script to run.
struct CommandStep {
    program: Vec<String>,
    files: Vec<String>,
    schema: Schema,
    format: Format,
    environment: Vec<(String, String)>,
    pins: Vec<(String, String)>,
    timeout_s: u64,
    into: Option<String>,
    span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Parquet,
}

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let program: Vec<String> = params.texts("run").into_iter().map(|part| part.value).collect();
    if program.first().is_none_or(|program| program.trim().is_empty()) {
        let message = "`run` names no program";
        report.push(Diagnostic::new(MISSING_PARAMETER, params.span_of("run"), message).help("`run: [Rscript, scripts/model.R]`"));
        return None;
    }
    // A folder of a program may hold a space; a name of one does not.
    let spaced = program[0].trim().split_once(char::is_whitespace).filter(|(name, _)| !name.contains(['/', '\\']));
    if spaced.is_some() {
        let message = format!("`{}` is one word here, and no program is called so", program[0]);
        let words: Vec<&str> = program.iter().flat_map(|part| part.split_whitespace()).collect();
        let help = format!("write each word by itself: `run: [{}]`", words.join(", "));
        report.push(Diagnostic::new(ONE_WORD, params.span_of("run"), message).help(help));
        return None;
    }
    let mut schema = Schema::default();
    for (name, word) in pairs(params, "columns") {
        schema.set(&name, type_of(&word));
    }
    if schema.fields.is_empty() {
        let message = "`columns` declares no column: steps behind this one could use none";
        report.push(
            Diagnostic::new(OUT_OF_RANGE, params.span_of("columns"), message).help("`columns: { site: text, share: number }`"),
        );
        return None;
    }
    Some(Box::new(CommandStep {
        program,
        files: params.texts("files").into_iter().map(|file| file.value).collect(),
        schema,
        format: if params.text("format") == Some("parquet") { Format::Parquet } else { Format::Csv },
        environment: pairs(params, "environment"),
        pins: pairs(params, "pin"),
        timeout_s: params.int("timeout_s").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(3600),
        into: params.text("into").map(str::to_owned),
        span: params.span,
    }))
}

/// The entries of a mapping of texts, in the order written.
fn pairs(params: &Params, name: &str) -> Vec<(String, String)> {
    let Some(ParamValue::Map(entries)) = params.get(name).map(|given| &given.value) else { return Vec::new() };
    let text = |value: &ParamValue| match value {
        ParamValue::Text(text) => text.clone(),
        other => other.canonical(),
    };
    entries.iter().map(|(key, value)| (key.value.clone(), text(&value.value))).collect()
}

fn type_of(word: &str) -> Type {
    match word {
        "integer" => Type::Int,
        "number" => Type::Float64,
        "boolean" => Type::Bool,
        "datetime" => Type::DateTime,
        "content" => Type::Content,
        _ => Type::Text,
    }
}

impl Step for CommandStep {
    fn columns(&self, _inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let named = |part: &&String| part.contains('/') && context.project.join(part).is_file() && !self.files.contains(*part);
        if let Some(part) = self.program.iter().find(named) {
            let message = format!("`run` names `{part}`, which `files` does not: a change of it would go unnoticed");
            report.push(Diagnostic::new(MISSING_PARAMETER, self.span, message).help(format!("`files: [{part}]`")));
            return None;
        }
        if self.format == Format::Parquet && !cfg!(feature = "parquet") {
            let message = "this Trapline was built without Parquet";
            report.push(
                Diagnostic::new(OUT_OF_RANGE, self.span, message).help("`format: csv`, or build with `--features parquet`"),
            );
            return None;
        }
        Some(vec![self.schema.clone()])
    }

    fn drawn(&self, name: &str, _inputs: &[Vec<Drawn>]) -> Drawn {
        Drawn::unknown(name)
    }

    fn files(&self, _context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        let input = |file: &String| FileInput {
            name: file.clone(),
            path: crate::path::from_text(file),
            optional: false,
            rewritten: false,
        };
        Ok(self.files.iter().map(input).collect())
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let folder = tempfile::tempdir().map_err(|error| StepError::Data(format!("no folder for the script: {error}")))?;
        self.lay_out(job, folder.path())?;
        for (command, expected) in &self.pins {
            self.check_pin(job, folder.path(), command, expected)?;
        }
        job.progress.start("run", 0);
        let ran = self.running(job, folder.path()).run(&self.program)?;
        if !ran.succeeded {
            return Err(StepError::Data(format!("`{}` {}{}", self.program.join(" "), ran.end, said(&ran))));
        }
        let table = self.take(folder.path(), &ran)?;
        let files = self.keep(job, folder.path())?;
        let metrics = [("rows", table.rows as u64), ("files", files.len() as u64)];
        Ok(Outputs {
            metrics: metrics.into_iter().map(|(name, count)| (name.to_owned(), crate::stats::interval::number(count))).collect(),
            findings: Finding::counted("said", ran.lines.len() as u64, "lines said by the script", tail(&ran, 5))
                .into_iter()
                .collect(),
            tables: vec![table],
            files,
            ..Outputs::default()
        })
    }
}

impl CommandStep {
    /// Lays inputs and files out in `folder`.
    fn lay_out(&self, job: &Job<'_>, folder: &Path) -> Result<(), StepError> {
        let write = |path: PathBuf, bytes: &[u8]| {
            let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, bytes));
            made.map_err(|source| StepError::File { action: "write", path, source })
        };
        let outputs = folder.join("outputs");
        std::fs::create_dir_all(&outputs).map_err(|source| StepError::File { action: "write", path: outputs.clone(), source })?;
        let tables = job.inputs.first().map_or(&[][..], Vec::as_slice);
        job.progress.start("write", tables.len() as u64);
        for (number, table) in (1..).zip(tables) {
            let table = table.read(None)?;
            let (bytes, ending) = self.written(&table)?;
            write(folder.join("inputs").join(format!("{number}.{ending}")), &bytes)?;
            job.progress.advance(1, bytes.len() as u64);
        }
        for file in &self.files {
            let path = folder.join(crate::path::from_text(file));
            write(path.clone(), job.files.get(file).map_or(&[][..], Vec::as_slice))?;
            // A script that is called by its own name must be one that may be called.
            let own = job.context.project.join(crate::path::from_text(file));
            if let Ok(metadata) = std::fs::metadata(own) {
                std::fs::set_permissions(&path, metadata.permissions()).map_err(|source| StepError::File {
                    action: "write",
                    path,
                    source,
                })?;
            }
        }
        Ok(())
    }

    fn written(&self, table: &Table) -> Result<(Vec<u8>, &'static str), StepError> {
        let mut bytes = Vec::new();
        match self.format {
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                crate::table::parquet::write(table, &mut bytes)?;
                Ok((bytes, "parquet"))
            }
            _ => {
                csv::write(table, &mut bytes)
                    .map_err(|error| StepError::Data(format!("the inputs cannot be written: {error}")))?;
                Ok((bytes, "csv"))
            }
        }
    }

    fn running<'r>(&'r self, job: &'r Job<'_>, folder: &'r Path) -> Running<'r> {
        Running { folder, environment: &self.environment, timeout_s: self.timeout_s, cancel: job.cancel }
    }

    fn check_pin(&self, job: &Job<'_>, folder: &Path, command: &str, expected: &str) -> Result<(), StepError> {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let ran = self.running(job, folder).run(&words)?;
        let printed = ran.lines.join("\n");
        if ran.succeeded && printed.contains(expected) {
            return Ok(());
        }
        let found = printed.lines().next().unwrap_or("nothing").trim().to_owned();
        let way_out = "install the version that the pipeline pins, or change `pin`, which has the result made anew";
        Err(StepError::Data(format!("`{command}` prints `{found}`, and `pin` wants `{expected}` in it: {way_out}")))
    }

    /// The table that the script wrote.
    fn take(&self, folder: &Path, ran: &Ran) -> Result<Table, StepError> {
        const NAME: &str = "outputs/table.csv";
        let path = folder.join(NAME);
        let bytes = std::fs::read(&path).map_err(|_| {
            StepError::Data(format!("`{}` ended well and wrote no `{NAME}`{}", self.program.join(" "), said(ran)))
        })?;
        let reading = Reading::strict(NAME);
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            let line = bytes.split(|byte| *byte == b'\n').count();
            return Err(StepError::Data(format!("{NAME} line {line}: the last row breaks off: end every row with a line break")));
        }
        let table = csv::read_typed(&bytes, &self.schema, &reading)?;
        let (found, declared) = (&table.schema, &self.schema);
        if let Some(field) = found.fields.iter().find(|field| declared.field(&field.name).is_none()) {
            let message =
                format!("{NAME} has a column `{}`, which `columns` does not declare: add it there, or leave it out", field.name);
            return Err(StepError::Data(message));
        }
        let names: Vec<&str> = declared.fields.iter().map(|field| field.name.as_str()).collect();
        Ok(table.select(&names)?)
    }

    /// Copies whatever else the script left to the project.
    fn keep(&self, job: &Job<'_>, folder: &Path) -> Result<Vec<PathBuf>, StepError> {
        let Some(into) = &self.into else { return Ok(Vec::new()) };
        let outputs = folder.join("outputs");
        let list = |source| StepError::File { action: "read", path: outputs.clone(), source };
        let mut names: Vec<_> = std::fs::read_dir(&outputs)
            .map_err(list)?
            .filter_map(|entry| entry.ok().filter(|entry| entry.path().is_file()).map(|entry| entry.file_name()))
            .filter(|name| name != "table.csv")
            .collect();
        names.sort();
        let mut kept = Vec::with_capacity(names.len());
        for name in names {
            let path = outputs.join(&name);
            let bytes = std::fs::read(&path).map_err(|source| StepError::File { action: "read", path, source })?;
            let relative = crate::path::from_text(into).join(&name);
            job.write_file(&relative, &bytes)?;
            kept.push(relative);
        }
        Ok(kept)
    }
}

/// The last lines that the script said, for an error.
fn said(ran: &Ran) -> String {
    let lines = tail(ran, 20);
    if lines.is_empty() { "; it said nothing".to_owned() } else { format!("; it said last:\n  {}", lines.join("\n  ")) }
}

fn tail(ran: &Ran, count: usize) -> Vec<String> {
    ran.lines[ran.lines.len().saturating_sub(count)..].to_vec()
}
