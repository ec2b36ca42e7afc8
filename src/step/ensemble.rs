//! `ensemble`: one prediction from those of several models, by averaging each one's most confident classes, or of several stages.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::classify::label::{Ranked, assemble};
use super::classify::{CLASS_PREFIX, LABELS, RANKS, output_schema};
use super::{Context, Finding, Job, Metric, Outputs, Param, ParamType, Params, Port, PortType, Step, StepError, StepKind};
use crate::diagnostic::codes::{COLUMN_TYPE, MISSING_COLUMN};
use crate::diagnostic::{Diagnostic, Report};
use crate::observation::{self, Key};
use crate::table::{Column, ColumnBuilder, Schema, Table, Type};

const DOCS: &str = "\
# ensemble

Makes one prediction of those of several models: the mean confidence of each class over the models, or what the last of several
stages says.

## Why
Models that were trained apart err apart. Their mean is right more often than each of them, and its confidence says more.

Models in stages share the work: one says where nothing is to be seen, the next names the animals in what is left. Each image then
has the prediction of the last stage that it came to.

## Example
```yaml
together:
  uses: ensemble
  from: [small, large, older]
  with: { keep: 5 }

something: { uses: classify, from: names, with: { model: blank_filter@1 } }
blanks: { uses: threshold, from: something, with: { on: p_empty, accept_at: 0.9 } }
species: { uses: classify, from: blanks.to_review, with: { model: species@1 } }       # no image that `blanks` accepts
predictions:
  uses: ensemble
  from: [something, species]            # stages in their order, the first with all images
  with: { rule: last }
```

## The mean
- Of each model the `keep` most confident classes count. A class that a model does not have among them has 0 there. The sum is divided by
  the number of models that classified the image.
- Of two classes with the same mean, the one that comes first in the first model that names it comes first.
- An image that one model lacks, or could not classify, is averaged over the others and counted (`incomplete`).

## The last stage (`rule: last`)
- The whole prediction is that of the last input that has the image and could classify it, with all its confidences; `keep` means nothing
  here. A class that this model does not know has no confidence, as in `classify` with a model per season.
- `incomplete` counts the images that did not come to, or through, every stage.

## What it yields
The images of the first predictions with the columns of `classify`: `label`, `confidence` ... `label_5`, `confidence_5`, `model` (all
that took part, joined by `+`), `problem` (where none could classify the image) and `p_CLASS`. Rows are joined by site, season and
image, never by position; predictions of no image of the first ones are reported.

## References
Norouzzadeh et al. 2018, PNAS 115, E5716-E5725, and its preprint of 2017: averaging of the five most confident classes; a first
network for empty images, a second one for the species.
";

