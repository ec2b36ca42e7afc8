//! Notes built byte by byte after the published layouts, whole and cut.

use jiff::civil::date;

use super::*;

fn put(note: &mut [u8], at: usize, bytes: &[u8]) {
    note[at..at + bytes.len()].copy_from_slice(bytes);
}

fn put_words(note: &mut [u8], at: usize, words: &[u16]) {
    for (i, word) in words.iter().enumerate() {
        put(note, at + 2 * i, &word.to_le_bytes());
    }
}

fn put_utf16(note: &mut [u8], at: usize, text: &str) {
    put_words(note, at, &text.encode_utf16().collect::<Vec<_>>());
}

fn hyperfire_bytes() -> Vec<u8> {
    let mut note = vec![0; 0x56 + 22];
    put(&mut note, 0, &[0x01, 0xF1, 0x03, 0x00, 0x02, 0x00, 0x05, 0x00]);
    put_words(&mut note, 0x08, &[0x2016, 0x1229]);
    put(&mut note, 0x0C, b"M");
    put_words(&mut note, 0x0E, &[2, 3]);
    put_words(&mut note, 0x12, &[1, 44]);
    put_words(&mut note, 0x16, &[7, 31, 20, 2, 28, 2020]);
    put_words(&mut note, 0x24, &[6, 0u16.wrapping_sub(4), 0u16.wrapping_sub(20)]);
    put_utf16(&mut note, 0x2A, "S750HK01271087");
    put_words(&mut note, 0x48, &[143, 239, 16, 1, 1, 100, 8470]);
    put(&mut note, 0x56, b"KO_GA_HU_1     \0rubble");
    note
}

fn hyperfire2_bytes() -> Vec<u8> {
    let mut note = vec![0; 0x7E + 30];
    put(&mut note, 0, b"RECONYXH2\0");
    put_words(&mut note, 0x10, &[242, 100]);
    put_words(&mut note, 0x2A, &[1, 4, u16::from(b'a'), 0x2018, 0x0824]);
    put(&mut note, 0x34, b"T");
    put_words(&mut note, 0x36, &[0, 0, 0, 81]);
    put_words(&mut note, 0x3E, &[38, 8, 17, 6, 29, 2021]);
    put_words(&mut note, 0x4A, &[3, 5, 84, 29, 128, 1, 64, 127, 1, 2744, 10240, 90, 7630, 7631, 2]);
    put(&mut note, 0x68, b"R49");
    put_utf16(&mut note, 0x7E, "HLPXEL09018058");
    note
}

fn ultrafire_bytes() -> Vec<u8> {
    let mut note = vec![0; 0x5A + 21];
    put(&mut note, 0, b"RECONYXUF\0");
    put(&mut note, 0x34, b"M\x02\x05");
    put(&mut note, 0x37, &70_000u32.to_le_bytes());
    put(&mut note, 0x3B, &[9, 8, 7, 30, 4]);
    put(&mut note, 0x40, &2018u16.to_le_bytes());
    put(&mut note, 0x42, &[1, 7]);
    put(&mut note, 0x44, &[41, 0, 5, 0, 1]);
    put(&mut note, 0x49, &11_900u16.to_le_bytes());
    put(&mut note, 0x4B, b"UF123456789012");
    put(&mut note, 0x5A, b"Ridge");
    note
}

fn microfire_bytes() -> Vec<u8> {
    let mut note = vec![0; 0x8C + 30];
    put(&mut note, 0, b"RECONYXMF\0");
    put(&mut note, 0x44, b"M");
    put_words(&mut note, 0x46, &[1, 3, 0, 12]);
    put_words(&mut note, 0x4E, &[1, 2, 3, 11, 5, 2017]);
    put_words(&mut note, 0x5A, &[1, 4, 50, 10]);
    put_words(&mut note, 0x72, &[6010]);
    put(&mut note, 0x76, b"Creek");
    put_utf16(&mut note, 0x8C, "MF0001");
    note
}

fn hyperfire4k_bytes() -> Vec<u8> {
    let mut note = vec![0; 0x84 + 15];
    put(&mut note, 0, b"RECONYXHF4K\0");
    put(&mut note, 0x28, b"C\x01\x01");
    put(&mut note, 0x2B, &9u32.to_le_bytes());
    put(&mut note, 0x2F, &[59, 58, 23, 31, 12]);
    put(&mut note, 0x34, &2023u16.to_le_bytes());
    put(&mut note, 0x37, &[2, 14, 0, 0xF6, 0xFF]);
    put(&mut note, 0x4B, &12_345u16.to_le_bytes());
    put(&mut note, 0x51, b"North");
    put(&mut note, 0x84, b"H4K1");
    note
}

