//! A reviewer's bundle: made on one machine, unpacked on another, verified there, and what a changed byte says.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{TestSpace, jpeg};
use trapline::id::ContentId;

const REVIEW: &str = "  qc:
    uses: sample
    from: predictions
    with: { by: [season], random_per_group: 3, seed: 1 }
  labels:
    uses: review
    from: qc
    with: { labels: labels/qc }
  report:
    uses: report
    from: [predictions, labels]
    with: { into: published/report.html }
";

/// How a command ended.
struct End {
    code: i32,
    out: String,
    err: String,
}

impl End {
    /// The verdict in the line of `step` and `what`.
    fn verdict(&self, step: &str, what: &str) -> String {
        let line = self.out.lines().find(|line| {
            let mut words = line.split("  ").map(str::trim).filter(|word| !word.is_empty());
            words.next() == Some(step) && words.next() == Some(what)
        });
        let line = line.unwrap_or_else(|| panic!("no `{what}` of `{step}` in\n{}{}", self.out, self.err));
        line.split("  ").map(str::trim).filter(|word| !word.is_empty()).last().unwrap().to_owned()
    }
}

fn trapline(folder: &Path, home: &Path, user: &str, args: &[&str]) -> End {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("trapline"))
        .current_dir(folder)
        .args(args)
        .env("HOME", home)
        .env("USER", user)
        .env("USERNAME", user)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    End { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

const MAKER: &str = "zz_the_maker";

/// A project of the maker's: an archive on a disk of hers, declared by a marker; labels of two people, one image shows a person.
struct Project {
    space: TestSpace,
}

impl Project {
    fn new() -> Self {
        let space = TestSpace::with_model();
        let home = space.path(MAKER);
        let folder = home.join("project");
        fs::create_dir_all(home.join("disk/.marks")).unwrap();
        fs::write(home.join("disk/.marks/root"), "").unwrap();
        for name in ["models", "models.lock"] {
            fs::create_dir_all(&folder).unwrap();
            fs::rename(space.path(name), folder.join(name)).unwrap();
        }
        let text =
            space.read("pipeline.yaml").replace("root: raw", "root: archive").replace("[bad_quality", "[person, bad_quality");
        let text = text.replace("name: test\n", "name: test\nroots: { archive: { marker: .marks/root } }\n");
        fs::write(folder.join("pipeline.yaml"), format!("{text}{REVIEW}")).unwrap();
        fs::write(folder.join("trapline.local.yaml"), format!("roots:\n  archive: {}\n", home.join("disk").display())).unwrap();
        for (site, seed) in [("a", 1), ("a", 2), ("a", 3), ("kå 1", 4), ("kå 1", 5), ("kå 1", 6)] {
            let path = home.join(format!("disk/{site}/2024/{seed}.jpg"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, jpeg(seed)).unwrap();
        }
        let project = Self { space };
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(project.trapline(&["run"]).code, 4);
        let asked = project.trapline(&["show", "qc", "--format", "csv"]).out;
        let asked: Vec<_> = asked.lines().skip(1).map(|line| &line[line.find("b3:").unwrap()..][..67]).collect();
        for (at, (reviewer, class)) in [("Anna", "person"), ("Ben", "vole"), ("Ben", "stoat")].into_iter().enumerate() {
            let path = project.folder().join(format!("labels/qc/{reviewer}.csv"));
            let before = fs::read_to_string(&path).unwrap_or_else(|_| "observation,class,reviewer,time\n".to_owned());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{before}{},{class},{reviewer},2026-01-01T10:0{at}:00Z\n", asked[at])).unwrap();
        }
        let ran = project.trapline(&["run"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        project
    }

    fn folder(&self) -> PathBuf {
        self.space.path(MAKER).join("project")
    }

    fn trapline(&self, args: &[&str]) -> End {
        trapline(&self.folder(), &self.space.path(MAKER), MAKER, args)
    }

    /// Makes a bundle and unpacks it in another place.
    fn bundle(&self, args: &[&str]) -> Bundle {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("review.zip");
        let made = self.trapline(&[&["export", "--bundle", file.to_str().unwrap()], args].concat());
        assert_eq!(made.code, 0, "{}", made.err);
        zip::ZipArchive::new(fs::File::open(&file).unwrap()).unwrap().extract(place.path()).unwrap();
        fs::remove_file(file).unwrap();
        Bundle { place, made: made.out }
    }
}

struct Bundle {
    place: tempfile::TempDir,
    made: String,
}

impl Bundle {
    fn folder(&self) -> PathBuf {
        self.place.path().join("review")
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder().join(file)
    }

    fn verify(&self, level: &str) -> End {
        trapline(&self.folder(), self.place.path(), "reviewer", &["verify", "--level", level])
    }

    /// Every file with what it holds.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                assert!(!entry.file_type().unwrap().is_symlink());
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.insert(entry.path(), fs::read(entry.path()).unwrap());
                }
            }
        }
        found
    }

    /// Changes one byte of a file and verifies.
    fn with_a_byte_changed(&self, file: &Path, level: &str) -> End {
        let before = fs::read(file).unwrap();
        let mut bytes = before.clone();
        let at = bytes.len() - 2;
        bytes[at] ^= 1;
        fs::write(file, bytes).unwrap();
        let end = self.verify(level);
        fs::write(file, before).unwrap();
        end
    }
}

