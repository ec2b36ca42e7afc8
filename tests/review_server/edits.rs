//! Label files that others change while the server runs.

use serde_json::Value;

use crate::support::TestSpace;
use crate::support::http::Server;
use crate::{answered, file, label, rows, serve, space, status};

/// A server where `anna` said `vole` of the first image, and the images.
fn begun(space: &TestSpace) -> (Server, Vec<String>) {
    let server = serve(space, &[]);
    let images = server.images("anna");
    server.answer("anna", &[(&images[0], Some("vole"))]);
    (server, images)
}

fn notes(server: &Server) -> Vec<String> {
    let changes = server.get("/api/changes?reviewer=anna");
    changes["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap().to_owned()).collect()
}

fn news(server: &Server, since: &Value) -> Vec<String> {
    let changes = server.get(&format!("/api/changes?reviewer=anna&since={since}"));
    changes["items"].as_array().unwrap().iter().map(|item| item["image"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_row_that_somebody_added_and_a_class_that_somebody_changed_are_taken_up() {
    let space = space();
    let (server, images) = begun(&space);
    let since = server.get("/api/queue?reviewer=anna")["revision"].clone();
    let text = space.read(&file("anna"));
    space.write(&file("anna"), format!("{text},b3:{},empty,anna,2026-01-01T00:00:00Z,class,blind,,,,,,by hand\n", images[1]));
    assert_eq!(news(&server, &since), [images[1].clone()]);
    assert_eq!(answered(&server, "anna")[&images[1]], "empty");
    // As long as before, so that only its time tells.
    let text = space.read(&file("anna"));
    space.write(&file("anna"), text.replace(",empty,anna", ",volex,anna").replacen(",vole,anna", ",empty,anna", 1));
    assert_eq!(answered(&server, "anna")[&images[0]], "empty");
    assert!(notes(&server).iter().any(|note| note.contains("volex") && note.contains("declare")), "{:?}", notes(&server));
    // An answer right after an edit is added to what is there now.
    let text = space.read(&file("anna")).replace("volex", "empty") + "\n";
    space.write(&file("anna"), &text);
    server.answer("anna", &[(&images[2], Some("vole"))]);
    assert!(space.read(&file("anna")).starts_with(&text));
    assert_eq!(answered(&server, "anna").into_values().collect::<Vec<_>>().concat().len(), "emptyemptyvole".len());
    assert_eq!(status(&space)["answered"], 3);
    // Another reviewer's file appears.
    space.write(&file("ben"), format!("observation,class\nb3:{},vole\n", images[0]));
    assert_eq!(answered(&server, "ben")[&images[0]], "vole");
}

#[test]
fn a_file_that_a_spreadsheet_saved_goes_on_in_its_own_form() {
    let space = space();
    let (server, images) = begun(&space);
    let text = space.read(&file("anna"));
    let saved = format!("\u{feff}{}", text.replace(',', ";").replace('\n', "\r\n"));
    space.write(&file("anna"), &saved);
    assert_eq!(answered(&server, "anna")[&images[0]], "vole");
    let body =
        serde_json::json!({ "reviewer": "anna", "answers": [{ "image": images[1], "class": "empty", "comment": "a;b, \"c\"" }] });
    let reply = server.posting("/api/answers", "").carrying(&body).send();
    assert_eq!(reply.status, 200);
    let now = space.read(&file("anna"));
    assert!(now.starts_with(&saved) && now.ends_with(";\"a;b, \"\"c\"\"\"\r\n"), "{now}");
    assert_eq!(rows(&space).0[1].comment, "a;b, \"c\"");
    // One that lost columns cannot take a row: another file beside it does.
    let few = format!("observation;class\r\nb3:{};vole\r\n", images[0]);
    space.write(&file("anna"), &few);
    server.answer("anna", &[(&images[2], Some("vole"))]);
    assert_eq!(space.read(&file("anna")), few);
    assert_eq!(space.read("labels/qc/anna-2.csv").lines().count(), 2);
    assert_eq!(answered(&server, "anna"), answered(&serve(&space, &[]), "anna"));
}

#[test]
fn more_answers_than_one_reply_tells_of_arrive_in_several() {
    let space = TestSpace::new();
    space.write("pipeline.yaml", crate::support::PIPELINE);
    let jpeg = crate::support::jpeg(1);
    for number in 0..1500_u16 {
        space.write(&format!("raw/a/2024/{number}.jpg"), [&jpeg[..], &number.to_be_bytes()].concat());
    }
    crate::ask(&space, "metadata", "blind: true");
    let server = serve(&space, &[]);
    let opened = server.get("/api/queue?reviewer=anna");
    assert_eq!((&opened["total"], opened["items"].as_array().unwrap().len()), (&1500.into(), 200));
    let images: Vec<String> =
        (0..1500_u16).map(|number| trapline::id::ContentId::of(&[&jpeg[..], &number.to_be_bytes()].concat()).hex()).collect();
    let rows: String = images.iter().map(|image| format!("b3:{image},vole\n")).collect();
    space.write(&file("ben"), format!("observation,class\n{rows}"));
    let (mut since, mut heard) = (opened["revision"].clone(), std::collections::BTreeSet::new());
    for turn in 0.. {
        let some = news(&server, &since);
        if some.is_empty() {
            assert_eq!(turn, 2);
            break;
        }
        heard.extend(some);
        since = server.get(&format!("/api/changes?reviewer=anna&since={since}"))["revision"].clone();
        // Answers of this page must not hide what it has not heard yet.
        server.answer("anna", &[(&images[0], Some("vole"))]);
    }
    assert_eq!(heard.len(), 1500);
    assert_eq!(server.get("/api/changes?reviewer=anna")["counts"]["to_do"], 0);
}

#[test]
fn a_file_that_git_replaced_is_read_and_nothing_goes_to_the_old_one() {
    let space = space();
    let (server, images) = begun(&space);
    let mine = space.read(&file("anna"));
    let other = format!("{mine},b3:{},empty,anna,2026-01-01T00:00:00Z,class,blind,,,,,,merged\n", images[1]);
    space.write("labels/incoming", &other);
    std::fs::rename(space.path("labels/incoming"), space.path(&file("anna"))).unwrap();
    let taken = server.answer("anna", &[(&images[2], Some("vole"))]);
    let now = space.read(&file("anna"));
    assert!(now.starts_with(&other) && now.contains(&label(&taken)));
    assert_eq!(answered(&server, "anna")[&images[1]], "empty");
    // A state without an answer that was there is said: nobody else knows that it is gone.
    let kept: String = now.lines().take(2).map(|line| format!("{line}\n")).collect();
    space.write(&file("anna"), &kept);
    assert!(
        notes(&server).iter().any(|note| note.contains("took 2 answers of `anna`") && note.contains("labels/qc")),
        "{:?}",
        notes(&server)
    );
    assert_eq!(answered(&server, "anna")[&images[2]], "");
    std::fs::remove_file(space.path(&file("anna"))).unwrap();
    server.answer("anna", &[(&images[2], Some("vole"))]);
    assert_eq!(rows(&space).0.len(), 1);
    assert_eq!(answered(&server, "anna")[&images[0]], "");
}

#[test]
fn a_file_in_the_middle_of_a_merge_is_left_alone_and_said() {
    let space = space();
    let (server, images) = begun(&space);
    let text = space.read(&file("anna"));
    let row = |class: &str| format!(",b3:{},{class},anna,2026-01-01T00:00:00Z,class,blind,,,,,,\n", images[1]);
    let merging = format!("{text}<<<<<<< ours\n{}=======\n{}>>>>>>> theirs\n", row("vole"), row("empty"));
    space.write(&file("anna"), &merging);
    let said = notes(&server);
    assert!(said.iter().any(|note| note.contains("labels/qc/anna.csv") && note.contains("merge")), "{said:?}");
    // What was known stands, and what is answered meanwhile is kept beside it.
    assert_eq!(answered(&server, "anna")[&images[0]], "vole");
    let taken = server.answer("anna", &[(&images[2], Some("vole"))]);
    assert_eq!(space.read(&file("anna")), merging);
    assert!(space.read("labels/qc/anna-2.csv").contains(&label(&taken)));
    // With the merge done all of it counts.
    space.write(&file("anna"), format!("{text}{}", row("empty")));
    let all = answered(&server, "anna");
    assert_eq!((&all[&images[0]][..], &all[&images[1]][..], &all[&images[2]][..]), ("vole", "empty", "vole"));
    assert_eq!(notes(&server), Vec::<String>::new());
    assert_eq!(status(&space)["answered"], 3);
}

#[test]
fn a_file_in_utf_16_is_read_and_never_written_into() {
    let space = space();
    let (server, images) = begun(&space);
    let text = space.read(&file("anna"));
    let wide: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.replace(',', "\t").encode_utf16()).flat_map(u16::to_le_bytes).collect();
    space.write(&file("anna"), &wide);
    assert_eq!(answered(&server, "anna")[&images[0]], "vole");
    server.answer("anna", &[(&images[0], Some("empty")), (&images[1], Some("vole"))]);
    assert_eq!(std::fs::read(space.path(&file("anna"))).unwrap(), wide);
    assert_eq!(answered(&server, "anna")[&images[0]], "empty");
    assert_eq!(answered(&serve(&space, &[]), "anna"), answered(&server, "anna"));
    // No text at all: said by name, and left alone.
    let bytes = [b"PK\x03\x04".as_slice(), &[0; 80]].concat();
    space.write(&file("ben"), &bytes);
    assert!(
        notes(&server).iter().any(|note| note.contains("labels/qc/ben.csv") && note.contains("CSV UTF-8")),
        "{:?}",
        notes(&server)
    );
    server.answer("anna", &[(&images[2], Some("vole"))]);
    assert_eq!(std::fs::read(space.path(&file("ben"))).unwrap(), bytes);
    assert_eq!(server.get("/api/changes?reviewer=anna")["counts"]["mine"], 3);
}

#[test]
fn bad_rows_are_named_by_file_and_line_and_stay_where_they_are() {
    let space = space();
    let (server, images) = begun(&space);
    let text = space.read(&file("anna")) + "torn,row\n";
    space.write(&file("anna"), &text);
    assert!(notes(&server).iter().any(|note| note.contains("labels/qc/anna.csv line 3")), "{:?}", notes(&server));
    // The beginning of a row, as a power cut leaves it: the next one does not run into it.
    let text = text + "lb:0,b3:00,\"vole";
    space.write(&file("anna"), &text);
    server.answer("anna", &[(&images[1], Some("vole"))]);
    let now = space.read(&file("anna"));
    assert!(now.starts_with(&text));
    assert_eq!((rows(&space).0.len(), rows(&space).1), (2, 2));
    assert_eq!(answered(&serve(&space, &[]), "anna")[&images[1]], "vole");
}

#[test]
fn a_folder_that_takes_no_files_is_a_refusal_that_names_it() {
    let space = space();
    // A file where the folder should be; no permission is needed to make one fail, whoever runs the tests.
    let server = serve(&space, &[]);
    let image = server.images("anna").swap_remove(0);
    space.write("labels", "in the way");
    let refused = server.posting("/api/answers", crate::support::http::answering("anna", &[(&image, Some("vole"))]));
    refused.refused(409, "changed_file");
    assert!(refused.send().text().contains("labels/qc"));
    assert_eq!(answered(&server, "anna")[&image], "");
    std::fs::remove_file(space.path("labels")).unwrap();
    assert_eq!(refused.send().status, 200);
}
