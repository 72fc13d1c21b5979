use std::process::ExitCode;

fn main() -> ExitCode {
    quorate::backup::relay_if_asked().unwrap_or_else(quorate::cli::main)
}
