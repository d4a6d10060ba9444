//! The storage traits. `contract` holds for every backend; the other files are about one.

mod base_rows;
mod contract;
mod sqlite;
mod usage;
