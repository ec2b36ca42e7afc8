//! A review that is sent as a folder, and its answers that come back.
