//! Claims about snapshots at the crate's boundary.
mod attacks;
mod bodies;
mod building;
mod bundles;
mod cache;
mod fixture;
mod heads;
mod lookups;
mod restrictions;
mod vectors;
