//! Figures of the store at the size of an archive: `cargo test --release --test store_speed -- --ignored --nocapture`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use std::time::{Duration, Instant};

use trapline::id::{ContentId, RowKey};
use trapline::store::{Access, Entry, Holder, Inventory, Known, Stat, Store, Wait};

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    let took = start.elapsed();
    println!("{what}: {:.1} ms, peak {} MB", took.as_secs_f64() * 1e3, peak_mb());
    (done, took)
}

/// Most memory that the process ever held; 0 where the system does not tell.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn content(n: u32) -> ContentId {
    ContentId::of(&n.to_le_bytes())
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".trapline"), Access::Write).unwrap();
    (folder, store)
}

#[test]
#[ignore = "takes a minute and 500 MB of disk; run it in release"]
fn a_million_rows() {
    let (_folder, store) = store();
    let key = RowKey::of(b"classify");
    timed("write 1 000 000 rows of 300 bytes and merge", || {
        let mut writer = store.row_writer(key, "cpu").unwrap();
        let mut row = [7u8; 300];
        for n in 0..1_000_000u32 {
            row[..4].copy_from_slice(&n.to_le_bytes());
            writer.append(content(n), &row).unwrap();
        }
        writer.finish().unwrap();
    });
    println!("{:?}", store.row_stats(key).unwrap());
    reset_peak();
    let (keys, _) = timed("read the keys", || store.row_contents(key).unwrap());
    assert_eq!(keys.len(), 1_000_000);
    reset_peak();
    let mut bytes = 0;
    let (read, took) = timed("scan all rows", || store.read_rows(key, &keys, &mut |_, row| bytes += row.len() as u64).unwrap());
    assert_eq!((read.delivered, bytes), (1_000_000, 300_000_000));
    if !cfg!(debug_assertions) {
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    let few: Vec<_> = keys.iter().step_by(2000).copied().collect();
    timed("read 500 rows by scan", || store.read_rows(key, &few, &mut |_, _| {}).unwrap());
    let me = Holder { host: "test".into(), pid: 1, since: String::new() };
    let lock = store.lock(&me, Wait::No).unwrap();
    timed("read 500 rows by index, building it", || store.read_rows(key, &few, &mut |_, _| {}).unwrap());
    timed("read 500 rows by index", || store.read_rows(key, &few, &mut |_, _| {}).unwrap());
    timed("close the index", || drop(lock));
    println!("index: {:?}", store.stats().unwrap().index);
    let lock = store.lock(&me, Wait::No).unwrap();
    timed("read 500 rows by index, opening it", || store.read_rows(key, &few, &mut |_, _| {}).unwrap());
    drop(lock);
    timed("append one row and end", || {
        let mut writer = store.row_writer(key, "cpu").unwrap();
        writer.append(content(2_000_000), b"x").unwrap();
        writer.finish().unwrap();
    });
    timed("verify", || store.verify(&|_, _| {}).unwrap());
}

#[test]
#[ignore = "run it in release"]
fn an_inventory_of_a_hundred_thousand_files() {
    let (_folder, store) = store();
    let paths: Vec<String> =
        (0..100_000u32).map(|n| format!("Komagdalen/ko_kj_sn_{:02}/2021/100RECNX/IMG_{n:06}.JPG", n / 1000)).collect();
    let stat = |n: u32| Stat { size: 20_000, mtime_ns: i64::from(n), ctime_ns: i64::from(n) + 1, file_id: u64::from(n) };
    let entries: Vec<_> =
        (0u32..).zip(&paths).map(|(n, path)| Entry { path, stat: stat(n), known: Known::Hashed(content(n)) }).collect();
    for _ in 0..3 {
        let (inventory, _) = timed("lay out 100 000 entries", || Inventory::new(1 << 60, &entries).unwrap());
        timed("write the inventory", || store.put_inventory("archive", &inventory).unwrap());
        let (read, took) = timed("load the inventory", || store.inventory("archive").unwrap().unwrap());
        let (believed, _) = timed("compare with a scan", || {
            let mut cursor = read.cursor();
            entries.iter().filter(|e| cursor.seek(e.path).is_some_and(|old| read.believed(&old, &e.stat).is_some())).count()
        });
        assert_eq!(believed, 100_000);
        if !cfg!(debug_assertions) {
            assert!(took < Duration::from_millis(100), "{took:?}");
        }
    }
}

#[test]
#[ignore = "run it in release"]
fn many_small_objects() {
    let (_folder, store) = store();
    let columns: Vec<Vec<u8>> = (0..30u32).map(|n| vec![u8::try_from(n).unwrap(); 100_000]).collect();
    timed("put 30 columns of 100 kB", || store.put_many(&columns).unwrap());
    timed("put them again", || store.put_many(&columns).unwrap());
}
