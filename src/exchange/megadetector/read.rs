//! Reads result files of `MegaDetector` and of what runs behind it.

use std::collections::HashMap;

use serde_json::Value;

use super::{EMPTY, KNOWN, LIST};
use crate::exchange::json::{self, Document, Object, Wrong};
use crate::exchange::predictions::{Answer, Answers, Detected};
use crate::table::{Faults, TableError, civil, excerpt};

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The version of the format that it names, where that is none of those known.
    pub unknown_version: Option<String>,
    /// The confidence from which its makers advise to believe in a detection.
    pub advised: Option<f32>,
    /// Images whose surest detection is below that.
    pub below: usize,
}

/// Names of categories or classes, by id.
type Names = HashMap<String, String>;

struct Head {
    categories: Names,
    classes: Names,
    detector: Option<String>,
    classifier: Option<String>,
}

/// Adds one answer for each image of a file: the class of its surest detection where a classifier ran, else that detection's
/// category; `empty` where no detection reaches `threshold`. Wrong fields go to `faults`, with file, image and field; so does a category
/// that the file does not name, since nobody knows what was seen there.
///
/// Nothing is read where the head does not say what the categories mean: that is a fault, and there is no [`Source`].
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
) -> Result<Option<Source>, E> {
    let (document, head, mut source) = match opened(file, bytes) {
        Ok(opened) => opened,
        Err(error) => {
            faults.push(|| error);
            return Ok(None);
        }
    };
    document.items(&mut |item| image(&item, &head, threshold, answers, &mut source), faults, check)?;
    Ok(Some(source))
}

fn opened<'a>(file: &'a str, bytes: &'a [u8]) -> Result<(Document<'a>, Head, Source), TableError> {
    let document = Document::new(file, bytes, LIST)?;
    let (head, source) = head(&document.head()?).map_err(|wrong| document.error(wrong))?;
    Ok((document, head, source))
}

fn head(members: &Object) -> Result<(Head, Source), Wrong> {
    let none = Object::new();
    let info = match members.get("info") {
        None | Some(Value::Null) => &none,
        Some(info) => json::object(info).map_err(|wrong| wrong.within("info"))?,
    };
    let version = match info.get("format_version") {
        Some(Value::String(version)) => Some(version.clone()),
        Some(Value::Number(version)) => Some(version.to_string()),
        _ => None,
    };
    let unknown = version.as_deref().is_none_or(|version| !KNOWN.contains(&version));
    let name = |key: &str| json::text(info, key).map(|name| name.map(str::to_owned)).map_err(|wrong| wrong.within("info"));
    let head = Head {
        categories: names(members, "detection_categories")?
            .ok_or_else(|| Wrong::at("detection_categories", "is missing; it names what the ids of detections mean"))?,
        classes: names(members, "classification_categories")?.unwrap_or_default(),
        detector: name("detector")?,
        classifier: name("classifier")?,
    };
    let advised = info.get("detector_metadata").and_then(|about| about.get("typical_detection_threshold"));
    let source = Source {
        unknown_version: unknown.then(|| version.unwrap_or_default()),
        // It only advises: what is no confidence is no advice.
        advised: json::confidence(advised, "").ok(),
        below: 0,
    };
    Ok((head, source))
}

fn names(members: &Object, key: &str) -> Result<Option<Names>, Wrong> {
    let Some(value) = members.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
    let object = json::object(value).map_err(|wrong| wrong.within(key))?;
    let name = |(id, value): (&String, &Value)| match value.as_str().map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => Ok((id.clone(), name.to_owned())),
        None => Err(Wrong::at(&excerpt(id), format!("{} is not a name", json::words(value))).within(key)),
    };
    object.iter().map(name).collect::<Result<Names, Wrong>>().map(Some)
}

