//! Which engine classifies, and whether it can run the models named.

use crate::diagnostic::codes::{BUILT_WITHOUT, MODEL_ENGINE, UNKNOWN_PARAMETER};
use crate::diagnostic::{Diagnostic, Report, Span, Spanned};
use crate::model::Bundle;
use crate::model::engine::Precision;
use crate::model::engines::EngineKind;
use crate::step::HOW_TO_BUILD;
use crate::step::{Context, Param, ParamType, Params, with_causes};

/// Which engine. No default is filled in: pipelines of old keep their identity.
pub(super) const ENGINE: Param = Param {
    name: "engine",
    ty: ParamType::Choice(&["embedded", "tch"]),
    required: false,
    default: None,
    keyed: true,
    doc: "What runs the network: `embedded` (always there, and what is taken where nothing is said), or `tch` (libtorch).",
};

/// With which numbers it computes.
pub(super) const PRECISION: Param = Param {
    name: "precision",
    ty: ParamType::Choice(&["f32", "bf16"]),
    required: false,
    default: None,
    keyed: true,
    doc: "The numbers that `engine: tch` computes with; `f32` where nothing is said.",
};

/// Reads both parameters.
pub(super) fn read(params: &Params, report: &mut Report) -> Option<EngineKind> {
    let precision = if params.text("precision") == Some("bf16") { Precision::Bf16 } else { Precision::F32 };
    if params.text("engine") == Some("tch") {
        return Some(EngineKind::Torch(precision));
    }
    if params.get("precision").is_some() {
        let message = "the embedded engine has one precision";
        let help = "leave `precision` out, or say `engine: tch`";
        report.push(Diagnostic::new(UNKNOWN_PARAMETER, params.span_of("precision"), message).help(help));
        return None;
    }
    Some(EngineKind::Embedded)
}

/// Says whether `engine`, written at `span`, can run `models`, by what their notes say; models that are not here are not looked at.
pub(super) fn check<'a>(
    engine: EngineKind,
    span: Span,
    models: impl Iterator<Item = &'a Spanned<String>>,
    context: &Context<'_>,
    report: &mut Report,
) -> bool {
    if engine == EngineKind::Embedded {
        return true;
    }
    let mut fits = true;
    for model in models {
        let Ok(bundle) = Bundle::open(context.project, &model.value) else { continue };
        if let Err(error) = engine.check(&bundle) {
            let message = format!("`engine: tch` cannot run model `{}`: {}", model.value, with_causes(&error));
            report
                .push(Diagnostic::new(MODEL_ENGINE, model.span, message).help("leave `engine` out: the embedded engine runs it"));
            fits = false;
        }
    }
    if fits && !cfg!(feature = "tch") {
        let message = "this Trapline was built without libtorch and cannot classify with it";
        report.push(
            Diagnostic::new(BUILT_WITHOUT, span, message)
                .help(format!("leave `engine` out, or build with libtorch: {HOW_TO_BUILD}")),
        );
    }
    fits
}
