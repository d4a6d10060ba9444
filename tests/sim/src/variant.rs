/// Which fleet runs: ours, or one that lacks a safeguard. A simulation that does not notice the lack proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// As it ships.
    Ours,
    /// Isolates take whatever head they are given last, older or newer.
    ForgetsHighWater,
    /// Isolates trust a second key, which the attacker has.
    TrustsAnybody,
    /// Isolates refresh once and never again.
    NeverRefreshes,
    /// The relay wakes nobody who waits for news.
    NeverWakes,
    /// The publisher leaves out one revocation in ten.
    LosesRevocations,
    /// The policy goes on past `valid_until`.
    DecidesFromExpired,
}

impl Variant {
    /// Every unsafe one.
    pub const UNSAFE: [Self; 6] = [
        Self::ForgetsHighWater,
        Self::TrustsAnybody,
        Self::NeverRefreshes,
        Self::NeverWakes,
        Self::LosesRevocations,
        Self::DecidesFromExpired,
    ];
}
