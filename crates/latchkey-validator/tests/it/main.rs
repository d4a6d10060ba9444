mod allocations;
mod decide;
mod fixture;
mod vectors;
