//! Distinct texts in the order of their first occurrence, each stored once.

use super::TableError;

/// Distinct texts behind one another, with where each ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dictionary {
    pub arena: String,
    pub ends: Vec<u32>,
}

impl Dictionary {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text behind `code`; codes come from this dictionary.
    pub fn get(&self, code: u32) -> &str {
        let at = code as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.arena[start..self.ends[at] as usize]
    }

    fn push(&mut self, text: &str) -> Result<u32, TableError> {
        let code = u32::try_from(self.ends.len()).map_err(|_| TableError::TooLarge)?;
        let end = u32::try_from(self.arena.len() + text.len()).map_err(|_| TableError::TooLarge)?;
        self.arena.push_str(text);
        self.ends.push(end);
        Ok(code)
    }

    /// Says whether all texts differ.
    pub fn is_distinct(&self) -> bool {
        let mut slots = Slots::with_capacity(self.len());
        (0..self.ends.len()).all(|at| {
            let Ok(code) = u32::try_from(at) else { return false };
            let text = self.get(code);
            let slot = slots.find(text, self);
            let free = slots.codes[slot] == 0;
            slots.codes[slot] = code + 1;
            free
        })
    }
}

/// A dictionary that finds its texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    pub dictionary: Dictionary,
    slots: Slots,
    last: Option<u32>,
}

impl Interner {
    /// The code of `text`, new where it was not yet seen.
    pub fn intern(&mut self, text: &str) -> Result<u32, TableError> {
        // Rows come sorted by site and season: the text is most often the one before.
        if let Some(last) = self.last
            && self.dictionary.get(last) == text
        {
            return Ok(last);
        }
        if self.slots.codes.len() < (self.dictionary.len() + 1) * 2 {
            self.slots = Slots::of(&self.dictionary);
        }
        let slot = self.slots.find(text, &self.dictionary);
        let code = match self.slots.codes[slot] {
            0 => {
                let code = self.dictionary.push(text)?;
                self.slots.codes[slot] = code + 1;
                code
            }
            taken => taken - 1,
        };
        self.last = Some(code);
        Ok(code)
    }
}

/// Open addressing over codes + 1; 0 is free. Half as many bytes as a map of strings, and no second copy of them.
#[derive(Debug, Clone, Default)]
struct Slots {
    codes: Vec<u32>,
}

impl Slots {
    fn with_capacity(texts: usize) -> Self {
        Self { codes: vec![0; (texts.max(4) * 4).next_power_of_two()] }
    }

    fn of(dictionary: &Dictionary) -> Self {
        let mut slots = Self::with_capacity(dictionary.len());
        for code in 0..u32::try_from(dictionary.len()).unwrap_or(u32::MAX) {
            let slot = slots.find(dictionary.get(code), dictionary);
            slots.codes[slot] = code + 1;
        }
        slots
    }

    /// The slot that holds `text`, or the free one where it belongs.
    fn find(&self, text: &str, dictionary: &Dictionary) -> usize {
        let mask = self.codes.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "only the low bits choose a slot")]
        let mut at = hash(text.as_bytes()) as usize & mask;
        loop {
            match self.codes[at] {
                0 => return at,
                code if dictionary.get(code - 1) == text => return at,
                _ => at = (at + 1) & mask,
            }
        }
    }
}

/// A fast hash of eight bytes a step. It never leaves this file, so its values may change.
fn hash(bytes: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = K ^ bytes.len() as u64;
    let mut mix = |word: u64| {
        let product = u128::from(state ^ word) * u128::from(K);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves are folded")]
        let folded = product as u64 ^ (product >> 64) as u64;
        state = folded;
    };
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        mix(u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    mix(u64::from_le_bytes(last));
    state ^ (state >> 32)
}
