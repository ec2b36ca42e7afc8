//! Step kind `merge`: what models and people said, put beside the images they said it of.

use super::{Context, Finding, InputTable, Job, Metric, Outputs, Param, ParamType, Params, Port, PortType};
use super::{Step, StepError, StepKind, label_type};
use crate::diagnostic::{Diagnostic, Report, Span, codes};
use crate::observation::{ITEM, Key};
use crate::table::{Schema, Table, Type};

mod join;
mod labels;
mod long;
mod published;
mod wide;

use labels::{Labels, Priority};

const DOCS: &str = "\
# merge

Puts predictions and labels beside the images: the data set, one row per image or one per image and class.

## Why
A data set is made of what a model said of all images and what people said of some. Joined by the order of rows, by date and
time, or by a part of a site's name, they end up beside the wrong image. Here they are joined by observation, and what is missing
is missing: an image that nobody looked at is never one where nothing was seen.

## Example
```yaml
final:
  uses: merge
  from: { images: names, predictions: predictions, labels: [quality_labels, corrected] }
  with: { form: long, priority: [random, confidence, class, corrected] }
```

## How rows are joined
- By site, season and content where both tables have them, else by name, path or file within site and season. Rows without content
  are joined by the next of these.
- An image that is there twice, or two predictions of one image, are an error that names both rows. With `rows: multilabel` an image may
  have several, told apart by the column `item` (a table without it has item 1).
- Predictions and labels of no image are counted and named, and gate a run if you wish: `expect: { unmatched_labels: 0 }`.
- Of several labels of one image the type that comes first in `priority` counts, then the table that comes first in `labels`. Types that
  `priority` leaves out follow, `other` last. Where the others say another class, the output `disagreements` has both. Two labels of one
  type for one image in one table are an error.

## Forms
| `form` | rows | columns |
|---|---|---|
| `wide` | one per image | all of the images, `label`, `confidence`, `model`, `problem`, `class`, `type`, `reviewer`, `comment`, `final` (a person's class, else the model's), `species_id` |
| `long` | one per image and class | the observation, `locality`, `date`, `time`, columns that `keep` names, `class`, `species_id`, `presence_automatic`, `presence_manual`, `confidence_automatic`, `observer_manual`, `type_manual_classification`, `comment` |
| `bohner` | one per image and class, sorted | the twelve of the final file of the Böhner workflow, with its words and the taxonomy's ids |
| `coat` | the same | the fifteen of the COAT data portal |

Every class of `classes` has its row, predicted or not. `presence_manual` is 1 or 0 where a person looked and missing elsewhere;
`presence_automatic` is missing where no model said anything. A class that is not among `classes` is 0 for all of them: such images are
counted (`other_classes`) and named; the form `wide` keeps the class itself.

To write the file of the workflow: `export` with `separator: space, missing: NA, quote: text`; for COAT `separator: semicolon`.

