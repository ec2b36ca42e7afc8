use proptest::prelude::*;

use super::*;

#[test]
fn targets_are_those_of_the_rule() {
    let vectors = [
        (0, 0),
        (1, 10),
        (96, 960),
        (99, 990),
        (100, 800),
        (168, 1344),
        (478, 3824),
        (499, 3992),
        (500, 3000),
        (735, 4410),
        (999, 5000),
        (1000, 4000),
        (1207, 4828),
        (2119, 5000),
        (4999, 5000),
        (5000, 5000),
        (48377, 48377),
    ];
    for (images, target) in vectors {
        assert_eq!(oversampling_target(images), target, "{images}");
    }
    assert_eq!((undersampled(48_377, 15_000), undersampled(14_999, 15_000)), (15_000, 14_999));
    assert_eq!((both(48_377, 15_000), both(2119, 15_000), both(1, 15_000)), (15_000, 5000, 10));
    assert_eq!(both(2119, 3000), 3000, "what is repeated does not pass the cap");
}

#[test]
fn weights_are_inverse_to_counts_and_sum_to_one() {
    let weights = class_weights(&[9000, 900, 100]);
    for (weight, expected) in weights.iter().zip([0.009_901, 0.099_010, 0.891_089]) {
        assert!((weight - expected).abs() < 5e-7, "{weights:?}");
    }
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert_eq!(class_weights(&[3, 0, 3]), [0.5, 0.0, 0.5], "a class without images weighs nothing");
    assert_eq!(class_weights(&[0, 0]), [0.0, 0.0]);
}

/// Labels of `counts[class]` images per class, interleaved.
fn labels(counts: &[u64]) -> Vec<u32> {
    let mut all: Vec<u32> =
        (0..).zip(counts).flat_map(|(class, count)| std::iter::repeat_n(class, usize::try_from(*count).unwrap())).collect();
    all.shuffle(&mut chance(7, "test", &[]));
    all
}

/// How often the order shows each image.
fn times(order: &[u32], images: usize) -> Vec<u32> {
    let mut times = vec![0; images];
    for place in order {
        times[*place as usize] += 1;
    }
    times
}

#[test]
fn an_epoch_without_a_method_shows_every_image_once_in_an_order_of_its_own() {
    let labels = labels(&[500, 30, 1]);
    let epoch = |seed, phase, epoch| epoch_order(&labels, 3, &Imbalance::None, seed, phase, epoch);
    let first = epoch(1, 0, 0);
    assert_eq!(times(&first, labels.len()), vec![1; labels.len()]);
    assert_eq!(first, epoch(1, 0, 0));
    for other in [epoch(2, 0, 0), epoch(1, 1, 0), epoch(1, 0, 1)] {
        assert_ne!(first, other);
    }
    // Weights and emphasis change the loss and what comes between, not the epoch.
    assert_eq!(first, epoch_order(&labels, 3, &Imbalance::Weighted { clamp: None }, 1, 0, 0));
    assert_eq!(first, epoch_order(&labels, 3, &Imbalance::Emphasis { top_1: 0.2, top_5: 0.35 }, 1, 0, 0));
}

#[test]
fn images_left_out_stay_left_out_over_epochs_and_phases() {
    let labels = labels(&[500, 30]);
    let order =
        |seed, phase, epoch| times(&epoch_order(&labels, 2, &Imbalance::Undersample { cap: 100 }, seed, phase, epoch), 530);
    let first = order(1, 0, 0);
    assert!(first.iter().all(|times| *times <= 1), "without replacement");
    assert_eq!(first.iter().sum::<u32>(), 130);
    assert_eq!((order(1, 0, 9), order(1, 1, 0)), (first.clone(), first.clone()));
    assert_ne!(order(2, 0, 0), first, "another seed leaves out others");
}

#[test]
fn repeats_are_whole_rounds_and_a_remainder_drawn_for_each_epoch() {
    let labels = labels(&[20, 1500, 6000]);
    let order = |epoch| times(&epoch_order(&labels, 3, &Imbalance::Oversample, 1, 0, epoch), labels.len());
    let (first, second) = (order(0), order(1));
    for (label, times) in labels.iter().zip(&first) {
        let expected: &[u32] = [&[10_u32][..], &[3, 4], &[1]][*label as usize];
        assert!(expected.contains(times), "class {label}: {times}");
    }
    assert_eq!(first.iter().sum::<u32>(), 200 + 5000 + 6000);
    assert_ne!(first, second, "the remainder of 500 is drawn anew");
}

#[test]
fn a_million_images_are_ordered_in_well_under_a_second() {
    let labels = labels(&[600_000, 300_000, 90_000, 9000, 900, 100]);
    let start = std::time::Instant::now();
    let order = epoch_order(&labels, 6, &Imbalance::Both { cap: 100_000 }, 1, 0, 0);
    let took = start.elapsed();
    assert_eq!(order.len(), 100_000 + 100_000 + 90_000 + 9000 + 5000 + 800);
    // Room for a build that does not optimise, on a busy machine; work per image and class would take minutes.
    assert!(took.as_secs_f64() < 3.0, "{took:?}");
}

proptest! {
    #[test]
    fn an_epoch_shows_each_class_as_often_as_its_method_says(
        counts in proptest::collection::vec(0_u64..700, 1..6), cap in 1_u64..600, method in 0_usize..4, seed in 0_u64..1000,
    ) {
        let imbalance =
            [Imbalance::None, Imbalance::Oversample, Imbalance::Undersample { cap }, Imbalance::Both { cap }][method];
        let labels = labels(&counts);
        let order = epoch_order(&labels, counts.len(), &imbalance, seed, 0, 3);
        let mut shown = vec![0; counts.len()];
        for place in &order {
            shown[labels[*place as usize] as usize] += 1;
        }
        let expected: Vec<u64> = counts.iter().map(|count| imbalance.shown(*count)).collect();
        prop_assert_eq!(shown, expected);
        // Within a class no image comes twice more often than another.
        let times = times(&order, labels.len());
        for (class, count) in (0..).zip(&counts) {
            let of_class: Vec<u32> = times.iter().zip(&labels).filter(|(_, label)| **label == class).map(|(times, _)| *times).collect();
            prop_assert!(*count == 0 || of_class.iter().max().unwrap() - of_class.iter().min().unwrap() <= 1);
        }
    }
}