/// The kind, as declared.
pub static KIND: StepKind = StepKind {
    name: "ensemble",
    revision: 1,
    summary: "makes one prediction of those of several models: their mean, or the last of several stages",
    docs: DOCS,
    inputs: &[Port {
        name: "predictions",
        ty: PortType::Table,
        many: true,
        optional: false,
        requires: &[("label", Type::Text)],
        doc: "predictions of the same images by several models, or by stage",
    }],
    outputs: &[Port::table("predictions", &[], "the images, each with one prediction")],
    params: &[
        Param {
            name: "keep",
            ty: ParamType::Int(1, 1000),
            required: false,
            default: Some("5"),
            keyed: true,
            doc: "how many of the most confident classes of each model count",
        },
        Param {
            name: "rule",
            ty: ParamType::Choice(&["mean", "last"]),
            required: false,
            default: None,
            keyed: true,
            doc: "what becomes the prediction: the mean of all models (where nothing is said), or what the last stage says",
        },
    ],
    metrics: &[
        Metric { name: "images", doc: "number of images" },
        Metric { name: "incomplete", doc: "images that not every model classified" },
        Metric { name: "unclassified", doc: "images that no model classified" },
        Metric { name: "mean_confidence", doc: "mean confidence of the first label, 0-1" },
    ],
    keeps_rows: false,
    pins: None,
    read,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature of all kinds")]
fn read(params: &Params, _report: &mut Report) -> Option<Box<dyn Step>> {
    let keep = params.int("keep").and_then(|keep| usize::try_from(keep).ok()).unwrap_or(RANKS);
    Some(Box::new(Ensemble { keep, last: params.text("rule") == Some("last") }))
}

struct Ensemble {
    keep: usize,
    /// The prediction of the last stage, instead of the mean.
    last: bool,
}

impl Step for Ensemble {
    fn columns(&self, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Vec<Schema>> {
        let members = inputs.first()?;
        let first = members.first()?;
        let mut fine = true;
        let mut wrong = |code, message: String, help: &str| {
            report.push(Diagnostic::new(code, context.span, message).help(help));
            fine = false;
        };
        for (number, member) in members.iter().enumerate() {
            if Key::shared(&[first, member]).is_none() {
                let message = format!(
                    "the first and the {}. predictions have no column in common that says which image a row is",
                    number + 1
                );
                wrong(MISSING_COLUMN, message, "both need `content`, or `name` (or `file`) with `site` and `season`");
            }
            match member.field("confidence").map(|field| field.ty) {
                Some(Type::Float32) => {}
                Some(_) => wrong(
                    COLUMN_TYPE,
                    format!("`confidence` of the {}. predictions must be confidences", number + 1),
                    "import them as predictions",
                ),
                None if classes(member).next().is_some() => {}
                None => wrong(
                    MISSING_COLUMN,
                    format!("the {}. predictions have neither `confidence` nor `p_CLASS`", number + 1),
                    "without confidences there is nothing to average",
                ),
            }
        }
        fine.then(|| vec![output_schema(first, &class_columns(members.iter(), context))])
    }

    fn declarations(&self, context: &Context<'_>) -> Vec<(String, String)> {
        // Models without `p_CLASS` may name any class of the programme: each has its column.
        let classes: Vec<&str> = context.classes.names().collect();
        vec![("classes declared".to_owned(), serde_json::Value::from(classes).to_string())]
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let tables = job.inputs.first().map_or(&[][..], Vec::as_slice);
        let tables: Vec<Table> = tables.iter().map(|table| table.read(None)).collect::<Result<_, _>>()?;
        let Some(images) = tables.first() else { return Err(StepError::Data("there is nothing to average".into())) };
        let columns = class_columns(tables.iter().map(|table| &table.schema), job.context);
        let mut members = Vec::with_capacity(tables.len());
        let mut lost = Vec::new();
        for table in &tables {
            members.push(Member::of(images, table, &mut lost)?);
        }
        let mut means = Means::new(&columns, images.rows);
        for image in 0..images.rows {
            if image % ROWS_PER_CHECK == 0 {
                job.cancel.check()?;
            }
            if self.last {
                means.take_last(image, &members);
            } else {
                means.add(image, &members, self.keep);
            }
        }
        means.outputs(images, &columns, lost)
    }
}

/// Rows between two looks at whether to stop.
const ROWS_PER_CHECK: usize = 65_536;
/// How many images a finding names.
const EXAMPLES: usize = 8;

/// The classes that a table has confidences of.
fn classes(schema: &Schema) -> impl Iterator<Item = &str> {
    let confidence = schema.fields.iter().filter(|field| field.ty == Type::Float32);
    confidence.filter_map(|field| field.name.strip_prefix(CLASS_PREFIX))
}

/// The class columns: those of all members in the order of their first mention; where one has labels only, all classes of the
/// programme as well.
fn class_columns<'a>(members: impl Iterator<Item = &'a Schema>, context: &Context<'_>) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    let mut add = |class: &str| {
        let name = format!("{CLASS_PREFIX}{class}");
        if !columns.contains(&name) {
            columns.push(name);
        }
    };
    let mut only_labels = false;
    for member in members {
        only_labels |= classes(member).next().is_none();
        classes(member).for_each(&mut add);
    }
    if only_labels {
        context.classes.names().for_each(add);
    }
    columns
}

/// The predictions of one model, found by the images.
struct Member<'a> {
    rows: Vec<Option<u32>>,
    label: &'a Column,
    model: Option<&'a Column>,
    /// Classes with their confidences; without them, labels and confidences by rank.
    classes: Vec<(&'a str, &'a Column)>,
    ranks: Vec<(&'a Column, &'a Column)>,
}

