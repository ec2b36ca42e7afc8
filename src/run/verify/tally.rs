//! How far rows computed now agree with those stored.

use std::collections::BTreeMap;

use crate::id::{ContentId, RowKey};
use crate::run::compare::{TOLERANCE, Verdict, number};
use crate::run::history::step_error;
use crate::run::read::ReadDone;
use crate::step::StepError;
use crate::store::Store;
use crate::table::{TableError, decode_row};

/// Differences between rows computed now and rows stored.
#[derive(Default)]
pub(super) struct Tally {
    pub checked: u64,
    largest: f64,
    labels: u64,
    withheld: u64,
    unknown: u64,
}

impl Tally {
    /// Takes a batch of images in.
    pub fn images(&mut self, batch: &[ReadDone], store: &Store) -> Result<(), StepError> {
        let mut computed: BTreeMap<RowKey, BTreeMap<ContentId, &[u8]>> = BTreeMap::new();
        for done in batch {
            let Ok(content) = done.content else {
                self.withheld += 1;
                continue;
            };
            for (key, row) in &done.rows {
                computed.entry(*key).or_default().insert(content, row);
            }
        }
        for (key, rows) in computed {
            let contents: Vec<ContentId> = rows.keys().copied().collect();
            let mut outcome = Ok(());
            let read = store.read_rows(key, &contents, &mut |content, then| {
                if let Some(now) = rows.get(&content)
                    && let Err(error) = self.row(now, then)
                {
                    outcome = Err(error);
                }
            });
            self.unknown += read.map_err(step_error)?.lost.len() as u64;
            outcome.map_err(|error| StepError::Data(error.to_string()))?;
        }
        Ok(())
    }

    fn row(&mut self, now: &[u8], then: &[u8]) -> Result<(), TableError> {
        self.checked += 1;
        if now == then {
            return Ok(());
        }
        for (a, b) in decode_row(now)?.iter().zip(&decode_row(then)?) {
            match (number(a.as_ref()), number(b.as_ref())) {
                (Some(a), Some(b)) => self.largest = self.largest.max((a - b).abs()),
                _ if a == b => {}
                _ => self.labels += 1,
            }
        }
        Ok(())
    }

    /// What came of all of them.
    pub fn verdict(self) -> Verdict {
        if self.withheld > 0 || self.unknown > 0 {
            let because = format!("{} images are gone or changed, {} rows are not in the store", self.withheld, self.unknown);
            return Verdict::NotCheckable { because };
        }
        match (self.largest, self.labels) {
            (0.0, 0) => Verdict::Exact,
            (largest, labels) if largest <= TOLERANCE => Verdict::Within { largest, labels, which: Vec::new() },
            (largest, labels) => Verdict::Differs { what: format!("numbers by up to {largest:.3e}, {labels} other cells") },
        }
    }
}
