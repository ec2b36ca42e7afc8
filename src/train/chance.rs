//! Chance of a training: a stream of its own for every purpose, so that one more draw here moves nothing there.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The stream for `purpose` (`"order"`) and the numbers that tell its uses apart (phase, epoch, image).
///
/// *Determinism*: a function of its arguments alone, so that a training goes on where it was killed without the state of any
/// generator being kept.
#[must_use]
pub fn chance(seed: u64, purpose: &str, numbers: &[u64]) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new_derive_key("trapline 2026 chance of a training");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(purpose.len() as u64).to_le_bytes());
    hasher.update(purpose.as_bytes());
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    fn first(seed: u64, purpose: &str, numbers: &[u64]) -> u64 {
        chance(seed, purpose, numbers).random()
    }

    #[test]
    fn every_argument_decides() {
        let one = first(1, "order", &[0, 3]);
        assert_eq!(one, first(1, "order", &[0, 3]));
        for other in [
            first(2, "order", &[0, 3]),
            first(1, "orders", &[0, 3]),
            first(1, "order", &[3, 0]),
            first(1, "order", &[0]),
            first(1, "order", &[0, 3, 0]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn the_stream_is_the_same_in_every_release() {
        assert_eq!(first(1, "order", &[0, 3]), 4_729_268_572_251_927_128);
    }
}
