//! Models from elsewhere.

use std::path::Path;

use trapline::model::{Bundle, ChannelOrder, OutputKind, Resize};

use crate::cli::Space;
use crate::onnx::{Written, detector, linear_as};

/// Two classes: how red, and how green an image is.
const COLOURS: [([f32; 3], f32); 2] = [([4.0, 0.0, 0.0], 0.0), ([0.0, 4.0, 0.0], 0.0)];

/// A project with a bare network, and one with a bundle of it.
fn space(written: Written<'_>) -> Space {
    let space = Space::new();
    let (network, beside) = linear_as(8, 8, &COLOURS, written);
    std::fs::write(space.path().join("voles.onnx"), network).unwrap();
    if let Some(name) = written.beside {
        std::fs::write(space.path().join(name), beside).unwrap();
    }
    space.write("classes.txt", "\u{feff}vole\r\nempty\r\n\r\n");
    space.write("pipeline.yaml", PIPELINE);
    std::fs::create_dir_all(space.path().join("raw/s1/2024")).unwrap();
    for (name, colour) in [("red", [200, 30, 30]), ("green", [30, 200, 30])] {
        let picture = image::RgbImage::from_pixel(24, 12, image::Rgb(colour));
        picture.save(space.path().join(format!("raw/s1/2024/{name}.jpg"))).unwrap();
    }
    space
}

