//! Formats of the rest of the field: their bytes to tables and back. Steps decide what is read and written; here is only how.
//!
//! What cannot be read is named by the file, the item of its list (`images[12]`, counted from 0 as the format does) and the path of
//! the field within it.

pub mod camtrap_dp;
mod camtrapr;
mod coat;
pub mod form;
pub mod json;
pub mod megadetector;
pub mod predictions;
mod shape;
pub mod speciesnet;
pub mod timelapse;
mod wildlife_insights;
