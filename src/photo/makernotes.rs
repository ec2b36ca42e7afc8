//! Reconyx maker's notes: five families, recognised by their first bytes, each field read within range or not at all.
//!
//! All numbers are little-endian and offsets count from the value's start. *Source*: `ExifTool`'s Reconyx tables, except
//! for the `HyperFire` 2 date and weekday, where the standard EXIF date of the same files proves MONTH before DAY and 1 = Sunday.

use jiff::civil::{DateTime, Weekday};

use super::exif::WrittenTime;
use super::text;

#[cfg(test)]
mod tests;

/// The families of notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `HyperFire`, PC, SC, S750 and SM750.
    HyperFire,
    /// `HyperFire` 2.
    HyperFire2,
    /// `UltraFire`.
    UltraFire,
    /// `MicroFire`.
    MicroFire,
    /// `HyperFire` 4K.
    HyperFire4k,
}

impl Family {
    /// The stable word for tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::HyperFire => "hyperfire",
            Self::HyperFire2 => "hyperfire2",
            Self::UltraFire => "ultrafire",
            Self::MicroFire => "microfire",
            Self::HyperFire4k => "hyperfire4k",
        }
    }

    /// Recognises a family by the note's bytes. `make` only decides for `HyperFire` notes of an unknown version.
    #[must_use]
    pub fn recognise(note: &[u8], make: Option<&str>) -> Option<Self> {
        let prefixes: [(&[u8], Self); 4] = [
            (b"RECONYXH2\0", Self::HyperFire2),
            (b"RECONYXUF\0", Self::UltraFire),
            (b"RECONYXMF\0", Self::MicroFire),
            (b"RECONYXHF4K\0", Self::HyperFire4k),
        ];
        if let Some((_, family)) = prefixes.iter().find(|(prefix, _)| note.starts_with(prefix)) {
            return Some(*family);
        }
        if note.starts_with(b"RECONYX") {
            return None;
        }
        let hyperfire = matches!(note, [0x01, 0xF1, 0x02 | 0x03, 0x00, ..]);
        let reconyx = make.is_some_and(|make| make.eq_ignore_ascii_case("RECONYX"));
        (hyperfire || (reconyx && !note.is_empty())).then_some(Self::HyperFire)
    }
}

/// What a note says, as written. A field that the family lacks or that lies outside the note is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MakerNote {
    /// The family whose layout was read.
    pub family: Family,
    /// Firmware version: `4 2 0`, or `1.4a` (`HyperFire` 2).
    pub firmware: Option<String>,
    /// Firmware date as `YYYY:MM:DD`.
    pub firmware_date: Option<String>,
    /// Number of the file on the card.
    pub file_number: Option<u16>,
    /// Number of the directory on the card.
    pub directory_number: Option<u16>,
    /// `M` motion, `T` time-lapse, `E` external, `C` cellular or on demand.
    pub trigger: Option<char>,
    /// Place in the burst: n of m; 0 of 0 is no burst.
    pub sequence: Option<(u16, u16)>,
    /// Number of the trigger event. Cameras reset it.
    pub event: Option<u32>,
    /// The note's own clock.
    pub time: Option<WrittenTime>,
    /// The clock was written big-endian by the firmware and has been swapped.
    pub time_was_big_endian: bool,
    /// Weekday as written: see [`MakerNote::weekday_named`].
    pub weekday: Option<u16>,
    /// Moon phase, 0 new moon to 7.
    pub moon: Option<u16>,
    /// Temperature in degrees Fahrenheit.
    pub temperature_f: Option<i16>,
    /// Temperature in degrees Celsius.
    pub temperature_c: Option<i16>,
    /// Contrast.
    pub contrast: Option<u16>,
    /// Brightness.
    pub brightness: Option<u16>,
    /// Sharpness.
    pub sharpness: Option<u16>,
    /// Saturation.
    pub saturation: Option<u16>,
    /// Flash on (1) or off (0).
    pub flash: Option<u16>,
    /// Infrared illuminator (`HyperFire`, `UltraFire`) or ambient infrared (`HyperFire` 2).
    pub infrared: Option<u16>,
    /// Ambient light.
    pub light: Option<u16>,
    /// Motion sensitivity.
    pub sensitivity: Option<u16>,
    /// Battery voltage in millivolts.
    pub battery_mv: Option<u16>,
    /// Mean battery voltage in millivolts.
    pub battery_mean_mv: Option<u16>,
    /// Battery type.
    pub battery_type: Option<u16>,
    /// Label that the user gave the camera.
    pub label: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// How many fields of the family lie outside the note.
    pub fields_missing: u16,
}

