//! `kubectl vmchaos`.

fn main() -> std::process::ExitCode {
    kubectl_vmchaos::main()
}