fn image(item: &Value, head: &Head, threshold: f32, answers: &mut Answers, source: &mut Source) -> Result<(), Wrong> {
    answers.begin();
    let image = json::object(item)?;
    let path = json::text(image, "file")?.map(str::trim).filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| Wrong::at("file", "is missing; it says which image this is"))?;
    let taken = image.get("datetime").and_then(Value::as_str).and_then(civil::parse);
    let failed = |problem: &str, answers: &mut Answers| {
        answers.push(&Answer { path, ranked: &[], model: head.detector.as_deref(), problem: Some(problem), taken });
    };
    if let Some(failure) = json::text(image, "failure")? {
        failed(failure, answers);
        return Ok(());
    }
    let Some(detections) = json::list(image, "detections")? else {
        failed("the file has neither detections nor a failure", answers);
        return Ok(());
    };
    let mut detected = Detected::default();
    let mut classified: Vec<(&str, f32)> = Vec::new();
    // What each detection that counts shows, by who says it.
    let (mut by_class, mut by_category) = (Seen::default(), Seen::default());
    for (number, detection) in detections.iter().enumerate() {
        let within = |wrong: Wrong| wrong.within(&format!("detections[{number}]"));
        let detection = json::object(detection).map_err(within)?;
        let category = id(detection.get("category"), "category").map_err(within)?;
        let confidence = json::confidence(detection.get("conf"), "conf").map_err(within)?;
        boxed(detection).map_err(within)?;
        let classes = classes(detection, head).map_err(within)?;
        let Some(name) = head.categories.get(category.as_ref()) else {
            let message = format!("`{}` is not among `detection_categories`: add there what it means", excerpt(&category));
            return Err(within(Wrong::at("category", message)));
        };
        match classes.first().filter(|_| confidence >= threshold) {
            Some((class, confidence)) => by_class.add(class, *confidence),
            None if confidence >= threshold => by_category.add(name, confidence),
            None => {}
        }
        if detected.add(name, confidence, threshold) {
            classified = classes;
        }
    }
    source.below +=
        usize::from(!detected.categories.is_empty() && source.advised.is_some_and(|advised| detected.highest < advised));
    if answers.several && !detected.categories.is_empty() {
        for (seen, model) in [(by_class.0, &head.classifier), (by_category.0, &head.detector)] {
            for one in &seen {
                answers.push(&Answer { path, ranked: std::slice::from_ref(one), model: model.as_deref(), problem: None, taken });
            }
        }
        return Ok(());
    }
    let model = if classified.is_empty() { &head.detector } else { &head.classifier };
    let ranked = if classified.is_empty() { detected.ranked(EMPTY) } else { classified };
    answers.push(&Answer { path, ranked: &ranked, model: model.as_deref(), problem: None, taken });
    Ok(())
}

/// Classes or categories seen in an image, each with its highest confidence, in the order of the file.
#[derive(Default)]
struct Seen<'h>(Vec<(&'h str, f32)>);

impl<'h> Seen<'h> {
    fn add(&mut self, name: &'h str, confidence: f32) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, best)) => *best = best.max(confidence),
            None => self.0.push((name, confidence)),
        }
    }
}

/// The classes of a detection, the surest first.
fn classes<'h>(detection: &Object, head: &'h Head) -> Result<Vec<(&'h str, f32)>, Wrong> {
    let Some(entries) = json::list(detection, "classifications")? else { return Ok(Vec::new()) };
    let mut classes = Vec::with_capacity(entries.len());
    for (number, entry) in entries.iter().enumerate() {
        let within = |wrong: Wrong| wrong.within(&format!("classifications[{number}]"));
        let Some([class, confidence]) = entry.as_array().map(Vec::as_slice) else {
            return Err(within(Wrong::at("", format!("{} is not a pair of a class and a confidence", json::words(entry)))));
        };
        let class = id(Some(class), "[0]").map_err(within)?;
        let confidence = json::confidence(Some(confidence), "[1]").map_err(within)?;
        let Some(name) = head.classes.get(class.as_ref()) else {
            let message = format!("`{}` is not among `classification_categories`: add there what it means", excerpt(&class));
            return Err(within(Wrong::at("[0]", message)));
        };
        classes.push((name.as_str(), confidence));
    }
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(classes)
}

/// An id: a text of digits, or a number as some tools write it.
fn id<'v>(value: Option<&'v Value>, path: &str) -> Result<std::borrow::Cow<'v, str>, Wrong> {
    match value {
        Some(Value::String(id)) => Ok(id.as_str().into()),
        Some(Value::Number(id)) => Ok(id.to_string().into()),
        Some(other) => Err(Wrong::at(path, format!("{} is not the id of a category", json::words(other)))),
        None => Err(Wrong::at(path, "is missing; it is the id of a category")),
    }
}

/// A box is not used, but one that is not a box says that the file means something else.
fn boxed(detection: &Object) -> Result<(), Wrong> {
    match json::list(detection, "bbox")? {
        Some(sides) if sides.len() != 4 || sides.iter().any(|side| !side.is_number()) => {
            Err(Wrong::at("bbox", "is not four numbers: left, top, width, height"))
        }
        _ => Ok(()),
    }
}
