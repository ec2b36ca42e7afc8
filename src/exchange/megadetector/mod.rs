//! `MegaDetector`'s result files, which many tools write and read: boxes with categories, each with classes where a classifier ran.
//!
//! Format: <https://lila.science/megadetector-output-format>, versions 1.2 to 1.6.

mod read;
mod write;

pub use read::{Source, read};
pub use write::{Class, write};

/// The list of images.
pub const LIST: &str = "images";

/// The version that is written.
const VERSION: &str = "1.6";

/// Versions that are read as they are meant.
const KNOWN: [&str; 5] = ["1.2", "1.3", "1.4", "1.5", VERSION];

/// What an image without detections shows.
pub const EMPTY: &str = "empty";
