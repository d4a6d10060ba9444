mod allocations;
mod decide;
#[expect(dead_code, reason = "the benchmark uses more of it")]
mod fixture;
mod restrictions;
mod vectors;
