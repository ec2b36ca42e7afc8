//! Read: every image's bytes once, for its identity and for all rows that the plan wants from it.
//!
//! N workers take whole images: read, hash, and compute each wanted row with buffers of their own. One thread, the caller's,
//! owns the store and receives the results in batches, so that memory stays bounded by the workers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::walk::stat;
use crate::id::{ContentId, RowKey};
use crate::photo::decode::FILE_LIMIT_BYTES;
use crate::step::{Cancel, Context, RowMapper, RowWorker, StepError};
use crate::store::Stat;
use crate::table::encode_row;

/// A per-image function that takes part in a pass.
pub struct Mapping<'a> {
    /// Step that asks for it, for messages.
    pub step: &'a str,
    /// The function.
    pub mapper: &'a dyn RowMapper,
    /// What its workers may know of the project.
    pub context: Context<'a>,
    /// Rows that need not be computed, by recipe: sorted.
    pub known: Vec<Arc<Vec<ContentId>>>,
}

/// An image to read.
#[derive(Debug, Clone)]
pub struct ReadJob {
    /// Where it lies.
    pub path: PathBuf,
    /// The content that it must have, where known: rows are stored under no other.
    pub expected: Option<ContentId>,
    /// Mapping and recipe, for each row wanted.
    pub wants: Vec<(usize, usize)>,
}

/// Why an image could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadProblem {
    /// No bytes.
    ZeroByte,
    /// It cannot be opened or read.
    Unreadable,
    /// It changed while it was read, twice.
    Changing,
    /// Its content is not the expected one.
    OtherContent,
    /// It is larger than any image ([`FILE_LIMIT_BYTES`]): it is not held in memory.
    TooLarge,
}

/// What came of a [`ReadJob`].
pub struct ReadDone {
    /// Index of the job.
    pub job: usize,
    /// Its content, or why there is none.
    pub content: Result<ContentId, ReadProblem>,
    /// As it was when read.
    pub stat: Option<Stat>,
    /// Rows computed, encoded.
    pub rows: Vec<(RowKey, Vec<u8>)>,
    /// Bytes read, repeated reads counted.
    pub bytes_read: u64,
}

/// Results travel in batches: one message per image would cost more than hashing a small one.
const BATCH: usize = 64;
/// A slow pass (a network per image) still shows its progress.
const BATCH_TIME: Duration = Duration::from_millis(400);

/// How many images to read, and each of them when its turn comes: a million paths are not laid out in advance.
pub struct ReadJobs<'j> {
    /// How many.
    pub count: usize,
    /// The one at a place.
    pub job: &'j (dyn Fn(usize) -> ReadJob + Sync),
}

/// Reads all `jobs` and hands what came of them to `sink`, on the calling thread, in no particular order.
///
/// # Errors
/// When a worker cannot be made, when the sink fails, or when the person stops: images already read have been handed over.
pub fn read_all(
    jobs: &ReadJobs<'_>,
    mappings: &[Mapping<'_>],
    workers: usize,
    cancel: &Cancel,
    sink: &mut dyn FnMut(Vec<ReadDone>) -> Result<(), StepError>,
) -> Result<(), StepError> {
    let next = AtomicUsize::new(0);
    let stop = Cancel::default();
    let (sender, receiver) = sync_channel::<Result<Vec<ReadDone>, StepError>>(workers * 4);
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, jobs.count.max(1)) {
            let sender = sender.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || {
                let mut worker = Worker::new(mappings);
                worker.work(jobs, next, &|| cancel.is_cancelled() || stop.is_cancelled(), &sender);
            });
        }
        drop(sender);
        let mut failure = None;
        for batch in receiver {
            let outcome = batch.and_then(|batch| if failure.is_none() { sink(batch) } else { Ok(()) });
            if let Err(error) = outcome {
                stop.cancel();
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(()), Err)
    })?;
    cancel.check()
}

