//! The scripts that run on hosts, put together at build time. They are constant: values reach them only as arguments.

macro_rules! scripts {
    ($($name:ident = $word:literal, [$($part:literal),+];)+) => {
        $(pub(super) const $name: Text = Text {
            name: $word,
            text: concat!($(include_str!(concat!("scripts/", $part))),+),
        };)+

        #[cfg(test)]
        pub(super) const ALL: &[Text] = &[$($name),+];
    };
}

/// One script: its name in messages, and all of its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    pub name: &'static str,
    pub text: &'static str,
}

scripts! {
    FOLDER = "stage", ["lib-common.sh", "folder.sh"];
    DIGESTS = "check staged files", ["lib-common.sh", "digests.sh"];
    PREFLIGHT = "preflight", ["lib-common.sh", "preflight.sh"];
    KEEP = "keep the old binary", ["lib-common.sh", "lib-keep.sh", "keep.sh"];
    NEWEST_SNAP = "look for the newest raft snapshot", ["lib-common.sh", "newest-snap.sh"];
    FIND_KEPT = "find a kept binary", ["lib-common.sh", "find-kept.sh"];
    PREPARE_SWAP = "prepare the swap", ["lib-common.sh", "lib-keep.sh", "prepare-swap.sh"];
    COMMIT_SWAP = "swap the binary", ["lib-common.sh", "commit-swap.sh"];
    PUT_BACK = "put the old binary back", ["lib-common.sh", "put-back.sh"];
    DISCARD_SWAP = "discard a prepared swap", ["lib-common.sh", "discard-swap.sh"];
    LAY_SETTINGS = "change the settings", ["lib-common.sh", "lay-settings.sh"];
    COPY_DATA = "copy the data directory", ["lib-common.sh", "copy-data.sh"];
    FLUSH = "flush the copy", ["lib-common.sh", "flush.sh"];
    LAY_READY = "lay a copy ready", ["lib-common.sh", "lib-replace.sh", "lay-ready.sh"];
    MARK_REPLACEMENT = "write the note", ["lib-common.sh", "lib-replace.sh", "mark-replacement.sh"];
    REPLACE_DATA = "replace the data", ["lib-common.sh", "lib-replace.sh", "replace-data.sh"];
    EMPTY_READY = "look at the data", ["lib-common.sh", "lib-replace.sh", "empty-ready.sh"];
    UNMARK_REPLACEMENT = "remove the note", ["lib-common.sh", "lib-replace.sh", "unmark-replacement.sh"];
    STOP_SYSTEMD = "stop", ["lib-common.sh", "lib-systemd.sh", "stop-systemd.sh"];
    START_SYSTEMD = "start", ["lib-common.sh", "lib-systemd.sh", "start-systemd.sh"];
    START_JOINING = "say that it joins", ["lib-common.sh", "lib-systemd.sh", "start-joining.sh"];
    END_JOINING = "forget that it joined", ["lib-common.sh", "lib-systemd.sh", "end-joining.sh"];
    NOW_SYSTEMD = "look at the member", ["lib-common.sh", "lib-systemd.sh", "now-systemd.sh"];
    LOG_SYSTEMD = "read the log", ["lib-common.sh", "lib-systemd.sh", "log-systemd.sh"];
    CREATE_SYSTEMD = "create the member", ["lib-common.sh", "lib-systemd.sh", "create-systemd.sh"];
    STOP_PROCESS = "stop", ["lib-common.sh", "lib-process.sh", "stop-process.sh"];
    START_PROCESS = "start", ["lib-common.sh", "lib-process.sh", "start-process.sh"];
    NOW_PROCESS = "look at the member", ["lib-common.sh", "lib-process.sh", "now-process.sh"];
    LOG_PROCESS = "read the log", ["lib-common.sh", "lib-process.sh", "log-process.sh"];
    CREATE_PROCESS = "create the member", ["lib-common.sh", "lib-process.sh", "create-process.sh"];
    RESTORE_ROOM = "make room for a restore", ["lib-common.sh", "lib-replace.sh", "lib-restore.sh", "restore-room.sh"];
    RESTORE_SNAPSHOT = "restore the snapshot", ["lib-common.sh", "lib-replace.sh", "lib-restore.sh", "restore-snapshot.sh"];
    UNPACK_DATA = "unpack the data directory", ["lib-common.sh", "lib-replace.sh", "lib-restore.sh", "unpack-data.sh"];
    LEFTOVERS = "list what was left", ["lib-common.sh", "lib-leftovers.sh", "leftovers.sh"];
    REMOVE_LEFTOVERS = "remove what was left", ["lib-common.sh", "lib-leftovers.sh", "remove-leftovers.sh"];
    REMOVE_PROCESS = "remove the member", ["lib-common.sh", "lib-process.sh", "remove-process.sh"];
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::ALL;

    fn feed(program: &str, args: &[&str], text: &str) -> Option<(bool, String)> {
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    }

    #[test]
    fn every_shell_at_hand_reads_every_script() {
        let mut tried = 0;
        for (shell, args) in [("sh", &["-n"][..]), ("dash", &["-n"]), ("bash", &["-n"]), ("busybox", &["sh", "-n"])] {
            for script in ALL {
                if let Some((good, said)) = feed(shell, args, script.text) {
                    assert!(good, "{shell}, {}: {said}", script.name);
                    tried += 1;
                }
            }
        }
        assert!(tried >= ALL.len());
    }

    #[test]
    fn shellcheck_finds_nothing() {
        for script in ALL {
            if let Some((good, said)) = feed("shellcheck", &["-s", "sh", "-f", "gcc", "-"], script.text) {
                assert!(good, "{}: {said}", script.name);
            }
        }
    }
}
