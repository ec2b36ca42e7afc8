//! What the camera writes into a JPEG: EXIF and the Reconyx `HyperFire` maker note, by a writer of our own.
//!
//! *Source*: EXIF 2.2 (JEITA CP-3451), TIFF 6.0, and the layout of real `SM750 SECURITY` files.

use jiff::civil::{Date, DateTime, date};

use super::canvas::{HEIGHT, WIDTH};

/// Make as the cameras write it.
const MAKE: &str = "RECONYX";
/// Model as the cameras write it, also their label.
const MODEL: &str = "SM750 SECURITY";
/// Days between two new moons.
const LUNATION_DAYS: f64 = 29.530_588_853;

/// Why an image was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// The motion sensor.
    Motion,
    /// The clock.
    TimeLapse,
}

impl Trigger {
    /// The letter of the maker note.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Motion => 'M',
            Self::TimeLapse => 'T',
        }
    }
}

/// The camera's state at one image.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// Time by the camera's own clock.
    pub(crate) time: DateTime,
    /// Why the image was taken.
    pub(crate) trigger: Trigger,
    /// Image n of m; 0 of 0 for time-lapse.
    pub(crate) sequence: (u16, u16),
    /// Counts up by one with each trigger.
    pub(crate) event: u32,
    /// Degrees Celsius.
    pub(crate) celsius: i16,
    /// 14 characters.
    pub(crate) serial: &'static str,
    /// The infrared lamp was on.
    pub(crate) infrared: bool,
    /// Battery, in millivolts.
    pub(crate) battery_mv: u16,
}

/// Phase of the moon from 0 (new) over 4 (full) to 7, by the mean lunation: the nearest of eight, like the cameras' own.
pub(crate) fn moon_phase(day: Date) -> u8 {
    // New moon of 6 January 2000, 18:14 UT. Cameras count from that evening: so 45 of 46 days of real ones agree.
    let since = f64::from(day.since(date(2000, 1, 6)).map_or(0, |span| span.get_days())) + 0.2;
    let age = since - (since / LUNATION_DAYS).floor() * LUNATION_DAYS;
    ((age / LUNATION_DAYS * 8.0 + 0.5) as u8) % 8
}

/// Degrees Fahrenheit, rounded like the camera's display.
pub(crate) fn fahrenheit(celsius: i16) -> i16 {
    // (9 C + 160) / 5, to the nearest whole number, halves up.
    (celsius * 18 + 320 + 5).div_euclid(10)
}

/// Puts the EXIF block where the encoder wrote its JFIF header: directly behind the start of the image.
pub(crate) fn stamp(jpeg: &[u8], reading: &Reading) -> Vec<u8> {
    let tiff = tiff(reading);
    let header = match jpeg.get(2..6) {
        Some([0xFF, 0xE0, high, low]) => 2 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    };
    let mut out = Vec::with_capacity(jpeg.len() + tiff.len() + 16);
    out.extend_from_slice(&[0xFF, 0xD8, 0xFF, 0xE1]);
    // Length of the segment: itself, "Exif\0\0" and the block, which stays far below 65 535 bytes.
    out.extend_from_slice(&((2 + 6 + tiff.len()) as u16).to_be_bytes());
    out.extend_from_slice(b"Exif\0\0");
    out.extend_from_slice(&tiff);
    out.extend_from_slice(jpeg.get(2 + header..).unwrap_or_default());
    out
}

/// One field of a TIFF directory.
struct Field {
    tag: u16,
    kind: u16,
    count: u32,
    bytes: Vec<u8>,
}

impl Field {
    fn text(tag: u16, text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        Self { tag, kind: 2, count: bytes.len() as u32, bytes }
    }
    fn short(tag: u16, value: u16) -> Self {
        Self { tag, kind: 3, count: 1, bytes: value.to_le_bytes().to_vec() }
    }
    fn long(tag: u16, value: u32) -> Self {
        Self { tag, kind: 4, count: 1, bytes: value.to_le_bytes().to_vec() }
    }
    fn rational(tag: u16, top: u32, bottom: u32) -> Self {
        let mut bytes = top.to_le_bytes().to_vec();
        bytes.extend_from_slice(&bottom.to_le_bytes());
        Self { tag, kind: 5, count: 1, bytes }
    }
    fn bytes(tag: u16, bytes: Vec<u8>) -> Self {
        Self { tag, kind: 7, count: bytes.len() as u32, bytes }
    }
}

