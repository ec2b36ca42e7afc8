//! Scales: from numbers to coordinates, with ticks at round numbers.

use super::Axis;
use super::text::written;

/// A linear or logarithmic scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    log: bool,
    percent: bool,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// A scale that holds `values` and the axis' range; from zero, where `zero`. Ends without a
    /// range are round. On a logarithmic scale `zero` means one.
    pub fn over(axis: &Axis, values: impl Iterator<Item = f64>, zero: bool) -> Self {
        let range = axis.range.filter(|(low, high)| low.is_finite() && high.is_finite() && low < high);
        let range = range.filter(|(low, _)| !axis.log || *low > 0.0);
        let known = values.filter(|value| value.is_finite() && (!axis.log || *value > 0.0));
        let start = range.or((zero && !axis.log).then_some((0.0, 0.0))).unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
        let (mut low, mut high) = known.fold(start, |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            (low, high) = if axis.log { (1.0, 10.0) } else { (0.0, 1.0) };
        }
        // So far apart that their difference is no number.
        let limits: (f64, f64) = if axis.log { (1e-100, 1e100) } else { (-1e300, 1e300) };
        (low, high) = (low.clamp(limits.0, limits.1), high.clamp(limits.0, limits.1));
        // Lengths of logarithmic counts begin at one.
        let lowest = low;
        if axis.log && zero && range.is_none() {
            low = low.min(1.0);
        }
        let scale = Self { log: axis.log, percent: axis.percent, low, high, from: 0.0, to: 1.0 };
        let fixed = range.is_some_and(|range| range == (low, high));
        if fixed { scale } else { scale.rounded(lowest) }
    }

    /// The same between two coordinates.
    pub fn between(self, from: f64, to: f64) -> Self {
        Self { from, to, ..self }
    }

    /// Ends at round numbers, above and below what there is; `lowest` is the lowest number itself.
    fn rounded(mut self, lowest: f64) -> Self {
        if self.log {
            self.low = 10f64.powf(self.low.log10().floor());
            self.high = 10f64.powf(self.high.log10().ceil());
            // The lowest number has a length too.
            if lowest <= self.low * 1.001 {
                self.low *= 0.5;
            }
            if self.high <= self.low {
                self.high = self.low * 10.0;
            }
            return self;
        }
        if self.low >= self.high {
            let room = self.low.abs() * 0.5;
            (self.low, self.high) = if room > 0.0 { (self.low - room, self.high + room) } else { (0.0, 1.0) };
        }
        let step = nice((self.high - self.low) / 6.0);
        self.low = (self.low / step + 1e-9).floor() * step;
        self.high = (self.high / step - 1e-9).ceil() * step;
        self
    }

    /// The ends.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Where `value` lies between the ends, from 0 to 1; beyond them at the nearer one.
    pub fn share(&self, value: f64) -> f64 {
        let share = if self.log {
            let value = value.max(self.low);
            (value / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        share.clamp(0.0, 1.0)
    }

    /// The coordinate of a value.
    pub fn at(&self, value: f64) -> f64 {
        self.from + self.share(value) * (self.to - self.from)
    }

    /// Round numbers between the ends with their texts, about `most` of them.
    pub fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let most = count(most.max(1));
        if self.log {
            return self.decades(most);
        }
        let step = nice((self.high - self.low) / most);
        let unit = if self.percent { step * 100.0 } else { step };
        let decimals = decimals(unit);
        let first = (self.low / step - 1e-9).ceil();
        let ticks = (0..64).map(|number| (first + f64::from(number)) * step);
        let ticks = ticks.take_while(|tick| *tick <= self.high + step * 1e-9);
        ticks.map(|tick| (tick, written(self.percent, tick, decimals))).collect()
    }

    /// Powers of ten; with 2 and 5 between, where there are few.
    fn decades(&self, most: f64) -> Vec<(f64, String)> {
        let (low, high) = (self.low.log10(), self.high.log10());
        let (first, last) = ((low - 1e-9).ceil(), (high + 1e-9).floor());
        let stride = ((last - first) / most).ceil().max(1.0);
        let finer = (high - low) * 3.0 <= most;
        let factors: &[f64] = if finer { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let mut ticks = Vec::new();
        let mut power = if finer { low.floor() } else { first };
        while power <= high + 1e-9 && ticks.len() < 64 {
            for factor in factors {
                let tick = factor * 10f64.powf(power);
                if tick >= self.low * 0.999_999 && tick <= self.high * 1.000_001 {
                    let unit = if self.percent { tick * 100.0 } else { tick };
                    ticks.push((tick, written(self.percent, tick, decimals(unit))));
                }
            }
            power += stride;
        }
        ticks
    }
}

/// Decimals that a multiple of `step` needs.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 12")]
fn decimals(step: f64) -> usize {
    (-(step.log10() + 1e-9).floor()).clamp(0.0, 12.0) as usize
}

#[expect(clippy::cast_precision_loss, reason = "a small number of ticks")]
fn count(most: usize) -> f64 {
    most as f64
}

/// 1, 2 or 5 times a power of ten, not below `step`.
fn nice(step: f64) -> f64 {
    if !(step.is_finite() && step > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(step.log10().floor());
    let factor = step / power;
    let round = [1.0, 2.0, 5.0, 10.0].into_iter().find(|round| factor <= round * 1.000_001).unwrap_or(10.0);
    round * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: Scale, most: usize) -> Vec<String> {
        scale.ticks(most).into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn ticks_are_round_and_rise() {
        let axis = Axis::counts("images");
        let scale = Scale::over(&axis, [3.0, 87.0].into_iter(), true);
        assert_eq!(
            (scale.ends(), texts(scale, 5)),
            ((0.0, 100.0), ["0", "20", "40", "60", "80", "100"].map(str::to_owned).into())
        );
        let scale = Scale::over(&Axis::share("share"), [0.4].into_iter(), true);
        assert_eq!(texts(scale, 2), ["0\u{a0}%", "50\u{a0}%", "100\u{a0}%"]);
        let log = Axis { log: true, ..Axis::counts("images") };
        let scale = Scale::over(&log, [0.0, 1.0, 123_456.0].into_iter(), true);
        assert_eq!(texts(scale, 3), ["1", "100", "10\u{202f}000", "1\u{202f}000\u{202f}000"]);
        for values in
            [vec![], vec![0.0], vec![7.0], vec![-3.0, 1e-9], vec![1e-300, 1e300], vec![-1e300, 1e300], vec![1e15, 1e15 + 2.0]]
        {
            for axis in [&axis, &log] {
                for most in 1..8 {
                    let scale = Scale::over(axis, values.iter().copied(), false).between(10.0, 20.0);
                    let at: Vec<f64> = scale.ticks(most).iter().map(|tick| scale.at(tick.0)).collect();
                    assert!(at.windows(2).all(|pair| pair[0] < pair[1]), "{values:?} {at:?}");
                    assert!(at.iter().all(|at| (10.0..=20.0).contains(at)) && at.len() <= 2 * most + 4, "{values:?} {at:?}");
                }
            }
        }
    }

    #[test]
    fn a_range_holds_the_numbers_beyond_it() {
        let scale = Scale::over(&Axis::unit("F1", 2), [1.02].into_iter(), false);
        assert!(scale.ends().0.abs() < 1e-12 && (scale.ends().1 - 1.2).abs() < 1e-12, "{scale:?}");
        assert_eq!(Scale::over(&Axis::unit("F1", 2), [f64::NAN, f64::INFINITY].into_iter(), false).ends(), (0.0, 1.0));
    }
}
