//! Tables of other tools become images, predictions and labels; what does not fit is named by file, line and column.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use support::TestSpace;
use trapline::table::CellRef;

const CLASSES: &str = "[bad_quality, empty, bird, vole, least_weasel, lemming, shrew, stoat]";

/// A pipeline of one import.
fn importing(with: &str) -> TestSpace {
    let space = TestSpace::new();
    space.write(
        "pipeline.yaml",
        format!("trapline: 1\nname: test\nclasses: {CLASSES}\nsteps:\n  imported:\n    uses: import\n    with: {with}\n"),
    );
    space
}

fn diagnostics(space: &TestSpace) -> String {
    let loaded = trapline::check::load_with(trapline::step::KINDS, &space.path("pipeline.yaml"), &space.overrides);
    let lines: Vec<_> = loaded.report.diagnostics.iter().map(|d| format!("{} {} | {:?}", d.code.id, d.message, d.help)).collect();
    lines.join("\n")
}

#[test]
fn a_spreadsheet_of_labels_becomes_labels() {
    let space = importing(
        "{ files: labels.csv, what: labels, columns: { site: Station, name: Photo, class: Species, reviewer: Observer }, \
         values: { season: \"2020\", type: random }, classes: { Mustela erminea: stoat }, missing: [none] }",
    );
    // As a spreadsheet saves it: a byte order mark, semicolons, CRLF.
    space.write(
        "labels.csv",
        "\u{feff}Station;Photo;Species;Observer;comment\r\na;1.jpg;Bad Quality;hb;\r\na;2.jpg;Mustela erminea;none;\"one; tail\"\r\nab;1.jpg;EMPTY;hb;NA\r\n",
    );
    space.run();
    let columns = ["site", "season", "name", "class", "type", "reviewer", "shown", "comment"];
    assert_eq!(
        space.rows("imported", &columns),
        [
            "a 2020 1.jpg bad_quality random hb - -",
            "a 2020 2.jpg stoat random - - one; tail",
            "ab 2020 1.jpg empty random hb - -",
        ]
    );
    assert_eq!(space.try_run().unwrap().reused(), ["imported"]);
    // The file's content enters the key.
    space.edit("labels.csv", "EMPTY", "vole");
    assert_eq!(space.run().ran().len(), 1);
}

#[test]
fn what_is_wrong_is_named_by_file_line_and_column() {
    let space = importing("{ files: a.csv, what: labels, values: { site: a } }");
    let wrong = |text: &str| {
        space.write("a.csv", text);
        space.error()
    };
    let found = wrong("name,class,type\n1.jpg,vole,random\n\n2.jpg,wolverine,random\n");
    assert!(
        found.contains("a.csv") && found.contains("line 4") && found.contains("`class`") && found.contains("`wolverine`"),
        "{found}"
    );
    let found = wrong("name,class\n1.jpg,mink\n2.jpg,wolverine\n3.jpg,mink\n4.jpg,vole\n");
    assert!(
        found.contains("line 2")
            && found.contains("`mink`")
            && found.contains("line 3")
            && found.contains("`mink` (2 rows)")
            && found.contains("`wolverine`"),
        "{found}"
    );
    let found = wrong("name,class,type\n1.jpg,vole,chance\n");
    assert!(found.contains("line 2") && found.contains("`type`") && found.contains("`chance`"), "{found}");
    let found = wrong("name,class,shown\n1.jpg,vole,maybe\n");
    assert!(found.contains("line 2") && found.contains("`shown`"), "{found}");
    let found = wrong("name,class\n1.jpg,vole\n2.jpg,vole\n1.jpg,empty\n");
    assert!(
        found.contains("line 2") && found.contains("line 4") && found.contains("1.jpg") && found.contains("multilabel"),
        "{found}"
    );
    let found = wrong("name,class\n1.jpg,vole,more\n");
    assert!(found.contains("line 2") && found.contains("3 fields"), "{found}");
    // Labels of two types are two labels; without a type they are of type `other`.
    space.write(
        "a.csv",
        "name,class,type\n1.jpg,vole,random\n1.jpg,empty,corrected\n2.jpg,vole,NA\n3.jpg,vole,quality_check_classes\n",
    );
    space.run();
    assert_eq!(space.rows("imported", &["name", "type"]), ["1.jpg random", "1.jpg corrected", "2.jpg other", "3.jpg class"]);
}

