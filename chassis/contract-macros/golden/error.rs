impl ::offshoot_contract::ContractError for CountersError {
    fn descriptions() -> ::std::vec::Vec<::offshoot_contract::ErrorDescription> {
        ::std::vec![
            ::offshoot_contract::ErrorDescription::new("UnknownCounter", 404u16,
            "unknown-counter", "No counter has this id.").with_field:: < CounterId >
            ("id"), ::offshoot_contract::ErrorDescription::new("Full", 409u16, "full",
            "")
        ]
    }
    fn variant(&self) -> ::std::option::Option<&'static str> {
        match self {
            Self::UnknownCounter { .. } => ::std::option::Option::Some("UnknownCounter"),
            Self::Full { .. } => ::std::option::Option::Some("Full"),
            Self::Call(_) => ::std::option::Option::None,
        }
    }
    fn failure(&self) -> ::std::option::Option<&::offshoot_contract::CallFailure> {
        match self {
            Self::Call(failure) => ::std::option::Option::Some(failure),
            _ => ::std::option::Option::None,
        }
    }
    fn to_problem(
        &self,
    ) -> ::std::result::Result<
        ::offshoot_contract::Problem,
        &::offshoot_contract::CallFailure,
    > {
        match self {
            Self::UnknownCounter { id } => {
                ::std::result::Result::Ok(
                    ::offshoot_contract::Problem::new(
                            404u16,
                            "unknown-counter",
                            ::std::string::ToString::to_string(self),
                        )
                        .with_field("id", id),
                )
            }
            Self::Full {} => {
                ::std::result::Result::Ok(
                    ::offshoot_contract::Problem::new(
                        409u16,
                        "full",
                        ::std::string::ToString::to_string(self),
                    ),
                )
            }
            Self::Call(failure) => ::std::result::Result::Err(failure),
        }
    }
    fn from_problem(
        problem: &::offshoot_contract::Problem,
    ) -> ::std::option::Option<Self> {
        match problem.code.as_str() {
            "unknown-counter" => {
                ::std::option::Option::Some(Self::UnknownCounter {
                    id: problem.field("id")?,
                })
            }
            "full" => ::std::option::Option::Some(Self::Full {}),
            _ => ::std::option::Option::None,
        }
    }
    fn into_failure(
        self,
    ) -> ::std::result::Result<::offshoot_contract::CallFailure, Self> {
        match self {
            Self::Call(failure) => ::std::result::Result::Ok(failure),
            domain_error => ::std::result::Result::Err(domain_error),
        }
    }
}
