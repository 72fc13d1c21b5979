//! Variables: where values come from, what is wrong with them, and that sensitive ones are never seen.

use insta::assert_snapshot;

use super::super::model::{ClientAccess, Password};
use super::Fixture;

const CLUSTER: &str = "cluster \"p\" {\n  version = \"3.2.32\"\n  member \"m\" { address = \"a\" }\n  settings = {\n    x = var.x\n  }\n}\n";

fn with_variable(body: &str) -> Fixture {
    Fixture::new(CLUSTER).file("variables.hcl", format!("variable \"x\" {{\n{body}\n}}\n"))
}

fn x(fixture: &Fixture) -> String {
    fixture.cluster().settings["x"].clone()
}

#[test]
fn later_sources_win() {
    let mut fixture = with_variable("  default = \"default\"");
    assert_eq!(x(&fixture), "default");
    fixture = fixture.env("QUORATE_VAR_x", "environment").env("PATH", "/bin").env("QUORATE_VAR_other", "ignored");
    assert_eq!(x(&fixture), "environment");
    fixture = fixture.file("quorate.auto.hclvars", "x = \"auto\"\n");
    assert_eq!(x(&fixture), "auto");
    fixture = fixture.file("zz.auto.hclvars", "x = \"later auto\"\n");
    assert_eq!(x(&fixture), "later auto");
    fixture = fixture.file("one.hclvars", "x = \"file one\"\n").var_file("one.hclvars");
    assert_eq!(x(&fixture), "file one");
    fixture = fixture.file("two.json", "{\"x\": \"file two\"}").var_file("two.json");
    assert_eq!(x(&fixture), "file two");
    fixture = fixture.var("x", "first").var("x", "second");
    assert_eq!(x(&fixture), "second");
    // As in Terraform: the later one, whether it is a value or a file.
    fixture = fixture.var_file("one.hclvars");
    assert_eq!(x(&fixture), "file one");
    fixture = fixture.var("x", "third");
    assert_eq!(x(&fixture), "third");
}

#[test]
fn text_becomes_the_type_that_is_declared() {
    for (kind, given, expected) in [
        ("string", "[1]", "[1]"),
        ("number", " 5 ", "5"),
        ("bool", "true", "true"),
        ("list(string)", "[\"a\", 1, true]", "a,1,true"),
        ("set(string)", "[\"b\", \"a\", \"b\"]", "a,b"),
        ("any", "[1, 2]", "1,2"),
        ("any", "just text", "just text"),
        ("tuple([string, number])", "[1, \"2\"]", "1,2"),
    ] {
        let fixture = with_variable(&format!("  type = {kind}")).var("x", given);
        assert_eq!(x(&fixture), expected, "{kind}");
    }
}

#[test]
fn objects_get_what_is_optional() {
    let fixture = Fixture::new(&CLUSTER.replace("var.x", "\"${var.x.a}${var.x.b}${var.x.c == null}\""))
        .file(
            "v.hcl",
            "variable \"x\" {\n  type = object({ a = string, b = optional(number, 7), c = optional(bool) })\n}\n",
        )
        .var("x", "{ a = \"A\", extra = 1 }");
    assert_eq!(x(&fixture), "A7true");
}

#[test]
fn unset_unknown_and_of_the_wrong_type() {
    let mut shown = with_variable("").refusal();
    shown += &with_variable("  type = number").var("x", "many").refusal();
    shown += &with_variable("  type = list(number)").var("x", "[1, \"a\"]").refusal();
    shown += &with_variable("  type = list(number)").var("x", "[1").refusal();
    shown += &with_variable("  type = map(string)").var("x", "{ a = upper(\"x\") }").refusal();
    shown += &with_variable("  type = bool").env("QUORATE_VAR_x", "yes").refusal();
    shown += &with_variable("  type = number\n  default = \"a\"").refusal();
    shown += &with_variable("  default = local.y").refusal();
    shown += &with_variable("  type = object({ a = string })").var("x", "{ b = 1 }").refusal();
    shown += &with_variable("  default = 1").var("y", "1").var("xx", "2").refusal();
    shown += &with_variable("  type = \"string\"").refusal();
    shown += &with_variable("  type = strin").refusal();
    shown += &with_variable("  type = list").refusal();
    shown += &with_variable("  type = 5\n  defalt = 1").refusal();
    shown += &with_variable("  default = 1\n}\nvariable \"x\" {\n}\nvariable \"a b\" {\n}\nvariable {").refusal();
    assert_snapshot!(shown);
}

