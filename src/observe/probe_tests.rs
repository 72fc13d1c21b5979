//! The probe itself, run by every shell that is here, against real processes and files.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::answer::Answer;
use super::probe::SCRIPT;
use super::real_tests::spawn;
use super::records;

/// Shells that hosts have; those that are not installed here are left out.
fn shells() -> Vec<Vec<&'static str>> {
    let all = [vec!["dash"], vec!["bash"], vec!["bash", "--posix"], vec!["busybox", "ash"], vec!["sh"]];
    let there = |shell: &Vec<&str>| {
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).args(["-c", ":"]).stdin(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found: Vec<_> = all.into_iter().filter(there).collect();
    assert!(!found.is_empty(), "no shell at all");
    found
}

fn probe(shell: &[&str], path_first: &Path, args: &[&str]) -> Answer {
    let path = format!("{}:{}", path_first.display(), std::env::var("PATH").unwrap());
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .args(["-s", "--", "nonce"])
        .args(args)
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(SCRIPT.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell:?}");
    assert!(output.status.success(), "{shell:?}");
    let records = records::parse(&output.stdout, "nonce");
    Answer::read(
        &records.unwrap_or_else(|error| panic!("{shell:?}: {error}: {}", String::from_utf8_lossy(&output.stdout))),
    )
}

/// A process that goes with the test.
struct Running(Child);

