//! The host: opens the data of modules, puts each module behind a switch, and collects routes and jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use offshoot_contract::{Contract, Edge, Placement};
use offshoot_db::{DatabaseUrl, Db, DbOptions, ModuleSchema, PgBudget, carried_migrations};
use offshoot_outbox::{EventSource, HttpSource, serve_events};
use offshoot_rest::{Client, ClientOptions, ServerOptions, Surface};
use uuid::Uuid;

use crate::declaration::Declaration;
use crate::event_sources::EventSources;
use crate::hosted::HostedModule;
use crate::module::Module;
use crate::module_data::{FollowedLogs, ModuleData};
use crate::module_switch::{ClientPurpose, LocalModule, ModuleSwitch, RemoteModule, join_addresses};
use crate::options::{HostOptions, ModuleOptions, ModulePlacement};
use crate::runtime::{Job, ModuleRuntime, RuntimeOptions};
use crate::store_ids;

/// Places the modules of one process. Callees are placed before their callers.
pub struct Host {
    options: HostOptions,
    /// Id of this process, in identities and in heartbeats.
    instance: Uuid,
    /// Postgres logins that a warning was logged for.
    warned_logins: BTreeSet<String>,
    modules: Vec<HostedModule>,
    jobs: Vec<Job>,
    events: EventSources,
}

impl Host {
    /// A host without modules.
    #[must_use]
    pub fn new(options: HostOptions) -> Self {
        Self {
            options,
            instance: Uuid::now_v7(),
            warned_logins: BTreeSet::new(),
            modules: Vec::new(),
            jobs: Vec::new(),
            events: EventSources::default(),
        }
    }

    /// Id of this process, in identities and in heartbeats.
    #[must_use]
    pub fn instance(&self) -> Uuid {
        self.instance
    }

    /// The hosted modules in order of placement, and all jobs. Fails if a subscription reads an unknown log.
    pub fn finish(mut self) -> Result<(Vec<HostedModule>, Vec<Job>)> {
        let (jobs, mut followed) = self.events.into_jobs()?;
        self.jobs.extend(jobs);
        for module in &self.modules {
            if let Some(data) = &module.data {
                data.follow(followed.remove(module.name).unwrap_or_default());
            }
        }
        Ok((self.modules, self.jobs))
    }

