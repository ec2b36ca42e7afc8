//! Counts the entries that an EXIF block would expand to, before the EXIF reader expands them.
//!
//! Pointers may lead many times to the same directory, so that 64 KiB can describe 10^11 entries. The reader
//! has no limit on that; this walk mirrors how it follows pointers and stops at a budget.

const ENTRY_BUDGET: u32 = 20_000;
/// A text is split at each NUL into vectors of its own: a long one costs 24 times its size.
const TEXT_LIMIT_BYTES: u32 = 65_536;

const EXIF_POINTER: u16 = 0x8769;
const GPS_POINTER: u16 = 0x8825;
const INTEROP_POINTER: u16 = 0xA005;

#[derive(Clone, Copy, PartialEq)]
enum Context {
    Tiff,
    Exif,
    Leaf,
}

struct Walk<'a> {
    data: &'a [u8],
    little_endian: bool,
    left: u32,
}

/// Tells whether the block stays within what any camera writes.
pub(super) fn within_budget(data: &[u8]) -> bool {
    let little_endian = data.starts_with(b"II");
    let mut walk = Walk { data, little_endian, left: ENTRY_BUDGET };
    let Some(mut offset) = walk.u32(4) else { return true };
    for _ in 0..8 {
        if offset == 0 {
            break;
        }
        match walk.directory(offset as usize, Context::Tiff) {
            Ok(Some(next)) => offset = next,
            Ok(None) => break,
            Err(OverBudget) => return false,
        }
    }
    true
}

struct OverBudget;

impl Walk<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.data.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// Walks one directory and its children; gives the offset of the next, or `None` where the data ends.
    fn directory(&mut self, offset: usize, context: Context) -> Result<Option<u32>, OverBudget> {
        let Some(count) = self.u16(offset) else { return Ok(None) };
        let mut at = offset + 2;
        for _ in 0..count {
            let (Some(tag), Some(kind), Some(length)) = (self.u16(at), self.u16(at + 2), self.u32(at + 4)) else {
                return Ok(None);
            };
            self.left = self.left.checked_sub(1).ok_or(OverBudget)?;
            if kind == 2 && length > TEXT_LIMIT_BYTES {
                return Err(OverBudget);
            }
            let child = match (context, tag) {
                (Context::Tiff, EXIF_POINTER) => Some(Context::Exif),
                (Context::Tiff, GPS_POINTER) | (Context::Exif, INTEROP_POINTER) => Some(Context::Leaf),
                _ => None,
            };
            if let (Some(child), Some(target)) = (child, self.first_number(kind, length, at + 8)) {
                self.directory(target as usize, child)?;
            }
            at += 12;
        }
        Ok(self.u32(at))
    }

    fn first_number(&self, kind: u16, length: u32, at: usize) -> Option<u32> {
        let size: u64 = match kind {
            1 => 1,
            3 => 2,
            4 => 4,
            _ => return None,
        };
        let at = if size * u64::from(length) <= 4 { at } else { self.u32(at)? as usize };
        match kind {
            1 => self.data.get(at).copied().map(u32::from),
            3 => self.u16(at).map(u32::from),
            _ => self.u32(at),
        }
    }
}
