//! A million predictions through `sample` and `threshold`, in processor time (as Linux tells it):
//! `cargo test --release --test sample_speed -- --ignored --nocapture`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use trapline::diagnostic::{FileId, Report, Span, Spanned};
use trapline::id::ContentId;
use trapline::step::{Cancel, Context, InputTable, Job, Outputs, ParamValue, Params, Progress, StepError, StepKind, kind};
use trapline::table::{CellRef, ColumnBuilder, Schema, Table, Type};
use trapline::taxonomy::Taxonomy;

const NOWHERE: Span = Span::start_of(FileId(0));

struct Held(Table);

impl InputTable for Held {
    fn id(&self) -> ContentId {
        self.0.id()
    }
    fn schema(&self) -> &Schema {
        &self.0.schema
    }
    fn read(&self, names: Option<&[&str]>) -> Result<Table, StepError> {
        Ok(names.map_or_else(|| Ok(self.0.clone()), |names| self.0.select(names))?)
    }
}

struct Silent;

impl Progress for Silent {
    fn start(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

fn at<T>(value: T) -> Spanned<T> {
    Spanned { value, span: NOWHERE }
}

fn list(words: &[&str]) -> ParamValue {
    ParamValue::List(words.iter().map(|word| at(ParamValue::Text((*word).into()))).collect())
}

fn run(kind: &StepKind, given: &[(&'static str, ParamValue)], inputs: &[&Table]) -> (Outputs, Duration) {
    let params = Params { values: given.iter().map(|(name, value)| (*name, at(value.clone()))).collect(), span: NOWHERE };
    let step = (kind.read)(&params, &mut Report::default()).unwrap();
    let (classes, models) = (Taxonomy::default(), BTreeMap::new());
    let context = Context {
        project: Path::new("."),
        classes: &classes,
        deployments: None,
        models: &models,
        ports: BTreeMap::new(),
        span: NOWHERE,
    };
    let start = on_cpu();
    let outputs = step.run(&mut Job {
        step: "measured",
        context: &context,
        inputs: inputs.iter().map(|table| vec![Box::new(Held((*table).clone())) as Box<dyn InputTable>]).collect(),
        mapped: None,
        scanned: None,
        files: BTreeMap::new(),
        locate: &|_, _| None,
        progress: &Silent,
        cancel: &Cancel::default(),
        workers: 2,
        dry: false,
    });
    let took = on_cpu().saturating_sub(start);
    println!("{} of {} rows: {:.0} ms", kind.name, inputs[0].rows, took.as_secs_f64() * 1e3);
    (outputs.unwrap(), took)
}

/// Processor time of this thread, which does not count that other programs run as well; both steps use one thread.
fn on_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// Predictions of ten seasons in four localities with two types of camera, with the confidences of eight classes.
fn predictions(rows: u32) -> Table {
    const CLASSES: [&str; 8] = ["bad_quality", "bird", "empty", "least_weasel", "lemming", "shrew", "stoat", "vole"];
    let mut schema = Schema::of(&[
        ("root", Type::Text),
        ("path", Type::Text),
        ("content", Type::Content),
        ("site", Type::Text),
        ("season", Type::Text),
        ("locality", Type::Text),
        ("camera_type", Type::Text),
        ("name", Type::Text),
        ("label", Type::Text),
        ("confidence", Type::Float32),
    ]);
    for class in CLASSES {
        schema.set(&format!("p_{class}"), Type::Float32);
    }
    let mut builders: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::with_capacity(field.ty, rows as usize)).collect();
    for row in 0..rows {
        let id = ContentId::of(&row.to_le_bytes());
        let group = row / (rows / 500).max(1);
        let (site, season) = (format!("s{:02}", group % 50), format!("{}", 2015 + group / 50));
        let locality = format!("locality {}", group % 4);
        let path = format!("{site}/{season}/IMG_{row:07}.JPG");
        let value = f32::from(id.0[0]) / 255.0;
        let texts = ["archive", &path, "", &site, &season, &locality, if group % 8 < 4 { "old" } else { "new" }, &path];
        for (at, builder) in builders.iter_mut().enumerate() {
            match at {
                2 => builder.push_content(id),
                8 => builder.push_text(CLASSES[usize::from(id.0[1]) % 8]),
                9.. => builder.push_float32(value),
                _ => builder.push(CellRef::Text(texts[at])),
            }
        }
    }
    Table::from_builders(schema, builders).unwrap()
}

fn sampled(images: &Table) -> (Outputs, Duration) {
    let count = ParamValue::Int(100);
    let given = [
        ("by", list(&["season", "locality", "camera_type"])),
        ("random_per_group", count.clone()),
        ("per_class", count.clone()),
        ("per_confidence_bin", count),
    ];
    run(kind("sample").unwrap(), &given, &[images])
}

#[test]
#[ignore = "measures; run it in release on Linux"]
fn a_million_rows() {
    let images = predictions(1_000_000);
    let (sample, took) = sampled(&images);
    assert!(took < Duration::from_millis(1500), "{took:?}");
    assert_eq!(sample.tables[1].rows, 80 * (1 + 8 + 10));
    let drawn = &sample.tables[0];
    let mut correct = ColumnBuilder::new(Type::Bool);
    let confidence = drawn.column("confidence").unwrap();
    (0..drawn.rows).for_each(|row| correct.push_bool(confidence.float32(row).unwrap() > 0.4));
    let checked = drawn.with_column("correct", correct.finish().unwrap().into()).unwrap();
    let by = ("by", list(&["season", "locality", "camera_type"]));
    let target = ("target_accuracy", ParamValue::Number(0.9));
    let each = ("choose_per_class", ParamValue::Bool(true));
    let fixed = [("accept_at", ParamValue::Number(0.9)), ("always_review", list(&["stoat", "least_weasel"])), by.clone()];
    let threshold = kind("threshold").unwrap();
    let chosen = [target, by, each];
    for given in [&fixed[..], &chosen[..1], &chosen[..2], &chosen[..]] {
        let (out, took) = run(threshold, given, &[&images, &checked]);
        assert!(took < Duration::from_millis(1500), "{took:?}");
        assert_eq!(out.tables[0].rows + out.tables[1].rows, 1_000_000);
    }
}

#[test]
#[ignore = "measures; run it in release on Linux"]
fn time_grows_no_faster_than_the_rows() {
    let (small, large) = (predictions(100_000), predictions(1_000_000));
    let least = |images: &Table| (0..3).map(|_| sampled(images).1).min().unwrap();
    let (few, many) = (least(&small), least(&large));
    assert!(many < few * 20, "{few:?} against {many:?}");
}
