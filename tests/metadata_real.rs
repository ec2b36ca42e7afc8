//! Metadata of real cameras: every field that has a counterpart in `ExifTool`'s answer or in the reference's tables agrees with it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use trapline::photo::exif::{RawMetadata, WrittenTime, read};
use trapline::photo::{DecodeError, Decoder, Family, MetadataFlag};
use trapline::step::metadata::row;
use trapline::table::{Cell, civil};

/// The folder of real files, which is no part of the crate; looked for beside it and beside its parents.
fn data() -> Option<PathBuf> {
    let found =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/data")).find(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: no folder `shared/data` beside this crate");
    }
    found
}

fn files_below(folder: &Path, keep: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if keep(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_jpeg(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ["jpg", "jpeg"].iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// `ExifTool` leaves numbers that look like numbers unquoted; both sides are compared as text, trailing spaces aside.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let text = text.trim_end().to_owned();
    (!text.trim().is_empty()).then_some(text)
}

struct Comparison<'a> {
    file: String,
    expected: &'a serde_json::Map<String, Value>,
    compared: usize,
    differences: Vec<String>,
}

impl Comparison<'_> {
    fn text(&mut self, tag: &str, ours: Option<&str>) {
        let theirs = self.expected.get(tag).and_then(text);
        self.compared += usize::from(theirs.is_some());
        if theirs.as_deref() != ours {
            self.differences.push(format!("{}: {tag}: ExifTool {theirs:?}, here {ours:?}", self.file));
        }
    }

    fn number(&mut self, tag: &str, ours: Option<impl Into<f64>>) {
        let theirs = self.expected.get(tag).and_then(Value::as_f64);
        let ours = ours.map(Into::into);
        self.compared += usize::from(theirs.is_some());
        let agree = match (theirs, ours) {
            (Some(theirs), Some(ours)) => (theirs - ours).abs() <= 1e-9 * ours.abs().max(1.0),
            (None, None) => true,
            _ => false,
        };
        if !agree {
            self.differences.push(format!("{}: {tag}: ExifTool {theirs:?}, here {ours:?}", self.file));
        }
    }
}

fn written(time: Option<&WrittenTime>) -> Option<&str> {
    time.map(|time| time.text.as_str())
}

fn compare_exif(with: &mut Comparison, ours: &RawMetadata) {
    with.number("File:ImageWidth", ours.width_px);
    with.number("File:ImageHeight", ours.height_px);
    with.number("EXIF:ExifImageWidth", ours.exif_width_px);
    with.number("EXIF:ExifImageHeight", ours.exif_height_px);
    with.text("EXIF:Make", ours.make.as_deref());
    with.text("EXIF:Model", ours.model.as_deref());
    with.text("EXIF:Software", ours.software.as_deref());
    with.text("EXIF:DateTimeOriginal", written(ours.date_time_original.as_ref()));
    with.text("EXIF:CreateDate", written(ours.create_date.as_ref()));
    with.text("EXIF:SubSecTimeOriginal", ours.subsec.as_deref());
    with.number("EXIF:Orientation", ours.orientation);
    with.number("EXIF:ExposureTime", ours.exposure_s);
    with.number("EXIF:FNumber", ours.f_number);
    with.number("EXIF:ISO", ours.iso);
    with.number("EXIF:Flash", ours.flash);
    with.number("Composite:GPSLatitude", ours.latitude);
    with.number("Composite:GPSLongitude", ours.longitude);
    with.text("EXIF:ImageDescription", ours.image_description.as_deref());
    let list = |tag: &str| -> Vec<String> {
        match with.expected.get(tag) {
            Some(Value::Array(items)) => items.iter().filter_map(text).collect(),
            Some(one) => text(one).into_iter().collect(),
            None => Vec::new(),
        }
    };
    let (keywords, paths) = (list("XMP:Subject"), list("XMP:HierarchicalSubject"));
    with.compared += keywords.len() + paths.len();
    if keywords != ours.keywords || paths != ours.keyword_paths {
        with.differences.push(format!(
            "{}: keywords: ExifTool {keywords:?} {paths:?}, here {:?} {:?}",
            with.file, ours.keywords, ours.keyword_paths
        ));
    }
    // ExifTool shows bytes outside ASCII as `?` or leaves them out: the printable ASCII of both is compared.
    let ascii = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).take(60).collect::<String>();
    let theirs = with.expected.get("EXIF:UserComment").and_then(text).map(|text| ascii(&text));
    let own = ours.user_comment.as_deref().map(ascii);
    with.compared += usize::from(theirs.is_some());
    if theirs != own {
        with.differences.push(format!("{}: UserComment: ExifTool {theirs:?}, here {own:?}", with.file));
    }
}

