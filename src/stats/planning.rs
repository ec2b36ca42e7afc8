//! How many images to check, and how long it takes.

use super::interval::number;

/// The number of images to check so that a proportion expected near `expected` is known within `half_width` at `z` standard errors,
/// of `population` images or of very many (`None`): 457 for .95 within .02 at 95 %.
///
/// `None` where `expected` or `half_width` lie outside `(0, 1)`.
#[must_use]
pub fn plan_size(expected: f64, half_width: f64, z: f64, population: Option<u64>) -> Option<u64> {
    let within = |share: f64| share > 0.0 && share < 1.0;
    if !within(expected) || !within(half_width) {
        return None;
    }
    let endless = z * z * expected * (1.0 - expected) / (half_width * half_width);
    let size = match population {
        Some(0) => 0.0,
        Some(population) => endless / (1.0 + (endless - 1.0) / number(population)),
        None => endless,
    };
    // 100.0000000001 images are 100.
    let whole = (size - 1e-9).ceil().max(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and `as` saturates")]
    let whole = whole as u64;
    Some(population.map_or(whole, |population| whole.min(population)))
}

/// Hours that `images` take a person who looks at `per_hour` of them.
#[must_use]
pub fn hours(images: u64, per_hour: f64) -> f64 {
    number(images) / per_hour
}

#[cfg(test)]
mod tests {
    use super::super::interval::z_of;
    use super::*;

    #[test]
    fn sizes_for_a_wanted_half_width() {
        let z = z_of(0.95);
        assert_eq!(plan_size(0.95, 0.02, z, None), Some(457));
        assert_eq!(plan_size(0.95, 0.02, z, Some(1_000_000_000)), Some(457));
        // 456.17 / (1 + 455.17 / 1000).
        assert_eq!(plan_size(0.95, 0.02, z, Some(1000)), Some(314));
        assert_eq!(plan_size(0.5, 0.1, z, Some(20)), Some(17));
        assert_eq!(plan_size(0.5, 0.1, z, Some(0)), Some(0));
        assert_eq!((plan_size(1.0, 0.02, z, None), plan_size(0.9, 0.0, z, None)), (None, None));
    }

    #[test]
    fn hours_of_review() {
        assert!((hours(60_000 - 10_000, 700.0) - 71.4).abs() < 0.05);
        assert!((hours(101_892, 500.0) - 203.8).abs() < 0.05);
        assert!((hours(101_892, 500.0) / 40.0 - 5.09).abs() < 0.005);
    }
}
