//! Fingerprints of actions and catalogues.

/// 64-bit FNV-1a over the given parts, each ended by a byte that occurs in no text.
///
/// The same text has the same fingerprint on every platform and in every version of this crate. It is
/// no protection against forgery, and need not be: a forged catalogue gains nothing.
pub(super) struct Fingerprint(u64);

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
/// No UTF-8 text holds this byte.
const END: u8 = 0xff;

impl Fingerprint {
    pub(super) fn new() -> Self {
        Self(OFFSET_BASIS)
    }

    pub(super) fn part(&mut self, part: &str) -> &mut Self {
        for byte in part.bytes().chain([END]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        self
    }

    pub(super) fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_and_the_value_is_the_same_for_ever() {
        let of = |parts: &[&str]| {
            let mut fingerprint = Fingerprint::new();
            for part in parts {
                fingerprint.part(part);
            }
            fingerprint.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
        assert_eq!(of(&[]), OFFSET_BASIS);
        assert_eq!(of(&["server_start"]), 0xbf2d_ebf9_52f2_51a6);
    }
}
