//! `/api/mfa/verify`: finishes a sign-in with a second factor.
//!
//! Three round trips, one after the other: the claim, which counts the attempt before anybody is asked; the
//! grant; and the write of what came of it.

use crate::app::{App, Call};
use crate::auth0::{Grant, MfaRequired, Refusal, Tokens};
use crate::authenticate::{POLL_INTERVAL, Stuck, ended, session};
use crate::cookie::Change;
use crate::reply::{Answer, Content, Error, Refused};
use crate::request::{Choice, Code};
use crate::session::{After, Challenge, Claim, Claimed, OutcomeError, Pending, Purpose, SessionId};

impl App {
    pub(crate) async fn check(&self, call: &Call<'_>, code: Code) -> Result<Answer, Refused> {
        let id = session(call)?;
        // Looking whether a push was answered is no guess.
        let claim = if matches!(code, Code::Push) { Claim::Pending } else { Claim::Attempt };
        let (claimed, pending) = self.claim(call, id, claim).await?;
        let attempt = Attempt { app: self, call, id, claimed, counted: claim == Claim::Attempt };
        attempt.run(pending, code).await
    }
}

/// A code on its way to Auth0, for a session under lease.
struct Attempt<'a> {
    app: &'a App,
    call: &'a Call<'a>,
    id: &'a SessionId,
    claimed: Claimed,
    /// Whether the claim counted an attempt.
    counted: bool,
}

