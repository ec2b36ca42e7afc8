//! Checked pipeline to plan: what a run would do with each step, and why.

pub mod decision;
pub mod planner;
pub mod reason;
