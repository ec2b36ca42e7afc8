//! `trapline status`: where a project stands.

use std::collections::BTreeMap;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::options::{Format, ProjectArgs, StoreArgs};
use super::render::columns::visible;
use super::render::plan::{closing, gone_pages, style};
use super::render::roots;
use super::render::style::{ERROR, GOOD, STRONG, WARNING, paint};
use super::render::summary::{finding_words, gate};
use super::render::words::{counted, grounds, list, seconds};
use super::terminal::Terminal;
use super::{plan, project};
use crate::check::Pipeline;
use crate::plan::decision::{Decision, Plan, StepPlan};
use crate::run::event::{Event, Outcome};
use crate::run::gates::{FailedGate, failed_gates};
use crate::run::{RunOptions, journal};
use crate::step::Finding;
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
    /// What it said of samples and labels that changed, by step.
    changes: Vec<(String, Finding)>,
}

/// The gates that a step's present results do not pass.
struct Refused {
    step: String,
    gates: Vec<FailedGate>,
}

pub(super) fn run(args: &Status, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let options = RunOptions { store: project::store(&args.store, &pipeline), ..RunOptions::default() };
    let planned = plan::planned(&pipeline, &options)?;
    let last = last_run(&options, &pipeline.name)?;
    let known = journal::known_findings(&options.store, &pipeline.name);
    let store = Store::open(&options.store, Access::Read).ok();
    // A note outlives a killed run; whoever wants to run finds out by taking the lock.
    let holder = store.as_ref().and_then(Store::held_by);
    let metrics = store.as_ref().map(|store| metrics(&planned.plan, store)).unwrap_or_default();
    let refused = store.map(|store| refused(&pipeline, &planned.plan, &store)).unwrap_or_default();
    match args.format {
        Format::Text => {
            let page = render(&pipeline, &planned.plan, last.as_ref(), holder.as_ref(), &refused);
            terminal.print(&(page + &roots::absent(&pipeline) + &plan::lost(&planned) + &found(&known)))?;
        }
        Format::Json => terminal.print_json(&json!({
            "format": 1,
            "pipeline": pipeline.name,
            "last_run": last.as_ref().map(|last| json!({
                "id": last.id,
                "started": last.started,
                "outcome": last.end.map(|(outcome, _)| outcome),
                "seconds": last.end.map(|(_, seconds)| seconds),
                "findings": last.findings,
                "changes": last.changes.iter().map(|(step, finding)| json!({ "step": step, "finding": finding })).collect::<Vec<_>>(),
            })),
            "findings": known.iter().map(|(step, finding)| json!({ "step": step, "finding": finding })).collect::<Vec<_>>(),
            "store_in_use_by": holder,
            "steps": planned.plan.steps.iter().map(|step| json!({
                "name": step.name,
                "uses": step.uses,
                "decision": step.decision.word(),
                "missing_labels": step.missing_labels,
                "metrics": metrics.get(&step.name),
                "failed_expectations": refused.iter().find(|one| one.step == step.name).map_or(&[][..], |one| &one.gates),
            })).collect::<Vec<_>>(),
        }))?,
    }
    Ok(Exit::Ok)
}

/// The newest run of this pipeline; a store may serve several.
fn last_run(options: &RunOptions, pipeline: &str) -> anyhow::Result<Option<LastRun>> {
    let folder = options.store.join("runs");
    let runs = journal::runs(&options.store).with_context(|| format!("cannot list `{}`", folder.display()))?;
    Ok(runs.into_iter().rev().find_map(|(id, path)| {
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
        let changes = entries.iter().flat_map(|entry| match &entry.event {
            Event::StepChanged { step, findings } => findings.iter().map(|finding| (step.clone(), finding.clone())).collect(),
            _ => Vec::new(),
        });
        Some(LastRun { id, started: first.time.clone(), end, findings: findings.sum(), changes: changes.collect() })
    }))
}

/// What the last runs said of the steps.
fn found(known: &[(String, Finding)]) -> String {
    if known.is_empty() {
        return String::new();
    }
    let words = known.iter().map(|(step, finding)| finding_words(step, finding, "  ")).collect::<String>();
    format!("\n{}\n{words}", paint(STRONG, &counted(known.len() as u64, "finding")))
}

/// The numbers of the results that a run would serve, by step.
fn metrics(plan: &Plan, store: &Store) -> BTreeMap<String, BTreeMap<String, f64>> {
    let of_step = |step: &StepPlan| {
        let key = step.key.filter(|_| step.decision == Decision::Reuse)?;
        Some((step.name.clone(), store.get_result(key).ok().flatten()?.metrics))
    };
    plan.steps.iter().filter_map(of_step).collect()
}

/// Holds the results that a run would serve against their gates. What cannot be read is made again by the next run.
fn refused(pipeline: &Pipeline, plan: &Plan, store: &Store) -> Vec<Refused> {
    let of_step = |planned: &StepPlan| {
        let step = &pipeline.steps[pipeline.step(&planned.name)?];
        if step.expect.is_empty() || planned.decision != Decision::Reuse {
            return None;
        }
        let result = store.get_result(planned.key?).ok().flatten()?;
        let outputs: Vec<_> = result.outputs.iter().map(|output| output.id).collect();
        let gates = failed_gates(step, &result.metrics, &outputs, store).ok()?;
        (!gates.is_empty()).then(|| Refused { step: planned.name.clone(), gates })
    };
    plan.steps.iter().filter_map(of_step).collect()
}

