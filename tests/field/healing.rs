//! What is damaged heals, what is published is what was recorded, and what broke off can be repeated.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use trapline::store::{Access, Store};

use crate::support::{PIPELINE, TestSpace};

const AND_PUBLISH: &str = "  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ counter(4) }}.JPG\", manifest: names.csv }
  table:
    uses: export
    from: names
    with: { into: published/observations.csv }
  pictures:
    uses: export
    from: names
    with: { into: published/pictures, images: copy }
";

fn published() -> TestSpace {
    let space = TestSpace::with_images();
    space.write("pipeline.yaml", format!("{PIPELINE}{AND_PUBLISH}"));
    space.run();
    space
}

fn trapline(space: &TestSpace, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trapline")).args(arguments).current_dir(space.dir.path()).output().unwrap()
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Whether the store holds neither damage nor gaps, as a reader sees it.
fn is_whole(space: &TestSpace) -> bool {
    let report = Store::open(&space.options.store, Access::Read).unwrap().verify(&|_, _| ()).unwrap();
    report.damages.is_empty() && report.missing.is_empty()
}

#[test]
fn an_object_that_no_run_reads_is_made_again_by_the_run_after_it_was_found_damaged() {
    let space = published();
    let lock = space.read("trapline.lock");
    let objects = files_below(&space.path(".trapline/objects"));
    assert!(objects.len() > 10, "{objects:?}");
    for object in objects {
        flip(&object);
        assert!(!is_whole(&space), "{} went unnoticed", object.display());
        space.run();
        assert!(is_whole(&space), "a run did not heal {}", object.display());
    }
    assert_eq!(space.read("trapline.lock"), lock);
}

#[test]
fn what_is_stored_again_takes_the_place_of_damage_of_the_same_length() {
    let space = published();
    let store = Store::open(&space.options.store, Access::Write).unwrap();
    let id = store.put(b"some bytes").unwrap();
    flip(&store.object_path(id));
    let store = Store::open(&space.options.store, Access::Write).unwrap();
    assert_eq!(store.put(b"some bytes").unwrap(), id);
    assert_eq!(store.get(id).unwrap(), b"some bytes");
    assert_eq!(store.take_damages().len(), 1);
    // A folder in its place, and a file in the place of the folder above it.
    let (object, folder) = (store.object_path(id), store.object_path(id).parent().unwrap().to_owned());
    for strange in ["an object", "a folder"] {
        fs::remove_dir_all(&folder).unwrap();
        if strange == "an object" {
            fs::create_dir_all(&object).unwrap();
        } else {
            fs::write(&folder, "").unwrap();
        }
        store.put(b"some bytes").unwrap();
        assert_eq!(store.get(id).unwrap(), b"some bytes", "something else in the place of {strange}");
        assert_eq!(store.take_damages().len(), 1);
    }
}

#[test]
fn cache_verify_goes_past_what_it_cannot_read_and_heals_when_asked() {
    let space = published();
    let objects = files_below(&space.path(".trapline/objects"));
    flip(&objects[0]);
    fs::remove_file(&objects[1]).unwrap();
    fs::create_dir(&objects[1]).unwrap();
    flip(&objects[2]);
    let pack = files_below(&space.path(".trapline/rows")).remove(0);
    flip(&pack);
    let found = trapline(&space, &["cache", "verify"]);
    assert_eq!(found.status.code(), Some(3), "{}", words(&found));
    assert_eq!(words(&found).matches("damaged:").count(), 4, "{}", words(&found));
    let healed = trapline(&space, &["cache", "verify", "--heal"]);
    assert_eq!(healed.status.code(), Some(0), "{}", words(&healed));
    let again = trapline(&space, &["cache", "verify"]);
    assert_eq!(again.status.code(), Some(0), "{}", words(&again));
    assert!(words(&again).contains("everything is whole"), "{}", words(&again));
}

#[test]
fn results_that_no_step_yields_any_more_do_not_keep_a_store_from_being_whole() {
    let space = published();
    let before = files_below(&space.path(".trapline/objects"));
    space.image("raw/b/2024/9.jpg", 9);
    space.run();
    // Those that both results share are made again, those of the first alone are not.
    for object in &before {
        flip(object);
    }
    assert_eq!(trapline(&space, &["cache", "verify"]).status.code(), Some(3));
    let healed = trapline(&space, &["cache", "verify", "--heal"]);
    assert_eq!(healed.status.code(), Some(0), "{}", words(&healed));
    assert!(is_whole(&space));
}

#[test]
fn a_bundle_that_meets_damage_sends_to_a_run_that_heals_it() {
    let space = published();
    for object in files_below(&space.path(".trapline/objects")) {
        flip(&object);
        let refused = trapline(&space, &["export", "--bundle", "bundle.zip", "--images", "none"]);
        if refused.status.success() {
            // Not of what the lock names.
            fs::remove_file(space.path("bundle.zip")).unwrap();
            continue;
        }
        assert!(words(&refused).contains("trapline run"), "{}", words(&refused));
        space.run();
        let packed = trapline(&space, &["export", "--bundle", "bundle.zip", "--images", "none"]);
        assert!(packed.status.success(), "{}: {}", object.display(), words(&packed));
        return;
    }
    panic!("no bundle met damage");
}

#[test]
fn exported_images_that_are_gone_or_empty_come_back_and_other_changes_are_said() {
    let space = published();
    let picture = |name: &str| space.path("published/pictures").join(name);
    let original = fs::read(picture("a_0001.JPG")).unwrap();
    fs::remove_file(picture("a_0001.JPG")).unwrap();
    fs::write(picture("a_0002.JPG"), "").unwrap();
    let found = trapline(&space, &["cache", "verify"]);
    assert_eq!(found.status.code(), Some(3), "{}", words(&found));
    for part in ["a_0001.JPG", "it is gone", "a_0002.JPG", "it is empty", "`pictures`"] {
        assert!(words(&found).contains(part), "{part}: {}", words(&found));
    }
    assert_eq!(space.run().ran(), [("pictures".to_owned(), 0)]);
    assert_eq!(fs::read(picture("a_0001.JPG")).unwrap(), original);
    assert!(!fs::read(picture("a_0002.JPG")).unwrap().is_empty());
    assert_eq!(trapline(&space, &["cache", "verify"]).status.code(), Some(0));
    // A byte that rotted under the same size is seen where bytes are read.
    flip(&picture("b_0001.JPG"));
    let sizes = trapline(&space, &["verify", "--level", "tables"]);
    assert_eq!(sizes.status.code(), Some(0), "{}", words(&sizes));
    let bytes = trapline(&space, &["verify", "--level", "all"]);
    assert_eq!(bytes.status.code(), Some(1), "{}", words(&bytes));
    assert!(words(&bytes).contains("b_0001.JPG"), "{}", words(&bytes));
}

#[test]
fn a_published_file_that_is_gone_is_not_called_uncheckable() {
    let space = published();
    fs::remove_file(space.path("published/observations.csv")).unwrap();
    let verified = trapline(&space, &["verify"]);
    assert_eq!(verified.status.code(), Some(1), "{}", words(&verified));
    assert!(words(&verified).contains("it is gone"), "{}", words(&verified));
}

/// The files of a folder with their bytes.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let name = |path: &PathBuf| path.strip_prefix(folder).unwrap().to_owned();
    files_below(folder).iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

#[test]
fn a_crate_that_broke_off_is_written_again() {
    let space = published();
    let export = || trapline(&space, &["export", "--crate", "run"]);
    assert!(export().status.success());
    let whole = content(&space.path("run"));
    let part = space.path("run/.trapline-part");
    // Killed at the start; while files were copied; while they were moved, after so many of them.
    for moved in [None, Some(0), Some(1), Some(whole.len() / 2), Some(whole.len() - 1)] {
        fs::remove_dir_all(space.path("run")).unwrap();
        fs::create_dir_all(&part).unwrap();
        match moved {
            None => fs::write(part.join("pipeline.yaml"), "half a li").unwrap(),
            Some(moved) => {
                let is_metadata = |name: &Path| name == Path::new("ro-crate-metadata.json");
                let (metadata, files): (Vec<_>, Vec<_>) = whole.iter().partition(|(name, _)| is_metadata(name));
                for (place, (name, bytes)) in files.into_iter().chain(metadata).enumerate() {
                    let folder = if place < moved { space.path("run") } else { part.clone() };
                    fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
                    fs::write(folder.join(name), bytes).unwrap();
                }
            }
        }
        let again = export();
        assert!(again.status.success(), "after {moved:?}: {}", words(&again));
        assert!(content(&space.path("run")) == whole, "after {moved:?}");
    }
    // A folder of somebody else is left alone.
    fs::create_dir(space.path("theirs")).unwrap();
    space.write("theirs/notes.txt", "mine");
    let refused = trapline(&space, &["export", "--crate", "theirs"]);
    assert!(!refused.status.success());
    assert_eq!(content(&space.path("theirs")).len(), 1);
}

#[test]
fn two_first_runs_at_once_both_end_well() {
    for round in 0..4 {
        let space = TestSpace::with_images();
        let start = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
            command
                .arg("run")
                .current_dir(space.dir.path())
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        };
        let both = [start(), start()];
        for run in both {
            let ended = run.wait_with_output().unwrap();
            assert!(ended.status.success(), "round {round}: {}", words(&ended));
        }
        assert!(space.path(".trapline/format").is_file() && space.path(".trapline/.gitignore").is_file());
    }
}

