//! Cost of a safe local call through the switch, compared with a direct call of the implementation.
//!
//! Intermediate variants add one layer each and show the cost of each layer. The last one is a module in a canary: the hash of
//! the key decides the side of each call, and each attempt is counted.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use offshoot_contract::{
    ArgsOf, Attempt, CallContext, CallFailure, Contract, ContractError, Edge, Invoke, Method, MethodSpec, ObservedCall,
    Switch, Target, Trial, TrialObserver, contract,
};

use crate::rounds::{Spread, alternate, report};

#[path = "shared/rounds.rs"]
mod rounds;

const ROUNDS: usize = 21;
/// Calls per round. A round takes some 10 ms: many scheduler slices, and still short.
const CALLS: u64 = 100_000;

/// A minimal contract.
#[contract(name = "numbers", version = "1.0")]
#[async_trait]
pub trait NumbersApi: Send + Sync + 'static {
    /// Returns `number + 1`.
    #[get("/numbers/{number}/successor")]
    async fn successor(&self, cx: &mut CallContext, number: u64) -> Result<u64, NumbersError>;
}

/// The contract has no errors of its own.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum NumbersError {
    /// A failed call.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

struct Numbers;

#[async_trait]
impl NumbersApi for Numbers {
    async fn successor(&self, _: &mut CallContext, number: u64) -> Result<u64, NumbersError> {
        Ok(number + 1)
    }
}

/// Packs the call into a value and unpacks the call: the minimum cost of any layer behind the trait.
struct PackedCall(Arc<dyn NumbersApi>);

impl Invoke<dyn NumbersApi> for PackedCall {
    async fn invoke<M: Method<Api = dyn NumbersApi>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> Result<M::Answer, M::Error> {
        M::call(&*self.0, cx, args).await
    }
}

/// Like [`PackedCall`], with a new context for the callee.
struct PackedCallWithContext(Arc<dyn NumbersApi>);

impl Invoke<dyn NumbersApi> for PackedCallWithContext {
    async fn invoke<M: Method<Api = dyn NumbersApi>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> Result<M::Answer, M::Error> {
        let mut callee = cx.for_callee(M::spec(), None, tokio::time::Instant::now());
        M::call(&*self.0, &mut callee, args).await
    }
}

/// Counts the attempts, and observes no call.
#[derive(Default)]
struct Counting(AtomicU64);

impl TrialObserver for Counting {
    fn attempt(&self, _: &Attempt) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn wants(&self, _: usize, _: &'static MethodSpec) -> bool {
        false
    }

    fn observe(&self, _: Box<dyn ObservedCall>) {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let direct: Arc<dyn NumbersApi> = Arc::new(Numbers);
    let edge = Arc::new(Edge::new(Arc::clone(&direct)));
    let canary = Trial {
        local: Some(Arc::clone(&edge)),
        candidate: Some(<dyn NumbersApi>::new_proxy(Arc::clone(&edge))),
        mirror: None,
        encoding: None,
        threshold: 0,
        salt: 7,
        fallback: true,
        observer: Arc::new(Counting::default()),
    };
    let contestants: [(&str, Arc<dyn NumbersApi>); 6] = [
        ("direct call", Arc::clone(&direct)),
        (
            "packed and unpacked",
            <dyn NumbersApi>::new_proxy(PackedCall(Arc::clone(&direct))),
        ),
        (
            "with the callee's context",
            <dyn NumbersApi>::new_proxy(PackedCallWithContext(direct)),
        ),
        ("through the edge", <dyn NumbersApi>::new_proxy(Arc::clone(&edge))),
        (
            "through the switch",
            <dyn NumbersApi>::new_proxy(Arc::new(Switch::new(Target::Local(edge)))),
        ),
        (
            "in a canary, on the local side",
            <dyn NumbersApi>::new_proxy(Arc::new(Switch::new(Target::Trial(Arc::new(canary))))),
        ),
    ];
    let figures = alternate(ROUNDS, contestants.len(), async |contestant| {
        let api: &dyn NumbersApi = &*contestants[contestant].1;
        time_calls(black_box(api)).await
    })
    .await;

    println!("a safe local call, ns (median and range of {ROUNDS} rounds of {CALLS} calls)");
    let baseline = || figures[0].iter().copied();
    for ((name, _), figures) in contestants.iter().zip(&figures).skip(1) {
        let ours = || figures.iter().copied();
        let overhead = Spread::from_values(ours().zip(baseline()).map(|(ours, direct)| ours - direct));
        let figure = format!("{:.0}, overhead {overhead:.0}", Spread::from_values(ours()).median);
        report(
            name,
            figure,
            format!("{:.0}", Spread::from_values(baseline()).median),
            Spread::from_ratios(ours(), baseline()),
        );
    }
    println!("\nsingle operations of a call, ns");
    let target = ArcSwap::from_pointee(0_u64);
    time_operation("choosing the side of a key", || {
        offshoot_contract::generated::key_hash(&black_box("product_01h455vb4pex5vsknk084sn02q"), 7)
    });
    time_operation("reading the clock", tokio::time::Instant::now);
    time_operation("loading the target", || target.load_full());
    time_operation("one allocation", || Box::new(0_u64));
}

/// Returns nanoseconds per call.
async fn time_calls(api: &dyn NumbersApi) -> f64 {
    let mut cx = CallContext::root("bench");
    let start = Instant::now();
    for number in 0..CALLS {
        let next = api.successor(&mut cx, black_box(number)).await;
        assert_eq!(black_box(next), Ok(number + 1));
    }
    start.elapsed().as_nanos() as f64 / CALLS as f64
}

fn time_operation<T>(name: &str, mut operation: impl FnMut() -> T) {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(operation());
        }
        start.elapsed().as_nanos() as f64 / CALLS as f64
    });
    println!("{name:34} | {:.1}", Spread::from_values(rounds));
}
