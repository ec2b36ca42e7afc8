//! What is known of the files before anything runs: their columns, and whether rows can be told apart and found.

use std::io::Read as _;
use std::path::Path;

use super::formats::Format;
use super::layout::{self, Filter, Layout, Source};
use super::{Import, What, bohner, files, foreign, package, resolve, timelapse};
use crate::diagnostic::{Diagnostic, Report, Spanned, codes, nearest};
use crate::observation::IDENTITY;
use crate::step::{Context, Step as _};
use crate::table::{Reading, Schema, TableError, too_wide};

/// How much of a file is read to see its columns.
const HEADER_BYTES: u64 = 1 << 16;

/// Why a file cannot be laid out.
pub(super) enum Fault {
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
pub(super) fn header(project: &Path, path: &str, reading: &Reading<'_>) -> Result<Vec<String>, Fault> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(project.join(path));
    file.and_then(|file| file.take(HEADER_BYTES).read_to_end(&mut bytes)).map_err(|error| Fault::File(error.to_string()))?;
    // A header needs no more than its own lines: what was cut off behind them may end within a letter.
    let end = bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(bytes.len(), |at| at + 1);
    let mut records = reading.records(&bytes[..end]).map_err(|error| Fault::File(error.to_string()))?;
    read_header(&mut records).map_err(|error| Fault::File(error.to_string()))
}

pub(super) fn read_header(records: &mut crate::table::records::Records<'_>) -> Result<Vec<String>, TableError> {
    let mut fields = Vec::new();
    let line = records.next(&mut fields)?;
    if let Some(message) = too_wide(fields.len()) {
        return Err(TableError::Text { file: records.file().to_owned(), line, column: None, message });
    }
    Ok(fields.iter().map(|field| field.text.trim().to_owned()).collect())
}

impl Import {
    /// The layouts of the files that one entry of `files` means. All that is wrong with them is said at once.
    pub(super) fn layouts_of(&self, given: &Spanned<String>, context: &Context<'_>, report: &mut Report) -> Option<Vec<Layout>> {
        let found = match self.format.find(self.what, context.project, &given.value) {
            Ok(found) => found,
            Err(error) => {
                let message = format!("`{}` cannot be read: {error}", given.value);
                report.push(Diagnostic::new(codes::MISSING_FILE, given.span, message).help("check that you may read it"));
                return None;
            }
        };
        if found.is_empty() {
            let message = format!("`{}` is not a file, and not a folder with files to import", given.value);
            report.push(Diagnostic::new(codes::MISSING_FILE, given.span, message).help(self.format.looked_for(self.what)));
            return None;
        }
        if self.format.is_json() {
            return Some(vec![self.with_values(foreign::layout())]);
        }
        if self.format == Format::CamtrapDp {
            return match package::layout_of(self.what, context.project, &found) {
                Ok(layout) => Some(vec![self.with_values(layout)]),
                Err(message) => {
                    let help = self.format.looked_for(self.what);
                    report.push(Diagnostic::new(codes::MISSING_FILE, given.span, message).help(help));
                    None
                }
            };
        }
        let mut layouts = Vec::with_capacity(found.len());
        let count = found.len();
        for path in found {
            let laid_out = header(context.project, &path, &self.reading(&path)).and_then(|header| self.layout(&header, &path));
            match laid_out {
                Ok(layout) => layouts.push(layout),
                Err(Fault::File(message)) => {
                    report.push(Diagnostic::new(codes::MISSING_COLUMN, given.span, format!("`{path}`: {message}")));
                }
                Err(Fault::Column { name, message, help }) => {
                    let span =
                        self.columns.iter().find(|(own, _)| own.value == name).map_or(given.span, |(_, theirs)| theirs.span);
                    report.push(Diagnostic::new(codes::UNKNOWN_COLUMN, span, format!("`{path}`: {message}")).help(help));
                }
            }
        }
        (layouts.len() == count).then_some(layouts)
    }

    /// `strip` and `prefix` are about paths that are looked for among images, and about files that are imported.
    pub(super) fn check_folders(&self, images: Option<&Schema>, context: &Context<'_>, report: &mut Report) -> bool {
        let given = self.folders.strip.iter().chain(&self.folders.prefix);
        let Some((first, _)) = given.clone().next() else { return true };
        if images.is_none() {
            let message = "`strip` and `prefix` say how paths are found among images, and there are none";
            report.push(Diagnostic::new(codes::FOLDERS_OF_NO_FILE, first.span, message).help("wire the images: `from: names`"));
            return false;
        }
        // A folder that cannot be listed is said where its columns are looked for.
        let files = self.files(context).unwrap_or_default();
        let files: Vec<String> = files.into_iter().map(|file| file.path.to_string_lossy().into_owned()).collect();
        let mut fine = true;
        for (key, _) in given.filter(|(key, _)| !files.iter().any(|file| files::stands_for(&key.value, file))) {
            fine = false;
            let message = format!("`{}` is none of the files that are imported", key.value);
            let help = match nearest(&key.value, files.iter().map(String::as_str)).or(files.first().map(String::as_str)) {
                Some(near) => format!("files are named as in `{near}`; a folder, or a name with `*`, stands for several"),
                None => "`files` names none".to_owned(),
            };
            report.push(Diagnostic::new(codes::FOLDERS_OF_NO_FILE, key.span, message).help(help));
        }
        fine
    }

    pub(super) fn reading<'f>(&self, file: &'f str) -> Reading<'f> {
        Reading { separator: self.separator, ..Reading::tolerant(file) }
    }

    /// How a file with `header` is read.
    pub(super) fn layout(&self, header: &[String], path: &str) -> Result<Layout, Fault> {
        let layout = match self.format {
            Format::Bohner => bohner::layout(header, path, self.what).map_err(Fault::File)?,
            Format::Timelapse => timelapse::layout(self.csv_layout(header)?, header, self.what).map_err(Fault::File)?,
            _ => self.csv_layout(header)?,
        };
        Ok(self.with_values(layout))
    }

    pub(super) fn with_values(&self, mut layout: Layout) -> Layout {
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
            let carried = self.carry.iter().any(|name| name.value == *column);
            let wanted = layout::is_own(self.what, column) || layout::is_more(self.what, column) && !carried;
            if !column.is_empty() && !taken && layout.source(column).is_none() && wanted {
                layout.set(column, Source::Field(at));
            }
        }
        Ok(layout)
    }

    pub(super) fn schema(&self, layouts: &[Layout], resolved: bool) -> Schema {
        layout::schema(self.what, &layouts.iter().collect::<Vec<_>>(), resolved, self.multilabel)
    }

    /// Checks that rows can be told apart, found, and that `p_CLASS` names classes.
    pub(super) fn check(
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
    pub(super) fn check_carried(&self, schema: &Schema, images: Option<&Schema>, report: &mut Report) -> bool {
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
}
