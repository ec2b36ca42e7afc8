//! Computed rows: what is appended is read back, in key order, whatever happened to the packs in between.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use trapline::id::{ContentId, RowKey};
use trapline::store::{Access, Conflict, Store};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".trapline"), Access::Write).unwrap();
    (folder, store)
}

fn key() -> RowKey {
    RowKey::of(b"metadata")
}

fn content(n: u32) -> ContentId {
    ContentId::of(&n.to_le_bytes())
}

fn row(n: u32) -> Vec<u8> {
    format!("row {n} ").repeat(usize::try_from(n % 7).unwrap()).into_bytes()
}

/// Appends rows of `range`, `per_pack` to a pack, without merging.
fn append(store: &Store, range: std::ops::Range<u32>, per_pack: usize) {
    let mut writer = store.row_writer(key(), "cpu one").unwrap();
    for n in range {
        writer.append(content(n), &row(n)).unwrap();
        if writer.pending() == per_pack {
            writer.flush().unwrap();
        }
    }
}

fn sorted(range: std::ops::Range<u32>) -> Vec<ContentId> {
    let mut all: Vec<_> = range.map(content).collect();
    all.sort();
    all
}

fn read(store: &Store, wanted: &[ContentId]) -> (BTreeMap<ContentId, Vec<u8>>, trapline::store::RowsRead) {
    let mut rows = BTreeMap::new();
    let mut last = None;
    let report = store
        .read_rows(key(), wanted, &mut |content, row| {
            assert!(last < Some(content), "rows come in key order");
            last = Some(content);
            rows.insert(content, row.to_vec());
        })
        .unwrap();
    (rows, report)
}

fn expected(range: std::ops::Range<u32>) -> BTreeMap<ContentId, Vec<u8>> {
    range.map(|n| (content(n), row(n))).collect()
}

