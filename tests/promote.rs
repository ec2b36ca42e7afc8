//! A model that a step made becomes a named one only with a fresh comparison that speaks for exactly this model.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, clippy::float_cmp, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::TestSpace;
use support::adopt::ADOPT;
use trapline::diagnostic::Report;
use trapline::model::signature::read_lock;
use trapline::model::{AddError, Bundle};
use trapline::run::promote::{PromoteError, Promoted, Wish, promote};
use trapline::step::{Context, FileInput, IMAGE_COLUMNS, Job, LABEL_COLUMNS, Outputs, Params, Port, Step, StepError, StepKind};
use trapline::table::{ColumnBuilder, Schema, Table, Type};

/// Blind random labels for all images: what `truth.txt` holds, or the label of the predictions.
static ANSWER: StepKind = StepKind {
    name: "answer",
    revision: 1,
    summary: "answers for people",
    docs: "",
    inputs: &[Port::table("predictions", &[("label", Type::Text)], "what is answered")],
    outputs: &[Port::table("labels", LABEL_COLUMNS, "the answers")],
    params: &[],
    metrics: &[],
    keeps_rows: false,
    pins: None,
    read: |_: &Params, _: &mut Report| Some(Box::new(Answer)),
};

/// Hands all images on.
static PASS: StepKind = StepKind {
    name: "pass",
    revision: 1,
    summary: "hands images on",
    docs: "",
    inputs: &[Port::table("images", IMAGE_COLUMNS, "images")],
    outputs: &[Port::table("images", IMAGE_COLUMNS, "the same")],
    params: &[],
    metrics: &[],
    keeps_rows: true,
    pins: None,
    read: |_: &Params, _: &mut Report| Some(Box::new(Pass)),
};

struct Pass;

impl Step for Pass {
    fn columns(&self, inputs: &[Vec<Schema>], _: &Context<'_>, _: &mut Report) -> Option<Vec<Schema>> {
        Some(vec![inputs[0][0].clone()])
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        Ok(Outputs { tables: vec![job.input(0)?.read(None)?], ..Outputs::default() })
    }
}

struct Answer;

fn label_schema() -> Schema {
    let mut schema = Schema::of(IMAGE_COLUMNS);
    for (name, ty) in LABEL_COLUMNS {
        schema.set(name, *ty);
    }
    schema
}

impl Step for Answer {
    fn columns(&self, _: &[Vec<Schema>], _: &Context<'_>, _: &mut Report) -> Option<Vec<Schema>> {
        Some(vec![label_schema()])
    }

    fn files(&self, _: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        Ok(vec![FileInput { name: "truth".into(), path: "truth.txt".into(), optional: false, rewritten: false }])
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.input(0)?.read(None)?;
        let truth = String::from_utf8_lossy(&job.files["truth"]).trim().to_owned();
        let schema = label_schema();
        let mut columns: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
        for row in 0..images.rows {
            for (field, column) in schema.fields.iter().zip(&mut columns) {
                match field.name.as_str() {
                    "class" if truth == "as predicted" => column.push(images.cell(row, "label")),
                    "class" => column.push_text(&truth),
                    "type" => column.push_text("random"),
                    "shown" => column.push_text("blind"),
                    name => column.push(images.cell(row, name)),
                }
            }
        }
        Ok(Outputs { tables: vec![Table::from_builders(schema, columns)?], ..Outputs::default() })
    }
}

const RETRAIN: &str = "  made:
    uses: adopt
    stage: retrain
    with: { notes: candidate/model.yaml }
  candidate:
    uses: classify
    stage: retrain
    from: { images: names, model: made }
  answers:
    uses: answer
    stage: retrain
    from: predictions
  verdict:
    uses: compare
    stage: retrain
    from: { candidate: candidate, current: predictions, labels: answers }
";

const NOTES: &str = "candidate/model.yaml";

