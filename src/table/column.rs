//! One column: values of one type, with missing ones marked.

/// The values of one column.
#[derive(Debug, Clone)]
pub enum Column {}
