//! A rule under a name that stays. Which rules there are, each room says itself: those that errors name with [`rules!`].

use serde::Serialize;

/// A rule or a gate. `quorate explain NAME` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub name: &'static str,
    pub kind: RuleKind,
    /// What holds, or what a warning says.
    pub what: &'static str,
    pub why: &'static str,
    /// What to do; empty where there is nothing.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub fix: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleKind {
    /// Of a plan: it refuses, warns, or is passed.
    Check,
    /// Of a run: it is waited for, within a bound.
    Gate,
    /// Of `drift` and `status` alone.
    Drift,
    /// Of a spec and what is given to its variables.
    Spec,
    /// Of a command that could not do what was asked.
    Command,
}

/// An enum of rules, and what is said of each, in one place: none can be without words. Gives the enum, its `name()`, and
/// `RULES`, what `explain` says of each.
macro_rules! rules {
    (
        $(#[$doc:meta])* $list:ident of $kind:expr;
        $($variant:ident: $name:literal, $what:literal, $why:literal, $fix:literal;)+
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $list {
            $(#[doc = $what] $variant,)+
        }

        impl $list {
            /// All of them, in the order of [`RULES`].
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name that stays, for `quorate explain`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl serde::Serialize for $list {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        /// What `explain` says of each.
        pub const RULES: &[$crate::units::Rule] = &[
            $($crate::units::Rule { name: $name, kind: $kind, what: $what, why: $why, fix: $fix },)+
        ];
    };
}

pub(crate) use rules;
