//! `fmt`: what it makes of a text, and that doing it twice changes nothing.

use insta::assert_snapshot;

use super::super::format;
use super::Fixture;

const UNTIDY: &str = "# head\nquorate{\nrequired_version=\">= 0.1\"\n\n  state \"local\"{path=\"x\"}\n}\n\n\nvariable   \"v\"  {\n      type=list(object({a=string,b=optional(number,1)}))   # types\n  default=[]  // none\n}\nlocals {\n  short=1 # one\n  much_longer = [for   k,v in var.v:v.a if v.b!=- 1&&!false] /* two */\n\n  multi = {\n  a=1\n     \"b c\"  =  2, c:3\n  (\"d\")=4\n  }\n  after=-1\n  call = merge({a=1},\n{b=2},\n    [1,2]...)\n  text = <<-EOT\n      kept   as ${ upper( \"x\" ) }\n    EOT\n  next=\"a${1+1}b\"\n  splat = var.v[*] . a\n  other=var.v.*.a [ 0 ]\n  cond = true?1:2\n}\ncluster \"p\" {\nversion=var.v\n     member \"m1\" {address=\"a\"}\n  settings = {quota-backend-bytes=8*1024*1024*1024}\n}\n   \n\n";

#[test]
fn an_untidy_text_becomes_a_tidy_one() {
    assert_snapshot!(format(UNTIDY).unwrap());
}

#[test]
fn twice_is_as_once() {
    let once = format(UNTIDY).unwrap();
    assert_eq!(format(&once).unwrap(), once);
}

#[test]
fn comments_line_ends_and_empty_texts_are_kept() {
    assert_eq!(format("").unwrap(), "");
    assert_eq!(format("\n\n").unwrap(), "");
    assert_eq!(format("# only\n").unwrap(), "# only\n");
    assert_eq!(format("a=1\r\nbb=2").unwrap(), "a  = 1\r\nbb = 2\r\n");
    assert_eq!(format("/* one\n   two */ a=1\n").unwrap(), "/* one\n   two */ a = 1\n");
}

#[test]
fn a_text_that_does_not_parse_is_refused_with_its_place() {
    let error = format("a = [1\n").unwrap_err();
    assert_eq!(error.place.as_ref().map(|place| (place.line, place.column)), Some((1, 5)));
    assert_snapshot!(Fixture::empty().render(&[error]));
}
