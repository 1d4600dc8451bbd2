//! What can be said to `offshoot serve`: settings, in the words of the command line.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

use super::arguments::built_module;
use crate::config::Flags;

/// Instead of a module's name: every module.
const ALL: &str = "all";

#[derive(Debug, Default, Args)]
pub(super) struct ServeArguments {
    /// Address and port to answer at. Port 0 takes a free one; stdout says which.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Run only these modules here. Those that run elsewhere stay there.
    #[arg(long, value_name = "MODULE", value_delimiter = ',', value_parser = built_module)]
    only: Vec<String>,

    /// Run a module here, but through its REST encoding and back.
    #[arg(long, value_name = "MODULE|all", value_parser = module_or_all)]
    encoded: Vec<String>,

    /// Whether to fill an empty catalog with the sample.
    #[arg(long)]
    sample: Option<YesOrNo>,

    /// Serve the modules that run here to other processes at an address of their own.
    #[arg(long, value_name = "ADDR")]
    listen_contracts: Option<SocketAddr>,

    /// Let operators in, and metrics be read, at an address of their own.
    #[arg(long, value_name = "ADDR")]
    listen_admin: Option<SocketAddr>,

    /// Listen without TLS on an address that other machines reach, for this reason.
    #[arg(long, value_name = "TEXT")]
    plain_text_because: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum YesOrNo {
    Yes,
    No,
}

impl ServeArguments {
    /// Sets what was said.
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
        if let Some(listen) = self.listen_contracts {
            flags.set("--listen-contracts", "contracts.listen", listen.to_string());
        }
        if let Some(listen) = self.listen_admin {
            flags.set("--listen-admin", "admin.listen", listen.to_string());
        }
        if let Some(reason) = &self.plain_text_because {
            flags.set("--plain-text-because", "allow_plain_text", reason);
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

fn module_or_all(name: &str) -> Result<String, String> {
    if name == ALL {
        Ok(name.to_owned())
    } else {
        built_module(name)
    }
}
