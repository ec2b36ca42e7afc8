//! Step kind `import`: images, predictions or labels from tables that other tools wrote.

use std::io::Read as _;
use std::path::Path;

use super::{Context, FileInput, Finding, Job, Metric, Outputs, Param, ParamType, ParamValue, Params, Port, PortType};
use super::{PathUse, Step, StepError, StepKind};
use crate::diagnostic::{Diagnostic, Report, Span, Spanned, codes, nearest};
use crate::observation::{IDENTITY, PLACE};
use crate::table::records::Separator;
use crate::table::{Reading, Schema, Table, Type};

mod bohner;
mod docs;
mod files;
mod foreign;
mod formats;
mod layout;
mod package;
mod probabilities;
mod reading;
mod repeated;
mod resolve;
mod timelapse;
mod words;

use formats::Format;
use layout::{Filter, Layout, Source};
use reading::{Places, Rows};

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "import",
    revision: 1,
    summary: "reads images, predictions or labels that another tool wrote",
    docs: docs::DOCS,
    inputs: &[Port {
        name: "images",
        ty: PortType::Table,
        many: false,
        optional: true,
        requires: &[("content", Type::Content)],
        doc: "images among which the rows are found",
    }],
    outputs: &[Port::table("table", &[], "the rows of the files")],
    params: &[
        param("files", ParamType::List(&ParamType::Path(PathUse::ReadOptional)), true, None, "files, folders, or paths with `*`"),
        param("what", ParamType::Choice(&["images", "predictions", "labels"]), true, None, "what the rows are"),
        param(
            "format",
            ParamType::Choice(formats::WORDS),
            false,
            Some("csv"),
            "who wrote the files: any tool (`csv`), the Böhner workflow, MegaDetector or SpeciesNet (JSON), Timelapse (CSV), a data package of Camtrap DP",
        ),
        param(
            "columns",
            ParamType::Map(&ParamType::Text),
            false,
            None,
            "our columns, with the names that the file has for them (csv)",
        ),
        param("values", ParamType::Map(&ParamType::Text), false, None, "columns that are the same for all rows"),
        param("classes", ParamType::Map(&ParamType::Class), false, None, "values of the file, with the classes that they mean"),
        param(
            "rows",
            ParamType::Choice(&["single", "multilabel"]),
            false,
            Some("single"),
            "whether an image may have several rows",
        ),
        param(
            "separator",
            ParamType::Choice(&["comma", "semicolon", "tab", "space"]),
            false,
            None,
            "what stands between fields; seen from the header where not given",
        ),
        param(
            "missing",
            ParamType::List(&ParamType::Text),
            false,
            None,
            "words that stand for a missing value, beside an unquoted `NA`",
        ),
        param(
            "carry",
            ParamType::List(&ParamType::Column("images")),
            false,
            None,
            "columns of the images that the rows take over, such as `locality`",
        ),
        param(
            "detection_threshold",
            ParamType::Number(0.0, 1.0),
            false,
            None,
            "detections less sure than this are none (megadetector, speciesnet); all count where not given",
        ),
    ],
    metrics: &[
        Metric { name: "rows", doc: "rows imported" },
        Metric { name: "unresolved", doc: "rows found among no images; 0 without the port" },
        Metric { name: "files", doc: "files read" },
    ],
    keeps_rows: false,
    // Labels that a season was sealed with stay; tables without `class` pin nothing.
    pins: Some("class"),
    read,
};

const fn param(name: &'static str, ty: ParamType, required: bool, default: Option<&'static str>, doc: &'static str) -> Param {
    Param { name, ty, required, default, keyed: true, doc }
}

/// How many examples a finding shows.
const EXAMPLES: usize = 8;

/// What the names of imported files start with in a key.
const FILE: &str = "import ";

/// How much of a file is read to see its columns.
const HEADER_BYTES: u64 = 1 << 16;

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Images,
    Predictions,
    Labels,
}

impl What {
    fn word(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Predictions => "predictions",
            Self::Labels => "labels",
        }
    }
}

/// Pairs of a mapping.
type Pairs = Vec<(Spanned<String>, Spanned<String>)>;