#[test]
fn a_bundle_verifies_elsewhere_and_says_what_was_withheld() {
    let project = Project::new();
    let bundle = project.bundle(&[]);
    assert!(
        bundle.made.contains("with 5 of 6 images") && bundle.made.contains("1 image stayed at home: person"),
        "{}",
        bundle.made
    );
    let before = bundle.files();
    // The maker's disk is not there.
    fs::rename(project.space.path(MAKER), project.space.path("gone")).unwrap();
    let tables = bundle.verify("tables");
    assert!(tables.code == 0 && !tables.out.contains("differs") && !tables.out.contains("not checkable:"), "{}", tables.out);
    for (step, what) in [
        ("predictions", "output predictions"),
        ("predictions", "model demo_mammals@1"),
        ("table", "file published/observations.csv"),
        ("labels", "output labels"),
    ] {
        assert_eq!(tables.verdict(step, what), "exact");
    }
    let sample = bundle.verify("sample");
    assert!(sample.code == 0 && !sample.out.contains("differs"), "{}", sample.out);
    for step in ["images", "metadata", "predictions"] {
        assert_eq!(sample.verdict(step, "images withheld"), "not checkable: images withheld");
    }
    assert_eq!(sample.verdict("images", "images"), "exact");
    assert_eq!(sample.verdict("predictions", "rows"), "exact");
    assert_eq!(bundle.files(), before, "verification writes nothing");
    let status = trapline(&bundle.folder(), bundle.place.path(), "reviewer", &["export", "--crate", "../as_crate"]);
    assert_eq!(status.code, 0, "{}", status.err);
}

#[test]
fn a_report_stays_at_home_where_its_pictures_may_show_what_is_withheld() {
    let project = Project::new();
    // Its gallery shows no people: it may go with their images withheld.
    assert!(project.bundle(&[]).path("published/report.html").is_file());
    let bundle = project.bundle(&["--withhold", "vole"]);
    assert!(bundle.made.contains("`published/report.html` stayed at home"), "{}", bundle.made);
    assert!(!bundle.path("published/report.html").exists());
    assert!(fs::read_to_string(bundle.path("README.txt")).unwrap().contains("published/report.html"));
    let tables = bundle.verify("tables");
    assert_eq!(tables.code, 0, "{}", tables.out);
    assert!(tables.verdict("report", "file published/report.html").starts_with("not checkable"), "{}", tables.out);
}

#[test]
fn nothing_in_it_tells_of_the_maker() {
    let project = Project::new();
    // A run that fails tells in its journal where the project lies.
    let published = project.folder().join("published/observations.csv");
    let before = fs::read(&published).unwrap();
    fs::write(&published, "mine").unwrap();
    assert_eq!(project.trapline(&["run"]).code, 1);
    fs::write(&published, before).unwrap();
    assert_eq!(project.trapline(&["run"]).code, 0);
    let journals = fs::read_dir(project.folder().join(".trapline/runs")).unwrap().flatten();
    let tells = |run: fs::DirEntry| fs::read_to_string(run.path().join("events.jsonl")).unwrap().contains(MAKER);
    assert_eq!(journals.map(tells).filter(|tells| *tells).count(), 1);
    let bundle = project.bundle(&[]);
    assert!(!bundle.made.contains("note:"), "{}", bundle.made);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let project_path = project.space.dir.path().to_str().unwrap().to_owned();
    let words = [MAKER, &project_path, host.trim()];
    for (path, bytes) in bundle.files() {
        let text = String::from_utf8_lossy(&bytes);
        for word in words.iter().filter(|word| word.len() >= 4) {
            assert!(!text.contains(word) && !path.to_str().unwrap().contains(word), "`{word}` is in {}", path.display());
        }
    }
    assert_eq!(
        fs::read_to_string(bundle.path("trapline.local.yaml")).unwrap().lines().last(),
        Some("  archive: bundle.images/archive")
    );
    let names = ["lock", "inventory", "index", "tmp", "quarantine"].map(|name| bundle.path(".trapline").join(name).exists());
    assert_eq!(names, [false; 5]);
    let readme = fs::read_to_string(bundle.path("README.txt")).unwrap();
    assert!(readme.contains("verify --level tables") && readme.contains("verify --level sample"), "{readme}");
    assert!(readme.contains("(person): 1 images"), "{readme}");
    // A file of the maker's that does tell is passed on, since its identity counts, and is named.
    let mut labels = fs::read_to_string(project.folder().join("labels/qc/Ben.csv")).unwrap();
    labels.push_str(&format!("b3:{},vole,Ben,2026-01-01T10:09:00Z {}\n", "0".repeat(64), project.folder().display()));
    fs::write(project.folder().join("labels/qc/Ben.csv"), labels).unwrap();
    assert_eq!(project.trapline(&["run"]).code, 0);
    assert!(project.bundle(&[]).made.contains("note: `labels/qc/Ben.csv` names a folder"));
}

