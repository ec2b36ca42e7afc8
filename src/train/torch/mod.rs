//! The training loop, in libtorch. Built with the feature `tch`.

mod checkpoint;
mod loss;
mod optimizer;
mod start;
mod trainer;

pub use start::{initial_weights, transferred};
pub use trainer::{TrainError, Trained, Training, Watch, best_device, library};