#[test]
fn confidences_lie_between_0_and_1() {
    let space = importing("{ files: a.csv, what: predictions }");
    space.write("a.csv", "name,label,confidence\n1.jpg,vole,0.5\n2.jpg,vole,97.5\n");
    let found = space.error();
    assert!(found.contains("line 3") && found.contains("`confidence`") && found.contains("0 to 1"), "{found}");
    space.write("a.csv", "name,label,confidence\n1.jpg,vole,NaN\n");
    assert!(space.error().contains("line 2"));
}

#[test]
fn checking_finds_what_is_missing_before_anything_runs() {
    let space = importing("{ files: [old, \"new/*.csv\"], what: predictions, columns: { label: Guess } }");
    assert!(diagnostics(&space).contains("TL0705 `old` is not a file"), "{}", diagnostics(&space));
    space.write("old/a.csv", "name,guess\n");
    assert!(diagnostics(&space).contains("did you mean `guess`?"), "{}", diagnostics(&space));
    space.edit("pipeline.yaml", "Guess", "guess");
    assert!(diagnostics(&space).contains("TL0705 `new/*.csv`"), "{}", diagnostics(&space));
    space.write("new/b.csv", "name,guess\nx.jpg,vole\n");
    assert_eq!(diagnostics(&space), "");
    space.edit("pipeline.yaml", "label: guess", "confidence: guess");
    assert!(diagnostics(&space).contains("no column of the files is `label`"), "{}", diagnostics(&space));
    space.edit("pipeline.yaml", "confidence: guess", "label: name");
    assert!(diagnostics(&space).contains("nothing says which image"), "{}", diagnostics(&space));
    space.edit("pipeline.yaml", "label: name", "label: guess, p_wolf: guess");
    assert!(diagnostics(&space).contains("`wolf`"), "{}", diagnostics(&space));
}

#[test]
fn a_star_does_not_leave_the_project() {
    let space = importing("{ files: \"../*.csv\", what: predictions }");
    assert!(diagnostics(&space).contains("TL0702"), "{}", diagnostics(&space));
}

#[test]
fn several_rows_of_an_image_are_numbered() {
    let space = importing("{ files: a.csv, what: predictions, rows: multilabel }");
    space.write("a.csv", "site,name,label,confidence\na,1,vole,\na,1,stoat,0.5\nb,1,vole,1\na,1,empty,0\n");
    space.run();
    let expected = ["a 1 1 vole -", "a 1 2 stoat 0.5", "b 1 1 vole 1", "a 1 3 empty 0"];
    assert_eq!(space.rows("imported", &["site", "name", "item", "label", "confidence"]), expected);
}

#[test]
fn the_highest_class_confidence_is_the_label() {
    let space = importing("{ files: a.csv, what: predictions, columns: { p_vole: v } }");
    space.write("a.csv", "path,v,p_stoat,p_empty\n1.jpg,0.1,0.7,0.2\n2.jpg,0.4,0.4,0.2\n3.jpg,,,\n");
    space.run();
    assert_eq!(space.rows("imported", &["path", "label", "confidence"]), ["1.jpg stoat 0.7", "2.jpg vole 0.4", "3.jpg - -"]);
}

