//! Flags of `offshoot serve`, translated into settings.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

use super::module_name::built_module;
use crate::config::Flags;

/// Stands for every module.
const ALL: &str = "all";

#[derive(Debug, Default, Args)]
pub(super) struct ServeArguments {
    /// Address and port of the listener. Port 0 takes a free port; stdout prints the address.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Run only these modules in this process. Modules placed elsewhere stay there.
    #[arg(long, value_name = "MODULE", value_delimiter = ',', value_parser = built_module)]
    only: Vec<String>,

    /// Offer the modules of this process as candidates of a strangler migration: no background work before a plan
    /// allows some.
    #[arg(long)]
    candidate: bool,

    /// Run a module in this process, through its REST encoding and back.
    #[arg(long, value_name = "MODULE|all", value_parser = module_or_all)]
    encoded: Vec<String>,

    /// Whether to load the sample into an empty catalog.
    #[arg(long)]
    sample: Option<YesOrNo>,

    /// Serve the modules of this process to other processes at a separate address.
    #[arg(long, value_name = "ADDR")]
    listen_contracts: Option<SocketAddr>,

    /// Serve operators and metrics at a separate address.
    #[arg(long, value_name = "ADDR")]
    listen_admin: Option<SocketAddr>,

    /// Serve a surface (public, contracts or admin) without TLS on an address that other machines reach, for this stated
    /// reason.
    #[arg(long, value_name = "SURFACE=TEXT", value_parser = surface_and_reason)]
    plain_text_because: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum YesOrNo {
    Yes,
    No,
}

impl ServeArguments {
    /// Adds the flags.
    pub(super) fn add_to(&self, flags: &mut Flags) {
        if let Some(listen) = self.listen {
            flags.set("--listen", "listen", listen.to_string());
        }
        if let Some(sample) = self.sample {
            flags.set(
                "--sample",
                "sample",
                if matches!(sample, YesOrNo::Yes) { "yes" } else { "no" },
            );
        }
        if self.candidate {
            flags.set("--candidate", "strangler.candidate", "true");
        }
        if let Some(listen) = self.listen_contracts {
            flags.set("--listen-contracts", "contracts.listen", listen.to_string());
        }
        if let Some(listen) = self.listen_admin {
            flags.set("--listen-admin", "admin.listen", listen.to_string());
        }
        for (surface, reason) in &self.plain_text_because {
            flags.set("--plain-text-because", format!("{surface}.allow_plain_text"), reason);
        }
        flags.only(&self.only);
        let all = self.encoded.iter().any(|module| module == ALL);
        let built = || {
            crate::wiring::schemas()
                .iter()
                .map(|schema| schema.module.to_owned())
                .collect()
        };
        for module in if all { built() } else { self.encoded.clone() } {
            flags.set("--encoded", format!("modules.{module}.placement"), "encoded");
        }
    }
}

fn surface_and_reason(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((surface @ ("public" | "contracts" | "admin"), reason)) if !reason.trim().is_empty() => {
            Ok((surface.to_owned(), reason.to_owned()))
        }
        _ => Err("give a surface and a reason, such as public=\"behind the company's proxy\": the surfaces are public, contracts and admin".to_owned()),
    }
}

fn module_or_all(name: &str) -> Result<String, String> {
    if name == ALL {
        Ok(name.to_owned())
    } else {
        built_module(name)
    }
}