struct Import {
    files: Vec<Spanned<String>>,
    what: What,
    format: Format,
    threshold: Option<f64>,
    columns: Pairs,
    values: Pairs,
    classes: Pairs,
    multilabel: bool,
    separator: Option<Separator>,
    missing: Vec<String>,
    carry: Vec<Spanned<String>>,
    span: Span,
}

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let what = match params.text("what")? {
        "images" => What::Images,
        "predictions" => What::Predictions,
        _ => What::Labels,
    };
    let separator = params.text("separator").map(|word| match word {
        "semicolon" => Separator::Semicolon,
        "tab" => Separator::Tab,
        "space" => Separator::Space,
        _ => Separator::Comma,
    });
    let format = Format::of(params.text("format").unwrap_or_default());
    let columns = pairs(params, "columns");
    if let Some((name, code, message, help)) = format.refuses(params, what) {
        report.push(Diagnostic::new(code, params.span_of(name), message).help(help));
        return None;
    }
    Some(Box::new(Import {
        files: params.texts("files"),
        what,
        format,
        threshold: params.number("detection_threshold"),
        columns,
        values: pairs(params, "values"),
        classes: pairs(params, "classes"),
        multilabel: params.text("rows") == Some("multilabel"),
        separator,
        missing: params.texts("missing").into_iter().map(|word| word.value).collect(),
        carry: params.texts("carry"),
        span: params.span,
    }))
}

fn pairs(params: &Params, name: &str) -> Pairs {
    let Some(Spanned { value: ParamValue::Map(entries), .. }) = params.get(name) else { return Vec::new() };
    let pair = |(key, value): &(Spanned<String>, Spanned<ParamValue>)| match &value.value {
        ParamValue::Text(text) => Some((key.clone(), Spanned { value: text.clone(), span: value.span })),
        _ => None,
    };
    entries.iter().filter_map(pair).collect()
}

