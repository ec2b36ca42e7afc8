//! What exports write, and what they never touch.

use super::KIND;
use crate::id::ContentId;
use crate::step::testing::{NOWHERE, Project, params, step, table, text};
use crate::step::{ParamValue, Step, StepError};
use crate::table::{Cell, Schema, Table, Type};

fn exporting(given: &[(&'static str, &str)]) -> Box<dyn Step> {
    let given: Vec<_> = given.iter().map(|(name, value)| (*name, ParamValue::Text((*value).to_owned()))).collect();
    step(&KIND, &given)
}

fn observations(classes: &[&str]) -> Table {
    let rows: Vec<_> = classes.iter().enumerate().map(|(row, class)| vec![text(&format!("{row}.jpg")), text(class)]).collect();
    table(&[("name", Type::Text), ("label", Type::Text)], &rows)
}

/// Images on disk under `archive`, whose bytes are their path's: (path, name, label).
fn images(project: &Project, rows: &[(&str, &str, &str)]) -> Table {
    let fields =
        [("content", Type::Content), ("root", Type::Text), ("path", Type::Text), ("name", Type::Text), ("label", Type::Text)];
    let cell = |value: &str| if value.is_empty() { Cell::Null } else { text(value) };
    let rows: Vec<_> = rows
        .iter()
        .map(|(path, name, label)| {
            project.write(&format!("archive/{path}"), path);
            vec![Cell::Content(ContentId::of(path.as_bytes())), text("archive"), text(path), cell(name), cell(label)]
        })
        .collect();
    table(&fields, &rows)
}

fn modified(project: &Project, path: &str) -> std::time::SystemTime {
    std::fs::metadata(project.path(path)).unwrap().modified().unwrap()
}

#[test]
fn a_table_is_written_replaced_when_ours_and_left_alone_when_equal() {
    let project = Project::new();
    let export = exporting(&[("into", "published/observations.csv")]);
    let written = project.run(export.as_ref(), &observations(&["vole", "empty"])).unwrap();
    assert_eq!(written.files, [std::path::Path::new("published/observations.csv")]);
    assert_eq!(project.read("published/observations.csv"), "name,label\n0.jpg,vole\n1.jpg,empty\n");
    project.write("published/.observations.csv.trapline-part", "left by a killed run");
    let before = modified(&project, "published/observations.csv");
    project.run(export.as_ref(), &observations(&["vole", "empty"])).unwrap();
    assert_eq!(modified(&project, "published/observations.csv"), before);
    project.run(export.as_ref(), &observations(&["stoat"])).unwrap();
    assert_eq!(project.read("published/observations.csv"), "name,label\n0.jpg,stoat\n");
    assert_eq!(project.list("published"), [".observations.csv.trapline.csv", "observations.csv"], "no temporary file is left");
}

#[test]
fn a_table_that_somebody_wrote_or_changed_is_never_overwritten() {
    let project = Project::new();
    let export = exporting(&[("into", "observations.csv")]);
    project.write("observations.csv", "mine");
    let error = project.run(export.as_ref(), &observations(&["vole"])).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "observations.csv` was not written by an export; nothing was overwritten: move it away, or choose another `into`"
        ),
        "{error}"
    );
    assert_eq!(project.read("observations.csv"), "mine");
    assert_eq!(project.list("."), ["observations.csv"]);
    std::fs::remove_file(project.path("observations.csv")).unwrap();
    project.run(export.as_ref(), &observations(&["vole"])).unwrap();
    project.write("observations.csv", "name,label\n0.jpg,shrew\n");
    let error = project.run(export.as_ref(), &observations(&["vole"])).unwrap_err().to_string();
    assert!(error.contains("was changed by hand since it was exported"), "{error}");
    // Equal bytes are nobody's loss: a clone of the project goes on.
    let clone = Project::new();
    clone.write("observations.csv", "name,label\n0.jpg,vole\n");
    clone.run(export.as_ref(), &observations(&["vole"])).unwrap();
    clone.run(export.as_ref(), &observations(&["stoat"])).unwrap();
    assert_eq!(clone.read("observations.csv"), "name,label\n0.jpg,stoat\n");
}

