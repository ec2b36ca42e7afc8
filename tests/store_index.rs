//! The row index is thrown away whenever it is not surely whole: rows are the same with it, without it and after its damage.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use trapline::id::{ContentId, RowKey};
use trapline::store::{Access, Holder, RowsRead, Store, Wait};

const ROWS: u32 = 12_000;

fn key() -> RowKey {
    RowKey::of(b"classify")
}

fn content(n: u32) -> ContentId {
    ContentId::of(&n.to_le_bytes())
}

fn row(n: u32) -> Vec<u8> {
    format!("row {n}").into_bytes()
}

fn filled() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(".trapline");
    let store = Store::open(&root, Access::Write).unwrap();
    let mut writer = store.row_writer(key(), "").unwrap();
    for n in 0..ROWS {
        writer.append(content(n), &row(n)).unwrap();
        if n == ROWS - 1000 {
            writer.flush().unwrap();
        }
    }
    writer.flush().unwrap();
    drop(writer);
    (folder, root)
}

/// Looks up a few rows and one that is not there, as a run would.
fn look_up(root: &std::path::Path, some: &[u32]) -> (BTreeMap<ContentId, Vec<u8>>, RowsRead) {
    let store = Store::open(root, Access::Write).unwrap();
    let me = Holder { host: "test".into(), pid: 1, since: String::new() };
    let _lock = store.lock(&me, Wait::No).unwrap();
    let mut wanted: Vec<_> = some.iter().copied().map(content).chain([content(ROWS + 1)]).collect();
    wanted.sort();
    let mut rows = BTreeMap::new();
    let read = store.read_rows(key(), &wanted, &mut |id, row| drop(rows.insert(id, row.to_vec()))).unwrap();
    (rows, read)
}

fn check(root: &std::path::Path) {
    let some = [0, 17, 4_000, ROWS - 1000, ROWS - 1];
    let (rows, read) = look_up(root, &some);
    assert_eq!(rows, some.iter().map(|n| (content(*n), row(*n))).collect());
    assert_eq!((read.delivered, read.lost), (5, vec![content(ROWS + 1)]));
}

fn index_files(root: &std::path::Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(root.join("index")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.push(root.join("index.json"));
    files.sort();
    files
}

#[test]
fn few_rows_are_found_through_the_index_and_it_is_kept_between_runs() {
    let (_folder, root) = filled();
    check(&root);
    assert!(root.join("index.json").is_file(), "closed cleanly");
    let before = std::fs::read(root.join("index.json")).unwrap();
    let reader = Store::open(&root, Access::Read).unwrap();
    reader.read_rows(key(), &[content(3)], &mut |_, _| {}).unwrap();
    assert_eq!(std::fs::read(root.join("index.json")).unwrap(), before, "readers leave it alone");
    check(&root);
}

#[test]
fn a_deleted_or_damaged_index_is_rebuilt_without_a_question() {
    let (_folder, root) = filled();
    check(&root);
    std::fs::remove_dir_all(root.join("index")).unwrap();
    check(&root);
    for path in index_files(&root) {
        let length = std::fs::metadata(&path).unwrap().len();
        for part in 0..6u64 {
            let mut bytes = std::fs::read(&path).unwrap();
            let place = usize::try_from((bytes.len() as u64 - 1) * part / 5).unwrap();
            bytes[place] ^= 1 << part;
            std::fs::write(&path, &bytes).unwrap();
            check(&root);
        }
        std::fs::write(&path, vec![0; usize::try_from(length / 2).unwrap()]).unwrap();
        check(&root);
        std::fs::remove_file(&path).unwrap();
        check(&root);
    }
    // A killed run leaves no mark of a clean end.
    std::fs::remove_file(root.join("index.json")).unwrap();
    check(&root);
    std::fs::remove_dir_all(root.join("index")).unwrap();
    std::fs::write(root.join("index"), "a file where the folder was").unwrap();
    check(&root);
}

#[test]
fn packs_that_are_new_or_merged_are_added() {
    let (_folder, root) = filled();
    check(&root);
    let store = Store::open(&root, Access::Write).unwrap();
    store.compact_rows(key()).unwrap();
    check(&root);
    let mut writer = store.row_writer(key(), "").unwrap();
    writer.append(content(ROWS + 5), b"late").unwrap();
    writer.flush().unwrap();
    let (rows, _) = look_up(&root, &[ROWS + 5]);
    assert_eq!(rows[&content(ROWS + 5)], b"late");
    drop(writer);
    check(&root);
}

#[test]
fn a_damaged_row_found_through_the_index_is_lost_and_computed_again() {
    let (_folder, root) = filled();
    check(&root);
    let folder = root.join("rows").join(key().hex());
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let rows_start = 64 + 2 + 40 * usize::try_from(ROWS).unwrap();
        let start = rows_start.min(bytes.len() - 200);
        bytes[start..].iter_mut().for_each(|byte| *byte ^= 0x10);
        std::fs::write(&path, bytes).unwrap();
    }
    let all: Vec<u32> = (0..ROWS).step_by(100).collect();
    let (rows, read) = look_up(&root, &all);
    assert!(rows.iter().all(|(id, found)| all.iter().any(|n| content(*n) == *id && row(*n) == *found)));
    assert!(read.lost.len() > 1, "{}", read.lost.len());
    let store = Store::open(&root, Access::Write).unwrap();
    let mut writer = store.row_writer(key(), "").unwrap();
    for n in 0..ROWS {
        writer.append(content(n), &row(n)).unwrap();
    }
    writer.finish().unwrap();
    let (rows, read) = look_up(&root, &all);
    assert_eq!((rows.len(), read.lost), (all.len(), vec![content(ROWS + 1)]));
    check(&root);
}
