//! A small project in a temporary folder: write files, plan, run, look.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, clippy::print_stderr, missing_docs, reason = "test support")]

pub mod adopt;
pub mod http;
pub mod people;
pub mod photo;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use trapline::check::{Overrides, Pipeline, load_with};
use trapline::plan::decision::{Plan, Reason};
use trapline::run::event::{Event, Observer, Outcome};
use trapline::run::{Host, RunError, RunOptions};
use trapline::step::{Cancel, KINDS, StepKind};
use trapline::store::{Access, Holder, Store};
use trapline::table::{CellRef, Table};

/// A pipeline over folders `SITE/SEASON/*.jpg`, with metadata.
pub const PIPELINE: &str = "\
trapline: 1
name: test
classes: [empty, vole]
steps:
  images:
    uses: images
    with: { root: raw, path: \"{site}/{season}/**/*.jpg\" }
  metadata:
    uses: metadata
    from: images
";

/// The steps behind `PIPELINE` that name, classify and export, with the demo's model.
pub const AND_CLASSIFY: &str = "  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG\", manifest: names.csv }
  predictions:
    uses: classify
    from: names
    with: { model: demo_mammals@1 }
  table:
    uses: export
    from: predictions
    with: { into: published/observations.csv }
";

/// What `AND_CLASSIFY` leaves in a project: the same for the same images.
pub const RESULTS: [&str; 3] = ["trapline.lock", "names.csv", "published/observations.csv"];

pub struct TestSpace {
    pub dir: tempfile::TempDir,
    pub options: RunOptions,
    pub overrides: Overrides,
    /// Kinds of step beside those of the program.
    pub kinds: Vec<&'static StepKind>,
}

/// What a run did.
#[derive(Debug)]
pub struct Ran {
    pub outcome: Outcome,
    pub events: Vec<Event>,
}

impl Ran {
    /// Steps that ran, with the rows they computed for images.
    pub fn ran(&self) -> Vec<(String, u64)> {
        let finished = |event: &Event| match event {
            Event::StepFinished { step, computed, .. } => Some((step.clone(), *computed)),
            _ => None,
        };
        self.events.iter().filter_map(finished).collect()
    }

    pub fn reused(&self) -> Vec<String> {
        let reused = |event: &Event| match event {
            Event::StepReused { step, .. } => Some(step.clone()),
            _ => None,
        };
        self.events.iter().filter_map(reused).collect()
    }

    pub fn errors(&self) -> Vec<String> {
        let failed = |event: &Event| match event {
            Event::StepFailed { step, error } => Some(format!("{step}: {error}")),
            _ => None,
        };
        self.events.iter().filter_map(failed).collect()
    }

    /// The kinds of finding about how the first output of a step changed.
    pub fn changes(&self, name: &str) -> Vec<(String, u64)> {
        let changes = |event: &Event| match event {
            Event::StepChanged { step, findings } if step == name => {
                Some(findings.iter().map(|finding| (finding.kind.clone(), finding.count)).collect())
            }
            _ => None,
        };
        self.events.iter().find_map(changes).unwrap_or_default()
    }

    pub fn notices(&self) -> Vec<String> {
        let notice = |event: &Event| match event {
            Event::Notice { message } => Some(message.clone()),
            _ => None,
        };
        self.events.iter().filter_map(notice).collect()
    }

    pub fn bytes_read(&self) -> u64 {
        let read = |event: &Event| match event {
            Event::RunFinished { bytes_read, .. } => Some(*bytes_read),
            _ => None,
        };
        self.events.iter().find_map(read).unwrap()
    }

    /// The kinds of finding of a step.
    pub fn findings(&self, name: &str) -> Vec<(String, u64)> {
        let findings = |event: &Event| match event {
            Event::StepFinished { step, findings, .. } | Event::StepReused { step, findings, .. } if step == name => {
                Some(findings.iter().map(|finding| (finding.kind.clone(), finding.count)).collect())
            }
            _ => None,
        };
        self.events.iter().find_map(findings).unwrap_or_default()
    }
}

#[derive(Default)]
struct Recorder(Mutex<Vec<Event>>);

impl Observer for Recorder {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
    fn advance(&self, _: u64, _: u64) {}
}

impl TestSpace {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = RunOptions { jobs: 2, store: dir.path().join(".trapline"), ..RunOptions::default() };
        Self { dir, options, overrides: Overrides::default(), kinds: Vec::new() }
    }

    /// With `PIPELINE` and three images at two sites.
    pub fn with_images() -> Self {
        let space = Self::new();
        space.write("pipeline.yaml", PIPELINE);
        for (site, seed) in [("a", 1), ("a", 2), ("b", 3)] {
            space.image(&format!("raw/{site}/2024/{seed}.jpg"), seed);
        }
        space
    }

    /// With `PIPELINE` and `AND_CLASSIFY`, the demo's model and no image.
    pub fn with_model() -> Self {
        let space = Self::new();
        let classes = "classes: [bad_quality, empty, bird, vole, least_weasel, lemming, shrew, stoat]";
        space.write("pipeline.yaml", format!("{}{AND_CLASSIFY}", PIPELINE.replace("classes: [empty, vole]", classes)));
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo");
        for file in [
            "models.lock",
            "models/demo_mammals/1/model.yaml",
            "models/demo_mammals/1/model.onnx",
            "models/demo_mammals/1/model.safetensors",
        ] {
            space.write(file, fs::read(demo.join(file)).unwrap());
        }
        space
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub fn write(&self, relative: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    /// Replaces text in a file that must hold it.
    pub fn edit(&self, relative: &str, old: &str, new: &str) {
        let text = self.read(relative);
        assert!(text.contains(old), "`{old}` is not in `{relative}`");
        self.write(relative, text.replace(old, new));
    }

    /// An image with its own pixels and a date: day `seed` of June 2024.
    pub fn image(&self, relative: &str, seed: u8) {
        self.write(relative, jpeg(seed));
    }

    pub fn pipeline(&self) -> Pipeline {
        let kinds: Vec<_> = KINDS.iter().chain(&self.kinds).copied().collect();
        let loaded = load_with(&kinds, &self.path("pipeline.yaml"), &self.overrides);
        match loaded.pipeline {
            Some(pipeline) => pipeline,
            None => panic!("{:#?}", loaded.report.diagnostics),
        }
    }

    pub fn plan(&self) -> Plan {
        trapline::run::plan(&self.pipeline(), &self.options).unwrap().plan
    }

    /// Each step with the word of its decision.
    pub fn decisions(&self) -> Vec<(String, &'static str)> {
        self.plan().steps.into_iter().map(|step| (step.name, step.decision.word())).collect()
    }

    /// The reasons why a step would run; empty where it would not.
    pub fn reasons(&self, name: &str) -> Vec<Reason> {
        let step = self.plan().steps.into_iter().find(|step| step.name == name).unwrap();
        match step.decision {
            trapline::plan::decision::Decision::Run(reasons) => reasons,
            _ => Vec::new(),
        }
    }

    /// Lets the images go that are gone from their roots.
    pub fn forget_what_is_gone(&self) {
        let gone = trapline::run::gone::list(&self.pipeline(), &self.options).unwrap();
        let line = |image: trapline::run::gone::GoneImage| trapline::run::forgotten::Forgotten {
            root: image.root,
            path: image.path,
            content: image.content,
            time: String::new(),
            because: "a test".into(),
        };
        trapline::run::forgotten::write(self.dir.path(), &gone.into_iter().map(line).collect::<Vec<_>>()).unwrap();
    }

    pub fn try_run(&self) -> Result<Ran, RunError> {
        self.run_with(&Cancel::default())
    }

    pub fn run_with(&self, cancel: &Cancel) -> Result<Ran, RunError> {
        // A file written within a tick of the scan is hashed again at the next one: tests that write and run must not be that fast.
        std::thread::sleep(std::time::Duration::from_millis(30));
        let recorder = Recorder::default();
        let now = || "2026-01-01T00:00:00Z".to_owned();
        let now_ns = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap();
        let host = Host {
            holder: Holder { host: "test".into(), pid: std::process::id(), since: now() },
            run_id: format!("{}", now_ns()),
            now: &now,
            now_ns: &now_ns,
            versions: [("trapline".to_owned(), "test".to_owned())].into(),
        };
        let outcome = trapline::run::run(&self.pipeline(), &self.options, &host, &recorder, cancel)?;
        Ok(Ran { outcome, events: recorder.0.into_inner().unwrap() })
    }

    pub fn run(&self) -> Ran {
        let ran = self.try_run().unwrap();
        assert_eq!(ran.outcome, Outcome::Complete, "{:#?}", ran.events);
        ran
    }

    /// The first output of a step's last result.
    pub fn table(&self, step: &str) -> Table {
        self.output(step, 0)
    }

    /// An output of a step's last result.
    pub fn output(&self, step: &str, port: usize) -> Table {
        let store = Store::open(&self.options.store, Access::Read).unwrap();
        let heads = store.heads(&self.pipeline().name).unwrap();
        let manifest = store.get_result(heads.steps[step]).unwrap().unwrap();
        store.open_table(manifest.outputs[port].id).unwrap().read(None).unwrap()
    }

    /// The texts of a column of a step's last result.
    /// Some columns of a step's table, row by row, `-` where a value is missing.
    pub fn rows(&self, step: &str, columns: &[&str]) -> Vec<String> {
        let table = self.table(step);
        let cell = |row: usize, name: &&str| match table.cell(row, name) {
            CellRef::Null => "-".to_owned(),
            cell => cell.to_string(),
        };
        (0..table.rows).map(|row| columns.iter().map(|name| cell(row, name)).collect::<Vec<_>>().join(" ")).collect()
    }

    /// The errors of a run that must fail.
    pub fn error(&self) -> String {
        let ran = self.try_run().unwrap();
        assert_eq!(ran.outcome, Outcome::Failed);
        ran.errors().join("\n")
    }

    pub fn column(&self, step: &str, name: &str) -> Vec<String> {
        let table = self.table(step);
        let column = table.column(name).unwrap_or_else(|| panic!("no column {name}"));
        (0..table.rows).map(|row| column.text(row).unwrap_or("").to_owned()).collect()
    }
}

/// The classes of the reference programme, with the ids of its final files.
pub const REFERENCE_TAXONOMY: &str = "class,role,species_id
bad_quality,bad_quality,
empty,empty,
bird,animal,aves
vole,animal,cricetidae
least_weasel,animal,mus_niv
lemming,animal,lem_lem
shrew,animal,sor_sp
stoat,animal,mus_erm
";

/// Copies a folder with all that is in it; what was read-only may be written there.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(&target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// How often a trial by chance or by number is repeated: `usual` in the everyday suite, `TRAPLINE_TRIALS` in a long night, which
/// turns all trials of the project up at once.
pub fn trials(usual: usize) -> usize {
    std::env::var("TRAPLINE_TRIALS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The bytes of a small JPEG with its own pixels and EXIF: taken at noon of day `seed` of June 2024.
pub fn jpeg(seed: u8) -> Vec<u8> {
    photo::Photo::new(seed).taken(&format!("2024:06:{:02} 12:00:00", 1 + (seed - 1) % 30)).bytes()
}

/// The folder of real data beside the project, where it is there.
pub fn shared_data() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = own.ancestors().map(|folder| folder.join("shared/data")).find(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("skipped: no `shared/data` beside the project");
    }
    found
}
