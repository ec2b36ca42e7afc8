//! Step kinds for checking only: they declare what no shipped kind declares yet, so that every finding can be provoked.

use trapline::diagnostic::Report;
use trapline::step::{
    Context, IMAGE_COLUMNS, Job, Metric, Outputs, Param, ParamType, Params, PathUse, Port, PortType, Step, StepError, StepKind,
};
use trapline::table::{Schema, Type};

/// The shipped kinds and those of this file.
pub fn kinds() -> Vec<&'static StepKind> {
    trapline::step::KINDS.iter().copied().chain([&PICK, &JOIN, &FIT]).collect()
}

const fn param(name: &'static str, ty: ParamType) -> Param {
    Param { name, ty, required: false, default: None, keyed: true, doc: "a parameter for tests" }
}

const MODEL: Port = Port { name: "model", ty: PortType::Model, many: false, optional: true, requires: &[], doc: "A model." };

/// Draws images: one parameter of each type.
static PICK: StepKind = StepKind {
    name: "pick",
    inputs: &[Port::table("images", IMAGE_COLUMNS, "The images to draw from.")],
    outputs: &[Port::table("images", IMAGE_COLUMNS, "The images drawn.")],
    params: &[
        param("by", ParamType::List(&ParamType::Column("images"))),
        param("share", ParamType::Number(0.0, 1.0)),
        Param { default: Some("100"), ..param("count", ParamType::Int(1, 1_000_000)) },
        Param { default: Some("random"), ..param("how", ParamType::Choice(&["random", "first", "last"])) },
        param("keep", ParamType::Bool),
        param("always", ParamType::List(&ParamType::Class)),
        param("rates", ParamType::Map(&ParamType::Number(0.0, f64::INFINITY))),
        param("from_file", ParamType::Path(PathUse::Read)),
        param("into", ParamType::Path(PathUse::Write)),
    ],
    metrics: &[Metric { name: "drawn", doc: "images drawn" }, Metric { name: "left_over", doc: "images not drawn" }],
    ..BLANK
};

/// Joins two tables; the right side takes many.
static JOIN: StepKind = StepKind {
    name: "join",
    inputs: &[
        Port::table("left", &[], "The rows to keep."),
        Port { many: true, ..Port::table("right", &[], "The rows to add.") },
        MODEL,
    ],
    outputs: &[Port::table("rows", &[], "The rows joined.")],
    ..BLANK
};

/// Makes a model from images whose sizes are text.
static FIT: StepKind = StepKind {
    name: "fit",
    inputs: &[
        Port::table("images", IMAGE_COLUMNS, "The images."),
        Port { optional: true, ..Port::table("sizes", &[("bytes", Type::Text)], "Sizes.") },
    ],
    outputs: &[Port { optional: false, ..MODEL }, Port::table("log", &[], "What happened.")],
    params: &[
        Param { required: true, ..param("architecture", ParamType::Text) },
        param("start", ParamType::ModelOr("scratch")),
        param("decay", ParamType::ByEpoch(&ParamType::Number(0.0, 1.0))),
    ],
    metrics: &[Metric { name: "accuracy", doc: "share of right labels" }],
    ..BLANK
};

const BLANK: StepKind = StepKind {
    name: "",
    revision: 1,
    summary: "for tests",
    docs: "For tests.",
    inputs: &[],
    outputs: &[],
    params: &[],
    metrics: &[],
    keeps_rows: false,
    pins: None,
    read,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature of all kinds")]
fn read(_params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    Some(Box::new(Checked))
}

/// Passes the columns of its first input on; is never run.
struct Checked;

impl Step for Checked {
    fn columns(&self, inputs: &[Vec<Schema>], _context: &Context<'_>, _report: &mut Report) -> Option<Vec<Schema>> {
        let first = inputs.iter().flatten().next().cloned().unwrap_or_default();
        Some(vec![first.clone(), first])
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        Err(StepError::Data(format!("`{}` is for checking only", job.step)))
    }
}
