//! Functions on text.

use super::super::value::{Number, Value};
use super::{Call, Function, Wrong, affordable, function, strings_to_list, wrong};

/// The widest field that `format` pads to.
const MAX_WIDTH: usize = 1000;
/// The most memory a compiled pattern may take.
const MAX_PATTERN_BYTES: usize = 1024 * 1024;

pub const ALL: &[Function] = &[
    function("chomp", 1, Some(1), |call| Ok(call.text(0)?.trim_end_matches(['\n', '\r']).into())),
    function("endswith", 2, Some(2), |call| Ok(call.text(0)?.ends_with(&call.text(1)?).into())),
    function("format", 1, None, |call| {
        let arguments = call.take_all();
        format_text(&arguments).map(Value::String)
    }),
    function("formatlist", 1, None, format_list),
    function("indent", 2, Some(2), indent),
    function("join", 2, Some(2), join),
    function("lower", 1, Some(1), |call| Ok(call.text(0)?.to_lowercase().into())),
    function("regex", 2, Some(2), |call| {
        let (pattern, text) = (pattern(call)?, call.text(1)?);
        let found = pattern.captures(&text).ok_or_else(|| wrong(1, "The pattern is not found in this text."))?;
        Ok(captured(&pattern, &found))
    }),
    function("regexall", 2, Some(2), |call| {
        let (pattern, text) = (pattern(call)?, call.text(1)?);
        Ok(Value::List(pattern.captures_iter(&text).map(|found| captured(&pattern, &found)).collect()))
    }),
    function("replace", 3, Some(3), replace),
    function("split", 2, Some(2), |call| {
        let (separator, text) = (call.text(0)?, call.text(1)?);
        if text.is_empty() {
            return Ok(Value::List(Vec::new()));
        }
        if separator.is_empty() {
            return Ok(strings_to_list(text.chars().map(String::from)));
        }
        Ok(strings_to_list(text.split(separator.as_str()).map(str::to_owned)))
    }),
    function("startswith", 2, Some(2), |call| Ok(call.text(0)?.starts_with(&call.text(1)?).into())),
    function("strcontains", 2, Some(2), |call| Ok(call.text(0)?.contains(&call.text(1)?).into())),
    function("substr", 3, Some(3), substr),
    function("title", 1, Some(1), |call| Ok(title(&call.text(0)?).into())),
    function("trim", 2, Some(2), |call| {
        let (text, cut) = (call.text(0)?, call.text(1)?);
        Ok(text.trim_matches(|c| cut.contains(c)).into())
    }),
    function("trimprefix", 2, Some(2), |call| {
        let (text, prefix) = (call.text(0)?, call.text(1)?);
        Ok(text.strip_prefix(prefix.as_str()).unwrap_or(&text).into())
    }),
    function("trimspace", 1, Some(1), |call| Ok(call.text(0)?.trim().into())),
    function("trimsuffix", 2, Some(2), |call| {
        let (text, suffix) = (call.text(0)?, call.text(1)?);
        Ok(text.strip_suffix(suffix.as_str()).unwrap_or(&text).into())
    }),
    function("upper", 1, Some(1), |call| Ok(call.text(0)?.to_uppercase().into())),
];

fn join(call: &mut Call) -> Result<Value, Wrong> {
    let separator = call.text(0)?;
    let texts = call.texts(1)?;
    let length: usize = texts.iter().map(|text| text.len().saturating_add(separator.len())).sum();
    affordable(length)?;
    Ok(Value::String(texts.join(&separator)))
}

fn indent(call: &mut Call) -> Result<Value, Wrong> {
    let width = usize::try_from(call.whole(0)?).ok().filter(|width| *width <= MAX_WIDTH);
    let width = width.ok_or_else(|| wrong(0, format!("A number from 0 to {MAX_WIDTH} is needed here.")))?;
    let text = call.text(1)?;
    affordable(text.len() + text.matches('\n').count() * width)?;
    Ok(Value::String(text.replace('\n', &format!("\n{}", " ".repeat(width)))))
}

