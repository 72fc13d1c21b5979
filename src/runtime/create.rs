//! Makes a member that was not there before, and takes one away that was made for a try.

use std::time::Duration;

use crate::host::Host;
use crate::spec::model::Runtime;

use super::answer::ask;
use super::error::RuntimeError;
use super::scripts;
use super::site::{Service, Site, check_path, staged_path, store_dir};
use super::unit::{CreateSpec, Templates, check_user, member_args};

/// To make a user, copy two binaries and reload systemd on a slow host.
const DEADLINE: Duration = Duration::from_secs(300);

const UNIT_DIR: &str = "/etc/systemd/system";

/// Programs of a release that a systemd member gets in its folder for binaries.
const PROGRAMS: [&str; 2] = ["etcd", "etcdctl"];

/// Makes a member from a staged release: account, data directory, binaries, unit or folder. It is not started. Refuses
/// when anything is there already, unless it is exactly what an earlier try of the same left; seen right before writing.
pub async fn create(host: &Host, spec: &CreateSpec, templates: &Templates) -> Result<Site, RuntimeError> {
    let site = spec.site()?;
    let store = store_dir(&spec.runtime)?;
    let staged = PROGRAMS.map(|program| staged_path(&store, &spec.version, program));
    match (&spec.runtime, &site.service) {
        (Runtime::Systemd(systemd), Service::Systemd { unit }) => {
            let text = templates.render_unit(spec)?;
            let file = format!("{UNIT_DIR}/{unit}");
            let bin_dir = check_path("folder for binaries", &systemd.bin_dir)?;
            let user = check_user(systemd)?;
            let mut args = vec![unit.as_str(), &file, text.trim_end(), user, &site.data_dir, &bin_dir];
            for (program, source) in PROGRAMS.iter().zip(&staged) {
                args.extend([*program, source.as_str()]);
            }
            ask(host, scripts::CREATE_SYSTEMD, &args, DEADLINE).await?;
        }
        (_, Service::Process { dir }) => {
            let (words, environment) = (member_args(spec)?.join("\n"), spec.environment()?.join("\n"));
            let args = [dir.as_str(), &site.data_dir, &staged[0], &words, &environment];
            ask(host, scripts::CREATE_PROCESS, &args, DEADLINE).await?;
        }
        (Runtime::Process(_), Service::Systemd { unit }) => {
            return Err(RuntimeError::Value { what: "unit", value: unit.clone(), rule: "is not of a plain process" });
        }
    }
    Ok(site)
}

/// Removes a stopped member of the process runtime with its data, log and rollback points. What is not known is left and
/// named. Members that systemd runs are never removed.
pub async fn remove_created(host: &Host, site: &Site) -> Result<(), RuntimeError> {
    let Service::Process { dir } = &site.service else {
        let value = site.binary.clone();
        return Err(RuntimeError::Value {
            what: "member",
            value,
            rule: "is run by systemd: quorate does not remove it",
        });
    };
    ask(host, scripts::REMOVE_PROCESS, &[dir], DEADLINE).await.map(drop)
}
