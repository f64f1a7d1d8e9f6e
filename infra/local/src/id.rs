//! Identifiers of the forms that AWS gives out.

use std::hash::{BuildHasher, Hasher, RandomState};

/// 128 bits that are different every time. They identify and protect nothing, so the standard library's
/// per-process random hashing keys do.
fn bits() -> u128 {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    half() << 64 | half()
}

/// A version 4 UUID (RFC 9562, section 5.4).
pub(crate) fn uuid() -> String {
    let bits = bits() & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// An X-Ray trace header: `Root=1-<time>-<96 bits>`, at `seconds` since the epoch.
pub(crate) fn trace(seconds: u64) -> String {
    format!("Root=1-{seconds:08x}-{:024x}", bits() >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_its_form_and_is_new_every_time() {
        let id = uuid();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(id.as_bytes()[14], b'4', "{id}");
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, uuid());
    }

    #[test]
    fn a_trace_begins_with_the_time_in_hex() {
        let trace = trace(0x5e9f_0c65);
        assert!(trace.starts_with("Root=1-5e9f0c65-") && trace.len() == 40, "{trace}");
    }
}
