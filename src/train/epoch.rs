//! What is remembered of an epoch.

use serde::{Deserialize, Serialize};

/// What happened in an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// From 1.
    pub phase: u32,
    /// From 1, over all phases.
    pub epoch: u32,
    /// Images learned from, repeats counted.
    pub images: u64,
    /// Rate of the last step.
    pub rate: f64,
    /// Mean loss of the batches while they were learned from.
    pub training_loss: f64,
    /// Share of the images learned from that were right before the step, 0-1.
    pub training_accuracy: f64,
    /// Mean cross-entropy over the validation images; missing where there are none.
    pub validation_loss: Option<f64>,
    /// Share of the validation images that are right, 0-1.
    pub validation_accuracy: Option<f64>,
    /// The lowest validation loss of the phase so far.
    pub best: bool,
}
