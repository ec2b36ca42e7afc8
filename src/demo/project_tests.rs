//! Tests of the demo's folder.

use std::collections::BTreeMap;

use super::*;

fn images(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().replace('\\', "/");
                out.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    out
}

/// As [`write_season`], with the first images of each site only: drawing a whole season takes a test build half a minute.
fn write_short_season(dir: &Path, season: u16, seed: u64) -> Result<SeasonSummary, DemoError> {
    let seed = open_project(dir, seed)?;
    let mut deployments = calendar(season, seed)?;
    for deployment in &mut deployments {
        deployment.images.truncate(10);
    }
    write_calendar(dir, season, seed, &deployments)
}

fn with_threads<T: Send>(n: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(work)
}

#[test]
fn training_images_have_the_same_bytes_for_any_number_of_threads_and_on_every_platform() {
    let [one, three] = [1, 3].map(|n| {
        let folder = tempfile::tempdir().unwrap();
        with_threads(n, || write_training_images(folder.path(), 1, 99)).unwrap();
        images(folder.path())
    });
    assert_eq!(one, three);
    let digest = |name: &str| blake3::hash(&one[name]).to_hex()[..16].to_owned();
    // Raise these only on purpose: every demo project would get other images than its earlier seasons.
    let all = Class::ALL.map(|class| format!("{} {}", class.name(), digest(&format!("{}/00000.jpg", class.name())))).join("\n");
    insta::assert_snapshot!(all, @r"
    bad_quality eba5c2a939638679
    empty 4453695ef8fc86f3
    bird 87515ce85cee32ef
    vole 756c376432af3379
    least_weasel 6599b13354b5b2ef
    lemming 86a92a4417c44e77
    shrew 9343c7eab17ec512
    stoat b7a7ba917c552568
    ");
}

#[test]
fn a_season_is_a_complete_project_and_the_next_one_leaves_it_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/demo");
    let first = write_short_season(&dir, 2024, 1).unwrap();
    let before = images(&dir);
    assert_eq!(seasons(&dir), [2024]);
    for (path, _) in FILES {
        assert!(before.contains_key(path), "{path}");
    }
    check_images(&before, &first);

    // A person changes the pipeline; the next season keeps that, and this project's own seed.
    fs::write(dir.join("pipeline.yaml"), "mine").unwrap();
    let second = write_short_season(&dir, 2025, 77).unwrap();
    let after = images(&dir);
    assert_eq!(after["pipeline.yaml"], b"mine");
    for (path, bytes) in before.iter().filter(|(path, _)| path.starts_with("raw_images") || path.starts_with("truth")) {
        assert_eq!(&after[path], bytes);
    }
    for table in ["deployments.csv", "clock.csv"] {
        assert!(after[table].starts_with(&before[table]) && after[table].len() > before[table].len());
    }
    let jpegs = |all: &BTreeMap<String, Vec<u8>>| all.keys().filter(|path| path.contains("/IMG_")).count();
    assert_eq!(jpegs(&after), first.images + second.images);
    assert!(matches!(write_season(&dir, 2024, 1), Err(DemoError::SeasonExists { season: 2024, .. })));
    assert_eq!(images(&dir), after);
}

/// Names, truth, the duplicate, the cut file and the sizes of one season.
fn check_images(files: &BTreeMap<String, Vec<u8>>, summary: &SeasonSummary) {
    let jpegs: Vec<_> = files.iter().filter(|(path, _)| path.starts_with("raw_images/")).collect();
    assert_eq!(jpegs.len(), summary.images);
    let mean = summary.bytes / summary.images as u64;
    assert!((12_000..30_000).contains(&mean), "{mean} bytes");
    let truth = String::from_utf8(files["truth/2024.csv"].clone()).unwrap();
    assert_eq!(truth.lines().count(), 1 + summary.images - 1, "a header, and every image but the cut one");
    assert!(truth.lines().skip(1).all(|line| files.contains_key(line.split_once(',').unwrap().0)));
    let duplicated = &files[&summary.duplicate];
    assert_eq!(jpegs.iter().filter(|(_, bytes)| *bytes == duplicated).count(), 2);
    for (path, bytes) in jpegs {
        let whole = bytes.ends_with(&[0xFF, 0xD9]);
        assert_eq!(whole, *path != summary.truncated, "{path}");
        assert!(bytes.starts_with(&[0xFF, 0xD8, 0xFF, 0xE1]));
    }
    let clock = String::from_utf8(files["clock.csv"].clone()).unwrap();
    let corrections = crate::photo::clock::read("clock.csv", clock.as_bytes()).unwrap();
    assert_eq!(corrections.len(), 1);
    assert_eq!(corrections[0].reach.site.as_deref(), Some(summary.slow_clock));
    assert_eq!(corrections[0].change, crate::photo::clock::Change::ShiftSeconds(3600));
    assert_eq!(String::from_utf8(files["deployments.csv"].clone()).unwrap().lines().count(), 7);
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.docx"), "years of work").unwrap();
    let error = write_season(folder.path(), 2024, 1).unwrap_err();
    assert!(matches!(error, DemoError::NotOurs { .. }), "{error}");
    assert_eq!(images(folder.path()).len(), 1);
    assert!(seasons(folder.path()).is_empty());
}

#[test]
fn a_table_with_other_columns_and_a_file_of_the_users_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    open_project(folder.path(), 1).unwrap();
    let table = folder.path().join("deployments.csv");
    fs::write(&table, "site;from\na;b\n").unwrap();
    assert!(matches!(add_rows(&table, DEPLOYMENTS_HEADER, &["x\n".into()]), Err(DemoError::Columns { .. })));
    assert_eq!(fs::read_to_string(&table).unwrap(), "site;from\na;b\n");
    let image = folder.path().join("IMG_0001.JPG");
    fs::write(&image, "mine").unwrap();
    assert!(matches!(write_new(&image, b"ours", Existing::Same), Err(DemoError::Foreign { .. })));
    assert!(write_new(&image, b"mine", Existing::Same).is_ok());
    assert_eq!(fs::read(&image).unwrap(), b"mine");
}

#[test]
fn rows_are_added_once_and_a_missing_line_break_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("clock.csv");
    fs::write(&table, format!("{CLOCK_HEADER}own row")).unwrap();
    for _ in 0..2 {
        add_rows(&table, CLOCK_HEADER, &["a,b\n".into()]).unwrap();
    }
    assert_eq!(fs::read_to_string(&table).unwrap(), format!("{CLOCK_HEADER}own row\na,b\n"));
}

#[test]
fn seasons_without_a_calendar_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(write_season(folder.path(), 1200, 1), Err(DemoError::Season { season: 1200 })));
}
