//! Which cluster is meant.

use crate::units::ClusterName;

/// Below this, two names are not alike enough to ask "did you mean".
const ALIKE: f64 = 0.7;

/// The one that was named; or the only one there is. Else says which there are.
pub fn choose_cluster<'a>(declared: &'a [ClusterName], wanted: Option<&str>) -> Result<&'a ClusterName, String> {
    let all = || declared.iter().map(ClusterName::as_str).collect::<Vec<_>>().join(", ");
    let Some(wanted) = wanted else {
        return match declared {
            [] => Err("the spec declares no cluster".to_owned()),
            [only] => Ok(only),
            several => Err(format!(
                "the spec declares {} clusters and none was named: say which with -cluster=NAME ({})",
                several.len(),
                all()
            )),
        };
    };
    if let Some(found) = declared.iter().find(|name| name.as_str() == wanted) {
        return Ok(found);
    }
    let closest = declared
        .iter()
        .map(|name| (strsim::jaro_winkler(name.as_str(), wanted), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness >= ALIKE);
    let hint = closest.map(|(_, name)| format!("; did you mean \"{name}\"?")).unwrap_or_default();
    Err(format!("-cluster=\"{wanted}\": the spec declares no such cluster, only: {}{hint}", all()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<ClusterName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn the_only_one_needs_no_name() {
        let one = names(&["prod"]);
        assert_eq!(choose_cluster(&one, None), Ok(&one[0]));
        assert_eq!(choose_cluster(&one, Some("prod")), Ok(&one[0]));
    }

    #[test]
    fn of_two_one_must_be_named() {
        let two = names(&["prod", "staging"]);
        assert_eq!(choose_cluster(&two, Some("staging")), Ok(&two[1]));
        let error = choose_cluster(&two, None).unwrap_err();
        assert!(error.contains("2 clusters") && error.contains("prod, staging"), "{error}");
    }

    #[test]
    fn a_name_that_is_nearly_right_gets_a_hint() {
        let two = names(&["prod", "staging"]);
        assert!(choose_cluster(&two, Some("stagin")).unwrap_err().contains("did you mean \"staging\"?"));
        assert!(!choose_cluster(&two, Some("xyz")).unwrap_err().contains("did you mean"));
        assert!(choose_cluster(&[], None).unwrap_err().contains("no cluster"));
    }
}
