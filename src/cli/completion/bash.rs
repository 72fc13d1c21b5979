//! For bash, from 3.2 on.

use super::{Place, Value, names_of};

pub fn script(places: &[Place]) -> String {
    include_str!("script.bash")
        .replace("@TAKES_VALUE@", &names_of(places, |_| true).join(" | "))
        .replace("@FILES@", &names_of(places, |value| *value == Value::File).join(" | "))
        .replace("@FOLDERS@", &names_of(places, |value| *value == Value::Folder).join(" | "))
        .replace("@DEEPER@", &deeper(places))
        .replace("@PLACES@\n", &places.iter().map(|place| arm(place, places)).collect::<String>())
}

/// The patterns of words that lead to a place further in: a blank before what is at the top.
fn deeper(places: &[Place]) -> String {
    let paths = places.iter().filter(|place| !place.path.is_empty()).map(|place| &place.path);
    let pattern = |path: &String| if path.contains(' ') { format!("'{path}'") } else { format!("' {path}'") };
    paths.map(pattern).collect::<Vec<_>>().join(" | ")
}

fn arm(place: &Place, places: &[Place]) -> String {
    let commands: Vec<&str> = place.commands.iter().map(|(name, _)| name.as_str()).collect();
    let options: Vec<String> = place.options.iter().map(|option| format!("-{}", option.name)).collect();
    format!(
        "        '{}')\n            commands='{}'\n            options='{}'\n            arguments='{}'\n            ;;\n",
        place.path,
        commands.join(" "),
        options.join(" "),
        place.argument.as_ref().map(|value| arguments(value, places)).unwrap_or_default()
    )
}

fn arguments(value: &Value, places: &[Place]) -> String {
    match value {
        Value::File => "files".to_owned(),
        Value::Folder => "folders".to_owned(),
        Value::OneOf(choices) => choices.join(" "),
        Value::Commands => {
            let top = places.iter().find(|place| place.path.is_empty());
            let names = top.into_iter().flat_map(|place| &place.commands).map(|(name, _)| name.as_str());
            names.collect::<Vec<_>>().join(" ")
        }
        Value::Asked => "asked".to_owned(),
        Value::AskedOrFolder => "asked-or-folders".to_owned(),
        Value::Free => String::new(),
    }
}
