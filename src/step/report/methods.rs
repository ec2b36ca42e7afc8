//! Methods: the pipeline step by step, models, seeds and identities, for those who want the same numbers again.

use super::draft::Draft;
use crate::model::signature::ModelSignature;
use crate::report::page::{Panel, Section, Sheet, Source, Value};
use crate::step::{Ancestor, Context, kind};

/// Letters of an identity that tell results apart.
const SHORT: usize = 15;

pub(super) fn section(draft: &Draft<'_>, context: &Context<'_>) -> Section {
    let mut panels = vec![steps(draft)];
    panels.extend(models(draft, context));
    panels.extend(params(draft));
    panels.push(references(draft));
    let lead = "What was done, in the order in which it was done. The identities stand in the lock file beside the pipeline: who runs the same \
                pipeline on the same images and labels gets the same ones, or is told what differs (`trapline verify`).";
    Section { id: "methods".into(), title: "Methods".into(), lead: lead.into(), panels }
}

fn steps(draft: &Draft<'_>) -> Panel {
    let mut sheet = Sheet::new(&["step", "kind", "what it does", "takes", "parameters", "rows", "identity of the result"]);
    for step in &draft.lineage.steps {
        let params: Vec<String> = step.params.iter().map(|(name, value)| format!("{name}: {}", readable(value))).collect();
        let first = step.made.first();
        let summary = kind(step.kind).map_or("", |kind| kind.summary);
        let cells = vec![
            Value::text(&step.name),
            Value::Text(format!("{} (revision {})", step.kind, step.revision)),
            Value::text(summary),
            Value::Text(step.from.join(", ")),
            Value::Text(params.join("; ")),
            first.map_or(Value::Missing, |made| Value::count(made.rows)),
            first.map_or(Value::Missing, |made| Value::Text(made.id.to_string().chars().take(SHORT).collect())),
        ];
        match first {
            Some(made) => sheet.push_from(cells, Source { step: step.name.clone(), output: made.output.to_owned() }),
            None => sheet.push(cells, Vec::new()),
        }
    }
    Panel {
        id: "steps".into(),
        title: "Steps".into(),
        note: "`trapline help KIND` explains a kind with its formulas and references.".into(),
        sheet: Some(sheet),
        table_first: true,
        ..Panel::default()
    }
}

/// A canonical value as people write it: texts without quotes, lists in brackets.
pub(super) fn readable(canonical: &str) -> String {
    fn said(value: &serde_json::Value) -> String {
        match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(items) => format!("[{}]", items.iter().map(said).collect::<Vec<_>>().join(", ")),
            serde_json::Value::Object(entries) => {
                entries.iter().map(|(key, value)| format!("{key} {}", said(value))).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        }
    }
    serde_json::from_str(canonical).map_or_else(|_| canonical.to_owned(), |value| said(&value))
}

/// All texts within a parameter: a model's name may stand alone, or by season.
fn texts(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        serde_json::Value::Object(entries) => entries.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}

/// The models that a step names, of those that the project knows.
fn named<'m>(step: &Ancestor, context: &'m Context<'_>) -> Vec<(&'m String, &'m ModelSignature)> {
    let mut names = Vec::new();
    for name in ["model", "start"] {
        if let Some(value) = super::draft::param(step, name) {
            texts(&value, &mut names);
        }
    }
    names.dedup();
    names.iter().filter_map(|name| context.models.get_key_value(name)).collect()
}

fn models(draft: &Draft<'_>, context: &Context<'_>) -> Option<Panel> {
    let mut sheet = Sheet::new(&["model", "used by", "classes", "identity"]);
    for step in &draft.lineage.steps {
        for (name, model) in named(step, context) {
            let classes = model.classes.join(", ");
            let cells = [name.clone(), step.name.clone(), classes, model.id.to_string()];
            sheet.push(cells.into_iter().map(Value::Text).collect(), Vec::new());
        }
    }
    let panel = Panel { id: "models".into(), title: "Models".into(), sheet: Some(sheet), table_first: true, ..Panel::default() };
    panel.sheet.as_ref().is_some_and(|sheet| !sheet.rows.is_empty()).then_some(panel)
}

fn params(draft: &Draft<'_>) -> Option<Panel> {
    let mut sheet = Sheet::new(&["parameter", "value"]);
    for (name, value) in &draft.lineage.params {
        sheet.push(vec![Value::text(name), Value::text(value)], Vec::new());
    }
    let panel = Panel {
        id: "parameters".into(),
        title: "Parameters of the pipeline".into(),
        note: "Seeds decide which images samples draw.".into(),
        sheet: Some(sheet),
        table_first: true,
        ..Panel::default()
    };
    (!draft.lineage.params.is_empty()).then_some(panel)
}

/// The references of the kinds that were used: the last part of their pages.
fn references(draft: &Draft<'_>) -> Panel {
    let mut kinds: Vec<&str> = draft.lineage.steps.iter().map(|step| step.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut sheet = Sheet::new(&["kind", "references"]);
    for name in kinds {
        let Some((_, text)) = kind(name).and_then(|kind| kind.docs.split_once("\n## References\n")) else { continue };
        let text = text.split("\n## ").next().unwrap_or(text).split_whitespace().collect::<Vec<_>>().join(" ");
        sheet.push(vec![Value::text(name), Value::Text(text)], Vec::new());
    }
    Panel {
        id: "references".into(),
        title: "References".into(),
        folded: true,
        sheet: Some(sheet),
        table_first: true,
        ..Panel::default()
    }
}
