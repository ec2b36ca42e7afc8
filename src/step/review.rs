//! Step kind `review`: asks people about images and takes their answers from label files.
//!
//! The files are the user's, append-only, one per reviewer ([`crate::labels`]). This step reads them and writes none.

use std::path::{Path, PathBuf};

use super::{
    Context, Drawn, FileInput, Inspection, Job, LABEL_COLUMNS, LABEL_FILE, MISSING_LABELS, Metric, Outputs, Param, ParamType,
    Params, PathUse, Port, Step, StepError, StepKind,
};
use crate::diagnostic::{Diagnostic, Report, codes};
use crate::observation::Key;
use crate::table::{Schema, Table, Type};
use crate::taxonomy::refused_name;

mod agreement;
mod asked;
mod classes;
mod findings;
mod inspect;
mod places;
mod rows;
mod tables;
mod weigh;
mod weighed;

pub use agreement::{Agreed, agreed};
pub use asked::{Asked, Found};
pub use places::Because;
pub use weigh::{Given, Question, Reviewed, given, review};

const DOCS: &str = "\
# review

Asks people what they see in images, and takes their answers from label files in the project. Steps that need the labels wait
until all images asked about are answered (exit code 4).

## Why
Labels of people are the dearest data of a programme. They are kept in plain files that you own, commit and merge, never in the
store: no rerun, no other model and no other threshold loses one, and an answer once given is used again wherever its image is asked
about.

## Example
```yaml
qc_labels:
  uses: review
  from: { images: [qc_random, qc_classes] }
  with: { labels: labels/qc/, blind: true }
```

`trapline review qc_labels` opens a page in the browser: one key labels an image and brings the next. `--export FOLDER` makes the page and
its images into a folder that can be sent to somebody.

The page shows images by site and time; images without a time come first at their site, in the order of their files' names. They are upright as
their EXIF orientation says. A file that is cut off or damaged is shown as far as it goes, with a word about it. In the grid only
images that were shown are answered; the others, and damaged ones, stay open. `trapline review qc_labels --adjudicate` decides where people
disagree.

## Label files
- One CSV per reviewer in the folder `labels`, rows are only ever added: by the page, or by hand. `trapline labels todo STEP -o todo.csv`
  lists what is missing; fill in the column `class` in a spreadsheet and give the file back with
  `trapline labels add STEP --reviewer NAME todo.csv`, or save it into the folder as it is. Comma, semicolon and tab, any order of columns
  and columns of your own are fine.
