//! `trapline run`: does what is not done yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use clap::Args;

use super::exit::{Exit, coded};
use super::options::{ProjectArgs, StoreArgs};
use super::render::progress::Watch;
use super::render::roots;
use super::terminal::Terminal;
use super::{host, plan, project};
use crate::check::Pipeline;
use crate::run::event::Outcome;
use crate::run::{self, RunError, RunOptions, journal};
use crate::step::Cancel;
use crate::store::StoreError;

/// Do what is not done yet
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline run                       everything of the everyday run
  trapline run predictions           one step, with all before it
  trapline run --stage retrain       the steps of a stage
  trapline run --frozen              refuse whatever differs from trapline.lock

Ctrl-C finishes the batches in flight and stops; a second one stops at once. A run that was stopped or killed
goes on where it was.

Exit code: 0 complete, 1 a step or an expectation failed, 2 bad pipeline or arguments, 3 store damaged or locked,
4 waiting for people, 5 a root is absent or known images are gone from it, 130 stopped by you.")]
pub(super) struct Run {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    store: StoreArgs,

    /// Run these steps with all before them; without any, the everyday run
    #[arg(value_name = "STEP")]
    steps: Vec<String>,

    /// Run the steps of this stage
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,

    /// Refuse whatever would change recipes or inputs of `trapline.lock`, and outputs beyond tolerance
    #[arg(long)]
    frozen: bool,

    /// Threads to work with; without it, one per core
    #[arg(short, long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    jobs: usize,

    /// Compute this step again even where its result is known; may be repeated
    #[arg(long, value_name = "STEP")]
    force: Vec<String>,

    /// After a failure go on with the steps that do not depend on it
    #[arg(long)]
    keep_going: bool,

    /// Leave at once when another run uses the store, instead of waiting for it
    #[arg(long)]
    no_wait: bool,
}

pub(super) fn run(args: Run, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(Exit::BadInput) };
    let options = RunOptions {
        store: project::store(&args.store, &pipeline),
        targets: args.steps,
        stage: args.stage,
        frozen: args.frozen,
        jobs: args.jobs,
        force: args.force,
        keep_going: args.keep_going,
        wait: !args.no_wait,
    };
    watched(&pipeline, &options, terminal, &Interrupts::heed()?)
}

/// Runs under the eyes of a person who may press Ctrl-C.
pub(super) fn watched(
    pipeline: &Pipeline,
    options: &RunOptions,
    terminal: Terminal,
    interrupts: &Interrupts,
) -> anyhow::Result<Exit> {
    let watch = Arc::new(Watch::new(terminal));
    watch.knows(journal::known_findings(&options.store, &pipeline.name));
    interrupts.tell(&watch);
    let cancel = &interrupts.cancel;
    match run::run(pipeline, options, &host::host(), &*watch, cancel) {
        Ok(outcome) => {
            watch.conclude();
            if outcome == Outcome::Blocked {
                terminal.say(&roots::absent(pipeline));
            }
            Ok(exit_of(outcome))
        }
        Err(error) => {
            watch.abandon();
            match error {
                RunError::Store(StoreError::Locked { .. }) if cancel.is_cancelled() => Ok(Exit::Interrupted),
                RunError::Store(StoreError::Locked { .. }) => {
                    Err(coded(Exit::Store, anyhow::Error::from(error).context("another run has to end first")))
                }
                other => Err(plan::run_error(other)),
            }
        }
    }
}

fn exit_of(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Complete => Exit::Ok,
        Outcome::Failed => Exit::StepFailed,
        Outcome::Waiting => Exit::Waiting,
        Outcome::Blocked => Exit::RootAbsent,
        Outcome::Interrupted => Exit::Interrupted,
    }
}

/// Heeds Ctrl-C for all runs of this process: the first press (or a polite kill) drains, the second one stops at once. The store
/// survives both.
pub(super) struct Interrupts {
    cancel: Cancel,
    watch: Arc<Mutex<Option<Arc<Watch>>>>,
}

impl Interrupts {
    /// Begins to listen, which a process can do once.
    pub(super) fn heed() -> anyhow::Result<Self> {
        let interrupts = Self { cancel: Cancel::default(), watch: Arc::default() };
        let (cancel, watch) = (interrupts.cancel.clone(), Arc::clone(&interrupts.watch));
        let pressed = AtomicBool::new(false);
        ctrlc::set_handler(move || {
            if pressed.swap(true, Ordering::SeqCst) {
                std::process::exit(Exit::Interrupted as i32);
            }
            cancel.cancel();
            if let Some(watch) = watch.lock().ok().as_deref().and_then(Option::as_ref) {
                watch.say("Stopping after the batches in flight; press Ctrl-C again to stop at once.");
            }
        })
        .context("cannot listen for Ctrl-C")?;
        Ok(interrupts)
    }

    /// Says from now on through `watch` what is heard.
    fn tell(&self, watch: &Arc<Watch>) {
        if let Ok(mut told) = self.watch.lock() {
            *told = Some(Arc::clone(watch));
        }
    }
}
