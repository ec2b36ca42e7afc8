//! Step kind `rename`: gives each image a name that it keeps.
//!
//! Names live in a manifest in the user's project; files are materialised only by `export`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::portable::fold;
use super::{
    Context, FileFault, FileInput, Finding, IMAGE_COLUMNS, Inspection, Job, Metric, Outputs, Param, ParamType, Params, PathUse,
    Port, Step, StepError, StepKind,
};
use crate::diagnostic::codes::{BAD_TABLE, CONSTANT_NAME, CORRECTED_TIME};
use crate::diagnostic::{Diagnostic, Report, Span};
use crate::id::ContentId;
use crate::moves::Place;
use crate::table::{ColumnBuilder, Schema, Type};

mod adopt;
mod counter;
mod faults;
mod images;
mod manifest;
mod past;
mod stay;
mod template;
#[cfg(test)]
mod tests;

use adopt::{Adopted, Given, Match, Matcher, Unnamed};
use counter::Used;
use faults::{Faults, Unnameable, check_distinct};
use images::{Images, in_order};
use manifest::{Entry, Manifest};
use past::Remembered;
use stay::stay;
use template::{Draft, Refusal, Template};

const DOCS: &str = "\
# rename

Gives each image a name that it keeps, and adds it as the column `name`. No file is touched: `export` makes copies under the
new names.

## Why
Cameras count from IMG_0001 again and again. A data set needs names that say site and date and that never change: not when
images arrive late, not when a clock is corrected, not on another machine. So names once given are kept in a manifest, a CSV file
that you commit.

## Example
```yaml
names:
  uses: rename
  from: metadata
  with:
    name: \"{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG\"
    manifest: names.csv
```

## How names are given
- `name` is a template that sees the columns of each image. Use `date_raw`, the date as the camera wrote it: a corrected clock then
  renames nothing.
- `counter(4)` counts the images whose names differ in nothing else, with at least four digits, by season and by file name within
  it. It goes on after the highest number in the manifest, so that a season that shares a download day with the one before
  continues it, and late images never renumber others.
- The manifest has one line per image in the data set (season, site, content), sorted. An image that it knows keeps its name,
  wherever its file was moved. Lines are never removed; to have another name given, empty the cell `name`.
- Where the folder of a site or season got another name, the line follows its images (`moves.csv`).
- A manifest that was lost, cut short or saved by a spreadsheet is mended: the last run knows the names, bytes and path say whose line it
  is. Where it calls an image otherwise than the last run, or has fewer names than `trapline.lock` counts and the store does not know them, the
  run stops and writes nothing; `trapline run --force STEP` takes the manifest as it is.
- A file with other bytes in the place of a known one keeps that name if site and date still fit it: a tag was written into it.
- An image for which a column of the template is missing gets no name and is reported; `{{ date_raw | default('undated') }}` names
  it all the same. It gets its name once the value is there.
- All new names are checked before the manifest is written: no two alike (upper and lower case count as one), none that
  Windows refuses (`aux.jpg`, `a:b`, a dot at the end), none longer than 255 bytes.

## Taking over names
`adopt` names a manifest of another project, a table with the columns `site`, `season`, `file` and `name`, a `metadata_*.txt` file
of the Böhner workflow, or a folder of those. Files are found by site, season and file name; names of files that are not among
the images stay reserved.

## References
Böhner et al. 2023, Ecological Informatics 76, 102150: names `<site>_<date>_<number>.JPG`.
";

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "rename",
    revision: 1,
    summary: "gives each image a name that it keeps, whatever arrives later",
    docs: DOCS,
    inputs: &[Port::table("images", IMAGE_COLUMNS, "the images to name")],
    outputs: &[Port::table("images", IMAGE_COLUMNS, "the images with their `name`")],
    params: &[
        Param {
            name: "name",
            ty: ParamType::Template("images"),
            required: true,
            default: None,
            keyed: true,
            doc: "template of a name, rendered per image; `counter(width)` counts within equal names",
        },
        Param {
            name: "manifest",
            ty: ParamType::Path(PathUse::ReadOptional),
            required: false,
            default: Some("names.csv"),
            keyed: false,
            doc: "CSV of the names given, to be committed; read first, then completed",
        },
        Param {
            name: "adopt",
            ty: ParamType::Path(PathUse::Read),
            required: false,
            default: None,
            keyed: false,
            doc: "names to take over: a manifest, a table, a `metadata_*.txt` file, or a folder of those",
        },
    ],
    metrics: &[Metric { name: "named", doc: "images with a name" }, Metric { name: "unnamed", doc: "images without a name" }],
    keeps_rows: true,
    pins: None,
    read,
};

