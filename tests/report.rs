//! The report: the published numbers, what makes it anew, templates, what it never shows; and what stands behind its numbers.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use support::TestSpace;
use trapline::check::Overrides;
use trapline::plan::decision::Reason;
use trapline::run::event::Outcome;
use trapline::run::trace::trace;
use trapline::store::{Access, Store};
use trapline::table::{Condition, Table};

const CLASSES: [&str; 8] = ["bad_quality", "bird", "empty", "least_weasel", "lemming", "shrew", "stoat", "vole"];

/// The published quality check of a locality: images by predicted class, and the matrix of checked images, manual by automatic.
const PUBLISHED: [(&str, &str, &str); 2] = [
    (
        "komagdalen",
        "17518 1282 90967 357 23423 4071 588 50821",
        "129 2 1 2 0 0 0 2 | 0 47 0 0 0 0 0 0 | 4 31 338 35 0 0 4 1 | 0 0 0 55 0 0 0 0 | 3 1 0 0 150 2 0 1 | 0 1 1 0 0 114 0 0 | \
         0 0 0 0 0 0 96 0 | 3 20 1 8 2 1 1 244",
    ),
    (
        "vestre_jakobselv",
        "22178 359 82012 133 21106 3486 645 41261",
        "152 2 1 1 1 1 3 0 | 0 66 0 0 0 0 0 0 | 3 4 327 25 3 24 3 0 | 0 0 0 66 0 0 0 0 | 1 5 3 1 166 0 0 1 | 0 0 0 0 0 85 1 1 | \
         0 0 0 0 0 0 90 0 | 0 24 3 2 0 0 4 226",
    ),
];

/// Precision, recall and F1 as published, by class.
const FIGURES: [(&str, [&str; 3], [&str; 3]); 8] = [
    ("bad_quality", ["0.93", "0.96", "0.94"], ["0.97", "0.98", "0.98"]),
    ("bird", ["0.46", "1.00", "0.63"], ["0.65", "1.00", "0.79"]),
    ("empty", ["0.99", "0.99", "0.99"], ["0.98", "0.98", "0.98"]),
    ("least_weasel", ["0.55", "1.00", "0.71"], ["0.69", "1.00", "0.82"]),
    ("lemming", ["0.99", "0.97", "0.98"], ["0.98", "0.95", "0.96"]),
    ("shrew", ["0.97", "0.93", "0.95"], ["0.77", "0.93", "0.85"]),
    ("stoat", ["0.95", "1.00", "0.97"], ["0.89", "1.00", "0.94"]),
    ("vole", ["0.98", "0.98", "0.98"], ["0.99", "0.98", "0.99"]),
];

/// The images of both localities, and the labels of those that were checked.
fn published() -> TestSpace {
    let space = TestSpace::new();
    let mut predictions = "site,season,file,locality,label\n".to_owned();
    let mut labels = "site,season,file,class,type,reviewer,shown\n".to_owned();
    for (locality, images, matrix) in PUBLISHED {
        let matrix: Vec<Vec<usize>> =
            matrix.split('|').map(|row| row.split_whitespace().map(|count| count.parse().unwrap()).collect()).collect();
        for (automatic, (label, images)) in CLASSES.iter().zip(images.split_whitespace()).enumerate() {
            let images: usize = images.parse().unwrap();
            let mut manual = CLASSES.iter().zip(&matrix).flat_map(|(class, row)| std::iter::repeat_n(class, row[automatic]));
            for image in 0..images {
                let key = format!("{locality},2019,{label}_{image}.jpg");
                writeln!(predictions, "{key},{locality},{label}").unwrap();
                if let Some(class) = manual.next() {
                    writeln!(labels, "{key},{class},random,checker,blind").unwrap();
                }
            }
        }
    }
    space.write("predictions.csv", predictions);
    space.write("labels.csv", labels);
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: published\nclasses: [bad_quality, bird, empty, least_weasel, lemming, shrew, stoat, vole]\nsteps:\n  \
         predictions: { uses: import, with: { files: predictions.csv, what: predictions } }\n  labels: { uses: import, with: { files: \
         labels.csv, what: labels } }\n  quality: { uses: evaluate, from: { predictions: predictions, labels: labels }, with: { by: \
         [locality], sampled_by: [locality] } }\n  report: { uses: report, from: [predictions, quality], with: { into: published/report.html } }\n",
    );
    space
}

