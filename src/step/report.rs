//! Step kind `report`: the quality report of a programme, one HTML file that travels with its data.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{
    Context, FileInput, Finding, Job, Metric, Outputs, Param, ParamType, Params, PathUse, Port, PortType, Step, StepError,
    StepKind,
};
use crate::diagnostic::{Diagnostic, Report, Span, codes};
use crate::report::page::{Page, Panel, Section};
use crate::report::templates::NAMES;
use crate::report::{TemplateError, Templates};
use crate::stats::interval::number;
use crate::table::{Schema, Table};

mod cameras;
mod confidence;
mod counts;
mod docs;
mod draft;
mod facts;
mod gallery;
mod inputs;
mod listing;
mod methods;
mod numbers;
mod people;
mod quality;
mod seasons;
#[cfg(test)]
mod tests;
mod thresholds;
mod training;

use draft::Draft;
use gallery::Frame;
use inputs::Inputs;

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "report",
    revision: 1,
    summary: "the quality report: figures, tables and methods in one HTML file",
    docs: docs::DOCS,
    inputs: &[Port {
        name: "steps",
        ty: PortType::Step,
        many: true,
        optional: false,
        requires: &[],
        doc: "the steps to report on; each brings all of its tables",
    }],
    outputs: &[Port::table("numbers", numbers::COLUMNS, "every number of the report, and where it comes from")],
    params: PARAMS,
    metrics: &[
        Metric { name: "figures", doc: "figures drawn" },
        Metric { name: "numbers", doc: "numbers in the tables of the report" },
        Metric { name: "pictures", doc: "pictures of images in the gallery of errors" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

const fn optional(name: &'static str, ty: ParamType, default: Option<&'static str>, doc: &'static str) -> Param {
    Param { name, ty, required: false, default, keyed: true, doc }
}

const PARAMS: &[Param] = &[
    Param {
        name: "into",
        ty: ParamType::Path(PathUse::Write),
        required: true,
        default: None,
        keyed: true,
        doc: "the HTML file to write, in the project",
    },
    optional("title", ParamType::Text, None, "the heading; the pipeline's name where not given"),
    optional("gallery", ParamType::Int(0, 1000), Some("6"), "pictures of errors for each class, at most; 0 for none"),
    optional("picture_px", ParamType::Int(32, 2000), Some("320"), "longer side of these pictures, pixels"),
    optional(
        "templates",
        ParamType::Path(PathUse::ReadOptional),
        None,
        "a folder of templates that replace the built-in ones of the same name",
    ),
];

/// What overrides are called in [`Job::files`].
const TEMPLATE: &str = "template ";
/// Rows of a table that no section knows, on the page.
const MOST_OTHERS: usize = 50;

struct Quality {
    into: String,
    title: Option<String>,
    frame: Frame,
    templates: Option<String>,
    span: Span,
}

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let into = params.text("into")?.to_owned();
    let is_html =
        Path::new(&into).extension().is_some_and(|ending| ["html", "htm"].iter().any(|html| ending.eq_ignore_ascii_case(html)));
    if !is_html {
        let message = format!("a report is an HTML file, and `{into}` does not end in `.html`");
        report.push(
            Diagnostic::new(codes::NOT_A_CHOICE, params.span_of("into"), message).help("write `into: published/report.html`"),
        );
        return None;
    }
    let small = |name: &str| params.int(name).unwrap_or_default();
    Some(Box::new(Quality {
        into,
        title: params.text("title").map(str::to_owned),
        frame: Frame {
            per_class: usize::try_from(small("gallery")).unwrap_or_default(),
            longest_px: u32::try_from(small("picture_px")).unwrap_or(320),
        },
        templates: params.text("templates").map(str::to_owned),
        span: params.span_of("templates"),
    }))
}

/// The file of a template in the user's folder.
fn file_of(folder: &str, name: &str) -> PathBuf {
    Path::new(folder).join(format!("{name}.jinja"))
}

/// Files of a folder of templates that replace nothing.
fn strangers(folder: &Path) -> std::io::Result<Vec<String>> {
    let known: BTreeSet<PathBuf> = NAMES.iter().map(|name| PathBuf::from(format!("{name}.jinja"))).collect();
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        for entry in crate::file::reading::entries(&folder.join(&below))? {
            let path = below.join(entry.file_name().unwrap_or_default());
            let is_folder = std::fs::symlink_metadata(&entry)?.is_dir();
            if is_folder && known.iter().any(|known| known.starts_with(&path)) {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "jinja") && !known.contains(&path) {
                found.push(crate::path::to_text(&path));
            }
        }
    }
    found.sort();
    Ok(found)
}

impl Step for Quality {
    fn columns(&self, _inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        if let Some(folder) = &self.templates {
            let strangers = match strangers(&context.project.join(folder)) {
                Ok(strangers) => strangers,
                Err(error) => {
                    let message = format!("the folder `{folder}` cannot be listed: {error}");
                    report.push(Diagnostic::new(codes::MISSING_FILE, self.span, message).help("check that you may read it"));
                    return None;
                }
            };
            if let Some(first) = strangers.first() {
                let message = format!("`{folder}/{first}` replaces no template of the report");
                let names: Vec<String> = NAMES.iter().map(|name| format!("`{name}.jinja`")).collect();
                let help = format!("rename or remove it; what can be replaced: {}", names.join(", "));
                report.push(Diagnostic::new(codes::STRANGE_TEMPLATE, self.span, message).help(help));
                return None;
            }
        }
        Some(vec![Schema::of(numbers::COLUMNS)])
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        let classes = context.classes.classes.iter().map(|class| serde_json::json!([class.name.value, class.role]));
        vec![("classes and roles".to_owned(), classes.collect::<serde_json::Value>().to_string()), context.lineage.declaration()]
    }

