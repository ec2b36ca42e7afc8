//! What is known of a model without its weights: `models.lock`.

use crate::id::ContentId;

/// A model's name, version, classes, input and identity.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModelSignature {
    /// `name@version`.
    pub model: String,
    /// Identity of everything that may change a prediction: network, preprocessing, class order.
    pub id: ContentId,
    /// The model's own classes in output order, mapped to the programme's names where `taxonomy:` of `model.yaml` says so.
    pub classes: Vec<String>,
    /// Width of the network's input, pixels.
    pub width: u32,
    /// Height of the network's input, pixels.
    pub height: u32,
}
