//! Options: will the new binary take every option of every member? By `modules/etcd`: flags and config rules.

use std::collections::BTreeSet;

use crate::knowledge::{ConfigRule, ConfigRuleKind, Effect, Flag, FlagState, Knowledge, Replacement, YamlType};
use crate::observe::inventory::{MemberFacts, OptionFact, OptionSource};
use crate::plan::findings::{Findings, Words};
use crate::plan::settings;
use crate::plan::survey::Surveyed;
use crate::plan::target::Way;
use crate::settings::{Rewrite, Unfit};
use crate::spec::model::{Cluster, SettingsPolicy};
use crate::units::Span;

/// The option that switches features on and off by name.
const FEATURE_GATES: &str = "feature-gates";

/// Checks the members that are not done yet.
pub fn check(cluster: &Cluster, way: &Way, members: &[Surveyed<'_>], knowledge: &Knowledge, findings: &mut Findings) {
    let before = findings.refusals.len();
    let mut options = 0;
    for member in members.iter().filter(|member| way.left.contains(&member.view.name)) {
        let Some(facts) = member.facts() else { continue };
        let proposed = settings::proposed(way, member, knowledge);
        let is_rewritten = cluster.rollout.settings == SettingsPolicy::Rewrite;
        // What the restart will use.
        let at_start = match &proposed {
            Some(rewrite) if is_rewritten => rewrite.after.clone(),
            _ => settings::at_start(facts),
        };
        let refused = findings.refusals.len();
        for option in &at_start.options {
            options += 1;
            let stays = proposed.as_ref().filter(|_| is_rewritten).and_then(|rewrite| why_it_stays(option, rewrite));
            flag(option, way, member, &at_start, stays, knowledge, findings);
        }
        if let Some(rewrite) = &proposed {
            propose(cluster, member, rewrite, refused, findings);
        }
        for rule in knowledge.config_rules(&way.to) {
            for broken in violations(cluster, rule, member, &at_start) {
                report(rule, &broken, way, member, findings);
            }
        }
    }
    if findings.refusals.len() == before && options > 0 {
        findings.pass("options-accepted", format!("{options} options of all members are known to {}", way.to));
        findings.later("options-accepted", format!("the flag parser of {} is asked before the first stop", way.to));
    }
}

/// Why quorate does not rewrite it.
fn why_it_stays<'r>(option: &OptionFact, rewrite: &'r Rewrite) -> Option<&'r str> {
    let is_it = |unfit: &&Unfit| unfit.option == option.name && unfit.source == option.source;
    rewrite.unfit.iter().find(is_it).map(|unfit| unfit.why.as_str())
}

/// What of the files changes: shown in the member's step where the spec allows it, else beside what is refused.
fn propose(cluster: &Cluster, member: &Surveyed<'_>, rewrite: &Rewrite, refused: usize, findings: &mut Findings) {
    let Some(change) = &rewrite.change else { return };
    let files: Vec<&str> = change.files.iter().map(|file| file.path.as_str()).collect();
    if cluster.rollout.settings == SettingsPolicy::Rewrite {
        let text = format!("{} of {} is changed in its step, which shows how", files.join(" and "), member.view.name);
        findings.pass("settings-rewritten", text);
    } else if findings.refusals.len() > refused {
        let instead = "; or say settings = \"rewrite\" in the `rollout` block: quorate then changes the file as shown, as \
                       part of the member's step, and back with it";
        findings.propose(instead, change.diff());
    }
}