/// The numbers of a panel by row and column.
fn numbers(space: &TestSpace, panel: &str) -> BTreeMap<(String, String), f64> {
    let table = space.table("report");
    let text = |row: usize, name: &str| table.column(name).unwrap().text(row).unwrap_or_default().to_owned();
    let rows = (0..table.rows).filter(|row| text(*row, "panel") == panel);
    let number = |row: usize| table.column("number").unwrap().float64(row);
    rows.filter_map(|row| Some(((text(row, "row"), text(row, "column")), number(row)?))).collect()
}

#[test]
fn the_report_shows_the_published_table_and_every_number_leads_to_its_images() {
    let space = published();
    assert_eq!(space.run().outcome, Outcome::Complete);
    let html = space.read("published/report.html");
    for (at, locality) in PUBLISHED.iter().map(|(locality, ..)| *locality).enumerate() {
        let found = numbers(&space, &format!("quality-1-{}", at + 1));
        for (class, komagdalen, vestre_jakobselv) in FIGURES {
            let expected = if locality == "komagdalen" { komagdalen } else { vestre_jakobselv };
            for (column, expected) in ["precision", "recall", "F1"].iter().zip(expected) {
                let number = found[&(class.to_owned(), (*column).to_owned())];
                assert_eq!(format!("{number:.2}"), expected, "{locality} {class} {column}");
            }
            // The row of the page, as people read it.
            let row =
                html.split("<tr ").find(|row| row.starts_with(&format!("data-where=\"locality={locality} class={class}\"")));
            let row = row.unwrap_or_else(|| panic!("no row of {locality} {class}"));
            let cells: Vec<&str> = row.split("</td>").filter_map(|cell| Some(cell.rsplit_once('>')?.1)).collect();
            assert_eq!([cells[3], cells[6], cells[9]], expected, "{locality} {class}");
        }
    }
    let accuracy = numbers(&space, "accuracy-1");
    for (locality, expected) in [("komagdalen", 0.977_919), ("vestre_jakobselv", 0.975_619)] {
        assert!((accuracy[&(locality.to_owned(), "accuracy".to_owned())] - expected).abs() < 5e-7);
    }
    // A cell of the matrix, and the images behind it.
    let confusion = numbers(&space, "confusion-1-1");
    assert!((confusion[&("empty".to_owned(), "least_weasel".to_owned())] - 35.0).abs() < 1e-9);
    let pipeline = space.pipeline();
    let store = Store::open(&space.path(".trapline"), Access::Read).unwrap();
    let conditions =
        ["locality=komagdalen", "manual=empty", "automatic=least_weasel"].map(|text| Condition::parse(text).unwrap());
    let traced = trace(&pipeline, &store, pipeline.step("quality").unwrap(), Some("checked"), &conditions).unwrap();
    assert_eq!((traced.own.matched, traced.outdated.len()), (35, 0));
    let behind: BTreeMap<&str, u64> = traced.behind.iter().map(|layer| (layer.step.as_str(), layer.matched)).collect();
    // All that the model calls so in the locality; of the labels, which do not say what the model says, those of the class.
    assert_eq!(behind["predictions"], 357);
    assert!(traced.behind.iter().any(|layer| layer.step == "labels" && !layer.ignored.is_empty()));
}

