//! What a run did and what to do next, from its events: the end of `run`.

use std::collections::BTreeMap;

use super::columns::{Align, Text, columns, visible};
use super::style::{BUSY, ERROR, FAINT, GOOD, STRONG, WARNING, paint};
use super::words::{blocked, bytes, count, counted, gone_words, seconds};
use crate::plan::decision::Gone;
use crate::run::event::{Event, GateRows, Outcome};
use crate::step::Finding;

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
enum Fate {
    Reused { rows: u64 },
    Computed { rows: u64, computed: u64, cached: u64, seconds: f64, unchanged: bool },
    Failed { error: String },
    Waits { labels: u64 },
    Blocked { root: String, images: u64, gone: Option<Box<Gone>> },
    Skipped { because: String },
}

/// Collects the events of one run.
#[derive(Debug, Default)]
pub(in crate::cli) struct Summary {
    steps: Vec<(String, Fate)>,
    findings: Vec<(String, Finding)>,
    /// What the runs before said already.
    known: Vec<(String, Finding)>,
    gates: Vec<String>,
    notices: Vec<String>,
    end: Option<(Outcome, f64, u64)>,
    stage: Option<String>,
}

impl Summary {
    /// What the runs before said: the end of this one does not say it again.
    pub(in crate::cli) fn knows(&mut self, findings: Vec<(String, Finding)>) {
        self.known = findings;
    }

    /// Takes one event in.
    pub(in crate::cli) fn note(&mut self, event: &Event) {
        match event {
            Event::RunStarted { stage, .. } => self.stage.clone_from(stage),
            Event::StepStarted { .. } | Event::Phase { .. } => {}
            Event::StepReused { step, rows, findings } => {
                self.settle(step, Fate::Reused { rows: *rows });
                self.found(step, findings);
            }
            Event::StepFinished { step, rows, computed, cached, seconds, unchanged, findings, .. } => {
                let (rows, computed, cached) = (*rows, *computed, *cached);
                self.settle(step, Fate::Computed { rows, computed, cached, seconds: *seconds, unchanged: *unchanged });
                self.found(step, findings);
            }
            Event::StepFailed { step, error } => self.settle(step, Fate::Failed { error: error.clone() }),
            Event::GateFailed { step, metric, expected, found, rows } => {
                self.gates.push(gate(step, metric, expected, *found, rows.as_ref()));
            }
            Event::StepChanged { step, findings } => self.found(step, findings),
            Event::StepWaits { step, labels } => self.settle(step, Fate::Waits { labels: *labels }),
            Event::StepBlocked { step, root, images, gone } => {
                self.settle(step, Fate::Blocked { root: root.clone(), images: *images, gone: gone.clone() });
            }
            Event::StepSkipped { step, because } => self.settle(step, Fate::Skipped { because: because.clone() }),
            Event::Notice { message } => self.notices.push(message.clone()),
            Event::RunFinished { outcome, seconds, bytes_read } => self.end = Some((*outcome, *seconds, *bytes_read)),
        }
    }

    fn settle(&mut self, step: &str, fate: Fate) {
        self.steps.push((step.to_owned(), fate));
    }

    fn found(&mut self, step: &str, findings: &[Finding]) {
        self.findings.extend(findings.iter().map(|finding| (step.to_owned(), finding.clone())));
    }

    /// The table, the findings, and what to do next.
    pub(in crate::cli) fn render(&self) -> String {
        let mut page = String::from("\n");
        if !self.steps.is_empty() {
            page.push_str(&self.table());
            page.push('\n');
        }
        for (step, fate) in &self.steps {
            if let Fate::Failed { error } = fate {
                page.push_str(&format!("{} step `{step}` failed: {}\n\n", paint(ERROR, "error:"), lines(error)));
            }
        }
        for gate in &self.gates {
            page.push_str(&format!("{} {gate}\n\n", paint(ERROR, "expectation failed:")));
        }
        page.push_str(&self.findings());
        for notice in &self.notices {
            page.push_str(&format!("note: {}\n", visible(notice)));
        }
        page.push_str(&self.closing());
        page
    }

