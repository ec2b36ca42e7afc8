//! How many of some images are right, from those of them that people checked, bin by bin.
//!
//! Within a bin of confidence (and a group) the images drawn at random and those drawn for the bin are one simple random sample, and so
//! are those of them at or above a threshold. Bins were drawn from at different rates, so each weighs by its number of images.

use crate::stats::interval::{number, score};
use crate::stats::metrics::Part;
use crate::stats::pooled::pooled;

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

/// The share of right labels; `cells` come group by group, `bins` each, in rising order. `None` where nothing was checked.
///
/// The interval is Wilson's with an effective sample size: that of a simple random sample with the variance of this stratified
/// one ([`crate::stats::pooled`]). It is zero only where every image was checked.
pub(super) fn estimate(cells: &[Cell], bins: usize, z: f64) -> Option<Estimate> {
    let strata = lent(cells, bins.max(1));
    let found = pooled(&strata)?;
    let bounds = found.bounds(|p, n| score(p, n, z));
    let checked = strata.iter().map(|(_, part)| part.checked).sum();
    let unchecked = cells.chunks(bins.max(1)).filter(|group| group.iter().all(|cell| cell.checked == 0));
    let unchecked = unchecked.flatten().map(|cell| cell.images).sum();
    Some(Estimate { accuracy: found.share, lower: bounds.lower, upper: bounds.upper, checked, unchecked })
}

/// The cells in which some image was checked, each with the number of images that it stands for: its own; its part of those of the bin in
/// groups that have no checked one there; and, where nobody checked any of a bin, of that bin, which is taken to be like the next
/// above that somebody did, at the top the next below. Confidence says more about an image than its group.
fn lent(cells: &[Cell], bins: usize) -> Vec<(f64, Part)> {
    let (mut all, mut known) = (vec![0; bins], vec![0; bins]);
    for (at, cell) in cells.iter().enumerate() {
        all[at % bins] += cell.images;
        known[at % bins] += if cell.checked > 0 { cell.images } else { 0 };
    }
    let mut pending = 0;
    for bin in 0..bins {
        pending += std::mem::take(&mut all[bin]);
        if known[bin] > 0 {
            all[bin] = std::mem::take(&mut pending);
        }
    }
    if let Some(last) = (0..bins).rev().find(|bin| known[*bin] > 0) {
        all[last] += pending;
    }
    let stratum = |(at, cell): (usize, &Cell)| {
        let (all, known) = (all[at % bins], known[at % bins]);
        let weight = number(cell.images) * (number(all) / number(known));
        // What is lent is not checked: the stratum is as large as what it stands for.
        let size = u128::from(cell.images) * u128::from(all) / u128::from(known);
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        (weight, Part { size, checked: cell.checked, hits: cell.right })
    };
    cells.iter().enumerate().filter(|(_, cell)| cell.checked > 0 && cell.images > 0).map(stratum).collect()
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