/// `/…/` as what is searched for makes it a pattern, as in Terraform.
fn replace(call: &mut Call) -> Result<Value, Wrong> {
    let (text, wanted, new) = (call.text(0)?, call.text(1)?, call.text(2)?);
    let inner = wanted.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|inner| !inner.is_empty());
    if let Some(inner) = inner {
        let pattern = compile(inner, 1)?;
        let matches = pattern.find_iter(&text).count();
        // A replacement may repeat what was found: `$1$1`.
        let longest = new.len().saturating_add(text.len().saturating_mul(new.matches('$').count()));
        affordable(text.len().saturating_add(matches.saturating_mul(longest)))?;
        return Ok(Value::String(pattern.replace_all(&text, new.as_str()).into_owned()));
    }
    let count = text.matches(wanted.as_str()).count();
    affordable(text.len().saturating_add(count.saturating_mul(new.len())))?;
    Ok(Value::String(text.replace(&wanted, &new)))
}

fn pattern(call: &Call) -> Result<regex::Regex, Wrong> {
    compile(&call.text(0)?, 0)
}

fn compile(pattern: &str, argument: usize) -> Result<regex::Regex, Wrong> {
    regex::RegexBuilder::new(pattern).size_limit(MAX_PATTERN_BYTES).build().map_err(|error| {
        // The library's message repeats the pattern; its last line says what is wrong with it.
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        wrong(argument, format!("This is not a regular expression: {why}."))
    })
}

/// The whole match, or a list of the groups, or a map where groups have names.
fn captured(pattern: &regex::Regex, found: &regex::Captures) -> Value {
    let value = |group: Option<regex::Match>| group.map_or(Value::Null, |group| group.as_str().into());
    if pattern.captures_len() == 1 {
        return value(found.get(0));
    }
    let named: Vec<&str> = pattern.capture_names().flatten().collect();
    if named.is_empty() {
        return Value::List((1..pattern.captures_len()).map(|index| value(found.get(index))).collect());
    }
    Value::Map(named.into_iter().map(|name| (name.to_owned(), value(found.name(name)))).collect())
}

fn substr(call: &mut Call) -> Result<Value, Wrong> {
    let text: Vec<char> = call.text(0)?.chars().collect();
    let (offset, length) = (call.whole(1)?, call.whole(2)?);
    let count = text.len() as i128;
    let start = if offset < 0 { (count.saturating_add(offset)).max(0) } else { offset.min(count) };
    let end = if length < 0 { count } else { start.saturating_add(length).min(count) };
    // Both are between 0 and the number of characters.
    let (start, end) = (usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0));
    Ok(Value::String(text[start..end.max(start)].iter().collect()))
}

fn title(text: &str) -> String {
    let mut at_start = true;
    text.chars()
        .flat_map(|c| {
            let upper = at_start && c.is_alphabetic();
            at_start = !c.is_alphanumeric() && c != '\'';
            if upper { c.to_uppercase().collect::<Vec<_>>() } else { vec![c] }
        })
        .collect()
}

fn format_list(call: &mut Call) -> Result<Value, Wrong> {
    let arguments = call.take_all();
    let lengths: Vec<usize> = arguments
        .iter()
        .filter_map(|argument| match argument {
            Value::List(items) | Value::Set(items) => Some(items.len()),
            _ => None,
        })
        .collect();
    let rows = lengths.first().copied().unwrap_or(1);
    if lengths.iter().any(|length| *length != rows) {
        return Err(Wrong { argument: None, detail: "The lists have different lengths.".to_owned() });
    }
    let mut made = Vec::new();
    let mut total = 0;
    for row in 0..rows {
        let of_row: Vec<Value> = arguments
            .iter()
            .map(|argument| match argument {
                Value::List(items) | Value::Set(items) => items.get(row).cloned().unwrap_or(Value::Null),
                single => single.clone(),
            })
            .collect();
        let text = format_text(&of_row)?;
        total += text.len();
        affordable(total)?;
        made.push(Value::String(text));
    }
    Ok(Value::List(made))
}

/// One `%…` of a format text.
#[derive(Default)]
struct Verb {
    left: bool,
    zeros: bool,
    plus: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

/// `format`: `%s %d %f %g %e %x %X %o %b %q %t %v %%`, flags `-+0#`, width, precision, `%[1]s`.
fn format_text(arguments: &[Value]) -> Result<String, Wrong> {
    let template =
        arguments.first().and_then(Value::to_text).ok_or_else(|| wrong(0, "A format text is needed here."))?;
    let mut out = String::new();
    let mut rest = template.as_str();
    let mut next = 1;
    let mut used = vec![false; arguments.len()];
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let mut verb = Verb::default();
        rest = read_flags(rest, &mut verb, &mut next)?;
        let Some(letter) = rest.chars().next() else { return Err(wrong(0, "The text ends in the middle of a %.")) };
        rest = &rest[letter.len_utf8()..];
        let argument = arguments.get(next).filter(|_| next > 0);
        let argument = argument.ok_or_else(|| wrong(0, format!("There is no value for %{letter} number {next}.")))?;
        used[next] = true;
        out.push_str(&padded(render(letter, &verb, argument).map_err(|why| wrong(next, why))?, &verb));
        affordable(out.len())?;
        next += 1;
    }
    out.push_str(rest);
    match used.iter().skip(1).position(|used| !used) {
        Some(unused) => Err(wrong(unused + 1, "The format text has no % for this value.")),
        None => Ok(out),
    }
}

