//! Specs, and their layout.

use crate::spec::{Diagnostic, Diagnostics, GivenOnLine, Inputs, Loaded, Severity, format, load};
use crate::view::{Style, diagnostics_json, diagnostics_text, escape_lines};

use super::common::fit_as_json;
use super::{fit_to_be_shown, parts, scratch};

/// Too short, or made of what stands in its place: it may be in a message by chance.
const SHORTEST_SECRET: usize = 8;

/// A spec, and after `=====` each: values for its variables in HCL, in JSON, on the command line (`-var x=…`), and in
/// the environment (`QUORATE_VAR_x`).
pub fn spec(bytes: &[u8]) {
    let dir = scratch("spec");
    let put = |name: &str, text: &[u8]| std::fs::write(dir.join(name), text).expect("a file can be written");
    let mut inputs = Inputs::default();
    for (place, text) in parts(bytes).into_iter().enumerate() {
        match place {
            0 => put("main.hcl", text),
            1 => put("values.auto.hclvars", text),
            2 => {
                put("given.json", text);
                inputs.given.push(GivenOnLine::File(dir.join("given.json")));
            }
            3 => {
                let value = String::from_utf8_lossy(text).into_owned();
                inputs.given.push(GivenOnLine::Value { name: "x".to_owned(), value });
            }
            4 => inputs.env.push(("QUORATE_VAR_x".to_owned(), String::from_utf8_lossy(text).into_owned())),
            _ => break,
        }
    }
    judge(load(&dir, &inputs));
}

fn judge(result: Result<Loaded, Diagnostics>) {
    match result {
        Ok(loaded) => {
            assert!(!loaded.spec.clusters.is_empty());
            shown(&loaded.warnings);
            for warning in &loaded.warnings {
                without_secrets(warning, &loaded.secrets);
            }
            for cluster in &loaded.spec.clusters {
                let text = serde_json::to_string(cluster).expect("a cluster is stored in plans");
                assert_eq!(&serde_json::from_str::<crate::spec::model::Cluster>(&text).expect("and read back"), cluster);
            }
        }
        Err(Diagnostics(diagnostics)) => {
            assert!(diagnostics.iter().any(|one| one.severity == Severity::Error));
            shown(&diagnostics);
        }
    }
}

fn shown(diagnostics: &[Diagnostic]) {
    let all = || diagnostics.iter().map(|one| one as &dyn miette::Diagnostic);
    for one in diagnostics {
        assert!(!one.detail.contains("mistake in quorate"), "{one:?}");
        fit_to_be_shown(&escape_lines(&one.to_string()));
    }
    fit_to_be_shown(&diagnostics_text(all(), Style::plain(80)));
    fit_as_json(&diagnostics_json(all()));
}

fn without_secrets(diagnostic: &Diagnostic, secrets: &[String]) {
    let snippet = diagnostic.place.as_deref().map_or("", |place| place.snippet.as_str());
    for secret in secrets.iter().filter(|secret| secret.chars().count() >= SHORTEST_SECRET) {
        let by_chance = "(sensitive value)".contains(secret.as_str()) || secret.contains(['(', ')']);
        for text in [diagnostic.summary.as_str(), &diagnostic.detail, snippet] {
            assert!(by_chance || !text.contains(secret.as_str()), "{secret:?} is in {diagnostic:?}");
        }
    }
}

/// A text that is laid out. Its meaning stays, and to lay it out again changes nothing.
pub fn layout(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let once = match format(text) {
        Ok(once) => once,
        Err(error) => {
            assert_ne!(error.summary, "Cannot be laid out", "{text:?}");
            shown(&[error]);
            return;
        }
    };
    assert_eq!(format(&once).as_deref(), Ok(once.as_str()), "of {text:?}");
    let read = |text: &str| {
        let dir = scratch("layout");
        std::fs::write(dir.join("main.hcl"), text).expect("a file can be written");
        load(&dir, &Inputs::default()).map(|loaded| loaded.spec.clusters).map_err(drop)
    };
    assert_eq!(read(text), read(&once), "{text:?} became {once:?}");
}
