//! Results and labels of other programs: each row belongs to one image, or it is said.

use trapline::run::event::{Event, Outcome};
use trapline::step::Finding;

use crate::support::photo::Photo;
use crate::support::{Ran, TestSpace};

/// A pipeline that finds the results of `MegaDetector` among the images of `root`; `path` captures the rest.
fn pipeline(root: &str, path: &str, with: &str) -> String {
    format!(
        "trapline: 1\nname: detected\nclasses: [empty, animal, person, vehicle]\nsteps:\n  images:\n    uses: images\n    with: {{ root: \
         {root}, path: \"{path}\" }}\n  metadata: {{ uses: metadata, from: images }}\n  detected:\n    uses: import\n    from: metadata\n    \
         with: {{ files: [results], format: megadetector, what: predictions, detection_threshold: 0.2{with} }}\n"
    )
}

/// A result file in which each image has an animal; `more` stands in every image.
fn results(files: &[&str], more: &str) -> String {
    let image = |file: &&str| {
        let file = file.replace('\\', "\\\\");
        format!(r#"{{"file": "{file}", "detections": [{{"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.2, 0.2]}}]{more}}}"#)
    };
    let images: Vec<String> = files.iter().map(image).collect();
    format!(
        r#"{{"info": {{"format_version": "1.4", "detector": "md_v5a.0.0.pt"}}, "detection_categories": {{"1": "animal", "2": "person",
        "3": "vehicle"}}, "images": [{}]}}"#,
        images.join(",\n")
    )
}

/// Images of one numbering at sites, taken in July of `year`.
fn images(space: &TestSpace, paths: &[&str], year: u16) {
    for (seed, path) in (1_u8..).zip(paths) {
        space.write(path, Photo::new(seed).taken(&format!("{year}:07:{:02} 05:00:00", 10 + seed)).bytes());
    }
}

/// The findings of a step, whole.
fn told(ran: &Ran, name: &str) -> Vec<Finding> {
    let of_step = |event: &Event| match event {
        Event::StepFinished { step, findings, .. } if step == name => Some(findings.clone()),
        _ => None,
    };
    ran.events.iter().find_map(of_step).unwrap_or_default()
}

fn finding(ran: &Ran, kind: &str) -> Finding {
    let all = told(ran, "detected");
    all.iter().find(|finding| finding.kind == kind).cloned().unwrap_or_else(|| panic!("no {kind}: {all:?}"))
}

const THIS_YEAR: [&str; 3] =
    ["disk/2025/s1/100RECNX/IMG_0001.JPG", "disk/2025/s1/100RECNX/IMG_0002.JPG", "disk/2025/s1/100RECNX/IMG_0003.JPG"];
const LAST_YEAR: [&str; 3] = [
    "E:\\archive\\2024\\s1\\100RECNX\\IMG_0001.JPG",
    "E:\\archive\\2024\\s1\\100RECNX\\IMG_0002.JPG",
    "E:\\archive\\2024\\s1\\100RECNX\\IMG_0003.JPG",
];

