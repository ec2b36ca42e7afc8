//! Objects, tables, results: immutable, verified, healed by making them again.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use trapline::id::{ContentId, RecipeKey, ResultKey, RowKey};
use trapline::recipe::Ingredient;
use trapline::store::{
    Access, FileRef, GcMode, Heads, Holder, Keep, OutputRef, RESULT_FORMAT, ResultManifest, Store, StoreError, Wait,
};
use trapline::table::{Cell, ColumnBuilder, Schema, Table, Type};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".trapline"), Access::Write).unwrap();
    (folder, store)
}

fn reader(store: &Store) -> Store {
    Store::open(store.root(), Access::Read).unwrap()
}

fn holder() -> Holder {
    Holder { host: "field-laptop".into(), pid: 7, since: "2026-07-01T12:00:00Z".into() }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn column(values: &[&str]) -> ColumnBuilder {
    let mut builder = ColumnBuilder::new(Type::Text);
    for value in values {
        builder.push(Cell::Text((*value).to_owned()).as_ref());
    }
    builder
}

fn table() -> Table {
    let schema = Schema::of(&[("site", Type::Text), ("class", Type::Text)]);
    Table::from_builders(schema, vec![column(&["kj_1", "kj_2", "kj_1"]), column(&["vole", "empty", "stoat"])]).unwrap()
}

fn manifest(name: &str, outputs: &[ContentId]) -> ResultManifest {
    ResultManifest {
        format: RESULT_FORMAT,
        key: ResultKey::of(name.as_bytes()),
        step: name.into(),
        kind: "metadata".into(),
        recipe_key: RecipeKey::of(name.as_bytes()),
        recipe: vec![Ingredient { name: "kind".into(), value: "metadata".into() }],
        inputs: vec![Ingredient { name: "input images".into(), value: "b3:00".into() }],
        rows: vec![RowKey::of(name.as_bytes())],
        outputs: outputs.iter().map(|id| OutputRef { port: "table".into(), id: *id, rows: Some(3) }).collect(),
        findings: Vec::new(),
        metrics: BTreeMap::from([("accuracy".into(), 0.1 + 0.2), ("empty".into(), f64::NAN)]),
        files: vec![FileRef { path: "names.csv".into(), id: ContentId::of(b"names") }],
        started: "2026-07-01T12:00:00Z".into(),
        seconds: 1.5,
        versions: BTreeMap::from([("trapline".into(), "0.1.0".into())]),
    }
}

#[test]
fn what_is_put_is_got_and_put_only_once() {
    let (_folder, store) = store();
    let ids = store.put_many(&[&b"vole"[..], b"", b"stoat", b"vole"]).unwrap();
    assert_eq!(ids[0], ids[3]);
    assert_eq!(store.get(ids[2]).unwrap(), b"stoat");
    assert_eq!(store.get(ids[1]).unwrap(), b"");
    assert_eq!(files(&store.root().join("objects")).len(), 3);
    let before = std::fs::metadata(store.object_path(ids[0])).unwrap().modified().unwrap();
    assert_eq!(store.put(b"vole").unwrap(), ids[0]);
    assert_eq!(std::fs::metadata(store.object_path(ids[0])).unwrap().modified().unwrap(), before);
    assert!(files(&store.root().join("tmp")).is_empty());
    assert!(matches!(store.get(ContentId::of(b"lynx")), Err(StoreError::Missing(_))));
}

#[test]
fn a_file_is_stored_under_the_identity_of_its_bytes() {
    let (folder, store) = store();
    let path = folder.path().join("model.onnx");
    let bytes: Vec<u8> = (0..700_000u32).map(|n| u8::try_from(n % 253).unwrap()).collect();
    std::fs::write(&path, &bytes).unwrap();
    let id = store.put_file(&path).unwrap();
    assert_eq!(id, ContentId::of(&bytes));
    assert_eq!(store.verify_object(id).unwrap(), 700_000);
    assert_eq!(store.put_file(&path).unwrap(), id);
    assert_eq!(store.get(id).unwrap(), bytes);
}

#[test]
fn a_reader_makes_nothing_and_an_absent_store_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(".trapline");
    let store = Store::open(&root, Access::Read).unwrap();
    assert_eq!(store.results().unwrap(), []);
    assert_eq!(store.row_contents(RowKey::of(b"x")).unwrap(), []);
    assert_eq!(store.heads("season").unwrap(), Heads::default());
    assert!(store.inventory("archive").unwrap().is_none());
    assert!(store.stats().unwrap().rows.is_empty());
    assert!(matches!(store.put(b"x"), Err(StoreError::ReadOnly(_))));
    assert!(matches!(store.put_heads("season", &Heads::default()), Err(StoreError::ReadOnly(_))));
    assert!(!root.exists());
}

