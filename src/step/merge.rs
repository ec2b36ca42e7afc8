//! `merge`: the data set: images, what the model says of them, and what people say.
//!
//! Rows are joined by observation (`join`), people's labels are weighed (`decide`), and the result is written out (`forms`).

use super::{
    Context, Drawn, Job, LABEL_COLUMNS, Metric, Outputs, Param, ParamType, Params, Port, PortType, Step, StepError, StepKind,
    label_type,
};
use crate::diagnostic::codes::{MISSING_COLUMN, MISSING_PARAMETER};
use crate::diagnostic::{Diagnostic, Report, Span};
use crate::observation::Key;
use crate::table::{Schema, Type};

mod decide;
mod findings;
mod forms;
mod join;
#[cfg(test)]
mod tests;

use decide::Priority;
use forms::Form;

const DOCS: &str = "\
# merge

Makes the data set: every image with what the model says and what people say, joined by observation and never by position.

## Why
A label may have been given for the quality check, because a rule asked for it, or twice. The data set needs one answer per image, must
say where it comes from, and must tell an image that nobody looked at from one in which nobody saw anything.

## Example
```yaml
final:
  uses: merge
  from: { images: names, predictions: predictions, labels: [qc_labels, corrected] }
  with:
    form: long
    priority: [random, confidence, class, corrected]
  expect: { unmatched_labels: 0, undecided: 0 }
```

## How rows find one another
By site, season and content; a row without content goes by the image's name, path or file. An image that occurs twice, or a
prediction that occurs twice for one image, is an error that names both rows. Labels and predictions of no image are reported and
listed in the output `unmatched`; every image keeps its rows.

## Which label counts
Labels of the kind that stands first in `priority`; kinds that are not listed come behind. Where two labels of one kind differ, none
counts: the image stays without a manual class, is counted in `undecided` and listed in `disagreements`, as is every label that
differs from the one that counts. Comments of all labels that agree are kept.

With `rows: multilabel` an image may show several classes: all labels of the first kind count, joined by `+` in the wide form.

## Forms
| form | rows | columns |
|---|---|---|
| `wide` | one per image | all of the images; `label`, `confidence`, `model`, `problem`, `p_CLASS`; `class`, `type`, `reviewer`, `comment`; `final` (people's class, else the model's) and its `species_id`; `automatic_CLASS` and `manual_CLASS` for every class |
| `long` | one per image and class | place, time and name of the image, its identity, `class`, `species_id`, `presence_automatic`, `presence_manual`, `confidence_automatic`, `observer_manual`, `type_manual_classification`, `comment` |
| `bohner` | one per image and class | the twelve columns of the reference workflow's final file |
| `coat` | one per image and class | the fifteen columns of the COAT portal's classification tables |

Every class of `classes` has its row or column, predicted or not. Presence is 1 or 0; it is *missing*, never 0, where the image was
not reviewed (`presence_manual`) or could not be classified (`presence_automatic`). A label `unknown` stays as the image's class; as long as
`classes` does not name it, nobody knows then what is absent, and `presence_manual` is missing too. In the last two forms a class goes by its
`species_id`, and columns that the images lack (region, section) are missing.

