mod allocations;
mod decide;
mod fixture;
