//! What a bundle reads, refuses, writes and is identified by.

use super::*;

const YAML: &str = "\
name: voles
version: 2021.10
architecture: small
input: { width: 96, height: 64, resize: squash, crop_bottom_px: 24, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
output: logits
classes: [empty, vole, mus_erm]
taxonomy: { mus_erm: stoat }
onnx: model.onnx
training: { images: 5, by: [a, b] }
";

fn folder_with(yaml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(MODEL_FILE), yaml).unwrap();
    std::fs::write(folder.path().join("model.onnx"), b"network").unwrap();
    folder
}

fn read(yaml: &str) -> Result<Bundle, String> {
    let folder = folder_with(yaml);
    Bundle::read(folder.path()).map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        format!("{error}{cause}").replace(&folder.path().display().to_string(), "B").replace('\\', "/")
    })
}

#[test]
fn a_bundle_reads_as_written() {
    let bundle = read(YAML).unwrap();
    assert_eq!(bundle.model(), "voles@2021.10");
    assert_eq!(bundle.predicted_classes(), ["empty", "vole", "stoat"]);
    assert_eq!((bundle.input.width, bundle.input.height, bundle.input.crop_bottom_px), (96, 64, 24));
}

#[test]
fn the_identity_changes_with_what_changes_a_prediction_and_with_nothing_else() {
    let id = |yaml: &str| read(yaml).unwrap().id(b"network");
    let base = id(YAML);
    insta::assert_snapshot!(base, @"b3:c55cee07259d13d725d56f29a6714554c6e8c9a81a77cbfb2dad8f6870fec772");
    for same in [("by: [a, b]", "by: [c]"), ("voles", "mice"), ("2021.10", "9"), ("architecture: small", "architecture: big")] {
        assert_eq!(base, id(&YAML.replace(same.0, same.1)), "{same:?}");
    }
    // What is said although it holds anyway changes nothing either.
    let defaults = [
        ("logits", "logits\ntemperature: 1.0"),
        ("logits", "logits\nlayout: nchw"),
        ("_px: 24", "_px: 24, margin_px: 0"),
        ("_px: 24", "_px: 24, upright: false"),
    ];
    for (old, new) in defaults {
        assert_eq!(base, id(&YAML.replace(old, new)), "{new}");
    }
    let others = [
        ("logits", "logits\ntemperature: 1.3"),
        ("logits", "logits\ntemperature: 1.4"),
        ("_px: 24", "_px: 24, margin_px: 16"),
        ("_px: 24", "_px: 24, margin_px: 15"),
        ("_px: 24", "_px: 24, upright: true"),
        ("width: 96", "width: 95"),
        ("height: 64", "height: 65"),
        ("squash", "letterbox"),
        ("squash", "crop"),
        ("output: logits", "layout: nhwc\noutput: logits"),
        ("_px: 24", "_px: 23"),
        ("0.406", "0.407"),
        ("0.225", "0.226"),
        ("logits", "probabilities"),
        ("[empty, vole", "[vole, empty"),
        ("{ mus_erm: stoat }", "{}"),
        ("{ mus_erm: stoat }", "{ vole: stoat }"),
    ];
    let mut seen = BTreeSet::from([base]);
    for (old, new) in others {
        assert!(seen.insert(id(&YAML.replace(old, new))), "`{new}` kept the identity");
    }
    assert!(seen.insert(read(YAML).unwrap().id(b"network!")));
}

#[test]
fn two_outputs_of_one_programme_class_are_one_prediction() {
    let bundle = read(&YAML.replace("{ mus_erm: stoat }", "{ mus_erm: vole }")).unwrap();
    assert_eq!(bundle.predicted_classes(), ["empty", "vole"]);
    assert_eq!(bundle.programme_classes(), ["empty", "vole", "vole"]);
}

