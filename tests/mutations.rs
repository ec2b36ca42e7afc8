//! Damaged and hostile files: whatever bytes a reader of foreign data is given, it ends with an answer or an error.
//!
//! Each target begins with a few good files, changes them by chance (always in the same way: the seed is fixed) and reads what came
//! out. A file that once broke a reader is kept below `tests/fuzz/TARGET/` and is read first. `TRAPLINE_TRIALS=100000 cargo test
//! --release --test mutations` is the long trial.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]
#![allow(clippy::cast_possible_truncation, reason = "pictures of a few pixels")]

mod onnx;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use exif::Tag;
use support::photo::Photo;
use trapline::check::{Overrides, load};
use trapline::exchange::camtrap_dp::check::check_folder;
use trapline::exchange::predictions::Answers;
use trapline::exchange::{megadetector, speciesnet};
use trapline::id::{ContentId, RowKey};
use trapline::model::Bundle;
use trapline::model::engines::{EngineKind, Loaded};
use trapline::photo::{Decoder, exif as photo_exif};
use trapline::store::{Access, Store};
use trapline::table::{Faults, Reading, Schema, TableError, Type, csv};

/// Chance that is the same on every machine: xorshift64*.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Below `end`; 0 where there is no room.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end.max(1)
    }
}

/// Bytes that readers trip over.
const WORDS: &[&[u8]] = &[
    b"",
    b"\0",
    b"\xFF\xFF\xFF\xFF",
    b"\x7F\xFF\xFF\xFF",
    b"\x80\0\0\0",
    b"\"",
    b"\"\"",
    b",",
    b";",
    b"\n",
    b"\r\n",
    b"\t",
    b":",
    b"- ",
    b"{",
    b"}",
    b"[",
    b"]",
    b"&a",
    b"*a",
    b"{{",
    b"}}",
    b"!!",
    b"NaN",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"null",
    b"true",
    b"\xEF\xBB\xBF",
    b"\xC3\x28",
    b"\xE2\x80\xA8",
    b"../",
    b"sep=;\n",
    b"<<<<<<< ours\n",
    b"\xFF\xD8\xFF",
    b"\xFF\xE1\xFF\xFF",
];

/// `bytes` with one to four changes.
fn changed(bytes: &[u8], others: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=chance.below(4) {
        let (place, length) = (chance.below(bytes.len() + 1), chance.below(32));
        let end = (place + length).min(bytes.len());
        match chance.below(8) {
            0 if place < bytes.len() => bytes[place] ^= 1 << chance.below(8),
            1 if place < bytes.len() => bytes[place] = u8::try_from(chance.below(256)).unwrap(),
            2 => drop(bytes.drain(place..end)),
            3 => {
                let again = bytes[place..end].to_vec();
                bytes.splice(place..place, again);
            }
            4 => bytes.truncate(place),
            5 => {
                let other = &others[chance.below(others.len())];
                let from = chance.below(other.len());
                bytes.splice(place..end, other[from..(from + length).min(other.len())].iter().copied());
            }
            6 => {
                let word = WORDS[chance.below(WORDS.len())];
                drop(bytes.splice(place..end, word.iter().copied()));
            }
            _ => {
                let word = WORDS[chance.below(WORDS.len())];
                drop(bytes.splice(place..place, word.iter().copied()));
            }
        }
    }
    bytes
}

/// Reads the good files, those that once broke the reader, and `usual` changed ones; `read` must neither panic nor fail the test.
fn try_all(target: &str, good: &[Vec<u8>], usual: usize, mut read: impl FnMut(&[u8])) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(target);
    let mut kept: Vec<_> = fs::read_dir(kept).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    let mut seeds = good.to_vec();
    seeds.extend(kept.iter().map(|path| fs::read(path).unwrap()));
    let mut try_one = |bytes: &[u8], what: &str| {
        if catch_unwind(AssertUnwindSafe(|| read(bytes))).is_err() {
            let path = std::env::temp_dir().join(format!("trapline-{target}-{}", ContentId::of(bytes).hex().get(..12).unwrap()));
            fs::write(&path, bytes).unwrap();
            panic!("{target}: {what} broke the reader; it is kept in `{}`", path.display());
        }
    };
    for (place, bytes) in seeds.iter().enumerate() {
        try_one(bytes, &format!("seed {place}"));
    }
    let mut chance = Chance(0x0074_7261_706C_696E);
    for trial in 0..support::trials(usual) {
        let seed = chance.below(seeds.len());
        let bytes = changed(&seeds[seed], &seeds, &mut chance);
        try_one(&bytes, &format!("trial {trial}"));
    }
}

