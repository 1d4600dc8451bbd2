//! Event sources of a process: the log of each module, local or remote, and the subscriptions that read the logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use offshoot_jobs::Replica;
use offshoot_outbox::{EventSource, FollowedLog, LocalSource, Subscription, Tail, handle_events, inject_faults};

use crate::runtime::Job;

/// Log of one module.
enum Log {
    /// Read from the module's database, which is open in this process.
    Local(Arc<LocalSource>),
    /// Read over HTTP from another process, on behalf of the subscribing module.
    Remote(Box<dyn Fn(&'static str) -> Arc<dyn EventSource> + Send + Sync>),
}

/// The logs that the subscriptions of each module follow.
type FollowedLogs = BTreeMap<&'static str, Vec<FollowedLog>>;

/// Logs that this process can read, and the subscriptions of its modules.
#[derive(Default)]
pub(crate) struct EventSources {
    logs: BTreeMap<&'static str, Log>,
    subscriptions: Vec<(Subscription, Arc<Replica>)>,
}

impl EventSources {
    pub(crate) fn add_local(&mut self, module: &'static str, source: Arc<LocalSource>) {
        self.logs.insert(module, Log::Local(source));
    }

    pub(crate) fn add_remote(
        &mut self,
        module: &'static str,
        source: impl Fn(&'static str) -> Arc<dyn EventSource> + Send + Sync + 'static,
    ) {
        self.logs.insert(module, Log::Remote(Box::new(source)));
    }

    pub(crate) fn subscribe(&mut self, subscriptions: Vec<Subscription>, replica: &Arc<Replica>) {
        let subscriptions = subscriptions.into_iter().map(|one| (one, Arc::clone(replica)));
        self.subscriptions.extend(subscriptions);
    }

    /// The jobs of all subscriptions, with one tail for each log and subscriber, and the followed logs by subscriber.
    pub(crate) fn into_jobs(self) -> anyhow::Result<(Vec<Job>, FollowedLogs)> {
        let mut followed = FollowedLogs::new();
        let mut tails = BTreeMap::<(&str, &str), Arc<Tail>>::new();
        let mut jobs: Vec<Job> = Vec::new();
        for (subscription, replica) in self.subscriptions {
            let (publisher, subscriber) = (subscription.module(), replica.db().module());
            let log = self.logs.get(publisher).with_context(|| {
                format!(
                    "{subscriber} subscribes to events of {publisher}, which is off here: \
                     say where {publisher} runs with --remote {publisher}=http://HOST:PORT"
                )
            })?;
            // Another process checks the token of the subscriber, so each subscriber reads a remote log for itself. A local
            // log is read once for all subscribers.
            let (reader, source): (&str, Arc<dyn EventSource>) = match log {
                Log::Local(source) => ("", Arc::clone(source) as Arc<dyn EventSource>),
                Log::Remote(source) => (subscriber, source(subscriber)),
            };
            let tail = tails.entry((publisher, reader)).or_insert_with(|| {
                let tail = Tail::new(inject_faults(source));
                jobs.push(Box::pin(Arc::clone(&tail).poll_head()));
                tail
            });
            followed.entry(subscriber).or_default().push(FollowedLog {
                subscription: subscription.clone(),
                tail: Arc::clone(tail),
            });
            jobs.push(Box::pin(handle_events(subscription, Arc::clone(tail), replica)));
        }
        Ok((jobs, followed))
    }
}
