//! `trapline cache verify`: whether the store is whole, and the files that steps wrote with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::Common;
use crate::check::Pipeline;
use crate::cli::exit::Exit;
use crate::cli::options::Format;
use crate::cli::render::columns::visible;
use crate::cli::render::style::{ERROR, GOOD, paint};
use crate::cli::render::words::{bytes, counted, list, short};
use crate::cli::run::{Interrupts, watched};
use crate::cli::terminal::Terminal;
use crate::cli::{host, project, stored};
use crate::id::{ContentId, ResultKey};
use crate::run::RunOptions;
use crate::run::compare::Verdict;
use crate::run::history::History;
use crate::run::published::{self, Published};
use crate::store::{Access, Holder, Store, StoreError, VerifyReport, Wait};

#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    common: Common,
    /// Make again at once what is damaged or missing and still needed
    #[arg(long)]
    heal: bool,
}

/// Objects that are not there, by the result that names them.
type Missing = BTreeMap<ResultKey, BTreeSet<ContentId>>;

/// What was found.
struct Found {
    report: VerifyReport,
    published: Vec<Published>,
    /// Whoever uses the store: damage other than of objects was left in place.
    in_use: Option<Holder>,
}

impl Found {
    fn is_whole(&self) -> bool {
        self.report.damages.is_empty() && self.report.missing.is_empty() && self.faults().next().is_none()
    }

    fn faults(&self) -> impl Iterator<Item = &Published> {
        self.published.iter().filter(|one| matches!(one.verdict, Verdict::Differs { .. }))
    }
}

pub(super) fn run(args: &Verify, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.common.project, terminal)? else { return Ok(Exit::BadInput) };
    let root = project::store(&args.common.store, &pipeline);
    let found = look(&pipeline, &root, terminal)?;
    match args.common.format {
        Format::Text => terminal.print(&render(&found))?,
        Format::Json => terminal.print_json(&json!({
            "format": 1,
            "report": found.report,
            "published": found.published,
        }))?,
    }
    if found.is_whole() {
        return Ok(Exit::Ok);
    }
    if !args.heal {
        return Ok(Exit::Store);
    }
    heal(&pipeline, &root, &found.report.missing, terminal)
}

/// Verifies everything; moves damage aside, unless another run is writing.
fn look(pipeline: &Pipeline, root: &std::path::Path, terminal: Terminal) -> anyhow::Result<Found> {
    let reader = Store::open(root, Access::Read).map_err(stored::store_error)?;
    // A store that is not there, or lies on a disk that cannot be written to, is read only.
    let writer = if root.is_dir() { Store::open(root, Access::Write).ok() } else { None };
    let locked = writer.as_ref().map(|store| store.lock(&host::holder(), Wait::No));
    let (store, in_use) = match (&writer, &locked) {
        (Some(writer), Some(Ok(_))) => (writer, None),
        (_, Some(Err(StoreError::Locked { holder, .. }))) => (&reader, holder.clone()),
        _ => (&reader, None),
    };
    let report = verified(store, terminal)?;
    let history = History::of(store, &pipeline.name, &pipeline.project);
    Ok(Found { report, published: published::all(pipeline, &history, false), in_use })
}

