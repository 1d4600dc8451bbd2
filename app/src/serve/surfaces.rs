//! The surfaces of a process, for shoppers, other processes and operators. Each may have its own address; they share an
//! address only if no other machine reaches it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::Router;
use futures_util::future::join_all;
use offshoot_listener::{Listener, ListenerLimits, SharedServerTls, Stopping, raise_limit};
use offshoot_rest::{Certificate, Operators, server_tls};
use tokio::task::JoinHandle;

use crate::config::{ConfigurationError, ConnectionsSettings, Settings};
use crate::serve::admin::for_operators;
use crate::serve::direct::for_this_machine;
use crate::serve::reload::ReloadedFiles;

/// Names of surfaces in settings.
const PUBLIC: &str = "public";
const CONTRACTS: &str = "contracts";
const ADMIN: &str = "admin";

/// Routes by surface.
pub(super) struct Routes {
    /// For shoppers: the public API and the start page.
    pub(super) front: Router,
    /// For other processes: contracts.
    pub(super) contracts: Router,
    /// For operators: placement and readiness.
    pub(super) admin: Router,
    /// For operators' tools.
    pub(super) metrics: Router,
    /// Who gets the metrics at an address that serves others, too.
    pub(super) operators: Arc<Operators>,
    /// On every surface.
    pub(super) health: Router,
}

/// Listening sockets of the surfaces.
pub(super) struct Surfaces {
    main: Listener,
    contracts: Option<Listener>,
    admin: Option<Listener>,
    has_public_surface: bool,
}

impl Surfaces {
    /// Binds the sockets, with TLS where the settings have certificates. Refuses settings that would let strangers in.
    pub(super) async fn bind(
        settings: &Settings,
        has_public_surface: bool,
        files: &mut ReloadedFiles,
    ) -> anyhow::Result<Self> {
        refuse_made_up_secrets(settings, has_public_surface)?;
        let (own, callers) = (settings.contracts.certificate(), settings.contracts.authority.clone());
        let contracts = tls("contracts.certificate", own.clone(), callers, files)?;
        // Operators authenticate with tokens, not with certificates.
        let admin = tls("contracts.certificate", own, None, files)?;
        let main = if has_public_surface {
            tls("public.certificate", settings.public.certificate(), None, files)?
        } else {
            contracts.clone()
        };
        let main_surface = if has_public_surface { PUBLIC } else { CONTRACTS };
        refuse_plain_text(settings, ("listen", main_surface), settings.listen, main.is_some())?;
        let listen = async |setting, surface, address: Option<SocketAddr>, tls: Option<_>| {
            let Some(address) = address else {
                return anyhow::Ok(None);
            };
            refuse_plain_text(settings, (setting, surface), address, tls.is_some())?;
            Ok(Some(bind(address, tls).await?))
        };
        let main = bind(settings.listen, main).await?;
        Ok(Self {
            main,
            contracts: listen("contracts.listen", CONTRACTS, settings.contracts.listen, contracts).await?,
            admin: listen("admin.listen", ADMIN, settings.admin.listen, admin).await?,
            has_public_surface,
        })
    }

    /// URL of the main surface: for shoppers, or else for other processes.
    pub(super) fn url(&self) -> String {
        self.main.bound().url()
    }

    /// Surfaces with an address of their own, by name.
    pub(super) fn others(&self) -> Vec<(&'static str, String)> {
        let others = [("contracts", &self.contracts), ("admin", &self.admin)];
        let others = others.into_iter();
        others
            .filter_map(|(name, listener)| Some((name, listener.as_ref()?.bound().url())))
            .collect()
    }

