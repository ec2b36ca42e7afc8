//! Moves: images that lie under another site or season now than when the project first knew them, as `moves.csv` remembers.
//!
//! An image is known by its bytes, its site and its season. Where somebody corrects the name of a folder, the bytes are the same:
//! names, answers, samples and rows of the clock table given under the old place belong to the image in its new one.

use crate::id::ContentId;
use crate::table::{Reading, TableError, csv};

/// The file's name, beside the pipeline.
pub const FILE_NAME: &str = "moves.csv";

/// The columns, in the order written.
const COLUMNS: [&str; 6] = ["time", "from_season", "from_site", "to_season", "to_site", "content"];

/// Where an observation is made, as the path says it; empty where the pattern has no such part.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Season.
    pub season: String,
    /// Site.
    pub site: String,
}

impl Place {
    /// A place.
    #[must_use]
    pub fn new(season: &str, site: &str) -> Self {
        Self { season: season.to_owned(), site: site.to_owned() }
    }

    /// The place in words, beside another: the season is named only where it differs.
    #[must_use]
    pub fn words(&self, other: &Self) -> String {
        match (self.season == other.season, self.site == other.site) {
            (true, _) => self.site.clone(),
            (false, true) => self.season.clone(),
            (false, false) => format!("{} {}", self.site, self.season).trim().to_owned(),
        }
    }
}

/// One image that went from one place to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// When a run noticed; empty in a line that somebody wrote.
    pub time: String,
    /// Where it was.
    pub from: Place,
    /// Where it is since.
    pub to: Place,
    /// Its bytes.
    pub content: ContentId,
}

impl Move {
    fn order(&self) -> (&ContentId, &str, &Place, &Place) {
        (&self.content, &self.time, &self.from, &self.to)
    }
}

/// All moves of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// By content, then time.
    list: Vec<Move>,
}

