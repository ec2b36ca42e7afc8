//! How an image is turned so that what was above is above: the EXIF orientation.
//!
//! Cameras that hang on their side write the pixels as the sensor gives them and a number, 1 to 8, that says how to show them. Programs
//! that show images turn them; a network sees what it was trained with, which `model.yaml` says (`upright`).

use super::exif;

/// How the stored pixels are to be shown.
///
/// *Source*: EXIF 2.3 (CIPA DC-008), tag 274.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation(u8);

impl Orientation {
    /// As stored.
    pub const UPRIGHT: Self = Self(1);

    /// What the file in `bytes` says; as stored where it says nothing, or nothing that is defined.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let said = exif::read(bytes).orientation.and_then(|said| u8::try_from(said).ok());
        said.filter(|said| (1..=8).contains(said)).map_or(Self::UPRIGHT, Self)
    }

    /// Says whether the pixels are shown as they are stored.
    #[must_use]
    pub fn is_upright(self) -> bool {
        self == Self::UPRIGHT
    }

    /// Width and height as shown, of those stored.
    #[must_use]
    pub fn size(self, width_px: u32, height_px: u32) -> (u32, u32) {
        if self.0 >= 5 { (height_px, width_px) } else { (width_px, height_px) }
    }

    /// Where a place of the stored image (0-1 from the left and from the top) is seen.
    #[must_use]
    pub fn place(self, x: f64, y: f64) -> (f64, f64) {
        match self.0 {
            2 => (1.0 - x, y),
            3 => (1.0 - x, 1.0 - y),
            4 => (x, 1.0 - y),
            5 => (y, x),
            6 => (1.0 - y, x),
            7 => (1.0 - y, 1.0 - x),
            8 => (y, 1.0 - x),
            _ => (x, y),
        }
    }

    /// Turns an image: `pixels` has three bytes a pixel, rows from the top, and has them after. Gives width and height as shown.
    pub fn turn(self, pixels: &mut Vec<u8>, width_px: u32, height_px: u32) -> (u32, u32) {
        if self.is_upright() {
            return (width_px, height_px);
        }
        let (width, height) = (width_px as usize, height_px as usize);
        let shown = self.size(width_px, height_px);
        let mut turned = Vec::with_capacity(pixels.len());
        for y in 0..shown.1 as usize {
            for x in 0..shown.0 as usize {
                let (column, row) = match self.0 {
                    2 => (width - 1 - x, y),
                    3 => (width - 1 - x, height - 1 - y),
                    4 => (x, height - 1 - y),
                    5 => (y, x),
                    6 => (y, height - 1 - x),
                    7 => (width - 1 - y, height - 1 - x),
                    _ => (width - 1 - y, x),
                };
                let at = 3 * (row * width + column);
                turned.extend_from_slice(&pixels[at..at + 3]);
            }
        }
        *pixels = turned;
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three columns, two rows; each pixel is a letter.
    const STORED: &str = "abc/def";

    fn pixels(rows: &str) -> Vec<u8> {
        rows.bytes().filter(|byte| *byte != b'/').flat_map(|byte| [byte; 3]).collect()
    }

    #[test]
    fn an_image_is_shown_as_each_of_the_eight_numbers_says() {
        let shown = ["abc/def", "cba/fed", "fed/cba", "def/abc", "ad/be/cf", "da/eb/fc", "fc/eb/da", "cf/be/ad"];
        for (number, expected) in (1..).zip(shown) {
            let orientation = Orientation(number);
            let mut turned = pixels(STORED);
            let (width, height) = orientation.turn(&mut turned, 3, 2);
            assert_eq!((width, height), orientation.size(3, 2));
            assert_eq!(turned, pixels(expected), "{number}");
            // A place goes where its pixel goes: the letter `c`, in the middle of its pixel.
            let (x, y) = orientation.place(2.5 / 3.0, 0.25);
            let row = expected.split('/').position(|row| row.contains('c')).unwrap();
            let column = expected.split('/').nth(row).unwrap().find('c').unwrap();
            let middle = |at: usize, side: u32| (f64::from(u32::try_from(at).unwrap()) + 0.5) / f64::from(side);
            assert!((x - middle(column, width)).abs() < 1e-9 && (y - middle(row, height)).abs() < 1e-9, "{number}: {x} {y}");
        }
    }

    #[test]
    fn what_is_not_an_orientation_turns_nothing() {
        assert_eq!(Orientation::of(b""), Orientation::UPRIGHT);
        assert_eq!(Orientation::of(b"\xFF\xD8 nothing"), Orientation::UPRIGHT);
    }
}
