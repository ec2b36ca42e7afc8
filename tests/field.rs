//! What the field trips over: situations of real programmes, each as a small project that once gave a wrong number, lost a name or an
//! image, or took an answer that nobody gave.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::format_collect, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_lossless, reason = "counts of a test are small")]

mod cli;
mod onnx;
mod support;

#[path = "field/cameras.rs"]
mod cameras;
#[path = "support/python.rs"]
mod python;

#[path = "field/checking.rs"]
mod checking;
#[path = "field/clocks.rs"]
mod clocks;
#[path = "field/estimates.rs"]
mod estimates;
#[path = "field/healing.rs"]
mod healing;
#[path = "field/imports.rs"]
mod imports;
#[path = "field/limits.rs"]
mod limits;
#[path = "field/lost.rs"]
mod lost;
#[path = "field/models.rs"]
mod models;
#[path = "field/moves.rs"]
mod moves;
#[path = "field/names.rs"]
mod names;
#[path = "field/reading.rs"]
mod reading;
#[path = "field/vanishing.rs"]
mod vanishing;
