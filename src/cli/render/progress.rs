//! Shows a run while it happens: a bar on a terminal, plain lines in logs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::columns::visible;
use super::style::{ERROR, GOOD, STRONG, WARNING, paint};
use super::summary::{Summary, gate};
use super::words::{blocked, bytes, count, counted, seconds};
use crate::cli::terminal::Terminal;
use crate::run::event::{Event, Observer};

/// A line in a log every so often: enough to see that it lives, few enough to read.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// A bar's words change no faster than an eye reads.
const BAR_EVERY: Duration = Duration::from_millis(250);

/// Watches a run for a person.
pub(in crate::cli) struct Watch {
    terminal: Terminal,
    bar: Option<ProgressBar>,
    born: Instant,
    every: Duration,
    items: AtomicU64,
    bytes: AtomicU64,
    /// When to speak next, in milliseconds since birth.
    next_ms: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    step: String,
    phase: String,
    total: u64,
    since: Duration,
    summary: Summary,
}

impl Watch {
    /// What the runs before said already.
    pub(in crate::cli) fn knows(&self, findings: Vec<(String, crate::step::Finding)>) {
        if let Ok(mut state) = self.state.lock() {
            state.summary.knows(findings);
        }
    }

    /// Starts watching; a bar moves only where a person looks.
    pub(in crate::cli) fn new(terminal: Terminal) -> Self {
        let bar = terminal.is_watched().then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            bar.set_style(bar_style(0, terminal.talks_in_colour()));
            bar.enable_steady_tick(BAR_EVERY);
            bar
        });
        let every = if bar.is_some() { BAR_EVERY } else { LINE_EVERY };
        Self {
            terminal,
            bar,
            born: Instant::now(),
            every,
            items: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            next_ms: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// Ends the bar and says what was done.
    pub(in crate::cli) fn conclude(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.terminal.say(&state.summary.render());
    }

    /// Ends the bar of a run that could not go on; the error says the rest.
    pub(in crate::cli) fn abandon(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// A line of talk that does not tear the bar.
    pub(in crate::cli) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.say(&format!("{line}\n"))),
            None => self.terminal.say(&format!("{line}\n")),
        }
    }

    fn begin(&self, state: &mut State, phase: &str, total: u64) {
        phase.clone_into(&mut state.phase);
        state.total = total;
        state.since = self.born.elapsed();
        self.items.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.next_ms.store(millis(state.since + self.every), Ordering::Relaxed);
        match &self.bar {
            Some(bar) => {
                bar.set_style(bar_style(total, self.terminal.talks_in_colour()));
                bar.set_length(total);
                bar.set_position(0);
                bar.set_prefix(visible(&state.step));
                bar.set_message(doing(phase).to_owned());
            }
            None => self.say(&begun(&state.step, phase, total)),
        }
    }

    fn tell(&self, state: &State) {
        let items = self.items.load(Ordering::Relaxed);
        let bytes = self.bytes.load(Ordering::Relaxed);
        let pace = pace(items, state.total, bytes, (self.born.elapsed().saturating_sub(state.since)).as_secs_f64());
        match &self.bar {
            Some(bar) => {
                bar.set_position(items);
                let so_far = if state.total == 0 { format!(", {}", count(items)) } else { String::new() };
                bar.set_message(format!("{}{so_far}{pace}", doing(&state.phase)));
            }
            None => self.say(&format!("{}: {}, {}{pace}", visible(&state.step), doing(&state.phase), so_far(items, state.total))),
        }
    }
}

impl Observer for Watch {
    fn event(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.summary.note(event);
        match event {
            Event::StepStarted { step, .. } => {
                step.clone_into(&mut state.step);
                if let Some(bar) = &self.bar {
                    bar.set_style(bar_style(0, self.terminal.talks_in_colour()));
                    bar.set_prefix(visible(step));
                    bar.set_message(String::new());
                }
            }
            Event::Phase { step, phase, total } => {
                step.clone_into(&mut state.step);
                self.begin(&mut state, phase, *total);
            }
            _ => {
                if let Some(line) = line(event) {
                    self.say(&line);
                }
            }
        }
    }

