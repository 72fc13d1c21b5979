//! Files on the controller. Relative paths start at the directory of the spec.

use std::path::{Path, PathBuf};

use super::super::source;
use super::super::text;
use super::super::value::Value;
use super::{Call, Function, Wrong, function, wrong};

pub const ALL: &[Function] = &[
    function("basename", 1, Some(1), |call| Ok(part(call, |path| path.file_name().map(|name| name.as_ref()))?.into())),
    function("dirname", 1, Some(1), |call| Ok(part(call, Path::parent)?.into())),
    function("file", 1, Some(1), |call| {
        let path = resolve(call)?;
        let failed = |why: String| wrong(0, format!("Cannot read {}: {why}", text::plain(&source::shown_path(&path))));
        let bytes = source::read_bounded(&path).map_err(failed)?;
        let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text.".to_owned()))?;
        Ok(Value::String(text))
    }),
    function("fileexists", 1, Some(1), |call| Ok(resolve(call)?.is_file().into())),
];

fn resolve(call: &Call) -> Result<PathBuf, Wrong> {
    let given = call.text(0)?;
    if given.is_empty() || given.contains('\0') {
        return Err(wrong(0, "This is not a path."));
    }
    Ok(call.dir.join(given))
}

fn part(call: &Call, of: impl Fn(&Path) -> Option<&Path>) -> Result<String, Wrong> {
    let given = call.text(0)?;
    Ok(of(Path::new(&given)).map(|part| part.display().to_string()).unwrap_or_default())
}