fn flag(
    option: &OptionFact,
    way: &Way,
    member: &Surveyed<'_>,
    facts: &MemberFacts,
    stays: Option<&str>,
    knowledge: &Knowledge,
    findings: &mut Findings,
) {
    let FlagState::Absent { gone_after, comes_with, instead, guards, advice } =
        knowledge.flag_state(&option.name, &way.to)
    else {
        return;
    };
    // An option that the running version does not know either has no effect today: nothing changes with the rung.
    let known_today = member.etcd().is_none_or(|etcd| {
        !matches!(knowledge.flag_state(&option.name, &etcd.server_version), FlagState::Absent { .. })
    });
    let place = place(option, member);
    let since = match (gone_after, comes_with.filter(|_| way.goes_down())) {
        (_, Some(first)) => format!(" (it comes with {first})"),
        (Some(last), None) => format!(" (last known to {last})"),
        (None, None) => String::new(),
    };
    let unguarded = guards.filter(|_| !guarded_otherwise(option, instead, facts));
    let instead = if way.goes_down() { older_form(option, way, knowledge) } else { rewrite(option, instead) };
    let advice = advice
        .filter(|_| !way.goes_down())
        .map_or_else(String::new, |advice| format!(" ({})", advice.trim_end_matches('.')));
    let stays = stays.map_or_else(String::new, |why| format!(" (by hand: {why})"));
    match option.source {
        OptionSource::Argument => findings.refuse(
            "option-removed",
            Some(member.view),
            Words {
                seen: format!("--{} is set {place}", option.name),
                must: format!("{} does not know this option{since}: it would exit with code 2", way.to),
                fix: format!("{instead}{advice}{stays}; restart the member on its present version, then plan again"),
            },
            None,
        ),
        OptionSource::Environment | OptionSource::ConfigFile { .. } if known_today && unguarded.is_some() => {
            findings.refuse(
                "option-that-guards",
                Some(member.view),
                Words {
                    seen: format!("{} is set {place}", option.name),
                    must: format!(
                        "{} does not know this option{since} and ignores it without a word. {}",
                        way.to,
                        unguarded.unwrap_or_default()
                    ),
                    fix: format!(
                        "{instead}{advice}{stays}; restart the member on its present version, then plan again"
                    ),
                },
                None,
            );
        }
        OptionSource::Environment | OptionSource::ConfigFile { .. } if known_today => findings.warn(
            "option-without-effect",
            Some(&member.view.name),
            format!(
                "{} is set {place}; {} does not know it{since} and ignores it without a word: {instead}{advice}",
                option.name, way.to
            ),
            None,
        ),
        OptionSource::Environment | OptionSource::ConfigFile { .. } => {}
    }
}

/// Whether what takes the option's place is set beside it already, to the same effect.
fn guarded_otherwise(option: &OptionFact, instead: Option<&Replacement>, facts: &MemberFacts) -> bool {
    let Some(Replacement::Options { set, .. }) = instead else { return false };
    set.iter().all(|(name, value)| {
        let wanted = value.replace("{value}", &option.value);
        facts.option(name).is_some_and(|there| there.value == wanted)
    })
}

/// What to write, for an older version, in the place of an option that is still to come.
fn older_form(option: &OptionFact, way: &Way, knowledge: &Knowledge) -> String {
    let is_known = |flag: &&Flag| !matches!(knowledge.flag_state(&flag.name, &way.to), FlagState::Absent { .. });
    let gates: Vec<(&str, &str)> =
        if option.name == FEATURE_GATES { gates(&option.value).collect() } else { Vec::new() };
    let older = knowledge.flags().iter().filter(is_known).filter_map(|flag| match &flag.replacement {
        Some(Replacement::Renamed { to }) if *to == option.name => Some(format!("--{}={}", flag.name, option.value)),
        Some(Replacement::FeatureGate { gate }) => {
            let (_, value) = gates.iter().find(|(name, _)| name == gate)?;
            Some(format!("--{}={value}", flag.name))
        }
        _ => None,
    });
    let older: Vec<String> = older.collect();
    if older.is_empty() { "remove it".to_owned() } else { format!("write {} instead", older.join(" ")) }
}

/// The names and values of `feature-gates`: `A=true,B=false`.
fn gates(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(',').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.trim(), value.trim()))
}

/// What to write in the place of an option that is gone.
fn rewrite(option: &OptionFact, instead: Option<&Replacement>) -> String {
    match instead {
        Some(Replacement::Renamed { to }) => format!("write --{to}={} instead", option.value),
        Some(Replacement::FeatureGate { gate }) => format!("write --feature-gates={gate}={} instead", option.value),
        Some(Replacement::Options { set, when_value })
            if when_value.as_ref().is_none_or(|when| *when == option.value) =>
        {
            let set = set.iter().map(|(name, value)| format!("--{name}={}", value.replace("{value}", &option.value)));
            format!("write {} instead", set.collect::<Vec<_>>().join(" "))
        }
        Some(Replacement::Options { .. } | Replacement::Remove) | None => "remove it".to_owned(),
    }
}

fn place(option: &OptionFact, member: &Surveyed<'_>) -> String {
    match &option.source {
        OptionSource::Argument => format!("as an argument of {}", member.view.name),
        OptionSource::Environment => format!("in the environment of {}", member.view.name),
        OptionSource::ConfigFile { key, .. } => {
            let file = member.facts().and_then(|facts| facts.config_file.as_deref()).unwrap_or("its config file");
            format!("as {key} in {file} of {}", member.view.name)
        }
    }
}

fn report(rule: &ConfigRule, broken: &str, way: &Way, member: &Surveyed<'_>, findings: &mut Findings) {
    let fact = &rule.fact;
    let source = fact.sources.first().map(ToString::to_string);
    match rule.effect {
        Effect::Exits | Effect::RefusesConnections => findings.refuse(
            &fact.name,
            Some(member.view),
            Words {
                seen: broken.to_owned(),
                must: fact.what.clone(),
                fix: fact
                    .fix
                    .clone()
                    .unwrap_or_else(|| "change it while the member still runs its present version".to_owned()),
            },
            source.as_deref(),
        ),
        // What holds for the running version as well is nothing that the rung brings.
        Effect::TakesAnother | Effect::Warns if !rule.versions.contains(&way.from) => {
            findings.warn(&fact.name, Some(&member.view.name), format!("{broken}. {}", fact.what), source.as_deref());
        }
        Effect::TakesAnother | Effect::Warns => {}
    }
}

