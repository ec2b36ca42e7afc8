//! Training: what a recipe prescribes, batch by batch, and the loop that follows it.

mod augment;
mod chance;
mod emphasis;
mod imbalance;
mod options;
mod schedule;

pub use augment::Augmenter;
pub use chance::chance;
pub use emphasis::Emphasis;
pub use imbalance::{both, class_counts, class_weights, epoch_order, oversampling_target, undersampled};
pub use options::{Augmentation, Free, Imbalance, Keep, Optimizer, Options, Phase, Schedule};
