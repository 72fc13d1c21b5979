//! Functions on lists, sets and maps.

use std::collections::BTreeMap;

use super::super::value::{MAX_DEPTH, Number, Value};
use super::{Call, Function, Wrong, function, strings, strings_to_list, wrong};

/// The longest list that `range` makes, as in Terraform.
const MAX_RANGE: usize = 1024;

pub const ALL: &[Function] = &[
    function("alltrue", 1, Some(1), |call| Ok(bools(call)?.into_iter().all(|value| value).into())),
    function("anytrue", 1, Some(1), |call| Ok(bools(call)?.into_iter().any(|value| value).into())),
    function("coalesce", 1, None, |call| {
        let found = call.take_all().into_iter().find(|value| *value != Value::Null && *value != Value::from(""));
        found.ok_or_else(|| wrong(0, "All of its arguments are null or empty."))
    }),
    function("coalescelist", 1, None, |call| {
        for index in 0..call.count() {
            let items = call.list(index)?;
            if !items.is_empty() {
                return Ok(Value::List(items));
            }
        }
        Err(wrong(0, "All of its arguments are empty."))
    }),
    function("compact", 1, Some(1), |call| {
        let items = call.list(0)?;
        Ok(Value::List(items.into_iter().filter(|item| *item != Value::Null && *item != Value::from("")).collect()))
    }),
    function("concat", 1, None, |call| {
        let mut all = Vec::new();
        for index in 0..call.count() {
            all.extend(call.list(index)?);
        }
        Ok(Value::List(all))
    }),
    function("contains", 2, Some(2), |call| {
        let wanted = call.take(1);
        Ok(call.list(0)?.contains(&wanted).into())
    }),
    function("distinct", 1, Some(1), |call| {
        let items = call.list(0)?;
        let mut in_order: Vec<usize> = (0..items.len()).collect();
        in_order.sort_by(|a, b| items[*a].order(&items[*b]).then(a.cmp(b)));
        in_order.dedup_by(|later, first| items[*later] == items[*first]);
        in_order.sort_unstable();
        Ok(Value::List(in_order.into_iter().map(|index| items[index].clone()).collect()))
    }),
    function("element", 2, Some(2), |call| {
        let index = call.whole(1)?;
        let mut items = call.list(0)?;
        if items.is_empty() {
            return Err(wrong(0, "An empty list has no elements."));
        }
        // The index goes round, as in Terraform; the remainder is smaller than the length.
        let index = usize::try_from(index.rem_euclid(items.len() as i128)).unwrap_or(0);
        Ok(items.swap_remove(index))
    }),
    function("flatten", 1, Some(1), |call| {
        let mut flat = Vec::new();
        flatten(call.list(0)?, &mut flat, 0);
        Ok(Value::List(flat))
    }),
    function("index", 2, Some(2), |call| {
        let wanted = call.take(1);
        let found = call.list(0)?.iter().position(|item| *item == wanted);
        found.map(Value::whole).ok_or_else(|| wrong(1, "The list does not hold this."))
    }),
    function("keys", 1, Some(1), |call| Ok(strings_to_list(call.map(0)?.into_keys()))),
    function("length", 1, Some(1), |call| match call.take(0) {
        Value::List(items) | Value::Set(items) => Ok(Value::whole(items.len())),
        Value::Map(items) => Ok(Value::whole(items.len())),
        Value::String(text) => Ok(strings::length(&text)),
        other => Err(wrong(0, format!("A {} has no length.", other.type_name()))),
    }),
    function("lookup", 2, Some(3), |call| {
        let key = call.text(1)?;
        let default = (call.count() == 3).then(|| call.take(2));
        let found = call.map(0)?.remove(&key).or(default);
        found.ok_or_else(|| wrong(1, "The map has no such key, and there is no third argument to use instead."))
    }),
    function("merge", 1, None, |call| {
        let mut all = BTreeMap::new();
        for index in 0..call.count() {
            if call.type_of(index) != "null" {
                all.extend(call.map(index)?);
            }
        }
        Ok(Value::Map(all))
    }),
    function("one", 1, Some(1), |call| {
        let mut items = call.list(0)?;
        match items.len() {
            0 => Ok(Value::Null),
            1 => Ok(items.swap_remove(0)),
            many => Err(wrong(0, format!("A list with one element or none is needed here; this has {many}."))),
        }
    }),
    function("range", 1, Some(3), range),
    function("reverse", 1, Some(1), |call| Ok(Value::List(call.list(0)?.into_iter().rev().collect()))),
    function("slice", 3, Some(3), |call| {
        let (start, end) = (usize::try_from(call.whole(1)?), usize::try_from(call.whole(2)?));
        let items = call.list(0)?;
        match (start, end) {
            (Ok(start), Ok(end)) if start <= end && end <= items.len() => Ok(Value::List(items[start..end].to_vec())),
            _ => Err(wrong(1, format!("Start and end must be within the list, which has {} elements.", items.len()))),
        }
    }),
    function("sort", 1, Some(1), |call| {
        let mut texts = call.texts(0)?;
        texts.sort();
        Ok(strings_to_list(texts))
    }),
    function("sum", 1, Some(1), |call| {
        let items = call.list(0)?;
        let numbers: Option<Vec<Number>> = items.iter().map(Value::to_number).collect();
        let numbers = numbers.ok_or_else(|| wrong(0, "A list of numbers is needed here; one element is none."))?;
        sum(&numbers).map(Value::Number).ok_or_else(|| wrong(0, "The sum is out of range."))
    }),
    function("values", 1, Some(1), |call| Ok(Value::List(call.map(0)?.into_values().collect()))),
    function("zipmap", 2, Some(2), |call| {
        let (keys, values) = (call.texts(0)?, call.list(1)?);
        if keys.len() != values.len() {
            return Err(wrong(1, format!("There are {} keys and {} values.", keys.len(), values.len())));
        }
        Ok(Value::Map(keys.into_iter().zip(values).collect()))
    }),
];

