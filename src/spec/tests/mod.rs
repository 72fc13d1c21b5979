//! Tests of the room as a whole: from files to a spec, or to what a person sees.

mod accepted;
mod arbitrary;
mod expressions;
mod layout;
mod limits;
mod refused;
mod rules;
mod values;

use std::path::Path;

use super::model::{Cluster, Spec};
use super::{Diagnostic, Diagnostics, GivenOnLine, Inputs, Loaded, load};

/// A directory with the files of a spec.
pub struct Fixture {
    dir: tempfile::TempDir,
    inputs: Inputs,
}

impl Fixture {
    pub fn new(spec: &str) -> Self {
        Self::empty().file("main.hcl", spec)
    }

    pub fn empty() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory can be made"), inputs: Inputs::default() }
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.dir.path().join(name), content).expect("a temporary directory can be written to");
        self
    }

    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.inputs.given.push(GivenOnLine::Value { name: name.to_owned(), value: value.to_owned() });
        self
    }

    pub fn var_file(mut self, name: &str) -> Self {
        self.inputs.given.push(GivenOnLine::File(self.dir.path().join(name)));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.inputs.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn load(&self) -> Result<Loaded, Diagnostics> {
        load(self.path(), &self.inputs)
    }

    pub fn spec(&self) -> Spec {
        match self.load() {
            Ok(loaded) => loaded.spec,
            Err(diagnostics) => panic!("refused:\n{}", self.render(&diagnostics.0)),
        }
    }

    pub fn cluster(&self) -> Cluster {
        self.spec().clusters.remove(0)
    }

    pub fn errors(&self) -> Vec<Diagnostic> {
        match self.load() {
            Ok(_) => panic!("accepted"),
            Err(diagnostics) => diagnostics.0,
        }
    }

    /// What a person sees, without the name of the temporary directory.
    pub fn refusal(&self) -> String {
        self.render(&self.errors())
    }

    pub fn render(&self, diagnostics: &[Diagnostic]) -> String {
        let handler =
            miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor()).with_width(110);
        let mut out = String::new();
        // The width of the directory's name would change where lines are broken.
        let dir = format!("{}/", self.path().display());
        for diagnostic in diagnostics {
            let mut shown = diagnostic.clone();
            shown.summary = shown.summary.replace(&dir, "");
            shown.detail = shown.detail.replace(&dir, "").replace(dir.trim_end_matches('/'), "DIR");
            shown.summary = shown.summary.replace(dir.trim_end_matches('/'), "DIR");
            if let Some(place) = &mut shown.place {
                place.file = place.file.replace(&dir, "");
            }
            handler.render_report(&mut out, &shown).expect("writing to a string cannot fail");
            out.push('\n');
        }
        out
    }
}

/// A cluster that is fine, with something added to its block.
pub fn cluster_with(inside: &str) -> Fixture {
    Fixture::new(&format!(
        "cluster \"prod\" {{\n  version = \"3.2.32\"\n  member \"m1\" {{ address = \"10.0.0.11\" }}\n{inside}\n}}\n"
    ))
}

/// A cluster whose setting `x` is an expression: the way in for tests of expressions.
pub fn setting(expression: &str) -> Fixture {
    cluster_with(&format!("  settings = {{\n    x = {expression}\n  }}"))
}