/// A directory that starts at `offset` of the block, with its values behind it; tags must rise.
fn directory(fields: &[Field], offset: usize) -> Vec<u8> {
    let mut out = (fields.len() as u16).to_le_bytes().to_vec();
    let mut values = Vec::new();
    let behind = offset + 2 + fields.len() * 12 + 4;
    for field in fields {
        out.extend_from_slice(&field.tag.to_le_bytes());
        out.extend_from_slice(&field.kind.to_le_bytes());
        out.extend_from_slice(&field.count.to_le_bytes());
        if field.bytes.len() <= 4 {
            let mut inline = [0; 4];
            inline[..field.bytes.len()].copy_from_slice(&field.bytes);
            out.extend_from_slice(&inline);
        } else {
            out.extend_from_slice(&((behind + values.len()) as u32).to_le_bytes());
            values.extend_from_slice(&field.bytes);
            // Values start at even offsets.
            values.resize(values.len().next_multiple_of(2), 0);
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&values);
    out
}

/// The little-endian TIFF block with both directories.
fn tiff(reading: &Reading) -> Vec<u8> {
    let time = reading.time.strftime("%Y:%m:%d %H:%M:%S").to_string();
    let first = |pointer: u32| {
        [
            Field::text(0x010F, MAKE),
            Field::text(0x0110, MODEL),
            Field::rational(0x011A, 72, 1),
            Field::rational(0x011B, 72, 1),
            Field::short(0x0128, 2),
            Field::text(0x0132, &time),
            Field::short(0x0213, 1),
            Field::long(0x8769, pointer),
        ]
    };
    let second_at = 8 + directory(&first(0), 8).len();
    let (exposure, iso) = if reading.infrared { (30, 400) } else { (125, 100) };
    let second = [
        Field::rational(0x829A, 1, exposure),
        Field::short(0x8827, iso),
        Field::bytes(0x9000, b"0220".to_vec()),
        Field::text(0x9003, &time),
        Field::text(0x9004, &time),
        Field::bytes(0x9101, vec![1, 2, 3, 0]),
        Field::short(0x9209, if reading.infrared { 0x19 } else { 0x18 }),
        Field::bytes(0x927C, maker_note(reading)),
        Field::bytes(0xA000, b"0100".to_vec()),
        Field::short(0xA001, 1),
        Field::long(0xA002, WIDTH as u32),
        Field::long(0xA003, HEIGHT as u32),
        Field::short(0xA402, 0),
        Field::short(0xA403, 1),
        Field::short(0xA406, if reading.infrared { 3 } else { 0 }),
    ];
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend_from_slice(&directory(&first(second_at as u32), 8));
    out.extend_from_slice(&directory(&second, second_at));
    out
}

/// The `HyperFire` note: offsets count from its first byte, numbers are little-endian.
fn maker_note(reading: &Reading) -> Vec<u8> {
    let mut note = vec![0; 0x6E];
    let mut put = |at: usize, value: u16| note[at..at + 2].copy_from_slice(&value.to_le_bytes());
    put(0x00, 0xF101);
    put(0x02, 3); // firmware 3.2.0 of 13 May 2014
    put(0x04, 2);
    put(0x08, 0x2014);
    put(0x0A, 0x0513);
    put(0x0C, u16::from(reading.trigger.letter() as u8));
    put(0x0E, reading.sequence.0);
    put(0x10, reading.sequence.1);
    put(0x12, (reading.event >> 16) as u16);
    put(0x14, reading.event as u16);
    put(0x16, reading.time.second() as u16);
    put(0x18, reading.time.minute() as u16);
    put(0x1A, reading.time.hour() as u16);
    put(0x1C, reading.time.month() as u16);
    put(0x1E, reading.time.day() as u16);
    put(0x20, reading.time.year() as u16);
    put(0x22, reading.time.weekday().to_sunday_one_offset() as u16);
    put(0x24, u16::from(moon_phase(reading.time.date())));
    put(0x26, fahrenheit(reading.celsius) as u16);
    put(0x28, reading.celsius as u16);
    for (i, letter) in reading.serial.encode_utf16().take(15).enumerate() {
        put(0x2A + i * 2, letter);
    }
    put(0x48, 143); // contrast, brightness, sharpness and saturation as the programme's cameras are set
    put(0x4A, 239);
    put(0x4C, 16);
    put(0x4E, 0);
    put(0x50, u16::from(reading.infrared));
    put(0x52, 100);
    put(0x54, reading.battery_mv);
    for (i, letter) in MODEL.bytes().take(22).enumerate() {
        note[0x56 + i] = letter;
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;
    use exif::{In, Tag, Value};

    fn reading() -> Reading {
        Reading {
            time: date(2023, 11, 5).at(21, 4, 59, 0),
            trigger: Trigger::Motion,
            sequence: (2, 2),
            event: 70_001,
            celsius: -12,
            serial: "S750HK04275576",
            infrared: true,
            battery_mv: 9750,
        }
    }

    fn parse(jpeg: &[u8]) -> exif::Exif {
        exif::Reader::new().read_from_container(&mut std::io::Cursor::new(jpeg)).unwrap()
    }

    fn jpeg() -> Vec<u8> {
        let mut out = Vec::new();
        image::codecs::jpeg::JpegEncoder::new(&mut out)
            .encode(&[128; 16 * 16 * 3], 16, 16, image::ExtendedColorType::Rgb8)
            .unwrap();
        out
    }

    #[test]
    fn exif_is_read_back_by_kamadak_exif() {
        let stamped = stamp(&jpeg(), &reading());
        let read = parse(&stamped);
        let text = |tag| read.get_field(tag, In::PRIMARY).unwrap().display_value().to_string();
        assert_eq!(text(Tag::Make), "\"RECONYX\"");
        assert_eq!(text(Tag::Model), "\"SM750 SECURITY\"");
        assert_eq!(text(Tag::DateTimeOriginal), "2023-11-05 21:04:59");
        assert_eq!(text(Tag::DateTime), "2023-11-05 21:04:59");
        assert_eq!(text(Tag::ExposureTime), "1/30");
        assert_eq!(text(Tag::PixelXDimension), "512");
        assert_eq!(read.fields().count(), 8 - 1 + 15);
        assert!(image::load_from_memory(&stamped).is_ok());
        assert!(!stamped.windows(4).any(|four| four == b"JFIF"), "the encoder's own header is replaced");
    }

    #[test]
    fn maker_note_holds_every_value_at_its_place() {
        let read = parse(&stamp(&jpeg(), &reading()));
        let Value::Undefined(note, _) = &read.get_field(Tag::MakerNote, In::PRIMARY).unwrap().value else { panic!() };
        let u16_at = |at: usize| u16::from_le_bytes([note[at], note[at + 1]]);
        assert_eq!(note[..4], [0x01, 0xF1, 3, 0]);
        assert_eq!(note[0x0C], b'M');
        assert_eq!((u16_at(0x0E), u16_at(0x10)), (2, 2));
        assert_eq!(u32::from(u16_at(0x12)) << 16 | u32::from(u16_at(0x14)), 70_001);
        assert_eq!([0x16, 0x18, 0x1A, 0x1C, 0x1E, 0x20].map(u16_at), [59, 4, 21, 11, 5, 2023]);
        assert_eq!(u16_at(0x22), 1, "a Sunday");
        assert_eq!(u16_at(0x26).cast_signed(), 10);
        assert_eq!(u16_at(0x28).cast_signed(), -12);
        let serial: Vec<u16> = (0..15).map(|i| u16_at(0x2A + i * 2)).collect();
        assert_eq!(String::from_utf16(&serial).unwrap().trim_end_matches('\0'), "S750HK04275576");
        assert_eq!([0x48, 0x4A, 0x4C, 0x4E, 0x50, 0x52, 0x54].map(u16_at), [143, 239, 16, 0, 1, 100, 9750]);
        assert_eq!(&note[0x56..0x64], b"SM750 SECURITY");
    }

    #[test]
    fn trapline_reads_the_camera_as_it_reads_real_ones() {
        let stamped = stamp(&jpeg(), &reading());
        let read = crate::photo::exif::read(&stamped);
        assert_eq!(read.taken(), Some((reading().time, crate::photo::TimeSource::Exif)));
        let note = read.note.unwrap();
        assert_eq!((note.family, note.fields_missing), (crate::photo::Family::HyperFire, 0));
        assert_eq!((note.trigger, note.sequence, note.event), (Some('M'), Some((2, 2)), Some(70_001)));
        assert_eq!((note.temperature_f, note.temperature_c, note.moon), (Some(10), Some(-12), Some(6)));
        assert_eq!((note.firmware_date.as_deref(), note.battery_mv), (Some("2014:05:13"), Some(9750)));
        assert_eq!((note.serial.as_deref(), note.label.as_deref()), (Some("S750HK04275576"), Some("SM750 SECURITY")));
        assert_eq!(read.make.as_deref(), Some("RECONYX"));
    }

    #[test]
    fn moon_follows_the_almanac() {
        // New, first quarter, full, last quarter of 2023 and 2024.
        for (day, phase) in [
            (date(2023, 8, 16), 0),
            (date(2023, 8, 24), 2),
            (date(2023, 8, 31), 4),
            (date(2023, 9, 6), 6),
            (date(2024, 4, 8), 0),
            (date(2024, 4, 23), 4),
            // As real cameras wrote it.
            (date(2015, 5, 7), 5),
            (date(2019, 7, 10), 2),
            (date(2019, 7, 11), 3),
            (date(2019, 7, 26), 7),
            (date(2020, 4, 22), 0),
        ] {
            assert_eq!(moon_phase(day), phase, "{day}");
        }
    }

    #[test]
    fn both_temperatures_agree() {
        for (celsius, expected) in [(-40, -40), (-12, 10), (-1, 30), (0, 32), (11, 52), (28, 82)] {
            assert_eq!(fahrenheit(celsius), expected);
        }
    }
}
