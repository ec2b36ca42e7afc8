//! Decoding of images drawn in the test: whole, cut, flipped, oversized.

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, Rgb, RgbImage as Drawn};
use proptest::prelude::*;

use super::*;

fn drawn(width: u32, height: u32) -> Drawn {
    Drawn::from_fn(width, height, |x, y| {
        let wave = |x: u32, y: u32| u8::try_from((x * 3 + y * 5 + (x * y) % 17) % 256).unwrap();
        Rgb([wave(x, y), wave(y, x), u8::try_from((x ^ y) % 256).unwrap()])
    })
}

fn jpeg(image: &Drawn) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(image).unwrap();
    bytes
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn a_jpeg_comes_back_close_to_what_was_drawn() {
    let smooth = Drawn::from_fn(120, 80, |x, y| Rgb([u8::try_from(2 * x).unwrap(), u8::try_from(3 * y).unwrap(), 90]));
    let bytes = jpeg(&smooth);
    let mut decoder = Decoder::default();
    let image = decoder.decode(&bytes).unwrap();
    assert_eq!((image.width_px, image.height_px, image.pixels.len()), (120, 80, 120 * 80 * 3));
    let worst = image.pixels.iter().zip(smooth.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= 12, "{worst}");
}

#[test]
fn grey_jpeg_png_and_tiff_become_rgb() {
    let picture = DynamicImage::ImageRgb8(drawn(33, 21));
    let mut decoder = Decoder::default();
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let image = decoder.decode(&encoded(&picture, format)).unwrap();
        assert_eq!((image.width_px, image.height_px, image.pixels), (33, 21, picture.as_bytes()));
    }
    let grey = picture.to_luma8();
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).write_image(grey.as_raw(), 33, 21, ExtendedColorType::L8).unwrap();
    let image = decoder.decode(&bytes).unwrap();
    assert_eq!(image.pixels.len(), 33 * 21 * 3);
    assert!(image.pixels.chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
    let deep = DynamicImage::ImageRgba16(picture.to_rgba16());
    assert_eq!(decoder.decode(&encoded(&deep, ImageFormat::Png)).unwrap().pixels, picture.as_bytes());
}

#[test]
fn a_cut_jpeg_is_refused_wherever_it_is_cut() {
    let bytes = jpeg(&drawn(96, 64));
    let mut decoder = Decoder::default();
    let whole = decoder.decode(&bytes).unwrap().pixels.to_vec();
    for length in (2..bytes.len() - 2).step_by(7) {
        match decoder.decode(&bytes[..length]) {
            Err(DecodeError::Truncated { .. }) => {}
            // All pixels were there and only the end mark was missing.
            Ok(image) => {
                assert!(length + 8 > bytes.len() && image.pixels == whole, "cut to {length} of {} was accepted", bytes.len());
            }
            Err(other) => panic!("cut to {length}: {other}"),
        }
    }
}

#[test]
fn every_kind_of_bad_file_has_its_error() {
    let mut decoder = Decoder::default();
    assert_eq!(decoder.decode(b"").unwrap_err(), DecodeError::ZeroByte);
    assert!(matches!(decoder.decode(b"hello, world"), Err(DecodeError::Unsupported { .. })));
    assert!(matches!(decoder.decode(b"GIF89a\0\0\0\0\0\0\0"), Err(DecodeError::Unsupported { .. })));
    let png = encoded(&DynamicImage::ImageRgb8(drawn(64, 64)), ImageFormat::Png);
    assert!(matches!(decoder.decode(&png[..png.len() / 2]), Err(DecodeError::Truncated { .. } | DecodeError::Corrupt { .. })));
}