/// The demo's model in use, and a candidate that sees the same network differently.
fn space() -> TestSpace {
    let mut space = TestSpace::with_model();
    space.kinds = vec![&ADOPT, &ANSWER, &PASS];
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo/models/demo_mammals/1");
    let notes = std::fs::read_to_string(demo.join("model.yaml")).unwrap();
    space.write(NOTES, notes.replace("name: demo_mammals", "name: candidate").replace("crop_bottom_px: 24", "crop_bottom_px: 1"));
    space.write("candidate/model.safetensors", std::fs::read(demo.join("model.safetensors")).unwrap());
    space.write("candidate/model.onnx", std::fs::read(demo.join("model.onnx")).unwrap());
    let pipeline = space.read("pipeline.yaml");
    space.write("pipeline.yaml", pipeline + RETRAIN);
    space.write("truth.txt", "as predicted");
    for seed in 1..=6 {
        space.image(&format!("raw/a/2024/{seed}.jpg"), seed);
    }
    space
}

fn run(space: &mut TestSpace) {
    space.options.stage = Some("retrain".into());
    let ran = space.try_run().unwrap();
    assert_eq!(ran.errors(), Vec::<String>::new());
    space.options.stage = None;
}

const GATE: &str = "    expect: { gain_lower: \">= -1\", images: 6 }\n";

fn gated(space: &TestSpace, gate: &str) {
    let pipeline = space.read("pipeline.yaml");
    space.write("pipeline.yaml", pipeline + gate);
}

fn wish(model: &'static str) -> Wish<'static> {
    Wish { step: "made", port: None, model, because: " new cameras ", on: "2027-01-05T10:00:00Z" }
}

fn ask(space: &TestSpace, wish: &Wish<'_>) -> Result<Promoted, PromoteError> {
    promote(&space.pipeline(), &space.options, wish)
}

/// A refusal changes no file of the project.
fn refused(space: &TestSpace, wish: &Wish<'_>) -> (PromoteError, String) {
    let files = |space: &TestSpace| -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![space.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    found.insert(path.display().to_string(), Vec::new());
                    folders.push(path);
                } else {
                    found.insert(path.display().to_string(), std::fs::read(&path).unwrap());
                }
            }
        }
        found
    };
    let before = files(space);
    let error = ask(space, wish).unwrap_err();
    assert!(before == files(space), "a refusal changed the project");
    let words = error.to_string();
    (error, words)
}

#[test]
fn a_model_with_a_comparison_for_it_becomes_a_named_one() {
    let mut space = space();
    gated(&space, GATE);
    run(&mut space);
    let made = ask(&space, &wish("mammals@2027.1")).unwrap();
    assert_eq!((made.step.as_str(), made.folder.as_str()), ("made", "models/mammals/2027.1"));
    assert_eq!(made.comparisons.len(), 1);
    assert_eq!((made.comparisons[0].metrics["images"], made.comparisons[0].metrics["accuracy_current"]), (6.0, 1.0));
    assert_eq!(made.comparisons[0].gates, ["gain_lower >= -1", "images == 6"]);

    let bundle = Bundle::open(space.dir.path(), "mammals@2027.1").unwrap();
    let candidate = Bundle::read(&space.path("candidate")).unwrap();
    let network = bundle.network().unwrap();
    assert_eq!(bundle.id(&network), candidate.id(&candidate.network().unwrap()));
    assert_eq!(bundle.read_weights().unwrap(), candidate.read_weights().unwrap());
    let lock = read_lock(space.dir.path()).unwrap();
    assert_eq!(lock["mammals@2027.1"], made.signature);
    assert!(lock.contains_key("demo_mammals@1"), "the others stay");
    let notes = serde_yaml::to_string(&bundle.training["promoted"]).unwrap();
    let told = ["because: new cameras\n", "on: 2027-01-05T10:00:00Z", "step: made", "step: verdict", "gain_lower: "];
    assert!(told.iter().all(|text| notes.contains(text)), "{notes}");
    assert!(bundle.training.len() > 1, "what the bundle told of its training stays");

    // The named model is the one that was compared: nothing is classified anew.
    space.edit("pipeline.yaml", "model: demo_mammals@1", "model: mammals@2027.1");
    let ran = space.run();
    let computed: Vec<_> = ran.ran().into_iter().filter(|(step, _)| step == "predictions").collect();
    assert_eq!(computed, [("predictions".to_owned(), 0)]);

    // Once more under the same name: the same model, and the reason that was given last.
    space.edit("pipeline.yaml", "model: mammals@2027.1", "model: demo_mammals@1");
    run(&mut space);
    ask(&space, &Wish { because: "said better", ..wish("mammals@2027.1") }).unwrap();
    assert!(space.read("models/mammals/2027.1/model.yaml").contains("because: said better"));
}

