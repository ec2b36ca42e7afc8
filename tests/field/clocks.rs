//! Times of cameras and of deployment tables.
