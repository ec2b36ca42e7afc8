//! Long rows of numbers made short by a fixed matrix of random signs: distances stay nearly what they were.

/// Enters the matrix; another word would be another matrix, and other rows.
const PURPOSE: &str = "trapline features projection 1";

/// From `from` numbers to `to`.
pub(super) struct Projection {
    from: usize,
    to: usize,
    /// `to` rows of `from` signs; empty where nothing is projected.
    signs: Vec<bool>,
}

impl Projection {
    pub fn new(from: usize, to: usize) -> Self {
        if from <= to {
            return Self { from, to, signs: Vec::new() };
        }
        let mut hasher = blake3::Hasher::new_derive_key(PURPOSE);
        hasher.update(&(from as u64).to_le_bytes());
        let mut bytes = vec![0; (from * to).div_ceil(8)];
        // A longer matrix begins with the rows of a shorter one.
        hasher.finalize_xof().fill(&mut bytes);
        let signs = (0..from * to).map(|at| bytes[at / 8] >> (at % 8) & 1 == 1).collect();
        Self { from, to, signs }
    }

    /// The short row of a long one, which must have the promised length.
    pub fn of(&self, row: &[f32]) -> Vec<f32> {
        if self.signs.is_empty() {
            return row.iter().copied().chain(std::iter::repeat(0.0)).take(self.to).collect();
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 4096")]
        let scale = 1.0 / (self.to as f64).sqrt();
        let sum = |signs: &[bool]| -> f64 {
            row.iter().zip(signs).map(|(value, plus)| f64::from(if *plus { *value } else { -*value })).sum()
        };
        #[expect(clippy::cast_possible_truncation, reason = "rounded to f32")]
        self.signs.chunks_exact(self.from).map(|signs| (sum(signs) * scale) as f32).collect()
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "small counts")]
mod tests {
    use super::*;
    use rand::{RngExt as _, SeedableRng as _};

    fn distance(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(a - b) * f64::from(a - b)).sum()
    }

    #[test]
    fn the_matrix_is_the_same_everywhere_and_always() {
        // -3 and -11 over the root of 2: which numbers are subtracted never changes.
        assert_eq!(Projection::new(4, 2).of(&[1.0, 2.0, 4.0, 8.0]), [-2.121_320_2, -7.778_174_4]);
        assert_eq!(Projection::new(8, 3).signs[..], Projection::new(8, 5).signs[..24]);
    }

    #[test]
    fn short_rows_stay_as_they_are() {
        assert_eq!(Projection::new(3, 5).of(&[1.0, -2.0, 0.5]), [1.0, -2.0, 0.5, 0.0, 0.0]);
        assert_eq!(Projection::new(2, 2).of(&[1.0, -2.0]), [1.0, -2.0]);
    }

    #[test]
    fn distances_keep_their_mean_and_vary_as_promised() {
        let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let rows: Vec<Vec<f32>> = (0..60).map(|_| (0..512).map(|_| chance.random_range(0.0..1.0)).collect()).collect();
        let projection = Projection::new(512, 64);
        let short: Vec<Vec<f32>> = rows.iter().map(|row| projection.of(row)).collect();
        let mut ratios = Vec::new();
        for a in 0..rows.len() {
            ratios.extend((0..a).map(|b| distance(&short[a], &short[b]) / distance(&rows[a], &rows[b])));
        }
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        let spread = (ratios.iter().map(|ratio| (ratio - mean) * (ratio - mean)).sum::<f64>() / ratios.len() as f64).sqrt();
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
        // sqrt(2 / 64) = .177
        assert!((0.14..0.21).contains(&spread), "{spread}");
    }
}
