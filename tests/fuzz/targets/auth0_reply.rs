#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mfa_core::fuzzing::auth0_reply(bytes));