    fn advance(&self, items: u64, bytes: u64) {
        self.items.fetch_add(items, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let now = self.born.elapsed();
        if millis(now) < self.next_ms.load(Ordering::Relaxed) {
            return;
        }
        // Workers report often: one speaks, the others go on working.
        if let Ok(state) = self.state.try_lock() {
            self.next_ms.store(millis(now + self.every), Ordering::Relaxed);
            self.tell(&state);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A bar where the end is known, else a sign of life.
fn bar_style(total: u64, colour: bool) -> ProgressStyle {
    let template = match (total > 0, colour) {
        (true, true) => "{prefix:.bold} {bar:30.cyan/dim} {percent:>3} % {msg}",
        (true, false) => "{prefix} {bar:30} {percent:>3} % {msg}",
        (false, true) => "{prefix:.bold} {spinner:.cyan} {msg}",
        (false, false) => "{prefix} {spinner} {msg}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

/// The phases that the engine and the steps name, as a person would say them.
fn doing(phase: &str) -> &str {
    match phase {
        "scan" => "looking for files",
        "hash" => "reading new files",
        "map" | "compute" => "computing rows",
        "read" => "reading images",
        "name" => "naming",
        "write" => "writing",
        "verify" => "computing again",
        other => other,
    }
}

fn begun(step: &str, phase: &str, total: u64) -> String {
    let total = if total == 0 { String::new() } else { format!(", {} ahead", count(total)) };
    format!("{}: {}{total}", visible(step), doing(phase))
}

fn so_far(items: u64, total: u64) -> String {
    if total == 0 {
        return count(items);
    }
    format!("{} of {} ({} %)", count(items), count(total), items.saturating_mul(100) / total)
}

/// Rates and the time left: `, 1 200/s, 24.1 MB/s, 4 min 10 s left`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are shown to three digits"
)]
fn pace(items: u64, total: u64, read: u64, elapsed: f64) -> String {
    // Rates of the first moments say nothing.
    if elapsed < 0.5 || items == 0 {
        return String::new();
    }
    let rate = items as f64 / elapsed;
    let mut text = if rate < 99.5 { format!(", {rate:.1}/s") } else { format!(", {}/s", count(rate.round() as u64)) };
    if read > 0 {
        text.push_str(&format!(", {}/s", bytes((read as f64 / elapsed) as u64)));
    }
    if total > items {
        text.push_str(&format!(", {} left", seconds(((total - items) as f64 / rate).max(1.0).round())));
    }
    text
}

/// What an event adds to a log; the summary at the end says the rest.
fn line(event: &Event) -> Option<String> {
    let name = |step: &str| paint(STRONG, &format!("{}:", visible(step)));
    Some(match event {
        Event::StepReused { step, rows, .. } => format!("{} {} ({})", name(step), paint(GOOD, "reused"), counted(*rows, "row")),
        Event::StepFinished { step, rows, computed, cached, seconds: time, unchanged, .. } => {
            let mapped = if computed + cached == 0 {
                String::new()
            } else {
                format!(" ({} computed, {} cached)", count(*computed), count(*cached))
            };
            // A step that yields files has no rows.
            let made = if *rows == 0 { String::new() } else { format!(" {}{mapped}", counted(*rows, "row")) };
            let same = if *unchanged && *rows > 0 { ", unchanged" } else { "" };
            format!("{} {}{made} in {}{same}", name(step), paint(GOOD, "done,"), seconds(*time))
        }
        Event::StepFailed { step, error } => {
            format!("{} {} {}", name(step), paint(ERROR, "failed:"), visible(error.lines().next().unwrap_or_default()))
        }
        Event::GateFailed { step, metric, expected, found, rows } => {
            format!("{} {}", paint(ERROR, "expectation failed:"), gate(step, metric, expected, *found, rows.as_ref()))
        }
        Event::StepChanged { step, findings } => {
            let messages: Vec<_> = findings.iter().map(|finding| visible(&finding.message)).collect();
            format!("{} {} {}", name(step), paint(WARNING, "changed:"), messages.join("; "))
        }
        Event::StepWaits { step, labels } => {
            format!("{} {} {}", name(step), paint(WARNING, "waits for"), counted(*labels, "label"))
        }
        Event::StepBlocked { step, root, images, gone } => {
            format!("{} {} {}", name(step), paint(ERROR, "blocked:"), blocked(root, *images, gone.as_deref()))
        }
        Event::StepSkipped { step, because } => format!("{} skipped because of `{because}`", name(step)),
        Event::Notice { message } => format!("note: {}", visible(message)),
        Event::RunStarted { .. } | Event::StepStarted { .. } | Event::Phase { .. } | Event::RunFinished { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn pace_shows_rates_and_time_left() {
        assert_eq!(pace(120_000, 440_000, 2_410_000_000, 100.0), ", 1 200/s, 24.1 MB/s, 4 min 27 s left");
        assert_eq!(pace(93, 93, 0, 10.0), ", 9.3/s");
        assert_eq!(pace(10, 0, 0, 5.0), ", 2.0/s");
        assert_eq!(pace(10, 100, 0, 0.1), "");
    }

    #[test]
    fn logs_say_how_far_a_phase_is() {
        assert_eq!(begun("images", "scan", 0), "images: looking for files");
        assert_eq!(begun("metadata", "map", 20_000), "metadata: computing rows, 20 000 ahead");
        assert_eq!(so_far(5_000, 20_000), "5 000 of 20 000 (25 %)");
    }

    #[test]
    fn logs_have_a_line_per_step() {
        let events = [
            Event::StepReused { step: "images".into(), rows: 1, findings: Vec::new() },
            Event::StepFinished {
                step: "metadata".into(),
                rows: 440_000,
                computed: 20_000,
                cached: 420_000,
                bytes_read: 0,
                seconds: 12.3,
                unchanged: true,
                findings: Vec::new(),
                metrics: BTreeMap::new(),
            },
            Event::StepFailed { step: "names".into(), error: "cannot write `names.csv`\nno space".into() },
            Event::StepWaits { step: "qc".into(), labels: 1 },
            Event::StepSkipped { step: "table".into(), because: "qc".into() },
            Event::Notice { message: "the index was rebuilt".into() },
        ];
        let lines: Vec<_> = events.iter().filter_map(line).collect();
        insta::assert_snapshot!(anstream::adapter::strip_str(&lines.join("\n")).to_string(), @"
        images: reused (1 row)
        metadata: done, 440 000 rows (20 000 computed, 420 000 cached) in 12 s, unchanged
        names: failed: cannot write `names.csv`
        qc: waits for 1 label
        table: skipped because of `qc`
        note: the index was rebuilt
        ");
    }
}
