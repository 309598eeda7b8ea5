//! Nothing lost, nothing doubled: whatever dies, fails or lies, what buyers were promised is in amoCRM exactly once.

#[path = "../support/chaos.rs"]
mod chaos;
#[path = "../support/deaths.rs"]
mod deaths;
#[path = "../fakes/mod.rs"]
mod fakes;
#[path = "../support/postgres.rs"]
#[allow(dead_code)]
mod postgres;
#[path = "../support/turmoil.rs"]
mod turmoil;

mod altered;
mod crm_troubles;
mod damaged_rows;
mod intake_troubles;
mod isolation;
mod kill_points;
mod random_kills;
mod schedules;
mod store_troubles;
mod told;
mod virtual_time;

/// A stage with the daemon under test.
async fn stage() -> chaos::Stage {
    chaos::Stage::new(env!("CARGO_BIN_EXE_amocrm-lead-bot").into(), &[]).await
}