#[test]
fn pipelines() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("raw")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let mut good: Vec<Vec<u8>> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| fs::read(path).unwrap())
        .collect();
    good.sort();
    good.push(support::PIPELINE.into());
    let path = folder.path().join("pipeline.yaml");
    try_all("pipeline", &good, 150, |bytes| {
        fs::write(&path, bytes).unwrap();
        let loaded = load(&path, &Overrides::default());
        let errors = loaded.report.diagnostics.len();
        assert!(loaded.pipeline.is_some() || errors > 0, "refused without a word");
        for found in &loaded.report.diagnostics {
            // Every place that a finding names must be one of its file.
            let _ = trapline::diagnostic::plain(&loaded.sources, found);
        }
    });
}

/// A Reconyx note as `HyperFire` cameras write it: version, then numbers.
fn reconyx_note() -> Vec<u8> {
    let mut note = vec![0xF1, 0x01, 0x03, 0x00];
    note.extend((4..92u8).map(|n| n.wrapping_mul(7)));
    note
}

#[test]
fn photos() {
    let plain = Photo::new(3).taken("2024:06:01 12:00:00").bytes();
    let noted = Photo::new(4).taken("2024:06:01 12:00:00").with(Tag::Make, "RECONYX").with_maker_note(reconyx_note()).bytes();
    let mut png = Vec::new();
    let picture = image::RgbImage::from_fn(9, 7, |x, y| image::Rgb([x as u8, y as u8, 9]));
    image::DynamicImage::from(picture.clone()).write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let mut tiff = Vec::new();
    image::DynamicImage::from(picture).write_to(&mut std::io::Cursor::new(&mut tiff), image::ImageFormat::Tiff).unwrap();
    let mut decoder = Decoder::default();
    try_all("photo", &[plain, noted, png, tiff], 1500, |bytes| {
        let raw = photo_exif::read(bytes);
        let _ = raw.taken();
        if let Ok(image) = decoder.decode(bytes) {
            assert_eq!(image.pixels.len(), 3 * image.width_px as usize * image.height_px as usize);
        }
        decoder.release();
    });
}

#[test]
fn labels() {
    let id = ContentId::of(b"an image");
    let good = [
        format!("observation,class,reviewer,time\n{id},vole,anna,2024-06-01T12:00:00Z\n{id},\"a \"\"b\"\"\nc\",bert,\n"),
        format!("sep=;\nclass;observation;comment\nvole;{id};\"half; a\"\n"),
        "file\tsite\tseason\tclass\r\nIMG_1.JPG\ta\t2024\tstoat\r\n".to_owned(),
    ];
    let good: Vec<Vec<u8>> = good.into_iter().map(String::into_bytes).collect();
    try_all("labels", &good, 2500, |bytes| {
        let Ok(decoded) = trapline::labels::decode("anna.csv", bytes) else { return };
        let Ok(read) = trapline::labels::read("anna.csv", "anna", &decoded) else { return };
        // Whatever is read can be told apart and written again.
        for label in read.labels {
            assert!(!label.id.is_empty() && (label.observation.is_some() || !label.file.is_empty()));
            let _ = label.identity();
        }
    });
}

#[test]
fn tables() {
    let good: [&[u8]; 3] = [
        b"site,season,n,share,seen\na,2024,1,0.5,true\n\"b, c\",2025,-7,1e-3,false\n",
        b"site;season;n\r\na;2024;1\r\nb;\"2025\r\n\";2\r\n",
        "\u{feff}site\tn\nå\t1\n".as_bytes(),
    ];
    let good: Vec<Vec<u8>> = good.iter().map(|bytes| bytes.to_vec()).collect();
    let schema = Schema::of(&[
        ("site", Type::Text),
        ("season", Type::Int),
        ("n", Type::Int),
        ("share", Type::Float64),
        ("seen", Type::Bool),
    ]);
    try_all("table", &good, 2500, |bytes| {
        if let Ok(table) = csv::read(bytes, &Reading::strict("table.csv")) {
            // What is read is a whole table: it has an identity, and is the same after it was written.
            let mut written = Vec::new();
            csv::write(&table, &mut written).unwrap();
            let _ = table.id();
        }
        let _ = csv::read_typed(bytes, &schema, &Reading::strict("table.csv"));
    });
}

#[test]
fn results_of_detectors() {
    let good: [&[u8]; 3] = [
        br#"{"info":{"format_version":"1.4","detector":"md_v5a.0.0.pt"},"detection_categories":{"1":"animal","2":"person"},
"classification_categories":{"0":"vole"},"images":[{"file":"a/1.jpg","detections":[{"category":"1","conf":0.91,"bbox":[0.1,0.2,0.3,0.4],
"classifications":[["0",0.8]]}]},{"file":"a/2.jpg","failure":"Failure image access"},{"file":"a/3.jpg","detections":[]}]}"#,
        br#"{"predictions":[{"filepath":"a/1.jpg","classifications":{"classes":["x;mammalia;rodentia;;;;vole"],"scores":[0.9]},
"prediction":"x;mammalia;rodentia;;;;vole","prediction_score":0.9,"prediction_source":"classifier","model_version":"4.0.1a"}]}"#,
        br#"{"images":[],"info":null,"detection_categories":{}}"#,
    ];
    let good: Vec<Vec<u8>> = good.iter().map(|bytes| bytes.to_vec()).collect();
    try_all("detector", &good, 2500, |bytes| {
        let check = || Ok::<(), TableError>(());
        let (mut answers, mut faults) = (Answers::default(), Faults::default());
        if megadetector::read("md.json", bytes, 0.2, &mut answers, &mut faults, &check).is_ok() {
            let _ = answers.finish();
        }
        let (mut answers, mut faults) = (Answers::default(), Faults::default());
        if speciesnet::read("sn.json", bytes, 0.2, &mut answers, &mut faults, &check).is_ok() {
            let _ = answers.finish();
        }
    });
}

