//! `trapline show`: the table that a step yielded, to the screen or to another program.

use std::io::{IsTerminal as _, Write};

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::options::{ProjectArgs, StoreArgs};
use super::terminal::Terminal;
use super::{project, stored};
use crate::diagnostic::nearest;
use crate::table::{Table, csv, json, text};

/// Print the table that a step yielded
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline show predictions
  trapline show accepted.to_review --limit 5
  trapline show final --columns name,class,type
  trapline show predictions --format csv > predictions.csv")]
pub(super) struct Show {
    /// The step, or one of its outputs
    #[arg(value_name = "STEP[.PORT]")]
    reference: String,

    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,

    /// At most so many rows; without it 20 of a table, and all for a program
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Only these columns, in this order
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    columns: Vec<String>,

    /// All columns of a table, however wide; without it those that fit the screen
    #[arg(long, conflicts_with = "columns")]
    wide: bool,
}

/// How to print a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Aligned, for people.
    Table,
    /// Comma-separated, for R and spreadsheets.
    Csv,
    /// One object per line.
    Json,
    /// Parquet, for R, Python and databases.
    Parquet,
}

/// What fits a screen.
const SCREEN: usize = 20;

pub(super) fn run(args: &Show, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let store = stored::open(&project::store(&args.store, &pipeline))?;
    let (step, port) = stored::reference(&args.reference);
    let result = stored::result(&pipeline, &store, step)?;
    let table = stored::table(&store, &result, port)?.read(None).map_err(stored::store_error)?;
    let table = if args.columns.is_empty() { table } else { selected(&table, &args.columns)? };
    let mut out = std::io::BufWriter::new(std::io::stdout());
    match args.format {
        Format::Table if args.wide || !args.columns.is_empty() => text::write(&table, args.limit.unwrap_or(SCREEN), &mut out)?,
        Format::Table => narrow(&table, args.limit.unwrap_or(SCREEN), terminal, &mut out)?,
        Format::Csv => csv::write(&limited(table, args.limit), &mut out)?,
        Format::Json => json::write_lines(&limited(table, args.limit), &mut out)?,
        Format::Parquet if std::io::stdout().is_terminal() => {
            bail!("Parquet is no text: send it into a file, `trapline show {} --format parquet > table.parquet`", args.reference);
        }
        Format::Parquet => parquet(&limited(table, args.limit), &mut out)?,
    }
    out.flush()?;
    Ok(Exit::Ok)
}

/// The table with the columns asked for.
fn selected(table: &Table, names: &[String]) -> anyhow::Result<Table> {
    let known: Vec<&str> = table.schema.fields.iter().map(|field| field.name.as_str()).collect();
    let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        let help = nearest(name, known.iter().copied())
            .map_or_else(|| format!("it has {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        bail!("the table has no column `{name}`; {help}");
    }
    Ok(table.select(&names)?)
}

/// As many columns as fit, and what there is besides.
fn narrow(table: &Table, limit: usize, terminal: Terminal, out: &mut impl Write) -> anyhow::Result<()> {
    let names = text::fitting(table, limit, terminal.table_width());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    text::write(&table.select(&names)?, limit, out)?;
    let hidden = table.schema.fields.len() - names.len();
    if hidden > 0 {
        let noun = if hidden == 1 { "1 more column".to_owned() } else { format!("{hidden} more columns") };
        writeln!(out, "... {noun}: `--wide` shows all, `--columns NAME,...` some")?;
    }
    Ok(())
}

fn limited(table: Table, limit: Option<usize>) -> Table {
    match limit.and_then(|limit| u32::try_from(limit).ok()) {
        Some(limit) if (limit as usize) < table.rows => table.take(&(0..limit).collect::<Vec<_>>()),
        _ => table,
    }
}

#[cfg(feature = "parquet")]
fn parquet(table: &Table, out: &mut (impl Write + Send)) -> anyhow::Result<()> {
    Ok(crate::table::parquet::write(table, out)?)
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: &Table, _: &mut impl Write) -> anyhow::Result<()> {
    bail!("this Trapline was built without Parquet: use --format csv")
}
