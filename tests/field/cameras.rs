//! Two cameras at one place, and cameras that take no daily time-lapse image.