#[test]
fn every_flipped_byte_of_an_object_is_noticed_set_aside_and_healed() {
    let (_folder, store) = store();
    let id = store.put(b"a small object").unwrap();
    let path = store.object_path(id);
    let whole = std::fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        std::fs::write(&path, &bytes).unwrap();
        let reader = reader(&store);
        assert!(matches!(reader.get(id), Err(StoreError::Damaged { .. })));
        // Whoever finds it moves it aside: a run that has no need to read it goes by whether it is there.
        assert!(!path.exists() && reader.take_damages()[0].cleared);
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(store.get(id), Err(StoreError::Damaged { .. })));
        assert!(!store.has(id) && store.take_damages()[0].cleared);
        assert_eq!(store.put(b"a small object").unwrap(), id);
        assert_eq!(store.get(id).unwrap(), whole);
    }
    assert_eq!(files(&store.root().join("quarantine")).len(), 4 * whole.len());
}

#[test]
fn an_object_cut_short_is_stored_again_when_it_is_put_again() {
    let (_folder, store) = store();
    let id = store.put(b"a small object").unwrap();
    std::fs::write(store.object_path(id), b"a sm").unwrap();
    store.put(b"a small object").unwrap();
    assert_eq!(store.get(id).unwrap(), b"a small object");
}

#[test]
fn a_table_that_carries_columns_stores_only_the_new_ones() {
    let (_folder, store) = store();
    let table = table();
    let id = store.put_table(&table).unwrap();
    assert_eq!(id, table.id());
    let objects = || files(&store.root().join("objects")).len();
    assert_eq!(objects(), 3);
    let wider = table.with_column("season", Arc::new(column(&["2021", "2021", "2022"]).finish().unwrap())).unwrap();
    let wider_id = store.put_table(&wider).unwrap();
    assert_eq!(objects(), 5, "one column and one header");
    let stored = store.open_table(wider_id).unwrap();
    assert_eq!((stored.rows(), stored.id(), stored.schema()), (3, wider_id, &wider.schema));
    assert_eq!(stored.read(None).unwrap(), wider);
    let part = stored.read(Some(&["season", "site"])).unwrap();
    assert_eq!(part, wider.select(&["season", "site"]).unwrap());
    assert_eq!(stored.read(Some(&[])).unwrap().rows, 3);
    let error = stored.read(Some(&["locality"])).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "no column `locality`: there are `site`, `class`, `season`");
}

#[test]
fn a_table_with_a_damaged_column_is_lost_until_it_is_stored_again() {
    let (_folder, store) = store();
    let id = store.put_table(&table()).unwrap();
    let column = store.open_table(id).unwrap().column_ids()[1];
    std::fs::write(store.object_path(column), b"TLC1").unwrap();
    assert!(store.has_table(id));
    let error = store.open_table(id).unwrap().read(None).unwrap_err();
    assert!(error.is_loss());
    assert!(!store.has_table(id));
    assert_eq!(store.open_table(id).unwrap().read(Some(&["site"])).unwrap().rows, 3);
    store.put_table(&table()).unwrap();
    assert_eq!(store.open_table(id).unwrap().read(None).unwrap(), table());
}

#[test]
fn a_result_keeps_every_bit_of_its_numbers() {
    let (_folder, store) = store();
    let written = manifest("metadata", &[ContentId::of(b"t")]);
    assert!(!store.has_result(written.key));
    assert_eq!(store.get_result(written.key).unwrap(), None);
    store.put_result(&written).unwrap();
    let read = reader(&store).get_result(written.key).unwrap().unwrap();
    assert_eq!(read.metrics["accuracy"].to_bits(), (0.1f64 + 0.2).to_bits());
    assert!(read.metrics["empty"].is_nan());
    let without = |mut m: ResultManifest| {
        m.metrics.clear();
        m
    };
    assert_eq!(without(read), without(written.clone()));
    assert_eq!(store.results().unwrap(), [written.key]);
}

