//! Which images of a group come first: the least certain, or those unlike all before them.

use crate::step::StepError;
use crate::step::classify::CLASS_PREFIX;
use crate::step::sample::bins::confidence;
use crate::table::{Column, Schema, Table, Type};

/// What a column of a network's features starts with.
pub(super) const FEATURE_PREFIX: &str = "f_";

/// The order of candidates within a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Random,
    LeastConfidence,
    Margin,
    Entropy,
    Diversity,
}

impl Order {
    pub const WORDS: &'static [&'static str] = &["random", "least_confidence", "margin", "entropy", "diversity"];

    pub fn of(word: &str) -> Self {
        match word {
            "least_confidence" => Self::LeastConfidence,
            "margin" => Self::Margin,
            "entropy" => Self::Entropy,
            "diversity" => Self::Diversity,
            _ => Self::Random,
        }
    }

    /// What the order needs and `schema` lacks.
    pub fn lacks(self, schema: &Schema) -> Option<&'static str> {
        let number = |name: &str| schema.field(name).is_some_and(|field| matches!(field.ty, Type::Float32 | Type::Float64));
        let classes = !names(schema, CLASS_PREFIX).is_empty();
        match self {
            Self::LeastConfidence if !number("confidence") => Some("`confidence`"),
            Self::Margin if !(classes || number("confidence") && number("confidence_2")) => {
                Some("`confidence` and `confidence_2`, or `p_CLASS`")
            }
            Self::Entropy if !classes => Some("`p_CLASS`"),
            Self::Diversity if !classes && names(schema, FEATURE_PREFIX).is_empty() => Some("`f_*` or `p_CLASS`"),
            _ => None,
        }
    }
}

/// Columns of confidences with a prefix, in the order of the schema.
fn names<'a>(schema: &'a Schema, prefix: &str) -> Vec<&'a str> {
    let columns = schema.fields.iter().filter(|field| field.ty == Type::Float32 && field.name.starts_with(prefix));
    columns.map(|field| field.name.as_str()).collect()
}

/// The scores of a table's rows: the smallest comes first.
pub(super) struct Scores<'a> {
    order: Order,
    confidence: Option<(&'a Column, Option<&'a Column>)>,
    classes: Vec<&'a Column>,
}

impl<'a> Scores<'a> {
    pub fn of(order: Order, images: &'a Table) -> Result<Self, StepError> {
        let classes = names(&images.schema, CLASS_PREFIX).into_iter().map(|name| images.require(name).map(AsRef::as_ref));
        let column = |name: &str| {
            images.column(name).filter(|column| matches!(column.ty(), Type::Float32 | Type::Float64)).map(AsRef::as_ref)
        };
        let confidence = column("confidence").map(|first| (first, column("confidence_2")));
        Ok(Self { order, confidence, classes: classes.collect::<Result<_, _>>()? })
    }

    /// The score of a row; `None` where its confidences are missing.
    fn score(&self, row: usize) -> Option<f64> {
        match self.order {
            Order::Random | Order::Diversity => Some(0.0),
            Order::LeastConfidence => Some(f64::from(confidence(self.confidence?.0, row)?)),
            Order::Margin => {
                let (first, second) = match self.confidence {
                    Some((first, Some(second))) => (confidence(first, row), confidence(second, row)),
                    _ => self.two_best(row),
                };
                // A model of one class has no second.
                Some(f64::from(first?) - f64::from(second.unwrap_or(0.0)))
            }
            Order::Entropy => {
                let known = self.classes.iter().filter_map(|column| column.float32(row)).map(f64::from);
                let entropy = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
                known.fold(None, |sum: Option<f64>, p| Some(sum.unwrap_or(0.0) + entropy(p))).map(|sum| -sum)
            }
        }
    }

    fn two_best(&self, row: usize) -> (Option<f32>, Option<f32>) {
        let known = self.classes.iter().filter_map(|column| column.float32(row));
        known.fold((None, None), |(first, second), p| match first {
            Some(best) if p <= best => (first, Some(second.map_or(p, |second: f32| second.max(p)))),
            _ => (Some(p), first),
        })
    }

    /// Says whether the row has what the order needs.
    pub fn has(&self, row: usize) -> bool {
        self.score(row).is_some()
    }

    /// The score as bits that order as the numbers do; rows without one come last.
    pub fn bits(&self, row: usize) -> u64 {
        let Some(score) = self.score(row) else { return u64::MAX };
        let bits = (score + 0.0).to_bits();
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    }
}

