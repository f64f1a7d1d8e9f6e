//! The session: one DynamoDB item per cookie.
//!
//! | attribute | type | what |
//! |---|---|---|
//! | `id` (partition key) | S | hash of the cookie's value: [`SessionId::key`] |
//! | `pending` | B | sealed [`Pending`]: a first factor that passed and what is awaited now |
//! | `signed_in` | B | sealed [`SignedIn`]: only for a signed-in session |
//! | `attempts` | N | wrong codes since the last success |
//! | `busy_until` | N | the lease: epoch milliseconds, and a random fraction that tells one holder from another |
//! | `pending_until` | N | epoch seconds: the end of `pending` |
//! | `expires_at` | N | epoch seconds: the item's end, and the table's TTL attribute |
//!
//! What is in clear serves the conditions of writes; what is sealed is what is believed. Each sealed part
//! carries its own end, so whoever can write the table can shorten a session and never prolong one.

mod id;
mod seal;
mod store;

use serde::{Deserialize, Serialize};

pub(crate) use id::SessionId;
pub(crate) use seal::{Part, SealError};
pub(crate) use store::{After, Claim, ClaimError, Claimed, OutcomeError, Store, StoreError};

use crate::opaque::{MfaToken, OobCode, RefreshToken};

/// How long a crashed request keeps its session: longer than any request lives (see [`crate::deadline`]).
pub(crate) const LEASE: std::time::Duration = std::time::Duration::from_secs(10);

/// A first factor that passed (or a refresh that asks for MFA), and what is awaited.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) mfa_token: MfaToken,
    pub(crate) purpose: Purpose,
    /// What a code is awaited for; `None` before the first challenge, or where none fits the user.
    pub(crate) challenge: Option<Challenge>,
    /// The user has no factor yet: `enroll` is what goes on.
    pub(crate) enrollment_required: bool,
    /// Epoch seconds.
    pub(crate) ends_at: u64,
}

/// What the tokens at the end are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    SignIn,
    StepUp { scope: String },
    Renew,
}

impl Purpose {
    /// As `GET` shows it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::StepUp { .. } => "step_up",
            Self::Renew => "renew",
        }
    }
}

/// An open challenge.
#[derive(Clone, Debug)]
pub(crate) enum Challenge {
    /// The six digits of an authenticator app.
    Otp,
    /// A code sent by SMS, voice or e-mail, to be typed in (`binding_method` `prompt`).
    Code { oob_code: OobCode },
    /// A push notification, answered on the phone. Polled no faster than `interval` seconds, next at
    /// `next_poll` (epoch milliseconds).
    Push { oob_code: OobCode, interval: u64, next_poll: u64 },
}

/// A signed-in session: what a step-up or a renewal starts from.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) refresh_token: RefreshToken,
    /// The id token's `sub`: whose session it is.
    pub(crate) sub: String,
    /// Epoch seconds.
    pub(crate) ends_at: u64,
}

// What is sealed, as JSON. Apart from the types above on purpose: those hold tokens that nothing can
// serialize by accident, these exist between a `seal` and the table alone.

#[derive(Serialize, Deserialize)]
struct PendingRecord {
    mfa_token: String,
    purpose: Purpose,
    challenge: Option<ChallengeRecord>,
    enrollment_required: bool,
    ends_at: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChallengeRecord {
    Otp,
    Code { oob_code: String },
    Push { oob_code: String, interval: u64, next_poll: u64 },
}

#[derive(Serialize, Deserialize)]
struct SignedInRecord {
    refresh_token: String,
    sub: String,
    ends_at: u64,
}

impl Pending {
    /// The sealed attribute.
    pub(crate) fn seal(&self, id: &SessionId) -> Result<Vec<u8>, SealError> {
        let record = PendingRecord {
            mfa_token: self.mfa_token.expose().to_owned(),
            purpose: self.purpose.clone(),
            challenge: self.challenge.as_ref().map(|challenge| match challenge {
                Challenge::Otp => ChallengeRecord::Otp,
                Challenge::Code { oob_code } => ChallengeRecord::Code { oob_code: oob_code.expose().to_owned() },
                Challenge::Push { oob_code, interval, next_poll } => ChallengeRecord::Push {
                    oob_code: oob_code.expose().to_owned(),
                    interval: *interval,
                    next_poll: *next_poll,
                },
            }),
            enrollment_required: self.enrollment_required,
            ends_at: self.ends_at,
        };
        seal_record(id, Part::Pending, &record)
    }

