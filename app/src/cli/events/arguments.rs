//! The grammar of `offshoot events`, with its help.

use clap::Subcommand;

/// As many rows as a person reads.
const LIMIT: u32 = 100;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EventsCommand {
    /// Print the position, the lag and the hold reason of each subscription.
    #[command(after_help = "\
`lag` counts the partition's own events beyond its position: 0 for an idle partition, `?` if the log is another
process's data. `+` marks a lower bound: the count scans 10,000 events of the log.

Examples:
  offshoot events status
  offshoot events status --json

Next: a subscription that does not advance prints its reason; `offshoot events dead-letters` prints events that failed.")]
    Status,

    /// Print events that could not be handled: dead letters, parked events, and events that wait behind parked ones.
    #[command(after_help = "\
A failed event is parked and retried, together with later events of its key. After its last attempt it is a dead letter.

Example:
  offshoot events dead-letters --subscription storefront-products --json

Next: remove the cause, then `offshoot events retry NAME --all`, or skip one with `offshoot events skip NAME 1024`.")]
    DeadLetters {
        /// Only this subscription.
        #[arg(long)]
        subscription: Option<String>,

        /// Largest number of events per module.
        #[arg(long, default_value_t = LIMIT)]
        limit: u32,
    },

    /// Retry events at once, with all attempts. Remove the cause first.
    #[command(after_help = "\
Examples:
  offshoot events retry storefront-products --position 1024
  offshoot events retry storefront-products --all

Next: `offshoot events dead-letters` is empty once the events are handled.")]
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
    #[command(after_help = "\
The event has no effect on the subscriber, ever. Later events of its key are handled.

Example:
  offshoot events skip storefront-products 1024

Next: `offshoot events status` prints how far the subscription is.")]
    Skip {
        /// Name of the subscription.
        subscription: String,

        /// Position of the event, as `dead-letters` prints it.
        position: i64,
    },

    /// Handle the events from a position again, from the present log.
    #[command(after_help = "\
Rows that the subscriber has written stay, so an event may take effect twice. For a projection `offshoot events rebuild`
is the better way.

Example:
  offshoot events replay notifications-orders --from 1024

Next: `offshoot events status` prints how far the subscription is.")]
    Replay {
        /// Name of the subscription.
        subscription: String,

        /// First position to handle: 1 is the beginning.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
        from: i64,
    },

    /// Clear a projection and rebuild it from events.
    #[command(after_help = "\
Queries of the projection find less until the rebuild has ended.

Example:
  offshoot events rebuild storefront-products

Next: `offshoot events status` prints how far the rebuild is.")]
    Rebuild {
        /// Name of the subscription.
        subscription: String,
    },
}
