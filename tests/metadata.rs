//! The step `metadata` over tables and files made here: clocks, deployments, flags, and what enters which key.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]
#![allow(clippy::float_cmp, reason = "a test fails by panicking, and its counts are exact")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use trapline::diagnostic::{FileId, Report, Span, Spanned};
use trapline::id::ContentId;
use trapline::step::metadata::{KIND, row};
use trapline::step::{Cancel, Context, Deployments, InputTable, Job, Outputs, ParamValue, Params, Progress, Step, StepError};
use trapline::table::{ColumnBuilder, Schema, Table, Type, civil};
use trapline::taxonomy::Taxonomy;

const SPAN: Span = Span::start_of(FileId(0));

struct Input(Table);

impl InputTable for Input {
    fn id(&self) -> ContentId {
        self.0.id()
    }

    fn schema(&self) -> &Schema {
        &self.0.schema
    }

    fn read(&self, names: Option<&[&str]>) -> Result<Table, StepError> {
        Ok(names.map_or_else(|| Ok(self.0.clone()), |names| self.0.select(names))?)
    }
}

struct Silent;

impl Progress for Silent {
    fn start(&self, _phase: &str, _total: u64) {}
    fn advance(&self, _items: u64, _bytes: u64) {}
}

/// One image of a made-up archive.
struct Image {
    site: &'static str,
    season: &'static str,
    name: &'static str,
    bytes: Vec<u8>,
}

/// A JPEG as far as metadata goes: an EXIF time and a `HyperFire` note of trigger, event and place in the burst.
fn photo(time: &str, (trigger, event, place): (char, u16, u16)) -> Vec<u8> {
    let seconds = civil::parse(time).unwrap();
    let text = civil::format(seconds).replace('-', ":").replace('T', " ");
    let mut note = vec![0; 0x6C];
    note[..4].copy_from_slice(&[0x01, 0xF1, 0x03, 0x00]);
    note[0x0C] = u8::try_from(trigger).unwrap();
    let mut put = |at: usize, word: u16| note[at..at + 2].copy_from_slice(&word.to_le_bytes());
    put(0x0E, place);
    put(0x10, 3);
    put(0x14, event);
    let clock = civil::from_seconds(seconds).unwrap();
    let parts = [
        i16::from(clock.second()),
        i16::from(clock.minute()),
        i16::from(clock.hour()),
        i16::from(clock.month()),
        i16::from(clock.day()),
        clock.year(),
    ];
    for (i, part) in parts.into_iter().enumerate() {
        put(0x16 + 2 * i, u16::try_from(part).unwrap());
    }
    // One entry in the main directory, which points to the EXIF directory with a time and the note.
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, length: usize, at: usize| {
        [
            &tag.to_le_bytes()[..],
            &kind.to_le_bytes(),
            &u32::try_from(length).unwrap().to_le_bytes(),
            &u32::try_from(at).unwrap().to_le_bytes(),
        ]
        .concat()
    };
    exif.extend([2, 0]);
    exif.extend(entry(0x9003, 2, 20, 56));
    exif.extend(entry(0x927C, 7, note.len(), 76));
    exif.extend([0; 4]);
    exif.extend([text.as_bytes(), &[0]].concat());
    exif.extend(note);
    let mut jpeg = vec![0xFF, 0xD8, 0xFF, 0xE1];
    jpeg.extend(u16::try_from(exif.len() + 8).unwrap().to_be_bytes());
    jpeg.extend([b"Exif\0\0", exif.as_slice()].concat());
    jpeg.extend([0xFF, 0xC0, 0, 8, 8, 1, 0xE0, 2, 0x80, 3, 0xFF, 0xDA, 0, 3, 1, 0x55, 0xFF, 0xD9]);
    jpeg
}

fn image(site: &'static str, season: &'static str, name: &'static str, time: &str, burst: (char, u16, u16)) -> Image {
    Image { site, season, name, bytes: photo(time, burst) }
}

fn images_table(images: &[Image]) -> Table {
    let schema = Schema::of(&[("content", Type::Content), ("path", Type::Text), ("site", Type::Text), ("season", Type::Text)]);
    let mut builders: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    for image in images {
        builders[0].push_content(ContentId::of(&image.bytes));
        builders[1].push_text(&format!("{}/{}/{}", image.site, image.season, image.name));
        builders[2].push_text(image.site);
        builders[3].push_text(image.season);
    }
    Table::from_builders(schema, builders).unwrap()
}

