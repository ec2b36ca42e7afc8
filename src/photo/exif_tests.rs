//! Files built in the test: quirks, conflicts, and bytes that no camera wrote.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

/// Builds a little-endian EXIF block: entries of the main directory, then of the EXIF directory, then of GPS.
#[derive(Default)]
struct Block {
    main: Vec<(u16, u16, Vec<u8>)>,
    exif: Vec<(u16, u16, Vec<u8>)>,
    gps: Vec<(u16, u16, Vec<u8>)>,
}

impl Block {
    fn text(list: &mut Vec<(u16, u16, Vec<u8>)>, tag: u16, text: &str) {
        list.push((tag, 2, [text.as_bytes(), &[0]].concat()));
    }

    fn bytes(mut self) -> Vec<u8> {
        let length = |entries: &[(u16, u16, Vec<u8>)]| 2 + 12 * entries.len() + 4;
        let pointers = 1 + usize::from(!self.gps.is_empty());
        let exif_at = 8 + 2 + 12 * (self.main.len() + pointers) + 4;
        let gps_at = exif_at + length(&self.exif);
        let gps_length = if self.gps.is_empty() { 0 } else { length(&self.gps) };
        self.main.push((0x8769, 4, u32::try_from(exif_at).unwrap().to_le_bytes().to_vec()));
        if !self.gps.is_empty() {
            self.main.push((0x8825, 4, u32::try_from(gps_at).unwrap().to_le_bytes().to_vec()));
        }
        let mut block = b"II*\0\x08\0\0\0".to_vec();
        let mut heap_at = gps_at + gps_length;
        let mut heap: Vec<u8> = Vec::new();
        let has_gps = !self.gps.is_empty();
        for entries in [&self.main, &self.exif].into_iter().chain(has_gps.then_some(&self.gps)) {
            block.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
            for (tag, kind, value) in entries {
                let unit = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8][usize::from(*kind)];
                block.extend(tag.to_le_bytes());
                block.extend(kind.to_le_bytes());
                block.extend(u32::try_from(value.len() / unit).unwrap().to_le_bytes());
                if value.len() <= 4 {
                    block.extend([value.as_slice(), &[0; 4]].concat().into_iter().take(4));
                } else {
                    block.extend(u32::try_from(heap_at).unwrap().to_le_bytes());
                    heap.extend(value);
                    heap_at += value.len();
                }
            }
            block.extend([0; 4]);
        }
        block.extend(heap);
        block
    }
}

fn segment(code: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap();
    [&[0xFF, code], &length.to_be_bytes()[..], data].concat()
}

/// A JPEG as far as metadata goes: EXIF, a frame header of 640 x 480, an empty scan and an end.
fn jpeg(exif: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8];
    if let Some(exif) = exif {
        bytes.extend(segment(0xE1, &[b"Exif\0\0", exif].concat()));
    }
    bytes.extend(segment(0xC0, &[8, 0x01, 0xE0, 0x02, 0x80, 3]));
    bytes.extend(segment(0xDA, &[1]));
    bytes.extend([0x12, 0xFF, 0x00, 0x34, 0xFF, 0xD9]);
    bytes
}

fn rational(parts: &[(u32, u32)]) -> Vec<u8> {
    parts.iter().flat_map(|(over, under)| [over.to_le_bytes(), under.to_le_bytes()].concat()).collect()
}

fn hyperfire_note(month: u16, day: u16) -> Vec<u8> {
    let mut note = vec![0; 0x56 + 22];
    note[..4].copy_from_slice(&[0x01, 0xF1, 0x03, 0x00]);
    note[0x0C] = b'M';
    for (i, word) in [0, 30, 12, month, day, 2020].into_iter().enumerate() {
        note[0x16 + 2 * i..][..2].copy_from_slice(&u16::to_le_bytes(word));
    }
    note
}

fn full_block() -> Vec<u8> {
    let mut block = Block::default();
    Block::text(&mut block.main, 0x010E, "a hillside");
    Block::text(&mut block.main, 0x010F, "RECONYX");
    Block::text(&mut block.main, 0x0110, "SM750 SECURITY");
    block.main.push((0x0112, 3, vec![6, 0]));
    block.exif.push((0x829A, 5, rational(&[(1, 60)])));
    block.exif.push((0x8827, 3, vec![0x90, 0x01]));
    Block::text(&mut block.exif, 0x9003, "2020:05:07 12:30:00");
    Block::text(&mut block.exif, 0x9004, "2020:05:07 12:30:01");
    block.exif.push((0x9286, 7, b"2 ATTEMPTS".to_vec()));
    block.exif.push((0x927C, 7, hyperfire_note(5, 7)));
    block.exif.push((0xA002, 4, 640u32.to_le_bytes().to_vec()));
    block.exif.push((0xA003, 4, 480u32.to_le_bytes().to_vec()));
    Block::text(&mut block.gps, 1, "N");
    block.gps.push((2, 5, rational(&[(70, 1), (30, 1), (36, 1)])));
    Block::text(&mut block.gps, 3, "W");
    block.gps.push((4, 5, rational(&[(29, 1), (0, 1), (0, 1)])));
    block.bytes()
}