impl Running {
    /// Something that runs under the name `etcd`: a shell that waits, so that its arguments may be any.
    fn etcd(program: &Path, args: &[&str], environment: &[(&str, &str)]) -> Self {
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        std::fs::copy("/bin/sh", program).unwrap();
        let mut command = Command::new(program);
        command.args(["-c", "read line"]).args(args).env_clear().envs(environment.iter().copied());
        command.current_dir(program.parent().unwrap()).stdin(Stdio::piped());
        Self(spawn(&mut command))
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    /// Gives the program that it runs another path.
    fn moved_to(&self, path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::rename(std::fs::read_link(format!("/proc/{}/exe", self.pid())).unwrap(), path).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write(path: PathBuf, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn executable(path: PathBuf, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    write(path.clone(), text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_name_says_nothing_of_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    // Ids of processes grow, and lists of them are in order: one liar is told of before the other one, one after.
    let early = Running::etcd(&root.join("early/etcd"), &[], &[]);
    let honest = Running::etcd(&root.join("honest/etcd"), &[], &[]);
    // As the end of a line of `ls` that tells where the other one's program is; or with a line of its own.
    for before in ["x", "x\nlrwxrwxrwx 1 root root 0 Nov 30 22:05"] {
        let forged = format!("{before} /proc/{}/exe -> /somewhere/else/etcd", honest.pid());
        early.moved_to(&root.join("early").join(&forged));
        let late = Running::etcd(&root.join(&forged), &[], &[]);
        for shell in shells() {
            let answer = probe(&shell, &root, &["process", "m1", "-", "/nonexistent", "/nonexistent"]);
            let of = |running: &Running| answer.processes.iter().find(|one| one.pid.to_string() == running.pid());
            assert_eq!(Path::new(&of(&honest).unwrap().exe), root.join("honest/etcd"), "{shell:?}");
            for liar in [&early, &late] {
                assert!(of(liar).is_some(), "{shell:?}");
            }
        }
    }
}

/// A process for each link of each process would cost more than all the rest of a look.
#[test]
fn links_are_not_read_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let member = Running::etcd(&root.join("m1/etcd"), &[], &[]);
    write(root.join("m1/pid"), &format!("{}\n", member.pid()));
    let log = root.join("log");
    executable(root.join("tools/readlink"), &format!("#!/bin/sh\necho \"$@\" >>{}\nexit 1\n", log.display()));
    let root_text = root.display().to_string();
    for shell in shells() {
        // While there is a process whose name has a line break, as that of another test, they are: then once more.
        let one_by_one = || {
            let _nothing_yet = std::fs::remove_file(&log);
            let answer = probe(&shell, &root.join("tools"), &["process", "m1", "-", &root_text, "/nonexistent"]);
            let seen = answer.processes.iter().find(|process| process.pid.to_string() == member.pid()).unwrap();
            let read = std::fs::read_to_string(&log).unwrap_or_default();
            let is_read = read.contains(&format!("/proc/{}/", member.pid()));
            assert!(is_read || Path::new(&seen.exe) == root.join("m1/etcd"), "{shell:?}: {}", seen.exe);
            is_read
        };
        assert!((0..50).any(|_| !one_by_one()), "{shell:?}: {}", std::fs::read_to_string(&log).unwrap());
    }
}

#[test]
fn sees_a_managed_process_with_its_data_and_releases() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let home = root.join("m1");
    let data = home.join("my data");
    let option = format!("--data-dir={}/", data.display());
    let environment =
        [("ETCD_NAME", "m1"), ("ETCD_X_PASSWORD", "hush"), ("OTHER", "hush"), ("ETCD_LINE", "a\nETCD_B=c")];
    let member = Running::etcd(&home.join("etcd"), &[&option, "--odd=\u{1b}[1m *"], &environment);
    write(home.join("pid"), &format!("{}\n", member.pid()));
    write(home.join("args"), &format!("{option}\n"));
    write(data.join("member/snap/db"), "12345");
    write(data.join("member/snap/0000000000000001-0000000000000010.snap"), "1");
    write(data.join("member/snap/0000000000000002-00000000000000ff.snap"), "22");
    write(home.join("my data.quorate-1/member/snap/db"), "1234");
    write(home.join("my data.quorate-1.json"), r#"{"format":1}"#);
    write(home.join("my data.quorate-in-2/member/snap/db"), "1234");
    write(home.join("my data.quorate-replaced-2/member/snap/db"), "1234");
    write(home.join("my data.quorate-replacing"), r#"{"format":1,"id":"2"}"#);
    write(root.join(".quorate/3.2.32/etcd"), "not a program");
    let (root_text, store) = (root.display().to_string(), root.join(".quorate").display().to_string());
    for shell in shells() {
        let answer = probe(&shell, &root, &["process", "m1", "-", &root_text, &store]);
        let process = answer.processes.iter().find(|process| process.pid.to_string() == member.pid()).unwrap();
        assert_eq!(Path::new(&process.exe), home.join("etcd"), "{shell:?}");
        assert!(!process.exe_replaced && process.looks_like_etcd() && process.started > 0);
        assert_eq!(process.argv[3..], [option.as_str(), "--odd=\u{1b}[1m *"], "{shell:?}");
        let variables = process.environment.clone().unwrap();
        let expected = [("ETCD_NAME", "m1"), ("ETCD_LINE", "a\nETCD_B=c")];
        assert_eq!(variables.len(), 2, "{shell:?}: {variables:?}");
        for (name, value) in expected {
            assert!(variables.contains(&(name.to_owned(), value.to_owned())), "{shell:?}: {variables:?}");
        }
        let seen = &answer.data[&data.display().to_string()];
        assert!(seen.has_member && seen.space.is_some() && !seen.mode.is_empty(), "{shell:?}");
        assert_eq!(seen.db.map(|size| size.0), Some(5));
        let (size, name) = seen.newest_snap.clone().unwrap();
        assert_eq!((size.0, name.as_str()), (2, "0000000000000002-00000000000000ff.snap"));
        assert_eq!(seen.replacing.as_deref(), Some(r#"{"format":1,"id":"2"}"#), "{shell:?}");
        let [point] = seen.rollback_points.as_slice() else { panic!("{shell:?}: {:?}", seen.rollback_points) };
        assert_eq!(Path::new(&point.path), home.join("my data.quorate-1"));
        assert_eq!(point.note.as_deref(), Some(&br#"{"format":1}"#[..]));
        assert!(!point.changed, "{shell:?}");
        assert!(answer.sizes.contains_key(&data.display().to_string()), "{shell:?}");
        let binary = &answer.binaries[&home.join("etcd").display().to_string()];
        assert!(binary.elf && answer.digest(binary.inode.as_ref()).is_some(), "{shell:?}");
        assert_eq!(binary.inode, process.inode);
        assert_eq!(answer.staged[0].0, "3.2.32");
        assert!(answer.digest(Some(&answer.staged[0].1)).is_some());
        assert_eq!(answer.managed.as_ref().unwrap().pid.map(|pid| pid.to_string()), Some(member.pid()));
        assert_eq!((answer.os.as_str(), answer.lacks.len()), ("linux", 0));
    }
}

#[test]
fn sees_a_binary_that_was_replaced_under_a_running_process() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let program = root.join("m1/etcd");
    let member = Running::etcd(&program, &[], &[]);
    write(root.join("m1/pid"), &member.pid());
    write(root.join("m1/new"), "new");
    std::fs::rename(root.join("m1/new"), &program).unwrap();
    for shell in shells() {
        let answer = probe(&shell, &root, &["process", "m1", "-", &root.display().to_string(), "/nowhere"]);
        let process = answer.processes.iter().find(|process| process.pid.to_string() == member.pid()).unwrap();
        assert_eq!(Path::new(&process.exe), program, "{shell:?}");
        assert!(process.exe_replaced, "{shell:?}");
        let running = answer.digest(process.inode.as_ref()).unwrap();
        let on_disk = answer.digest(answer.binaries[&process.exe].inode.as_ref()).unwrap();
        assert_ne!(running, on_disk, "{shell:?}");
        assert!(!answer.binaries[&process.exe].elf);
    }
}

#[test]
fn sees_a_unit_and_leaves_other_secrets_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let bin = root.join("bin");
    let program = root.join("opt/etcd");
    let member = Running::etcd(&program, &["--name=m1"], &[]);
    write(root.join("etcd.service"), "[Service]\n");
    write(
        root.join("default"),
        "ETCD_NAME=\"m1\"\nexport ETCD_OLD=1\nDB_PASSWORD=hush\nETCD_ROOT_PASSWORD=hush\nOPTS=--debug \\\n  --x=1\nOTHER=hush\n",
    );
    write(
        root.join("tls.pem"),
        "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n",
    );
    let show = format!(
        "Id=etcd.service\\nLoadState=loaded\\nMainPID={}\\nFragmentPath={root}/etcd.service\\nWorkingDirectory=!{root}\\n\
         EnvironmentFiles={root}/default (ignore_errors=no)\\n\
         Environment=HOME_OF_IT=/h \"ETCD_A=x y\" TOKEN=hush \"MORE=a\\nhush=it\"\\n\
         ExecStart={{ path={program} ; argv[]={program} $OPTS --cert-file={root}/tls.pem --data-dir ${{HOME_OF_IT}}/x ; ignore_errors=no ; pid=0 }}\\n",
        member.pid(),
        root = root.display(),
        program = program.display(),
    );
    let systemctl = format!("#!/bin/sh\nprintf '{show}'\n");
    executable(bin.join("systemctl"), &systemctl);
    executable(
        bin.join("busctl"),
        "#!/bin/sh\necho 'a(sasbttttuii) 1 \"/bin/etcd\" 2 \"/bin/etcd\" \"--name=a b\" false 0 0 0 0 0 0 0'\n",
    );
    for shell in shells() {
        let answer = probe(&shell, &bin, &["systemd", "etcd.service", "/o", "-", "/nowhere"]);
        let unit = answer.unit.as_ref().unwrap();
        assert_eq!(unit.exec.as_ref().unwrap().args, ["--name=a b"], "{shell:?}");
        assert!(unit.sha256.is_some(), "{shell:?}");
        assert_eq!(
            unit.variables,
            [("HOME_OF_IT", "/h"), ("ETCD_A", "x y")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        let file = answer.file("env", &root.join("default").display().to_string()).unwrap();
        let content = String::from_utf8_lossy(&file.content);
        assert!(content.contains("ETCD_NAME") && content.contains("OPTS=--debug   --x=1"), "{shell:?}: {content}");
        let certificate = answer.file("cert", &root.join("tls.pem").display().to_string()).unwrap();
        assert!(String::from_utf8_lossy(&certificate.content).contains("QUJD"), "{shell:?}");
        assert!(answer.binaries.contains_key(&program.display().to_string()), "{shell:?}");
        assert!(!format!("{answer:?}").contains("hush"), "{shell:?}: {answer:?}");
    }
}

#[test]
fn only_etcd_itself_is_run_for_its_version() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let trace = root.join("trace");
    executable(root.join("etcd"), &format!("#!/bin/sh\necho ran >>{}\n", trace.display()));
    std::fs::copy("/bin/sh", root.join("start-etcd")).unwrap();
    let looks = ["etcd", "start-etcd"].map(|name| format!("binary={}/{name}", root.display()));
    for shell in shells() {
        let answer = probe(&shell, &root, &["look", "-", "-", "-", "-", &looks[0], &looks[1]]);
        assert_eq!((answer.binaries.len(), answer.versions.len()), (2, 0), "{shell:?}");
        assert!(!trace.exists(), "{shell:?}");
    }
}

#[test]
fn looks_at_named_paths_only_when_asked_so() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    write(root.join("a key"), "-----BEGIN PRIVATE KEY-----\n");
    write(root.join("etcd.yml"), &format!("name: m1\ndata-dir: \"{}/data\"\n", root.display()));
    std::fs::create_dir(root.join("data")).unwrap();
    let (key, config) = (format!("secret={}/a key", root.display()), format!("config={}/etcd.yml", root.display()));
    for shell in shells() {
        let none = ["look", "-", "-", "-", "-"];
        let answer = probe(&shell, &root, &[&none[..], &[&key, &config, "cert=/no/such", "data=relative"]].concat());
        let secret = answer.file("secret", &format!("{}/a key", root.display())).unwrap();
        assert_eq!(secret.content, b"-----BEGIN PRIVATE KEY-----\n", "{shell:?}");
        assert!(answer.file("cert", "/no/such").unwrap().missing, "{shell:?}");
        // The file names the data directory, so that no further exchange is needed.
        assert_eq!(answer.data.keys().collect::<Vec<_>>(), [&format!("{}/data", root.display())], "{shell:?}");
        assert!(answer.processes.is_empty() && answer.store.is_none());
    }
}

#[test]
fn the_script_is_clean() {
    let Ok(mut child) = Command::new("shellcheck").args(["-s", "sh", "-"]).stdin(Stdio::piped()).spawn() else {
        eprintln!("shellcheck is not installed: not checked");
        return;
    };
    child.stdin.take().unwrap().write_all(SCRIPT.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn openssl(args: &[&str]) -> bool {
    let quiet =
        Command::new("openssl").args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

#[test]
fn a_certificate_is_looked_at_with_the_eyes_of_the_members_account() {
    use std::os::unix::fs::PermissionsExt as _;
    // Another account has to get there: TMPDIR may be this one's alone.
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let root = dir.path().canonicalize().unwrap();
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = |name: &str| root.join(name).display().to_string();
    let (certificate, key, other, behind) = (path("a.crt"), path("a.key"), path("b.key"), path("shut/c.crt"));
    let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=etcd", "-days", "2"];
    let made = openssl(&[&new[..], &["-keyout", &key, "-out", &certificate]].concat())
        && openssl(&["genpkey", "-algorithm", "RSA", "-out", &other]);
    if !made {
        return;
    }
    write(root.join("shut/c.crt"), "");
    let mode = |path: &str, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    [&certificate, &behind].into_iter().for_each(|path| mode(path, 0o644));
    [&key, &path("shut")].into_iter().for_each(|path| mode(path, 0o700));
    let looks = [format!("cert={certificate}"), format!("cert={behind}"), format!("key={key}"), format!("key={other}")];
    for shell in shells() {
        let args = ["look", "nobody", "-", "-", "-"].into_iter().chain(looks.iter().map(String::as_str));
        let answer = probe(&shell, &root, &args.collect::<Vec<_>>());
        let file = |kind: &str, path: &str| answer.file(kind, path).unwrap().clone();
        let public = |kind: &str, path: &str| file(kind, path).public_key.unwrap();
        assert_eq!(public("cert", &certificate), public("key", &key), "{shell:?}");
        assert_ne!(public("cert", &certificate), public("key", &other), "{shell:?}");
        assert!(file("key", &key).content.is_empty() && file("key", &key).mode == "700", "{shell:?}");
        assert_eq!(file("cert", &certificate).denied, None, "{shell:?}");
        // Another account can only be tried by root.
        if file("key", &key).owner == "root" {
            assert_eq!(file("key", &key).denied.as_deref(), Some("nobody"), "{shell:?}");
            assert_eq!(file("cert", &behind).denied.as_deref(), Some("nobody"), "{shell:?}: a folder above it");
        }
    }
}
