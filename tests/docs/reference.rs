//! Pages of the reference that are made from the code.
//!
//!     QUORATE_WRITE_REFERENCE=1 cargo test --test docs
//!
//! writes them; without, the test fails where a page says something else than the code.

use std::fs;

use crate::pages::root;

const WRITE: &str = "QUORATE_WRITE_REFERENCE";

/// Holds files against what the code says, or writes them.
#[derive(Default)]
pub struct Written {
    outdated: Vec<String>,
}

impl Written {
    pub fn file(&mut self, name: &str, text: &str) {
        let path = root().join(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            return;
        }
        if std::env::var_os(WRITE).is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        } else {
            self.outdated.push(name.to_owned());
        }
    }

    pub fn check(self) {
        let how = format!("{WRITE}=1 cargo test --test docs");
        assert!(self.outdated.is_empty(), "not as the code is: {}\nwritten by: {how}", self.outdated.join(", "));
    }
}
