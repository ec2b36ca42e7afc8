//! What names do over the years: stay.

use super::KIND;
use crate::step::testing::{Project, content, step, table, text};
use crate::step::{Outputs, ParamValue, Step};
use crate::table::{Cell, Table, Type};

const RULE: &str = "{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG";

fn rule(name: &str) -> Box<dyn Step> {
    step(&KIND, &[("name", ParamValue::Text(name.into()))])
}

/// Images as (season, site, file, date): their bytes are their path's.
fn images(rows: &[(&str, &str, &str, &str)]) -> Table {
    let fields = [
        ("content", Type::Content),
        ("path", Type::Text),
        ("season", Type::Text),
        ("site", Type::Text),
        ("date_raw", Type::Text),
    ];
    let cell = |value: &str| if value.is_empty() { Cell::Null } else { text(value) };
    let rows: Vec<Vec<Cell>> = rows
        .iter()
        .map(|(season, site, file, date)| {
            let path = format!("{site}/{season}/{file}");
            vec![content(&path), text(&path), cell(season), cell(site), cell(date)]
        })
        .collect();
    table(&fields, &rows)
}

fn names(outputs: &Outputs) -> Vec<Option<&str>> {
    let column = outputs.tables[0].column("name").unwrap();
    (0..column.len()).map(|row| column.text(row)).collect()
}

#[test]
fn counters_run_by_file_name_within_site_and_date_and_go_on_into_the_next_season() {
    let project = Project::new();
    let both = images(&[
        ("2021", "ko_1", "IMG_1.JPG", "2021-07-01"),
        ("2020", "ko_1", "IMG_10.JPG", "2021-07-01"),
        ("2020", "ko_1", "IMG_9.JPG", "2021-07-01"),
        ("2020", "ko_1b", "IMG_1.JPG", "2021-07-01"),
        ("2020", "ko_1", "IMG_2.JPG", "2021-06-30"),
    ]);
    let first = project.run(rule(RULE).as_ref(), &both.take(&[1, 2, 3, 4])).unwrap();
    assert_eq!(
        names(&first),
        [
            Some("ko_1_2021-07-01_0002.JPG"),
            Some("ko_1_2021-07-01_0001.JPG"),
            Some("ko_1b_2021-07-01_0001.JPG"),
            Some("ko_1_2021-06-30_0001.JPG")
        ]
    );
    let second = project.run(rule(RULE).as_ref(), &both).unwrap();
    assert_eq!(names(&second)[0], Some("ko_1_2021-07-01_0003.JPG"));
    assert_eq!(names(&second)[1..], names(&first));
    // A season in one go gives the same names as season by season.
    let at_once = Project::new();
    assert_eq!(names(&at_once.run(rule(RULE).as_ref(), &both).unwrap()), names(&second));
    assert_eq!(at_once.read("names.csv"), project.read("names.csv"));
}

#[test]
fn names_once_given_survive_late_images_corrected_clocks_moved_files_and_new_rules() {
    let project = Project::new();
    let first = images(&[("2021", "ko_1", "IMG_2.JPG", "2021-07-01"), ("2021", "ko_1", "IMG_3.JPG", "2021-07-01")]);
    let given = project.run(rule(RULE).as_ref(), &first).unwrap();
    let manifest = project.read("names.csv");
    // An earlier file name arrives late; the clock of the second image is corrected; its file has moved.
    let mut rows =
        vec![vec![content("ko_1/2021/IMG_1.JPG"), text("ko_1/2021/IMG_1.JPG"), text("2021"), text("ko_1"), text("2021-07-01")]];
    for (row, date) in [(0, "2021-07-01"), (1, "2020-07-01")] {
        let path = format!("moved/ko_1/{row}.JPG");
        rows.push(vec![first.cell(row, "content").to_cell(), text(&path), text("2021"), text("ko_1"), text(date)]);
    }
    let fields: Vec<_> = first.schema.fields.iter().map(|field| (field.name.as_str(), field.ty)).collect();
    let later = project.run(rule(RULE).as_ref(), &table(&fields, &rows)).unwrap();
    assert_eq!(names(&later)[0], Some("ko_1_2021-07-01_0003.JPG"));
    assert_eq!(names(&later)[1..], names(&given));
    assert!(manifest.lines().all(|line| project.read("names.csv").contains(line)), "every line stays as it was");
    let other_rule = project.run(rule("{{ site }}-{{ counter() }}.jpg").as_ref(), &first).unwrap();
    assert_eq!(names(&other_rule), names(&given));
}

