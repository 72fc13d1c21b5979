//! Compiles quorate's own trimmed copy of etcd's API, in pure Rust: no `protoc` is needed.

use std::error::Error;

const PROTO_DIR: &str = "src/etcd/proto";
const PROTO: &str = "rpc.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO_DIR}/{PROTO}");
    let descriptors = protox::compile([PROTO], [PROTO_DIR])?;
    tonic_prost_build::configure().build_server(false).build_transport(false).compile_fds(descriptors)?;
    Ok(())
}
