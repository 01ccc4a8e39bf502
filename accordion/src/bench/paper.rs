//! `accordion bench paper`: the experiments by which Kim and Park judged their system in 2004, on a rack that is
//! made on this machine, and beside what people would take instead today.
#![allow(dead_code)]

mod contestant;
mod experiment;
mod record;
mod results;
mod timeline;
