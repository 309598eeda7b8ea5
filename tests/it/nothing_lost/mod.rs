//! Nothing lost, nothing doubled: whatever dies, fails or lies, what buyers were promised is in amoCRM exactly once.

mod altered;
mod crm_troubles;
mod damaged_rows;
mod intake_troubles;
mod isolation;
mod kill_points;
mod leads;
mod older_store;
mod random_kills;
mod schedules;
mod store_troubles;
mod token_ages;
mod told;
mod virtual_time;

use testkit::chaos::Stage;

/// A stage with the daemon under test.
async fn stage() -> Stage {
    Stage::new(testkit::daemon(), &[]).await
}
