//! Generates the gRPC code with a compiler in Rust, so that no protoc has to be installed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files =
        ["v1/service_manager.proto", "v1/load_manager.proto", "v1/task_processor.proto", "v1/reload.proto"];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["."])?;
    // What people ask is also answered as JSON. Messages that carry a token stay without it.
    let mut builder = tonic_prost_build::configure();
    for message in [
        "load_manager.v1.StatusReply",
        "load_manager.v1.Claim",
        "load_manager.v1.NodeView",
        "load_manager.v1.Decision",
        "load_manager.v1.Figures",
        "service_manager.v1.StatusReply",
        "service_manager.v1.LocalStatus",
        "service_manager.v1.ChildStatus",
    ] {
        builder = builder.type_attribute(
            format!("accordion.{message}"),
            "#[derive(serde::Serialize, serde::Deserialize)] #[serde(default)]",
        );
    }
    // The Debug of these is written by hand in lib.rs and leaves the token out.
    builder = builder.skip_debug([
        "accordion.task_processor.v1.Grant",
        "accordion.task_processor.v1.Adopted",
        "accordion.service_manager.v1.Child",
    ]);
    builder.compile_fds(descriptors)?;
    Ok(())
}
