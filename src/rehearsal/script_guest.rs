//! A guest on a [`ScriptNode`](super::script_node::ScriptNode): a real process stands in for its QEMU, so that what kills it is
//! the script's own signal.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

/// The process behind a guest. It ends with this, and with this program: either closes its input.
pub(super) struct Guest {
    dir: PathBuf,
    _input: Option<ChildStdin>,
}

impl Guest {
    /// Starts one and shows it in the node's `/proc`, beside the launcher's first process, whose directory is `launcher`.
    /// `crashed` is called when somebody has killed it.
    pub(super) fn start(proc: &Path, launcher: &Path, crashed: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        // It reads until nobody holds the other end of its input any more.
        let mut process = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pid = process.id();
        let guest = Self {
            dir: proc.join(pid.to_string()),
            _input: process.stdin.take(),
        };
        let dir = guest.dir.clone();
        std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
            let ended_well = process.wait().is_ok_and(|status| status.success());
            vanish(&dir);
            if !ended_well {
                crashed();
            }
        })?;
        guest.show(launcher, pid)?;
        Ok(guest)
    }

    fn show(&self, launcher: &Path, pid: u32) -> io::Result<()> {
        fs::create_dir_all(self.dir.join("ns"))?;
        for namespace in ["ns/net", "ns/pid", "ns/user"] {
            symlink(fs::read_link(launcher.join(namespace))?, self.dir.join(namespace))?;
        }
        fs::write(self.dir.join("comm"), "qemu-kvm\n")?;
        let status = format!("Name:\tqemu-kvm\nPid:\t{pid}\nNSpid:\t{pid}\t87\n");
        fs::write(self.dir.join("status"), status)?;
        fs::copy(launcher.join("cgroup"), self.dir.join("cgroup")).map(drop)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        vanish(&self.dir);
    }
}

/// Takes a process out of the node's `/proc`, at once as a whole.
fn vanish(dir: &Path) {
    let mut aside = dir.to_owned();
    aside.pop();
    aside.set_file_name(format!("ended-{:016x}", rand::random::<u64>()));
    if fs::rename(dir, &aside).is_ok() {
        let _ = fs::remove_dir_all(aside);
    }
}
