//! The COAT portal takes one file per locality and year: tables parted by their columns, and what is no longer wanted goes.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use support::TestSpace;

const CLASSIFICATION: &str = "sn_region,sn_locality,sn_site,t_date,name,v_class_id,v_presence_automatic
varanger,komagdalen,k_1,2020-12-31,a.JPG,vole,1
varanger,komagdalen,k_1,2020-12-31,a.JPG,empty,0
varanger,komagdalen,k_2,2021-01-01,b.JPG,vole,0
varanger,vestre_jakobselv,v_1,2021-07-01,c.JPG,vole,1
";

const IMAGES: &str = "path,name,locality,site,datetime,trigger
k/1.JPG,a.JPG,komagdalen,k_1,2020-12-31T23:59:59,M
k/2.JPG,b.JPG,komagdalen,k_2,2021-01-01T00:00:00,T
v/1.JPG,c.JPG,vestre_jakobselv,v_1,2021-07-01T10:00:00,M
";

const WEEKS: &str = "name,sn_locality,sn_site,t_year,t_week,v_class_id,v_abundance
1,komagdalen,k_1,2020,53,vole,1
2,komagdalen,k_1,2021,1,vole,
3,vestre_jakobselv,v_1,2021,26,vole,0
";

fn project() -> TestSpace {
    let space = TestSpace::new();
    space.write("classification.csv", CLASSIFICATION);
    space.write("images.csv", IMAGES);
    space.write("weeks.csv", WEEKS);
    let read =
        |name: &str| format!("  {name}:\n    uses: import\n    with: {{ files: {name}.csv, what: images, rows: multilabel }}\n");
    let steps = [
        read("classification"),
        read("images"),
        read("weeks"),
        "  a:\n    uses: export\n    from: classification\n    with: { into: \"coat/V_rodents_image_classification_{locality}_{year}.txt\", format: \
         csv, separator: semicolon, columns: [sn_site, t_date, v_class_id] }\n"
            .to_owned(),
        "  b:\n    uses: export\n    from: images\n    with: { into: \"coat/V_rodents_image_metadata_{sn_locality}_{year}.csv\", form: \
         coat_metadata, values: { sn_region: varanger } }\n"
            .to_owned(),
        "  c:\n    uses: export\n    from: weeks\n    with: { into: \"coat/V_rodents_abundance_{sn_locality}_{t_year}.csv\", columns: [sn_site, t_week, v_abundance] }\n".to_owned(),
    ];
    space.write("pipeline.yaml", format!("trapline: 1\nname: test\nsteps:\n{}", steps.concat()));
    space
}

