//! Specs that do not hold, and exactly what a person sees of it. One snapshot a subject.

use insta::assert_snapshot;

use super::{Fixture, cluster_with, setting};

/// Renders what each of several specs is refused with.
fn all<'a>(specs: impl IntoIterator<Item = &'a str>, fixture: impl Fn(&str) -> Fixture) -> String {
    specs.into_iter().map(|spec| format!("──── {spec}\n{}", fixture(spec).refusal())).collect()
}

#[test]
fn texts_that_do_not_parse() {
    let specs = [
        "cluster \"p\" {\n  version = \"3.2.32\"\n",
        "cluster \"p\" {\n  version = \"3.2.32\"\n\ncluster \"q\" {\n}\n",
        "cluster \"p\" {\n  version = \"3.2.32\n  settings = {}\n}\n",
        "cluster \"p\" {\n  settings = { a = [1, 2 }\n}\n",
        "cluster \"p\" }\n",
        "cluster \"p\" {\n  version = \n}\n",
        "cluster \"p\" {\n  version \"3.2.32\"\n}\n",
        "cluster \"p\" {\n  member \"m\" { address = \"a\" name = \"b\" }\n}\n",
        "cluster \"p\" {\n  version = '3.2.32'\n}\n",
        "cluster \"p\" {\n  version = \u{201c}3.2.32\u{201d};\n}\n",
        "cluster \"p\" {\n  version = \"3.2.${1\"\n}\n",
        "cluster \"p\" {\n  version = <<EOT\n3.2.32\n}\n",
        "/* cluster \"p\" {\n}\n",
        "cluster \"p\" {\n  version = \"\\x\"\n}\n",
        "cluster \"p\" {\n  version = 1 +\n}\n",
        "cluster \"p\" {\n  version = f(1, 2\n}\n",
        "= 5\n",
    ];
    assert_snapshot!(all(specs, Fixture::new));
}

#[test]
fn several_syntax_errors_and_what_else_is_wrong_come_at_once() {
    let fixture = Fixture::new(
        "cluster \"p\" {\n  version = 03.2 2\n  member \"m1\" {\n    address = [1,, 2]\n  }\n  member \"m2\" {\n    adress = \"10.0.0.2\"\n  }\n  rollout {\n    soak = \"10\"\n    soak = \"20s\"\n  }\n}\nlocals {\n  a = local.b\n  b = { x = 1, x = 2 }\n}\n",
    )
    .file("other.hcl", "variable \"x\" {\n  type = strng\n  default = )\n}\n");
    assert_snapshot!(fixture.refusal());
}

#[test]
fn texts_with_deceiving_characters() {
    let specs = [
        "# comment \u{202e} reversed\n",
        "cluster \"p\u{200b}\" {\n}\n",
        "clus\u{200b}ter \"p\" {\n}\n",
        "cluster \"p\" {\n  version = \"3.2.32\u{7}\"\n}\n",
        "a\rb\n",
        "cluster\u{a0}\"p\" {\n}\n",
        "\0",
    ];
    let shown: String =
        specs.iter().map(|spec| format!("──── {}\n{}", spec.escape_unicode(), Fixture::new(spec).refusal())).collect();
    assert_snapshot!(shown);
    assert!(!shown.contains(['\u{202e}', '\u{200b}', '\u{7}', '\r']));
}

#[test]
fn files_that_cannot_be_read() {
    let mut shown = String::new();
    shown += &Fixture::empty().refusal();
    shown += &Fixture::new("").refusal();
    shown += &Fixture::new("# nothing yet\n").refusal();
    shown += &Fixture::empty().file("main.hcl", b"cluster \"p\" {\n  # caf\xe9\n}\n").refusal();
    shown += &Fixture::empty().file("main.hcl", vec![b' '; 10 * 1024 * 1024]).refusal();
    let nowhere = super::super::load("/nonexistent".as_ref(), &super::Inputs::default()).unwrap_err();
    shown += &Fixture::empty().render(&nowhere.0);
    assert_snapshot!(shown);
}

