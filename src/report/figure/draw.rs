//! Parts that all figures share: the frame, texts, axes, legends, colours.

use std::fmt;

use serde::{Serialize, Serializer};

use super::scale::Scale;
use super::text::{clean, fit, on, width};
use super::{Amount, Axis, Heading, Series};
use crate::report::{TemplateError, Templates};

/// The width of most figures in their own units: narrow, so that text is readable on a phone.
pub const WIDTH: f64 = 480.0;
/// Size of names and titles.
pub const SIZE: f64 = 12.0;
/// Size of numbers, of names in dense figures.
pub const SMALL: f64 = 11.0;
/// What is free at the edges.
pub const EDGE: f64 = 4.0;

/// A coordinate, written with at most two decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Px(pub f64);

impl Px {
    fn rounded(self) -> f64 {
        (self.0 * 100.0).round() / 100.0 + 0.0
    }
}

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rounded())
    }
}

impl Serialize for Px {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of that size")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.rounded();
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
    /// The least width on a screen, in pixels: below it, text is too small to read.
    pub least: Px,
    /// The greatest width on a screen.
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
            // What is wider than a phone is to be scrolled anyway, and has smaller text.
            least: Px((width * if width > WIDTH { 0.9 } else { 0.72 }).round()),
            most: Px((width * 1.4).min((width * 1.15).max(960.0)).round()),
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

/// A line of text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Text {
    pub x: Px,
    pub y: Px,
    /// What is shown of it.
    pub shown: String,
    /// The whole text, where it is cut.
    pub full: Option<String>,
    pub anchor: &'static str,
    pub size: Px,
    /// From bottom to top.
    pub turned: bool,
    pub bold: bool,
    /// Its colour.
    pub ink: String,
}

/// Common text.
pub const INK: &str = "var(--ink,#1b1b1b)";
/// Text that stands back.
pub const SOFT: &str = "var(--soft,#595959)";

impl Text {
    /// A text that is at most `room` wide.
    pub fn new(text: &str, x: f64, y: f64, size: f64, room: f64) -> Self {
        let shown = fit(text, size, room);
        let full = Some(clean(text)).filter(|full| *full != shown);
        let ink = INK.to_owned();
        Self { x: Px(x), y: Px(y), shown, full, anchor: "start", size: Px(size), turned: false, bold: false, ink }
    }

    pub fn middle(self) -> Self {
        Self { anchor: "middle", ..self }
    }

    pub fn end(self) -> Self {
        Self { anchor: "end", ..self }
    }

    pub fn soft(self) -> Self {
        Self { ink: SOFT.to_owned(), ..self }
    }

    /// Left and right end.
    fn span(&self) -> (f64, f64) {
        let wide = width(&self.shown, self.size.0);
        let left = match self.anchor {
            "middle" => self.x.0 - wide / 2.0,
            "end" => self.x.0 - wide,
            _ => self.x.0,
        };
        (left, left + wide)
    }

    /// The same, moved sideways so far that it lies between `left` and `right`.
    pub fn within(mut self, left: f64, right: f64) -> Self {
        let (start, end) = self.span();
        if end > right {
            self.x.0 -= end - right;
        } else if start < left {
            self.x.0 += left - start;
        }
        self
    }
}

/// A tick with its number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tick {
    pub at: Px,
    pub label: Text,
}

/// As many ticks below a plot as have room for their numbers; `y` is the line of the numbers.
pub fn ticks_below(scale: &Scale, y: f64, frame: f64) -> Vec<Tick> {
    let drawn = |most: usize| -> Vec<Tick> {
        let ticks = scale.ticks(most).into_iter().map(|(value, text)| {
            let at = scale.at(value);
            let label = Text::new(&text, at, y, SMALL, f64::INFINITY).middle().soft().within(EDGE, frame - EDGE);
            Tick { at: Px(at), label }
        });
        ticks.collect()
    };
    let fits = |ticks: &Vec<Tick>| ticks.windows(2).all(|pair| pair[0].label.span().1 + 8.0 <= pair[1].label.span().0);
    (1..=6).rev().map(drawn).find(|ticks| fits(ticks)).unwrap_or_default()
}

