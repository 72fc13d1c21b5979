//! The files of the data: those that are built into the binary, and a user's own folder over them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::error::KnowledgeError;

macro_rules! built_in {
    ($($path:literal,)+) => {
        /// `modules/etcd`, as it was when this binary was built. A test compares the list with the folder.
        pub(super) const BUILT_IN: &[(&str, &str)] =
            &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/modules/etcd/", $path))),)+];
    };
}

built_in! {
    "backups.hcl",
    "restores.hcl",
    "config-rules.hcl",
    "features.hcl",
    "flags/discovery.hcl",
    "flags/experimental.hcl",
    "flags/logging.hcl",
    "flags/member.hcl",
    "flags/network.hcl",
    "flags/storage.hcl",
    "flags/tls.hcl",
    "flags/v0.4.hcl",
    "flags/v2.hcl",
    "logs/down.hcl",
    "logs/reached.hcl",
    "logs/start.hcl",
    "logs/trouble.hcl",
    "notes.hcl",
    "releases.hcl",
    "rungs/2.0-2.1.hcl",
    "rungs/2.1-2.2.hcl",
    "rungs/2.2-2.3.hcl",
    "rungs/2.3-3.0.hcl",
    "rungs/3.0-3.1.hcl",
    "rungs/3.1-3.2.hcl",
    "rungs/3.2-3.3.hcl",
    "rungs/3.3-3.4.hcl",
    "rungs/3.4-3.5.hcl",
    "rungs/3.5-3.6.hcl",
    "rungs/3.6-3.7.hcl",
    "rungs/every.hcl",
    "timing.hcl",
}

/// A folder of knowledge holds at most so many files, each at most so large: more is not ours.
const MOST_FILES: usize = 500;
const LARGEST_FILE: u64 = 1024 * 1024;
const DEEPEST: usize = 4;

/// Path below the data folder, and text.
pub(super) type Files = BTreeMap<String, String>;

pub(super) fn built_in() -> Files {
    BUILT_IN.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// The built-in files with those of a folder over them: a file of the same path takes the place of the built-in one.
pub(super) fn with_folder(dir: &Path) -> Result<Files, KnowledgeError> {
    let mut files = built_in();
    let mut count = 0;
    read_folder(dir, dir, DEEPEST, &mut count, &mut files)?;
    Ok(files)
}

fn read_folder(
    root: &Path,
    dir: &Path,
    depth: usize,
    count: &mut usize,
    files: &mut Files,
) -> Result<(), KnowledgeError> {
    let failed = |path: &Path, why: String| KnowledgeError::Folder { dir: path.to_owned(), why };
    for entry in fs::read_dir(dir).map_err(|error| failed(dir, error.to_string()))? {
        let path = entry.map_err(|error| failed(dir, error.to_string()))?.path();
        let about = fs::metadata(&path).map_err(|error| failed(&path, error.to_string()))?;
        if about.is_dir() {
            if depth == 0 {
                return Err(failed(&path, format!("folders are nested more than {DEEPEST} deep")));
            }
            read_folder(root, &path, depth - 1, count, files)?;
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "hcl") {
            continue;
        }
        *count += 1;
        if *count > MOST_FILES {
            return Err(KnowledgeError::TooManyFiles { dir: root.to_owned(), limit: MOST_FILES });
        }
        if about.len() > LARGEST_FILE {
            return Err(failed(&path, format!("the file is larger than {LARGEST_FILE} bytes")));
        }
        let text = fs::read_to_string(&path).map_err(|error| failed(&path, error.to_string()))?;
        files.insert(relative(root, &path), text);
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules/etcd");
        let (mut found, mut count) = (Files::new(), 0);
        read_folder(&folder, &folder, DEEPEST, &mut count, &mut found).unwrap();
        let found: Vec<_> = found.into_iter().collect();
        let built_in: Vec<_> = built_in().into_iter().collect();
        let paths = |files: &[(String, String)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
        assert_eq!(paths(&built_in), paths(&found), "src/knowledge/files.rs lists what modules/etcd holds");
    }
}