#[test]
fn a_rerun_touches_nothing_and_a_reordered_manifest_serves() {
    let project = Project::new();
    let input = images(&[("2021", "ko_1", "IMG_2.JPG", "2021-07-01"), ("2021", "ko_2", "IMG_3.JPG", "2021-07-01")]);
    let given = project.run(rule(RULE).as_ref(), &input).unwrap();
    let written = project.read("names.csv");
    let mut lines: Vec<&str> = written.lines().collect();
    lines[1..].reverse();
    let by_hand = lines.join("\r\n");
    project.write("names.csv", &by_hand);
    let again = project.run(rule(RULE).as_ref(), &input).unwrap();
    assert_eq!(names(&again), names(&given));
    assert_eq!(project.read("names.csv"), by_hand, "nothing new, nothing written");
    assert_eq!(again.tables[0].id(), given.tables[0].id());
}

#[test]
fn one_content_at_two_sites_has_two_names_and_one_observation_has_one() {
    let project = Project::new();
    let fields = [("content", Type::Content), ("path", Type::Text), ("season", Type::Int), ("site", Type::Text)];
    let rows = [("a.jpg", "ko_1"), ("b.jpg", "ko_2"), ("c.jpg", "ko_1")]
        .map(|(path, site)| vec![content("same"), text(path), Cell::Int(2021), text(site)]);
    let given = project.run(rule("{{ site }}_{{ season }}_{{ counter(2) }}.jpg").as_ref(), &table(&fields, &rows)).unwrap();
    assert_eq!(names(&given), [Some("ko_1_2021_01.jpg"), Some("ko_2_2021_01.jpg"), Some("ko_1_2021_01.jpg")]);
}

#[test]
fn a_missing_date_leaves_one_image_unnamed_until_it_is_there() {
    let project = Project::new();
    let rows = [("2021", "ko_1", "IMG_1.JPG", ""), ("2021", "ko_1", "IMG_2.JPG", "2021-07-01")];
    let given = project.run(rule(RULE).as_ref(), &images(&rows)).unwrap();
    assert_eq!(names(&given), [None, Some("ko_1_2021-07-01_0001.JPG")]);
    assert_eq!((given.metrics["named"], given.metrics["unnamed"]), (1.0, 1.0));
    insta::assert_snapshot!(given.findings[0].message, @"1 image has no name since `date_raw` is missing; `{{ date_raw | default('none') }}` in the template names it all the same");
    assert_eq!(given.findings[0].examples, ["ko_1/2021/IMG_1.JPG"]);
    let dated = images(&[("2021", "ko_1", "IMG_1.JPG", "2021-07-01"), rows[1]]);
    let later = project.run(rule(RULE).as_ref(), &dated).unwrap();
    assert_eq!(names(&later), [Some("ko_1_2021-07-01_0002.JPG"), Some("ko_1_2021-07-01_0001.JPG")]);
}

