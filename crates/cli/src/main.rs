//! The binary `greenroom`. Everything is in the library beside it.

use std::process::ExitCode;

/// Events are many small values that one thread makes and another lets go of, which the system's allocator is slow
/// at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