    /// Serves until `stopping` closes the sockets, then until the last connection has ended.
    pub(super) fn serve(
        self,
        routes: Routes,
        connections: &ConnectionsSettings,
        stopping: &Stopping,
    ) -> JoinHandle<()> {
        let is_local = self.main.bound().address.ip().is_loopback();
        let sockets = [self.contracts.is_some(), self.admin.is_some(), true];
        let sockets = sockets.iter().filter(|is_there| **is_there).count();
        let limits = ListenerLimits {
            connections: connections.total.min(raise_limit() / sockets).max(1),
            connections_per_peer: connections.per_peer,
            ..ListenerLimits::default()
        };
        let mut main = routes.front.merge(routes.health.clone());
        let mut serving = Vec::new();
        let mut serve =
            |listener: Listener, routes| serving.push(listener.serve(routes, limits.clone(), stopping.clone()));
        match self.contracts {
            Some(own) => serve(own, routes.contracts.merge(routes.health.clone())),
            None if !self.has_public_surface => main = main.merge(routes.contracts),
            None if is_local => main = main.merge(for_this_machine(routes.contracts)),
            None => {}
        }
        match self.admin {
            Some(own) => serve(own, routes.admin.merge(routes.metrics).merge(routes.health)),
            None if is_local => {
                // A proxy that hides itself passes everything on.
                let metrics = for_operators(routes.metrics, &routes.operators);
                main = main.merge(for_this_machine(routes.admin.merge(metrics)));
            }
            None => {}
        }
        serve(self.main, main);
        tokio::spawn(async move {
            join_all(serving).await;
        })
    }
}

async fn bind(address: SocketAddr, tls: Option<SharedServerTls>) -> anyhow::Result<Listener> {
    Listener::bind(address, tls).await.with_context(|| {
        format!(
            "cannot listen on {address}: stop the process that listens there, or choose another port with --listen ADDR \
             (port 0 takes a free one)"
        )
    })
}

/// TLS with the certificate `own`, which is read again when its files change.
fn tls(
    setting: &'static str,
    own: Option<Certificate>,
    callers: Option<PathBuf>,
    files: &mut ReloadedFiles,
) -> anyhow::Result<Option<SharedServerTls>> {
    let Some(own) = own else { return Ok(None) };
    let paths: Vec<_> = [own.chain.clone(), own.key.clone()]
        .into_iter()
        .chain(callers.clone())
        .collect();
    let read = move || server_tls(&own, callers.as_deref());
    let tls = Arc::new(ArcSwap::new(read().context(setting)?));
    let shared = Arc::clone(&tls);
    files.add(setting, paths, move || {
        shared.store(read()?);
        Ok(())
    });
    Ok(Some(tls))
}

/// Refuses plain text off loopback, unless a person has given a reason for this surface.
fn refuse_plain_text(
    settings: &Settings,
    (setting, surface): (&str, &str),
    address: SocketAddr,
    is_encrypted: bool,
) -> anyhow::Result<()> {
    let reason = match surface {
        PUBLIC => &settings.public.allow_plain_text,
        CONTRACTS => &settings.contracts.allow_plain_text,
        _ => &settings.admin.allow_plain_text,
    };
    if is_encrypted || address.ip().is_loopback() || reason.is_some() {
        return Ok(());
    }
    let certificate = if surface == PUBLIC { PUBLIC } else { CONTRACTS };
    refuse(format!(
        "`{setting}` is {address}, which other machines can reach, without TLS: listen on 127.0.0.1, give \
         `{certificate}.certificate`, or say why plain text is safe on this surface with --plain-text-because \
         {surface}=\"...\""
    ))
}

/// A process that other machines reach accepts only operators and keys that a person has written down, never a
/// file that the process made itself.
fn refuse_made_up_secrets(settings: &Settings, has_public_surface: bool) -> anyhow::Result<()> {
    if !settings.is_reachable() {
        return Ok(());
    }
    let (operators, keys) = (settings.operators_file(), settings.keys_file());
    let folder = |file: &Path| file.parent().unwrap_or(Path::new(".")).display().to_string();
    if !operators.exists() {
        let file = operators.display();
        return refuse(format!(
            "other machines reach this process, but no operator is named: write a line with a name and a token \
             into {file} (`admin.operators` names another), for instance: \
             (umask 077; mkdir -p {}; echo \"$USER $(openssl rand -hex 32)\" > {file})",
            folder(&operators)
        ));
    }
    let links = has_public_surface.then(|| ("link keys", settings.links_file(), "public.links"));
    for (what, keys, setting) in [("service keys", keys, "contracts.keys")].into_iter().chain(links) {
        if !keys.exists() {
            let file = keys.display();
            return refuse(format!(
                "other machines reach this process, but the {what} are missing: copy the keys of the store's other \
                 processes to {file} (`{setting}` names another), or create new keys: (umask 077; mkdir -p {}; openssl rand -hex 32 > {file})",
                folder(&keys)
            ));
        }
    }
    Ok(())
}

fn refuse(why: String) -> anyhow::Result<()> {
    Err(ConfigurationError::Contradiction(why).into())
}
