//! The review page: people as part of the graph.
//!
//! | module | what it is |
//! |---|---|
//! | [`frames`] | the images around an image: those of its trigger event, and the one that the camera took before |

pub mod frames;
