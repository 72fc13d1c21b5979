//! The rules that a spec, and what is given to its variables, are held to. Whoever reports something names one of them:
//! `quorate explain NAME` says the same of each.

use crate::units::{RuleKind, rules};

rules! {
    /// What an error or a warning is about.
    SpecRule of RuleKind::Spec;
    Files: "spec-files",
        "The folder of a spec and its files can be read: one to 256 files that end in .hcl, and the files with values of \
         variables, each a regular file of at most 4 MB in UTF-8.",
        "All of them together are the spec: with one left out, it would say something else.",
        "Name the folder with -chdir; see that its files are there, can be read by this user, and are saved as UTF-8.";
    Syntax: "spec-syntax",
        "A file of a spec is HCL: attributes (name = value) and blocks (name \"label\" { … }), a line each, with every \
         bracket, quote and comment closed.",
        "What cannot be read is not guessed at.",
        "Correct what stands at the place that is shown; `quorate fmt` lays out a file that can be read.";
    Characters: "spec-characters",
        "No file and no value holds characters that cannot be seen, that change the direction of text, or that control a \
         terminal.",
        "With them, what a person reads and approves is not what is done.",
        "Delete the character that is named; where a value needs a line break, write \\n.";
    Limits: "spec-limits",
        "A spec stays within its limits: how deep it is nested, how long an expression or a value is, how much its \
         evaluation takes, how many members one block makes.",
        "No real spec comes near them; without them, a mistake of one line could take all memory.",
        "Make the part that is named smaller; look for a list or text that is multiplied with itself.";
    UnknownSetting: "spec-unknown-setting",
        "Every block and attribute is one that is known where it stands, and every block of a kind that there is.",
        "A setting with a slip of the pen would be ignored, and a default would count in its place.",
        "Correct the name, or move it to the block that it belongs in; docs/reference/spec.md lists all of them.";
    Label: "spec-label",
        "A block has the labels that its kind needs: a name (cluster \"prod\"), a kind (runtime \"systemd\"), or none (locals).",
        "Names and kinds are never made up.",
        "Write the block as the message shows it.";
    UnknownName: "spec-unknown-name",
        "Every name in an expression stands for something: var.NAME, local.NAME, each.key, path.module, a function, a key of \
         a map, an element of a list.",
        "What is not there has no value, and none is made up.",
        "Correct the name, declare it, or put it in quotes where it is meant as text.";
    Missing: "spec-missing",
        "What a spec, a block or a pair of attributes cannot do without is there, and is not null or empty.",
        "There is no default for it that would be right.",
        "Add what is named, as the message shows it.";
    Duplicate: "spec-duplicate",
        "What there is one of is declared once: an attribute or block of a kind in its block, a key in its map, the name of \
         a cluster, member, variable or local.",
        "Of two that differ, one would be ignored without a word.",
        "Keep one of the two, or give the second another name.";
    Type: "spec-type",
        "A value is of the type that is needed where it stands: a string, a number, true or false, a list, a map.",
        "Only what cannot be misread is converted: numbers and truth values to text, and back.",
        "Write a value of the type that is named; tostring(), tonumber(), tolist(), toset() and tomap() convert.";
    Value: "spec-value",
        "A value is one that its attribute can have: a release, a URL, a path, a digest, an address, a span of time, one of \
         a few words, an option that etcd has and that quorate does not set itself.",
        "What would fail in the middle of a run is found before it.",
        "Write what the message asks for; docs/reference/spec.md says what each attribute takes.";
    Name: "spec-name",
        "The name of a cluster, member, unit or account holds only characters that such a name may have.",
        "Names become parts of paths, units and arguments on hosts.",
        "Use letters, digits, \"-\" and \"_\", starting with a letter; a unit may have \".\", \"@\" and \":\" as well.";
    Hosts: "spec-hosts",
        "No two members share an address, or a unit on one host, and none has one port for clients and for peers.",
        "One would take the other's place, or not start.",
        "Give each member a host, or an address and ports, of its own.";
    Secret: "spec-secret",
        "A sensitive value stands only where it is neither shown nor stored: certificates, key, password of a `client` block.",
        "Everything else of a spec is written into plans and journals, and may be shown in messages.",
        "Take the sensitive value out there, or declare the variable without sensitive = true if it is no secret.";
    Expression: "spec-expression",
        "An expression can be evaluated: functions get arguments that they can work with, numbers stay in range, nothing is \
         divided by zero, no locals need each other in a circle.",
        "An expression without a value leaves the attribute without one.",
        "Correct it; try(EXPRESSION, DEFAULT) gives a value where one may fail.";
    Release: "spec-release",
        "What a `release` block fetches is vouched for, and is the release that was asked for.",
        "Over plain http anybody on the way can change what arrives, and a URL that never changes serves one release only.",
        "Use https or pin sha256, and write ${version} and ${arch} into the URL.";
    NoEffect: "spec-no-effect",
        "What is declared has an effect beside the rest of the spec.",
        "Whoever wrote it counts on something that would not happen.",
        "Take it out, or change what keeps it from having an effect.";
    RequiredVersion: "spec-required-version",
        "This quorate is one that `required_version` of the quorate block allows.",
        "Another one may read the spec differently, or not know all of it.",
        "Use a quorate that it allows, or change required_version.";
    VariableType: "variable-type",
        "The type of a variable is written as a type: string, number, bool, any, list(T), set(T), map(T), object({ NAME = T }), \
         tuple([T]), with optional(T) for attributes of objects.",
        "Values are held against it, and converted to it.",
        "Write the type without quotes, with what it consists of in parentheses.";
    VariableNotSet: "variable-not-set",
        "Every variable has a value: a default, or one that was given.",
        "What it stands for cannot be guessed.",
        "Set it with -var NAME=VALUE, QUORATE_VAR_NAME in the environment, or a file that ends in .auto.hclvars or is named with \
         -var-file; or give it a default.";
    VariableValue: "variable-value",
        "What is given to a variable is of its type, and written out: no names, functions or operators.",
        "A value comes from outside of the spec, where nothing else is known; what could fail could also show a part of a \
         secret.",
        "Write a value as in a spec, such as [\"a\", \"b\"] or { key = \"value\" }; use locals for what is computed.";
    VariableUndeclared: "variable-undeclared",
        "A value is given only to a variable that the spec declares.",
        "A value under a name with a slip of the pen would have no effect, and a default would count in its place.",
        "Correct the name, or declare it: variable \"NAME\" { }.";
    VariableCondition: "variable-condition",
        "The value of a variable fulfils the conditions of its `validation` blocks.",
        "Whoever wrote the spec said which values it is for; the message is theirs.",
        "Give another value, or change the condition.";
    VariableFile: "variable-file",
        "A file with values of variables holds lines such as name = value; one that ends in .json holds one JSON object.",
        "It gives values, and declares nothing.",
        "Correct the file; blocks belong into a file that ends in .hcl.";
    Internal: "spec-internal",
        "A spec is read, or refused for a reason that is in the spec.",
        "Here neither happened: it is a mistake in quorate, or this machine has no room for another thread.",
        "Run it again; if it stays so, please report it, with the spec.";
}
