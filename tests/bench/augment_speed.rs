//! Measures how many images a second one core varies: `cargo bench --bench augment_speed`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

use std::time::Instant;

use trapline::model::{Input, Resize};
use trapline::train::{Augmentation, Augmenter, chance};

const SIDE: u32 = 224;
const MARGIN: u32 = 16;

fn main() {
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    let input = Input {
        width: SIDE,
        height: SIDE,
        resize: Resize::Squash,
        crop_bottom_px: 0,
        upright: false,
        margin_px: MARGIN,
        mean,
        std,
    };
    let off = Augmentation::default();
    let map = Augmentation { flip: true, rotation_deg: 40.0, shift: 0.2, shear_deg: 10.0, zoom: 0.2, random_crop: true, ..off };
    let light = Augmentation { brightness: 0.2, contrast: 0.2, ..off };
    println!("images of {SIDE} x {SIDE} pixels a second on one core; median of 5 rounds");
    for (name, augmentation) in [
        ("nothing", off),
        ("flip and crop", Augmentation { flip: true, random_crop: true, ..off }),
        ("flip, crop and light", Augmentation { flip: true, random_crop: true, ..light }),
        ("rotation, shift, shear, zoom, flip", map),
        ("all of them", Augmentation { brightness: 0.2, contrast: 0.2, night: 0.2, ..map }),
        ("all of them, always at night", Augmentation { brightness: 0.2, contrast: 0.2, night: 1.0, ..map }),
    ] {
        let augmenter = Augmenter::new(&augmentation, &input);
        println!("{:>8.0}  {name}", images_per_second(&augmenter));
    }
}

fn images_per_second(augmenter: &Augmenter) -> f64 {
    const IMAGES: u64 = 400;
    let rgb: Vec<u8> = (0..augmenter.source_bytes()).map(|at| u8::try_from((at * 37 + at / 7 * 11) % 256).unwrap()).collect();
    let mut out = vec![0.0; augmenter.numbers()];
    let mut rounds: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            for image in 0..IMAGES {
                augmenter.prepare(&rgb, Some(&mut chance(1, "augmentation", &[0, 0, image])), &mut out);
                std::hint::black_box(&out);
            }
            400.0 / start.elapsed().as_secs_f64()
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[2]
}
