//! Training: what a recipe prescribes, batch by batch, and the loop that follows it.

mod chance;
mod options;
mod schedule;

pub use chance::chance;
pub use options::{Augmentation, Free, Imbalance, Keep, Optimizer, Options, Phase, Schedule};
