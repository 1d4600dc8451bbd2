//! The grammar of `offshoot events`, with its help.

use clap::Subcommand;

/// As many rows as a person reads.
const LIMIT: u32 = 100;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EventsCommand {
    /// Print the position, the lag and the hold reason of each subscription.
    #[command(
        after_help = "`lag` counts the events of a partition that the subscriber has not handled, at most among the next 100,000 events of the log. It is not known where the log is another process's data.\n\nExample:\n  offshoot events status --json"
    )]
    Status,

    /// Print events that could not be handled: dead letters, parked events, and events that wait behind parked ones.
    #[command(after_help = "Example:\n  offshoot events dead-letters --subscription storefront-products --json")]
    DeadLetters {
        /// Only this subscription.
        #[arg(long)]
        subscription: Option<String>,

        /// Largest number of events per module.
        #[arg(long, default_value_t = LIMIT)]
        limit: u32,
    },

    /// Retry events at once, with all attempts. Remove the cause first.
    #[command(
        after_help = "Examples:\n  offshoot events retry storefront-products --position 1024\n  offshoot events retry storefront-products --all"
    )]
    Retry {
        /// Name of the subscription.
        subscription: String,

        /// Position of the event.
        #[arg(long, required_unless_present = "all", conflicts_with = "all")]
        position: Option<i64>,

        /// All events that have failed.
        #[arg(long)]
        all: bool,
    },

    /// Skip an event for good. The events behind it are handled.
    #[command(after_help = "Example:\n  offshoot events skip storefront-products 1024")]
    Skip {
        /// Name of the subscription.
        subscription: String,

        /// Position of the event, as `dead-letters` prints it.
        position: i64,
    },

    /// Handle the events from a position again, from the present log.
    #[command(
        after_help = "What the subscriber has written stays, so it may do things twice: for a copy of another module's data, `rebuild` is the better way.\n\nExample:\n  offshoot events replay notifications-orders --from 1024"
    )]
    Replay {
        /// Name of the subscription.
        subscription: String,

        /// First position to handle: 1 is the beginning.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
        from: i64,
    },

    /// Clear a projection and rebuild it from events.
    #[command(
        after_help = "Until it is filled, what asks the copy finds less. `offshoot events status` says how far it is.\n\nExample:\n  offshoot events rebuild storefront-products"
    )]
    Rebuild {
        /// Name of the subscription.
        subscription: String,
    },
}
