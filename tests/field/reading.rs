//! What cannot be read is not absent, and what is damaged heals.
