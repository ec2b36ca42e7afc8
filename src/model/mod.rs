//! Models: bundles, signatures, and the engines that run them.

pub mod signature;
