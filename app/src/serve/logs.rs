//! Where each module's events are read from in this process, and who reads them. Knows no module.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use offshoot_jobs::Replica;
use offshoot_outbox::{EventSource, LocalSource, Subscription, Tail, disturbed, run};

use crate::serve::working::Job;

/// The log of one module.
enum Log {
    /// Its data is opened here.
    Here(Arc<LocalSource>),
    /// Asked of another process, in the name of the module that reads.
    Elsewhere(Box<dyn Fn(&'static str) -> Arc<dyn EventSource> + Send + Sync>),
}

/// The logs that can be read here, and the subscriptions of the modules that run here.
#[derive(Default)]
pub(super) struct Logs {
    logs: BTreeMap<&'static str, Log>,
    reading: Vec<(Subscription, Arc<Replica>)>,
}

impl Logs {
    pub(super) fn here(&mut self, module: &'static str, source: Arc<LocalSource>) {
        self.logs.insert(module, Log::Here(source));
    }

    pub(super) fn elsewhere(
        &mut self,
        module: &'static str,
        source: impl Fn(&'static str) -> Arc<dyn EventSource> + Send + Sync + 'static,
    ) {
        self.logs.insert(module, Log::Elsewhere(Box::new(source)));
    }

    pub(super) fn subscribe(&mut self, subscriptions: Vec<Subscription>, replica: &Arc<Replica>) {
        let reading = subscriptions.into_iter().map(|one| (one, Arc::clone(replica)));
        self.reading.extend(reading);
    }

    /// What has to run for all of it: one watch per log and reader, and each subscription.
    pub(super) fn into_jobs(self) -> anyhow::Result<Vec<Job>> {
        let mut tails = BTreeMap::<(&str, &str), Arc<Tail>>::new();
        let mut jobs: Vec<Job> = Vec::new();
        for (subscription, replica) in self.reading {
            let (module, reader) = (subscription.module(), replica.db().module());
            let log = self.logs.get(module).with_context(|| {
                format!(
                    "{reader} hears events of {module}, which is off here: say where it runs with --remote {module}=http://HOST:PORT"
                )
            })?;
            // Another process asks who reads; our own data does not.
            let (whose, source): (&str, Arc<dyn EventSource>) = match log {
                Log::Here(source) => ("", Arc::clone(source) as Arc<dyn EventSource>),
                Log::Elsewhere(source) => (reader, source(reader)),
            };
            let tail = tails.entry((module, whose)).or_insert_with(|| {
                let tail = Tail::new(disturbed(source));
                jobs.push(Box::pin(Arc::clone(&tail).run()));
                tail
            });
            jobs.push(Box::pin(run(subscription, Arc::clone(tail), replica)));
        }
        Ok(jobs)
    }
}
