//! `trapline promote`: a model that a step made becomes a named one, if its comparison speaks for it.

use clap::Args;
use serde_json::json;

use super::exit::{Exit, coded};
use super::options::{Format, ProjectArgs, StoreArgs};
use super::render::words::{count, list};
use super::terminal::Terminal;
use super::{host, plan, project, stored};
use crate::check::Pipeline;
use crate::plan::decision::Decision;
use crate::run::RunOptions;
use crate::run::promote::{self, PromoteError, Promoted, Verdict, Wish};

/// Make a model that a step trained a named model of the project, if its comparison speaks for it
#[derive(Debug, Args)]
#[command(after_help = "Example:
  trapline promote train --as small_mammals@2027.1 --because \"new cameras since 2026\"

Writes models/NAME/VERSION/ and models.lock. Refused, and nothing written, unless
- the step's result is up to date: what the pipeline makes now is what was made last;
- a step `compare` judges exactly this model: its `candidate` comes from a `classify` with
  `model: STEP`, its `current` from another model, its `exclude` holds the images that STEP was
  trained on, and its result is up to date too;
  the first model of a project, whose models.lock lists none, has nothing to be compared with;
- all `expect:` of the step and of its comparisons hold. Where a comparison has none on `gain`,
  `gain_lower` or `worst_gain_lower`, `gain_lower >= -0.02` is expected: at worst two images
  in a hundred more are wrong;
- no other model has this name and version.

Exit code: 0 when the model is in the project, 1 when a gate fails, 4 when people must answer
first, 5 when a root is absent, 2 for any other reason to refuse.")]
pub(super) struct Promote {
    /// The step that made the model, or one of its outputs
    #[arg(value_name = "STEP[.PORT]")]
    step: String,

    /// The name and version to give it
    #[arg(long = "as", value_name = "NAME@VERSION")]
    model: String,

    /// Why; kept in the model's notes
    #[arg(long, value_name = "REASON")]
    because: String,

    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Promote, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let options = RunOptions { store: project::store(&args.store, &pipeline), ..RunOptions::default() };
    let (step, port) = stored::reference(&args.step);
    let wish = Wish { step, port, model: &args.model, because: &args.because, on: &host::now() };
    let promoted = promote::promote(&pipeline, &options, &wish).map_err(refusal)?;
    match args.format {
        Format::Text => terminal.say(&told(&pipeline, &promoted)),
        Format::Json => terminal.print_json(&json!({ "format": 1, "promoted": promoted }))?,
    }
    Ok(Exit::Ok)
}

/// A refusal, with its exit code.
fn refusal(error: PromoteError) -> anyhow::Error {
    let exit = match error {
        PromoteError::Run(error) => return plan::run_error(error),
        PromoteError::Store(error) => return stored::store_error(error),
        PromoteError::Gates(_) => Exit::StepFailed,
        PromoteError::NotReady { decision: Decision::Wait { .. }, .. } => Exit::Waiting,
        PromoteError::NotReady { decision: Decision::Blocked { .. }, .. } => Exit::RootAbsent,
        _ => Exit::BadInput,
    };
    coded(exit, error)
}

fn told(pipeline: &Pipeline, promoted: &Promoted) -> String {
    let Promoted { step, signature, folder, comparisons } = promoted;
    let model = &signature.model;
    let mut page = format!("{model} is a model of the project now: what `{step}` made lies in `{folder}`.\n");
    for verdict in comparisons {
        page.push_str(&figures(verdict));
    }
    let named = pipeline.steps.iter().filter(|step| step.params.get("model").is_some());
    let named: Vec<_> = named.map(|step| format!("`{}`", step.name.value)).collect();
    let place = if named.is_empty() { "in a classify step".to_owned() } else { format!("in {}", list(&named)) };
    page.push_str(&format!(
        "Next: `model: {model}` {place}, or `model: {{ \"..2026\": OLD, default: {model} }}` where past seasons keep theirs; \
         commit `{folder}` and models.lock.\n"
    ));
    page
}

/// What a comparison found, in one line.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of images")]
fn figures(verdict: &Verdict) -> String {
    let number = |name: &str| verdict.metrics.get(name).copied();
    let text = |name: &str| number(name).map_or_else(|| "unknown".to_owned(), |value| format!("{value:.4}"));
    format!(
        "  {}: {} images, accuracy {} against {}, gain {} ({} to {}); expected {}\n",
        verdict.step,
        count(number("images").unwrap_or(0.0) as u64),
        text("accuracy_candidate"),
        text("accuracy_current"),
        text("gain"),
        text("gain_lower"),
        text("gain_upper"),
        list(&verdict.gates),
    )
}