#[test]
fn unknown_blocks_and_attributes() {
    let specs = [
        "clutser \"p\" {}\n",
        "module \"m\" {\n  source = \"./x\"\n}\n",
        "resource \"a\" \"b\" {}\n",
        "version = \"3.2.32\"\n",
        "quorate {\n  required_versoin = \">= 0.1\"\n  state \"s3\" {}\n}\nquorate \"x\" {}\n",
    ];
    let mut shown = all(specs, Fixture::new);
    shown += &all(
        [
            "  verison = \"3.2.32\"",
            "  memeber \"m2\" {}",
            "  rollout = {}",
            "  settings {\n  }",
            "  whatever = nonsense",
            "  runtime \"docker\" {}",
            "  connection \"telnet\" {}",
            "  connection {}",
            "  connection \"ssh\" {\n    pasword = \"x\"\n  }\n  connection \"local\" {}",
        ],
        cluster_with,
    );
    assert_snapshot!(shown);
}

#[test]
fn versions_each_with_its_own_message() {
    let specs =
        ["3.2", "v3.2.32", "latest", "03.2.1", "3.2.32-rc.1", "3.2.0.1", "", "3.2.x", "3.2.32\\n", "\\u001b[31m3.2.1"];
    let fixture = |version: &str| {
        Fixture::new(&format!(
            "cluster \"p\" {{\n  version = \"{version}\"\n  member \"m\" {{ address = \"a\" }}\n}}\n"
        ))
    };
    assert_snapshot!(
        all(specs, fixture)
            + &fixture("")
                .file("main.hcl", "cluster \"p\" {\n  version = [3, 2]\n  member \"m\" { address = \"a\" }\n}\n")
                .refusal()
    );
}

#[test]
fn releases_on_the_way() {
    let specs = [
        "\"3.4.23\"",
        "[\"3.4.23\"]",
        "{ \"3.4\" = 3.4 }",
        "{ \"3.4\" = [\"3.4.23\"] }",
        "{ \"3.4\" = \"3.4\" }",
        "{ \"3.4\" = \"3.4.0-rc.1\" }",
        "{ \"3.3\" = \"3.4.23\" }",
        "{ \"3.4.23\" = \"3.4.23\" }",
        "{ \"\\u001b[31m\" = \"3.4.23\" }",
    ];
    assert_snapshot!(all(specs, |via| cluster_with(&format!("via = {via}"))));
}

#[test]
fn required_versions() {
    let fixture = |condition: &str| {
        cluster_with("").file("q.hcl", format!("quorate {{\n  required_version = \"{condition}\"\n}}\n"))
    };
    assert_snapshot!(all(["> 999", "newest", ">= 0.1, < 0.0.1"], fixture));
}

#[test]
fn names_and_addresses() {
    let name = |name: &str| {
        Fixture::new(&format!(
            "cluster \"{name}\" {{\n  version = \"3.2.32\"\n  member \"{name}\" {{ address = \"a\" }}\n}}\n"
        ))
    };
    let address = |address: &str| {
        Fixture::new(&format!(
            "cluster \"p\" {{\n  version = \"3.2.32\"\n  member \"m\" {{ address = \"{address}\" }}\n}}\n"
        ))
    };
    let long = "x".repeat(10_000);
    let mut shown = all(["a;b", "-rf", "../a", "a\\nb", "ä"], name);
    shown += &all(
        ["a;reboot", "-oProxyCommand=x", "10.0.0.1:2379", "http://a", "10.0.0.256", "fe80::1%eth0", "0.0.0.0"],
        address,
    );
    shown += &name(&long).refusal();
    shown += &address(&long).refusal();
    shown += &all(
        [
            "client_url = \"10.0.0.1\"",
            "client_url = \"http://10.0.0.1\"",
            "peer_url = \"http://10.0.0.1:99999\"",
            "peer_url = \"http://u:p@10.0.0.1:2380\"",
            "data_dir = \"../etcd\"",
            "data_dir = \"/var/../etc\"",
            "data_dir = \"/\"",
        ],
        |line| {
            Fixture::new(&format!(
                "cluster \"p\" {{\n  version = \"3.2.32\"\n  member \"m\" {{\n    address = \"a\"\n    {line}\n  }}\n}}\n"
            ))
        },
    );
    assert_snapshot!(shown);
}

