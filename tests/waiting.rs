//! People are part of the graph: what depends on their answers waits, says how many are missing, and goes on when they are there.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, clippy::cast_precision_loss, reason = "tests")]

mod support;

use support::TestSpace;
use trapline::diagnostic::Report;
use trapline::plan::decision::Decision;
use trapline::run::event::{Event, Outcome};
use trapline::step::{
    Context, FileInput, IMAGE_COLUMNS, Job, MISSING_LABELS, Metric, Outputs, Params, Port, Step, StepError, StepKind,
};
use trapline::table::Schema;

/// Asks for one line in `answers.txt` per image.
static ASK: StepKind = StepKind {
    name: "ask",
    revision: 1,
    summary: "asks people",
    docs: "",
    inputs: &[Port::table("images", IMAGE_COLUMNS, "what to ask about")],
    outputs: &[Port::table("images", IMAGE_COLUMNS, "what was asked about")],
    params: &[],
    metrics: &[Metric { name: MISSING_LABELS, doc: "answers that are missing" }],
    keeps_rows: true,
    pins: None,
    read: |_: &Params, _: &mut Report| Some(Box::new(Ask)),
};

struct Ask;

impl Step for Ask {
    fn columns(&self, inputs: &[Vec<Schema>], _: &Context<'_>, _: &mut Report) -> Option<Vec<Schema>> {
        Some(inputs[0].clone())
    }

    fn files(&self, _: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        Ok(vec![FileInput { name: "answers".into(), path: "answers.txt".into(), optional: true, rewritten: false }])
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.input(0)?.read(None)?;
        let answers = job.files.get("answers").map_or(0, |bytes| String::from_utf8_lossy(bytes).lines().count());
        let missing = images.rows.saturating_sub(answers) as f64;
        Ok(Outputs { metrics: [(MISSING_LABELS.to_owned(), missing)].into(), tables: vec![images], ..Outputs::default() })
    }
}

const ASKING: &str = "  asked:
    uses: ask
    from: metadata
  table:
    uses: export
    from: asked
    with: { into: published/images.csv }
";

fn waits(events: &[Event]) -> Vec<(String, u64)> {
    let waits = |event: &Event| match event {
        Event::StepWaits { step, labels } => Some((step.clone(), *labels)),
        _ => None,
    };
    events.iter().filter_map(waits).collect()
}

#[test]
fn what_depends_on_people_waits_and_goes_on() {
    let mut space = TestSpace::with_images();
    space.kinds = vec![&ASK];
    space.write("pipeline.yaml", format!("{}{ASKING}", support::PIPELINE));
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Waiting);
    assert_eq!(waits(&ran.events), [("asked".to_owned(), 3), ("table".to_owned(), 3)]);
    assert_eq!(space.table("asked").rows, 3);
    assert!(!space.path("published/images.csv").exists() && !space.path("trapline.lock").exists());
    // The plan says so without running anything.
    let plan = space.plan();
    assert_eq!((&plan.steps[2].decision, &plan.steps[3].decision), (&Decision::Reuse, &Decision::Wait { labels: 3 }));
    space.write("answers.txt", "vole\nempty\n");
    assert_eq!(waits(&space.try_run().unwrap().events), [("asked".to_owned(), 1), ("table".to_owned(), 1)]);
    space.write("answers.txt", "vole\nempty\nempty\n");
    space.run();
    assert!(space.path("published/images.csv").exists() && space.path("trapline.lock").exists());
    assert_eq!(space.run().reused(), ["images", "metadata", "asked", "table"]);
}