## References
Böhner et al. 2023, Ecological Informatics 76, 102150.
";

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "merge",
    revision: 1,
    summary: "puts predictions and labels beside the images, as one data set",
    docs: DOCS,
    inputs: &[
        Port::table("images", &[], "the images: each keeps its row"),
        Port {
            name: "predictions",
            ty: PortType::Table,
            many: false,
            optional: true,
            requires: &[("label", Type::Text)],
            doc: "what a model said; without it, the column `label` of the images",
        },
        Port {
            name: "labels",
            ty: PortType::Table,
            many: true,
            optional: true,
            requires: &[("class", Type::Text)],
            doc: "what people said",
        },
    ],
    outputs: &[
        Port::table("merged", &[], "the data set"),
        Port::table("disagreements", &[], "labels of one image that differ: the one that counts, and the other"),
    ],
    params: &[
        Param {
            name: "form",
            ty: ParamType::Choice(&["wide", "long", "bohner", "coat"]),
            required: false,
            default: Some("wide"),
            keyed: true,
            doc: "one row per image, one per image and class, or the final tables of the Böhner workflow and of COAT",
        },
        Param {
            name: "priority",
            ty: ParamType::List(&ParamType::Choice(TYPES)),
            required: false,
            default: Some("[random, confidence, class, corrected]"),
            keyed: true,
            doc: "types of label, the one that counts first; those left out follow, `other` last",
        },
        Param {
            name: "classes",
            ty: ParamType::List(&ParamType::Class),
            required: false,
            default: None,
            keyed: true,
            doc: "classes that have a row of each image; all of the programme where not given",
        },
        Param {
            name: "keep",
            ty: ParamType::List(&ParamType::Column("images")),
            required: false,
            default: None,
            keyed: true,
            doc: "columns of the images that the long form keeps beside those of the observation",
        },
        Param {
            name: "rows",
            ty: ParamType::Choice(&["single", "multilabel"]),
            required: false,
            default: Some("single"),
            keyed: true,
            doc: "whether an image may have several predictions or labels, told apart by `item`",
        },
    ],
    metrics: &[
        Metric { name: "images", doc: "images" },
        Metric { name: "rows", doc: "rows of the data set" },
        Metric { name: "classified", doc: "images that a model gave a label" },
        Metric { name: "labelled", doc: "images that a person gave a label" },
        Metric { name: "unmatched_predictions", doc: "predictions of no image here" },
        Metric { name: "unmatched_labels", doc: "labels of no image here" },
        Metric { name: "disagreements", doc: "labels that differ from the one that counts" },
        Metric { name: "other_classes", doc: "images with a class that is not among `classes`" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

/// The types of label, in the order in which they count.
const TYPES: &[&str] =
    &[label_type::RANDOM, label_type::CONFIDENCE, label_type::CLASS, label_type::CORRECTED, label_type::OTHER];

/// How many examples a finding shows.
const EXAMPLES: usize = 8;

/// The form of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Wide,
    Long,
    Bohner,
    Coat,
}

struct Merge {
    form: Form,
    priority: Priority,
    /// As written; empty for all of the programme.
    classes: Vec<String>,
    keep: Vec<String>,
    multilabel: bool,
    span: Span,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of all kinds")]
fn read(params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    let texts = |name: &str| params.texts(name).into_iter().map(|text| text.value);
    let mut classes: Vec<String> = Vec::new();
    texts("classes").for_each(|class| if !classes.contains(&class) { classes.push(class) });
    Some(Box::new(Merge {
        form: match params.text("form") {
            Some("long") => Form::Long,
            Some("bohner") => Form::Bohner,
            Some("coat") => Form::Coat,
            _ => Form::Wide,
        },
        priority: Priority::of(texts("priority").collect()),
        classes,
        keep: texts("keep").collect(),
        multilabel: params.text("rows") == Some("multilabel"),
        span: params.span,
    }))
}

/// A class of the data set.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ListedClass {
    name: String,
    species_id: Option<String>,
}

impl Step for Merge {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let images = inputs.first()?.first()?;
        let others = inputs[1..].iter().flatten();
        for (other, port) in others.zip(inputs[1..].iter().zip(["predictions", "labels"]).flat_map(|(tables, port)| tables.iter().map(move |_| port))) {
            if Key::shared(&[images, other]).is_none() {
                let message = format!("images and {port} share no column that says which image a row is of");
                report.push(Diagnostic::new(codes::MISSING_COLUMN, self.span, message).help("both need `content`, `name`, `path` or `file`"));
                return None;
            }
        }
        self.fits(images, context, report).then(|| vec![self.schema(images), labels::disagreements_schema(images, self.multilabel)])
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        let class = |class: ListedClass| (class.name, class.species_id);
        let classes: Vec<_> = self.listed(context).into_iter().map(class).collect();
        let mut ids: Vec<_> = context.classes.classes.iter().map(|class| (class.name.value.clone(), class.species_id.clone())).collect();
        ids.sort();
        let canonical = serde_json::to_value((classes, ids)).unwrap_or_default().to_string();
        vec![("classes of the programme".to_owned(), canonical)]
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.input(0)?.read(None)?;
        job.progress.start("merge", images.rows as u64);
        let predictions = self.predictions(job, &images)?;
        let labels = self.labels(job)?;
        let mut findings = Vec::new();
        let joined = join::join(&images, predictions.as_ref(), &labels, self.multilabel, &mut findings)?;
        job.cancel.check()?;
        let chosen = labels.choose(&joined, &images, &self.priority)?;
        let disagreements = labels::disagreements(&images, &joined, &chosen, &labels)?;
        let merged = Merged { images: &images, predictions: predictions.as_ref(), labels: &labels.table, joined: &joined, chosen: &chosen.winners };
        let classes = self.listed(job.context);
        let outside = merged.outside(&classes);
        if self.form != Form::Wide {
            findings.extend(outside.findings());
        }
        let table = match self.form {
            Form::Wide => wide::table(&merged, job.context.classes)?,
            Form::Long => long::table(&merged, &classes, &self.keep)?,
            Form::Bohner => published::bohner(&merged, &classes, &self.priority)?,
            Form::Coat => published::coat(&merged, &classes, &self.priority)?,
        };
        job.progress.advance(images.rows as u64, 0);
        let metrics = [
            ("images", images.rows),
            ("rows", table.rows),
            ("classified", merged.classified()),
            ("labelled", chosen.winners.iter().flatten().count()),
            ("unmatched_predictions", joined.unmatched_predictions),
            ("unmatched_labels", joined.unmatched_labels),
            ("disagreements", disagreements.rows),
            ("other_classes", outside.images),
        ];
        #[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
        let metrics = metrics.into_iter().map(|(name, count)| (name.to_owned(), count as f64)).collect();
        Ok(Outputs { tables: vec![table, disagreements], findings, metrics, ..Outputs::default() })
    }
}

