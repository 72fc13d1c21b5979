//! What expressions give, shown by the setting they end in.

use super::{Fixture, setting};

fn gives(expression: &str) -> String {
    let fixture = setting(expression);
    match fixture.load() {
        Ok(loaded) => loaded.spec.clusters[0].settings.get("x").cloned().unwrap_or_else(|| "null".to_owned()),
        Err(diagnostics) => panic!("{expression}\n{}", fixture.render(&diagnostics.0)),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        assert_eq!(gives(expression), *expected, "{expression}");
    }
}

#[test]
fn arithmetic_is_exact_where_it_can_be() {
    check(&[
        ("8 * 1024 * 1024 * 1024", "8589934592"),
        ("18446744073709551615", "18446744073709551615"),
        ("9007199254740993 + 0", "9007199254740993"),
        ("7 / 2", "3.5"),
        ("6 / 2", "3"),
        ("-7 % 3", "-1"),
        ("2 + 3 * 4 - 1", "13"),
        ("10 - 2 - 3", "5"),
        ("(2 + 3) * 4", "20"),
        ("-(3)", "-3"),
        ("\"5\" + 1", "6"),
        ("0.1 + 0.2 > 0.3", "true"),
        ("1.0 == 1", "true"),
        ("\"1\" == 1", "false"),
        ("1 < 2 && !(3 <= 2) || false", "true"),
        ("true || 1 / 0 == 1", "true"),
        ("false && 1 / 0 == 1", "false"),
        ("1 == 2 ? \"a\" : \"b\"", "b"),
        ("true ? 1 : 1 / 0", "1"),
    ]);
}

#[test]
fn templates_are_terraforms() {
    check(&[
        ("\"a${1 + 1}b\"", "a2b"),
        ("\"$${x} %%{y}\"", "${x} %{y}"),
        ("\"%{ if true }yes%{ else }no%{ endif }\"", "yes"),
        ("\"%{ if false }yes%{ else }no%{ endif }\"", "no"),
        ("\"<%{ if false }yes%{ endif }>\"", "<>"),
        ("\"%{ for x in [1, 2, 3] }${x};%{ endfor }\"", "1;2;3;"),
        ("\"%{ for k, v in { a = 1, b = 2 } }${k}=${v} %{ endfor }\"", "a=1 b=2 "),
        ("\"a   ${~ 1 ~}   b\"", "a1b"),
        ("\"x %{~ if true ~} y %{~ endif ~} z\"", "xyz"),
        ("\"${\"nested ${upper(\"x\")}\"}\"", "nested X"),
        ("trimspace(<<EOT\n  kept ${1}\nEOT\n)", "kept 1"),
        ("replace(<<-EOT\n      one\n        two\n    EOT\n, \"\\n\", \"|\")", "one|  two|"),
        ("length(\"${[1, 2]}\")", "2"),
    ]);
}

#[test]
fn collections_can_be_walked_and_made() {
    check(&[
        ("[for x in [1, 2, 3] : x * 2 if x != 2]", "2,6"),
        ("keys({ for k, v in { b = 1, a = 2 } : upper(k) => v })", "A,B"),
        ("{ for x in [\"a1\", \"a2\", \"b1\"] : substr(x, 0, 1) => x... }.a", "a1,a2"),
        ("[{ n = \"a\" }, { n = \"b\" }][*].n", "a,b"),
        ("[{ n = \"a\" }, { n = \"b\" }].*.n", "a,b"),
        ("[\"x\", \"y\"][1]", "y"),
        ("[\"x\", \"y\"].0", "x"),
        ("{ a = { b = [10, 20] } }.a.b[1]", "20"),
        ("{ \"with space\" = 1 }[\"with space\"]", "1"),
        ("{ (\"k${1}\") = 2 }.k1", "2"),
        ("null", "null"),
        ("max([1, 5, 3]...)", "5"),
        ("[for i, x in [\"a\", \"b\"] : \"${i}${x}\"]", "0a,1b"),
        ("[for x in toset([\"b\", \"a\", \"b\"]) : x]", "a,b"),
        ("[\n      1, # one\n      2, /* two */\n    ]", "1,2"),
    ]);
}

