//! Long options with one dash, as in Terraform: `-auto-approve` and `--auto-approve` are the same.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// Gives a second dash to each `-name` and `-name=value` of more than one letter, up to a `--`.
///
/// Single letters (`-h`), negative numbers, a lone `-` and what has two dashes already stay as they are. Arguments
/// need not be UTF-8.
pub fn with_double_dashes(argv: Vec<OsString>) -> Vec<OsString> {
    let mut only_values = false;
    argv.into_iter()
        .enumerate()
        .map(|(place, arg)| {
            only_values |= place > 0 && arg == "--";
            if place == 0 || only_values || !is_long_with_one_dash(arg.as_bytes()) {
                return arg;
            }
            let mut bytes = vec![b'-'];
            bytes.extend_from_slice(arg.as_bytes());
            OsString::from_vec(bytes)
        })
        .collect()
}

fn is_long_with_one_dash(arg: &[u8]) -> bool {
    let [b'-', first, rest @ ..] = arg else { return false };
    first.is_ascii_alphabetic() && !rest.is_empty() && rest[0] != b'='
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(args: &[&str]) -> Vec<String> {
        let argv = std::iter::once("-quorate").chain(args.iter().copied()).map(OsString::from).collect();
        with_double_dashes(argv).into_iter().skip(1).map(|arg| arg.into_string().unwrap()).collect()
    }

    #[test]
    fn one_dash_is_as_good_as_two() {
        assert_eq!(
            changed(&["-chdir=prod", "plan", "-out", "p", "--json", "-var", "a=-b", "-var=c=d"]),
            ["--chdir=prod", "plan", "--out", "p", "--json", "--var", "a=-b", "--var=c=d"]
        );
    }

    #[test]
    fn the_rest_stays_as_it_is() {
        for same in ["-h", "-", "-5", "-12", "--", "-=x", "-h=1", "", "plan", "--x-y", "-_x"] {
            assert_eq!(changed(&[same]), [same]);
        }
    }

    #[test]
    fn after_two_dashes_everything_is_a_value() {
        assert_eq!(changed(&["show", "--", "-json"]), ["show", "--", "-json"]);
    }

    #[test]
    fn arguments_that_are_not_text_pass_through() {
        let odd = OsString::from_vec(vec![b'-', b'v', b'a', b'r', b'=', 0xff]);
        let result = with_double_dashes(vec!["quorate".into(), odd]);
        assert_eq!(result[1].as_bytes(), b"--var=\xff");
    }
}
