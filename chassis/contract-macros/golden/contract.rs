/// Counts.
#[async_trait]
pub trait CountersApi: Send + Sync + 'static {
    /// One counter.
    async fn counter(
        &self,
        cx: &mut CallContext,
        id: CounterId,
        at: Option<Timestamp>,
    ) -> Result<Counter, CountersError>;
    /// Adds to a counter.
    async fn add(
        &self,
        cx: &mut CallContext,
        id: CounterId,
        amount: u32,
    ) -> Result<(), CountersError>;
}
impl ::offshoot_contract::Contract for dyn CountersApi {
    const NAME: &'static str = "counters";
    const VERSION: ::offshoot_contract::Version = ::offshoot_contract::Version {
        major: 1u32,
        minor: 0u32,
    };
    const DOC: &'static str = "Counts.";
    type Events = ::offshoot_contract::NoEvents;
    fn visit_methods<V: ::offshoot_contract::MethodVisitor<Self>>(visitor: &mut V) {
        visitor.visit_method::<counters_api_methods::CounterMethod>();
        visitor.visit_method::<counters_api_methods::AddMethod>();
    }
    fn new_proxy(
        invoke: impl ::offshoot_contract::Invoke<Self>,
    ) -> ::std::sync::Arc<Self> {
        ::std::sync::Arc::new(::offshoot_contract::ContractProxy(invoke))
    }
}
#[async_trait]
impl<I: ::offshoot_contract::Invoke<dyn CountersApi>> CountersApi
for ::offshoot_contract::ContractProxy<I> {
    async fn counter(
        &self,
        cx: &mut ::offshoot_contract::CallContext,
        id: CounterId,
        at: Option<Timestamp>,
    ) -> ::std::result::Result<Counter, CountersError> {
        let args = ::offshoot_contract::Args {
            params: counters_api_methods::CounterParams {
                id,
                at,
            },
            body: ::offshoot_contract::NoBody {},
        };
        ::offshoot_contract::Invoke::invoke::<
            counters_api_methods::CounterMethod,
        >(&self.0, cx, args)
            .await
    }
    async fn add(
        &self,
        cx: &mut ::offshoot_contract::CallContext,
        id: CounterId,
        amount: u32,
    ) -> ::std::result::Result<(), CountersError> {
        let args = ::offshoot_contract::Args {
            params: counters_api_methods::AddParams {
                id,
            },
            body: counters_api_methods::AddBody {
                amount,
            },
        };
        ::offshoot_contract::Invoke::invoke::<
            counters_api_methods::AddMethod,
        >(&self.0, cx, args)
            .await
    }
}
/// Routes the calls of [`CountersApi`]: decides for each call where the call runs.
pub type CountersSwitch = ::offshoot_contract::Switch<dyn CountersApi>;
/// The methods of [`CountersApi`] as types.
pub mod counters_api_methods {
    use super::*;
    /// Path and query parameters of `counter`.
    #[derive(
        Debug,
        Clone,
        PartialEq,
        ::offshoot_contract::generated::serde::Serialize,
        ::offshoot_contract::generated::serde::Deserialize,
        ::offshoot_contract::generated::schemars::JsonSchema,
    )]
    #[serde(crate = "::offshoot_contract::generated::serde", deny_unknown_fields)]
    #[schemars(crate = "::offshoot_contract::generated::schemars")]
    pub struct CounterParams {
        /// Parameter `id`.
        pub id: CounterId,
        /// Parameter `at`.
        #[serde(default, skip_serializing_if = "::std::option::Option::is_none")]
        pub at: Option<Timestamp>,
    }
    /// [`CountersApi::counter`].
    #[derive(Debug)]
    pub struct CounterMethod;
    impl ::offshoot_contract::WireMethod for CounterMethod {
        type Params = CounterParams;
        type Body = ::offshoot_contract::NoBody;
        type Answer = Counter;
        type Error = CountersError;
    }
    impl ::offshoot_contract::Method for CounterMethod {
        type Api = dyn CountersApi;
        const SPEC: ::offshoot_contract::MethodSpec = ::offshoot_contract::MethodSpec {
            doc: "One counter.",
            module: "counters",
            major: 1u32,
            name: "counter",
            verb: ::offshoot_contract::Verb::Get,
            path: "/counters/{id}",
            class: ::offshoot_contract::Class::Safe,
            key: ::std::option::Option::Some("id"),
            stale_ok: true,
            max_bytes: ::offshoot_contract::MethodSpec::DEFAULT_MAX_BYTES,
            timeout: ::std::time::Duration::from_millis(
                ::offshoot_contract::MethodSpec::DEFAULT_TIMEOUT_MS,
            ),
            has_body: false,
        };
        const INDEX: usize = 0usize;
        fn key_hash(
            args: &::offshoot_contract::ArgsOf<Self>,
            salt: u64,
        ) -> ::std::option::Option<u64> {
            ::offshoot_contract::generated::key_hash(&args.params.id, salt)
        }
        fn call<'a>(
            api: &'a dyn CountersApi,
            cx: &'a mut ::offshoot_contract::CallContext,
            args: ::offshoot_contract::ArgsOf<Self>,
        ) -> ::offshoot_contract::generated::BoxFuture<
            'a,
            ::std::result::Result<Counter, CountersError>,
        > {
            api.counter(cx, args.params.id, args.params.at)
        }
    }
    const _: () = {
        ::offshoot_contract::generated::assert_scalar::<CounterId>();
        ::offshoot_contract::generated::assert_scalar::<Option<Timestamp>>();
        ::offshoot_contract::generated::assert_wire_value::<Counter>();
    };
    /// Path and query parameters of `add`.
    #[derive(
        Debug,
        Clone,
        PartialEq,
        ::offshoot_contract::generated::serde::Serialize,
        ::offshoot_contract::generated::serde::Deserialize,
        ::offshoot_contract::generated::schemars::JsonSchema,
    )]
    #[serde(crate = "::offshoot_contract::generated::serde", deny_unknown_fields)]
    #[schemars(crate = "::offshoot_contract::generated::schemars")]
    pub struct AddParams {
        /// Parameter `id`.
        pub id: CounterId,
    }
    /// JSON body of `add`.
    #[derive(
        Debug,
        Clone,
        PartialEq,
        ::offshoot_contract::generated::serde::Serialize,
        ::offshoot_contract::generated::serde::Deserialize,
        ::offshoot_contract::generated::schemars::JsonSchema,
    )]
    #[serde(crate = "::offshoot_contract::generated::serde", deny_unknown_fields)]
    #[schemars(crate = "::offshoot_contract::generated::schemars")]
    pub struct AddBody {
        /// Parameter `amount`.
        #[schemars(range(min = 1))]
        pub amount: u32,
    }
    /// [`CountersApi::add`].
    #[derive(Debug)]
    pub struct AddMethod;
    impl ::offshoot_contract::WireMethod for AddMethod {
        type Params = AddParams;
        type Body = AddBody;
        type Answer = ();
        type Error = CountersError;
    }
    impl ::offshoot_contract::Method for AddMethod {
        type Api = dyn CountersApi;
        const SPEC: ::offshoot_contract::MethodSpec = ::offshoot_contract::MethodSpec {
            doc: "Adds to a counter.",
            module: "counters",
            major: 1u32,
            name: "add",
            verb: ::offshoot_contract::Verb::Post,
            path: "/counters/{id}/additions",
            class: ::offshoot_contract::Class::Unsafe,
            key: ::std::option::Option::Some("id"),
            stale_ok: false,
            max_bytes: 1024,
            timeout: ::std::time::Duration::from_millis(500u64),
            has_body: true,
        };
        const INDEX: usize = 1usize;
        fn key_hash(
            args: &::offshoot_contract::ArgsOf<Self>,
            salt: u64,
        ) -> ::std::option::Option<u64> {
            ::offshoot_contract::generated::key_hash(&args.params.id, salt)
        }
        fn call<'a>(
            api: &'a dyn CountersApi,
            cx: &'a mut ::offshoot_contract::CallContext,
            args: ::offshoot_contract::ArgsOf<Self>,
        ) -> ::offshoot_contract::generated::BoxFuture<
            'a,
            ::std::result::Result<(), CountersError>,
        > {
            api.add(cx, args.params.id, args.body.amount)
        }
    }
    const _: () = {
        ::offshoot_contract::generated::assert_scalar::<CounterId>();
        ::offshoot_contract::generated::assert_wire_value::<u32>();
        ::offshoot_contract::generated::assert_wire_value::<()>();
    };
}