impl Step for Import {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let images = inputs.first().and_then(|tables| tables.first());
        let mut layouts = Vec::new();
        for given in &self.files {
            let found = self.format.find(self.what, context.project, &given.value);
            if found.is_empty() {
                let message = format!("`{}` is no file, and no folder with files to import", given.value);
                report.push(Diagnostic::new(codes::MISSING_FILE, given.span, message).help(self.format.looked_for(self.what)));
                return None;
            }
            if self.format.is_json() {
                layouts.push(self.with_values(foreign::layout()));
                continue;
            }
            if self.format == Format::CamtrapDp {
                match package::layout_of(self.what, context.project, &found) {
                    Ok(layout) => layouts.push(self.with_values(layout)),
                    Err(message) => {
                        let help = self.format.looked_for(self.what);
                        report.push(Diagnostic::new(codes::MISSING_FILE, given.span, message).help(help));
                        return None;
                    }
                }
                continue;
            }
            for path in found {
                match header(context.project, &path, &self.reading(&path)).and_then(|header| self.layout(&header, &path)) {
                    Ok(layout) => layouts.push(layout),
                    Err(Fault::File(message)) => {
                        report.push(Diagnostic::new(codes::MISSING_COLUMN, given.span, format!("`{path}`: {message}")));
                        return None;
                    }
                    Err(Fault::Column { name, message, help }) => {
                        let span =
                            self.columns.iter().find(|(own, _)| own.value == name).map_or(given.span, |(_, theirs)| theirs.span);
                        let message = format!("`{path}`: {message}");
                        report.push(Diagnostic::new(codes::UNKNOWN_COLUMN, span, message).help(help));
                        return None;
                    }
                }
            }
        }
        let mut schema = self.schema(&layouts, images.is_some());
        let fits = self.check(&schema, &layouts, images, context, report) && self.check_carried(&schema, images, report);
        for name in &self.carry {
            schema.set(&name.value, images?.field(&name.value)?.ty);
        }
        fits.then(|| vec![schema])
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        // Values are compared with the classes and their ids.
        let class = |class: &crate::taxonomy::Class| (class.name.value.clone(), class.species_id.clone());
        let mut classes: Vec<_> = context.classes.classes.iter().map(class).collect();
        classes.sort();
        let mut canonical = serde_json::to_value(classes).unwrap_or_default().to_string();
        if let Some(empty) = words::empty_class(context.classes).filter(|_| self.format.is_json()) {
            canonical.push_str(empty);
        }
        if self.format == Format::CamtrapDp {
            let class = |class: &crate::taxonomy::Class| (class.name.value.clone(), class.role, class.taxon.clone());
            let classes: Vec<_> = context.classes.classes.iter().map(class).collect();
            canonical.push_str(&serde_json::to_value(classes).unwrap_or_default().to_string());
        }
        if self.what == What::Images { Vec::new() } else { vec![("classes of the programme".to_owned(), canonical)] }
    }

    fn files(&self, context: &Context<'_>) -> Vec<FileInput> {
        let found = |given: &Spanned<String>| self.format.find(self.what, context.project, &given.value);
        let mut paths: Vec<String> = self.files.iter().flat_map(found).collect();
        paths.sort();
        paths.dedup();
        let input =
            |path: String| FileInput { name: format!("{FILE}{path}"), path: path.into(), optional: false, rewritten: false };
        paths.into_iter().map(input).collect()
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let mut findings = Vec::new();
        let files: Vec<(&str, &[u8])> =
            job.files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(FILE)?, bytes.as_slice()))).collect();
        let images = job.inputs.first().and_then(|tables| tables.first());
        let (table, places) = if self.format.is_json() {
            foreign::rows(self, job, &files, images.is_some(), &mut findings)?
        } else if self.format == Format::CamtrapDp {
            package::rows(self, job, &files, images.is_some(), &mut findings)?
        } else {
            self.rows(job, &files, images.is_some(), &mut findings)?
        };
        let mut table = self.translate(&table, &places, job.context)?;
        let mut unresolved = 0;
        if let Some(images) = images {
            let there = |name: &&&str| images.schema().field(name).is_some();
            let mut names: Vec<&str> = ["content"].iter().chain(PLACE).chain(resolve::BY).filter(there).copied().collect();
            let carried: Vec<&str> = self.carry.iter().map(|name| name.value.as_str()).collect();
            names.extend(carried.iter().filter(|name| !IDENTITY.contains(name) && !PLACE.contains(name)));
            let resolved = resolve::resolve(&table, &images.read(Some(&names))?, &carried, &places)?;
            (table, unresolved) = (resolved.table, resolved.unresolved);
            findings.extend(resolved.finding);
        }
        if self.multilabel {
            table = repeated::number(&table, self.what, &places)?;
        } else {
            repeated::refuse(&table, self.what, &places)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
        let metrics = [("rows", table.rows), ("unresolved", unresolved), ("files", files.len())]
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count as f64))
            .collect();
        Ok(Outputs { tables: vec![table], findings, metrics, ..Outputs::default() })
    }
}

/// Why a file cannot be laid out.
enum Fault {
    /// As a whole.
    File(String),
    /// Because of one of our columns.
    Column {
        /// Which.
        name: String,
        /// What is wrong.
        message: String,
        /// The way out.
        help: String,
    },
}

/// The columns of a file, from its beginning.
fn header(project: &Path, path: &str, reading: &Reading<'_>) -> Result<Vec<String>, Fault> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(project.join(path));
    file.and_then(|file| file.take(HEADER_BYTES).read_to_end(&mut bytes)).map_err(|error| Fault::File(error.to_string()))?;
    // A header needs no more than its own lines: what was cut off behind them may end within a letter.
    let end = bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(bytes.len(), |at| at + 1);
    let mut records = reading.records(&bytes[..end]).map_err(|error| Fault::File(error.to_string()))?;
    read_header(&mut records).map_err(|error| Fault::File(error.to_string()))
}

fn read_header(records: &mut crate::table::records::Records<'_>) -> Result<Vec<String>, crate::table::TableError> {
    let mut fields = Vec::new();
    records.next(&mut fields)?;
    Ok(fields.iter().map(|field| field.text.trim().to_owned()).collect())
}

