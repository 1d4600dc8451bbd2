//! The binary: hands the command line to the library.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    offshoot::cli::run().await
}
