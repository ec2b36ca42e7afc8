//! One image's metadata as its bytes state it: EXIF, the Reconyx note, the header's size and a person's keywords.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use exif::{Exif, In, Reader, Tag, Value};
use jiff::civil::DateTime;

use super::container::{self, Container};
use super::flags::MetadataFlag;
use super::makernotes::MakerNote;
use super::{ifd, text, xmp};

#[cfg(test)]
#[path = "exif_tests.rs"]
mod tests;

/// A time as a camera wrote it, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenTime {
    /// The text, `YYYY:MM:DD hh:mm:ss` in a healthy file.
    pub text: String,
    /// The civil time, where the text is one. Cameras know no time zone.
    pub time: Option<DateTime>,
}

impl WrittenTime {
    /// Reads EXIF text. Separators may differ; a date without a time is no time.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self { text: text.to_owned(), time: parse_time(text) }
    }
}

/// Which clock gave an image its raw time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSource {
    /// EXIF `DateTimeOriginal`.
    Exif,
    /// The maker's note.
    Note,
    /// EXIF `CreateDate` (`DateTimeDigitized`), only where both others are missing.
    CreateDate,
}

impl TimeSource {
    /// The stable word for tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exif => "exif",
            Self::Note => "note",
            Self::CreateDate => "create_date",
        }
    }
}

/// Everything that is read from one file. A function of its bytes alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawMetadata {
    /// The file's format by its first bytes.
    pub container: Option<Container>,
    /// Width by the image header.
    pub width_px: Option<u32>,
    /// Height by the image header.
    pub height_px: Option<u32>,
    /// Width as EXIF states it.
    pub exif_width_px: Option<u32>,
    /// Height as EXIF states it.
    pub exif_height_px: Option<u32>,
    /// Make as written.
    pub make: Option<String>,
    /// Model as written.
    pub model: Option<String>,
    /// The true maker: see [`normalise_camera`].
    pub camera_make: Option<String>,
    /// The true model.
    pub camera_model: Option<String>,
    /// Firmware or the programme that wrote the file last.
    pub software: Option<String>,
    /// `DateTimeOriginal`.
    pub date_time_original: Option<WrittenTime>,
    /// `SubSecTimeOriginal`, digits after the second.
    pub subsec: Option<String>,
    /// `OffsetTimeOriginal`, where a camera knows its zone.
    pub utc_offset: Option<String>,
    /// `CreateDate` (`DateTimeDigitized`).
    pub create_date: Option<WrittenTime>,
    /// Orientation 1 to 8.
    pub orientation: Option<u32>,
    /// Exposure time in seconds.
    pub exposure_s: Option<f64>,
    /// Aperture as f-number.
    pub f_number: Option<f64>,
    /// Sensitivity.
    pub iso: Option<u32>,
    /// EXIF flash bits.
    pub flash: Option<u32>,
    /// Serial number: EXIF `BodySerialNumber`, else the maker's note.
    pub serial: Option<String>,
    /// Latitude in degrees, north positive.
    pub latitude: Option<f64>,
    /// Longitude in degrees, east positive.
    pub longitude: Option<f64>,
    /// `UserComment`.
    pub user_comment: Option<String>,
    /// `ImageDescription`.
    pub image_description: Option<String>,
    /// Keywords a person wrote into the file (XMP `dc:subject`).
    pub keywords: Vec<String>,
    /// Keywords with their path (XMP `lr:hierarchicalSubject`), parts joined by `|`.
    pub keyword_paths: Vec<String>,
    /// The Reconyx note.
    pub note: Option<MakerNote>,
    /// What is odd about the file.
    pub flags: Vec<MetadataFlag>,
}

impl RawMetadata {
    /// The raw time: EXIF `DateTimeOriginal`, else the note, else `CreateDate`.
    #[must_use]
    pub fn taken(&self) -> Option<(DateTime, TimeSource)> {
        let time = |written: &Option<WrittenTime>| written.as_ref().and_then(|written| written.time);
        time(&self.date_time_original)
            .map(|time| (time, TimeSource::Exif))
            .or_else(|| Some((self.note.as_ref()?.time.as_ref()?.time?, TimeSource::Note)))
            .or_else(|| Some((time(&self.create_date)?, TimeSource::CreateDate)))
    }
}