    /// Places a module whose implementation is part of this binary. `start` creates the implementation if the module runs
    /// in this process. Returns `None` if the module is off, or is remote without an address.
    ///
    /// Only `callers` may call the module. Fails if `module` and `declaration` disagree.
    pub async fn place<A: Contract + ?Sized>(
        &mut self,
        module: &Module,
        declaration: &Declaration,
        callers: &[&'static str],
        start: impl FnOnce(&mut ModuleRuntime) -> Result<Arc<A>>,
    ) -> Result<Option<Arc<A>>> {
        check_declaration::<A>(module, declaration)?;
        let placement = match self.options_of(A::NAME)?.placement {
            ModulePlacement::Off => return Ok(None),
            ModulePlacement::Remote => return self.call(),
            ModulePlacement::Encoded => Placement::Encoded,
            ModulePlacement::Local => Placement::Local,
        };
        let (db, url, mut runtime) = self.open(module).await?;
        let edge = Arc::new(Edge::new(start(&mut runtime)?).with_callers(callers));
        let local = LocalModule {
            edge: Arc::clone(&edge),
            db: db.clone(),
            replica: Arc::clone(&runtime.replica),
            data: url.to_string(),
            migrations: newest_migrations(&db)?,
            followed: FollowedLogs::default(),
        };
        let followed = Arc::clone(&local.followed);
        if self.options.candidate {
            // A plan allows the work of a candidate.
            runtime.replica.offer_work(false);
        }
        let switch = Arc::new(ModuleSwitch::new_local(placement, local, self.remote::<A>()?));
        let api = A::new_proxy(Arc::clone(switch.switch()));
        let data = ModuleData::new(db.clone(), Arc::clone(&runtime.replica), module.sagas, &url, followed);
        self.add_local(data, switch, edge, db, &url, runtime)?;
        Ok(Some(api))
    }

    /// A module that other processes execute. Returns `None` if the module is off, or no address is known.
    pub fn call<A: Contract + ?Sized>(&mut self) -> Result<Option<Arc<A>>> {
        let options = self.options_of(A::NAME)?;
        let location = format!("at {}", join_addresses(&options.urls));
        if options.placement == ModulePlacement::Off {
            return Ok(None);
        }
        let Some(remote) = self.remote::<A>()? else {
            return Ok(None);
        };
        // A separate client for events: the long polls would raise the latency EWMA of calls.
        let client = Arc::new(remote.connect_to_all(ClientPurpose::Calls));
        self.events
            .add_remote(A::NAME, move |reader| HttpSource::new(&client, reader));
        let switch = Arc::new(ModuleSwitch::new_remote(remote));
        let api = A::new_proxy(Arc::clone(switch.switch()));
        self.modules.push(HostedModule {
            name: A::NAME,
            location,
            db: None,
            control: Arc::clone(&switch) as _,
            routed: switch,
            data: None,
            routes: None,
            begin_shutdown: Box::new(|| {}),
            stop: Box::new(|_| Box::pin(async { true })),
        });
        Ok(Some(api))
    }

    fn options_of(&self, module: &str) -> Result<&ModuleOptions> {
        let options = self.options.modules.get(module);
        options.with_context(|| format!("no settings for {module}"))
    }

    /// Opens a module's data.
    async fn open(&mut self, module: &Module) -> Result<(Db, DatabaseUrl, ModuleRuntime)> {
        let options = self.options_of(module.schema.module)?;
        let (url, settings) = (options.database.clone(), options.settings.clone());
        let db = self.open_database(module.schema, &url).await?;
        let runtime = RuntimeOptions {
            clock: Arc::clone(&self.options.clock),
            data_dir: self.options.data_dir.clone(),
            settings,
            instance: self.instance,
            heartbeat: self.options.heartbeat,
            keep_events: self.options.keep_events,
            subscriptions: (module.subscriptions)(),
        };
        Ok((db.clone(), url, ModuleRuntime::new(db, runtime)))
    }

    async fn open_database(&mut self, schema: &'static ModuleSchema, url: &DatabaseUrl) -> Result<Db> {
        let here = self
            .options
            .modules
            .values()
            .filter(|module| module.placement.is_here());
        let options = DbOptions {
            clock: Arc::clone(&self.options.clock),
            postgres: PgBudget {
                connections: self.options.postgres_connections,
                modules: u32::try_from(here.count())?,
            },
            server_patience: self.options.postgres_patience,
            require_isolation: self.options.require_isolation,
            ..DbOptions::default()
        };
        store_ids::require_own_file(&self.options.data_dir, schema.module, url)?;
        let db = Db::open(schema, url, &options).await?;
        if let Some(found) = db.isolation().filter(|found| !found.is_enforced()) {
            let (login, may) = (&found.login, found.breaches.join(", "));
            // Once per login, although several modules may share the login.
            if self.warned_logins.insert(login.clone()) {
                tracing::warn!(
                    login,
                    may,
                    "the database does not enforce isolation: a module's SQL can reach all data of this login; \
                     `offshoot db provision --logins` creates a login for each module"
                );
            }
        }
        store_ids::remember(&self.options.data_dir, schema.module, db.store_id())?;
        Ok(db)
    }

    /// Adds a module that runs here.
    fn add_local<A: Contract + ?Sized>(
        &mut self,
        data: ModuleData,
        switch: Arc<ModuleSwitch<A>>,
        edge: Arc<Edge<A>>,
        db: Db,
        url: &DatabaseUrl,
        runtime: ModuleRuntime,
    ) -> Result<()> {
        let ModuleRuntime {
            replica,
            log,
            jobs,
            subscriptions,
            ..
        } = runtime;
        self.jobs.extend(jobs);
        self.events.add_local(A::NAME, Arc::clone(&log));
        self.events.subscribe(subscriptions, &replica);
        let options = ServerOptions {
            store_id: db.store_id(),
            instance: self.instance,
            keys: self.options.keys.for_module(A::NAME),
        };
        let surface = Surface::new(A::NAME, options)
            .with_max_in_flight(self.options.max_in_flight)
            .with_data(url.to_string(), newest_migrations(&db)?)
            .as_candidate(self.options.candidate)
            .with_version(Arc::clone(&edge));
        let leaving = Arc::clone(&replica);
        self.modules.push(HostedModule {
            name: A::NAME,
            location: format!("data in {url}, store {}", db.store_id()),
            db: Some(db.clone()),
            control: Arc::clone(&switch) as _,
            routed: switch,
            data: Some(data),
            routes: Some(serve_events::<A>(surface, Arc::clone(&log) as Arc<dyn EventSource>).into_router()),
            begin_shutdown: Box::new(move || {
                log.close();
                let replica = Arc::clone(&leaving);
                tokio::spawn(async move { replica.leave().await });
            }),
            stop: Box::new(move |patience| {
                let (edge, db, replica) = (Arc::clone(&edge), db.clone(), Arc::clone(&replica));
                Box::pin(async move {
                    let ended = edge.drain(patience).await;
                    replica.leave().await;
                    db.close().await;
                    ended
                })
            }),
        });
        Ok(())
    }

    /// The module in other processes, if an address is known.
    fn remote<A: Contract + ?Sized>(&self) -> Result<Option<RemoteModule<A>>> {
        let module = self.options_of(A::NAME)?;
        if module.urls.is_empty() {
            return Ok(None);
        }
        let others = self.options.modules.keys().cloned().collect();
        let store = Arc::new(store_ids::expected(&self.options.data_dir, A::NAME, others)?);
        let keys = self.options.keys.for_module(A::NAME);
        let (zone, tls, limits) = (module.zone.clone(), self.options.tls.clone(), module.limits.clone());
        limits
            .check::<A>()
            .with_context(|| format!("`modules.{}.policy`", A::NAME))?;
        let connect = move |addresses, purpose| {
            let limits = match purpose {
                ClientPurpose::Calls => limits.clone(),
                ClientPurpose::CallsWithStandby => limits.clone().with_standby::<A>(),
                ClientPurpose::Comparisons => limits.clone().for_mirror(),
            };
            Client::new(ClientOptions {
                addresses,
                zone: zone.clone(),
                keys: keys.clone(),
                store: Arc::clone(&store),
                limits,
                tls: tls.clone(),
            })
        };
        Ok(Some(RemoteModule::new(module.urls.clone(), connect)))
    }
}

/// The newest migration of each set that this binary has: `readings 0003_stations`.
fn newest_migrations(db: &Db) -> Result<Vec<String>> {
    let mut newest = BTreeMap::new();
    for (migration, _) in carried_migrations(db.schema(), db.engine())? {
        newest.insert(migration.set, migration.name);
    }
    Ok(newest.iter().map(|(set, name)| format!("{set} {name}")).collect())
}

/// Fails if the implementation and the declaration disagree, so that a mistake stops the start and not the first request.
fn check_declaration<A: Contract + ?Sized>(module: &Module, declaration: &Declaration) -> Result<()> {
    let Declaration { name, declared_at, .. } = declaration;
    let schema = module.schema.module;
    if A::NAME != *name || schema != *name {
        bail!(
            "the module declared as {name} at {declared_at} has the contract {} and the schema {schema}: \
             all three names must be the same",
            A::NAME
        );
    }
    let publishers = (module.subscriptions)().iter().map(|one| one.module()).collect();
    declaration.require_subscriptions(&publishers)
}
