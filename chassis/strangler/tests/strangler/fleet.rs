//! Processes of a fleet: each with a strangler, a module that remembers its routing, and the control database.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use offshoot_contract::{CallContext, Class, MethodSpec, TrialObserver, Verb};
use offshoot_db::Db;
use offshoot_jobs::HeartbeatTiming;
use offshoot_strangler::store::{SCHEMA, write};
use offshoot_strangler::{
    Applied, ControlDatabase, MemberAbilities, Migration, Observation, Plan, Processes, Request, RequestKind,
    RoutedModule, Status, Step, Strangler, StranglerError, StranglerOptions,
};
use offshoot_testkit::ScratchDatabase;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::world::{READ, WRITE, now, observation};

pub(crate) const MODULE: &str = "stations";
/// How long a test waits for an event.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

static READING: MethodSpec = spec(READ, Verb::Get, Class::Safe);
static CREATE: MethodSpec = spec(WRITE, Verb::Post, Class::Unsafe);

const fn spec(name: &'static str, verb: Verb, class: Class) -> MethodSpec {
    MethodSpec {
        module: MODULE,
        major: 1,
        name,
        doc: "",
        verb,
        path: "/stations",
        class,
        key: None,
        stale_ok: false,
        max_bytes: MethodSpec::DEFAULT_MAX_BYTES,
        timeout: Duration::from_secs(10),
        has_body: false,
    }
}

/// The read, which is the first method of the contract.
pub(crate) fn reading() -> &'static MethodSpec {
    &READING
}

pub(crate) fn context() -> CallContext {
    CallContext::root("strangler").with_timeout(Duration::from_secs(30))
}

/// The control database as the processes find it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Missing,
    Unreachable,
    There,
}

/// The control database of a fleet.
pub(crate) struct Control {
    pub(crate) scratch: ScratchDatabase,
    condition: Mutex<Condition>,
    /// The data directory, with the file of the last known records.
    pub(crate) directory: TempDir,
}

impl Control {
    pub(crate) fn new(scratch: ScratchDatabase, condition: Condition) -> Arc<Self> {
        Arc::new(Self {
            scratch,
            condition: Mutex::new(condition),
            directory: tempfile::tempdir().expect("a temporary folder can be created"),
        })
    }

    pub(crate) fn set(&self, condition: Condition) {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner) = condition;
    }

    pub(crate) fn records_file(&self) -> PathBuf {
        self.directory.path().join("moves.json")
    }

    /// Writes a record as if its steps had been taken.
    pub(crate) async fn seed(&self, record: &Migration) -> Db {
        let db = self.scratch.open(&SCHEMA).await;
        let mut cx = context();
        let mut tx = db.begin(&mut cx).await.expect("a transaction");
        let step = Step {
            migration: record.clone(),
            entry: None,
        };
        let before = Migration::new(record.salt, now());
        assert!(write(&mut tx, MODULE, &before, &step).await.expect("a record"));
        tx.commit_part().await.expect("a commit");
        db
    }
}

impl ControlDatabase for Control {
    fn open(&self, create: bool) -> BoxFuture<'_, Result<Option<Db>, String>> {
        Box::pin(async move {
            let condition = *self.condition.lock().unwrap_or_else(PoisonError::into_inner);
            match condition {
                Condition::Unreachable => return Err("no route to host".to_owned()),
                Condition::Missing if !create => return Ok(None),
                Condition::Missing | Condition::There => self.set(Condition::There),
            }
            Ok(Some(self.scratch.open(&SCHEMA).await))
        })
    }
}

/// The routing of a module.
#[derive(Clone)]
pub(crate) struct Routed {
    pub(crate) plan: Plan,
    pub(crate) observer: Arc<dyn TrialObserver>,
}

/// A module that remembers how it is routed.
pub(crate) struct FakeModule {
    pub(crate) observation: Mutex<Observation>,
    pub(crate) routed: watch::Sender<Option<Routed>>,
    pub(crate) may_work: watch::Sender<Option<bool>>,
}