#[test]
fn an_image_that_claims_too_much_is_refused_before_room_is_made() {
    let mut bytes = jpeg(&drawn(64, 64));
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    let mut decoder = Decoder::default();
    let claimed = DecodeError::TooManyPixels { width_px: 65_535, height_px: 65_535, limit: PIXEL_LIMIT };
    assert_eq!(decoder.decode(&bytes).unwrap_err(), claimed);
    assert_eq!(decoder.rgb.capacity(), 0);
    let mut small = Decoder::new(1_000);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Tiff] {
        let bytes = encoded(&DynamicImage::ImageRgb8(drawn(64, 64)), format);
        assert!(small.decode(&bytes).is_err(), "{format:?}");
        assert_eq!(small.rgb.len(), 0);
    }
}

#[test]
fn what_would_unpack_into_a_gigabyte_is_refused_with_its_reason() {
    // 90 megapixels are within the limit of pixels; kept as coefficients, or in 16 bits with alpha, they take more than memory allows.
    let mut progressive = jpeg(&drawn(64, 64));
    let frame = progressive.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    progressive[frame + 1] = 0xC2;
    progressive[frame + 5..frame + 9].copy_from_slice(&[0x25, 0x1C, 0x25, 0x1C]);
    let error = Decoder::default().decode(&progressive).unwrap_err();
    assert_eq!(error.to_string(), "decoding it would take 812 MB of memory, more than the limit of 800 MB");

    let mut deep = encoded(&DynamicImage::new_rgba16(4, 4), ImageFormat::Png);
    let side = 9000_u32.to_be_bytes();
    deep[16..20].copy_from_slice(&side);
    deep[20..24].copy_from_slice(&side);
    let checksum = png_checksum(&deep[12..29]);
    deep.splice(29..33, checksum);
    let mut decoder = Decoder::default();
    let error = decoder.decode(&deep).unwrap_err();
    assert!(matches!(error, DecodeError::TooMuchMemory { megabytes: 1134, .. } | DecodeError::Unsupported { .. }), "{error}");
    assert_eq!(decoder.rgb.capacity(), 0);
}

/// The checksum of a PNG's chunk.
fn png_checksum(chunk: &[u8]) -> Vec<u8> {
    let bit = |crc: u32| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    let crc = chunk.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc)));
    (!crc).to_be_bytes().to_vec()
}

#[test]
fn the_buffer_of_a_larger_image_does_not_leak_into_a_smaller_one() {
    let (large, small) = (jpeg(&drawn(200, 150)), jpeg(&drawn(40, 30)));
    let mut decoder = Decoder::default();
    let alone = Decoder::default().decode(&small).unwrap().pixels.to_vec();
    decoder.decode(&large).unwrap();
    assert_eq!(decoder.decode(&small).unwrap().pixels, alone);
}

#[test]
fn pixels_are_known_again_after_tags_changed() {
    let bytes = jpeg(&drawn(64, 48));
    let mut tagged = bytes[..2].to_vec();
    tagged.extend([0xFF, 0xE1, 0, 10, b'E', b'x', b'i', b'f', 0, 0, b'I', b'I']);
    tagged.extend(&bytes[2..]);
    assert_eq!(pixel_hash(&bytes).unwrap(), pixel_hash(&tagged).unwrap());
    assert_ne!(pixel_hash(&bytes).unwrap(), pixel_hash(&jpeg(&drawn(48, 64))).unwrap());
    // The same bytes of pixels in another shape are another image.
    let plain =
        |width, height| encoded(&DynamicImage::ImageRgb8(Drawn::from_pixel(width, height, Rgb([7, 7, 7]))), ImageFormat::Png);
    assert_ne!(pixel_hash(&plain(8, 2)).unwrap(), pixel_hash(&plain(4, 4)).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn damaged_files_are_survived(flips in proptest::collection::vec((any::<proptest::sample::Index>(), 0..8u8), 1..6), format in 0..3usize) {
        let format = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Tiff][format];
        let mut bytes = encoded(&DynamicImage::ImageRgb8(drawn(40, 24)), format);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let mut decoder = Decoder::new(1_000_000);
        if let Ok(image) = decoder.decode(&bytes) {
            prop_assert_eq!(image.pixels.len(), 3 * image.width_px as usize * image.height_px as usize);
        }
    }
}