    fn table(&self) -> String {
        const HEADER: [(&str, Align); 6] = [
            ("step", Align::Left),
            ("did", Align::Left),
            ("rows", Align::Right),
            ("computed", Align::Right),
            ("cached", Align::Right),
            ("seconds", Align::Right),
        ];
        let row = |(step, fate): &(String, Fate)| {
            let mut row = vec![Text::from(step)];
            match fate {
                Fate::Reused { rows } => row.extend([Text::styled("reused", GOOD), count(*rows).into()]),
                Fate::Computed { rows, computed, cached, seconds, unchanged } => {
                    // A step that yields files has no rows, and no table that could be as before.
                    let did = if *unchanged && *rows > 0 { "ran, unchanged" } else { "ran" };
                    let listed = if *rows == 0 { Text::styled("-", FAINT) } else { count(*rows).into() };
                    let mapped = |n: u64| if computed + cached == 0 { Text::styled("-", FAINT) } else { count(n).into() };
                    row.extend([Text::styled(did, BUSY), listed, mapped(*computed), mapped(*cached)]);
                    row.push(format!("{seconds:.1}").into());
                }
                Fate::Failed { .. } => row.push(Text::styled("failed", ERROR)),
                Fate::Waits { labels } => row.push(Text::styled(&format!("waits for {}", counted(*labels, "label")), WARNING)),
                Fate::Blocked { root, images, gone: Some(_) } => {
                    row.push(Text::styled(&format!("held back: {} gone from `{root}`", counted(*images, "image")), ERROR));
                }
                Fate::Blocked { root, .. } => row.push(Text::styled(&format!("blocked: root `{root}` is absent"), ERROR)),
                Fate::Skipped { because } => row.push(Text::styled(&format!("skipped because of `{because}`"), FAINT)),
            }
            row.resize(HEADER.len(), Text::from(""));
            row
        };
        columns(&HEADER, &self.steps.iter().map(row).collect::<Vec<_>>(), STRONG)
    }

    fn findings(&self) -> String {
        if self.findings.is_empty() {
            return String::new();
        }
        let (known, new): (Vec<_>, Vec<_>) = self.findings.iter().partition(|finding| self.known.contains(finding));
        let mut page = String::new();
        if !new.is_empty() {
            let noun = if self.known.is_empty() { "finding" } else { "new finding" };
            page.push_str(&format!("{}\n", paint(STRONG, &counted(new.len() as u64, noun))));
            for (step, finding) in new {
                page.push_str(&finding_words(step, finding, "  "));
            }
        }
        if !known.is_empty() {
            page.push_str(&format!("{}: `trapline status` lists them\n", counted(known.len() as u64, "known finding")));
        }
        page + "\n"
    }

    /// How it ended and the next thing to do.
    fn closing(&self) -> String {
        let Some((outcome, time, read)) = self.end else {
            let words = format!("The run did not reach its end: {} goes on from there.", self.again());
            return format!("{}\n", paint(WARNING, &words));
        };
        let read = if read > 0 { format!(", {} of images read", bytes(read)) } else { String::new() };
        let took = format!("{}{read}", seconds(time));
        let (head, next) = match outcome {
            Outcome::Complete => {
                (paint(GOOD, "Complete"), "Next: `trapline show STEP` prints a table, `trapline status` sums up.".to_owned())
            }
            Outcome::Failed => (
                paint(ERROR, "Failed"),
                format!("Mend what the errors above name, then {} again: what succeeded is kept.", self.again()),
            ),
            Outcome::Waiting => (paint(WARNING, "Waiting for people"), self.next_when_waiting()),
            Outcome::Blocked => (paint(ERROR, "Blocked"), self.next_when_blocked()),
            Outcome::Interrupted => {
                (paint(WARNING, "Stopped"), format!("{} goes on from there: finished rows are kept.", self.again()))
            }
        };
        format!("{head} after {took}.\n{next}\n")
    }

