//! Spec to plan: recipes, keys, reasons, decisions.

pub mod recipe;
