//! Pages that people wrote name all that the code has, and nothing that it has not: options of each command, attributes
//! and blocks of a spec, metrics, checks of drift.

use std::collections::BTreeSet;
use std::fs;

use quorate::drift::Check;
use syn::{Expr, Item, Lit};

use crate::pages::root;

type Names = BTreeSet<String>;

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs/reference").join(name)).unwrap()
}

/// The text below a heading, up to the next of its level or above. What is in a block of code is no heading.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let start = page.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}")) + 1;
    let level = heading.chars().take_while(|letter| *letter == '#').count();
    let rest = &page[start..];
    let end = rest.match_indices("\n#").map(|(at, _)| at).find(|at| {
        let next = rest[at + 1..].chars().take_while(|letter| *letter == '#').count();
        *at > 0 && next <= level
    });
    &rest[..end.unwrap_or(rest.len())]
}

/// Names in the first cells of the tables: `` `ca`, `cert` ``, as they begin: `-out=FILE` is `-out`.
fn first_cells(text: &str) -> Names {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")).map(|row| row.split(" |").next().unwrap());
    let names = rows.flat_map(|cell| cell.trim_end_matches('`').split("`, `"));
    names.map(|name| name.split(['=', ' ']).next().unwrap().to_owned()).collect()
}

fn set(names: impl IntoIterator<Item = impl Into<String>>) -> Names {
    names.into_iter().map(Into::into).collect()
}

/// Options that stand in a table for all commands, or for all that read the spec.
fn shared() -> Names {
    set(["-chdir", "-no-color", "-help", "-version", "-var", "-var-file", "-cluster", "-json"])
}

#[test]
fn every_command_is_told_of_with_all_its_options() {
    let page = page("commands.md");
    let in_backticks =
        |name: &str, text: &str| text.contains(&format!("`{name}")) || text.contains(&format!("[{name}"));
    let mut top = quorate::cli::definition().disable_help_subcommand(true);
    top.build();
    for command in top.get_subcommands() {
        let name = command.get_name();
        assert!(page.contains(&format!("\n| [`{name}`](#{name})")), "{name} is not in the table of commands");
        let mut text = section(&page, &format!("## {name}")).to_owned();
        if name == "backup" {
            text.push_str(section(&page, "## backup list, verify, prune"));
        }
        let told = first_cells(&text);
        let mut has = Names::new();
        for command in std::iter::once(command).chain(command.get_subcommands()) {
            has.extend(command.get_arguments().filter_map(|arg| Some(format!("-{}", arg.get_long()?))));
        }
        for option in &has {
            let usage = text.contains(&format!("{option}]"))
                || text.contains(&format!("{option}="))
                || in_backticks(option, &text);
            assert!(shared().contains(option) || usage, "{name}: {option} is not told of");
        }
        let unknown: Vec<&String> = told.iter().filter(|name| name.starts_with('-') && !has.contains(*name)).collect();
        assert!(unknown.is_empty(), "{name} has no {unknown:?}");
    }
}

/// The names after `attributes:` or `blocks:` of a constant of the spec's reader.
fn known(file: &str, constant: &str, field: &str) -> Names {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let items = syn::parse_file(&text).unwrap().items;
    let value = items.iter().find_map(|item| match item {
        Item::Const(item) if item.ident == constant => Some(&*item.expr),
        _ => None,
    });
    let Some(Expr::Struct(value)) = value else { panic!("{file}: no {constant}") };
    let field = value.fields.iter().find(|one| matches!(&one.member, syn::Member::Named(name) if name == field));
    let Some(Expr::Reference(list)) = field.map(|field| &field.expr) else { panic!("{file}: {constant}") };
    let Expr::Array(list) = &*list.expr else { panic!("{file}: {constant}") };
    let text = |value: &Expr| match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => text.value(),
            _ => panic!("{file}: {constant}"),
        },
        _ => panic!("{file}: {constant}"),
    };
    list.elems.iter().map(text).collect()
}

