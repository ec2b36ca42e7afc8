//! Real images of many makes through a whole pipeline; skipped, and said so, where `shared/data` is absent.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use support::TestSpace;

fn pipeline(pattern: &str) -> String {
    format!(
        "trapline: 1
name: real
classes: [bad_quality, empty, bird, vole, least_weasel, lemming, shrew, stoat]
roots: {{ archive: {{}} }}
steps:
  images:
    uses: images
    with: {{ root: archive, path: \"{pattern}\" }}
  metadata:
    uses: metadata
    from: images
  names:
    uses: rename
    from: metadata
    with: {{ name: \"{{{{ site }}}}_{{{{ date_raw }}}}_{{{{ counter(4) }}}}.JPG\", manifest: names.csv }}
  predictions:
    uses: classify
    from: names
    with: {{ model: demo_mammals@1 }}
"
    )
}

fn space_over(folder: &Path, pattern: &str) -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", pipeline(pattern));
    let local = serde_json::to_string(folder).unwrap();
    space.write("trapline.local.yaml", format!("roots: {{ archive: {local} }}\n"));
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo");
    for file in [
        "models.lock",
        "models/demo_mammals/1/model.yaml",
        "models/demo_mammals/1/model.onnx",
        "models/demo_mammals/1/model.safetensors",
    ] {
        space.write(file, fs::read(model.join(file)).unwrap());
    }
    space
}

#[test]
fn every_image_of_every_make_goes_through() {
    let Some(data) = support::shared_data() else { return };
    let space = space_over(&data.join("jpeg"), "{site}/**/*.{jpg,jpeg}");
    let ran = space.run();
    let images = space.table("images");
    let predictions = space.table("predictions");
    assert_eq!(predictions.rows, images.rows);
    let problems = predictions.column("problem").unwrap();
    let quarantined: Vec<_> = (0..predictions.rows).filter(|row| !problems.is_null(*row)).collect();
    let labels = predictions.column("label").unwrap();
    for row in 0..predictions.rows {
        assert_eq!(labels.is_null(row), quarantined.contains(&row), "row {row}");
    }
    println!("{} images, {} quarantined, {:?}", images.rows, quarantined.len(), ran.findings("images"));
    assert!(images.rows > 150 && quarantined.len() < 10);
    assert_eq!(space.run().bytes_read(), 0);
}

#[test]
fn the_reference_programme_gets_its_own_names() {
    let Some(data) = support::shared_data() else { return };
    let space = space_over(&data.join("varanger/raw_images"), "{locality}/{site}/{season}/**/*.jpg");
    space.run();
    let expected = reference_names(&data.join("varanger/metadata"));
    let (paths, names) = (space.column("names", "path"), space.column("names", "name"));
    let found: BTreeMap<_, _> = paths.into_iter().zip(names).collect();
    assert_eq!(found.len(), 200);
    assert_eq!(found, expected);
}

/// Root-relative path and new name of every image, from the reference workflow's metadata files.
fn reference_names(folder: &Path) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for season in fs::read_dir(folder.join("vestre_jakobselv")).unwrap().flatten() {
        for file in fs::read_dir(season.path()).unwrap().flatten() {
            let text = fs::read_to_string(file.path()).unwrap();
            let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_reader(text.as_bytes());
            let header = reader.headers().unwrap().clone();
            let place = |name: &str| header.iter().position(|own| own == name).unwrap();
            let (source, new) = (place("SourceFile"), place("NewFileName"));
            for record in reader.records().map(Result::unwrap) {
                let path = record[source].strip_prefix("data/raw_images/").unwrap().to_owned();
                names.insert(path, record[new].to_owned());
            }
        }
    }
    names
}