/// One thread's buffers and row workers.
struct Worker<'a> {
    mappings: &'a [Mapping<'a>],
    rows: BTreeMap<usize, Box<dyn RowWorker>>,
    buffer: Vec<u8>,
}

impl<'a> Worker<'a> {
    fn new(mappings: &'a [Mapping<'a>]) -> Self {
        Self { mappings, rows: BTreeMap::new(), buffer: Vec::new() }
    }

    fn work(
        &mut self,
        jobs: &ReadJobs<'_>,
        next: &AtomicUsize,
        stopped: &dyn Fn() -> bool,
        sender: &SyncSender<Result<Vec<ReadDone>, StepError>>,
    ) {
        let (mut batch, mut sent) = (Vec::new(), Instant::now());
        while !stopped() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= jobs.count {
                break;
            }
            match self.image(at, &(jobs.job)(at)) {
                Ok(done) => batch.push(done),
                Err(error) => {
                    // The receiver is gone only when the whole pass is over.
                    let _ = sender.send(Err(error));
                    break;
                }
            }
            if batch.len() >= BATCH || sent.elapsed() >= BATCH_TIME {
                if sender.send(Ok(std::mem::take(&mut batch))).is_err() {
                    return;
                }
                sent = Instant::now();
            }
        }
        if !batch.is_empty() {
            let _ = sender.send(Ok(batch));
        }
    }

    fn image(&mut self, at: usize, job: &ReadJob) -> Result<ReadDone, StepError> {
        let mut done = ReadDone { job: at, content: Err(ReadProblem::Changing), stat: None, rows: Vec::new(), bytes_read: 0 };
        // A file that is being copied may be complete at the second look.
        for _ in 0..2 {
            done.content = match read_stable(&job.path, &mut self.buffer) {
                Ok((stat, stable)) => {
                    done.bytes_read += self.buffer.len() as u64;
                    done.stat = Some(stat);
                    match (stable, self.buffer.is_empty()) {
                        (false, _) => Err(ReadProblem::Changing),
                        (true, true) => Err(ReadProblem::ZeroByte),
                        (true, false) => Ok(ContentId::of(&self.buffer)),
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => Err(ReadProblem::TooLarge),
                Err(_) => Err(ReadProblem::Unreadable),
            };
            if done.content != Err(ReadProblem::Changing) {
                break;
            }
        }
        if let (Ok(content), Some(expected)) = (done.content, job.expected)
            && content != expected
        {
            done.content = Err(ReadProblem::OtherContent);
        }
        let Ok(content) = done.content else { return Ok(done) };
        for (mapping, recipe) in &job.wants {
            let wanted = &self.mappings[*mapping];
            if wanted.known[*recipe].binary_search(&content).is_ok() {
                continue;
            }
            let worker = match self.rows.entry(*mapping) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => entry.insert(wanted.mapper.worker(&wanted.context)?),
            };
            let cells = worker.map(*recipe, &self.buffer, content);
            let row = encode_row(&cells).map_err(|error| {
                let path = job.path.display();
                StepError::Data(format!("step `{}` computed a row of `{path}` that cannot be stored: {error}", wanted.step))
            })?;
            done.rows.push((wanted.mapper.recipes()[*recipe].key, row));
        }
        Ok(done)
    }
}

/// Reads a whole file into `buffer`; says whether size and times were the same before and after.
fn read_stable(path: &Path, buffer: &mut Vec<u8>) -> std::io::Result<(Stat, bool)> {
    buffer.clear();
    let mut file = File::open(path)?;
    let before = stat(&file.metadata()?);
    if before.size > FILE_LIMIT_BYTES {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    buffer.reserve(usize::try_from(before.size).unwrap_or(0).saturating_add(1));
    // It may grow while it is read.
    (&mut file).take(FILE_LIMIT_BYTES + 1).read_to_end(buffer)?;
    let after = stat(&file.metadata()?);
    Ok((before, before == after && buffer.len() as u64 == before.size))
}
