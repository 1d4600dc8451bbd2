//! What can be asked of `offshoot events`, and what its help teaches.

use clap::Subcommand;

/// As many as one looks through.
const LIMIT: u32 = 100;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EventsCommand {
    /// How far each subscription has come, and what keeps it.
    #[command(
        after_help = "`lag` counts the events between a partition and the end of the log, whatever partition they are of. It is not known where the log is another process's data.\n\nExample:\n  offshoot events status --json"
    )]
    Status,

    /// Events that could not be handled: those that were given up, those that are tried again, and those that wait behind
    /// one of them.
    #[command(after_help = "Example:\n  offshoot events dead-letters --subscription storefront-products --json")]
    DeadLetters {
        /// Of this subscription only.
        #[arg(long)]
        subscription: Option<String>,

        /// At most so many of each module.
        #[arg(long, default_value_t = LIMIT)]
        limit: u32,
    },

    /// Have events tried again at once, with all their attempts. Mend the cause first.
    #[command(
        after_help = "Examples:\n  offshoot events retry storefront-products --position 1024\n  offshoot events retry storefront-products --all"
    )]
    Retry {
        /// Its name.
        subscription: String,

        /// The event at this position.
        #[arg(long, required_unless_present = "all", conflicts_with = "all")]
        position: Option<i64>,

        /// All that were tried.
        #[arg(long)]
        all: bool,
    },

    /// Give an event up for good: it will never be handled, and those behind it are.
    #[command(after_help = "Example:\n  offshoot events skip storefront-products 1024")]
    Skip {
        /// Its name.
        subscription: String,

        /// The event's position, as `dead-letters` shows it.
        position: i64,
    },

    /// Have the events from a position on handled again, by whatever log is there now.
    #[command(
        after_help = "What the subscriber has written stays, so it may do things twice: for a copy of another module's data, `rebuild` is the better way.\n\nExample:\n  offshoot events replay notifications-orders --from 1024"
    )]
    Replay {
        /// Its name.
        subscription: String,

        /// The first position to be handled: 1 is the beginning.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
        from: i64,
    },

    /// Have a copy of another module's data emptied and filled anew.
    #[command(
        after_help = "Until it is filled, what asks the copy finds less. `offshoot events status` says how far it is.\n\nExample:\n  offshoot events rebuild storefront-products"
    )]
    Rebuild {
        /// Its name.
        subscription: String,
    },
}
