//! Seeded chance, noise and angles for the demo's pictures: the same numbers on every platform.
//!
//! Only `+ - * /`, square roots and comparisons are used, which IEEE 754 defines to the last bit; a library's `sin` or `exp` is not.

/// A small stream of random numbers (`SplitMix64`), keyed by words so that each image draws its own, whatever was drawn before it.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream that belongs to `seed` and to the words that name its use.
    pub(crate) fn of(seed: u64, words: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        for word in words {
            hasher.update(&(word.len() as u64).to_le_bytes());
            hasher.update(word.as_bytes());
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Self(u64::from_le_bytes(first))
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A seed for a noise field.
    pub(crate) fn noise_seed(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    /// Uniform in `[0, 1)`, with 24 bits.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 16_777_216.0
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Bell-shaped around 0 with a standard deviation of about 1, never beyond 3.5.
    pub(crate) fn bell(&mut self) -> f32 {
        (self.unit() + self.unit() + self.unit() + self.unit() - 2.0) * 1.732
    }

    /// A whole number below `n` (0 when `n` is 0).
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// True with probability `p`.
    pub(crate) fn happens(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Either -1 or 1.
    pub(crate) fn sign(&mut self) -> f32 {
        if self.happens(0.5) { 1.0 } else { -1.0 }
    }

    /// Puts `items` in a random order (Fisher-Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}

/// Uniform noise in `[0, 1)` at a whole point, without memory.
pub(crate) fn grain(seed: u32, x: i32, y: i32) -> f32 {
    let mut h = seed ^ (x as u32).wrapping_mul(0x85EB_CA6B) ^ (y as u32).wrapping_mul(0xC2B2_AE35);
    h = (h ^ (h >> 16)).wrapping_mul(0x7FEB_352D);
    h = (h ^ (h >> 15)).wrapping_mul(0x846C_A68B);
    h ^= h >> 16;
    (h >> 8) as f32 / 16_777_216.0
}

/// Noise in `[0, 1)` that varies smoothly over about one unit.
pub(crate) fn smooth_noise(seed: u32, x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (ease(x - left), ease(y - top));
    let (ix, iy) = (left as i32, top as i32);
    let upper = mix(grain(seed, ix, iy), grain(seed, ix + 1, iy), fx);
    let lower = mix(grain(seed, ix, iy + 1), grain(seed, ix + 1, iy + 1), fx);
    mix(upper, lower, fy)
}

/// Three octaves of [`smooth_noise`], in `[0, 1)`, mostly near 0.5.
pub(crate) fn clouds(seed: u32, x: f32, y: f32) -> f32 {
    // Each octave lies turned against the others, which hides the lattice below them.
    smooth_noise(seed, x * 0.92 - y * 0.39, x * 0.39 + y * 0.92) * 0.57
        + smooth_noise(seed ^ 0x51, x * 1.3 + y * 1.65, y * 1.3 - x * 1.65) * 0.29
        + smooth_noise(seed ^ 0xA3, x * 3.4 - y * 2.6, x * 2.6 + y * 3.4) * 0.14
}

/// `a` at 0, `b` at 1.
pub(crate) fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + (b - a) * share
}

/// The smooth step of a value in `[0, 1]`.
fn ease(x: f32) -> f32 {
    x * x * (3.0 - 2.0 * x)
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(crate) fn step(low: f32, high: f32, x: f32) -> f32 {
    ease(((x - low) / (high - low)).clamp(0.0, 1.0))
}

/// 1 at 0 and falling like a bell, without an exponential function.
pub(crate) fn falloff(squared: f32) -> f32 {
    1.0 / (1.0 + squared)
}

/// Cosine and sine of an angle in turns, within 2e-4.
pub(crate) fn cos_sin(turns: f32) -> (f32, f32) {
    (sine(turns + 0.25), sine(turns))
}

/// Sine of an angle in turns by its odd Taylor terms on a quarter turn.
fn sine(turns: f32) -> f32 {
    let mut x = turns - (turns + 0.5).floor();
    if x > 0.25 {
        x = 0.5 - x;
    } else if x < -0.25 {
        x = -0.5 - x;
    }
    let a = x * std::f32::consts::TAU;
    let b = a * a;
    a * (1.0 - b / 6.0 * (1.0 - b / 20.0 * (1.0 - b / 42.0 * (1.0 - b / 72.0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_every_word_and_on_their_borders() {
        let first = |words: &[&str]| Chance::of(1, words).next();
        assert_ne!(first(&["ab", "c"]), first(&["a", "bc"]));
        assert_ne!(first(&["a"]), Chance::of(2, &["a"]).next());
        assert_eq!(first(&["a", "b"]), first(&["a", "b"]));
    }

    #[test]
    fn angles_agree_with_the_library_within_the_stated_error() {
        for i in -500..500 {
            let turns = i as f32 / 250.0;
            let (cos, sin) = cos_sin(turns);
            assert!((cos - (turns * std::f32::consts::TAU).cos()).abs() < 2e-4);
            assert!((sin - (turns * std::f32::consts::TAU).sin()).abs() < 2e-4);
        }
    }

    #[test]
    fn bell_has_mean_zero_and_deviation_one() {
        let mut chance = Chance::of(7, &["bell"]);
        let drawn: Vec<f32> = (0..20_000).map(|_| chance.bell()).collect();
        let mean = drawn.iter().sum::<f32>() / 20_000.0;
        let variance = drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