/// What in a member's configuration breaks a rule; one sentence each.
fn violations(cluster: &Cluster, rule: &ConfigRule, member: &Surveyed<'_>, facts: &MemberFacts) -> Vec<String> {
    let name = &member.view.name;
    let value = |option: &str| facts.option(option).map(|set| set.value.as_str());
    let shown = |option: &str| format!("{option} is \"{}\" on {name}", value(option).unwrap_or_default());
    let number = |option: &str| value(option).and_then(|value| value.parse::<u64>().ok());
    match &rule.rule {
        ConfigRuleKind::UrlHostsAreIps { options } => broken_urls(options, facts, |host| {
            (host != "localhost" && host.parse::<std::net::IpAddr>().is_err()).then(|| format!("\"{host}\" is no IP address"))
        })
        .map(|(option, why)| format!("{}: {why}", shown(option)))
        .collect(),
        ConfigRuleKind::UrlsHaveHosts { options } => {
            broken_urls(options, facts, |host| host.is_empty().then(|| "a URL without a host".to_owned()))
                .map(|(option, why)| format!("{}: {why}", shown(option)))
                .collect()
        }
        ConfigRuleKind::SetInOnePlace {} => set_twice(facts)
            .into_iter()
            .map(|option| format!("{option} is set both as an argument and in the environment of {name}"))
            .collect(),
        ConfigRuleKind::ConfigKeyType { keys, yaml_type } => config_types(facts, keys, *yaml_type)
            .map(|(key, is)| format!("{key} in the config file of {name} is of type {is}"))
            .collect(),
        ConfigRuleKind::ValueRefused { option, values } => {
            let wrong = value(option).is_some_and(|value| values.iter().any(|refused| refused == value));
            wrong.then(|| shown(option)).into_iter().collect()
        }
        ConfigRuleKind::ValueOneOf { option, values } => {
            let wrong = value(option).is_some_and(|value| !values.iter().any(|allowed| allowed == value));
            wrong.then(|| shown(option)).into_iter().collect()
        }
        ConfigRuleKind::Needs { option, needs } => {
            let wrong = value(option).is_some() && value(needs).is_none();
            wrong.then(|| format!("{}, and {needs} is not set", shown(option))).into_iter().collect()
        }
        ConfigRuleKind::AtMostOneOf { options } => {
            let set: Vec<_> = options.iter().filter(|option| value(option).is_some()).cloned().collect();
            (set.len() > 1).then(|| format!("{} are set on {name}", set.join(" and "))).into_iter().collect()
        }
        ConfigRuleKind::AtMost { option, limit } => {
            number(option).is_some_and(|number| number > *limit).then(|| shown(option)).into_iter().collect()
        }
        ConfigRuleKind::AboveZero { options } => options
            .iter()
            .filter(|option| value(option).is_some_and(|value| value.trim_start_matches('-').trim_matches('0').is_empty() || value.starts_with('-')))
            .map(|option| shown(option))
            .collect(),
        ConfigRuleKind::ElectionTimeout { heartbeats, at_most } => {
            election_timeout(number("heartbeat-interval"), number("election-timeout"), *heartbeats, *at_most)
                .map(|why| format!("{name}: {why}"))
                .into_iter()
                .collect()
        }
        ConfigRuleKind::DataDirMode { mode } => {
            let is = facts.data_dir.mode.trim_start_matches('0');
            let wrong = facts.data_dir.has_member && is != mode.trim_start_matches('0');
            wrong.then(|| format!("{} has mode {}", facts.data_dir.path, facts.data_dir.mode)).into_iter().collect()
        }
        ConfigRuleKind::PeerCertificatesNameHosts { unless } => {
            if value(unless) == Some("true") { Vec::new() } else { peer_certificate(cluster, member, facts) }
        }
        ConfigRuleKind::CertificatesHaveNames {} => facts
            .certificates
            .iter()
            .filter(|certificate| certificate.problem.is_none() && !certificate.option.contains("ca"))
            .filter(|certificate| certificate.dns_names.is_empty() && certificate.ip_addresses.is_empty())
            .map(|certificate| format!("{} ({}) has no subject alternative name", certificate.path, certificate.option))
            .collect(),
        ConfigRuleKind::FeatureGatesKnown { gates: known } => {
            let set = value(FEATURE_GATES).unwrap_or_default();
            let unknown = gates(set).map(|(gate, _)| gate).filter(|gate| !known.iter().any(|known| known == gate));
            let unknown: Vec<&str> = unknown.collect();
            let found = (!unknown.is_empty()).then(|| format!("{}: {}", shown(FEATURE_GATES), unknown.join(", ")));
            found.into_iter().collect()
        }
        // These come into play on rungs that hold both forms of a renamed option; the flag parser is asked on every one.
        ConfigRuleKind::OneNameOfARenamedOption {}
        | ConfigRuleKind::OptionOrItsFeatureGate {}
        // Told option by option, with where it is set (`option-without-effect`).
        | ConfigRuleKind::UnknownConfigKeys {}
        | ConfigRuleKind::UnknownEnvironment {} => Vec::new(),
    }
}

