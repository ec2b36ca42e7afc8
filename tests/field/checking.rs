//! Mistakes that are found before anything runs.

use trapline::check::{Loaded, validate};
use trapline::diagnostic::plain;

use super::support::TestSpace;
use crate::cli::Space;

/// A season with deployments, clocks, names and labels. There is no image anywhere.
const PIPELINE: &str = "\
trapline: 1
name: test
taxonomy: taxonomy.csv
deployments: deployments.csv
steps:
  images:
    uses: images
    with: { root: raw, path: \"{site}/{season}/**/*.jpg\" } # trapline: allow TL0760 images are not committed
  metadata:
    uses: metadata
    from: images
    with: { corrections: clock.csv }
  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG\" }
  labels:
    uses: review
    from: names
    with: { labels: labels/qc }
  table:
    uses: export
    from: labels
    with: { into: published/labels.csv }
";
const TAXONOMY: &str = "class,role\nempty,empty\nvole,animal\nstoat,animal\n";
const DEPLOYMENTS: &str = "site,season,from,to,timezone,latitude,longitude\na,2024,2024-07-01,2024-07-31,Europe/Oslo,70.1,29.5\n";
const CLOCK: &str = "id,site,from,to,kind,value\nc1,a,2024-07-01,2024-07-31,offset,+1h\n";

fn project() -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", PIPELINE);
    space.write("taxonomy.csv", TAXONOMY);
    space.write("deployments.csv", DEPLOYMENTS);
    space.write("clock.csv", CLOCK);
    space
}

fn check(space: &TestSpace) -> Loaded {
    validate(&space.path("pipeline.yaml"), &space.overrides)
}

/// What checking finds, one finding after another with its way out, without the folder of the test.
fn found(space: &TestSpace) -> String {
    let loaded = check(space);
    let folder = format!("{}/", space.dir.path().display()).replace('\\', "/");
    loaded
        .report
        .diagnostics
        .iter()
        .map(|finding| plain(&loaded.sources, finding).replace('\\', "/").replace(&folder, ""))
        .collect()
}

/// Checks that a file as given is found fault with, in these words.
#[track_caller]
fn finds(file: &str, text: impl AsRef<[u8]>, wanted: &[&str]) {
    let space = project();
    space.write(file, text);
    let found = found(&space);
    for words in wanted {
        assert!(found.contains(words), "`{words}` is not in\n{found}");
    }
}

#[test]
fn a_project_whose_images_are_not_there_is_valid() {
    let space = project();
    assert_eq!(found(&space), "");
    assert!(check(&space).pipeline.is_some());
    space.edit("pipeline.yaml", " # trapline: allow TL0760 images are not committed", "");
    assert!(check(&space).pipeline.is_some());
    assert!(found(&space).contains("TL0760 pipeline.yaml:8:19-8:22 warning: the folder `raw` is not there"), "{}", found(&space));
    // A folder of nearly that name is there: perhaps a typing mistake, perhaps another season.
    std::fs::create_dir(space.path("rawe")).unwrap();
    assert!(found(&space).contains("did you mean `rawe`?"), "{}", found(&space));
}

#[test]
fn dates_as_a_spreadsheet_writes_them_are_found_beside_their_cells() {
    let table = "\u{feff}site;season;from;to;latitude;longitude\n1;2024;01.07.2024;31.07.2024;70,123;29,5\n04-Mar;2024;45474;45504;70,123;29,5\n";
    finds(
        "deployments.csv",
        table,
        &[
            "TL0609 deployments.csv:2:8-2:18 error: `01.07.2024` is not a time",
            "TL0609 deployments.csv:2:19-2:29 error: `31.07.2024` is not a time",
            "TL0609 deployments.csv:3:13-3:18 error: `45474` is not a time",
            "write YYYY-MM-DD",
        ],
    );
}

