//! Step length and weight decay over the epochs and steps of a phase.

use super::{Phase, Schedule};
use crate::stats::interval::number;

impl Schedule {
    /// The step length at `step` of the phase's `steps` (counted from 0), which falls into `epoch` (counted from 0).
    ///
    /// The triangle has `low` at the first step and at the last; of a phase of one or two steps nothing but its top is left.
    #[must_use]
    pub fn rate(&self, epoch: u32, step: u64, steps: u64) -> f64 {
        match self {
            Self::Constant(rate) => *rate,
            Self::OneCycle { high, .. } if steps < 3 => *high,
            Self::OneCycle { low, high } => {
                let along = number(step.min(steps - 1)) / number(steps - 1);
                low + (high - low) * (1.0 - (2.0 * along - 1.0).abs())
            }
            Self::Steps(rates) => in_force(rates, epoch).or(rates.first().map(|first| first.1)).unwrap_or(0.0),
        }
    }

    /// The longest step that it ever takes.
    #[must_use]
    pub fn highest(&self) -> f64 {
        match self {
            Self::Constant(rate) => *rate,
            Self::OneCycle { low, high } => low.max(*high),
            Self::Steps(rates) => rates.iter().map(|rate| rate.1).fold(0.0, f64::max),
        }
    }
}

impl Phase {
    /// The weight decay in `epoch` of the phase (counted from 0).
    #[must_use]
    pub fn decay(&self, epoch: u32) -> f64 {
        in_force(&self.weight_decay, epoch).unwrap_or(0.0)
    }
}

/// The last of `values`, ascending by epoch, that has begun.
fn in_force(values: &[(u32, f64)], epoch: u32) -> Option<f64> {
    values.iter().rev().find(|value| value.0 <= epoch).map(|value| value.1)
}

#[cfg(test)]
mod tests {
    use super::super::{Free, Imbalance, Optimizer};
    use super::*;

    #[test]
    fn one_cycle_is_a_single_triangle_over_the_steps_of_the_phase() {
        let cycle = Schedule::OneCycle { low: 1e-6, high: 1e-3 };
        let rates: Vec<f64> = (0..=1000).map(|step| cycle.rate(0, step, 1001)).collect();
        for (step, rate) in [(0, 1e-6), (500, 1e-3), (1000, 1e-6), (250, 5.005e-4), (750, 5.005e-4)] {
            assert!((rates[step] - rate).abs() < 1e-12, "{step}: {}", rates[step]);
        }
        assert!(rates[..=500].windows(2).all(|two| two[0] < two[1]) && rates[500..].windows(2).all(|two| two[0] > two[1]));
        let slope = rates[1] - rates[0];
        assert!(rates[..=500].windows(2).all(|two| (two[1] - two[0] - slope).abs() < 1e-12), "linear in batches");
        // Of an even number of steps none is the very middle.
        assert!((cycle.rate(0, 1, 4) - cycle.rate(0, 2, 4)).abs() < 1e-18 && cycle.rate(0, 1, 4) > 6e-4);
    }

    #[test]
    fn one_cycle_of_any_length_stays_within_its_bounds() {
        let cycle = Schedule::OneCycle { low: 1e-6, high: 1e-3 };
        for steps in 1..40 {
            for step in 0..steps + 2 {
                let rate = cycle.rate(0, step, steps);
                assert!((1e-6 - 1e-18..=1e-3 + 1e-18).contains(&rate), "{step} of {steps}: {rate}");
            }
        }
        assert_eq!((cycle.rate(0, 0, 1), cycle.rate(0, 1, 2)), (1e-3, 1e-3));
    }

    #[test]
    fn norouzzadehs_table_holds_from_its_epochs_on() {
        let rates = Schedule::Steps(vec![(0, 0.01), (18, 0.005), (29, 0.001), (43, 0.0005), (52, 0.0001)]);
        let phase = Phase {
            epochs: 55,
            free: Free::All,
            optimizer: Optimizer::Sgd { momentum: 0.9 },
            schedule: rates.clone(),
            weight_decay: vec![(0, 0.0005), (29, 0.0)],
            imbalance: Imbalance::None,
        };
        // As printed: epochs counted from 1, both ends included.
        let table =
            [(1, 18, 0.01, 0.0005), (19, 29, 0.005, 0.0005), (30, 43, 0.001, 0.0), (44, 52, 0.0005, 0.0), (53, 55, 0.0001, 0.0)];
        for (first, last, rate, decay) in table {
            for epoch in first - 1..last {
                assert_eq!((rates.rate(epoch, 7, 9), phase.decay(epoch)), (rate, decay), "epoch {epoch}, counted from 0");
            }
        }
    }

    #[test]
    fn a_decay_that_begins_later_is_none_before() {
        assert_eq!(in_force(&[(3, 0.1)], 2), None);
        assert_eq!(in_force(&[(3, 0.1)], 3), Some(0.1));
    }
}