#[test]
fn functions_on_text() {
    check(&[
        ("upper(\"aé\")", "AÉ"),
        ("lower(\"AB\")", "ab"),
        ("title(\"hello world\")", "Hello World"),
        ("format(\"%s-%03d-%.2f-%t-%%\", \"a\", 7, 1.5, true)", "a-007-1.50-true-%"),
        ("format(\"%[2]s%[1]s\", \"a\", \"b\")", "ba"),
        ("format(\"%5s|%-5s|%+d|%x\", \"a\", \"b\", 3, 255)", "    a|b    |+3|ff"),
        ("formatlist(\"%s:%d\", [\"a\", \"b\"], 2379)", "a:2379,b:2379"),
        ("join(\"-\", [\"a\", \"b\"])", "a-b"),
        ("split(\",\", \"a,b\")", "a,b"),
        ("replace(\"a.b\", \".\", \"-\")", "a-b"),
        ("replace(\"a1b2\", \"/[0-9]/\", \"#\")", "a#b#"),
        ("trimspace(\"  a \")", "a"),
        ("trimprefix(\"v3.2\", \"v\")", "3.2"),
        ("trimsuffix(\"a.b\", \".b\")", "a"),
        ("trim(\"--a--\", \"-\")", "a"),
        ("chomp(\"a\\n\")", "a"),
        ("substr(\"hello\", 1, 3)", "ell"),
        ("substr(\"hello\", -3, -1)", "llo"),
        ("startswith(\"abc\", \"ab\")", "true"),
        ("endswith(\"abc\", \"ab\")", "false"),
        ("strcontains(\"abc\", \"b\")", "true"),
        ("regex(\"[0-9]+\", \"etcd 3\")", "3"),
        ("regex(\"(?P<major>[0-9]+)[.](?P<minor>[0-9]+)\", \"3.2\").minor", "2"),
        ("regexall(\"[a-z]\", \"a1b\")", "a,b"),
        ("indent(2, \"a\\nb\") == \"a\\n  b\"", "true"),
    ]);
}

#[test]
fn functions_on_collections_and_numbers() {
    check(&[
        ("concat([1], [2, 3])", "1,2,3"),
        ("merge({ a = 1 }, { a = 2, b = 3 }).a", "2"),
        ("keys({ b = 1, a = 2 })", "a,b"),
        ("values({ b = 1, a = 2 })", "2,1"),
        ("length([1, 2])", "2"),
        ("length(\"é\")", "1"),
        ("contains([1, 2], 2)", "true"),
        ("lookup({ a = 1 }, \"b\", 9)", "9"),
        ("element([\"a\", \"b\"], 3)", "b"),
        ("range(3)", "0,1,2"),
        ("range(1, 7, 2)", "1,3,5"),
        ("range(3, 0)", "3,2,1"),
        ("tolist(toset([\"b\", \"a\", \"a\"]))", "a,b"),
        ("tostring(5)", "5"),
        ("tonumber(\"5\") + 1", "6"),
        ("tobool(\"true\")", "true"),
        ("tomap({ a = 1 }).a", "1"),
        ("jsonencode({ a = [1, true, null, \"x\"] }) == \"{\\\"a\\\":[1,true,null,\\\"x\\\"]}\"", "true"),
        ("jsondecode(\"{\\\"a\\\": [1, 2.5]}\").a", "1,2.5"),
        ("min(3, 1, 2)", "1"),
        ("abs(-3)", "3"),
        ("ceil(1.2)", "2"),
        ("floor(-1.2)", "-2"),
        ("parseint(\"ff\", 16)", "255"),
        ("coalesce(null, \"\", \"a\")", "a"),
        ("coalescelist([], [1])", "1"),
        ("compact([\"a\", \"\", null])", "a"),
        ("flatten([1, [2, [3]]])", "1,2,3"),
        ("distinct([\"b\", \"a\", \"b\"])", "b,a"),
        ("sort([\"b\", \"a\"])", "a,b"),
        ("reverse([1, 2])", "2,1"),
        ("index([\"a\", \"b\"], \"b\")", "1"),
        ("zipmap([\"a\"], [1]).a", "1"),
        ("sum([1, 2.5])", "3.5"),
        ("slice([1, 2, 3], 1, 3)", "2,3"),
        ("one([5])", "5"),
        ("alltrue([true, true])", "true"),
        ("anytrue([])", "false"),
        ("base64decode(base64encode(\"é\"))", "é"),
        ("substr(sha256(\"\"), 0, 8)", "e3b0c442"),
        ("cidrhost(\"10.0.0.0/24\", 5)", "10.0.0.5"),
        ("cidrhost(\"10.0.0.0/24\", -2)", "10.0.0.254"),
        ("cidrhost(\"fd00::/64\", 1)", "fd00::1"),
        ("cidrhost(\"::/0\", -1)", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("try(local.none, jsondecode(\"{\"), \"fallback\")", "fallback"),
        ("can(tonumber(\"x\"))", "false"),
        ("can(1 + 1)", "true"),
        ("basename(\"/a/b.txt\")", "b.txt"),
        ("dirname(\"/a/b.txt\")", "/a"),
    ]);
}

#[test]
fn file_reads_beside_the_spec() {
    let fixture = setting("\"${file(\"v.txt\")}${fileexists(\"none\")}\"").file("v.txt", "3");
    assert_eq!(fixture.cluster().settings["x"], "3false");
    let fixture = setting("path.module");
    assert_eq!(fixture.cluster().settings["x"], fixture.path().to_str().unwrap());
}

#[test]
fn locals_are_found_in_any_order() {
    let fixture = Fixture::new(
        "locals {\n  a = \"${local.b}!\"\n}\nlocals {\n  b = join(\"\", [for x in local.c : x])\n  c = [\"3.2\", \".\", \"32\"]\n}\ncluster \"p\" {\n  version = trimsuffix(local.a, \"!\")\n  member \"m\" { address = \"a\" }\n}\n",
    );
    assert_eq!(fixture.cluster().version.to_string(), "3.2.32");
}