fn dated(exif: &str, note: Option<Vec<u8>>) -> RawMetadata {
    let mut block = Block::default();
    Block::text(&mut block.exif, 0x9003, exif);
    block.exif.extend(note.map(|note| (0x927C, 7, note)));
    read(&jpeg(Some(&block.bytes())))
}

#[test]
fn a_whole_file_is_read_to_the_last_field() {
    let data = read(&jpeg(Some(&full_block())));
    assert_eq!(data.flags, [MetadataFlag::OrientationUnusual { orientation: 6 }]);
    assert_eq!((data.make.as_deref(), data.model.as_deref()), (Some("RECONYX"), Some("SM750 SECURITY")));
    assert_eq!(data.image_description.as_deref(), Some("a hillside"));
    assert_eq!(
        (data.width_px, data.height_px, data.exif_width_px, data.exif_height_px),
        (Some(640), Some(480), Some(640), Some(480))
    );
    assert_eq!((data.exposure_s, data.iso), (Some(1.0 / 60.0), Some(400)));
    assert_eq!(data.user_comment.as_deref(), Some("2 ATTEMPTS"));
    assert_eq!(data.create_date.as_ref().unwrap().time, Some(date(2020, 5, 7).at(12, 30, 1, 0)));
    assert_eq!(data.taken(), Some((date(2020, 5, 7).at(12, 30, 0, 0), TimeSource::Exif)));
    assert_eq!(data.latitude, Some(70.51));
    assert_eq!(data.longitude, Some(-29.0));
    assert_eq!(data.note.unwrap().trigger, Some('M'));
}

#[test]
fn a_tiff_and_a_png_carry_the_same_block() {
    assert_eq!(read(&full_block()).model.as_deref(), Some("SM750 SECURITY"));
    let block = full_block();
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x08IHDR\0\0\x02\x80\0\0\x01\xe0CRC_".to_vec();
    png.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
    png.extend([b"eXIf", block.as_slice(), b"CRC_\0\0\0\0IENDCRC_"].concat());
    let data = read(&png);
    assert_eq!((data.container, data.width_px, data.height_px), (Some(Container::Png), Some(640), Some(480)));
    assert_eq!(data.model.as_deref(), Some("SM750 SECURITY"));
    assert_eq!(data.flags, [MetadataFlag::OrientationUnusual { orientation: 6 }]);
    assert!(read(&png[..png.len() - 8]).flags.contains(&MetadataFlag::Truncated));
}

#[test]
fn makers_are_known_by_their_quirks() {
    let camera = |make, model, note| normalise_camera(make, model, note);
    let named = |make: &str, model: &str| (Some(make.to_owned()), Some(model.to_owned()));
    assert_eq!(camera(Some("Prometheus"), Some("BTC-6HDP"), false), named("Browning", "BTC-6HDP"));
    assert_eq!(camera(Some("G6.1"), Some("CUDDEBACK"), false), named("Cuddeback", "G6.1"));
    assert_eq!(camera(Some("BUSHNELL"), Some("119975C"), false), named("BUSHNELL", "119975C"));
    assert_eq!(camera(None, None, true), (Some("RECONYX".to_owned()), None));
    assert_eq!(camera(None, None, false), (None, None));
}

#[test]
fn a_conflict_of_clocks_keeps_both_and_names_a_swap() {
    let exif = date(2020, 5, 7).at(12, 30, 0, 0);
    let swapped = date(2020, 7, 5).at(12, 30, 0, 0);
    assert_eq!(dated("2020:05:07 12:30:00", Some(hyperfire_note(5, 7))).flags, []);
    assert_eq!(
        dated("2020:05:07 12:30:00", Some(hyperfire_note(7, 5))).flags,
        [MetadataFlag::MonthDaySwap { exif, note: swapped }]
    );
    let note = date(2020, 5, 8).at(12, 30, 0, 0);
    assert_eq!(dated("2020:05:07 12:30:00", Some(hyperfire_note(5, 8))).flags, [MetadataFlag::DateConflict { exif, note }]);
}

#[test]
fn the_note_gives_the_time_where_exif_has_none() {
    let data = dated("0000:00:00 00:00:00", Some(hyperfire_note(5, 7)));
    assert_eq!(data.taken(), Some((date(2020, 5, 7).at(12, 30, 0, 0), TimeSource::Note)));
    assert_eq!(data.flags, [MetadataFlag::UnreadableDate { text: "0000:00:00 00:00:00".to_owned() }]);
    let data = dated("    :  :     :  :  ", None);
    assert_eq!(data.taken(), None);
    assert_eq!(MetadataFlag::words(&data.flags), "unreadable_date no_date");
}