/// Reads a file's metadata. Never fails and never panics; what is wrong stands in `flags`.
#[must_use]
pub fn read(bytes: &[u8]) -> RawMetadata {
    if bytes.is_empty() {
        return RawMetadata { flags: vec![MetadataFlag::ZeroByte], ..RawMetadata::default() };
    }
    let parts = container::find(bytes);
    let mut data = RawMetadata {
        container: parts.container,
        width_px: parts.width_px,
        height_px: parts.height_px,
        ..RawMetadata::default()
    };
    match parts.container {
        None => data.flags.push(MetadataFlag::NotAnImage),
        Some(_) if parts.truncated => data.flags.push(MetadataFlag::Truncated),
        Some(_) => {}
    }
    match parts.exif {
        Some(block) => read_block(block, &mut data),
        None => data.flags.push(MetadataFlag::MissingExif),
    }
    if let Some(packet) = parts.xmp {
        let keywords = xmp::keywords(packet);
        data.keywords = keywords.flat;
        data.keyword_paths = keywords.paths;
    }
    (data.camera_make, data.camera_model) = normalise_camera(data.make.as_deref(), data.model.as_deref(), data.note.is_some());
    flag_times(&mut data);
    flag_geometry(&mut data);
    data
}

/// Names maker and model as people know them.
///
/// Browning writes Make `Prometheus`; Cuddeback writes the model into Make and its own name into Model; some `HyperFire`
/// files have a Reconyx note and no Make.
#[must_use]
pub fn normalise_camera(make: Option<&str>, model: Option<&str>, has_reconyx_note: bool) -> (Option<String>, Option<String>) {
    let (make, model) = (make.map(str::trim), model.map(str::trim));
    let owned = |text: Option<&str>| text.map(str::to_owned);
    match (make, model) {
        (make, Some(model)) if model.eq_ignore_ascii_case("CUDDEBACK") => (Some("Cuddeback".to_owned()), owned(make)),
        (Some(make), model) if make.eq_ignore_ascii_case("Prometheus") => (Some("Browning".to_owned()), owned(model)),
        (None, model) if has_reconyx_note => (Some("RECONYX".to_owned()), owned(model)),
        _ => (owned(make), owned(model)),
    }
}

fn read_block(block: &[u8], data: &mut RawMetadata) {
    if !ifd::within_budget(block) {
        data.flags.push(MetadataFlag::DamagedExif);
        return;
    }
    // The EXIF reader is no longer maintained: a panic on one file must not end a run over a million.
    let done = catch_unwind(AssertUnwindSafe(|| {
        let mut reader = Reader::new();
        reader.continue_on_error(true);
        let mut damaged = false;
        let read = reader
            .read_raw(block.to_vec())
            .or_else(|error| error.distill_partial_result(|errors| damaged = errors.iter().any(does_harm)));
        match read {
            Ok(exif) => copy_fields(&exif, data),
            Err(_) => damaged = true,
        }
        damaged
    }));
    if done.unwrap_or(true) {
        data.flags.push(MetadataFlag::DamagedExif);
    }
}

/// Many cameras end the EXIF directory with a stray pointer; nothing is lost by it.
fn does_harm(error: &exif::Error) -> bool {
    !matches!(error, exif::Error::InvalidFormat("Unexpected next IFD" | "Truncated next IFD offset"))
}

fn copy_fields(exif: &Exif, data: &mut RawMetadata) {
    data.width_px = data.width_px.or_else(|| number(exif, Tag::ImageWidth));
    data.height_px = data.height_px.or_else(|| number(exif, Tag::ImageLength));
    data.exif_width_px = number(exif, Tag::PixelXDimension);
    data.exif_height_px = number(exif, Tag::PixelYDimension);
    data.make = words(exif, Tag::Make);
    data.model = words(exif, Tag::Model);
    data.software = words(exif, Tag::Software);
    data.date_time_original = words(exif, Tag::DateTimeOriginal).map(|text| WrittenTime::parse(&text));
    data.create_date = words(exif, Tag::DateTimeDigitized).map(|text| WrittenTime::parse(&text));
    data.subsec = words(exif, Tag::SubSecTimeOriginal);
    data.utc_offset = words(exif, Tag::OffsetTimeOriginal);
    data.orientation = number(exif, Tag::Orientation);
    data.exposure_s = quotient(exif, Tag::ExposureTime);
    data.f_number = quotient(exif, Tag::FNumber);
    data.iso = number(exif, Tag::PhotographicSensitivity);
    data.flash = number(exif, Tag::Flash);
    data.image_description = words(exif, Tag::ImageDescription);
    data.user_comment = raw(exif, Tag::UserComment).and_then(|bytes| text::from_user_comment(&bytes, exif.little_endian()));
    data.latitude = degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, "S", 90.0);
    data.longitude = degrees(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, "W", 180.0);
    if let Some(note) = raw(exif, Tag::MakerNote) {
        data.note = MakerNote::read(&note, data.make.as_deref());
        let unreadable = match &data.note {
            Some(note) => note.fields_missing > 0,
            None => note.starts_with(b"RECONYX"),
        };
        if unreadable {
            data.flags.push(MetadataFlag::UnreadableNote);
        }
    }
    data.serial = words(exif, Tag::BodySerialNumber).or_else(|| data.note.as_ref()?.serial.clone());
}

