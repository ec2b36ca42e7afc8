//! The training loop: it learns, repeats itself, goes on after an interruption, and frees what a phase frees.
#![cfg(feature = "tch")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::LazyLock;

use trapline::demo::{Class, write_training_images};
use trapline::id::ContentId;
use trapline::model::torch::Network;
use trapline::model::weights::Weights;
use trapline::model::{Architecture, Input, Resize};
use trapline::train::torch::{TrainError, Trained, Training, Watch, initial_weights, transferred};
use trapline::train::{
    Augmentation, Augmenter, Epoch, Free, Imbalance, Keep, Loader, Optimizer, Options, Phase, Pixels, Schedule, Set, Source,
};

/// Stops a training after so many batches.
struct StopAfter(u32);

impl Watch for StopAfter {
    fn begins(&mut self, _: u32, _: u32, _: u64, _: Option<&Epoch>) {}
    fn advance(&mut self, _: u64) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

const NEVER: StopAfter = StopAfter(u32::MAX);

fn phase(epochs: u32, free: Free, imbalance: Imbalance) -> Phase {
    Phase {
        epochs,
        free,
        optimizer: Optimizer::AdamW,
        schedule: Schedule::OneCycle { low: 1e-5, high: 5e-3 },
        weight_decay: vec![(0, 0.01)],
        imbalance,
    }
}

fn options(phases: Vec<Phase>) -> Options {
    Options {
        architecture: Architecture::named("resnet8").unwrap(),
        input: Input {
            width: 48,
            height: 36,
            resize: Resize::Squash,
            crop_bottom_px: 24,
            upright: false,
            margin_px: 0,
            mean: [0.5; 3],
            std: [0.25; 3],
        },
        phases,
        batch: 12,
        label_smoothing: 0.02,
        augmentation: Augmentation { flip: true, shift: 0.05, brightness: 0.1, ..Augmentation::default() },
        keep: Keep::Best,
        patience: None,
        seed: 5,
        calibrate: false,
        mixed_precision: false,
    }
}

/// Drawn once: drawing costs more than learning.
static IMAGES: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    write_training_images(folder.path(), 16, 11).unwrap();
    folder
});

/// Images of three of the demo's classes, a quarter of them to validate with.
struct Material {
    folder: tempfile::TempDir,
    pixels: Pixels,
    set: Set,
}

fn material(options: &Options) -> Material {
    let folder = tempfile::tempdir().unwrap();
    let images = IMAGES.path();
    let mut set = Set { labels: Vec::new(), classes: 3, training: Vec::new(), validation: Vec::new() };
    let mut sources = Vec::new();
    let chosen = Class::ALL.into_iter().filter(|class| ["empty", "bad_quality", "vole"].contains(&class.name()));
    for (label, class) in (0..).zip(chosen) {
        let mut paths: Vec<_> =
            std::fs::read_dir(images.join(class.name())).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for (number, path) in paths.into_iter().enumerate() {
            let image = u32::try_from(sources.len()).unwrap();
            if number % 4 == 0 {
                set.validation.push(image);
            } else {
                set.training.push(image);
            }
            set.labels.push(label);
            sources.push(Source { content: ContentId::of(&std::fs::read(&path).unwrap()), path });
        }
    }
    let pixels = Pixels::prepare(&sources, &options.input, &folder.path().join("scratch"), &|_| true).unwrap();
    Material { folder, pixels, set }
}

impl Material {
    fn train(
        &self,
        options: &Options,
        start: &Weights,
        folder: Option<&Path>,
        mut watch: StopAfter,
    ) -> Result<Trained, TrainError> {
        tch::set_num_threads(1);
        let augmenter = Augmenter::new(&options.augmentation, &options.input);
        let loader = Loader {
            pixels: &self.pixels,
            augmenter: &augmenter,
            numbers: augmenter.numbers(),
            batch: options.batch,
            workers: 2,
        };
        let training =
            Training { options, set: &self.set, loader, device: tch::Device::Cpu, folder, identity: "these images".to_owned() };
        training.run(start, &mut watch)
    }

    fn start(&self, options: &Options) -> Weights {
        initial_weights(options.architecture, self.set.classes, options.seed)
    }
}

#[test]
fn a_network_learns_what_it_is_shown_and_the_same_each_time() {
    let options = options(vec![phase(8, Free::All, Imbalance::None)]);
    let material = material(&options);
    let start = material.start(&options);
    let first = material.train(&options, &start, None, NEVER).unwrap();
    let (begin, end) = (&first.history[0], &first.history[7]);
    assert!(end.training_loss < 0.6 * begin.training_loss, "{begin:?} {end:?}");
    assert!(end.training_accuracy > 0.7, "{:?}", first.history);
    let again = material.train(&options, &start, None, NEVER).unwrap();
    assert_eq!(first.weights, again.weights);
    assert_eq!(first.history, again.history);
    let other = Options { seed: 6, ..options.clone() };
    assert_ne!(first.weights, material.train(&other, &start, None, NEVER).unwrap().weights);
}