/// The images that a manifest knows: where they were taken, their bytes, and their paths when they were named.
///
/// # Errors
/// As when the step reads it.
pub fn known(bytes: &[u8], file: &str) -> Result<Vec<(Place, ContentId, String)>, StepError> {
    let manifest = Manifest::read(bytes, file)?;
    let known = |entry: &Entry<'_>| (Place::new(&entry.season, &entry.site), entry.content, entry.path.to_string());
    Ok(manifest.entries.iter().map(known).collect())
}

fn read(params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    // A template that cannot be parsed is found where its columns are checked.
    let name = params.text("name")?.to_owned();
    Some(Box::new(Rename {
        name,
        manifest: PathBuf::from(params.text("manifest").unwrap_or("names.csv")),
        adopt: params.text("adopt").map(PathBuf::from),
        span: params.span_of("name"),
    }))
}

struct Rename {
    name: String,
    manifest: PathBuf,
    adopt: Option<PathBuf>,
    /// Where the template stands.
    span: Span,
}

/// How many examples a finding or error shows.
const EXAMPLES: usize = 8;

impl Step for Rename {
    fn columns(&self, inputs: &[Vec<Schema>], _context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let mut schema = inputs.first()?.first()?.clone();
        self.check_template(&schema, report)?;
        schema.set("name", Type::Text);
        Some(vec![schema])
    }

    fn files(&self, context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        let manifest = FileInput { name: "manifest".into(), path: self.manifest.clone(), optional: true, rewritten: true };
        let mut files = vec![manifest];
        files.extend(super::moved::input(context.project));
        if let Some(path) = &self.adopt {
            files.extend(adopted_files(context.project, path)?);
        }
        Ok(files)
    }

    fn inspect(&self, _context: &Context<'_>, files: &mut Inspection<'_>) {
        for file in files.named("manifest") {
            let Some(bytes) = files.read(file) else { continue };
            let shown = crate::path::to_text(&file.path);
            let manifest = match Manifest::read(&bytes, &shown) {
                Ok(manifest) => manifest,
                Err(error) => {
                    files.faults.extend(FileFault::of_table(&file.path, BAD_TABLE, &error));
                    continue;
                }
            };
            files.faults.extend(check_distinct(&manifest, &shown).err().map(|error| FileFault {
                path: file.path.clone(),
                line: None,
                column: None,
                code: BAD_TABLE,
                message: super::with_causes(&error),
            }));
        }
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let table = job.input(0)?.read(None)?;
        let images = Images::of(&table)?;
        job.progress.start("name", table.rows as u64);
        let file = crate::path::to_text(&self.manifest);
        let bytes = job.files.get("manifest").map_or(&[][..], Vec::as_slice);
        let mut manifest = Manifest::read(bytes, &file)?;
        check_distinct(&manifest, &file)?;
        let mut findings = Vec::new();
        let remembered = Remembered::of(&job.past)?;
        let is_as_locked = job.past.locked_files.get("manifest").is_some_and(|locked| *locked == ContentId::of(bytes));
        let moves = super::moved::moves(job)?;
        let mut is_changed = false;
        if let Some(remembered) = &remembered {
            is_changed |= remembered.put_back(&mut manifest, &moves, &file, is_as_locked, &mut findings)?;
        }
        let template = Template::new(&self.name).map_err(|error| StepError::Data(format!("the name template fails: {error}")))?;
        is_changed |= stay(&images, &mut manifest, &moves, &template, &file, &mut findings);
        let mut places = images.places(&manifest);
        let fresh: Vec<usize> = (0..table.rows).filter(|row| places[*row].is_none()).collect();
        if !fresh.is_empty() {
            let known = manifest.entries.len();
            let unnamed = Self::give(job, &images, &fresh, &template, &mut manifest, &mut findings)?;
            if remembered.is_none() {
                past::check_whole(&job.past, known as u64 + unnamed, job.step, &file)?;
            }
            check_distinct(&manifest, &file)?;
            is_changed |= manifest.entries.len() > known;
        }
        if is_changed {
            job.cancel.check()?;
            job.write_file(&self.manifest, &manifest.write())?;
            places = images.places(&manifest);
        }
        let mut names = ColumnBuilder::with_capacity(Type::Text, table.rows);
        for place in places {
            names.push_optional_text(place.map(|at| manifest.entries[at].name.as_ref()));
        }
        job.progress.advance(table.rows as u64, 0);
        let names = names.finish()?;
        let unnamed = names.null_count();
        let metrics = [("named", table.rows - unnamed), ("unnamed", unnamed)];
        #[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
        let metrics = metrics.into_iter().map(|(name, count)| (name.to_owned(), count as f64)).collect();
        Ok(Outputs { tables: vec![table.with_column("name", Arc::new(names))?], findings, metrics, ..Outputs::default() })
    }
}

