//! A full disk: said clearly, nothing that was stored is harmed, and reading, counting and collecting garbage go on.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use trapline::id::{ContentId, RowKey};
use trapline::store::{Access, GcMode, Heads, Holder, Inventory, Keep, Store, StoreError, Wait};

/// A disk of two megabytes in memory, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path());
        if command.output().is_ok_and(|done| done.status.success()) {
            return Some(Self(folder));
        }
        eprintln!("SKIPPED: mounting a small tmpfs needs more rights than this test has");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

fn me() -> Holder {
    Holder { host: "test".into(), pid: 1, since: String::new() }
}

fn content(n: u32) -> ContentId {
    ContentId::of(&n.to_le_bytes())
}

#[test]
fn a_full_disk_is_said_and_everything_that_only_reads_or_frees_goes_on() {
    let Some(disk) = SmallDisk::mount() else { return };
    let root = disk.path().join(".trapline");
    let key = RowKey::of(b"classify");
    let (mut objects, mut rows);
    {
        let store = Store::open(&root, Access::Write).unwrap();
        let lock = store.lock(&me(), Wait::No).unwrap();
        let mut writer = store.row_writer(key, "").unwrap();
        for n in 0..10_500 {
            writer.append(content(n), b"a row").unwrap();
        }
        writer.finish().unwrap();
        rows = store.row_contents(key).unwrap();
        assert_eq!(rows.len(), 10_500);
        store.put_inventory("archive", &Inventory::new(0, &[]).unwrap()).unwrap();
        // Fill the disk to the last byte.
        objects = Vec::new();
        let full = loop {
            let bytes = vec![u8::try_from(objects.len() % 256).unwrap(); 100_000 + objects.len()];
            match store.put(&bytes) {
                Ok(id) => objects.push(id),
                Err(error) => break error,
            }
        };
        assert!(matches!(full, StoreError::Full { .. }), "{full:?}");
        assert!(full.to_string().starts_with("the disk is full: cannot write `"), "{full}");
        let mut rest = std::fs::File::create(disk.path().join("filler")).unwrap();
        while std::io::Write::write_all(&mut rest, &[0; 512]).is_ok() {}
        assert!(matches!(store.put_heads("p", &Heads::default()), Err(StoreError::Full { .. })));
        assert!(matches!(store.put_inventory("archive", &Inventory::default()), Err(StoreError::Full { .. })));
        let mut writer = store.row_writer(key, "").unwrap();
        writer.append(content(20_000), b"a row").unwrap();
        assert!(matches!(writer.flush(), Err(StoreError::Full { .. })));
        assert_eq!(writer.pending(), 1, "still in memory");
        std::fs::remove_file(store.object_path(objects.pop().unwrap())).unwrap();
        writer.finish().unwrap();
        rows.push(content(20_000));
        rows.sort();
        drop(lock);
    }
    let mut rest = std::fs::File::create(disk.path().join("filler")).unwrap();
    while std::io::Write::write_all(&mut rest, &[0; 512]).is_ok() {}

    // Readers.
    let reader = Store::open(&root, Access::Read).unwrap();
    assert_eq!(reader.row_contents(key).unwrap(), rows);
    assert!(objects.iter().all(|id| reader.get(*id).is_ok()));
    assert!(reader.inventory("archive").unwrap().is_some());
    assert!(reader.verify(&|_, _| {}).unwrap().damages.is_empty());
    assert_eq!(reader.stats().unwrap().objects.files, objects.len() as u64);
    let later = SystemTime::now() + Duration::from_mins(1);
    let keep = Keep { rows: BTreeSet::from([key]), contents: BTreeSet::from([objects[0]]), ..Keep::default() };
    let counted = reader.gc(&keep, later, GcMode::DryRun).unwrap();

    // The holder of the lock: few rows are found although sled cannot be opened, damage is set aside, garbage goes.
    let store = Store::open(&root, Access::Write).unwrap();
    let lock = store.lock(&me(), Wait::No).unwrap();
    let wanted: Vec<_> = rows.iter().step_by(1000).copied().collect();
    let read = store.read_rows(key, &wanted, &mut |_, row| assert_eq!(row, b"a row")).unwrap();
    assert_eq!((read.delivered, read.lost.len()), (wanted.len() as u64, 0));
    let path = store.object_path(objects[1]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[5] ^= 1;
    // In place: the disk has no room for a second copy.
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    assert!(matches!(store.get(objects[1]), Err(StoreError::Damaged { .. })));
    assert!(!store.has(objects[1]));
    let deleted = store.gc(&keep, later, GcMode::Delete(&lock)).unwrap();
    assert_eq!(deleted.objects.files + 1, counted.objects.files);
    assert!(deleted.quarantine.files >= 1);
    store.put(&vec![7; 100_000]).unwrap();
    assert_eq!(store.row_contents(key).unwrap(), rows);
}
