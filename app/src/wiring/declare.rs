//! `modules!` and `origins!`: make the wiring of all modules from one line each. Names no module.
//!
//! Written out by hand, each line would be a field of [`Wired`](super::Wired), an entry in each list, and a call of
//! `Host::place` that passes the callees to the module's `start`.

/// Declares modules, callees before callers: name, contract, feature of the implementation, feature of the stub, callees
/// in the order of the parameters of `start`, and publishers of the events that the module handles.
macro_rules! modules {
    ($($module:ident: $api:path, $implementation:literal, $stub:literal
        $(, calls [$($callee:ident),*])? $(, subscribes_to [$($publisher:ident),*])?;)*) => {
        /// The contracts of all modules, as this process calls them. A module that is off is `None`.
        #[derive(Default)]
        #[expect(missing_docs, reason = "each contract documents its module")]
        pub struct Wired {
            $(#[cfg(feature = $stub)] pub $module: Option<Arc<dyn $api>>,)*
            /// The modules that run here or are called from here, callees before callers.
            pub hosted: Vec<HostedModule>,
            /// Background work of the modules that run here, for the process that serves them.
            pub jobs: Vec<Job>,
            /// Id of this process, in identities and in heartbeats.
            pub instance: Uuid,
        }

        impl Wired {
            /// Whether this process can call the module: the module runs here, or an address is known.
            #[must_use]
            pub fn is_callable(&self, module: &str) -> bool {
                match module {
                    $(#[cfg(feature = $stub)] stringify!($module) => self.$module.is_some(),)*
                    _ => false,
                }
            }

            /// The contracts of all modules that are not off.
            #[must_use]
            pub fn contracts(&self) -> Contracts {
                let mut contracts = Contracts::default();
                $(
                    #[cfg(feature = $stub)]
                    if let Some(api) = &self.$module {
                        contracts.insert(Arc::clone(api));
                    }
                )*
                contracts
            }
        }

        /// Every module of the store with its edges to others, whether part of this binary or not; callees before
        /// callers.
        pub const DECLARATIONS: &[Declaration] = &[$(Declaration {
            name: stringify!($module),
            calls: &[$($(stringify!($callee)),*)?],
            subscribes_to: &[$($(stringify!($publisher)),*)?],
            declared_at: concat!(file!(), ":", line!()),
        }),*];

        /// Feature of each implementation, and whether the implementation is part of this binary.
        const BUILT: &[(&str, bool)] = &[$(($implementation, cfg!(feature = $implementation))),*];

        /// The modules whose implementation is part of this binary, callees before callers.
        #[must_use]
        pub fn implementations() -> Vec<&'static Module> {
            vec![$(#[cfg(feature = $implementation)] &::$module::MODULE,)*]
        }

        /// The contracts of all modules that this binary runs or calls.
        #[must_use]
        pub fn descriptions() -> Vec<ContractDescription> {
            vec![$(#[cfg(feature = $stub)] describe::<dyn $api>(),)*]
        }

        /// Places every module as the options say.
        pub async fn connect(options: HostOptions) -> anyhow::Result<Wired> {
            require_agreement()?;
            let mut host = Host::new(options);
            let mut wired = Wired { instance: host.instance(), ..Wired::default() };
            $(
                #[cfg(feature = $implementation)]
                {
                    let name = stringify!($module);
                    let callers = callers_of(name);
                    let placed = host.place::<dyn $api>(&::$module::MODULE, declaration(name), &callers, |runtime| {
                        ::$module::start(runtime $($(, required(&wired.$callee, name)?)*)?)
                    });
                    // Boxed, so that this function's state is one pointer per module.
                    wired.$module = Box::pin(placed).await?;
                }
                #[cfg(all(feature = $stub, not(feature = $implementation)))]
                {
                    wired.$module = host.call()?;
                }
            )*
            (wired.hosted, wired.jobs) = host.finish()?;
            Ok(wired)
        }
    };
}

/// Declares the callers that are not modules: name, and the modules that the caller calls.
macro_rules! origins {
    ($($origin:ident: calls [$($callee:ident),*];)*) => {
        /// Callers that are not modules: the public API, and the tools of the command line.
        pub const ORIGINS: &[Declaration] = &[$(Declaration {
            name: stringify!($origin),
            calls: &[$(stringify!($callee)),*],
            subscribes_to: &[],
            declared_at: concat!(file!(), ":", line!()),
        }),*];
    };
}