impl MakerNote {
    /// Reads a note, or `None` where its family is unknown. Never fails: what is out of range is missing.
    #[must_use]
    pub fn read(note: &[u8], make: Option<&str>) -> Option<Self> {
        let mut bytes = Bytes { note, missing: 0 };
        let mut read = match Family::recognise(note, make)? {
            Family::HyperFire => hyperfire(&mut bytes),
            Family::HyperFire2 => hyperfire2(&mut bytes),
            Family::UltraFire => ultrafire(&mut bytes),
            Family::MicroFire => microfire(&mut bytes),
            Family::HyperFire4k => hyperfire4k(&mut bytes),
        };
        read.fields_missing = bytes.missing;
        Some(read)
    }

    /// The weekday, with the family's own first day taken into account.
    #[must_use]
    pub fn weekday_named(&self) -> Option<Weekday> {
        let written = i8::try_from(self.weekday?).ok()?;
        let from_sunday = if self.family == Family::UltraFire { written } else { written - 1 };
        Weekday::from_sunday_zero_offset(from_sunday).ok()
    }

    fn empty(family: Family) -> Self {
        Self {
            family,
            firmware: None,
            firmware_date: None,
            file_number: None,
            directory_number: None,
            trigger: None,
            sequence: None,
            event: None,
            time: None,
            time_was_big_endian: false,
            weekday: None,
            moon: None,
            temperature_f: None,
            temperature_c: None,
            contrast: None,
            brightness: None,
            sharpness: None,
            saturation: None,
            flash: None,
            infrared: None,
            light: None,
            sensitivity: None,
            battery_mv: None,
            battery_mean_mv: None,
            battery_type: None,
            label: None,
            serial: None,
            fields_missing: 0,
        }
    }
}

fn hyperfire(note: &mut Bytes) -> MakerNote {
    let (time, time_was_big_endian) = note.clock_of_words(0x16);
    MakerNote {
        firmware: note.words::<3>(0x02).map(|[major, minor, patch]| format!("{major} {minor} {patch}")),
        firmware_date: note.hex_date(0x08),
        trigger: note.letter(0x0C),
        sequence: note.words(0x0E).map(|[n, of]| (n, of)),
        event: note.high_low(0x12),
        time,
        time_was_big_endian,
        moon: note.u16(0x24),
        temperature_f: note.i16(0x26),
        temperature_c: note.i16(0x28),
        serial: note.utf16(0x2A, 15),
        contrast: note.u16(0x48),
        brightness: note.u16(0x4A),
        sharpness: note.u16(0x4C),
        saturation: note.u16(0x4E),
        infrared: note.u16(0x50),
        sensitivity: note.u16(0x52),
        battery_mv: note.u16(0x54),
        label: note.chars(0x56, 22),
        ..MakerNote::empty(Family::HyperFire)
    }
}

fn hyperfire2(note: &mut Bytes) -> MakerNote {
    let (time, time_was_big_endian) = note.clock_of_words(0x3E);
    MakerNote {
        file_number: note.u16(0x10),
        directory_number: note.u16(0x12),
        firmware: note.words::<3>(0x2A).map(version_with_letter),
        firmware_date: note.hex_date(0x30),
        trigger: note.letter(0x34),
        sequence: note.words(0x36).map(|[n, of]| (n, of)),
        event: note.high_low(0x3A),
        time,
        time_was_big_endian,
        weekday: note.u16(0x4A),
        moon: note.u16(0x4C),
        temperature_f: note.i16(0x4E),
        temperature_c: note.i16(0x50),
        contrast: note.u16(0x52),
        brightness: note.u16(0x54),
        sharpness: note.u16(0x56),
        saturation: note.u16(0x58),
        flash: note.u16(0x5A),
        infrared: note.u16(0x5C),
        light: note.u16(0x5E),
        sensitivity: note.u16(0x60),
        battery_mv: note.u16(0x62),
        battery_mean_mv: note.u16(0x64),
        battery_type: note.u16(0x66),
        label: note.chars(0x68, 22),
        serial: note.utf16(0x7E, 15),
        ..MakerNote::empty(Family::HyperFire2)
    }
}

fn ultrafire(note: &mut Bytes) -> MakerNote {
    MakerNote {
        trigger: note.letter(0x34),
        sequence: note.bytes(0x35).map(|[n, of]| (u16::from(n), u16::from(of))),
        event: note.u32(0x37),
        time: note.clock_of_bytes(0x3B),
        weekday: note.bytes(0x42).map(|[day]| u16::from(day)),
        moon: note.bytes(0x43).map(|[phase]| u16::from(phase)),
        temperature_f: note.i16(0x44),
        temperature_c: note.i16(0x46),
        infrared: note.bytes(0x48).map(|[on]| u16::from(on)),
        battery_mv: note.u16(0x49),
        serial: note.chars(0x4B, 15),
        label: note.chars(0x5A, 21),
        ..MakerNote::empty(Family::UltraFire)
    }
}