    /// Opens the sealed attribute; [`SealError::Tampered`] where it is not this session's.
    pub(crate) fn open(id: &SessionId, sealed: &[u8]) -> Result<Self, SealError> {
        let record: PendingRecord = open_record(id, Part::Pending, sealed)?;
        Ok(Self {
            mfa_token: record.mfa_token.into(),
            purpose: record.purpose,
            challenge: record.challenge.map(|challenge| match challenge {
                ChallengeRecord::Otp => Challenge::Otp,
                ChallengeRecord::Code { oob_code } => Challenge::Code { oob_code: oob_code.into() },
                ChallengeRecord::Push { oob_code, interval, next_poll } => {
                    Challenge::Push { oob_code: oob_code.into(), interval, next_poll }
                }
            }),
            enrollment_required: record.enrollment_required,
            ends_at: record.ends_at,
        })
    }
}

impl SignedIn {
    /// The sealed attribute.
    pub(crate) fn seal(&self, id: &SessionId) -> Result<Vec<u8>, SealError> {
        let record = SignedInRecord {
            refresh_token: self.refresh_token.expose().to_owned(),
            sub: self.sub.clone(),
            ends_at: self.ends_at,
        };
        seal_record(id, Part::SignedIn, &record)
    }

    /// Opens the sealed attribute; [`SealError::Tampered`] where it is not this session's.
    pub(crate) fn open(id: &SessionId, sealed: &[u8]) -> Result<Self, SealError> {
        let record: SignedInRecord = open_record(id, Part::SignedIn, sealed)?;
        Ok(Self { refresh_token: record.refresh_token.into(), sub: record.sub, ends_at: record.ends_at })
    }
}

fn seal_record(id: &SessionId, part: Part, record: &impl Serialize) -> Result<Vec<u8>, SealError> {
    let plain = serde_json::to_vec(record).map_err(|_| SealError::Random)?;
    seal::seal(id, part, &plain)
}

fn open_record<T: for<'de> Deserialize<'de>>(id: &SessionId, part: Part, sealed: &[u8]) -> Result<T, SealError> {
    let plain = seal::open(id, part, sealed)?;
    // What opens was written by one of the functions; a record of another version counts as changed.
    serde_json::from_slice(&plain).map_err(|_| SealError::Tampered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_sign_in_comes_back_as_it_was_sealed() {
        let id = SessionId::random().unwrap();
        for challenge in [
            None,
            Some(Challenge::Otp),
            Some(Challenge::Code { oob_code: "oob".to_owned().into() }),
            Some(Challenge::Push { oob_code: "oob".to_owned().into(), interval: 5, next_poll: 7 }),
        ] {
            let pending = Pending {
                mfa_token: "token".to_owned().into(),
                purpose: Purpose::StepUp { scope: "transfer:funds".into() },
                challenge: challenge.clone(),
                enrollment_required: true,
                ends_at: 42,
            };
            let opened = Pending::open(&id, &pending.seal(&id).unwrap()).unwrap();
            assert_eq!(opened.mfa_token.expose(), "token");
            assert_eq!(opened.purpose, pending.purpose);
            assert!(opened.enrollment_required);
            assert_eq!(opened.ends_at, 42);
            match (challenge, opened.challenge) {
                (None, None) | (Some(Challenge::Otp), Some(Challenge::Otp)) => {}
                (Some(Challenge::Code { .. }), Some(Challenge::Code { oob_code })) => {
                    assert_eq!(oob_code.expose(), "oob");
                }
                (Some(Challenge::Push { .. }), Some(Challenge::Push { oob_code, interval, next_poll })) => {
                    assert_eq!((oob_code.expose(), interval, next_poll), ("oob", 5, 7));
                }
                (sealed, opened) => panic!("{sealed:?} came back as {opened:?}"),
            }
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let signed_in = SignedIn { refresh_token: "secret-token".to_owned().into(), sub: "auth0|1".into(), ends_at: 1 };
        assert!(!format!("{signed_in:?}").contains("secret-token"));
    }
}
