//! Finds the parts of a file that carry metadata: EXIF, XMP and the header's width and height, without decoding a pixel.

/// The file formats whose metadata is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// JPEG (ITU T.81).
    Jpeg,
    /// PNG.
    Png,
    /// TIFF 6.0, either byte order.
    Tiff,
}

impl Container {
    /// Recognises a format by its first bytes, never by the file's name.
    #[must_use]
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(&[0xFF, 0xD8]) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(&PNG_SIGNATURE) {
            Some(Self::Png)
        } else if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
            Some(Self::Tiff)
        } else {
            None
        }
    }

    /// The stable word for tables and messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Tiff => "tiff",
        }
    }
}

const PNG_SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
const EXIF_PREFIX: &[u8] = b"Exif\0\0";
const XMP_PREFIX: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PNG_XMP_PREFIX: &[u8] = b"XML:com.adobe.xmp\0\0\0";

/// Slices of a file, found by walking its segments once.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub container: Option<Container>,
    pub exif: Option<&'a [u8]>,
    pub xmp: Option<&'a [u8]>,
    pub width_px: Option<u32>,
    pub height_px: Option<u32>,
    /// The file ends before its format says it should.
    pub truncated: bool,
}

/// Walks the file's segments. Works on any bytes; progress is linear in their number.
pub(super) fn find(bytes: &[u8]) -> Parts<'_> {
    let container = Container::recognise(bytes);
    let mut parts = match container {
        Some(Container::Jpeg) => walk_jpeg(bytes),
        Some(Container::Png) => walk_png(bytes),
        Some(Container::Tiff) => Parts { exif: Some(bytes), ..Parts::default() },
        None => Parts::default(),
    };
    parts.container = container;
    parts
}

fn be_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Reads segments up to the start of the scan, then asks only whether the image has an end.
fn walk_jpeg(bytes: &[u8]) -> Parts<'_> {
    let mut parts = Parts { truncated: true, ..Parts::default() };
    let mut at = 2;
    loop {
        // Some writers leave bytes between segments: go on at the next marker.
        while bytes.get(at).is_some_and(|&byte| byte != 0xFF) {
            at += 1;
        }
        while bytes.get(at) == Some(&0xFF) {
            at += 1;
        }
        let Some(&code) = bytes.get(at) else { return parts };
        at += 1;
        match code {
            0x00 | 0x01 | 0xD0..=0xD8 => continue,
            0xD9 => return parts,
            _ => {}
        }
        let Some(length) = be_u16(bytes, at).map(usize::from).filter(|&length| length >= 2) else { return parts };
        let end = (at + length).min(bytes.len());
        let segment = bytes.get(at + 2..end).unwrap_or_default();
        match code {
            0xE1 if parts.exif.is_none() && segment.starts_with(EXIF_PREFIX) => parts.exif = segment.get(EXIF_PREFIX.len()..),
            0xE1 if parts.xmp.is_none() && segment.starts_with(XMP_PREFIX) => parts.xmp = segment.get(XMP_PREFIX.len()..),
            0xC0..=0xCF if !matches!(code, 0xC4 | 0xC8 | 0xCC) && parts.width_px.is_none() => {
                parts.height_px = be_u16(segment, 1).map(u32::from);
                parts.width_px = be_u16(segment, 3).map(u32::from);
            }
            0xDA => {
                parts.truncated = !has_end_of_image(bytes.get(end..).unwrap_or_default());
                return parts;
            }
            _ => {}
        }
        at = end;
    }
}

/// Inside a scan `FF` is always stuffed, so `FF D9` is the true end. Searched from the back: a whole file answers at once.
pub(super) fn has_end_of_image(scan: &[u8]) -> bool {
    scan.windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
}

fn walk_png(bytes: &[u8]) -> Parts<'_> {
    let mut parts = Parts { truncated: true, ..Parts::default() };
    let mut at = PNG_SIGNATURE.len();
    while let (Some(length), Some(kind)) = (be_u32(bytes, at), bytes.get(at + 4..at + 8)) {
        let start = at + 8;
        let Some(end) = usize::try_from(length).ok().and_then(|length| start.checked_add(length)) else { return parts };
        let data = bytes.get(start..end.min(bytes.len())).unwrap_or_default();
        match kind {
            b"IHDR" => {
                parts.width_px = be_u32(data, 0);
                parts.height_px = be_u32(data, 4);
            }
            b"eXIf" => parts.exif = parts.exif.or(Some(data)),
            b"iTXt" if data.starts_with(PNG_XMP_PREFIX) => parts.xmp = data.get(PNG_XMP_PREFIX.len()..),
            b"IEND" => {
                parts.truncated = false;
                return parts;
            }
            _ => {}
        }
        let Some(next) = end.checked_add(4) else { return parts };
        at = next;
    }
    parts
}
