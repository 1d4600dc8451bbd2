//! A module's switch as the strangler sees it: routed by plans, and asked about the candidate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use offshoot_contract::{
    CallFailure, Contract, FailureKind, MethodSpec, Target, Trial, TrialObserver, describe, method_specs,
};
use offshoot_jobs::Process;
use offshoot_outbox::FollowedLog;
use offshoot_rest::{Client, Identity, encoding_check, executable_hash};
use offshoot_strangler::{
    Candidate, CandidateIdentity, EventCounts, MemberAbilities, MethodKind, Mode, Observation, Plan, Processes,
    RoutedModule,
};
use uuid::Uuid;

use crate::module_switch::{CHECK_TIMEOUT, ClientPurpose, ModuleSwitch, other_data};
use crate::trial_clients::TrialClients;

/// Time limit for the answer of a process about its build, which reads its whole executable for the first answer.
const BUILD_TIMEOUT: Duration = Duration::from_secs(10);
/// Build of a process that does not name one.
const UNKNOWN_BUILD: &str = "unknown";

impl<A: Contract + ?Sized> ModuleSwitch<A> {
    /// Whether a plan divides the calls.
    pub(crate) fn is_trial(&self) -> bool {
        self.switch.is_trial()
    }

    fn trials(&self) -> &TrialClients<A> {
        self.trials.get_or_init(|| {
            let client = |purpose| {
                self.remote
                    .as_ref()
                    .map(|remote| Arc::new(remote.connect_to_all(purpose)))
            };
            TrialClients {
                standby: client(ClientPurpose::CallsWithStandby),
                mirror: client(ClientPurpose::Comparisons).map(A::new_proxy),
                encoding: encoding_check::<A>(),
                contract: describe::<A>().hash,
                builds: Mutex::default(),
            }
        })
    }

    fn trial(&self, plan: &Plan, observer: Arc<dyn TrialObserver>) -> (Target<A>, Option<Arc<Client<A>>>) {
        let local = self.local.as_ref().map(|local| Arc::clone(&local.edge));
        let encodes = plan.mode == Mode::Encoded;
        let has_standby = plan.fallback && local.is_some();
        let client = if has_standby { &self.trials().standby } else { &self.all };
        let client = client.clone().filter(|_| !encodes);
        let trial = Trial {
            local,
            candidate: client.clone().map(A::new_proxy),
            mirror: self.trials().mirror.clone().filter(|_| !encodes),
            encoding: encodes.then(|| Arc::clone(&self.trials().encoding)),
            threshold: plan.threshold,
            salt: plan.salt,
            fallback: plan.fallback,
            observer,
        };
        (Target::Trial(Arc::new(trial)), client)
    }

    /// Identities at the candidate's addresses, with builds.
    async fn identities(&self) -> Result<Vec<(String, Identity)>, CallFailure> {
        let Some(client) = &self.all else {
            return Ok(Vec::new());
        };
        let mut answering = client.module().check_all(CHECK_TIMEOUT).await?;
        let is_known = |identity: &Identity| self.builds().contains_key(&identity.instance);
        if !answering.iter().all(|(_, identity)| is_known(identity)) {
            for (_, identity) in client.module().check_all_builds(BUILD_TIMEOUT).await? {
                let build = identity.build.unwrap_or_else(|| UNKNOWN_BUILD.to_owned());
                self.builds().insert(identity.instance, build);
            }
        }
        let mut builds = self.builds();
        builds.retain(|instance, _| answering.iter().any(|(_, identity)| identity.instance == *instance));
        for (_, identity) in &mut answering {
            identity.build = builds.get(&identity.instance).cloned();
        }
        Ok(answering)
    }

    fn builds(&self) -> MutexGuard<'_, BTreeMap<Uuid, String>> {
        // A poisoned lock is usable: no panic leaves the map half changed.
        self.trials().builds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The processes that work on the module's data; `None` if the data is not here, or does not answer.
    async fn processes(&self) -> Option<Vec<Process>> {
        self.local.as_ref()?.replica.processes().await.ok()
    }

    /// What is wrong with the data of an answering process; `None` if the process works on this module's data.
    ///
    /// A process without the data relies on the control database: the candidate beats there, and the client compares the
    /// store id.
    async fn fault_of_data(&self, url: &str, identity: &Identity, processes: &Processes) -> Option<String> {
        let Some(local) = &self.local else {
            let instance = &identity.instance;
            let beats = processes.candidates.contains(instance) || processes.members.contains(instance);
            return (!beats).then(|| format!("{} at {url} sends no heartbeats to the control database", A::NAME));
        };
        match local.replica.sees(identity.instance).await {
            Ok(true) => None,
            Ok(false) => Some(other_data(&local.replica, &local.data, url, identity)),
            Err(failure) => Some(failure.to_string()),
        }
    }

