//! Photos with the EXIF that a test asks for.

use std::io::Cursor;

use exif::experimental::Writer;
use exif::{Field, In, Tag, Value};

/// A small JPEG to be written, with pixels of its own.
pub struct Photo {
    seed: u8,
    fields: Vec<Field>,
}

impl Photo {
    /// A picture whose pixels depend on `seed` alone.
    pub fn new(seed: u8) -> Self {
        Self { seed, fields: Vec::new() }.with(Tag::Make, "TRAPLINE").with(Tag::Model, "TEST")
    }

    /// Taken at this time, `2024:06:01 12:00:00`.
    pub fn taken(self, time: &str) -> Self {
        self.with(Tag::DateTimeOriginal, time)
    }

    /// With one more text, such as `Tag::BodySerialNumber` or `Tag::OffsetTimeOriginal`.
    pub fn with(mut self, tag: Tag, text: &str) -> Self {
        self.fields.push(Field { tag, ifd_num: In::PRIMARY, value: Value::Ascii(vec![text.as_bytes().to_vec()]) });
        self
    }

    /// Stored turned or mirrored: the EXIF orientation, 1 to 8.
    pub fn turned(mut self, orientation: u16) -> Self {
        self.fields.push(Field { tag: Tag::Orientation, ifd_num: In::PRIMARY, value: Value::Short(vec![orientation]) });
        self
    }

    /// With a maker note of these bytes.
    pub fn with_maker_note(mut self, note: Vec<u8>) -> Self {
        self.fields.push(Field { tag: Tag::MakerNote, ifd_num: In::PRIMARY, value: Value::Undefined(note, 0) });
        self
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> Vec<u8> {
        let seed = self.seed;
        let picture = image::RgbImage::from_fn(48, 36, |x, y| {
            let (x, y) = (u8::try_from(x).unwrap(), u8::try_from(y).unwrap());
            image::Rgb([x.wrapping_mul(seed), y.wrapping_mul(5).wrapping_add(seed), x.wrapping_add(y)])
        });
        let mut plain = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut plain, 80).encode_image(&picture).unwrap();
        let mut writer = Writer::new();
        self.fields.iter().for_each(|field| writer.push_field(field));
        let mut exif = Cursor::new(Vec::new());
        writer.write(&mut exif, false).unwrap();
        let mut segment = b"Exif\0\0".to_vec();
        segment.extend(exif.into_inner());
        let mut bytes = plain[..2].to_vec();
        bytes.extend([0xFF, 0xE1]);
        bytes.extend(u16::try_from(segment.len() + 2).unwrap().to_be_bytes());
        bytes.extend(segment);
        bytes.extend(&plain[2..]);
        bytes
    }
}
