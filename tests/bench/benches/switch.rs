//! What a safe local call costs through the switch, over the same call on the implementation itself.
//!
//! Between the two stand variants that add one layer each: they say where the nanoseconds go.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use offshoot_contract::{
    ArgsOf, CallContext, CallFailure, Contract, ContractError, Edge, Invoke, Method, Switch, Target, contract,
};

use crate::rounds::{Spread, alternate, report};

#[path = "shared/rounds.rs"]
mod rounds;

const ROUNDS: usize = 21;
/// Calls per round: some 10 ms, many of the scheduler's slices and little of a coffee.
const CALLS: u64 = 100_000;

/// The least that a contract can do.
#[contract(name = "numbers", version = "1.0")]
#[async_trait]
pub trait NumbersApi: Send + Sync + 'static {
    /// One more than `number`.
    #[get("/numbers/{number}/successor")]
    async fn successor(&self, cx: &mut CallContext, number: u64) -> Result<u64, NumbersError>;
}

/// Nothing can go wrong with numbers.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum NumbersError {
    /// Not the module's own answer.
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

/// The call as a value and back, and nothing else: what any layer behind the trait costs at least.
struct Values(Arc<dyn NumbersApi>);

impl Invoke<dyn NumbersApi> for Values {
    async fn invoke<M: Method<Api = dyn NumbersApi>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> Result<M::Answer, M::Error> {
        M::call(&*self.0, cx, args).await
    }
}

/// The same, with a context of the callee's own.
struct Entered(Arc<dyn NumbersApi>);

impl Invoke<dyn NumbersApi> for Entered {
    async fn invoke<M: Method<Api = dyn NumbersApi>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> Result<M::Answer, M::Error> {
        let mut callee = cx.enter(M::spec(), None, tokio::time::Instant::now());
        M::call(&*self.0, &mut callee, args).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let direct: Arc<dyn NumbersApi> = Arc::new(Numbers);
    let edge = Arc::new(Edge::new(Arc::clone(&direct)));
    let contestants: [(&str, Arc<dyn NumbersApi>); 5] = [
        ("the implementation itself", Arc::clone(&direct)),
        (
            "as a value and back",
            <dyn NumbersApi>::object(Values(Arc::clone(&direct))),
        ),
        ("with the callee's context", <dyn NumbersApi>::object(Entered(direct))),
        ("through the edge", <dyn NumbersApi>::object(Arc::clone(&edge))),
        (
            "through the switch",
            <dyn NumbersApi>::object(Arc::new(Switch::new(Target::Local(edge)))),
        ),
    ];
    let figures = alternate(ROUNDS, contestants.len(), async |contestant| {
        let api: &dyn NumbersApi = &*contestants[contestant].1;
        calls(black_box(api)).await
    })
    .await;

    println!("a safe local call, ns (median and range of {ROUNDS} rounds of {CALLS} calls)");
    let baseline = || figures[0].iter().copied();
    for ((name, _), figures) in contestants.iter().zip(&figures).skip(1) {
        let ours = || figures.iter().copied();
        let over = Spread::of(ours().zip(baseline()).map(|(ours, direct)| ours - direct));
        let figure = format!("{:.0}, over by {over:.0}", Spread::of(ours()).median);
        report(
            name,
            figure,
            format!("{:.0}", Spread::of(baseline()).median),
            Spread::of_ratios(ours(), baseline()),
        );
    }
    println!("\nwhat such a call is made of, ns");
    let target = ArcSwap::from_pointee(0_u64);
    piece("reading the clock", tokio::time::Instant::now);
    piece("loading the target", || target.load_full());
    piece("one allocation", || Box::new(0_u64));
}

/// Nanoseconds per call.
async fn calls(api: &dyn NumbersApi) -> f64 {
    let mut cx = CallContext::root("bench");
    let start = Instant::now();
    for number in 0..CALLS {
        let next = api.successor(&mut cx, black_box(number)).await;
        assert_eq!(black_box(next), Ok(number + 1));
    }
    start.elapsed().as_nanos() as f64 / CALLS as f64
}

fn piece<T>(name: &str, mut make: impl FnMut() -> T) {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(make());
        }
        start.elapsed().as_nanos() as f64 / CALLS as f64
    });
    println!("{name:34} | {:.1}", Spread::of(rounds));
}
