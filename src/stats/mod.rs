//! Statistics of quality checks: what a few checked images say about a complete data set, and how surely.
//!
//! Pure functions of counts, without tables, files or chance; only `+ - * /` and square roots, so that every machine computes the
//! same bits.
//!
//! | module | question |
//! |---|---|
//! | [`interval`] | between which bounds does a proportion lie? |
//! | [`combine`] | and a sum or a ratio of several? |
//! | [`metrics`] | how good are precision, recall, F1 and accuracy of the complete data set? |
//! | [`prevalence`] | the same, where images were checked at other shares of classes than those of the data set |
//! | [`paired`] | how much better is one model than another on the same images? |
//! | [`agreement`] | how far do people agree who looked at the same images? |
//! | [`bins`] | in which confidence bin does an image lie? |
//! | [`planning`] | how many images to check, how many hours does it take? |

pub mod agreement;
pub mod bins;
pub mod combine;
pub mod interval;
pub mod metrics;
pub mod paired;
pub mod planning;
pub mod pooled;
pub mod prevalence;
