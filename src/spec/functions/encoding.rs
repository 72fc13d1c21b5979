//! JSON, base64 and digests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::super::value::Value;
use super::{Function, function, wrong};

pub const ALL: &[Function] = &[
    function("base64decode", 1, Some(1), |call| {
        let bytes = STANDARD.decode(call.text(0)?).map_err(|_| wrong(0, "This is not base64."))?;
        let text = String::from_utf8(bytes).map_err(|_| wrong(0, "What it decodes to is not UTF-8 text."))?;
        Ok(Value::String(text))
    }),
    function("base64encode", 1, Some(1), |call| Ok(STANDARD.encode(call.text(0)?).into())),
    function("jsondecode", 1, Some(1), |call| {
        // The library refuses JSON that is nested deeper than 128.
        let text = call.text(0)?;
        let json: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
            wrong(0, format!("This is not JSON: line {}, column {}.", error.line(), error.column()))
        })?;
        Ok(Value::from_json(&json))
    }),
    function("jsonencode", 1, Some(1), |call| Ok(call.take(0).to_json().to_string().into())),
    function("sha256", 1, Some(1), |call| Ok(hex::encode(Sha256::digest(call.text(0)?)).into())),
];