fn compare_note(with: &mut Comparison, ours: &RawMetadata) {
    let Some(note) = &ours.note else {
        if with.expected.keys().any(|tag| tag.starts_with("MakerNotes:TriggerMode")) {
            with.differences.push(format!("{}: the note was not read", with.file));
        }
        return;
    };
    with.text("MakerNotes:FirmwareVersion", note.firmware.as_deref());
    with.text("MakerNotes:FirmwareDate", note.firmware_date.as_deref());
    with.text("MakerNotes:TriggerMode", note.trigger.map(String::from).as_deref());
    with.text("MakerNotes:Sequence", note.sequence.map(|(n, of)| format!("{n} {of}")).as_deref());
    with.number("MakerNotes:EventNumber", note.event);
    with.number("MakerNotes:FileNumber", note.file_number);
    with.number("MakerNotes:DirectoryNumber", note.directory_number);
    with.number("MakerNotes:MoonPhase", note.moon);
    with.number("MakerNotes:AmbientTemperatureFahrenheit", note.temperature_f);
    with.number("MakerNotes:AmbientTemperature", note.temperature_c);
    with.text("MakerNotes:SerialNumber", note.serial.as_deref());
    with.number("MakerNotes:Contrast", note.contrast);
    with.number("MakerNotes:Brightness", note.brightness);
    with.number("MakerNotes:Sharpness", note.sharpness);
    with.number("MakerNotes:Saturation", note.saturation);
    with.number("MakerNotes:Flash", note.flash);
    let infrared = if note.family == Family::HyperFire { "MakerNotes:InfraredIlluminator" } else { "MakerNotes:AmbientInfrared" };
    with.number(infrared, note.infrared);
    with.number("MakerNotes:AmbientLight", note.light);
    with.number("MakerNotes:MotionSensitivity", note.sensitivity);
    with.number("MakerNotes:BatteryVoltageAvg", note.battery_mean_mv);
    with.number("MakerNotes:BatteryType", note.battery_type);
    with.text("MakerNotes:UserLabel", note.label.as_deref());
    let time = note.time.as_ref().unwrap();
    if note.family == Family::HyperFire2 {
        // ExifTool swaps month and day and counts weekdays from 0: the standard EXIF date proves it wrong.
        assert_eq!(time.time, ours.date_time_original.as_ref().unwrap().time, "{}", with.file);
        assert_eq!(note.weekday_named().unwrap(), time.time.unwrap().weekday(), "{}", with.file);
        with.number("MakerNotes:BatteryVoltage", note.battery_mv);
    } else {
        with.text("MakerNotes:DateTimeOriginal", Some(&time.text));
        with.number("MakerNotes:BatteryVoltage", note.battery_mv.map(|millivolts| f64::from(millivolts) / 1000.0));
    }
}