impl Import {
    fn reading<'f>(&self, file: &'f str) -> Reading<'f> {
        Reading { separator: self.separator, ..Reading::tolerant(file) }
    }

    /// How a file with `header` is read.
    fn layout(&self, header: &[String], path: &str) -> Result<Layout, Fault> {
        let layout = match self.format {
            Format::Bohner => bohner::layout(header, path, self.what).map_err(Fault::File)?,
            Format::Timelapse => timelapse::layout(self.csv_layout(header)?, header, self.what).map_err(Fault::File)?,
            _ => self.csv_layout(header)?,
        };
        Ok(self.with_values(layout))
    }

    fn with_values(&self, mut layout: Layout) -> Layout {
        for (name, value) in &self.values {
            layout.set(&name.value, Source::Constant(value.value.clone()));
        }
        layout
    }

    fn csv_layout(&self, header: &[String]) -> Result<Layout, Fault> {
        let mut layout = Layout { columns: Vec::new(), filter: Filter::All };
        for (own, theirs) in &self.columns {
            let Some(at) = header.iter().position(|column| *column == theirs.value) else {
                let near = nearest(&theirs.value, header.iter().map(String::as_str));
                return Err(Fault::Column {
                    name: own.value.clone(),
                    message: format!("there is no column `{}`", theirs.value),
                    help: near.map_or_else(
                        || format!("the file has `{}`", header.join("`, `")),
                        |near| format!("did you mean `{near}`?"),
                    ),
                });
            };
            layout.set(&own.value, Source::Field(at));
        }
        for (at, column) in header.iter().enumerate() {
            // A column that was given another of our names is that one only.
            let taken = self.columns.iter().any(|(_, theirs)| theirs.value == *column);
            if !column.is_empty() && !taken && layout.source(column).is_none() && layout::is_own(self.what, column) {
                layout.set(column, Source::Field(at));
            }
        }
        Ok(layout)
    }

    fn schema(&self, layouts: &[Layout], resolved: bool) -> Schema {
        layout::schema(self.what, &layouts.iter().collect::<Vec<_>>(), resolved, self.multilabel)
    }

    /// Checks that rows can be told apart, found, and that `p_CLASS` names classes.
    fn check(
        &self,
        schema: &Schema,
        layouts: &[Layout],
        images: Option<&Schema>,
        context: &Context<'_>,
        report: &mut Report,
    ) -> bool {
        let mut wrong = |message: String, help: &str| {
            report.push(Diagnostic::new(codes::MISSING_COLUMN, self.span, message).help(help));
            false
        };
        let gives = |name: &str| layouts.iter().any(|layout| layout.source(name).is_some());
        // Among images, the content is there because it is found, unless the file gives it.
        let tells = |name: &str| images.is_none() || name != "content" || gives(name);
        let identity = IDENTITY.iter().find(|name| schema.field(name).is_some() && tells(name));
        let Some(identity) = identity else {
            let help = "say under `columns` what the file calls `name`, `path` or `file`; and `site` and `season`, or give them under `values`";
            return wrong("nothing says which image a row belongs to".into(), help);
        };
        let found = |name: &&&str| schema.field(name).is_some() && images.is_some_and(|images| images.field(name).is_some());
        if images.is_some() && *identity != "content" && resolve::BY.iter().find(found).is_none() {
            let message = format!("the images have no column `{identity}` by which the rows could be found");
            return wrong(message, "wire the step that names the images, such as `rename`");
        }
        let unknown = |name: &&str| !context.classes.classes.is_empty() && context.classes.class(name).is_none();
        let classes = schema.fields.iter().filter_map(|field| field.name.strip_prefix(layout::CLASS_PREFIX));
        if let (What::Predictions, Some(class)) = (self.what, classes.clone().find(unknown)) {
            let message = format!(
                "`{}{class}` holds confidences of `{class}`, which is not a class of the programme",
                layout::CLASS_PREFIX
            );
            report.push(
                Diagnostic::new(codes::UNKNOWN_CLASS, self.span, message)
                    .help("declare the class, or name the column under `columns`"),
            );
            return false;
        }
        let labelled = match self.what {
            What::Images => true,
            What::Predictions => classes.count() > 0 || gives("label"),
            What::Labels => gives("class"),
        };
        if !labelled {
            let column = if self.what == What::Labels { "class" } else { "label" };
            report.push(
                Diagnostic::new(codes::MISSING_COLUMN, self.span, format!("no column of the files is `{column}`"))
                    .help(format!("say what they call it: `columns: {{ {column}: ... }}`")),
            );
        }
        labelled
    }

    /// Columns are carried from images, and only beside those of the file.
    fn check_carried(&self, schema: &Schema, images: Option<&Schema>, report: &mut Report) -> bool {
        let mut fits = true;
        for name in &self.carry {
            let (code, message, help) = match images {
                None => {
                    (codes::MISSING_COLUMN, "there are no images to carry columns from".to_owned(), "wire them: `from: names`")
                }
                Some(_) if schema.field(&name.value).is_some() => (
                    codes::TAKEN_COLUMN,
                    format!("the rows have a column `{}` of their own", name.value),
                    "remove it from `carry`",
                ),
                Some(_) => continue,
            };
            report.push(Diagnostic::new(code, name.span, message).help(help));
            fits = false;
        }
        fits
    }

    /// The rows of all files, as they stand.
    fn rows<'f>(
        &'f self,
        job: &Job<'_>,
        files: &[(&'f str, &[u8])],
        resolved: bool,
        findings: &mut Vec<Finding>,
    ) -> Result<(Table, Places<'f>), StepError> {
        let readings: Vec<Reading<'f>> = files.iter().map(|(path, _)| self.reading(path)).collect();
        let mut opened = Vec::with_capacity(files.len());
        for (reading, (path, bytes)) in readings.iter().zip(files) {
            let mut records = reading.records(bytes)?;
            let header = read_header(&mut records)?;
            let layout = self.layout(&header, path).map_err(|fault| match fault {
                Fault::File(message) => StepError::Data(format!("`{path}`: {message}")),
                Fault::Column { message, help, .. } => StepError::Data(format!("`{path}`: {message}; {help}")),
            })?;
            opened.push((*path, records, header.len(), layout));
        }
        let layouts: Vec<&Layout> = opened.iter().map(|(.., layout)| layout).collect();
        let schema = layout::schema(self.what, &layouts, resolved, self.multilabel);
        job.progress.start("read", files.len() as u64);
        let mut rows = Rows::new(schema, &self.missing);
        for (path, records, width, layout) in opened {
            rows.add(path, records, width, &layout, job.cancel)?;
            findings.extend(rows.lost(path));
            job.progress.advance(1, 0);
        }
        Ok(rows.finish()?)
    }

    /// The table in the words of the programme.
    fn translate(&self, table: &Table, places: &Places<'_>, context: &Context<'_>) -> Result<Table, StepError> {
        let classes = words::Classes {
            given: self.classes.iter().map(|(value, class)| (value.value.as_str(), class.value.as_str())).collect(),
            programme: context.classes,
            format: self.format,
            undecided: self.what == What::Labels,
        };
        let class = |value: &str| classes.class(value);
        let no_class = "no class of the programme; declare it, or say under `classes` which class it means";
        let mut table = match self.what {
            What::Images => return Ok(table.clone()),
            What::Predictions => probabilities::label(table)?,
            What::Labels => other_where_missing(table)?,
        };
        let labels: Vec<String> = table.schema.fields.iter().map(|field| field.name.clone()).collect();
        let is_class = |name: &&String| match self.what {
            What::Labels => *name == "class",
            _ => *name == "label" || name.strip_prefix("label_").is_some_and(|rank| rank.parse::<u8>().is_ok()),
        };
        for name in labels.iter().filter(is_class) {
            table = if self.format.is_json() && name != "label" {
                // The second to fifth of hundreds of classes need not mean one of the programme.
                words::translate_known(&table, name, &class)?
            } else {
                words::translate(&table, name, places, &class, no_class)?
            };
        }
        if self.what == What::Labels {
            let no_type =
                "no type of label; it is `random`, `class`, `confidence`, `corrected` or `other`, or several joined by `+`";
            table = words::translate(&table, "type", places, &words::label_types, no_type)?;
            table = words::translate(&table, "shown", places, &words::shown, "neither `blind` nor `model`")?;
        }
        Ok(table)
    }
}

/// Labels of no type were asked for by no sample.
fn other_where_missing(table: &Table) -> Result<Table, StepError> {
    let types = table.require("type")?;
    if types.null_count() == 0 {
        return Ok(table.clone());
    }
    let mut filled = crate::table::ColumnBuilder::with_capacity(Type::Text, table.rows);
    (0..table.rows).for_each(|row| filled.push_text(types.text(row).unwrap_or(super::label_type::OTHER)));
    Ok(table.with_column("type", std::sync::Arc::new(filled.finish()?))?)
}