fn read_flags<'t>(text: &'t str, verb: &mut Verb, next: &mut usize) -> Result<&'t str, Wrong> {
    let mut rest = text;
    while let Some(flag) = rest.chars().next().filter(|flag| "-+0# ".contains(*flag)) {
        match flag {
            '-' => verb.left = true,
            '+' => verb.plus = true,
            '0' => verb.zeros = true,
            '#' => verb.sharp = true,
            _ => {}
        }
        rest = &rest[1..];
    }
    let number = |rest: &mut &'t str| -> Result<Option<usize>, Wrong> {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits;
        (digits, *rest) = rest.split_at(length);
        match digits.parse::<usize>() {
            Ok(number) if number <= MAX_WIDTH => Ok(Some(number)),
            Ok(_) => Err(wrong(0, format!("Widths go up to {MAX_WIDTH}."))),
            Err(_) if digits.is_empty() => Ok(None),
            Err(_) => Err(wrong(0, format!("Widths go up to {MAX_WIDTH}."))),
        }
    };
    verb.width = number(&mut rest)?.unwrap_or(0);
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        verb.precision = Some(number(&mut rest)?.unwrap_or(0));
    }
    if let Some(after) = rest.strip_prefix('[') {
        rest = after;
        *next = number(&mut rest)?.unwrap_or(0);
        rest = rest.strip_prefix(']').ok_or_else(|| wrong(0, "A ] is missing after %[."))?;
    }
    Ok(rest)
}

fn render(letter: char, verb: &Verb, value: &Value) -> Result<String, String> {
    let number =
        || value.to_number().ok_or_else(|| format!("%{letter} needs a number; this is a {}.", value.type_name()));
    let whole = || number()?.as_whole().ok_or_else(|| format!("%{letter} needs a whole number."));
    let text = || value.to_text().ok_or_else(|| format!("%{letter} needs a string; this is a {}.", value.type_name()));
    let cut = |text: String| match verb.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text,
    };
    let signed = |text: String| if verb.plus && !text.starts_with('-') { format!("+{text}") } else { text };
    let radix = |digits: String, negative: bool| if negative { format!("-{digits}") } else { digits };
    Ok(match letter {
        's' => cut(text()?),
        'q' => serde_json::Value::String(text()?).to_string(),
        'v' if verb.sharp => value.to_json().to_string(),
        'v' => value.to_text().unwrap_or_else(|| value.to_json().to_string()),
        't' => value.to_bool().ok_or_else(|| format!("%t needs a bool; this is a {}.", value.type_name()))?.to_string(),
        'd' => signed(whole()?.to_string()),
        'x' => radix(format!("{:x}", whole()?.unsigned_abs()), whole()? < 0),
        'X' => radix(format!("{:X}", whole()?.unsigned_abs()), whole()? < 0),
        'o' => radix(format!("{:o}", whole()?.unsigned_abs()), whole()? < 0),
        'b' => radix(format!("{:b}", whole()?.unsigned_abs()), whole()? < 0),
        'f' => signed(format!("{:.*}", verb.precision.unwrap_or(6), number()?.as_f64())),
        'e' => signed(format!("{:.*e}", verb.precision.unwrap_or(6), number()?.as_f64())),
        'g' => signed(number()?.to_string()),
        other => return Err(format!("%{other} is unknown. There are %s %q %d %x %X %o %b %f %e %g %t %v.")),
    })
}

fn padded(text: String, verb: &Verb) -> String {
    let missing = verb.width.saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    if verb.left {
        return text + &" ".repeat(missing);
    }
    if verb.zeros {
        let sign = usize::from(text.starts_with(['-', '+']));
        let (sign, digits) = text.split_at(sign);
        return format!("{sign}{}{digits}", "0".repeat(missing));
    }
    " ".repeat(missing) + &text
}

/// For `length()`: characters, not bytes.
pub fn length(text: &str) -> Value {
    Value::Number(Number::Whole(text.chars().count() as i128))
}