#[test]
fn dates_are_read_with_any_usual_separator_and_nothing_else() {
    let time = Some(date(2020, 2, 29).at(1, 2, 3, 0));
    for text in
        ["2020:02:29 01:02:03", "2020-02-29T01:02:03", "2020/02/29 01:02:03", " 2020:02:29 01:02:03 ", "2020:02:29 01:02:03.50"]
    {
        assert_eq!(WrittenTime::parse(text).time, time, "{text}");
    }
    for text in [
        "",
        "2021:02:29 01:02:03",
        "2020:02:29",
        "2020:02:29 24:00:00",
        "2020:02:29 01:02:033",
        "0000:02:01 01:02:03",
        "2020:0\u{e9}:9 01:02:03",
    ] {
        assert_eq!(WrittenTime::parse(text).time, None, "{text}");
    }
}

#[test]
fn files_without_or_with_broken_metadata_are_flagged() {
    assert_eq!(read(b"").flags, [MetadataFlag::ZeroByte]);
    assert_eq!(MetadataFlag::words(&read(b"hello").flags), "not_an_image missing_exif no_date");
    assert_eq!(MetadataFlag::words(&read(&jpeg(None)).flags), "missing_exif no_date");
    assert_eq!(MetadataFlag::words(&read(&jpeg(Some(b"II*\0\xff\xff"))).flags), "damaged_exif no_date");
    let whole = jpeg(Some(&full_block()));
    assert!(read(&whole[..whole.len() - 2]).flags.contains(&MetadataFlag::Truncated));
    assert_eq!(dated("2020:05:07 12:30:00", Some(hyperfire_note(5, 7)[..0x40].to_vec())).flags, [MetadataFlag::UnreadableNote]);
    assert_eq!(dated("2020:05:07 12:30:00", Some(b"RECONYXQQ\0".to_vec())).flags, [MetadataFlag::UnreadableNote]);
}

#[test]
fn a_resized_file_is_flagged() {
    let mut block = Block::default();
    Block::text(&mut block.exif, 0x9003, "2020:05:07 12:30:00");
    block.exif.push((0xA002, 4, 2048u32.to_le_bytes().to_vec()));
    block.exif.push((0xA003, 4, 1536u32.to_le_bytes().to_vec()));
    assert_eq!(read(&jpeg(Some(&block.bytes()))).flags, [MetadataFlag::SizeDiffers]);
}

#[test]
fn keywords_come_from_the_xmp_segment() {
    let mut bytes = vec![0xFF, 0xD8];
    let packet = "<dc:subject><rdf:Bag><rdf:li>renard</rdf:li></rdf:Bag></dc:subject>";
    bytes.extend(segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat()));
    bytes.extend(&jpeg(None)[2..]);
    assert_eq!(read(&bytes).keywords, ["renard"]);
}

/// 5 000 pointers, each to a directory of 5 000 pointers: 64 KiB that would expand to 125 thousand million entries.
#[test]
fn pointers_that_lead_to_each_other_are_refused() {
    let count: u16 = 2_600;
    let directory = |tag: u16, target: u32| {
        let mut bytes = count.to_le_bytes().to_vec();
        for _ in 0..count {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(4u16.to_le_bytes());
            bytes.extend(1u32.to_le_bytes());
            bytes.extend(target.to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes
    };
    let first = 8 + u32::from(count) * 12 + 6;
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    block.extend(directory(0x8769, first));
    block.extend(directory(0xA005, first));
    let started = std::time::Instant::now();
    assert_eq!(MetadataFlag::words(&read(&jpeg(Some(&block))).flags), "damaged_exif no_date");
    assert!(started.elapsed().as_secs() < 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..4) {
        let bytes = match kind {
            0 => bytes,
            1 => jpeg(Some(&bytes)),
            2 => [b"II*\0\x08\0\0\0", bytes.as_slice()].concat(),
            _ => [b"\x89PNG\r\n\x1a\n", bytes.as_slice()].concat(),
        };
        let _ = read(&bytes);
        let _ = MakerNote::read(&bytes, Some("RECONYX"));
    }

    #[test]
    fn flipped_bits_and_cuts_are_survived(flips in proptest::collection::vec((any::<proptest::sample::Index>(), 0..8u8), 1..8), cut in any::<proptest::sample::Index>(), cuts in any::<bool>()) {
        let mut bytes = jpeg(Some(&full_block()));
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        let once = read(&bytes);
        prop_assert_eq!(once, read(&bytes));
    }
}
