//! Accordion's gRPC contracts: one `.proto` per daemon in `v1/`, and the code generated from them.
//! No logic lives here; what a message means is said in the `.proto` files.

#![allow(missing_docs, clippy::all, clippy::unwrap_used)]

mod redacted;

/// How a message becomes bytes and is made of them, where it does not go by gRPC.
pub use prost::Message;

/// The front door: `v1/service_manager.proto`.
pub mod service_manager {
    tonic::include_proto!("accordion.service_manager.v1");
}

/// The decisions: `v1/load_manager.proto`.
pub mod load_manager {
    tonic::include_proto!("accordion.load_manager.v1");
}

/// The node: `v1/task_processor.proto`.
pub mod task_processor {
    tonic::include_proto!("accordion.task_processor.v1");
}

/// What every daemon hears of its file: `v1/reload.proto`.
pub mod reload {
    tonic::include_proto!("accordion.reload.v1");
}
