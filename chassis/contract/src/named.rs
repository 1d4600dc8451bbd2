//! Enums whose variants have one name in requests, responses, events and tables.

/// An enum declared with [`named!`](crate::named).
pub trait Named: Copy + Send + Sync + 'static {
    /// All variants.
    const ALL: &'static [Self];

    /// Name of the variant.
    fn name(self) -> &'static str;

    /// The variant with this name.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|variant| variant.name() == name)
    }
}

/// Declares an enum without fields whose variants have names: the names in JSON, and the stored names.
///
/// The enum is written as usual, with a name for each variant. It needs the derived traits of serde.
///
/// ```
/// use offshoot_contract::Named as _;
///
/// offshoot_contract::named! {
///     /// State of a signal.
///     #[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
///     pub enum Signal {
///         /// Trains may pass.
///         Clear = "clear",
///         /// Trains must stop.
///         AtDanger = "at-danger",
///     }
/// }
///
/// assert_eq!(Signal::AtDanger.as_str(), "at-danger");
/// assert_eq!(Signal::from_name("clear"), Some(Signal::Clear));
/// assert_eq!(Signal::from_name("green"), None);
/// assert_eq!(serde_json::to_value(Signal::AtDanger).unwrap(), "at-danger");
/// ```
#[macro_export]
macro_rules! named {
    (
        $(#[$meta:meta])*
        $vis:vis enum $enum:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $name:tt),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis enum $enum {
            $($(#[$variant_meta])* #[serde(rename = $name)] $variant,)+
        }

        impl $enum {
            /// Name in requests, responses, events and tables.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $($enum::$variant => $name,)+
                }
            }
        }

        impl $crate::Named for $enum {
            const ALL: &'static [Self] = &[$($enum::$variant),+];

            fn name(self) -> &'static str {
                self.as_str()
            }
        }

        impl ::core::fmt::Display for $enum {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