#[test]
fn an_interrupted_training_goes_on_and_ends_in_the_same_weights() {
    // Every kind of state: moments of the optimizer, the best weights, queues, two phases.
    let emphasis = Imbalance::Emphasis { top_1: 0.3, top_5: 0.3 };
    let options = options(vec![phase(3, Free::All, emphasis), phase(2, Free::Last(1), Imbalance::Oversample)]);
    let material = material(&options);
    let start = material.start(&options);
    let whole = material.train(&options, &start, None, NEVER).unwrap();
    for (place, batches) in [2_u32, 5, 8, 11].into_iter().enumerate() {
        let folder = material.folder.path().join(format!("checkpoint{place}"));
        let stopped = material.train(&options, &start, Some(&folder), StopAfter(batches));
        assert!(matches!(stopped, Err(TrainError::Interrupted)), "{batches}");
        let rest = material.train(&options, &start, Some(&folder), NEVER).unwrap();
        assert_eq!(whole.history, rest.history, "{batches}");
        assert_eq!(whole.weights, rest.weights, "{batches}");
    }
}

#[test]
fn a_damaged_checkpoint_is_begun_anew() {
    let options = options(vec![phase(2, Free::All, Imbalance::None)]);
    let material = material(&options);
    let start = material.start(&options);
    let folder = material.folder.path().join("checkpoints");
    let whole = material.train(&options, &start, Some(&folder), NEVER).unwrap();
    let path = folder.join("checkpoint");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(whole.weights, material.train(&options, &start, Some(&folder), NEVER).unwrap().weights);
    std::fs::write(&path, &bytes[..100]).unwrap();
    assert_eq!(whole.weights, material.train(&options, &start, Some(&folder), NEVER).unwrap().weights);
}

#[test]
fn a_phase_changes_only_what_it_frees() {
    let mut options = options(vec![phase(1, Free::Last(0), Imbalance::Weighted { clamp: Some(0.01) })]);
    let material = material(&options);
    let start = material.start(&options);
    for (parts, last) in [(0, vec!["fc."]), (1, vec!["fc.", "layer3."]), (2, vec!["fc.", "layer3.", "layer2."])] {
        options.phases[0].free = Free::Last(parts);
        let trained = material.train(&options, &start, None, NEVER).unwrap();
        for (name, array) in &trained.weights {
            let is_free = last.iter().any(|free| name.starts_with(free));
            assert_eq!(is_free, *array != start[name], "{name} with {parts} parts free");
        }
    }
}

#[test]
fn the_second_phase_of_malik_learns_26_676_numbers() {
    let architecture = Architecture::named("resnet18").unwrap();
    let mut network = Network::new(architecture, 52, &initial_weights(architecture, 52, 1), tch::Device::Cpu).unwrap();
    assert_eq!(network.learned_numbers(), 11_176_512 + 26_676);
    network.free_from(5).unwrap();
    assert_eq!(network.learned_numbers(), 26_676);
}

#[test]
fn a_transfer_keeps_all_but_what_the_last_layer_says_of_new_classes() {
    let architecture = Architecture::named("resnet8").unwrap();
    let from = initial_weights(architecture, 3, 1);
    let to = transferred(architecture, &from, &[Some(2), None, Some(0), None], 2).unwrap();
    assert!(to.iter().all(|(name, array)| (from[name] == *array) != name.starts_with("fc.")));
    let row = |weights: &Weights, class: usize| weights["fc.weight"].values[class * 64..(class + 1) * 64].to_vec();
    assert_eq!((row(&to, 0), row(&to, 2)), (row(&from, 2), row(&from, 0)));
    assert!((0..3).all(|class| row(&to, 1) != row(&from, class)));
    assert_eq!(transferred(architecture, &from, &[Some(0), Some(1), Some(2)], 2).unwrap(), from);
    let wide = Architecture::named("resnet18").unwrap();
    assert_eq!(transferred(wide, &from, &[Some(0), None], 2).unwrap_err(), "bn1.bias");
}

#[test]
fn a_loss_that_is_no_number_ends_the_training_with_the_way_out() {
    let mut options = options(vec![phase(3, Free::All, Imbalance::None)]);
    options.phases[0].schedule = Schedule::Constant(1e30);
    options.phases[0].optimizer = Optimizer::Sgd { momentum: 0.9 };
    let material = material(&options);
    let error = material.train(&options, &material.start(&options), None, NEVER).unwrap_err();
    assert!(error.to_string().contains("lower `learning_rate`"), "{error}");
}
