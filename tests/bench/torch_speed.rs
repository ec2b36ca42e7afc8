//! Measures training and inference in libtorch against a plain PyTorch script, in turns on the same machine and the same data.
//!
//! ```text
//! cargo bench --features tch --bench torch_speed -- PYTHON [ARCHITECTURE] [SIDE] [BATCH] [ROUNDS]
//! ```
//!
//! PYTHON is one with torch, numpy and safetensors. The images are drawn; weights are random; two threads each. Training: steps of Adam on
//! prepared images, ours with their making from pixels. Inference: batches of ready tensors, PyTorch eager in 32 bits, ours folded with
//! channels last in 32 bits and bfloat16; and two single-threaded sessions on single images, as `classify` uses them.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a bench panics to fail and prints to report")]
#![allow(clippy::cast_precision_loss, reason = "counts of images are small")]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use tch::Device;
use trapline::demo::{Class, write_training_images};
use trapline::id::ContentId;
use trapline::model::engine::Precision;
use trapline::model::torch::Folded;
use trapline::model::weights::write_safetensors;
use trapline::model::{Architecture, Input, Resize};
use trapline::train::torch::{Training, Watch, initial_weights};
use trapline::train::{
    Augmentation, Augmenter, Epoch, Free, Imbalance, Keep, Loader, Optimizer, Options, Phase, Pixels, Schedule, Set, Source,
    epoch_order,
};

const CLASSES: usize = 8;
/// Batches of a round.
const BATCHES: usize = 4;
const THREADS: usize = 2;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [python, rest @ ..] = &arguments[..] else {
        eprintln!("skipped: give PYTHON [ARCHITECTURE] [SIDE] [BATCH] [ROUNDS], see tests/bench/torch_speed.rs");
        return;
    };
    let text = |at: usize, default: &str| rest.get(at).map_or_else(|| default.to_owned(), Clone::clone);
    let number = |at: usize, default: usize| rest.get(at).map_or(default, |text| text.parse().unwrap());
    let architecture = Architecture::named(&text(0, "resnet50")).unwrap();
    let (side, batch, rounds) = (number(1, 224), number(2, 16), number(3, 3));
    let folder = tempfile::tempdir().unwrap();
    let options = options(architecture, u32::try_from(side).unwrap(), batch);
    let (pixels, labels) = material(folder.path(), &options.input, batch * BATCHES);
    let augmenter = Augmenter::new(&options.augmentation, &options.input);
    let loader = Loader { pixels: &pixels, augmenter: &augmenter, numbers: augmenter.numbers(), batch, workers: THREADS };
    let images: Vec<u32> = (0..u32::try_from(labels.len()).unwrap()).collect();
    let inputs = loader.make(&mut pixels.reader().unwrap(), &images, 0, None).unwrap().input;
    let start = initial_weights(architecture, CLASSES, 3);
    std::fs::write(folder.path().join("inputs"), inputs.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
        .unwrap();
    std::fs::write(folder.path().join("start.safetensors"), write_safetensors(&start, "").unwrap()).unwrap();
    let order = epoch_order(&labels, CLASSES, &Imbalance::None, options.seed, 0, 0);
    let batches: Vec<&[u32]> = order.chunks(batch).collect();
    let task = serde_json::json!({
        "architecture": architecture.name, "classes": CLASSES, "width": side, "height": side, "labels": labels,
        "epochs": [batches, batches], "rates": vec![1e-4; 2 * batches.len()], "optimizer": "adam", "weight_decay": 0.0,
        "label_smoothing": 0.0, "threads": THREADS, "judge": { "batch": batch, "rounds": 2 },
    });
    std::fs::write(folder.path().join("task.json"), task.to_string()).unwrap();
    let set = Set { labels: labels.clone(), classes: CLASSES, training: images, validation: Vec::new() };
    println!("{} at {side} x {side}, batches of {batch}, {THREADS} threads, images a second", architecture.name);
    println!(
        "{:>5} {:>16} {:>16} {:>15} {:>13} {:>13} {:>13} {:>13}",
        "round", "train PyTorch", "train Trapline", "eager f32", "f32", "bf16", "f32 single", "bf16 single"
    );
    for round in 1..=rounds {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/pytorch_training.py");
        assert!(Command::new(python).arg(script).arg(folder.path()).status().unwrap().success());
        let said: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.path().join("losses.json")).unwrap()).unwrap();
        let last = |name: &str| said[name].as_array().unwrap().last().unwrap().as_f64().unwrap();
        let theirs = labels.len() as f64 / last("seconds");
        let eager = labels.len() as f64 / last("judge_seconds");
        tch::set_num_threads(i32::try_from(THREADS).unwrap());
        let training =
            Training { options: &options, set: &set, loader, device: Device::Cpu, folder: None, identity: String::new() };
        let mut clock = Clock::default();
        training.run(&start, &mut clock).unwrap();
        let ours = labels.len() as f64 / clock.last();
        let judged: Vec<f64> = [Precision::F32, Precision::Bf16]
            .into_iter()
            .map(|precision| {
                let folded = Folded::new(architecture, CLASSES, &start, Device::Cpu, precision).unwrap();
                let numbers = batch * 3 * side * side;
                let pass = || inputs.chunks(numbers).for_each(|images| drop(folded.logits(images, side, side).unwrap()));
                pass();
                let began = Instant::now();
                pass();
                labels.len() as f64 / began.elapsed().as_secs_f64()
            })
            .collect();
        let single: Vec<f64> = [Precision::F32, Precision::Bf16]
            .into_iter()
            .map(|precision| sessions(&start, architecture, precision, &inputs, side))
            .collect();
        println!(
            "{round:>5} {theirs:>16.2} {ours:>16.2} {eager:>15.2} {:>13.2} {:>13.2} {:>13.2} {:>13.2}",
            judged[0], judged[1], single[0], single[1]
        );
    }
}

