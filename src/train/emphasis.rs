//! Emphasis sampling: images that the network misjudged come again soon, in batches between those of the epoch.
//!
//! *Source*: Norouzzadeh et al. 2018, PNAS 115: E5716, supplement.

use std::collections::VecDeque;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Labels among which the true class must be not to count as wholly missed.
const FIRST_FIVE: u32 = 5;

/// Images waiting for another chance. It can be written to a checkpoint and read back: what follows is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Emphasis {
    top_1: f64,
    top_5: f64,
    /// Whose first label was wrong.
    missed_first: Queue,
    /// Whose first five labels were all wrong.
    missed_five: Queue,
}

impl Emphasis {
    /// Two empty queues, of which the first gives a batch with a probability of `top_1` and the second with `top_5`.
    #[must_use]
    pub fn new(top_1: f64, top_5: f64) -> Self {
        Self { top_1, top_5, missed_first: Queue::default(), missed_five: Queue::default() }
    }

    /// Takes note of a batch that was learned from: `ranks` are the places of the true classes among the labels, 0 for the first.
    ///
    /// A misjudged image joins the end of its queue, of both where all five labels were wrong; one that waits already keeps its
    /// place.
    pub fn observe(&mut self, images: &[u32], ranks: &[u32]) {
        for (image, rank) in images.iter().zip(ranks) {
            if *rank > 0 {
                self.missed_first.push(*image);
            }
            if *rank >= FIRST_FIVE {
                self.missed_five.push(*image);
            }
        }
    }

    /// Another batch from the front of a queue, by chance: to be asked for once after each batch of the epoch, and learned from
    /// before the next. At most one queue gives; one with fewer than `batch` images waits until it has more, for a batch norm
    /// needs a whole batch.
    ///
    /// *Determinism*: each call takes one number from `rng`, whatever the queues hold.
    pub fn next(&mut self, rng: &mut ChaCha8Rng, batch: usize) -> Option<Vec<u32>> {
        let drawn: f64 = rng.random();
        if drawn < self.top_1 {
            self.missed_first.take(batch)
        } else if drawn < self.top_1 + self.top_5 {
            self.missed_five.take(batch)
        } else {
            None
        }
    }

    /// How many images wait in the two queues.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        (self.missed_first.images.len(), self.missed_five.images.len())
    }
}

/// Images in the order in which they came, each once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "VecDeque<u32>", into = "VecDeque<u32>")]
struct Queue {
    images: VecDeque<u32>,
    /// Which images wait, by number.
    waits: Vec<bool>,
}

impl Queue {
    fn push(&mut self, image: u32) {
        let at = image as usize;
        if at >= self.waits.len() {
            self.waits.resize(at + 1, false);
        }
        if !std::mem::replace(&mut self.waits[at], true) {
            self.images.push_back(image);
        }
    }

    fn take(&mut self, batch: usize) -> Option<Vec<u32>> {
        if batch == 0 || self.images.len() < batch {
            return None;
        }
        let taken: Vec<u32> = self.images.drain(..batch).collect();
        for image in &taken {
            self.waits[*image as usize] = false;
        }
        Some(taken)
    }
}

impl From<VecDeque<u32>> for Queue {
    fn from(images: VecDeque<u32>) -> Self {
        let mut queue = Self::default();
        for image in images {
            queue.push(image);
        }
        queue
    }
}

impl From<Queue> for VecDeque<u32> {
    fn from(queue: Queue) -> Self {
        queue.images
    }
}

#[cfg(test)]
mod tests {
    use super::super::chance;
    use super::*;

    /// `top_1 = 1`: the first queue always gives, the second never.
    fn first_queue() -> Emphasis {
        Emphasis::new(1.0, 0.0)
    }

    #[test]
    fn images_come_from_the_front_in_whole_batches() {
        let (mut emphasis, mut rng) = (first_queue(), chance(1, "emphasis", &[]));
        emphasis.observe(&[10, 11, 12, 13], &[1, 0, 7, 2]);
        assert_eq!(emphasis.waiting(), (3, 1));
        assert_eq!(emphasis.next(&mut rng, 4), None, "three are no batch of four");
        emphasis.observe(&[14, 12, 11], &[4, 3, 1]);
        assert_eq!(emphasis.next(&mut rng, 4), Some(vec![10, 12, 13, 14]), "12 waited already and keeps its place");
        assert_eq!(emphasis.waiting(), (1, 1));
        emphasis.observe(&[10], &[1]);
        assert_eq!(emphasis.next(&mut rng, 2), Some(vec![11, 10]), "misjudged again: at the end again");
    }

    #[test]
    fn the_second_queue_holds_what_five_labels_missed() {
        let (mut emphasis, mut rng) = (Emphasis::new(0.0, 1.0), chance(1, "emphasis", &[]));
        emphasis.observe(&[1, 2, 3, 4, 5], &[0, 4, 5, 1, 47]);
        assert_eq!(emphasis.waiting(), (4, 2));
        assert_eq!(emphasis.next(&mut rng, 2), Some(vec![3, 5]));
        assert_eq!(emphasis.waiting(), (4, 0));
    }

    #[test]
    fn batches_come_as_often_as_the_probabilities_say() {
        let mut rng = chance(3, "emphasis", &[]);
        let (mut first, mut second) = (0, 0);
        for _ in 0..20_000 {
            // Image 0 is in the first queue alone, image 1 at the front of the second.
            let mut emphasis = Emphasis::new(0.20, 0.35);
            emphasis.observe(&[0, 1], &[1, 5]);
            match emphasis.next(&mut rng, 1).as_deref() {
                Some([0]) => first += 1,
                Some([1]) => second += 1,
                _ => {}
            }
        }
        // Four standard errors of a share of 20 000 draws are .011 and .0135.
        assert!((f64::from(first) / 20_000.0 - 0.20).abs() < 0.011, "{first}");
        assert!((f64::from(second) / 20_000.0 - 0.35).abs() < 0.0135, "{second}");
    }

    #[test]
    fn a_call_takes_one_number_whatever_waits() {
        let (mut full, mut empty) = (Emphasis::new(0.5, 0.5), Emphasis::new(0.5, 0.5));
        full.observe(&(0..100).collect::<Vec<_>>(), &[9; 100]);
        let (mut one, mut other) = (chance(5, "emphasis", &[]), chance(5, "emphasis", &[]));
        for _ in 0..10 {
            assert!(full.next(&mut one, 5).is_some() && empty.next(&mut other, 5).is_none());
        }
        assert_eq!(one.random::<u64>(), other.random::<u64>());
    }

    #[test]
    fn a_checkpoint_goes_on_as_if_nothing_had_happened() {
        let mut emphasis = Emphasis::new(0.20, 0.35);
        emphasis.observe(&[7, 3, 9, 1_000_000], &[1, 2, 6, 5]);
        let text = serde_json::to_string(&emphasis).unwrap();
        assert!(text.len() < 120, "what can be told from the queues is not written: {text}");
        let mut read: Emphasis = serde_json::from_str(&text).unwrap();
        assert_eq!(read, emphasis);
        for each in [&mut emphasis, &mut read] {
            each.observe(&[3, 4], &[1, 1]);
        }
        assert_eq!(read, emphasis);
    }
}