impl<'a> Member<'a> {
    fn of(images: &Table, table: &'a Table, lost: &mut Vec<String>) -> Result<Self, StepError> {
        let key = Key::shared(&[&images.schema, &table.schema])
            .ok_or_else(|| StepError::Data("predictions to be averaged have no key in common".into()))?;
        let keys = key.of(table)?;
        let index = keys.index();
        if let Some((first, second)) = index.repeated.first() {
            let words = observation::words(table, *first as usize);
            return Err(StepError::Data(format!(
                "the prediction of `{words}` occurs twice, in rows {} and {}",
                first + 1,
                second + 1
            )));
        }
        let rows: Vec<Option<u32>> = key.of(images)?.rows.iter().map(|key| index.row(*key)).collect();
        let mut met = vec![false; table.rows];
        rows.iter().flatten().for_each(|row| met[*row as usize] = true);
        lost.extend((0..table.rows).filter(|row| !met[*row]).map(|row| observation::words(table, row)));
        let named = classes(&table.schema).map(|class| Ok((class, table.require(&format!("{CLASS_PREFIX}{class}"))?.as_ref())));
        let ranks = LABELS.iter().filter_map(|(label, confidence)| {
            let confidence = table.column(confidence).filter(|column| column.ty() == Type::Float32)?;
            Some((table.column(label)?.as_ref(), confidence.as_ref()))
        });
        Ok(Self {
            rows,
            label: table.require("label")?,
            model: table.column("model").map(AsRef::as_ref),
            classes: named.collect::<Result<_, StepError>>()?,
            ranks: ranks.collect(),
        })
    }

    /// The most confident classes of an image; `None` where the model did not classify it.
    fn best(&self, image: usize, keep: usize) -> Option<Vec<(&'a str, f32)>> {
        let row = self.rows[image]? as usize;
        self.label.text(row)?;
        if self.classes.is_empty() {
            let rank = |(label, confidence): &(&'a Column, &'a Column)| Some((label.text(row)?, confidence.float32(row)?));
            return Some(self.ranks.iter().filter_map(rank).take(keep).collect());
        }
        let of = |(class, column): &(&'a str, &'a Column)| Some((*class, column.float32(row)?));
        let mut all: Vec<(&str, f32)> = self.classes.iter().filter_map(of).collect();
        // A stable sort: of two classes with the same confidence the first in the model's list stays first.
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all.truncate(keep);
        Some(all)
    }
}

/// The means, being built.
struct Means<'a> {
    place: BTreeMap<&'a str, usize>,
    names: Vec<&'a str>,
    ranked: Ranked,
    classes: Vec<ColumnBuilder>,
    problem: ColumnBuilder,
    sums: Vec<f64>,
    incomplete: u64,
    unclassified: u64,
    total: f64,
    unknown: BTreeMap<String, u64>,
}

impl<'a> Means<'a> {
    fn new(columns: &'a [String], rows: usize) -> Self {
        let names: Vec<&str> = columns.iter().map(|name| name.strip_prefix(CLASS_PREFIX).unwrap_or(name)).collect();
        let builder = |ty| ColumnBuilder::with_capacity(ty, rows);
        Self {
            place: names.iter().enumerate().map(|(place, name)| (*name, place)).collect(),
            ranked: Ranked::new(rows),
            classes: names.iter().map(|_| builder(Type::Float32)).collect(),
            problem: builder(Type::Text),
            sums: vec![0.0; names.len()],
            names,
            incomplete: 0,
            unclassified: 0,
            total: 0.0,
            unknown: BTreeMap::new(),
        }
    }

