//! A vector of bits: which values are there, and the values of a true-or-false column.

/// Bits in words of 64, those beyond the length zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// `len` bits of one value.
    pub fn filled(len: usize, value: bool) -> Self {
        let mut bits = Self { words: vec![if value { u64::MAX } else { 0 }; len.div_ceil(64)], len };
        bits.clear_tail();
        bits
    }

    fn clear_tail(&mut self) {
        let used = self.len % 64;
        if used != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << used) - 1;
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, value: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        if value && let Some(last) = self.words.last_mut() {
            *last |= 1 << (self.len % 64);
        }
        self.len += 1;
    }

    pub fn get(&self, at: usize) -> bool {
        at < self.len && (self.words[at / 64] >> (at % 64)) & 1 == 1
    }

    pub fn count_ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Appends the bits as bytes, lowest bit first.
    pub fn write(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len.div_ceil(8);
        for word in &self.words {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.truncate(end);
    }

    /// Reads what [`Bits::write`] wrote; `None` where a bit beyond the length is set or the length is wrong.
    pub fn read(bytes: &[u8], len: usize) -> Option<Self> {
        if bytes.len() != len.div_ceil(8) {
            return None;
        }
        let mut words = Vec::with_capacity(len.div_ceil(64));
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            words.push(u64::from_le_bytes(word));
        }
        let bits = Self { words, len };
        let mut cleared = bits.clone();
        cleared.clear_tail();
        (cleared == bits).then_some(bits)
    }
}