#[test]
fn a_census_is_reported_without_intervals_and_corrections() {
    let Some(data) = support::shared_data() else {
        eprintln!("skipped: no ../shared/data");
        return;
    };
    let space = TestSpace::new();
    space.write("census.csv", std::fs::read(data.join("tables/lynx_ain/human_vs_predicted.csv")).unwrap());
    let import = |step: &str, what: &str, columns: &str, more: &str| {
        format!(
            "  {step}: {{ uses: import, with: {{ files: census.csv, what: {what}, rows: multilabel, columns: {{ site: station{columns} }}{more} }} }}\n"
        )
    };
    space.write(
        "taxonomy.csv",
        "class,role\nblaireaux,animal\ncavalier,other\ncerf,animal\nchamois,animal\nchasseur,other\nchat,animal\nchevreuil,animal\nchien,animal\n\
         ecureuil,animal\nfouine,animal\nhumain,other\nlievre,animal\nlynx,animal\nmartre,animal\noiseaux,animal\nrenard,animal\n\
         sangliers,animal\nvaches,animal\nvehicule,other\n",
    );
    space.write(
        "pipeline.yaml",
        format!(
            "trapline: 1\nname: lynx\ntaxonomy: taxonomy.csv\nsteps:\n{}{}{}  quality: {{ uses: evaluate, from: {{ predictions: predictions, labels: \
             labels }}, with: {{ sampled_by: [] }} }}\n  final: {{ uses: merge, from: {{ images: images, predictions: predictions, labels: labels }}, with: {{ rows: multilabel }} \
             }}\n  report: {{ uses: report, from: [predictions, quality, final], with: {{ into: report.html, title: Lynx }} }}\n",
            import("images", "images", "", ""),
            import("predictions", "predictions", ", label: predicted", ""),
            import("labels", "labels", ", class: human", ", values: { type: random }"),
        ),
    );
    assert_eq!(space.run().outcome, Outcome::Complete);
    // A census needs no interval and no correction.
    let quality = numbers(&space, "quality-1-1");
    for class in ["lynx", "renard", "humain"] {
        let number = |column: &str| quality[&(class.to_owned(), column.to_owned())];
        assert!((number("recall") - number("raw recall")).abs() < 1e-9, "{class}");
        assert!((number("precision") - number("raw precision")).abs() < 1e-9, "{class}");
    }
    assert!(space.read("report.html").contains("<h1>Lynx</h1>"));
}