    /// The command that goes on.
    fn again(&self) -> String {
        self.stage.as_ref().map_or_else(|| "`trapline run`".to_owned(), |stage| format!("`trapline run --stage {stage}`"))
    }

    fn next_when_waiting(&self) -> String {
        let waits = |(step, fate): &'_ (String, Fate)| match fate {
            Fate::Waits { labels } => Some((step.clone(), *labels)),
            _ => None,
        };
        let waiting: Vec<(String, u64)> = self.steps.iter().filter_map(waits).collect();
        // The steps that ask have a result of their own; the others only wait for them.
        let asks = |step: &str| self.steps.iter().any(|(name, fate)| name == step && !matches!(fate, Fate::Waits { .. }));
        let is_asked = waiting.iter().any(|(step, _)| asks(step));
        let parts = waiting.iter().filter(|(step, _)| !is_asked || asks(step)).map(|(step, labels)| {
            let found = |kind: &str| -> bool { self.findings.iter().any(|(of, one)| of == step && one.kind == kind) };
            let relink = if found("changed_images") {
                format!(" Images whose bytes changed get their answers back with `trapline labels relink {step}`.")
            } else {
                String::new()
            };
            let decide = if found("disagreements") || found("conflicts") {
                let command = if cfg!(feature = "review") { "review" } else { "labels todo" };
                format!(
                    " Where reviewers disagree, somebody else decides: `trapline {command} {step} --adjudicate --reviewer NAME`."
                )
            } else {
                String::new()
            };
            let labels = counted(*labels, "label");
            format!("Next: {labels} for `{step}`: {}; then {} again.{relink}{decide}", how_to_answer(step), self.again())
        });
        parts.collect::<Vec<_>>().join("\n")
    }

    fn next_when_blocked(&self) -> String {
        let mut absent: BTreeMap<&str, u64> = BTreeMap::new();
        let mut gone: BTreeMap<&str, &Gone> = BTreeMap::new();
        for (_, fate) in &self.steps {
            match fate {
                Fate::Blocked { root, gone: Some(images), .. } => drop(gone.entry(root).or_insert(images)),
                Fate::Blocked { root, images, .. } => drop(absent.entry(root).or_insert(*images)),
                _ => {}
            }
        }
        let again = self.again();
        let mut parts: Vec<String> =
            gone.into_iter().map(|(root, gone)| gone_words(root, gone, &again).trim_end().to_owned()).collect();
        parts.extend(absent.iter().map(|(root, images)| format!("Nothing is lost: {}.", blocked(root, *images, None))));
        if !absent.is_empty() {
            parts.push(format!("Next: connect the disk, or name its place in `trapline.local.yaml`, then {again} again."));
        }
        parts.join("\n")
    }
}

/// A finding in one or two lines, with the first of what it concerns.
pub(in crate::cli) fn finding_words(step: &str, finding: &Finding, indent: &str) -> String {
    let mut words = format!("{indent}{} {}\n", paint(WARNING, &format!("{step}:")), visible(&finding.message));
    let mut examples: Vec<_> = finding.examples.iter().take(3).map(|example| visible(example)).collect();
    let hidden = finding.count.saturating_sub(examples.len() as u64);
    if !examples.is_empty() {
        if hidden > 0 {
            examples.push(format!("and {} more", count(hidden)));
        }
        words.push_str(&format!("{indent}  {}\n", paint(FAINT, &examples.join("; "))));
    }
    words
}

/// How people answer what a step asks.
pub(in crate::cli) fn how_to_answer(step: &str) -> String {
    if cfg!(feature = "review") {
        format!("`trapline review {step}` asks them in the browser")
    } else {
        format!("`trapline labels todo {step}` lists them")
    }
}

