//! Answers beside the images that they are about.

use super::asked::Asked;
use super::rows::Row;
use crate::labels::{Standing, Standings, shown};
use crate::observation;

/// Whatever is neither `blind` nor empty may have been seen with the model's answer.
pub(super) fn is_shown(row: &Row<'_>) -> bool {
    !row.label.shown.is_empty() && row.label.shown != shown::BLIND
}

/// The rows of label files, matched with the images and compared.
pub(super) struct Weighed<'a> {
    /// The rows of the files.
    pub rows: &'a [Row<'a>],
    /// The images asked about.
    pub asked: &'a Asked,
    /// By row: which observation. Those from [`Asked::len`] on are not asked about.
    pub standing: Vec<Standing<'a>>,
    /// The first row of each observation that is not asked about.
    pub others: Vec<u32>,
    /// What the answers come to.
    pub standings: Standings,
}

impl Weighed<'_> {
    /// The row of the asked table, if the observation is asked about.
    pub fn asked_row(&self, observation: u32) -> Option<u32> {
        ((observation as usize) < self.asked.len()).then_some(observation)
    }

    /// The first row of an observation that is not asked about.
    pub fn other(&self, observation: u32) -> Option<&Row<'_>> {
        let at = (observation as usize).checked_sub(self.asked.len())?;
        self.rows.get(*self.others.get(at)? as usize)
    }

    /// An observation in words.
    pub fn words(&self, observation: u32) -> String {
        match self.other(observation) {
            None => observation::words(&self.asked.table, observation as usize),
            Some(row) => {
                let content = row.label.observation.map(|id| id.to_string()).unwrap_or_default();
                let image = if row.label.file.is_empty() { content.as_str() } else { row.label.file.as_ref() };
                let parts = [row.label.site.as_ref(), row.label.season.as_ref(), image];
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
            }
        }
    }
}