#[test]
fn every_kind_of_mistake_in_the_deployment_table_is_found() {
    let header = "site,season,from,to,timezone,latitude,longitude";
    finds(
        "deployments.csv",
        format!("{header}\na,2024,2024-07-31,2024-07-01,,,\n"),
        &["deployments.csv:2:19-2:29 error: the end lies"],
    );
    finds("deployments.csv", format!("{header}\na,2024,,,Europe/Olso,,\n"), &["TL0661", "`Europe/Olso` is not a time zone"]);
    let place = "`70,1` is not a latitude\n  help: write `70.1`, with a decimal point";
    finds("deployments.csv", format!("{}\na;2024;;;;70,1;29.5\n", header.replace(',', ";")), &[place]);
    finds("deployments.csv", format!("{header}\na,2024,,,,91,181\n"), &["`91` is not a latitude", "`181` is not a longitude"]);
    finds(
        "deployments.csv",
        "site,start,end\na,2024-07-01,2024-07-31\n",
        &["deployments.csv:1:6-1:11 error: the column `start` would not be read as the `from`", "call it `to`"],
    );
}

#[test]
fn what_spreadsheets_leave_in_a_table_does_no_harm() {
    let space = project();
    space.write("deployments.csv", format!("sep=;\n{};;;;;;\n;;;;;;\n", DEPLOYMENTS.replace(',', ";")));
    space.write("clock.csv", format!("sep=;\n{};;;;;\n", CLOCK.replace(',', ";")));
    space.write("taxonomy.csv", format!("sep=;\n{};\n;\n", TAXONOMY.replace(',', ";")));
    assert_eq!(found(&space), "");
    // Lines are counted as an editor does.
    space.write("deployments.csv", "sep=;\nsite;from;to\n;;\na;2024-07-01;x\n");
    assert!(found(&space).contains("deployments.csv:4:14-4:15 error: `x` is not a time"), "{}", found(&space));
}

#[test]
fn clocks_names_and_labels_are_read_as_a_run_does() {
    finds("clock.csv", "id,site,kind,value\nc1,a,offset,soon\n", &["TL0660 clock.csv:2:13-2:17 error: `soon`", "write a shift"]);
    finds("clock.csv", "id,site,kind,valeu\n", &["clock.csv:1:14-1:19 error:", "did you mean `value`?"]);
    finds("names.csv", "season,site,name,content,path\n2024,a,n,b3:12,p\n", &["TL0660 names.csv:2:10-2:15 error: `b3:12`"]);
    let content = format!("b3:{}", "0".repeat(64));
    let twice = format!("season,site,name,content,path\n2024,a,n,{content},p\n2024,b,n,{content},q\n");
    finds("names.csv", twice, &["names.csv:1:1", "`n` in `names.csv` names both `p` and `q`"]);
    finds(
        "labels/qc/anna.csv",
        format!("observation,class\n{content},vole\n{content},stot\nnonsense,vole\n"),
        &[
            "TL0661 labels/qc/anna.csv:3:69-3:73 warning: `stot`",
            "did you mean `stoat`?",
            "labels/qc/anna.csv:4:1-4:14 warning: this row does not count",
        ],
    );
    finds("labels/qc/anna.csv", "class,who\nvole,me\n", &["TL0660 labels/qc/anna.csv:1:1-1:10 error: this label file must name"]);
}

#[test]
fn an_unfinished_merge_is_named_in_every_file() {
    let conflict = |text: &str| {
        let (first, rest) = text.split_once('\n').unwrap();
        format!("{first}\n<<<<<<< HEAD\n{rest}=======\n{rest}>>>>>>> other\n")
    };
    for (file, text) in
        [("deployments.csv", DEPLOYMENTS), ("clock.csv", CLOCK), ("taxonomy.csv", TAXONOMY), ("pipeline.yaml", PIPELINE)]
    {
        finds(
            file,
            conflict(text),
            &["a merge is not finished here", &format!("{file}:2:1-2:13"), "remove the lines that begin with"],
        );
    }
    let content = format!("b3:{}", "0".repeat(64));
    let names = format!("season,site,name,content,path\n2024,a,n,{content},p\n");
    finds("names.csv", conflict(&names), &["names.csv:2:1-2:13 error: a merge is not finished here"]);
    finds(
        "labels/qc/anna.csv",
        conflict(&format!("observation,class\n{content},vole\n")),
        &["labels/qc/anna.csv:2:1-2:13", "merge"],
    );
    finds(
        "models.lock",
        conflict("format: 1\nmodels: []\n"),
        &["TL0160 models.lock:2:1-2:13 error: a merge is not finished here"],
    );
    let space = project();
    space.edit("pipeline.yaml", "steps:", "roots: { disk: { marker: .trapline-root } }\nsteps:");
    space.write("trapline.local.yaml", conflict("roots:\n  disk: b\n"));
    assert!(found(&space).contains("TL0160 trapline.local.yaml:2:1-2:13"), "{}", found(&space));
}

