//! The demo's people: the generator answers what is asked, since it knows the truth.

use super::Truth;
use crate::check::{CheckedStep, Pipeline};
use crate::cli::stored;
use crate::labels::{Appender, Label, shown};
use crate::photo::decode::Decoder;
use crate::review::pictures::Pictures;
use crate::run::RunOptions;
use crate::table::Table;

/// Under which name it answers.
const REVIEWER: &str = "generator";

/// Answers what the steps that ask people lack; gives step, file and number of answers of each that got some.
pub(super) fn answer(pipeline: &Pipeline, options: &RunOptions, truth: &Truth) -> anyhow::Result<Vec<(String, String, u64)>> {
    let mut answered = Vec::new();
    for step in pipeline.steps.iter().filter(|step| step.kind.name == "review") {
        let store = stored::open(&options.store)?;
        // A step that has not run asks nothing yet.
        let Ok(result) = stored::result(pipeline, &store, &step.name.value) else { continue };
        let missing = stored::table(&store, &result, Some("missing"))?.read(None).map_err(stored::store_error)?;
        let Some(folder) = step.params.text("labels").filter(|_| missing.rows > 0) else { continue };
        // The pixels find an image again whose file was rotated or tagged.
        let (pictures, mut decoder) = (Pictures::of(pipeline), Decoder::default());
        let mut rows: Vec<Label<'_>> = (0..missing.rows)
            .map(|row| Label {
                pixels: pictures.hash(&missing, row, &mut decoder).unwrap_or_default().into(),
                ..label(step, &missing, row, truth)
            })
            .collect();
        let mut file = Appender::new(&pipeline.project.join(crate::path::from_text(folder)), REVIEWER);
        file.append(&mut rows)?;
        answered.push((step.name.value.clone(), format!("{folder}/{REVIEWER}.csv"), rows.len() as u64));
    }
    Ok(answered)
}

fn label<'a>(step: &CheckedStep, missing: &'a Table, row: usize, truth: &'a Truth) -> Label<'a> {
    let text = |name: &str| missing.column(name).and_then(|column| column.text(row)).unwrap_or_default();
    let known = truth.get(&format!("{}/{}", text("root"), text("path")));
    Label {
        observation: missing.column("content").and_then(|column| column.content(row)),
        class: known.map_or("bad_quality", String::as_str).into(),
        reviewer: REVIEWER.into(),
        shown: if step.params.bool("blind") { shown::BLIND } else { shown::MODEL }.into(),
        site: text("site").into(),
        season: text("season").into(),
        file: text("name").into(),
        comment: if known.is_none() { "the file is cut off" } else { "" }.into(),
        ..Label::default()
    }
}