fn step(corrections: bool) -> Box<dyn Step> {
    let mut values = BTreeMap::new();
    if corrections {
        values.insert("corrections", Spanned { value: ParamValue::Text("clock.csv".into()), span: SPAN });
    }
    (KIND.read)(&Params { values, span: SPAN }, &mut Report::default()).unwrap()
}

/// Checks and runs the step as an engine does: columns first, then rows by the mapper's worker, then the table.
fn run(images: &[Image], clock: Option<&str>, deployments: Option<&str>) -> Result<Outputs, StepError> {
    let header = |text: &str| text.lines().next().unwrap().split(',').map(str::to_owned).collect();
    let declared = deployments.map(|text| Deployments { path: PathBuf::from("deployments.csv"), columns: header(text) });
    let (classes, models) = (Taxonomy::default(), BTreeMap::new());
    let context = Context {
        project: Path::new("."),
        classes: &classes,
        deployments: declared.as_ref(),
        dataset: None,
        models: &models,
        ports: BTreeMap::new(),
        lineage: trapline::step::Lineage::default(),
        span: SPAN,
    };
    let step = step(clock.is_some());
    let table = images_table(images);
    let mut report = Report::default();
    let schema = step.columns(&[vec![table.schema.clone()]], &context, &mut report).unwrap_or_else(|| panic!("{report:?}"));

    let mapper = step.mapper(&context)?.unwrap();
    assert_eq!(mapper.recipes().len(), 1);
    let mut worker = mapper.worker(&context)?;
    let mut builders: Vec<_> = mapper.schema().fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    for image in images {
        let cells = worker.map(0, &image.bytes, ContentId::of(&image.bytes));
        assert_eq!(cells.len(), builders.len());
        for (cell, builder) in cells.iter().zip(&mut builders) {
            builder.push(cell.as_ref());
        }
    }
    let file_rows = Table::from_builders(mapper.schema().clone(), builders)?;

    let texts = [("corrections", clock), ("deployments", deployments)];
    let given: BTreeMap<String, Vec<u8>> =
        texts.iter().filter_map(|(name, text)| Some(((*name).to_owned(), text.as_ref()?.as_bytes().to_vec()))).collect();
    let asked: Vec<String> = step.files(&context).unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(asked, given.keys().cloned().collect::<Vec<_>>());
    let mut job = Job {
        step: "metadata",
        context: &context,
        inputs: vec![vec![Box::new(Input(table))]],
        mapped: Some(file_rows),
        scanned: None,
        scratch: None,
        dry: false,
        files: given,
        past: trapline::step::Past::default(),
        locate: &|_, _| None,
        progress: &Silent,
        cancel: &Cancel::default(),
        workers: 1,
    };
    let outputs = step.run(&mut job)?;
    assert_eq!(outputs.tables[0].schema, schema[0], "the schema promised is the schema made");
    Ok(outputs)
}

/// Some columns of a result, one line a row.
fn shown(outputs: &Outputs, columns: &[&str]) -> String {
    let table = outputs.tables[0].select(columns).unwrap();
    let mut out = Vec::new();
    trapline::table::csv::write(&table, &mut out).unwrap();
    String::from_utf8(out).unwrap().trim_end().to_owned()
}

