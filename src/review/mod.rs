//! People's answers while they are given: a review as it stands, what its label files say of each image, and who takes answers down.
//!
//! ```text
//! pipeline + store -> Desk (what is asked) -> Book (who said what, which answer stands)
//! answer -> Clerk (checked, completed, on the disk) -> Book
//! ```
//!
//! [`frames`] finds the images around an image: those of its trigger event, and the one that the camera took before.
//!
//! `trapline labels` and the review page stand on the same rooms, so that both write the same rows.

#[cfg(feature = "review")]
mod agreement;
pub mod book;
pub mod clerk;
pub mod desk;
#[cfg(feature = "review")]
pub mod export;
pub mod frames;
pub mod names;
#[cfg(feature = "review")]
pub mod office;
#[cfg(feature = "review")]
pub mod page;
pub mod pictures;
#[cfg(feature = "review")]
mod progress;
#[cfg(feature = "review")]
pub mod queue;
#[cfg(feature = "review")]
pub mod server;
#[cfg(feature = "review")]
pub mod showing;
#[cfg(feature = "review")]
pub mod wire;
