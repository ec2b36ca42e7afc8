//! What a comparison tells a person beside its tables: findings and metrics.

use std::collections::BTreeMap;

use super::matched::Matched;
use super::survey::{Judged, Survey};
use crate::stats::interval::number;
use crate::step::Finding;
use crate::step::evaluate::labels::{Answers, Noted};
use crate::step::evaluate::words::UNDECIDABLE;
use crate::table::Table;

/// Below this many compared images of a class a difference in its recall says nothing that a gate should rest on.
const FEW_COMPARED: u64 = 15;

/// What a person should know.
pub(super) fn findings(survey: &Survey, answers: &Answers<'_>, matched: &Matched<'_>) -> Vec<Finding> {
    let mut without = Noted::default();
    for group in survey.groups.iter().filter(|group| group.without() > 0) {
        let name = if group.words.is_empty() { "all images" } else { &group.words };
        without.add(|| format!("{name}: {} of {} sampling groups", group.without(), group.cells.len()));
    }
    let said: [(&str, &Noted, &str); 10] = [
        (
            "leaked",
            &survey.leaked,
            "checked images were used in training, or lie in a trigger event that was: left out, for a model knows what it was shown",
        ),
        (
            "groups_without_random_sample",
            &without,
            "groups have no image to compare in a part of them; it is taken to be like the others",
        ),
        (
            "unclassified_labels",
            &survey.unclassified,
            "checked images could not be classified by one of the models; no figure holds them",
        ),
        (
            "images_of_one_model",
            &matched.alone,
            "images were classified by the candidate alone: give both models the same images",
        ),
        (
            "unpaired_labels",
            &survey.unpaired,
            "checked images were not classified by the model in use; give both models the same images",
        ),
        (
            "unmatched_labels",
            &answers.unmatched,
            "labels belong to no image of the candidate's: look for files that were renamed, removed or come from another season",
        ),
        (
            "contradicting_labels",
            &answers.contradicting,
            "images have labels of different classes and are left out: decide, and keep one",
        ),
        (
            "labels_with_model_shown",
            &answers.model_shown,
            "labels of samples were given with the model's answer on screen and are left out: ask again, blind",
        ),
        ("labels_without_class", &answers.without_class, "labels name no class and are left out"),
        ("undecidable_labels", &answers.undecidable, UNDECIDABLE),
    ];
    let mut found: Vec<Finding> = said
        .into_iter()
        .filter_map(|(kind, noted, words)| Finding::counted(kind, noted.count, words, noted.examples.clone()))
        .collect();
    let left_over = "images were classified by the model in use alone: give both models the same images";
    found.extend(Finding::counted("images_left_over", matched.left_over, left_over, Vec::new()));
    if survey.groups.iter().all(|group| group.pairs().images() == 0) {
        let message = "no image could be compared: the comparison needs labels of the random sample, given without seeing the model's \
                       answer, of images that no model was trained on";
        found.push(Finding { kind: "nothing_compared".into(), message: message.into(), count: 0, examples: Vec::new() });
    }
    found
}

/// Numbers for `expect:`.
pub(super) fn metrics(survey: &Survey, judged: &[Judged], answers: &Answers<'_>, tables: &[Table]) -> BTreeMap<String, f64> {
    let Some((group, all)) = survey.groups.first().zip(judged.first()) else { return BTreeMap::new() };
    let compared = group.pairs().images();
    let groups = survey.groups.iter().zip(judged).filter(|(group, _)| group.sum(|cell| cell.images) > 0);
    let worst = groups.map(|(_, judged)| judged.gain.map_or(-1.0, |gain| gain.lower)).reduce(f64::min);
    let enough = all.classes.values().filter(|(counts, _)| counts.pairs.images() >= FEW_COMPARED);
    let recall = enough.filter_map(|(_, gain)| gain.map(|gain| gain.value)).reduce(f64::min);
    let counted = |count: u64| Some(number(count));
    [
        ("images", counted(compared)),
        ("accuracy_candidate", all.candidate.map(|found| found.value)),
        ("accuracy_current", all.current.map(|found| found.value)),
        ("gain", all.gain.map(|gain| gain.value)),
        // About images that nobody looked at anything may be true: a gate must not pass on them.
        ("gain_lower", Some(all.gain.map_or(-1.0, |gain| gain.lower))),
        ("gain_upper", Some(all.gain.map_or(1.0, |gain| gain.upper))),
        ("worst_gain_lower", Some(worst.unwrap_or(-1.0))),
        ("min_recall_gain", recall),
        ("disagreements", tables.get(2).map(|table| number(table.rows as u64))),
        ("leaked", counted(survey.leaked.count)),
        ("other_labels", counted(answers.not_sampled + survey.other_samples)),
        ("unmatched_labels", counted(answers.unmatched.count)),
        ("unpaired_labels", counted(survey.unpaired.count)),
        ("contradicting_labels", counted(answers.contradicting.count)),
        ("labels_with_model_shown", counted(answers.model_shown.count)),
        ("undecidable_labels", counted(answers.undecidable.count)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}