    fn add(&mut self, image: usize, members: &[Member<'_>], keep: usize) {
        self.sums.fill(0.0);
        let mut count = 0_u32;
        let mut models: Vec<&str> = Vec::new();
        for member in members {
            let Some(best) = member.best(image, keep) else { continue };
            count += 1;
            let row = member.rows[image].map_or(0, |row| row as usize);
            models.extend(member.model.and_then(|column| column.text(row)));
            for (class, confidence) in best {
                match self.place.get(class) {
                    Some(place) => self.sums[*place] += f64::from(confidence),
                    None => *self.unknown.entry(class.to_owned()).or_default() += 1,
                }
            }
        }
        self.incomplete += u64::from(count as usize != members.len());
        let models = (!models.is_empty()).then(|| models.join("+"));
        if count == 0 {
            self.add_none(models.as_deref());
            return;
        }
        self.problem.push_null();
        #[expect(clippy::cast_possible_truncation, reason = "confidences are stored in 32 bits")]
        let means: Vec<f32> = self.sums.iter().map(|sum| (sum / f64::from(count)) as f32).collect();
        self.classes.iter_mut().zip(&means).for_each(|(builder, mean)| builder.push_float32(*mean));
        let mut best: Vec<(&str, f32)> = self.names.iter().copied().zip(means).filter(|(_, mean)| *mean > 0.0).collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1));
        self.total += best.first().map_or(0.0, |(_, mean)| f64::from(*mean));
        self.ranked.push(&best, models.as_deref());
    }

    /// Adds an image that no model classified.
    fn add_none(&mut self, models: Option<&str>) {
        self.unclassified += 1;
        self.problem.push_text("no model classified the image");
        self.classes.iter_mut().for_each(ColumnBuilder::push_null);
        self.ranked.push(&[], models);
    }

    /// Adds an image with the prediction of the last member that classified it.
    fn take_last(&mut self, image: usize, members: &[Member<'_>]) {
        let said = members.iter().rev().find_map(|member| Some((member, member.best(image, usize::MAX)?)));
        let classified = |member: &Member<'_>| member.rows[image].is_some_and(|row| !member.label.is_null(row as usize));
        self.incomplete += u64::from(!members.iter().all(classified));
        let Some((member, mut best)) = said else {
            self.add_none(None);
            return;
        };
        for (class, _) in best.iter().filter(|(class, _)| !self.place.contains_key(class)) {
            *self.unknown.entry((*class).to_owned()).or_default() += 1;
        }
        best.retain(|(class, _)| self.place.contains_key(class));
        self.problem.push_null();
        for (name, builder) in self.names.iter().zip(&mut self.classes) {
            match best.iter().find(|(class, _)| class == name) {
                Some((_, confidence)) => builder.push_float32(*confidence),
                None => builder.push_null(),
            }
        }
        self.total += best.first().map_or(0.0, |(_, confidence)| f64::from(*confidence));
        let model = member.rows[image].zip(member.model).and_then(|(row, models)| models.text(row as usize));
        self.ranked.push(&best, model);
    }

    #[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
    fn outputs(self, images: &Table, columns: &[String], lost: Vec<String>) -> Result<Outputs, StepError> {
        let classified = images.rows as u64 - self.unclassified;
        let mut metrics = BTreeMap::from([
            ("images".to_owned(), images.rows as f64),
            ("incomplete".to_owned(), self.incomplete as f64),
            ("unclassified".to_owned(), self.unclassified as f64),
        ]);
        if classified > 0 {
            metrics.insert("mean_confidence".to_owned(), self.total / classified as f64);
        }
        let strays = lost.len() as u64;
        let findings = [
            Finding::counted(
                "unmatched_predictions",
                strays,
                "predictions belong to no image of the first ones",
                lost.into_iter().take(EXAMPLES).collect(),
            ),
            Finding::grouped(
                "unknown_class",
                &self.unknown,
                "confidences are of classes that the programme does not declare; they are left out",
            ),
        ];
        let classes = self.classes.into_iter().map(|class| class.finish().map(Arc::new)).collect::<Result<_, _>>()?;
        let table = assemble(images, self.ranked, Arc::new(self.problem.finish()?), columns, classes)?;
        Ok(Outputs { tables: vec![table], findings: findings.into_iter().flatten().collect(), metrics, ..Outputs::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::testing::{self, Project, content, text};
    use crate::table::Cell;

    /// Predictions by rank, as other tools give them.
    fn ranked(rows: &[(&str, &[(&str, f32)])]) -> Table {
        let mut fields = vec![("content", Type::Content), ("site", Type::Text)];
        fields.extend(LABELS.iter().flat_map(|(label, confidence)| [(*label, Type::Text), (*confidence, Type::Float32)]));
        let row = |(seed, classes): &(&str, &[(&str, f32)])| {
            let mut row = vec![content(seed), text("a")];
            for rank in 0..RANKS {
                let (class, confidence) =
                    classes.get(rank).map_or((Cell::Null, Cell::Null), |(c, p)| (text(c), Cell::Float32(*p)));
                row.extend([class, confidence]);
            }
            row
        };
        testing::table(&fields, &rows.iter().map(row).collect::<Vec<_>>())
    }

    fn run(project: &Project, members: &[&Table]) -> Result<Outputs, StepError> {
        let step = testing::step(&KIND, &[("keep", crate::step::ParamValue::Int(5))]);
        let schemas = vec![members.iter().map(|table| table.schema.clone()).collect()];
        let (declared, errors) = project.columns_of(step.as_ref(), &schemas);
        assert_eq!(errors, [""; 0]);
        let outputs = project.run_on(step.as_ref(), &[members])?;
        assert_eq!(declared.unwrap()[0], outputs.tables[0].schema);
        Ok(outputs)
    }

    fn project(classes: &[&str]) -> Project {
        let mut project = Project::new();
        let class = |name: &&str| crate::taxonomy::Class {
            name: crate::diagnostic::Spanned { value: (*name).to_owned(), span: testing::NOWHERE },
            role: crate::taxonomy::Role::Animal,
            key: None,
            colour: None,
            display: None,
            species_id: None,
            taxon: None,
        };
        project.classes.classes = classes.iter().map(class).collect();
        project
    }

    const CLASSES: [&str; 7] = ["zebra", "impala", "topi", "dikdik", "reedbuck", "grants", "eland"];

    #[test]
    fn the_published_table_of_three_networks() {
        let nets = [
            ranked(&[("x", &[("zebra", 0.8), ("topi", 0.1), ("dikdik", 0.07), ("reedbuck", 0.03), ("impala", 0.0)])]),
            ranked(&[("x", &[("impala", 0.9), ("zebra", 0.05), ("dikdik", 0.04), ("grants", 0.01), ("reedbuck", 0.0)])]),
            ranked(&[("x", &[("zebra", 0.5), ("topi", 0.4), ("impala", 0.08), ("reedbuck", 0.02), ("eland", 0.0)])]),
        ];
        let outputs = run(&project(&CLASSES), &nets.iter().collect::<Vec<_>>()).unwrap();
        let table = &outputs.tables[0];
        let expected =
            [("zebra", 0.45), ("impala", 0.326_667), ("topi", 0.166_667), ("dikdik", 0.036_667), ("reedbuck", 0.016_667)];
        for ((label, confidence), (class, mean)) in LABELS.iter().zip(expected) {
            assert_eq!(table.column(label).unwrap().text(0), Some(class));
            assert!((table.column(confidence).unwrap().float32(0).unwrap() - mean).abs() < 1e-6);
        }
        assert!((table.column("p_grants").unwrap().float32(0).unwrap() - 0.003_333).abs() < 1e-6);
    }

    #[test]
    fn rows_meet_by_their_image_and_what_one_model_lacks_the_others_give() {
        let first = ranked(&[("x", &[("zebra", 0.5)]), ("y", &[]), ("z", &[])]);
        let second = ranked(&[("z", &[]), ("y", &[("topi", 0.25)]), ("x", &[("topi", 0.75)]), ("w", &[("topi", 1.0)])]);
        let outputs = run(&project(&CLASSES), &[&first, &second]).unwrap();
        let table = &outputs.tables[0];
        let label = |row| table.cell(row, "label").to_string();
        assert_eq!([label(0), label(1), label(2)], ["topi", "topi", ""]);
        assert_eq!(
            (table.cell(0, "confidence").to_string(), table.cell(1, "confidence").to_string()),
            ("0.375".into(), "0.25".into())
        );
        assert_eq!(table.cell(2, "problem").to_string(), "no model classified the image");
        let kinds: Vec<_> = outputs.findings.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect();
        assert_eq!(kinds, [("unmatched_predictions", 1)]);
        let twice = ranked(&[("x", &[("topi", 0.5)]), ("x", &[("topi", 0.5)])]);
        assert!(run(&project(&CLASSES), &[&first, &twice]).unwrap_err().to_string().contains("occurs twice, in rows 1 and 2"));
    }

    #[test]
    fn of_stages_the_last_that_classified_an_image_speaks_for_it() {
        let fields = |classes: &[&'static str]| {
            let mut fields = vec![("content", Type::Content), ("label", Type::Text), ("model", Type::Text)];
            fields.extend(classes.iter().map(|class| (*class, Type::Float32)));
            fields
        };
        let row = |seed: &str, label: Option<&str>, model: &str, p: [Option<f32>; 2]| {
            let mut row = vec![content(seed), label.map_or(Cell::Null, text), text(model)];
            row.extend(p.map(|p| p.map_or(Cell::Null, Cell::Float32)));
            row
        };
        let first = testing::table(
            &fields(&["p_empty", "p_animal"]),
            &[
                row("x", Some("empty"), "filter@1", [Some(0.75), Some(0.25)]),
                row("y", Some("animal"), "filter@1", [Some(0.0), Some(1.0)]),
                row("z", Some("animal"), "filter@1", [Some(0.125), Some(0.875)]),
                row("w", None, "filter@1", [None, None]),
            ],
        );
        // Of `z` the second stage can say nothing; rows in another order.
        let second = testing::table(
            &fields(&["p_vole", "p_empty"]),
            &[row("z", None, "species@1", [None, None]), row("y", Some("vole"), "species@1", [Some(0.625), Some(0.375)])],
        );
        let step = testing::step(&KIND, &[("rule", crate::step::ParamValue::Text("last".into()))]);
        let schemas = vec![vec![first.schema.clone(), second.schema.clone()]];
        let project = project(&["empty", "animal", "vole"]);
        let (declared, errors) = project.columns_of(step.as_ref(), &schemas);
        assert_eq!(errors, [""; 0]);
        let outputs = project.run_on(step.as_ref(), &[&[&first, &second]]).unwrap();
        let table = &outputs.tables[0];
        assert_eq!(table.schema, declared.unwrap()[0]);
        let columns =
            ["label", "confidence", "label_2", "confidence_2", "label_3", "model", "problem", "p_empty", "p_animal", "p_vole"];
        let words = |row| columns.map(|name| table.cell(row, name).to_string()).join("|");
        assert_eq!(words(0), "empty|0.75|animal|0.25||filter@1||0.75|0.25|");
        assert_eq!(words(1), "vole|0.625|empty|0.375||species@1||0.375||0.625");
        assert_eq!(words(2), "animal|0.875|empty|0.125||filter@1||0.125|0.875|");
        assert_eq!(words(3), "||||||no model classified the image|||");
        assert_eq!((outputs.metrics["incomplete"], outputs.metrics["unclassified"]), (3.0, 1.0));
    }

    #[test]
    fn only_the_most_confident_classes_of_each_model_count() {
        let fields = [
            ("content", Type::Content),
            ("label", Type::Text),
            ("p_a", Type::Float32),
            ("p_b", Type::Float32),
            ("p_c", Type::Float32),
        ];
        let row = |label: &str, p: [f32; 3]| {
            let mut row = vec![content("x"), text(label)];
            row.extend(p.map(Cell::Float32));
            row
        };
        let (one, two) =
            (testing::table(&fields, &[row("a", [0.5, 0.3, 0.2])]), testing::table(&fields, &[row("c", [0.1, 0.4, 0.5])]));
        let step = testing::step(&KIND, &[("keep", crate::step::ParamValue::Int(1))]);
        let outputs = project(&[]).run_on(step.as_ref(), &[&[&one, &two]]).unwrap();
        let table = &outputs.tables[0];
        let p = ["p_a", "p_b", "p_c"].map(|name| table.cell(0, name).to_string());
        assert_eq!(p, ["0.25", "0", "0.25"]);
        // Of two equal means the first in the first model's list.
        assert_eq!(table.cell(0, "label").to_string(), "a");
    }
}
