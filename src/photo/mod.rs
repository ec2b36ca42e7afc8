//! What one image file says: its metadata, its pixels, its clock. Pure functions over bytes; nothing here opens a file.

mod budget;
mod container;
mod ifd;
mod text;
mod xmp;

pub mod clock;
pub mod decode;
pub mod exif;
pub mod flags;
pub mod makernotes;
pub mod orientation;
pub mod resize;

pub use clock::{ClockError, ClockProblem, Corrected, Correction, CorrectionKind};
pub use container::Container;
pub use decode::{DecodeError, Decoder, RgbImage, pixel_hash};
pub use exif::{RawMetadata, TimeSource, WrittenTime};
pub use flags::MetadataFlag;
pub use makernotes::{Family, MakerNote};
pub use orientation::Orientation;
pub use resize::{Fit, ResizeError, ResizeRule, Resizer, to_tensor_chw};