/// A gate that failed, in words.
pub(in crate::cli) fn gate(step: &str, metric: &str, expected: &str, found: Option<f64>, rows: Option<&GateRows>) -> String {
    let of = format!("`{}` of step `{step}`", visible(metric));
    let Some(rows) = rows else {
        let found = found.map_or("was not reported".to_owned(), |n| format!("is {n}"));
        return format!("{of} {found}, expected {expected} (the results are kept)");
    };
    if rows.checked == 0 {
        return format!("{of} finds no row to check, expected {expected} (the results are kept)");
    }
    let are = if rows.failing == 1 { "is" } else { "are" };
    let mut words = format!("{of}: {} of {} {are} not {expected}", count(rows.failing), counted(rows.checked, "row"));
    if rows.missing > 0 {
        words.push_str(&format!(", {} of them without a value", count(rows.missing)));
    }
    if let Some(worst) = found.filter(|_| rows.failing > rows.missing + 1) {
        words.push_str(&format!(", the worst is {worst}"));
    }
    let mut examples: Vec<_> = rows.examples.iter().map(|example| visible(example)).collect();
    let hidden = rows.failing.saturating_sub(examples.len() as u64);
    if hidden > 0 {
        examples.push(format!("and {} more", count(hidden)));
    }
    format!("{words} (the results are kept)\n  {}", examples.join("; "))
}

