//! The one model of a step that looks into a network: named, or through a port.

use std::sync::Arc;

use super::{Context, Param, ParamType, Port, PortType, StepError, with_causes};
use crate::diagnostic::codes::{MISSING_PARAMETER, TOO_MANY_SOURCES, UNKNOWN_MODEL};
use crate::diagnostic::{Diagnostic, Report, Span, Spanned, did_you_mean};
use crate::id::ContentId;
use crate::model::Bundle;
use crate::model::packed::{Unpacked, unpack};
use crate::model::signature::ModelSignature;

/// The parameter that names it.
pub(super) const MODEL: Param = Param {
    name: "model",
    ty: ParamType::Model,
    required: false,
    default: None,
    keyed: true,
    doc: "the model, `name@version`; not beside the port `model`",
};

/// The port through which it may come.
pub(super) const MODEL_PORT: Port = Port {
    name: "model",
    ty: PortType::Model,
    many: false,
    optional: true,
    requires: &[],
    doc: "a model that another step made, instead of a named one",
};

/// How a step comes to its model.
pub(super) enum Checked<'c> {
    /// Through the port: nothing is known of it yet.
    Wired,
    /// By name.
    Named(&'c ModelSignature),
}

/// Says how a step comes to its model, or what is wrong with it.
pub(super) fn check<'c>(
    named: Option<&Spanned<String>>,
    is_wired: bool,
    span: Span,
    context: &'c Context<'_>,
    report: &mut Report,
) -> Option<Checked<'c>> {
    let (code, message, help) = match (named, is_wired) {
        (None, true) => return Some(Checked::Wired),
        (Some(_), true) => (
            TOO_MANY_SOURCES,
            "the model is named by the parameter `model` and arrives through the port `model` as well".to_owned(),
            "keep one of them".to_owned(),
        ),
        (None, false) => (
            MISSING_PARAMETER,
            "parameter `model` is missing".to_owned(),
            "name a model, or wire one: `from: { images: names, model: train }`".to_owned(),
        ),
        (Some(model), false) => {
            if let Some(signature) = context.models.get(&model.value) {
                return Some(Checked::Named(signature));
            }
            report.push(unknown(model, context));
            return None;
        }
    };
    report.push(Diagnostic::new(code, named.map_or(span, |model| model.span), message).help(help));
    None
}

/// The finding about a name that stands for no model of the project.
pub(super) fn unknown(model: &Spanned<String>, context: &Context<'_>) -> Diagnostic {
    let known: Vec<&str> = context.models.keys().map(String::as_str).collect();
    let help = did_you_mean(&model.value, &known).unwrap_or_else(|| "`trapline model add FOLDER` lists a model".to_owned());
    Diagnostic::new(UNKNOWN_MODEL, model.span, format!("model `{}` is not known", model.value)).help(help)
}

/// The description of a named model and the bytes of its network, which are those that its signature stands for.
///
/// # Errors
/// When they cannot be read, or are others.
pub(super) fn open_named(signature: &ModelSignature, context: &Context<'_>) -> Result<(Bundle, Vec<u8>), StepError> {
    let model = &signature.model;
    let bundle = Bundle::open(context.project, model).map_err(|error| unusable(model, &error))?;
    let network = bundle.network().map_err(|error| unusable(model, &error))?;
    if bundle.id(&network) != signature.id {
        let way_out = "fetch that model again, or give the changed one another version and `trapline model add` it";
        return Err(StepError::Data(format!("model `{model}` is not the one that `models.lock` lists; {way_out}")));
    }
    Ok((bundle, network))
}

/// The weights by name of a named model, which are those that its signature stands for; `None` where it comes without.
///
/// # Errors
/// When they cannot be read, or are others.
pub(super) fn named_weights(signature: &ModelSignature, bundle: &Bundle) -> Result<Option<Vec<u8>>, StepError> {
    let model = &signature.model;
    let Some(weights) = bundle.read_weights().map_err(|error| unusable(model, &error))? else { return Ok(None) };
    if signature.weights == Some(ContentId::of(&weights)) {
        return Ok(Some(weights));
    }
    Err(StepError::Data(match signature.weights {
        Some(_) => format!(
            "the weights of model `{model}` are not those that `models.lock` lists; fetch them again, or give the changed model another \
             version and `trapline model add` it"
        ),
        None => {
            format!("`models.lock` does not list the weights of model `{model}`: run `trapline model add` on its folder once")
        }
    }))
}

/// A model that is there and does not serve.
pub(super) fn unusable(model: &str, error: &dyn std::error::Error) -> StepError {
    StepError::Data(format!("model `{model}` cannot be used: {}", with_causes(error)))
}

/// A model, known by its signature.
pub(super) struct Source {
    pub signature: ModelSignature,
    packed: Option<Arc<Vec<u8>>>,
}

impl Source {
    /// The model of a step, without its weights.
    ///
    /// # Errors
    /// When it is not known, or not there yet.
    pub fn of(named: Option<&str>, context: &Context<'_>) -> Result<Self, StepError> {
        match (named, context.ports.get(MODEL_PORT.name)) {
            (Some(model), _) => match context.models.get(model) {
                Some(signature) => Ok(Self { signature: signature.clone(), packed: None }),
                None => Err(StepError::Data(format!("model `{model}` is not known; `trapline model add FOLDER` lists it"))),
            },
            (None, Some(packed)) => {
                let signature = unpack(packed).map_err(|error| StepError::Data(with_causes(&error)))?.signature();
                Ok(Self { signature, packed: Some(Arc::clone(packed)) })
            }
            (None, None) => Err(StepError::Data("the model that should arrive through the port is not there yet".into())),
        }
    }

    /// Its description and the bytes of its network, as [`open_named`].
    ///
    /// # Errors
    /// When they cannot be read, or are others.
    pub fn open(&self, context: &Context<'_>) -> Result<(Bundle, Vec<u8>), StepError> {
        match &self.packed {
            Some(packed) => {
                let Unpacked { bundle, network, .. } = unpack(packed).map_err(|error| unusable(&self.signature.model, &error))?;
                Ok((bundle, network))
            }
            None => open_named(&self.signature, context),
        }
    }

    /// The weights by name of the opened `bundle`, as safetensors; `None` where it comes without.
    ///
    /// # Errors
    /// When they cannot be read.
    #[cfg(feature = "tch")]
    pub fn weights(&self, bundle: &Bundle) -> Result<Option<Vec<u8>>, StepError> {
        match &self.packed {
            Some(packed) => {
                let unpacked = unpack(packed).map_err(|error| unusable(&self.signature.model, &error))?;
                Ok(unpacked.named_weights().map(<[u8]>::to_vec))
            }
            None => named_weights(&self.signature, bundle),
        }
    }
}