fn bools(call: &mut Call) -> Result<Vec<bool>, Wrong> {
    let bools: Option<Vec<bool>> = call.list(0)?.iter().map(Value::to_bool).collect();
    bools.ok_or_else(|| wrong(0, "A list of bools is needed here; one element is none."))
}

fn flatten(items: Vec<Value>, into: &mut Vec<Value>, depth: usize) {
    for item in items {
        match item {
            Value::List(inner) | Value::Set(inner) if depth <= MAX_DEPTH => flatten(inner, into, depth + 1),
            single => into.push(single),
        }
    }
}

fn sum(numbers: &[Number]) -> Option<Number> {
    let whole: Option<Vec<i128>> = numbers.iter().map(|number| number.as_whole()).collect();
    let exact = whole.and_then(|whole| whole.into_iter().try_fold(0_i128, i128::checked_add));
    exact.map(Number::Whole).or_else(|| Number::from_f64(numbers.iter().map(|number| number.as_f64()).sum()))
}

fn range(call: &mut Call) -> Result<Value, Wrong> {
    let (start, end) = if call.count() == 1 { (0, call.whole(0)?) } else { (call.whole(0)?, call.whole(1)?) };
    let step = match call.count() {
        3 => call.whole(2)?,
        _ if end < start => -1,
        _ => 1,
    };
    if step == 0 {
        return Err(wrong(2, "The step cannot be 0."));
    }
    let mut items = Vec::new();
    let mut at = start;
    while if step > 0 { at < end } else { at > end } {
        if items.len() == MAX_RANGE {
            return Err(Wrong { argument: None, detail: format!("A range has at most {MAX_RANGE} elements.") });
        }
        items.push(Value::Number(Number::Whole(at)));
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    Ok(Value::List(items))
}
