//! `trapline cache`: what the store holds, whether it is whole, and what can go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Exit, coded};
use super::options::{Format, ProjectArgs, StoreArgs};
use super::render::columns::{Align, Text, columns, visible};
use super::render::style::{ERROR, GOOD, STRONG, paint};
use super::render::words::{bytes, count, counted, short};
use super::terminal::Terminal;
use super::{host, project, stored};
use crate::check::Pipeline;
use crate::run::lockfile::{FILE_NAME, LockFile};
use crate::store::{Access, Amount, GcMode, GcReport, Keep, Store, StoreStats, VerifyReport, Wait};

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
    /// Read everything and compare it with its hash; writes nothing
    #[command(after_help = "Example:
  trapline cache verify

Exit code: 0 when the store is whole, 3 when something is damaged; `trapline run` heals it.")]
    Verify(Common),
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
        Action::Verify(common) => {
            let Some((_, store)) = open(common, Access::Read, terminal)? else { return Ok(Exit::BadInput) };
            let report = verified(&store, terminal)?;
            match common.format {
                Format::Text => terminal.print(&render_verified(&report))?,
                Format::Json => terminal.print_json(&json!({ "format": 1, "report": report }))?,
            }
            Ok(if report.damages.is_empty() { Exit::Ok } else { Exit::Store })
        }
        Action::Gc { common, dry_run, older_than } => collect(common, *dry_run, *older_than, terminal),
    }
}

fn open(common: &Common, access: Access, terminal: Terminal) -> anyhow::Result<Option<(Pipeline, Store)>> {
    let Some(pipeline) = project::load(&common.project, terminal)? else { return Ok(None) };
    let store = Store::open(&project::store(&common.store, &pipeline), access).map_err(stored::store_error)?;
    Ok(Some((pipeline, store)))
}

/// Verifies, saying now and then how far it is.
fn verified(store: &Store, terminal: Terminal) -> anyhow::Result<VerifyReport> {
    const EVERY_S: u64 = 5;
    let (began, next) = (Instant::now(), AtomicU64::new(EVERY_S));
    let progress = |done: u64, total: u64| {
        let now = began.elapsed().as_secs();
        if now >= next.load(Ordering::Relaxed) && now >= next.fetch_max(now + EVERY_S, Ordering::Relaxed) {
            terminal.say(&format!("{} of {} read\n", bytes(done), bytes(total)));
        }
    };
    store.verify(&progress).map_err(stored::store_error)
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

fn render_verified(report: &VerifyReport) -> String {
    let mut page = String::new();
    for damage in &report.damages {
        page.push_str(&format!("{} {}: {}\n", paint(ERROR, "damaged:"), visible(&damage.path), visible(&damage.what)));
    }
    for (result, objects) in &report.missing {
        page.push_str(&format!("gone: {} of result {}\n", counted(objects.len() as u64, "object"), short(&result.to_string())));
    }
    let read = format!("{}, {} read", counted(report.files, "file"), bytes(report.bytes));
    if report.damages.is_empty() && report.missing.is_empty() {
        return format!("{page}{read}: {}\n", paint(GOOD, "everything is whole"));
    }
    page + &format!(
        "{read}: {} damaged, {} with gaps. `trapline run` computes again what is needed.\n",
        report.damages.len(),
        counted(report.missing.len() as u64, "result")
    )
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
