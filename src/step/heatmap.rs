//! Step kind `heatmap`: pictures of where in an image the evidence for a class lies.
//!
//! What the network says of each place (`cam`) is laid over the image (`view`, `paint`) and written with a ledger (`files`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::export::ledger;
use super::networks::{Checked, MODEL, MODEL_PORT, Source, check};
use super::{
    Context, Finding, IMAGE_COLUMNS, Job, Metric, Outputs, Param, ParamType, Params, PathUse, Port, Step, StepError, StepKind,
};
use crate::diagnostic::codes::MODEL_CLASS;
use crate::diagnostic::{Diagnostic, Report, Span, Spanned, did_you_mean};
use crate::model::onnx::{FEATURE_MAP, FEATURES};
use crate::table::{CellRef, ColumnBuilder, Schema, Table, Type};

mod cam;
mod docs;
mod files;
mod look;
mod paint;
#[cfg(test)]
mod tests;
mod view;

use look::{Look, Seen};

/// The word for the class that the network itself says.
const PREDICTED: &str = "predicted";

/// What an image is found and drawn by.
const NEEDED: &[(&str, Type)] = &[("content", Type::Content), ("path", Type::Text), ("root", Type::Text)];

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "heatmap",
    revision: 2,
    summary: "draws where in an image a network finds the evidence for a class",
    docs: docs::DOCS,
    inputs: &[Port::table("images", NEEDED, "the images to draw, a chosen few"), MODEL_PORT],
    outputs: &[Port::table("images", IMAGE_COLUMNS, "the images with their pictures, and where the evidence lies")],
    params: &[
        MODEL,
        Param {
            name: "into",
            ty: ParamType::Path(PathUse::Write),
            required: true,
            default: None,
            keyed: true,
            doc: "the folder of the pictures, in the project; not one of images",
        },
        Param {
            name: "for",
            ty: ParamType::Text,
            required: false,
            default: Some(PREDICTED),
            keyed: true,
            doc: "the class whose evidence is drawn, or `predicted`: the one that the network says",
        },
        Param {
            name: "limit",
            ty: ParamType::Int(1, 100_000),
            required: false,
            default: Some("200"),
            keyed: true,
            doc: "how many images at most, from the first on",
        },
        Param {
            name: "map",
            ty: ParamType::Text,
            required: false,
            default: Some(FEATURE_MAP),
            keyed: true,
            doc: "the value of the network before it is averaged over the image; `train` makes `feature_map`",
        },
        Param {
            name: "node",
            ty: ParamType::Text,
            required: false,
            default: Some(FEATURES),
            keyed: true,
            doc: "the value of the network that enters its last layer; `train` makes `features`",
        },
    ],
    metrics: &[
        Metric { name: "images", doc: "number of images drawn" },
        Metric { name: "quarantined", doc: "number of images that could not be looked at" },
        Metric { name: "left_out", doc: "number of images beyond `limit`" },
        Metric { name: "mean_focus_share", doc: "mean share of the image that holds half of the evidence, 0-1" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

/// Columns of the output behind those of the image.
const MADE: &[(&str, Type)] = &[
    ("heatmap", Type::Text),
    ("heatmap_class", Type::Text),
    ("heatmap_confidence", Type::Float32),
    ("focus_x", Type::Float64),
    ("focus_y", Type::Float64),
    ("focus_share", Type::Float64),
];

struct Heatmap {
    model: Option<Spanned<String>>,
    into: String,
    /// The class to draw; `None` for the predicted one.
    class: Option<Spanned<String>>,
    limit: usize,
    map: String,
    node: String,
    span: Span,
}

fn read(params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    let text = |name: &str| params.text(name).map(|value| Spanned { value: value.to_owned(), span: params.span_of(name) });
    Some(Box::new(Heatmap {
        model: text("model"),
        into: params.text("into")?.to_owned(),
        class: text("for").filter(|class| class.value != PREDICTED),
        limit: params.int("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(200),
        map: params.text("map").unwrap_or(FEATURE_MAP).to_owned(),
        node: params.text("node").unwrap_or(FEATURES).to_owned(),
        span: params.span,
    }))
}

/// The columns of the input that stay.
fn kept(input: &Schema) -> Schema {
    let made = |name: &str| MADE.iter().any(|(own, _)| *own == name);
    Schema { fields: input.fields.iter().filter(|field| !made(&field.name)).cloned().collect() }
}

impl Step for Heatmap {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let input = inputs.first()?.first()?;
        let is_wired = inputs.get(1).is_some_and(|model| !model.is_empty());
        let model = check(self.model.as_ref(), is_wired, self.span, context, report)?;
        if let Some(class) = &self.class {
            let known: Vec<&str> = match model {
                Checked::Named(signature) => signature.classes.iter().map(String::as_str).collect(),
                Checked::Wired => context.classes.names().collect(),
            };
            if !known.contains(&class.value.as_str()) {
                let message = format!("the model does not know the class `{}`", class.value);
                let help = did_you_mean(&class.value, &known).unwrap_or_else(|| format!("it knows {}", known.join(", ")));
                report.push(Diagnostic::new(MODEL_CLASS, class.span, message).help(help));
                return None;
            }
        }
        let mut schema = kept(input);
        for (name, ty) in MADE {
            schema.set(name, *ty);
        }
        Some(vec![schema])
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let input = job.input(0)?;
        let schema = kept(input.schema());
        let names: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
        let all = input.read(Some(&names))?;
        let rows: Vec<u32> = (0..u32::try_from(all.rows.min(self.limit)).unwrap_or(u32::MAX)).collect();
        let table = all.take(&rows);
        let source = Source::of(self.model.as_ref().map(|model| model.value.as_str()), job.context)?;
        let look = Look::new(self, &source, job.context)?;
        job.progress.start("draw", table.rows as u64);
        let folder = job.context.project.join(&self.into);
        let seen = self.look(job, &look, &table, &folder)?;
        let names = files::names(&table, &seen);
        let mut findings = Vec::new();
        if !job.dry {
            let pictures =
                names.iter().zip(&seen).filter_map(|(name, seen)| Some((name.clone()?, seen.as_ref().ok()?.jpeg.as_slice())));
            findings.extend(files::write(&folder, &pictures.collect())?);
        }
        let left_out = all.rows - table.rows;
        findings.extend(said(&table, &seen, left_out));
        let metrics = metrics(&seen, left_out);
        let table = output(&table, &names, &seen, &self.into)?;
        let files: Vec<PathBuf> = if job.dry { Vec::new() } else { vec![ledger::within(Path::new(&self.into))] };
        Ok(Outputs { tables: vec![table], findings, metrics, files, ..Outputs::default() })
    }
}

impl Heatmap {
    /// What is seen in each image, or why nothing is.
    fn look(&self, job: &Job<'_>, look: &Look, table: &Table, folder: &Path) -> Result<Vec<Result<Seen, String>>, StepError> {
        let (locate, progress, cancel) = (job.locate, job.progress, job.cancel);
        let (roots, paths) = (table.require("root")?, table.require("path")?);
        let contents = table.require("content")?;
        let one = |worker: &mut Result<look::Worker<'_>, StepError>, row: usize| {
            cancel.check()?;
            let worker = worker.as_mut().map_err(|error| StepError::Data(error.to_string()))?;
            let (root, path) = (roots.text(row).unwrap_or_default(), paths.text(row).unwrap_or_default());
            let place = locate(root, path).ok_or_else(|| {
                StepError::Data(format!("`{path}` of root `{root}` cannot be reached: mount the disk and run again"))
            })?;
            if place.starts_with(folder) {
                let words = "holds images that the pipeline reads: choose a folder of its own for the pictures";
                return Err(StepError::Data(format!("`{}` {words}", self.into)));
            }
            let bytes =
                std::fs::read(&place).map_err(|source| StepError::File { action: "read", path: place.clone(), source })?;
            if contents.content(row).is_some_and(|content| content != crate::id::ContentId::of(&bytes)) {
                return Err(StepError::Data(format!("`{path}` is not the image that was hashed: run again to hash it anew")));
            }
            let seen = worker.look(&bytes);
            progress.advance(1, bytes.len() as u64);
            Ok(seen)
        };
        in_threads(job.workers, table.rows, || look.worker(), one)
    }
}

/// Does `one` for each of `count` items on threads of their own, each with a worker; gives the results in their order.
///
/// Not on a pool of rayon's: a session waits for a pool of its own, and whoever waits in a pool begins the next item meanwhile, one upon
/// the other until the stack is full.
fn in_threads<W, T: Send>(
    threads: usize,
    count: usize,
    worker: impl Fn() -> W + Sync,
    one: impl Fn(&mut W, usize) -> Result<T, StepError> + Sync,
) -> Result<Vec<T>, StepError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut worker, mut done) = (worker(), Vec::new());
        loop {
            let item = next.fetch_add(1, Ordering::Relaxed);
            if item >= count {
                return Ok(done);
            }
            match one(&mut worker, item) {
                Ok(result) => done.push((item, result)),
                Err(error) => {
                    // The others need not go on.
                    next.store(count, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let parts: Vec<Result<Vec<(usize, T)>, StepError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.clamp(1, count.max(1))).map(|_| scope.spawn(work)).collect();
        let broke = |_| Err(StepError::Data("a thread broke off: please report it".into()));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(broke)).collect()
    });
    let mut all = Vec::with_capacity(count);
    for part in parts {
        all.extend(part?);
    }
    all.sort_unstable_by_key(|(item, _)| *item);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

