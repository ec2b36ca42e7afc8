//! The thresholds that decide.

use std::collections::BTreeMap;

/// The thresholds in force; `None` where no threshold is good enough.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chosen {
    pub for_all: Option<f64>,
    /// Those that differ, by class.
    pub per_class: BTreeMap<String, Option<f64>>,
}

impl Chosen {
    /// The threshold of a class.
    pub fn of(&self, class: &str) -> Option<f64> {
        self.per_class.get(class).copied().unwrap_or(self.for_all)
    }
}
