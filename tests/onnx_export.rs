//! Networks that Trapline writes: the embedded engine computes with them what the definitions say.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]
#![allow(clippy::cast_precision_loss, reason = "counts of pixels are small")]

#[path = "onnx/networks.rs"]
mod networks;

use networks::{TINY, bundle, plain, random_images, random_weights};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};
use trapline::model::Bundle;
use trapline::model::architecture::{ARCHITECTURES, Architecture};
use trapline::model::engine::{Engine as _, EngineError};
use trapline::model::onnx::{FEATURE_MAP, FEATURES, write};
use trapline::model::rten::{Network, Session};

const CLASSES: usize = 5;

/// Odd sides, unlike each other: what swaps or rounds them shows.
const WIDTH: u32 = 21;
const HEIGHT: u32 = 14;

fn session(network: &[u8], temperature: f32) -> Session {
    Network::load(&Bundle { temperature, ..bundle(CLASSES, WIDTH, HEIGHT) }, network.to_vec()).unwrap().session().unwrap()
}

fn resnet8() -> &'static Architecture {
    Architecture::named("resnet8").unwrap()
}

/// How far two lists are apart, as a share of the range of the first.
fn distance(expected: &[f64], found: &[f32]) -> f64 {
    assert_eq!(expected.len(), found.len());
    let (low, high) = expected.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    let largest = expected.iter().zip(found).map(|(one, other)| (one - f64::from(*other)).abs()).fold(0.0, f64::max);
    largest / (high - low)
}

#[test]
fn the_embedded_engine_computes_what_the_definitions_say() {
    for architecture in [resnet8(), &TINY] {
        let weights = random_weights(architecture, CLASSES, 1);
        let network = write(architecture, CLASSES, &weights, WIDTH, HEIGHT).unwrap();
        let mut session = session(&network, 1.0);
        for seed in 0..2 {
            let image = random_images(1, WIDTH, HEIGHT, seed);
            let (map, features, logits) = plain(architecture, &weights, &image, [HEIGHT as usize, WIDTH as usize]);
            let (shape, found) = session.look(&image, "logits").unwrap();
            assert_eq!(shape, [1, CLASSES]);
            assert!(distance(&logits, &found) < 1e-5, "{}: {logits:?} {found:?}", architecture.name);
            let (shape, found) = session.look(&image, FEATURES).unwrap();
            assert_eq!(shape, [1, architecture.features()]);
            assert!(distance(&features, &found) < 1e-5, "{}: {features:?} {found:?}", architecture.name);
            let (shape, found) = session.look(&image, FEATURE_MAP).unwrap();
            assert_eq!(shape, [1, map.channels, map.height, map.width]);
            assert!(distance(&map.values, &found) < 1e-5, "{}", architecture.name);
        }
    }
}

#[test]
fn several_images_at_once_get_what_each_gets_alone() {
    for architecture in [resnet8(), &TINY] {
        let network = write(architecture, CLASSES, &random_weights(architecture, CLASSES, 2), WIDTH, HEIGHT).unwrap();
        let images = random_images(3, WIDTH, HEIGHT, 7);
        let mut session = session(&network, 1.0);
        let one_by_one: Vec<f64> =
            images.chunks(images.len() / 3).flat_map(|image| session.look(image, "logits").unwrap().1).map(f64::from).collect();
        let model = rten::Model::load(network).unwrap();
        let view = NdTensorView::from_data([3, 3, HEIGHT as usize, WIDTH as usize], images.as_slice());
        let together: Tensor<f32> = model.run_one(view.as_dyn().into(), None).unwrap().try_into().unwrap();
        assert_eq!(together.shape(), [3, CLASSES]);
        assert!(distance(&one_by_one, &together.to_vec()) < 1e-5);
    }
}