fn microfire(note: &mut Bytes) -> MakerNote {
    let (time, time_was_big_endian) = note.clock_of_words(0x4E);
    MakerNote {
        trigger: note.letter(0x44),
        sequence: note.words(0x46).map(|[n, of]| (n, of)),
        event: note.high_low(0x4A),
        time,
        time_was_big_endian,
        weekday: note.u16(0x5A),
        moon: note.u16(0x5C),
        temperature_f: note.i16(0x5E),
        temperature_c: note.i16(0x60),
        battery_mv: note.u16(0x72),
        label: note.chars(0x76, 22),
        serial: note.utf16(0x8C, 15),
        ..MakerNote::empty(Family::MicroFire)
    }
}

fn hyperfire4k(note: &mut Bytes) -> MakerNote {
    MakerNote {
        trigger: note.letter(0x28),
        sequence: note.bytes(0x29).map(|[n, of]| (u16::from(n), u16::from(of))),
        event: note.u32(0x2B),
        time: note.clock_of_bytes(0x2F),
        moon: note.bytes(0x37).map(|[phase]| u16::from(phase)),
        temperature_f: note.i16(0x38),
        temperature_c: note.i16(0x3A),
        battery_mv: note.u16(0x4B),
        label: note.chars(0x51, 51),
        serial: note.chars(0x84, 15),
        ..MakerNote::empty(Family::HyperFire4k)
    }
}

/// `[1, 4, 'a']` is version `1.4a`.
fn version_with_letter([major, minor, letter]: [u16; 3]) -> String {
    let letter = u8::try_from(letter).ok().filter(u8::is_ascii_alphanumeric).map(char::from);
    format!("{major}.{minor}{}", letter.map(String::from).unwrap_or_default())
}

/// Range-checked reads that count what lies outside.
struct Bytes<'a> {
    note: &'a [u8],
    missing: u16,
}

impl Bytes<'_> {
    fn slice(&mut self, at: usize, length: usize) -> Option<&[u8]> {
        let found = self.note.get(at..at + length);
        if found.is_none() {
            self.missing += 1;
        }
        found
    }

    fn bytes<const N: usize>(&mut self, at: usize) -> Option<[u8; N]> {
        self.slice(at, N)?.try_into().ok()
    }

    fn words<const N: usize>(&mut self, at: usize) -> Option<[u16; N]> {
        let bytes = self.slice(at, 2 * N)?;
        Some(std::array::from_fn(|i| u16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]])))
    }

    fn u16(&mut self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    fn i16(&mut self, at: usize) -> Option<i16> {
        self.bytes(at).map(i16::from_le_bytes)
    }

    fn u32(&mut self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    fn high_low(&mut self, at: usize) -> Option<u32> {
        self.words(at).map(|[high, low]| u32::from(high) << 16 | u32::from(low))
    }

    fn letter(&mut self, at: usize) -> Option<char> {
        let [byte] = self.bytes(at)?;
        byte.is_ascii_graphic().then(|| char::from(byte))
    }

    /// Year and month-day stand as hexadecimal digits: `0x2016 0x1229` is 2016:12:29.
    fn hex_date(&mut self, at: usize) -> Option<String> {
        self.words(at).map(|[year, day]| format!("{year:04x}:{:02x}:{:02x}", day >> 8, day & 0xFF))
    }

    /// Text at the end of a note may be cut by a firmware that writes a shorter one: what is there counts.
    fn chars(&mut self, at: usize, length: usize) -> Option<String> {
        let field = self.slice(at, length)?;
        text::from_bytes(field)
    }

    fn utf16(&mut self, at: usize, units: usize) -> Option<String> {
        let field = self.slice(at, 2 * units)?;
        text::from_utf16(field.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])))
    }

    /// Six words: second, minute, hour, MONTH, DAY, year. Some firmware writes them big-endian.
    fn clock_of_words(&mut self, at: usize) -> (Option<WrittenTime>, bool) {
        let Some(words) = self.words::<6>(at) else { return (None, false) };
        let swapped = !plausible_year(words[5]) && plausible_year(words[5].swap_bytes());
        let [second, minute, hour, month, day, year] = if swapped { words.map(u16::swap_bytes) } else { words };
        (Some(written([year, month, day, hour, minute, second])), swapped)
    }

    /// Five bytes, second, minute, hour, DAY, MONTH, then the year as a word.
    fn clock_of_bytes(&mut self, at: usize) -> Option<WrittenTime> {
        let [second, minute, hour, day, month, low, high] = self.bytes(at)?;
        let year = u16::from_le_bytes([low, high]);
        Some(written([year, month.into(), day.into(), hour.into(), minute.into(), second.into()]))
    }
}

fn plausible_year(year: u16) -> bool {
    (1990..=2100).contains(&year)
}

fn written([year, month, day, hour, minute, second]: [u16; 6]) -> WrittenTime {
    let small = |value: u16| i8::try_from(value).ok();
    let time = (|| {
        DateTime::new(i16::try_from(year).ok()?, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()
    })();
    WrittenTime { text: format!("{year:04}:{month:02}:{day:02} {hour:02}:{minute:02}:{second:02}"), time }
}