fn files(space: &TestSpace) -> Vec<String> {
    let entries = std::fs::read_dir(space.path("coat")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

fn diagnostics(space: &TestSpace) -> Vec<String> {
    let loaded = trapline::check::load_with(trapline::step::KINDS, &space.path("pipeline.yaml"), &space.overrides);
    loaded.report.diagnostics.iter().map(|d| format!("{} {}", d.code.id, d.message)).collect()
}

#[test]
fn each_locality_and_year_has_its_files() {
    let space = project();
    space.run();
    let parts = ["komagdalen_2020", "komagdalen_2021", "vestre_jakobselv_2021"];
    let of = |kind: &str, ending: &str| parts.map(|part| format!("V_rodents_{kind}_{part}.{ending}"));
    let all = [of("abundance", "csv"), of("image_classification", "txt"), of("image_metadata", "csv")].concat();
    assert_eq!(files(&space), all);
    assert_eq!(
        space.read("coat/V_rodents_image_classification_komagdalen_2020.txt"),
        "sn_site;t_date;v_class_id\nk_1;2020-12-31;vole\nk_1;2020-12-31;empty\n"
    );
    let metadata = space.read("coat/V_rodents_image_metadata_komagdalen_2021.csv");
    assert_eq!(metadata.lines().count(), 2);
    assert!(
        metadata.lines().nth(1).unwrap().starts_with("varanger;komagdalen;;;k_2;2021-01-01;00:00:00;b.JPG;2.JPG;time_lapse;")
    );
    assert!(space.read("coat/V_rodents_abundance_komagdalen_2021.csv").ends_with("\nk_1,1,\n"));
    assert!(space.decisions().iter().all(|(_, decision)| *decision == "reuse"));
}

#[test]
fn only_what_changed_is_written_and_what_is_no_longer_wanted_goes() {
    let space = project();
    space.run();
    let time = |name: &str| std::fs::metadata(space.path(&format!("coat/{name}"))).unwrap().modified().unwrap();
    let untouched = time("V_rodents_abundance_komagdalen_2020.csv");
    space.edit("weeks.csv", "vestre_jakobselv,v_1,2021,26,vole,0", "vestre_jakobselv,v_1,2022,26,vole,0");
    space.run();
    let weeks = || files(&space).into_iter().filter(|name| name.contains("abundance")).collect::<Vec<_>>();
    let expected =
        ["komagdalen_2020", "komagdalen_2021", "vestre_jakobselv_2022"].map(|part| format!("V_rodents_abundance_{part}.csv"));
    assert_eq!(weeks(), expected);
    // The files of the other exports in that folder stay.
    assert_eq!((files(&space).len(), time("V_rodents_abundance_komagdalen_2020.csv")), (9, untouched));
    // A file that is gone is made again; one that somebody changed is never touched.
    std::fs::remove_file(space.path("coat/V_rodents_abundance_komagdalen_2020.csv")).unwrap();
    space.run();
    assert_eq!(weeks(), expected);
    space.write("coat/V_rodents_abundance_vestre_jakobselv_2022.csv", "mine");
    space.edit("weeks.csv", "2022,26,vole,0", "2022,26,vole,3");
    let found = space.error();
    assert!(found.contains("`V_rodents_abundance_vestre_jakobselv_2022.csv` was changed since it was exported"), "{found}");
    space.edit("weeks.csv", "2022,26,vole,3", "2023,26,vole,3");
    assert_eq!(space.run().findings("c"), [("kept".to_owned(), 1)]);
    assert_eq!(space.read("coat/V_rodents_abundance_vestre_jakobselv_2022.csv"), "mine");
    assert_eq!(weeks().len(), 4);
}

#[test]
fn what_cannot_name_a_file_is_said() {
    for (from, to, words) in [
        ("komagdalen,k_1,2020", ",k_1,2020", "1 rows have no `sn_locality`, which names their file"),
        ("komagdalen,k_1,2020", "a:b,k_1,2020", "`V_rodents_abundance_a:b_2020.csv`: it holds `:`"),
        ("komagdalen,k_1,2020", "Komagdalen,k_1,2021", "are one file on Windows and macOS"),
    ] {
        let space = project();
        space.edit("weeks.csv", from, to);
        let found = space.error();
        assert!(found.contains(words), "{found}");
        assert!(files(&space).iter().all(|name| !name.contains("abundance")));
    }
    for (from, to, words) in [
        ("{t_year}", "{t_yaer}", "TL0508 `into` names the column `t_yaer`, which the table does not have"),
        ("coat/V_rodents_abundance_{sn_locality}", "coat/{sn_locality}/abundance", "TL0509 `coat/{sn_locality}` has braces"),
        ("abundance_{sn_locality}_{t_year}", "abundance_{sn_locality_{t_year}", "TL0509 the braces of"),
        ("form: coat_metadata, values: { sn_region: varanger }", "form: timelapse", "TL0509 `timelapse` writes one file"),
    ] {
        let space = project();
        space.edit("pipeline.yaml", from, to);
        let found = diagnostics(&space);
        assert!(found.len() == 1 && found[0].starts_with(words), "{found:?}");
    }
}
