//! Networks that Trapline writes give the same class scores in onnxruntime, in the embedded engine and in libtorch.
//!
//! onnxruntime comes from `bash tests/tools/python`, or lies in the environment whose Python `TRAPLINE_PYTHON` names.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]
#![allow(clippy::cast_precision_loss, reason = "counts of images are small")]

#[path = "onnx/networks.rs"]
mod networks;
#[path = "support/python.rs"]
mod python;

use std::path::Path;
use std::process::Command;

use networks::{bundle, random_images, random_weights};
use trapline::model::Architecture;
use trapline::model::onnx::write;
use trapline::model::rten::Network;

const CLASSES: usize = 7;
const IMAGES: usize = 4;

/// Architecture, width and height: odd ones, where strides and paddings show.
const NETWORKS: [(&str, u32, u32); 3] = [("resnet8", 33, 26), ("resnet18", 97, 65), ("resnet50", 66, 71)];

/// The largest difference that two engines may have, as a share of the range of the scores.
const TOLERANCE: f64 = 1e-4;

#[test]
fn all_engines_agree_on_the_class_scores() {
    let Some(python) = python::python("onnxruntime to compare with") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for (seed, (name, width, height)) in (1..).zip(NETWORKS) {
        let architecture = Architecture::named(name).unwrap();
        let weights = random_weights(architecture, CLASSES, seed);
        let network = write(architecture, CLASSES, &weights, width, height).unwrap();
        let images = random_images(IMAGES, width, height, seed);
        std::fs::write(folder.path().join(format!("{name}.onnx")), &network).unwrap();
        let bytes: Vec<u8> = images.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(folder.path().join(format!("{name}.images")), bytes).unwrap();
        let mut scores = vec![("embedded", embedded(network, &images, width, height))];
        #[cfg(feature = "tch")]
        scores.extend(libtorch(architecture, &weights, &images, width as usize, height as usize));
        found.push((name, std::mem::take(&mut scores)));
    }

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/onnx_runtime.py");
    let ran = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    for (name, scores) in found {
        let alone = scores_in(&folder.path().join(format!("{name}.alone")));
        let together = scores_in(&folder.path().join(format!("{name}.together")));
        assert_eq!(alone.len(), IMAGES * CLASSES);
        for (engine, scores) in scores.iter().chain([&("onnxruntime in one batch", together)]) {
            let distance = distance(&alone, scores);
            eprintln!("{name}: {engine} and onnxruntime are {distance:.1e} of the range apart");
            assert!(distance <= TOLERANCE, "{name}, {engine}: {distance:e}");
        }
    }
}

/// The Python with onnxruntime; `None` where there is none.
fn embedded(network: Vec<u8>, images: &[f32], width: u32, height: u32) -> Vec<f32> {
    let mut session = Network::load(&bundle(CLASSES, width, height), network).unwrap().session().unwrap();
    images.chunks(images.len() / IMAGES).flat_map(|image| session.look(image, "logits").unwrap().1).collect()
}

/// What libtorch says with batch norms as they are, and folded.
#[cfg(feature = "tch")]
fn libtorch(
    architecture: &'static Architecture,
    weights: &trapline::model::weights::Weights,
    images: &[f32],
    width: usize,
    height: usize,
) -> [(&'static str, Vec<f32>); 2] {
    use tch::{Device, Tensor};
    use trapline::model::torch::{Folded, Network, Precision};
    let folded = Folded::new(architecture, CLASSES, weights, Device::Cpu, Precision::F32).unwrap();
    let shape = [IMAGES, 3, height, width].map(|side| i64::try_from(side).unwrap());
    let judged = Network::new(architecture, CLASSES, weights, Device::Cpu).unwrap();
    let judged = judged.judge(&Tensor::from_slice(images).view(shape)).unwrap();
    [
        ("libtorch", Vec::try_from(judged.flatten(0, -1)).unwrap()),
        ("folded libtorch", folded.logits(images, height, width).unwrap()),
    ]
}

fn scores_in(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The largest difference of two lists, as a share of the range of the first.
fn distance(expected: &[f32], found: &[f32]) -> f64 {
    assert_eq!(expected.len(), found.len());
    let both = expected.iter().zip(found).map(|(one, other)| (f64::from(*one), f64::from(*other)));
    let largest = both.map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
    let (low, high) = expected.iter().fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    assert!(largest.is_finite() && high > low, "{expected:?} {found:?}");
    largest / f64::from(high - low)
}