/// Runs the steps of which something is missing, with the everyday run; what no step yields any more is forgotten.
fn heal(pipeline: &Pipeline, root: &std::path::Path, missing: &Missing, terminal: Terminal) -> anyhow::Result<Exit> {
    let store = Store::open(root, Access::Read).map_err(stored::store_error)?;
    let heads = store.heads(&pipeline.name).unwrap_or_default();
    let is_missing = |key: &ResultKey| missing.contains_key(key);
    // Steps of other stages run only when they are named.
    let everyday = pipeline.steps.iter().filter(|step| step.stage.is_none()).map(|step| step.name.value.clone());
    let lost =
        pipeline.steps.iter().map(|step| step.name.value.clone()).filter(|name| heads.steps.get(name).is_some_and(is_missing));
    let mut targets: Vec<String> = everyday.chain(lost).collect();
    targets.sort();
    targets.dedup();
    drop(store);
    let options = RunOptions { store: root.to_owned(), targets, wait: true, ..RunOptions::default() };
    let exit = watched(pipeline, &options, terminal, &Interrupts::heed()?)?;
    if exit != Exit::Ok {
        return Ok(exit);
    }
    let writer = Store::open(root, Access::Write).map_err(stored::store_error)?;
    let lock = writer.lock(&host::holder(), Wait::No).map_err(stored::store_error)?;
    let forgotten = writer.forget_incomplete(&lock).map_err(stored::store_error)?;
    drop(lock);
    if forgotten > 0 {
        let results = counted(forgotten, "earlier result");
        terminal.say(&format!("{results} that no step yields any more had gaps and {} forgotten\n", were(forgotten)));
    }
    let found = look(pipeline, root, terminal)?;
    terminal.print(&render(&found))?;
    Ok(if found.is_whole() { Exit::Ok } else { Exit::Store })
}

fn were(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// Verifies, saying now and then how far it is.
fn verified(store: &Store, terminal: Terminal) -> anyhow::Result<VerifyReport> {
    const EVERY: Duration = Duration::from_secs(5);
    let (began, next) = (Instant::now(), AtomicU64::new(EVERY.as_secs()));
    let progress = |done: u64, total: u64| {
        let now = began.elapsed().as_secs();
        if now >= next.load(Ordering::Relaxed) && now >= next.fetch_max(now + EVERY.as_secs(), Ordering::Relaxed) {
            terminal.say(&format!("{} of {} read\n", bytes(done), bytes(total)));
        }
    };
    store.verify(&progress).map_err(stored::store_error)
}

fn render(found: &Found) -> String {
    let report = &found.report;
    let mut page = String::new();
    for damage in &report.damages {
        let place = if damage.cleared { "" } else { " (left in place)" };
        page.push_str(&format!("{} {}: {}{place}\n", paint(ERROR, "damaged:"), visible(&damage.path), visible(&damage.what)));
    }
    for (result, objects) in &report.missing {
        page.push_str(&format!("gone: {} of result {}\n", counted(objects.len() as u64, "object"), short(&result.to_string())));
    }
    let mut steps = Vec::new();
    for one in found.faults() {
        page.push_str(&format!(
            "{} {} of step `{}`: {}\n",
            paint(ERROR, "published:"),
            visible(&one.file),
            one.step,
            one.verdict
        ));
        steps.push(format!("`{}`", one.step));
    }
    steps.dedup();
    let published: u64 = found.published.iter().map(|one| one.files).sum();
    let read = format!("{}, {} read; {}", counted(report.files, "file"), bytes(report.bytes), looked_at(published));
    if found.is_whole() {
        return format!("{page}{read}: {}\n", paint(GOOD, "everything is whole"));
    }
    page.push_str(&format!(
        "{read}: {} damaged, {} with gaps, {} of steps that are not as they were written.\n",
        report.damages.len(),
        counted(report.missing.len() as u64, "result"),
        counted(steps.len() as u64, "output"),
    ));
    if let Some(holder) = found.in_use.as_ref().filter(|_| report.damages.iter().any(|damage| !damage.cleared)) {
        page.push_str(&format!("{holder} uses the store: run this again when it has ended.\n"));
    } else {
        page.push_str("`trapline run` makes again what it needs; `trapline cache verify --heal` makes all of it again now.\n");
    }
    if !steps.is_empty() {
        page.push_str(&format!(
            "A published file that was edited stays as it is: move it away, then run {} again.\n",
            list(&steps)
        ));
    }
    page
}

fn looked_at(files: u64) -> String {
    format!("{} looked at", counted(files, "published file"))
}
