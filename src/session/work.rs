//! Work on the query runtime that ends when nobody waits for it any more: planning on a thread of its own, which a long
//! plan may keep busy, and rows on the runtime's workers. Whatever the engine starts inside belongs to the same work, so
//! that one flag stops all of it, also in the middle of a batch.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::common::runtime::{JoinSetTracer, set_join_set_tracer};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use futures::FutureExt;
use futures::future::BoxFuture;
use mission_control_udfs::Interrupt;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::rows::timed_out;
use crate::error::{Error, Result};

/// Both ways in which work hears that it should stop: waiting, and looking.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    interrupt: Interrupt,
}

impl Stop {
    pub fn now(&self) {
        self.interrupt.set();
        self.token.cancel();
    }

    /// The same work, which looks at this flag while it is polled.
    pub fn watched<F: Future + Send + 'static>(&self, work: F) -> Watched<F> {
        Watched {
            work: Box::pin(work),
            interrupt: self.interrupt.clone(),
        }
    }
}

/// See [`Stop::watched`].
pub struct Watched<F> {
    work: Pin<Box<F>>,
    interrupt: Interrupt,
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let work = this.work.as_mut();
        this.interrupt.scope(|| work.poll(context))
    }
}

/// Plans (or parses) on a thread of its own until it is done, the deadline has passed or the caller has gone.
pub async fn plan<T: Send + 'static>(
    runtime: &Handle,
    work: BoxFuture<'static, Result<T>>,
    deadline: Option<Instant>,
) -> Result<T> {
    plan_within(runtime, work, deadline, Stop::default()).await
}

/// The same for work that goes on when it is planned: what it started is `stop`'s.
pub async fn plan_within<T: Send + 'static>(
    runtime: &Handle,
    work: BoxFuture<'static, Result<T>>,
    deadline: Option<Instant>,
    stop: Stop,
) -> Result<T> {
    let (token, watched, here) = (stop.token.clone(), stop.watched(work), runtime.clone());
    let thread = runtime.spawn_blocking(move || {
        here.block_on(async move {
            tokio::select! {
                biased;
                () = token.cancelled() => Err(Error::internal("nobody waits for this plan")),
                planned = watched => planned,
            }
        })
    });
    let planning = Planning {
        thread,
        stop,
        is_done: false,
    };
    match deadline {
        Some(at) => tokio::time::timeout_at(at, planning)
            .await
            .unwrap_or_else(|_| Err(timed_out())),
        None => planning.await,
    }
}

struct Planning<T> {
    thread: JoinHandle<Result<T>>,
    stop: Stop,
    is_done: bool,
}

impl<T> Future for Planning<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let joined = std::task::ready!(Pin::new(&mut self.thread).poll(context));
        self.is_done = true;
        Poll::Ready(joined.unwrap_or_else(|error| Err(panicked(error))))
    }
}

impl<T> Drop for Planning<T> {
    fn drop(&mut self) {
        if !self.is_done {
            self.stop.now();
            self.thread.abort();
        }
    }
}

/// What became of a task that did not come to its end: a bug, whose words are for the log.
pub fn panicked(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => Error::internal(format!("panic: {}", panic_text(panic.as_ref()))),
        Err(error) => Error::internal(format!("the statement's task ended: {error}")),
    }
}

/// The words of a panic.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "without words",
    }
}

/// Hands the flag of a query on to the tasks that the engine starts for it.
struct HandOn;

impl JoinSetTracer for HandOn {
    fn trace_future(&self, work: BoxFuture<'static, Box<dyn Any + Send>>) -> BoxFuture<'static, Box<dyn Any + Send>> {
        match Interrupt::current() {
            Some(interrupt) => Watched {
                work: Box::pin(work),
                interrupt,
            }
            .boxed(),
            None => work,
        }
    }

    fn trace_block(
        &self,
        work: Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>,
    ) -> Box<dyn FnOnce() -> Box<dyn Any + Send> + Send> {
        match Interrupt::current() {
            Some(interrupt) => Box::new(move || interrupt.scope(work)),
            None => work,
        }
    }
}

/// Makes the engine's tasks belong to the query that starts them. A program that has set a tracer of its own keeps it.
pub fn hand_flags_on() {
    let _ = set_join_set_tracer(&HandOn);
}

/// A step between two of the optimizer's rules, where planning that nobody waits for ends.
#[derive(Debug)]
struct Checkpoint;

impl OptimizerRule for Checkpoint {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>, DataFusionError> {
        Interrupt::check()?;
        Ok(Transformed::no(plan))
    }
}

/// Makes joins let others have their thread now and then. The engine does so where rows are read; a join that makes very
/// many rows out of the few that it has read would otherwise hold its thread, and not hear that it should stop.
#[derive(Debug)]
pub struct YieldingJoins;

impl PhysicalOptimizerRule for YieldingJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let yielding = plan.transform_up(|step| {
            Ok(if step.name().ends_with("JoinExec") {
                Transformed::yes(Arc::new(CooperativeExec::new(step)) as Arc<dyn ExecutionPlan>)
            } else {
                Transformed::no(step)
            })
        })?;
        Ok(yielding.data)
    }

    fn name(&self) -> &'static str {
        "yielding_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// The optimizer's rules with a checkpoint before each.
pub fn with_checkpoints(state: &SessionState) -> Vec<Rule> {
    let rules = state.optimizers().iter();
    rules
        .flat_map(|rule| [Arc::new(Checkpoint) as Rule, Arc::clone(rule)])
        .collect()
}
