//! The label of each event.

use super::votes::{Vote, Votes};
use super::{Rule, classes};
use crate::event::Events;
use crate::step::StepError;
use crate::step::classify::CLASS_PREFIX;
use crate::table::{Column, Table};

/// The label of an event.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Label {
    pub class: Option<String>,
    pub confidence: Option<f32>,
    pub manual: bool,
}

/// The labels of all events.
pub(super) struct Decided {
    pub labels: Vec<Label>,
    /// Mean confidences, class by class, of events with any; none unless they decide.
    pub means: Vec<Vec<Option<f32>>>,
}

/// Decides by what classes stand for.
pub(super) fn by_role(rule: Rule, events: &Events, votes: &Votes<'_>) -> Decided {
    let decide = |event: usize| {
        let rows = events.rows(event).iter().copied();
        let winner = match rule {
            Rule::AnyAnimal => strongest(rows.filter_map(|row| votes.either(row))),
            // Where people labelled any image, the others say nothing.
            _ => strongest(rows.clone().filter_map(|row| votes.manual(row)))
                .or_else(|| strongest(rows.filter_map(|row| votes.automatic(row)))),
        };
        winner.map_or_else(Label::default, |vote| Label {
            class: Some(vote.class.to_owned()),
            confidence: vote.confidence,
            manual: vote.manual,
        })
    };
    Decided { labels: (0..events.list.len()).map(decide).collect(), means: Vec::new() }
}

/// The vote of most weight; then people's before the model's, then the most confident, then the first.
fn strongest<'a>(votes: impl Iterator<Item = Vote<'a>>) -> Option<Vote<'a>> {
    let sure = |vote: &Vote<'_>| vote.confidence.unwrap_or(-1.0);
    votes.reduce(|best, vote| {
        let order = vote.weight.cmp(&best.weight).then(vote.manual.cmp(&best.manual)).then(sure(&vote).total_cmp(&sure(&best)));
        if order.is_gt() { vote } else { best }
    })
}

/// Decides by the mean confidence of each class over the images that were classified.
pub(super) fn average(images: &Table, events: &Events) -> Result<Decided, StepError> {
    let names = classes(&images.schema);
    let columns: Vec<&Column> = names.iter().map(|name| images.require(name).map(AsRef::as_ref)).collect::<Result<_, _>>()?;
    let mut means = vec![Vec::with_capacity(events.list.len()); columns.len()];
    let mut labels = Vec::with_capacity(events.list.len());
    let mut sums = vec![0.0_f64; columns.len()];
    for event in 0..events.list.len() {
        sums.fill(0.0);
        let mut classified = 0_u32;
        for row in events.rows(event) {
            let mut any = false;
            for (sum, column) in sums.iter_mut().zip(&columns) {
                if let Some(p) = column.float32(*row as usize) {
                    *sum += f64::from(p);
                    any = true;
                }
            }
            classified += u32::from(any);
        }
        #[expect(clippy::cast_possible_truncation, reason = "confidences are stored in 32 bits")]
        let mean = |sum: &f64| (classified > 0).then(|| (sum / f64::from(classified)) as f32);
        let mut best: Option<(usize, f32)> = None;
        for (class, (means, sum)) in means.iter_mut().zip(&sums).enumerate() {
            let mean = mean(sum);
            means.push(mean);
            // Of two classes with the same mean, the first in the model's list.
            if let Some(mean) = mean.filter(|mean| best.is_none_or(|(_, held)| *mean > held)) {
                best = Some((class, mean));
            }
        }
        let class = |(class, _): (usize, f32)| names[class].strip_prefix(CLASS_PREFIX).unwrap_or(names[class]).to_owned();
        labels.push(Label { class: best.map(class), confidence: best.map(|(_, mean)| mean), manual: false });
    }
    Ok(Decided { labels, means })
}
