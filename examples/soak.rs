//! The random-kill world of the suite for as long as you like, with counters:
//! `cargo run --release --example soak -- --minutes 60`. Exit code 1 if a lead was lost or doubled.
//!
//! The daemon is this same program, started again with a first argument of its own.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use amocrm_lead_bot::commands;
use clap::Parser;
use testkit::chaos::{Judgement, Stage};
use testkit::postgres::Cluster;
use testkit::turmoil::{Counters, Turmoil};

/// With this first argument the program is the daemon (or one of its commands).
const AS_DAEMON: &str = "as-daemon";

/// Kills the daemon again and again under buyers and faults, and counts what is lost and doubled.
#[derive(Debug, Parser)]
struct Args {
    /// How long
    #[arg(long, default_value_t = 3.0)]
    minutes: f64,
    /// How many buyers fill in forms at once
    #[arg(long, default_value_t = 20)]
    buyers: usize,
    /// On PostgreSQL with two daemons, of which one waits to take over, and a database that fails as well
    #[arg(long)]
    postgres: bool,
    /// Of everything random
    #[arg(long, default_value_t = rand::random())]
    seed: u64,
}

fn main() -> ExitCode {
    let mut args = std::env::args();
    let program = args.next().unwrap_or_default();
    if std::env::args().nth(1).as_deref() == Some(AS_DAEMON) {
        return commands::main(commands::Cli::parse_from(std::iter::once(program).chain(args.skip(1))));
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(soak(&Args::parse()))
}

async fn soak(args: &Args) -> ExitCode {
    println!("seed {}, {} buyers, {} minutes", args.seed, args.buyers, args.minutes);
    let mut machines = vec![Stage::new(std::env::current_exe().expect("this program"), &[AS_DAEMON]).await];
    // The same few buyers send request after request.
    for limit in ["LEADS_PER_HOUR", "LEADS_PER_DAY"] {
        machines[0].set(limit, "off");
    }
    let cluster = if args.postgres { tokio::task::block_in_place(Cluster::start) } else { None };
    if let Some(cluster) = &cluster {
        machines[0].set("DATABASE_URL", cluster.database());
        machines.push(machines[0].beside());
    } else if args.postgres {
        return ExitCode::FAILURE;
    }
    let turmoil = Turmoil {
        seed: args.seed,
        buyers: args.buyers,
        lasts: Duration::from_secs_f64(args.minutes * 60.0),
        kill_after: 100..4000,
        fault_after: 20..400,
    };
    let start = Instant::now();
    let (counters, judgement) = turmoil
        .run(&mut machines, cluster, |stage, counters| {
            println!("{:4} s: {counters}", start.elapsed().as_secs());
            tell_doubled(&stage.judge());
        })
        .await;
    report(&counters, &judgement);
    let right = judgement.is_exactly_once(counters.forms);
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whatever is doubled already is told at once.
fn tell_doubled(judgement: &Judgement) {
    if !judgement.doubled.is_empty() || !judgement.notes_doubled.is_empty() {
        println!("doubled: {:?}, notes doubled: {:?}", judgement.doubled, judgement.notes_doubled);
    }
}

fn report(counters: &Counters, judgement: &Judgement) {
    println!("\nleads                          {}", counters.forms);
    println!("kills                          {}", counters.kills);
    println!("faults                         {}", counters.faults.values().sum::<usize>());
    for (fault, times) in &counters.faults {
        println!("  {times:5} {fault}");
    }
    println!("lost                           {}", judgement.missing.len() + judgement.without_note.len());
    println!("doubled                        {}", judgement.doubled.len() + judgement.notes_doubled.len());
    println!("told out of order              {}", judgement.told_out_of_order.len());
    println!("uncertain creates found           {}", counters.found);
    println!("repeated after look-ups        {}", counters.repeated);
    println!("longest wait                   {:.1?}", counters.longest_wait);
}
