mod allocations;
mod decide;
mod explain;
#[expect(dead_code, reason = "the benchmark uses more of it")]
mod fixture;
mod restriction_vectors;
mod restrictions;
mod vectors;
