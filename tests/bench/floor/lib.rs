//! The floor under every decision, as a bare Wasm module: SHA-256 of one block, and nothing else. `tests/bench/decide.mjs` builds and
//! runs it.
#![no_std]
#![allow(unsafe_code, reason = "exports of a bare module have no mangled names")]

use core::cell::UnsafeCell;

const TOKEN_BYTES: usize = 55;

struct Input(UnsafeCell<[u8; TOKEN_BYTES]>);
// SAFETY: the module is instantiated without threads, so there is only ever one user at a time.
unsafe impl Sync for Input {}
static INPUT: Input = Input(UnsafeCell::new([b'x'; TOKEN_BYTES]));

/// Where the caller writes the token.
#[unsafe(no_mangle)]
pub extern "C" fn input_offset() -> *mut u8 {
    INPUT.0.get().cast()
}

/// Hashes the input once; returns its first bytes, so that the work cannot be optimised away.
#[unsafe(no_mangle)]
pub extern "C" fn sha256_block() -> u32 {
    // SAFETY: the caller writes only between calls.
    let input = unsafe { &*INPUT.0.get() };
    let digest = latchkey_token::digest(input).0;
    u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
