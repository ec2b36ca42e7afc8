//! Step kind `metadata`: what the cameras wrote into the files, their clocks put right, and the deployment of each image.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::Offset;

use super::{
    Context, FileInput, IMAGE_COLUMNS, Inspection, Job, Metric, Outputs, Param, ParamType, Params, PathUse, Port, RowMapper,
    RowRecipe, RowWorker, Step, StepError, StepKind,
};
use crate::dataset::offset_words;
use crate::diagnostic::codes::{MISSING_COLUMN, TAKEN_COLUMN};
use crate::diagnostic::{Diagnostic, Report};
use crate::event::{DATETIME_OFFSET, REPEATED_HOUR};
use crate::id::ContentId;
use crate::photo::clock::{self, Correction};
use crate::recipe::Recipe;
use crate::table::{Cell, Column, ColumnBuilder, Schema, Table, Type, civil};

mod dating;
pub(super) mod deployments;
mod docs;
mod findings;
mod folders;
mod inspect;
pub mod row;
mod sequence;
mod zones;

use dating::{Dated, Dating};
use deployments::{Deployments, OWN_COLUMNS};
use findings::FlagColumn;

/// Raised when the cells of a row change: every image is read again.
pub const ROWS_REVISION: u32 = 1;

/// The kind `metadata`.
pub static KIND: StepKind = StepKind {
    name: "metadata",
    revision: 2,
    summary: "reads EXIF and maker notes, corrects clocks, finds deployments",
    docs: docs::DOCS,
    inputs: &[Port::table("images", IMAGE_COLUMNS, "images")],
    outputs: &[Port::table("images", &[], "the input's rows with metadata, corrected times and deployments")],
    params: &[Param {
        name: "corrections",
        ty: ParamType::Path(PathUse::Read),
        required: false,
        default: None,
        // Its content enters the key; where it lies does not matter.
        keyed: false,
        doc: "CSV of clock corrections",
    }],
    metrics: &[
        Metric { name: "images", doc: "images" },
        Metric { name: "missing_exif", doc: "images without EXIF" },
        Metric { name: "no_date", doc: "images without any time" },
        Metric { name: "date_conflicts", doc: "images whose EXIF time and maker's note disagree" },
        Metric { name: "corrected", doc: "images whose time a clock correction changed" },
        Metric { name: "unknown_site", doc: "images of sites that the deployment table does not know" },
        Metric { name: "no_deployment", doc: "images of known sites at a time that no deployment covers" },
        Metric {
            name: "backwards",
            doc: "images whose corrected time runs against the order of the files or their event numbers",
        },
        Metric {
            name: "doubtful_clock",
            doc: "images whose clock began again, missed a new year, or contradicts season, zone or drift",
        },
        Metric { name: "season_differs", doc: "images whose folder is of another season than the deployment that covers them" },
        Metric {
            name: "locality_differs",
            doc: "images whose folder is of another locality than the deployment that covers them",
        },
        Metric { name: "several_cameras", doc: "images at a place of several cameras, of which nothing tells which took them" },
    ],
    keeps_rows: true,
    pins: None,
    read,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature of all kinds")]
fn read(params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    Some(Box::new(Metadata { corrections: params.text("corrections").map(str::to_owned), span: params.span }))
}

struct Metadata {
    corrections: Option<String>,
    span: crate::diagnostic::Span,
}

/// The columns that the table operation adds behind those of the file.
const DATED: &[(&str, Type)] =
    &[("date_raw", Type::Text), ("time_raw", Type::Text), ("datetime", Type::DateTime), ("clock", Type::Text)];

/// What is known of the zone, behind all others.
const ZONED: &[(&str, Type)] = &[(DATETIME_OFFSET, Type::Text), (REPEATED_HOUR, Type::Int)];

const DEPLOYED: &[(&str, Type)] =
    &[("deployment", Type::Text), ("deployment_from", Type::DateTime), ("deployment_to", Type::DateTime)];

impl Step for Metadata {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let input = inputs.first()?.first()?;
        let (schema, _) = output_schema(input, context.deployments.map(|table| table.columns.as_slice()));
        let own = row::schema();
        let before = report.diagnostics.len();
        let made = own
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .chain(DATED.iter().chain(DEPLOYED).chain(ZONED).map(|(name, _)| *name));
        let taken: Vec<&str> = made.filter(|name| input.field(name).is_some()).collect();
        if taken.len() > 3 {
            // A second `metadata` behind the first: one finding, not sixty.
            let message = format!("the input already has `{}` and {} other columns of `metadata`", taken[0], taken.len() - 1);
            report.push(Diagnostic::new(TAKEN_COLUMN, self.span, message).help("leave one of the two steps out"));
            return None;
        }
        for name in taken {
            let message = format!("the input already has a column `{name}`, which `metadata` makes itself");
            report.push(Diagnostic::new(TAKEN_COLUMN, self.span, message).help("give the capture of the path another name"));
        }
        if context.deployments.is_some() && input.field("site").is_none() {
            let message = "deployments are joined by site, and the images have no column `site`";
            report.push(
                Diagnostic::new(MISSING_COLUMN, self.span, message)
                    .help("write `{site}` for the site's folder in the path of the images"),
            );
        }
        (report.diagnostics.len() == before).then(|| vec![schema])
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        timezone(context).map(|zone| ("time zone of the data set".to_owned(), zone.to_owned())).into_iter().collect()
    }

    fn files(&self, context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        let file = |name: &str, path: &Path| FileInput {
            name: name.to_owned(),
            path: path.to_owned(),
            optional: false,
            rewritten: false,
        };
        let deployments = context.deployments.map(|table| file("deployments", &table.path));
        let corrections = self.corrections.as_ref().map(|path| file("corrections", Path::new(path)));
        Ok(corrections.into_iter().chain(deployments).collect())
    }

    fn inspect(&self, context: &Context<'_>, files: &mut Inspection<'_>) {
        for file in files.named("corrections") {
            inspect::corrections(file, files);
        }
        for file in files.named("deployments") {
            inspect::deployments(file, files, timezone(context));
        }
    }

    fn mapper(&self, _context: &Context<'_>) -> Result<Option<Box<dyn RowMapper>>, StepError> {
        Ok(Some(Box::new(Mapper::new())))
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.input(0)?.read(None)?;
        let mapped = job.mapped.take().ok_or_else(|| StepError::Data("the images were not read".into()))?;
        let corrections = self.read_corrections(job)?;
        let deployments = read_deployments(job)?;
        job.cancel.check()?;
        let dating = dating::date(&images, &mapped, &corrections, deployments.as_ref(), timezone(job.context));
        let mut outputs = Outputs::default();
        let flags = FlagColumn::of(&mapped, &dating)?;
        outputs.findings = flags.findings(&images);
        outputs.findings.extend(findings::beside_flags(&images, &mapped, &corrections, &dating, deployments.as_ref()));
        outputs.metrics = flags.metrics(&dating);
        outputs.tables.push(table(&images, &mapped, &dating, flags.column, deployments.as_ref())?);
        Ok(outputs)
    }
}