- A row says which image (`observation`, or `file` with `site` and `season`), the `class`, the `reviewer` (else the file's name), the
  `time`, what was `shown` (`blind` or `model`), and which labels it `supersedes`, by their ids in `label`. A row without a class is not
  answered yet.
- A row without a class that has a `time` takes back the answers of its own reviewer that it `supersedes`: that person has not answered
  then. So undoing an answer adds a row and removes none. What an arbiter had settled is open again with it.
- Classes are those of the programme, `extra_classes`, and always `unknown`, for images in which nobody can tell what there is. Others are
  reported by file and line and count as missing. What becomes of `unknown`: `merge` keeps it as a class, `evaluate` and `compare` leave
  such images out and count them, `split` trains no model with them. A programme that declares `unknown` itself makes it a class like any
  other.
- The `observation` decides which image a row is about. Where a spreadsheet changed its site or season (`1` for `01`), or its folder has
  another name since (`moves.csv`), it counts for that image all the same, and it is said.
- Doubled rows, as a merge leaves them, count once. A reviewer who answers twice is taken at the later `time`; without times that is a
  conflict, and the image is missing until a row supersedes.
- Several reviewers decide by more than half of their answers. Without such a majority the image is missing until somebody else
  decides: `trapline review STEP --adjudicate`, or `trapline labels todo STEP --adjudicate` for a sheet.

## Agreement
With `reviewers_per_image: 2` or more the step reports how far people agree: the share of pairs of answers that are the same, and kappa, which
is 1 for full agreement and 0 for what chance gives. Compared is what each person said *first* of an image; answers taken back do not
count, nor those of an arbiter, who knows the others. Two people who answered the same images have Cohen's kappa, more people or
changing pairs Fleiss'. `expect: { kappa_lower: \">= 0.7\" }` makes it a gate. Where all answers name one class there is no kappa. People
who see what the model says agree with it, and so with each other: only a blind review tells how sure its labels are.

## Outputs
`labels` has one row per answered image, also for those that are not asked about any more (type `other`). Its column `method` says how
its class came about: `single` (one person), `unanimous`, `majority`, or `adjudicated` (somebody superseded the answer of another).
`missing` lists what is still to be answered, and why. `answers` has every answer that stands, by reviewer: for agreement between people.

In a step with `blind: true` no output shows what a model said, and answers given with the model's answer in sight do not count. A review of
a `sample` whose labels go into `evaluate`, `threshold` or `compare` must be blind. In which groups the sample was drawn is known there; only
labels that are exported and imported again have to say it (`sampled_by`).

## References
Cohen 1960, Educational and Psychological Measurement 20, 37-46. Fleiss, Cohen and Everitt 1969, Psychological Bulletin 72, 323-327. Fleiss
1971, Psychological Bulletin 76, 378-382. Gwet 2008, British Journal of Mathematical and Statistical Psychology 61, 29-48.
";

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "review",
    revision: 2,
    summary: "asks people about images and takes their answers from label files",
    docs: DOCS,
    inputs: &[
        Port { many: true, ..Port::table("images", &[], "the images to ask about; a column `type` says which sample drew them") },
        Port {
            many: true,
            optional: true,
            ..Port::table("known", &[], "labels given elsewhere: their images are not asked again")
        },
    ],
    outputs: &[
        Port::table("labels", LABEL_COLUMNS, "one row per labelled image"),
        Port::table("missing", &[("type", Type::Text), ("status", Type::Text)], "images asked about and not answered yet"),
        Port::table("answers", LABEL_COLUMNS, "every answer that stands, by reviewer"),
    ],
    params: &[
        Param {
            name: "labels",
            ty: ParamType::Path(PathUse::Labels),
            required: true,
            default: None,
            keyed: false,
            doc: "folder of the label files, one CSV per reviewer",
        },
        Param {
            name: "blind",
            ty: ParamType::Bool,
            required: false,
            default: Some("false"),
            keyed: true,
            doc: "the model's answer must not be in sight: for labels that measure the model",
        },
        Param {
            name: "reviewers_per_image",
            ty: ParamType::Int(1, 100),
            required: false,
            default: Some("1"),
            keyed: true,
            doc: "how many people must answer about each image",
        },
        Param {
            name: "question",
            ty: ParamType::Text,
            required: false,
            default: Some("class"),
            keyed: true,
            doc: "which rows are meant, by their column `question`; rows without one always are",
        },
        Param {
            name: "extra_classes",
            ty: ParamType::List(&ParamType::Text),
            required: false,
            default: None,
            keyed: true,
            doc: "classes that people may answer beside those of the programme",
        },
    ],
    metrics: &[
        Metric { name: MISSING_LABELS, doc: "images asked about and not answered" },
        Metric { name: "asked", doc: "images asked about" },
        Metric { name: "answered", doc: "images asked about and answered" },
        Metric { name: "reviewers", doc: "people with an answer that stands" },
        Metric { name: "disagreements", doc: "images about which no majority of reviewers agrees" },
        Metric { name: "conflicts", doc: "images about which one reviewer says two things" },
        Metric { name: "unknown_labels", doc: "rows with a class that nobody declared" },
        Metric { name: "unknown_images", doc: "rows that belong to no image asked about, or to several" },
        Metric { name: "not_asked", doc: "labelled images that are not asked about" },
        Metric { name: "agreement_images", doc: "images asked about with answers of two people or more" },
        Metric {
            name: "agreement",
            doc: "share of pairs of people's first answers that are the same, 0-1; where there are pairs",
        },
        Metric { name: "agreement_lower", doc: "its lower bound, 0-1" },
        Metric {
            name: "kappa",
            doc: "agreement beyond chance, -1 to 1: Cohen's of two people, Fleiss' of more; where answers name two classes or more",
        },
        Metric { name: "kappa_lower", doc: "its lower bound, -1 to 1" },
    ],
    keeps_rows: false,
    pins: Some("class"),
    read,
};

fn read(params: &Params, report: &mut Report) -> Option<Box<dyn Step>> {
    let mut fine = true;
    for name in params.texts("extra_classes").iter().filter(|name| name.value.contains('+')) {
        let message = format!("`{}` cannot be the name of a class", name.value);
        let help = refused_name(&name.value).unwrap_or_default();
        report.push(Diagnostic::new(codes::BAD_NAME, name.span, message).help(help));
        fine = false;
    }
    fine.then_some(())?;
    Some(Box::new(Review { question: Question::of(params)? }))
}

struct Review {
    question: Question,
}

