//! Estimates from samples that were drawn in strata.