impl Metadata {
    fn read_corrections(&self, job: &Job<'_>) -> Result<Vec<Correction>, StepError> {
        let (Some(path), Some(bytes)) = (&self.corrections, job.files.get("corrections")) else { return Ok(Vec::new()) };
        clock::read(path, bytes).map_err(|errors| all_errors(errors.iter().map(ToString::to_string)))
    }
}

/// Reads the project's deployment table, where one is declared.
pub(super) fn read_deployments(job: &Job<'_>) -> Result<Option<Deployments>, StepError> {
    let (Some(declared), Some(bytes)) = (job.context.deployments, job.files.get("deployments")) else { return Ok(None) };
    let file = declared.path.to_string_lossy();
    Deployments::read(&file, bytes, timezone(job.context))
        .map(Some)
        .map_err(|errors| all_errors(errors.iter().map(ToString::to_string)))
}

/// The time zone of the data set, for deployments that state none.
pub(super) fn timezone<'a>(context: &Context<'a>) -> Option<&'a str> {
    context.dataset?.timezone.as_deref()
}

/// The first mistakes of a file in one error, and how many more there are.
fn all_errors(errors: impl Iterator<Item = String>) -> StepError {
    let errors: Vec<String> = errors.collect();
    let first = errors.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    let more = errors.len().saturating_sub(10);
    StepError::Data(if more > 0 { format!("{first}\nand {more} more") } else { first })
}

/// The output's columns, and which of them come from the deployment table.
fn output_schema(input: &Schema, deployments: Option<&[String]>) -> (Schema, Vec<String>) {
    let mut schema = input.clone();
    for field in row::schema().fields {
        schema.set(&field.name, field.ty);
    }
    let dated = DATED.iter().chain(if deployments.is_some() { DEPLOYED } else { &[] });
    for (name, ty) in dated {
        schema.set(name, *ty);
    }
    let mut carried = Vec::new();
    for name in deployments.unwrap_or_default() {
        if schema.field(name).is_none() && !OWN_COLUMNS.contains(&name.as_str()) {
            schema.set(name, Type::Text);
            carried.push(name.clone());
        }
    }
    for (name, ty) in ZONED {
        schema.set(name, *ty);
    }
    (schema, carried)
}

