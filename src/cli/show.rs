//! `trapline show`: the table that a step yielded, to the screen or to another program.

use std::io::{IsTerminal as _, Write};

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::options::{ProjectArgs, StoreArgs};
use super::terminal::Terminal;
use super::{project, stored};
use crate::table::{Table, csv, json, text};

/// Print the table that a step yielded
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline show predictions
  trapline show accepted.to_review --limit 5
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
    let mut out = std::io::BufWriter::new(std::io::stdout());
    match args.format {
        Format::Table => text::write(&table, args.limit.unwrap_or(SCREEN), &mut out)?,
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