/// Further lines of a message, indented under its first.
fn lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n  ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn plain(events: &[Event]) -> String {
        let mut summary = Summary::default();
        for event in events {
            summary.note(event);
        }
        anstream::adapter::strip_str(&summary.render()).to_string()
    }

    fn finished(step: &str, rows: u64, computed: u64, cached: u64, findings: Vec<Finding>) -> Event {
        Event::StepFinished {
            step: step.into(),
            rows,
            computed,
            cached,
            bytes_read: 0,
            seconds: 12.34,
            unchanged: false,
            findings,
            metrics: BTreeMap::new(),
        }
    }

    fn ended(outcome: Outcome) -> Event {
        Event::RunFinished { outcome, seconds: 200.0, bytes_read: 1_234_000_000 }
    }

    #[test]
    fn a_complete_run_sums_up() {
        let finding = Finding {
            kind: "unknown_site".into(),
            message: "12 images lie in `ko_xx`, which `deployments.csv` does not know: add the site or mend the folder".into(),
            count: 12,
            examples: vec!["a/1.jpg".into(), "a/2.jpg".into(), "a/3.jpg".into(), "a/4.jpg".into()],
        };
        insta::assert_snapshot!(plain(&[
            Event::RunStarted { run: "1".into(), pipeline: "voles".into(), steps: vec!["images".into(), "metadata".into()], stage: None },
            Event::StepReused { step: "images".into(), rows: 440_000, findings: Vec::new() },
            finished("metadata", 440_000, 20_000, 420_000, vec![finding]),
            finished("table", 0, 0, 0, Vec::new()),
            ended(Outcome::Complete),
        ]), @"
        step      did        rows  computed   cached  seconds
        images    reused  440 000
        metadata  ran     440 000    20 000  420 000     12.3
        table     ran           -         -        -     12.3

        1 finding
          metadata: 12 images lie in `ko_xx`, which `deployments.csv` does not know: add the site or mend the folder
            a/1.jpg; a/2.jpg; a/3.jpg; and 9 more

        Complete after 3 min 20 s, 1.2 GB of images read.
        Next: `trapline show STEP` prints a table, `trapline status` sums up.
        ");
    }

    #[test]
    fn a_failed_run_says_what_failed() {
        insta::assert_snapshot!(plain(&[
            finished("images", 10, 0, 0, Vec::new()),
            Event::StepFailed { step: "names".into(), error: "cannot write `names.csv`\npermission denied".into() },
            Event::StepSkipped { step: "table".into(), because: "names".into() },
            Event::GateFailed {
                step: "quality".into(),
                metric: "classes[season=2024].precision".into(),
                expected: ">= 0.9".into(),
                found: Some(0.61),
                rows: Some(GateRows {
                    checked: 9,
                    failing: 4,
                    missing: 1,
                    examples: vec!["class=stoat: 0.87".into(), "class=lemming: 0.61".into(), "class=shrew: missing".into()],
                }),
            },
            Event::GateFailed {
                step: "quality".into(),
                metric: "classes[class=wolf].n".into(),
                expected: "> 0".into(),
                found: None,
                rows: Some(GateRows::default()),
            },
            Event::GateFailed { step: "quality".into(), metric: "accuracy_lower".into(), expected: ">= 0.93".into(), found: Some(0.91), rows: None },
            ended(Outcome::Failed),
        ]), @"
        step    did                         rows  computed  cached  seconds
        images  ran                           10         -       -     12.3
        names   failed
        table   skipped because of `names`

        error: step `names` failed: cannot write `names.csv`
          permission denied

        expectation failed: `classes[season=2024].precision` of step `quality`: 4 of 9 rows are not >= 0.9, 1 of them without a value, the worst is 0.61 (the results are kept)
          class=stoat: 0.87; class=lemming: 0.61; class=shrew: missing; and 1 more

        expectation failed: `classes[class=wolf].n` of step `quality` finds no row to check, expected > 0 (the results are kept)

        expectation failed: `accuracy_lower` of step `quality` is 0.91, expected >= 0.93 (the results are kept)

        Failed after 3 min 20 s, 1.2 GB of images read.
        Mend what the errors above name, then `trapline run` again: what succeeded is kept.
        ");
    }

    #[test]
    fn what_changed_in_a_sample_stands_among_the_findings() {
        let left = Finding {
            kind: "left_sample".into(),
            message: "2 images left the sample: their labels are kept and used".into(),
            count: 2,
            examples: vec!["ko1 2024 a.jpg".into(), "ko1 2024 b.jpg".into()],
        };
        insta::assert_snapshot!(plain(&[
            finished("drawn", 10, 0, 0, Vec::new()),
            Event::StepChanged { step: "drawn".into(), findings: vec![left] },
            ended(Outcome::Complete),
        ]), @"
        step   did  rows  computed  cached  seconds
        drawn  ran    10         -       -     12.3

        1 finding
          drawn: 2 images left the sample: their labels are kept and used
            ko1 2024 a.jpg; ko1 2024 b.jpg

        Complete after 3 min 20 s, 1.2 GB of images read.
        Next: `trapline show STEP` prints a table, `trapline status` sums up.
        ");
    }

    #[test]
    fn people_and_disks_are_asked_for() {
        insta::assert_snapshot!(plain(&[
            Event::StepBlocked { step: "images".into(), root: "archive".into(), images: 1200, gone: None },
            Event::StepBlocked { step: "more".into(), root: "archive".into(), images: 1200, gone: None },
            ended(Outcome::Blocked),
        ]), @"
        step    did                                rows  computed  cached  seconds
        images  blocked: root `archive` is absent
        more    blocked: root `archive` is absent

        Blocked after 3 min 20 s, 1.2 GB of images read.
        Nothing is lost: root `archive` is absent (1 200 images last seen there).
        Next: connect the disk, or name its place in `trapline.local.yaml`, then `trapline run` again.
        ");
        insta::assert_snapshot!(plain(&[Event::StepWaits { step: "qc".into(), labels: 40 }, ended(Outcome::Waiting)]), @"
        step  did                  rows  computed  cached  seconds
        qc    waits for 40 labels

        Waiting for people after 3 min 20 s, 1.2 GB of images read.
        Next: 40 labels for `qc`: `trapline review qc` asks them in the browser; then `trapline run` again.
        ");
    }

    #[test]
    fn a_stage_goes_on_by_its_own_name() {
        let started =
            Event::RunStarted { run: "r".into(), pipeline: "p".into(), steps: vec!["qc".into()], stage: Some("retrain".into()) };
        let page = plain(&[started, Event::StepWaits { step: "qc".into(), labels: 1 }, ended(Outcome::Waiting)]);
        assert!(page.contains("then `trapline run --stage retrain` again."), "{page}");
    }

    #[test]
    fn a_killed_run_has_no_end() {
        insta::assert_snapshot!(plain(&[finished("images", 10, 0, 0, Vec::new())]), @"
        step    did  rows  computed  cached  seconds
        images  ran    10         -       -     12.3

        The run did not reach its end: `trapline run` goes on from there.
        ");
    }
}
