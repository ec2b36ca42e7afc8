//! How far the reviewers of a review agree, from what each said first.

use std::collections::BTreeMap;

use crate::stats::agreement::{Agreement, Answer, agreement};
use crate::stats::interval::z_of;

/// Of 20 intervals 19 hold the truth.
const LEVEL: f64 = 0.95;

/// Who was compared, and how far they agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreed {
    /// Those who answered about an image about which another answered too, by name.
    pub reviewers: Vec<String>,
    /// How far they agree.
    pub found: Agreement,
}

/// Compares answers, (reviewer, class) by image: the first of each reviewer, without those of arbiters, who know what was said before
/// ([`crate::labels::Answers::first`]). `None` where no image has two.
pub fn agreed<'a>(images: impl IntoIterator<Item = Vec<(&'a str, &'a str)>>) -> Option<Agreed> {
    let images: Vec<_> = images.into_iter().filter(|answers| answers.len() > 1).collect();
    let numbered = |name: &dyn Fn(&(&'a str, &'a str)) -> &'a str| -> BTreeMap<&'a str, u32> {
        let mut names: BTreeMap<&str, u32> = images.iter().flatten().map(|answer| (name(answer), 0)).collect();
        (0..).zip(names.values_mut()).for_each(|(number, place)| *place = number);
        names
    };
    let (reviewers, classes) = (numbered(&|answer| answer.0), numbered(&|answer| answer.1));
    let answer = |(reviewer, class): &(&str, &str)| -> Answer { (reviewers[reviewer], classes[class]) };
    let items: Vec<Vec<Answer>> = images.iter().map(|answers| answers.iter().map(answer).collect()).collect();
    let found = agreement(&items, z_of(LEVEL))?;
    Some(Agreed { reviewers: reviewers.into_keys().map(str::to_owned).collect(), found })
}
