//! Varies training images: one map of the plane and one change of light per image, computed in a single pass each.
//!
//! The map is Keras's `ImageDataGenerator` (rotation after shift after shear after zoom, about the centre, nearest fill), which
//! Böhner et al. 2023 trained with. Whole shifts, flips and crops copy pixels; everything else reads between them bilinearly.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use super::Augmentation;
use crate::model::Input;

mod light;
mod map;

use light::{Light, Night};
use map::{Linear, Map};

/// Turns resized images into varied, normalised inputs of a network.
#[derive(Debug, Clone)]
pub struct Augmenter {
    augmentation: Augmentation,
    width: usize,
    height: usize,
    margin: usize,
    mean: [f32; 3],
    std: [f32; 3],
    /// The normalised number of every byte, by channel.
    normalised: [[f32; 256]; 3],
}

/// What happens to one image.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Variation {
    map: Map,
    light: Light,
}

impl Augmenter {
    /// Varies as `augmentation` says what was resized for `input`.
    #[must_use]
    pub fn new(augmentation: &Augmentation, input: &Input) -> Self {
        let Input { width, height, margin_px, mean, std, .. } = *input;
        // The very numbers that the classifying of images computes.
        let normalised = std::array::from_fn(|channel| BYTES.map(|value| (value - mean[channel]) / std[channel]));
        let [width, height, margin] = [width, height, margin_px].map(|side| side as usize);
        Self { augmentation: *augmentation, width, height, margin, mean, std, normalised }
    }

    /// Bytes of an image as [`Augmenter::prepare`] takes it: the input's size and the margin on each side, three channels.
    #[must_use]
    pub fn source_bytes(&self) -> usize {
        3 * (self.width + 2 * self.margin) * (self.height + 2 * self.margin)
    }

    /// Numbers of an image as [`Augmenter::prepare`] makes it.
    #[must_use]
    pub fn numbers(&self) -> usize {
        3 * self.width * self.height
    }

    /// Writes one image to `out`: varied by what `rng` draws, or its central crop as it is, where there is no `rng`.
    ///
    /// *Shapes*: `rgb` is rows from the top, RGB, with the margin; `out` channels x height x width. *Units*: `(value / 255 -
    /// mean) / std`.
    /// *Determinism*: a function of the image and of the state of `rng`.
    ///
    /// # Panics
    /// When `rgb` or `out` does not have [`Augmenter::source_bytes`] or [`Augmenter::numbers`].
    pub fn prepare(&self, rgb: &[u8], rng: Option<&mut ChaCha8Rng>, out: &mut [f32]) {
        let variation = rng.map_or_else(|| self.none(), |rng| self.draw(rng));
        self.apply(rgb, &variation, out);
    }

    fn apply(&self, rgb: &[u8], variation: &Variation, out: &mut [f32]) {
        assert_eq!((rgb.len(), out.len()), (self.source_bytes(), self.numbers()), "bytes of the image, numbers of the input");
        let source = map::Source { rgb, width: self.width + 2 * self.margin, height: self.height + 2 * self.margin };
        let Variation { map, light } = variation;
        match map.linear {
            None if light.is_none() => map.copy(&source, self.width, &self.normalised, out),
            None => map.copy(&source, self.width, &[BYTES; 3], out),
            Some(linear) => map.interpolate(&linear, &source, self.width, out),
        }
        if map.linear.is_some() || !light.is_none() {
            light.apply(out, self.mean, self.std);
        }
    }

    /// The central crop as it is.
    fn none(&self) -> Variation {
        let map = Map { left: self.margin, top: self.margin, flip: false, shift: (0, 0), linear: None };
        Variation { map, light: Light { gain: 1.0, contrast: 1.0, night: None } }
    }

    /// Draws what happens to one image.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Variation {
        let wanted = &self.augmentation;
        let mut variation = self.none();
        let map = &mut variation.map;
        if wanted.random_crop && self.margin > 0 {
            map.left = rng.random_range(0..=2 * self.margin);
            map.top = rng.random_range(0..=2 * self.margin);
        }
        map.flip = wanted.flip && rng.random();
        map.shift = (whole(self.width, either_way(wanted.shift, rng)), whole(self.height, either_way(wanted.shift, rng)));
        map.linear = Linear::new(
            either_way(wanted.rotation_deg, rng),
            either_way(wanted.shear_deg, rng),
            (1.0 + either_way(wanted.zoom, rng), 1.0 + either_way(wanted.zoom, rng)),
        );
        let light = &mut variation.light;
        light.gain = narrow(1.0 + either_way(wanted.brightness, rng));
        light.contrast = narrow(1.0 + either_way(wanted.contrast, rng));
        if wanted.night > 0.0 && rng.random::<f64>() < wanted.night {
            light.night = Some(Night::draw(rng));
        }
        variation
    }
}

/// Every byte as a number of 0-1.
const BYTES: [f32; 256] = {
    let mut numbers = [0.0; 256];
    let mut byte = 0_u8;
    loop {
        numbers[byte as usize] = byte as f32 / 255.0;
        if byte == u8::MAX {
            break numbers;
        }
        byte += 1;
    }
};

/// A number of `-most..most`; nothing is drawn where it is zero.
fn either_way(most: f64, rng: &mut impl Rng) -> f64 {
    if most == 0.0 { 0.0 } else { most * (2.0 * rng.random::<f64>() - 1.0) }
}

/// A share of a side in whole pixels.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "sides have a few thousand pixels")]
fn whole(side: usize, share: f64) -> i64 {
    (side as f64 * share).round() as i64
}

#[expect(clippy::cast_possible_truncation, reason = "light is computed in 32 bits")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests;