#[test]
fn doubles() {
    let mut shown = all(
        [
            "  member \"m1\" { address = \"10.0.0.12\" }",
            "  member \"m2\" { address = \"10.0.0.11\" }",
            "  member \"m2\" {\n    address = \"10.0.0.11\"\n    client_url = \"http://10.0.0.11:3379\"\n    peer_url = \"http://10.0.0.11:3380\"\n  }",
            "  member \"m2\" {\n    address = \"10.0.0.12\"\n    client_url = \"http://10.0.0.12:2380\"\n  }",
            "  version = \"3.2.32\"",
            "  runtime \"systemd\" {}\n  runtime \"systemd\" {}",
            "  member \"m2\" { address = \"10.0.0.12\" }\n  connection \"ssh\" { host = \"alias\" }",
        ],
        cluster_with,
    );
    let twice = "cluster \"p\" {\n  version = \"3.2.32\"\n  member \"m\" { address = \"a\" }\n}\n";
    shown += &Fixture::new(&(twice.to_owned() + twice)).refusal();
    assert_snapshot!(shown);
}

#[test]
fn missing_and_empty() {
    let specs = [
        "cluster \"p\" {}\n",
        "cluster {\n  version = \"3.2.32\"\n  member { address = \"a\" }\n}\n",
        "cluster \"p\" {\n  version = \"3.2.32\"\n  member \"m\" {}\n}\n",
        "cluster \"p\" {\n  version = \"3.2.32\"\n  member \"m\" {\n    for_each = {}\n    address = each.value\n  }\n}\n",
        "cluster \"p\" {\n  version = \"3.2.32\"\n  member \"m\" {\n    for_each = [\"a\"]\n    address = each.value\n  }\n}\n",
        "cluster \"p\" {\n  version = \"3.2.32\"\n  member \"m\" {\n    for_each = { a = 1, b = \"b c\" }\n    name = each.kee\n    address = each.value\n  }\n}\n",
        "cluster \"p\" {\n  version = null\n  member \"m\" { address = each.key }\n}\n",
    ];
    assert_snapshot!(all(specs, Fixture::new));
}

#[test]
fn blocks_with_wrong_values() {
    let specs = [
        "  connection \"ssh\" {\n    port = 70000\n    user = \"-oX\"\n    become = \"root\"\n    host = \"-x\"\n    connect_timeout = \"0s\"\n    identity_file = \"~/.ssh/id\"\n  }",
        "  runtime \"systemd\" {\n    unit = \"etcd@.service\"\n    bin_dir = \"bin\"\n    user = \"a b\"\n    adopt = \"maybe\"\n  }",
        "  runtime \"systemd\" { unit = \"etcd.socket\" }",
        "  runtime \"systemd\" { unit = \"../etcd\" }",
        "  runtime \"process\" {}",
        "  runtime \"process\" { dir = \"run\" }",
        "  release {\n    sha256 = \"abc\"\n  }",
        "  release {\n    url = \"http://m.example/${verson}\"\n  }",
        "  release {\n    url = \"http://m.example/${version}\"\n  }",
        "  release {\n    url = \"https://user:token@m.example/${version}\"\n  }",
        "  release {\n    url = \"ftp://m.example/${version}\"\n    sha256 = { \"3.2\" = \"x\", \"3.2.32-a/b\" = 5 }\n  }",
        "  release {\n    url = \"file://etcd\"\n  }",
        "  client {\n    ca = \"pki/ca.crt\"\n    cert = \"/etc/etcd/client.crt\"\n  }",
        "  client {\n    ca = \"-----BEGIN EC PRIVATE KEY-----\\nx\"\n  }",
        "  client {\n    ca = file(\"none.pem\")\n  }",
        "  rollout {\n    soak = \"10\"\n    hold_before = \"no-retrun\"\n    on_failure = \"panic\"\n    ready_timeout = \"0\"\n    gate_timeout = 5\n    compare_hashes = \"yes\"\n    stop_timeout = \"8d\"\n  }",
        "  backup {\n    to = \"s3://bucket\"\n    keep = 0\n    verify = \"hahs\"\n  }",
        "  backup {\n    keep = 1.5\n    to = \"\"\n  }",
        "  rollback_points {\n    enabled = []\n    max_size = \"lots\"\n  }",
        "  drift {\n    certificates = \"a month\"\n    backup = \"4000d\"\n    compare_hashes = 1\n    backups = \"1d\"\n  }",
    ];
    assert_snapshot!(all(specs, cluster_with));
}

#[test]
fn settings() {
    let specs = [
        "  settings = {\n    name = \"x\"\n    initial-cluster = \"a=b\"\n    force-new-cluster = true\n    QUOTA = 1\n    ETCD_QUOTA_BACKEND_BYTES = 5\n    \"--log-level\" = \"x\"\n  }",
        "  settings = {\n    quota_backend_bytes = 5\n    cors = [\"a,b\"]\n    x = { a = 1 }\n    y = [[1]]\n    z = \"a\\nb\"\n    \"é\" = 1\n  }",
        "  settings = \"x\"",
        "  settings = {\n    a = 1\n    (upper(\"a\")) = 2\n    (\"a\") = 3\n  }",
    ];
    assert_snapshot!(all(specs, cluster_with));
}

