//! Parts that all figures share: the frame, texts, axes, colours.

use serde::{Serialize, Serializer};

use super::Heading;
use super::text::clean;
use crate::report::{TemplateError, Templates};

/// The width of most figures in their own units: narrow, so that text is readable on a phone.
pub const WIDTH: f64 = 480.0;
/// Size of common text.
pub const SIZE: f64 = 12.0;
/// Size of numbers at ticks and of names in dense figures.
pub const SMALL: f64 = 11.0;

/// A coordinate, written with at most two decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Px(pub f64);

impl Serialize for Px {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of that size")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = (self.0 * 100.0).round() / 100.0;
        if value.fract() == 0.0 && value.abs() < 1e9 {
            serializer.serialize_i64(value as i64)
        } else {
            serializer.serialize_f64(value)
        }
    }
}

/// The picture as a whole.
#[derive(Debug, Clone, Serialize)]
pub struct Frame {
    pub id: String,
    pub title: String,
    pub about: String,
    pub width: Px,
    pub height: Px,
    pub least: Px,
    pub most: Px,
}

impl Frame {
    pub fn new(heading: &Heading, width: f64, height: f64) -> Self {
        let letter = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
        Self {
            id: format!("figure-{}", heading.id.chars().map(letter).collect::<String>()),
            title: clean(&heading.title),
            about: clean(&heading.about),
            width: Px(width),
            height: Px(height),
            least: Px((width * 0.72).round()),
            most: Px((width * 1.6).round()),
        }
    }
}

/// The figure of no data.
pub fn empty(heading: &Heading, templates: &Templates) -> Result<String, TemplateError> {
    #[derive(Serialize)]
    struct Empty {
        frame: Frame,
    }
    templates.render("figures/empty.svg", Empty { frame: Frame::new(heading, WIDTH, 72.0) })
}
