//! One request: taken in, picked for, attempted, answered.

mod answer;
mod download;
mod exchange;
mod fault;
mod flight;
mod frames;
mod intake;
mod order;
mod splice;
mod trace;
mod tried;
mod tunnel;
mod upload;

pub(crate) use exchange::{Ended, Exchange};
pub(crate) use intake::take_in;
pub(crate) use order::Order;
pub(crate) use splice::Pipes;
pub(crate) use trace::Trace;
