//! Heatmaps: of a network whose map is known by hand, and of the demo's.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod onnx;
mod support;

use support::TestSpace;
use trapline::run::event::Outcome;
use trapline::table::Table;

/// A project with one model that calls red images `vole` and green ones `stoat`: its map is the image itself.
fn colours() -> TestSpace {
    let space = TestSpace::new();
    let network = onnx::linear(8, 8, &[([0.0, 0.0, 0.0], 0.5), ([4.0, -1.0, -1.0], 0.0), ([-1.0, 4.0, -1.0], 0.0)], None);
    space.write("new/model.onnx", network);
    let notes = "name: colours\nversion: 1\narchitecture: linear\ninput: { width: 8, height: 8, resize: squash }\noutput: logits\n\
                 classes: [empty, vole, stoat]\nonnx: model.onnx\n";
    space.write("new/model.yaml", notes);
    trapline::model::add(space.dir.path(), &space.path("new")).unwrap();
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: colours\nclasses: [empty, vole, stoat]\nsteps:\n  images:\n    uses: images\n    with: { root: raw, path: \
         \"{site}/*.png\" }\n  maps:\n    uses: heatmap\n    from: images\n    with: { model: colours@1, into: maps, map: image, node: flat }\n",
    );
    space
}

/// Black, with a spot of colour in one of the 8 x 8 fields of 4 pixels.
fn spot(space: &TestSpace, name: &str, column: u32, row: u32, colour: [u8; 3]) {
    let picture =
        image::RgbImage::from_fn(32, 32, |x, y| image::Rgb(if (x / 4, y / 4) == (column, row) { colour } else { [0; 3] }));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    space.write(&format!("raw/{name}"), bytes.into_inner());
}

fn focus(table: &Table, row: usize) -> Option<(f64, f64, f64)> {
    let value = |name: &str| table.column(name).unwrap().float64(row);
    Some((value("focus_x")?, value("focus_y")?, value("focus_share")?))
}

fn files(space: &TestSpace) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(space.path("maps"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

#[test]
fn the_evidence_lies_where_the_colour_is() {
    let space = colours();
    spot(&space, "a/1.png", 6, 5, [255, 0, 0]);
    spot(&space, "a/2.png", 1, 2, [0, 255, 0]);
    spot(&space, "a/3.png", 0, 0, [0, 0, 255]);
    space.edit("pipeline.yaml", "node: flat", "node: flat, for: vole");
    let ran = space.run();
    let table = space.table("maps");
    let at = |field: f64| (field + 0.5) / 8.0;
    let (x, y, share) = focus(&table, 0).unwrap();
    assert!((x - at(6.0)).abs() < 0.02 && (y - at(5.0)).abs() < 0.02 && share < 0.04, "{x} {y} {share}");
    assert_eq!((focus(&table, 1), focus(&table, 2)), (None, None), "nothing in them is red");
    assert_eq!(ran.findings("maps"), [("no_evidence".to_owned(), 2)]);
    assert_eq!(space.column("maps", "heatmap_class"), ["vole"; 3]);

    // The picture is warm there, and as it was elsewhere.
    let name = space.column("maps", "heatmap")[0].clone();
    let picture = image::open(space.path(&name)).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (32, 32));
    let (warm, cold) = (picture.get_pixel(26, 22).0, picture.get_pixel(4, 27).0);
    assert!(warm[0] > 200 && warm[1] > 60, "{warm:?}");
    assert!(cold.iter().all(|value| *value < 12), "{cold:?}");
    // The other class lies where it is green.
    space.edit("pipeline.yaml", "for: vole", "for: stoat");
    space.run();
    let (x, y, _) = focus(&space.table("maps"), 1).unwrap();
    assert!((x - at(1.0)).abs() < 0.02 && (y - at(2.0)).abs() < 0.02, "{x} {y}");
}

#[test]
fn an_image_that_is_stored_turned_is_drawn_upright_with_its_evidence() {
    let space = colours();
    spot(&space, "a/1.png", 6, 1, [255, 0, 0]);
    // The orientation 6, in a chunk behind the header: to be turned clockwise.
    let plain = std::fs::read(space.path("raw/a/1.png")).unwrap();
    let exif = b"eXIfII*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let length = u32::try_from(exif.len() - 4).unwrap().to_be_bytes();
    let check = exif.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 })
    });
    let turned = [&plain[..33], &length, exif, &(!check).to_be_bytes(), &plain[33..]].concat();
    space.write("raw/a/1.png", turned);
    space.edit("pipeline.yaml", "node: flat", "node: flat, for: vole");
    space.run();
    let at = |field: f64| (field + 0.5) / 8.0;
    let drawn = |space: &TestSpace| {
        let picture = image::open(space.path(&space.column("maps", "heatmap")[0])).unwrap().to_rgb8();
        let (x, y, _) = focus(&space.table("maps"), 0).unwrap();
        (picture, x, y)
    };
    let (picture, x, y) = drawn(&space);
    // What was right of the middle at the top is right of the middle at the bottom.
    assert!((x - at(6.0)).abs() < 0.02 && (y - at(6.0)).abs() < 0.02, "{x} {y}");
    assert!(picture.get_pixel(26, 26).0[0] > 200 && picture.get_pixel(26, 6).0.iter().all(|value| *value < 12));
    // A model that sees images upright finds the same place, and is another model.
    let before = space.table("maps");
    let notes = space
        .read("new/model.yaml")
        .replace("resize: squash", "resize: squash, upright: true")
        .replace("version: 1", "version: 2");
    space.write("new/model.yaml", notes);
    trapline::model::add(space.dir.path(), &space.path("new")).unwrap();
    space.edit("pipeline.yaml", "colours@1", "colours@2");
    space.run();
    let (again, x_again, y_again) = drawn(&space);
    assert!((x - x_again).abs() < 0.02 && (y - y_again).abs() < 0.02, "{x_again} {y_again}");
    assert_eq!((again.dimensions(), before.rows), (picture.dimensions(), 1));
    let lock = space.read("models.lock");
    let ids: std::collections::BTreeSet<&str> = lock.lines().filter(|line| line.contains("id: ")).collect();
    assert_eq!(ids.len(), 2, "{lock}");
}