impl Step for Review {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let folder = &self.question.folder;
        if context.project.join(folder).is_file() {
            let message = format!("`{folder}` is a file, and `labels` names a folder of label files");
            report
                .push(Diagnostic::new(codes::MISSING_FILE, context.span, message).help("name the folder in which the file lies"));
        }
        let images: Vec<&Schema> = inputs.first()?.iter().collect();
        let known: Vec<&Schema> = inputs.get(1).into_iter().flatten().collect();
        let Some(key) = asked::key(&images) else {
            let message = "the images asked about have no common column that says which image it is";
            let help = "the inputs need `content`, `name`, `path` or `file`, all of them the same";
            report.push(Diagnostic::new(codes::MISSING_COLUMN, context.span, message).help(help));
            return None;
        };
        for schema in known {
            let lacks = key.columns.iter().find(|name| schema.field(name).is_none());
            if let Some(name) = lacks {
                let message = format!("the labels in `known` have no column `{name}`, by which their images are found");
                report.push(Diagnostic::new(codes::MISSING_COLUMN, context.span, message).help("take labels of the same images"));
                return None;
            }
        }
        Some(tables::schemas(&asked::carried(&images), &key, self.question.blind))
    }

    fn drawn(&self, name: &str, inputs: &[Vec<Drawn>]) -> Drawn {
        let mut drawn = Drawn::of_port(inputs, 0);
        if drawn.by_chance && !self.question.blind {
            drawn.not_blind.insert(name.to_owned());
        }
        drawn
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        // Answers are compared with the classes: where one is declared, an answer that was refused becomes one.
        let mut names: Vec<&str> = context.classes.names().collect();
        names.sort_unstable();
        vec![("classes".to_owned(), serde_json::Value::from(names).to_string())]
    }

    fn files(&self, context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        let labels = label_files(context.project, &self.question.folder)?;
        Ok(super::moved::input(context.project).into_iter().chain(labels).collect())
    }

    fn inspect(&self, context: &Context<'_>, files: &mut Inspection<'_>) {
        for file in files.named(LABEL_FILE) {
            inspect::labels(&self.question, context.classes, file, files);
        }
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.inputs.first().map_or(&[][..], Vec::as_slice);
        let schemas: Vec<&Schema> = images.iter().map(|table| table.schema()).collect();
        let wanted = asked::wanted(&schemas, self.question.blind);
        let read = |table: &dyn super::InputTable| -> Result<Table, StepError> {
            let names: Vec<&str> =
                wanted.iter().map(String::as_str).filter(|name| table.schema().field(name).is_some()).collect();
            table.read(Some(&names))
        };
        let images: Vec<Table> = images.iter().map(|table| read(table.as_ref())).collect::<Result<_, _>>()?;
        let key = asked::key(&schemas).ok_or_else(|| StepError::Data("the images asked about cannot be told apart".into()))?;
        let known = job.inputs.get(1).map_or(&[][..], Vec::as_slice);
        let known: Vec<Table> = known.iter().map(|table| table.read(Some(&key.columns))).collect::<Result<_, _>>()?;
        job.progress.start("read", job.files.len() as u64);
        let files: Vec<(&str, &[u8])> =
            job.files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(LABEL_FILE)?, bytes.as_slice()))).collect();
        let moves = super::moved::moves(job)?;
        let reviewed = review(&self.question, job.context.classes, &images, &known, &moves, &files)?;
        job.progress.advance(files.len() as u64, 0);
        Ok(reviewed.outputs)
    }
}

/// The label files in a folder of the project, by name. A folder that is not there yet holds no labels yet.
///
/// # Errors
/// When the folder is there and cannot be listed. Whatever is named like a label file is one: what cannot be read is said where it
/// is read.
pub fn label_files(project: &Path, folder: &str) -> Result<Vec<FileInput>, StepError> {
    let mut names = Vec::new();
    let place = project.join(folder);
    for path in crate::file::reading::entries(&place).map_err(StepError::file("list", &place))? {
        let name = crate::path::to_text(Path::new(path.file_name().unwrap_or_default()));
        let ending = name.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && ending.eq_ignore_ascii_case("csv"));
        if ending && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    let input = |name: String| FileInput {
        path: PathBuf::from(folder).join(crate::path::from_text(&name)),
        name: format!("{LABEL_FILE}{name}"),
        optional: true,
        rewritten: false,
    };
    Ok(names.into_iter().map(input).collect())
}

/// The key of images that are asked about: by image, whatever number of rows it has.
fn by_image(mut key: Key) -> Key {
    key.columns.retain(|name| *name != crate::observation::ITEM);
    key
}