#[test]
fn packages_of_camtrap_dp() {
    let folder = tempfile::tempdir().unwrap();
    let files: BTreeMap<&str, &[u8]> = [
        ("datapackage.json", &br#"{"profile":"https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0/camtrap-dp-profile.json","resources":[],"spatial":{"type":"Point","coordinates":[1,2]}}"#[..]),
        ("deployments.csv", b"deploymentID,locationID,latitude,longitude,deploymentStart,deploymentEnd\nd1,a,70.1,28.2,2024-06-01T00:00:00Z,2024-07-01T00:00:00Z\n"),
        ("media.csv", b"mediaID,deploymentID,timestamp,filePath,filePublic,fileMediatype\nm1,d1,2024-06-02T12:00:00Z,a/1.jpg,true,image/jpeg\n"),
        ("observations.csv", b"observationID,deploymentID,mediaID,eventStart,eventEnd,observationLevel,observationType\no1,d1,m1,2024-06-02T12:00:00Z,2024-06-02T12:00:00Z,media,animal\n"),
    ]
    .into();
    for (name, good) in &files {
        for (other, bytes) in &files {
            fs::write(folder.path().join(other), bytes).unwrap();
        }
        let path = folder.path().join(name);
        try_all(&format!("camtrap_dp_{}", name.split('.').next().unwrap()), &[good.to_vec()], 250, |bytes| {
            fs::write(&path, bytes).unwrap();
            let _ = check_folder(folder.path());
        });
    }
}

#[test]
fn packs_of_rows() {
    let key = RowKey::of(b"mutations");
    let row = |n: u8| vec![n; usize::from(n % 5)];
    let made = tempfile::tempdir().unwrap();
    let store = Store::open(&made.path().join("store"), Access::Write).unwrap();
    let mut wanted: Vec<ContentId> = (0..12).map(|n: u8| ContentId::of(&[n])).collect();
    let mut writer = store.row_writer(key, "cpu").unwrap();
    for n in 0..12u8 {
        writer.append(ContentId::of(&[n]), &row(n)).unwrap();
    }
    writer.finish().unwrap();
    wanted.sort();
    let right: BTreeMap<ContentId, Vec<u8>> = (0..12u8).map(|n| (ContentId::of(&[n]), row(n))).collect();
    let folder = fs::read_dir(made.path().join("store/rows")).unwrap().next().unwrap().unwrap().path();
    let pack = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&pack).unwrap();
    drop(store);
    try_all("pack", &[good], 400, |bytes| {
        for entry in fs::read_dir(&folder).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        fs::write(&pack, bytes).unwrap();
        for access in [Access::Read, Access::Write] {
            let store = Store::open(&made.path().join("store"), access).unwrap();
            let (mut delivered, mut seen) = (0, 0);
            let read = store.read_rows(key, &wanted, &mut |content, row| {
                delivered += 1;
                // A row is the one that was computed, or is lost and said.
                assert_eq!(row, right[&content]);
            });
            if let Ok(read) = read {
                seen = read.delivered + read.lost.len() as u64;
                assert_eq!(read.delivered, delivered);
            }
            assert!(seen == 0 || seen == wanted.len() as u64, "{seen} of {} rows are accounted for", wanted.len());
        }
    });
}

#[test]
fn networks() {
    let classes = [([0.1, 0.2, 0.3], 0.0), ([0.3, 0.1, -0.2], 0.5)];
    let good = [onnx::linear(8, 6, &classes, None), onnx::linear(8, 6, &classes, Some("Softmax"))];
    let notes = "name: tiny\nversion: '1'\narchitecture: tiny\ninput: { width: 8, height: 6, resize: squash }\noutput: logits\nclasses: [empty, vole]\nonnx: model.onnx\n";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.yaml"), notes).unwrap();
    fs::write(folder.path().join("model.onnx"), &good[0]).unwrap();
    let bundle = Bundle::read(folder.path()).unwrap();
    assert!(Loaded::load(EngineKind::Embedded, &bundle, good[0].clone(), None).is_ok());
    try_all("onnx", &good, 300, |bytes| drop(Loaded::load(EngineKind::Embedded, &bundle, bytes.to_vec(), None)));
}
