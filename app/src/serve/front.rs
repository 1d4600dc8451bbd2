//! The public surface of a process, if the process can call every module that the public API needs.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use offshoot_host::HostedModule;
use offshoot_import::online_retail::Modules;
use offshoot_import::sample;
use offshoot_public_api::{self as public_api, ModuleInfo, PublicApi};
use offshoot_rest::Operators;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::config::{ModulePlacement, Sample, Settings};
use crate::serve::health::Health;
use crate::serve::reload::ReloadedFiles;
use crate::topology::public_modules;
use crate::wiring::{self, Wired};

/// Routes for shoppers.
pub(super) struct Front {
    public: Option<PublicApi>,
    importable: Option<Modules>,
}

impl Front {
    /// Fails if the public API or the importer calls a module without declaring so.
    pub(super) fn new(
        modules: &Wired,
        settings: &Settings,
        operators: &Arc<Operators>,
        files: &mut ReloadedFiles,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            public: public_side(modules, settings, operators, files)?,
            importable: importable(modules)?,
        })
    }

    /// Whether the process will have a public surface, before any module is opened.
    pub(super) fn is_wanted(settings: &Settings) -> bool {
        let is_known = |name: &&str| {
            let module = settings.modules.get(*name);
            module.is_some_and(|module| {
                module.placement != ModulePlacement::Off && (wiring::is_built(name) || !module.urls.is_empty())
            })
        };
        public_modules().iter().all(is_known)
    }

    fn is_open(&self) -> bool {
        self.public.is_some()
    }

    pub(super) fn routes(&self, url: &str, health: &Arc<Health>) -> Router {
        let health = Arc::clone(health);
        let modules = move || health.modules().iter().map(start_page_entry).collect();
        let home = public_api::home(url, self.is_open(), modules);
        match &self.public {
            Some(public) => home.merge(public_api::router(public.clone())),
            None => home,
        }
    }

    /// Loads the sample if wanted, and prints commands to try.
    pub(super) async fn fill(&self, settings: &Settings, url: &str) -> anyhow::Result<()> {
        if !self.is_open() {
            return Ok(());
        }
        if let Some(modules) = self.importable.as_ref().filter(|_| wants_sample(settings)) {
            sample::load_if_empty(&settings.data_dir, modules).await?;
        }
        eprintln!("\nTry:\n{}", public_api::examples(url));
        Ok(())
    }
}

/// A module as the start page shows it. Strangers may read the page, so it names no address.
fn start_page_entry(module: &HostedModule) -> ModuleInfo {
    ModuleInfo {
        name: module.name.to_owned(),
        placement: module.control.placement().as_str().to_owned(),
    }
}

/// Whether an empty catalog gets the sample. By default only if the catalog's data is in the data directory.
fn wants_sample(settings: &Settings) -> bool {
    let catalog = settings.modules.get("catalog");
    let is_embedded =
        catalog.is_some_and(|catalog| catalog.placement.is_here()) && settings.database_of("catalog").is_none();
    match settings.sample {
        Sample::Yes => true,
        Sample::No => false,
        Sample::Auto => is_embedded,
    }
}

/// The public API; `None` if a module that it needs is off here. Fails if the operations and the declaration of `public`
/// disagree.
pub fn public_side(
    modules: &Wired,
    settings: &Settings,
    operators: &Arc<Operators>,
    files: &mut ReloadedFiles,
) -> anyhow::Result<Option<PublicApi>> {
    let called = public_api::calls()
        .into_iter()
        .flat_map(|(_, callees)| callees)
        .collect();
    wiring::origin("public")?.require_calls(&called)?;
    if !public_modules().iter().all(|module| modules.is_callable(module)) {
        return Ok(None);
    }
    let links = settings.link_keys()?;
    let (keys, path) = (links.clone(), settings.links_file());
    files.add("public.links", [path.clone()], move || Ok(keys.reload(&path)?));
    Ok(Some(PublicApi {
        contracts: modules.contracts(),
        currency: settings.currency,
        currencies: settings.all_currencies(),
        operator: {
            let operators = Arc::clone(operators);
            Arc::new(move |headers| operators.authenticate(headers))
        },
        links: Arc::new(move |order| links.tokens(&order.to_string())),
        in_flight: settings.public.in_flight,
        open_reports: settings.public.open_reports,
        traced: settings.telemetry.sample,
    }))
}

/// The modules that the importer of invoices fills; `None` if one of them is off here.
pub fn importable(modules: &Wired) -> anyhow::Result<Option<Modules>> {
    let catalog = modules.contract_for("import")?;
    let inventory = modules.contract_for("import")?;
    let orders = modules.contract_for("import")?;
    let all = catalog.zip(inventory).zip(orders);
    Ok(all.map(|((catalog, inventory), orders)| Modules {
        catalog,
        inventory,
        orders,
    }))
}

/// A public API in this process, at a free loopback port, until this value is dropped.
pub struct Served {
    /// Address of the API.
    pub url: String,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// Serves the public API and runs the modules' jobs. Fails if a module is off here.
pub async fn in_this_process(modules: &mut Wired, settings: &Settings) -> anyhow::Result<Served> {
    let nobody = Arc::new(Operators::nobody());
    let public = public_side(modules, settings, &nobody, &mut ReloadedFiles::default())?;
    let public = public.context("a module that the public side needs is off here")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = async move {
        if let Err(error) = axum::serve(listener, public_api::router(public)).await {
            tracing::error!(%error, "the public API stopped serving");
        }
    };
    let jobs = modules
        .jobs
        .drain(..)
        .map(|job| AbortOnDropHandle::new(tokio::spawn(job)));
    let serving = AbortOnDropHandle::new(tokio::spawn(serving));
    Ok(Served {
        url,
        _tasks: jobs.chain([serving]).collect(),
    })
}
