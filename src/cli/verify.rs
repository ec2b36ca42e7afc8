//! `trapline verify`: does the same work still yield what `trapline.lock` says?

use clap::{Args, ValueEnum};
use serde_json::json;

use super::exit::Exit;
use super::options::{Format, ProjectArgs, StoreArgs};
use super::render::columns::{Align, Text, columns_within, visible};
use super::render::diff::shortened;
use super::render::progress::Watch;
use super::render::style::{ERROR, FAINT, GOOD, STRONG, WARNING};
use super::render::words::{count, counted};
use super::terminal::Terminal;
use super::{plan, project};
use crate::run::compare::Verdict;
use crate::run::verify::{self, Verified};
use crate::step::Cancel;

/// Compare results with `trapline.lock` by computing them again
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline verify --level tables          from stored predictions, needs no image
  trapline verify --level sample          also computes 100 images of each step again
  trapline verify --level all             computes everything again

Models are compared where their bundles lie here, and damaged files of the store are said. In a bundle (`trapline export --bundle`)
images that did not come along are not checkable, never a difference.

Exit code: 0 when everything agrees or cannot be checked here, 1 when something differs.")]
pub(super) struct Verify {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// How thoroughly
    #[arg(long, value_name = "LEVEL", default_value = "tables")]
    level: Level,

    /// Images of each step for `--level sample`, drawn by hash: always the same ones
    #[arg(long, value_name = "N", default_value_t = 100)]
    sample: usize,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// How thoroughly to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// Table operations, from what is stored.
    Tables,
    /// Also some images.
    Sample,
    /// Also every image.
    All,
}

pub(super) fn run(args: &Verify, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let level = match args.level {
        Level::Tables => verify::Level::Tables,
        Level::Sample => verify::Level::Sample(args.sample),
        Level::All => verify::Level::All,
    };
    let watch = Watch::new(terminal);
    let found = verify::verify(&pipeline, &project::store(&args.store, &pipeline), level, &watch, &Cancel::default());
    watch.abandon();
    let found = found.map_err(plan::run_error)?;
    match args.format {
        Format::Text => terminal.print(&render(&found, terminal.full_width()))?,
        Format::Json => terminal.print_json(&json!({ "format": 1, "verified": found }))?,
    }
    let differs = found.iter().any(|one| matches!(one.verdict, Verdict::Differs { .. }));
    Ok(if differs { Exit::StepFailed } else { Exit::Ok })
}

fn render(found: &[Verified], width: usize) -> String {
    let header = [("step", Align::Left), ("what", Align::Left), ("checked", Align::Right), ("verdict", Align::Left)];
    let row = |one: &Verified| {
        let style = match &one.verdict {
            Verdict::Exact => GOOD,
            Verdict::Within { .. } => WARNING,
            Verdict::Differs { .. } => ERROR,
            Verdict::NotCheckable { .. } => FAINT,
        };
        vec![
            one.step.as_str().into(),
            one.what.as_str().into(),
            count(one.checked).into(),
            Text::styled(one.verdict.to_string().lines().next().unwrap_or_default(), style),
        ]
    };
    let told = |one: &Verified| {
        let words = one.verdict.to_string();
        let lines: Vec<String> = words.lines().skip(1).map(|line| format!("  {}\n", shortened(&visible(line)))).collect();
        if lines.is_empty() { String::new() } else { format!("\n{} {}\n{}", one.step, one.what, lines.concat()) }
    };
    let of = |is: fn(&Verdict) -> bool| found.iter().filter(|one| is(&one.verdict)).count();
    let differing = of(|verdict| matches!(verdict, Verdict::Differs { .. }));
    let unchecked = of(|verdict| matches!(verdict, Verdict::NotCheckable { .. }));
    format!(
        "{}{}\n{}: {} agree, {differing} differ, {unchecked} not checkable here\n",
        columns_within(&header, &found.iter().map(row).collect::<Vec<_>>(), STRONG, width),
        found.iter().map(told).collect::<String>(),
        counted(found.len() as u64, "check"),
        found.len() - differing - unchecked,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_counted() {
        let one = |step: &str, verdict| Verified { step: step.into(), what: "output table".into(), checked: 440_000, verdict };
        let found = [
            one("images", Verdict::Exact),
            one("metadata", Verdict::Within { largest: 3e-6, labels: 3, which: vec!["changed: a.jpg".into()] }),
            one("names", Verdict::Differs { what: "9 rows instead of 10".into() }),
            one("table", Verdict::NotCheckable { because: "images withheld".into() }),
        ];
        insta::assert_snapshot!(anstream::adapter::strip_str(&render(&found, 80)).to_string(), @"
        step      what          checked  verdict
        images    output table  440 000  exact
        metadata  output table  440 000  within 1e-4, 3 labels differ
        names     output table  440 000  differs: 9 rows instead of 10
        table     output table  440 000  not checkable: images withheld

        metadata output table
          changed: a.jpg

        4 checks: 2 agree, 1 differ, 1 not checkable here
        ");
    }
}
