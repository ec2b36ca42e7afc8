//! Step kind `export`: writes a table, or the images under their new names, into the project.

use std::path::PathBuf;

use super::{
    Context, FileInput, Job, Metric, Outputs, Param, ParamType, Params, PathUse, Port, PortType, Step, StepError, StepKind,
};
use crate::diagnostic::{Diagnostic, Report, Span, codes, nearest};
use crate::table::csv::Style;
use crate::table::records::Separator;
use crate::table::{Schema, Type};

mod camtrap_dp;
mod docs;
mod folder;
mod forms;
mod images;
pub(super) mod ledger;
pub mod published;
mod split;
mod table;

pub(super) use table::write_bytes;
#[cfg(test)]
mod tests;
mod times;

use images::Way;
use table::Format;

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "export",
    revision: 2,
    summary: "writes a table, or the images under their new names, into the project",
    docs: docs::DOCS,
    inputs: &[
        Port::table("table", &[], "the table, or the images"),
        Port {
            name: "events",
            ty: PortType::Table,
            many: false,
            optional: true,
            requires: &[],
            doc: "events with their labels, of a step `events` (camtrap_dp)",
        },
        Port {
            name: "labels",
            ty: PortType::Table,
            many: true,
            optional: true,
            requires: &[("class", Type::Text)],
            doc: "labels of people, of `review` or `import`, which say when they were given (camtrap_dp)",
        },
    ],
    outputs: &[],
    params: &[
        Param {
            name: "into",
            ty: ParamType::Path(PathUse::Write),
            required: true,
            default: None,
            keyed: true,
            doc: "the file to write, with columns in braces for one file each (`V_rodents_{locality}_{year}.csv`); or the folder for images or a data package",
        },
        Param {
            name: "format",
            ty: ParamType::Choice(&["csv", "parquet"]),
            required: false,
            default: None,
            keyed: true,
            doc: "format of the table; by the ending of `into` where not given",
        },
        Param {
            name: "separator",
            ty: ParamType::Choice(&["comma", "semicolon", "tab", "space"]),
            required: false,
            default: None,
            keyed: true,
            doc: "what stands between the fields of a CSV; commas where not given",
        },
        Param {
            name: "missing",
            ty: ParamType::Text,
            required: false,
            default: None,
            keyed: true,
            doc: "what a missing value of a CSV is written as; nothing where not given",
        },
        Param {
            name: "quote",
            ty: ParamType::Choice(&["needed", "text"]),
            required: false,
            default: None,
            keyed: true,
            doc: "quotes in a CSV: where they are needed, or around all texts and names of columns",
        },
        Param {
            name: "spreadsheet_safe",
            ty: ParamType::Bool,
            required: false,
            default: None,
            keyed: true,
            doc: "puts an apostrophe before texts of a CSV that a spreadsheet would take for formulas (`=`, `+`, `-`, `@`)",
        },
        Param {
            name: "columns",
            ty: ParamType::List(&ParamType::Column("table")),
            required: false,
            default: None,
            keyed: true,
            doc: "columns to write, in this order; all where not given",
        },
        Param {
            name: "images",
            ty: ParamType::Choice(&["reflink", "copy", "hardlink", "symlink"]),
            required: false,
            default: None,
            keyed: true,
            doc: "writes the images instead of the table, and how: a hardlink is the original under a second name, a symlink points to it",
        },
        Param {
            name: "folders",
            ty: ParamType::Column("table"),
            required: false,
            default: None,
            keyed: true,
            doc: "column whose values become folders for the images, such as `label`",
        },
        forms::FORM,
        forms::CLASS,
        forms::VALUES,
        forms::TAXA,
    ],
    metrics: &[Metric { name: "rows", doc: "rows of the table exported" }],
    keeps_rows: false,
    pins: None,
    read,
};

/// Parameters of tables.
const TABLES_ONLY: &[&str] =
    &["format", "columns", "separator", "missing", "quote", "spreadsheet_safe", "form", "class", "values", "taxa"];