impl Merge {
    fn listed(&self, context: &Context<'_>) -> Vec<ListedClass> {
        let id = |name: &str| context.classes.class(name).and_then(|class| class.species_id.clone());
        if self.classes.is_empty() {
            let own = context.classes.classes.iter().map(|class| class.name.value.clone());
            own.map(|name| ListedClass { species_id: id(&name), name }).collect()
        } else {
            self.classes.iter().map(|name| ListedClass { species_id: id(name), name: name.clone() }).collect()
        }
    }

    fn schema(&self, images: &Schema) -> Schema {
        match self.form {
            Form::Wide => wide::schema(images, self.multilabel),
            Form::Long => long::schema(images, &self.keep, self.multilabel),
            Form::Bohner => published::bohner_schema(),
            Form::Coat => published::coat_schema(),
        }
    }

    /// Checks what the form needs.
    fn fits(&self, images: &Schema, context: &Context<'_>, report: &mut Report) -> bool {
        if self.form != Form::Wide && self.listed(context).is_empty() {
            let message = "a row per image and class needs the classes";
            report.push(Diagnostic::new(codes::MISSING_PARAMETER, self.span, message).help("declare `classes:` or `taxonomy:`, or add `classes` here"));
            return false;
        }
        if !matches!(self.form, Form::Bohner | Form::Coat) {
            return true;
        }
        if self.multilabel || images.field(ITEM).is_some() {
            let message = "the published forms have one row per image and class, and no place for several of one image";
            report.push(Diagnostic::new(codes::NOT_A_CHOICE, self.span, message).help("use `form: long`"));
            return false;
        }
        let is_missing = |name: &&&str| images.field(name).is_none_or(|field| field.ty != Type::Text);
        if let Some(name) = ["site", "name"].iter().find(is_missing) {
            let message = format!("the published forms need the column `{name}` of the images");
            report.push(Diagnostic::new(codes::MISSING_COLUMN, self.span, message).help("capture sites in the path of `images`; name images with `rename`"));
            return false;
        }
        true
    }

    /// What a model said: the table of the port, or the images themselves where they have labels.
    fn predictions(&self, job: &Job<'_>, images: &Table) -> Result<Option<Table>, StepError> {
        if let Some(wired) = job.inputs.get(1).and_then(|tables| tables.first()) {
            let wanted = join::KEYS.iter().chain(wide::PREDICTED.iter().map(|(name, _)| name));
            return Ok(Some(read_some(wired.as_ref(), wanted.copied())?));
        }
        let labelled = images.schema.field("label").is_some_and(|field| field.ty == Type::Text);
        Ok(labelled.then(|| images.clone()))
    }

