//! A review that is sent as a folder, and its answers that come back.

use std::collections::BTreeSet;

use serde_json::Value;
use trapline::id::ContentId;

use crate::support::TestSpace;
use crate::{answered, serve, space, status, trapline};

/// The data in a page that was sent.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"trapline-data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn files(space: &TestSpace, folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(space.path(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_folder_holds_the_page_what_is_left_to_answer_and_its_images() {
    let space = space();
    let server = serve(&space, &[]);
    let images = server.images("ben");
    server.answer("ben", &[(&images[0], Some("vole"))]);
    drop(server);
    let (code, out, err) = trapline(&space, &["review", "qc", "--reviewer", "ben", "--export", "for_ben", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&said["asked"], &said["unshown"]), (&2.into(), &serde_json::json!([])));
    assert_eq!(files(&space, "for_ben"), ["images", "review.html"].map(str::to_owned).into());
    let page = space.read("for_ben/review.html");
    let data = data(&page);
    assert_eq!((&data["session"]["reviewer"], &data["session"]["asked"]), (&"ben".into(), &2.into()));
    let asked: BTreeSet<&str> = data["items"].as_array().unwrap().iter().map(|item| item["image"].as_str().unwrap()).collect();
    assert_eq!(asked, [&images[1][..], &images[2][..]].into());
    let shown = data["images"].as_object().unwrap();
    for (image, file) in shown {
        let bytes = std::fs::read(space.path(&format!("for_ben/{}", file.as_str().unwrap()))).unwrap();
        assert_eq!(ContentId::of(&bytes).hex(), *image);
        // Neither the place nor the file's own name.
        assert!(file.as_str().unwrap().starts_with(&format!("images/{}", &image[..16])), "{file}");
    }
    assert_eq!(files(&space, "for_ben/images").len(), shown.len());
    assert!(asked.iter().all(|image| shown.contains_key(*image) && data["frames"][*image]["event"].is_array()));
    // One page, from nowhere else, with nothing that would let somebody into a server.
    assert!(!page.contains("<link rel=\"stylesheet\"") && !page.contains("<script src") && !page.contains("http://127"));
    assert!(page.contains("default-src 'none'"));
    // What is there is not written over.
    let (code, _, err) = trapline(&space, &["review", "qc", "--reviewer", "ben", "--export", "for_ben"]);
    assert!(code == 2 && err.contains("for_ben"), "{err}");
    let (code, _, err) = trapline(&space, &["review", "qc", "--export", "for_all"]);
    assert!(code == 2 && err.contains("--reviewer") && !space.path("for_all").exists(), "{err}");
}

#[test]
fn a_blind_folder_tells_nothing_of_what_the_model_said() {
    let space = crate::roles::predicted("blind: true");
    let (code, _, err) = trapline(&space, &["review", "qc", "--reviewer", "ben", "--export", "for_ben"]);
    assert_eq!(code, 0, "{err}");
    let page = space.read("for_ben/review.html");
    let data = data(&page).to_string();
    for word in crate::roles::telltales(&space) {
        assert!(!data.contains(&word), "{word}");
    }
    assert!(!page.contains("demo_mammals"));
    let names = files(&space, "for_ben/images");
    let classes = ["vole", "stoat", "empty", "bird", "shrew", "lemming", "weasel"];
    assert!(!names.is_empty() && names.iter().all(|name| classes.iter().all(|class| !name.contains(class))), "{names:?}");
}

/// A row as the page saves it, by its columns.
fn row(label: &str, image: &str, class: &str, supersedes: &str, comment: &str) -> String {
    format!("{label},b3:{image},{class},ben,2026-02-03T04:05:06Z,class,blind,{supersedes},,a,2024,x.jpg,{comment}\r\n")
}

#[test]
fn the_answers_that_the_page_saves_are_read_back() {
    let space = space();
    let images = serve(&space, &[]).images("ben");
    let site = |image: &str| if ContentId::of(&crate::support::jpeg(3)).hex() == image { "b" } else { "a" };
    let head = format!("\u{feff}{}\r\n", trapline::labels::COLUMNS.join(","));
    let rows = [
        row("lb:00000000000000000001", &images[0], "vole", "", "\"[difficult] [clock wrong] dark, wet\""),
        row("lb:00000000000000000002", &images[1], "unknown", "", ""),
        row("lb:00000000000000000003", &images[2], "empty", "", ""),
    ];
    let placed = |rows: &[String], images: &[&String]| -> String {
        rows.iter().zip(images).map(|(row, image)| row.replace(",a,2024", &format!(",{},2024", site(image)))).collect()
    };
    let all: Vec<&String> = images.iter().collect();
    space.write("answers.csv", head.clone() + &placed(&rows, &all));
    let add = ["labels", "add", "qc", "--reviewer", "ben", "answers.csv"];
    let (code, out, err) = trapline(&space, &add);
    assert_eq!((code, out.lines().count()), (0, 3), "{err}");
    assert_eq!(status(&space)["answered"], 3);
    let (_, _, err) = trapline(&space, &add);
    assert!(err.contains("0 answers added") && err.contains("3 stood already"), "{err}");
    let server = serve(&space, &[]);
    let comments: Vec<Value> = server.queue("ben").into_iter().map(|item| item["answer"]["comment"].clone()).collect();
    assert_eq!(comments, ["[difficult] [clock wrong] dark, wet", "", ""]);
    drop(server);
    // Later ben takes one back and changes another, and saves once more.
    let rows = [
        row("lb:00000000000000000004", &images[0], "", "lb:00000000000000000001", ""),
        row("lb:00000000000000000005", &images[1], "vole", "", ""),
        rows[2].clone(),
    ];
    space.write("answers.csv", head + &placed(&rows, &all));
    let (code, _, err) = trapline(&space, &add);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("2 answers added") && err.contains("1 stood already"), "{err}");
    let server = serve(&space, &[]);
    let stands: Vec<String> = images.iter().map(|image| answered(&server, "ben")[image].clone()).collect();
    assert_eq!(stands, ["", "vole", "empty"]);
    let counted = status(&space);
    assert_eq!((&counted["answered"], &counted["findings"]), (&2.into(), &serde_json::json!([])));
}