fn render(pipeline: &Pipeline, plan: &Plan, last: Option<&LastRun>, holder: Option<&Holder>, refused: &[Refused]) -> String {
    let mut page = format!("{}  {}\n", paint(STRONG, &visible(&pipeline.name)), pipeline.file.display());
    page.push_str(&last.map_or("last run   none yet: `trapline run` starts one\n".to_owned(), last_words));
    if let Some(holder) = holder {
        page.push_str(&format!("in use     by {holder}\n"));
    }
    page.push_str(&format!("now        {}", closing(plan)));
    let open = open_ends(plan, refused);
    for line in &open {
        page.push_str(&format!("           {line}\n"));
    }
    page.push_str(&gone_pages(plan));
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

/// What stands in the way, a line each: labels that are missing with the steps that wait for them, absent roots, failed gates.
fn open_ends(plan: &Plan, refused: &[Refused]) -> Vec<String> {
    let name = |name: &str, decision: &Decision| paint(style(decision), &format!("{name}:"));
    let mut lines = Vec::new();
    for step in &plan.steps {
        if step.missing_labels > 0 {
            let wait = Decision::Wait { labels: step.missing_labels };
            lines.push(format!("{} {}", name(&step.name, &wait), grounds(&wait).join("; ")));
        }
        if matches!(step.decision, Decision::Blocked { .. }) {
            lines.push(format!("{} {}", name(&step.name, &step.decision), grounds(&step.decision).join("; ")));
        }
    }
    let waiting: Vec<_> = plan.steps.iter().filter(|step| matches!(step.decision, Decision::Wait { .. })).collect();
    if let Some(first) = waiting.first() {
        let names: Vec<_> = waiting.iter().map(|step| step.name.clone()).collect();
        let wait = if names.len() == 1 { "waits" } else { "wait" };
        lines.push(format!("{} {wait} for labels", paint(style(&first.decision), &list(&names))));
    }
    for one in refused {
        for FailedGate { metric, expected, found, rows } in &one.gates {
            let words = gate(&one.step, metric, expected, *found, rows.as_ref());
            lines.push(format!("{} {}", paint(ERROR, "expectation failed:"), words.replace('\n', "\n           ")));
        }
    }
    lines
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
                Outcome::Blocked => paint(ERROR, "blocked: a root was absent, or images were gone from it"),
                Outcome::Interrupted => paint(WARNING, "stopped"),
            };
            format!("{word} after {}", seconds(time))
        }
    };
    let findings = if last.findings > 0 { format!(", {}", counted(last.findings, "finding")) } else { String::new() };
    let changes = last.changes.iter().map(|(step, finding)| format!("           {step}: {}\n", visible(&finding.message)));
    format!("last run   {started} UTC, {ended}{findings}\n{}", changes.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(end: Option<(Outcome, f64)>) -> String {
        let last = LastRun { id: "1".into(), started: "2026-11-21T07:13:30.123Z".into(), end, findings: 2, changes: Vec::new() };
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
    fn what_changed_in_the_last_run_is_told_below_it() {
        let finding =
            Finding { kind: "left_sample".into(), message: "2 images left the sample".into(), count: 2, examples: Vec::new() };
        let changes = vec![("qc_strata".to_owned(), finding)];
        let last = LastRun { id: "1".into(), started: "2026-11-21T07:13".into(), end: None, findings: 0, changes };
        let words = anstream::adapter::strip_str(&last_words(&last)).to_string();
        assert!(words.ends_with("killed\n           qc_strata: 2 images left the sample\n"), "{words}");
    }

    #[test]
    fn what_stands_in_the_way_is_told_once() {
        use crate::cli::render::plan::tests::step;
        let plan = Plan {
            steps: vec![
                step("images", "images", Decision::Reuse),
                StepPlan { missing_labels: 40, ..step("qc", "review", Decision::Reuse) },
                step("quality", "evaluate", Decision::Wait { labels: 40 }),
                step("final", "merge", Decision::Wait { labels: 40 }),
                step("other", "images", Decision::Blocked { root: "archive".into(), images: 3, gone: None }),
            ],
        };
        let gates = vec![FailedGate { metric: "images".into(), expected: ">= 4".into(), found: Some(3.0), rows: None }];
        let lines = open_ends(&plan, &[Refused { step: "images".into(), gates }]).join("\n");
        insta::assert_snapshot!(anstream::adapter::strip_str(&lines).to_string(), @"
        qc: 40 labels are missing
        other: root `archive` is absent (3 images last seen there)
        quality and final wait for labels
        expectation failed: `images` of step `images` is 3, expected >= 4 (the results are kept)
        ");
    }

    #[test]
    fn the_newest_run_of_this_pipeline_counts() {
        let folder = tempfile::tempdir().unwrap();
        let options = RunOptions { store: folder.path().to_owned(), ..RunOptions::default() };
        let write = |id: &str, pipeline: &str| {
            let time = format!("2026-01-0{id}T00:00:00Z");
            let entry = journal::Entry {
                time,
                event: Event::RunStarted { run: id.into(), pipeline: pipeline.into(), steps: Vec::new(), stage: None },
            };
            std::fs::create_dir_all(folder.path().join("runs").join(id)).unwrap();
            let text = serde_json::to_string(&entry).unwrap() + "\n";
            std::fs::write(folder.path().join("runs").join(id).join("events.jsonl"), text).unwrap();
        };
        for (id, pipeline) in [("1", "voles"), ("2", "voles"), ("3", "birds")] {
            write(id, pipeline);
        }
        let last = last_run(&options, "voles").unwrap().unwrap();
        assert_eq!((last.id.as_str(), last.end), ("2", None));
        assert!(last_run(&options, "foxes").unwrap().is_none());
    }
}
