//! Writes the man pages: `cargo run --example man -- DIR`.

use std::io;
use std::path::Path;

/// One page a command, as file name and text, the whole program first.
pub(crate) fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut root = kubectl_vmchaos::testing::cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = vec![page(
        root.clone().name("kubectl-vmchaos"),
        "kubectl-vmchaos".to_owned(),
    )?];
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("kubectl-vmchaos-{}", command.get_name());
        pages.push(page(command.clone(), name)?);
    }
    Ok(pages)
}

fn page(command: clap::Command, name: String) -> io::Result<(String, Vec<u8>)> {
    let mut text = Vec::new();
    let file = format!("{name}.1");
    clap_mangen::Man::new(command.display_name(name)).render(&mut text)?;
    Ok((file, text))
}

#[allow(dead_code)] // A test takes the pages from here.
fn main() -> io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("usage: man DIR"));
    };
    for (file, text) in pages()? {
        std::fs::write(Path::new(&folder).join(file), text)?;
    }
    Ok(())
}
