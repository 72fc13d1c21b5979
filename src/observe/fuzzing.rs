//! Doors for [`crate::fuzzing`]: what hosts tell of members, and the texts that members are set up by.

use time::OffsetDateTime;
use time::macros::datetime;

use super::answer::{Answer, File};
use super::inventory::{HostFacts, OptionFact};
use super::member::{self, Declared};
use super::options::{Sources, is_secret};
use super::records::RecordError;
use super::{access, certificates, config_file, facts, records, systemd};
use crate::fuzzing::harmless;
use crate::knowledge::Knowledge;
use crate::spec::model::{ClientAccess, Member, Runtime};
use crate::units::Version;

const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);
pub const NONCE: &str = "n";

/// What a probe printed: read as at a first look, and then as if a second one had added the same.
pub fn host(
    output: &[u8],
    member: &Member,
    runtime: &Runtime,
    knowledge: &Knowledge,
) -> Result<HostFacts, RecordError> {
    let records = records::parse(output, NONCE).inspect_err(|error| harmless(&error.to_string()))?;
    let mut answer = Answer::read(&records);
    let declared = Declared { member, runtime, knowledge };
    for _ in 0..2 {
        let setup = member::find(&answer, &declared);
        let seen = facts::host_facts(&answer, &setup, &declared, NOW);
        for (_, path) in member::missing(&answer, &setup, &declared) {
            // It becomes an argument of the second look.
            assert!(path.starts_with('/') && !path.contains('\n'), "{path:?}");
        }
        let target = access::target(seen.member.as_ref(), member);
        assert!(target.is_err() || target.is_ok_and(|target| target.port != 0));
        let _ = access::materials(seen.member.as_ref(), &ClientAccess::default(), &setup.base);
        answer.absorb(answer.clone());
    }
    let setup = member::find(&answer, &declared);
    Ok(facts::host_facts(&answer, &setup, &declared, NOW))
}

/// etcd's config file.
pub fn config(text: &str) {
    match config_file::parse(text) {
        Ok(entries) => {
            assert!(entries.len() <= 2000);
            for entry in &entries {
                let _ = entry.option();
            }
            let knowledge = &crate::plan::testing::KNOWLEDGE;
            judge(&Sources::default().options(Some(&entries), knowledge));
        }
        Err(error) => harmless(&error.to_string()),
    }
}

fn judge(options: &[OptionFact]) {
    for option in options {
        assert!(!is_secret(&option.name) || option.value == "(hidden)", "{option:?}");
    }
}

/// What systemd says of a unit: its properties, its command, its variables, an environment file.
pub fn unit([properties, exec, variables, file]: [&str; 4]) {
    let properties = systemd::Properties::parse(properties);
    let (facts, files) = (properties.facts(None), properties.environment_files());
    assert!(facts.main_pid != Some(0) && files.len() < 100_000);
    let environment = systemd::merged([systemd::variables(variables), systemd::environment_file(file)]);
    for (place, (name, _)) in environment.iter().enumerate() {
        assert!(!environment[..place].iter().any(|(other, _)| other == name), "{name:?} twice");
    }
    for exec in [properties.exec_start(), systemd::exec_of_busctl(exec)].into_iter().flatten() {
        command_line(&systemd::expanded(&exec.args, &environment), &environment);
    }
}

/// A command line and an environment.
pub fn command_line(args: &[String], environment: &[(String, String)]) {
    let knowledge = &crate::plan::testing::KNOWLEDGE;
    let sources = Sources { args: args.to_vec(), environment: environment.to_vec() };
    for version in [None, Some(&Version::new(3, 2, 32))] {
        let _ = sources.config_file(version, knowledge);
    }
    judge(&sources.options(None, knowledge));
    assert_eq!(sources.shown_args().len(), args.len());
    assert!(sources.same_as(&sources));
}

/// A file with certificates, PEM.
pub fn certificate(content: &[u8]) {
    let file = File { content: content.to_vec(), ..File::default() };
    let mut facts = certificates::facts("cert-file", "/c", Some(&file), NOW);
    assert!(facts.problem.is_some() || !facts.not_after.is_empty(), "{facts:?}");
    assert!(facts.dns_names.len() + facts.ip_addresses.len() <= 400);
    certificates::with_key(&mut facts, "/k", Some(&file), Some(&File::default()));
    let _ = certificates::authorities("trusted-ca-file", "/c", Some(&file), NOW);
}
