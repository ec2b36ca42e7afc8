//! What is done about rare classes before a network sees an image: how many of each class an epoch has, in which order, and how
//! much each weighs.
//!
//! Targets, caps and weights are those of Malik et al. 2021, "Two-phase training mitigates class imbalance for camera trap image
//! classification with CNNs".

use rand::seq::SliceRandom;

use super::{Imbalance, chance};

/// Classes of so many images or more are not repeated, and none is repeated beyond it.
const COMMON: u64 = 5000;

/// Images of a class after repeating them: up to ten times as many, and never more than 5000.
#[must_use]
pub fn oversampling_target(images: u64) -> u64 {
    let times = match images {
        0..100 => 10,
        100..500 => 8,
        500..1000 => 6,
        1000..COMMON => 4,
        _ => return images,
    };
    COMMON.min(images * times)
}

/// Images of a class after leaving out those beyond `cap`.
#[must_use]
pub fn undersampled(images: u64, cap: u64) -> u64 {
    images.min(cap)
}

/// Images of a class after both: repeated first, cut to `cap` second.
///
/// With a cap of 5000 or more the order does not matter. With a smaller one it does: the other order would repeat, beyond the
/// cap, the images of a class whose other images it has just left out.
#[must_use]
pub fn both(images: u64, cap: u64) -> u64 {
    undersampled(oversampling_target(images), cap)
}

/// How much an image of each class weighs in the loss: inversely proportional to its number of images, the sum being 1. A class
/// without images weighs nothing.
///
/// *Source*: with `f = N / n` for each class, `f / sum of f`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "numbers of images stay far below 2^53")]
pub fn class_weights(counts: &[u64]) -> Vec<f64> {
    let inverse = |&count: &u64| if count == 0 { 0.0 } else { 1.0 / count as f64 };
    let sum: f64 = counts.iter().map(inverse).sum();
    counts.iter().map(|count| if *count == 0 { 0.0 } else { inverse(count) / sum }).collect()
}

/// Images of each class.
///
/// # Panics
/// When a label is `classes` or more.
#[must_use]
pub fn class_counts(labels: &[u32], classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes];
    for label in labels {
        counts[*label as usize] += 1;
    }
    counts
}

impl Imbalance {
    /// How often an epoch shows images of a class that has `images`.
    #[must_use]
    pub fn shown(&self, images: u64) -> u64 {
        match self {
            Self::None | Self::Weighted { .. } | Self::Emphasis { .. } => images,
            Self::Oversample => oversampling_target(images),
            Self::Undersample { cap } => undersampled(images, *cap),
            Self::Both { cap } => both(images, *cap),
        }
    }
}

/// The images of one epoch in their order, as places in `labels`; an image that is repeated stands there several times.
///
/// Which images of a class are left out is drawn once per training, without replacement: no epoch of any phase with the same
/// method sees them. Repeats are whole rounds over the class, and a remainder that every epoch draws anew. The order is drawn
/// anew for every epoch.
///
/// *Determinism*: a function of its arguments; a class's draw depends on the places of its own images alone.
///
/// # Panics
/// When a label is `classes` or more.
#[must_use]
pub fn epoch_order(labels: &[u32], classes: usize, imbalance: &Imbalance, seed: u64, phase: u32, epoch: u32) -> Vec<u32> {
    let counts = class_counts(labels, classes);
    let mut order: Vec<u32> = Vec::with_capacity(labels.len());
    if counts.iter().all(|images| imbalance.shown(*images) == *images) {
        order.extend((0..).take(labels.len()));
    } else {
        let when = [u64::from(phase), u64::from(epoch)];
        for ((class, mut images), count) in (0..).zip(by_class(labels, &counts)).zip(counts) {
            let shown = imbalance.shown(count);
            if shown < count {
                images.shuffle(&mut chance(seed, "images left out", &[class]));
                images.truncate(usize::try_from(shown).unwrap_or(usize::MAX));
                order.append(&mut images);
            } else if let Some(rounds) = shown.checked_div(count) {
                for _ in 0..rounds {
                    order.extend_from_slice(&images);
                }
                images.shuffle(&mut chance(seed, "repeated images", &[class, when[0], when[1]]));
                order.extend(images.iter().take(usize::try_from(shown % count).unwrap_or(usize::MAX)));
            }
        }
    }
    order.shuffle(&mut chance(seed, "order of images", &[u64::from(phase), u64::from(epoch)]));
    order
}

/// The places of each class's images, ascending.
fn by_class(labels: &[u32], counts: &[u64]) -> Vec<Vec<u32>> {
    let mut places: Vec<Vec<u32>> = counts.iter().map(|count| Vec::with_capacity(usize::try_from(*count).unwrap_or(0))).collect();
    for (place, label) in (0..).zip(labels) {
        places[*label as usize].push(place);
    }
    places
}

#[cfg(test)]
#[path = "imbalance_tests.rs"]
mod tests;
