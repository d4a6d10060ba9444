//! The storage traits. `contract` holds for every backend; the other files are about one.

mod contract;
mod sqlite;
mod usage;
