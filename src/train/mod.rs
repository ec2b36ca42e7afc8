//! Training: what a recipe prescribes, batch by batch, and the loop that follows it.

mod options;

pub use options::{Augmentation, Free, Imbalance, Keep, Optimizer, Options, Phase, Schedule};
