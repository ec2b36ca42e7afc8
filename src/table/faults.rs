//! Faults of a file that is read to its end: a person corrects them together, not one after another.

use super::TableError;

/// Faults as they are found: the first ones, and how many there are.
#[derive(Debug, Default)]
pub struct Faults {
    first: Vec<TableError>,
    count: u64,
}

impl Faults {
    /// How many are told; all are counted.
    pub const TOLD: usize = 20;

    /// Adds a fault; its words are made only where they will be told.
    pub fn push(&mut self, fault: impl FnOnce() -> TableError) {
        self.count += 1;
        if self.first.len() < Self::TOLD {
            self.first.push(fault());
        }
    }

    /// Adds `count` faults of which the first are `told`.
    pub fn extend(&mut self, told: impl IntoIterator<Item = TableError>, count: u64) {
        let room = Self::TOLD.saturating_sub(self.first.len());
        self.first.extend(told.into_iter().take(room));
        self.count += count;
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Fails where there is a fault: a single one speaks for itself.
    ///
    /// # Errors
    /// The fault, or [`TableError::Several`].
    pub fn check(&mut self) -> Result<(), TableError> {
        let found = std::mem::take(self);
        let mut first = found.first;
        match (first.pop(), found.count) {
            (None, _) => Ok(()),
            (Some(only), 1) => Err(only),
            (Some(last), count) => {
                first.push(last);
                Err(TableError::Several { first, count })
            }
        }
    }
}

/// Several faults, each on its own line.
pub(super) fn listed(first: &[TableError], count: u64) -> String {
    let mut text = format!("{count} faults:");
    for fault in first {
        text.push_str("\n  ");
        text.push_str(&fault.to_string());
    }
    match count.saturating_sub(first.len() as u64) {
        0 => {}
        more => text.push_str(&format!("\n  and {more} more")),
    }
    text
}

/// As much of a value as a message needs: values of damaged files may be as long as the file.
#[must_use]
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    match text.char_indices().nth(LONGEST) {
        None => text.chars().map(plain).collect(),
        Some((end, _)) => text[..end].chars().map(plain).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: u64) -> TableError {
        TableError::Text { file: "a.csv".into(), line: Some(line), column: None, message: "wrong".into() }
    }

    #[test]
    fn one_fault_speaks_for_itself_and_many_are_told_with_the_count_of_the_rest() {
        let mut faults = Faults::default();
        assert!(faults.check().is_ok());
        faults.push(|| fault(2));
        assert_eq!(faults.check().unwrap_err().to_string(), "`a.csv`, line 2: wrong");
        (0..23).for_each(|line| faults.push(|| fault(line)));
        let text = faults.check().unwrap_err().to_string();
        assert!(text.starts_with("23 faults:\n  `a.csv`, line 0: wrong\n") && text.ends_with("line 19: wrong\n  and 3 more"));
    }

    #[test]
    fn a_long_value_is_not_told_in_full() {
        assert_eq!(excerpt("vole\n"), "vole ");
        assert_eq!(excerpt(&"é".repeat(1000)).chars().count(), 61);
    }
}
