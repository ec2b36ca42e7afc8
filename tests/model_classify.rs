//! `classify` on networks with known numbers: labels, ranks, quarantine, seasons, checks, and the same bits on any number of threads.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]
#![allow(clippy::float_cmp, clippy::cast_possible_truncation, reason = "tests panic to fail; exact numbers are the point")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use trapline::diagnostic::{FileId, Report, Span, Spanned};
use trapline::id::ContentId;
use trapline::model::add;
use trapline::model::signature::{ModelSignature, read_lock};
use trapline::step::{Cancel, Context, InputTable, Job, Outputs, ParamValue, Params, Progress, RowMapper, Step, StepError, kind};
use trapline::table::{Cell, CellRef, ColumnBuilder, Schema, Table, Type};
use trapline::taxonomy::{Class, Role, Taxonomy};

mod onnx;

const SPAN: Span = Span::start_of(FileId(0));

/// A project with models, classes and images, and what `classify` makes of it.
struct Project {
    folder: tempfile::TempDir,
    classes: Taxonomy,
    models: BTreeMap<String, ModelSignature>,
}

impl Project {
    fn new(classes: &[&str]) -> Self {
        let class = |name: &&str| Class {
            name: Spanned { value: (*name).to_owned(), span: SPAN },
            role: Role::Animal,
            key: None,
            colour: None,
            display: None,
            species_id: None,
            taxon: None,
        };
        let classes = Taxonomy { classes: classes.iter().map(class).collect() };
        Self { folder: tempfile::tempdir().unwrap(), classes, models: BTreeMap::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a bundle outside `models/` and takes it in as `model add` does.
    fn add(&mut self, model: &str, classes: &str, extra: &str, network: &[u8]) -> Result<ModelSignature, String> {
        let folder = write_bundle(&self.path().join("incoming"), model, classes, extra, network);
        let signature = add(self.path(), &folder).map_err(|error| with_causes(&error))?;
        self.models = read_lock(self.path()).unwrap();
        Ok(signature)
    }

    fn context(&self) -> Context<'_> {
        Context {
            project: self.path(),
            classes: &self.classes,
            deployments: None,
            dataset: None,
            models: &self.models,
            ports: BTreeMap::new(),
            lineage: trapline::step::Lineage::default(),
            span: SPAN,
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn write_bundle(incoming: &Path, model: &str, classes: &str, extra: &str, network: &[u8]) -> PathBuf {
    let (name, version) = model.split_once('@').unwrap();
    let folder = incoming.join(model);
    std::fs::create_dir_all(&folder).unwrap();
    let output = if extra.contains("output:") { "" } else { "output: logits\n" };
    let text = format!(
        "name: {name}\nversion: \"{version}\"\narchitecture: linear\ninput: {{ width: 4, height: 4, resize: squash }}\n\
         {output}classes: {classes}\nonnx: net.onnx\n{extra}\n"
    );
    std::fs::write(folder.join("model.yaml"), text).unwrap();
    std::fs::write(folder.join("net.onnx"), network).unwrap();
    folder
}

/// One image of the input table.
struct Image {
    path: String,
    season: Option<i64>,
    bytes: Vec<u8>,
}

fn image(path: &str, season: Option<i64>, bytes: Vec<u8>) -> Image {
    Image { path: path.into(), season, bytes }
}

/// A uniform image: PNG keeps its values exactly.
fn png(rgb: [u8; 3]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(8, 6, image::Rgb(rgb)).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A textured JPEG, different for each seed.
fn jpeg(seed: u32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let value = |k: u32| ((x * 7 + y * 13 + seed * 31 + k * 53) % 251) as u8;
        image::Rgb([value(1), value(2), value(3)])
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_fn(64, 48, pixel).write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// An input table in memory.
struct Held(Table);

impl InputTable for Held {
    fn id(&self) -> ContentId {
        ContentId::of(b"held")
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
    fn start(&self, _phase: &str, _total: u64) {}
    fn advance(&self, _items: u64, _bytes: u64) {}
}

fn table_of(images: &[Image]) -> Table {
    let schema = Schema::of(&[("content", Type::Content), ("path", Type::Text), ("season", Type::Int)]);
    let mut builders: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    for image in images {
        builders[0].push_content(ContentId::of(&image.bytes));
        builders[1].push_text(&image.path);
        builders[2].push(image.season.map_or(CellRef::Null, CellRef::Int));
    }
    Table::from_builders(schema, builders).unwrap()
}

fn model_param(entries: &[(&str, &str)]) -> Params {
    let text = |text: &str| ParamValue::Text(text.to_owned());
    let entry = |(key, model): &(&str, &str)| {
        (Spanned { value: (*key).to_owned(), span: SPAN }, Spanned { value: text(model), span: SPAN })
    };
    let value = ParamValue::Map(entries.iter().map(entry).collect());
    Params { values: BTreeMap::from([("model", Spanned { value, span: SPAN })]), span: SPAN }
}

fn step(entries: &[(&str, &str)]) -> Box<dyn Step> {
    (kind("classify").unwrap().read)(&model_param(entries), &mut Report::default()).unwrap()
}

/// Maps the images on `workers` threads, each taking the next image that is free, and gathers the rows in order.
fn map(mapper: &dyn RowMapper, context: &Context<'_>, images: &[Image], workers: usize) -> Table {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut rows: Vec<Vec<Cell>> = vec![Vec::new(); images.len()];
    let done: Vec<(usize, Vec<Cell>)> = std::thread::scope(|scope| {
        let work = || {
            let mut worker = mapper.worker(context).unwrap();
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let Some(image) = images.get(at) else { return done };
                let season = image.season.map_or(Cell::Null, Cell::Int);
                let mut row = vec![Cell::Null; mapper.schema().fields.len()];
                if let Some(recipe) = mapper.choose(mapper.chooses_by().map(|_| &season)) {
                    let cells = worker.map(recipe, &image.bytes, ContentId::of(&image.bytes));
                    let columns = &mapper.recipes()[recipe].columns;
                    assert_eq!(cells.len(), columns.len());
                    columns.iter().zip(cells).for_each(|(column, cell)| row[*column] = cell);
                }
                done.push((at, row));
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (at, row) in done {
        rows[at] = row;
    }
    let mut builders: Vec<_> = mapper.schema().fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    for row in &rows {
        builders.iter_mut().zip(row).for_each(|(builder, cell)| builder.push(cell.as_ref()));
    }
    Table::from_builders(mapper.schema().clone(), builders).unwrap()
}

fn classify(project: &Project, entries: &[(&str, &str)], images: &[Image], workers: usize) -> Outputs {
    let (step, context, input) = (step(entries), project.context(), table_of(images));
    let predictor = step.mapper(&context).unwrap().unwrap();
    let mapped = map(predictor.as_ref(), &context, images, workers);
    let mut report = Report::default();
    let planned = step.columns(&[vec![input.schema.clone()]], &context, &mut report).unwrap();
    let mut job = Job {
        step: "predictions",
        context: &context,
        inputs: vec![vec![Box::new(Held(input))]],
        mapped: Some(mapped),
        scanned: None,
        files: BTreeMap::new(),
        past: trapline::step::Past::default(),
        locate: &|_, _| None,
        progress: &Silent,
        cancel: &Cancel::default(),
        scratch: None,
        dry: false,
        workers,
    };
    let outputs = step.run(&mut job).unwrap();
    assert_eq!(planned, [outputs.tables[0].schema.clone()], "the checked schema is the one delivered");
    outputs
}

/// One row as text, the columns named.
fn shown(table: &Table, columns: &[&str], row: usize) -> String {
    columns.iter().map(|column| table.cell(row, column).to_string()).collect::<Vec<_>>().join(" | ")
}

/// Logits that are the channel means themselves times 255/100: `red` wins on red images.
fn colours() -> Vec<u8> {
    onnx::linear(4, 4, &[([2.55, 0.0, 0.0], 0.0), ([0.0, 2.55, 0.0], 0.0), ([0.0, 0.0, 2.55], 0.0)], None)
}

#[test]
fn confidences_are_the_softmax_of_the_network() {
    let mut project = Project::new(&["red", "green", "blue"]);
    project.add("colours@1", "[red, green, blue]", "", &colours()).unwrap();
    let outputs = classify(&project, &[("default", "colours@1")], &[image("a.png", None, png([200, 100, 0]))], 1);
    let table = &outputs.tables[0];
    // Logits 2, 1, 0.
    let sum = 2_f64.exp() + 1_f64.exp() + 1.0;
    for (column, expected) in [("p_red", 2_f64.exp() / sum), ("p_green", 1_f64.exp() / sum), ("p_blue", 1.0 / sum)] {
        let CellRef::Float32(found) = table.cell(0, column) else { panic!("{column} is missing") };
        assert!((f64::from(found) - expected).abs() < 1e-6, "{column}: {found} against {expected}");
    }
    let ranks = ["label", "label_2", "label_3", "label_4", "confidence_4", "model", "problem"];
    assert_eq!(shown(table, &ranks, 0), "red | green | blue |  |  | colours@1 | ");
    assert_eq!(table.cell(0, "confidence"), table.cell(0, "p_red"));
    assert_eq!(outputs.metrics["images"], 1.0);
    assert_eq!(outputs.metrics["share_above_0_9"], 0.0);
}

#[test]
fn a_network_of_probabilities_is_taken_at_its_word() {
    let mut project = Project::new(&["red", "green"]);
    // mean(red) and its complement: exact in binary for 0 and 255.
    let network = onnx::linear(4, 4, &[([1.0, 0.0, 0.0], 0.0), ([-1.0, 0.0, 0.0], 1.0)], None);
    project.add("share@1", "[red, green]", "output: probabilities", &network).unwrap();
    let images = [image("a", None, png([255, 0, 0])), image("b", None, png([0, 9, 9]))];
    let table = &classify(&project, &[("default", "share@1")], &images, 1).tables[0];
    assert_eq!(shown(table, &["label", "confidence", "p_red", "p_green"], 0), "red | 1 | 1 | 0");
    assert_eq!(shown(table, &["label", "confidence", "p_red", "p_green"], 1), "green | 1 | 0 | 1");
}

#[test]
fn ties_follow_the_model_s_class_order_and_only_five_are_ranked() {
    let mut project = Project::new(&[]);
    let network = onnx::linear(4, 4, &[([0.0; 3], 1.0); 7], None);
    project.add("even@1", "[g, f, e, d, c, b, a]", "", &network).unwrap();
    let table = &classify(&project, &[("default", "even@1")], &[image("a", None, png([1, 2, 3]))], 1).tables[0];
    assert_eq!(shown(table, &["label", "label_2", "label_3", "label_4", "label_5"], 0), "g | f | e | d | c");
    assert_eq!(table.cell(0, "confidence"), CellRef::Float32(1.0 / 7.0));
    assert_eq!(table.schema.fields.iter().filter(|field| field.name.starts_with("p_")).count(), 7);
}

#[test]
fn damaged_images_are_set_aside_with_their_reason_and_change_no_other_result() {
    let mut project = Project::new(&["red", "green", "blue"]);
    project.add("colours@1", "[red, green, blue]", "", &colours()).unwrap();
    let whole = jpeg(1);
    let mut flipped = whole.clone();
    flipped.splice(20..60, std::iter::repeat_n(0xff, 40));
    let images = [
        image("good_1.jpg", None, whole.clone()),
        image("empty.jpg", None, Vec::new()),
        image("cut.jpg", None, whole[..whole.len() * 3 / 10].to_vec()),
        image("damaged.jpg", None, flipped),
        image("text.jpg", None, b"no image at all".to_vec()),
        image("good_2.jpg", None, jpeg(2)),
    ];
    let outputs = classify(&project, &[("default", "colours@1")], &images, 1);
    let table = &outputs.tables[0];
    for (row, image) in images.iter().enumerate().filter(|(row, _)| (1..5).contains(row)) {
        assert!(!table.cell(row, "problem").to_string().is_empty(), "{}", image.path);
        assert_eq!(shown(table, &["label", "confidence", "p_red", "label_5"], row), " |  |  | ", "{}", image.path);
    }
    assert_eq!(shown(table, &["problem"], 1), "the file is empty");
    let alone = classify(&project, &[("default", "colours@1")], &[image("good_2.jpg", None, jpeg(2))], 1);
    for column in ["label", "confidence", "p_red", "p_green", "p_blue", "problem"] {
        assert_eq!(table.cell(5, column), alone.tables[0].cell(0, column));
    }
    assert_eq!(outputs.metrics["quarantined"], 4.0);
    let finding = &outputs.findings[0];
    assert_eq!((finding.kind.as_str(), finding.count, finding.examples.len()), ("quarantined", 4, 4));
    assert_eq!(finding.examples[0], "empty.jpg: the file is empty");
}

#[test]
fn an_output_that_is_no_number_sets_one_image_aside() {
    let mut project = Project::new(&["dark", "bright"]);
    // The logarithm of 0.5 - mean(red): not a number for bright images only, and finite for the black one tried on adding.
    let network = onnx::linear(4, 4, &[([-1.0, 0.0, 0.0], 0.5), ([0.0; 3], 1.0)], Some("Log"));
    project.add("log@1", "[dark, bright]", "", &network).unwrap();
    let images = [image("a", None, png([255, 0, 0])), image("b", None, png([0, 0, 0]))];
    let table = &classify(&project, &[("default", "log@1")], &images, 1).tables[0];
    assert_eq!(shown(table, &["label", "problem"], 0), " | the network's output is not finite");
    assert_eq!(shown(table, &["label", "problem"], 1), "bright | ");
}

#[test]
fn one_or_four_workers_give_the_same_bits() {
    let mut project = Project::new(&["red", "green", "blue"]);
    project.add("colours@1", "[red, green, blue]", "", &colours()).unwrap();
    let images: Vec<_> = (0..40).map(|seed| image(&format!("{seed}.jpg"), None, jpeg(seed))).collect();
    let one = classify(&project, &[("default", "colours@1")], &images, 1);
    let four = classify(&project, &[("default", "colours@1")], &images, 4);
    assert_eq!(one.tables, four.tables);
    let distinct: std::collections::BTreeSet<_> = (0..40).map(|row| one.tables[0].cell(row, "p_red").to_string()).collect();
    assert!(distinct.len() > 30, "the images do differ: {distinct:?}");
}

#[test]
fn each_season_has_its_model_and_one_without_keeps_its_rows() {
    let mut project = Project::new(&["red", "green", "blue", "grey"]);
    project.add("colours@1", "[red, green, blue]", "", &colours()).unwrap();
    let grey = onnx::linear(4, 4, &[([0.0; 3], 3.0), ([0.0; 3], 0.0)], None);
    project.add("grey@2", "[grey, red]", "", &grey).unwrap();
    let seasons = [Some(2014), Some(2019), Some(2020), Some(2021), None];
    let images: Vec<_> = seasons.iter().map(|season| image("a.png", *season, png([200, 100, 0]))).collect();
    let outputs = classify(&project, &[("2020", "grey@2"), ("2014..2019", "colours@1")], &images, 2);
    let table = &outputs.tables[0];
    let columns = ["season", "label", "model", "p_red", "p_grey", "p_blue"];
    let missing = |row: usize| columns.iter().map(|column| table.cell(row, column) == CellRef::Null).collect::<Vec<_>>();
    assert_eq!(shown(table, &columns[..3], 0), "2014 | red | colours@1");
    assert_eq!(shown(table, &columns[..3], 1), "2019 | red | colours@1");
    assert_eq!(shown(table, &columns[..3], 2), "2020 | grey | grey@2");
    assert_eq!(missing(1), [false, false, false, false, true, false], "what a model does not know is missing");
    assert_eq!(missing(2), [false, false, false, false, false, true]);
    assert_eq!(shown(table, &columns, 3), "2021 |  |  |  |  | ");
    assert_eq!(shown(table, &columns, 4), " |  |  |  |  | ");
    assert_eq!(
        table.schema.fields.iter().map(|f| f.name.as_str()).skip(15).collect::<Vec<_>>(),
        ["p_red", "p_green", "p_blue", "p_grey"]
    );
    let finding = &outputs.findings[0];
    assert_eq!((finding.kind.as_str(), finding.count), ("season_without_model", 2));
    assert_eq!(finding.examples, ["", "2021"]);
}

#[test]
fn classes_that_share_a_programme_class_are_added() {
    let mut project = Project::new(&["rodent", "stoat"]);
    let network = onnx::linear(4, 4, &[([0.0; 3], 0.0), ([0.0; 3], 0.5_f32.ln()), ([0.0; 3], 0.5_f32.ln())], None);
    let signature = project.add(
        "pooled@1",
        "[mus_erm, vole, lemming]",
        "taxonomy: { vole: rodent, lemming: rodent, mus_erm: stoat }",
        &network,
    );
    assert_eq!(signature.unwrap().classes, ["stoat", "rodent"]);
    let table = &classify(&project, &[("default", "pooled@1")], &[image("a", None, png([0, 0, 0]))], 1).tables[0];
    for column in ["p_stoat", "p_rodent"] {
        let CellRef::Float32(found) = table.cell(0, column) else { panic!("{column} is missing") };
        assert!((found - 0.5).abs() < 1e-6, "{column} {found}");
    }
}

#[test]
fn earlier_predictions_are_replaced() {
    let mut project = Project::new(&["red", "green", "blue", "grey"]);
    project.add("colours@1", "[red, green, blue]", "", &colours()).unwrap();
    project.add("grey@2", "[grey]", "", &onnx::linear(4, 4, &[([0.0; 3], 0.0)], None)).unwrap();
    let first = classify(&project, &[("default", "colours@1")], &[image("a", None, png([9, 9, 9]))], 1);
    let context = project.context();
    let again = step(&[("default", "grey@2")]).columns(&[vec![first.tables[0].schema.clone()]], &context, &mut Report::default());
    let names: Vec<_> = again.unwrap()[0].fields.iter().map(|field| field.name.clone()).collect();
    assert_eq!(names[..4], ["content", "path", "season", "label"]);
    assert_eq!(names.last().unwrap(), "p_grey");
    assert!(!names.contains(&"p_red".to_owned()));
}

/// What checking says of `entries`, one line per finding.
fn findings(project: &Project, entries: &[(&str, &str)], columns: &[(&str, Type)]) -> Vec<String> {
    let mut report = Report::default();
    let schema = step(entries).columns(&[vec![Schema::of(columns)]], &project.context(), &mut report);
    assert_eq!(schema.is_none(), report.has_errors());
    let line = |d: trapline::diagnostic::Diagnostic| format!("{} {} ({})", d.code.id, d.message, d.help.unwrap_or_default());
    report.sorted().into_iter().map(line).collect()
}

#[test]
fn a_model_is_checked_against_the_programme_s_classes() {
    let columns = [("content", Type::Content), ("path", Type::Text)];
    let mut project = Project::new(&["red", "green", "blue", "grey"]);
    project.add("colours@1", "[red, gren, blue]", "", &colours()).unwrap();
    insta::assert_snapshot!(findings(&project, &[("default", "colours@1")], &columns).join("\n"), @"TL0607 model `colours@1` predicts `gren`, which is not a class of the programme (did you mean `green`? If not, declare the class, or map it under `taxonomy:` of the model's `model.yaml`)");
    insta::assert_snapshot!(findings(&project, &[("default", "colour@1")], &columns).join("\n"), @"TL0605 model `colour@1` is not known (did you mean `colours@1`?)");
    insta::assert_snapshot!(findings(&project, &[("2014", "colours@1")], &columns).join("\n"), @r#"
TL0412 a model per season needs the column `season`, which the images do not have (capture it in the path of `images`: `{season}`)
TL0607 model `colours@1` predicts `gren`, which is not a class of the programme (did you mean `green`? If not, declare the class, or map it under `taxonomy:` of the model's `model.yaml`)
"#);
    project.add("colours@2", "[red, gren, blue]", "taxonomy: { gren: green }", &colours()).unwrap();
    assert!(findings(&project, &[("default", "colours@2")], &columns).is_empty(), "`grey` may stay unpredicted");
    project.classes = Taxonomy::default();
    assert!(findings(&project, &[("default", "colours@1")], &columns).is_empty(), "no class list takes any class");
}

#[test]
fn planning_needs_no_weights_and_running_needs_the_right_ones() {
    let mut project = Project::new(&[]);
    project.add("colours@1", "[red, green, blue]", "", &colours()).unwrap();
    let folder = project.path().join("models/colours/1");
    let context = project.context();
    let key = step(&[("default", "colours@1")]).mapper(&context).unwrap().unwrap().recipes()[0].key;
    let worker_error = || {
        let mapper = step(&[("default", "colours@1")]).mapper(&project.context()).unwrap().unwrap();
        assert_eq!(mapper.recipes()[0].key, key);
        mapper.worker(&project.context()).err().map(|error| with_causes(&error))
    };
    assert_eq!(worker_error(), None);
    std::fs::write(folder.join("net.onnx"), onnx::linear(4, 4, &[([0.0; 3], 0.0); 3], None)).unwrap();
    let error = worker_error().unwrap();
    assert!(error.starts_with("model `colours@1` is not the one that `models.lock` lists"), "{error}");
    std::fs::remove_file(folder.join("net.onnx")).unwrap();
    let error = worker_error().unwrap();
    assert!(error.contains("`net.onnx` is not a file of the bundle"), "{error}");
}

#[test]
fn a_model_that_does_not_fit_its_description_is_not_taken() {
    let mut project = Project::new(&[]);
    let mut refused = |classes: &str, extra: &str, network: &[u8]| project.add("bad@1", classes, extra, network).unwrap_err();
    let error = refused("[a, b]", "", &colours());
    assert!(error.ends_with("the network has 3 outputs, `model.yaml` lists 2 classes"), "{error}");
    let error = refused("[a]", "", &onnx::linear(5, 4, &[([0.0; 3], 0.0)], None));
    assert!(error.ends_with("the network takes batch x 3 x 4 x 5, `model.yaml` describes 1 x 3 x 4 x 4"), "{error}");
    let error = refused("[a, b]", "output: probabilities", &onnx::linear(4, 4, &[([0.0; 3], 3.0); 2], None));
    assert!(error.ends_with("`output: logits` may be meant"), "{error}");
    let error = refused("[a]", "", b"not a network");
    assert!(error.contains("the network cannot be loaded"), "{error}");
    assert!(
        !project.path().join("models.lock").exists() && !project.path().join("models/bad").exists(),
        "nothing is left behind"
    );
}

#[test]
fn a_name_and_version_stays_with_its_model() {
    let mut project = Project::new(&[]);
    let first = project.add("m@1", "[a, b, c]", "", &colours()).unwrap();
    let again = project.add("m@1", "[a, b, c]", "training: { note: better words }", &colours()).unwrap();
    assert_eq!(first, again, "notes do not change a model");
    let notes = std::fs::read_to_string(project.path().join("models/m/1/model.yaml")).unwrap();
    assert!(notes.contains("better words"));
    let error = project.add("m@1", "[c, b, a]", "", &colours()).unwrap_err();
    assert!(error.contains("give the new one another version"), "{error}");
    assert_eq!(read_lock(project.path()).unwrap()["m@1"], first);
    std::fs::remove_file(project.path().join("models.lock")).unwrap();
    let error = project.add("m@1", "[c, b, a]", "", &colours()).unwrap_err();
    assert!(error.contains("give the new one another version"), "the folder alone keeps the name, too: {error}");
    let in_place = add(project.path(), &project.path().join("models/m/1")).unwrap();
    assert_eq!(in_place, first, "a bundle that lies in its place is listed");
}

#[test]
fn two_names_of_one_model_share_their_rows() {
    let mut project = Project::new(&[]);
    project.add("m@1", "[a, b, c]", "", &colours()).unwrap();
    project.add("n@1", "[a, b, c]", "", &colours()).unwrap();
    let entries = [("2014", "m@1"), ("2015", "n@1")];
    let mapper = step(&entries).mapper(&project.context()).unwrap().unwrap();
    assert_eq!(mapper.recipes().len(), 1);
    let images = [2014, 2015].map(|season| image("a", Some(season), png([200, 100, 0])));
    let table = &classify(&project, &entries, &images, 1).tables[0];
    assert_eq!(
        (shown(table, &["label", "model"], 0), shown(table, &["label", "model"], 1)),
        ("a | m@1".into(), "a | n@1".into())
    );
}

#[test]
fn a_row_key_is_made_of_kind_model_and_numerics_alone() {
    let mut project = Project::new(&[]);
    project.add("m@1", "[a, b, c]", "", &colours()).unwrap();
    let mapper = step(&[("default", "m@1")]).mapper(&project.context()).unwrap().unwrap();
    let names: Vec<_> = mapper.recipes()[0].recipe.explain().into_iter().map(|part| part.name).collect();
    assert_eq!(names, ["format", "kind", "revision", "model", "numerics"]);
    assert_eq!(Arc::new(mapper).schema().fields[0].name, "problem");
}

/// JPEG files below `folder`, sorted.
fn jpegs_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let ending = path.extension().unwrap_or_default();
        if path.is_dir() {
            jpegs_below(&path, found);
        } else if ["jpg", "jpeg"].iter().any(|known| ending.eq_ignore_ascii_case(known)) {
            found.push(path);
        }
    }
}

#[test]
fn every_real_image_is_classified_or_set_aside_with_its_reason() {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(data) = above.map(|folder| folder.join("shared/data")).find(|folder| folder.is_dir()) else {
        println!("skipped: no folder `shared/data` beside this crate");
        return;
    };
    let mut paths = Vec::new();
    for folder in ["jpeg", "varanger"] {
        jpegs_below(&data.join(folder), &mut paths);
    }
    let mut project = Project::new(&["red", "green", "blue"]);
    project.add("colours@1", "[red, green, blue]", "", &colours()).unwrap();
    let images: Vec<_> =
        paths.iter().map(|path| image(&path.to_string_lossy().replace('\\', "/"), None, std::fs::read(path).unwrap())).collect();
    let outputs = classify(&project, &[("default", "colours@1")], &images, 2);
    let table = &outputs.tables[0];
    for (row, image) in images.iter().enumerate() {
        let (label, problem) = (table.cell(row, "label"), table.cell(row, "problem"));
        assert_ne!(label == CellRef::Null, problem == CellRef::Null, "{}: {label} {problem}", image.path);
    }
    let aside: Vec<_> = (0..images.len())
        .filter(|row| table.cell(*row, "problem") != CellRef::Null)
        .map(|row| format!("{}: {}", images[row].path.rsplit('/').next().unwrap(), table.cell(row, "problem")))
        .collect();
    let damaged = [
        "error_img.JPG: the file is empty",
        "african_elephants_truncated_file.jpg: the file is cut short: Exhausted data in the image",
    ];
    assert_eq!(aside, damaged);
}
