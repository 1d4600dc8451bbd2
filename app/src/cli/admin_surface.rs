//! Questions to the admin surface of a process, with the operator's token in the data directory.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use offshoot_contract::{Problem, ServerUrl};
use offshoot_rest::{client_tls, no_tls};
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::token::own_token;
use crate::config::Settings;

/// Largest response, bytes.
const MAX_ANSWER: usize = 4 << 20;

/// The admin surface of one process.
pub(super) struct AdminSurface<'a> {
    settings: &'a Settings,
    root: String,
    token: String,
}

/// Why the admin surface gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdminError {
    /// The process refuses the request.
    #[error("{}", .0.detail)]
    Refused(Problem),
    /// The process was not asked, or gave an answer of another kind.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl<'a> AdminSurface<'a> {
    /// The surface at `of`, or of the process that the settings describe.
    pub(super) fn of(of: Option<ServerUrl>, settings: &'a Settings) -> Result<Self> {
        Ok(Self {
            settings,
            root: of.map_or_else(|| settings.admin_url(), |url| url.to_string()),
            token: own_token(settings)?,
        })
    }

    /// Scheme, host and port.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Asks for the resource at `path`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Sends a change to `path`.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AdminError> {
        let body = serde_json::to_vec(body).context("the request does not encode")?;
        self.ask(method, path, body.into()).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a client of the admin surface, which is not a contract"
    )]
    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, AdminError> {
        let root = &self.root;
        let request = Request::builder()
            .method(method)
            .uri(format!("{root}{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .with_context(|| format!("the request to {root} cannot be made"))?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(self.settings)?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let response = client.request(request).await;
        let response = response.with_context(|| format!("no process answers at {root}: --of URL names another"))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body
            .map_err(|error| anyhow::anyhow!("the answer of {root} ended early: {error}"))?
            .to_bytes();
        if status == StatusCode::OK {
            let answer = serde_json::from_slice(&body).context("the process gives an answer of another version");
            return Ok(answer?);
        }
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => AdminError::Refused(problem),
            Err(_) => anyhow::anyhow!("{root} answers {status}: not the admin surface of a process").into(),
        })
    }
}

/// Trusted authorities for a process at an https address.
pub(super) fn tls(settings: &Settings) -> Result<ClientConfig> {
    match &settings.contracts.authority {
        Some(authority) => Ok(client_tls(authority, settings.contracts.certificate().as_ref())?),
        None => Ok(no_tls()),
    }
}
