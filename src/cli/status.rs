//! `trapline status`: where a project stands.

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::options::{Format, ProjectArgs, StoreArgs};
use super::render::columns::visible;
use super::render::plan::{closing, style};
use super::render::style::{ERROR, GOOD, STRONG, WARNING, paint};
use super::render::words::{counted, grounds, seconds};
use super::terminal::Terminal;
use super::{plan, project};
use crate::check::Pipeline;
use crate::plan::decision::{Decision, Plan};
use crate::run::event::{Event, Outcome};
use crate::run::{RunOptions, journal};
use crate::store::{Access, Holder, Store};

/// Show where the project stands: the last run, what is done, what is missing
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline status
  trapline status --format json")]
pub(super) struct Status {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// The newest journal.
struct LastRun {
    id: String,
    started: String,
    /// How it ended and how long it took; `None` for one under way or killed.
    end: Option<(Outcome, f64)>,
    findings: u64,
}

pub(super) fn run(args: &Status, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let options = RunOptions { store: project::store(&args.store, &pipeline), ..RunOptions::default() };
    let planned = plan::planned(&pipeline, &options)?;
    let last = last_run(&options, &pipeline.name);
    // A note outlives a killed run; whoever wants to run finds out by taking the lock.
    let holder = Store::open(&options.store, Access::Read).ok().and_then(|store| store.held_by());
    match args.format {
        Format::Text => terminal.print(&render(&pipeline, &planned.plan, last.as_ref(), holder.as_ref()))?,
        Format::Json => terminal.print_json(&json!({
            "format": 1,
            "pipeline": pipeline.name,
            "last_run": last.as_ref().map(|last| json!({
                "id": last.id,
                "started": last.started,
                "outcome": last.end.map(|(outcome, _)| outcome),
                "seconds": last.end.map(|(_, seconds)| seconds),
                "findings": last.findings,
            })),
            "store_in_use_by": holder,
            "steps": planned.plan.steps.iter().map(|step| json!({
                "name": step.name,
                "uses": step.uses,
                "decision": step.decision.word(),
            })).collect::<Vec<_>>(),
        }))?,
    }
    Ok(Exit::Ok)
}

/// The newest run of this pipeline; a store may serve several.
fn last_run(options: &RunOptions, pipeline: &str) -> Option<LastRun> {
    journal::runs(&options.store).into_iter().rev().find_map(|(id, path)| {
        let entries = journal::read(&path).ok()?;
        let first = entries.first()?;
        if !matches!(&first.event, Event::RunStarted { pipeline: name, .. } if name == pipeline) {
            return None;
        }
        let end = entries.iter().rev().find_map(|entry| match entry.event {
            Event::RunFinished { outcome, seconds, .. } => Some((outcome, seconds)),
            _ => None,
        });
        let findings = entries.iter().map(|entry| match &entry.event {
            Event::StepFinished { findings, .. } | Event::StepReused { findings, .. } => findings.len() as u64,
            _ => 0,
        });
        Some(LastRun { id, started: first.time.clone(), end, findings: findings.sum() })
    })
}

fn render(pipeline: &Pipeline, plan: &Plan, last: Option<&LastRun>, holder: Option<&Holder>) -> String {
    let mut page = format!("{}  {}\n", paint(STRONG, &visible(&pipeline.name)), pipeline.file.display());
    page.push_str(&last.map_or("last run   none yet: `trapline run` starts one\n".to_owned(), last_words));
    if let Some(holder) = holder {
        page.push_str(&format!("in use     by {holder}\n"));
    }
    page.push_str(&format!("now        {}", closing(plan)));
    let open: Vec<_> =
        plan.steps.iter().filter(|step| matches!(step.decision, Decision::Wait { .. } | Decision::Blocked { .. })).collect();
    for step in &open {
        page.push_str(&format!(
            "           {} {}\n",
            paint(style(&step.decision), &format!("{}:", step.name)),
            grounds(&step.decision).join("; ")
        ));
    }
    if open.is_empty() {
        let done = plan.steps.iter().all(|step| step.decision == Decision::Reuse);
        page.push_str(if done {
            "           everything is up to date\n"
        } else {
            "           `trapline plan` says why, `trapline run` does it\n"
        });
    }
    page
}

fn last_words(last: &LastRun) -> String {
    let started = last.started.get(..16).unwrap_or(&last.started).replace('T', " ");
    let ended = match last.end {
        None => paint(WARNING, "not ended: under way, or killed"),
        Some((outcome, time)) => {
            let word = match outcome {
                Outcome::Complete => paint(GOOD, "complete"),
                Outcome::Failed => paint(ERROR, "failed"),
                Outcome::Waiting => paint(WARNING, "waiting for people"),
                Outcome::Blocked => paint(ERROR, "blocked: a root was absent"),
                Outcome::Interrupted => paint(WARNING, "stopped"),
            };
            format!("{word} after {}", seconds(time))
        }
    };
    let findings = if last.findings > 0 { format!(", {}", counted(last.findings, "finding")) } else { String::new() };
    format!("last run   {started} UTC, {ended}{findings}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(end: Option<(Outcome, f64)>) -> String {
        let last = LastRun { id: "1".into(), started: "2026-11-21T07:13:30.123Z".into(), end, findings: 2 };
        anstream::adapter::strip_str(&last_words(&last)).to_string()
    }

    #[test]
    fn the_last_run_is_told_in_a_line() {
        assert_eq!(
            words(Some((Outcome::Complete, 200.0))),
            "last run   2026-11-21 07:13 UTC, complete after 3 min 20 s, 2 findings\n"
        );
        assert_eq!(words(None), "last run   2026-11-21 07:13 UTC, not ended: under way, or killed, 2 findings\n");
    }

    #[test]
    fn the_newest_run_of_this_pipeline_counts() {
        let folder = tempfile::tempdir().unwrap();
        let options = RunOptions { store: folder.path().to_owned(), ..RunOptions::default() };
        let write = |id: &str, pipeline: &str| {
            let time = format!("2026-01-0{id}T00:00:00Z");
            let entry = journal::Entry {
                time,
                event: Event::RunStarted { run: id.into(), pipeline: pipeline.into(), steps: Vec::new() },
            };
            std::fs::create_dir_all(folder.path().join("runs").join(id)).unwrap();
            let text = serde_json::to_string(&entry).unwrap() + "\n";
            std::fs::write(folder.path().join("runs").join(id).join("events.jsonl"), text).unwrap();
        };
        for (id, pipeline) in [("1", "voles"), ("2", "voles"), ("3", "birds")] {
            write(id, pipeline);
        }
        let last = last_run(&options, "voles").unwrap();
        assert_eq!((last.id.as_str(), last.end), ("2", None));
        assert!(last_run(&options, "foxes").is_none());
    }
}
