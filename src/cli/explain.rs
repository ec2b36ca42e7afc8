//! `trapline explain`: the images, labels, models and parameters behind a number.

use std::io::Write as _;

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::exit::Exit;
use super::options::{ProjectArgs, StoreArgs};
use super::render::words::{count, list};
use super::terminal::Terminal;
use super::{project, stored};
use crate::diagnostic::nearest;
use crate::run::trace::{Layer, TraceError, Traced, trace};
use crate::table::{CellRef, ColumnBuilder, Condition, Relation, Schema, Table, Type, csv, json as table_json, text};

/// Show what stands behind a number: images, labels, models, parameters
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline explain quality --where class=stoat --where season=2024
  trapline explain quality.confusion --where manual=vole --where automatic=shrew
  trapline explain final --where class=stoat --where site=ko_ga_hu_1 --format csv > stoats.csv
  trapline explain predictions --where \"confidence>=0.9\"

In tables of images `class` is every image that is of the class for somebody; `manual` asks what people say, `automatic` what the model \
says.")]
pub(super) struct Explain {
    /// The step, or one of its tables
    #[arg(value_name = "STEP[.TABLE]")]
    reference: String,

    /// Which rows: COLUMN=VALUE, or with <, <=, > or >=; may be repeated
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    conditions: Vec<String>,

    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// At most so many rows and images of each table; without it 10 for people, and all for a program
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// How to print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// The images alone, a row for each table that has them, for R and spreadsheets.
    Csv,
    /// Everything, one object.
    Json,
}

/// Rows that a person looks at.
const SCREEN: usize = 10;

pub(super) fn run(args: &Explain, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let mut conditions = Vec::new();
    for text in &args.conditions {
        let Some(condition) = Condition::parse(text) else {
            bail!("`--where {text}` is no condition: write COLUMN=VALUE, such as `--where class=stoat`");
        };
        conditions.push(condition);
    }
    let store = stored::open(&project::store(&args.store, &pipeline))?;
    let (step, output) = stored::reference(&args.reference);
    // Says what is wrong with the name, or that it never ran.
    let result = stored::result(&pipeline, &store, step)?;
    let index = pipeline.step(step).unwrap_or_default();
    let traced = trace(&pipeline, &store, index, output, &conditions).map_err(|error| match error {
        TraceError::Store(error) => stored::store_error(error),
        other => other.into(),
    })?;
    if traced.own.matched == 0 {
        let table = stored::table(&store, &result, output)?;
        terminal.say(&nearby(&table.read(None).map_err(stored::store_error)?, &conditions));
    }
    let mut out = std::io::BufWriter::new(std::io::stdout());
    match args.format {
        Format::Text => terminal.print(&rendered(&traced, &conditions, args.limit.unwrap_or(SCREEN))?)?,
        Format::Csv => csv::write(&images(&traced, args.limit.unwrap_or(usize::MAX))?, &mut out)?,
        Format::Json => terminal.print_json(&answer(&traced, &conditions, args.limit.unwrap_or(usize::MAX))?)?,
    }
    out.flush()?;
    Ok(Exit::Ok)
}

/// For conditions that no row fulfils, the value that may have been meant.
fn nearby(table: &Table, conditions: &[Condition]) -> String {
    let mut said = String::new();
    for condition in conditions.iter().filter(|condition| condition.relation == Relation::Equal) {
        let Some(column) = table.column(&condition.column).filter(|column| column.ty() == Type::Text) else { continue };
        if column.texts().any(|text| text == condition.value) {
            continue;
        }
        if let Some(near) = nearest(&condition.value, column.texts()) {
            said.push_str(&format!("no row has `{condition}`: did you mean `{}={near}`?\n", condition.column));
        }
    }
    said
}

