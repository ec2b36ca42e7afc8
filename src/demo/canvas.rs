//! The demo's drawing surface: linear colours, soft layers, blurs and a small bitmap font for the information strip.

use super::chance::mix;

/// Red, green and blue as reflectance or light, about 0 to 1.
pub(crate) type Rgb = [f32; 3];

/// Width of every picture, in pixels.
pub(crate) const WIDTH: usize = 512;
/// Height of every picture with its information strip, in pixels.
pub(crate) const HEIGHT: usize = 384;
/// Height of the strip with date and temperature at the bottom; a model's `crop_bottom_px` removes it.
pub(crate) const STRIP_PX: usize = 24;
/// Height of the scene above the strip.
pub(crate) const SCENE_HEIGHT: usize = HEIGHT - STRIP_PX;

/// `a` at 0, `b` at 1, for each colour.
pub(crate) fn blend(a: Rgb, b: Rgb, share: f32) -> Rgb {
    [mix(a[0], b[0], share), mix(a[1], b[1], share), mix(a[2], b[2], share)]
}

/// All three colours times `factor`.
pub(crate) fn scale(colour: Rgb, factor: f32) -> Rgb {
    [colour[0] * factor, colour[1] * factor, colour[2] * factor]
}

/// Brightness as the eye weighs it.
pub(crate) fn luma(colour: Rgb) -> f32 {
    0.30 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]
}

/// What is drawn over the scene: colour, cover and the shadow it throws. It has the scene's size, limited to a box that was touched.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// Colour of each pixel, of use where `cover` is above 0.
    pub(crate) colour: Vec<Rgb>,
    /// Share of each pixel that is covered.
    pub(crate) cover: Vec<f32>,
    /// Light taken away beside the drawn things, 0 to 1.
    pub(crate) shadow: Vec<f32>,
}

impl Layer {
    /// Nothing drawn yet.
    pub(crate) fn new() -> Self {
        let n = WIDTH * SCENE_HEIGHT;
        Self { colour: vec![[0.0; 3]; n], cover: vec![0.0; n], shadow: vec![0.0; n] }
    }

    /// Paints over pixel `at`.
    pub(crate) fn paint(&mut self, at: usize, colour: Rgb, alpha: f32) {
        if alpha <= 0.0 {
            return;
        }
        let below = self.cover[at] * (1.0 - alpha);
        let all = below + alpha;
        self.colour[at] = blend(self.colour[at], colour, alpha / all);
        self.cover[at] = all;
    }

    /// Smears the layer along `(dx, dy)` pixels: an animal that moved while the shutter was open.
    pub(crate) fn smear(&self, dx: f32, dy: f32) -> Self {
        const STEPS: i32 = 6;
        let mut out = Self::new();
        for y in 0..SCENE_HEIGHT as i32 {
            for x in 0..WIDTH as i32 {
                let mut sum = [0.0; 3];
                let (mut cover, mut shadow) = (0.0, 0.0);
                for step in 0..STEPS {
                    let part = step as f32 / (STEPS - 1) as f32 - 0.5;
                    let sx = (x + (dx * part) as i32).clamp(0, WIDTH as i32 - 1);
                    let sy = (y + (dy * part) as i32).clamp(0, SCENE_HEIGHT as i32 - 1);
                    let at = sy as usize * WIDTH + sx as usize;
                    for (s, c) in sum.iter_mut().zip(self.colour[at]) {
                        *s += c * self.cover[at];
                    }
                    cover += self.cover[at];
                    shadow += self.shadow[at];
                }
                let at = y as usize * WIDTH + x as usize;
                if cover > 0.0 {
                    out.colour[at] = scale(sum, 1.0 / cover);
                }
                out.cover[at] = cover / STEPS as f32;
                out.shadow[at] = shadow / STEPS as f32;
            }
        }
        out
    }
}

/// Blurs a scene by two passes of a box of `2 * radius + 1` pixels in each direction.
pub(crate) fn blur(scene: &mut Vec<Rgb>, radius: usize) {
    for _ in 0..2 {
        *scene = box_blur(scene, radius, WIDTH, 1, SCENE_HEIGHT, WIDTH);
        *scene = box_blur(scene, radius, SCENE_HEIGHT, WIDTH, WIDTH, 1);
    }
}

/// A running mean along lines of `length` pixels, `stride` apart, of which there are `lines`, `line_stride` apart.
fn box_blur(from: &[Rgb], radius: usize, length: usize, stride: usize, lines: usize, line_stride: usize) -> Vec<Rgb> {
    let mut out = vec![[0.0; 3]; from.len()];
    for line in 0..lines {
        let at = |i: usize| line * line_stride + i * stride;
        for i in 0..length {
            let (first, last) = (i.saturating_sub(radius), (i + radius).min(length - 1));
            let mut sum = [0.0; 3];
            for j in first..=last {
                let colour = from[at(j)];
                sum = [sum[0] + colour[0], sum[1] + colour[1], sum[2] + colour[2]];
            }
            out[at(i)] = scale(sum, 1.0 / (last - first + 1) as f32);
        }
    }
    out
}

/// Writes `text` into 8-bit RGB `pixels` of the picture's width, letters 10 x 14 pixels, their upper left corner at `(x, y)`.
pub(crate) fn write_text(pixels: &mut [u8], text: &str, x: usize, y: usize) {
    for (i, letter) in text.chars().enumerate() {
        let rows = glyph(letter);
        for (row, bits) in rows.iter().enumerate() {
            for column in 0..5 {
                if bits & (16 >> column) != 0 {
                    fill(pixels, x + i * 12 + column * 2, y + row * 2, 2, 2);
                }
            }
        }
    }
}

/// Fills a white rectangle; what lies outside the picture is left out.
pub(crate) fn fill(pixels: &mut [u8], x: usize, y: usize, width: usize, height: usize) {
    for py in y..(y + height).min(HEIGHT) {
        for px in x..(x + width).min(WIDTH) {
            let at = (py * WIDTH + px) * 3;
            pixels[at..at + 3].fill(235);
        }
    }
}

/// Five columns of seven rows; an unknown letter is blank.
#[rustfmt::skip]
fn glyph(letter: char) -> [u8; 7] {
    match letter {
        '0' => [14, 17, 19, 21, 25, 17, 14],
        '1' => [4, 12, 4, 4, 4, 4, 14],
        '2' => [14, 17, 1, 2, 4, 8, 31],
        '3' => [31, 2, 4, 2, 1, 17, 14],
        '4' => [2, 6, 10, 18, 31, 2, 2],
        '5' => [31, 16, 30, 1, 1, 17, 14],
        '6' => [6, 8, 16, 30, 17, 17, 14],
        '7' => [31, 1, 2, 4, 8, 8, 8],
        '8' => [14, 17, 17, 14, 17, 17, 14],
        '9' => [14, 17, 17, 15, 1, 2, 12],
        'A' => [14, 17, 17, 31, 17, 17, 17],
        'C' => [14, 17, 16, 16, 16, 17, 14],
        'M' => [17, 27, 21, 21, 17, 17, 17],
        'P' => [30, 17, 17, 30, 16, 16, 16],
        'T' => [31, 4, 4, 4, 4, 4, 4],
        ':' => [0, 12, 12, 0, 12, 12, 0],
        '-' => [0, 0, 0, 31, 0, 0, 0],
        '/' => [0, 1, 2, 4, 8, 16, 0],
        '°' => [12, 18, 18, 12, 0, 0, 0],
        _ => [0; 7],
    }
}
