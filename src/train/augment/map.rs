//! Where each pixel of a varied image comes from.

/// Bits behind the point in the coordinates of a source: two adjacent maps of a wide image still meet the same pixels.
const POINT: u32 = 24;

/// A place between two pixels is one of so many (as bits).
const BETWEEN: u32 = 6;

/// Bits for one channel in a packed pixel: 255 times the weights of four neighbours, which sum to `2 ^ (2 * BETWEEN)`, fit.
const LANE: u32 = 21;

/// An image with its margin, rows from the top, RGB.
pub(super) struct Source<'a> {
    pub rgb: &'a [u8],
    pub width: usize,
    pub height: usize,
}

/// Where the pixels of the output come from. What lies outside of the source has the colour of its nearest pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Map {
    /// The crop's place in the source, pixels.
    pub left: usize,
    /// The crop's place in the source, pixels.
    pub top: usize,
    /// Mirrored, left to right.
    pub flip: bool,
    /// The output shows what lies so many pixels further right and further down.
    pub shift: (i64, i64),
    /// What happens about the centre besides; `None` where nothing does.
    pub linear: Option<Linear>,
}

/// A rotation after a shift after a shear after a zoom, from places of the output to places of the source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Linear {
    /// Sine and cosine.
    rotation: (f64, f64),
    /// Shear after zoom: `[[xx, xy], [yx, yy]]`.
    stretch: [[f64; 2]; 2],
}

impl Linear {
    /// Turned counter-clockwise and sheared by degrees; with a zoom of less than one the output shows less of the source.
    pub(super) fn new(rotation_deg: f64, shear_deg: f64, zoom: (f64, f64)) -> Option<Self> {
        if rotation_deg == 0.0 && shear_deg == 0.0 && zoom == (1.0, 1.0) {
            return None;
        }
        let (sine, cosine) = shear_deg.to_radians().sin_cos();
        let stretch = [[cosine * zoom.0, 0.0], [-sine * zoom.0, zoom.1]];
        Some(Self { rotation: rotation_deg.to_radians().sin_cos(), stretch })
    }

    fn turned(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (sine, cosine) = self.rotation;
        (cosine * x - sine * y, sine * x + cosine * y)
    }
}

impl Map {
    /// Copies pixels, each byte as its number in `numbers`.
    pub(super) fn copy(&self, source: &Source<'_>, width: usize, numbers: &[[f32; 256]; 3], out: &mut [f32]) {
        let columns: Vec<usize> = (0..width)
            .map(|x| 3 * clamped(self.left + if self.flip { width - 1 - x } else { x }, self.shift.0, source.width))
            .collect();
        for (y, [reds, greens, blues]) in rows(out, width).enumerate() {
            let row = 3 * source.width * clamped(self.top + y, self.shift.1, source.height);
            let row = &source.rgb[row..row + 3 * source.width];
            for (((column, red), green), blue) in columns.iter().zip(reds).zip(greens).zip(blues) {
                let pixel = &row[*column..*column + 3];
                *red = numbers[0][usize::from(pixel[0])];
                *green = numbers[1][usize::from(pixel[1])];
                *blue = numbers[2][usize::from(pixel[2])];
            }
        }
    }

    /// Reads between the pixels, bilinearly; numbers of 0-1.
    ///
    /// Coordinates are whole numbers of `2 ^ -POINT` pixels and a pixel's three channels lie in one word, so that a neighbour is
    /// one multiplication, of all channels at once.
    pub(super) fn interpolate(&self, linear: &Linear, source: &Source<'_>, width: usize, out: &mut [f32]) {
        let packed = pack(source);
        let stride = source.width + 1;
        let last = (fixed(real(source.width - 1)), fixed(real(source.height - 1)));
        let (start, right, down) = self.steps(linear, width, out.len() / 3 / width);
        for (y, [reds, greens, blues]) in (0..).zip(rows(out, width)) {
            let mut x = start.0 + y * down.0;
            let mut y = start.1 + y * down.1;
            for ((red, green), blue) in reds.iter_mut().zip(greens).zip(blues) {
                let (at_x, at_y) = (x.clamp(0, last.0), y.clamp(0, last.1));
                let above = index(at_y >> POINT) * stride + index(at_x >> POINT);
                let upper = mixed(packed[above], packed[above + 1], at_x);
                let lower = mixed(packed[above + stride], packed[above + stride + 1], at_x);
                let [channel_1, channel_2, channel_3] = unpacked(mixed(upper, lower, at_y));
                (*red, *green, *blue) = (channel_1, channel_2, channel_3);
                x += right.0;
                y += right.1;
            }
        }
    }

