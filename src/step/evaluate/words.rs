//! What an evaluation tells a person beside its tables: warnings, findings, metrics.

use std::collections::BTreeMap;

use super::labels::{Answers, Noted};
use super::survey::{Assessed, Group, Survey};
use crate::stats::interval::number;
use crate::stats::metrics::{ClassQuality, FEW_MISSED};
use crate::step::Finding;

/// Below this many checked images of a class its precision is hardly known.
const FEW_CHECKED: u64 = 15;

/// What is said of images in which nobody can tell what there is.
pub(in crate::step) const UNDECIDABLE: &str = "labels say `unknown`: the model is neither right nor wrong there, so the figures leave these images out, \
     as if they were like the others of their predicted class; where they are many, that is no longer sure";

/// What to keep in mind about the figures of a class.
pub(super) fn warning(class: &ClassQuality) -> Option<String> {
    let mut said = Vec::new();
    if class.unassessed {
        said.push(format!("none of {} images called so was checked: cannot be assessed", class.automatic));
    } else if class.automatic == 0 && class.manual > 0 {
        said.push("the model calls no image so".to_owned());
    } else if class.checked < FEW_CHECKED && class.checked < class.automatic {
        said.push(format!("only {} of {} images called so were checked", class.checked, class.automatic));
    }
    let uncertain = |found: &crate::stats::combine::Estimate| found.upper - found.lower > 1e-9;
    if class.recall.as_ref().is_some_and(uncertain) || class.automatic == 0 && class.manual > 0 {
        if class.missed_seen <= 0.0 {
            said.push("no missed image was seen: recall may be as low as its lower bound".to_owned());
        } else if class.missed_seen < FEW_MISSED {
            said.push(format!(
                "recall, F1 and abundance rest on few missed images (worth {:.0}): their bounds may be too narrow",
                class.missed_seen
            ));
        }
    }
    if class.borrowed > 0 {
        said.push(format!("{} images of sampling groups without a checked one are taken to be like the others", class.borrowed));
    }
    (!said.is_empty()).then(|| said.join("; "))
}

/// The same where each class has a given share of the images.
pub(super) fn warning_at(class: &ClassQuality) -> Option<String> {
    let mut said = Vec::new();
    if class.unassessed {
        said.push("`prevalence` gives it images, and no random label names it: cannot be assessed".to_owned());
    } else if class.manual > 0 && class.manual < FEW_CHECKED {
        said.push(format!("only {} labelled images are of it", class.manual));
    }
    if !class.unassessed
        && class.precision.is_some_and(|found| found.upper - found.lower > 1e-9)
        && class.missed_seen < FEW_MISSED
    {
        said.push(format!(
            "precision and F1 rest on few labelled images wrongly called so (worth {:.0}): their bounds may be too narrow",
            class.missed_seen
        ));
    }
    (!said.is_empty()).then(|| said.join("; "))
}

