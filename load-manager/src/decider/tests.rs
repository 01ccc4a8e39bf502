//! The rules of design section 5 as diaries, with K = 8, and as properties.

mod away;
mod classic;
mod closed_loop;
mod cpu;
mod data;
mod diary;
mod down;
mod floors;
mod learned;
mod local;
mod out;
mod paper;
mod properties;
mod share;
mod standby;
mod up;
