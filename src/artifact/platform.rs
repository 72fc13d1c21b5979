//! For which machines a release is, and whether a program is for such a machine.

use std::fmt;

use serde::{Deserialize, Serialize};

/// As release files name it: `linux` and `amd64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    pub os: String,
    pub arch: String,
}

impl Platform {
    #[must_use]
    pub fn linux(arch: &str) -> Self {
        Self { os: "linux".into(), arch: arch.into() }
    }

    /// The machine that quorate runs on.
    #[must_use]
    pub fn of_controller() -> Self {
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" => "ppc64le",
            other => other,
        };
        Self { os: std::env::consts::OS.into(), arch: arch.into() }
    }

    pub(super) fn is_known(&self) -> bool {
        self.os == "linux" && machine_of(&self.arch).is_some()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.os, self.arch)
    }
}

/// How the ELF header (elf(5)) of a program says what it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Machine {
    arch: &'static str,
    /// `EI_CLASS`: 1 is 32 bits, 2 is 64.
    class: u8,
    /// `EI_DATA`: 1 is little endian, 2 is big.
    order: u8,
    /// `e_machine`.
    number: u16,
}

const MACHINES: [Machine; 6] = [
    Machine { arch: "amd64", class: 2, order: 1, number: 62 },
    Machine { arch: "arm64", class: 2, order: 1, number: 183 },
    Machine { arch: "ppc64le", class: 2, order: 1, number: 21 },
    Machine { arch: "s390x", class: 2, order: 2, number: 22 },
    Machine { arch: "386", class: 1, order: 1, number: 3 },
    Machine { arch: "arm", class: 1, order: 1, number: 40 },
];

fn machine_of(arch: &str) -> Option<Machine> {
    MACHINES.into_iter().find(|machine| machine.arch == arch)
}

/// How many bytes of a file [`check_program`] looks at.
pub(super) const HEADER: usize = 20;

/// Whether a file that starts with `head` is a program for `platform`; else what it is.
pub(super) fn check_program(head: &[u8], platform: &Platform) -> Result<(), String> {
    let [0x7f, b'E', b'L', b'F', class, order, ..] = *head else {
        let what = if head.starts_with(b"#!") { "a script" } else { "no Linux program (no ELF header)" };
        return Err(what.into());
    };
    let number = match (head.get(18..HEADER), order) {
        (Some(&[low, high]), 1) => u16::from_le_bytes([low, high]),
        (Some(&[high, low]), 2) => u16::from_be_bytes([high, low]),
        _ => return Err("a program with a broken ELF header".into()),
    };
    match MACHINES.iter().find(|known| (known.class, known.order, known.number) == (class, order, number)) {
        Some(known) if known.arch == platform.arch => Ok(()),
        Some(known) => Err(format!("a program for {}, not for {}", known.arch, platform.arch)),
        None => Err(format!("a program for another machine (ELF machine {number}), not for {}", platform.arch)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The first bytes of a program for `arch`.
    pub fn elf(arch: &str) -> Vec<u8> {
        let machine = machine_of(arch).unwrap();
        let mut head = vec![0x7f, b'E', b'L', b'F', machine.class, machine.order, 1];
        head.resize(16, 0);
        let (kind, number) = (2u16, machine.number);
        for field in [kind, number] {
            head.extend(if machine.order == 1 { field.to_le_bytes() } else { field.to_be_bytes() });
        }
        head
    }

    #[test]
    fn a_program_for_another_machine_is_told() {
        for machine in MACHINES {
            assert_eq!(check_program(&elf(machine.arch), &Platform::linux(machine.arch)), Ok(()));
        }
        let wrong = check_program(&elf("arm64"), &Platform::linux("amd64")).unwrap_err();
        assert_eq!(wrong, "a program for arm64, not for amd64");
        // Our own program, as the compiler made it.
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(check_program(&own[..HEADER], &Platform::of_controller()), Ok(()));
        for broken in [&b""[..], b"#!/bin/sh\nexit 0", b"\x7fELF", b"\x7fELF\x02\x07aaaaaaaaaaaaaaaaaa", &[0; 64]] {
            assert!(check_program(broken, &Platform::linux("amd64")).is_err());
        }
    }
}
