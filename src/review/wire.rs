//! What page and server say to each other, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the page must know once.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    /// The version of these structures.
    pub format: u32,
    /// The programme.
    pub pipeline: String,
    /// The review step.
    pub step: String,
    /// Which rows of label files are meant.
    pub question: String,
    /// The model's answer must not be in sight.
    pub blind: bool,
    /// How many people must answer about each image.
    pub reviewers_per_image: usize,
    /// The reviewer, where the server has one only.
    pub reviewer: Option<String>,
    /// `review` or `adjudicate`.
    pub role: &'static str,
    /// The classes, with keys and colours.
    pub classes: Vec<ClassShown>,
    /// How many images are asked about.
    pub asked: usize,
    /// Who answered anything, for an arbiter: each has a key.
    pub reviewers: Vec<String>,
    /// The sites of the images asked about.
    pub sites: Vec<String>,
    /// The version of the program.
    pub version: &'static str,
    /// The language to begin with.
    pub language: Option<String>,
    /// The words of another language.
    pub strings: Option<BTreeMap<String, String>>,
}

/// A class as the page shows it.
#[derive(Debug, Clone, Serialize)]
pub struct ClassShown {
    /// Its name in labels.
    pub name: String,
    /// Its name for people.
    pub display: String,
    /// The key that labels it.
    pub key: Option<String>,
    /// `#rrggbb`.
    pub color: String,
    /// What it stands for.
    pub role: crate::taxonomy::Role,
    /// Nobody declared it among the programme's classes.
    pub extra: bool,
}

/// A part of a queue.
#[derive(Debug, Serialize)]
pub struct QueuePart {
    /// Images in the whole queue.
    pub total: usize,
    /// Place of the first one here.
    pub from: usize,
    /// The state that this shows.
    pub revision: u64,
    /// The images.
    pub items: Vec<Item>,
}

/// An image in a queue.
#[derive(Debug, Serialize)]
pub struct Item {
    /// Its identity: the content's, and a number behind it where one content lies in several places.
    pub image: String,
    /// Its place.
    pub at: u32,
    /// Images of one trigger event share it.
    pub event: u32,
    /// The site.
    pub site: String,
    /// The season.
    pub season: String,
    /// The file's name.
    pub file: String,
    /// When, by the camera's clock.
    pub time: Option<String>,
    /// When, where that clock was wrong.
    pub corrected_time: Option<String>,
    /// Degrees Celsius, by the camera.
    pub temperature_c: Option<f64>,
    /// Which sample drew it; nothing in a blind review.
    #[serde(rename = "type")]
    pub sample: String,
    /// What the model says; never in a blind review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Predicted>,
    /// What the reviewer says.
    pub answer: Option<Said>,
    /// Enough others answered.
    pub done_by_others: bool,
    /// What everybody else says, for an arbiter.
    pub answers: Option<Vec<SaidBy>>,
}

/// What a model says of an image.
#[derive(Debug, Serialize)]
pub struct Predicted {
    /// The class.
    pub class: String,
    /// 0 to 1.
    pub confidence: Option<f32>,
}

/// An answer that stands.
#[derive(Debug, Serialize)]
pub struct Said {
    /// The class.
    pub class: String,
    /// The row's id.
    pub label: String,
    /// Marks and words.
    pub comment: String,
    /// When.
    pub time: String,
}

/// An answer and who gave it.
#[derive(Debug, Serialize)]
pub struct SaidBy {
    /// Who.
    pub reviewer: String,
    /// The class.
    pub class: String,
    /// Marks and words.
    pub comment: String,
}

/// Images of a queue that were wanted.
#[derive(Debug, Serialize)]
pub struct Selection {
    /// Their places, in order.
    pub places: Vec<u32>,
}

/// The frames around an image.
#[derive(Debug, Serialize)]
pub struct FramesShown {
    /// The images of its trigger event, in order.
    pub event: Vec<Frame>,
    /// The image before it, of the same camera.
    pub previous: Option<String>,
}

