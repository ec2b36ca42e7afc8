//! Step kind `import`: images, predictions or labels from tables that other tools wrote.

use super::{Context, Drawn, FileInput, Finding, Job, Metric, Outputs, Param, ParamType, ParamValue, Params, Port, PortType};
use super::{PathUse, Step, StepError, StepKind};
use crate::diagnostic::{Diagnostic, Report, Span, Spanned};
use crate::observation::{PLACE, sites};
use crate::table::records::Separator;
use crate::table::{Faults, Reading, Schema, Table, TableError, Type};

mod bohner;
mod checking;
mod docs;
mod files;
mod folders;
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

use checking::{Fault, read_header};
use folders::Given;
use formats::Format;
use layout::Layout;
use reading::{Places, Rows};

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "import",
    revision: 2,
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
        param(
            "strip",
            ParamType::ByFile(&ParamType::Text),
            false,
            None,
            "folders at the beginning of the files' paths that those of the images do not have",
        ),
        param(
            "prefix",
            ParamType::ByFile(&ParamType::Text),
            false,
            None,
            "folders of the images' paths below which the files' paths begin",
        ),
    ],
    metrics: &[
        Metric { name: "rows", doc: "rows imported" },
        Metric { name: "unresolved", doc: "rows found among no images; 0 without the port" },
        Metric { name: "without_result", doc: "images to which no row belongs; 0 without the port" },
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
    folders: Given,
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
    let by_file = |name: &str| pairs(params, name).into_iter().map(|(file, folders)| (file, folders.value)).collect();
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
        folders: Given { strip: by_file("strip"), prefix: by_file("prefix") },
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
        let mut fine = self.check_folders(images, context, report);
        for given in &self.files {
            let found = self.layouts_of(given, context, report);
            fine &= found.is_some();
            layouts.extend(found.into_iter().flatten());
        }
        if !fine {
            return None;
        }
        let mut schema = self.schema(&layouts, images.is_some());
        let fits = self.check(&schema, &layouts, images, context, report) && self.check_carried(&schema, images, report);
        for name in &self.carry {
            schema.set(&name.value, images?.field(&name.value)?.ty);
        }
        fits.then(|| vec![schema])
    }

    fn drawn(&self, name: &str, _inputs: &[Vec<Drawn>]) -> Drawn {
        if self.what == What::Labels { Drawn::unknown(name) } else { Drawn::default() }
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

    fn files(&self, context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        let mut paths = Vec::new();
        for given in &self.files {
            let found = self.format.find(self.what, context.project, &given.value);
            paths.extend(found.map_err(StepError::file("read", std::path::Path::new(&given.value)))?);
        }
        paths.sort();
        paths.dedup();
        let input =
            |path: String| FileInput { name: format!("{FILE}{path}"), path: path.into(), optional: false, rewritten: false };
        Ok(paths.into_iter().map(input).collect())
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let (mut findings, mut faults) = (Vec::new(), Faults::default());
        let files: Vec<(&str, &[u8])> =
            job.files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(FILE)?, bytes.as_slice()))).collect();
        let images = job.inputs.first().and_then(|tables| tables.first());
        let (table, mut places) = if self.format.is_json() {
            foreign::rows(self, job, &files, images.is_some(), &mut findings, &mut faults)?
        } else if self.format == Format::CamtrapDp {
            package::rows(self, job, &files, images.is_some(), &mut findings, &mut faults)?
        } else {
            self.rows(job, &files, images.is_some(), &mut findings, &mut faults)?
        };
        let mut table = sites::in_normal_form(self.translate(&table, &places, job.context, &mut faults)?)?;
        faults.check()?;
        let way_out = "Give each site an id of its own in the files, or leave out the column that is wrong.";
        if let Some(refusal) = sites::of_table(&table).and_then(|ids| ids.refusal(way_out)) {
            return Err(StepError::Data(refusal));
        }
        let (mut unresolved, mut without) = (0, 0);
        if let Some(images) = images {
            let there = |name: &&&str| images.schema().field(name).is_some();
            let named = ["content", "other_paths"].iter().chain(PLACE).chain(resolve::BY).chain(resolve::TIMES);
            let mut names: Vec<&str> = named.filter(there).copied().collect();
            let carried: Vec<&str> = self.carry.iter().map(|name| name.value.as_str()).collect();
            let more: Vec<&str> = carried.iter().copied().filter(|name| !names.contains(name)).collect();
            names.extend(more);
            let images = images.read(Some(&names))?;
            findings.extend(near_ids(&table, &images));
            let among = resolve::Among { images: &images, carried: &carried, folders: &self.folders, what: self.what };
            let resolved = resolve::resolve(&table, &among, places, &mut faults)?;
            (table, places, unresolved, without) = (resolved.table, resolved.places, resolved.unresolved, resolved.without);
            findings.extend(resolved.findings);
        }
        if self.multilabel {
            table = repeated::number(&table, self.what, &places, &mut faults)?;
        } else {
            repeated::refuse(&table, self.what, &places, &mut faults)?;
        }
        faults.check()?;
        #[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
        let metrics = [("rows", table.rows), ("unresolved", unresolved), ("without_result", without), ("files", files.len())]
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count as f64))
            .collect();
        Ok(Outputs { tables: vec![table], findings, metrics, ..Outputs::default() })
    }
}

