//! Functions on numbers.

use super::super::value::{Number, Value};
use super::{Call, Function, Wrong, function, wrong};

pub const ALL: &[Function] = &[
    function("abs", 1, Some(1), |call| match call.number(0)? {
        Number::Whole(number) => match number.checked_abs() {
            Some(number) => Ok(Value::Number(Number::Whole(number))),
            None => Err(wrong(0, "This number is out of range.")),
        },
        Number::Real(number) => real(number.abs()),
    }),
    function("ceil", 1, Some(1), |call| rounded(call, f64::ceil)),
    function("floor", 1, Some(1), |call| rounded(call, f64::floor)),
    function("max", 1, None, |call| extreme(call, |candidate, best| candidate > best)),
    function("min", 1, None, |call| extreme(call, |candidate, best| candidate < best)),
    function("parseint", 2, Some(2), |call| {
        let radix = u32::try_from(call.whole(1)?).ok().filter(|radix| (2..=36).contains(radix));
        let radix = radix.ok_or_else(|| wrong(1, "The base is a number from 2 to 36."))?;
        let number = i128::from_str_radix(&call.text(0)?, radix);
        number
            .map(|number| Value::Number(Number::Whole(number)))
            .map_err(|_| wrong(0, "This is no number in that base."))
    }),
];

fn real(number: f64) -> Result<Value, Wrong> {
    Number::from_f64(number).map(Value::Number).ok_or_else(|| wrong(0, "This number is out of range."))
}

fn rounded(call: &Call, round: fn(f64) -> f64) -> Result<Value, Wrong> {
    match call.number(0)? {
        whole @ Number::Whole(_) => Ok(Value::Number(whole)),
        Number::Real(number) => real(round(number)),
    }
}

fn extreme(call: &Call, better: fn(Number, Number) -> bool) -> Result<Value, Wrong> {
    let mut best = call.number(0)?;
    for index in 1..call.count() {
        let candidate = call.number(index)?;
        if better(candidate, best) {
            best = candidate;
        }
    }
    Ok(Value::Number(best))
}