## References
Boehner et al. 2023, Ecological Informatics 76, 102150; the public scripts of the COAT programme for its column names.
";

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "merge",
    revision: 3,
    summary: "joins images, predictions and people's labels into the data set",
    docs: DOCS,
    inputs: &[
        Port::table("images", &[], "the images of the data set"),
        Port {
            name: "predictions",
            ty: PortType::Table,
            many: false,
            optional: true,
            requires: &[("label", Type::Text)],
            doc: "what a model says; without it the images' own `label`, where they have one",
        },
        Port {
            name: "labels",
            ty: PortType::Table,
            many: true,
            optional: true,
            requires: &[("class", Type::Text)],
            doc: "what people say",
        },
    ],
    outputs: &[
        Port::table("merged", &[], "the data set"),
        Port::table("disagreements", &[], "labels that differ from the one that counts"),
        Port::table("unmatched", &[], "labels and predictions of no image"),
    ],
    params: &[
        Param {
            name: "form",
            ty: ParamType::Choice(&["wide", "long", "bohner", "coat"]),
            required: false,
            default: Some("wide"),
            keyed: true,
            doc: "one row per image, one per image and class, or the final format of the reference workflow or of COAT",
        },
        Param {
            name: "classes",
            ty: ParamType::List(&ParamType::Class),
            required: false,
            default: None,
            keyed: true,
            doc: "classes that have a row or column; all of the programme where not given",
        },
        Param {
            name: "priority",
            ty: ParamType::List(&ParamType::Choice(&[
                label_type::RANDOM,
                label_type::CONFIDENCE,
                label_type::CLASS,
                label_type::CORRECTED,
                label_type::TRAINING,
                label_type::OTHER,
            ])),
            required: false,
            default: Some("[random, confidence, class, corrected]"),
            keyed: true,
            doc: "kinds of label, the one that counts most first",
        },
        Param {
            name: "rows",
            ty: ParamType::Choice(&["single", "multilabel"]),
            required: false,
            default: Some("single"),
            keyed: true,
            doc: "whether an image may show several classes",
        },
    ],
    metrics: &[
        Metric { name: "observations", doc: "images in the data set" },
        Metric { name: "classified", doc: "images with a prediction" },
        Metric { name: "reviewed", doc: "images with a manual class" },
        Metric { name: "disagreements", doc: "labels that differ from the one that counts" },
        Metric { name: "undecided", doc: "images whose labels of the same kind differ" },
        Metric { name: "overruled", doc: "images of which people say something else than the model" },
        Metric { name: "unmatched_labels", doc: "labels of no image" },
        Metric { name: "unmatched_predictions", doc: "predictions of no image" },
        Metric { name: "other_classes", doc: "images with a class that is not among `classes`" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

#[expect(clippy::unnecessary_wraps, reason = "the form of every kind")]
fn read(params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    let listed = params.texts("priority").into_iter().map(|kind| kind.value);
    let form = match params.text("form") {
        Some("long") => Form::Long,
        Some("bohner") => Form::Bohner,
        Some("coat") => Form::Coat,
        _ => Form::Wide,
    };
    Some(Box::new(Merge {
        form,
        classes: params.texts("classes").into_iter().map(|class| class.value).collect(),
        priority: Priority::of(listed),
        multilabel: params.text("rows") == Some("multilabel"),
        span: params.span,
    }))
}

struct Merge {
    form: Form,
    /// Empty: all of the programme.
    classes: Vec<String>,
    priority: Priority,
    multilabel: bool,
    span: Span,
}

impl Merge {
    fn classes(&self, context: &Context<'_>) -> Vec<forms::Class> {
        let all = context.classes.classes.iter().map(|class| class.name.value.clone());
        let names: Vec<String> = if self.classes.is_empty() { all.collect() } else { self.classes.clone() };
        let species = |name: &str| context.classes.class(name).and_then(|class| class.species_id.clone());
        names.into_iter().map(|name| forms::Class { species: species(&name), name }).collect()
    }
}

impl Step for Merge {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let images = inputs.first()?.first()?;
        let predictions = inputs.get(1).and_then(|port| port.first());
        let labels = inputs.get(2).map_or(&[][..], Vec::as_slice);
        let mut fine = true;
        for (what, schema) in
            predictions.map(|schema| ("predictions", schema)).into_iter().chain(labels.iter().map(|s| ("labels", s)))
        {
            if Key::shared(&[images, schema]).is_none() {
                let message = format!("the {what} and the images have no column in common that says which image a row is");
                let help = "both need `content`, or `name` (or `file`) with `site` and `season`";
                report.push(Diagnostic::new(MISSING_COLUMN, context.span, message).help(help));
                fine = false;
            }
        }
        let classes = self.classes(context);
        if classes.is_empty() {
            let message = "`merge` needs the classes that have a row or column";
            report.push(Diagnostic::new(MISSING_PARAMETER, self.span, message).help("declare `classes:` or `taxonomy:`"));
            fine = false;
        }
        for (column, help) in self.form.lacks(images) {
            let message = format!("the form `{}` needs the images' column `{column}`", self.form.word());
            report.push(Diagnostic::new(MISSING_COLUMN, context.span, message).help(help));
            fine = false;
        }
        fine.then_some(())?;
        Some(vec![
            self.form.schema(images, predictions, &classes),
            findings::disagreements_schema(images),
            findings::unmatched_schema(),
        ])
    }

    fn drawn(&self, _name: &str, inputs: &[Vec<Drawn>]) -> Drawn {
        Drawn::together(inputs.iter().flatten())
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        // Rows, columns and ids follow from the programme's classes, in their order.
        let classes = self.classes(context).into_iter().map(|class| serde_json::json!([class.name, class.species]));
        vec![("classes declared".to_owned(), classes.collect::<serde_json::Value>().to_string())]
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.input(0)?.read(None)?;
        let predictions = match job.inputs.get(1).and_then(|port| port.first()) {
            Some(input) => Some(input.read(Some(&forms::prediction_columns(&images.schema, input.schema())))?),
            None => None,
        };
        let labels = job.inputs.get(2).map_or(&[][..], Vec::as_slice);
        let labels = labels.iter().map(|input| input.read(Some(&label_columns(&images.schema, input.schema()))));
        let labels = labels.collect::<Result<Vec<_>, _>>()?;
        job.cancel.check()?;
        let joined = join::join(&images, predictions.as_ref(), &labels, self.multilabel)?;
        let decided = decide::decide(&joined.labels, &labels, &self.priority, self.multilabel, images.rows);
        job.cancel.check()?;
        let classes = self.classes(job.context);
        let automatic = forms::Automatic::of(&images, predictions.as_ref(), &joined, self.multilabel);
        let data = forms::Data { images: &images, automatic: &automatic, decided: &decided, classes: &classes };
        let merged = self.form.table(&data)?;
        let counts = findings::Counts::of(&data);
        let disagreements = findings::disagreements(&images, &labels, &decided)?;
        let unmatched = findings::unmatched(predictions.as_ref(), &labels, &joined)?;
        let mut outputs = counts.outputs(&joined, &disagreements, &unmatched);
        outputs.tables = vec![merged, disagreements, unmatched];
        Ok(outputs)
    }
}

/// The columns of a table of labels that a merge reads: its key with the images, what readable names it has, the label.
fn label_columns<'a>(images: &Schema, labels: &'a Schema) -> Vec<&'a str> {
    let keys = Key::all_shared(&[images, labels]);
    let wanted = |name: &str| {
        let readable = crate::observation::PLACE.contains(&name) || ["name", "path", "file"].contains(&name);
        keys.iter().any(|key| key.columns.contains(&name)) || readable || LABEL_COLUMNS.iter().any(|(column, _)| *column == name)
    };
    labels.fields.iter().map(|field| field.name.as_str()).filter(|name| wanted(name)).collect()
}
