//! Asks at the start who answers at the addresses of other processes, so that a wrong one is named then and not at the first
//! call. Stops nothing: processes may start in any order.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use offshoot_host::{HostedModule, TargetFault};

use crate::serve::health::Health;

/// Pause before an address that does not answer yet, or sends no heartbeat yet, is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Logs each module with a wrong process at one of its addresses. Ends when all addresses were asked.
pub(super) async fn report_wrong_targets(health: Arc<Health>) {
    join_all(health.modules().iter().map(report_wrong_target)).await;
}

async fn report_wrong_target(module: &HostedModule) {
    let mut last = None;
    while let Ok(check) = module.control.check_target(None) {
        let fault = match check.await {
            Ok(_) => return,
            Err(fault) => fault,
        };
        let is_certain = match fault {
            TargetFault::Unreachable(_) => false,
            TargetFault::WrongStore(_) => true,
            // A process that has just started serves before its first heartbeat.
            TargetFault::OtherData(_) => last.as_ref() == Some(&fault),
        };
        if is_certain {
            tracing::error!(module = module.name, "wrong target: {fault}");
            return;
        }
        last = Some(fault);
        tokio::time::sleep(ASK_AGAIN).await;
    }
}