#[test]
fn errors_are_shown_with_their_pictures_but_nobody_who_walked_by() {
    let space = TestSpace::new();
    for seed in 1..=6 {
        space.image(&format!("raw/a/2020/{seed}.jpg"), seed);
    }
    // What the model says, and what people see.
    let rows =
        [("vole", "vole"), ("vole", "stoat"), ("stoat", "vole"), ("vole", "person"), ("person", "vole"), ("empty", "vole")];
    let mut said = "site,season,file,label,confidence\n".to_owned();
    let mut seen = "site,season,file,class,type,reviewer,shown\n".to_owned();
    for (at, (label, class)) in (1..).zip(rows) {
        writeln!(said, "a,2020,{at}.jpg,{label},0.9{at}").unwrap();
        writeln!(seen, "a,2020,{at}.jpg,{class},random,ada,blind").unwrap();
    }
    space.write("said.csv", said);
    space.write("seen.csv", seen);
    space.write("taxonomy.csv", "class,role\nempty,empty\nvole,animal\nstoat,animal\nperson,other\n");
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: errors\ntaxonomy: taxonomy.csv\nsteps:\n  images: { uses: images, with: { root: raw, path: \"{site}/{season}/*.jpg\" } }\n  \
         predictions: { uses: import, from: images, with: { files: said.csv, what: predictions } }\n  labels: { uses: import, from: images, with: { files: \
         seen.csv, what: labels } }\n  final: { uses: merge, from: { images: images, predictions: predictions, labels: labels } }\n  report: { uses: report, \
         from: [final], with: { into: report.html, gallery: 1 } }\n",
    );
    let ran = space.run();
    assert_eq!(ran.findings("report"), Vec::new());
    let html = space.read("report.html");
    let gallery = html.split("<section id=\"errors\"").nth(1).unwrap().split("</section>").next().unwrap();
    let shown: Vec<&str> = gallery.split("<p><b>").skip(1).map(|part| part.split(" (").next().unwrap()).collect();
    // Of the voles the one of which the model was surest; people not at all.
    assert_eq!(shown, ["vole</b>, called empty", "stoat</b>, called vole"]);
    assert_eq!(gallery.matches("data:image/jpeg;base64,").count(), 2);
    assert!(
        gallery.contains("Of 2 images the 1 of which") && gallery.contains("2 images of classes that are no animals"),
        "{gallery}"
    );
}

const IMAGES: &str = "site,season,file,label,confidence\na,2020,1.jpg,vole,0.95\na,2020,2.jpg,stoat,0.6\nb,2020,3.jpg,vole,0.8\n\
                      b,2021,4.jpg,stoat,0.99\nb,2021,5.jpg,empty,0.7\n";
const LABELS: &str = "site,season,file,class,type,reviewer,shown\na,2020,1.jpg,vole,random,ada,blind\na,2020,2.jpg,vole,random,ada,blind\n\
                      b,2021,4.jpg,stoat,random,ada,blind\n";

/// A few images with predictions and labels, and a report of them.
fn few(with: &str) -> TestSpace {
    let space = TestSpace::new();
    space.write("images.csv", IMAGES);
    space.write("labels.csv", LABELS);
    space.write(
        "pipeline.yaml",
        format!(
            "trapline: 1\nname: few\nclasses: [empty, vole, stoat]\nsteps:\n  images: {{ uses: import, with: {{ files: images.csv, what: images }} \
             }}\n  predictions: {{ uses: import, with: {{ files: images.csv, what: predictions }} }}\n  labels: {{ uses: import, with: {{ files: \
             labels.csv, what: labels }} }}\n  quality: {{ uses: evaluate, from: {{ predictions: predictions, labels: labels }}, with: {{ sampled_by: [] }} }}\n  accepted: {{ \
             uses: threshold, from: {{ predictions: predictions, quality: quality.checked }}, with: {{ accept_at: 0.9 }} }}\n  final: {{ uses: \
             merge, from: {{ images: images, predictions: predictions, labels: labels }} }}\n  report:\n    uses: report\n    from: [predictions, \
             quality, accepted, final]\n    with: {{ into: out/report.html{with} }}\n"
        ),
    );
    space
}

#[test]
fn agreement_of_people_is_that_of_their_first_answers() {
    let space = TestSpace::new();
    let mut anna = "site,season,file,class,reviewer,time\n".to_owned();
    let mut ben = anna.clone();
    for seed in 1..=10_u8 {
        space.image(&format!("raw/a/2020/{seed}.jpg"), seed);
        let (first, second) = (if seed > 5 { "stoat" } else { "vole" }, if seed > 6 { "stoat" } else { "vole" });
        writeln!(anna, "a,2020,{seed}.jpg,{first},anna,2021-01-0{}", 1 + seed % 3).unwrap();
        writeln!(ben, "a,2020,{seed}.jpg,{second},ben,2021-02-01").unwrap();
    }
    space.write("labels/anna.csv", anna);
    space.write("labels/ben.csv", ben);
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: people\nclasses: [vole, stoat]\nsteps:\n  images: { uses: images, with: { root: raw, path: \"{site}/{season}/*.jpg\" } }\n  \
         sampled: { uses: sample, from: images, with: { random_per_group: 10, by: [season] } }\n  answered: { uses: review, from: sampled, with: { labels: labels, \
         reviewers_per_image: 2 } }\n  report: { uses: report, from: [answered], with: { into: report.html } }\n",
    );
    // One of ten images is in dispute: what depends on it would wait, and so does the report.
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Waiting);
    space.edit("labels/ben.csv", "6.jpg,vole", "6.jpg,stoat");
    assert_eq!(space.run().outcome, Outcome::Complete);
    let agreement = numbers(&space, "agreement");
    let of = |column: &str| format!("{:.2}", agreement[&("answered".to_owned(), column.to_owned())]);
    let found = ["people", "images of two or more", "agreement", "kappa"].map(of);
    assert_eq!(found, ["2.00", "10.00", "1.00", "1.00"]);
    let reviewers = numbers(&space, "reviewers-1");
    assert!((reviewers[&("anna".to_owned(), "answers".to_owned())] - 10.0).abs() < 1e-9);
}

#[test]
fn the_report_is_made_anew_when_something_before_it_changes_and_only_then() {
    let space = few("");
    assert_eq!(space.run().outcome, Outcome::Complete);
    let first = space.read("out/report.html");
    assert_eq!(space.decisions().into_iter().filter(|(_, decision)| *decision != "reuse").count(), 0);
    // The threshold accepts the same images: its own outputs are the same, but the methods are not.
    space.edit("pipeline.yaml", "accept_at: 0.9", "accept_at: 0.91");
    assert_eq!(space.run().ran().into_iter().map(|(step, _)| step).collect::<Vec<_>>(), ["accepted", "report"]);
    assert_ne!(space.read("out/report.html"), first);
    space.edit("pipeline.yaml", "accept_at: 0.91", "accept_at: 0.9");
    assert_eq!(space.run().outcome, Outcome::Complete);
    assert_eq!(space.read("out/report.html"), first, "the same pipeline, the same bytes");
    // A label changes: the reasons name what the report rests on.
    space.edit("labels.csv", "2.jpg,vole", "2.jpg,stoat");
    assert_eq!(space.run().outcome, Outcome::Complete);
    let changed = space.read("out/report.html");
    assert_ne!(changed, first);
    space.edit("pipeline.yaml", "name: few", "name: other");
    let reasons = space.reasons("report");
    assert!(!reasons.is_empty(), "the name of the pipeline stands in the report");
    assert!(!reasons.iter().any(|reason| matches!(reason, Reason::Forced)));
}

#[test]
fn a_report_that_somebody_wrote_into_is_not_overwritten() {
    let space = few("");
    assert_eq!(space.run().outcome, Outcome::Complete);
    let own = space.read("out/report.html") + "<!-- my notes -->";
    space.write("out/report.html", &own);
    let error = space.error();
    assert!(error.contains("report.html") && error.contains("changed by hand"), "{error}");
    assert_eq!(space.read("out/report.html"), own);
}

#[test]
fn templates_are_replaced_one_by_one_and_their_faults_name_file_and_line() {
    let space = few(", templates: look");
    space.write("look/figures/theme.css.jinja", ":root { --ours: 1; }\n");
    assert_eq!(space.run().outcome, Outcome::Complete);
    let html = space.read("out/report.html");
    assert!(html.contains("--ours: 1") && html.contains("<h1>few</h1>"));
    space.write("look/report.html.jinja", "<h1>{{ title }}</h1>\n{% for section in sections %}{{ section.titel }}{% endfor %}\n");
    let error = space.error();
    assert!(error.contains("report.html") && error.contains("line 2") && error.contains("look"), "{error}");
    space.write("look/report.html.jinja", "{{ title }} {{ sections | length }}");
    assert_eq!(space.run().outcome, Outcome::Complete);
    assert!(space.read("out/report.html").starts_with("few "));
    // A template that replaces nothing would change nothing.
    space.write("look/raport.html.jinja", "x");
    let loaded = trapline::check::load(&space.path("pipeline.yaml"), &Overrides::default());
    let found = loaded.report.diagnostics.iter().find(|found| found.code.id == "TL0522").unwrap();
    assert!(found.message.contains("look/raport.html.jinja"), "{}", found.message);
}

#[test]
fn all_that_a_report_shows_lies_in_the_file() {
    let space = few("");
    assert_eq!(space.run().outcome, Outcome::Complete);
    let html = space.read("out/report.html");
    for outside in ["src=\"http", "href=\"http", "url(http", "@import", "fetch("] {
        assert!(!html.contains(outside), "{outside}");
    }
    let downloads = html.matches("download=\"").count();
    assert!(downloads > 5 && html.matches("data:text/csv").count() == downloads);
    assert_eq!(html.matches("<svg").count(), html.matches("role=\"img\"").count());
    assert!(html.matches("data-where=\"").count() > 50);
    // Two seasons stand beside each other.
    let seasons = numbers(&space, "seasons");
    assert!((seasons[&("images".to_owned(), "change".to_owned())] + 1.0).abs() < 1e-9);
    assert!((seasons[&("vole".to_owned(), "2020".to_owned())] - 3.0).abs() < 1e-9);
}

fn shown(table: &Table, columns: &[&str]) -> Vec<String> {
    (0..table.rows)
        .map(|row| columns.iter().map(|name| table.cell(row, name).to_string()).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn what_stands_behind_a_number_is_found_by_the_columns_that_each_table_has() {
    let mut space = few("");
    assert_eq!(space.run().outcome, Outcome::Complete);
    let pipeline = space.pipeline();
    let store = Store::open(&space.path(".trapline"), Access::Read).unwrap();
    let ask = |step: &str, output: Option<&str>, conditions: &[&str]| {
        let conditions: Vec<_> = conditions.iter().map(|text| Condition::parse(text).unwrap()).collect();
        trace(&pipeline, &store, pipeline.step(step).unwrap(), output, &conditions)
    };
    let traced = ask("quality", None, &["class=stoat"]).unwrap();
    assert_eq!((traced.own.output.as_str(), traced.own.matched, traced.own.of), ("classes", 1, 3));
    let layer = |step: &str| traced.behind.iter().find(|layer| layer.step == step).unwrap();
    assert_eq!(
        shown(layer("predictions").rows.as_ref().unwrap(), &["site", "file", "label"]),
        ["a 2.jpg stoat", "b 4.jpg stoat"]
    );
    assert_eq!(shown(layer("labels").rows.as_ref().unwrap(), &["file", "class", "reviewer"]), ["4.jpg stoat ada"]);
    // Of the predictions and the labels nobody says what else they are made of than their file.
    assert!(layer("labels").files.iter().any(|file| file.name.contains("labels.csv")));
    // The data set knows both, so that a stoat is one for somebody.
    let traced = ask("final", None, &["class=stoat", "season=2021"]).unwrap();
    assert_eq!(shown(traced.own.rows.as_ref().unwrap(), &["file", "final"]), ["4.jpg stoat"]);
    let confident = ask("predictions", None, &["confidence>=0.95"]).unwrap();
    assert_eq!(confident.own.matched, 2);
    let error = ask("quality", None, &["colour=red"]).unwrap_err().to_string();
    assert!(error.contains("`colour`") && error.contains("`class`"), "{error}");
    let error = ask("quality", Some("klasses"), &[]).unwrap_err().to_string();
    assert!(error.contains("klasses") && error.contains("`overall`"), "{error}");
    // A number of a run that was not repeated since says so.
    space.edit("images.csv", "5.jpg,empty,0.7", "5.jpg,vole,0.7");
    drop(store);
    space.options.targets = vec!["predictions".to_owned()];
    assert_eq!(space.run().outcome, Outcome::Complete);
    let store = Store::open(&space.path(".trapline"), Access::Read).unwrap();
    let traced = trace(&pipeline, &store, pipeline.step("quality").unwrap(), None, &[]).unwrap();
    assert_eq!(traced.outdated, ["quality"]);
}
