//! Spec to plan: recipes, keys, reasons, decisions.

pub mod decision;
pub mod planner;
pub mod reason;
pub mod recipe;