const PIPELINE: &str = "\
trapline: 1
classes: [vole, empty]
steps:
  images: { uses: images, with: { root: raw, path: \"{site}/{season}/*.jpg\" } }
  predictions: { uses: classify, from: images, with: { model: voles@1 } }
";

const ADD: [&str; 7] = ["model", "add", "voles.onnx", "--classes", "classes.txt", "--preprocess", "unit"];

/// The labels of the red and the green image, and how sure the model is of the first.
fn predicted(space: &Space) -> (Vec<String>, f64) {
    let ran = space.run(&["run"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let shown = space.run(&["show", "predictions", "--format", "json"]);
    let rows: Vec<serde_json::Value> = shown.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let label = |file: &str| rows.iter().find(|row| row["file"] == file).unwrap();
    let labels = ["red.jpg", "green.jpg"].map(|file| label(file)["label"].as_str().unwrap().to_owned());
    (labels.to_vec(), label("red.jpg")["confidence"].as_f64().unwrap())
}

fn bundle(space: &Space) -> Bundle {
    Bundle::read(&space.path().join("models/voles/1")).unwrap()
}

#[test]
fn a_bare_network_becomes_a_bundle_and_what_it_is_found_to_be_is_said() {
    let space = space(Written::default());
    let added = space.run(&ADD);
    assert_eq!(added.code, 0, "{}", added.err);
    assert!(
        added
            .err
            .contains("voles@1: a classifier of 2 classes for images of 8 x 8 pixels, channels first; its outputs are logits"),
        "{}",
        added.err
    );
    assert_eq!((bundle(&space).output, bundle(&space).layout), (OutputKind::Logits, ChannelOrder::Nchw));
    let (labels, sure) = predicted(&space);
    assert_eq!(labels, ["vole", "empty"]);

    let others = [
        (Written { last: Some("Softmax"), ..Written::default() }, "its outputs are probabilities"),
        (Written { channels_last: true, ..Written::default() }, "channels last"),
        (Written { beside: Some("voles.onnx.data"), ..Written::default() }, "channels first"),
    ];
    for (written, words) in others {
        let space = self::space(written);
        let added = space.run(&ADD);
        assert!(added.code == 0 && added.err.contains(words), "{}", added.err);
        let (same, as_sure) = predicted(&space);
        assert!(same == labels && (as_sure - sure).abs() < 1e-6, "{words}: {same:?} {as_sure} {sure}");
    }
}

#[test]
fn weights_beside_a_network_belong_to_its_identity() {
    let written = Written { beside: Some("voles.onnx.data"), ..Written::default() };
    let space = space(written);
    let whole = linear_as(8, 8, &COLOURS, Written::default()).0;
    // The bundle as PyTorch leaves it: two files. Taken in, it is the network with its weights within.
    space.write("incoming/model.yaml", "name: voles\nversion: '1'\narchitecture: linear\ninput: { width: 8, height: 8, resize: squash }\noutput: logits\nclasses: [vole, empty]\nonnx: voles.onnx\n");
    let beside = space.path().join("incoming/voles.onnx.data");
    let incoming = |name: &str| std::fs::copy(space.path().join(name), space.path().join("incoming").join(name)).unwrap();
    incoming("voles.onnx");
    let missing = space.run(&["model", "add", "incoming"]);
    assert!(missing.code != 0 && missing.err.contains("voles.onnx.data"), "{}", missing.err);
    assert!(missing.err.contains("it belongs beside the `.onnx` file"), "{}", missing.err);
    incoming("voles.onnx.data");
    assert_eq!(space.run(&["model", "add", "incoming"]).code, 0);
    assert_eq!(bundle(&space).network().unwrap(), whole);
    assert_eq!(predicted(&space).0, ["vole", "empty"]);

    let mut changed = std::fs::read(&beside).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(space.path().join("models/voles/1/voles.onnx.data"), changed).unwrap();
    std::fs::remove_dir_all(space.path().join(".trapline")).unwrap();
    let ran = space.run(&["run"]);
    assert!(ran.code == 1 && ran.err.contains("is not the one that `models.lock` lists"), "{}", ran.err);
}

#[test]
fn imagenet_means_shorter_side_and_centre_crop() {
    let space = space(Written { any_size: true, ..Written::default() });
    let imagenet: Vec<_> = ADD.iter().map(|word| if *word == "unit" { "imagenet" } else { *word }).collect();
    let refused = space.run(&imagenet);
    assert!(refused.code != 0 && refused.err.contains("takes images of any size"), "{}", refused.err);
    let sized = [&imagenet[..], &["--size", "224x224", "--as", "big@2"]].concat();
    assert_eq!(space.run(&sized).code, 0);
    let input = Bundle::read(&space.path().join("models/big/2")).unwrap().input;
    assert_eq!((input.resize, input.margin_px, input.width), (Resize::Crop, 16, 224));
    assert!((input.mean[0] - 0.485).abs() < 1e-6 && (input.std[2] - 0.225).abs() < 1e-6);
}

#[test]
fn what_does_not_fit_is_refused_in_the_words_of_the_field() {
    let space = space(Written { last: Some("Softmax"), ..Written::default() });
    let refused = |words: &str, args: &[&str]| {
        let end = space.run(args);
        assert!(end.code != 0 && end.err.contains(words), "{words}: {}", end.err);
        assert!(!Path::new(&space.path().join("models.lock")).exists());
    };
    refused("add `--classes classes.txt` (one class in a line", &["model", "add", "voles.onnx"]);
    space.write("classes.txt", "vole\nempty\nbird\n");
    refused("the network has 2 outputs, `model.yaml` lists 3 classes", &ADD);
    space.write("classes.txt", "vole\nempty\n");
    std::fs::write(space.path().join("voles.onnx"), detector(8, 8)).unwrap();
    refused(
        "that is how detectors give boxes with their scores, and a classifier with one number for each class is needed here",
        &ADD,
    );

    // A softmax over probabilities makes every answer unsure: said before anything is classified.
    let (network, _) = linear_as(8, 8, &COLOURS, Written { last: Some("Softmax"), ..Written::default() });
    std::fs::create_dir_all(space.path().join("incoming")).unwrap();
    std::fs::write(space.path().join("incoming/net.onnx"), network).unwrap();
    let notes = "name: voles\nversion: '1'\narchitecture: linear\ninput: { width: 8, height: 8, resize: squash }\noutput: logits\nclasses: [vole, empty]\nonnx: net.onnx\n";
    space.write("incoming/model.yaml", notes);
    refused("outputs are probabilities already", &["model", "add", "incoming"]);
    let (network, _) = linear_as(8, 8, &COLOURS, Written { channels_last: true, ..Written::default() });
    std::fs::write(space.path().join("incoming/net.onnx"), network).unwrap();
    refused("channels last: write `layout: nhwc`", &["model", "add", "incoming"]);
    space.write(
        "incoming/model.yaml",
        &notes.replace("logits", "probabilities").replace("resize: squash", "resize: squish, with: 8"),
    );
    refused("has 2 faults:", &["model", "add", "incoming"]);
}

#[test]
fn every_key_of_a_bundle_is_explained_with_an_example() {
    let space = Space::new();
    for topic in ["model.yaml", "model"] {
        let page = space.run(&["help", topic]);
        assert_eq!(page.code, 0, "{}", page.err);
        for field in trapline::model::fields::FIELDS {
            assert!(page.out.contains(field.key), "{topic}: {}", field.key);
        }
        assert!(
            page.out.contains("  name: small_mammals\n") && page.out.lines().all(|line| line.chars().count() <= 100),
            "{}",
            page.out
        );
    }
}

#[test]
fn a_keras_classifier_becomes_a_bundle_that_says_what_the_network_says() {
    let Some(python) = crate::python::python("Python with h5py, which reads Keras files") else { return };
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let space = Space::new();
    let run = |script: &str, args: &[&str]| {
        let output = std::process::Command::new(&python).current_dir(space.path()).arg(project.join(script)).args(args).output();
        let output = output.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (made, error) = run("tests/tools/keras_network.py", &["."]);
    assert!(made, "{error}");
    let expected: serde_json::Value = serde_json::from_str(&space.read("expected.json")).unwrap();
    let converted = |name: &str, preprocess: &str| {
        let file = format!("{name}.h5");
        let model = format!("{name}@1");
        let folder = format!("bundles/{name}");
        let args = [&file, "--classes", "classes.txt", "--as", &model, "--preprocess", preprocess, "--out", &folder];
        run("examples/keras_model/convert.py", &args)
    };
    std::fs::create_dir_all(space.path().join("raw/s1/2024")).unwrap();
    std::fs::rename(space.path().join("image.png"), space.path().join("raw/s1/2024/image.png")).unwrap();
    for (name, case) in expected.as_object().unwrap() {
        let (made, error) = converted(name, case[0].as_str().unwrap());
        assert!(made, "{name}: {error}");
        let added = space.run(&["model", "add", &format!("bundles/{name}")]);
        assert_eq!(added.code, 0, "{name}: {}", added.err);
        let pipeline = PIPELINE.replace("*.jpg", "*.png").replace("voles@1", &format!("{name}@1"));
        space.write("pipeline.yaml", &pipeline.replace("[vole, empty]", "[empty, vole, stoat]"));
        assert_eq!(space.run(&["run"]).code, 0);
        let shown = space.run(&["show", "predictions", "--format", "json"]);
        let row: serde_json::Value = serde_json::from_str(shown.out.trim()).unwrap();
        for (class, wanted) in ["p_empty", "p_vole", "p_stoat"].iter().zip(case[1].as_array().unwrap()) {
            let (found, wanted) = (row[*class].as_f64().unwrap(), wanted.as_f64().unwrap());
            assert!((found - wanted).abs() < 1e-5, "{name} {class}: {found} {wanted}");
        }
    }
    let (made, error) = converted("lambda", "unit");
    assert!(!made && error.contains("`own` is of the kind `Lambda`, which is not read"), "{error}");
    let (made, error) = converted("weights", "unit");
    assert!(!made && error.contains("save the whole model"), "{error}");
    space.write("classes.txt", "empty\n");
    let (made, error) = converted("nested", "unit");
    assert!(!made && error.contains("the network has 3 outputs"), "{error}");
}