#[test]
fn mistakes_name_file_key_and_way_out() {
    let message = |old: &str, new: &str| read(&YAML.replace(old, new)).unwrap_err();
    insta::assert_snapshot!(message("width: 96", "width: 0"), @"`B/model.yaml`, `input.width`: 0 is not within 1-4096 pixels");
    insta::assert_snapshot!(message("_px: 24", "_px: 9999"), @"`B/model.yaml`, `input.crop_bottom_px`: 9999 is not within 0-4096 pixels");
    insta::assert_snapshot!(message("0.225", "0"), @"`B/model.yaml`, `input.std`: 0 is not a number to divide by; it must be above 0");
    insta::assert_snapshot!(message("0.406", ".nan"), @"`B/model.yaml`, `input.mean`: NaN is not a number to subtract");
    insta::assert_snapshot!(message("vole, mus_erm", "vole, vole"), @"
    `B/model.yaml` has 2 faults:
      `classes`: `vole` is listed twice; each output needs a name of its own
      `taxonomy`: `mus_erm` is not among `classes`
    ");
    assert!(
        message("[empty, vole, mus_erm]", "[]")
            .contains("`classes`: the list is empty; write the network's classes in output order")
    );
    insta::assert_snapshot!(message("{ mus_erm: stoat }", "{ mus_er: stoat }"), @"`B/model.yaml`, `taxonomy`: `mus_er` is not among `classes`; did you mean `mus_erm`?");
    insta::assert_snapshot!(message("onnx: model.onnx", "onnx: ../model.onnx"), @"`B/model.yaml`, `onnx`: `../model.onnx` must lie inside the bundle's folder");
    insta::assert_snapshot!(message("onnx: model.onnx", "onnx: gone.onnx"), @"`B/model.yaml`, `onnx`: `gone.onnx` is not a file of the bundle");
    insta::assert_snapshot!(message("name: voles", "name: a/b"), @"`B/model.yaml`, `name`: `a/b` cannot name a folder on every system; use letters, digits, `_`, `-` and `.`, with a letter or digit at both ends");
    insta::assert_snapshot!(message("output: logits", "outputs: logits"), @"
    `B/model.yaml` has 2 faults:
      `outputs`: there is no such key; did you mean `output`?
      `output`: it is missing; write `logits` or `probabilities`: whether the network's outputs still need a softmax (`logits`) or are 0-1 and sum to 1 already
    ");
    insta::assert_snapshot!(message("squash", "stretch"), @"`B/model.yaml`, `input.resize`: `stretch` is not `squash`, `letterbox` or `crop`");
    // All at once, those of form and those of meaning.
    let yaml = YAML.replace("width: 96, ", "").replace("0.225", "-1").replace("[empty, vole, mus_erm]", "[empty, empty]")
        + "clases: []\n";
    let error = read(&yaml).unwrap_err();
    for words in [
        "has 2 faults",
        "`clases`: there is no such key; did you mean `classes`?",
        "`input.width`: it is missing; write a whole number: pixels",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    let error = read(&yaml.replace("height: 64", "width: 96, height: 64")).unwrap_err();
    for words in [
        "`clases`",
        "`input.std`: -1 is not a number to divide by",
        "`classes`: `empty` is listed twice",
        "`taxonomy`: `mus_erm` is not among",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(read("just a text").unwrap_err().contains("does not describe a model"));
}

#[test]
fn mistakes_of_temperature_margin_and_weights_name_the_way_out_too() {
    let message = |old: &str, new: &str| read(&YAML.replace(old, new)).unwrap_err();
    insta::assert_snapshot!(message("_px: 24", "_px: 24, margin_px: 2001"), @"`B/model.yaml`, `input.margin_px`: 2001 on each side makes an image of more than 4096 pixels");
    insta::assert_snapshot!(message("_px: 24", "_px: 24, margin_px: 4294967295"), @"`B/model.yaml`, `input.margin_px`: 4294967295 on each side makes an image of more than 4096 pixels");
    insta::assert_snapshot!(message("logits", "logits\ntemperature: 0"), @"`B/model.yaml`, `temperature`: 0 is not within 0.01-100; 1 changes nothing");
    insta::assert_snapshot!(message("logits", "logits\ntemperature: .nan"), @"`B/model.yaml`, `temperature`: NaN is not within 0.01-100; 1 changes nothing");
    insta::assert_snapshot!(message("logits", "probabilities\ntemperature: 2"), @"`B/model.yaml`, `temperature`: it divides logits, and this network gives probabilities: export it without its softmax");
    let weights = |path: &str| message("onnx: model.onnx", &format!("onnx: model.onnx\nweights: {path}"));
    insta::assert_snapshot!(weights("gone.safetensors"), @"`B/model.yaml`, `weights`: `gone.safetensors` is not a file of the bundle; where the weights are not handed on, take the line out");
    insta::assert_snapshot!(weights("../own.safetensors"), @"`B/model.yaml`, `weights`: `../own.safetensors` must lie inside the bundle's folder");
    insta::assert_snapshot!(weights("model.onnx"), @"`B/model.yaml`, `weights`: this is the network; the weights by name lie in a file of their own");
}

#[test]
fn weights_are_read_and_are_no_part_of_the_identity() {
    let folder = folder_with(&YAML.replace("onnx: model.onnx", "onnx: model.onnx\nweights: model.safetensors"));
    std::fs::write(folder.path().join("model.safetensors"), b"weights").unwrap();
    let bundle = Bundle::read(folder.path()).unwrap();
    assert_eq!(bundle.read_weights().unwrap().unwrap(), b"weights");
    assert_eq!(bundle.id(b"network"), read(YAML).unwrap().id(b"network"));
    assert_eq!(read(YAML).unwrap().read_weights().unwrap(), None);
}

#[test]
fn notes_describe_the_bundle_they_are_made_from() {
    let mut bundle = read(YAML).unwrap();
    let again = |bundle: &Bundle| Bundle::parse(&bundle.notes().unwrap(), MODEL_FILE.into(), &bundle.folder).unwrap();
    assert_eq!(again(&bundle), bundle);
    (bundle.temperature, bundle.input.margin_px, bundle.weights) = (1.3, 16, Some("model.safetensors".into()));
    assert_eq!(again(&bundle), bundle);
    insta::assert_snapshot!(bundle.notes().unwrap(), @r#"
    name: voles
    version: '2021.10'
    architecture: small
    input:
      width: 96
      height: 64
      resize: squash
      crop_bottom_px: 24
      margin_px: 16
      mean:
      - 0.485
      - 0.456
      - 0.406
      std:
      - 0.229
      - 0.224
      - 0.225
    output: logits
    temperature: 1.3
    classes:
    - empty
    - vole
    - mus_erm
    taxonomy:
      mus_erm: stoat
    onnx: model.onnx
    weights: model.safetensors
    training:
      images: 5
      by:
      - a
      - b
    "#);
    bundle.name = "../voles".into();
    assert!(bundle.notes().unwrap_err().to_string().contains("`../voles` cannot name a folder"));
}

#[test]
fn a_model_name_cannot_leave_its_folder() {
    assert_eq!(bundle_folder("voles@2021.1").unwrap(), Path::new("models").join("voles").join("2021.1"));
    for bad in ["voles", "@1", "voles@", "../x@1", "voles@..", "a/b@1", "C:@1", "voles@1@2", "voles@1.", "a b@1"] {
        assert!(bundle_folder(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_bundle_under_the_wrong_name_is_noticed() {
    let project = tempfile::tempdir().unwrap();
    let folder = project.path().join("models/voles/3");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(MODEL_FILE), YAML).unwrap();
    std::fs::write(folder.join("model.onnx"), b"network").unwrap();
    let error = Bundle::open(project.path(), "voles@3").unwrap_err().to_string();
    assert!(error.ends_with("`name`: the folder holds `voles@2021.10`, its place says `voles@3`"), "{error}");
}
