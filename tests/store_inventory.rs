//! Inventories: what was hashed is believed only as long as the file surely did not change.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use trapline::id::ContentId;
use trapline::store::{Access, Entry, Inventory, Known, Stat, Store, StoreError};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_780_000_000 * SECOND;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".trapline"), Access::Write).unwrap();
    (folder, store)
}

fn stat(mtime_ns: i64, ctime_ns: i64) -> Stat {
    Stat { size: 10, mtime_ns, ctime_ns, file_id: 5 }
}

fn entry(path: &str, stat: Stat) -> Entry<'_> {
    Entry { path, stat, known: Known::Hashed(ContentId::of(path.as_bytes())) }
}

#[test]
fn a_stored_inventory_is_read_back_with_its_listings() {
    let (_folder, store) = store();
    let old = stat(NOW - 100 * SECOND, NOW - 50 * SECOND);
    let entries = [
        entry("Komag/kå_1/2021/1.jpg", old),
        Entry { known: Known::ZeroByte, ..entry("Komag/kå_1/2021/2.jpg", old) },
        Entry { known: Known::Unreadable, ..entry("Vestre/\u{EFE5}.jpg", old) },
    ];
    let mut written = Inventory::new(NOW, &entries).unwrap();
    written.set_listing(ContentId::of(b"images"), ContentId::of(b"table"));
    store.put_inventory("archive", &written).unwrap();
    let read = Store::open(store.root(), Access::Read).unwrap().inventory("archive").unwrap().unwrap();
    assert_eq!(read.iter().collect::<Vec<_>>(), entries);
    assert_eq!((read.len(), read.taken_ns()), (3, NOW));
    assert_eq!(read.listing(ContentId::of(b"images")), Some(ContentId::of(b"table")));
    assert_eq!(read.listing(ContentId::of(b"other")), None);
    assert_eq!(read.find("Komag/kå_1/2021/2.jpg"), Some(entries[1]));
    assert_eq!(read.find("Komag"), None);
    assert!(store.inventory("Archive").unwrap().is_none());
}

#[test]
fn a_file_that_looks_the_same_is_believed_and_any_other_is_not() {
    let old = stat(NOW - 100 * SECOND, NOW - 50 * SECOND);
    let inventory = Inventory::new(NOW, &[entry("a", old)]).unwrap();
    let known = inventory.find("a").unwrap();
    let believes = |stat: Stat| inventory.believed(&known, &stat).is_some();
    assert!(believes(old));
    assert!(!believes(Stat { size: 11, ..old }));
    assert!(!believes(Stat { mtime_ns: old.mtime_ns + 1, ..old }));
    assert!(!believes(Stat { ctime_ns: old.ctime_ns + 1, ..old }));
    // A memory card numbers its files anew with each mount.
    assert!(believes(Stat { file_id: 6, ..old }));
}

#[test]
fn a_file_touched_as_late_as_the_scan_is_hashed_again() {
    let racy = |stat: Stat| Inventory::new(NOW, &[]).unwrap().is_racy(&stat);
    assert!(!racy(stat(NOW - 100 * SECOND, NOW - 3 * SECOND)));
    assert!(racy(stat(NOW - 100 * SECOND, NOW - SECOND)), "within the coarsest tick");
    assert!(racy(stat(NOW - 100 * SECOND, NOW)));
    assert!(racy(stat(NOW - 100 * SECOND, NOW + 3600 * SECOND)), "a share whose clock is ahead");
    // Where the system keeps a time that nobody can set, the other one does not matter.
    assert!(!racy(stat(NOW + SECOND, NOW - 100 * SECOND)));
    // Where it keeps none, it does; unless a camera's wrong clock wrote it.
    assert!(racy(stat(NOW + SECOND, 0)));
    assert!(!racy(stat(NOW + 20 * 365 * 86_400 * SECOND, 0)));
}

#[test]
fn unsorted_entries_are_sorted_and_doubled_ones_refused() {
    let old = stat(0, 0);
    let inventory = Inventory::new(NOW, &[entry("b", old), entry("a", old)]).unwrap();
    assert_eq!(inventory.iter().map(|entry| entry.path).collect::<Vec<_>>(), ["a", "b"]);
    assert!(Inventory::new(NOW, &[entry("b", old), entry("a", old), entry("b", old)]).is_err());
}

#[test]
fn every_flipped_byte_and_every_cut_is_noticed() {
    let (_folder, store) = store();
    let old = stat(NOW - 100 * SECOND, NOW - 50 * SECOND);
    let mut inventory = Inventory::new(NOW, &[entry("kå/1.jpg", old), entry("kå/2.jpg", old)]).unwrap();
    inventory.set_listing(ContentId::of(b"k"), ContentId::of(b"v"));
    store.put_inventory("archive", &inventory).unwrap();
    let folder = store.root().join("inventory");
    let path = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&path).unwrap();
    let reader = Store::open(store.root(), Access::Read).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(reader.inventory("archive"), Err(StoreError::Damaged { .. })), "byte {place}");
        std::fs::write(&path, &whole[..place]).unwrap();
        assert!(matches!(reader.inventory("archive"), Err(StoreError::Damaged { .. })), "cut at {place}");
    }
    assert!(matches!(store.inventory("archive"), Err(StoreError::Damaged { .. })));
    assert!(store.inventory("archive").unwrap().is_none(), "set aside: everything is hashed again");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_entries_they_come_back_and_are_found(
        files in proptest::collection::btree_map("[a-cå/]{0,6}", (any::<u64>(), any::<i64>(), any::<i64>(), any::<u64>(), 0u8..4), 0..30),
        asked in proptest::collection::btree_set("[a-cå/]{0,6}", 0..30),
        taken in any::<i64>(),
    ) {
        let known = |n: u8| match n { 0 => Known::ZeroByte, 1 => Known::Unreadable, n => Known::Hashed(ContentId([n; 32])) };
        let entries: BTreeMap<&str, Entry<'_>> = files.iter().map(|(path, &(size, mtime_ns, ctime_ns, file_id, n))| {
            (path.as_str(), Entry { path, stat: Stat { size, mtime_ns, ctime_ns, file_id }, known: known(n) })
        }).collect();
        let (_folder, store) = store();
        let list: Vec<_> = entries.values().copied().collect();
        store.put_inventory("r", &Inventory::new(taken, &list).unwrap()).unwrap();
        let read = store.inventory("r").unwrap().unwrap();
        prop_assert_eq!(read.iter().collect::<Vec<_>>(), list);
        let mut cursor = read.cursor();
        for path in &asked {
            prop_assert_eq!(read.find(path), entries.get(path.as_str()).copied());
            prop_assert_eq!(cursor.seek(path), entries.get(path.as_str()).copied());
        }
    }
}
