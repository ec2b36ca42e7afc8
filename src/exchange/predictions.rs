//! What detectors and classifiers of others say of images, as a table of predictions.

use crate::table::{ColumnBuilder, Schema, Table, TableError, Type};

/// How many labels an image carries, the surest first.
pub const RANKS: usize = 5;

/// The columns: the file's path as it stands there with `/` between its parts, labels and confidences by rank, the model, and why
/// there is no label.
pub const COLUMNS: [(&str, Type); 3 + 2 * RANKS] = [
    ("path", Type::Text),
    ("label", Type::Text),
    ("confidence", Type::Float32),
    ("label_2", Type::Text),
    ("confidence_2", Type::Float32),
    ("label_3", Type::Text),
    ("confidence_3", Type::Float32),
    ("label_4", Type::Text),
    ("confidence_4", Type::Float32),
    ("label_5", Type::Text),
    ("confidence_5", Type::Float32),
    ("model", Type::Text),
    ("problem", Type::Text),
];

/// What is said of one image.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// As the file writes it.
    pub path: &'a str,
    /// Labels with their confidences, the one that counts first.
    pub ranked: &'a [(&'a str, f32)],
    /// Who says it.
    pub model: Option<&'a str>,
    /// Why there is no label.
    pub problem: Option<&'a str>,
    /// When the image was taken, by its own clock, in seconds since 1970: as the file says it.
    pub taken: Option<i64>,
}

/// Answers, one row each.
#[derive(Debug)]
pub struct Answers {
    builders: Vec<ColumnBuilder>,
    /// An image may show several things: each has an answer of its own.
    pub several: bool,
    /// Images begun so far.
    begun: u64,
    /// The image of each answer, from 0 over all files.
    images: Vec<u64>,
    /// When the image of each answer was taken.
    taken: Vec<Option<i64>>,
}

impl Default for Answers {
    fn default() -> Self {
        let builders = COLUMNS.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
        Self { builders, several: false, begun: 0, images: Vec::new(), taken: Vec::new() }
    }
}

impl Answers {
    /// Rows so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.builders[0].len()
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Begins the next image of a file.
    pub fn begin(&mut self) {
        self.begun += 1;
    }

    /// Images begun so far.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// The image of each answer, from 0 over all files.
    #[must_use]
    pub fn images(&self) -> &[u64] {
        &self.images
    }

    /// When the image of each answer was taken, as far as the files say it.
    #[must_use]
    pub fn taken(&self) -> &[Option<i64>] {
        &self.taken
    }

    /// Adds what is seen in an image: one answer for all, or one for each where an image may show several things.
    pub fn push_seen(&mut self, answer: &Answer<'_>) {
        if self.several && answer.ranked.len() > 1 {
            for one in answer.ranked {
                self.push(&Answer { ranked: std::slice::from_ref(one), ..*answer });
            }
        } else {
            self.push(answer);
        }
    }

    /// Adds an answer.
    pub fn push(&mut self, answer: &Answer<'_>) {
        self.images.push(self.begun.saturating_sub(1));
        self.taken.push(answer.taken);
        let [path, ranks @ .., model, problem] = &mut self.builders[..] else { return };
        if answer.path.contains('\\') {
            path.push_text(&answer.path.replace('\\', "/"));
        } else {
            path.push_text(answer.path);
        }
        for (rank, columns) in ranks.chunks_exact_mut(2).enumerate() {
            match answer.ranked.get(rank) {
                Some((label, confidence)) => {
                    columns[0].push_text(label);
                    columns[1].push_float32(*confidence);
                }
                None => columns.iter_mut().for_each(ColumnBuilder::push_null),
            }
        }
        model.push_optional_text(answer.model);
        problem.push_optional_text(answer.problem);
    }

    /// The table.
    ///
    /// # Errors
    /// When it is too large.
    pub fn finish(self) -> Result<Table, TableError> {
        Table::from_builders(Schema::of(&COLUMNS), self.builders)
    }
}

/// What a detector finds in one image, by category.
#[derive(Debug, Default)]
pub struct Detected<'a> {
    /// Categories with their highest confidence, in the order of the file.
    pub categories: Vec<(&'a str, f32)>,
    /// The highest confidence of all detections, those included that do not count.
    pub highest: f32,
}

impl<'a> Detected<'a> {
    /// Takes in a detection; it counts where `confidence` reaches `threshold`. Says whether it is the surest that counts so far.
    pub fn add(&mut self, category: &'a str, confidence: f32, threshold: f32) -> bool {
        self.highest = self.highest.max(confidence);
        if confidence < threshold {
            return false;
        }
        let surest = self.categories.iter().all(|(_, best)| confidence > *best);
        match self.categories.iter_mut().find(|(name, _)| *name == category) {
            Some((_, best)) => *best = best.max(confidence),
            None => self.categories.push((category, confidence)),
        }
        surest
    }

    /// Categories, the surest first; where nothing was found, `empty` with what the highest confidence leaves.
    #[must_use]
    pub fn ranked(mut self, empty: &'a str) -> Vec<(&'a str, f32)> {
        if self.categories.is_empty() {
            return vec![(empty, 1.0 - self.highest)];
        }
        self.categories.sort_by(|a, b| b.1.total_cmp(&a.1));
        self.categories
    }
}