impl RoutedModule for FakeModule {
    fn name(&self) -> &'static str {
        MODULE
    }

    fn methods(&self) -> Vec<&'static MethodSpec> {
        vec![&READING, &CREATE]
    }

    fn abilities(&self) -> MemberAbilities {
        MemberAbilities {
            has_implementation: true,
            has_address: true,
        }
    }

    fn addresses(&self) -> Vec<String> {
        vec!["http://127.0.0.1:1".to_owned()]
    }

    fn route(&self, plan: &Plan, observer: Arc<dyn TrialObserver>) {
        let plan = plan.clone();
        self.routed.send_replace(Some(Routed { plan, observer }));
    }

    fn allow_work(&self, allowed: bool) {
        self.may_work.send_replace(Some(allowed));
    }

    fn observe(&self, _: Processes) -> BoxFuture<'_, Observation> {
        let observation = self.observation.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(std::future::ready(observation))
    }
}

/// One process of the fleet. Dropping it is a kill.
pub(crate) struct Process {
    pub(crate) strangler: Arc<Strangler>,
    pub(crate) module: Arc<FakeModule>,
    pub(crate) instance: Uuid,
    jobs: Vec<JoinHandle<()>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.jobs.iter().for_each(JoinHandle::abort);
    }
}

impl Process {
    /// A process that has begun and works.
    pub(crate) async fn start(control: &Arc<Control>, name: &str) -> Self {
        Self::begin(control, name, false).await.work()
    }

    /// A candidate that has begun and works.
    pub(crate) async fn start_candidate(control: &Arc<Control>, name: &str) -> Self {
        Self::begin(control, name, true).await.work()
    }

    /// A process that has begun, and looks at nothing any more.
    pub(crate) async fn begin(control: &Arc<Control>, name: &str, is_candidate: bool) -> Self {
        let module = Arc::new(FakeModule {
            observation: Mutex::new(observation()),
            routed: watch::Sender::new(None),
            may_work: watch::Sender::new(None),
        });
        let instance = Uuid::now_v7();
        let options = StranglerOptions {
            instance,
            name: name.to_owned(),
            implementations: vec![MODULE.to_owned()],
            candidate_for: if is_candidate {
                vec![MODULE.to_owned()]
            } else {
                Vec::new()
            },
            records_file: control.records_file(),
            heartbeat: HeartbeatTiming::default(),
        };
        let source: Arc<dyn ControlDatabase> = Arc::clone(control) as _;
        let strangler = Strangler::new(options, source, vec![Arc::clone(&module) as _]);
        strangler.begin().await;
        Self {
            strangler,
            module,
            instance,
            jobs: Vec::new(),
        }
    }

    fn work(mut self) -> Self {
        self.jobs = self.strangler.jobs().into_iter().map(tokio::spawn).collect();
        self
    }

    /// Waits for a plan.
    pub(crate) async fn routed(&self, is_expected: impl Fn(&Plan) -> bool) -> Routed {
        let mut routed = self.module.routed.subscribe();
        let found = routed.wait_for(|routed| routed.as_ref().is_some_and(|routed| is_expected(&routed.plan)));
        let found = timeout(PATIENCE, found).await.expect("the plan is routed in time");
        found.expect("the module lives").clone().expect("a plan was found")
    }

    /// The plan that is routed now.
    pub(crate) fn plan(&self) -> Option<Plan> {
        self.module.routed.borrow().as_ref().map(|routed| routed.plan.clone())
    }

    /// Waits until background work is allowed, or barred.
    pub(crate) async fn works(&self, expected: bool) {
        let mut may_work = self.module.may_work.subscribe();
        let found = timeout(PATIENCE, may_work.wait_for(|allowed| *allowed == Some(expected))).await;
        found
            .expect("background work changes in time")
            .expect("the module lives");
    }

    pub(crate) async fn status(&self) -> Status {
        self.strangler
            .status(MODULE)
            .await
            .expect("the process knows the module")
    }

    /// Waits for a status.
    pub(crate) async fn status_with(&self, is_expected: impl Fn(&Status) -> bool) -> Status {
        let found = timeout(PATIENCE, async {
            loop {
                let status = self.status().await;
                if is_expected(&status) {
                    return status;
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        match found.await {
            Ok(status) => status,
            Err(_) => panic!("the status does not come: {:?}", self.status().await),
        }
    }

    pub(crate) async fn apply(&self, kind: RequestKind) -> Result<Applied, StranglerError> {
        let generation = Some(self.status().await.generation);
        let request = Request {
            operator: "kim".to_owned(),
            generation,
            kind,
        };
        self.strangler.apply(MODULE, &request, false).await
    }
}
