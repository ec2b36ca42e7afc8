//! Weights of a network by name, and the safetensors files in which they travel.

use std::collections::BTreeMap;

/// All arrays of a network, under torchvision's names ([`super::Architecture::parameters`]).
pub type Weights = BTreeMap<String, Array>;

/// An array of 32-bit floats in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Lengths of its dimensions.
    pub shape: Vec<usize>,
    /// As many values as the product of `shape`.
    pub values: Vec<f32>,
}