#[test]
fn names_that_cannot_be_right_are_refused() {
    let with = |name: &str| {
        let space = project();
        space.edit("pipeline.yaml", "{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG", name);
        found(&space)
    };
    let constant = with("image.JPG");
    assert!(constant.contains("TL0560 pipeline.yaml:16:19-16:30 error: `image.JPG` is one name for all images"), "{constant}");
    let corrected = with("{{ site }}_{{ datetime }}_{{ counter(4) }}.JPG");
    assert!(
        corrected.contains("TL0561") && corrected.contains("`datetime` changes whenever a clock is corrected"),
        "{corrected}"
    );
    assert_eq!(with("IMG_{{ counter(4) }}.JPG"), "");
    assert_eq!(with("{{ site }}_{{ time_raw }}.JPG"), "");
}

#[test]
fn a_command_is_a_list_of_words() {
    let space = project();
    let step = "  own:\n    uses: command\n    from: names\n    with: { run: python3 x.py, columns: { site: text } }\n";
    space.edit("pipeline.yaml", "  table:\n", &format!("{step}  table:\n"));
    let found = found(&space);
    assert!(found.contains("TL0562") && found.contains("write each word by itself: `run: [python3, x.py]`"), "{found}");
}

#[test]
fn values_of_parameters_are_reported_where_they_are_written() {
    let of = |value: &str| {
        let space = project();
        let text = "  accepted:\n    uses: threshold\n    from: { predictions: names }\n    with: { accept_at: \"{{ params.accept_at }}\" }\n";
        space.edit("pipeline.yaml", "name: test\n", &format!("name: test\nparams:\n  accept_at: {value}\n"));
        space.edit("pipeline.yaml", "  table:\n", &format!("{text}  table:\n"));
        found(&space)
    };
    for (value, help) in [
        ("1.5", "from 0 to 1"),
        ("0,9", "write it with a decimal point: `0.9`"),
        ("90%", "write it as a share of 1: `0.9`"),
        ("99.9 %", "write it as a share of 1: `0.999`"),
        ("“0.9”", "the quotes are those of a word processor: write `0.9`"),
        ("'0.9'", "leave the quotes out"),
    ] {
        let found = of(value);
        assert!(found.contains("pipeline.yaml:4:14-4:") && found.contains(help), "{value}: {found}");
    }
}

#[test]
fn a_decimal_comma_within_braces_is_recognised() {
    let space = project();
    let text = "  accepted:\n    uses: threshold\n    from: { predictions: names }\n    with: { accept_at: 0,9 }\n";
    space.edit("pipeline.yaml", "  table:\n", &format!("{text}  table:\n"));
    assert!(found(&space).contains("write a decimal point: `accept_at: 0.9`"), "{}", found(&space));
}

#[test]
fn a_form_under_format_is_told_its_key() {
    let space = project();
    space.edit("pipeline.yaml", "published/labels.csv }", "published/labels.json, format: megadetector }");
    let found = found(&space);
    assert!(found.contains("write `form: megadetector`"), "{found}");
}