#[test]
fn rows_are_found_among_the_images() {
    let space = TestSpace::with_images();
    space.image("raw/a/2024/100RECNX/1.jpg", 9);
    let import = "  imported:\n    uses: import\n    from: images\n    with: { files: a.csv, what: predictions }\n";
    space.write("pipeline.yaml", format!("{}{import}", support::PIPELINE));
    space.write(
        "a.csv",
        "site,season,path,label\na,2024,a\\2024\\2.jpg,vole\nb,2024,3.jpg,vole\na,2024,a/2024/100RECNX/1.jpg,empty\n",
    );
    // A bare file name is no path: the second row belongs to nothing.
    let ran = space.run();
    assert_eq!(ran.findings("imported"), [("without_result".to_owned(), 2), ("unresolved".to_owned(), 1)]);
    let images = space.table("images");
    let of = |path: &str| {
        let row = (0..images.rows).find(|row| images.cell(*row, "path") == CellRef::Text(path)).unwrap();
        images.cell(row, "content").to_string()
    };
    let expected = [of("a/2024/2.jpg"), "-".to_owned(), of("a/2024/100RECNX/1.jpg")];
    assert_eq!(space.rows("imported", &["content"]), expected);
    space.write("a.csv", "site,season,file,label\na,2024,1.jpg,vole\n");
    let found = space.error();
    assert!(found.contains("line 2") && found.contains("100RECNX") && found.contains("`a/2024/1.jpg`"), "{found}");
    // Two results for one image.
    space.write("a.csv", "site,season,path,label\na,2024,a/2024/1.jpg,vole\na,2024,./a/2024/1.jpg,empty\n");
    let found = space.error();
    assert!(found.contains("line 2") && found.contains("line 3") && found.contains("are one image"), "{found}");
}

#[test]
fn rows_take_over_columns_of_their_images() {
    let space = TestSpace::with_images();
    let import =
        "  imported:\n    uses: import\n    from: images\n    with: { files: a.csv, what: predictions, carry: [bytes, root] }\n";
    space.write("pipeline.yaml", format!("{}{import}", support::PIPELINE));
    space.write("a.csv", "site,season,path,label\nb,2024,3.jpg,vole\na,2024,a/2024/2.jpg,vole\n");
    space.run();
    let bytes = std::fs::metadata(space.path("raw/a/2024/2.jpg")).unwrap().len();
    assert_eq!(space.rows("imported", &["bytes", "root"]), ["- -".to_owned(), format!("{bytes} raw")]);
    // A row that says its content is found by it.
    let content = trapline::id::ContentId::of(&std::fs::read(space.path("raw/b/2024/3.jpg")).unwrap());
    space.write("a.csv", format!("site,season,content,label\nb,2024,{content},vole\n"));
    space.edit("pipeline.yaml", "carry: [bytes, root]", "rows: multilabel, carry: [root]");
    space.run();
    assert_eq!(space.rows("imported", &["content", "root", "item"]), [format!("{content} raw 1")]);
    space.edit("pipeline.yaml", "carry: [root]", "carry: [root, site]");
    let loaded = trapline::check::load(&space.path("pipeline.yaml"), &space.overrides);
    let codes: Vec<_> = loaded.report.diagnostics.iter().map(|found| found.code.id).collect();
    assert_eq!(codes, ["TL0511"]);
}

/// The rows of a table of another programme, where `shared/data` is there.
fn shared(space: &TestSpace, file: &str, name: &str) -> Option<()> {
    let data = support::shared_data()?;
    space.write(name, std::fs::read(data.join("tables").join(file)).unwrap());
    Some(())
}