#[test]
fn columns_are_chosen_and_formats_follow_the_ending() {
    let project = Project::new();
    let columns = ParamValue::List(vec![crate::diagnostic::Spanned { value: ParamValue::Text("label".into()), span: NOWHERE }]);
    let export = step(
        &KIND,
        &[("into", ParamValue::Text("labels.txt".into())), ("format", ParamValue::Text("csv".into())), ("columns", columns)],
    );
    project.run(export.as_ref(), &observations(&["vole"])).unwrap();
    assert_eq!(project.read("labels.txt"), "label\nvole\n");
    #[cfg(feature = "parquet")]
    {
        project.run(exporting(&[("into", "o.parquet")]).as_ref(), &observations(&["vole"])).unwrap();
        assert_eq!(&std::fs::read(project.path("o.parquet")).unwrap()[..4], b"PAR1");
    }
}

#[test]
fn parameters_that_do_not_go_together_are_diagnosed() {
    let found = |given: &[(&'static str, &str)]| {
        let given: Vec<_> = given.iter().map(|(name, value)| (*name, ParamValue::Text((*value).to_owned()))).collect();
        let mut report = crate::diagnostic::Report::default();
        assert!((KIND.read)(&params(&KIND, &given), &mut report).is_none());
        let found = &report.diagnostics[0];
        format!("{} {} | {}", found.code.id, found.message, found.help.as_deref().unwrap_or_default())
    };
    insta::assert_snapshot!(found(&[("into", "published/images")]), @"TL0502 `published/images` does not say whether it is CSV or Parquet | end it in `.csv` or `.parquet`, or add `format`; for image files add `images: reflink`");
    insta::assert_snapshot!(found(&[("into", "a.csv"), ("folders", "label")]), @"TL0502 `folders` is for images, and this step exports a table | add `images: reflink`, or remove `folders`");
    insta::assert_snapshot!(found(&[("into", "a"), ("images", "copy"), ("format", "csv")]), @"TL0501 `format` is for tables, and this step exports images | use a second `export` step for the table");
    let project = Project::new();
    let (schemas, findings) = project.columns(
        exporting(&[("into", "a"), ("images", "copy")]).as_ref(),
        &Schema::of(&[("content", Type::Text), ("path", Type::Text)]),
    );
    assert!(schemas.is_none());
    insta::assert_snapshot!(findings.join("\n"), @r#"
TL0412 to export images, the input needs a column `content` of content ids
TL0412 to export images, the input needs a column `name` of text
TL0412 to export images, the input needs a column `root` of text
"#);
}

#[test]
fn images_arrive_under_their_names_by_every_way_and_originals_stay() {
    for way in ["copy", "reflink", "hardlink"] {
        let project = Project::new();
        let input = images(
            &project,
            &[("a/IMG_1.JPG", "n1.JPG", "vole"), ("b/IMG_1.JPG", "n2.JPG", "stoat"), ("c/IMG_1.JPG", "", "vole")],
        );
        let outputs = project.run(exporting(&[("into", "out/images"), ("images", way)]).as_ref(), &input).unwrap();
        assert_eq!(project.list("out/images"), [".trapline.csv", "n1.JPG", "n2.JPG"], "{way}");
        assert_eq!(project.read("out/images/n2.JPG"), "b/IMG_1.JPG");
        assert_eq!(project.read("archive/b/IMG_1.JPG"), "b/IMG_1.JPG");
        let kinds: Vec<_> = outputs.findings.iter().map(|found| found.kind.as_str()).collect();
        assert_eq!(kinds, if way == "hardlink" { vec!["left_out", "hardlink"] } else { vec!["left_out"] });
        assert_eq!(outputs.files, [std::path::Path::new("out/images/.trapline.csv")]);
    }
}

#[test]
fn a_repeated_export_touches_nothing_and_a_relabelled_image_moves() {
    let project = Project::new();
    let export = exporting(&[("into", "classes"), ("images", "copy"), ("folders", "label")]);
    let first = [("a.JPG", "n1.JPG", "vole"), ("b.JPG", "n2.JPG", "stoat")];
    project.run(export.as_ref(), &images(&project, &first)).unwrap();
    assert_eq!(project.list("classes"), [".trapline.csv", "stoat/n2.JPG", "vole/n1.JPG"]);
    let before = (modified(&project, "classes/vole/n1.JPG"), modified(&project, "classes/.trapline.csv"));
    project.run(export.as_ref(), &images(&project, &first)).unwrap();
    assert_eq!((modified(&project, "classes/vole/n1.JPG"), modified(&project, "classes/.trapline.csv")), before);
    project.write("classes/stoat/mine.txt", "mine");
    project.run(export.as_ref(), &images(&project, &[("a.JPG", "n1.JPG", "vole"), ("b.JPG", "n2.JPG", "vole")])).unwrap();
    assert_eq!(project.list("classes"), [".trapline.csv", "stoat/mine.txt", "vole/n1.JPG", "vole/n2.JPG"]);
    std::fs::remove_file(project.path("classes/vole/n1.JPG")).unwrap();
    project.run(export.as_ref(), &images(&project, &[("a.JPG", "n1.JPG", "vole")])).unwrap();
    assert_eq!(
        project.list("classes"),
        [".trapline.csv", "stoat/mine.txt", "vole/n1.JPG"],
        "deleted ones come back, stale ones go"
    );
}

#[test]
fn files_of_others_are_neither_overwritten_nor_removed() {
    let project = Project::new();
    let export = exporting(&[("into", "out"), ("images", "copy")]);
    project.write("out/n1.JPG", "mine");
    let input = images(&project, &[("a.JPG", "n1.JPG", "vole"), ("b.JPG", "n2.JPG", "vole")]);
    let error = project.run(export.as_ref(), &input).unwrap_err().to_string();
    assert!(error.ends_with("`n1.JPG` was not written by an export"), "{error}");
    assert_eq!(project.list("out"), ["n1.JPG"]);
    std::fs::remove_file(project.path("out/n1.JPG")).unwrap();
    project.run(export.as_ref(), &input).unwrap();
    // A changed file stays when it is no longer wanted, and stops an export that wants it.
    project.write("out/n1.JPG", "rotated");
    assert!(
        project.run(export.as_ref(), &input).unwrap_err().to_string().ends_with("`n1.JPG` was changed since it was exported")
    );
    let outputs = project.run(export.as_ref(), &input.take(&[1])).unwrap();
    assert_eq!((outputs.findings[0].kind.as_str(), project.read("out/n1.JPG")), ("kept", "rotated".to_owned()));
    // Another way in: the right bytes that somebody else put there are used and never removed.
    let other = Project::new();
    let input = images(&other, &[("a.JPG", "n1.JPG", "vole")]);
    other.write("out/n1.JPG", "a.JPG");
    other.run(export.as_ref(), &input).unwrap();
    other.run(export.as_ref(), &input.take(&[])).unwrap();
    assert_eq!(other.read("out/n1.JPG"), "a.JPG");
}

#[test]
fn names_that_collide_or_that_windows_refuses_are_found_before_anything_is_written() {
    let project = Project::new();
    let export = exporting(&[("into", "out"), ("images", "copy"), ("folders", "label")]);
    let input = images(
        &project,
        &[("a.JPG", "n.JPG", "vole"), ("b.JPG", "N.jpg", "Vole"), ("c.JPG", "n.JPG", "a/b"), ("d.JPG", "nul.jpg", "vole")],
    );
    insta::assert_snapshot!(project.run(export.as_ref(), &input).unwrap_err(), @r#"
3 files cannot be exported, nothing was written:
  `Vole/N.jpg` is wanted for `b.JPG` and for `a.JPG`
  `a/b/n.JPG` for `c.JPG`: it holds `/`, which Windows refuses
  `vole/nul.jpg` for `d.JPG`: `NUL` is a device on Windows, with any ending
"#);
    assert!(!project.path("out").exists());
    let same = images(&project, &[("a.JPG", "n.JPG", "vole"), ("a.JPG", "n.JPG", "vole")]);
    project.run(export.as_ref(), &same).unwrap();
    assert_eq!(project.list("out"), [".trapline.csv", "vole/n.JPG"]);
}

#[test]
fn an_interrupted_export_is_undone_and_a_killed_one_is_finished() {
    let mut project = Project::new();
    let export = exporting(&[("into", "deep/out"), ("images", "copy")]);
    let input = images(&project, &[("a.JPG", "n1.JPG", "vole"), ("b.JPG", "n2.JPG", "vole"), ("c.JPG", "n3.JPG", "vole")]);
    let cancel = project.cancel.clone();
    project.on_locate = Some(Box::new(move |path| {
        if path == "b.JPG" {
            cancel.cancel();
        }
    }));
    assert!(matches!(project.run(export.as_ref(), &input), Err(StepError::Interrupted)));
    assert!(!project.path("deep").exists(), "new folders are gone too");
    // A run that was killed while moving files: a part folder, an intent, one file in place.
    project.on_locate = None;
    project.cancel = crate::step::Cancel::default();
    let rows = ["a", "b", "c"].map(|seed| ContentId::of(format!("{seed}.JPG").as_bytes()));
    let intent = format!("file,content\nn1.JPG,{}\nn2.JPG,{}\nn3.JPG,{}\n", rows[0], rows[1], rows[2]);
    project.write("deep/out/.trapline.csv", intent);
    project.write("deep/out/n1.JPG", "a.JPG");
    project.write("deep/out/.trapline-part/1", "b.J");
    project.run(export.as_ref(), &input).unwrap();
    assert_eq!(project.list("deep/out"), [".trapline.csv", "n1.JPG", "n2.JPG", "n3.JPG"]);
    assert_eq!(project.read("deep/out/n2.JPG"), "b.JPG");
    project.write("deep/out/.trapline-part/0", "a.J");
    project.run(export.as_ref(), &input).unwrap();
    assert_eq!(project.list("deep/out").len(), 4, "nothing to do, and the rest is swept");
}

#[test]
fn an_image_that_changed_or_vanished_stops_the_export_and_leaves_nothing() {
    let project = Project::new();
    let export = exporting(&[("into", "out"), ("images", "reflink")]);
    let input = images(&project, &[("a.JPG", "n1.JPG", "vole"), ("b.JPG", "n2.JPG", "vole")]);
    project.write("archive/b.JPG", "tagged since");
    let error = project.run(export.as_ref(), &input).unwrap_err().to_string();
    assert!(error.contains("b.JPG` is not the image that was hashed"), "{error}");
    assert!(!project.path("out").exists());
    std::fs::remove_dir_all(project.path("archive")).unwrap();
    let error = project.run(export.as_ref(), &input).unwrap_err().to_string();
    assert!(error.contains("mount the disk and run again"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_a_folder_is_not_followed() {
    let project = Project::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir(project.path("out")).unwrap();
    std::os::unix::fs::symlink(outside.path(), project.path("out/vole")).unwrap();
    let input = images(&project, &[("a.JPG", "n1.JPG", "vole")]);
    let error =
        project.run(exporting(&[("into", "out"), ("images", "copy"), ("folders", "label")]).as_ref(), &input).unwrap_err();
    assert!(error.to_string().ends_with("`vole` is not a folder"), "{error}");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn separators_missing_values_and_quotes_are_chosen() {
    let project = Project::new();
    let rows = table(
        &[("name", Type::Text), ("n", Type::Int), ("p", Type::Float64)],
        &[
            vec![text("a b"), Cell::Int(12), Cell::Null],
            vec![text("NA"), Cell::Null, Cell::Float64(0.5)],
            vec![text("c;\"d\""), Cell::Int(3), Cell::Null],
        ],
    );
    let written = |given: &[(&'static str, &str)]| {
        let export = exporting(&[&[("into", "t.csv")], given].concat());
        project.run(export.as_ref(), &rows).unwrap();
        project.read("t.csv")
    };
    assert_eq!(written(&[("separator", "semicolon")]), "name;n;p\na b;12;\nNA;;0.5\n\"c;\"\"d\"\"\";3;\n");
    assert_eq!(
        written(&[("separator", "space"), ("missing", "NA")]),
        "name n p\n\"a b\" 12 NA\n\"NA\" NA 0.5\n\"c;\"\"d\"\"\" 3 NA\n"
    );
    assert_eq!(
        written(&[("separator", "tab"), ("missing", "NA"), ("quote", "text")]),
        "\"name\"\t\"n\"\t\"p\"\n\"a b\"\t12\tNA\n\"NA\"\tNA\t0.5\n\"c;\"\"d\"\"\"\t3\tNA\n"
    );
    let refused = |given: &[(&'static str, &str)]| {
        let given: Vec<_> = given.iter().map(|(name, value)| (*name, ParamValue::Text((*value).to_owned()))).collect();
        let mut report = crate::diagnostic::Report::default();
        assert!((KIND.read)(&params(&KIND, &given), &mut report).is_none());
        report.diagnostics[0].message.clone()
    };
    assert!(refused(&[("into", "t.csv"), ("separator", "space")]).contains("between spaces"));
    assert!(refused(&[("into", "t.parquet"), ("missing", "NA")]).contains("`missing` is for CSV"));
    assert!(refused(&[("into", "folder"), ("images", "copy"), ("quote", "text")]).contains("`quote` is for tables"));
}

#[cfg(unix)]
#[test]
fn links_lead_to_originals_and_give_way_to_copies() {
    let project = Project::new();
    let linking = exporting(&[("into", "classes"), ("images", "symlink"), ("folders", "label")]);
    let first = [("a.JPG", "n1.JPG", "vole"), ("b.JPG", "n2.JPG", "stoat")];
    let outputs = project.run(linking.as_ref(), &images(&project, &first)).unwrap();
    assert_eq!(outputs.findings[0].kind, "symlink");
    let link = project.path("classes/vole/n1.JPG");
    let target = || std::fs::read_link(&link).unwrap();
    assert!(target().is_absolute() && target().ends_with("archive/a.JPG"));
    assert_eq!(project.read("classes/vole/n1.JPG"), "a.JPG");
    let before = std::fs::symlink_metadata(&link).unwrap().modified().unwrap();
    project.run(linking.as_ref(), &images(&project, &first)).unwrap();
    assert_eq!(std::fs::symlink_metadata(&link).unwrap().modified().unwrap(), before, "nothing to do");
    // A link that leads elsewhere is put right; one that is no longer wanted goes, and its original stays.
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(project.path("archive/b.JPG"), &link).unwrap();
    project.run(linking.as_ref(), &images(&project, &first[..1])).unwrap();
    assert_eq!(project.list("classes"), [".trapline.csv", "vole/n1.JPG"]);
    assert_eq!((project.read("classes/vole/n1.JPG").as_str(), project.read("archive/b.JPG").as_str()), ("a.JPG", "b.JPG"));
    project
        .run(exporting(&[("into", "classes"), ("images", "copy"), ("folders", "label")]).as_ref(), &images(&project, &first[..1]))
        .unwrap();
    assert!(!std::fs::symlink_metadata(&link).unwrap().is_symlink());
    // A link of somebody else is nobody's to replace.
    std::fs::create_dir_all(project.path("other")).unwrap();
    std::os::unix::fs::symlink(project.path("archive/a.JPG"), project.path("other/n1.JPG")).unwrap();
    let export = exporting(&[("into", "other"), ("images", "symlink")]);
    let error = project.run(export.as_ref(), &images(&project, &first[..1])).unwrap_err().to_string();
    assert!(error.ends_with("`n1.JPG` was not written by an export"), "{error}");
}
