//! Runs a program to its end, within its time, and hears what it says.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::step::{Cancel, StepError};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Lines that are kept of what it says: the last ones matter.
const MOST_LINES: usize = 1000;
/// A line longer than this is cut.
const MOST_BYTES: u64 = 8 * 1024;

/// A program about to run.
pub(super) struct Running<'a> {
    /// Where it runs.
    pub folder: &'a Path,
    /// Variables that it sees beside those that everything sees.
    pub environment: &'a [(String, String)],
    /// How long it may take.
    pub timeout_s: u64,
    /// Whether to stop.
    pub cancel: &'a Cancel,
}

/// A program that ran.
pub(super) struct Ran {
    /// It ended with status 0.
    pub succeeded: bool,
    /// How it ended, in words.
    pub end: String,
    /// What it said, output and errors as they came; at most the last thousand lines.
    pub lines: Vec<String>,
}

impl Running<'_> {
    /// Runs `program` (the program, then its arguments) to its end.
    ///
    /// # Errors
    /// When it cannot be started, or the person stops the run.
    pub fn run(&self, program: &[String]) -> Result<Ran, StepError> {
        let [name, arguments @ ..] = program else { return Err(StepError::Data("there is no program to run".to_owned())) };
        // A relative path means the file in the folder, not one that happens to lie where Trapline was started.
        let own = self.folder.join(crate::path::from_text(name));
        let mut command = Command::new(if name.contains('/') && own.is_file() { own.as_os_str() } else { name.as_ref() });
        command
            .args(arguments)
            .current_dir(self.folder)
            .envs([("LC_ALL", "C.UTF-8"), ("TZ", "UTC"), ("PYTHONHASHSEED", "0"), ("PYTHONDONTWRITEBYTECODE", "1")])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .spawn()
            .map_err(|error| StepError::Data(format!("cannot start `{name}`: {error}; install it, or mend `run`")))?;
        let lines = Mutex::new(Vec::new());
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let end = std::thread::scope(|scope| {
            scope.spawn(|| out.map(|out| hear(out, &lines)));
            scope.spawn(|| err.map(|err| hear(err, &lines)));
            self.watch(&mut child)
        })?;
        let lines = lines.into_inner().unwrap_or_default();
        Ok(match end {
            End::Status(status) => Ran { succeeded: status.success(), end: format!("ended with {status}"), lines },
            End::Late => Ran { succeeded: false, end: format!("took longer than {} s (`timeout_s`)", self.timeout_s), lines },
        })
    }

    /// Waits for the end, which comes at the latest when the time is over or the person stops the run.
    fn watch(&self, child: &mut Child) -> Result<End, StepError> {
        let failed = |error: std::io::Error| StepError::Data(format!("the program cannot be watched: {error}"));
        let mut waited = Duration::ZERO;
        loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                return Ok(End::Status(status));
            }
            let is_late = waited.as_secs() >= self.timeout_s;
            if is_late || self.cancel.is_cancelled() {
                end(child);
                child.wait().map_err(failed)?;
                return if is_late { Ok(End::Late) } else { Err(StepError::Interrupted) };
            }
            std::thread::sleep(LOOK);
            waited += LOOK;
        }
    }
}

/// Ends a program and, where the system knows groups of them, whatever it started: that holds the pipes open.
fn end(child: &mut Child) {
    // Already gone is as good.
    #[cfg(unix)]
    if let Some(group) = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap_or_default()) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
}

enum End {
    Status(std::process::ExitStatus),
    Late,
}

/// Keeps the last lines that come out of `pipe`.
fn hear(pipe: impl Read, lines: &Mutex<Vec<String>>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.by_ref().take(MOST_BYTES).read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if let Ok(mut lines) = lines.lock() {
            if lines.len() >= MOST_LINES {
                lines.remove(0);
            }
            lines.push(text);
        }
        line.clear();
    }
}
