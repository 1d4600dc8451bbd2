//! A process as the host of modules: opens their data, puts each behind its switch, and keeps what is needed to serve,
//! check and stop it. Knows contracts, no module.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use futures_util::future::BoxFuture;
use offshoot_contract::{Clock, Contract, Edge, Placement};
use offshoot_db::{DatabaseUrl, Db, DbOptions, ModuleSchema, PgBudget};
use offshoot_outbox::{EventSource, HttpSource, serve_events};
use offshoot_rest::{Client, ClientOptions, ServerOptions, ServiceKeys, Surface, client_tls};
use rustls::ClientConfig;
use uuid::Uuid;

use crate::config::{Isolation, ModulePlacement, ModuleSettings, Settings};
use crate::serve::logs::Logs;
use crate::serve::places::{Elsewhere, Own, Place, Places, shown};
use crate::serve::store_ids;
use crate::serve::working::{Job, Working};

/// Stands for the module's name in a URL that holds for all of them, so that each can log in as itself.
const MODULE: &str = "{module}";

/// Places modules.
pub struct Host<'a> {
    settings: &'a Settings,
    clock: Arc<dyn Clock>,
    key: ServiceKeys,
    /// For calls of modules with https.
    tls: Option<ClientConfig>,
    instance: Uuid,
    /// Logins that were warned of.
    manners: BTreeSet<String>,
    /// What was placed so far.
    pub placed: Vec<Placed>,
    jobs: Vec<Job>,
    logs: Logs,
}

/// A module that this process hosts or calls.
pub struct Placed {
    /// The module's name.
    pub name: &'static str,
    /// Where its data is, or where it runs.
    pub location: String,
    /// Where its calls run now, and where they may run.
    pub place: Arc<dyn Place>,
    /// Its contract's routes, if it runs here.
    pub routes: Option<Router>,
    /// Holds no answer about its events back any more, and gives its leases back. The process is about to end.
    pub hush: Box<dyn Fn() + Send + Sync>,
    /// Ends its admitted calls and closes its data. False if calls were cut off.
    pub stop: Box<dyn Fn(Duration) -> BoxFuture<'static, bool> + Send + Sync>,
}