impl Rename {
    /// Says what no run could make good: one name for all images, and names that a corrected clock would belie.
    fn check_template(&self, images: &Schema, report: &mut Report) -> Option<()> {
        // One that cannot be parsed is said where its columns are checked.
        let Ok(template) = Template::new(&self.name) else { return Some(()) };
        if template.columns.is_empty() && !self.name.contains("counter") {
            let message = format!("`{}` is one name for all images", self.name);
            let help = "name columns and count: `\"{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG\"`";
            report.push(Diagnostic::new(CONSTANT_NAME, self.span, message).help(help));
            return None;
        }
        for name in template.columns.iter().filter(|name| ["datetime", "clock"].contains(&name.as_str())) {
            if images.field("datetime_raw").is_none() {
                continue;
            }
            let message = format!("names are kept for ever, and `{name}` changes whenever a clock is corrected");
            let help = "use `date_raw` and `time_raw`, which are as the camera wrote them";
            report.push(Diagnostic::new(CORRECTED_TIME, self.span, message).help(help));
        }
        Some(())
    }

    /// Adds names for the rows `fresh` to the manifest: those to adopt first, then new ones. Nothing is written here. Gives how many
    /// get none.
    fn give<'a>(
        job: &Job<'_>,
        images: &Images<'a>,
        fresh: &[usize],
        template: &Template,
        manifest: &mut Manifest<'a>,
        findings: &mut Vec<Finding>,
    ) -> Result<u64, StepError> {
        let mut faults = Faults::default();
        let mut reserved = Vec::new();
        take_over(job, images, fresh, manifest, &mut reserved, findings)?;
        let names = manifest.entries.iter().map(|entry| entry.name.as_ref()).chain(reserved.iter().map(String::as_str));
        let mut used = Used::new(names);
        let mut groups: BTreeMap<(String, String), Vec<(usize, Draft)>> = BTreeMap::new();
        let mut unnamed = Unnameable::default();
        for row in in_order(images, fresh, manifest) {
            if images.content.content(row).is_none() {
                unnamed.add("content", images.path(row));
                continue;
            }
            match template.draft(images.table, row) {
                Ok(Draft::Whole(name)) => {
                    if !used.take(&name) {
                        faults.add(format!(
                            "`{name}` for `{}` is taken; add `{{{{ counter(4) }}}}` to the template",
                            images.path(row)
                        ));
                    }
                    faults.check(&name, images.path(row));
                    manifest.add(images.entry(row, Cow::Owned(name)));
                }
                Ok(Draft::Counted { before, width, behind }) => {
                    let group = groups.entry((fold(&before), fold(&behind))).or_default();
                    group.push((row, Draft::Counted { before, width, behind }));
                }
                Err(Refusal::Missing) => {
                    template.missing(images.table, row).for_each(|column| unnamed.add(column, images.path(row)));
                }
                Err(Refusal::Failed(error)) => {
                    return Err(StepError::Data(format!("the name template fails for `{}`: {error}", images.path(row))));
                }
            }
        }
        for group in groups.into_values() {
            let (rows, drafts): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            for (row, name) in rows.into_iter().zip(counter::number(&drafts, &mut used)) {
                faults.check(&name, images.path(row));
                manifest.add(images.entry(row, Cow::Owned(name)));
            }
        }
        let count = fresh.iter().filter(|row| images.place(**row, manifest, usize::MAX).is_none()).count() as u64;
        findings.extend(unnamed.findings());
        faults.into_result().map(|()| count)
    }
}

