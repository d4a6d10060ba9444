//! The tests of `latchkey-signature`, as its callers see it.

mod attacks;
mod fixture;
mod properties;
mod vectors;