    /// What people said: all tables below one another.
    fn labels(&self, job: &Job<'_>) -> Result<Labels, StepError> {
        let wanted = || join::KEYS.iter().chain(labels::COLUMNS).copied();
        let tables = job.inputs.get(2).map_or(&[][..], Vec::as_slice);
        let tables = tables.iter().map(|table| read_some(table.as_ref(), wanted())).collect::<Result<_, _>>()?;
        Ok(Labels::of(tables)?)
    }
}

/// Reads the columns of `wanted` that a table has.
fn read_some<'n>(table: &dyn InputTable, wanted: impl Iterator<Item = &'n str>) -> Result<Table, StepError> {
    let names: Vec<&str> = wanted.filter(|name| table.schema().field(name).is_some()).collect();
    table.read(Some(&names))
}

/// Everything beside one another: what the forms are made of.
struct Merged<'t> {
    images: &'t Table,
    predictions: Option<&'t Table>,
    labels: &'t Table,
    joined: &'t join::Joined,
    /// The label that counts, by observation.
    chosen: &'t [Option<u32>],
}

/// Classes that are not listed, with the number of images.
struct Outside {
    predicted: Vec<(String, u64)>,
    labelled: Vec<(String, u64)>,
    images: usize,
}

impl Merged<'_> {
    fn rows(&self) -> usize {
        self.joined.images.len()
    }

    fn classified(&self) -> usize {
        let label = self.predictions.and_then(|table| table.column("label"));
        let is_there = |row: &&Option<u32>| row.is_some_and(|row| label.is_some_and(|label| !label.is_null(row as usize)));
        self.joined.predictions.iter().filter(is_there).count()
    }

    /// The classes of predictions and labels that are not among `classes`.
    fn outside(&self, classes: &[ListedClass]) -> Outside {
        let mut images = vec![false; self.rows()];
        let mut count = |column: Option<&crate::table::Column>, rows: &[Option<u32>]| {
            let Some(column) = column.filter(|_| !classes.is_empty()) else { return Vec::new() };
            let mut counts: Vec<u64> = column.texts().map(|_| 0).collect();
            let outside: Vec<bool> = column.texts().map(|text| !classes.iter().any(|class| class.name == text)).collect();
            for (at, row) in rows.iter().enumerate() {
                if let Some(code) = row.and_then(|row| column.code(row as usize)).filter(|code| outside[*code as usize]) {
                    counts[code as usize] += 1;
                    images[at] = true;
                }
            }
            let mut found: Vec<(String, u64)> = column.texts().map(str::to_owned).zip(counts).filter(|(_, count)| *count > 0).collect();
            found.sort();
            found
        };
        let labels = self.predictions.and_then(|table| table.column("label")).map(AsRef::as_ref);
        let predicted = count(labels, &self.joined.predictions);
        let labelled = count(self.labels.column("class").map(AsRef::as_ref), self.chosen);
        Outside { predicted, labelled, images: images.iter().filter(|outside| **outside).count() }
    }
}

impl Outside {
    fn findings(&self) -> impl Iterator<Item = Finding> {
        let finding = |(kind, whose, classes): (&str, &str, &Vec<(String, u64)>)| {
            (!classes.is_empty()).then(|| Finding {
                kind: kind.to_owned(),
                message: format!(
                    "{whose} are of classes that this data set does not list: all its classes are absent there; add them to `classes`, or \
                     keep the form `wide` beside it"
                ),
                count: classes.iter().map(|(_, count)| count).sum(),
                examples: classes.iter().take(EXAMPLES).map(|(class, count)| format!("{class}: {count}")).collect(),
            })
        };
        let kinds = [
            ("predictions_of_other_classes", "predictions", &self.predicted),
            ("labels_of_other_classes", "labels", &self.labelled),
        ];
        kinds.into_iter().filter_map(finding)
    }
}
