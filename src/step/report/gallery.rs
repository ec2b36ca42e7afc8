//! A gallery of errors: images of which people say something else than the model, with what it looked at.

use std::collections::BTreeMap;
use std::io::Cursor;

use data_encoding::BASE64;
use image::codecs::jpeg::JpegEncoder;

use super::draft::{Draft, source};
use super::inputs::{Input, condition, plain};
use crate::id::ContentId;
use crate::photo::Decoder;
use crate::report::page::{Panel, Picture, Section};
use crate::step::{Job, StepError};
use crate::table::Table;

/// Quality of the small pictures, 1-100.
const QUALITY: u8 = 72;

/// How many pictures, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Most errors of each class.
    pub per_class: usize,
    /// Longer side of a picture, pixels.
    pub longest_px: u32,
}

/// An image about which people and the model differ.
struct Mistake {
    row: usize,
    class: String,
    label: String,
    confidence: Option<f32>,
}

/// The section, and how many pictures could not be opened.
pub(super) fn section(draft: &Draft<'_>, job: &Job<'_>, frame: Frame) -> Result<(Option<Section>, u64), StepError> {
    let with_both = |input: &&Input<'_>| input.has("class") && input.has("label") && input.has("path") && input.has("root");
    let Some(input) = draft.inputs.data_sets().iter().find(with_both).copied() else { return Ok((None, 0)) };
    if frame.per_class == 0 {
        return Ok((None, 0));
    }
    let table = input.read(&["content", "root", "path", "site", "season", "name", "label", "confidence", "class"])?;
    let mistakes = mistakes(&table)?;
    let heatmaps = heatmaps(draft, job)?;
    let mut panels = Vec::new();
    let mut unopened = 0;
    let mut hidden = 0_u64;
    for (at, (class, all)) in by_class(draft, mistakes).into_iter().enumerate() {
        // What people do is nobody's business but theirs: a report is published.
        let is_private = |one: &Mistake| [&one.class, &one.label].iter().any(|class| !draft.role(class).is_public());
        let (private, open): (Vec<_>, Vec<_>) = all.into_iter().partition(is_private);
        hidden += private.len() as u64;
        if open.is_empty() {
            continue;
        }
        let all = open.len();
        let mut pictures = Vec::new();
        for mistake in open.into_iter().take(frame.per_class) {
            job.cancel.check()?;
            let picture = picture(job, &table, &mistake, &heatmaps, frame);
            unopened += u64::from(picture.image.is_none());
            pictures.push(picture);
        }
        panels.push(Panel {
            id: format!("errors-{}", at + 1),
            title: format!("{class}, called something else"),
            note: match pictures.len() {
                shown if shown == all => String::new(),
                shown => format!("Of {all} images the {shown} of which the model was surest."),
            },
            pictures,
            source: Some(source(input)),
            ..Panel::default()
        });
    }
    let mut lead = "Images that people looked at and named otherwise than the model, by what people see. Those of which the model was surest come \
                    first."
        .to_owned();
    if !heatmaps.is_empty() {
        lead.push_str(" Where there is a second picture, it shows where the network found the evidence for its answer.");
    }
    if hidden > 0 {
        lead.push_str(&format!(" {hidden} images of classes that are no animals (people, vehicles) are not shown."));
    }
    let section = Section { id: "errors".into(), title: "Where the model is wrong".into(), lead, panels };
    Ok(((!section.panels.is_empty()).then_some(section), unopened))
}

fn mistakes(table: &Table) -> Result<Vec<Mistake>, StepError> {
    let (classes, labels) = (table.require("class")?, table.require("label")?);
    let confidences = table.column("confidence");
    let mut found = Vec::new();
    for row in 0..table.rows {
        let (Some(class), Some(label)) = (classes.text(row), labels.text(row)) else { continue };
        if class != label && class != crate::taxonomy::UNKNOWN {
            let confidence = confidences.and_then(|values| values.float32(row));
            found.push(Mistake { row, class: class.to_owned(), label: label.to_owned(), confidence });
        }
    }
    Ok(found)
}

