//! What only the command line knows: the clock and the machine.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::run::Host;
use crate::store::Holder;

/// The time now, RFC 3339 in UTC, to the millisecond.
pub(super) fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

/// The time now in nanoseconds since 1970, by the clock that file systems use.
fn now_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|time| i64::try_from(time.as_nanos()).ok()).unwrap_or(0)
}

/// This process on this machine.
pub(super) fn holder() -> Holder {
    Holder { host: machine(), pid: std::process::id(), since: now() }
}

/// The host of a run that starts now.
pub(super) fn host() -> Host<'static> {
    let versions = [
        ("trapline", env!("CARGO_PKG_VERSION").to_owned()),
        ("cpu", cpu()),
        ("system", format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)),
    ];
    Host {
        holder: holder(),
        run_id: run_id(Timestamp::now(), std::process::id()),
        now: &now,
        now_ns: &now_ns,
        versions: BTreeMap::from(versions.map(|(name, version)| (name.to_owned(), version))),
    }
}

/// Sorts by time; the process keeps two runs of one millisecond apart.
fn run_id(time: Timestamp, pid: u32) -> String {
    format!("{}-{pid}", format!("{time:.3}").replace(['-', ':'], "").replace('.', "-"))
}

/// The machine's name, for the note beside the lock. The standard library does not know it.
fn machine() -> String {
    let known = std::env::var("COMPUTERNAME").ok().or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let asked = || String::from_utf8(std::process::Command::new("hostname").output().ok()?.stdout).ok();
    let name = known.or_else(asked).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "this machine".to_owned() } else { name.to_owned() }
}

/// The kind of CPU: floats may differ between kinds.
fn cpu() -> String {
    let linux = || {
        let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let mac = || {
        if !cfg!(target_os = "macos") {
            return None;
        }
        let output = std::process::Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output().ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    let windows = || std::env::var("PROCESSOR_IDENTIFIER").ok();
    linux().or_else(mac).or_else(windows).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_sort_by_time() {
        let at = |text: &str| run_id(text.parse().unwrap(), 7);
        assert_eq!(at("2026-11-21T07:13:30.5Z"), "20261121T071330-500Z-7");
        assert!(at("2026-11-21T07:13:30.499Z") < at("2026-11-21T07:13:30.5Z"));
    }

    #[test]
    fn the_machine_has_a_name_on_one_line() {
        assert!(!machine().is_empty() && !machine().contains('\n') && !cpu().is_empty());
    }
}
