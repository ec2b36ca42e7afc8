//! The model that is shipped with the demo: small, and as good on images it has never seen as its notes say.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "sizes and counts are small")]

use std::path::{Path, PathBuf};

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use rten::Model;
use rten_tensor::{AsView, NdTensor, Tensor};
use trapline::demo::{Class, write_training_images};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

/// Drawn for this test alone: neither the model's training nor its own test saw this seed.
const SEED: u64 = 4_051_993;
const PER_CLASS: usize = 20;

fn bundle() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo/models/demo_mammals/1")
}

#[derive(serde::Deserialize)]
struct Notes {
    classes: Vec<String>,
    input: Input,
    training: Training,
}

#[derive(serde::Deserialize)]
struct Input {
    width: u32,
    height: u32,
    crop_bottom_px: u32,
    mean: [f32; 3],
    std: [f32; 3],
}

#[derive(serde::Deserialize)]
struct Training {
    metrics: Metrics,
    recipe: serde_yaml::Value,
}

#[derive(serde::Deserialize)]
struct Metrics {
    validation_accuracy: f64,
}

fn notes() -> Notes {
    serde_yaml::from_str(&std::fs::read_to_string(bundle().join("model.yaml")).unwrap()).unwrap()
}

/// Decodes, cuts the strip off, resizes and normalises: channels, rows, columns.
fn preprocess(jpeg: &[u8], input: &Input) -> Vec<f32> {
    let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
    let pixels = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    let rows = height - input.crop_bottom_px as usize;
    let scene = TypedImageRef::<U8x3>::from_buffer(width as u32, rows as u32, &pixels[..width * rows * 3]).unwrap();
    let mut small = vec![0; (input.width * input.height * 3) as usize];
    let mut target = TypedImage::<U8x3>::from_buffer(input.width, input.height, &mut small).unwrap();
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize_typed(&scene, &mut target, &options).unwrap();
    let channel = |c: usize| small.iter().skip(c).step_by(3).map(move |&v| (f32::from(v) / 255.0 - input.mean[c]) / input.std[c]);
    (0..3).flat_map(channel).collect()
}

#[test]
fn shipped_model_reaches_the_accuracy_that_its_notes_state() {
    let notes = notes();
    let folder = tempfile::tempdir().unwrap();
    write_training_images(folder.path(), PER_CLASS, SEED).unwrap();
    let model = Model::load(std::fs::read(bundle().join("model.onnx")).unwrap()).unwrap();
    let (mut right, mut all, mut wrong) = (0, 0, Vec::new());
    for class in Class::ALL {
        let mut hits = 0;
        for i in 0..PER_CLASS {
            let path = folder.path().join(class.name()).join(format!("{i:05}.jpg"));
            let input = preprocess(&std::fs::read(path).unwrap(), &notes.input);
            let shape = [1, 3, notes.input.height as usize, notes.input.width as usize];
            let logits: Tensor<f32> = model.run_one(NdTensor::from_data(shape, input).into(), None).unwrap().try_into().unwrap();
            let scores: Vec<f32> = logits.iter().copied().collect();
            assert_eq!(scores.len(), notes.classes.len());
            let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
            if notes.classes[best] == class.name() {
                hits += 1;
            } else {
                wrong.push(format!("{} {i} taken for {}", class.name(), notes.classes[best]));
            }
        }
        assert!(hits * 2 > PER_CLASS, "{}: {hits} of {PER_CLASS}; {wrong:?}", class.name());
        right += hits;
        all += PER_CLASS;
    }
    let (n, stated) = (all as f64, notes.training.metrics.validation_accuracy);
    let measured = right as f64 / n;
    // Four standard errors of this sample: a chance failure is out of the question, a wrong preprocessing is not missed.
    let tolerance = 4.0 * (stated * (1.0 - stated) / n).sqrt();
    assert!((measured - stated).abs() <= tolerance, "measured {measured:.3}, stated {stated:.3} +- {tolerance:.3}; {wrong:?}");
}

#[test]
fn shipped_model_is_small_and_its_notes_are_those_of_the_pipeline_that_made_it() {
    let size = std::fs::metadata(bundle().join("model.onnx")).unwrap().len();
    assert!(size < 2_000_000, "{size} bytes");
    let notes = notes();
    assert_eq!(notes.classes, Class::ALL.map(Class::name));
    let project = tempfile::tempdir().unwrap();
    std::fs::create_dir(project.path().join("images")).unwrap();
    let pipeline = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo_model/pipeline.yaml");
    std::fs::copy(pipeline, project.path().join("pipeline.yaml")).unwrap();
    let loaded = trapline::check::load(&project.path().join("pipeline.yaml"), &trapline::check::Overrides::default());
    let net = loaded.pipeline.as_ref().and_then(|pipeline| Some(&pipeline.steps[pipeline.step("net")?])).unwrap();
    let phase = &notes.training.recipe["phases"][0];
    assert_eq!(phase["epochs"].as_i64(), net.params.int("epochs"));
    assert_eq!(notes.training.recipe["architecture"].as_str(), net.params.text("architecture"));
    assert_eq!(notes.training.recipe["seed"].as_i64(), net.params.int("seed"));
}

#[test]
fn example_project_lists_the_model_that_it_ships() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo");
    let bundle = trapline::model::Bundle::open(&project, "demo_mammals@1").unwrap();
    let signature = bundle.signature(&bundle.network().unwrap(), bundle.read_weights().unwrap().as_deref());
    assert_eq!(trapline::model::signature::read_lock(&project).unwrap().into_values().collect::<Vec<_>>(), [signature]);
}