#[test]
fn classifying_and_looking_are_one_run_with_both_results() {
    let network = write(resnet8(), CLASSES, &random_weights(resnet8(), CLASSES, 3), WIDTH, HEIGHT).unwrap();
    let image = random_images(1, WIDTH, HEIGHT, 3);
    let mut session = session(&network, 1.0);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    session.classify(&image, &mut alone).unwrap();
    let looked = session.classify_and_look(&image, &mut beside, FEATURES).unwrap();
    assert_eq!(alone, beside);
    assert_eq!(looked, session.look(&image, FEATURES).unwrap());
    let error = session.look(&image, "attention").unwrap_err();
    assert_eq!(error, EngineError::Node("attention".into()));
    assert!(error.to_string().contains("`features` and `feature_map`"), "{error}");
}

#[test]
fn a_temperature_softens_confidences_and_keeps_their_order() {
    let network = write(resnet8(), CLASSES, &random_weights(resnet8(), CLASSES, 3), WIDTH, HEIGHT).unwrap();
    let image = random_images(1, WIDTH, HEIGHT, 3);
    let at = |temperature: f32| {
        let mut found = Vec::new();
        session(&network, temperature).classify(&image, &mut found).unwrap();
        found
    };
    let (plain, soft) = (at(1.0), at(2.0));
    // Odds to the first class become their square root.
    for (plain, soft) in plain.iter().zip(&soft).map(|(one, other)| (one / plain[0], other / soft[0])) {
        assert!((plain.sqrt() - soft).abs() < 1e-4 * soft, "{plain} {soft}");
    }
    assert!(plain != soft);
}

#[test]
fn every_architecture_can_be_written_and_loads_with_the_same_bytes_each_time() {
    for architecture in ARCHITECTURES.iter().filter(|one| one.parameters(1).len() < 200) {
        let weights = random_weights(architecture, CLASSES, 4);
        let network = write(architecture, CLASSES, &weights, WIDTH, HEIGHT).unwrap();
        assert!(network == write(architecture, CLASSES, &weights, WIDTH, HEIGHT).unwrap(), "{}", architecture.name);
        session(&network, 1.0).try_once().unwrap();
    }
}

#[test]
fn another_input_size_is_refused_by_who_loads_it() {
    let network = write(resnet8(), CLASSES, &random_weights(resnet8(), CLASSES, 5), WIDTH + 1, HEIGHT).unwrap();
    let error = Network::load(&bundle(CLASSES, WIDTH, HEIGHT), network).err().unwrap();
    assert_eq!(error.to_string(), "the network takes batch x 3 x 14 x 22, `model.yaml` describes 1 x 3 x 14 x 21");
}

#[test]
fn weights_of_another_network_and_empty_sizes_are_refused() {
    let weights = random_weights(resnet8(), CLASSES, 5);
    let message = |architecture: &str, classes, width| {
        write(Architecture::named(architecture).unwrap(), classes, &weights, width, HEIGHT).unwrap_err().to_string()
    };
    assert!(message("resnet20", CLASSES, WIDTH).ends_with("these are weights of `resnet8`"));
    assert!(message("resnet8", 4, WIDTH).starts_with("the last layer is for 5 classes, there are 4"));
    assert_eq!(message("resnet8", CLASSES, 0), "a network for 5 classes and images of 0 x 14 pixels has nothing to compute");
}

#[test]
fn the_bytes_of_a_network_stay() {
    // Identities of models are made of these bytes: a release that changes them must say so.
    let mut weights = random_weights(resnet8(), 2, 6);
    for array in weights.values_mut() {
        array.values.iter_mut().enumerate().for_each(|(at, value)| *value = 0.25 + (at % 11) as f32 / 16.0);
    }
    let network = write(resnet8(), 2, &weights, 8, 8).unwrap();
    insta::assert_snapshot!(blake3::hash(&network).to_hex(), @"0e54bfa7bf4711d7e2daf2e68fcacf1aa5d0b77c51091b7403b67b1d59e48656");
}