#[test]
fn variable_files_that_are_wrong() {
    let good = || with_variable("  type = number\n  default = 1");
    let mut shown = good().var_file("none.hclvars").refusal();
    shown += &good().file("v.hclvars", "x = [1\n").var_file("v.hclvars").refusal();
    shown += &good().file("v.hclvars", "x = \"a\"\nblock {}\n").var_file("v.hclvars").refusal();
    shown += &good().file("v.json", "{\"x\": 1,\n ]").var_file("v.json").refusal();
    shown += &good().file("v.json", "[1]").var_file("v.json").refusal();
    shown += &good().file("v.json", "{\n  \"y\": 1,\n  \"x\": \"a\"\n}").var_file("v.json").refusal();
    shown += &good().file("v.hclvars", b"x = \"\xff\"\n").var_file("v.hclvars").refusal();
    assert_snapshot!(shown);
}

#[test]
fn a_value_for_nothing_in_a_file_is_a_warning() {
    let fixture = with_variable("  default = 1").file("quorate.auto.hclvars", "y = 1\n");
    let loaded = fixture.load().unwrap();
    assert_snapshot!(fixture.render(&loaded.warnings));
}

#[test]
fn conditions_are_checked() {
    let rule =
        "  default = 1\n  validation {\n    condition = var.x < 10\n    error_message = \"At most nine, please.\"\n  }";
    assert_eq!(x(&with_variable(rule).var("x", "5")), "5");
    let mut shown = with_variable(rule).var("x", "50").refusal();
    shown += &with_variable("  default = 1\n  validation {\n    condition = 5\n  }").refusal();
    assert_snapshot!(shown);
}

const SECRET: &str = "hunter2-correct-horse";

/// Every way in which a sensitive value can end in an error: it is in no message, and not in the JSON of it.
#[test]
fn sensitive_values_are_never_shown() {
    let uses = [
        ("string", "var.x"),
        ("string", "upper(var.x)"),
        ("string", "\"prefix ${var.x}\""),
        ("string", "var.x + 1"),
        ("string", "var.x ? 1 : 2"),
        ("string", "!var.x"),
        ("string", "var.x && true"),
        ("string", "{ a = 1 }[var.x]"),
        ("string", "[1][var.x]"),
        ("string", "{ (var.x) = 1 }"),
        ("string", "var.x.attribute"),
        ("string", "[for x in var.x : x]"),
        ("string", "file(var.x)"),
        ("string", "tonumber(var.x)"),
        ("string", "jsondecode(var.x)"),
        ("string", "format(\"%d\", var.x)"),
        ("string", "regex(\"${var.x}(\", \"a\")"),
        ("string", "base64decode(var.x)"),
        ("string", "nothing(var.x)"),
        ("string", "sensitive(\"x\") == var.x ? nope : nope"),
        ("string", "[for k, v in { a = var.x } : v.b]"),
        ("number", "var.x"),
        ("list(number)", "var.x"),
        ("any", "\"${var.x}\".z"),
    ];
    for (kind, expression) in uses {
        let base = Fixture::new(&CLUSTER.replace("var.x", expression))
            .file("v.hcl", format!("variable \"x\" {{\n  type = {kind}\n  sensitive = true\n}}\n"));
        let by_cli = base.var("x", SECRET);
        assert_hidden(&by_cli, expression);
        let base = Fixture::new(&CLUSTER.replace("var.x", expression))
            .file("v.hcl", format!("variable \"x\" {{\n  type = {kind}\n  sensitive = true\n}}\n"));
        let by_file = base.file("quorate.auto.hclvars", format!("x = \"{SECRET}\"\n"));
        assert_hidden(&by_file, expression);
    }
}

fn assert_hidden(fixture: &Fixture, what: &str) {
    let errors = fixture.errors();
    let shown = fixture.render(&errors) + &serde_json::to_string(&errors).unwrap() + &format!("{errors:?}");
    for part in [SECRET, &SECRET.to_uppercase(), "hunter2", "HUNTER2"] {
        assert!(!shown.contains(part), "{what}:\n{shown}");
    }
}

#[test]
fn a_sensitive_value_is_kept_out_of_everything_that_plans_hold() {
    let places = [
        "version = var.x",
        "connection \"ssh\" { user = var.x }",
        "runtime \"process\" { dir = var.x }",
        "release { url = \"https://a/${var.x}/${version}\" }",
        "backup { to = var.x }",
        "rollout { soak = var.x }",
        "member \"m2\" { address = var.x }",
        "member \"m2\" {\n    address = \"b\"\n    name = var.x\n  }",
        "member \"m2\" {\n    address = \"b\"\n    for_each = toset([var.x])\n  }",
        "settings = { a = var.x }",
        "settings = { a = sensitive(\"hunter2-correct-horse\") }",
    ];
    for place in places {
        let fixture = Fixture::new(&format!(
            "variable \"x\" {{\n  sensitive = true\n}}\ncluster \"p\" {{\n  {place}\n  member \"m\" {{ address = \"a\" }}\n}}\n"
        ))
        .var("x", SECRET);
        let shown = fixture.refusal();
        assert!(shown.contains("Sensitive value"), "{place}:\n{shown}");
        assert_hidden(&fixture, place);
    }
}

