//! Node tree to Spec: what the user wrote, with names resolved and templates rendered, not yet checked as a whole.

pub mod taxonomy;