fn all() -> [(Family, Vec<u8>); 5] {
    [
        (Family::HyperFire, hyperfire_bytes()),
        (Family::HyperFire2, hyperfire2_bytes()),
        (Family::UltraFire, ultrafire_bytes()),
        (Family::MicroFire, microfire_bytes()),
        (Family::HyperFire4k, hyperfire4k_bytes()),
    ]
}

fn time(note: &MakerNote) -> DateTime {
    note.time.as_ref().unwrap().time.unwrap()
}

#[test]
fn hyperfire_is_read_to_the_last_field() {
    let note = MakerNote::read(&hyperfire_bytes(), None).unwrap();
    assert_eq!(note.family, Family::HyperFire);
    assert_eq!(note.firmware.as_deref(), Some("3 2 5"));
    assert_eq!(note.firmware_date.as_deref(), Some("2016:12:29"));
    assert_eq!((note.trigger, note.sequence, note.event), (Some('M'), Some((2, 3)), Some(65_580)));
    assert_eq!(note.time.as_ref().unwrap().text, "2020:02:28 20:31:07");
    assert_eq!(time(&note), date(2020, 2, 28).at(20, 31, 7, 0));
    assert_eq!((note.moon, note.temperature_f, note.temperature_c), (Some(6), Some(-4), Some(-20)));
    assert_eq!(note.serial.as_deref(), Some("S750HK01271087"));
    assert_eq!((note.contrast, note.brightness, note.sharpness, note.saturation), (Some(143), Some(239), Some(16), Some(1)));
    assert_eq!((note.infrared, note.sensitivity, note.battery_mv), (Some(1), Some(100), Some(8470)));
    assert_eq!(note.label.as_deref(), Some("KO_GA_HU_1"));
    assert_eq!(note.fields_missing, 0);
}

#[test]
fn hyperfire2_has_month_before_day_and_weeks_that_start_at_one() {
    let note = MakerNote::read(&hyperfire2_bytes(), Some("RECONYX")).unwrap();
    assert_eq!(note.family, Family::HyperFire2);
    assert_eq!((note.file_number, note.directory_number), (Some(242), Some(100)));
    assert_eq!((note.firmware.as_deref(), note.firmware_date.as_deref()), (Some("1.4a"), Some("2018:08:24")));
    assert_eq!((note.trigger, note.sequence, note.event), (Some('T'), Some((0, 0)), Some(81)));
    assert_eq!(time(&note), date(2021, 6, 29).at(17, 8, 38, 0));
    assert_eq!(note.weekday_named(), Some(time(&note).weekday()));
    assert_eq!((note.moon, note.temperature_f, note.temperature_c), (Some(5), Some(84), Some(29)));
    assert_eq!((note.contrast, note.brightness, note.sharpness, note.saturation), (Some(128), Some(1), Some(64), Some(127)));
    assert_eq!((note.flash, note.infrared, note.light, note.sensitivity), (Some(1), Some(2744), Some(10240), Some(90)));
    assert_eq!((note.battery_mv, note.battery_mean_mv, note.battery_type), (Some(7630), Some(7631), Some(2)));
    assert_eq!((note.label.as_deref(), note.serial.as_deref()), (Some("R49"), Some("HLPXEL09018058")));
    assert_eq!(note.fields_missing, 0);
}

#[test]
fn ultrafire_has_day_before_month_and_weeks_that_start_at_zero() {
    let note = MakerNote::read(&ultrafire_bytes(), Some("RECONYX")).unwrap();
    assert_eq!(note.family, Family::UltraFire);
    assert_eq!((note.trigger, note.sequence, note.event), (Some('M'), Some((2, 5)), Some(70_000)));
    assert_eq!(time(&note), date(2018, 4, 30).at(7, 8, 9, 0));
    assert_eq!(note.weekday_named(), Some(time(&note).weekday()));
    assert_eq!((note.moon, note.temperature_f, note.temperature_c), (Some(7), Some(41), Some(5)));
    assert_eq!((note.infrared, note.battery_mv), (Some(1), Some(11_900)));
    assert_eq!((note.serial.as_deref(), note.label.as_deref()), (Some("UF123456789012"), Some("Ridge")));
    assert_eq!(note.fields_missing, 0);
}

