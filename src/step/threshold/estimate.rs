//! How many of some images are right, from those of them that people checked, bin by bin.
//!
//! Within a bin of confidence (and a group) the images drawn at random and those drawn for the bin are one simple random sample, and so
//! are those of them at or above a threshold. Bins were drawn from at different rates, so each weighs by its number of images.

use crate::stats::interval::{number, score};

/// The images of one group and bin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// In the data set.
    pub images: u64,
    /// Of them, those that people checked.
    pub checked: u64,
    /// Of those, the ones whose label was right.
    pub right: u64,
}

/// An estimated share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub accuracy: f64,
    pub lower: f64,
    pub upper: f64,
    pub checked: u64,
    /// Images of groups in which nothing was checked: taken to be as good as the others.
    pub unchecked: u64,
}

/// How much a bin is drawn towards all others before its variance is taken, in images.
const PRIOR: f64 = 1.0;

/// The share of right labels; `cells` come group by group, `bins` each, in rising order. `None` where nothing was checked.
///
/// The interval is Wilson's with an effective sample size: that of a simple random sample with the variance of this stratified
/// one. The variance of a bin is taken at a share drawn a little towards the mean of all, as a bin of few images that are all
/// right says little; so the interval has a width where all checked images are right, and the plain Wilson interval is the
/// case of one bin. It is zero only where every image was checked.
pub(super) fn estimate(cells: &[Cell], bins: usize, z: f64) -> Option<Estimate> {
    let (strata, unchecked) = collapse(cells, bins);
    let images: u64 = strata.iter().map(|stratum| stratum.images).sum();
    if images == 0 {
        return None;
    }
    let checked: u64 = strata.iter().map(|stratum| stratum.checked).sum();
    let right: u64 = strata.iter().map(|stratum| stratum.right).sum();
    let mean = (number(right) + 0.5) / (number(checked) + 1.0);
    let (mut accuracy, mut smooth, mut variance) = (0.0, 0.0, 0.0);
    for stratum in &strata {
        let weight = number(stratum.images) / number(images);
        let (n, k) = (number(stratum.checked), number(stratum.right));
        let share = (k + PRIOR * mean) / (n + PRIOR);
        // Checked images of another data set may be more than there are here.
        let left = if stratum.checked <= stratum.images { 1.0 - n / number(stratum.images) } else { 1.0 };
        accuracy += weight * k / n;
        smooth += weight * share;
        variance += weight * weight * share * (1.0 - share) / n * left;
    }
    let accuracy = accuracy.min(1.0);
    let (lower, upper) = if variance > 0.0 {
        let bounds = score(accuracy, smooth * (1.0 - smooth) / variance, z);
        (bounds.lower, bounds.upper)
    } else {
        (accuracy, accuracy)
    };
    Some(Estimate { accuracy, lower, upper, checked, unchecked })
}

/// Joins a cell in which nothing was checked to its neighbour above, at the top to the one below. Gives the images of groups in which
/// nothing was checked at all.
fn collapse(cells: &[Cell], bins: usize) -> (Vec<Cell>, u64) {
    let (mut strata, mut unchecked) = (Vec::<Cell>::new(), 0);
    for group in cells.chunks(bins.max(1)) {
        let start = strata.len();
        let mut pending = Cell::default();
        for cell in group {
            pending.images += cell.images;
            pending.checked += cell.checked;
            pending.right += cell.right;
            if pending.checked > 0 {
                strata.push(std::mem::take(&mut pending));
            }
        }
        match strata[start..].last_mut() {
            Some(below) => below.images += pending.images,
            None => unchecked += pending.images,
        }
    }
    strata.retain(|stratum| stratum.images > 0);
    (strata, unchecked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval::z_of;

    fn cell(images: u64, checked: u64, right: u64) -> Cell {
        Cell { images, checked, right }
    }

    fn close(found: (f64, f64), expected: (f64, f64)) {
        assert!((found.0 - expected.0).abs() < 1e-6 && (found.1 - expected.1).abs() < 1e-6, "{found:?} against {expected:?}");
    }

    #[test]
    fn one_bin_of_very_many_images_gives_the_plain_wilson_interval() {
        for (right, checked, expected) in
            [(490, 500, (0.963_580, 0.989_101)), (98, 100, (0.929_988, 0.994_498)), (47, 47, (0.924_442, 1.0))]
        {
            let found = estimate(&[cell(1 << 40, checked, right)], 1, z_of(0.95)).unwrap();
            close((found.lower, found.upper), expected);
        }
    }

    #[test]
    fn bins_weigh_by_their_images_and_not_by_what_was_checked() {
        let found = estimate(&[cell(1000, 100, 50), cell(9000, 100, 99)], 2, z_of(0.95)).unwrap();
        assert!((found.accuracy - (0.1 * 0.5 + 0.9 * 0.99)).abs() < 1e-12);
        assert!(found.lower < found.accuracy && found.accuracy < found.upper);
        assert_eq!((found.checked, found.unchecked), (200, 0));
    }

    #[test]
    fn a_bin_without_checked_images_joins_its_neighbour_above_or_at_the_top_below() {
        let joined = |cells: &[Cell]| estimate(cells, cells.len(), z_of(0.95)).map(|found| found.accuracy);
        assert_eq!(joined(&[cell(100, 0, 0), cell(100, 10, 5), cell(200, 10, 10)]), Some(0.75));
        assert_eq!(joined(&[cell(100, 10, 5), cell(100, 10, 10), cell(200, 0, 0)]), Some(0.25 * 0.5 + 0.75));
        assert_eq!(joined(&[cell(100, 0, 0), cell(9, 0, 0)]), None);
        assert_eq!(joined(&[]), None);
        // No stratum reaches over the end of its group.
        let found = estimate(&[cell(10, 0, 0), cell(10, 0, 0), cell(10, 5, 4), cell(10, 5, 5)], 2, z_of(0.95)).unwrap();
        assert_eq!((found.accuracy, found.unchecked), (0.9, 20));
    }

    #[test]
    fn the_interval_has_a_width_where_all_are_right_and_none_where_all_were_checked() {
        let found = estimate(&[cell(5000, 60, 60), cell(20_000, 300, 300)], 2, z_of(0.95)).unwrap();
        assert_eq!((found.accuracy, found.upper), (1.0, 1.0));
        assert!((0.98..0.995).contains(&found.lower), "{found:?}");
        let census = estimate(&[cell(50, 50, 40), cell(50, 50, 50)], 2, z_of(0.95)).unwrap();
        assert_eq!((census.lower, census.accuracy, census.upper), (0.9, 0.9, 0.9));
    }
}
