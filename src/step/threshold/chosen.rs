//! The thresholds: given, or the smallest that reach the target.

use super::curve::{Candidates, Point, Tally, cell};
use super::images::{Checked, Images};
use super::in_force::Chosen;
use super::rules::Asked;
use super::{Choice, EXAMPLES, Target, Threshold};
use crate::step::Finding;

/// The points of the curve by what they are about: all images, or a class.
pub(super) type Scopes<'a> = Vec<(Option<&'a str>, Vec<Point>)>;

/// Finds the thresholds, and what each candidate would mean. `asked` holds what the other rules ask for.
pub(super) fn choose<'a>(
    step: &Threshold,
    images: &Images<'a>,
    checked: Option<&Checked>,
    asked: &[Asked],
    candidates: &Candidates,
    findings: &mut Vec<Finding>,
) -> (Chosen, Scopes<'a>) {
    let fixed = step.per_class.iter().map(|(class, value)| (class.value.clone(), Some(*value))).collect();
    let mut chosen = Chosen { for_all: None, per_class: fixed };
    let classes = images.classes();
    let tallies = count(step, images, checked, asked, candidates, &chosen);
    let mut scopes = Scopes::new();
    for (scope, tally) in tallies.into_iter().enumerate() {
        let points: Vec<Point> = (0..candidates.values.len()).map(|place| tally.point(place, step.z)).collect();
        // The first scope is that of all images.
        scopes.push((scope.checked_sub(1).map(|code| classes[code]), points));
    }
    scopes.sort_by_key(|(class, _)| *class);
    match step.choice {
        Choice::Fixed(value) => {
            chosen.for_all = Some(value);
            let place = candidates.place(value);
            findings.extend(place.and_then(|place| unchecked(&scopes.first()?.1[place])));
        }
        Choice::Target(target) => {
            let mut missed = Vec::new();
            for (class, points) in &scopes {
                let best = reach(points, candidates, target);
                let words = class.map_or_else(|| "all images".to_owned(), str::to_owned);
                match (class, target.per_class) {
                    (None, true) => continue,
                    (Some(class), _) if chosen.per_class.contains_key(*class) => continue,
                    (Some(class), _) => drop(chosen.per_class.insert((*class).to_owned(), best.ok())),
                    (None, false) => chosen.for_all = best.ok(),
                }
                match best {
                    Err(best) => missed.push((words, best)),
                    Ok(value) => findings.extend(candidates.place(value).and_then(|place| unchecked(&points[place]))),
                }
            }
            findings.extend(not_reached(&missed, candidates, target));
        }
    }
    (chosen, scopes)
}

/// Counts images and checked images: all of them, then class by class where thresholds are chosen so.
fn count(
    step: &Threshold,
    images: &Images<'_>,
    checked: Option<&Checked>,
    asked: &[Asked],
    candidates: &Candidates,
    chosen: &Chosen,
) -> Vec<Tally> {
    let per_class = step.chooses_per_class();
    let scopes = if per_class { 1 + images.classes().len() } else { 1 };
    let mut tallies = vec![Tally::new(images.groups.len(), step.bins.len(), candidates); scopes];
    let own: Vec<Option<f32>> =
        images.classes().into_iter().map(|class| chosen.per_class.get(class).copied().flatten().map(super::curve::cut)).collect();
    tallies[0].add_unclassified(images.values.iter().filter(|value| value.is_none()).count() as u64);
    for (row, class, group, value) in images.classified() {
        let cell = cell(group, &step.bins, value);
        let reached = candidates.reached(value);
        let is_free = asked[row] == 0;
        match own[class] {
            // A class with a threshold of its own is accepted or reviewed whatever the candidate.
            Some(cut) if !per_class => tallies[0].add_decided(cell, reached, is_free && value >= cut),
            _ => tallies[0].add(cell, reached, is_free),
        }
        if per_class {
            tallies[1 + class].add(cell, reached, is_free);
        }
    }
    for one in checked.into_iter().flat_map(|checked| &checked.rows) {
        let cell = cell(one.group, &step.bins, one.value);
        let reached = candidates.reached(one.value);
        tallies[0].add_checked(cell, reached, one.right);
        if let Some(class) = one.class.filter(|_| per_class) {
            tallies[1 + class].add_checked(cell, reached, one.right);
        }
    }
    tallies.iter_mut().for_each(Tally::sum);
    tallies
}

/// What a candidate reached.
#[derive(Debug, Clone, Copy)]
struct Best {
    place: usize,
    reached: Option<f64>,
}

/// The smallest candidate that reaches the target, or the one that comes nearest.
fn reach(points: &[Point], candidates: &Candidates, target: Target) -> Result<f64, Best> {
    let mut best = Best { place: 0, reached: None };
    for (place, point) in points.iter().enumerate() {
        let reached = point.estimate.map(|found| if target.by_point { found.accuracy } else { found.lower });
        // Rounding of the last bits must not miss a target that is met exactly.
        if reached.is_some_and(|reached| reached >= target.accuracy - 1e-12) {
            return Ok(candidates.values[place]);
        }
        if reached > best.reached {
            best = Best { place, reached };
        }
    }
    Err(best)
}

fn not_reached(missed: &[(String, Best)], candidates: &Candidates, target: Target) -> Option<Finding> {
    let what = if target.by_point { "accuracy" } else { "lower bound of the accuracy" };
    let words = |(who, best): &(String, Best)| match best.reached {
        Some(reached) => format!("{who}: {reached:.4} at {}", candidates.values[best.place]),
        None => format!("{who}: nothing checked"),
    };
    (!missed.is_empty()).then(|| Finding {
        kind: "target_not_reached".into(),
        message: format!(
            "no threshold reaches a {what} of {}: all images concerned are reviewed; check more images or lower the target",
            target.accuracy
        ),
        count: missed.len() as u64,
        examples: missed.iter().take(EXAMPLES).map(words).collect(),
    })
}

/// Images above the threshold of groups in which nobody checked any.
fn unchecked(point: &Point) -> Option<Finding> {
    let count = point.estimate?.unchecked;
    (count > 0).then(|| Finding {
        kind: "unchecked_groups".into(),
        message: format!("{count} images at or above the threshold are of groups without a checked image, and are taken to be as good as the others"),
        count,
        examples: Vec::new(),
    })
}
