//! The control database: records, history, members, evidence and differences. SQL only, decides nothing.

// Records and their history.
mod moves;
// The processes that follow the records.
mod members;
// Counts and differences of a stage.
mod evidence;

use offshoot_db::{ModuleSchema, migrations};

pub use self::evidence::{
    DifferenceClass, StageOfBuild, add_difference, difference_classes, put_evidence, remove_old_stages,
    sum_of_all_builds, sum_of_stage,
};
pub use self::members::{MemberState, members, put_member, remove_dead_members, remove_member};
pub use self::moves::{Version, history, record, records, versions, write};

/// Schema of the control database.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "control",
    migrations: migrations!("../migrations": 1 "0001_control"),
    tables: include_str!("../migrations/tables.toml"),
};