#[test]
fn a_census_with_several_rows_of_an_image_keeps_them_all() {
    let classes = "[blaireaux, cavalier, cerf, chamois, chasseur, chat, chevreuil, chien, ecureuil, fouine, humain, lievre, lynx, martre, \
                   oiseaux, renard, sangliers, vaches, vehicule]";
    let space = TestSpace::new();
    let import = |step: &str, with: &str| {
        let columns = "columns: { site: station";
        format!("  {step}:\n    uses: import\n    with: {{ files: census.csv, rows: multilabel, {with}, {columns}")
    };
    let pipeline = format!(
        "trapline: 1\nname: census\nclasses: {classes}\nsteps:\n{} }} }}\n{}, label: predicted }} }}\n{}, class: human }}, values: {{ type: random }} }}\n{}",
        import("images", "what: images"),
        import("imported", "what: predictions"),
        import("labels", "what: labels"),
        "  final:\n    uses: merge\n    from: { images: images, predictions: imported, labels: labels }\n    with: { rows: multilabel }\n",
    );
    space.write("pipeline.yaml", pipeline);
    if shared(&space, "lynx_ain/human_vs_predicted.csv", "census.csv").is_none() {
        return;
    }
    let ran = space.run();
    let (predictions, labels) = (space.table("imported"), space.table("labels"));
    assert_eq!((predictions.rows, labels.rows), (9058, 9058));
    let items = |table: &trapline::table::Table, item: i64| {
        let column = table.column("item").unwrap();
        (0..table.rows).filter(|row| column.int(*row) == Some(item)).count()
    };
    assert_eq!([1, 2, 3, 4].map(|item| items(&predictions, item)), [8808, 249, 1, 0]);
    assert_eq!([1, 2, 3, 4].map(|item| items(&labels, item)), [8808, 249, 1, 0]);
    // Every row is still beside its own: person and model agree as often as in the file.
    let file = space.read("census.csv");
    let agree = file.lines().skip(1).filter(|line| line.split(',').next() == line.split(',').nth(1)).count();
    let merged = space.table("final");
    let same = (0..merged.rows).filter(|row| merged.cell(*row, "label") == merged.cell(*row, "class")).count();
    assert_eq!((merged.rows, same, ran.findings("final")), (9058, agree, Vec::new()));
    // Without the numbers, repeated images are an error.
    space.edit("pipeline.yaml", "rows: multilabel, what: labels", "what: labels");
    let found = space.error();
    assert!(found.contains("census.csv") && found.contains("line") && found.contains("multilabel"), "{found}");
}

#[test]
fn class_confidences_of_another_tool_give_labels() {
    let data = TestSpace::new();
    if shared(&data, "animl_small/Predictions.csv", "p.csv").is_none()
        || shared(&data, "animl_small/Results.csv", "r.csv").is_none()
    {
        return;
    }
    let (confidences, results) = (data.read("p.csv"), data.read("r.csv"));
    // The tool writes confidences without saying of which image; the rows of its results are in the same order.
    let header = "FilePath,said,".to_owned() + confidences.lines().next().unwrap();
    let rows = results.lines().zip(confidences.lines()).skip(1).map(|(result, row)| {
        let fields: Vec<&str> = result.split(',').collect();
        format!("{},{},{row}", fields[0], fields[fields.len() - 2])
    });
    let rows: Vec<String> = std::iter::once(header).chain(rows).collect();
    let classes: Vec<String> = (0..27).map(|class| format!("c{class}")).collect();
    let columns: Vec<String> = (0..27).map(|class| format!("p_c{class}: \"{class}\"")).collect();
    let space = importing(&format!(
        "{{ files: p.csv, what: predictions, rows: multilabel, columns: {{ path: FilePath, said: said, {} }} }}",
        columns.join(", ")
    ));
    space.edit("pipeline.yaml", CLASSES, &format!("[{}]", classes.join(", ")));
    space.write("p.csv", rows.join("\n"));
    space.run();
    let table = space.table("imported");
    assert_eq!((table.rows, table.schema.fields.iter().filter(|field| field.name.starts_with("p_")).count()), (18, 27));
    let mut classes: std::collections::BTreeMap<String, std::collections::BTreeSet<String>> = std::collections::BTreeMap::new();
    for row in 0..table.rows {
        classes.entry(table.cell(row, "said").to_string()).or_default().insert(table.cell(row, "label").to_string());
    }
    // Frames of one video are several rows of one file. One label for each class that the tool names itself.
    assert!(classes.values().all(|labels| labels.len() == 1), "{classes:?}");
    assert_eq!(classes["cougar"].first().unwrap(), "c7");
    assert_eq!((classes.len(), table.cell(0, "confidence")), (8, CellRef::Float32(0.999_957_7)));
}