impl Moves {
    /// Those that a file holds; none of a file that is not there.
    ///
    /// # Errors
    /// [`TableError::Text`] naming line, column and the way out.
    pub fn read(bytes: Option<&[u8]>) -> Result<Self, TableError> {
        let mut moves = Self::default();
        let Some(bytes) = bytes else { return Ok(moves) };
        let error = |line: Option<u64>, column: Option<&str>, message: String| TableError::Text {
            file: FILE_NAME.to_owned(),
            line,
            column: column.map(str::to_owned),
            message,
        };
        let mut records = Reading::tolerant(FILE_NAME).records(bytes)?;
        let mut fields = Vec::new();
        let Some(line) = records.next(&mut fields)? else { return Ok(moves) };
        let header: Vec<String> = fields.iter().map(|field| field.text.trim().to_owned()).collect();
        let mut places = [0; COLUMNS.len()];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            *place = header.iter().position(|column| column == name).ok_or_else(|| {
                error(Some(line), Some(name), format!("the column is missing; the file has `{}`", COLUMNS.join("`, `")))
            })?;
        }
        while let Some(line) = records.next(&mut fields)? {
            if fields.iter().all(|field| field.text.trim().is_empty()) {
                continue;
            }
            if fields.len() != header.len() {
                let message = format!(
                    "{} fields under a header of {}; keep the lines of both sides of a merge, without its marks",
                    fields.len(),
                    header.len()
                );
                return Err(error(Some(line), None, message));
            }
            let at = |place: usize| fields[places[place]].text.as_ref();
            let content = at(5).trim().parse().map_err(|cause| error(Some(line), Some("content"), format!("{cause}")))?;
            let (from, to) = (Place::new(at(1), at(2)), Place::new(at(3), at(4)));
            moves.list.push(Move { time: at(0).to_owned(), from, to, content });
        }
        moves.settle();
        Ok(moves)
    }

    fn settle(&mut self) {
        self.list.sort_by(|a, b| a.order().cmp(&b.order()));
        self.list.dedup();
    }

    /// Adds moves.
    pub fn extend(&mut self, moves: impl IntoIterator<Item = Move>) {
        self.list.extend(moves);
        self.settle();
    }

    /// Says whether nothing moved.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The bytes of the file: by time and place, so that a new move is a block of new lines.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut order: Vec<&Move> = self.list.iter().collect();
        order.sort_by(|a, b| (&a.time, &a.from, &a.to, &a.content).cmp(&(&b.time, &b.from, &b.to, &b.content)));
        let mut out = COLUMNS.join(",").into_bytes();
        out.push(b'\n');
        for one in order {
            for text in [&one.time, &one.from.season, &one.from.site, &one.to.season, &one.to.site] {
                if !text.is_empty() {
                    csv::write_text(text, &mut out);
                }
                out.push(b',');
            }
            out.extend_from_slice(one.content.to_string().as_bytes());
            out.push(b'\n');
        }
        out
    }

    fn of(&self, content: ContentId) -> &[Move] {
        let start = self.list.partition_point(|one| one.content < content);
        let length = self.list[start..].partition_point(|one| one.content == content);
        &self.list[start..start + length]
    }

    /// The places at which an image was after `place`, or before it, one after another. Lines of one moment may stand in any order.
    fn walk<'a>(&'a self, place: &'a Place, content: ContentId, is_forward: bool) -> Vec<&'a Place> {
        let mut moves: Vec<&Move> = self.of(content).iter().filter(|one| one.from != one.to).collect();
        if !is_forward {
            moves.reverse();
        }
        let (mut walked, mut now, mut when) = (Vec::new(), place, None);
        loop {
            let is_next = |one: &&Move| {
                let (start, time) = (if is_forward { &one.from } else { &one.to }, one.time.as_str());
                start == now && when.is_none_or(|when| if is_forward { time >= when } else { time <= when })
            };
            let Some(at) = moves.iter().position(is_next) else { return walked };
            let one = moves.remove(at);
            (now, when) = (if is_forward { &one.to } else { &one.from }, Some(one.time.as_str()));
            walked.push(now);
        }
    }

    /// Where the image with `content` that lay at `place` lies now; `None` where it is still there, as far as is known.
    #[must_use]
    pub fn now<'a>(&'a self, place: &'a Place, content: ContentId) -> Option<&'a Place> {
        self.walk(place, content, true).pop().filter(|now| *now != place)
    }

    /// Where the images of `place` went, if all that moved from there went to one other.
    #[must_use]
    pub fn all_of(&self, place: &Place) -> Option<&Place> {
        let mut went = self.list.iter().filter(|one| one.from == *place && one.to != *place).map(|one| &one.to);
        let first = went.next()?;
        went.all(|to| to == first).then_some(first)
    }

    /// The other places at which the image with `content` that lies at `place` has been, the last first.
    #[must_use]
    pub fn before<'a>(&'a self, place: &'a Place, content: ContentId) -> Vec<&'a Place> {
        let mut found: Vec<&Place> = Vec::new();
        for earlier in self.walk(place, content, false) {
            if earlier != place && !found.contains(&earlier) {
                found.push(earlier);
            }
        }
        found
    }

    /// The place that the image with `content` that lies at `place` had first; `None` where it was always there.
    #[must_use]
    pub fn first<'a>(&'a self, place: &'a Place, content: ContentId) -> Option<&'a Place> {
        self.walk(place, content, false).pop().filter(|first| *first != place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(site: &str) -> Place {
        Place::new("2024", site)
    }

    fn moves(steps: &[(&str, &str, &str)]) -> Moves {
        let content = ContentId::of(b"x");
        let mut moves = Moves::default();
        moves.extend(steps.iter().map(|(time, from, to)| Move {
            time: (*time).to_owned(),
            from: place(from),
            to: place(to),
            content,
        }));
        moves
    }

    #[test]
    fn an_image_is_followed_through_all_its_places_whatever_the_order_of_the_lines() {
        let content = ContentId::of(b"x");
        let moves = moves(&[("2026-02", "s01", "s001"), ("2026-01", "s1", "s01")]);
        assert_eq!(Moves::read(Some(&moves.write())).unwrap(), moves);
        assert_eq!(moves.now(&place("s1"), content), Some(&place("s001")));
        assert_eq!(moves.first(&place("s001"), content), Some(&place("s1")));
        assert_eq!(moves.before(&place("s001"), content), [&place("s01"), &place("s1")]);
        assert_eq!(moves.now(&place("s2"), content), None);
        assert_eq!(moves.now(&place("s1"), ContentId::of(b"y")), None);
        assert_eq!(moves.all_of(&place("s1")), Some(&place("s01")));
    }

    #[test]
    fn lines_of_one_moment_are_followed_in_any_order() {
        let content = ContentId::of(b"x");
        let moves = moves(&[("2026-01", "s01", "s001"), ("2026-01", "s1", "s01")]);
        assert_eq!(moves.now(&place("s1"), content), Some(&place("s001")));
        assert_eq!(moves.first(&place("s001"), content), Some(&place("s1")));
    }

    #[test]
    fn an_image_that_comes_back_is_where_it_was_first() {
        let content = ContentId::of(b"x");
        let moves = moves(&[("2026-01", "s1", "s01"), ("2026-02", "s01", "s1")]);
        assert_eq!(moves.now(&place("s01"), content), Some(&place("s1")));
        assert_eq!((moves.now(&place("s1"), content), moves.first(&place("s1"), content)), (None, None));
        assert_eq!(moves.before(&place("s1"), content), [&place("s01")]);
    }

    #[test]
    fn mistakes_name_the_line_and_the_way_out() {
        let error = |text: &str| Moves::read(Some(text.as_bytes())).unwrap_err().to_string();
        assert!(error("time,content\n").contains("line 1, column `from_season`: the column is missing"));
        assert!(error("time,from_season,from_site,to_season,to_site,content\n,,a,,b,x\n").contains("line 2, column `content`"));
    }
}
