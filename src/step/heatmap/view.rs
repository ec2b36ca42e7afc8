//! Which place of the image a place of the network's map is: cropping, margin and letterbox undone.

use super::cam::Map;
use crate::model::{Input, Resize};

/// Where the evidence lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Focus {
    /// Its centre, from the left, 0-1 of the image as the network saw it, before its strip was cut off.
    pub x: f64,
    /// Its centre, from the top, 0-1 of the image as the network saw it, before its strip was cut off.
    pub y: f64,
    /// The smallest share of the image that holds half of it.
    pub share: f64,
}

/// One direction: a place 0-1 of the image is `scale * place + offset`, 0-1 of the network's input.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    scale: f64,
    offset: f64,
}

/// How an image of one size lies in the network's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    x: Axis,
    y: Axis,
    /// The share of the stored image above the strip that was cut off.
    kept: f64,
}

impl View {
    pub fn of(input: &Input, width_px: u32, height_px: u32) -> Self {
        let kept_px = height_px.saturating_sub(input.crop_bottom_px).max(1);
        let (width, height) = input.prepared_px();
        let (full, sides) = ([f64::from(width), f64::from(height)], [f64::from(width_px), f64::from(kept_px)]);
        let inner = match input.resize {
            Resize::Squash => full,
            Resize::Letterbox => {
                let scale = (full[0] / sides[0]).min(full[1] / sides[1]);
                sides.map(|side| (side * scale).round().max(1.0))
            }
            Resize::Crop => {
                let scale = (full[0] / sides[0]).max(full[1] / sides[1]);
                sides.map(|side| side * scale)
            }
        };
        let margin = f64::from(input.margin_px);
        let axis = |at: usize, size: u32| Axis {
            scale: inner[at] / f64::from(size),
            offset: (((full[at] - inner[at]) / 2.0).floor() - margin) / f64::from(size),
        };
        Self { x: axis(0, input.width), y: axis(1, input.height), kept: f64::from(kept_px) / f64::from(height_px) }
    }

    /// The map's value at a place 0-1 of the kept part of the image, between its places linearly; `None` where the network does not see
    /// it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place of a small map"
    )]
    pub fn value(self, map: &Map, x: f64, y: f64) -> Option<f32> {
        let (u, v) = (self.x.scale * x + self.x.offset, self.y.scale * y + self.y.offset);
        if !(0.0..=1.0).contains(&u) || !(0.0..=1.0).contains(&v) {
            return None;
        }
        let place = |share: f64, places: usize| -> (usize, usize, f32) {
            let at = (share * places as f64 - 0.5).clamp(0.0, (places - 1) as f64);
            let low = at.floor() as usize;
            (low, (low + 1).min(places - 1), (at - at.floor()) as f32)
        };
        let ((left, right, across), (top, bottom, down)) = (place(u, map.width), place(v, map.height));
        let row = |row: usize| {
            let at = |column: usize| map.values[row * map.width + column];
            at(left) * (1.0 - across) + at(right) * across
        };
        Some(row(top) * (1.0 - down) + row(bottom) * down)
    }

    /// Where the evidence lies; `None` where there is none.
    #[expect(clippy::cast_precision_loss, reason = "a map has few places")]
    pub fn focus(self, map: &Map) -> Option<Focus> {
        let mut places = Vec::with_capacity(map.values.len());
        for (at, value) in map.values.iter().enumerate() {
            let share =
                |place: usize, places: usize, axis: Axis| ((place as f64 + 0.5) / places as f64 - axis.offset) / axis.scale;
            let x = share(at % map.width, map.width, self.x);
            let y = share(at / map.width, map.height, self.y);
            // Grey beside a letterboxed image is no place of it.
            if (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y) {
                places.push((f64::from(*value), x, y));
            }
        }
        let whole: f64 = places.iter().map(|(value, ..)| value).sum();
        if whole <= 0.0 {
            return None;
        }
        let mean = |of: &dyn Fn(&(f64, f64, f64)) -> f64| places.iter().map(|place| place.0 * of(place)).sum::<f64>() / whole;
        let (x, y) = (mean(&|place| place.1), mean(&|place| place.2) * self.kept);
        places.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut held = 0.0;
        let needed = places.iter().take_while(|(value, ..)| {
            let more = held < whole / 2.0;
            held += value;
            more
        });
        Some(Focus { x, y, share: needed.count() as f64 / places.len() as f64 })
    }
}