fn packs(store: &Store) -> Vec<PathBuf> {
    let folder = store.root().join("rows").join(key().hex());
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn rows_are_read_back_in_key_order_from_many_packs() {
    let (_folder, store) = store();
    append(&store, 0..100, 15);
    assert_eq!(store.row_contents(key()).unwrap(), sorted(0..100));
    let (rows, report) = read(&store, &sorted(0..100));
    assert_eq!(rows, expected(0..100));
    assert_eq!(report.delivered, 100);
    assert!(report.lost.is_empty() && report.conflicts.is_empty());
}

#[test]
fn what_was_never_computed_is_lost_and_missing() {
    let (_folder, store) = store();
    append(&store, 0..10, 4);
    let (rows, report) = read(&store, &sorted(5..15));
    assert_eq!(rows, expected(5..10));
    assert_eq!(report.lost, sorted(10..15));
    assert_eq!(store.rows_missing(key(), &sorted(5..15)).unwrap(), sorted(10..15));
    assert_eq!(store.rows_missing(RowKey::of(b"other"), &sorted(0..3)).unwrap(), sorted(0..3));
}

#[test]
fn a_run_that_ends_leaves_few_packs_and_all_rows() {
    let (_folder, store) = store();
    for start in (0..1000).step_by(10) {
        let mut writer = store.row_writer(key(), if start < 500 { "cpu one" } else { "cpu two" }).unwrap();
        for n in start..start + 10 {
            writer.append(content(n), &row(n)).unwrap();
        }
        assert_eq!(writer.finish().unwrap().rows, 10);
    }
    assert!(packs(&store).len() <= 8, "{} packs", packs(&store).len());
    let (rows, _) = read(&store, &sorted(0..1000));
    assert_eq!(rows, expected(0..1000));
}

#[test]
fn a_writer_that_is_dropped_keeps_its_rows() {
    let (_folder, store) = store();
    drop({
        let mut writer = store.row_writer(key(), "").unwrap();
        writer.append(content(1), b"one").unwrap();
        writer
    });
    assert_eq!(store.row_contents(key()).unwrap(), vec![content(1)]);
}

#[test]
fn of_two_different_rows_the_first_is_kept_and_the_difference_reported() {
    let (_folder, store) = store();
    append(&store, 0..20, 20);
    let mut writer = store.row_writer(key(), "").unwrap();
    writer.append(content(3), b"something else").unwrap();
    writer.append(content(4), &row(4)).unwrap();
    writer.append(content(50), b"first").unwrap();
    writer.append(content(50), b"second").unwrap();
    writer.flush().unwrap();
    let conflict = |n| Conflict { row_key: key(), content: content(n) };
    let (rows, report) = read(&store, &sorted(0..20));
    assert_eq!(rows, expected(0..20));
    assert_eq!(report.conflicts, [conflict(3)]);
    let mut found = writer.finish().unwrap().conflicts;
    found.extend(store.compact_rows(key()).unwrap());
    found.sort();
    let mut expected_conflicts = vec![conflict(3), conflict(50)];
    expected_conflicts.sort();
    assert_eq!(found, expected_conflicts);
    assert_eq!(packs(&store).len(), 1);
    let (rows, report) = read(&store, &sorted(0..51));
    assert_eq!(rows[&content(3)], row(3));
    assert_eq!(rows[&content(50)], b"first");
    assert!(report.conflicts.is_empty());
}

#[test]
fn every_flipped_byte_costs_at_most_one_row_or_the_head_and_never_yields_a_wrong_one() {
    let (_folder, store) = store();
    append(&store, 1..5, 4);
    let [path] = &packs(&store)[..] else { panic!("one pack") };
    let whole = std::fs::read(path).unwrap();
    let all = expected(1..5);
    for place in 0..whole.len() {
        {
            let mask = 1u8 << (place % 8);
            let mut bytes = whole.clone();
            bytes[place] ^= mask;
            reset(&store, path, &bytes);
            // A reader changes nothing and invents nothing.
            let reader = Store::open(store.root(), Access::Read).unwrap();
            let (rows, _) = read(&reader, &sorted(1..5));
            assert!(rows.iter().all(|(key, row)| all.get(key) == Some(row)), "byte {place}");
            assert!(!reader.take_damages().is_empty(), "byte {place} went unnoticed");
            assert_eq!(std::fs::read(path).unwrap(), bytes);
            // A writer keeps what is whole; what is lost is computed again.
            let (rows, report) = read(&store, &sorted(1..5));
            assert!(rows.iter().all(|(key, row)| all.get(key) == Some(row)), "byte {place}");
            assert_eq!(rows.len() + report.lost.len(), 4);
            let missing = store.rows_missing(key(), &sorted(1..5)).unwrap();
            assert_eq!(missing, report.lost, "byte {place}");
            if place >= 64 {
                assert!(report.lost.len() <= 2, "byte {place} cost {} rows", report.lost.len());
            }
            let damages = store.take_damages();
            assert!(damages.iter().any(|d| d.cleared), "byte {place}: {damages:?}");
            append(&store, 1..5, 4);
            let (rows, report) = read(&store, &sorted(1..5));
            assert_eq!(rows, all, "byte {place}");
            assert_eq!(report.conflicts, []);
        }
    }
}

#[test]
fn a_pack_cut_anywhere_keeps_the_rows_before_the_cut() {
    let (_folder, store) = store();
    append(&store, 1..5, 4);
    let [path] = &packs(&store)[..] else { panic!("one pack") };
    let whole = std::fs::read(path).unwrap();
    let all = expected(1..5);
    let mut kept = 0;
    for length in 0..whole.len() {
        reset(&store, path, &whole[..length]);
        let (rows, report) = read(&store, &sorted(1..5));
        assert!(rows.iter().all(|(key, row)| all.get(key) == Some(row)), "cut at {length}");
        assert_eq!(rows.len() + report.lost.len(), 4);
        assert!(rows.len() >= kept, "cut at {length}");
        kept = rows.len();
        assert!(!store.take_damages().is_empty());
    }
    assert!(kept >= 3);
}

#[test]
fn a_damaged_row_in_one_of_many_packs_is_healed_by_a_merge() {
    let (_folder, store) = store();
    append(&store, 0..40, 10);
    let path = &packs(&store)[2];
    let mut bytes = std::fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(path, bytes).unwrap();
    store.compact_rows(key()).unwrap();
    store.compact_rows(key()).unwrap();
    assert_eq!(packs(&store).len(), 1);
    let (rows, report) = read(&store, &sorted(0..40));
    assert_eq!((rows.len(), report.lost.len()), (39, 1));
    assert!(store.take_damages()[0].what.contains("1 of 10 rows are lost"));
}

#[test]
fn a_pack_under_the_wrong_recipe_is_not_believed() {
    let (_folder, store) = store();
    append(&store, 0..5, 5);
    let other = store.root().join("rows").join(RowKey::of(b"other").hex());
    std::fs::create_dir_all(&other).unwrap();
    std::fs::copy(&packs(&store)[0], other.join(packs(&store)[0].file_name().unwrap())).unwrap();
    let reader = Store::open(store.root(), Access::Read).unwrap();
    assert_eq!(reader.row_contents(RowKey::of(b"other")).unwrap(), []);
    assert_eq!(reader.take_damages().len(), 1);
}

/// Leaves `bytes` as the only pack.
fn reset(store: &Store, path: &Path, bytes: &[u8]) {
    for old in packs(store) {
        std::fs::remove_file(old).unwrap();
    }
    std::fs::write(path, bytes).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_the_batches_all_rows_come_back(
        batches in proptest::collection::vec(proptest::collection::btree_map(0u32..200, 0usize..300, 0..40), 1..12),
        compact in any::<bool>(),
    ) {
        let (_folder, store) = store();
        let mut all: BTreeMap<ContentId, Vec<u8>> = BTreeMap::new();
        for batch in &batches {
            let mut writer = store.row_writer(key(), "cpu").unwrap();
            for (n, length) in batch {
                let row = vec![u8::try_from(n % 251).unwrap(); *length];
                writer.append(content(*n), &row).unwrap();
                all.entry(content(*n)).or_insert(row);
            }
            if compact { drop(writer.finish().unwrap()) } else { writer.flush().unwrap() }
        }
        let wanted: Vec<ContentId> = all.keys().copied().collect();
        prop_assert_eq!(&store.row_contents(key()).unwrap(), &wanted);
        let (rows, report) = read(&store, &wanted);
        prop_assert_eq!(rows, all);
        prop_assert!(report.lost.is_empty());
    }
}
