//! Secrets that must not leave the process: values under keys that look like one's name.
//!
//! A part of a key, without case and punctuation, is a secret's name when it ends in one of [`ENDINGS`] or is one of [`WHOLE`]:
//! `user.password`, `X-Api-Key`, `accessToken`, `http.headers.set-cookie`; not `tokens` or `cookie_consent`. The value then is
//! [`SCRUBBED`], also inside of maps that are recorded as a value. Texts are not searched: a URL with a password in it is recorded as it is.

/// What stands in the place of a secret.
pub(crate) const SCRUBBED: &str = "[scrubbed]";

/// A key's part that ends in one of these is a secret's name.
pub(crate) const ENDINGS: [&str; 24] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "secrets",
    "secretkey",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "authorization",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "sessionid",
    "sessionkey",
    "creditcard",
    "cardnumber",
    "bearer",
    "authkey",
];

/// A key's part that is one of these is a secret's name.
pub(crate) const WHOLE: [&str; 8] = ["auth", "ssn", "cvv", "cvc", "pin", "otp", "jwt", "csrf"];

/// Which keys are secrets.
#[derive(Debug, Clone)]
pub(crate) struct Scrubber {
    endings: Vec<Vec<u8>>,
    whole: Vec<Vec<u8>>,
    never: Vec<Vec<u8>>,
    /// Bit `hash(last three letters)`: whether a secret's name may end so. Nearly all keys are told apart by it.
    possible: Box<[u64; WORDS]>,
}

/// 4,096 bits: of a few dozen names' endings one in a hundred other keys meets one.
const WORDS: usize = 64;

impl Default for Scrubber {
    fn default() -> Self {
        let mut scrubber = Self::off();
        ENDINGS.iter().for_each(|ending| scrubber.endings.push(normal(ending.as_bytes())));
        WHOLE.iter().for_each(|whole| scrubber.whole.push(normal(whole.as_bytes())));
        scrubber.index();
        scrubber
    }
}

impl Scrubber {
    /// Nothing is a secret.
    pub(crate) fn off() -> Self {
        Self { endings: Vec::new(), whole: Vec::new(), never: Vec::new(), possible: Box::new([0; WORDS]) }
    }

    /// Keys that end in `ending` are secrets too.
    pub(crate) fn add(&mut self, ending: &str) {
        let ending = normal(ending.as_bytes());
        if !ending.is_empty() {
            self.endings.push(ending);
            self.index();
        }
    }

    /// `key` is no secret, whatever it ends in.
    pub(crate) fn except(&mut self, key: &str) {
        self.never.push(normal(key.as_bytes()));
    }

    fn index(&mut self) {
        *self.possible = [0; WORDS];
        for name in self.endings.iter().chain(&self.whole) {
            if let Some(bit) = ending_bit(name) {
                self.possible[bit >> 6] |= 1 << (bit & 63);
            } else {
                *self.possible = [u64::MAX; WORDS]; // shorter than the index looks
            }
        }
    }

    /// Whether `part`, one part of a dotted key, is a secret's name.
    #[inline]
    pub(crate) fn is_secret(&self, part: &[u8]) -> bool {
        let Some(bit) = ending_bit(part) else { return self.is_short_secret(part) };
        self.possible[bit >> 6] & (1 << (bit & 63)) != 0 && self.compare(part)
    }

    fn is_short_secret(&self, part: &[u8]) -> bool {
        *self.possible == [u64::MAX; WORDS] && self.compare(part)
    }

    fn compare(&self, part: &[u8]) -> bool {
        let is = |name: &Vec<u8>| ends_with(part, name) == Some(0);
        let ends = |name: &Vec<u8>| ends_with(part, name).is_some();
        (self.endings.iter().any(ends) || self.whole.iter().any(is)) && !self.never.iter().any(is)
    }
}

fn normal(name: &[u8]) -> Vec<u8> {
    letters_backwards(name).collect::<Vec<_>>().into_iter().rev().collect()
}

fn letters_backwards(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter()
        .rev()
        .filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
        .map(u8::to_ascii_lowercase)
}

/// Whether `part` ends in `name`, and if so how many letters it has before.
fn ends_with(part: &[u8], name: &[u8]) -> Option<usize> {
    let mut letters = letters_backwards(part);
    for expected in name.iter().rev() {
        if letters.next() != Some(*expected) {
            return None;
        }
    }
    Some(letters.count())
}

/// What a byte is among the letters of a name: a lower-case letter or a digit, else 0.
const LETTERS: [u8; 256] = {
    let mut letters = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            letters[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    letters
};

/// A bit's number for the last three letters of a name; `None` if it has fewer.
#[inline]
fn ending_bit(name: &[u8]) -> Option<usize> {
    if let Some(&ending) = name.last_chunk::<3>() {
        let [a, b, c] = ending.map(|byte| LETTERS[usize::from(byte)]);
        if a != 0 && b != 0 && c != 0 {
            return Some(bit(a, b, c));
        }
    }
    ending_bit_of_any(name)
}

/// As [`ending_bit`], with punctuation among the last letters.
fn ending_bit_of_any(name: &[u8]) -> Option<usize> {
    let mut letters = letters_backwards(name);
    let (c, b, a) = (letters.next()?, letters.next()?, letters.next()?);
    Some(bit(a, b, c))
}

#[inline]
fn bit(a: u8, b: u8, c: u8) -> usize {
    let n = u32::from(a) | u32::from(b) << 8 | u32::from(c) << 16;
    (n.wrapping_mul(0x9e37_79b1) >> 20) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        let scrubber = Scrubber::default();
        for secret in [
            "password",
            "user_password",
            "X-Api-Key",
            "accessToken",
            "Set-Cookie",
            "AUTHORIZATION",
            "auth",
            "pin",
            "db.secret",
            "aws_secret_access_key",
        ] {
            assert!(scrubber.is_secret(secret.as_bytes()), "{secret}");
        }
        for harmless in [
            "tokens",
            "cookie_consent",
            "status",
            "author",
            "spin",
            "",
            "a",
            "id",
            "key",
            "…",
            "passwords_seen",
        ] {
            assert!(!scrubber.is_secret(harmless.as_bytes()), "{harmless}");
        }
    }

    #[test]
    fn the_list_can_be_changed() {
        let mut scrubber = Scrubber::default();
        scrubber.add("iban");
        scrubber.except("page_token");
        assert!(scrubber.is_secret(b"customer.IBAN"));
        assert!(!scrubber.is_secret(b"pageToken"));
        scrubber.add("x");
        assert!(scrubber.is_secret(b"x"));
        assert!(!Scrubber::off().is_secret(b"password"));
    }
}