impl Attempt<'_> {
    async fn run(self, mut pending: Pending, code: Code) -> Result<Answer, Refused> {
        let Self { app, call, .. } = self;
        let (auth0, invocation) = (&app.auth0, call.invocation);
        let (mfa_token, scope) = (&pending.mfa_token, app.scope(&pending.purpose));
        let grant = match (&code, &pending.challenge) {
            (Code::Otp(otp), _) => auth0.mfa_otp(invocation, mfa_token, otp, scope).await,
            (Code::Recovery(code), _) => auth0.mfa_recovery_code(invocation, mfa_token, code, scope).await,
            (Code::Binding(code), Some(Challenge::Code { oob_code })) => {
                auth0.mfa_oob(invocation, mfa_token, oob_code, Some(code), scope).await
            }
            (Code::Push, Some(Challenge::Push { next_poll, .. })) if *next_poll > app.clock.millis() => {
                // Sooner than Auth0 takes it: not asked.
                let retry_after = (next_poll - app.clock.millis()).div_ceil(1000);
                app.store.release(&self.claimed, After::default()).await.map_err(ended)?;
                return Ok(Answer::keeping(Content::PushPending { retry_after }));
            }
            (Code::Push, Some(Challenge::Push { oob_code, .. })) => {
                auth0.mfa_oob(invocation, mfa_token, oob_code, None, scope).await
            }
            (Code::Binding(_) | Code::Push, _) => {
                let what = format!("`{}` is not awaited: no such challenge is open", code.name());
                return Err(self.failed(Error::InvalidRequest(what)).await);
            }
        };
        match grant {
            Ok(Grant::Tokens(tokens)) => self.passed(&pending.purpose, tokens).await,
            Ok(Grant::MfaRequired(required)) => self.one_more(pending, required).await,
            Err(failure) => match (failure.refusal(), &code) {
                (Some(Refusal::Pending), Code::Push) => self.wait(pending, 0).await,
                (Some(Refusal::SlowDown), Code::Push) => self.wait(pending, POLL_INTERVAL).await,
                (Some(Refusal::Rejected | Refusal::OobCodeGone), Code::Push) => {
                    pending.challenge = None;
                    let after = After { pending: Some(&pending), ..After::default() };
                    Err(app.settle(&self.claimed, after, Error::ChallengeRejected.into()).await)
                }
                (Some(Refusal::OobCodeGone), Code::Binding(_)) => {
                    // Auth0 has not looked at the code: nothing was guessed. A new challenge is needed.
                    pending.challenge = None;
                    let after = After { pending: Some(&pending), give_back_attempt: true, ..After::default() };
                    let attempts_left = self.attempts_left() + 1;
                    Err(app.settle(&self.claimed, after, Error::InvalidCode { attempts_left }.into()).await)
                }
                (Some(Refusal::WrongCode | Refusal::Rejected), _) => Err(self.wrong().await),
                _ => {
                    let after = After { give_back_attempt: self.counted, ..After::default() };
                    Err(app.call_off(call, &self.claimed, after, failure).await)
                }
            },
        }
    }

    /// The code was right, and nothing more is asked.
    async fn passed(self, purpose: &Purpose, tokens: Tokens) -> Result<Answer, Refused> {
        match purpose {
            Purpose::SignIn => self.signed_in(tokens).await,
            Purpose::StepUp { .. } | Purpose::Renew => self.elevated(tokens).await,
        }
    }

    /// The end of a step-up or a renewal: the session goes on, with nothing pending and no wrong codes.
    async fn elevated(self, tokens: Tokens) -> Result<Answer, Refused> {
        let Self { app, call, .. } = self;
        let Ok(Some(mut signed_in)) = self.claimed.signed_in(app.clock.seconds()) else {
            // Over or changed in the meantime: the tokens are nobody's.
            return Err(app.end_session(call, &self.claimed, Error::SessionExpired).await);
        };
        let after = After { drop_pending: true, reset_attempts: true, ..After::default() };
        let tokens = app.refreshed(call, &self.claimed, &mut signed_in, tokens, after).await?;
        Ok(Answer::keeping(Content::Tokens(tokens)))
    }

    /// The end of a sign-in: tokens and, where they come with a refresh token, a signed-in session.
    async fn signed_in(self, mut tokens: Tokens) -> Result<Answer, Refused> {
        let Self { app, call, .. } = self;
        let Some(signed_in) = app.signed_in(&mut tokens) else {
            return match app.store.end(&self.claimed).await {
                Err(lost @ OutcomeError::Lost(_)) => Err(ended(lost)),
                outcome => {
                    if let Err(fault) = outcome {
                        // The code is used up and the tokens are good: they are not withheld for this.
                        tracing::warn!(detail = %fault, "the item of a finished sign-in was not removed");
                    }
                    Ok(Answer { content: Content::Tokens(tokens), cookie: Change::Clear })
                }
            };
        };
        // A new value once more: whoever knew the one before is not signed in with it.
        let id = SessionId::random()?;
        let (written, removed) =
            futures_util::future::join(app.store.put_signed_in(&id, &signed_in), app.store.end(&self.claimed)).await;
        if let Err(lost @ OutcomeError::Lost(_)) = removed {
            // Signed out while this was under way: nothing is brought back.
            let refused = app.forget(&id, ended(lost)).await;
            app.revoke(call, Some(&signed_in.refresh_token)).await;
            return Err(refused);
        }
        if let Err(fault) = removed {
            tracing::warn!(detail = %fault, "the item of a finished sign-in was not removed");
        }
        let cookie = match written {
            Ok(()) => Change::Set { id, max_age: app.left(signed_in.ends_at) },
            Err(fault) => {
                tracing::warn!(detail = %fault, "signed in, but without a session for step-up and renewal");
                app.revoke(call, Some(&signed_in.refresh_token)).await;
                Change::Clear
            }
        };
        Ok(Answer { content: Content::Tokens(tokens), cookie })
    }

    /// The code was right, and Auth0 wants another factor. The new `mfa_token` is kept, whatever else fails.
    async fn one_more(self, old: Pending, required: MfaRequired) -> Result<Answer, Refused> {
        let Self { app, call, .. } = self;
        let mut pending = match app.pending(&required, old.purpose) {
            Ok(pending) => pending,
            Err(error) => return Err(self.failed(error).await),
        };
        let cookie = if self.claimed.item.signed_in.is_some() {
            // The step-up does not outlive the session that it is for.
            if let Ok(Some(signed_in)) = self.claimed.signed_in(app.clock.seconds()) {
                pending.ends_at = pending.ends_at.min(signed_in.ends_at);
            }
            Change::Keep
        } else {
            Change::Set { id: self.id.clone(), max_age: app.left(pending.ends_at) }
        };
        let next = app.next(call, &pending.mfa_token, &Choice::any(), required.enroll).await;
        app.await_next(&mut pending, next.as_ref().ok());
        // A factor that passed is no wrong code; the count of those before it stays.
        let after = After { pending: Some(&pending), give_back_attempt: self.counted, ..After::default() };
        match next {
            Ok(next) => {
                app.store.release(&self.claimed, after).await.map_err(ended)?;
                Ok(Answer { content: next.content(app.left(pending.ends_at)), cookie })
            }
            Err(Stuck::OtherFactor) => {
                let refused = Refused { error: Error::UnsupportedChallengeType, cookie };
                Err(app.settle(&self.claimed, after, refused).await)
            }
            Err(Stuck::Failed(failure)) => {
                let refused = app.not_begun(call, &self.claimed, after, failure).await;
                Err(match refused.cookie {
                    Change::Keep => Refused { cookie, ..refused },
                    _ => refused,
                })
            }
        }
    }

    /// The push is not answered yet; `slower` seconds more between looks from now on.
    async fn wait(self, mut pending: Pending, slower: u64) -> Result<Answer, Refused> {
        let mut retry_after = POLL_INTERVAL;
        if let Some(Challenge::Push { interval, next_poll, .. }) = &mut pending.challenge {
            *interval += slower;
            *next_poll = self.app.clock.millis() + *interval * 1000;
            retry_after = *interval;
        }
        let after = After { pending: Some(&pending), ..After::default() };
        self.app.store.release(&self.claimed, after).await.map_err(ended)?;
        Ok(Answer::keeping(Content::PushPending { retry_after }))
    }

    /// The code was wrong: the attempt stays counted, and the last one ends the session.
    async fn wrong(&self) -> Refused {
        match self.attempts_left() {
            0 => {
                let error = Error::TooManyAttempts { retry_after: None };
                self.app.end_session(self.call, &self.claimed, error).await
            }
            attempts_left => {
                let error = Error::InvalidCode { attempts_left };
                self.app.settle(&self.claimed, After::default(), error.into()).await
            }
        }
    }

    /// Nothing came of it, and nothing was guessed.
    async fn failed(&self, error: Error) -> Refused {
        let after = After { give_back_attempt: self.counted, ..After::default() };
        self.app.settle(&self.claimed, after, error.into()).await
    }

    fn attempts_left(&self) -> u32 {
        self.app.config.session.max_attempts.saturating_sub(self.claimed.item.attempts)
    }
}
