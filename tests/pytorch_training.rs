//! Training against PyTorch: the same weights, batches and order, nothing varied.
//!
//! Needs a Python with torch, numpy and safetensors, named by `TRAPLINE_PYTORCH`; says that it is skipped without.
#![cfg(feature = "tch")]
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::path::Path;
use std::process::Command;

use trapline::demo::{Class, write_training_images};
use trapline::id::ContentId;
use trapline::model::weights::{Weights, read_safetensors, write_safetensors};
use trapline::model::{Architecture, Input, Resize};
use trapline::train::torch::{Trained, Training, Watch, initial_weights};
use trapline::train::{
    Augmentation, Augmenter, Epoch, Free, Imbalance, Keep, Loader, Optimizer, Options, Phase, Pixels, Schedule, Set, Source,
    epoch_order,
};

const SIDE: u32 = 96;
const PER_CLASS: usize = 16;

struct Silent;

impl Watch for Silent {
    fn begins(&mut self, _: u32, _: u32, _: u64, _: Option<&Epoch>) {}
    fn advance(&mut self, _: u64) -> bool {
        true
    }
}

const CYCLE: Schedule = Schedule::OneCycle { low: 1e-6, high: 2e-4 };

fn options(optimizer: Optimizer, schedule: Schedule, epochs: u32, batch: usize) -> Options {
    Options {
        architecture: Architecture::named("resnet18").unwrap(),
        input: Input {
            width: SIDE,
            height: SIDE,
            resize: Resize::Squash,
            crop_bottom_px: 24,
            upright: false,
            margin_px: 0,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        },
        phases: vec![Phase {
            epochs,
            free: Free::All,
            optimizer,
            schedule,
            weight_decay: vec![(0, 0.01)],
            imbalance: Imbalance::None,
        }],
        batch,
        label_smoothing: 0.1,
        augmentation: Augmentation::default(),
        keep: Keep::Last,
        patience: None,
        seed: 7,
        calibrate: false,
        mixed_precision: false,
    }
}

/// The demo's images, prepared, and their classes.
fn material(folder: &Path, input: &Input) -> (Pixels, Vec<u32>) {
    let images = folder.join("images");
    write_training_images(&images, PER_CLASS, 99).unwrap();
    let (mut sources, mut labels) = (Vec::new(), Vec::new());
    for (label, class) in (0..).zip(Class::ALL) {
        let mut paths: Vec<_> =
            std::fs::read_dir(images.join(class.name())).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let content = ContentId::of(&std::fs::read(&path).unwrap());
            sources.push(Source { path, content });
            labels.push(label);
        }
    }
    (Pixels::prepare(&sources, input, folder, &|_| true).unwrap(), labels)
}

