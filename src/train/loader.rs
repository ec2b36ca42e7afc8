//! Loader: batches of a training, made ahead of the network on other threads and handed out in their order.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use super::augment::Augmenter;
use super::chance;
use super::pixels::{PixelReader, Pixels, PixelsError};

/// Batches that each thread makes ahead.
const AHEAD: usize = 2;

/// Images ready for the network.
#[derive(Debug)]
pub struct Batch {
    /// Their places in the list of all images.
    pub images: Vec<u32>,
    /// batch x 3 x height x width.
    pub input: Vec<f32>,
}

/// How the images of an epoch are varied: chance is a function of these numbers and of an image's place in the epoch, so that a
/// training that is taken up again goes on as it would have.
#[derive(Debug, Clone, Copy)]
pub struct Variation {
    /// Of the training.
    pub seed: u64,
    /// Counted from 0 over all phases.
    pub epoch: u32,
}

/// Makes batches of prepared images.
#[derive(Debug, Clone, Copy)]
pub struct Loader<'a> {
    /// Where the pixels are.
    pub pixels: &'a Pixels,
    /// How they become a network's input.
    pub augmenter: &'a Augmenter,
    /// Numbers of one image: 3 x height x width.
    pub numbers: usize,
    /// Images of one batch.
    pub batch: usize,
    /// Threads to make them with.
    pub workers: usize,
}

impl<'a> Loader<'a> {
    /// Makes the batch of `images`, the first of which stands at `first` of the epoch; without variation where `vary` is `None`.
    ///
    /// # Errors
    /// When the pixels cannot be read.
    pub fn make(
        &self,
        reader: &mut PixelReader,
        images: &[u32],
        first: usize,
        vary: Option<Variation>,
    ) -> Result<Batch, PixelsError> {
        let mut input = vec![0.0; images.len() * self.numbers];
        for ((at, image), out) in images.iter().enumerate().zip(input.chunks_exact_mut(self.numbers)) {
            let place = (first + at) as u64;
            let mut rng = vary.map(|Variation { seed, epoch }| chance(seed, "augment", &[u64::from(epoch), place]));
            self.augmenter.prepare(reader.read(*image)?, rng.as_mut(), out);
        }
        Ok(Batch { images: images.to_vec(), input })
    }

    /// The batches of `order`, in order.
    pub fn stream<'s>(&'s self, scope: &'s Scope<'s, '_>, order: &'s [u32], vary: Option<Variation>) -> Batches
    where
        'a: 's,
    {
        let workers = self.workers.clamp(1, order.len().div_ceil(self.batch).max(1));
        let mut receivers = Vec::with_capacity(workers);
        for worker in 0..workers {
            let (sender, receiver) = sync_channel(AHEAD);
            receivers.push(receiver);
            scope.spawn(move || self.work(worker, workers, order, vary, &sender));
        }
        Batches { receivers, next: 0 }
    }

    /// Makes every `workers`th batch from the one at `worker` on, until nobody takes them any more.
    fn work(
        &self,
        worker: usize,
        workers: usize,
        order: &[u32],
        vary: Option<Variation>,
        sender: &SyncSender<Result<Batch, PixelsError>>,
    ) {
        let mut reader = match self.pixels.reader() {
            Ok(reader) => reader,
            Err(error) => {
                let _ = sender.send(Err(error));
                return;
            }
        };
        for (number, images) in order.chunks(self.batch).enumerate().skip(worker).step_by(workers) {
            if sender.send(self.make(&mut reader, images, number * self.batch, vary)).is_err() {
                return;
            }
        }
    }
}

/// Batches as they come.
#[derive(Debug)]
pub struct Batches {
    receivers: Vec<Receiver<Result<Batch, PixelsError>>>,
    next: usize,
}

impl Iterator for Batches {
    type Item = Result<Batch, PixelsError>;

    fn next(&mut self) -> Option<Self::Item> {
        // A thread that has made its last batch is asked again only after every other has: the first that ends is the end.
        let batch = self.receivers.get(self.next)?.recv().ok();
        self.next = (self.next + 1) % self.receivers.len();
        batch
    }
}