    async fn candidate(&self, processes: &Processes, roster: &[Process]) -> Option<Candidate> {
        let answering = match self.identities().await {
            Ok(answering) if answering.is_empty() => return None,
            Ok(answering) => answering,
            Err(failure) => return self.faulty_candidate(&failure),
        };
        let mut fault = None;
        for (url, identity) in &answering {
            if fault.is_none() {
                fault = self.fault_of_data(url, identity, processes).await;
            }
        }
        let identities: BTreeSet<_> = answering
            .iter()
            .map(|(_, identity)| Self::as_candidate(identity))
            .collect();
        // A process that is no candidate takes work as soon as it can, so the roster may not show the work yet.
        let works = |identity: &Identity| {
            let is_working = |process: &Process| process.works && process.instance == identity.instance;
            !identity.candidate || roster.iter().any(is_working)
        };
        let expected = self.expected(identities.first());
        Some(Candidate {
            identity: identities.first().filter(|_| identities.len() == 1).cloned(),
            expected,
            same_data: fault.is_none(),
            is_declared: answering.iter().all(|(_, identity)| identity.candidate),
            works: answering.iter().any(|(_, identity)| works(identity)),
            fault,
        })
    }

    /// A candidate that serves another contract or store. `None` for a failure that says nothing about the candidate.
    fn faulty_candidate(&self, failure: &CallFailure) -> Option<Candidate> {
        (*failure.kind() == FailureKind::WrongContract).then(|| Candidate {
            identity: None,
            expected: self.expected(None),
            same_data: false,
            works: false,
            is_declared: false,
            fault: Some(failure.to_string()),
        })
    }

    fn as_candidate(identity: &Identity) -> CandidateIdentity {
        let version = A::VERSION.major.to_string();
        let is_own = |text: &str| text.split('.').next() == Some(version.as_str());
        let served = identity.versions.iter().find(|served| is_own(&served.version));
        CandidateIdentity {
            build: identity.build.clone().unwrap_or_else(|| UNKNOWN_BUILD.to_owned()),
            contract: served.map(|served| served.hash.clone()).unwrap_or_default(),
            migration: identity.migrations.join(", "),
        }
    }

    /// The identity that a candidate must show. A process without the module's data cannot know the migrations.
    fn expected(&self, found: Option<&CandidateIdentity>) -> CandidateIdentity {
        let migration = match &self.local {
            Some(local) => local.migrations.join(", "),
            None => found.map(|found| found.migration.clone()).unwrap_or_default(),
        };
        CandidateIdentity {
            build: String::new(),
            contract: self.trials().contract.clone(),
            migration,
        }
    }
}

impl<A: Contract + ?Sized> RoutedModule for ModuleSwitch<A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn methods(&self) -> Vec<&'static MethodSpec> {
        method_specs::<A>()
    }

    fn abilities(&self) -> MemberAbilities {
        MemberAbilities {
            has_implementation: self.local.is_some(),
            has_address: self.remote.is_some(),
        }
    }

    fn addresses(&self) -> Vec<String> {
        let addresses = self.remote.iter().flat_map(|remote| &remote.addresses);
        addresses.map(ToString::to_string).collect()
    }

    fn route(&self, plan: &Plan, observer: Arc<dyn TrialObserver>) {
        let (target, client) = match (&self.local, plan.mode) {
            (Some(local), Mode::Local) => (local.target(self.home), None),
            _ => self.trial(plan, observer),
        };
        self.route_to(target, client);
    }

    fn allow_work(&self, allowed: bool) {
        if let Some(local) = &self.local {
            local.replica.offer_work(allowed);
        }
    }

    fn build(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(executable_hash())
    }

    fn does_any_work(&self, candidates: BTreeSet<Uuid>) -> BoxFuture<'_, Option<bool>> {
        Box::pin(async move {
            let processes = self.processes().await?;
            let is_candidate = |process: &Process| candidates.contains(&process.instance);
            Some(processes.iter().any(|process| process.works && is_candidate(process)))
        })
    }

    fn listens(&self) -> bool {
        let followed = self.local.as_ref().and_then(|local| local.followed.get());
        followed.is_none_or(|followed| !followed.is_empty())
    }

    fn events(&self) -> EventCounts {
        let followed = self.local.as_ref().and_then(|local| local.followed.get());
        let counts = followed.into_iter().flatten().map(FollowedLog::counts);
        counts.fold(EventCounts::default(), |sum, (handled, set_aside)| EventCounts {
            handled: sum.handled + handled,
            set_aside: sum.set_aside + set_aside,
        })
    }

    fn observe(&self, processes: Processes) -> BoxFuture<'_, Observation> {
        Box::pin(async move {
            let roster = self.processes().await.unwrap_or_default();
            let candidate = self.candidate(&processes, &roster).await;
            let is_known = |instance: &Uuid| {
                processes.members.contains(instance)
                    || processes.candidates.contains(instance)
                    || self
                        .local
                        .as_ref()
                        .is_some_and(|local| local.replica.instance() == *instance)
            };
            let strangers = roster
                .iter()
                .filter(|process| process.works && !is_known(&process.instance));
            Observation {
                candidate,
                strangers: strangers.map(|process| process.name.clone()).collect(),
                methods: method_specs::<A>().into_iter().map(MethodKind::from).collect(),
                listens: self.listens(),
            }
        })
    }
}
