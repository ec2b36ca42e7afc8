//! Phases: optimizer, rates and imbalance of the first, and what follows it.

use super::super::super::ParamValue;
use super::{OUT_OF_RANGE, Reading, Recipe, Second, Spanned, UNKNOWN_PARAMETER, number};
use crate::diagnostic::codes::MISSING_PARAMETER;
use crate::train::{Free, Imbalance, Optimizer, Phase, Schedule};

/// Images of a class that are kept where `cap` is not given: the larger of the two caps that were published.
const CAP: u64 = 15_000;

/// How many times smaller the rates of a transfer's second phase are.
const SECOND_TIMES: f64 = 10.0;

impl Reading<'_> {
    /// All phases, in order.
    pub(super) fn phases(&mut self, recipe: &mut Recipe, preset: &str) -> Vec<Phase> {
        self.second(recipe, preset);
        let first = Phase {
            epochs: self.whole("epochs").unwrap_or(recipe.epochs),
            free: recipe.free,
            optimizer: self.optimizer(recipe.optimizer),
            schedule: self.schedule(&recipe.schedule),
            weight_decay: self.by_epoch("weight_decay").unwrap_or_else(|| recipe.weight_decay.clone()),
            imbalance: self.imbalance(&recipe.imbalance),
        };
        self.check_two_phase(recipe, first.imbalance);
        let (free, imbalance, times) = match recipe.second {
            Second::None => {
                self.check_epochs(first.epochs);
                return vec![first];
            }
            Second::LastLayer => (Free::Last(0), Imbalance::None, 1.0),
            Second::Parts(parts) => (Free::Last(parts), first.imbalance, SECOND_TIMES),
        };
        let epochs = self.whole("second_epochs").unwrap_or(first.epochs);
        self.check_epochs(first.epochs.max(epochs));
        let schedule = self.second_schedule(&first.schedule, times);
        let second = Phase { epochs, free, schedule, imbalance, ..first.clone() };
        vec![first, second]
    }

    /// Whether there is a second phase.
    fn second(&mut self, recipe: &mut Recipe, preset: &str) {
        match (self.given("two_phase"), recipe.second) {
            (Some(_), Second::Parts(_)) => {
                let message = format!("`{preset}` has two phases of its own, of another kind");
                self.refuse(UNKNOWN_PARAMETER, "two_phase", message, "choose another preset, with a model to `start` from");
            }
            (Some(true), _) => recipe.second = Second::LastLayer,
            (Some(false), _) => recipe.second = Second::None,
            (None, _) => {}
        }
        if recipe.second == Second::None {
            for name in ["second_epochs", "second_rate"] {
                self.idle(name, "there is one phase", "add `two_phase: true`, or leave it out");
            }
        }
    }

    /// The first of two phases is the one on a balanced set.
    fn check_two_phase(&mut self, recipe: &Recipe, imbalance: Imbalance) {
        if recipe.second == Second::LastLayer && imbalance == Imbalance::None {
            let name = if self.params.get("imbalance").is_some() { "imbalance" } else { "two_phase" };
            let message = "the first of two phases needs a method against imbalance, or both learn from the same images";
            self.refuse(UNKNOWN_PARAMETER, name, message, "choose `imbalance: undersample` or another, or `two_phase: false`");
        }
    }

    fn optimizer(&mut self, preset: Optimizer) -> Optimizer {
        let momentum = self.params.number("momentum");
        let chosen = match (self.params.text("optimizer"), preset) {
            (Some("adam"), _) => Optimizer::Adam,
            (Some("adamw"), _) => Optimizer::AdamW,
            (Some(_), Optimizer::Adam | Optimizer::AdamW) => Optimizer::Sgd { momentum: 0.9 },
            (_, preset) => preset,
        };
        match chosen {
            Optimizer::Sgd { momentum: usual } => Optimizer::Sgd { momentum: momentum.unwrap_or(usual) },
            other => {
                self.idle("momentum", "the optimizer is not `sgd`", "add `optimizer: sgd`, or leave it out");
                other
            }
        }
    }

    fn schedule(&mut self, preset: &Schedule) -> Schedule {
        let rate = self.params.number("learning_rate");
        let kind = self.params.text("schedule").unwrap_or(match preset {
            Schedule::Constant(_) => "constant",
            Schedule::OneCycle { .. } => "one_cycle",
            Schedule::Steps(_) => "steps",
        });
        let unused: &[&str] = match kind {
            "constant" => &["lowest_rate", "rate_steps"],
            "one_cycle" => &["rate_steps"],
            _ => &["learning_rate", "lowest_rate"],
        };
        for name in unused {
            let help = match *name {
                "rate_steps" => "add `schedule: steps`, or leave it out",
                "lowest_rate" => "add `schedule: one_cycle`, or leave it out",
                _ => "write `rate_steps`, or choose another `schedule`",
            };
            self.idle(name, &format!("the schedule is `{kind}`"), help);
        }
        let high = rate.unwrap_or(preset.highest());
        match kind {
            "constant" => Schedule::Constant(high),
            "one_cycle" => {
                // A thousandth, as in the recipe that brought the triangle.
                let usual = match preset {
                    Schedule::OneCycle { low, .. } => low.min(high),
                    _ => high / 1000.0,
                };
                let low = self.params.number("lowest_rate").unwrap_or(usual);
                self.check_lowest(low, high);
                Schedule::OneCycle { low, high }
            }
            _ => self.steps(preset),
        }
    }

    fn steps(&mut self, preset: &Schedule) -> Schedule {
        let given = self.by_epoch("rate_steps");
        match (given, preset) {
            (Some(rates), _) => {
                if rates.first().is_some_and(|first| first.0 > 0) {
                    let message = format!("`rate_steps` has no rate before epoch {}", rates[0].0 + 1);
                    self.refuse(OUT_OF_RANGE, "rate_steps", message, "let the first rate begin at 1: `{ 1: 0.01 }`");
                }
                Schedule::Steps(rates)
            }
            (None, Schedule::Steps(rates)) => Schedule::Steps(rates.clone()),
            (None, other) => {
                let message = "`schedule: steps` needs `rate_steps`";
                self.refuse(MISSING_PARAMETER, "schedule", message, "as in `rate_steps: { 1: 0.01, 19: 0.005 }`");
                other.clone()
            }
        }
    }

    fn check_lowest(&mut self, low: f64, high: f64) {
        if low > high {
            let name = if self.params.get("lowest_rate").is_some() { "lowest_rate" } else { "learning_rate" };
            let message = format!("the lowest rate, {low}, is above the highest, {high}");
            self.refuse(OUT_OF_RANGE, name, message, "the rate rises from `lowest_rate` to `learning_rate` and falls back");
        }
    }

    /// The first phase's schedule at rates so many times smaller, or at `second_rate`.
    fn second_schedule(&mut self, first: &Schedule, times: f64) -> Schedule {
        let rate = self.params.number("second_rate");
        match first {
            Schedule::Constant(high) => Schedule::Constant(rate.unwrap_or(high / times)),
            Schedule::OneCycle { low, high } => {
                let high = rate.unwrap_or(high / times);
                Schedule::OneCycle { low: low.min(high), high }
            }
            Schedule::Steps(rates) => {
                self.idle("second_rate", "the schedule is `steps`, in both phases", "leave it out, or choose another `schedule`");
                Schedule::Steps(rates.iter().map(|(epoch, rate)| (*epoch, rate / times)).collect())
            }
        }
    }

    fn imbalance(&mut self, preset: &Imbalance) -> Imbalance {
        let cap = self.params.int("cap").and_then(|cap| u64::try_from(cap).ok());
        let chosen = match self.params.text("imbalance") {
            Some("none") => Imbalance::None,
            Some("weighted") => Imbalance::Weighted { clamp: Some(0.01) },
            Some("oversample") => Imbalance::Oversample,
            Some("undersample") => Imbalance::Undersample { cap: CAP },
            Some("both") => Imbalance::Both { cap: CAP },
            Some(_) => Imbalance::Emphasis { top_1: 0.20, top_5: 0.35 },
            None => *preset,
        };
        for (name, used, method) in [
            ("cap", matches!(chosen, Imbalance::Undersample { .. } | Imbalance::Both { .. }), "undersample` or `both"),
            ("clamp", matches!(chosen, Imbalance::Weighted { .. }), "weighted"),
            ("emphasis_top_1", matches!(chosen, Imbalance::Emphasis { .. }), "emphasis"),
            ("emphasis_top_5", matches!(chosen, Imbalance::Emphasis { .. }), "emphasis"),
        ] {
            if !used {
                self.idle(name, &format!("it belongs to `imbalance: {method}`"), "add that, or leave it out");
            }
        }
        match chosen {
            Imbalance::Weighted { clamp } => {
                let clamp = self.params.number("clamp").or(clamp).filter(|clamp| *clamp > 0.0);
                Imbalance::Weighted { clamp }
            }
            Imbalance::Undersample { cap: usual } => Imbalance::Undersample { cap: cap.unwrap_or(usual) },
            Imbalance::Both { cap: usual } => Imbalance::Both { cap: cap.unwrap_or(usual) },
            Imbalance::Emphasis { top_1, top_5 } => self.emphasis(top_1, top_5),
            Imbalance::None | Imbalance::Oversample => chosen,
        }
    }

    fn emphasis(&mut self, top_1: f64, top_5: f64) -> Imbalance {
        let top_1 = self.params.number("emphasis_top_1").unwrap_or(top_1);
        let top_5 = self.params.number("emphasis_top_5").unwrap_or(top_5);
        if top_1 + top_5 > 1.0 {
            let name = if self.params.get("emphasis_top_5").is_some() { "emphasis_top_5" } else { "emphasis_top_1" };
            let message = format!("the chances of the two queues are {top_1} and {top_5}, more than 1 together");
            self.refuse(OUT_OF_RANGE, name, message, "after a batch comes one further batch at most");
        }
        Imbalance::Emphasis { top_1, top_5 }
    }

    /// Values by epoch, counted from 0 as trainings do.
    fn by_epoch(&self, name: &str) -> Option<Vec<(u32, f64)>> {
        let Some(Spanned { value: ParamValue::Map(entries), .. }) = self.params.get(name) else { return None };
        let entry = |(epoch, value): &(Spanned<String>, Spanned<ParamValue>)| {
            Some((epoch.value.parse::<u32>().ok()?.checked_sub(1)?, number(&value.value)?))
        };
        entries.iter().map(entry).collect()
    }

    /// What would begin after the last epoch was meant for a longer training.
    fn check_epochs(&mut self, epochs: u32) {
        for name in ["rate_steps", "weight_decay"] {
            let last = self.by_epoch(name).and_then(|values| values.last().map(|last| last.0 + 1));
            if let Some(last) = last.filter(|last| *last > epochs) {
                let message = format!("`{name}` says what holds from epoch {last} on, and the last is {epochs}");
                self.refuse(OUT_OF_RANGE, name, message, "raise `epochs`, or leave it out");
            }
        }
    }
}
