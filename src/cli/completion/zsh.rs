//! For zsh, by its `_arguments`, which knows long options with one dash.

use std::fmt::Write as _;

use super::{Choice, Place, Value};

pub fn script(places: &[Place]) -> String {
    let functions: String = places.iter().map(|place| function(place, places)).collect();
    include_str!("script.zsh").replace("@PLACES@\n", &functions)
}

/// `_quorate_at_backup_list`.
fn name(path: &str) -> String {
    format!("_quorate_at{}{}", if path.is_empty() { "" } else { "_" }, path.replace(' ', "_"))
}

fn function(place: &Place, places: &[Place]) -> String {
    let mut text = format!("{}() {{\n", name(&place.path));
    if !place.commands.is_empty() {
        text.push_str("  local context state state_descr line\n  typeset -A opt_args\n");
        let _ = writeln!(text, "  local -a commands=(\n{}  )", described(&place.commands));
    } else if place.argument == Some(Value::Commands) {
        let top = places.iter().find(|place| place.path.is_empty());
        let all = top.map(|place| place.commands.as_slice()).unwrap_or_default();
        let _ = writeln!(text, "  local -a commands=(\n{}  )", described(all));
    }
    text.push_str("  _arguments -C");
    for option in &place.options {
        let _ = write!(text, " \\\n    {}", spec(option));
    }
    if place.commands.is_empty() {
        if let Some(value) = &place.argument {
            let _ = write!(text, " \\\n    '*:{}'", action(value));
        }
        text.push_str("\n}\n\n");
        return text;
    }
    text.push_str(" \\\n    '1: :->command' \\\n    '*:: :->rest'\n  case $state in\n");
    text.push_str("    command) _describe -t commands command commands ;;\n    rest)\n      case $words[1] in\n");
    for (inner, _) in &place.commands {
        let path = format!("{} {inner}", place.path);
        let _ = writeln!(text, "        {inner}) {} ;;", name(path.trim_start()));
    }
    text.push_str("      esac\n      ;;\n  esac\n}\n\n");
    text
}

/// For `_describe`: `name:what it does`, with the colons of a text hidden.
fn described(commands: &[(String, String)]) -> String {
    let lines = commands.iter().map(|(name, about)| format!("    {}\n", quoted(&format!("{name}:{about}"))));
    lines.collect()
}

fn spec(option: &Choice) -> String {
    // Brackets and colons mean something in a specification.
    let about = option.about.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
    match &option.value {
        // May be given again, and then both stand.
        Some(value) if matches!(option.name.as_str(), "var" | "var-file") => {
            quoted(&format!("*-{}=[{about}]:{}", option.name, action(value)))
        }
        Some(value) => quoted(&format!("-{}=[{about}]:{}", option.name, action(value))),
        None => quoted(&format!("-{}[{about}]", option.name)),
    }
}

fn action(value: &Value) -> String {
    match value {
        Value::File => "file:_files".to_owned(),
        Value::Folder => "folder:_files -/".to_owned(),
        Value::OneOf(choices) => format!("which:({})", choices.join(" ")),
        Value::Commands => "command:{_describe -t commands command commands}".to_owned(),
        Value::Asked => "name: _quorate_asked".to_owned(),
        Value::AskedOrFolder => "name: _quorate_asked_or_folders".to_owned(),
        Value::Free => "value: ".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