#[test]
fn a_changed_byte_is_said_where_it_is() {
    let bundle = Project::new().bundle(&["--withhold", "nothing"]);
    assert!(bundle.made.contains("with 6 of 6 images"), "{}", bundle.made);
    let changed = |file: &Path, level: &str, step: &str, what: &str, words: &str| {
        let end = bundle.with_a_byte_changed(file, level);
        let verdict = end.verdict(step, what);
        // A long verdict is broken between its words.
        let whole = end.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(end.code == 1 && verdict.starts_with("differs: ") && whole.contains(words), "{}", end.out);
        assert!(bundle.verify("tables").code == 0);
    };
    changed(&bundle.path("published/observations.csv"), "tables", "table", "file published/observations.csv", "edited");
    let label = ContentId::of(&fs::read(bundle.path("labels/qc/Ben.csv")).unwrap());
    changed(&bundle.path("labels/qc/Ben.csv"), "tables", "labels", "file labels/Ben.csv", &format!("instead of {label}"));
    let network = bundle.path("models/demo_mammals/1/model.onnx");
    changed(&network, "tables", "predictions", "model demo_mammals@1", "instead of b3:");
    let image = bundle.path("bundle.images/archive/a/2024/2.jpg");
    changed(&image, "sample", "images", "images", "1 images are gone or hold other bytes");
    // Any object and any pack of rows of the store, by its own name.
    let stored: Vec<_> = bundle.files().into_keys().collect();
    let in_folder = |folder: &str| {
        let inside: Vec<_> = stored.iter().filter(|path| path.starts_with(bundle.path(folder))).cloned().collect();
        assert!(!inside.is_empty());
        inside
    };
    for file in in_folder(".trapline/objects").iter().step_by(7).chain(&in_folder(".trapline/rows")) {
        let name = file.strip_prefix(bundle.path(".trapline")).unwrap().to_str().unwrap();
        changed(file, "tables", "store", &format!("file {name}"), "damaged: ");
    }
}

#[test]
fn images_come_along_as_asked_and_nothing_is_overwritten() {
    let project = Project::new();
    let none = project.bundle(&["--images", "none"]);
    assert!(none.made.contains("with 0 of 6 images"), "{}", none.made);
    let sample = none.verify("sample");
    assert!(sample.code == 0 && sample.verdict("images", "images withheld").ends_with("images withheld"), "{}", sample.out);
    let one = project.bundle(&["--sample", "1", "--withhold", "nothing"]);
    assert!(one.made.contains("of 6 images") && !one.made.contains("with 6 of"), "{}", one.made);
    let level = ["verify", "--level", "sample", "--sample", "1"];
    let end = trapline(&one.folder(), one.place.path(), "reviewer", &level);
    assert!(end.code == 0 && !end.out.contains("not checkable:"), "{}", end.out);
    let all = project.bundle(&["--images", "all"]);
    assert!(all.made.contains("with 5 of 6 images"), "{}", all.made);
    let end = all.verify("all");
    assert!(end.code == 0 && end.verdict("images", "images") == "exact", "{}", end.out);

    let file = project.space.path("b.zip");
    let args = ["export", "--bundle", file.to_str().unwrap()];
    assert_eq!(project.trapline(&args).code, 0);
    let first = fs::read(&file).unwrap();
    assert!(project.trapline(&args).err.contains("exists"));
    fs::remove_file(&file).unwrap();
    assert_eq!(project.trapline(&args).code, 0);
    assert_eq!(fs::read(&file).unwrap(), first, "the same project, the same bytes");
    assert!(project.trapline(&[&args[..], &["--withhold", "persn"]].concat()).err.contains("no class is called `persn`"));
    fs::remove_file(&file).unwrap();
    let labels = project.folder().join("labels/qc/Ben.csv");
    let before = fs::read_to_string(&labels).unwrap();
    fs::write(&labels, before.replace("stoat", "vole")).unwrap();
    let refused = project.trapline(&args);
    assert!(
        refused.code == 2 && refused.err.contains("`file labels/Ben.csv` is not what `trapline.lock` says"),
        "{}",
        refused.err
    );
    assert!(!file.exists());
    fs::write(&labels, before).unwrap();
    fs::rename(project.space.path(MAKER).join("disk"), project.space.path(MAKER).join("unplugged")).unwrap();
    let refused = project.trapline(&args);
    assert!(refused.code == 5 && refused.err.contains("root `archive` is absent"), "{}", refused.err);
    assert_eq!(project.trapline(&[&args[..], &["--images", "none"]].concat()).code, 0);
}