#[test]
fn results_of_last_year_are_not_taken_for_this_years_images() {
    let space = TestSpace::new();
    images(&space, &THIS_YEAR, 2025);
    space.write("pipeline.yaml", pipeline("disk/2025", "{site}/**/*.{jpg,jpeg}", ""));
    // The file says when each image was taken: a year before.
    space.write("results/md.json", results(&LAST_YEAR, r#", "datetime": "2024:07:11 05:00:00""#));
    let error = space.error();
    assert!(error.contains("about other images") && error.contains("none of 3 times") && error.contains("`strip`"), "{error}");
    // Who says that these are the images is believed, and the times are told all the same.
    space.edit("pipeline.yaml", "detection_threshold: 0.2", "detection_threshold: 0.2, strip: 'E:\\archive\\2024'");
    let ran = space.run();
    assert_eq!(ran.findings("detected"), [("other_time".to_owned(), 3)]);
    assert_eq!(space.column("detected", "label"), ["animal"; 3]);
    // Without a time, what was left out is told.
    space.edit("pipeline.yaml", ", strip: 'E:\\archive\\2024'", "");
    space.write("results/md.json", results(&LAST_YEAR, ""));
    let found = finding(&space.run(), "other_folders");
    assert_eq!(found.count, 3);
    assert!(found.examples[0].contains("`results/md.json`") && found.examples[0].contains("`E:/archive/2024/`"), "{found:?}");
    // The images' own times agree: then they are the same, and the folders are told.
    space.write("results/md.json", results(&LAST_YEAR, r#", "datetime": "2025:07:11 05:00:00""#));
    assert!(space.run().findings("detected").contains(&("other_folders".to_owned(), 3)));
}

#[test]
fn folders_are_left_out_only_where_that_fits_all_paths_of_a_file() {
    let space = TestSpace::new();
    images(&space, &["raw/s1/1.jpg", "raw/s1/2.jpg", "raw/s2/1.jpg"], 2025);
    space.write("pipeline.yaml", pipeline("raw", "{site}/*.jpg", ""));
    // A parent folder with more seasons: some fit, one does not.
    let mut files = vec!["2025/s1/1.jpg", "2025/s1/2.jpg", "2025/s2/1.jpg", "2024/s9/7.jpg"];
    space.write("results/md.json", results(&files, ""));
    let error = space.error();
    assert!(
        error.contains("3 of 4") && error.contains("`2024/s9/7.jpg` would not") && error.contains("strip: \"2025\""),
        "{error}"
    );
    space.edit("pipeline.yaml", "detection_threshold: 0.2", "detection_threshold: 0.2, strip: \"2025\"");
    assert_eq!(space.run().findings("detected"), [("unresolved".to_owned(), 1)]);
    assert_eq!(space.rows("detected", &["path", "label"])[0], "2025/s1/1.jpg animal");
    // Two files of two seasons would be one image.
    space.edit("pipeline.yaml", ", strip: \"2025\"", "");
    files[3] = "2024/s1/1.jpg";
    space.write("results/md.json", results(&files, ""));
    let error = space.error();
    assert!(error.contains("`2024/s1/1.jpg`") && error.contains("would be one image"), "{error}");
    // A single path as it stands shows where the file begins: the others are of other images.
    files[3] = "s1/1.jpg";
    space.write("results/md.json", results(&files, ""));
    assert_eq!(space.run().findings("detected"), [("without_result".to_owned(), 2), ("unresolved".to_owned(), 3)]);
    // A prefix that no path has is a mistake.
    space.edit("pipeline.yaml", "detection_threshold: 0.2", "detection_threshold: 0.2, strip: E:/");
    assert!(space.error().contains("no path begins with the `E:/` of `strip`"), "{}", space.error());
}

#[test]
fn one_file_per_folder_says_below_which_folder_it_begins() {
    let space = TestSpace::new();
    images(&space, &["raw/s1/100/1.jpg", "raw/s1/100/2.jpg", "raw/s2/100/1.jpg", "raw/s3/100/9.jpg"], 2025);
    space.write("pipeline.yaml", pipeline("raw", "{site}/**/*.jpg", ""));
    space.write("results/s1.json", results(&["100/1.jpg", "100/2.jpg"], ""));
    space.write("results/s2.json", results(&["100/1.jpg"], ""));
    // Cameras number alike: what is one image at one place is another elsewhere. Both files are named at once.
    let error = space.error();
    assert!(error.starts_with("detected: 2 faults:"), "{error}");
    assert!(error.contains("`results/s1.json`") && error.contains("1 of 2 paths may be several images"), "{error}");
    assert!(error.contains("`s1/100/1.jpg` or `s2/100/1.jpg`") && error.contains("prefix: { \"results/s2.json\""), "{error}");
    let prefix = "prefix: { results/s1.json: s1, \"results/s2*\": s2/ }";
    space.edit("pipeline.yaml", "detection_threshold: 0.2", &format!("detection_threshold: 0.2, {prefix}"));
    assert_eq!(space.run().findings("detected"), [("without_result".to_owned(), 1)]);
    let found = space.table("detected");
    assert_eq!((found.rows, found.column("content").unwrap().null_count()), (3, 0));
    // A name that fits one image alone is found, and what was added is told.
    space.edit("pipeline.yaml", &format!(", {prefix}"), "");
    std::fs::remove_file(space.path("results/s1.json")).unwrap();
    space.write("results/s2.json", results(&["100/9.jpg"], ""));
    let found = finding(&space.run(), "other_folders");
    assert!(found.examples[0].contains("below the first folder of the images, `s3/`"), "{found:?}");
    // A file that is not imported is a slip of the pen.
    space.edit("pipeline.yaml", "detection_threshold: 0.2", "detection_threshold: 0.2, prefix: { results/s7.json: s1 }");
    let loaded = trapline::check::load(&space.path("pipeline.yaml"), &space.overrides);
    let told: Vec<_> = loaded.report.diagnostics.iter().map(|found| (found.code.id, found.help.clone().unwrap())).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].0 == "TL0535" && told[0].1.contains("`results/s2.json`"), "{told:?}");
}

#[test]
fn every_format_finds_paths_by_the_same_rule() {
    let space = TestSpace::new();
    images(&space, &["raw/s1/1.jpg", "raw/s1/2.jpg"], 2025);
    let csv = pipeline("raw", "{site}/*.jpg", "").replace("megadetector", "FORMAT").replace(", detection_threshold: 0.2", "");
    let files: [(&str, &str, &str, String); 3] = [
        ("csv", "a.csv", "predictions", "path,label\nD:\\old\\s1\\1.jpg,empty\nD:\\old\\s1\\2.jpg,animal\n".into()),
        ("timelapse", "a.csv", "labels", "File,RelativePath,Species\n1.jpg,old\\s1,empty\n2.jpg,old\\s1,animal\n".into()),
        (
            "speciesnet",
            "a.json",
            "predictions",
            r#"{"predictions": [{"filepath": "/old/s1/1.jpg", "prediction": "blank", "prediction_score": 0.9},
                {"filepath": "/old/s1/2.jpg", "prediction": "animal", "prediction_score": 0.9}]}"#
                .into(),
        ),
    ];
    for (format, name, what, text) in files {
        let _ = std::fs::remove_dir_all(space.path("results"));
        space.write(&format!("results/{name}"), &text);
        space.write("pipeline.yaml", csv.replace("FORMAT", format).replace("what: predictions", &format!("what: {what}")));
        let ran = space.run();
        assert_eq!(ran.findings("detected"), [("other_folders".to_owned(), 2)], "{format}");
        assert_eq!(space.table("detected").column("content").unwrap().null_count(), 0, "{format}");
        // One path more, and nothing is guessed.
        let more = match format {
            "csv" => format!("{text}D:\\old\\s1\\3.jpg,empty\n"),
            "timelapse" => format!("{text}3.jpg,old\\s1,empty\n"),
            _ => text.replace("/old/s1/1.jpg", "/old/s1/3.jpg"),
        };
        space.write(&format!("results/{name}"), more);
        let error = space.error();
        let count = if format == "speciesnet" { "1 of 2 would be" } else { "2 of 3 would be" };
        assert!(error.contains(count) && error.contains("3.jpg` would not"), "{format}: {error}");
    }
}

