//! `classify` by libtorch: the same as by the embedded engine, under keys of its own.
#![cfg(feature = "tch")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

#[path = "onnx/networks.rs"]
mod networks;
mod support;

use networks::{bundle, random_weights};
use support::{TestSpace, jpeg};
use trapline::model::preprocess::Preprocessor;
use trapline::model::rten::Network;
use trapline::model::weights::{Weights, write_safetensors};
use trapline::model::{Architecture, Bundle, add, onnx};
use trapline::run::event::Outcome;

const IMAGES: u8 = 12;
const WIDTH: u32 = 40;
const HEIGHT: u32 = 28;
const CLASSES: [&str; 8] = ["bad_quality", "empty", "bird", "vole", "least_weasel", "lemming", "shrew", "stoat"];

/// A network of random weights that says something else of each test image: its scores are centred over them and spread by the
/// temperature.
fn model() -> (Weights, Bundle) {
    let network = Architecture::named("resnet8").unwrap();
    let mut weights = random_weights(network, CLASSES.len(), 11);
    let mut notes = Bundle {
        architecture: "resnet8".into(),
        classes: CLASSES.map(str::to_owned).into(),
        weights: Some("model.safetensors".into()),
        ..bundle(CLASSES.len(), WIDTH, HEIGHT)
    };
    let outputs = |weights: &Weights, node: &str| -> Vec<Vec<f32>> {
        let bytes = onnx::write(network, CLASSES.len(), weights, WIDTH, HEIGHT).unwrap();
        let mut session = Network::load(&notes, bytes).unwrap().session().unwrap();
        let mut look = |seed| {
            let mut preprocessor = Preprocessor::default();
            session.look(preprocessor.prepare(&notes.input, &jpeg(seed)).unwrap(), node).unwrap().1
        };
        (1..=IMAGES).map(&mut look).collect()
    };
    weights.get_mut("fc.bias").unwrap().values.fill(0.0);
    let scores = outputs(&weights, onnx::LOGITS);
    let mean = |class: usize| scores.iter().map(|row| row[class]).sum::<f32>() / f32::from(IMAGES);
    let means: Vec<f32> = (0..CLASSES.len()).map(mean).collect();
    let far = scores.iter().flat_map(|row| row.iter().zip(&means).map(|(score, mean)| (score - mean).abs()));
    notes.temperature = far.fold(0.0, f32::max) / 2.0;
    weights.get_mut("fc.bias").unwrap().values = means.iter().map(|mean| -mean).collect();
    (weights, notes)
}

/// A project with that model and its images.
fn space() -> TestSpace {
    let space = TestSpace::with_model();
    let network = Architecture::named("resnet8").unwrap();
    let (weights, notes) = model();
    space.write("incoming/model.yaml", notes.notes().unwrap());
    space.write("incoming/model.onnx", onnx::write(network, CLASSES.len(), &weights, WIDTH, HEIGHT).unwrap());
    space.write("incoming/model.safetensors", write_safetensors(&weights, "").unwrap());
    add(space.dir.path(), &space.path("incoming")).unwrap();
    space.edit("pipeline.yaml", "demo_mammals@1", "random@1");
    for seed in 1..=IMAGES {
        space.image(&format!("raw/a/2024/{seed}.jpg"), seed);
    }
    space
}

/// Runs the pipeline; how many images were classified anew, their labels, and all their confidences.
fn predicted(space: &TestSpace) -> (u64, Vec<String>, Vec<f32>) {
    let computed = space.run().ran().into_iter().find(|(step, _)| step == "predictions").map_or(0, |(_, computed)| computed);
    let table = space.table("predictions");
    let confidences = CLASSES.iter().flat_map(|class| {
        let column = table.column(&format!("p_{class}")).unwrap();
        (0..table.rows).map(|row| column.float32(row).unwrap()).collect::<Vec<_>>()
    });
    (computed, space.column("predictions", "label"), confidences.collect())
}

fn apart(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
}

#[test]
fn libtorch_predicts_what_the_embedded_engine_does_and_keeps_its_own_rows() {
    let space = space();
    let (computed, labels, confidences) = predicted(&space);
    assert_eq!(computed, u64::from(IMAGES));
    let sure = confidences.iter().filter(|value| (0.05..0.95).contains(*value)).count();
    assert!(sure > 20 && labels.iter().collect::<std::collections::BTreeSet<_>>().len() > 1, "{labels:?} {confidences:?}");

    space.edit("pipeline.yaml", "{ model: random@1 }", "{ model: random@1, engine: tch }");
    let (computed, by_torch, exact) = predicted(&space);
    assert_eq!((computed, &by_torch), (u64::from(IMAGES), &labels));
    assert!(apart(&confidences, &exact) < 1e-4, "{}", apart(&confidences, &exact));

    space.edit("pipeline.yaml", "engine: tch", "engine: tch, precision: bf16");
    let (computed, _, rough) = predicted(&space);
    assert_eq!(computed, u64::from(IMAGES));
    assert!(rough != exact && apart(&exact, &rough) < 0.1, "{}", apart(&exact, &rough));

    // What each engine said is still there.
    space.edit("pipeline.yaml", "engine: tch, precision: bf16", "engine: embedded");
    assert_eq!(predicted(&space), (0, labels.clone(), confidences));
    space.edit("pipeline.yaml", "engine: embedded", "engine: tch, precision: f32");
    assert_eq!(predicted(&space), (0, labels, exact));
}

#[test]
fn libtorch_says_the_same_on_any_number_of_threads() {
    let with = |jobs: usize| {
        let mut space = space();
        space.options.jobs = jobs;
        space.edit("pipeline.yaml", "{ model: random@1 }", "{ model: random@1, engine: tch }");
        predicted(&space)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn weights_of_another_network_than_the_one_identified_are_refused() {
    let space = space();
    space.edit("pipeline.yaml", "{ model: random@1 }", "{ model: random@1, engine: tch }");
    let file = "models/random/1/model.safetensors";
    let listed = trapline::id::ContentId::of(&std::fs::read(space.path(file)).unwrap());
    let failing = |weights: &Weights| {
        let bytes = write_safetensors(weights, "").unwrap();
        space.write(file, &bytes);
        let ran = space.try_run().unwrap();
        assert_eq!(ran.outcome, Outcome::Failed);
        (trapline::id::ContentId::of(&bytes), ran.errors().join("\n"))
    };
    // So little that the scores of an image of noise do not show it.
    let mut nearly = trapline::model::weights::read_safetensors(&std::fs::read(space.path(file)).unwrap()).unwrap();
    nearly.values_mut().next().unwrap().values[0] += 1e-6;
    let (_, error) = failing(&nearly);
    assert!(error.contains("weights of model `random@1` are not those that `models.lock` lists"), "{error}");

    let (others, _) = failing(&random_weights(Architecture::named("resnet8").unwrap(), CLASSES.len(), 12));
    space.edit("models.lock", &listed.to_string(), &others.to_string());
    let error = space.error();
    assert!(error.contains("not those of its ONNX network"), "{error}");

    // A list of the version before says nothing of weights: it is brought up to date by one command.
    let without: String = space
        .read("models.lock")
        .lines()
        .filter(|line| !line.contains("weights:"))
        .fold(String::new(), |text, line| text + line + "\n");
    space.write("models.lock", without.replace("format: 2", "format: 1"));
    let error = space.error();
    assert!(error.contains("run `trapline model add` on its folder once"), "{error}");
}