fn rendered(traced: &Traced, conditions: &[Condition], limit: usize) -> anyhow::Result<String> {
    let mut out = Vec::new();
    let own = &traced.own;
    let asked: Vec<String> = conditions.iter().map(ToString::to_string).collect();
    let of = if asked.is_empty() { String::new() } else { format!(" with {}", list(&asked)) };
    writeln!(out, "{}.{}: {} of {} rows{of}", own.step, own.output, count(own.matched), count(own.of))?;
    if !own.ignored.is_empty() {
        let columns: Vec<String> = own.ignored.iter().map(|condition| format!("`{}`", condition.column)).collect();
        writeln!(out, "It has no {}: see the tables before it.", list(&columns))?;
    }
    if !traced.outdated.is_empty() {
        let names: Vec<String> = traced.outdated.iter().map(|name| format!("`{name}`")).collect();
        writeln!(out, "What stands before {} has changed since it ran: `trapline run` brings it up to date.", list(&names))?;
    }
    if let Some(rows) = &own.rows {
        writeln!(out)?;
        text::write(rows, limit, &mut out)?;
    }
    recipe(&mut out, own)?;
    for layer in &traced.behind {
        let found = match (layer.of, &layer.ignored[..]) {
            (0, _) => String::new(),
            (of, []) if layer.matched == of => format!("all {} rows", count(of)),
            (of, []) => format!("{} of {} rows", count(layer.matched), count(of)),
            (of, ignored) => {
                let columns: Vec<String> = ignored.iter().map(|condition| format!("`{}`", condition.column)).collect();
                let part = if layer.asked.is_empty() { "any" } else { "some" };
                format!(
                    "{} of {} rows may be behind it, {part} of them: it has no {}",
                    count(layer.matched),
                    count(of),
                    list(&columns)
                )
            }
        };
        writeln!(out, "\n{}.{} ({}): {found}", layer.step, layer.output, layer.kind)?;
        recipe(&mut out, layer)?;
        if let Some(rows) = layer.rows.as_ref().filter(|rows| rows.rows > 0) {
            text::write(&without_empty(rows), limit, &mut out)?;
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Models, parameters and files of a step.
fn recipe(out: &mut Vec<u8>, layer: &Layer) -> std::io::Result<()> {
    for model in &layer.models {
        writeln!(out, "  model {}", model.value)?;
    }
    if !layer.params.is_empty() {
        let params: Vec<String> =
            layer.params.iter().map(|param| format!("{}: {}", param.name, shortened(&param.value))).collect();
        writeln!(out, "  {}", params.join(", "))?;
    }
    for file in &layer.files {
        writeln!(out, "  file {} {}", file.name, file.value)?;
    }
    Ok(())
}

/// Long declarations (lists of classes) are for programs.
fn shortened(value: &str) -> String {
    const MOST: usize = 80;
    if value.chars().count() <= MOST {
        return value.to_owned();
    }
    value.chars().take(MOST).chain(['\u{2026}']).collect()
}

/// A table without columns that hold nothing, and without identities: for people.
fn without_empty(table: &Table) -> Table {
    let says =
        |name: &&str| table.column(name).is_some_and(|column| column.null_count() < column.len() && column.ty() != Type::Content);
    let names: Vec<&str> = table.schema.fields.iter().map(|field| field.name.as_str()).filter(says).collect();
    table.select(&names).unwrap_or_else(|_| table.clone())
}

/// The images of all tables as one table, each with the table that has it.
fn images(traced: &Traced, limit: usize) -> anyhow::Result<Table> {
    let layers = || traced.behind.iter().filter_map(|layer| Some((layer, layer.rows.as_ref()?)));
    let mut schema = Schema::of(&[("step", Type::Text), ("table", Type::Text)]);
    for (_, rows) in layers() {
        for field in &rows.schema.fields {
            if schema.field(&field.name).is_none() {
                schema.set(&field.name, field.ty);
            }
        }
    }
    let mut columns: Vec<ColumnBuilder> = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    for (layer, rows) in layers() {
        for row in 0..rows.rows.min(limit) {
            for (builder, field) in columns.iter_mut().zip(&schema.fields) {
                match field.name.as_str() {
                    "step" => builder.push_text(&layer.step),
                    "table" => builder.push_text(&layer.output),
                    name if rows.schema.field(name).is_some_and(|own| own.ty == field.ty) => builder.push(rows.cell(row, name)),
                    _ => builder.push(CellRef::Null),
                }
            }
        }
    }
    Ok(Table::from_builders(schema, columns)?)
}

fn answer(traced: &Traced, conditions: &[Condition], limit: usize) -> anyhow::Result<Value> {
    let layer = |layer: &Layer| -> anyhow::Result<Value> {
        let rows = layer.rows.as_ref().map(|rows| lines(rows, limit)).transpose()?;
        Ok(json!({
            "step": layer.step,
            "kind": layer.kind,
            "table": layer.output,
            "matched": layer.matched,
            "of": layer.of,
            "asked": layer.asked.iter().map(|any| any.iter().map(ToString::to_string).collect()).collect::<Vec<Vec<String>>>(),
            "ignored": layer.ignored.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "models": layer.models,
            "params": layer.params,
            "files": layer.files,
            "rows": rows,
        }))
    };
    Ok(json!({
        "format": 1,
        "where": conditions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "outdated": traced.outdated,
        "result": layer(&traced.own)?,
        "behind": traced.behind.iter().map(layer).collect::<anyhow::Result<Vec<_>>>()?,
    }))
}

/// The rows of a table as JSON objects.
fn lines(table: &Table, limit: usize) -> anyhow::Result<Vec<Value>> {
    let most = u32::try_from(table.rows.min(limit)).unwrap_or(u32::MAX);
    let mut bytes = Vec::new();
    table_json::write_lines(&table.take(&(0..most).collect::<Vec<_>>()), &mut bytes)?;
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| Ok(serde_json::from_slice(line)?)).collect()
}