/// Ticks left of a plot, their numbers ending at `x`, or right of it, beginning there.
pub fn ticks_beside(scale: &Scale, x: f64, left: bool) -> Vec<Tick> {
    let ticks = scale.ticks(5).into_iter().map(|(value, text)| {
        let at = scale.at(value);
        let label = Text::new(&text, x, at + 4.0, SMALL, f64::INFINITY).soft();
        Tick { at: Px(at), label: if left { label.end() } else { label } }
    });
    let mut kept: Vec<Tick> = Vec::new();
    for tick in ticks {
        if kept.last().is_none_or(|last| (last.at.0 - tick.at.0).abs() >= SMALL * 1.3) {
            kept.push(tick);
        }
    }
    kept
}

/// The widest of some texts.
pub fn widest<'a>(texts: impl IntoIterator<Item = &'a str>, size: f64) -> f64 {
    texts.into_iter().map(|text| width(&clean(text), size)).fold(0.0, f64::max)
}

/// The widest number at the ticks of a scale.
pub fn widest_tick(scale: &Scale) -> f64 {
    scale.ticks(6).iter().map(|tick| width(&tick.1, SMALL)).fold(0.0, f64::max)
}

/// How a series looks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Style {
    pub colour: String,
    /// Number of its hatching; 0 has none.
    pub hatch: usize,
    pub shape: &'static str,
    /// Filled, else open.
    pub filled: bool,
    pub dash: &'static str,
}

/// Colours after Okabe and Ito, the darker ones first; the page may set each.
const PALETTE: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#e69f00", "#56b4e9", "#7f7f7f"];
const SHAPES: [&str; 4] = ["circle", "square", "diamond", "triangle"];
const DASHES: [&str; 5] = ["", "7 3", "2 2.5", "9 3 2 3", "4 2"];

/// The look of the series `number`; `colour` counts where it is `#rrggbb`.
pub fn style(number: usize, colour: Option<&str>) -> Style {
    let hex = |text: &&str| text.len() == 7 && text.starts_with('#') && text[1..].bytes().all(|byte| byte.is_ascii_hexdigit());
    let own = colour.filter(hex).map(str::to_ascii_lowercase);
    let nth = number % PALETTE.len();
    Style {
        colour: own.unwrap_or_else(|| format!("var(--series-{},{})", nth + 1, PALETTE[nth])),
        hatch: number % 5,
        // Filled and open circles first: the pair that is drawn most often.
        shape: SHAPES[(number / 2) % SHAPES.len()],
        filled: number.is_multiple_of(2),
        dash: DASHES[number % DASHES.len()],
    }
}

/// An entry of a legend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Key {
    pub x: Px,
    pub y: Px,
    pub style: Style,
    pub label: Text,
}

/// A legend in as many lines as it needs from `top` on, and its height; none for a single series.
pub fn legend(series: &[Series], left: f64, top: f64, right: f64) -> (Vec<Key>, f64) {
    if series.len() < 2 {
        return (Vec::new(), 0.0);
    }
    let (mut x, mut y, mut keys) = (left, top + 8.0, Vec::new());
    for (number, series) in series.iter().enumerate() {
        let label = Text::new(&series.name, 0.0, y + 4.0, SIZE, right - left - 20.0);
        let wide = 20.0 + width(&label.shown, SIZE);
        if x > left && x + wide > right {
            (x, y) = (left, y + 18.0);
        }
        let label = Text { x: Px(x + 20.0), y: Px(y + 4.0), ..label };
        keys.push(Key { x: Px(x), y: Px(y), style: style(number, series.colour.as_deref()), label });
        x += wide + 18.0;
    }
    (keys, y - top + 16.0)
}

/// What a tooltip says of an amount.
pub fn told(axis: &Axis, names: &[&str], amount: &Amount) -> String {
    let mut text = names.iter().filter(|name| !name.is_empty()).map(|name| clean(name)).collect::<Vec<_>>().join(", ");
    text.push_str(": ");
    text.push_str(&amount.known().map_or_else(|| "no value".to_owned(), |value| on(axis, value)));
    if let Some((lower, upper)) = amount.whisker().filter(|_| amount.known().is_some()) {
        text.push_str(&format!(" ({} to {})", on(axis, lower), on(axis, upper)));
    }
    text
}

/// A place as an attribute holds it.
pub fn place(place: Option<&String>) -> Option<String> {
    place.map(|place| clean(place))
}

/// A number of things as a length.
#[expect(clippy::cast_precision_loss, reason = "things of a figure")]
pub fn count(number: usize) -> f64 {
    number as f64
}
