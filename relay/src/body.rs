//! The two bodies of an exchange: the request's on its way up, the answer's on its way down.

mod answer;
mod upload;

pub(crate) use answer::Answer;
pub(crate) use upload::{Progress, Upload};
