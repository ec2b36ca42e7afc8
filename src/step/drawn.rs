//! How the rows of a table were chosen, as far as an estimate that rests on them needs it.

use std::collections::BTreeSet;

/// The samples behind the rows of a table: follows from the steps before it, never from what its rows hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drawn {
    /// A sample chose some of the rows.
    pub by_chance: bool,
    /// Columns of the groups that these samples were drawn in. Within a group of all of them together each sample is a simple random
    /// one, whichever of the columns it was drawn by.
    pub by: BTreeSet<String>,
    /// Steps whose rows may be those of samples, of which nobody says how they were drawn.
    pub unknown: BTreeSet<String>,
    /// Reviews of samples in which people see what the model says.
    pub not_blind: BTreeSet<String>,
}

impl Drawn {
    /// Rows that may be of any sample, from the step `name`.
    #[must_use]
    pub fn unknown(name: &str) -> Self {
        Self { unknown: BTreeSet::from([name.to_owned()]), ..Self::default() }
    }

    /// Rows of several tables.
    #[must_use]
    pub fn together<'a>(tables: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for one in tables {
            all.by_chance |= one.by_chance;
            all.by.extend(one.by.iter().cloned());
            all.unknown.extend(one.unknown.iter().cloned());
            all.not_blind.extend(one.not_blind.iter().cloned());
        }
        all
    }

    /// Rows of the tables of a port.
    #[must_use]
    pub fn of_port(inputs: &[Vec<Self>], port: usize) -> Self {
        Self::together(inputs.get(port).into_iter().flatten())
    }
}

/// `first`, then those of `more` that are not among them.
pub(super) fn joined<'a>(first: &'a [String], more: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for name in first.iter().chain(more) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}
