//! The engines there are, by name, and a network loaded by any of them.

use std::sync::Arc;

use super::architecture::Architecture;
use super::bundle::{Bundle, OutputKind};
use super::engine::{Engine, EngineError, Precision};
use super::rten;
use crate::recipe::Numerics;

/// Which engine runs a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// The one in pure Rust that is always there; it runs the ONNX file.
    Embedded,
    /// libtorch, in builds with the feature `tch`; it runs the weights by name.
    Torch(Precision),
}

impl EngineKind {
    /// Enters the key of every prediction.
    #[must_use]
    pub const fn numerics(self) -> Numerics {
        match self {
            Self::Embedded => rten::NUMERICS,
            Self::Torch(Precision::F32) => Numerics { engine: "tch", epoch: 1 },
            Self::Torch(Precision::Bf16) => Numerics { engine: "tch-bf16", epoch: 1 },
        }
    }

    /// Says, by its notes alone, whether the engine can run `bundle`.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(self, bundle: &Bundle) -> Result<(), EngineError> {
        if self == Self::Embedded {
            Ok(())
        } else if bundle.weights.is_none() {
            Err(EngineError::NoWeights)
        } else if bundle.output != OutputKind::Logits {
            Err(EngineError::NotLogits)
        } else if Architecture::named(&bundle.architecture).is_none() {
            Err(EngineError::Architecture(bundle.architecture.clone()))
        } else {
            Ok(())
        }
    }
}

/// A network that an engine has loaded, shared by any number of sessions.
pub enum Loaded {
    /// By the embedded engine.
    Embedded(Arc<rten::Network>),
    /// By libtorch.
    #[cfg(feature = "tch")]
    Torch(Arc<super::torch::Shared>),
}

impl Loaded {
    /// Loads a model with the engine `kind` and tries it once. `weights` are asked for by libtorch alone.
    ///
    /// # Errors
    /// When the engine cannot run the model, or is not there.
    pub fn load(kind: EngineKind, bundle: &Bundle, network: Vec<u8>, weights: Option<&[u8]>) -> Result<Self, EngineError> {
        kind.check(bundle)?;
        match kind {
            EngineKind::Embedded => {
                let network = rten::Network::load(bundle, network)?;
                network.session()?.try_once()?;
                Ok(Self::Embedded(network))
            }
            EngineKind::Torch(precision) => Self::load_torch(bundle, network, weights.ok_or(EngineError::NoWeights)?, precision),
        }
    }

    #[cfg(feature = "tch")]
    fn load_torch(bundle: &Bundle, network: Vec<u8>, weights: &[u8], precision: Precision) -> Result<Self, EngineError> {
        let shared = super::torch::Shared::load(bundle, network, weights, precision)?;
        shared.session().try_once()?;
        Ok(Self::Torch(shared))
    }

    #[cfg(not(feature = "tch"))]
    fn load_torch(_: &Bundle, _: Vec<u8>, _: &[u8], _: Precision) -> Result<Self, EngineError> {
        Err(EngineError::BuiltWithout)
    }

    /// A session on a thread of its own.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn session(&self) -> Result<Box<dyn Engine>, EngineError> {
        match self {
            Self::Embedded(network) => Ok(Box::new(network.session()?)),
            #[cfg(feature = "tch")]
            Self::Torch(shared) => Ok(Box::new(shared.session())),
        }
    }
}