#[test]
fn images_without_a_result_are_counted() {
    let space = TestSpace::new();
    let all = ["n/s1/2024/1.jpg", "n/s1/2024/2.jpg", "n/s1/2025/1.jpg", "n/s2/2024/1.jpg", "n/s2/2024/2.jpg", "n/s2/2024/3.jpg"];
    let paths: Vec<String> = all.iter().map(|path| format!("raw/{path}")).collect();
    images(&space, &paths.iter().map(String::as_str).collect::<Vec<_>>(), 2024);
    space.write("pipeline.yaml", pipeline("raw", "{locality}/{site}/{season}/*.jpg", ""));
    // The run of the detector was broken off.
    space.write("results/md.json", results(&all[..4], ""));
    let found = finding(&space.run(), "without_result");
    assert_eq!((found.count, &found.examples[..]), (2, &["s2 2024: 2 of 3".to_owned()][..]));
    assert!(found.message.starts_with("2 of 6 images have no result in `results/md.json`"), "{}", found.message);
    space.edit("pipeline.yaml", "0.2 }\n", "0.2 }\n    expect: { without_result: 0 }\n");
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Failed);
    space.write("results/md.json", results(&all, ""));
    assert_eq!(space.run().findings("detected"), []);
}

#[test]
fn results_of_copies_belong_to_the_image_that_is_counted_once() {
    let space = TestSpace::new();
    images(&space, &["raw/s1/a/1.jpg", "raw/s1/a/2.jpg"], 2024);
    let copy = std::fs::read(space.path("raw/s1/a/1.jpg")).unwrap();
    space.write("raw/s1/b/1.jpg", copy);
    space.write("pipeline.yaml", pipeline("raw", "{site}/**/*.jpg", ""));
    space.write("results/md.json", results(&["s1/b/1.jpg", "s1/a/1.jpg", "s1/a/2.jpg"], ""));
    assert_eq!(space.run().findings("detected"), [("copies".to_owned(), 1)]);
    assert_eq!(space.column("detected", "path"), ["s1/a/1.jpg", "s1/a/2.jpg"]);
    // The copy alone speaks for it.
    space.write("results/md.json", results(&["s1/b/1.jpg", "s1/a/2.jpg"], ""));
    assert_eq!(space.run().findings("detected"), []);
    assert_eq!(space.table("detected").column("content").unwrap().null_count(), 0);
}