#[test]
fn every_flipped_byte_of_a_manifest_or_a_head_is_noticed() {
    let (_folder, store) = store();
    let written = manifest("metadata", &[]);
    store.put_result(&written).unwrap();
    let heads = Heads { steps: BTreeMap::from([("train[resnet50]".into(), written.key)]) };
    store.put_heads("varanger", &heads).unwrap();
    assert_eq!(store.all_heads().unwrap(), BTreeMap::from([("varanger".into(), heads.clone())]));
    for path in files(&store.root().join("results")).into_iter().chain(files(&store.root().join("heads"))) {
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            std::fs::write(&path, &bytes).unwrap();
            let reader = reader(&store);
            let read = (reader.get_result(written.key).is_ok(), reader.heads("varanger").is_ok());
            assert_ne!(read, (true, true), "byte {place} of `{}`", path.display());
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_ne!((store.get_result(written.key).is_ok(), store.heads("varanger").is_ok()), (true, true));
        assert!(!path.exists());
        // Set aside: as if it had never been.
        assert!(store.get_result(written.key).is_ok() && store.heads("varanger").is_ok());
    }
}

#[test]
fn a_manifest_in_the_place_of_another_is_not_believed() {
    let (_folder, store) = store();
    store.put_result(&manifest("a", &[])).unwrap();
    store.put_result(&manifest("b", &[])).unwrap();
    let [first, second] = &files(&store.root().join("results"))[..] else { panic!() };
    std::fs::copy(first, second).unwrap();
    let both = [b"a", b"b"].map(|name| store.get_result(ResultKey::of(name)).is_ok());
    assert_eq!(both.iter().filter(|ok| **ok).count(), 1);
}

