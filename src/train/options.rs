//! Options: everything that decides what a training does, in the order in which it is decided.

use serde::{Serialize, Serializer};

use crate::model::{Architecture, Input};

/// How a network is trained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Options {
    /// The network.
    #[serde(serialize_with = "by_name")]
    pub architecture: &'static Architecture,
    /// How an image becomes its input; [`Input::margin_px`](crate::model::Input) is what a random crop may move within.
    #[serde(skip)]
    pub input: Input,
    /// What is done, one phase after the other.
    pub phases: Vec<Phase>,
    /// Images of one step.
    pub batch: usize,
    /// Share of the target's weight that is spread over all classes, 0-1.
    pub label_smoothing: f64,
    /// How training images are varied.
    pub augmentation: Augmentation,
    /// Which weights are kept.
    pub keep: Keep,
    /// A phase ends when the validation loss has not fallen for so many epochs.
    pub patience: Option<u32>,
    /// Decides initial weights, order, variation of images.
    pub seed: u64,
    /// A temperature is fitted on the validation images.
    pub calibrate: bool,
    /// Computes in half precision where a GPU is there.
    pub mixed_precision: bool,
}

impl Options {
    /// Says whether the first phase learns a part of the network alone: on top of random weights there would be nothing to learn
    /// from.
    #[must_use]
    pub fn needs_start(&self) -> bool {
        self.phases.first().is_some_and(|phase| phase.free != Free::All)
    }
}

/// A stretch of epochs under the same rules.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    /// Passes over the training images.
    pub epochs: u32,
    /// What is learned; the rest keeps its weights and its batch norms their statistics.
    pub free: Free,
    /// How gradients become steps.
    pub optimizer: Optimizer,
    /// Step length over time.
    pub schedule: Schedule,
    /// Weight decay from an epoch of the phase on (counted from 0), ascending; none before the first.
    pub weight_decay: Vec<(u32, f64)>,
    /// What is done about rare classes.
    pub imbalance: Imbalance,
}

/// Which parameters are learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Free {
    /// All of them.
    All,
    /// The last layer and the last so many parts of the network ([`Architecture::part_of`]); 0 is the last layer alone.
    Last(usize),
}

/// How gradients become steps; the formulas are `PyTorch`'s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Kingma & Ba 2015, with weight decay added to the gradient; betas .9 and .999, epsilon 1e-8.
    Adam,
    /// Loshchilov & Hutter 2019: weight decay apart from the gradient.
    AdamW,
    /// Stochastic gradient descent.
    Sgd {
        /// Share of the last step that is kept, 0-1.
        momentum: f64,
    },
}

/// Step length over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The same throughout.
    Constant(f64),
    /// A single triangle over the steps of the phase: from `low` up to `high` and back to `low`, linear in batches.
    OneCycle {
        /// At both ends.
        low: f64,
        /// In the middle.
        high: f64,
    },
    /// A value from an epoch of the phase on (counted from 0); the first is 0.
    Steps(Vec<(u32, f64)>),
}

/// How training images are varied. All zero: not at all.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Augmentation {
    /// Mirrored with a probability of one half.
    pub flip: bool,
    /// Turned by up to so many degrees either way.
    pub rotation_deg: f64,
    /// Shifted by up to this share of width and height, either way.
    pub shift: f64,
    /// Sheared by up to so many degrees, either way.
    pub shear_deg: f64,
    /// Scaled by up to this share, up or down.
    pub zoom: f64,
    /// Multiplied by 1 plus or minus up to this share.
    pub brightness: f64,
    /// Contrast about the mean multiplied by 1 plus or minus up to this share.
    pub contrast: f64,
    /// Share of images that are made grey, dark and noisy, as infrared night images are.
    pub night: f64,
    /// A crop at a random place within the margin, instead of the central one.
    pub random_crop: bool,
}

/// Which weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Those of the epoch with the lowest validation loss.
    Best,
    /// Those of the last epoch.
    Last,
}

/// What is done about rare classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Imbalance {
    /// Nothing.
    None,
    /// Rare classes weigh more in the loss, and its gradient at the network's output is clamped.
    Weighted {
        /// The clamp, either way; none where missing.
        clamp: Option<f64>,
    },
    /// Images of rare classes are repeated up to a target.
    Oversample,
    /// Images of common classes are left out down to `cap`.
    Undersample {
        /// Most images of a class.
        cap: u64,
    },
    /// Both.
    Both {
        /// Most images of a class.
        cap: u64,
    },
    /// Images that were misjudged come again, soon.
    Emphasis {
        /// Chance of a further batch of images whose first label was wrong, after each batch.
        top_1: f64,
        /// Chance of a further batch of images whose first five labels were wrong.
        top_5: f64,
    },
}

/// An architecture is known by its name.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn by_name<S: Serializer>(architecture: &&'static Architecture, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(architecture.name)
}