fn value(exif: &Exif, tag: Tag) -> Option<&Value> {
    exif.get_field(tag, In::PRIMARY).map(|field| &field.value)
}

fn raw(exif: &Exif, tag: Tag) -> Option<Cow<'_, [u8]>> {
    match value(exif, tag)? {
        Value::Undefined(bytes, _) | Value::Byte(bytes) => Some(Cow::Borrowed(bytes)),
        Value::Ascii(texts) if texts.len() == 1 => Some(Cow::Borrowed(texts.first()?)),
        // A note or comment declared as text has been split at its NULs.
        Value::Ascii(texts) => Some(Cow::Owned(texts.join(&0))),
        _ => None,
    }
}

fn words(exif: &Exif, tag: Tag) -> Option<String> {
    text::from_bytes(&raw(exif, tag)?)
}

fn number(exif: &Exif, tag: Tag) -> Option<u32> {
    match value(exif, tag)? {
        Value::SShort(values) => u32::try_from(*values.first()?).ok(),
        Value::SLong(values) => u32::try_from(*values.first()?).ok(),
        value => value.get_uint(0),
    }
}

fn quotient(exif: &Exif, tag: Tag) -> Option<f64> {
    let quotient = match value(exif, tag)? {
        Value::Rational(values) => values.first()?.to_f64(),
        Value::SRational(values) => values.first()?.to_f64(),
        Value::Float(values) => f64::from(*values.first()?),
        Value::Double(values) => *values.first()?,
        _ => return None,
    };
    quotient.is_finite().then_some(quotient)
}

/// Degrees, minutes and seconds with a hemisphere; out of range is nothing.
fn degrees(exif: &Exif, tag: Tag, hemisphere: Tag, negative: &str, limit: f64) -> Option<f64> {
    let Value::Rational(parts) = value(exif, tag)? else { return None };
    let [degrees, minutes, seconds] = [0, 1, 2].map(|i| parts.get(i).map_or(0.0, exif::Rational::to_f64));
    let size = degrees + minutes / 60.0 + seconds / 3600.0;
    let sign = if words(exif, hemisphere).is_some_and(|text| text.trim().eq_ignore_ascii_case(negative)) { -1.0 } else { 1.0 };
    (size.is_finite() && size <= limit).then_some(sign * size)
}

fn parse_time(text: &str) -> Option<DateTime> {
    let text = text.trim().as_bytes();
    let separated = |at: usize, allowed: &[u8]| text.get(at).is_some_and(|byte| allowed.contains(byte));
    if !(separated(4, b":-/.") && separated(7, b":-/.") && separated(10, b" T") && separated(13, b":") && separated(16, b":")) {
        return None;
    }
    let digits = |range: std::ops::Range<usize>| -> Option<i16> {
        let field = text.get(range)?;
        field.iter().all(u8::is_ascii_digit).then(|| field.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')))
    };
    let small = |at: usize| i8::try_from(digits(at..at + 2)?).ok();
    if text.get(19).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let year = digits(0..4).filter(|&year| year > 0)?;
    DateTime::new(year, small(5)?, small(8)?, small(11)?, small(14)?, small(17)?, 0).ok()
}

fn flag_times(data: &mut RawMetadata) {
    if let Some(WrittenTime { text, time: None }) = &data.date_time_original {
        data.flags.push(MetadataFlag::UnreadableDate { text: text.clone() });
    }
    let exif = data.date_time_original.as_ref().and_then(|written| written.time);
    let note = data.note.as_ref().and_then(|note| note.time.as_ref()?.time);
    if let (Some(exif), Some(note)) = (exif, note)
        && exif != note
    {
        let swapped = note.with().month(note.day()).day(note.month()).build().ok();
        data.flags.push(if swapped == Some(exif) {
            MetadataFlag::MonthDaySwap { exif, note }
        } else {
            MetadataFlag::DateConflict { exif, note }
        });
    }
    if data.taken().is_none() {
        data.flags.push(MetadataFlag::NoDate);
    }
}

fn flag_geometry(data: &mut RawMetadata) {
    if let Some(orientation) = data.orientation.filter(|&orientation| orientation > 1) {
        data.flags.push(MetadataFlag::OrientationUnusual { orientation });
    }
    let (header, exif) = ((data.width_px, data.height_px), (data.exif_width_px, data.exif_height_px));
    if let ((Some(_), Some(_)), (Some(1..), Some(1..))) = (header, exif)
        && header != exif
    {
        data.flags.push(MetadataFlag::SizeDiffers);
    }
}