fn broken_urls<'o>(
    options: &'o [String],
    facts: &MemberFacts,
    wrong: impl Fn(&str) -> Option<String>,
) -> impl Iterator<Item = (&'o str, String)> {
    let mut found = Vec::new();
    for option in options {
        let Some(set) = facts.option(option) else { continue };
        for url in set.value.split(',').map(str::trim).filter(|url| !url.is_empty()) {
            if let Some(why) = host_of(url).and_then(&wrong) {
                found.push((option.as_str(), why));
            }
        }
    }
    found.into_iter()
}

/// The host of a URL; `None` for one that has none by its nature (unix sockets).
pub fn host_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme.starts_with("unix") {
        return None;
    }
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(six) => six.split(']').next(),
        None => Some(authority.rsplit_once(':').map_or(authority, |(host, _)| host)),
    }
}

fn set_twice(facts: &MemberFacts) -> Vec<String> {
    let from = |source: fn(&OptionSource) -> bool| -> BTreeSet<&str> {
        facts.options.iter().filter(|option| source(&option.source)).map(|option| option.name.as_str()).collect()
    };
    let arguments = from(|source| matches!(source, OptionSource::Argument));
    let environment = from(|source| matches!(source, OptionSource::Environment));
    arguments.intersection(&environment).map(|&name| name.to_owned()).collect()
}

fn config_types<'f>(
    facts: &'f MemberFacts,
    keys: &'f [String],
    wanted: YamlType,
) -> impl Iterator<Item = (&'f str, &'f str)> {
    let wanted = match wanted {
        YamlType::String => "string",
        YamlType::List => "list",
        YamlType::Bool => "bool",
    };
    facts.options.iter().filter_map(move |option| match &option.source {
        OptionSource::ConfigFile { key, yaml_type } if keys.contains(key) && yaml_type != wanted => {
            Some((key.as_str(), yaml_type.as_str()))
        }
        _ => None,
    })
}

fn election_timeout(heartbeat: Option<u64>, election: Option<u64>, heartbeats: u32, at_most: Span) -> Option<String> {
    // etcd's own defaults, the same in all versions: 100 ms and 1000 ms.
    let (heartbeat, election) = (heartbeat.unwrap_or(100), election.unwrap_or(1000));
    if election < heartbeat.saturating_mul(u64::from(heartbeats)) {
        return Some(format!("election-timeout {election} ms is less than {heartbeats} heartbeats of {heartbeat} ms"));
    }
    (u128::from(election) > at_most.duration().as_millis())
        .then(|| format!("election-timeout {election} ms is more than {at_most}"))
}

/// The certificate that a member shows to its peers must name the address it connects from.
fn peer_certificate(cluster: &Cluster, member: &Surveyed<'_>, facts: &MemberFacts) -> Vec<String> {
    let Some(certificate) = facts.certificates.iter().find(|certificate| certificate.option == "peer-cert-file") else {
        return Vec::new();
    };
    // A certificate without any name is not checked by etcd.
    let nameless = certificate.ip_addresses.is_empty() && certificate.dns_names.is_empty();
    if certificate.problem.is_some() || nameless || !certificate.dns_names.is_empty() {
        return Vec::new();
    }
    let peer_urls = member.etcd().and_then(|etcd| etcd.members.iter().find(|listed| listed.id == etcd.member_id));
    let address = peer_urls.and_then(|listed| listed.peer_urls.first()).and_then(|url| host_of(url)).or_else(|| {
        cluster.members.iter().find(|declared| declared.name == member.view.name).map(|m| m.address.as_str())
    });
    match address {
        Some(address)
            if address.parse::<std::net::IpAddr>().is_ok()
                && !certificate.ip_addresses.iter().any(|named| named == address) =>
        {
            vec![format!(
                "{} names [{}], not {address}, from where {} talks to its peers",
                certificate.path,
                certificate.ip_addresses.join(", "),
                member.view.name
            )]
        }
        _ => Vec::new(),
    }
}