    /// The source's place of the first output pixel, and what one pixel to the right and one down add to it.
    fn steps(&self, linear: &Linear, width: usize, height: usize) -> ((i64, i64), (i64, i64), (i64, i64)) {
        let centre = (real(width - 1) / 2.0, real(height - 1) / 2.0);
        let [[xx, xy], [yx, yy]] = linear.stretch;
        let side = if self.flip { -1.0 } else { 1.0 };
        let right = linear.turned((side * xx, side * yx));
        let down = linear.turned((xy, yy));
        let shift = linear.turned((signed(self.shift.0), signed(self.shift.1)));
        let start = (
            shift.0 - centre.0 * right.0 - centre.1 * down.0 + centre.0 + real(self.left),
            shift.1 - centre.0 * right.1 - centre.1 * down.1 + centre.1 + real(self.top),
        );
        // Rounds to the nearest of the places between two pixels, where `mixed` cuts.
        let half = 1 << (POINT - BETWEEN - 1);
        let both = |(x, y): (f64, f64)| (fixed(x), fixed(y));
        let (start, right, down) = (both(start), both(right), both(down));
        ((start.0 + half, start.1 + half), right, down)
    }
}

/// One word per pixel, with the last column and row once more: a neighbour to the right and one below are always there.
fn pack(source: &Source<'_>) -> Vec<u64> {
    let mut packed = Vec::with_capacity((source.width + 1) * (source.height + 1));
    for row in source.rgb.chunks_exact(3 * source.width) {
        let word = |pixel: &[u8]| u64::from(pixel[0]) | u64::from(pixel[1]) << LANE | u64::from(pixel[2]) << (2 * LANE);
        packed.extend(row.chunks_exact(3).map(word));
        packed.extend(packed.last().copied());
    }
    packed.extend_from_within(packed.len() - (source.width + 1)..);
    packed
}

/// `first` and `second` by how far `at` lies from the first to the second; all three channels at once.
fn mixed(first: u64, second: u64, at: i64) -> u64 {
    let part = (at >> (POINT - BETWEEN)).cast_unsigned() & ((1 << BETWEEN) - 1);
    // A channel's difference may borrow from its neighbour in between; the sum is exact.
    (first << BETWEEN).wrapping_add(second.wrapping_sub(first).wrapping_mul(part))
}

/// The channels of a pixel that was mixed twice, 0-1.
#[expect(clippy::cast_precision_loss, reason = "a channel has 20 bits")]
fn unpacked(word: u64) -> [f32; 3] {
    const SCALE: f32 = 1.0 / (255 << (2 * BETWEEN)) as f32;
    let mask = (1 << LANE) - 1;
    // Signed words become floats in one instruction, unsigned ones in several.
    [word, word >> LANE, word >> (2 * LANE)].map(|channel| (channel & mask).cast_signed() as f32 * SCALE)
}

/// The rows of the three planes.
fn rows(out: &mut [f32], width: usize) -> impl Iterator<Item = [&mut [f32]; 3]> {
    let (reds, rest) = out.split_at_mut(out.len() / 3);
    let (greens, blues) = rest.split_at_mut(reds.len());
    let rows = reds.chunks_exact_mut(width).zip(greens.chunks_exact_mut(width)).zip(blues.chunks_exact_mut(width));
    rows.map(|((red, green), blue)| [red, green, blue])
}

/// `place + shift`, or the nearest below `end`.
fn clamped(place: usize, shift: i64, end: usize) -> usize {
    let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    index((whole(place) + shift).clamp(0, whole(end) - 1))
}

fn index(place: i64) -> usize {
    usize::try_from(place).unwrap_or(0)
}

#[expect(clippy::cast_possible_truncation, reason = "coordinates are below 2^14 pixels")]
fn fixed(pixels: f64) -> i64 {
    (pixels * f64::from(1 << POINT)).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "sides have a few thousand pixels")]
fn real(pixels: usize) -> f64 {
    pixels as f64
}

#[expect(clippy::cast_precision_loss, reason = "sides have a few thousand pixels")]
fn signed(pixels: i64) -> f64 {
    pixels as f64
}