#[test]
fn a_category_that_the_file_does_not_name_is_not_an_empty_image() {
    let space = TestSpace::new();
    images(&space, &["raw/s1/1.jpg", "raw/s1/2.jpg", "raw/s1/3.jpg"], 2024);
    space.write("pipeline.yaml", pipeline("raw", "{site}/*.jpg", ""));
    let whole = results(&["s1/1.jpg", "s1/2.jpg", "s1/3.jpg"], "");
    let (first, rest) = whole.split_once("s1/2.jpg").unwrap();
    let wrong = format!("{first}s1/2.jpg{}", rest.replace("\"category\": \"1\"", "\"category\": \"9\""));
    space.write("results/md.json", &wrong);
    let error = space.error();
    for image in [1, 2] {
        let place = format!("`results/md.json`, column `images[{image}].detections[0].category`: `9` is not among");
        assert!(error.contains(&place), "{error}");
    }
    space.write("results/md.json", wrong.replace("\"3\": \"vehicle\"", "\"3\": \"vehicle\", \"9\": \"person\""));
    space.run();
    assert_eq!(space.column("detected", "label"), ["animal", "person", "person"]);
}

#[test]
fn two_results_for_one_image_are_told_from_two_images_of_one_name() {
    let space = TestSpace::new();
    images(&space, &["raw/s1/1.jpg", "raw/s2/1.jpg"], 2024);
    space.write("pipeline.yaml", pipeline("raw", "{site}/*.jpg", ""));
    space.write("results/md.json", results(&["s1/1.jpg", "s2/1.jpg", "s1/1.jpg", "s2/1.jpg"], ""));
    let error = space.error();
    assert!(error.contains("2 faults") && error.contains("`s1/1.jpg` is there twice") && error.contains("images[3]"), "{error}");
    // The same image under another spelling of its path.
    space.write("results/md.json", results(&["s1/1.jpg", "s1\\1.jpg", ".\\s2\\1.jpg"], ""));
    assert!(space.error().contains("is there twice"));
    // Without folders, nothing says which image is meant.
    let alone = "trapline: 1\nname: x\nclasses: [empty, animal]\nsteps:\n  detected:\n    uses: import\n    with: { files: results/a.csv, what: labels }\n";
    space.write("pipeline.yaml", alone);
    space.write("results/a.csv", "file,class\n1.jpg,empty\n1.jpg,animal\n");
    let error = space.error();
    assert!(error.contains("if these are two images of one name") && error.contains("`path`"), "{error}");
}

