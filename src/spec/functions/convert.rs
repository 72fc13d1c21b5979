//! Functions that convert between types.

use super::super::value::Value;
use super::{Function, function, wrong};

pub const ALL: &[Function] = &[
    function("sensitive", 1, Some(1), |call| Ok(call.take(0).into_secret())),
    function("tobool", 1, Some(1), |call| match call.take(0) {
        Value::Null => Ok(Value::Null),
        value => value
            .to_bool()
            .map(Value::Bool)
            .ok_or_else(|| wrong(0, "Only true, false, \"true\" and \"false\" are bools.")),
    }),
    function("tolist", 1, Some(1), |call| Ok(Value::List(call.list(0)?))),
    function("tomap", 1, Some(1), |call| Ok(Value::Map(call.map(0)?))),
    function("tonumber", 1, Some(1), |call| match call.take(0) {
        Value::Null => Ok(Value::Null),
        value => value.to_number().map(Value::Number).ok_or_else(|| wrong(0, "This cannot be read as a number.")),
    }),
    function("toset", 1, Some(1), |call| {
        let items = call.list(0)?;
        let same = items.windows(2).all(|pair| pair[0].type_name() == pair[1].type_name());
        if same {
            return Ok(Value::set_of(items));
        }
        let texts: Option<Vec<Value>> = items.iter().map(|item| item.to_text().map(Value::String)).collect();
        texts.map(Value::set_of).ok_or_else(|| wrong(0, "The elements of a set have one type."))
    }),
    function("tostring", 1, Some(1), |call| match call.take(0) {
        Value::Null => Ok(Value::Null),
        value => {
            value.to_text().map(Value::String).ok_or_else(|| wrong(0, format!("A {} is no text.", value.type_name())))
        }
    }),
];