/// Trains here and in PyTorch; gives what both made of it.
fn both(
    python: &str,
    optimizer: (Optimizer, &str),
    schedule: Schedule,
    (epochs, batch, train): (u32, usize, usize),
) -> ((Trained, Weights), (Vec<f64>, f64, Weights)) {
    let folder = tempfile::tempdir().unwrap();
    let options = options(optimizer.0, schedule, epochs, batch);
    let (pixels, labels) = material(folder.path(), &options.input);
    let augmenter = Augmenter::new(&options.augmentation, &options.input);
    let loader = Loader { pixels: &pixels, augmenter: &augmenter, numbers: augmenter.numbers(), batch, workers: 2 };
    // Every class, evenly: the images stand class by class.
    let step = labels.len() / train;
    let training: Vec<u32> = (0..u32::try_from(labels.len()).unwrap()).step_by(step).collect();
    let set = Set { labels: labels.clone(), classes: 8, training: training.clone(), validation: Vec::new() };
    let start = initial_weights(options.architecture, 8, 3);

    let all: Vec<u32> = (0..u32::try_from(labels.len()).unwrap()).collect();
    let inputs = loader.make(&mut pixels.reader().unwrap(), &all, 0, None).unwrap().input;
    std::fs::write(folder.path().join("inputs"), inputs.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
        .unwrap();
    std::fs::write(folder.path().join("start.safetensors"), write_safetensors(&start, "").unwrap()).unwrap();
    let own: Vec<u32> = training.iter().map(|image| labels[*image as usize]).collect();
    let batches: Vec<Vec<Vec<u32>>> = (0..epochs)
        .map(|epoch| {
            let order = epoch_order(&own, 8, &Imbalance::None, options.seed, 0, epoch);
            let order: Vec<u32> = order.into_iter().map(|place| training[place as usize]).collect();
            order.chunks(batch).map(<[u32]>::to_vec).collect()
        })
        .collect();
    let steps = batches.iter().map(Vec::len).sum::<usize>() as u64;
    let per_epoch = steps / u64::from(epochs);
    let rates: Vec<f64> =
        (0..steps).map(|step| options.phases[0].schedule.rate(u32::try_from(step / per_epoch).unwrap(), step, steps)).collect();
    let task = serde_json::json!({
        "architecture": "resnet18", "classes": 8, "width": SIDE, "height": SIDE, "labels": labels, "epochs": batches, "rates": rates,
        "optimizer": optimizer.1, "weight_decay": 0.01, "label_smoothing": 0.1, "threads": 2, "channels_last": true,
    });
    std::fs::write(folder.path().join("task.json"), task.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/pytorch_training.py");
    assert!(Command::new(python).arg(script).arg(folder.path()).status().unwrap().success());
    let json =
        |name: &str| -> serde_json::Value { serde_json::from_slice(&std::fs::read(folder.path().join(name)).unwrap()).unwrap() };
    let losses = json("losses.json")["losses"].as_array().unwrap().iter().map(|loss| loss.as_f64().unwrap()).collect();
    let first = read_safetensors(&std::fs::read(folder.path().join("first.safetensors")).unwrap()).unwrap();

    let training =
        Training { options: &options, set: &set, loader, device: tch::Device::Cpu, folder: None, identity: String::new() };
    let trained = training.run(&start, &mut Silent).unwrap();
    ((trained, start), (losses, json("first.json")["loss"].as_f64().unwrap(), first))
}

fn python() -> Option<String> {
    let python = std::env::var("TRAPLINE_PYTORCH").ok();
    if python.is_none() {
        eprintln!("skipped: TRAPLINE_PYTORCH names no Python with torch, numpy and safetensors");
    }
    python
}

#[test]
fn one_step_is_that_of_pytorch() {
    let Some(python) = python() else { return };
    // Adam's first step has the length of the rate in the direction of the gradient's sign, so that rounding decides where the gradient is
    // nearly zero: its weights are held to 1e-5 at the rate with which a one-cycle begins, and few may differ at a high one.
    for (optimizer, rate, exact) in [
        ((Optimizer::Sgd { momentum: 0.9 }, "sgd"), 1e-2, true),
        ((Optimizer::Adam, "adam"), 1e-6, true),
        ((Optimizer::AdamW, "adamw"), 1e-6, true),
        ((Optimizer::Adam, "adam"), 1e-3, false),
    ] {
        let ((ours, start), (_, loss, theirs)) = both(&python, optimizer, Schedule::Constant(rate), (1, 32, 32));
        let difference = (ours.history[0].training_loss - loss).abs();
        assert!(difference <= 1e-5, "{}: loss {} against {loss}", optimizer.1, ours.history[0].training_loss);
        let (mut largest, mut moved, mut apart, mut all) = (0.0_f32, 0.0_f32, 0_u32, 0_u32);
        for (name, array) in ours.weights.iter().filter(|(name, _)| !name.contains("running")) {
            for ((ours, theirs), start) in array.values.iter().zip(&theirs[name].values).zip(&start[name].values) {
                largest = largest.max((ours - theirs).abs());
                moved = moved.max((ours - start).abs());
                apart += u32::from((ours - theirs).abs() > 1e-5);
                all += 1;
            }
        }
        let share = f64::from(apart) / f64::from(all);
        eprintln!(
            "{} {rate:.0e}: loss differs by {difference:.1e}, weights by at most {largest:.1e} ({:.4} % by more than 1e-5); the step moved them by up to {moved:.1e}",
            optimizer.1,
            100.0 * share
        );
        assert!(if exact { largest <= 1e-5 } else { share <= 1e-3 }, "{}: {largest}", optimizer.1);
        for (name, array) in ours.weights.iter().filter(|(name, _)| name.contains("running")) {
            for (ours, theirs) in array.values.iter().zip(&theirs[name].values) {
                assert!((ours - theirs).abs() <= 1e-5 * theirs.abs().max(1.0), "{name}: {ours} {theirs}");
            }
        }
    }
}

#[test]
fn five_epochs_follow_the_curve_of_pytorch() {
    let Some(python) = python() else { return };
    let ((ours, _), (theirs, ..)) = both(&python, (Optimizer::Adam, "adam"), CYCLE, (5, 32, 128));
    for (ours, theirs) in ours.history.iter().zip(&theirs) {
        let apart = (ours.training_loss / theirs - 1.0).abs();
        eprintln!("epoch {}: loss {:.5} against {theirs:.5}, {:.3} % apart", ours.epoch, ours.training_loss, 100.0 * apart);
        assert!(apart <= 0.01);
    }
    assert!(ours.history[4].training_loss < 0.8 * ours.history[0].training_loss, "nothing was learned");
}