/// Takes over the names of `adopt:`; those that belong to no image are `reserved`.
fn take_over<'a>(
    job: &Job<'_>,
    images: &Images<'a>,
    fresh: &[usize],
    manifest: &mut Manifest<'a>,
    reserved: &mut Vec<String>,
    findings: &mut Vec<Finding>,
) -> Result<(), StepError> {
    let unnamed: Vec<Unnamed<'_>> = fresh.iter().filter_map(|row| images.unnamed(*row)).collect();
    let matcher = Matcher::new(&unnamed);
    let mut faults = Faults::default();
    let (mut missed, mut several) = (Vec::new(), Vec::new());
    let mut adopt = |entry: Entry<'a>| {
        faults.check(&entry.name, &entry.path);
        manifest.add(entry);
    };
    for (file, bytes) in job.files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(ADOPT)?, bytes))) {
        match adopt::read(bytes, file)? {
            Adopted::Manifest(entries) => entries.into_iter().map(owned).for_each(&mut adopt),
            Adopted::Files(list) => {
                for given in list {
                    match matcher.find(&given) {
                        Match::Image(at) => adopt(named(&unnamed[at], &given)),
                        Match::None => missed.push(given),
                        Match::Several => several.push(given),
                    }
                }
            }
        }
    }
    reserved.extend(missed.iter().chain(&several).map(|given| given.name.to_string()));
    findings.extend(finding("adopt_unmatched", &missed, "names to adopt belong to no image here; they stay reserved"));
    let words = "names to adopt fit several images; add the folders, or the columns `site` and `season`";
    findings.extend(finding("adopt_ambiguous", &several, words));
    faults.into_result()
}

/// The prefix of the names under which files to adopt enter the key.
const ADOPT: &str = "adopt ";

/// The files to adopt: one, or every manifest and `metadata_*.txt` below a folder.
fn adopted_files(project: &Path, path: &Path) -> Result<Vec<FileInput>, StepError> {
    let mut files = Vec::new();
    if project.join(path).is_dir() {
        collect(project, path, &mut files).map_err(StepError::file("list", path))?;
    } else {
        files.push(path.to_owned());
    }
    files.sort();
    let input = |path: PathBuf| FileInput {
        name: format!("{ADOPT}{}", crate::path::to_text(&path)),
        path,
        optional: false,
        rewritten: false,
    };
    Ok(files.into_iter().map(input).collect())
}

fn collect(project: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in crate::file::reading::entries(&project.join(folder))? {
        let name = entry.file_name().unwrap_or_default();
        let path = folder.join(name);
        let text = name.to_string_lossy();
        let kind = std::fs::symlink_metadata(&entry)?.file_type();
        if kind.is_dir() {
            collect(project, &path, files)?;
        } else if kind.is_file() && text.starts_with("metadata_") && text.ends_with(".txt") {
            files.push(path);
        }
    }
    Ok(())
}

fn owned<'a>(entry: Entry<'_>) -> Entry<'a> {
    Entry {
        season: entry.season.into_owned().into(),
        site: entry.site.into_owned().into(),
        name: entry.name.into_owned().into(),
        content: entry.content,
        path: entry.path.into_owned().into(),
    }
}

fn named<'a>(image: &Unnamed<'_>, given: &Given<'_>) -> Entry<'a> {
    Entry {
        season: image.season.to_string().into(),
        site: image.site.to_string().into(),
        name: given.name.to_string().into(),
        content: image.content,
        path: image.path.to_owned().into(),
    }
}

fn finding(kind: &str, given: &[Given<'_>], words: &str) -> Option<Finding> {
    let examples = given.iter().take(EXAMPLES).map(|given| format!("{} ({})", given.name, given.file)).collect();
    Finding::counted(kind, given.len() as u64, words, examples)
}