#[test]
fn every_field_agrees_with_exiftool_where_exiftool_is_right() {
    let Some(data) = data() else { return };
    let (mut files, mut compared, mut differences) = (0, 0, Vec::new());
    for answers in files_below(&data.join("jpeg"), &|path| path.ends_with("expected_exif.json")) {
        let rows: Value = serde_json::from_slice(&std::fs::read(&answers).unwrap()).unwrap();
        for row in rows.as_array().unwrap() {
            let expected = row.as_object().unwrap();
            let path = answers.with_file_name(expected["SourceFile"].as_str().unwrap());
            let bytes = std::fs::read(&path).unwrap();
            if bytes.is_empty() {
                assert_eq!(read(&bytes).flags, [MetadataFlag::ZeroByte]);
                continue;
            }
            let ours = read(&bytes);
            let mut comparison = Comparison { file: path.display().to_string(), expected, compared: 0, differences: Vec::new() };
            compare_exif(&mut comparison, &ours);
            compare_note(&mut comparison, &ours);
            println!("{}: {}", path.display(), MetadataFlag::words(&ours.flags));
            files += 1;
            compared += comparison.compared;
            differences.extend(comparison.differences);
        }
    }
    println!("{files} files, {compared} values");
    assert!(files >= 229 && compared > 2_000, "{files} files, {compared} values");
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

/// Columns of the metadata table and their counterparts. The values that the first test compares with care (units, `HyperFire` 2, lists)
/// are left to it; here it is the table's own cells that are compared.
const COUNTERPARTS: &[(&str, &str)] = &[
    ("width_px", "File:ImageWidth"),
    ("height_px", "File:ImageHeight"),
    ("exif_width_px", "EXIF:ExifImageWidth"),
    ("exif_height_px", "EXIF:ExifImageHeight"),
    ("make", "EXIF:Make"),
    ("model", "EXIF:Model"),
    ("software", "EXIF:Software"),
    ("date_time_original", "EXIF:DateTimeOriginal"),
    ("create_date", "EXIF:CreateDate"),
    ("orientation", "EXIF:Orientation"),
    ("exposure_s", "EXIF:ExposureTime"),
    ("f_number", "EXIF:FNumber"),
    ("iso", "EXIF:ISO"),
    ("flash", "EXIF:Flash"),
    ("gps_latitude", "Composite:GPSLatitude"),
    ("gps_longitude", "Composite:GPSLongitude"),
    ("image_description", "EXIF:ImageDescription"),
    ("firmware", "MakerNotes:FirmwareVersion"),
    ("firmware_date", "MakerNotes:FirmwareDate"),
    ("file_number", "MakerNotes:FileNumber"),
    ("directory_number", "MakerNotes:DirectoryNumber"),
    ("trigger", "MakerNotes:TriggerMode"),
    ("event", "MakerNotes:EventNumber"),
    ("moon", "MakerNotes:MoonPhase"),
    ("temperature_f", "MakerNotes:AmbientTemperatureFahrenheit"),
    ("temperature_c", "MakerNotes:AmbientTemperature"),
    ("serial", "MakerNotes:SerialNumber"),
    ("contrast", "MakerNotes:Contrast"),
    ("brightness", "MakerNotes:Brightness"),
    ("sharpness", "MakerNotes:Sharpness"),
    ("saturation", "MakerNotes:Saturation"),
    ("note_flash", "MakerNotes:Flash"),
    ("light", "MakerNotes:AmbientLight"),
    ("sensitivity", "MakerNotes:MotionSensitivity"),
    ("battery_mean_mv", "MakerNotes:BatteryVoltageAvg"),
    ("battery_type", "MakerNotes:BatteryType"),
    ("camera_label", "MakerNotes:UserLabel"),
];

#[test]
fn every_column_of_the_metadata_table_agrees_with_exiftool() {
    let Some(data) = data() else { return };
    let schema = row::schema();
    let mut differences = Vec::new();
    let mut compared = 0;
    for answers in files_below(&data.join("jpeg"), &|path| path.ends_with("expected_exif.json")) {
        let rows: Value = serde_json::from_slice(&std::fs::read(&answers).unwrap()).unwrap();
        for expected in rows.as_array().unwrap() {
            let path = answers.with_file_name(expected["SourceFile"].as_str().unwrap());
            let bytes = std::fs::read(&path).unwrap();
            let cells = row::cells(&bytes);
            assert_eq!(cells.len(), schema.fields.len());
            let expected = expected.as_object().unwrap();
            let mut comparison = Comparison { file: path.display().to_string(), expected, compared: 0, differences: Vec::new() };
            for (column, tag) in COUNTERPARTS {
                match &cells[schema.index(column).unwrap()] {
                    Cell::Text(text) => comparison.text(tag, Some(text)),
                    Cell::Int(value) => comparison.number(tag, i32::try_from(*value).ok()),
                    Cell::Float64(value) => comparison.number(tag, Some(*value)),
                    _ => comparison.text(tag, None),
                }
            }
            let both = |a: &str, b: &str| match (&cells[schema.index(a).unwrap()], &cells[schema.index(b).unwrap()]) {
                (Cell::Int(a), Cell::Int(b)) => Some(format!("{a} {b}")),
                _ => None,
            };
            comparison.text("MakerNotes:Sequence", both("sequence_n", "sequence_of").as_deref());
            if let (Cell::DateTime(raw), Some(text)) =
                (&cells[schema.index("datetime_raw").unwrap()], expected.get("EXIF:DateTimeOriginal").and_then(text))
            {
                assert_eq!(civil::parse(&text), Some(*raw), "{}", path.display());
            }
            compared += comparison.compared;
            differences.extend(comparison.differences);
        }
    }
    println!("{compared} cells");
    assert!(compared > 2_000, "{compared}");
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn the_reference_tables_agree_in_every_shared_column() {
    let Some(data) = data() else { return };
    let folder = data.join("varanger");
    let images = files_below(&folder, &is_jpeg);
    let mut rows = 0;
    for table in files_below(&folder.join("metadata"), &|path| path.extension().is_some_and(|ending| ending == "txt")) {
        let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_path(&table).unwrap();
        let header = reader.headers().unwrap().clone();
        for record in reader.records() {
            let record = record.unwrap();
            let column = |name: &str| record.get(header.iter().position(|column| column == name).unwrap()).unwrap();
            let tail: PathBuf =
                Path::new(column("SourceFile")).components().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
            let path = images.iter().find(|path| path.ends_with(&tail)).unwrap_or_else(|| panic!("no image {}", tail.display()));
            let ours = read(&std::fs::read(path).unwrap());
            let note = ours.note.as_ref().unwrap();
            let shown = |value: Option<u16>| value.unwrap().to_string();
            let sequence = note.sequence.unwrap();
            let pairs = [
                ("FileName", path.file_name().unwrap().to_str().unwrap().to_owned()),
                ("Make", ours.make.clone().unwrap()),
                ("Model", ours.model.clone().unwrap()),
                ("DateTimeOriginal", ours.date_time_original.clone().unwrap().text),
                ("TriggerMode", note.trigger.unwrap().to_string()),
                ("Sequence", format!("{} {}", sequence.0, sequence.1)),
                ("EventNumber", note.event.unwrap().to_string()),
                ("MoonPhase", shown(note.moon)),
                ("AmbientTemperature", note.temperature_c.unwrap().to_string()),
                ("SerialNumber", ours.serial.clone().unwrap()),
                ("Contrast", shown(note.contrast)),
                ("Brightness", shown(note.brightness)),
                ("Sharpness", shown(note.sharpness)),
                ("Saturation", shown(note.saturation)),
            ];
            for (name, own) in pairs {
                assert_eq!(column(name), own, "{name} of {}", path.display());
            }
            assert_eq!(ours.flags, [], "{}", path.display());
            rows += 1;
        }
    }
    assert_eq!(rows, 200);
}

#[test]
fn every_whole_image_decodes_and_every_cut_one_is_refused() {
    let Some(data) = data() else { return };
    let mut decoder = Decoder::default();
    let mut refused = Vec::new();
    let images = files_below(&data, &|path| is_jpeg(path) && !path.components().any(|part| part.as_os_str() == "train"));
    for path in &images {
        let bytes = std::fs::read(path).unwrap();
        let metadata = read(&bytes);
        match decoder.decode(&bytes) {
            Ok(image) => {
                assert_eq!(
                    (Some(image.width_px), Some(image.height_px)),
                    (metadata.width_px, metadata.height_px),
                    "{}",
                    path.display()
                );
                assert!(!metadata.flags.contains(&MetadataFlag::Truncated), "{}", path.display());
            }
            Err(DecodeError::ZeroByte) => assert_eq!(metadata.flags, [MetadataFlag::ZeroByte]),
            Err(error) => {
                assert!(metadata.flags.contains(&MetadataFlag::Truncated), "{}: {error}", path.display());
                refused.push(format!("{}: {error}", path.file_name().unwrap().display()));
            }
        }
    }
    println!("{} images, refused: {refused:#?}", images.len());
    assert!(images.len() >= 430);
    assert!(refused.iter().any(|line| line.starts_with("african_elephants_truncated_file.jpg")), "{refused:?}");
    assert!(refused.len() <= 3, "{refused:#?}");
}