#[test]
fn the_whole_plan_is_checked_before_anything_is_written() {
    let refused = |name: &str, rows: &[(&str, &str, &str, &str)]| {
        let project = Project::new();
        let error = project.run(rule(name).as_ref(), &images(rows)).unwrap_err().to_string();
        assert!(project.list(".").is_empty(), "nothing written");
        error
    };
    let two = [("2021", "ko_1", "IMG_1.JPG", "d"), ("2021", "KO_1", "IMG_2.JPG", "d")];
    insta::assert_snapshot!(refused("{{ site }}.JPG", &two), @r#"
1 name cannot be used, nothing was written:
  `ko_1.JPG` for `ko_1/2021/IMG_1.JPG` is taken; add `{{ counter(4) }}` to the template
"#);
    let illegal = [("2021", "a:b", "IMG_1.JPG", "d"), ("2021", "aux", "IMG_2.JPG", "d"), ("2021", "x", "IMG_3.JPG", "d")];
    insta::assert_snapshot!(refused("{{ site }}.JPG", &illegal), @r#"
2 names cannot be used, nothing was written:
  `a:b.JPG` for `a:b/2021/IMG_1.JPG`: it holds `:`, which Windows refuses
  `aux.JPG` for `aux/2021/IMG_2.JPG`: `AUX` is a device on Windows, with any ending
"#);
    insta::assert_snapshot!(refused("{{ '' }}", &two[..1]), @r#"
1 name cannot be used, nothing was written:
  `` for `ko_1/2021/IMG_1.JPG`: it is empty
"#);
    insta::assert_snapshot!(refused("{{ site }}/{{ counter(4) }}.", &two[..1]), @r#"
1 name cannot be used, nothing was written:
  `ko_1/0001.` for `ko_1/2021/IMG_1.JPG`: it holds `/`, which Windows refuses
"#);
    insta::assert_snapshot!(refused("{{ site | replace }}", &two[..1]), @"the name template fails for `ko_1/2021/IMG_1.JPG`: missing argument (in name:1)");
    // Two sites that differ in case alone share a counter instead of a name.
    let project = Project::new();
    let given = project.run(rule("{{ site }}_{{ counter(1) }}.JPG").as_ref(), &images(&two)).unwrap();
    assert_eq!(names(&given), [Some("ko_1_2.JPG"), Some("KO_1_1.JPG")]);
}

#[test]
fn a_manifest_with_one_name_twice_is_refused() {
    let project = Project::new();
    let input = images(&[("2021", "ko_1", "IMG_1.JPG", "d"), ("2021", "ko_1", "IMG_2.JPG", "d")]);
    project.run(rule(RULE).as_ref(), &input).unwrap();
    project.write("names.csv", project.read("names.csv").replace("_0002.JPG", "_0001.jpg"));
    insta::assert_snapshot!(project.run(rule(RULE).as_ref(), &input).unwrap_err(), @r#"
1 name cannot be used, nothing was written:
  `ko_1_d_0001.JPG` in `names.csv` names both `ko_1/2021/IMG_1.JPG` and `ko_1/2021/IMG_2.JPG`
"#);
}

#[test]
fn names_are_adopted_from_a_folder_and_their_numbers_stay_taken() {
    let project = Project::new();
    let header = "\"SourceFile\"\t\"FileName\"\t\"NewFileName\"\n";
    let line = |site: &str, file: &str, name: &str| format!("\"data/raw/{site}/2020/{file}\"\t\"{file}\"\t\"{name}\"\n");
    project.write(
        "old/2020/metadata_ko_1_2020.txt",
        format!("{header}{}{}", line("ko_1", "IMG_2.JPG", "ko_1_d_0001.JPG"), line("ko_1", "IMG_9.JPG", "ko_1_d_0002.JPG")),
    );
    project.write("old/2020/metadata_ko_1b_2020.txt", format!("{header}{}", line("ko_1b", "IMG_2.JPG", "ko_1b_d_0007.JPG")));
    project.write("old/readme.txt", "not names");
    let adopting = step(&KIND, &[("name", ParamValue::Text(RULE.into())), ("adopt", ParamValue::Text("old".into()))]);
    let input = images(&[
        ("2020", "ko_1", "IMG_1.JPG", "d"),
        ("2020", "ko_1", "IMG_2.JPG", "d"),
        ("2020", "ko_1b", "IMG_1.JPG", "d"),
        ("2020", "ko_1b", "IMG_2.JPG", "d"),
    ]);
    let given = project.run(adopting.as_ref(), &input).unwrap();
    let expected = [Some("ko_1_d_0003.JPG"), Some("ko_1_d_0001.JPG"), Some("ko_1b_d_0008.JPG"), Some("ko_1b_d_0007.JPG")];
    assert_eq!(names(&given), expected);
    let kinds: Vec<_> = given.findings.iter().map(|found| (found.kind.as_str(), found.count, found.examples.clone())).collect();
    assert_eq!(kinds, [("adopt_unmatched", 1, vec!["ko_1_d_0002.JPG (data/raw/ko_1/2020/IMG_9.JPG)".to_owned()])]);
    // A manifest is adopted whole.
    let other = Project::new();
    other.write("theirs.csv", project.read("names.csv"));
    let adopting =
        step(&KIND, &[("name", ParamValue::Text("x{{ counter() }}".into())), ("adopt", ParamValue::Text("theirs.csv".into()))]);
    assert_eq!(names(&other.run(adopting.as_ref(), &input).unwrap()), expected);
    assert_eq!(other.read("names.csv"), project.read("names.csv"));
    other.write("theirs.csv", "a,b\n1,2\n");
    insta::assert_snapshot!(other.run(adopting.as_ref(), &images(&[("2022", "z", "IMG_1.JPG", "d")])).unwrap_err(), @"`theirs.csv`, line 1: to adopt names, a table needs a column of `NewFileName`, `new_name`, `name` and one of `SourceFile`, `path`, `FileName`, `file_name`, `filename`, `file`");
}

/// Finds the reference data beside the repository.
fn reference() -> Option<std::path::PathBuf> {
    let start = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    start.ancestors().map(|folder| folder.join("shared/data/varanger")).find(|folder| folder.is_dir())
}

#[test]
fn the_reference_rule_gives_the_reference_names() {
    let Some(varanger) = reference() else {
        eprintln!("SKIPPED: ../shared/data/varanger is absent");
        return;
    };
    let mut rows = Vec::new();
    let mut expected = std::collections::BTreeMap::new();
    for site in ["vj_ga_hu_1", "vj_ga_hu_2"] {
        let file = varanger.join(format!("metadata/vestre_jakobselv/2020/metadata_{site}_2020.txt"));
        let bytes = std::fs::read(&file).unwrap();
        let metadata = crate::table::csv::read(&bytes, &crate::table::Reading::tolerant("metadata")).unwrap();
        for row in 0..metadata.rows {
            let get = |name: &str| metadata.column(name).unwrap().text(row).unwrap().to_owned();
            let path = get("SourceFile").replace("data/raw_images/", "");
            let date = get("DateTimeOriginal")[..10].replace(':', "-");
            let bytes = std::fs::read(varanger.join("raw_images").join(&path)).unwrap();
            let id = Cell::Content(crate::id::ContentId::of(&bytes));
            expected.insert(path.clone(), get("NewFileName"));
            rows.push(vec![id, text(&path), text("2020"), text(site), text(&date)]);
        }
    }
    assert_eq!(rows.len(), 200);
    // In no particular order.
    rows.sort_by_key(|row| match &row[0] {
        Cell::Content(id) => *id,
        other => panic!("{other:?}"),
    });
    let fields = [
        ("content", Type::Content),
        ("path", Type::Text),
        ("season", Type::Text),
        ("site", Type::Text),
        ("date_raw", Type::Text),
    ];
    let project = Project::new();
    let given = project.run(rule(RULE).as_ref(), &table(&fields, &rows)).unwrap();
    let output = &given.tables[0];
    let same = (0..200)
        .filter(|row| {
            output.column("name").unwrap().text(*row)
                == output.column("path").unwrap().text(*row).and_then(|path| expected.get(path)).map(String::as_str)
        })
        .count();
    assert_eq!(same, 200);
    // Adopting the reference's own files names the same images the same.
    let other = Project::new();
    for site in ["vj_ga_hu_1", "vj_ga_hu_2"] {
        let name = format!("metadata_{site}_2020.txt");
        other.write(&format!("old/{name}"), std::fs::read(varanger.join("metadata/vestre_jakobselv/2020").join(&name)).unwrap());
    }
    let adopting =
        step(&KIND, &[("name", ParamValue::Text("x{{ counter() }}".into())), ("adopt", ParamValue::Text("old".into()))]);
    let adopted = other.run(adopting.as_ref(), &table(&fields, &rows)).unwrap();
    assert_eq!((adopted.tables[0].id(), adopted.findings), (output.id(), Vec::new()));
}

#[test]
#[ignore = "prints figures"]
fn figures_at_a_hundred_thousand_images() {
    let project = Project::new();
    let rows: Vec<(String, String, String)> = (0..100_000)
        .map(|i| {
            (format!("ko_ga_hu_{}", i / 1000), format!("IMG_{:04}.JPG", i % 10_000), format!("2021-07-{:02}", i % 1000 / 40 + 1))
        })
        .collect();
    let rows: Vec<_> = rows.iter().map(|(site, file, date)| ("2021", site.as_str(), file.as_str(), date.as_str())).collect();
    let input = images(&rows);
    let rename = rule(RULE);
    let mut best = [f64::INFINITY; 2];
    for round in 0..20 {
        let start = std::time::Instant::now();
        let outputs = project.run(rename.as_ref(), &input).unwrap();
        let taken = start.elapsed().as_secs_f64() * 1e3;
        best[round.min(1)] = best[round.min(1)].min(taken);
        assert!(outputs.metrics["unnamed"] < 0.5);
    }
    eprintln!("100 000 images: first {:.0} ms, unchanged {:.0} ms (best of 19)", best[0], best[1]);
}
