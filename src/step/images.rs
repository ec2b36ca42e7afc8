//! Step kind `images`: finds the image files below a root and identifies each by its content.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;

use super::{Context, Finding, Job, Outputs, Param, ParamType, Params, Port, Source, Step, StepError, StepKind};
use crate::diagnostic::codes::BAD_PATTERN;
use crate::diagnostic::{Diagnostic, Report};
use crate::id::ContentId;
use crate::table::{ColumnBuilder, Schema, Table, Type};

pub mod exclude;
pub mod left_out;
pub mod pattern;
mod places;

use exclude::Exclude;
use pattern::{Pattern, PatternError};

const DOCS: &str = "\
# images

Finds the image files below a root and identifies each by its content (BLAKE3).

## Why
Everything else in a pipeline refers to images by their content, never by their position in a list. A file that was moved,
renamed or touched is still the same image; a file with other bytes is another one.

## Example
```yaml
images:
  uses: images
  with:
    root: archive
    path: \"{locality}/{site}/{season}/**/*.{jpg,jpeg}\"
```

## What it yields
A table with one row per observation (site, season and content), in the order of the paths: `content`, `root`, `path`,
`file`, `bytes`, `copies`, `other_paths`, and one column per capture.

- `{name}` captures a part of the path as a column, `{jpg,jpeg}` is a choice, `*` and `?` match within one name, `**` any folders.
  The ending matches in any case. Folders outside those with which the pattern begins (`raw/2024/...`) are not looked into.
- The id of a site names one site in the whole programme. Where sites are numbered anew in each locality, make their ids of two
  folders: `site: \"{locality}_{site}\"`. One id in two localities, or ids that differ by capital letters alone, are an error. Letters
  composed or in parts (`å` as a Mac writes it) and blanks at the ends of folders' names make no difference.
- Files and folders that begin with a dot, and those that Windows, macOS, a NAS or Lightroom put there (`$RECYCLE.BIN`, `@eaDir`,
  `System Volume Information`, ...) are left out and counted. `exclude:` leaves out more: `[calibration, \"test_*\", \"north/s1/**\"]`,
  a name at any depth, or a path from the root where it has a `/`.
- Files that fit no pattern are counted and named by folder. A pattern that nothing fits is an error.
- Images that a run, `names.csv` or `trapline.lock` knows and that the root no longer shows hold the step back as an absent root does
  (`trapline images forget` lets them go): nothing is dropped because half of a disk is away.
- The root is a name under `roots:` (where it lies on this machine stands in `trapline.local.yaml`) or a folder of the project.
- A root that is not mounted blocks the step; nothing is dropped because a disk is unplugged.
- Only files that the inventory does not know are read. A sealed season is served from `seasons/SEASON.csv`; a file there that
  changed, vanished or is new is an error that names it.
- Identical bytes within a site and season are one observation with several paths. At two sites they are two, and reported.
- Where the name of a site's or season's folder is corrected, its images have moved: the bytes are known and their old place is gone.
  The run says so and remembers it in `moves.csv`, which you commit; names, answers and samples follow. The same bytes at two places
  that are both there are a copy.
- Zero-byte and unreadable files, files of more than 256 MB and symlink loops are reported; they fail nothing.

## References
Böhner et al. 2023, Ecological Informatics 76, 102150: folders `locality/site/year`.
";

