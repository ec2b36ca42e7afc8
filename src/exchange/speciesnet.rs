//! `SpeciesNet`'s result files: the answer of the whole ensemble, of the classifier alone, or of the detector alone.
//!
//! A class is a text of seven parts: an id, class, order, family, genus, species and the common name.

use serde_json::Value;

use super::json::{self, Document, Object, Wrong};
use super::predictions::{Answer, Answers, Detected};
use crate::table::Faults;

/// The list of images.
pub const LIST: &str = "predictions";

/// What an image without an animal, person or vehicle shows.
pub const BLANK: &str = "blank";

/// What the ensemble says where neither of its parts gave an answer.
const NO_RESULT: &str = "no cv result";

/// Adds one answer for each image of a file: what the ensemble says, else the classifier's surest class, else the category of the
/// surest detection that reaches `threshold`. Wrong fields go to `faults`, with file, image and field.
///
/// # Errors
/// What `check` says.
pub fn read<E>(
    file: &str,
    bytes: &[u8],
    threshold: f32,
    answers: &mut Answers,
    faults: &mut Faults,
    check: &dyn Fn() -> Result<(), E>,
) -> Result<(), E> {
    match Document::new(file, bytes, LIST) {
        Ok(document) => document.items(&mut |item| image(&item, threshold, answers), faults, check),
        Err(error) => {
            faults.push(|| error);
            Ok(())
        }
    }
}

fn image(item: &Value, threshold: f32, answers: &mut Answers) -> Result<(), Wrong> {
    answers.begin();
    let image = json::object(item)?;
    let path = json::text(image, "filepath")?.map(str::trim).filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| Wrong::at("filepath", "is missing; it says which image this is"))?;
    let version = json::text(image, "model_version")?.map(|version| format!("speciesnet@{version}"));
    let classes = classes(image)?;
    let prediction = json::text(image, "prediction")?;
    let failures = failures(image)?;
    // Classes exclude one another; what was detected does not.
    let detected = prediction.is_none() && classes.is_empty();
    let ranked: Vec<(&str, f32)> = match prediction {
        Some(prediction) if prediction.contains(NO_RESULT) => Vec::new(),
        Some(prediction) => {
            let confidence = json::confidence(image.get("prediction_score"), "prediction_score")?;
            let others = classes.iter().filter(|(class, _)| *class != prediction).copied();
            std::iter::once((prediction, confidence)).chain(others).collect()
        }
        None if !classes.is_empty() => classes,
        None => detections(image, threshold)?,
    };
    let problem = match (ranked.is_empty(), failures) {
        (false, _) => None,
        (true, Some(failures)) => Some(failures),
        (true, None) if prediction.is_some() => Some(NO_RESULT.to_owned()),
        (true, None) => Some("the file has no prediction, no classes and no detections".to_owned()),
    };
    let answer = Answer { path, ranked: &ranked, model: version.as_deref(), problem: problem.as_deref(), taken: None };
    if detected {
        answers.push_seen(&answer);
    } else {
        answers.push(&answer);
    }
    Ok(())
}

/// The classifier's classes, the surest first.
fn classes(image: &Object) -> Result<Vec<(&str, f32)>, Wrong> {
    const PART: &str = "classifications";
    let Some(part) = image.get(PART).filter(|part| !part.is_null()) else { return Ok(Vec::new()) };
    let within = |wrong: Wrong| wrong.within(PART);
    let part = json::object(part).map_err(within)?;
    let names = json::list(part, "classes").map_err(within)?.unwrap_or_default();
    let scores = json::list(part, "scores").map_err(within)?.unwrap_or_default();
    if names.len() != scores.len() {
        return Err(within(Wrong::at("scores", format!("{} scores for {} classes", scores.len(), names.len()))));
    }
    let mut classes = Vec::with_capacity(names.len());
    for (number, (name, score)) in names.iter().zip(scores).enumerate() {
        let Some(name) = name.as_str().filter(|name| !name.is_empty()) else {
            return Err(within(Wrong::at(
                &format!("classes[{number}]"),
                format!("{} is not the name of a class", json::words(name)),
            )));
        };
        classes.push((name, json::confidence(Some(score), &format!("scores[{number}]")).map_err(within)?));
    }
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(classes)
}

/// The detector's categories, the surest first; none where it did not run.
fn detections(image: &Object, threshold: f32) -> Result<Vec<(&str, f32)>, Wrong> {
    let Some(detections) = json::list(image, "detections")? else { return Ok(Vec::new()) };
    let mut detected = Detected::default();
    for (number, detection) in detections.iter().enumerate() {
        let within = |wrong: Wrong| wrong.within(&format!("detections[{number}]"));
        let detection = json::object(detection).map_err(within)?;
        let label = json::text(detection, "label").map_err(within)?;
        let label = label.ok_or_else(|| within(Wrong::at("label", "is missing; it says what was detected")))?;
        let confidence = json::confidence(detection.get("conf"), "conf").map_err(within)?;
        detected.add(label, confidence, threshold);
    }
    Ok(detected.ranked(BLANK))
}

fn failures(image: &Object) -> Result<Option<String>, Wrong> {
    let failures = json::list(image, "failures")?.unwrap_or_default();
    let parts: Vec<&str> = failures.iter().filter_map(Value::as_str).collect();
    Ok((!parts.is_empty()).then(|| format!("failed: {}", parts.join(", "))))
}

/// The names under which a class may be known, the most exact first: the whole text, its id, the common name, genus and species
/// together, then genus, family, order and class. Only the text itself where it has not seven parts.
#[must_use]
pub fn names(class: &str) -> Vec<String> {
    let parts: Vec<&str> = class.split(';').map(str::trim).collect();
    let [id, class_name, order, family, genus, species, common] = parts[..] else { return vec![class.to_owned()] };
    let both = if genus.is_empty() || species.is_empty() { String::new() } else { format!("{genus} {species}") };
    let names = [class, id, common, &both, genus, family, order, class_name];
    names.into_iter().filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
