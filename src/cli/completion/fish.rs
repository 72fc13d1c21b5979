//! For fish, from 3.1 on.

use std::fmt::Write as _;

use super::{Place, Value, names_of};

pub fn script(places: &[Place]) -> String {
    let paths = places.iter().filter(|place| !place.path.is_empty()).map(|place| quoted(&place.path));
    let lines: String = places.iter().map(|place| lines(place, places)).collect();
    include_str!("script.fish")
        .replace("@TAKES_VALUE@", &names_of(places, |_| true).join(" "))
        .replace("@DEEPER@", &paths.collect::<Vec<_>>().join(" "))
        .replace("@PLACES@\n", &lines)
}

fn lines(place: &Place, places: &[Place]) -> String {
    let here = format!("complete -c quorate -n {}", quoted(format!("__quorate_is_at {}", place.path).trim_end()));
    let mut lines = String::new();
    for (name, about) in &place.commands {
        let _ = writeln!(lines, "{here} -a {name} -d {}", quoted(about));
    }
    for option in &place.options {
        let value = option.value.as_ref().map(of_option).unwrap_or_default();
        let _ = writeln!(lines, "{here} -o {}{value} -d {}", option.name, quoted(&option.about));
    }
    match &place.argument {
        Some(Value::File) => {
            let _ = writeln!(lines, "{here} -F");
        }
        Some(Value::Folder) => {
            let _ = writeln!(lines, "{here} -a '(__fish_complete_directories)'");
        }
        Some(Value::OneOf(choices)) => {
            let _ = writeln!(lines, "{here} -a {}", quoted(&choices.join(" ")));
        }
        Some(Value::Commands) => {
            let top = places.iter().find(|place| place.path.is_empty());
            for (name, about) in top.into_iter().flat_map(|place| &place.commands) {
                let _ = writeln!(lines, "{here} -a {name} -d {}", quoted(about));
            }
        }
        Some(Value::Asked) => {
            let _ = writeln!(lines, "{here} -k -a '(__quorate_asked)'");
        }
        Some(Value::AskedOrFolder) => {
            let _ = writeln!(lines, "{here} -k -a '(__quorate_asked)'");
            let _ = writeln!(lines, "{here} -a '(__fish_complete_directories)'");
        }
        Some(Value::Free) | None => {}
    }
    lines
}

fn of_option(value: &Value) -> String {
    match value {
        Value::File => " -r -F".to_owned(),
        Value::Folder => " -x -a '(__fish_complete_directories)'".to_owned(),
        Value::OneOf(choices) => format!(" -x -a {}", quoted(&choices.join(" "))),
        Value::Commands | Value::Asked | Value::AskedOrFolder | Value::Free => " -x".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