/// Parameters of separated text.
const TEXT_ONLY: &[&str] = &["separator", "missing", "quote", "spreadsheet_safe"];

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let into = params.text("into")?.to_owned();
    let span = params.span_of("into");
    let mut wrong = |code, name: &str, message: &str, help: &str| {
        report.push(Diagnostic::new(code, params.span_of(name), message).help(help));
    };
    if let Some(way) = params.text("images") {
        for name in TABLES_ONLY {
            if params.get(name).is_some() {
                wrong(
                    codes::UNKNOWN_PARAMETER,
                    name,
                    &format!("`{name}` is for tables, and this step exports images"),
                    "use a second `export` step for the table",
                );
                return None;
            }
        }
        let way = match way {
            "copy" => Way::Copy,
            "hardlink" => Way::Hardlink,
            "symlink" => Way::Symlink,
            _ => Way::Reflink,
        };
        return Some(Box::new(Export {
            into,
            span,
            what: What::Images { way, folders: params.text("folders").map(str::to_owned) },
        }));
    }
    if params.get("folders").is_some() {
        wrong(
            codes::MISSING_PARAMETER,
            "folders",
            "`folders` is for images, and this step exports a table",
            "add `images: reflink`, or remove `folders`",
        );
        return None;
    }
    if let Some((name, message, help)) = forms::refuses(params) {
        wrong(codes::UNKNOWN_PARAMETER, name, &message, help);
        return None;
    }
    let form = forms::Wanted::of(params);
    if let Some(form) = form.clone().filter(forms::Wanted::is_package) {
        return Some(Box::new(Export { into, span, what: What::Package(form) }));
    }
    let ending = into.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let format = match (params.text("format"), ending.as_deref()) {
        _ if form.as_ref().is_some_and(forms::Wanted::is_json) => Format::MegaDetector(Vec::new()),
        (Some("parquet"), _) | (None, Some("parquet")) => Format::Parquet,
        (Some(_), _) | (None, Some("csv")) => Format::Csv(style(params)),
        _ => {
            let message = format!("`{into}` does not say whether it is CSV or Parquet");
            wrong(
                codes::MISSING_PARAMETER,
                "into",
                &message,
                "end it in `.csv` or `.parquet`, or add `format`; for image files add `images: reflink`",
            );
            return None;
        }
    };
    if cfg!(not(feature = "parquet")) && format == Format::Parquet {
        wrong(codes::NOT_A_CHOICE, "into", "this build has no Parquet", "export CSV, or build with the feature `parquet`");
        return None;
    }
    if let (Format::Parquet, Some(name)) = (&format, TEXT_ONLY.iter().find(|name| params.get(name).is_some())) {
        let message = format!("`{name}` is for CSV, and `{into}` is Parquet");
        wrong(codes::UNKNOWN_PARAMETER, name, &message, "remove it, or end `into` in `.csv`");
        return None;
    }
    if let Format::Csv(Style { separator: Separator::Space, missing, .. }) = &format
        && missing.is_empty()
    {
        let message = "between spaces a missing value cannot be nothing";
        wrong(codes::MISSING_PARAMETER, "separator", message, "add `missing: NA`");
        return None;
    }
    let pattern = match split::Pattern::of(&into) {
        Ok(pattern) => pattern,
        Err((message, help)) => {
            wrong(codes::BAD_PATTERN, "into", &message, help);
            return None;
        }
    };
    if let (Some(_), Some(form)) = (&pattern, form.as_ref().filter(|form| !form.keeps_places())) {
        let message = format!("`{}` writes one file, and `into` names several", form.word());
        wrong(codes::BAD_PATTERN, "into", &message, "take the columns in braces out of `into`");
        return None;
    }
    let columns = params.texts("columns").into_iter().map(|name| name.value).collect();
    Some(Box::new(Export { into, span, what: What::Table { format, columns, form, pattern } }))
}

fn style(params: &Params) -> Style {
    let separator = match params.text("separator") {
        // The portal's own; a person may still say another.
        None if params.text("form") == Some("coat_metadata") => Separator::Semicolon,
        Some("semicolon") => Separator::Semicolon,
        Some("tab") => Separator::Tab,
        Some("space") => Separator::Space,
        _ => Separator::Comma,
    };
    let missing = params.text("missing").unwrap_or_default().to_owned();
    Style {
        separator,
        missing,
        quote_all_text: params.text("quote") == Some("text"),
        spreadsheet_safe: params.bool("spreadsheet_safe"),
    }
}

struct Export {
    /// As written, `/` between parts.
    into: String,
    /// Where that stands.
    span: Span,
    what: What,
}

enum What {
    Table { format: Format, columns: Vec<String>, form: Option<forms::Wanted>, pattern: Option<split::Pattern> },
    Images { way: Way, folders: Option<String> },
    Package(forms::Wanted),
}

/// The columns that image files are made from.
const NEEDED: &[(&str, Type, &str)] = &[
    ("name", Type::Text, "name the images with a `rename` step before"),
    ("content", Type::Content, "export a table of images"),
    ("root", Type::Text, "export a table of images"),
    ("path", Type::Text, "export a table of images"),
];

