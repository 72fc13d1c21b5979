//! What an import came to.

use std::path::Path;

use serde_json::{Value, json};

use super::json::JSON_FORMAT;
use super::page::{Page, Style, Tone, cell};
use super::words::{count, listed};
use crate::session::Imported;

#[must_use]
pub fn import_json(file: &Path, cluster: &str, imported: &Imported) -> Value {
    json!({
        "type": "import",
        "format": JSON_FORMAT,
        "file": file.display().to_string(),
        "cluster": cluster,
        "version": imported.version,
        "members": imported.members,
        "problems": imported.problems,
    })
}

#[must_use]
pub fn import_text(file: &Path, cluster: &str, imported: &Imported, style: Style) -> String {
    let mut page = Page::new(style);
    let what = format!(
        "Wrote {}: cluster {cluster}, {} at {}: {}.",
        file.display(),
        count(imported.members.len(), "member", "members"),
        imported.version,
        listed(&imported.members)
    );
    page.text(0, Tone::Strong, &what);
    if imported.problems.is_empty() {
        page.text(0, Tone::Good, "`quorate plan` says that there is nothing to do.");
    } else {
        page.text(0, Tone::Warn, "`quorate plan` does not say yet that there is nothing to do:");
        for problem in &imported.problems {
            page.row(2, &[cell(Tone::Warn, "-", 2)], Tone::Plain, problem);
        }
    }
    page.finish()
}
