//! A sheet of varied training images to look at; ignored in everyday runs.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use trapline::model::{Input, Resize};
use trapline::photo::{Decoder, Fit, ResizeRule, Resizer};
use trapline::train::{Augmentation, Augmenter, chance};

const WIDTH: u32 = 192;
const HEIGHT: u32 = 144;
const MARGIN: u32 = 16;
const CROP_BOTTOM: u32 = 24;

/// `TRAPLINE_SHEET=sheet.png cargo test --test augment_sheet -- --ignored`: a column per variation, a row per image.
#[test]
#[ignore = "draws a picture for people"]
fn draw_a_sheet() {
    let path = std::env::var("TRAPLINE_SHEET").expect("set TRAPLINE_SHEET to the picture's path");
    let folder = tempfile::tempdir().unwrap();
    trapline::demo::write_training_images(folder.path(), 1, 11).unwrap();
    let off = Augmentation::default();
    let columns = [
        off,
        Augmentation { flip: true, random_crop: true, ..off },
        Augmentation { rotation_deg: 40.0, ..off },
        Augmentation { shift: 0.2, ..off },
        Augmentation { shear_deg: 20.0, ..off },
        Augmentation { zoom: 0.2, ..off },
        Augmentation { brightness: 0.4, contrast: 0.4, ..off },
        Augmentation { night: 1.0, ..off },
        Augmentation { flip: true, rotation_deg: 40.0, shift: 0.2, shear_deg: 10.0, zoom: 0.2, night: 0.2, ..off },
    ];
    let rows = trapline::demo::Class::ALL;
    let input = Input {
        width: WIDTH,
        height: HEIGHT,
        resize: Resize::Squash,
        crop_bottom_px: CROP_BOTTOM,
        upright: false,
        margin_px: MARGIN,
        mean: [0.0; 3],
        std: [1.0; 3],
    };
    let mut sheet =
        image::RgbImage::new(WIDTH * u32::try_from(columns.len()).unwrap(), HEIGHT * u32::try_from(rows.len()).unwrap());
    for (row, class) in (0..).zip(rows) {
        let file = std::fs::read_dir(folder.path().join(class.name())).unwrap().next().unwrap().unwrap().path();
        let (mut decoder, mut resizer) = (Decoder::default(), Resizer::new());
        let decoded = decoder.decode(&std::fs::read(file).unwrap()).map(|image| {
            let (width_px, height_px) = (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN);
            resizer
                .resize(image, &ResizeRule { width_px, height_px, fit: Fit::Squash, crop_bottom_px: CROP_BOTTOM })
                .unwrap()
                .to_vec()
        });
        let rgb = decoded.unwrap();
        for (column, augmentation) in (0..).zip(&columns) {
            let augmenter = Augmenter::new(augmentation, &input);
            let mut out = vec![0.0; augmenter.numbers()];
            augmenter.prepare(&rgb, Some(&mut chance(1, "sheet", &[u64::from(row), u64::from(column)])), &mut out);
            lay(&mut sheet, &out, column * WIDTH, row * HEIGHT);
        }
    }
    sheet.save(&path).unwrap();
    eprintln!("{path}: {} x {} pixels", sheet.width(), sheet.height());
}

/// Lays an input of 0-1 into the sheet.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0-1 becomes a byte")]
fn lay(sheet: &mut image::RgbImage, numbers: &[f32], left: u32, top: u32) {
    let size = (WIDTH * HEIGHT) as usize;
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let at = (y * WIDTH + x) as usize;
            let byte = |channel: usize| (numbers[channel * size + at] * 255.0).round() as u8;
            sheet.put_pixel(left + x, top + y, image::Rgb([byte(0), byte(1), byte(2)]));
        }
    }
}
