//! How bright, how contrasty and how much like night a varied image is, and its normalisation.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Shares of red, green and blue in how bright people see a pixel (ITU-R BT.601).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// The curve of a night image is looked up at so many places.
const CURVE: usize = 4096;

/// A change of light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Light {
    /// Multiplies every value.
    pub gain: f32,
    /// Multiplies the distance from the image's mean brightness.
    pub contrast: f32,
    /// Makes it an image of the night.
    pub night: Option<Night>,
}

/// An infrared image of the night: grey, dark and noisy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Night {
    /// Multiplies every value: .3 to .9.
    pub gain: f32,
    /// The power to which brightness is taken first: .7 to 1.6.
    pub gamma: f32,
    /// Standard deviation of the noise: 0 to .04.
    pub noise: f32,
    /// Decides the noise.
    pub seed: u64,
}

impl Night {
    /// Draws one night.
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        Self {
            gain: rng.random_range(0.3..0.9),
            gamma: rng.random_range(0.7..1.6),
            noise: rng.random_range(0.0..0.04),
            seed: rng.random(),
        }
    }
}

impl Light {
    /// Says whether nothing changes.
    #[expect(clippy::float_cmp, reason = "exactly 1 where nothing was drawn")]
    pub(super) fn is_none(&self) -> bool {
        self.gain == 1.0 && self.contrast == 1.0 && self.night.is_none()
    }

    /// Changes numbers of 0-1 and normalises them; as on a sensor, nothing leaves 0-1 before.
    pub(super) fn apply(&self, planes: &mut [f32], mean: [f32; 3], std: [f32; 3]) {
        let size = planes.len() / 3;
        let (scale, offset) = self.line(planes);
        if let Some(night) = &self.night {
            night.apply(planes, scale, offset);
        }
        // Values that are already as they should be pass a line that changes nothing.
        let (scale, offset) = if self.night.is_some() { (1.0, 0.0) } else { (scale, offset) };
        for ((plane, mean), std) in planes.chunks_exact_mut(size).zip(mean).zip(std) {
            let (narrow, shift) = (1.0 / std, -mean / std);
            for value in plane {
                *value = (*value * scale + offset).clamp(0.0, 1.0) * narrow + shift;
            }
        }
    }

    /// Gain and contrast as one line.
    #[expect(clippy::float_cmp, reason = "exactly 1 where nothing was drawn")]
    fn line(&self, planes: &[f32]) -> (f32, f32) {
        if self.contrast == 1.0 {
            return (self.gain, 0.0);
        }
        let middle: f32 = planes.chunks_exact(planes.len() / 3).zip(LUMA).map(|(plane, share)| share * mean_of(plane)).sum();
        (self.gain * self.contrast, (1.0 - self.contrast) * self.gain * middle)
    }
}

impl Night {
    fn apply(&self, planes: &mut [f32], scale: f32, offset: f32) {
        let curve: Vec<f32> = (0..=CURVE).map(|at| self.gain * (real(at) / real(CURVE)).powf(self.gamma)).collect();
        let (reds, rest) = planes.split_at_mut(planes.len() / 3);
        let (greens, blues) = rest.split_at_mut(reds.len());
        let mut noise = Noise::new(self.seed, self.noise);
        for ((red, green), blue) in reds.iter_mut().zip(greens).zip(blues) {
            let luma = LUMA[0] * *red + LUMA[1] * *green + LUMA[2] * *blue;
            let luma = (luma * scale + offset).clamp(0.0, 1.0);
            let dark = curve[place(luma)] + noise.next();
            (*red, *green, *blue) = (dark, dark, dark);
        }
    }
}

/// Nearly normal noise: the sum of four bytes, which needs no function of a mathematical library.
struct Noise {
    rng: ChaCha8Rng,
    scale: f32,
    /// Two numbers are made of one word.
    kept: Option<u32>,
}

impl Noise {
    fn new(seed: u64, deviation: f32) -> Self {
        // The variance of a uniform byte is (256² - 1) / 12.
        let scale = deviation / (4.0_f32 * 65_535.0 / 12.0).sqrt();
        Self { rng: ChaCha8Rng::seed_from_u64(seed), scale, kept: None }
    }

    fn next(&mut self) -> f32 {
        let word = self.kept.take().unwrap_or_else(|| {
            let both = self.rng.next_u64();
            self.kept = Some((both >> 32) as u32);
            (both & 0xFFFF_FFFF) as u32
        });
        let sum: u16 = word.to_le_bytes().into_iter().map(u16::from).sum();
        self.scale * (f32::from(sum) - 510.0)
    }
}

/// The mean, in sixteen sums side by side: quick, and exact enough for millions of values.
fn mean_of(plane: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let chunks = plane.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    (sums.iter().sum::<f32>() + rest) / real(plane.len())
}

#[expect(clippy::cast_precision_loss, reason = "counts of pixels; a mean needs no more")]
fn real(count: usize) -> f32 {
    count as f32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0-1, so within the curve")]
fn place(luma: f32) -> usize {
    (luma * real(CURVE) + 0.5) as usize
}
