//! The published totals of the methods against class imbalance, on the class counts of the paper.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use trapline::train::{Imbalance, both, oversampling_target, undersampled};

/// Images per class; `None` where the data are not here.
fn counts() -> Option<Vec<u64>> {
    let text = std::fs::read_to_string(support::shared_data()?.join("tables/malik_counts.csv")).unwrap();
    Some(text.lines().skip(1).map(|line| line.rsplit_once(',').unwrap().1.parse().unwrap()).collect())
}

#[test]
fn the_totals_are_those_of_the_paper() {
    let Some(counts) = counts() else { return };
    let total = |rule: &dyn Fn(u64) -> u64| counts.iter().map(|count| rule(*count)).sum::<u64>();
    assert_eq!((counts.len(), total(&|count| count)), (52, 155_254));
    assert_eq!(total(&oversampling_target), 231_437);
    assert_eq!(total(&|count| undersampled(count, 15_000)), 85_029);
    assert_eq!(total(&|count| both(count, 15_000)), 161_212);
    assert_eq!(total(&|count| both(count, 5_000)), 131_212);
    // At these caps the other order gives the same: no class is both repeated and cut.
    assert_eq!(total(&|count| oversampling_target(undersampled(count, 15_000))), 161_212);
    assert_eq!(total(&|count| oversampling_target(undersampled(count, 5_000))), 131_212);
}

#[test]
fn an_epoch_has_the_total_of_its_method() {
    let Some(counts) = counts() else { return };
    let labels: Vec<u32> =
        (0..).zip(&counts).flat_map(|(class, count)| std::iter::repeat_n(class, usize::try_from(*count).unwrap())).collect();
    let methods = [
        (Imbalance::None, 155_254),
        (Imbalance::Oversample, 231_437),
        (Imbalance::Undersample { cap: 15_000 }, 85_029),
        (Imbalance::Both { cap: 15_000 }, 161_212),
        (Imbalance::Both { cap: 5_000 }, 131_212),
    ];
    for (method, total) in methods {
        assert_eq!(trapline::train::epoch_order(&labels, counts.len(), &method, 1, 0, 0).len(), total, "{method:?}");
    }
}
