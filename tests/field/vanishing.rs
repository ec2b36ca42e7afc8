//! Images and folders that vanish, and files that are not images of the archive.

use std::fs;

use trapline::plan::decision::Gone;
use trapline::run::event::{Event, Outcome};
use trapline::step::Finding;

use super::cli::Space;
use super::support::{Ran, TestSpace};

/// Locality, site and season in the path, and a deployment table.
const PIPELINE: &str = "\
trapline: 1
name: places
classes: [empty, red_fox]
deployments: deployments.csv
steps:
  images: { uses: images, with: { root: raw, path: \"{locality}/{site}/{season}/**/*.{jpg,jpeg}\" } }
  metadata: { uses: metadata, from: images }
  names: { uses: rename, from: metadata, with: { name: \"{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG\", manifest: names.csv } }
  table: { uses: export, from: names, with: { into: published/images.csv, columns: [locality, site, season, path, name, deployment, habitat, flags] } }
";

fn space(images: &[&str], deployments: &str) -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", PIPELINE);
    space.write("deployments.csv", deployments);
    for (seed, path) in (1..).zip(images) {
        space.image(&format!("raw/{path}"), seed);
    }
    space
}

/// The findings of a step, whole.
fn findings(ran: &Ran, name: &str) -> Vec<Finding> {
    let of_step = |event: &Event| match event {
        Event::StepFinished { step, findings, .. } | Event::StepReused { step, findings, .. } if step == name => {
            Some(findings.clone())
        }
        _ => None,
    };
    ran.events.iter().find_map(of_step).unwrap_or_default()
}

fn finding(ran: &Ran, step: &str, kind: &str) -> Finding {
    let found = findings(ran, step);
    found.iter().find(|finding| finding.kind == kind).unwrap_or_else(|| panic!("no {kind} in {found:?}")).clone()
}

const TWO_NORTHS: [&str; 4] = ["north/1/2024/a.JPG", "north/1/2024/b.JPG", "south/1/2024/c.JPG", "south/1/2024/d.JPG"];

#[test]
fn one_site_id_in_two_localities_stops_the_run_before_any_number() {
    for deployments in [true, false] {
        let space = space(&TWO_NORTHS, "locality,site,season,habitat,from,to\nnorth,1,2024,heath,2024-06-01,2024-06-30\n");
        if !deployments {
            space.edit("pipeline.yaml", "deployments: deployments.csv\n", "");
            space.edit("pipeline.yaml", "deployment, habitat, ", "");
        }
        let error = space.error();
        assert!(error.contains("site `1` lies in 2 localities: `north` (north/1/2024/a.JPG), `south`"), "{error}");
        assert!(error.contains("site: \"{locality}_{site}\""), "{error}");
        assert!(!space.path("published").exists() && !space.path("names.csv").exists());
    }
}

#[test]
fn a_site_made_of_two_folders_is_two_sites() {
    let deployments = "locality,site,season,habitat,from,to\n\
                       north,north_1,2024,heath,2024-06-01,2024-06-30\nsouth,south_1,2024,meadow,2024-06-01,2024-06-30\n";
    let space = space(&TWO_NORTHS, deployments);
    space.edit("pipeline.yaml", "*.{jpg,jpeg}\" }", "*.{jpg,jpeg}\", site: \"{locality}_{site}\" }");
    let ran = space.run();
    assert_eq!(findings(&ran, "images"), []);
    let rows = space.rows("names", &["site", "habitat", "deployment"]);
    assert_eq!(rows[0], "north_1 heath north_1/2024-06-01");
    assert_eq!(rows[3], "south_1 meadow south_1/2024-06-01");
    assert_eq!(space.column("names", "flags"), ["", "", "", ""]);
}

#[test]
fn a_deployment_table_with_one_site_in_two_localities_is_refused_by_its_rows() {
    let rows = "locality,site,season,habitat,from,to\nnorth,1,2024,heath,2024-06-01,\nsouth,1,2024,meadow,2024-06-01,\nnorth,A,,,,\nnorth,a,,,,\n";
    let space = space(&TWO_NORTHS[..2], rows);
    let error = space.error();
    assert!(
        error.contains("site `1` lies in 2 localities: `north` (`deployments.csv` row 2), `south` (`deployments.csv` row 3)"),
        "{error}"
    );
    assert!(error.contains("`A` (`deployments.csv` row 4), `a` (`deployments.csv` row 5)"), "{error}");
}

#[test]
fn letters_composed_and_in_parts_are_one_site_and_said() {
    let (composed, parted) = ("Skarvsj\u{f8}en \u{e5}", "Skarvsj\u{f8}en a\u{30a}");
    let images = [format!("north/{composed}/2024/1.JPG"), format!("north/{parted}/2024/2.JPG")];
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    for written in [composed, parted] {
        let deployments = format!("locality,site,season,habitat,from,to\nnorth,{written},2024,heath,2024-06-01,2024-06-30\n");
        let space = space(&images, &deployments);
        let ran = space.run();
        let forms = finding(&ran, "images", "several_forms");
        assert_eq!(forms.count, 1);
        assert!(
            forms.examples[0].contains("(U+00E5) with 1 images") && forms.examples[0].contains("(U+0061 U+030A)"),
            "{forms:?}"
        );
        let expected = format!("{composed} 2024 heath {composed}/2024-06-01");
        assert_eq!(space.rows("names", &["site", "season", "habitat", "deployment"]), [expected.clone(), expected]);
        assert_eq!(space.column("names", "flags"), ["", ""]);
    }
}

#[test]
fn names_given_under_letters_in_parts_are_kept() {
    let parted = "a\u{30a}";
    let space = space(&[&format!("north/{parted}/2024/1.JPG")], "site\n\u{e5}\n");
    let content = trapline::id::ContentId::of(&fs::read(space.path(&format!("raw/north/{parted}/2024/1.JPG"))).unwrap());
    space.write(
        "names.csv",
        format!("season,site,name,content,path\n2024,{parted},old.JPG,{content},north/{parted}/2024/1.JPG\n"),
    );
    space.edit("pipeline.yaml", "deployment, habitat, ", "");
    space.run();
    assert_eq!(space.column("names", "name"), ["old.JPG"]);
}

#[test]
fn ids_that_differ_by_capital_letters_stop_the_run_and_outer_blanks_do_not_part_a_site() {
    let space = space(&["north/vm_1/2024/1.JPG", "north/VM_1/2024/2.JPG"], "site\nvm_1\n");
    space.edit("pipeline.yaml", "deployment, habitat, ", "");
    let error = space.error();
    assert!(error.contains("one site is written in 2 ways that differ by capital letters alone: `VM_1` (north/VM_1"), "{error}");
    fs::rename(space.path("raw/north/VM_1"), space.path("raw/north/vm_1 ")).unwrap();
    let ran = space.run();
    assert_eq!(space.column("names", "site"), ["vm_1", "vm_1"]);
    assert!(finding(&ran, "images", "several_forms").examples[0].contains("`vm_1<U+0020>`"));
    // The same site in the table only: said, with both ways of writing it.
    space.write("deployments.csv", "site\nVM_1\n");
    let unknown = finding(&space.run(), "metadata", "unknown_site");
    assert_eq!(unknown.examples, ["`vm_1` (the table has `VM_1`: capital letters differ)"]);
}

#[test]
fn imported_ids_are_held_to_the_same() {
    let space = space(&["north/vm_1/2024/1.JPG"], "site\nvm_1\n");
    space.edit("pipeline.yaml", "deployment, habitat, ", "");
    let step = "  labels: { uses: import, from: names, with: { files: labels.csv, what: labels } }\n";
    space.write("pipeline.yaml", space.read("pipeline.yaml") + step);
    space.write("labels.csv", "site,season,file,class\nVM_1,2024,1.JPG,red_fox\n");
    let differ = finding(&space.run(), "labels", "ids_differ");
    assert_eq!(differ.examples, ["site `VM_1` is `vm_1` in the images"]);
    space.write("labels.csv", "site,season,file,class\n vm_1,2024,1.JPG,red_fox\n");
    let ran = space.run();
    assert_eq!((findings(&ran, "labels"), space.column("labels", "site")), (vec![], vec!["vm_1".to_owned()]));
    space.edit(
        "pipeline.yaml",
        "labels: { uses: import, from: names, with: { files: labels.csv, what: labels }",
        "labels: { uses: import, with: { files: labels.csv, what: labels }",
    );
    space.write("labels.csv", "site,season,file,class\nvm_1,2024,1.JPG,red_fox\nVm_1,2024,2.JPG,empty\n");
    assert!(space.error().contains("`Vm_1`"), "{}", space.error());
}

#[test]
fn sites_below_several_folders_that_no_column_tells_apart_are_said() {
    let space = space(&TWO_NORTHS, "site\n1\n");
    space.edit("pipeline.yaml", "{locality}/", "*/");
    space.edit("pipeline.yaml", "locality, site, season, path, name, deployment, habitat, ", "site, season, path, name, ");
    let several = finding(&space.run(), "images", "site_in_several_folders");
    assert_eq!(several.examples, ["1 2024 in `north`, `south`"]);
}

#[test]
fn files_that_fit_no_pattern_are_counted_and_named_by_folder() {
    let images = ["north/s1/2024/1.JPG", "north/s2/100RECNX/2.JPG", "north/s3/3.JPG", "north/s3/4.JPG"];
    let space = space(&images, "site,season,from,to\ns1,2024,2024-06-01,\ns2,2024,,\ns3,2024,,\n");
    space.edit("pipeline.yaml", "deployment, habitat, ", "");
    space.write("raw/north/s1/notes.txt", "");
    let ran = space.run();
    let unmatched = finding(&ran, "images", "unmatched");
    assert!(unmatched.message.starts_with("2 images below the root do not fit"), "{unmatched:?}");
    assert!(unmatched.message.contains("it wants at least 3 folders above a file, they lie below 2"), "{unmatched:?}");
    assert_eq!(unmatched.examples, ["2 in north/s3, such as north/s3/3.JPG"]);
    assert_eq!(
        finding(&ran, "images", "other_files").message,
        "1 other files below the root fit no pattern and are left alone: 1 .txt"
    );
    let odd = finding(&ran, "images", "folder_of_camera");
    assert_eq!(odd.examples, ["season `100RECNX` of north/s2/100RECNX/2.JPG"]);
    // One more of them is said at the next run, though the images are the same.
    space.image("raw/north/s3/5.JPG", 9);
    assert_eq!(finding(&space.run(), "images", "unmatched").count, 3);
    // What another source takes is not left out.
    let step = "  loose: { uses: images, with: { root: raw, path: \"{locality}/{site}/*.jpg\" } }\n";
    space.write("pipeline.yaml", space.read("pipeline.yaml") + step);
    let ran = space.run();
    let kinds = |step: &str| findings(&ran, step).into_iter().map(|finding| finding.kind).collect::<Vec<_>>();
    assert_eq!((kinds("images"), kinds("loose")), (vec!["folder_of_camera".to_owned(), "other_files".to_owned()], vec![]));
}

#[test]
fn a_pattern_that_nothing_fits_is_an_error_that_says_why() {
    let space = space(&["s1/1.JPG", "s1/2.JPG"], "site\ns1\n");
    space.edit("pipeline.yaml", "deployment, habitat, ", "");
    let error = space.error();
    assert!(
        error.contains("no file below root `raw` fits the pattern `{locality}/{site}/{season}/**/*.{jpg,jpeg}` (2 images"),
        "{error}"
    );
    assert!(error.contains("they lie below 1"), "{error}");
}

#[test]
fn sidecars_and_rubbish_are_left_out_and_counted() {
    let card = "north/s1/2024/100RECNX";
    let images = [format!("{card}/IMG_0001.JPG"), format!("{card}/IMG_0002.JPG"), format!("{card}/IMG_0003.JPG")];
    let space = space(&images.iter().map(String::as_str).collect::<Vec<_>>(), "site\ns1\n");
    space.edit("pipeline.yaml", "deployment, habitat, ", "");
    for at in 1..=3 {
        space.write(&format!("raw/{card}/._IMG_000{at}.JPG"), "mac");
        space.image(&format!("raw/{card}/@eaDir/IMG_000{at}.JPG/SYNOPHOTO_THUMB_M.jpg"), 20 + at);
    }
    space.image("raw/.Trashes/501/2024/IMG_0009.JPG", 9);
    space.image("raw/$RECYCLE.BIN/S-1-5-21/2023/$RABC123.jpg", 10);
    space.image("raw/north/s1/2024/test/IMG_0004.JPG", 11);
    space.edit("pipeline.yaml", "*.{jpg,jpeg}\" }", "*.{jpg,jpeg}\", exclude: [test] }");
    let ran = space.run();
    assert_eq!(space.rows("names", &["locality", "site", "season"]), ["north s1 2024"; 3]);
    assert_eq!(finding(&ran, "images", "of_system").count, 8);
    assert_eq!(finding(&ran, "images", "excluded").count, 1);
    assert_eq!(findings(&ran, "images").len(), 2);
    space.edit("pipeline.yaml", "exclude: [test] ", "exclude: [\"*.jpg\"] ");
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Failed);
}

/// An archive on a disk with a marker: two localities of two sites each.
const ON_A_DISK: &str = "\
trapline: 1
name: dropped-share
roots: { archive: { marker: .trapline-root } }
steps:
  images: { uses: images, with: { root: archive, path: \"{locality}/{site}/{season}/**/*.jpg\" } }
  metadata: { uses: metadata, from: images }
  table: { uses: export, from: metadata, with: { into: published/images.csv, columns: [site, season, path, datetime] } }
";

fn on_a_disk() -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", ON_A_DISK);
    space.write("trapline.local.yaml", "roots: { archive: disk }\n");
    space.write("disk/.trapline-root", "");
    for (seed, place) in (1..).zip(["north/na", "north/nb", "south/sa", "south/sb"]) {
        for at in 1..=3 {
            space.image(&format!("disk/{place}/2024/IMG_000{at}.jpg"), seed * 10 + at);
        }
    }
    space
}

fn gone(ran: &Ran) -> Gone {
    let gone = |event: &Event| match event {
        Event::StepBlocked { gone, .. } => gone.as_deref().cloned(),
        _ => None,
    };
    ran.events.iter().find_map(gone).unwrap_or_else(|| panic!("nothing is gone: {:#?}", ran.events))
}

fn held_back(space: &TestSpace) -> Gone {
    let words = |(name, word): &(String, &'static str)| format!("{name} {word}");
    let decisions: Vec<String> = space.decisions().iter().map(words).collect();
    assert!(decisions.iter().all(|decision| decision.ends_with("blocked")), "{decisions:?}");
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Blocked, "{:#?}", ran.events);
    gone(&ran)
}

fn move_away(space: &TestSpace, folder: &str) {
    fs::rename(space.path(&format!("disk/{folder}")), space.path("away")).unwrap();
}

fn bring_back(space: &TestSpace, folder: &str) {
    let there = space.path(&format!("disk/{folder}"));
    if there.exists() {
        fs::remove_dir(&there).unwrap();
    }
    fs::rename(space.path("away"), there).unwrap();
}

#[test]
fn half_of_an_archive_that_is_missing_holds_the_run_back() {
    let space = on_a_disk();
    space.run();
    let (published, lock, table) =
        (space.read("published/images.csv"), space.read("trapline.lock"), space.table("metadata").id());
    assert_eq!(published.lines().count(), 13);
    for empty_mount in [false, true] {
        move_away(&space, "south");
        if empty_mount {
            fs::create_dir(space.path("disk/south")).unwrap();
        }
        let gone = held_back(&space);
        assert_eq!((gone.images, gone.folder_count), (6, 2));
        assert_eq!(gone.folders, [("south/sa/2024".to_owned(), 3), ("south/sb/2024".to_owned(), 3)]);
        assert_eq!(
            (gone.since.as_deref(), gone.known_to.as_slice()),
            (Some("2026-01-01T00:00:00Z"), &["the last run".to_owned()][..])
        );
        assert_eq!(gone.images, held_back(&space).images, "it is held back for as long as they are gone");
        assert_eq!((space.read("published/images.csv"), space.read("trapline.lock")), (published.clone(), lock.clone()));
        assert_eq!(space.table("metadata").id(), table);
        bring_back(&space, "south");
        let ran = space.run();
        assert_eq!((ran.reused().len(), ran.bytes_read()), (3, 0), "what comes back is not read again");
    }
}

#[test]
fn the_command_line_says_what_is_gone_and_both_ways_on() {
    let (space, on_disk) = (Space::new(), on_a_disk());
    for file in ["pipeline.yaml", "trapline.local.yaml"] {
        space.write(file, &on_disk.read(file));
    }
    super::support::copy(&on_disk.path("disk"), &space.path().join("disk"));
    assert_eq!(space.run(&["run"]).code, 0);
    fs::rename(space.path().join("disk/south"), space.path().join("away")).unwrap();
    for command in [&["run"][..], &["run", "--frozen"], &["plan"], &["status"]] {
        let end = space.run(command);
        let code = if command[0] == "run" { 5 } else { 0 };
        assert_eq!(end.code, code, "{command:?} {}", end.err);
        let page = end.out + &end.err;
        for words in [
            "6 known images are gone from root `archive`, which is there",
            "south/sa/2024: 3",
            "trapline images forget south --because",
            "Nothing is lost",
        ] {
            assert!(page.contains(words), "{command:?}: no `{words}` in {page}");
        }
    }
    let verified = space.run(&["verify"]);
    assert_eq!(verified.code, 1);
    assert!(verified.out.contains("6 known images are gone from root `archive`"), "{}", verified.out);
    let listed = space.run(&["images", "gone"]).out;
    assert!(listed.lines().count() == 6 && listed.starts_with("archive\tsouth/sa/2024/IMG_0001.jpg\n"), "{listed}");
    assert_eq!(space.run(&["images", "forget", "north", "--because", "x"]).code, 2);
    assert_eq!(space.run(&["images", "forget", "south/sa", "--because", " "]).code, 2);
    let forgot = space.run(&["images", "forget", "south/sa", "--because", "the card was stolen"]);
    assert_eq!(forgot.code, 0, "{}", forgot.err);
    let lines = space.read("forgotten.csv");
    assert!(lines.starts_with("root,path,content,time,because\narchive,south/sa/2024/IMG_0001.jpg,b3:"), "{lines}");
    assert_eq!(lines.matches("the card was stolen").count(), 3);
    // The others are still missed.
    let end = space.run(&["run"]);
    assert!(end.code == 5 && end.err.contains("3 known images are gone"), "{}", end.err);
    space.run(&["images", "forget", ".", "--because", "and the other one too"]);
    let end = space.run(&["run"]);
    assert_eq!(end.code, 0, "{}", end.err);
    assert!(end.err.contains("6 images that are gone from root `archive` are forgotten"), "{}", end.err);
    assert_eq!(space.read("published/images.csv").lines().count(), 7);
    // Taken back: by the command, or by taking the lines out.
    assert_eq!(space.run(&["images", "remember", "south/sb"]).code, 0);
    assert_eq!(space.read("forgotten.csv").lines().count(), 4);
    assert_eq!(space.run(&["images", "remember", "south/sb"]).code, 2);
    space.run(&["images", "remember", "."]);
    assert!(!space.path().join("forgotten.csv").exists());
    fs::rename(space.path().join("away"), space.path().join("disk/south")).unwrap();
    let end = space.run(&["run"]);
    assert!(end.code == 0 && space.read("published/images.csv").lines().count() == 13, "{}", end.err);
}

#[test]
fn what_moved_below_the_root_is_not_gone_and_a_copy_elsewhere_does_not_stand_for_it() {
    let space = on_a_disk();
    fs::copy(space.path("disk/north/na/2024/IMG_0001.jpg"), space.path("disk/north/nb/2024/copy.jpg")).unwrap();
    space.run();
    fs::rename(space.path("disk/south/sa"), space.path("disk/south/sc")).unwrap();
    space.run();
    // The image that lies at two sites: one of them is missed.
    fs::remove_file(space.path("disk/north/na/2024/IMG_0001.jpg")).unwrap();
    let gone = held_back(&space);
    assert_eq!(gone.folders, [("north/na/2024".to_owned(), 1)]);
}

#[test]
fn a_known_image_that_cannot_be_read_or_lost_its_bytes_is_held_back() {
    let space = on_a_disk();
    space.run();
    let path = space.path("disk/south/sa/2024/IMG_0002.jpg");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, "").unwrap();
    let ran = space.try_run().unwrap();
    assert_eq!((ran.outcome, gone(&ran).images), (Outcome::Blocked, 1));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(held_back(&space).folders, [("south/sa/2024".to_owned(), 1)]);
    fs::remove_dir(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    space.run();
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_a_link_to_nothing_is_named() {
    let space = on_a_disk();
    fs::rename(space.path("disk/south"), space.path("other")).unwrap();
    std::os::unix::fs::symlink(space.path("other"), space.path("disk/south")).unwrap();
    space.run();
    fs::rename(space.path("other"), space.path("elsewhere")).unwrap();
    let gone = held_back(&space);
    assert_eq!((gone.images, gone.unreadable), (6, vec!["south".to_owned()]));
}

#[test]
fn without_its_store_a_project_misses_what_names_and_lock_know() {
    let space = on_a_disk();
    space.run();
    move_away(&space, "south/sa");
    fs::remove_dir_all(space.path(".trapline")).unwrap();
    // The lock knows how many files a season had.
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Blocked, "{:#?}", ran.events);
    assert_eq!((gone(&ran).images, gone(&ran).counted), (3, vec![("2024".to_owned(), 12, 9)]));
    bring_back(&space, "south/sa");
    space.run();
    // The names know which.
    let names =
        "  names: { uses: rename, from: metadata, with: { name: \"{{ site }}_{{ counter(4) }}.JPG\", manifest: names.csv } }\n";
    space.write("pipeline.yaml", space.read("pipeline.yaml") + names);
    space.run();
    move_away(&space, "south/sa");
    fs::remove_dir_all(space.path(".trapline")).unwrap();
    let known = space.read("names.csv");
    let ran = space.try_run().unwrap();
    let missed = gone(&ran);
    assert_eq!((missed.images, missed.known_to), (3, vec!["names.csv".to_owned()]));
    assert_eq!(missed.folders, [("south/sa/2024".to_owned(), 3)]);
    assert_eq!(space.read("names.csv"), known);
}

#[test]
fn files_of_a_seal_that_are_gone_are_held_back_too() {
    let space = on_a_disk();
    space.run();
    trapline::run::seal_season(&space.pipeline(), &space.options, "2024").unwrap();
    fs::remove_dir_all(space.path(".trapline")).unwrap();
    fs::remove_file(space.path("trapline.lock")).unwrap();
    move_away(&space, "south");
    let ran = space.try_run().unwrap();
    assert_eq!((ran.outcome, gone(&ran).known_to), (Outcome::Blocked, vec!["seasons/2024.csv".to_owned()]));
}

#[test]
fn a_pattern_that_takes_less_misses_nothing() {
    let space = on_a_disk();
    space.run();
    space.edit("pipeline.yaml", "{locality}/{site}", "north/{site}");
    space.run();
    assert_eq!(space.table("images").rows, 6);
    space.edit("pipeline.yaml", "**/*.jpg\" }", "**/*.jpg\", exclude: [nb] }");
    space.run();
    assert_eq!(space.table("images").rows, 3);
}
