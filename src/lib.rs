//! Trapline turns the image archive of a camera-trap programme into a quality-checked data set, from one YAML file.
//!
//! ```text
//! YAML text -> Node tree -> Spec -> checked Pipeline -> Plan -> run -> Store -> report, exports
//! ```
//!
//! Each arrow is one module that uses only what stands to its left. Only `cli` prints, reads the environment or the clock.

pub mod check;
pub mod cli;
pub mod dataset;
pub mod demo;
pub mod diagnostic;
pub mod event;
pub mod exchange;
pub mod file;
pub mod id;
pub mod labels;
pub mod merging;
pub mod model;
pub mod moves;
pub mod observation;
pub mod path;
pub mod photo;
pub mod plan;
pub mod provenance;
pub mod recipe;
pub mod report;
pub mod review;
pub mod run;
pub mod seasons;
pub mod spec;
pub mod stats;
pub mod step;
pub mod store;
pub mod table;
pub mod taxonomy;
pub mod template;
pub mod train;
pub mod yaml;