#[test]
fn microfire_and_hyperfire4k_are_read() {
    let note = MakerNote::read(&microfire_bytes(), None).unwrap();
    assert_eq!((note.family, note.trigger, note.sequence, note.event), (Family::MicroFire, Some('M'), Some((1, 3)), Some(12)));
    assert_eq!(time(&note), date(2017, 11, 5).at(3, 2, 1, 0));
    assert_eq!(note.weekday_named(), Some(time(&note).weekday()));
    assert_eq!((note.moon, note.temperature_f, note.temperature_c, note.battery_mv), (Some(4), Some(50), Some(10), Some(6010)));
    assert_eq!((note.label.as_deref(), note.serial.as_deref(), note.fields_missing), (Some("Creek"), Some("MF0001"), 0));

    let note = MakerNote::read(&hyperfire4k_bytes(), None).unwrap();
    assert_eq!((note.family, note.trigger, note.sequence, note.event), (Family::HyperFire4k, Some('C'), Some((1, 1)), Some(9)));
    assert_eq!(time(&note), date(2023, 12, 31).at(23, 58, 59, 0));
    assert_eq!(
        (note.moon, note.temperature_f, note.temperature_c, note.battery_mv),
        (Some(2), Some(14), Some(-10), Some(12_345))
    );
    assert_eq!((note.label.as_deref(), note.serial.as_deref(), note.fields_missing), (Some("North"), Some("H4K1"), 0));
}

#[test]
fn a_big_endian_clock_is_swapped_only_where_that_makes_sense() {
    let mut note = hyperfire_bytes();
    put_words(&mut note, 0x16, &[7u16, 31, 20, 2, 28, 2020].map(u16::swap_bytes));
    let read = MakerNote::read(&note, None).unwrap();
    assert!(read.time_was_big_endian);
    assert_eq!(time(&read), date(2020, 2, 28).at(20, 31, 7, 0));

    put_words(&mut note, 0x16, &[7, 31, 20, 2, 28, 1970]);
    let read = MakerNote::read(&note, None).unwrap();
    assert!(!read.time_was_big_endian);
    assert_eq!(read.time.unwrap().text, "1970:02:28 20:31:07");
}

#[test]
fn families_are_told_by_bytes_and_make_decides_only_for_unknown_versions() {
    for (family, note) in all() {
        assert_eq!(Family::recognise(&note, None), Some(family));
        assert_eq!(Family::recognise(&note, Some("RECONYX")), Some(family));
    }
    let odd = [0x09, 0xF1, 0x07, 0x00];
    assert_eq!(Family::recognise(&odd, None), None);
    assert_eq!(Family::recognise(&odd, Some("Reconyx")), Some(Family::HyperFire));
    assert_eq!(Family::recognise(b"RECONYXZZ\0", Some("RECONYX")), None);
    assert_eq!(Family::recognise(b"", Some("RECONYX")), None);
}

#[test]
fn a_cut_note_gives_the_fields_it_still_has_and_counts_the_rest() {
    for (family, note) in all() {
        let whole = MakerNote::read(&note, None).unwrap();
        let mut missing_before = 0;
        for length in (0..note.len()).rev() {
            let Some(cut) = MakerNote::read(&note[..length], None) else {
                assert!(length < 12, "{family:?} is not recognised at {length} bytes");
                continue;
            };
            assert!(cut.fields_missing > 0 && cut.fields_missing >= missing_before, "{family:?} at {length}");
            missing_before = cut.fields_missing;
            if cut.time.is_some() {
                assert_eq!(cut.time, whole.time);
            }
            assert!(cut.trigger.is_none() || cut.trigger == whole.trigger);
        }
        assert!(missing_before >= 8, "{family:?}: {missing_before}");
    }
}

#[test]
fn an_impossible_clock_keeps_its_text() {
    let mut note = hyperfire_bytes();
    put_words(&mut note, 0x16, &[7, 31, 20, 13, 40, 2020]);
    let written = MakerNote::read(&note, None).unwrap().time.unwrap();
    assert_eq!((written.text.as_str(), written.time), ("2020:13:40 20:31:07", None));
}