/// Seconds of each epoch.
#[derive(Default)]
struct Clock {
    began: Option<Instant>,
}

impl Clock {
    fn last(&self) -> f64 {
        self.began.unwrap().elapsed().as_secs_f64()
    }
}

impl Watch for Clock {
    fn begins(&mut self, _: u32, _: u32, _: u64, _: Option<&Epoch>) {
        self.began = Some(Instant::now());
    }

    fn advance(&mut self, _: u64) -> bool {
        true
    }
}

/// Images a second of single-threaded sessions on single images.
fn sessions(
    weights: &trapline::model::weights::Weights,
    architecture: &'static Architecture,
    precision: Precision,
    inputs: &[f32],
    side: usize,
) -> f64 {
    let numbers = 3 * side * side;
    let images: Vec<&[f32]> = inputs.chunks(numbers).collect();
    let folded = Folded::new(architecture, CLASSES, weights, Device::Cpu, precision).unwrap();
    let began = std::sync::Barrier::new(THREADS + 1);
    let mut seconds = 0.0;
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (mine, began, images) = (folded.share(), &began, &images);
                scope.spawn(move || {
                    tch::set_num_threads(1);
                    mine.logits(images[0], side, side).unwrap();
                    began.wait();
                    images.iter().skip(thread).step_by(THREADS).for_each(|image| drop(mine.logits(image, side, side).unwrap()));
                })
            })
            .collect();
        began.wait();
        let clock = Instant::now();
        for handle in handles {
            handle.join().unwrap();
        }
        seconds = clock.elapsed().as_secs_f64();
    });
    images.len() as f64 / seconds
}

fn options(architecture: &'static Architecture, side: u32, batch: usize) -> Options {
    let input = Input {
        width: side,
        height: side,
        resize: Resize::Squash,
        crop_bottom_px: 24,
        upright: false,
        margin_px: 0,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };
    let phase = Phase {
        epochs: 2,
        free: Free::All,
        optimizer: Optimizer::Adam,
        schedule: Schedule::Constant(1e-4),
        weight_decay: Vec::new(),
        imbalance: Imbalance::None,
    };
    Options {
        architecture,
        input,
        phases: vec![phase],
        batch,
        label_smoothing: 0.0,
        augmentation: Augmentation::default(),
        keep: Keep::Last,
        patience: None,
        seed: 1,
        calibrate: false,
        mixed_precision: false,
    }
}

/// So many drawn images, prepared, and their classes.
fn material(folder: &Path, input: &Input, count: usize) -> (Pixels, Vec<u32>) {
    write_training_images(&folder.join("images"), count.div_ceil(CLASSES), 99).unwrap();
    let (mut sources, mut labels) = (Vec::new(), Vec::new());
    for (label, class) in (0..).zip(Class::ALL) {
        for entry in std::fs::read_dir(folder.join("images").join(class.name())).unwrap() {
            let path = entry.unwrap().path();
            sources.push(Source { content: ContentId::of(&std::fs::read(&path).unwrap()), path });
            labels.push(label);
        }
    }
    sources.truncate(count);
    labels.truncate(count);
    (Pixels::prepare(&sources, input, folder, &|_| true).unwrap(), labels)
}