#[test]
fn broken_files_do_not_show_what_may_be_secret() {
    let secret = || Fixture::new(CLUSTER).file("v.hcl", "variable \"x\" {\n  sensitive = true\n  type = number\n}\n");
    for (name, content) in [
        ("a.hclvars", format!("x = \"{SECRET}\n")),
        ("a.hclvars", format!("x = {SECRET} = 1\n")),
        ("a.hclvars", format!("x = [\"{SECRET}\", ]]\n")),
        ("a.hclvars", format!("x = \"{SECRET}\"\n")),
        ("a.hclvars", format!("x = upper(\"{SECRET}\") + 1\n")),
        ("a.json", format!("{{\"x\": \"{SECRET}\"")),
        ("a.json", format!("{{\"x\": \"{SECRET}\"}}")),
    ] {
        let fixture = secret().file(name, &content).var_file(name);
        assert_hidden(&fixture, &content);
    }
    // A default of a sensitive variable stands in the spec itself.
    let fixture = Fixture::new(CLUSTER).file(
        "v.hcl",
        format!("variable \"x\" {{\n  sensitive = true\n  type = number\n  default = \"{SECRET}\"\n}}\n"),
    );
    assert_hidden(&fixture, "default");
}

#[test]
fn a_password_reaches_the_client_and_stands_in_no_plan() {
    let fixture = Fixture::new(
        "variable \"password\" {\n  sensitive = true\n}\ncluster \"p\" {\n  version = \"3.2.32\"\n  member \"m\" { address = \"a\" }\n  client {\n    user = \"root\"\n    password = var.password\n  }\n}\n",
    )
    .var("password", SECRET);
    let loaded = fixture.load().unwrap();
    assert!(loaded.secrets.iter().any(|secret| secret == SECRET));
    assert!(!format!("{:?}", loaded.spec).contains(SECRET));
    let client = &loaded.spec.clusters[0].client;
    let login = client.login.as_ref().unwrap();
    assert_eq!((login.user.as_str(), &login.password), ("root", &Password::Inline(SECRET.to_owned())));
    assert!(serde_json::to_string(client).is_err(), "a password that is not sealed is not written");
    let stored = serde_json::to_string(&client.sealed()).unwrap();
    assert!(stored.contains("root") && client.sealed().has_sealed(), "{stored}");
    let digest = crate::units::Sha256::of(SECRET.as_bytes()).to_string();
    assert!(!stored.contains(SECRET) && !stored.contains(&digest), "{stored}");
    assert_eq!(serde_json::from_str::<ClientAccess>(&stored).unwrap(), client.sealed());
}

#[test]
fn a_login_that_cannot_be_one_is_refused_without_being_shown() {
    for (lines, words) in [
        ("user = \"root\"", "Half a login"),
        ("password = var.password", "Half a login"),
        ("user = \"root\"\n    password = \"${var.password}\\n\"", "chomp(file"),
        ("user = \"root\"\n    password = \"\"", "The password is empty"),
        ("user = \"\"\n    password = var.password", "No user"),
        ("user = var.password\n    password = var.password", "Sensitive value"),
        ("user = \"root\"\n    password = [var.password]", "password"),
    ] {
        let fixture = Fixture::new(&format!(
            "variable \"password\" {{\n  sensitive = true\n}}\ncluster \"p\" {{\n  version = \"3.2.32\"\n  member \"m\" {{ address = \"a\" }}\n  client {{\n    {lines}\n  }}\n}}\n"
        ))
        .var("password", SECRET);
        let shown = fixture.refusal();
        assert!(shown.contains(words), "{lines}:\n{shown}");
        assert_hidden(&fixture, lines);
    }
}

#[test]
fn a_sensitive_key_reaches_the_client_and_the_list_of_secrets() {
    let fixture = Fixture::new(
        "variable \"key\" {\n  sensitive = true\n}\ncluster \"p\" {\n  version = \"3.2.32\"\n  member \"m\" { address = \"a\" }\n  client {\n    cert = \"-----BEGIN CERTIFICATE-----\"\n    key = var.key\n  }\n}\n",
    )
    .var("key", "-----BEGIN PRIVATE KEY-----\nhunter2\n");
    let loaded = fixture.load().unwrap();
    assert!(loaded.secrets.iter().any(|secret| secret.contains("hunter2")));
    assert!(!format!("{:?}", loaded.spec).contains("hunter2"));
}
