//! On which side a group falls: by a keyed hash of itself, or as a column says.

use std::collections::BTreeMap;

use super::groups::Grouped;
use crate::diagnostic::Spanned;
use crate::step::StepError;
use crate::table::Table;
use crate::taxonomy::{Role, Taxonomy};

/// A side, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Train,
    Validation,
    Test,
}

impl Side {
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Its word in the column `split`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.word() == word)
    }
}

/// How much falls on which side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shares {
    pub validation: f64,
    pub test: f64,
    pub stratify: bool,
    pub seed: i64,
}

impl Shares {
    /// The share of a side that is wanted.
    pub fn of(&self, side: Side) -> f64 {
        match side {
            Side::Train => 1.0 - self.validation - self.test,
            Side::Validation => self.validation,
            Side::Test => self.test,
        }
    }

    /// The test comes first: another share of validation moves nothing into or out of it.
    fn side(&self, chance: f64) -> Side {
        match chance {
            chance if chance < self.test => Side::Test,
            chance if chance < self.test + self.validation => Side::Validation,
            _ => Side::Train,
        }
    }
}

/// Gives each group its side.
pub(super) fn by_chance(images: &Table, grouped: &Grouped, shares: &Shares, taxonomy: &Taxonomy) -> Result<Vec<Side>, StepError> {
    let key = blake3::derive_key("trapline 2026 side of a group of images", &shares.seed.to_le_bytes());
    let chances: Vec<f64> = grouped.keys.iter().map(|group| chance(&key, *group)).collect();
    let of_group = if shares.stratify {
        counted(images, grouped, shares, &chances, taxonomy)?
    } else {
        chances.iter().map(|chance| shares.side(*chance)).collect()
    };
    Ok(grouped.of_row.iter().map(|group| of_group[*group as usize]).collect())
}

/// Where the hash of a group lies, from 0 to below 1.
fn chance(key: &[u8; 32], group: u128) -> f64 {
    let mut half = [0; 8];
    half.copy_from_slice(&blake3::keyed_hash(key, &group.to_le_bytes()).as_bytes()[..8]);
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    let upper = (u64::from_le_bytes(half) >> 11) as f64;
    upper / 2_f64.powi(53)
}

/// Within each class and season, the groups with the smallest hashes.
fn counted(
    images: &Table,
    grouped: &Grouped,
    shares: &Shares,
    chances: &[f64],
    taxonomy: &Taxonomy,
) -> Result<Vec<Side>, StepError> {
    let seasons = texts(images, "season");
    let classes = images.require("class")?;
    let animal: Vec<bool> =
        classes.texts().map(|name| taxonomy.class(name).is_none_or(|class| class.role == Role::Animal)).collect();
    // The smallest of its rows says where a group belongs. Groups that share a key (late images of a numbered event) go together.
    let mut by_key: BTreeMap<u128, (Stratum<'_>, Vec<usize>)> = BTreeMap::new();
    let mut seen = vec![false; grouped.keys.len()];
    for (row, group) in grouped.of_row.iter().enumerate() {
        let is_animal = classes.code(row).is_some_and(|code| animal[code as usize]);
        let own = (!is_animal, classes.text(row).unwrap_or_default(), seasons.get(row).map_or("", String::as_str));
        let group = *group as usize;
        let (stratum, groups) = by_key.entry(grouped.keys[group]).or_insert_with(|| (own, Vec::new()));
        *stratum = own.min(*stratum);
        if !std::mem::replace(&mut seen[group], true) {
            groups.push(group);
        }
    }
    let mut strata: BTreeMap<Stratum<'_>, Vec<(u64, Vec<usize>)>> = BTreeMap::new();
    for (stratum, groups) in by_key.into_values() {
        // Numbers from 0 up are ordered as their bits.
        strata.entry(stratum).or_default().push((chances[groups[0]].to_bits(), groups));
    }
    let mut sides = vec![Side::Train; grouped.keys.len()];
    for groups in strata.values_mut() {
        groups.sort_unstable();
        let test = count(groups.len(), shares.test);
        let validation = count(groups.len(), shares.validation).min(groups.len() - test);
        for (place, (_, groups)) in groups.iter().enumerate().take(test + validation) {
            let side = if place < test { Side::Test } else { Side::Validation };
            for group in groups {
                sides[*group] = side;
            }
        }
    }
    Ok(sides)
}

/// No animal, class, season.
type Stratum<'a> = (bool, &'a str, &'a str);

/// The nearest number of groups, at least one of three or more.
fn count(groups: usize, share: f64) -> usize {
    if share <= 0.0 || groups < 3 {
        return 0;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "far below 2^52, not negative"
    )]
    let nearest = (groups as f64 * share).round() as usize;
    nearest.clamp(1, groups)
}

fn texts(images: &Table, name: &str) -> Vec<String> {
    let Some(column) = images.column(name) else { return Vec::new() };
    (0..images.rows).map(|row| column.cell(row).to_string()).collect()
}

/// The sides that somebody else gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given {
    pub column: Spanned<String>,
    /// What values mean, beside the words themselves.
    pub values: Vec<(String, Side)>,
}

impl Given {
    /// The side of each row.
    ///
    /// # Errors
    /// Names the values that mean no side.
    pub fn sides(&self, images: &Table) -> Result<Vec<Side>, StepError> {
        let column = images.require(&self.column.value)?;
        let mut unknown: BTreeMap<String, u64> = BTreeMap::new();
        let mut sides = Vec::with_capacity(images.rows);
        let mut last: Option<(String, Option<Side>)> = None;
        for row in 0..images.rows {
            let value = column.cell(row).to_string();
            let side = match &last {
                Some((known, side)) if *known == value => *side,
                _ => self.side(&value),
            };
            match side {
                Some(side) => sides.push(side),
                None => *unknown.entry(value.clone()).or_default() += 1,
            }
            last = Some((value, side));
        }
        if unknown.is_empty() {
            return Ok(sides);
        }
        let shown: Vec<String> =
            unknown.iter().take(super::EXAMPLES).map(|(value, n)| format!("`{value}` ({n} images)")).collect();
        Err(StepError::Data(format!(
            "values of `{}` say no side: {}; write what they mean, as in `values: {{ valid: validation }}`",
            self.column.value,
            shown.join(", ")
        )))
    }

    fn side(&self, value: &str) -> Option<Side> {
        let named = self.values.iter().find(|(known, _)| known == value).map(|(_, side)| *side);
        named.or_else(|| Side::of(value))
    }
}