#[test]
fn parts_that_a_kill_left_are_removed_by_the_next_run() {
    let space = published();
    let parts = [
        "published/.observations.csv.trapline-part",
        "published/..observations.csv.trapline.csv.trapline-part",
        "published/pictures/..trapline.csv.trapline-part",
        ".names.csv.trapline-part",
        ".trapline.lock.trapline-part",
    ];
    for part in parts {
        space.write(part, "half a li");
    }
    space.write("published/.notes.csv.trapline-part", "of somebody else");
    space.run();
    for part in parts {
        assert!(!space.path(part).exists(), "{part} stayed");
    }
    assert_eq!(space.read("published/.notes.csv.trapline-part"), "of somebody else");
}

#[test]
fn a_file_too_large_for_an_image_is_set_aside_and_never_held_in_memory() {
    let space = TestSpace::with_images();
    let film = space.path("raw/a/2024/film.jpg");
    // It takes no room on the disk.
    fs::File::create(&film).unwrap().set_len(3 << 30).unwrap();
    let ran = space.run();
    assert_eq!(ran.findings("images"), [("too_large".to_owned(), 1)]);
    assert_eq!(space.table("images").rows, 3);
    assert!(ran.bytes_read() < 1 << 20, "{} bytes were read", ran.bytes_read());
    assert_eq!(space.run().ran(), []);
}

#[test]
fn a_model_added_after_a_killed_command_leaves_nothing_half_added() {
    let space = TestSpace::with_model();
    let from = space.path("models/demo_mammals/1");
    for file in ["model.yaml", "model.onnx", "model.safetensors"] {
        space.write(&format!("other/{file}"), fs::read(from.join(file)).unwrap());
    }
    space.edit("other/model.yaml", "version: '1'", "version: '2'");
    space.write("models/demo_mammals/.adding-2/model.onnx", "half a netw");
    space.write("models/demo_mammals/.adding-Xy7/bundle/model.onnx", "half a netw");
    let added = trapline(&space, &["model", "add", "other"]);
    assert!(added.status.success(), "{}", words(&added));
    let mut names: Vec<_> =
        fs::read_dir(space.path("models/demo_mammals")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["1", "2"]);
}