#[test]
fn without_a_gate_on_the_gain_one_is_held_anyway() {
    let mut space = space();
    run(&mut space);
    // Six images prove nothing, whatever they show.
    let (error, words) = refused(&space, &wish("mammals@2"));
    assert!(matches!(error, PromoteError::Gates(_)), "{words}");
    assert!(
        words.contains("`verdict` expects gain_lower >= -0.02 (where no gate of its own bounds the gain), it is -"),
        "{words}"
    );
    // A gate on something else does not replace it; a gate of its own that fails is named.
    gated(&space, "    expect: { images: \">= 7\", worst_gain_lower: \">= -1\" }\n");
    let (_, words) = refused(&space, &wish("mammals@2"));
    assert!(words.contains("`verdict` expects images >= 7, it is 6") && !words.contains("-0.02"), "{words}");
}

#[test]
fn what_is_not_fresh_is_refused() {
    let mut space = space();
    gated(&space, GATE);
    let (error, words) = refused(&space, &wish("mammals@2"));
    assert!(matches!(&error, PromoteError::NotReady { step, .. } if step == "made"), "{words}");
    space.run();
    assert_eq!(refused(&space, &wish("mammals@2")).1, "step `made` has not run as it stands: `trapline run made`, then promote");
    // The model alone is there, its comparison is not.
    space.options.targets = vec!["made".into()];
    space.run();
    space.options.targets.clear();
    assert_eq!(
        refused(&space, &wish("mammals@2")).1,
        "step `verdict` depends on `candidate`, which would run again: `trapline run made verdict`, then promote"
    );
    run(&mut space);
    // Another model since: its comparison was about the one before.
    space.edit(NOTES, "crop_bottom_px: 1", "crop_bottom_px: 3");
    let words = refused(&space, &wish("mammals@2")).1;
    assert!(words.starts_with("step `made` would run again, so its last result is not what the pipeline makes now"), "{words}");
    space.options.targets = vec!["made".into()];
    space.run();
    space.options.targets.clear();
    let (error, words) = refused(&space, &wish("mammals@2"));
    assert!(matches!(&error, PromoteError::NotReady { step, .. } if step == "verdict"), "{words}");
    // Other answers make the comparison stale as well.
    run(&mut space);
    space.write("truth.txt", "vole");
    assert!(matches!(refused(&space, &wish("mammals@2")).0, PromoteError::NotReady { .. }));
    run(&mut space);
    ask(&space, &wish("mammals@2")).unwrap();
}

#[test]
fn a_name_is_given_once() {
    let mut space = space();
    gated(&space, GATE);
    run(&mut space);
    let (error, words) = refused(&space, &wish("demo_mammals@1"));
    assert!(matches!(error, PromoteError::Add(AddError::Taken(_))), "{words}");
    for bad in ["mammals", "../x@1", "mammals@.."] {
        let wish = Wish { model: bad, ..wish("") };
        assert!(matches!(refused(&space, &wish).0, PromoteError::Name(_)), "{bad}");
    }
    assert!(matches!(refused(&space, &Wish { because: "  ", ..wish("mammals@2") }).0, PromoteError::NoReason));
}

