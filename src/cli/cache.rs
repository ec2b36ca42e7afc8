//! `trapline cache`: what the store holds, whether it is whole, and what can go.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Exit, coded};
use super::options::{Format, ProjectArgs, StoreArgs};
use super::render::columns::{Align, Text, columns};
use super::render::style::STRONG;
use super::render::words::{bytes, count, counted, short};
use super::terminal::Terminal;
use super::{host, project, stored};
use crate::check::Pipeline;
use crate::run::lockfile::{FILE_NAME, LockFile};
use crate::store::{Access, Amount, GcMode, GcReport, Keep, Store, StoreStats, Wait};

mod verify;

/// Look after the store: what it holds, whether it is whole, what can go
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline cache stats
  trapline cache verify
  trapline cache gc --dry-run")]
pub(super) struct Cache {
    #[command(subcommand)]
    action: Action,
}

/// What all of them take.
#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what the store holds
    #[command(after_help = "Example:\n  trapline cache stats --format json")]
    Stats(Common),
    /// Read everything and compare it with its hash; look at the files that steps published
    #[command(after_help = "Examples:
  trapline cache verify
  trapline cache verify --heal            also make again what is damaged or missing

A damaged file is moved to `quarantine/` in the store, and the others are looked at as well. The next `trapline run` makes again
what it needs. Of published files the size is looked at; `trapline verify --level all` reads them.

Exit code: 0 when everything is whole, or was healed; 3 when something is damaged or missing.")]
    Verify(verify::Verify),
    /// Remove what neither the last runs, nor pins, nor trapline.lock reach
    #[command(after_help = "Examples:
  trapline cache gc --dry-run             only count
  trapline cache gc --older-than 0        also what was written just now")]
    Gc {
        #[command(flatten)]
        common: Common,
        /// Only say what would go
        #[arg(long)]
        dry_run: bool,
        /// Keep what was written within so many days
        #[arg(long, value_name = "DAYS", default_value_t = 7)]
        older_than: u64,
    },
}

pub(super) fn run(args: &Cache, terminal: Terminal) -> anyhow::Result<Exit> {
    match &args.action {
        Action::Stats(common) => {
            let Some((_, store)) = open(common, Access::Read, terminal)? else { return Ok(Exit::BadInput) };
            let stats = store.stats().map_err(stored::store_error)?;
            match common.format {
                Format::Text => terminal.print(&render_stats(&store, &stats))?,
                Format::Json => terminal.print_json(&json!({ "format": 1, "store": store.root(), "stats": stats }))?,
            }
            Ok(Exit::Ok)
        }
        Action::Verify(args) => verify::run(args, terminal),
        Action::Gc { common, dry_run, older_than } => collect(common, *dry_run, *older_than, terminal),
    }
}

fn open(common: &Common, access: Access, terminal: Terminal) -> anyhow::Result<Option<(Pipeline, Store)>> {
    let Some(pipeline) = project::load(&common.project, terminal)? else { return Ok(None) };
    let store = Store::open(&project::store(&common.store, &pipeline), access).map_err(stored::store_error)?;
    Ok(Some((pipeline, store)))
}

fn collect(common: &Common, dry_run: bool, older_than: u64, terminal: Terminal) -> anyhow::Result<Exit> {
    let access = if dry_run { Access::Read } else { Access::Write };
    let Some((pipeline, store)) = open(common, access, terminal)? else { return Ok(Exit::BadInput) };
    let days = Duration::from_secs(older_than.saturating_mul(86_400));
    let before = SystemTime::now().checked_sub(days).unwrap_or(SystemTime::UNIX_EPOCH);
    let lock = if dry_run { None } else { Some(store.lock(&host::holder(), Wait::No).map_err(stored::store_error)?) };
    let keep = keep(&pipeline, &store)?;
    let mode = lock.as_ref().map_or(GcMode::DryRun, GcMode::Delete);
    let report = store.gc(&keep, before, mode).map_err(stored::store_error)?;
    match common.format {
        Format::Text => terminal.print(&render_gc(&report, dry_run))?,
        Format::Json => terminal.print_json(&json!({ "format": 1, "dry_run": dry_run, "report": report }))?,
    }
    Ok(Exit::Ok)
}

/// What the last runs, pins and `trapline.lock` name.
fn keep(pipeline: &Pipeline, store: &Store) -> anyhow::Result<Keep> {
    let mut keep = store.keep_last().map_err(stored::store_error)?;
    if pipeline.project.join(FILE_NAME).exists() {
        let lock = LockFile::read(&pipeline.project)
            .map_err(|error| coded(Exit::BadInput, error))
            .context("what `trapline.lock` names must stay, so nothing is removed while it cannot be read")?;
        keep.contents.extend(lock.steps.values().flat_map(|step| step.outputs.iter().map(|output| output.id)));
    }
    Ok(keep)
}

fn render_stats(store: &Store, stats: &StoreStats) -> String {
    let header = [("what", Align::Left), ("files", Align::Right), ("rows", Align::Right), ("size", Align::Right)];
    let amount = |name: &str, amount: Amount| {
        vec![Text::from(name), count(amount.files).into(), Text::from(""), bytes(amount.bytes).into()]
    };
    let mut rows = vec![amount("results", stats.results), amount("tables and files", stats.objects)];
    for (key, of) in &stats.rows {
        rows.push(vec![
            format!("rows of {}", short(&key.to_string())).into(),
            count(of.packs).into(),
            count(of.rows).into(),
            bytes(of.bytes).into(),
        ]);
    }
    rows.extend([amount("inventories", stats.inventories), amount("index", stats.index), amount("quarantine", stats.quarantine)]);
    let total =
        [stats.results, stats.objects, stats.inventories, stats.index, stats.quarantine].iter().map(|a| a.bytes).sum::<u64>()
            + stats.rows.values().map(|of| of.bytes).sum::<u64>();
    format!("{}\n{} in {}\n", columns(&header, &rows, STRONG), bytes(total), store.root().display())
}

fn render_gc(report: &GcReport, dry_run: bool) -> String {
    let header = [("what", Align::Left), ("files", Align::Right), ("size", Align::Right)];
    let parts = [
        ("results", report.results),
        ("tables and files", report.objects),
        ("packs of rows", report.rows),
        ("quarantine", report.quarantine),
        ("leftovers", report.leftovers),
    ];
    let rows: Vec<_> =
        parts.iter().map(|(name, of)| vec![Text::from(name), count(of.files).into(), bytes(of.bytes).into()]).collect();
    let total = bytes(parts.iter().map(|(_, of)| of.bytes).sum());
    let closing = if dry_run { format!("{total} would be freed") } else { format!("{total} freed") };
    format!(
        "{}\n{closing}; {} stay ({})\n",
        columns(&header, &rows, STRONG),
        counted(report.kept_objects.files, "object"),
        bytes(report.kept_objects.bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_says_what_went() {
        let amount = |files, bytes| Amount { files, bytes };
        let report = GcReport { objects: amount(3, 1_200_000), kept_objects: amount(40, 9_000_000), ..GcReport::default() };
        insta::assert_snapshot!(anstream::adapter::strip_str(&render_gc(&report, true)).to_string(), @"
        what              files    size
        results               0     0 B
        tables and files      3  1.2 MB
        packs of rows         0     0 B
        quarantine            0     0 B
        leftovers             0     0 B

        1.2 MB would be freed; 40 objects stay (9.0 MB)
        ");
    }
}