#[test]
fn pictures_are_named_by_class_and_confidence_and_old_ones_go() {
    let space = colours();
    for name in ["a/1.png", "b/1.png"] {
        spot(&space, name, 3, 3, [255, if name == "a/1.png" { 0 } else { 9 }, 0]);
    }
    space.write("maps/notes.txt", "mine");
    space.run();
    let first = files(&space);
    // softmax(.5, 4/64, -1/64) of the mean colour: it is mostly black.
    assert_eq!(first, ["a_1_empty_0.45.jpg", "b_1_empty_0.45.jpg", "notes.txt"]);
    let confidence = space.table("maps").column("heatmap_confidence").unwrap().float32(0).unwrap();
    let exp = |score: f32| score.exp();
    let expected = exp(0.5) / (exp(0.5) + exp(4.0 / 64.0) + exp(-1.0 / 64.0));
    assert!((confidence - expected).abs() < 0.01, "{confidence} {expected}");
    // Once more: nothing is drawn. With a limit: what is beyond it goes, what a person put there stays.
    assert!(space.run().ran().is_empty());
    space.edit("pipeline.yaml", "node: flat", "node: flat, limit: 1");
    let ran = space.run();
    assert_eq!(ran.findings("maps"), [("left_out".to_owned(), 1), ("no_evidence".to_owned(), 1)]);
    assert_eq!((files(&space), space.table("maps").rows), (vec!["a_1_empty_0.45.jpg".into(), "notes.txt".into()], 1));
}

#[test]
fn mistakes_are_told() {
    let space = colours();
    spot(&space, "a/1.png", 3, 3, [255, 0, 0]);
    let failure = |old: &str, new: &str| {
        space.edit("pipeline.yaml", old, new);
        let ran = space.try_run().unwrap();
        assert_eq!(ran.outcome, Outcome::Failed, "{new}");
        space.edit("pipeline.yaml", new, old);
        ran.errors()[0].clone()
    };
    assert!(failure("map: image", "map: nothing").contains("the network computes nothing called `nothing`"));
    assert!(failure("map: image", "map: flat").contains("`flat` is not a map"));
    assert!(failure("node: flat", "node: pooled").contains("model `colours@1` cannot be looked into"));
    space.write("raw/a/2.png", b"no image");
    assert_eq!(space.run().findings("maps")[0], ("quarantined".to_owned(), 1));
}

#[test]
fn a_network_that_gives_probabilities_is_refused() {
    let space = colours();
    spot(&space, "a/1.png", 3, 3, [255, 0, 0]);
    let network =
        onnx::linear(8, 8, &[([0.0, 0.0, 0.0], 0.5), ([4.0, -1.0, -1.0], 0.0), ([-1.0, 4.0, -1.0], 0.0)], Some("Softmax"));
    space.write("new/model.onnx", network);
    let notes =
        space.read("new/model.yaml").replace("version: 1", "version: 2").replace("output: logits", "output: probabilities");
    space.write("new/model.yaml", notes);
    trapline::model::add(space.dir.path(), &space.path("new")).unwrap();
    space.edit("pipeline.yaml", "colours@1", "colours@2");
    assert!(
        space.try_run().unwrap().errors()[0]
            .contains("is not an average over the image and one layer of class scores (`output: logits`)")
    );
}

#[test]
fn the_demo_model_can_be_looked_into() {
    let space = TestSpace::with_model();
    let pipeline = space.read("pipeline.yaml");
    let maps = "  maps:\n    uses: heatmap\n    from: predictions\n    with: { model: demo_mammals@1, into: maps }\n";
    space.write("pipeline.yaml", format!("{pipeline}{maps}"));
    for seed in 1..=3 {
        space.image(&format!("raw/a/2024/{seed}.jpg"), seed);
    }
    space.run();
    let table = space.table("maps");
    assert_eq!(space.column("maps", "heatmap_class"), space.column("maps", "label"), "the class is that of `classify`");
    for row in 0..3 {
        let (drawn, classified) = (table.column("heatmap_confidence").unwrap(), table.column("confidence").unwrap());
        assert!((drawn.float32(row).unwrap() - classified.float32(row).unwrap()).abs() < 1e-6);
    }
}