/// Mistakes by what people see, the surest first.
fn by_class(draft: &Draft<'_>, mistakes: Vec<Mistake>) -> Vec<(String, Vec<Mistake>)> {
    let mut found: BTreeMap<String, Vec<Mistake>> = BTreeMap::new();
    for mistake in mistakes {
        found.entry(mistake.class.clone()).or_default().push(mistake);
    }
    let order = draft.ordered(found.keys().cloned().collect());
    let sorted = |class: String| {
        let mut all = found.remove(&class).unwrap_or_default();
        all.sort_by(|a, b| b.confidence.unwrap_or(0.0).total_cmp(&a.confidence.unwrap_or(0.0)).then(a.row.cmp(&b.row)));
        (class, all)
    };
    order.into_iter().map(sorted).collect()
}

/// Files of heat maps by image, for the class that the model says.
fn heatmaps(draft: &Draft<'_>, job: &Job<'_>) -> Result<BTreeMap<ContentId, std::path::PathBuf>, StepError> {
    let mut found = BTreeMap::new();
    for input in draft.inputs.of_kind("heatmap", "images") {
        let table = input.read(&["content", "heatmap"])?;
        let (Some(contents), Some(files)) = (table.column("content"), table.column("heatmap")) else { continue };
        for row in 0..table.rows {
            if let (Some(content), Some(file)) = (contents.content(row), files.text(row)) {
                found.entry(content).or_insert_with(|| job.context.project.join(crate::path::from_text(file)));
            }
        }
    }
    Ok(found)
}

fn picture(
    job: &Job<'_>,
    table: &Table,
    mistake: &Mistake,
    heatmaps: &BTreeMap<ContentId, std::path::PathBuf>,
    frame: Frame,
) -> Picture {
    let text = |column: &str| plain(table.cell(mistake.row, column));
    let content = table.column("content").and_then(|values| values.content(mistake.row));
    let image = (job.locate)(&text("root"), &text("path")).and_then(|path| {
        let bytes = std::fs::read(path).ok()?;
        // Another file may lie there by now.
        content.is_none_or(|content| ContentId::of(&bytes) == content).then(|| small(&bytes, frame.longest_px))?
    });
    let heatmap = content.and_then(|content| heatmaps.get(&content)).and_then(|path| {
        let bytes = std::fs::read(path).ok()?;
        small(&bytes, frame.longest_px)
    });
    let place = ["site", "season"].iter().filter(|name| table.column(name).is_some()).map(|name| condition(name, &text(name)));
    let name = text("name");
    let path = text("path");
    let file = path.rsplit('/').next().unwrap_or(&path);
    let own = if name.is_empty() { condition("path", &path) } else { condition("name", &name) };
    Picture {
        image,
        heatmap,
        class: mistake.class.clone(),
        label: mistake.label.clone(),
        confidence: mistake.confidence.map(|value| format!("{value:.2}")).unwrap_or_default(),
        file: if name.is_empty() { file.to_owned() } else { name },
        place: place.chain([own]).collect(),
    }
}

/// A picture as an address that holds it, at most so many pixels wide and high.
fn small(bytes: &[u8], longest_px: u32) -> Option<String> {
    // As people see it everywhere else: upright, and not at all where it is damaged.
    let mut decoder = Decoder::default();
    let decoded = decoder.decode_upright(bytes).ok()?;
    let whole = image::RgbImage::from_raw(decoded.width_px, decoded.height_px, decoded.pixels.to_vec())?;
    let image = image::DynamicImage::from(whole);
    let image = if image.width().max(image.height()) > longest_px { image.thumbnail(longest_px, longest_px) } else { image };
    let mut jpeg = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&image.to_rgb8()).ok()?;
    Some(format!("data:image/jpeg;base64,{}", BASE64.encode(jpeg.get_ref())))
}
