//! `schema FILE...`: holds each line of JSON that quorate wrote against the schema of its type; a `manifest.json` as a
//! whole against that of backups. Lines that are no JSON object are left out; a file without any is a failure, for then
//! nothing was looked at.

use std::process::ExitCode;

use serde_json::Value;

#[path = "../docs/validate.rs"]
mod validate;

fn main() -> ExitCode {
    let mut faults = 0;
    for file in std::env::args_os().skip(1) {
        let name = file.to_string_lossy().into_owned();
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{name}: {error}");
                return ExitCode::FAILURE;
            }
        };
        if std::path::Path::new(&file).ends_with("manifest.json") {
            let whole: Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(why) = validate::fault_by("backup-manifest", &whole) {
                faults += 1;
                eprintln!("{name}: {why}\n{text}");
            }
            continue;
        }
        let objects = text.lines().enumerate().filter_map(|(place, line)| {
            let value: Value = serde_json::from_str(line).ok()?;
            value.is_object().then_some((place + 1, value))
        });
        let mut seen = 0;
        for (line, value) in objects {
            seen += 1;
            if let Some(why) = validate::fault(&value) {
                faults += 1;
                eprintln!("{name}:{line}: {why}\n{value}");
            }
        }
        if seen == 0 {
            faults += 1;
            eprintln!("{name}: no JSON");
        }
    }
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