/// A package as other programs make it: an event of motion, and a time-lapse image within it that is an event of its own.
fn package(space: &TestSpace, observations: &str) {
    space.write(
        "dp/deployments.csv",
        "deploymentID,latitude,longitude,deploymentStart,deploymentEnd\nd1,70,29,2024-07-01T00:00:00Z,2024-07-31T00:00:00Z\n",
    );
    space.write(
        "dp/media.csv",
        "mediaID,deploymentID,captureMethod,timestamp,filePath,filePublic,fileName,fileMediatype\n\
         m1,d1,activityDetection,2024-07-05T11:59:55+02:00,s1/1.jpg,true,1.jpg,image/jpeg\n\
         m2,d1,timeLapse,2024-07-05T12:00:00+02:00,s1/2.jpg,true,2.jpg,image/jpeg\n\
         m3,d1,activityDetection,2024-07-05T12:00:05+02:00,s1/3.jpg,true,3.jpg,image/jpeg\n\
         m4,d1,timeLapse,2024-07-05T13:00:00+02:00,s1/4.jpg,true,4.jpg,image/jpeg\n",
    );
    let header = "observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,scientificName,\
                  classificationMethod,classifiedBy\n";
    space.write("dp/observations.csv", format!("{header}{observations}"));
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: dp\nclasses: [empty, red_fox]\nsteps:\n  detected:\n    uses: import\n    with: { files: dp, format: camtrap_dp, \
         what: labels, classes: { \"Vulpes vulpes\": red_fox } }\n",
    );
}

#[test]
fn a_time_lapse_image_within_an_event_of_motion_has_the_label_of_its_own_event() {
    let fox = "o1,d1,,e1,2024-07-05T09:59:55Z,2024-07-05T10:00:05Z,event,animal,Vulpes vulpes,human,A\n";
    let own = "o2,d1,,e2,2024-07-05T10:00:00Z,2024-07-05T10:00:00Z,event,blank,,human,A\n";
    let last = "o3,d1,,e3,2024-07-05T11:00:00Z,2024-07-05T11:00:00Z,event,blank,,human,A\n";
    let space = TestSpace::new();
    package(&space, &format!("{fox}{own}{last}"));
    assert_eq!(space.run().findings("detected"), []);
    let mut rows = space.rows("detected", &["path", "class"]);
    rows.sort();
    assert_eq!(rows, ["s1/1.jpg red_fox", "s1/2.jpg empty", "s1/3.jpg red_fox", "s1/4.jpg empty"]);
    // Without an event of its own the image is left out, and counted.
    package(&space, &format!("{fox}{last}"));
    let ran = space.run();
    assert_eq!(ran.findings("detected"), [("unclear_event".to_owned(), 1)]);
    assert_eq!(finding(&ran, "unclear_event").examples, ["s1/2.jpg"]);
    assert_eq!(space.rows("detected", &["path"]), ["s1/1.jpg", "s1/3.jpg", "s1/4.jpg"]);
    // Where nobody says what released the camera, the shorter event is its own.
    package(&space, &format!("{fox}{own}{last}"));
    let media = space.read("dp/media.csv").replace("activityDetection", "").replace("timeLapse", "");
    space.write("dp/media.csv", media);
    assert_eq!(space.run().findings("detected"), []);
    // Two species of one event are two labels.
    package(&space, &format!("{fox}{}", fox.replace("o1", "o4").replace("Vulpes vulpes", "").replace("animal", "blank")));
    space.edit("pipeline.yaml", "what: labels", "what: labels, rows: multilabel");
    space.run();
    assert_eq!(space.rows("detected", &["path", "class"]).len(), 4);
}