fn output(table: &Table, names: &[Option<String>], seen: &[Result<Seen, String>], into: &str) -> Result<Table, StepError> {
    let mut builders: Vec<ColumnBuilder> = MADE.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
    for (name, seen) in names.iter().zip(seen) {
        let picture = name.as_ref().map(|name| format!("{into}/{name}"));
        let cells = match seen {
            Err(_) => [CellRef::Null; 6],
            Ok(seen) => {
                let focus = seen.focus.map(|focus| [focus.x, focus.y, focus.share].map(CellRef::Float64));
                let [x, y, share] = focus.unwrap_or([CellRef::Null; 3]);
                let picture = picture.as_deref().map_or(CellRef::Null, CellRef::Text);
                [picture, CellRef::Text(&seen.class), CellRef::Float32(seen.confidence), x, y, share]
            }
        };
        builders.iter_mut().zip(cells).for_each(|(builder, cell)| builder.push(cell));
    }
    let mut table = table.clone();
    for ((name, _), builder) in MADE.iter().zip(builders) {
        table = table.with_column(name, std::sync::Arc::new(builder.finish()?))?;
    }
    Ok(table)
}

/// What a person should know.
fn said(table: &Table, seen: &[Result<Seen, String>], left_out: usize) -> Vec<Finding> {
    const EXAMPLES: usize = 5;
    let problems: Vec<(usize, &String)> =
        seen.iter().enumerate().filter_map(|(row, seen)| Some((row, seen.as_ref().err()?))).collect();
    let examples = problems.iter().take(EXAMPLES).map(|(row, why)| format!("{}: {why}", table.cell(*row, "path"))).collect();
    let cold = seen.iter().flatten().filter(|seen| seen.focus.is_none()).count() as u64;
    [
        Finding::counted("quarantined", problems.len() as u64, "images could not be looked at and have no picture", examples),
        Finding::counted("left_out", left_out as u64, "images lie beyond `limit` and have no picture", Vec::new()),
        Finding::counted(
            "no_evidence",
            cold,
            "images have no place that speaks for the class: their pictures are plain",
            Vec::new(),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
fn metrics(seen: &[Result<Seen, String>], left_out: usize) -> std::collections::BTreeMap<String, f64> {
    let drawn = seen.iter().flatten().count();
    let shares: Vec<f64> = seen.iter().flatten().filter_map(|seen| Some(seen.focus?.share)).collect();
    let mean = (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64);
    [
        ("images", Some(drawn as f64)),
        ("quarantined", Some((seen.len() - drawn) as f64)),
        ("left_out", Some(left_out as f64)),
        ("mean_focus_share", mean),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}
