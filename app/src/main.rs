//! The binary: hands the command line to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    offshoot::cli::execute_command_line()
}