/// Sites and seasons that the images write with other capital letters.
fn near_ids(table: &Table, images: &Table) -> Option<Finding> {
    let pairs = PLACE.iter().filter_map(|name| Some((*name, table.column(name)?, images.column(name)?)));
    let near: Vec<String> = pairs.flat_map(|(name, own, theirs)| sites::near_misses(name, own.texts(), theirs.texts())).collect();
    (!near.is_empty()).then(|| Finding {
        kind: "ids_differ".into(),
        message:
            "ids of the files differ from those of the images by capital letters: their rows are not found; write them in one way"
                .into(),
        count: near.len() as u64,
        examples: near.into_iter().take(EXAMPLES).collect(),
    })
}

impl Import {
    /// The rows of all files, as they stand.
    fn rows<'f>(
        &'f self,
        job: &Job<'_>,
        files: &[(&'f str, &[u8])],
        resolved: bool,
        findings: &mut Vec<Finding>,
        faults: &mut Faults,
    ) -> Result<(Table, Places<'f>), StepError> {
        let readings: Vec<Reading<'f>> = files.iter().map(|(path, _)| self.reading(path)).collect();
        let mut opened = Vec::with_capacity(files.len());
        for (reading, (path, bytes)) in readings.iter().zip(files) {
            let records = reading.records(bytes).and_then(|mut records| Ok((read_header(&mut records)?, records)));
            let laid_out = records.and_then(|(header, records)| {
                let layout = self.layout(&header, path).map_err(|fault| {
                    let message = match fault {
                        Fault::File(message) => message,
                        Fault::Column { message, help, .. } => format!("{message}; {help}"),
                    };
                    TableError::Text { file: (*path).to_owned(), line: None, column: None, message }
                })?;
                Ok((*path, records, header.len(), layout))
            });
            match laid_out {
                Ok(file) => opened.push(file),
                Err(fault) => faults.push(|| fault),
            }
        }
        let layouts: Vec<&Layout> = opened.iter().map(|(.., layout)| layout).collect();
        let schema = layout::schema(self.what, &layouts, resolved, self.multilabel);
        job.progress.start("read", files.len() as u64);
        let mut rows = Rows::new(schema, &self.missing);
        for (path, records, width, layout) in opened {
            rows.add(path, records, width, &layout, faults, job.cancel)?;
            findings.extend(rows.lost(path));
            job.progress.advance(1, 0);
        }
        Ok(rows.finish()?)
    }

    /// The table in the words of the programme.
    fn translate(
        &self,
        table: &Table,
        places: &Places<'_>,
        context: &Context<'_>,
        faults: &mut Faults,
    ) -> Result<Table, StepError> {
        let classes = words::Classes {
            given: self.classes.iter().map(|(value, class)| (value.value.as_str(), class.value.as_str())).collect(),
            programme: context.classes,
            format: self.format,
            undecided: self.what == What::Labels,
        };
        let class = |value: &str| classes.class(value);
        let no_class = "not a class of the programme; declare it, or say under `classes` which class it means";
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
                words::translate(&table, name, places, &class, no_class, faults)?
            };
        }
        if self.what == What::Labels {
            let no_type =
                "not a type of label; it is `random`, `class`, `confidence`, `corrected` or `other`, or several joined by `+`";
            table = words::translate(&table, "type", places, &words::label_types, no_type, faults)?;
            table = words::translate(&table, "shown", places, &words::shown, "neither `blind` nor `model`", faults)?;
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
