//! The recipes from which a training starts.

use crate::model::architecture::ARCHITECTURES;
use crate::model::{Architecture, Input, Resize};
use crate::train::{Augmentation, Free, Imbalance, Keep, Optimizer, Schedule};

/// The words for presets; the first is the default.
pub(super) const PRESETS: &[&str] = &["bohner", "bohner_transfer", "norouzzadeh", "malik", "small"];

/// Mean and deviation of the channels of `ImageNet`'s images, which public weights were trained with.
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// What a preset prescribes, before anything overrides it.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub architecture: &'static Architecture,
    pub input: Input,
    pub batch: usize,
    pub label_smoothing: f64,
    pub augmentation: Augmentation,
    pub keep: Keep,
    pub patience: Option<u32>,
    /// Of each phase.
    pub epochs: u32,
    /// What the first phase learns.
    pub free: Free,
    pub optimizer: Optimizer,
    /// Of the first phase.
    pub schedule: Schedule,
    pub weight_decay: Vec<(u32, f64)>,
    pub imbalance: Imbalance,
    pub second: Second,
}

/// What follows the first phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Second {
    /// Nothing.
    None,
    /// The last layer alone, on all images (Malik et al. 2021).
    LastLayer,
    /// So many parts of the network, at a tenth of the rate (Böhner et al. 2023).
    Parts(usize),
}

impl Recipe {
    /// Lets only the last layer and the last `parts` learn, in the phase that the recipe has for it.
    pub(super) fn free_last(&mut self, parts: usize) {
        match &mut self.second {
            Second::Parts(second) => *second = parts,
            // The stem and all stages are the whole network.
            Second::None | Second::LastLayer if parts > self.architecture.depths.len() => self.free = Free::All,
            Second::None | Second::LastLayer => self.free = Free::Last(parts),
        }
    }
}

/// The recipe called `preset`.
pub(super) fn recipe(preset: &str) -> Recipe {
    match preset {
        "bohner_transfer" => bohner_transfer(),
        "norouzzadeh" => norouzzadeh(),
        "malik" => malik(),
        "small" => small(),
        _ => bohner(),
    }
}

fn square(side: u32) -> Input {
    let (mean, std) = IMAGENET;
    Input { width: side, height: side, resize: Resize::Squash, crop_bottom_px: 0, upright: false, margin_px: 0, mean, std }
}

fn named(name: &str) -> &'static Architecture {
    Architecture::named(name).unwrap_or(&ARCHITECTURES[0])
}

fn bohner() -> Recipe {
    Recipe {
        architecture: named("resnet50"),
        input: square(224),
        batch: 64,
        label_smoothing: 0.0,
        // Keras takes the published shear of .2 as degrees.
        augmentation: Augmentation {
            flip: true,
            rotation_deg: 40.0,
            shift: 0.2,
            shear_deg: 0.2,
            zoom: 0.2,
            ..Augmentation::default()
        },
        keep: Keep::Best,
        patience: None,
        epochs: 55,
        free: Free::All,
        optimizer: Optimizer::Adam,
        schedule: Schedule::OneCycle { low: 1e-6, high: 1e-3 },
        weight_decay: Vec::new(),
        imbalance: Imbalance::None,
        second: Second::None,
    }
}

fn bohner_transfer() -> Recipe {
    Recipe { epochs: 30, free: Free::Last(0), second: Second::Parts(4), ..bohner() }
}

fn norouzzadeh() -> Recipe {
    Recipe {
        input: Input { margin_px: 16, ..square(224) },
        batch: 128,
        augmentation: Augmentation { flip: true, random_crop: true, ..Augmentation::default() },
        keep: Keep::Last,
        epochs: 55,
        optimizer: Optimizer::Sgd { momentum: 0.9 },
        // Published with epochs counted from 1: 1-18, 19-29, 30-43, 44-52, from 53 on.
        schedule: Schedule::Steps(vec![(0, 0.01), (18, 0.005), (29, 0.001), (43, 0.0005), (52, 0.0001)]),
        weight_decay: vec![(0, 0.0005), (29, 0.0)],
        ..bohner()
    }
}

fn malik() -> Recipe {
    Recipe {
        architecture: named("resnet18"),
        augmentation: Augmentation::default(),
        patience: Some(5),
        epochs: 50,
        schedule: Schedule::Constant(1e-3),
        imbalance: Imbalance::Undersample { cap: 15_000 },
        second: Second::LastLayer,
        ..bohner()
    }
}

fn small() -> Recipe {
    Recipe {
        architecture: named("resnet20"),
        input: Input { width: 128, height: 96, ..square(128) },
        label_smoothing: 0.02,
        augmentation: Augmentation { flip: true, shift: 0.04, brightness: 0.1, contrast: 0.25, ..Augmentation::default() },
        keep: Keep::Last,
        epochs: 20,
        optimizer: Optimizer::AdamW,
        schedule: Schedule::OneCycle { low: 3e-5, high: 3e-3 },
        weight_decay: vec![(0, 0.02)],
        ..bohner()
    }
}