/// Points in the space of features, or of class confidences.
pub(super) struct Space<'a> {
    columns: Vec<&'a Column>,
}

impl<'a> Space<'a> {
    pub fn of(images: &'a Table) -> Result<Self, StepError> {
        let features = names(&images.schema, FEATURE_PREFIX);
        let names = if features.is_empty() { names(&images.schema, CLASS_PREFIX) } else { features };
        let columns = names.into_iter().map(|name| images.require(name).map(AsRef::as_ref)).collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }

    /// `count` of `rows`, each the one farthest from all before it; the first comes first, and of two as far the earlier one.
    pub fn spread(&self, rows: &[u32], count: usize) -> Vec<u32> {
        let width = self.columns.len();
        let mut points = Vec::with_capacity(rows.len() * width);
        for row in rows {
            points.extend(self.columns.iter().map(|column| column.float32(*row as usize).unwrap_or(0.0)));
        }
        let mut nearest = vec![f64::INFINITY; rows.len()];
        let mut chosen = Vec::with_capacity(count.min(rows.len()));
        while chosen.len() < count.min(rows.len()) {
            let farthest = (0..rows.len()).reduce(|best, at| if nearest[at] > nearest[best] { at } else { best });
            let Some(next) = farthest else { break };
            chosen.push(rows[next]);
            let centre = &points[next * width..(next + 1) * width];
            for (at, nearest) in nearest.iter_mut().enumerate() {
                *nearest = nearest.min(distance(centre, &points[at * width..(at + 1) * width]));
            }
            // Below any distance: it is not chosen twice, not even where all points are one.
            nearest[next] = -1.0;
        }
        chosen
    }
}

/// The squared distance of two points.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    // Eight sums side by side: the same numbers on every machine, several times as fast as one.
    let mut sums = [0.0_f32; 8];
    let (chunks, others) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = chunks.remainder().iter().zip(others.remainder()).map(|(a, b)| (a - b) * (a - b)).sum();
    for (a, b) in chunks.zip(others) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += (a - b) * (a - b);
        }
    }
    sums.iter().map(|sum| f64::from(*sum)).sum::<f64>() + f64::from(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::testing::table;
    use crate::table::Cell;

    fn points(fields: &[(&str, Type)], rows: &[&[f32]]) -> Table {
        table(fields, &rows.iter().map(|row| row.iter().map(|value| Cell::Float32(*value)).collect()).collect::<Vec<_>>())
    }

    fn ordered(order: Order, images: &Table) -> Vec<usize> {
        let scores = Scores::of(order, images).unwrap();
        let mut rows: Vec<usize> = (0..images.rows).collect();
        rows.sort_by_key(|row| scores.bits(*row));
        rows
    }

    #[test]
    fn uncertain_images_come_first_by_each_measure() {
        let fields = [("p_a", Type::Float32), ("p_b", Type::Float32), ("p_c", Type::Float32), ("confidence", Type::Float32)];
        let images =
            points(&fields, &[&[0.8, 0.1, 0.1, 0.8], &[0.5, 0.5, 0.0, 0.5], &[0.4, 0.3, 0.3, 0.4], &[1.0, 0.0, 0.0, 1.0]]);
        assert_eq!(ordered(Order::LeastConfidence, &images), [2, 1, 0, 3]);
        assert_eq!(ordered(Order::Margin, &images), [1, 2, 0, 3]);
        assert_eq!(ordered(Order::Entropy, &images), [2, 1, 0, 3]);
        assert_eq!(ordered(Order::Random, &images), [0, 1, 2, 3]);
        // Entropy of 0.4, 0.3, 0.3.
        let entropy = -Scores::of(Order::Entropy, &images).unwrap().score(2).unwrap();
        assert!((entropy - 1.088_899_9).abs() < 1e-6, "{entropy}");
    }

    #[test]
    fn each_next_image_is_the_farthest_from_all_before() {
        let fields = [("f_0", Type::Float32), ("f_1", Type::Float32), ("p_a", Type::Float32)];
        let images =
            points(&fields, &[&[0.0, 0.0, 0.0], &[1.0, 0.0, 9.0], &[10.0, 0.0, 0.0], &[0.0, 4.0, 0.0], &[10.0, 0.0, 0.0]]);
        let space = Space::of(&images).unwrap();
        assert_eq!(space.spread(&[0, 1, 2, 3, 4], 4), [0, 2, 3, 1]);
        assert_eq!(space.spread(&[4, 2], 5), [4, 2], "two of one place");
        assert_eq!(space.spread(&[], 5), [0_u32; 0]);
    }
}
