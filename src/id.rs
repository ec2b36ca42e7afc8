//! Identities: newtypes over BLAKE3 digests that can never be mistaken for one another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not an identity of the expected form (`b3:` and 64 hexadecimal digits).
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an identity: expected `b3:` and 64 hexadecimal digits")]
pub struct ParseIdError(pub String);

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// Identifies `bytes`.
            #[must_use]
            pub fn of(bytes: &[u8]) -> Self {
                Self(*blake3::hash(bytes).as_bytes())
            }

            /// The raw digest, 32 bytes.
            #[must_use]
            pub const fn bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The 64 hexadecimal digits without the `b3:` prefix, as used in file names.
            #[must_use]
            pub fn hex(&self) -> String {
                blake3::Hash::from_bytes(self.0).to_hex().to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "b3:{}", blake3::Hash::from_bytes(self.0).to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &self.hex()[..12])
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let hex = text.strip_prefix("b3:").unwrap_or(text);
                blake3::Hash::from_hex(hex)
                    .map(|hash| Self(*hash.as_bytes()))
                    .map_err(|_| ParseIdError(text.to_owned()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

identity! {
    /// Identifies bytes: an image, a stored table, a model file. Written `b3:` + hex, so that no spreadsheet reads it as a number.
    ContentId
}
identity! {
    /// Identifies the recipe of one computed row: kind, revision, the parameters that touch the row, one model, numerics epoch.
    RowKey
}
identity! {
    /// Identifies the work of a step: kind, revision, all canonical parameters, its row keys.
    RecipeKey
}
identity! {
    /// Identifies one result: a recipe and the contents of its inputs.
    ResultKey
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_survives_its_text_form() {
        let id = ContentId::of(b"vole");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("b3:"));
    }

    #[test]
    fn a_short_text_is_refused_with_the_expected_form() {
        let error = "b3:12e45".parse::<ContentId>().unwrap_err();
        assert_eq!(error.to_string(), "`b3:12e45` is not an identity: expected `b3:` and 64 hexadecimal digits");
    }
}
