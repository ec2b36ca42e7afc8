//! `trapline labels status`: who answered how much, and what keeps a review waiting.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::ReviewArgs;
use super::desk;
use crate::cli::exit::Exit;
use crate::cli::options::Format;
use crate::cli::render::columns::{Align, Text, columns, visible};
use crate::cli::render::style::{STRONG, WARNING, paint};
use crate::cli::render::words::{count, counted};
use crate::cli::terminal::Terminal;
use crate::review::desk::Desk;
use crate::review::pictures::text_of;
use crate::stats::agreement::Kappa;
use crate::stats::combine::Estimate;
use crate::step::Finding;
use crate::step::review::Agreed;

/// Count answers by reviewer and type of sample, and say what keeps the review waiting
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline labels status qc_labels
  trapline labels status qc_labels --format json")]
pub(super) struct Status {
    #[command(flatten)]
    review: ReviewArgs,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

struct Counts {
    asked: usize,
    missing: usize,
    /// Missing images by status.
    waiting: BTreeMap<String, u64>,
    /// Answers by reviewer and type.
    reviewers: BTreeMap<String, BTreeMap<String, u64>>,
    agreement: Option<Agreed>,
    findings: Vec<Finding>,
    metrics: BTreeMap<String, f64>,
}

pub(super) fn run(args: &Status, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some((desk, _)) = desk::open(&args.review, terminal)? else { return Ok(Exit::BadInput) };
    let counts = count_answers(&desk)?;
    match args.format {
        Format::Text => terminal.print(&render(&desk, &counts))?,
        Format::Json => terminal.print_json(&json!({
            "format": 1,
            "step": desk.step(),
            "folder": desk.question.folder,
            "asked": counts.asked,
            "answered": counts.asked - counts.missing,
            "missing": counts.missing,
            "missing_by_status": counts.waiting,
            "reviewers": counts.reviewers.iter().map(|(name, types)| json!({
                "name": name,
                "answers": types.values().sum::<u64>(),
                "by_type": types,
            })).collect::<Vec<_>>(),
            "agreement": counts.agreement.as_ref().map(agreement_json),
            "metrics": counts.metrics,
            "findings": counts.findings,
        }))?,
    }
    Ok(Exit::Ok)
}

fn count_answers(desk: &Desk) -> anyhow::Result<Counts> {
    let reviewed = desk.review()?;
    let (missing, answers) = (reviewed.output("missing")?, reviewed.output("answers")?);
    let mut waiting: BTreeMap<String, u64> = BTreeMap::new();
    for row in 0..missing.rows {
        *waiting.entry(text_of(missing, "status", row).to_owned()).or_default() += 1;
    }
    let mut reviewers: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for row in 0..answers.rows {
        let of = reviewers.entry(text_of(answers, "reviewer", row).to_owned()).or_default();
        *of.entry(text_of(answers, "type", row).to_owned()).or_default() += 1;
    }
    let (asked, missing) = (reviewed.asked.len(), missing.rows);
    let agreement = reviewed.agreement;
    Ok(Counts {
        asked,
        missing,
        waiting,
        reviewers,
        agreement,
        findings: reviewed.outputs.findings,
        metrics: reviewed.outputs.metrics,
    })
}

fn render(desk: &Desk, counts: &Counts) -> String {
    let header = [("reviewer", Align::Left), ("type", Align::Left), ("answers", Align::Right)];
    let mut rows = Vec::new();
    for (reviewer, types) in &counts.reviewers {
        for (place, (ty, n)) in types.iter().enumerate() {
            let name = if place == 0 { reviewer.as_str() } else { "" };
            rows.push(vec![Text::from(name), Text::from(ty), count(*n).into()]);
        }
    }
    let mut page = if rows.is_empty() { String::new() } else { columns(&header, &rows, STRONG) + "\n" };
    let answered = (counts.asked - counts.missing) as u64;
    page.push_str(&format!("{} of {} answered", count(answered), counted(counts.asked as u64, "image")));
    let waiting: Vec<_> = counts.waiting.iter().map(|(status, n)| format!("{} {status}", count(*n))).collect();
    page.push_str(&if waiting.is_empty() { ".\n".to_owned() } else { format!("; missing: {}.\n", waiting.join(", ")) });
    if let Some(agreed) = &counts.agreement {
        page.push_str(&agreement_words(agreed));
    }
    for finding in &counts.findings {
        page.push_str(&format!("{} {}\n", paint(WARNING, "note:"), visible(&finding.message)));
        for example in &finding.examples {
            page.push_str(&format!("  {}\n", visible(example)));
        }
    }
    if counts.missing > 0 {
        let next = if cfg!(feature = "review") { "review" } else { "labels todo" };
        let disputed: u64 = ["disagreement", "conflict"].iter().filter_map(|status| counts.waiting.get(*status)).sum();
        if counts.missing as u64 > disputed {
            page.push_str(&format!("Next: trapline {next} {}\n", desk.step()));
        }
        if disputed > 0 {
            let step = desk.step();
            page.push_str(&format!("Next, for somebody who decides: trapline {next} {step} --adjudicate --reviewer NAME\n"));
        }
    }
    page
}

/// One line: `agreement 92.0 % (85.1 to 96.2) of 50 images ...`.
fn agreement_words(agreed: &Agreed) -> String {
    let percent = agreed.found.percent.times(100.0);
    let images = counted(agreed.found.images, "image");
    let kappa = match &agreed.found.kappa {
        Some(Kappa { kind, estimate, .. }) => {
            format!("{} kappa {:.2} ({:.2} to {:.2})", kind.owner(), estimate.value, estimate.lower, estimate.upper)
        }
        None => "no kappa: all answers name one class".to_owned(),
    };
    format!(
        "agreement {:.1} % ({:.0} to {:.0}) of {images} with two answers or more, {kappa}\n",
        percent.value, percent.lower, percent.upper
    )
}

fn agreement_json(agreed: &Agreed) -> serde_json::Value {
    let bounds = |found: &Estimate| json!({ "value": found.value, "lower": found.lower, "upper": found.upper });
    let percent = bounds(&agreed.found.percent);
    let kappa = agreed.found.kappa.as_ref().map(|kappa| {
        let Kappa { kind, estimate, standard_error } = kappa;
        json!({
            "kind": kind,
            "value": estimate.value,
            "lower": estimate.lower,
            "upper": estimate.upper,
            "standard_error": standard_error,
        })
    });
    json!({ "images": agreed.found.images, "reviewers": agreed.reviewers, "agreement": percent, "kappa": kappa })
}
