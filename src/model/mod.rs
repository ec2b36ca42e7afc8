//! Models: bundles, signatures, and the engines that run them.
//!
//! ```text
//! models/NAME/VERSION/model.yaml -> Bundle -> Network (weights, shared) -> Session (one thread) -> probabilities
//! models.lock                    -> ModelSignature: what checks and plans need, without weights
//! Weights (by name)              -> an ONNX network, or one in libtorch
//! ```

mod add;
pub mod architecture;
mod bundle;
pub mod engine;
pub mod engines;
mod fold;
pub mod found;
pub mod onnx;
pub mod packed;
pub mod preprocess;
pub mod rten;
pub mod signature;
#[cfg(feature = "tch")]
pub mod torch;
pub mod weights;

pub use add::{AddError, Described, add, add_network, add_parts};
pub use architecture::Architecture;
pub use bundle::{Bundle, BundleError, ChannelOrder, Input, MODEL_FILE, OutputKind, Resize, bundle_folder, fields};
