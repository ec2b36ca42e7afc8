//! Models from elsewhere.