#[test]
fn failing_expressions() {
    let specs = [
        "var.none",
        "local.none",
        "upper(1, 2)",
        "uper(\"a\")",
        "frobnicate()",
        "a::b(1)",
        "upper([1])",
        "[1, 2][5]",
        "{ abc = 1 }.abd",
        "\"text\".x",
        "1 / 0",
        "\"a\" + 1",
        "-\"a\"",
        "!5",
        "1 && true",
        "5 ? 1 : 2",
        "sudo",
        "each.key",
        "var",
        "path.home",
        "[for x in 5 : x]",
        "{ for x in [1, 1] : \"k\" => x }",
        "[for x in [1] : y]",
        "\"${[1, 2]} and text\"",
        "{ (null) = 1 }",
        "file(\"none\")",
        "file(\"/dev/zero\")",
        "jsondecode(\"{\")",
        "regex(\"(\", \"a\")",
        "regex(\"b\", \"a\")",
        "format(\"%d\", \"a\")",
        "format(\"%s\")",
        "format(\"a\", 1)",
        "format(\"%99999s\", 1)",
        "range(5000)",
        "tonumber(\"x\")",
        "cidrhost(\"10.0.0.0/30\", 9)",
        "cidrhost(\"10.0.0.0/99\", 1)",
        "base64decode(\"!\")",
        "try(1 / 0)",
        "element([], 0)",
        "lookup({ a = 1 }, \"b\")",
        "170141183460469231731687303715884105727 * 1e300 * 1e300",
        "[1, nope, 2, var.nope]",
        "max([\"a\"]...)",
        "max(5...)",
    ];
    assert_snapshot!(all(specs, setting));
}

#[test]
fn locals_in_circles() {
    let specs = [
        "locals {\n  a = local.a\n}\n",
        "locals {\n  a = local.b + 1\n  b = \"${local.c}\"\n  c = [for x in local.a : x]\n  d = local.a\n}\n",
        "locals {\n  a = 1\n  a = 2\n}\nlocals {\n  a = 3\n}\n",
        "locals \"x\" {\n  block {}\n}\n",
    ];
    assert_snapshot!(all(specs, Fixture::new));
}

#[test]
fn what_follows_from_another_error_is_not_reported() {
    let spec = |inside: &str| {
        format!(
            "variable \"ports\" {{ type = map(number) }}\ncluster \"p\" {{\n  version = \"3.2.32\"\n{inside}\n  runtime \"process\" {{ \
             dir = \"members\" }}\n  member \"all\" {{\n    for_each = var.ports\n    address = \"127.0.0.1\"\n  }}\n}}\n"
        )
    };
    let one = Fixture::new(&spec("  connection \"local\" {}")).var("ports", "[1, 2]");
    assert_eq!(one.errors().len(), 1, "{}", one.refusal());
    let kind = Fixture::new(&spec("  connection \"telnet\" {}")).var("ports", "{ m1 = 1 }");
    assert_eq!(kind.errors().len(), 1, "{}", kind.refusal());
}

#[test]
fn a_host_under_systemd_is_not_told_to_run_two_members() {
    let twice = cluster_with("  member \"m2\" { address = \"10.0.0.11\" }").refusal();
    assert!(twice.contains("runs one member under systemd") && !twice.contains("client_url"), "{twice}");
}

#[test]
fn bounds_of_stalls_that_could_not_be_held() {
    let specs = [
        "  rollout {\n    availability = \"reads\"\n    availability_rate = 0\n    slo {}\n  }",
        "  rollout {\n    availability_rate = 21\n    slo {\n      max_stall = \"0\"\n      max_error_ratio = 1\n    }\n  }",
        "  rollout {\n    slo {\n      max_stall = \"399ms\"\n    }\n  }",
        "  rollout {\n    availability = \"off\"\n    slo {\n      max_stall = \"2s\"\n    }\n  }",
        "  rollout {\n    slo {\n      max_stall = \"1s\"\n    }\n    slo {\n      max_stall = \"2s\"\n    }\n  }",
    ];
    assert_snapshot!(all(specs, cluster_with));
}
