//! The steps of a run: instruction, control and action of each, with what went in and what came out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::files::encoded;
use super::super::{Origin, ProvenanceError, StepRecord};
use super::graph::link;
use super::{INPUTS, Writer, engine_version, kind_id, people, time};

impl Writer<'_> {
    /// Describes one step.
    pub(super) fn describe_step(&mut self, record: &StepRecord) -> Result<(), ProvenanceError> {
        let step = &self.pipeline.steps[record.index];
        let name = &step.name.value;
        let (how, control, action) = (self.step_id(record), self.control_id(record), self.action_id(record));
        let position = self.account.steps.iter().position(|own| own.index == record.index).unwrap_or(0) + 1;
        self.graph.add(
            &how,
            &["HowToStep"],
            json!({
                "name": name,
                "position": position.to_string(),
                "workExample": link(&kind_id(step.kind.name)),
            }),
        );
        self.graph.add(
            &control,
            &["ControlAction"],
            json!({
                "name": format!("Trapline carries out step `{name}`"),
                "instrument": link(&how),
                "object": link(&action),
            }),
        );
        let mut object = Vec::new();
        for wires in &step.inputs {
            for wire in wires {
                let source = self.account.steps.iter().find(|own| own.index == wire.step);
                let Some((source, output)) = source.and_then(|own| Some((own, own.manifest.outputs.get(wire.output)?))) else {
                    continue;
                };
                object.push(self.table(self.pipeline.steps[source.index].name.value.as_str(), output));
            }
        }
        if step.step.source().is_some() {
            object.push(link(INPUTS));
        }
        let wrote = wrote(record);
        let read = record.files.iter().map(|(file, _)| crate::path::to_text(&file.path));
        object.extend(read.filter(|path| !wrote.contains(path)).map(|path| link(&encoded(&path))));
        for (model, id) in &record.models {
            let model_id = format!("#model-{}", encoded(model));
            let properties =
                json!({ "name": model, "identifier": id.to_string(), "description": "A model of the project, by its identity" });
            object.push(self.graph.add(&model_id, &["CreativeWork"], properties));
        }
        let mut result: Vec<Value> = record.manifest.outputs.iter().map(|output| self.table(name, output)).collect();
        result.extend(wrote.iter().map(|path| link(&encoded(path))));
        let engine = self.engine(engine_version(record).as_deref());
        let people = people::reviewers(self.pipeline, record)?;
        let mut agents: Vec<Value> = people.iter().map(|name| self.person(name)).collect();
        if agents.is_empty() {
            agents.push(engine);
        }
        self.people.extend(people);
        self.graph.add(
            &action,
            &["CreateAction"],
            json!({
                "name": format!("Step `{name}`"),
                "description": told(record),
                "identifier": record.manifest.key.to_string(),
                "instrument": link(&kind_id(step.kind.name)),
                "object": object,
                "result": result,
                "startTime": time(&record.started),
                "endTime": time(&record.ended),
                "agent": agents,
                "actionStatus": "http://schema.org/CompletedActionStatus",
            }),
        );
        Ok(())
    }

    fn person(&mut self, name: &str) -> Value {
        self.graph.add(&format!("#person-{}", encoded(name)), &["Person"], json!({ "name": name }))
    }

    /// An output of a step, by its identity; the same bytes are one entity.
    fn table(&mut self, step: &str, output: &crate::store::OutputRef) -> Value {
        let description = match output.rows {
            Some(rows) => format!("A table of {rows} rows in Trapline's store, by its identity"),
            None => "A model in Trapline's store, by its identity".to_owned(),
        };
        self.graph.add(
            &format!("#b3-{}", output.id.hex()),
            &["CreativeWork"],
            json!({
                "name": format!("`{}` of step `{step}`", output.port),
                "description": description,
                "identifier": output.id.to_string(),
            }),
        )
    }
}

/// What the journal and the result say beside times: who made it, on what.
fn told(record: &StepRecord) -> String {
    let versions: Vec<_> = record.manifest.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let on = versions.join(", ");
    match &record.origin {
        Origin::ThisRun => format!("Done in this run; {on}"),
        Origin::Run(run) => format!("Done in run {run}, of which this run took the result; {on}"),
        Origin::Unrecorded => {
            format!(
                "Done before this run, which took the result; no journal tells of it, the times are those of the result; {on}"
            )
        }
    }
}

/// The files that a step wrote, those that it keeps up to date (a manifest of names) among them.
pub(super) fn wrote(record: &StepRecord) -> BTreeSet<String> {
    let kept = record.files.iter().filter(|(file, _)| file.rewritten).map(|(file, _)| crate::path::to_text(&file.path));
    record.manifest.files.iter().map(|file| file.path.clone()).chain(kept).collect()
}