/// Where the reader knows each block, and the heading below which the page tells of it.
const BLOCKS: [(&str, &str, &str); 16] = [
    ("tool.rs", "KNOWN", "## `quorate`"),
    ("cluster.rs", "KNOWN", "## `cluster \"NAME\"`"),
    ("member.rs", "KNOWN", "### `member \"NAME\"`"),
    ("connection.rs", "SSH", "### `connection \"ssh\"`"),
    ("runtime.rs", "SYSTEMD", "### `runtime \"systemd\"`"),
    ("runtime.rs", "PROCESS", "### `runtime \"process\"`"),
    ("release.rs", "KNOWN", "### `release`"),
    ("client.rs", "KNOWN", "### `client`"),
    ("policies.rs", "ROLLOUT", "### `rollout`"),
    ("policies.rs", "SLO", "### `slo` in `rollout`"),
    ("policies.rs", "BACKUP", "### `backup`"),
    ("policies.rs", "ROLLBACK_POINTS", "### `rollback_points`"),
    ("drift.rs", "KNOWN", "### `drift`"),
    ("../variables.rs", "KNOWN", "## `variable \"NAME\"`"),
    ("tool.rs", "STATE", "## `quorate`"),
    ("connection.rs", "LOCAL", "### `connection \"local\"`"),
];

#[test]
fn the_page_of_the_spec_names_what_the_reader_knows() {
    let page = page("spec.md");
    for (file, constant, heading) in BLOCKS {
        let file = format!("src/spec/blocks/{file}");
        let attributes = known(&file, constant, "attributes");
        let whole = section(&page, heading);
        // Blocks inside have headings of their own.
        let own = &whole[..whole.find("\n### ").filter(|at| *at > 0).unwrap_or(whole.len())];
        let told = first_cells(own);
        match constant {
            "STATE" => assert!(attributes.is_subset(&told), "{heading}: {attributes:?}, not {told:?}"),
            "LOCAL" => assert!(attributes.iter().all(|name| own.contains(&format!("`{name}`"))), "{heading}"),
            // The table of `state` stands below the same heading.
            _ if heading == "## `quorate`" => {
                let state = known(&file, "STATE", "attributes");
                assert_eq!(told, attributes.union(&state).cloned().collect(), "{heading}");
            }
            _ => assert_eq!(told, attributes, "{heading}"),
        }
    }
    for block in known("src/spec/blocks/cluster.rs", "KNOWN", "blocks") {
        let heading = page.lines().any(|line| line.starts_with(&format!("### `{block}")));
        assert!(heading, "the page of the spec has no heading for {block}");
    }
}

/// Every constant of the reader that lists attributes is in the table above.
#[test]
fn no_block_of_the_spec_is_left_out() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join("src/spec/blocks")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            seen += fs::read_to_string(&path).unwrap().matches(": Known =").count();
        }
    }
    // `variable` is read elsewhere.
    assert_eq!(seen, BLOCKS.len() - 1, "a block that this test does not look at");
}

#[test]
fn every_metric_is_told_of() {
    let text = fs::read_to_string(root().join("src/view/metrics.rs")).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    let literal = |part: &str| part.strip_prefix("quorate_").and_then(|_| part.split('"').next()).map(str::to_owned);
    let written: Names = text.split('"').filter_map(literal).filter(|name| !name.contains([' ', '{'])).collect();
    let page = page("commands.md");
    let told = section(&page, "### Metrics");
    assert!(written.len() > 10, "{written:?}");
    for name in &written {
        assert!(told.contains(&format!("`{name}`")), "{name} is not told of");
    }
    for name in told.split('`').filter(|name| name.starts_with("quorate_")) {
        assert!(written.contains(name), "there is no metric {name}");
    }
}

#[test]
fn every_json_output_is_told_of() {
    let page = page("commands.md");
    let files = fs::read_dir(root().join("docs/reference/schema")).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().path().file_stem()?.to_str().map(str::to_owned);
    let written: Names = files.filter_map(name).collect();
    let told: Names = first_cells(section(&page, "## JSON")).into_iter().filter(|name| name != "type").collect();
    assert_eq!(told, written);
}

#[test]
fn every_check_of_drift_is_told_of_with_its_severity() {
    let page = page("commands.md");
    let text = section(&page, "## drift");
    for check in Check::ALL {
        let row = text.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{}`", check.name())));
        let row = row.unwrap_or_else(|| panic!("{} is not told of", check.name()));
        assert_eq!(row.split('|').nth(2).map(str::trim), Some(check.severity().word()), "{row}");
    }
}
