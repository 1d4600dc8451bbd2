impl ::offshoot_contract::EventSet for CountersEvent {
    const MODULE: &'static str = "counters";
    const SPECS: &'static [::offshoot_contract::EventSpec] = &[
        ::offshoot_contract::EventSpec {
            name: "counted",
            version: 1u32,
            key: "id",
            lasting: false,
            doc: "A counter was added to.",
        },
    ];
    fn spec(&self) -> &'static ::offshoot_contract::EventSpec {
        match self {
            Self::Counted(_) => &Self::SPECS[0usize],
        }
    }
    fn key(&self) -> ::std::string::String {
        match self {
            Self::Counted(event) => {
                ::offshoot_contract::generated::key_text(&event.id).unwrap_or_default()
            }
        }
    }
    fn payload(
        &self,
    ) -> ::std::result::Result<
        ::std::string::String,
        ::offshoot_contract::generated::serde_json::Error,
    > {
        match self {
            Self::Counted(event) => {
                ::offshoot_contract::generated::serde_json::to_string(event)
            }
        }
    }
    fn decode(
        name: &str,
        version: u32,
        payload: &str,
    ) -> ::std::result::Result<Self, ::offshoot_contract::UnreadableEvent> {
        match (name, version) {
            ("counted", 1u32) => {
                ::offshoot_contract::generated::decode_payload(name, payload)
                    .map(Self::Counted)
            }
            _ => {
                ::std::result::Result::Err(
                    ::offshoot_contract::generated::unknown_event::<Self>(name, version),
                )
            }
        }
    }
    fn descriptions(
        generator: &mut ::offshoot_contract::generated::schemars::SchemaGenerator,
    ) -> ::std::vec::Vec<::offshoot_contract::EventDescription> {
        ::std::vec![
            ::offshoot_contract::EventDescription::from_spec:: < Counter > (&
            Self::SPECS[0usize], generator)
        ]
    }
}