#[test]
fn a_step_without_a_model_or_a_comparison_is_refused() {
    let mut space = space();
    run(&mut space);
    let of = |step: &'static str| Wish { step, ..wish("mammals@2") };
    assert_eq!(refused(&space, &of("mede")).1, "the pipeline has no step `mede`; did you mean `made`?");
    let none = "step `predictions` (`classify`) has no output of a model; name a step that trains";
    assert_eq!(refused(&space, &of("predictions")).1, none);
    let port = Wish { port: Some("modell"), ..wish("mammals@2") };
    assert!(refused(&space, &port).1.contains("has no output of a model called `modell`"));

    space.edit("pipeline.yaml", "current: predictions", "current: candidate");
    assert!(refused(&space, &wish("mammals@2")).1.contains("`verdict` compares `made` with itself"));
    // The candidate's side belongs to the model in use: nothing judges `made`.
    space.edit("pipeline.yaml", "candidate: candidate, current: candidate", "candidate: predictions, current: predictions");
    assert!(refused(&space, &wish("mammals@2")).1.starts_with("no comparison judges `made`"));
}

#[test]
fn the_first_model_of_a_project_has_nothing_to_be_compared_with() {
    let mut space = space();
    let steps = "  made:\n    uses: adopt\n    with: { notes: candidate/model.yaml }\n    stage: retrain\n";
    let classes = "[bad_quality, empty, bird, vole, least_weasel, lemming, shrew, stoat]";
    space.write("pipeline.yaml", format!("trapline: 1\nname: first\nclasses: {classes}\nsteps:\n{steps}"));
    run(&mut space);
    assert!(refused(&space, &wish("mammals@1")).1.starts_with("no comparison judges `made`"));
    std::fs::remove_file(space.path("models.lock")).unwrap();
    assert!(ask(&space, &wish("mammals@1")).unwrap().comparisons.is_empty());
    assert_eq!(read_lock(space.dir.path()).unwrap().into_keys().collect::<Vec<_>>(), ["mammals@1"]);
}

#[test]
fn images_of_training_must_be_left_out() {
    let mut space = space();
    gated(&space, GATE);
    space.edit(
        "pipeline.yaml",
        "    stage: retrain\n    with: { notes",
        "    stage: retrain\n    from: names\n    with: { notes",
    );
    run(&mut space);
    let words = "`verdict` does not leave out the images that `made` was trained on: add `exclude: names` to its `from:`";
    assert_eq!(refused(&space, &wish("mammals@2")).1, words);
    space.edit("pipeline.yaml", "labels: answers }", "labels: answers, exclude: names }");
    run(&mut space);
    // All were trained on: nothing is left to compare.
    assert!(refused(&space, &wish("mammals@2")).1.contains("`verdict` expects images == 6, it is 0.0000"));
}

#[test]
fn steps_that_keep_all_images_are_seen_through_and_those_that_pick_are_not() {
    let mut space = space();
    gated(&space, GATE);
    let between = |step: &str| format!("  between:\n    stage: retrain\n    from: candidate\n{step}  verdict:");
    let pipeline = space.read("pipeline.yaml").replace("candidate: candidate", "candidate: between");
    space.write("pipeline.yaml", pipeline.replace("  verdict:", &between("    uses: threshold\n    with: { accept_at: 0.5 }\n")));
    assert!(matches!(refused(&space, &wish("mammals@2")).0, PromoteError::NoComparison(_)));
    space.write("pipeline.yaml", pipeline.replace("  verdict:", &between("    uses: pass\n")));
    run(&mut space);
    ask(&space, &wish("mammals@2")).unwrap();
}

#[test]
fn a_model_of_the_everyday_run_is_in_the_lock_of_the_run() {
    let space = space();
    let pipeline = space.read("pipeline.yaml").replace("    stage: retrain\n", "");
    space.write("pipeline.yaml", pipeline);
    space.run();
    let lock = space.read("trapline.lock");
    let candidate = Bundle::read(&space.path("candidate")).unwrap();
    let line = format!("model made.model {}", candidate.id(&candidate.network().unwrap()));
    assert!(lock.lines().any(|found| found.starts_with(&line)), "{lock}");
    assert!(lock.lines().any(|found| found.starts_with("model demo_mammals@1 ")), "{lock}");
}
