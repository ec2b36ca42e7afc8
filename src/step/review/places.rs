//! Where the image of a row lies, whatever the row says of it: its folder has another name since, or a spreadsheet changed the row.

use std::collections::{BTreeMap, HashSet};

use super::asked::Asked;
use super::findings::Findings;
use super::rows::Row;
use crate::labels::{Label, kept};
use crate::moves::{Moves, Place};

/// Why a row counts for an image at another place than it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The image moved.
    Moved,
    /// Its bytes are those of the one image asked about that has them.
    Content,
}

impl Asked {
    /// The place of the image that a label is about, where the label says another. With `surely`, the bytes alone decide; without, only
    /// where no image asked about lies where the label says: it may be about a copy there.
    #[must_use]
    pub fn place_of(&self, label: &Label<'_>, moves: &Moves, surely: bool) -> Option<(Place, Because)> {
        let said = Place::new(&label.season, &label.site);
        if label.site.is_empty() && label.season.is_empty() {
            return None;
        }
        let rows = label.observation.map_or(&[][..], |content| self.with_content(content));
        if rows.iter().any(|row| self.fits(*row, label)) {
            return None;
        }
        let moved = match label.observation {
            Some(content) => moves.now(&said, content),
            None => moves.all_of(&said),
        };
        if let Some(to) = moved {
            return Some((to.clone(), Because::Moved));
        }
        let [only] = rows else { return None };
        if !surely && self.has_place(&said) {
            return None;
        }
        let text = |name: &str, said: &str| {
            self.table.column(name).map_or(said, |column| column.text(*only as usize).unwrap_or_default()).to_owned()
        };
        Some((Place { season: text("season", &said.season), site: text("site", &said.site) }, Because::Content))
    }
}

/// Gives each of `rows` the place of its image.
pub(super) fn follow(asked: &Asked, moves: &Moves, rows: &mut [Row<'_>], findings: &mut Findings) {
    let mut moved: BTreeMap<(Place, Place), u64> = BTreeMap::new();
    for row in rows {
        let Some((place, because)) = asked.place_of(&row.label, moves, false) else { continue };
        let said = Place::new(&row.label.season, &row.label.site);
        match because {
            Because::Moved => *moved.entry((said, place.clone())).or_default() += 1,
            Because::Content => {
                findings.add("other_place", || format!("{}: `{}` is `{}`", row.place(), said.words(&place), place.words(&said)));
            }
        }
        row.label.season = place.season.into();
        row.label.site = place.site.into();
    }
    for ((from, to), count) in moved {
        let answers = if count == 1 { "1 answer of".to_owned() } else { format!("{count} answers of") };
        let (verb, was, is) = (if count == 1 { "follows" } else { "follow" }, from.words(&to), to.words(&from));
        findings.add_many("moved_answers", count, || format!("{answers} `{was}` {verb} to `{is}`"));
    }
}

/// The places of the images asked about.
pub(super) fn places(asked: &crate::table::Table) -> HashSet<Place> {
    let text = |name: &str, row: usize| asked.column(name).and_then(|column| column.text(row)).unwrap_or_default();
    (0..asked.rows).map(|row| Place::new(&kept(text("season", row)), &kept(text("site", row)))).collect()
}