/// What a person should know.
pub(super) fn findings(survey: &Survey, assessed: &[Assessed], answers: &Answers<'_>) -> Vec<Finding> {
    let (mut unassessed, mut unlabelled, mut borrowed) = (Noted::default(), Noted::default(), Noted::default());
    let (mut without_random, mut unclassified) = (Noted::default(), Noted::default());
    for (group, assessed) in survey.groups.iter().zip(assessed) {
        let place = |text: String| if group.words.is_empty() { text } else { format!("{}: {text}", group.words) };
        for at in &survey.shown {
            let (name, class) = (&survey.classes[*at], &assessed.quality.classes[*at]);
            if class.unassessed {
                let noted = if survey.prevalence.is_some() { &mut unlabelled } else { &mut unassessed };
                noted.add(|| place(format!("{name} ({} images)", class.automatic)));
            }
            if class.borrowed > 0 {
                borrowed.add(|| place(format!("{name} ({} images)", class.borrowed)));
            }
        }
        if group.without_random() > 0 {
            without_random.add(|| place(format!("{} of {} sampling groups", group.without_random(), group.cells.len())));
        }
        let of_group: u64 = group.cells.iter().map(|cell| cell.checked_unclassified).sum();
        if of_group > 0 {
            unclassified.count += of_group - 1;
            unclassified.add(|| place(of_group.to_string()));
        }
    }
    let said = [
        (
            "unassessed_classes",
            &unassessed,
            "predicted classes have no checked image: their figures are missing, and all bounds allow for any truth among them; check \
             some of their images",
        ),
        (
            "unlabelled_classes",
            &unlabelled,
            "classes have a share by `prevalence`, and no random label names them: their figures are missing, and all bounds allow for \
             anything among them; label some of their images",
        ),
        (
            "unchecked_strata",
            &borrowed,
            "classes have no checked image in some of the groups that samples were drawn in; these images are taken to be like others \
             of the class",
        ),
        (
            "groups_without_random_sample",
            &without_random,
            "groups have no random label in a part of them; it is taken to be like the others",
        ),
        ("unclassified_labels", &unclassified, "checked images could not be classified by the model; no figure holds them"),
        (
            "unmatched_labels",
            &answers.unmatched,
            "labels belong to no image of the predictions: look for files that were renamed, removed or come from another season",
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
    let finding = |(kind, noted, words): (&str, &Noted, &str)| Finding {
        kind: kind.into(),
        message: format!("{} {words}", noted.count),
        count: noted.count,
        examples: noted.examples.clone(),
    };
    said.into_iter().filter(|(_, noted, _)| noted.count > 0).map(finding).collect()
}

/// Numbers for `expect:`.
pub(super) fn metrics(survey: &Survey, assessed: &[Assessed], answers: &Answers<'_>) -> BTreeMap<String, f64> {
    let classes = || assessed.iter().flat_map(|group| &group.quality.classes);
    let lowest = |values: Vec<Option<f64>>| values.into_iter().flatten().reduce(f64::min);
    // A group about which nothing is known has a lower bound of 0; empty groups have no images to be wrong about.
    let filled: Vec<(&Group, &Assessed)> =
        survey.groups.iter().zip(assessed).filter(|(group, _)| group.random().size > 0).collect();
    let of_groups = |value: &dyn Fn(&Assessed) -> Option<f64>| lowest(filled.iter().map(|(_, group)| value(group)).collect());
    let accuracy = |group: &Assessed| group.quality.accuracy.map(|accuracy| accuracy.estimate);
    let predicted = |class: &&ClassQuality| class.automatic > 0;
    let counted = |count: u64| Some(number(count));
    [
        ("checked", counted(classes().map(|class| class.checked).sum())),
        ("accuracy", of_groups(&|group| accuracy(group).map(|found| found.value))),
        ("accuracy_lower", of_groups(&|group| Some(accuracy(group).map_or(0.0, |found| found.lower)))),
        ("random_accuracy", of_groups(&|group| group.random.map(|found| found.value))),
        ("random_accuracy_lower", of_groups(&|group| Some(group.random.map_or(0.0, |found| found.lower)))),
        ("macro_f1", of_groups(&|group| group.quality.macro_f1())),
        ("min_precision", lowest(classes().map(|class| class.precision.map(|found| found.value)).collect())),
        ("min_recall", lowest(classes().filter(predicted).map(|class| class.recall.map(|found| found.value)).collect())),
        ("assessed_share", of_groups(&|group| group.quality.assessed_share)),
        ("unassessed_classes", counted(classes().filter(|class| class.unassessed).count() as u64)),
        ("unmatched_labels", counted(answers.unmatched.count)),
        ("contradicting_labels", counted(answers.contradicting.count)),
        ("labels_with_model_shown", counted(answers.model_shown.count)),
        ("undecidable_labels", counted(answers.undecidable.count)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}
