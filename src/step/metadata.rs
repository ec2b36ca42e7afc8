//! Step kind `metadata`: what the cameras wrote into the files, their clocks put right, and the deployment of each image.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::{
    Context, FileInput, Finding, IMAGE_COLUMNS, Inspection, Job, Metric, Outputs, Param, ParamType, Params, PathUse, Port,
    RowMapper, RowRecipe, RowWorker, Step, StepError, StepKind,
};
use crate::diagnostic::codes::{MISSING_COLUMN, TAKEN_COLUMN};
use crate::diagnostic::{Diagnostic, Report};
use crate::id::ContentId;
use crate::observation::ids::{folded, told_from};
use crate::photo::clock::{self, Correction};
use crate::recipe::Recipe;
use crate::table::{Cell, Column, ColumnBuilder, Schema, Table, Type, civil};

mod dating;
pub(super) mod deployments;
mod inspect;
pub mod row;

use dating::{Dated, Dating};
use deployments::{Deployments, OWN_COLUMNS};

const DOCS: &str = "\
# metadata

Reads what the cameras wrote into the image files, puts wrong clocks right, and finds the deployment of each image.

## Why
A data set stands on its dates. Cameras lose theirs with their batteries, are set to the wrong year, or swap month and day; folders
are named after the download. So both times are kept: the raw one as the camera wrote it, which new file names use and which never
changes, and the corrected one, beside the id of the correction that made it. The images themselves are never touched.

## Example
```yaml
deployments: deployments.csv          # site, season, from, to, and whatever else describes a deployment
steps:
  metadata:
    uses: metadata
    from: images
    with: { corrections: clock.csv }
```

`clock.csv`:
```csv
id,site,from,to,kind,value,comment
c1,ko_ga_hu_1,2017-01-01,2017-12-31,year,-1,2017 instead of 2016
c2,ko_ga_hu_2,2016-07-01 12:00,2016-08-14,offset,-2h,
c3,*,2016-01-01,2016-12-31,dst,Europe/Oslo,cameras stay on winter time
```

## Options
- `corrections`: a CSV of clock corrections with the columns `id`, `site` (`*` for every site), `deployment`, `from`, `to`, `kind`,
  `value`, `anchor1_raw`, `anchor1_true`, `anchor2_raw`, `anchor2_true`, `comment`. Columns that are not used may be left out.
  `from` and `to` mean the raw time, both included; a date as `to` includes its whole day.

| kind | value | what it does |
|---|---|---|
| `month_day_swap` | empty | month and day change places |
| `am_pm` | empty, `+12h`, `-12h` | empty: 3 o'clock becomes 15 o'clock of the same day and back; else a shift |
| `year` | `-1`, `+1`, `2016` | signed: a shift of calendar years; four digits: that year |
| `offset` | `+2h`, `-1d2h30m`, `-00:30:00` | a shift |
| `drift` | empty | a straight line through two anchors: what the camera showed, what the time was |
| `dst` | `+1h`, `Europe/Oslo` | a shift from `from` to `to`; or summer time wherever the zone has it, for a camera left on winter time |

  Corrections of several kinds that match one image are applied in the order of this table. Two of one kind may not overlap, and
  nothing but `dst` may stand beside a `drift`.

A changed clock file or deployment table reads no image again: only the table is made anew.

## What it yields
The input's rows and columns, in the same order, and
- from the file: `make`, `model` as written, `camera_make`, `camera_model` as people know them (Browning writes `Prometheus`, Cuddeback swaps
  both), `serial`, `width_px`, `height_px`, exposure, GPS, comments, keywords, and of the Reconyx notes `trigger`, `sequence_n`,
  `sequence_of`, `event`, `moon`, `temperature_c`, `battery_mv` and others;
- `datetime_raw`, `time_source` (`exif`, `note`, `create_date`), and as text for file names `date_raw` (YYYY-MM-DD) and `time_raw` (hh-mm-ss);
- `datetime`, the corrected time, and `clock`, the ids of the corrections applied;
- `deployment`, `deployment_from`, `deployment_to`: of the row of the deployment table whose site is exactly the image's and whose period
  covers the corrected time. Its other columns (`locality`, `habitat`, `camera_type`, `timezone`) are carried as they stand, unless the
  image has a column of that name. Where no deployment covers an image, the values that all of its site's deployments share are carried;
- `flags`: words for what is odd, such as `missing_exif`, `date_conflict`, `month_day_swap`, `unknown_site`, `no_deployment`,
  `clock_impossible`, `time_runs_backwards`. No flag fails a run; each is counted and its first files are named.

A deployment table has at least `site`; `from` and `to` are dates or times (a date as `to` includes its whole day), open where empty.
`deployment` is its id for clock corrections; without that column it is `SITE/FIRST-DAY`.

## References
EXIF 2.32 (CIPA DC-008-2019); Reconyx notes after ExifTool; Meek et al. 2014, Biodiversity and Conservation 23, 2321-2343, on what to
record with camera traps.
";

/// Raised when the cells of a row change: every image is read again.
pub const ROWS_REVISION: u32 = 1;