/// A frame of a trigger event.
#[derive(Debug, Serialize)]
pub struct Frame {
    /// Its identity.
    pub image: String,
    /// When, by the camera's clock.
    pub time: Option<String>,
    /// Its place in the queue, where it is asked about.
    pub asked_at: Option<u32>,
}

/// Answers on their way in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Who.
    pub reviewer: String,
    /// What.
    pub answers: Vec<AnswerGiven>,
}

/// One answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerGiven {
    /// The image.
    pub image: String,
    /// The class; none takes back what the reviewer said.
    pub class: Option<String>,
    /// Marks and words.
    #[serde(default)]
    pub comment: String,
}

/// Answers that are on the disk.
#[derive(Debug, Serialize)]
pub struct AnswersTaken {
    /// The state after them.
    pub revision: u64,
    /// By image: what stands now.
    pub answers: Vec<AnswerTaken>,
    /// What is left.
    pub counts: Counts,
}

/// An answer that is on the disk.
#[derive(Debug, Serialize)]
pub struct AnswerTaken {
    /// The image.
    pub image: String,
    /// What the reviewer says of it now.
    pub answer: Option<Said>,
}

/// What changed since a state.
#[derive(Debug, Serialize)]
pub struct Changes {
    /// The state now.
    pub revision: u64,
    /// The images that changed.
    pub items: Vec<Item>,
    /// What is left.
    pub counts: Counts,
    /// What somebody should know about the label files.
    pub notes: Vec<String>,
}

/// How far a review is.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Counts {
    /// Images asked about.
    pub asked: usize,
    /// Answered by enough people who agree.
    pub answered: usize,
    /// Answered by this reviewer.
    pub mine: usize,
    /// Left to this reviewer.
    pub to_do: usize,
    /// An arbiter is wanted.
    pub disagreements: usize,
}

/// How far a review is, part by part.
#[derive(Debug, Serialize)]
pub struct Progress {
    /// In all.
    pub counts: Counts,
    /// By predicted class, or by season and place.
    pub strata: Vec<StratumShown>,
    /// What the answers say of the model; never in a blind review.
    pub precision: Option<Vec<PrecisionShown>>,
    /// How far reviewers agree.
    pub agreement: Option<AgreementShown>,
}

/// A part of a review.
#[derive(Debug, Serialize)]
pub struct StratumShown {
    /// Its name.
    pub name: String,
    /// Images asked about.
    pub asked: usize,
    /// Answered by enough people who agree.
    pub answered: usize,
}

/// How often the model was right about a class, among the images answered so far.
#[derive(Debug, Serialize)]
pub struct PrecisionShown {
    /// The class that it predicted.
    pub class: String,
    /// Images answered.
    pub n: u64,
    /// Of these, right.
    pub right: u64,
    /// The share.
    pub p: f64,
    /// Its 95 % interval.
    pub low: f64,
    /// Its 95 % interval.
    pub high: f64,
    /// Images that the share is about.
    pub population: u64,
    /// Images of it still to be answered.
    pub more: u64,
    /// Half of the interval's width when these are answered too, if the share stays.
    pub half_width_then: f64,
}

/// How far reviewers agree.
#[derive(Debug, Serialize)]
pub struct AgreementShown {
    /// Images with two answers or more.
    pub images: u64,
    /// Who.
    pub reviewers: Vec<String>,
    /// The share of pairs of answers that are the same.
    pub percent: ShareShown,
    /// Corrected for chance; none where that cannot be said.
    pub kappa: Option<KappaShown>,
}

/// A share with its 95 % interval.
#[derive(Debug, Serialize)]
pub struct ShareShown {
    /// The share.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// A kappa with its 95 % interval.
#[derive(Debug, Serialize)]
pub struct KappaShown {
    /// `cohen` or `fleiss`.
    pub kind: &'static str,
    /// The kappa.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// A class that a reviewer adds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassGiven {
    /// Who.
    pub reviewer: String,
    /// Its name.
    pub name: String,
}

/// A class that was added.
#[derive(Debug, Serialize)]
pub struct ClassTaken {
    /// The class.
    pub class: ClassShown,
    /// How to have it counted.
    pub note: String,
}