fn findings(outputs: &Outputs) -> String {
    let line = |finding: &trapline::step::Finding| format!("{} {}: {}", finding.count, finding.kind, finding.examples.join(", "));
    outputs.findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

const DEPLOYMENTS: &str = "site,season,locality,camera_type,from,to,timezone\n\
    ko_ga_hu_1,2020,komag,boks,2019-07-08,2020-07-05,Europe/Oslo\n\
    ko_ga_hu_1,2021,komag,boks,2020-07-05,2021-07-01,Europe/Oslo\n\
    ko_ga_hu_1b,2020,komag,tunnel,2019-07-08,2020-07-05,Europe/Oslo\n";

#[test]
fn without_clock_or_deployments_the_raw_time_is_the_time() {
    let outputs = run(&[image("s1", "2020", "IMG_0001.JPG", "2019-07-08T08:00:00", ('T', 2, 0))], None, None).unwrap();
    assert_snapshot!(shown(&outputs, &["site", "datetime_raw", "time_source", "date_raw", "time_raw", "datetime", "clock", "trigger", "event", "flags"]), @r"
    site,datetime_raw,time_source,date_raw,time_raw,datetime,clock,trigger,event,flags
    s1,2019-07-08T08:00:00,exif,2019-07-08,08-00-00,2019-07-08T08:00:00,,T,2,
    ");
    assert_eq!(findings(&outputs), "");
    assert!(outputs.tables[0].column("deployment").is_none());
}

#[test]
fn sites_match_whole_and_what_is_unknown_is_named() {
    let images = [
        image("ko_ga_hu_1", "2020", "IMG_0001.JPG", "2019-08-01T00:00:00", ('M', 1, 1)),
        image("ko_ga_hu_1b", "2020", "IMG_0001.JPG", "2019-08-01T00:00:00", ('M', 1, 1)),
        image("ko_ga_hu_1", "2020", "IMG_0002.JPG", "2019-07-07T23:59:59", ('T', 1, 1)),
        image("ko_ga_hu_l", "2020", "IMG_0001.JPG", "2019-08-01T00:00:00", ('M', 1, 1)),
        Image { site: "ko_ga_hu_1", season: "2020", name: "IMG_0003.JPG", bytes: b"\xFF\xD8\xFF\xDA\0\x02\xFF\xD9".to_vec() },
    ];
    let outputs = run(&images, None, Some(DEPLOYMENTS)).unwrap();
    assert_snapshot!(shown(&outputs, &["site", "datetime", "deployment", "deployment_from", "deployment_to", "locality", "camera_type", "timezone", "flags"]), @r"
    site,datetime,deployment,deployment_from,deployment_to,locality,camera_type,timezone,flags
    ko_ga_hu_1,2019-08-01T00:00:00,ko_ga_hu_1/2019-07-08,2019-07-08T00:00:00,2020-07-05T23:59:59,komag,boks,Europe/Oslo,
    ko_ga_hu_1b,2019-08-01T00:00:00,ko_ga_hu_1b/2019-07-08,2019-07-08T00:00:00,2020-07-05T23:59:59,komag,tunnel,Europe/Oslo,
    ko_ga_hu_1,2019-07-07T23:59:59,,,,komag,boks,Europe/Oslo,no_deployment time_runs_backwards
    ko_ga_hu_l,2019-08-01T00:00:00,,,,,,,unknown_site
    ko_ga_hu_1,,,,,komag,boks,Europe/Oslo,missing_exif no_date
    ");
    assert_snapshot!(findings(&outputs), @r"
    1 missing_exif: ko_ga_hu_1/2020/IMG_0003.JPG
    1 no_date: ko_ga_hu_1/2020/IMG_0003.JPG
    1 no_deployment: ko_ga_hu_1/2020/IMG_0002.JPG
    1 time_runs_backwards: ko_ga_hu_1/2020/IMG_0002.JPG
    1 unknown_site: ko_ga_hu_l (there is `ko_ga_hu_1`)
    ");
    assert_eq!(outputs.metrics["unknown_site"], 1.0);
    assert_eq!(outputs.metrics["no_deployment"], 1.0);
    assert_eq!(outputs.metrics["missing_exif"], 1.0);
}

#[test]
fn on_the_day_of_a_visit_the_season_of_the_folder_decides() {
    let at = "2020-07-05T12:00:00";
    let images = [
        image("ko_ga_hu_1", "2020", "IMG_9999.JPG", at, ('M', 9, 1)),
        image("ko_ga_hu_1", "2021", "IMG_0001.JPG", at, ('M', 1, 1)),
        image("ko_ga_hu_1", "other", "IMG_0001.JPG", at, ('M', 1, 1)),
    ];
    let outputs = run(&images, None, Some(DEPLOYMENTS)).unwrap();
    assert_snapshot!(shown(&outputs, &["path", "deployment", "flags"]), @r"
    path,deployment,flags
    ko_ga_hu_1/2020/IMG_9999.JPG,ko_ga_hu_1/2019-07-08,
    ko_ga_hu_1/2021/IMG_0001.JPG,ko_ga_hu_1/2020-07-05,
    ko_ga_hu_1/other/IMG_0001.JPG,ko_ga_hu_1/2020-07-05,several_deployments season_differs
    ");
}

#[test]
fn corrections_change_time_and_deployment_and_stand_beside_them() {
    let clock = "id,site,deployment,from,to,kind,value\n\
        year,ko_ga_hu_1,,2021-07-08,2022-07-31,year,-1\n\
        late,,ko_ga_hu_1/2020-07-05,,,offset,-2h\n\
        swap,ko_ga_hu_1b,,,,month_day_swap,\n\
        lost,ko_ga_hu_9,,,,offset,+1h\n";
    let images = [
        image("ko_ga_hu_1", "2020", "IMG_0001.JPG", "2021-07-08T10:00:00", ('M', 1, 1)),
        image("ko_ga_hu_1", "2021", "IMG_0001.JPG", "2020-12-01T01:00:00", ('M', 1, 1)),
        image("ko_ga_hu_1", "2020", "IMG_0002.JPG", "2019-12-01T01:00:00", ('M', 2, 1)),
        image("ko_ga_hu_1b", "2020", "IMG_0001.JPG", "2019-10-08T01:00:00", ('M', 1, 1)),
        image("ko_ga_hu_1b", "2020", "IMG_0002.JPG", "2019-08-25T01:00:00", ('T', 2, 1)),
    ];
    let outputs = run(&images, Some(clock), Some(DEPLOYMENTS)).unwrap();
    assert_snapshot!(shown(&outputs, &["path", "date_raw", "datetime_raw", "datetime", "clock", "deployment", "flags"]), @r"
    path,date_raw,datetime_raw,datetime,clock,deployment,flags
    ko_ga_hu_1/2020/IMG_0001.JPG,2021-07-08,2021-07-08T10:00:00,2020-07-08T08:00:00,year late,ko_ga_hu_1/2020-07-05,season_differs
    ko_ga_hu_1/2021/IMG_0001.JPG,2020-12-01,2020-12-01T01:00:00,2020-11-30T23:00:00,late,ko_ga_hu_1/2020-07-05,
    ko_ga_hu_1/2020/IMG_0002.JPG,2019-12-01,2019-12-01T01:00:00,2019-12-01T01:00:00,,ko_ga_hu_1/2019-07-08,clock_reset
    ko_ga_hu_1b/2020/IMG_0001.JPG,2019-10-08,2019-10-08T01:00:00,2019-08-10T01:00:00,swap,ko_ga_hu_1b/2019-07-08,
    ko_ga_hu_1b/2020/IMG_0002.JPG,2019-08-25,2019-08-25T01:00:00,2019-08-25T01:00:00,,ko_ga_hu_1b/2019-07-08,clock_impossible
    ");
    assert_snapshot!(findings(&outputs), @r"
    1 clock_impossible: ko_ga_hu_1b/2020/IMG_0002.JPG
    1 clock_reset: ko_ga_hu_1/2020/IMG_0002.JPG
    1 season_differs: ko_ga_hu_1/2020/IMG_0001.JPG
    1 unused_correction: lost
    ");
    assert_eq!(outputs.metrics["corrected"], 3.0);
}

#[test]
fn a_clock_that_was_set_in_the_field_shows_against_event_numbers() {
    let clock = "id,site,from,to,kind,value\nfield,s1,2020-01-02,2020-01-31,offset,-3d\n";
    let images = [
        image("s1", "2020", "IMG_0001.JPG", "2020-01-01T10:00:00", ('M', 7, 1)),
        image("s1", "2020", "IMG_0002.JPG", "2020-01-01T10:00:00", ('M', 7, 2)),
        image("s1", "2020", "IMG_0003.JPG", "2020-01-02T10:00:00", ('M', 8, 1)),
        image("s1", "2020", "IMG_0004.JPG", "2020-01-02T10:30:00", ('T', 1, 0)),
        image("s1", "2020", "IMG_0005.JPG", "2020-01-02T11:00:00", ('M', 1, 1)),
    ];
    let outputs = run(&images, None, None).unwrap();
    // Event 1 after event 8 is a reset, and time-lapse events are counted by themselves.
    assert_snapshot!(findings(&outputs), @"");
    let outputs = run(&images, Some(clock), None).unwrap();
    assert_snapshot!(findings(&outputs), @r"1 time_runs_backwards: s1/2020/IMG_0003.JPG");
}

#[test]
fn mistakes_in_both_files_are_named_together() {
    let one = [image("s1", "2020", "IMG_0001.JPG", "2020-01-01T10:00:00", ('M', 7, 1))];
    let error = run(&one, Some("id,site,kind,value\na,s1,offset,soon\nb,,year,-1\n"), None).unwrap_err();
    assert_snapshot!(error.to_string(), @r"
    `clock.csv` row 2, column `value`: `soon` is not a value of kind `offset`; write a shift such as `+2h`, `-1d2h30m` or `-00:30:00`
    `clock.csv` row 3, column `site`: neither a site nor a deployment is named; name one, or write `*` for every site
    ");
    let error = run(&one, None, Some("site,from,to\ns1,2020-13-01,\n,2020-01-01,\ns2,2020-02-01,2020-01-01\n")).unwrap_err();
    assert_snapshot!(error.to_string(), @r"
    `deployments.csv` row 2, column `from`: `2020-13-01` is not a time; write YYYY-MM-DD or YYYY-MM-DD hh:mm:ss
    `deployments.csv` row 3, column `site`: the site is missing; name it or remove the row
    `deployments.csv` row 4, column `to`: the end lies before the start; exchange `from` and `to`
    ");
    let outputs = run(&one, None, Some("site,timezone\ns1,Europe/Olso\n")).unwrap();
    assert_snapshot!(findings(&outputs), @r"1 unknown_timezone: Europe/Olso");
}

#[test]
fn a_missing_site_and_a_column_that_the_step_makes_are_diagnostics() {
    let deployments = Deployments { path: PathBuf::from("deployments.csv"), columns: vec!["site".into()] };
    let (classes, models) = (Taxonomy::default(), BTreeMap::new());
    let context = Context {
        project: Path::new("."),
        classes: &classes,
        deployments: Some(&deployments),
        dataset: None,
        models: &models,
        ports: BTreeMap::new(),
        lineage: trapline::step::Lineage::default(),
        span: SPAN,
    };
    let mut report = Report::default();
    let input = Schema::of(&[("content", Type::Content), ("path", Type::Text), ("model", Type::Text)]);
    assert!(step(false).columns(&[vec![input]], &context, &mut report).is_none());
    let lines: Vec<String> = report
        .sorted()
        .iter()
        .map(|found| format!("{}: {}; {}", found.code.id, found.message, found.help.as_deref().unwrap()))
        .collect();
    assert_snapshot!(lines.join("\n"), @r"
    TL0412: deployments are joined by site, and the images have no column `site`; write `{site}` for the site's folder in the path of the images
    TL0511: the input already has a column `model`, which `metadata` makes itself; give the capture of the path another name
    ");
}

/// What the row cache stands on: no clock file, deployment or path enters the key of a row.
#[test]
fn the_key_of_a_row_knows_nothing_of_clocks_and_deployments() {
    let (classes, models) = (Taxonomy::default(), BTreeMap::new());
    let deployments = Deployments { path: PathBuf::from("deployments.csv"), columns: vec!["site".into()] };
    let key = |corrections: bool, deployments: Option<&Deployments>| {
        let context = Context {
            project: Path::new("."),
            classes: &classes,
            deployments,
            dataset: None,
            models: &models,
            ports: BTreeMap::new(),
            lineage: trapline::step::Lineage::default(),
            span: SPAN,
        };
        let mapper = step(corrections).mapper(&context).unwrap().unwrap();
        let recipe = &mapper.recipes()[0];
        assert_eq!(recipe.columns.len(), row::schema().fields.len());
        recipe.key.to_string()
    };
    assert_eq!(key(false, None), key(true, Some(&deployments)));
    // Golden: another key reads every image of every archive again.
    assert_snapshot!(key(false, None), @r"b3:f3074a072a27a35f0e8c0b51e9de72b890ed800cc56e66968e69cef3fb23295a");
}

#[test]
fn the_same_images_in_another_order_give_the_same_rows() {
    let mut images: Vec<Image> = (0..40u16)
        .map(|i| {
            let time = civil::format(1_562_572_800 + i64::from(i) * 500_000);
            image(if i % 2 == 0 { "ko_ga_hu_1" } else { "ko_ga_hu_1b" }, "2020", "IMG_0001.JPG", &time, ('M', i, 1))
        })
        .collect();
    let lines = |outputs: &Outputs| {
        let mut lines: Vec<String> =
            shown(outputs, &["content", "datetime", "deployment", "camera_type"]).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let first = lines(&run(&images, None, Some(DEPLOYMENTS)).unwrap());
    images.reverse();
    assert_eq!(first, lines(&run(&images, None, Some(DEPLOYMENTS)).unwrap()));
}
