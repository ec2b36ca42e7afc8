//! A step kind that makes a model without training, for all that comes after.

use trapline::diagnostic::Report;
use trapline::model::packed::pack;
use trapline::step::{
    Context, FileInput, Job, Outputs, Param, ParamType, Params, PathUse, Port, PortType, Step, StepError, StepKind,
};
use trapline::table::Schema;

/// Hands on the bundle of a folder, as a step that trains would hand on what it made.
pub static ADOPT: StepKind = StepKind {
    name: "adopt",
    revision: 1,
    summary: "hands on a model",
    docs: "",
    inputs: &[Port { optional: true, ..Port::table("images", &[], "what a step that trains would be trained on") }],
    outputs: &[Port { name: "model", ty: PortType::Model, many: false, optional: false, requires: &[], doc: "the model" }],
    params: &[Param {
        name: "notes",
        ty: ParamType::Path(PathUse::Read),
        required: true,
        default: None,
        keyed: false,
        doc: "its model.yaml",
    }],
    metrics: &[],
    keeps_rows: false,
    pins: None,
    read: |params: &Params, _: &mut Report| Some(Box::new(Adopt { notes: params.text("notes")?.to_owned() })),
};

struct Adopt {
    notes: String,
}

impl Step for Adopt {
    fn columns(&self, _: &[Vec<Schema>], _: &Context<'_>, _: &mut Report) -> Option<Vec<Schema>> {
        Some(vec![Schema::default()])
    }

    fn files(&self, _: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        Ok(vec![FileInput { name: "notes".into(), path: (&self.notes).into(), optional: false, rewritten: false }])
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let folder = job.context.project.join(&self.notes);
        let packed = pack(folder.parent().unwrap()).map_err(|error| StepError::Data(error.to_string()))?;
        Ok(Outputs { models: vec![packed], ..Outputs::default() })
    }
}
