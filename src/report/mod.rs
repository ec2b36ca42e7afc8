//! The quality report's building blocks: templates that a programme may replace, and figures drawn by them.
//!
//! ```text
//! plain numbers -> figure (layout) -> template -> SVG text -> page::Panel with its table -> template -> HTML
//! ```
//!
//! Nothing here knows of steps or of the columns of their tables.

pub mod figure;
pub mod page;
pub mod templates;

pub use templates::{TemplateError, Templates};
