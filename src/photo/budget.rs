//! Memory for decoding: one budget for all threads, so that a few bytes that unpack into a gigabyte cannot take the machine.
//!
//! Whether an image is decoded depends on the image alone: one that needs more than the whole budget is refused, any other waits until
//! the large images of other threads are done. A thread decodes one image at a time, so that nobody waits for ever.

use std::sync::{Condvar, Mutex, PoisonError};

use super::decode::DecodeError;

/// What the large images of all threads may take together, in bytes.
pub const BUDGET_BYTES: u64 = 800_000_000;
/// What an image may take without asking, in bytes: 20 megapixels of an ordinary JPEG.
pub const SMALL_BYTES: u64 = 64_000_000;

static TAKEN: Mutex<u64> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// The right to take so many bytes, until it is dropped.
#[derive(Debug)]
pub struct Permit(u64);

/// Waits until `bytes` may be taken; small amounts need no permit.
///
/// # Errors
/// When they are more than the whole budget.
pub fn take(bytes: u64) -> Result<Option<Permit>, DecodeError> {
    if bytes > BUDGET_BYTES {
        return Err(DecodeError::TooMuchMemory { megabytes: bytes / 1_000_000, limit: BUDGET_BYTES / 1_000_000 });
    }
    if bytes <= SMALL_BYTES {
        return Ok(None);
    }
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut taken = FREED.wait_while(taken, |taken| *taken + bytes > BUDGET_BYTES).unwrap_or_else(PoisonError::into_inner);
    *taken += bytes;
    Ok(Some(Permit(bytes)))
}

impl Drop for Permit {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        FREED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn large_images_take_turns_and_only_what_can_never_fit_is_refused() {
        assert!(take(SMALL_BYTES).unwrap().is_none());
        let error = take(BUDGET_BYTES + 1_000_000).unwrap_err();
        assert_eq!(error, DecodeError::TooMuchMemory { megabytes: 801, limit: 800 });
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _permit = take(300_000_000).unwrap();
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    }
}
