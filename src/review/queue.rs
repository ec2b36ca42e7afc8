//! The order in which one reviewer sees the images, and what of them is left to do.

use super::book::{Book, Standing};
use super::names::NameOrder;
use crate::event::{Events, GAP_S};
use crate::table::{Groups, Table, TableError};

/// What a reviewer is here for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// To say what is seen.
    Review,
    /// To decide where reviewers disagree.
    Adjudicate,
}

/// The queue of one reviewer.
#[derive(Debug)]
pub struct Queue {
    reviewer: String,
    role: Role,
    /// The images in their order.
    pub order: Vec<u32>,
    /// The place of each image in `order`; none where the reviewer is not asked.
    pub place: Vec<Option<u32>>,
    mine: Vec<bool>,
    to_do: Vec<bool>,
    /// How many images the reviewer answered.
    pub answered: usize,
    /// How many are left.
    pub left: usize,
}

impl Queue {
    /// The queue of `reviewer`: season by season and site by site in an order of the reviewer's own, so that two who begin together
    /// do not walk in step; at each site by time, and first those without a time, by the names of their files.
    ///
    /// # Errors
    /// When the images' table lacks a column.
    pub fn of(book: &Book, reviewer: &str, role: Role) -> Result<Self, TableError> {
        let all = order(&book.asked.table, reviewer)?;
        let disputed = |image: &u32| book.standing(*image) == Standing::Disputed || is_arbitrated(book, *image, reviewer);
        let order: Vec<u32> = all.into_iter().filter(|image| role == Role::Review || disputed(image)).collect();
        let mut place = vec![None; book.len()];
        for (at, image) in (0_u32..).zip(&order) {
            place[*image as usize] = Some(at);
        }
        let reviewer = reviewer.to_owned();
        let none = vec![false; book.len()];
        let mut queue = Self { reviewer, role, order, place, mine: none.clone(), to_do: none, answered: 0, left: 0 };
        for at in 0..queue.order.len() {
            queue.update(book, queue.order[at]);
        }
        Ok(queue)
    }

    /// Takes up what became of an image.
    pub fn update(&mut self, book: &Book, image: u32) {
        if self.place[image as usize].is_none() {
            return;
        }
        let mine = !book.own(image, &self.reviewer).is_empty();
        let to_do = match self.role {
            Role::Review => !mine && !book.is_done_by_others(image, &self.reviewer),
            Role::Adjudicate => book.standing(image) == Standing::Disputed,
        };
        let at = image as usize;
        self.answered = self.answered + usize::from(mine) - usize::from(self.mine[at]);
        self.left = self.left + usize::from(to_do) - usize::from(self.to_do[at]);
        (self.mine[at], self.to_do[at]) = (mine, to_do);
    }

    /// Says whether the reviewer still has to look at an image.
    #[must_use]
    pub fn is_to_do(&self, image: u32) -> bool {
        self.to_do[image as usize]
    }
}

/// Says whether `reviewer` decided between others' answers.
fn is_arbitrated(book: &Book, image: u32, reviewer: &str) -> bool {
    let others: Vec<&str> =
        (book.rows(image).iter()).filter(|given| given.label.reviewer != reviewer).map(|given| given.label.id.as_ref()).collect();
    book.own(image, reviewer).iter().any(|given| given.label.superseded().any(|id| others.contains(&id)))
}

fn order(table: &Table, reviewer: &str) -> Result<Vec<u32>, TableError> {
    let places: Vec<&str> = ["season", "site"].into_iter().filter(|name| table.column(name).is_some()).collect();
    let groups = Groups::of(table, &places)?;
    let rank = |group: usize| {
        let mut hasher = blake3::Hasher::new_derive_key("trapline review order 1");
        for text in [reviewer, &groups.words(group)] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        *hasher.finalize().as_bytes()
    };
    let ranks: Vec<[u8; 32]> = (0..groups.len()).map(rank).collect();
    let events = Events::of(table, GAP_S, &[])?;
    let names = NameOrder::of(table, &events);
    // The images of an event stay together, also where another trigger of the camera falls between them.
    let key = |place: &u32| {
        let row = events.order[*place as usize] as usize;
        let event = events.of_row[row];
        let (first_name, name) = (names.of_event(event), names.of_row(events.order[*place as usize]));
        (ranks[groups.of_row[row] as usize], events.list[event as usize].first, first_name, event, name, *place)
    };
    let mut order: Vec<u32> = (0..u32::try_from(events.order.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by_cached_key(key);
    Ok(order.into_iter().map(|place| events.order[place as usize]).collect())
}
