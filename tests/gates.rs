//! Gates: bounds on metrics, on the columns of outputs and on numbers of rows fail a run, name what fails and keep the results.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, clippy::cast_precision_loss, reason = "tests")]

mod support;

use support::{Ran, TestSpace};
use trapline::diagnostic::Report;
use trapline::run::event::{Event, GateRows, Outcome};
use trapline::step::{
    Context, FileInput, IMAGE_COLUMNS, Job, LABEL_FILE, Metric, Outputs, Params, Port, Step, StepError, StepKind,
};
use trapline::table::{ColumnBuilder, Schema, Table, Type};

const SCORES: &[(&str, Type)] =
    &[("season", Type::Text), ("class", Type::Text), ("n", Type::Int), ("precision", Type::Float64), ("shown", Type::Bool)];

/// Passes its images on and reports what stands in `scores.csv`: season, class, n, precision, shown.
static SCORE: StepKind = StepKind {
    name: "score",
    revision: 1,
    summary: "scores classes",
    docs: "",
    inputs: &[Port::table("images", IMAGE_COLUMNS, "images")],
    outputs: &[Port::table("images", IMAGE_COLUMNS, "the same"), Port::table("classes", SCORES, "one row per class")],
    params: &[],
    metrics: &[Metric { name: "classes", doc: "number of classes" }],
    keeps_rows: true,
    pins: None,
    read: |_: &Params, _: &mut Report| Some(Box::new(Score)),
};

struct Score;

impl Step for Score {
    fn columns(&self, inputs: &[Vec<Schema>], _: &Context<'_>, _: &mut Report) -> Option<Vec<Schema>> {
        Some(vec![inputs[0][0].clone(), Schema::of(SCORES)])
    }

    fn files(&self, _: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        Ok(vec![FileInput {
            name: format!("{LABEL_FILE}scores.csv"),
            path: "scores.csv".into(),
            optional: false,
            rewritten: false,
        }])
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let mut columns: Vec<_> = SCORES.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
        let text = String::from_utf8_lossy(&job.files["labels/scores.csv"]).into_owned();
        for line in text.lines() {
            let fields: Vec<_> = line.split(',').collect();
            columns[0].push_optional_text(Some(fields[0]).filter(|text| !text.is_empty()));
            columns[1].push_text(fields[1]);
            columns[2].push_int(fields[2].parse().unwrap());
            match fields[3].parse() {
                Ok(value) => columns[3].push_float64(value),
                Err(_) => columns[3].push_null(),
            }
            columns[4].push_bool(fields[4] == "true");
        }
        let classes = Table::from_builders(Schema::of(SCORES), columns)?;
        let metrics = [("classes".to_owned(), classes.rows as f64)].into();
        Ok(Outputs { tables: vec![job.input(0)?.read(None)?, classes], metrics, ..Outputs::default() })
    }
}

const SCORES_CSV: &str = "2024,vole,40,0.99,true\n2024,stoat,7,0.87,false\n2025,vole,12,0.95,true\n2025,stoat,3,,true\n";

fn space(expect: &str) -> TestSpace {
    let mut space = TestSpace::with_images();
    space.kinds = vec![&SCORE];
    space.write("scores.csv", SCORES_CSV);
    let pipeline = support::PIPELINE.replace("[empty, vole]", "[empty, vole, stoat, lemming]");
    space.write("pipeline.yaml", format!("{pipeline}{}", steps(expect)));
    space
}

fn steps(expect: &str) -> String {
    format!(
        "  quality:
    uses: score
    from: metadata
    expect:
{expect}  table:
    uses: export
    from: quality
    with: {{ into: published/images.csv }}
"
    )
}

fn failed(ran: &Ran) -> Vec<(String, String, Option<f64>, Option<GateRows>)> {
    let failed = |event: &Event| match event {
        Event::GateFailed { metric, expected, found, rows, .. } => Some((metric.clone(), expected.clone(), *found, rows.clone())),
        _ => None,
    };
    ran.events.iter().filter_map(failed).collect()
}

#[test]
fn gates_that_hold_let_the_run_through() {
    let space = space(
        "      classes: 4
      classes[class=vole].precision: \">= 0.95\"
      classes[class=stoat, season=2024].precision: \"> 0.86\"
      classes[shown=false].n: 7
      classes.n: \"> 2\"
      classes.rows: 4
      classes[season=2025].rows: \"<= 2\"
      classes[n=12].rows: 1
      classes[class=lemming].rows: 0
      images.rows: \"> 0\"
",
    );
    space.run();
    assert_eq!(space.run().reused(), ["images", "metadata", "quality", "table"]);
}

#[test]
fn a_column_gate_names_the_rows_that_break_it_and_keeps_the_results() {
    let space = space("      classes.precision: \">= 0.96\"\n");
    let expected = GateRows {
        checked: 4,
        failing: 3,
        missing: 1,
        examples: vec![
            "season=2024 class=stoat: 0.87".into(),
            "season=2025 class=vole: 0.95".into(),
            "season=2025 class=stoat: missing".into(),
        ],
    };
    let gate = ("classes.precision".to_owned(), ">= 0.96".to_owned(), Some(0.87), Some(expected));
    let ran = space.try_run().unwrap();
    assert_eq!((ran.outcome, failed(&ran)), (Outcome::Failed, vec![gate.clone()]));
    assert!(!space.path("published/images.csv").exists() && !space.path("trapline.lock").exists());
    assert_eq!(space.table("quality").rows, 3);
    // Served from the cache, it fails again.
    let again = space.try_run().unwrap();
    assert_eq!((again.reused(), failed(&again)), (vec!["images".into(), "metadata".into(), "quality".into()], vec![gate]));
    // Better scores open it; nothing before the step runs again.
    space.write("scores.csv", "2024,vole,40,0.99,true\n");
    let ran = space.run();
    assert_eq!(ran.reused(), ["images", "metadata"]);
    assert!(space.path("published/images.csv").exists());
}

#[test]
fn the_worst_value_depends_on_the_side_of_the_bound() {
    let space = space("      classes[season=2024].n: \"< 5\"\n      classes[class=vole].n: 41\n");
    let worst: Vec<_> = failed(&space.try_run().unwrap()).into_iter().map(|(_, _, found, _)| found).collect();
    assert_eq!(worst, [Some(40.0), Some(12.0)]);
}

#[test]
fn a_gate_that_finds_no_row_fails() {
    let space = space("      classes[class=lemming].precision: \">= 0.5\"\n      classes[season=].rows: 1\n");
    let gates = failed(&space.try_run().unwrap());
    assert_eq!(gates[0].3, Some(GateRows::default()));
    assert_eq!((gates[1].2, &gates[1].3), (Some(0.0), &None));
}

#[test]
fn images_are_named_as_people_know_them() {
    let space = space("      images[site=a].bytes: \"< 10\"\n");
    let rows = failed(&space.try_run().unwrap()).remove(0).3.unwrap();
    assert_eq!((rows.checked, rows.failing), (2, 2));
    assert!(rows.examples[0].starts_with("a 2024 a/2024/1.jpg: "), "{:?}", rows.examples);
}

#[test]
fn a_changed_gate_runs_nothing_again() {
    let space = space("      classes.rows: 5\n");
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Failed);
    space.edit("pipeline.yaml", "classes.rows: 5", "classes.rows: 4");
    let ran = space.run();
    assert_eq!(ran.reused(), ["images", "metadata", "quality"]);
}
