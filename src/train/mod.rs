//! Training: what a recipe prescribes, batch by batch, and the loop that follows it.

mod augment;
mod chance;
mod emphasis;
mod epoch;
mod imbalance;
mod loader;
mod options;
mod pixels;
mod schedule;
pub mod temperature;
#[cfg(feature = "tch")]
pub mod torch;

pub use augment::Augmenter;
pub use chance::chance;
pub use emphasis::Emphasis;
pub use epoch::Epoch;
pub use imbalance::{both, class_counts, class_weights, epoch_order, oversampling_target, undersampled};
pub use loader::{Batch, Batches, Loader, Variation};
pub use options::{Augmentation, Free, Imbalance, Keep, Optimizer, Options, Phase, Schedule};
pub use pixels::{PixelReader, Pixels, PixelsError, Source, Unusable};

/// The images of a training and what they show.
#[derive(Debug, Clone)]
pub struct Set {
    /// The class of every image, by its place in the list of classes.
    pub labels: Vec<u32>,
    /// Number of classes.
    pub classes: usize,
    /// Images to learn from, by their place in `labels`.
    pub training: Vec<u32>,
    /// Images to judge by.
    pub validation: Vec<u32>,
}
