//! A folder to run the program in.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unused_self, reason = "waiting belongs to the folder that is waited for")]

use std::path::Path;
use std::process::{Command, Stdio};

/// An empty folder that is removed in the end.
pub struct Space(tempfile::TempDir);

/// How a command ended.
pub struct End {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Space {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Lets the clock of the file system go on: a file written in the moment of a run is rightly looked at again.
    pub fn settle(&self) {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The program, with an environment that cannot sway it.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("trapline"));
        command.current_dir(self.path()).args(args).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> End {
        let output = self.command(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
        End { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub fn git(&self, args: &[&str]) {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "core.autocrlf=false"];
        let status = Command::new("git").current_dir(self.path()).args(identity).args(args).status().unwrap();
        assert!(status.success(), "git {args:?}");
    }
}
