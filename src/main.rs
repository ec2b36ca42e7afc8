//! The `trapline` program: everything it does lies in [`trapline::cli`].

fn main() -> std::process::ExitCode {
    trapline::cli::main()
}