#[test]
fn a_yaml_file_as_first_argument_is_the_pipeline() {
    let space = Space::new();
    for name in ["a.yaml", "b.yaml"] {
        space.write(name, &super::support::PIPELINE.replace("name: test", &format!("name: {}", &name[..1])));
    }
    std::fs::create_dir(space.path().join("raw")).unwrap();
    let plan = space.run(&["plan", "b.yaml"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    assert_eq!(
        space.run(&["plan", "b.yaml", "metadata", "--format", "json"]).out,
        space.run(&["plan", "-p", "b.yaml", "metadata", "--format", "json"]).out
    );
    assert!(space.run(&["plan", "b.yaml", "--format", "json"]).out.contains("\"pipeline\": \"b\""));
    assert!(space.run(&["graph", "b.yaml"]).out.starts_with("<svg"));
}

#[test]
fn annotations_speak_of_files_of_the_repository() {
    let space = Space::new();
    space.git(&["init", "-q"]);
    space.write("project/pipeline.yaml", &super::support::PIPELINE.replace("uses: metadata", "uses: metdata"));
    std::fs::create_dir_all(space.path().join("project/raw")).unwrap();
    let run = |args: &[&str]| {
        let output = space.command(args).current_dir(space.path().join("project")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let github = run(&["validate", "pipeline.yaml", "--format", "github"]);
    assert!(github.contains("file=project/pipeline.yaml,"), "{github}");
    let sarif = run(&["validate", "pipeline.yaml", "--format", "sarif"]);
    assert!(sarif.contains("\"uri\": \"project/pipeline.yaml\""), "{sarif}");
    // People are shown the path as they would type it.
    assert!(run(&["validate", "pipeline.yaml"]).contains(" pipeline.yaml:"), "{}", run(&["validate", "pipeline.yaml"]));
}

#[test]
fn privacy_goes_by_role_and_not_by_words() {
    let with = |taxonomy: &str| {
        let space = project();
        space.write("taxonomy.csv", format!("class,role\nempty,empty\nvole,animal\n{taxonomy}"));
        assert_eq!(found(&space), "");
        let pipeline = check(&space).pipeline.unwrap();
        trapline::provenance::bundle::people(&pipeline)
    };
    assert_eq!(with("hiker,person\nskier,person\nquad,vehicle\nhuman_made,other\n"), ["hiker", "skier"]);
    // Taxonomies from before there was such a role.
    assert_eq!(with("person,other\nvehicle,other\ndifficult,other\n"), ["person"]);
    assert_eq!(with("person,\n"), ["person"]);
}

#[test]
fn what_other_programs_call_a_person_is_the_class_of_that_role() {
    let space = TestSpace::new();
    space.write("taxonomy.csv", "class,role\nempty,empty\nvole,animal\nhiker,person\nquad,vehicle\n");
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: test\ntaxonomy: taxonomy.csv\nsteps:\n  imported:\n    uses: import\n    with: { files: md.json, format: megadetector, \
         what: predictions, classes: { animal: vole } }\n  out:\n    uses: export\n    from: imported\n    with: { into: published/md.json, form: \
         megadetector }\n",
    );
    let image = |name: &str, category: &str| {
        format!(r#"{{"file": "{name}", "detections": [{{"category": "{category}", "conf": 0.9, "bbox": [0, 0, 1, 1]}}]}}"#)
    };
    let images = [image("a.jpg", "1"), image("b.jpg", "2"), image("c.jpg", "3")].join(", ");
    space.write(
        "md.json",
        format!(r#"{{"info": {{"format_version": "1.4"}}, "detection_categories": {{"1": "animal", "2": "person", "3": "vehicle"}}, "images": [{images}]}}"#),
    );
    space.run();
    let mut labels = space.column("imported", "label");
    labels.sort();
    assert_eq!(labels, ["hiker", "quad", "vole"]);
    let written: serde_json::Value = serde_json::from_str(&space.read("published/md.json")).unwrap();
    let boxes: Vec<&str> =
        written["images"].as_array().unwrap().iter().map(|image| image["detections"][0]["category"].as_str().unwrap()).collect();
    assert_eq!(boxes, ["1", "2", "3"]);
}

/// A project of three sites of which the deployment table knows one.
fn with_unknown_sites() -> Space {
    let space = Space::new();
    let pipeline = super::support::PIPELINE.replace("steps:", "deployments: deployments.csv\nsteps:");
    space.write("pipeline.yaml", &pipeline);
    space.write("deployments.csv", "site,habitat\na,heath\n");
    for (site, seed) in [("a", 1), ("b", 2), ("b", 3), ("c", 4)] {
        photo(&space, site, seed);
    }
    space.settle();
    space
}

fn photo(space: &Space, site: &str, seed: u8) {
    let folder = space.path().join("raw").join(site).join("2024");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{seed}.jpg")), super::support::jpeg(seed)).unwrap();
}

#[test]
fn findings_count_what_they_list_and_known_ones_are_folded() {
    let space = with_unknown_sites();
    let first = space.run(&["run"]);
    assert!(
        first.err.contains("1 finding\n  metadata: 3 images are of sites that the deployment table does not know"),
        "{}",
        first.err
    );
    assert!(first.err.contains("    b (there is `a`); c (there is `a`)\n"), "{}", first.err);
    let again = space.run(&["run"]);
    assert!(again.err.contains("1 known finding: `trapline status` lists them\n"), "{}", again.err);
    assert!(!again.err.contains("3 images are of sites"), "{}", again.err);
    let status = space.run(&["status"]);
    assert!(status.out.contains("1 finding\n  metadata: 3 images are of sites"), "{}", status.out);
    photo(&space, "d", 5);
    space.settle();
    let more = space.run(&["run"]);
    assert!(more.err.contains("1 new finding\n  metadata: 4 images are of sites"), "{}", more.err);
}

#[test]
fn tables_fit_the_screen_unless_asked_otherwise() {
    let space = with_unknown_sites();
    space.run(&["run"]);
    let shown = space.run(&["show", "metadata"]);
    assert!(shown.out.lines().all(|line| line.chars().count() <= 80), "{}", shown.out);
    assert!(shown.out.contains("more columns: `--wide` shows all, `--columns NAME,...` some"), "{}", shown.out);
    let wide = space.run(&["show", "metadata", "--wide"]);
    assert!(wide.out.lines().next().unwrap().contains("datetime_raw") && !wide.out.contains("more columns"), "{}", wide.out);
    let some = space.run(&["show", "metadata", "--columns", "habitat,site", "--limit", "1"]);
    assert_eq!(some.out, "habitat  site\n-------  ----\nheath    a\n... 3 more rows\n");
    let wrong = space.run(&["show", "metadata", "--columns", "sit"]);
    assert!(wrong.code == 2 && wrong.err.contains("did you mean `site`?"), "{}", wrong.err);
}

#[test]
fn help_explains_what_people_write() {
    let space = Space::new();
    for (topic, words) in [
        ("taxonomy", "`person`"),
        ("deployments", "latitude"),
        ("roots", ".trapline-root"),
        ("params", "--set"),
        ("expect", "classes[class=stoat, season=2024].checked"),
        ("labels", "supersedes"),
        ("clock", "month_day_swap"),
    ] {
        let end = space.run(&["help", topic]);
        assert!(end.code == 0 && end.out.contains(words), "{topic}: {}{}", end.out, end.err);
        assert!(space.run(&["help"]).out.contains(&format!("\n  {topic}")), "{topic}");
    }
    assert!(space.run(&["help", "deploymets"]).err.contains("did you mean `deployments`?"));
}

#[test]
fn an_unfinished_merge_in_what_a_run_wrote_stops_it() {
    let space = with_unknown_sites();
    assert_eq!(space.run(&["run"]).code, 0);
    let lock = space.read("trapline.lock");
    space.write("trapline.lock", &format!("<<<<<<< HEAD\n{lock}=======\n{lock}>>>>>>> other\n"));
    let frozen = space.run(&["run", "--frozen"]);
    assert!(frozen.code != 0 && frozen.err.contains("trapline.lock` line 1: a merge"), "{}", frozen.err);
    space.write("trapline.lock", &lock);
    space.write("seasons/2023.csv", "root,path,content,bytes\n<<<<<<< HEAD\n");
    let plan = space.run(&["plan"]);
    assert!(plan.code != 0 && plan.err.contains("2023.csv` line 2: a merge is not finished here"), "{}", plan.err);
}