impl<'a> Host<'a> {
    /// A host without modules.
    pub fn new(settings: &'a Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Ok(Self {
            settings,
            clock,
            key: keys(settings)?,
            tls: (settings.contracts.authority.as_deref())
                .map(|authority| client_tls(authority, settings.contracts.certificate().as_ref()))
                .transpose()
                .context("contracts.authority")?,
            instance: Uuid::now_v7(),
            manners: BTreeSet::new(),
            placed: Vec::new(),
            jobs: Vec::new(),
            logs: Logs::default(),
        })
    }

    /// What was placed, and what the modules here do by themselves.
    pub fn finish(mut self) -> anyhow::Result<(Vec<Placed>, Vec<Job>)> {
        self.jobs.extend(self.logs.into_jobs()?);
        Ok((self.placed, self.jobs))
    }

    /// Puts a module where the settings say. `build` makes the implementation, if it runs here.
    pub async fn place<A: Contract + ?Sized>(
        &mut self,
        schema: &'static ModuleSchema,
        build: impl FnOnce(&mut Working) -> anyhow::Result<Arc<A>>,
    ) -> anyhow::Result<Option<Arc<A>>> {
        let module = self
            .settings
            .modules
            .get(A::NAME)
            .with_context(|| format!("no settings for {}", A::NAME))?;
        let remote = self.elsewhere::<A>(module)?;
        let (place, placed) = match module.placement {
            ModulePlacement::Off => return Ok(None),
            ModulePlacement::Remote => {
                self.read_elsewhere::<A>(module)?;
                calling(module, remote)
            }
            here => {
                let url = database_url(self.settings, A::NAME)?;
                let db = self.open(schema, &url).await?;
                let jobs = &self.settings.jobs;
                let mut working = Working::new(db.clone(), jobs.pace(), self.settings.events.keep);
                let edge = Arc::new(Edge::new(build(&mut working)?));
                let placement = match here {
                    ModulePlacement::Encoded => Placement::Encoded,
                    _ => Placement::Local,
                };
                let own = Own {
                    edge: Arc::clone(&edge),
                    db: db.clone(),
                };
                let place = Arc::new(Places::new(placement, Some(own), remote));
                let placed = self.local(Arc::clone(&place) as Arc<dyn Place>, edge, db, &url, working);
                (place, placed)
            }
        };
        self.placed.push(placed);
        Ok(Some(A::object(Arc::clone(place.switch()))))
    }

    /// A module whose implementation is no part of this binary: it is called where it runs, if that is known.
    pub fn call<A: Contract + ?Sized>(&mut self) -> anyhow::Result<Option<Arc<A>>> {
        let module = self
            .settings
            .modules
            .get(A::NAME)
            .with_context(|| format!("no settings for {}", A::NAME))?;
        let remote = self.elsewhere::<A>(module)?;
        if module.placement == ModulePlacement::Off || remote.is_none() {
            return Ok(None);
        }
        self.read_elsewhere::<A>(module)?;
        let (place, placed) = calling(module, remote);
        self.placed.push(placed);
        Ok(Some(A::object(Arc::clone(place.switch()))))
    }

    /// Notes where the events of a module are read that runs in other processes. With a client of its own: answers that are
    /// held back would make the module look slow.
    fn read_elsewhere<A: Contract + ?Sized>(&mut self, module: &ModuleSettings) -> anyhow::Result<()> {
        if let Some(elsewhere) = self.elsewhere::<A>(module)? {
            let client = Arc::new(elsewhere.into_client());
            self.logs
                .elsewhere(A::NAME, move |reader| HttpSource::new(Arc::clone(&client), reader));
        }
        Ok(())
    }

    async fn open(&mut self, schema: &'static ModuleSchema, url: &DatabaseUrl) -> anyhow::Result<Db> {
        let settings = self.settings;
        let here = settings
            .modules
            .values()
            .filter(|module| matches!(module.placement, ModulePlacement::Local | ModulePlacement::Encoded));
        let options = DbOptions {
            clock: Arc::clone(&self.clock),
            postgres: PgBudget {
                connections: settings.postgres.connections,
                modules: u32::try_from(here.count())?,
            },
            require_isolation: settings.postgres.isolation == Isolation::Require,
            ..DbOptions::default()
        };
        let db = Db::open(schema, url, &options).await?;
        if let Some(found) = db.isolation().filter(|found| !found.is_enforced()) {
            let (login, may) = (&found.login, found.breaches.join(", "));
            // Once for a login, however many modules it serves.
            if self.manners.insert(login.clone()) {
                tracing::warn!(
                    login,
                    may,
                    "isolation rests on manners: a module's SQL can reach whatever this login can; \
                     `offshoot db provision --logins` makes a login for each module"
                );
            }
        }
        store_ids::remember(&settings.data_dir, schema.module, db.store_id())?;
        Ok(db)
    }

    fn local<A: Contract + ?Sized>(
        &mut self,
        place: Arc<dyn Place>,
        edge: Arc<Edge<A>>,
        db: Db,
        url: &DatabaseUrl,
        working: Working,
    ) -> Placed {
        let Working {
            replica,
            log,
            jobs,
            subscriptions,
            ..
        } = working;
        self.jobs.extend(jobs);
        self.logs.here(A::NAME, Arc::clone(&log));
        self.logs.subscribe(subscriptions, &replica);
        let options = ServerOptions {
            store_id: db.store_id(),
            instance: self.instance,
            keys: self.key.of(A::NAME),
        };
        let leaving = Arc::clone(&replica);
        let surface = Surface::new(A::NAME, options)
            .in_flight(self.settings.contracts.in_flight)
            .version(Arc::clone(&edge));
        Placed {
            name: A::NAME,
            location: format!("data in {url}, store {}", db.store_id()),
            place,
            routes: Some(serve_events::<A>(surface, Arc::clone(&log) as Arc<dyn EventSource>).into_router()),
            hush: Box::new(move || {
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
        }
    }

    /// The other processes that serve a module, if any are known.
    fn elsewhere<A: Contract + ?Sized>(&self, module: &ModuleSettings) -> anyhow::Result<Option<Elsewhere<A>>> {
        if module.urls.is_empty() {
            return Ok(None);
        }
        let store = Arc::new(store_ids::expected(&self.settings.data_dir, A::NAME)?);
        let keys = self.key.of(A::NAME);
        let (zone, tls) = (module.zone.clone(), self.tls.clone());
        let limits = self.settings.remote.limits(&module.policy);
        limits
            .check::<A>()
            .with_context(|| format!("`modules.{}.policy`", A::NAME))?;
        let client = move |addresses| {
            Client::new(ClientOptions {
                addresses,
                zone: zone.clone(),
                keys: keys.clone(),
                store: Arc::clone(&store),
                limits: limits.clone(),
                tls: tls.clone(),
            })
        };
        Ok(Some(Elsewhere::new(module.urls.clone(), client)))
    }
}

/// A module that runs in other processes only.
fn calling<A: Contract + ?Sized>(module: &ModuleSettings, remote: Option<Elsewhere<A>>) -> (Arc<Places<A>>, Placed) {
    let place = Arc::new(Places::new(Placement::Remote, None, remote));
    let placed = Placed {
        name: A::NAME,
        location: format!("at {}", shown(&module.urls)),
        place: Arc::clone(&place) as Arc<dyn Place>,
        routes: None,
        hush: Box::new(|| {}),
        stop: Box::new(|_| Box::pin(async { true })),
    };
    (place, placed)
}

/// The keys that all processes of the store share. Made here, unless somebody else has to give them.
fn keys(settings: &Settings) -> anyhow::Result<ServiceKeys> {
    let path = settings.keys_file();
    if settings.contracts.keys.is_some() {
        return ServiceKeys::load(&path).context("contracts.keys");
    }
    ServiceKeys::load_or_create(&path).with_context(|| {
        let directory = settings.data_dir.display();
        format!("the data directory {directory} cannot be used (--data-dir DIR names another)")
    })
}

/// Where the settings keep a module's data.
pub fn database_url(settings: &Settings, module: &str) -> anyhow::Result<DatabaseUrl> {
    match settings.database_of(module) {
        Some(url) => Ok(url.replace(MODULE, module).parse()?),
        None => Ok(DatabaseUrl::sqlite(&settings.data_dir)),
    }
}