#[test]
fn a_damaged_format_file_is_written_anew_and_a_later_format_refused() {
    let (_folder, store) = store();
    let path = store.root().join("format");
    drop(store.lock(&holder(), Wait::No).unwrap());
    let whole = std::fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        Store::open(store.root(), Access::Read).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        // The holder of the lock writes it: nobody else is writing then.
        let writer = Store::open(store.root(), Access::Write).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        drop(writer.lock(&holder(), Wait::No).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
    let document = b"{\"trapline_store\":2}";
    let sealed = [document.as_slice(), format!("\n\"{}\"\n", ContentId::of(document)).as_bytes()].concat();
    std::fs::write(&path, &sealed).unwrap();
    for access in [Access::Read, Access::Write] {
        assert!(matches!(Store::open(store.root(), access), Err(StoreError::Format { found: 2, known: 1, .. })));
    }
    assert_eq!(std::fs::read(&path).unwrap(), sealed);
}

#[test]
fn leftovers_of_a_killed_run_are_removed_when_the_lock_is_taken() {
    let (_folder, store) = store();
    std::fs::write(store.root().join("tmp/0.tmp"), "half").unwrap();
    let id = store.put(b"whole").unwrap();
    assert_eq!(files(&store.root().join("tmp")).len(), 1);
    let lock = store.lock(&holder(), Wait::No).unwrap();
    assert!(files(&store.root().join("tmp")).is_empty());
    assert_eq!(store.get(id).unwrap(), b"whole");
    drop(lock);
}

/// Two results over tables that share a column; only the second is kept.
fn with_garbage(store: &Store) -> (ResultManifest, ResultManifest) {
    let table = table();
    let other = table.with_column("class", Arc::new(column(&["lynx", "lynx", "lynx"]).finish().unwrap())).unwrap();
    let manifests = [("old", &table), ("new", &other)].map(|(name, table)| {
        let result = manifest(name, &[store.put_table(table).unwrap()]);
        store.put_result(&result).unwrap();
        let mut writer = store.row_writer(RowKey::of(name.as_bytes()), "").unwrap();
        writer.append(ContentId::of(b"image"), b"row").unwrap();
        writer.finish().unwrap();
        result
    });
    store.put(b"a stray object").unwrap();
    manifests.into()
}

#[test]
fn collection_keeps_what_is_reached_and_counts_before_it_deletes() {
    let (_folder, store) = store();
    let (old, new) = with_garbage(&store);
    let keep = Keep { results: BTreeSet::from([new.key]), ..Keep::default() };
    let later = SystemTime::now() + Duration::from_mins(1);
    let before = files(store.root());
    let counted = reader(&store).gc(&keep, later, GcMode::DryRun).unwrap();
    assert_eq!(files(store.root()), before);
    let lock = store.lock(&holder(), Wait::No).unwrap();
    // Within the grace time nothing goes.
    let earlier = SystemTime::now() - Duration::from_hours(1);
    assert_eq!(store.gc(&keep, earlier, GcMode::Delete(&lock)).unwrap().objects.files, 0);
    let deleted = store.gc(&keep, later, GcMode::Delete(&lock)).unwrap();
    assert_eq!(counted, deleted);
    // The old header, the old class column, the stray object.
    assert_eq!((deleted.results.files, deleted.objects.files, deleted.rows.files), (1, 3, 1));
    assert_eq!(deleted.kept_objects.files, 3);
    assert!(store.has_table(new.outputs[0].id) && !store.has(old.outputs[0].id));
    assert_eq!(store.results().unwrap(), [new.key]);
    assert_eq!(store.row_keys().unwrap(), [RowKey::of(b"new")]);
    assert_eq!(store.gc(&keep, later, GcMode::Delete(&lock)).unwrap().objects.files, 0);
}

#[test]
fn pins_and_last_runs_are_kept_and_a_damaged_list_of_them_stops_the_collection() {
    let (_folder, store) = store();
    let (old, new) = with_garbage(&store);
    store.put_pins("paper", &BTreeSet::from([old.key])).unwrap();
    store.put_heads("season", &Heads { steps: BTreeMap::from([("metadata".into(), new.key)]) }).unwrap();
    assert_eq!(store.keep_last().unwrap().results, BTreeSet::from([old.key, new.key]));
    assert_eq!(store.pins("paper").unwrap(), BTreeSet::from([old.key]));
    let path = files(&store.root().join("pins")).remove(0);
    std::fs::write(&path, "{}").unwrap();
    for _ in 0..2 {
        assert!(matches!(store.keep_last(), Err(StoreError::Damaged { .. })));
        assert!(!store.verify(&|_, _| {}).unwrap().damages.is_empty());
    }
    store.put_pins("paper", &BTreeSet::new()).unwrap();
    assert_eq!(store.keep_last().unwrap().results, BTreeSet::from([new.key]));
}

#[test]
fn verification_finds_damage_of_every_kind_and_what_is_missing() {
    let (_folder, store) = store();
    let (old, new) = with_garbage(&store);
    store.put_heads("season", &Heads { steps: BTreeMap::from([("metadata".into(), new.key)]) }).unwrap();
    let inventory = trapline::store::Inventory::new(0, &[]).unwrap();
    store.put_inventory("archive", &inventory).unwrap();
    let clean = reader(&store).verify(&|done, total| assert!(done <= total)).unwrap();
    assert!(clean.damages.is_empty() && clean.missing.is_empty());
    let kinds = ["objects", "results", "rows", "heads", "inventory"];
    for kind in kinds {
        let path = files(&store.root().join(kind)).remove(0);
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 2;
        std::fs::write(path, bytes).unwrap();
    }
    let found = reader(&store).verify(&|_, _| {}).unwrap();
    for kind in kinds {
        assert!(found.damages.iter().any(|damage| damage.path.starts_with(kind)), "{kind}: {found:?}");
    }
    std::fs::remove_file(store.object_path(old.outputs[0].id)).ok();
    let healed = store.verify(&|_, _| {}).unwrap();
    // The object had been moved aside when it was found.
    assert_eq!(healed.damages.len(), found.damages.len() - 1);
    let again = store.verify(&|_, _| {}).unwrap();
    assert!(again.damages.iter().all(|damage| damage.path.starts_with("heads")), "{again:?}");
    store.verify(&|_, _| {}).unwrap();
    let stats = store.stats().unwrap();
    assert!(stats.quarantine.files > 0 && stats.objects.files > 0);
}
