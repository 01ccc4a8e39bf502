//! What is held and what is told, as diaries and as properties.

mod adoption;
mod counts;
mod diary;
mod direct;
mod drains;
mod links;
mod losses;
mod orders;
mod pool;
mod properties;
mod restart;
mod rolling;
mod sharing;
mod standby;