impl Step for Export {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let schema = inputs.first()?.first()?;
        let events = inputs.get(1).and_then(|tables| tables.first());
        if let What::Package(form) = &self.what {
            let fits = form.check(schema, context, report);
            return (camtrap_dp::check(schema, events, context, report) && fits).then(Vec::new);
        }
        let port = KIND.inputs.iter().zip(inputs).skip(1).find(|(_, tables)| !tables.is_empty());
        if let Some((port, _)) = port {
            let message = format!("only the form `camtrap_dp` takes {} beside the images", port.name);
            let help = "export them with a step of their own, or add `form: camtrap_dp`";
            report.push(Diagnostic::new(codes::UNKNOWN_INPUT, context.span, message).help(help));
            return None;
        }
        if let What::Table { form, pattern, .. } = &self.what {
            if let Some(form) = form {
                form.check(schema, context, report).then_some(())?;
            }
            let written = form.as_ref().map_or_else(|| schema.clone(), forms::Wanted::fixed);
            if let Some(name) = pattern.as_ref().and_then(|pattern| pattern.lacks(&written)) {
                let message = format!("`into` names the column `{name}`, which the table does not have");
                let near = nearest(name, written.fields.iter().map(|field| field.name.as_str()));
                let help = near.map_or_else(
                    || "name columns of the table; `{year}` is that of its dates".to_owned(),
                    |near| format!("did you mean `{{{near}}}`?"),
                );
                report.push(Diagnostic::new(codes::UNKNOWN_COLUMN, self.span, message).help(help));
                return None;
            }
        }
        if let What::Images { .. } = self.what {
            let mut fine = true;
            for (name, ty, help) in NEEDED {
                if schema.field(name).is_none_or(|field| field.ty != *ty) {
                    let message = format!("to export images, the input needs a column `{name}` of {ty}");
                    report.push(Diagnostic::new(codes::MISSING_COLUMN, context.span, message).help(*help));
                    fine = false;
                }
            }
            fine.then_some(())?;
        }
        Some(Vec::new())
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        match &self.what {
            What::Table { form: Some(_), .. } => forms::declarations(context),
            What::Package(_) => forms::declarations(context).into_iter().chain(camtrap_dp::declarations(context)).collect(),
            _ => Vec::new(),
        }
    }

    fn files(&self, context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        Ok(if matches!(self.what, What::Package(_)) { camtrap_dp::files(context) } else { Vec::new() })
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let input = job.input(0)?;
        let path = job.context.project.join(&self.into);
        if job.dry {
            // What lies in the project is compared with what was recorded, by whoever asked.
            return Ok(Outputs::default());
        }
        let (rows, findings, files) = match &self.what {
            What::Table { format, columns, form, pattern } => {
                let names: Vec<&str> = columns.iter().map(String::as_str).collect();
                let (table, mut findings) = match form {
                    Some(form) => form.shaped(job, columns)?,
                    // What names the files need not be written.
                    None if pattern.is_some() => (input.read(None)?, Vec::new()),
                    None => (input.read((!names.is_empty()).then_some(&names[..]))?, Vec::new()),
                };
                let rows = table.rows;
                let format = form.as_ref().map_or_else(|| format.clone(), |form| form.format(job.context, format));
                if let Some(pattern) = pattern {
                    let chosen = (form.is_none() && !names.is_empty()).then_some(&names[..]);
                    let (more, files) = split::write(job, &table, chosen, pattern, &format)?;
                    findings.extend(more);
                    (rows, findings, files)
                } else {
                    job.progress.start("write", rows as u64);
                    table::write(job, &table, &path, &format)?;
                    job.progress.advance(rows as u64, 0);
                    (rows, findings, vec![PathBuf::from(&self.into)])
                }
            }
            What::Images { way, folders } => {
                let names: Vec<&str> = NEEDED.iter().map(|(name, ..)| *name).chain(folders.as_deref()).collect();
                let names: Vec<&str> =
                    names.iter().enumerate().filter(|(at, name)| !names[..*at].contains(name)).map(|(_, name)| *name).collect();
                let table = input.read(Some(&names))?;
                let findings = images::write(job, &table, &path, *way, folders.as_deref())?;
                (table.rows, findings, vec![ledger::within(std::path::Path::new(&self.into))])
            }
            What::Package(form) => camtrap_dp::write(job, form, &self.into)?,
        };
        #[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
        let metrics = [("rows".to_owned(), rows as f64)].into();
        Ok(Outputs { findings, metrics, files, ..Outputs::default() })
    }
}