fn table(
    images: &Table,
    mapped: &Table,
    dating: &Dating,
    flags: Column,
    deployments: Option<&Deployments>,
) -> Result<Table, StepError> {
    let mut table = images.clone();
    for (field, column) in mapped.schema.fields.iter().zip(&mapped.columns) {
        table = table.with_column(&field.name, Arc::clone(column))?;
    }
    let raw = mapped.require("datetime_raw")?;
    let raw_text = |row: usize, from: usize, to: usize| {
        let text = raw.datetime(row).map(civil::format)?;
        text.get(from..to).map(|part| part.replace(':', "-"))
    };
    let rows = &dating.rows;
    let dated: [(&str, Column); 5] = [
        ("date_raw", texts(rows, |row, _| raw_text(row, 0, 10))?),
        ("time_raw", texts(rows, |row, _| raw_text(row, 11, 19))?),
        ("datetime", times(rows, |dated| dated.time)?),
        ("clock", texts(rows, |_, dated| (!dated.clock().is_empty()).then(|| dated.clock().join(" ")))?),
        ("flags", flags),
    ];
    for (name, column) in dated {
        table = table.with_column(name, Arc::new(column))?;
    }
    let Some(deployments) = deployments else { return zoned(&table, dating) };
    let of = |dated: &Dated| Some(&deployments.rows[dated.deployment? as usize]);
    let joined: [(&str, Column); 3] = [
        ("deployment", texts(rows, |_, dated| Some(of(dated)?.id.clone()))?),
        ("deployment_from", times(rows, |dated| of(dated)?.from.map(civil::to_seconds))?),
        ("deployment_to", times(rows, |dated| of(dated)?.to.map(civil::to_seconds))?),
    ];
    for (name, column) in joined {
        table = table.with_column(name, Arc::new(column))?;
    }
    zoned(&carry(table, dating, deployments)?, dating)
}

/// Adds what is known of the zone.
fn zoned(table: &Table, dating: &Dating) -> Result<Table, StepError> {
    let offset = |dated: &Dated| Offset::from_seconds(i32::from(dated.offset_min?) * 60).ok().map(offset_words);
    let table = table.with_column(DATETIME_OFFSET, Arc::new(texts(&dating.rows, |_, dated| offset(dated))?))?;
    let mut passes = ColumnBuilder::with_capacity(Type::Int, dating.rows.len());
    for dated in &dating.rows {
        match dated.pass {
            0 => passes.push_null(),
            pass => passes.push_int(pass.into()),
        }
    }
    Ok(table.with_column(REPEATED_HOUR, Arc::new(passes.finish()?))?)
}

/// Adds the columns of the deployment table that the images do not have.
fn carry(mut table: Table, dating: &Dating, deployments: &Deployments) -> Result<Table, StepError> {
    let (_, carried) = output_schema(&table.schema, Some(&deployments.names()));
    for name in carried {
        let Some(column) = deployments.column(&name) else { continue };
        let agreed: Vec<Option<u32>> = dating.sets.iter().map(|set| agreed_row(column, set)).collect();
        let rows: Vec<Option<u32>> = dating.rows.iter().map(|dated| agreed[dated.set? as usize]).collect();
        table = table.with_column(&name, Arc::new(column.take_optional(&rows)))?;
    }
    Ok(table)
}

/// A row of `set` where all of them hold the same value.
fn agreed_row(column: &Column, set: &[u32]) -> Option<u32> {
    let first = *set.first()?;
    set.iter().all(|row| column.text(*row as usize) == column.text(first as usize)).then_some(first)
}

fn texts(rows: &[Dated], value: impl Fn(usize, &Dated) -> Option<String>) -> Result<Column, StepError> {
    let mut builder = ColumnBuilder::with_capacity(Type::Text, rows.len());
    for (at, dated) in rows.iter().enumerate() {
        builder.push_optional_text(value(at, dated).as_deref());
    }
    Ok(builder.finish()?)
}

fn times(rows: &[Dated], value: impl Fn(&Dated) -> Option<i64>) -> Result<Column, StepError> {
    let mut builder = ColumnBuilder::with_capacity(Type::DateTime, rows.len());
    for dated in rows {
        match value(dated) {
            Some(seconds) => builder.push_datetime(seconds),
            None => builder.push_null(),
        }
    }
    Ok(builder.finish()?)
}

/// The per-image function: a file's bytes to its cells.
struct Mapper {
    schema: Schema,
    recipes: Vec<RowRecipe>,
}

impl Mapper {
    fn new() -> Self {
        let schema = row::schema();
        let recipe = Recipe {
            kind: "metadata",
            revision: ROWS_REVISION,
            params: Vec::new(),
            model: None,
            numerics: None,
            rows: Vec::new(),
        };
        let recipes = vec![RowRecipe { key: recipe.row_key(), recipe, columns: (0..schema.fields.len()).collect() }];
        Self { schema, recipes }
    }
}

impl RowMapper for Mapper {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn recipes(&self) -> &[RowRecipe] {
        &self.recipes
    }

    fn worker(&self, _context: &Context<'_>) -> Result<Box<dyn RowWorker>, StepError> {
        Ok(Box::new(Worker))
    }
}

struct Worker;

impl RowWorker for Worker {
    fn map(&mut self, _recipe: usize, image: &[u8], _content: ContentId) -> Vec<Cell> {
        row::cells(image)
    }
}