    fn files(&self, _context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        let folder = self.templates.iter();
        let file = |folder: &String, name: &str| FileInput {
            name: format!("{TEMPLATE}{name}"),
            path: file_of(folder, name),
            optional: true,
            rewritten: false,
        };
        Ok(folder.flat_map(|folder| NAMES.iter().map(move |name| file(folder, name))).collect())
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let templates = self.templates(job)?;
        let draft =
            Draft { inputs: Inputs::of(job), templates: &templates, classes: job.context.classes, lineage: &job.context.lineage };
        job.progress.start("sections", 10);
        let (mut page, unopened) = self.page(&draft, job)?;
        page.finish();
        let numbers = numbers::table(&page)?;
        let metrics = metrics(&page, &numbers);
        let html = templates.render("report.html", &page).map_err(|error| self.failed(&error))?;
        if !job.dry {
            let path = job.context.project.join(&self.into);
            super::export::write_bytes(job, &path, html.as_bytes())?;
        }
        let findings = Finding::counted(
            "unopened_pictures",
            unopened,
            "images of the gallery could not be opened, and have no picture: is their disk there? Then `trapline run --force` draws them",
            Vec::new(),
        );
        let files = vec![PathBuf::from(&self.into)];
        Ok(Outputs { tables: vec![numbers], findings: findings.into_iter().collect(), metrics, files, ..Outputs::default() })
    }
}

impl Quality {
    fn templates(&self, job: &Job<'_>) -> Result<Templates, StepError> {
        let mut overrides = BTreeMap::new();
        for (name, bytes) in &job.files {
            let Some(name) = name.strip_prefix(TEMPLATE) else { continue };
            let text = std::str::from_utf8(bytes).map_err(|_| {
                let path = file_of(self.templates.as_deref().unwrap_or_default(), name);
                StepError::Data(format!("`{}` is not UTF-8: save it as UTF-8", path.display()))
            })?;
            overrides.insert(name.to_owned(), text.to_owned());
        }
        Templates::new(&overrides).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &TemplateError) -> StepError {
        let folder = self.templates.as_deref().map(|folder| format!(" (folder `{folder}`)")).unwrap_or_default();
        StepError::Data(format!("{error}{folder}"))
    }

    /// The report, and how many pictures could not be opened.
    fn page(&self, draft: &Draft<'_>, job: &Job<'_>) -> Result<(Page, u64), StepError> {
        let step = |section: Option<Section>| {
            job.progress.advance(1, 0);
            job.cancel.check().map(|()| section)
        };
        let mut sections = vec![
            step(counts::section(draft)?)?,
            step(quality::section(draft)?)?,
            step(confidence::section(draft)?)?,
            step(thresholds::section(draft)?)?,
            step(people::section(draft)?)?,
        ];
        let (gallery, unopened) = gallery::section(draft, job, self.frame)?;
        sections.push(step(gallery)?);
        sections.push(step(cameras::section(draft)?)?);
        sections.push(step(training::section(draft)?)?);
        sections.push(step(seasons::section(draft)?)?);
        let mut sections: Vec<Section> = sections.into_iter().flatten().collect();
        sections.extend(others(draft)?);
        sections.push(methods::section(draft, job.context));
        job.progress.advance(1, 0);
        let title = self.title.clone().unwrap_or_else(|| draft.lineage.pipeline.clone());
        let page = Page {
            title,
            programme: draft.lineage.pipeline.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            facts: facts::facts(draft)?,
            sections,
        };
        Ok((page, unopened))
    }
}

/// Kinds whose tables have their place in a section, or stand behind others that have.
const KNOWN: &[&str] = &[
    "images",
    "metadata",
    "rename",
    "import",
    "classify",
    "ensemble",
    "sample",
    "review",
    "evaluate",
    "threshold",
    "merge",
    "events",
    "select",
    "split",
    "train",
    "compare",
    "features",
    "heatmap",
    "summarise",
    "report",
];

/// Tables of the user's own scripts, as they are.
fn others(draft: &Draft<'_>) -> Result<Option<Section>, StepError> {
    let is_other = |input: &&inputs::Input<'_>| !KNOWN.contains(&input.origin.kind);
    let mut panels = Vec::new();
    for (at, input) in draft.inputs.all.iter().filter(is_other).enumerate() {
        let title = format!("{}.{}", input.origin.step, input.origin.output);
        panels.push(Panel { folded: true, ..listing::listing(*input, &format!("table-{}", at + 1), &title, MOST_OTHERS)? });
    }
    let lead = "Tables as the steps yield them.";
    let section = Section { id: "tables".into(), title: "Further tables".into(), lead: lead.into(), panels };
    Ok((!section.panels.is_empty()).then_some(section))
}

fn metrics(page: &Page, numbers: &Table) -> BTreeMap<String, f64> {
    let panels = || page.sections.iter().flat_map(|section| &section.panels);
    let figures = panels().filter(|panel| panel.figure.is_some()).count();
    let pictures: usize = panels().map(|panel| panel.pictures.iter().filter(|picture| picture.image.is_some()).count()).sum();
    let counts = [("figures", figures), ("numbers", numbers.rows), ("pictures", pictures)];
    counts.into_iter().map(|(name, count)| (name.to_owned(), number(count as u64))).collect()
}