/// The kind `images`.
pub static KIND: StepKind = StepKind {
    name: "images",
    // 2: ids of folders in their normal form; files of systems are left out.
    revision: 2,
    summary: "finds image files below a root and identifies each by its content",
    docs: DOCS,
    inputs: &[],
    outputs: &[Port::table("images", &[], "one row per observation, in the order of the paths")],
    params: &[
        Param {
            name: "root",
            ty: ParamType::Root,
            required: true,
            default: None,
            keyed: true,
            doc: "a name under `roots:`, or a folder of the project",
        },
        Param {
            name: "path",
            ty: ParamType::Pattern,
            required: true,
            default: None,
            keyed: true,
            doc: "path pattern below the root; `{name}` captures a column",
        },
        Param {
            name: "site",
            ty: ParamType::Text,
            required: false,
            default: None,
            keyed: true,
            doc: "the site's id, made of captures: `{locality}_{site}`; without it, the folder captured as `{site}`",
        },
        Param {
            name: "exclude",
            ty: ParamType::List(&ParamType::Text),
            required: false,
            default: None,
            keyed: true,
            doc: "names, or paths below the root, that are left out; `*` and `**` as in `path`",
        },
    ],
    metrics: &[
        super::Metric { name: "images", doc: "observations found" },
        super::Metric { name: "zero_byte", doc: "files without content" },
        super::Metric { name: "unreadable", doc: "files that could not be read" },
        super::Metric { name: "too_large", doc: "files too large to be images" },
        super::Metric { name: "duplicates", doc: "contents found at more than one site or season" },
        super::Metric { name: "unmatched", doc: "images below the root that fit no pattern" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let source = Source {
        root: params.text("root")?.to_owned(),
        pattern: params.text("path")?.to_owned(),
        site: params.text("site").map(str::to_owned),
        exclude: params.texts("exclude").into_iter().map(|text| text.value).collect(),
    };
    let (pattern, _) = source
        .compiled()
        .map_err(|error| {
            let (span, help) = match &error {
                Uncompiled::Path(_) => (params.span_of("path"), "for example `{locality}/{site}/{season}/**/*.{jpg,jpeg}`"),
                Uncompiled::Site(_) => (params.span_of("site"), "for example `site: \"{locality}_{site}\"`"),
                Uncompiled::Exclude(at, _) => {
                    let texts = params.texts("exclude");
                    (
                        texts.get(*at).map_or(params.span_of("exclude"), |text| text.span),
                        "for example `exclude: [calibration, \"test_*\"]`",
                    )
                }
            };
            report.push(Diagnostic::new(BAD_PATTERN, span, error.to_string()).help(help));
        })
        .ok()?;
    Some(Box::new(Images { source, pattern }))
}

/// Which part of a source cannot be read, and why.
#[derive(Debug, thiserror::Error)]
pub enum Uncompiled {
    /// `path`.
    #[error(transparent)]
    Path(PatternError),
    /// `site`.
    #[error(transparent)]
    Site(PatternError),
    /// `exclude`, at this place of the list.
    #[error("{1}")]
    Exclude(usize, PatternError),
}

impl Source {
    /// The pattern and what is left out.
    ///
    /// # Errors
    /// The part that cannot be read.
    pub fn compiled(&self) -> Result<(Pattern, Exclude), Uncompiled> {
        let mut pattern = Pattern::parse(&self.pattern).map_err(Uncompiled::Path)?;
        if let Some(site) = &self.site {
            pattern = pattern.with_site(site).map_err(Uncompiled::Site)?;
        }
        let exclude = Exclude::new(&self.exclude, &pattern).map_err(|(at, error)| Uncompiled::Exclude(at, error))?;
        Ok((pattern, exclude))
    }
}

struct Images {
    source: Source,
    pattern: Pattern,
}

/// The columns before the captures.
const OWN: &[(&str, Type)] = &[
    ("content", Type::Content),
    ("root", Type::Text),
    ("path", Type::Text),
    ("file", Type::Text),
    ("bytes", Type::Int),
    ("copies", Type::Int),
    ("other_paths", Type::Text),
];

/// The columns that the engine's scan hands over in [`Job::scanned`].
pub const SCANNED: &[(&str, Type)] =
    &[("path", Type::Text), ("content", Type::Content), ("bytes", Type::Int), ("problem", Type::Text), ("files", Type::Int)];

impl Step for Images {
    fn columns(&self, _inputs: &[Vec<Schema>], _context: &Context<'_>, _report: &mut Report) -> Option<Vec<Schema>> {
        let mut schema = Schema::of(OWN);
        for capture in self.pattern.captures() {
            schema.set(capture, Type::Text);
        }
        Some(vec![schema])
    }

    fn source(&self) -> Option<Source> {
        Some(self.source.clone())
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let scanned = job.scanned.take().ok_or_else(|| StepError::Data("the root was not scanned".into()))?;
        let files = self.files(&scanned)?;
        let mut outputs = Outputs { findings: problems(&scanned), ..Outputs::default() };
        if files.is_empty() && outputs.findings.is_empty() {
            return Err(StepError::Data(left_out::nothing_fits(
                &scanned,
                &self.pattern,
                &self.source.pattern,
                &self.source.root,
            )));
        }
        outputs.findings.extend(places::check(&files, &self.pattern)?);
        outputs.findings.extend(left_out::findings(&scanned, &self.pattern, &self.source.pattern));
        let observations = group(&files, self.pattern.captures());
        let duplicates = Self::duplicates(&observations, &files);
        outputs.metrics.insert("duplicates".into(), count(duplicates.as_ref().map_or(0, |f| f.count)));
        outputs.findings.extend(duplicates);
        for name in ["zero_byte", "unreadable", "too_large", left_out::UNMATCHED] {
            let found = outputs.findings.iter().find(|f| f.kind == name).map_or(0, |f| f.count);
            outputs.metrics.insert(name.into(), count(found));
        }
        outputs.metrics.insert("images".into(), count(observations.len() as u64));
        outputs.tables.push(self.table(&files, &observations)?);
        Ok(outputs)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of files stay far below 2^53")]
fn count(n: u64) -> f64 {
    n as f64
}

/// One usable file.
struct File<'t> {
    path: &'t str,
    content: ContentId,
    bytes: i64,
    /// The values of the pattern's columns.
    captures: Vec<Cow<'t, str>>,
    /// What the path says of them, as it stands there.
    said: Vec<&'t str>,
}

/// One observation: the file whose path comes first, and the others with the same bytes at the same site and season.
struct Observation {
    first: usize,
    others: Vec<usize>,
}

fn text<'f>(file: &'f File<'_>, place: Option<usize>) -> &'f str {
    place.map_or("", |at| file.captures[at].as_ref())
}

/// Groups files, which come in path order, into observations, which stay in that order.
fn group(files: &[File<'_>], captures: &[String]) -> Vec<Observation> {
    let place = |name: &str| captures.iter().position(|capture| capture == name);
    let (site, season) = (place("site"), place("season"));
    let mut seen: HashMap<(ContentId, &str, &str), u32> = HashMap::with_capacity(files.len());
    let mut observations: Vec<Observation> = Vec::with_capacity(files.len());
    for (at, file) in files.iter().enumerate() {
        match seen.entry((file.content, text(file, site), text(file, season))) {
            Entry::Occupied(same) => observations[*same.get() as usize].others.push(at),
            Entry::Vacant(new) => {
                new.insert(u32::try_from(observations.len()).unwrap_or(u32::MAX));
                observations.push(Observation { first: at, others: Vec::new() });
            }
        }
    }
    observations
}

/// Files that cannot be used, by kind of problem.
fn problems(scanned: &Table) -> Vec<Finding> {
    let (Some(paths), Some(problems)) = (scanned.column("path"), scanned.column("problem")) else { return Vec::new() };
    let mut by_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in 0..scanned.rows {
        let told = |kind: &&str| ![left_out::UNMATCHED, left_out::OF_SYSTEM, left_out::EXCLUDED].contains(kind);
        if let (Some(problem), Some(path)) = (problems.text(row).filter(told), paths.text(row)) {
            by_kind.entry(problem).or_default().push(path);
        }
    }
    let finding = |(kind, paths): (&str, Vec<&str>)| Finding {
        kind: kind.to_owned(),
        message: match kind {
            "zero_byte" => {
                "files hold no bytes: the card was full or the copy broke off; copy them again if they exist elsewhere"
            }
            "unreadable" => "files cannot be read: check their permissions and the disk",
            "loop" => "symbolic links lead back to a folder above them: they are not followed",
            "too_large" => {
                "files are larger than 256 MB and are not taken for images: a film, perhaps, or a copy that went wrong"
            }
            "changing" => "files changed while they were read: run again when the copy has finished",
            _ => "files cannot be used",
        }
        .to_owned(),
        count: paths.len() as u64,
        examples: paths.iter().take(5).map(|path| (*path).to_owned()).collect(),
    };
    by_kind.into_iter().map(finding).collect()
}

impl Images {
    fn files<'t>(&self, scanned: &'t Table) -> Result<Vec<File<'t>>, StepError> {
        let missing = || StepError::Data("the scan lacks a column".into());
        let paths = scanned.column("path").ok_or_else(missing)?;
        let contents = scanned.column("content").ok_or_else(missing)?;
        let bytes = scanned.column("bytes").ok_or_else(missing)?;
        let file = |row: usize| {
            let path = paths.text(row)?;
            let content = contents.content(row)?;
            let (captures, said) = (self.pattern.capture(path)?, self.pattern.said(path)?);
            Some(File { path, content, bytes: bytes.int(row).unwrap_or(0), captures, said })
        };
        Ok((0..scanned.rows).into_par_iter().filter_map(file).collect())
    }

    fn table(&self, files: &[File<'_>], observations: &[Observation]) -> Result<Table, StepError> {
        let mut schema = Schema::of(OWN);
        for capture in self.pattern.captures() {
            schema.set(capture, Type::Text);
        }
        let column = |field: &crate::table::Field| {
            let mut builder = ColumnBuilder::new(field.ty);
            let capture = self.pattern.captures().iter().position(|name| *name == field.name);
            for observation in observations {
                let file = &files[observation.first];
                match (field.name.as_str(), capture) {
                    (_, Some(at)) => builder.push_text(&file.captures[at]),
                    ("content", _) => builder.push_content(file.content),
                    ("root", _) => builder.push_text(&self.source.root),
                    ("path", _) => builder.push_text(file.path),
                    ("file", _) => builder.push_text(file.path.rsplit('/').next().unwrap_or(file.path)),
                    ("bytes", _) => builder.push_int(file.bytes),
                    ("copies", _) => builder.push_int(1 + i64::try_from(observation.others.len()).unwrap_or(0)),
                    _ if observation.others.is_empty() => builder.push_null(),
                    _ => {
                        let others: Vec<_> = observation.others.iter().map(|at| files[*at].path).collect();
                        builder.push_text(&others.join(" | "));
                    }
                }
            }
            builder.finish().map(std::sync::Arc::new)
        };
        let columns: Result<_, _> = schema.fields.par_iter().map(column).collect();
        columns.and_then(|columns| Table::from_columns(schema, columns)).map_err(|error| StepError::Data(error.to_string()))
    }

    /// Contents that appear at more than one site or season.
    fn duplicates(observations: &[Observation], files: &[File<'_>]) -> Option<Finding> {
        // Most archives have few: two sets, not a counter for every image.
        let (mut once, mut twice) = (HashSet::with_capacity(observations.len()), HashSet::new());
        for observation in observations {
            let content = files[observation.first].content;
            if !once.insert(content) {
                twice.insert(content);
            }
        }
        let several = observations.iter().map(|observation| &files[observation.first]);
        let several: Vec<&str> = several.filter(|file| twice.contains(&file.content)).map(|file| file.path).collect();
        if several.is_empty() {
            return None;
        }
        Some(Finding {
            kind: "duplicate_content".into(),
            message: "the same image lies at several sites or seasons: a card was copied to the wrong folder; each counts as an \
                      observation of its own until one is removed"
                .into(),
            count: twice.len() as u64,
            examples: several.into_iter().take(6).map(str::to_owned).collect(),
        })
    }
}