/// The kind `metadata`.
pub static KIND: StepKind = StepKind {
    name: "metadata",
    revision: 1,
    summary: "reads EXIF and maker notes, corrects clocks, finds deployments",
    docs: DOCS,
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
        Metric { name: "backwards", doc: "images whose corrected time runs against their event numbers" },
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

const DEPLOYED: &[(&str, Type)] =
    &[("deployment", Type::Text), ("deployment_from", Type::DateTime), ("deployment_to", Type::DateTime)];

impl Step for Metadata {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let input = inputs.first()?.first()?;
        let (schema, _) = output_schema(input, context.deployments.map(|table| table.columns.as_slice()));
        let own = row::schema();
        let before = report.diagnostics.len();
        let made = own.fields.iter().map(|field| field.name.as_str()).chain(DATED.iter().chain(DEPLOYED).map(|(name, _)| *name));
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

    fn files(&self, context: &Context<'_>) -> Vec<FileInput> {
        let file = |name: &str, path: &Path| FileInput {
            name: name.to_owned(),
            path: path.to_owned(),
            optional: false,
            rewritten: false,
        };
        let deployments = context.deployments.map(|table| file("deployments", &table.path));
        let corrections = self.corrections.as_ref().map(|path| file("corrections", Path::new(path)));
        corrections.into_iter().chain(deployments).collect()
    }

    fn inspect(&self, _context: &Context<'_>, files: &mut Inspection<'_>) {
        for file in files.named("corrections") {
            inspect::corrections(file, files);
        }
        for file in files.named("deployments") {
            inspect::deployments(file, files);
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
        let dating = dating::date(&images, &mapped, &corrections, deployments.as_ref());
        let mut outputs = Outputs::default();
        let flags = FlagColumn::of(&mapped, &dating)?;
        outputs.findings = flags.findings(&images);
        outputs.findings.extend(unused(&corrections, &dating));
        if let Some(deployments) = &deployments {
            outputs.findings.extend(unknown_sites(&images, deployments));
            outputs.findings.extend(unknown_zones(deployments));
        }
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
    Deployments::read(&declared.path.to_string_lossy(), bytes)
        .map(Some)
        .map_err(|errors| all_errors(errors.iter().map(ToString::to_string)))
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
    let Some(deployments) = deployments else { return Ok(table) };
    let of = |dated: &Dated| Some(&deployments.rows[dated.deployment? as usize]);
    let joined: [(&str, Column); 3] = [
        ("deployment", texts(rows, |_, dated| Some(of(dated)?.id.clone()))?),
        ("deployment_from", times(rows, |dated| of(dated)?.from.map(civil::to_seconds))?),
        ("deployment_to", times(rows, |dated| of(dated)?.to.map(civil::to_seconds))?),
    ];
    for (name, column) in joined {
        table = table.with_column(name, Arc::new(column))?;
    }
    carry(table, dating, deployments)
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

/// The `flags` column of the output, and how often each word stands in it.
struct FlagColumn {
    column: Column,
    counts: BTreeMap<String, (u64, Vec<u32>)>,
}

impl FlagColumn {
    /// Joins the words of the file with those of clock and deployment.
    fn of(mapped: &Table, dating: &Dating) -> Result<Self, StepError> {
        let file = mapped.require("flags")?;
        let mut builder = ColumnBuilder::with_capacity(Type::Text, dating.rows.len());
        let mut counts: BTreeMap<String, (u64, Vec<u32>)> = BTreeMap::new();
        for (at, dated) in dating.rows.iter().enumerate() {
            let mut words: Vec<&str> = file.text(at).map(|text| text.split(' ').collect()).unwrap_or_default();
            for flag in dated.flags() {
                words.push(flag.word());
            }
            for word in &words {
                let (count, examples) = counts.entry((*word).to_owned()).or_default();
                *count += 1;
                if examples.len() < 5 {
                    examples.extend(u32::try_from(at));
                }
            }
            builder.push_optional_text((!words.is_empty()).then(|| words.join(" ")).as_deref());
        }
        Ok(Self { column: builder.finish()?, counts })
    }

    fn count(&self, word: &str) -> u64 {
        self.counts.get(word).map_or(0, |(count, _)| *count)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of images stay far below 2^53")]
    fn metrics(&self, dating: &Dating) -> BTreeMap<String, f64> {
        let corrected = dating.rows.iter().filter(|dated| !dated.clock().is_empty()).count() as u64;
        [
            ("images", dating.rows.len() as u64),
            ("missing_exif", self.count("missing_exif")),
            ("no_date", self.count("no_date")),
            ("date_conflicts", self.count("date_conflict") + self.count("month_day_swap")),
            ("corrected", corrected),
            ("unknown_site", self.count("unknown_site")),
            ("no_deployment", self.count("no_deployment")),
            ("backwards", self.count("time_runs_backwards")),
        ]
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count as f64))
        .collect()
    }

    fn findings(&self, images: &Table) -> Vec<Finding> {
        let paths = images.column("path");
        let path = |row: &u32| paths.and_then(|paths| paths.text(*row as usize)).unwrap_or_default().to_owned();
        // Unknown sites are named by site, not by file.
        let told = self.counts.iter().filter(|(word, _)| *word != "unknown_site");
        told.map(|(word, (count, examples))| Finding {
            kind: word.clone(),
            message: sentence(word).to_owned(),
            count: *count,
            examples: examples.iter().map(path).collect(),
        })
        .collect()
    }
}

/// What a flag means and the way out.
fn sentence(word: &str) -> &'static str {
    match word {
        "zero_byte" => "files hold no bytes; copy them again if they exist elsewhere",
        "not_an_image" => "files are neither JPEG, PNG nor TIFF, whatever their names say",
        "truncated" => "files end too early: the card was full or the copy broke off; copy them again if they exist elsewhere",
        "missing_exif" => "files carry no EXIF: a programme removed it; their times are unknown unless the originals are found",
        "damaged_exif" => "files carry EXIF that can be read only in part",
        "no_date" => "files carry no time that can be read; they have no date and no deployment",
        "unreadable_date" => "files carry an EXIF time that is no time, such as 0000:00:00: the camera lost its clock",
        "date_conflict" => "EXIF and the maker's note give different times; EXIF is used, both are in the table",
        "month_day_swap" => {
            "EXIF and the maker's note differ by month and day changing places; EXIF is used, both are in the table"
        }
        "unreadable_note" => "files carry a Reconyx note that is cut short or of an unknown family",
        "orientation_unusual" => {
            "images are stored turned or mirrored: pages show them upright, a model sees them upright where its `model.yaml` says `upright: true`"
        }
        "size_differs" => "images are not of the size that the camera wrote: they were resized, cropped or turned",
        "no_deployment" => {
            "images lie outside every deployment of their site; check the deployment table, then the camera's clock"
        }
        "several_deployments" => {
            "several deployments of the site cover these images; the latest is used; end one before the next starts"
        }
        "clock_overlap" => {
            "several clock corrections of one kind match these images; none of them was applied; let them not overlap"
        }
        "clock_impossible" => "a clock correction leads to no time of the calendar, such as a 25th month; it was not applied",
        "time_runs_backwards" => {
            "corrected times run backwards against event and sequence numbers; the clock was set in the field, or a correction is wrong"
        }
        _ => "images are flagged",
    }
}

/// Corrections that changed nothing: a site misspelt, a period without images.
fn unused(corrections: &[Correction], dating: &Dating) -> Option<Finding> {
    let used: BTreeSet<&str> =
        dating.rows.iter().flat_map(|dated| dated.clock().iter().chain(dated.refused())).map(String::as_str).collect();
    let unused: Vec<String> = corrections
        .iter()
        .filter(|correction| !used.contains(correction.id.as_str()))
        .map(|correction| correction.id.clone())
        .collect();
    (!unused.is_empty()).then(|| Finding {
        kind: "unused_correction".into(),
        message: "clock corrections match no image; check their site, deployment and period".into(),
        count: unused.len() as u64,
        examples: unused.into_iter().take(5).collect(),
    })
}

/// Sites of images that the deployment table lacks, each with the nearest that it has.
fn unknown_sites(images: &Table, deployments: &Deployments) -> Option<Finding> {
    let column = images.column("site")?;
    let mut names: Vec<&str> = column.texts().filter(|name| deployments.of_site(name).is_none()).collect();
    names.sort_unstable();
    let rows = (0..images.rows).filter(|row| column.text(*row).is_some_and(|name| names.binary_search(&name).is_ok())).count();
    let nearest = |name: &str| {
        let same = |site: &str| usize::from(folded(site) != folded(name));
        let distance = |site: &&str| same(site) * strsim::damerau_levenshtein(site, name);
        deployments.sites().min_by_key(distance).filter(|site| distance(site) <= 2)
    };
    let shown = |name: &&str| match nearest(name) {
        Some(near) if folded(name) == folded(near) => {
            format!("{} (the table has {}: capital letters differ)", told_from(name, near), told_from(near, name))
        }
        Some(near) => format!("{name} (there is `{near}`)"),
        None => (*name).to_owned(),
    };
    (!names.is_empty()).then(|| Finding {
        kind: "unknown_site".into(),
        message: format!(
            "{rows} images are of sites that the deployment table does not know; add them, or correct the folder or the table"
        ),
        count: names.len() as u64,
        examples: names.iter().take(10).map(shown).collect(),
    })
}

/// Time zones that no zone database knows; exports need them.
fn unknown_zones(deployments: &Deployments) -> Option<Finding> {
    let unknown: Vec<String> = deployments
        .column("timezone")?
        .texts()
        .filter(|name| !name.trim().is_empty() && jiff::tz::TimeZone::get(name.trim()).is_err())
        .map(str::to_owned)
        .collect();
    (!unknown.is_empty()).then(|| Finding {
        kind: "unknown_timezone".into(),
        message: "the deployment table names time zones that do not exist; write one such as `Europe/Oslo`".into(),
        count: unknown.len() as u64,
        examples: unknown.into_iter().take(5).collect(),
    })
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
