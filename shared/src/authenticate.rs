//! `/api/mfa/authenticate`: begins a sign-in, goes on with it in other ways, shows where it stands, ends it.
//!
//! A sign-in with an OTP takes two round trips, one after the other: the password grant; then the challenge,
//! and while it is under way the item is written, as the OTP challenge that it will most likely be. Anything
//! else that the challenge answers costs a second write.

use crate::app::{App, Call};
use crate::auth0::{Challenged, Failure, Grant, MfaRequired, Refusal, Tokens};
use crate::config::{MfaPolicy, has_scope};
use crate::cookie::{Change, Presented};
use crate::metrics::Flow;
use crate::opaque::{MfaToken, RefreshToken};
use crate::reply::{Answer, Content, Error, Refused, Standing};
use crate::request::{Action, Choice, Enrollment, SignIn};
use crate::session::{
    After, Challenge, Claim, ClaimError, Claimed, OutcomeError, Pending, Purpose, SealError, SessionId, SignedIn,
    StoreError,
};

/// Seconds between two looks at a push: Auth0 takes twelve a minute.
pub(crate) const POLL_INTERVAL: u64 = 5;

/// How a demand for MFA goes on.
pub(crate) enum Next {
    /// With this challenge.
    Challenge(Challenged),
    /// The user has no factor yet, and may enroll one of these, where Auth0 says which.
    Enroll(Option<Vec<&'static str>>),
}

/// Why it does not.
pub(crate) enum Stuck {
    /// The user has factors, but none of the kind that was asked for.
    OtherFactor,
    Failed(Failure),
}

impl Next {
    /// What the page is told.
    pub(crate) fn content(self, expires_in: u64) -> Content {
        match self {
            Self::Challenge(challenged) => Content::Challenge { challenge: (&challenged).into(), expires_in },
            Self::Enroll(factors) => Content::EnrollmentRequired { factors, expires_in },
        }
    }
}

impl App {
    pub(crate) async fn act(&self, call: &Call<'_>, action: Action) -> Result<Answer, Refused> {
        match action {
            Action::SignIn(sign_in) => {
                call.is_part_of(Flow::SignIn);
                self.sign_in(call, sign_in).await
            }
            Action::Challenge(choice) => self.challenge(call, &choice).await,
            Action::Authenticators => self.authenticators(call).await,
            Action::Enroll(enrollment) => self.enroll(call, &enrollment).await,
            Action::StepUp { scope, choice } => {
                call.is_part_of(Flow::StepUp);
                let known = |scope: &str| self.config.step_up_scopes.iter().any(|known| known == scope);
                if !scope.split(' ').all(known) {
                    return Err(Error::InvalidScope.into());
                }
                // The id token says whose tokens they are.
                let scope = if has_scope(&scope, "openid") { scope } else { format!("openid {scope}") };
                self.refresh(call, Purpose::StepUp { scope }, &choice).await
            }
            Action::Renew => {
                call.is_part_of(Flow::Renewal);
                self.refresh(call, Purpose::Renew, &Choice::any()).await
            }
        }
    }

    async fn sign_in(&self, call: &Call<'_>, sign_in: SignIn) -> Result<Answer, Refused> {
        let SignIn { username, password, choice } = sign_in;
        let required = match self.auth0.password(call.invocation, &username, &password).await? {
            Grant::MfaRequired(required) => required,
            Grant::Tokens(tokens) => return self.without_mfa(call, tokens).await,
        };
        // A new value at every sign-in: one that somebody planted in the browser never gets anywhere.
        let id = SessionId::random()?;
        let mut pending = self.pending(&required, Purpose::SignIn)?;
        pending.challenge = Some(Challenge::Otp);

        let (next, written) = futures_util::future::join(
            self.next(call, &pending.mfa_token, &choice, required.enroll),
            self.store.put_pending(&id, &pending),
        )
        .await;
        let next = match next {
            Ok(next) => Ok(next),
            Err(Stuck::OtherFactor) => Err(Error::UnsupportedChallengeType),
            Err(Stuck::Failed(failure)) => return Err(self.forget(&id, failure).await),
        };
        let written = match &next {
            Ok(Next::Challenge(Challenged::Otp)) => written,
            _ if written.is_err() => written,
            next => {
                self.await_next(&mut pending, next.as_ref().ok());
                self.store.put_pending(&id, &pending).await
            }
        };
        if let Err(fault) = written {
            return Err(self.forget(&id, fault).await);
        }
        self.replace_presented(call).await;
        let expires_in = self.left(pending.ends_at);
        let cookie = Change::Set { id, max_age: expires_in };
        match next {
            Ok(next) => Ok(Answer { content: next.content(expires_in), cookie }),
            Err(error) => Err(Refused { error, cookie }),
        }
    }

    /// Tokens that Auth0 gave to a password alone.
    async fn without_mfa(&self, call: &Call<'_>, mut tokens: Tokens) -> Result<Answer, Refused> {
        if self.config.mfa_policy == MfaPolicy::Required {
            self.revoke(call, tokens.refresh_token.as_ref()).await;
            return Err(Error::MfaNotEnforced.into());
        }
        let cookie = match self.signed_in(&mut tokens) {
            Some(signed_in) => {
                let id = SessionId::random()?;
                if let Err(fault) = self.store.put_signed_in(&id, &signed_in).await {
                    self.revoke(call, Some(&signed_in.refresh_token)).await;
                    return Err(fault.into());
                }
                Change::Set { id, max_age: self.left(signed_in.ends_at) }
            }
            None if call.session == Presented::Nothing => Change::Keep,
            None => Change::Clear,
        };
        self.replace_presented(call).await;
        Ok(Answer { content: Content::TokensWithoutMfa(tokens), cookie })
    }

    /// The signed-in session that tokens begin: where they come with a refresh token and say whose they are.
    pub(crate) fn signed_in(&self, tokens: &mut Tokens) -> Option<SignedIn> {
        let refresh_token = tokens.refresh_token.take()?;
        let sub = tokens.sub.clone()?;
        Some(SignedIn {
            refresh_token,
            sub,
            ends_at: self.clock.seconds() + self.config.session.signed_in_ttl.as_secs(),
        })
    }

    /// Step-up and renewal: the session's refresh token is presented, and Auth0 answers with tokens or, where
    /// an Action demands it, with MFA. A step-up without MFA is none.
    async fn refresh(&self, call: &Call<'_>, purpose: Purpose, choice: &Choice) -> Result<Answer, Refused> {
        let Presented::Session(id) = &call.session else { return Err(Error::LoginRequired.into()) };
        let claimed = self.store.claim(id, Claim::SignedIn).await.map_err(|error| match error {
            // The cookie stays: it may be that of a sign-in under way.
            ClaimError::Gone { .. } => Error::LoginRequired,
            error => error.into(),
        })?;
        let mut signed_in = match claimed.signed_in(self.clock.seconds()) {
            Ok(Some(signed_in)) => signed_in,
            Err(SealError::Random) => return Err(SealError::Random.into()),
            Ok(None) | Err(SealError::Tampered) => {
                return Err(self.end_session(call, &claimed, Error::LoginRequired).await);
            }
        };
        // The same again: the demand that is open goes on. Whether it has used the refresh token up already,
        // Auth0's documentation does not say; presented once more, it might look stolen.
        if let Ok(Some(pending)) = claimed.pending(self.clock.seconds())
            && pending.purpose == purpose
        {
            match self.next(call, &pending.mfa_token, choice, None).await {
                Err(Stuck::Failed(failure)) if failure.refusal() == Some(&Refusal::MfaTokenGone) => {}
                next => return self.await_code(call, &claimed, pending, next).await,
            }
        }
        let scope = self.scope(&purpose);
        let tokens = match self.auth0.refresh(call.invocation, &signed_in.refresh_token, scope).await {
            Ok(Grant::Tokens(tokens)) => tokens,
            Ok(Grant::MfaRequired(required)) => {
                return self.refresh_with_mfa(call, &claimed, &signed_in, required, purpose, choice).await;
            }
            Err(failure) if failure.refusal() == Some(&Refusal::RefreshTokenGone) => {
                // Nothing to revoke any more.
                return Err(match self.store.end(&claimed).await {
                    Ok(()) | Err(OutcomeError::Lost(_)) => Refused::ended(Error::LoginRequired),
                    Err(fault) => fault.into(),
                });
            }
            Err(failure) => return Err(self.call_off(call, &claimed, After::default(), failure).await),
        };
        let tokens = self.refreshed(call, &claimed, &mut signed_in, tokens, After::default()).await?;
        match purpose {
            Purpose::Renew => Ok(Answer::keeping(Content::TokensWithoutMfa(tokens))),
            Purpose::StepUp { .. } | Purpose::SignIn => Err(Error::MfaNotEnforced.into()),
        }
    }

    /// Tokens that a signed-in session got: they are its own user's, and the refresh token that came with them,
    /// where Auth0 rotates it, is stored before they are answered. Without it the session's next refresh would
    /// look like theft to Auth0, so tokens whose successor cannot be stored are not given out.
    pub(crate) async fn refreshed(
        &self,
        call: &Call<'_>,
        claimed: &Claimed,
        signed_in: &mut SignedIn,
        tokens: Tokens,
        after: After<'_>,
    ) -> Result<Tokens, Refused> {
        let (tokens, rotated) = self.same_subject(call, claimed, signed_in, tokens).await?;
        let after = After { signed_in: rotated.then_some(&*signed_in), ..after };
        match self.store.release(claimed, after).await {
            Ok(()) => Ok(tokens),
            Err(lost @ OutcomeError::Lost(_)) => {
                self.revoke(call, Some(&signed_in.refresh_token)).await;
                Err(ended(lost))
            }
            Err(fault) if rotated => Err(fault.into()),
            Err(fault) => {
                tracing::warn!(detail = %fault, "a lease was not given back; it runs out by itself");
                Ok(tokens)
            }
        }
    }

    /// A step-up or renewal that Auth0 demands MFA for.
    async fn refresh_with_mfa(
        &self,
        call: &Call<'_>,
        claimed: &Claimed,
        signed_in: &SignedIn,
        required: MfaRequired,
        purpose: Purpose,
        choice: &Choice,
    ) -> Result<Answer, Refused> {
        let mut pending = match self.pending(&required, purpose) {
            Ok(pending) => pending,
            Err(error) => return Err(self.settle(claimed, After::default(), error.into()).await),
        };
        pending.ends_at = pending.ends_at.min(signed_in.ends_at);
        let next = self.next(call, &pending.mfa_token, choice, required.enroll).await;
        self.await_code(call, claimed, pending, next).await
    }

    /// Keeps what is pending of a step-up or renewal, if it goes on.
    async fn await_code(
        &self,
        call: &Call<'_>,
        claimed: &Claimed,
        mut pending: Pending,
        next: Result<Next, Stuck>,
    ) -> Result<Answer, Refused> {
        let next = match next {
            Ok(next) => Ok(next),
            Err(Stuck::OtherFactor) => Err(Error::UnsupportedChallengeType),
            Err(Stuck::Failed(failure)) => {
                return Err(self.not_begun(call, claimed, After::default(), failure).await);
            }
        };
        self.await_next(&mut pending, next.as_ref().ok());
        let after = After { pending: Some(&pending), ..After::default() };
        match next {
            Ok(next) => {
                self.store.release(claimed, after).await.map_err(ended)?;
                Ok(Answer::keeping(next.content(self.left(pending.ends_at))))
            }
            Err(error) => Err(self.settle(claimed, after, error.into()).await),
        }
    }

    /// Tokens for a signed-in session, if they are for its own user; their refresh token, where rotation gave a
    /// new one, goes into `signed_in`, and that it did is said. Otherwise the session ends, and all that was
    /// given is revoked.
    async fn same_subject(
        &self,
        call: &Call<'_>,
        claimed: &Claimed,
        signed_in: &mut SignedIn,
        mut tokens: Tokens,
    ) -> Result<(Tokens, bool), Refused> {
        let rotated = tokens.refresh_token.take();
        if tokens.sub.as_ref() != Some(&signed_in.sub) {
            self.revoke(call, rotated.as_ref()).await;
            return Err(self.end_session(call, claimed, Error::AccessDenied(None)).await);
        }
        let is_rotated = rotated.is_some();
        if let Some(rotated) = rotated {
            signed_in.refresh_token = rotated;
        }
        Ok((tokens, is_rotated))
    }

    /// A new challenge: a code sent again, or another factor, without the password.
    async fn challenge(&self, call: &Call<'_>, choice: &Choice) -> Result<Answer, Refused> {
        let id = session(call)?;
        let (claimed, mut pending) = self.claim(call, id, Claim::Pending).await?;
        let next = match self.next(call, &pending.mfa_token, choice, None).await {
            Ok(next) => next,
            Err(Stuck::OtherFactor) => {
                return Err(self.settle(&claimed, After::default(), Error::UnsupportedChallengeType.into()).await);
            }
            Err(Stuck::Failed(failure)) => return Err(self.call_off(call, &claimed, After::default(), failure).await),
        };
        self.await_next(&mut pending, Some(&next));
        self.store.release(&claimed, After { pending: Some(&pending), ..After::default() }).await.map_err(ended)?;
        Ok(Answer::keeping(next.content(self.left(pending.ends_at))))
    }

    /// The user's active factors.
    async fn authenticators(&self, call: &Call<'_>) -> Result<Answer, Refused> {
        let id = session(call)?;
        let item = self.store.get(id).await?;
        let pending = item.map(|item| item.pending(id, self.clock.seconds()));
        let Some(Ok(Some(pending))) = pending else { return Err(Error::SessionExpired.into()) };
        let authenticators = self.auth0.authenticators(call.invocation, &pending.mfa_token).await?;
        Ok(Answer::keeping(Content::Authenticators(authenticators)))
    }

    /// A first factor for a user without one.
    async fn enroll(&self, call: &Call<'_>, enrollment: &Enrollment) -> Result<Answer, Refused> {
        let id = session(call)?;
        let (claimed, mut pending) = self.claim(call, id, Claim::Pending).await?;
        let enrolled = match self.auth0.associate(call.invocation, &pending.mfa_token, enrollment).await {
            Ok(enrolled) => enrolled,
            Err(failure) => return Err(self.call_off(call, &claimed, After::default(), failure).await),
        };
        pending.enrollment_required = false;
        pending.challenge = Some(self.open(&enrolled.challenge));
        self.store.release(&claimed, After { pending: Some(&pending), ..After::default() }).await.map_err(ended)?;
        let kind = match enrollment {
            Enrollment::Otp => "otp",
            Enrollment::Sms { .. } => "sms",
            Enrollment::Voice { .. } => "voice",
            Enrollment::Email { .. } => "email",
            Enrollment::Push => "push",
        };
        let expires_in = self.left(pending.ends_at);
        Ok(Answer::keeping(Content::Enrollment { kind, enrolled, expires_in }))
    }

    /// `GET`: where the session stands. Asks Auth0 nothing and changes nothing.
    pub(crate) async fn status(&self, call: &Call<'_>) -> Result<Answer, Refused> {
        let Presented::Session(id) = &call.session else {
            return Ok(Answer::keeping(Content::Standing(Standing::None)));
        };
        let now = self.clock.seconds();
        let standing = match self.store.get(id).await? {
            None => Standing::None,
            Some(item) => {
                let attempts_left = self.config.session.max_attempts.saturating_sub(item.attempts);
                match (item.pending(id, now), item.signed_in(id, now)) {
                    (Ok(Some(pending)), Ok(_)) if attempts_left > 0 => {
                        let expires_in = self.left(pending.ends_at);
                        Standing::Pending { pending, attempts_left, expires_in }
                    }
                    (Ok(_), Ok(Some(signed_in))) => Standing::SignedIn { expires_in: self.left(signed_in.ends_at) },
                    // A part that does not open is nobody's session.
                    _ => Standing::None,
                }
            }
        };
        Ok(Answer::keeping(Content::Standing(standing)))
    }

    /// `DELETE`: the item goes, lease or no lease, and so does its refresh token at Auth0.
    pub(crate) async fn sign_out(&self, call: &Call<'_>) -> Result<Answer, Refused> {
        if let Presented::Session(id) = &call.session {
            self.remove(call, id).await.map_err(Refused::ended)?;
        }
        Ok(Answer { content: Content::Nothing, cookie: Change::Clear })
    }

    /// Asks for a challenge and, where no factor fits, finds out why.
    pub(crate) async fn next(
        &self,
        call: &Call<'_>,
        mfa_token: &MfaToken,
        choice: &Choice,
        enroll: Option<Vec<&'static str>>,
    ) -> Result<Next, Stuck> {
        // Some tenants say it with the demand already.
        if let Some(factors) = enroll {
            return Ok(Next::Enroll(Some(factors)));
        }
        match self.auth0.challenge(call.invocation, mfa_token, choice).await {
            Ok(challenged) => Ok(Next::Challenge(challenged)),
            Err(failure) if failure.refusal() == Some(&Refusal::NoSuchFactor) => {
                match self.auth0.authenticators(call.invocation, mfa_token).await {
                    Ok(factors) if factors.is_empty() => Ok(Next::Enroll(None)),
                    Ok(_) => Err(Stuck::OtherFactor),
                    Err(failure) => Err(Stuck::Failed(failure)),
                }
            }
            Err(failure) => Err(Stuck::Failed(failure)),
        }
    }

    /// Notes in `pending` how it goes on, if it does.
    pub(crate) fn await_next(&self, pending: &mut Pending, next: Option<&Next>) {
        pending.enrollment_required = matches!(next, Some(Next::Enroll(_)));
        pending.challenge = match next {
            Some(Next::Challenge(challenged)) => Some(self.open(challenged)),
            Some(Next::Enroll(_)) | None => None,
        };
    }

    fn open(&self, challenged: &Challenged) -> Challenge {
        match challenged {
            Challenged::Otp => Challenge::Otp,
            Challenged::Code(oob_code) => Challenge::Code { oob_code: oob_code.clone() },
            Challenged::Push(oob_code) => {
                Challenge::Push { oob_code: oob_code.clone(), interval: POLL_INTERVAL, next_poll: self.clock.millis() }
            }
        }
    }

    /// What is kept of a demand for MFA: for `PENDING_TTL_SECONDS`, and no longer than the token says of itself.
    pub(crate) fn pending(&self, required: &MfaRequired, purpose: Purpose) -> Result<Pending, Error> {
        let now = self.clock.seconds();
        let latest = now + self.config.session.pending_ttl.as_secs();
        let ends_at = required.expires_at.map_or(latest, |expires_at| expires_at.min(latest));
        if ends_at <= now {
            let detail = "Auth0 gave an mfa_token that is over already (is this machine's clock right?)".into();
            return Err(Error::Upstream { detail });
        }
        let mfa_token = required.mfa_token.clone();
        Ok(Pending { mfa_token, purpose, challenge: None, enrollment_required: false, ends_at })
    }

    /// What the tokens of a pending part were asked for.
    pub(crate) fn scope<'a>(&'a self, purpose: &'a Purpose) -> &'a str {
        match purpose {
            Purpose::SignIn | Purpose::Renew => &self.config.auth0.scope,
            Purpose::StepUp { scope } => scope,
        }
    }

    /// Takes the session's lease and opens its pending part.
    pub(crate) async fn claim(
        &self,
        call: &Call<'_>,
        id: &SessionId,
        claim: Claim,
    ) -> Result<(Claimed, Pending), Refused> {
        let claimed = self.store.claim(id, claim).await.map_err(|error| match error {
            ClaimError::Gone { signed_in: false } => Refused::ended(Error::SessionExpired),
            error => error.into(),
        })?;
        match claimed.pending(self.clock.seconds()) {
            Ok(Some(pending)) => {
                call.is_part_of(Flow::from(&pending.purpose));
                Ok((claimed, pending))
            }
            Err(SealError::Random) => Err(SealError::Random.into()),
            // Over since the lease was taken, or prolonged in the table. A sign-in that this was a step-up of
            // goes on.
            Ok(None) if claimed.item.signed_in.is_some() => {
                let give_back_attempt = claim == Claim::Attempt;
                let after = After { drop_pending: true, give_back_attempt, ..After::default() };
                Err(self.settle(&claimed, after, Error::SessionExpired.into()).await)
            }
            // Changed in the table: nothing in the item is believed any more.
            Ok(None) | Err(SealError::Tampered) => Err(self.end_session(call, &claimed, Error::SessionExpired).await),
        }
    }

    /// Ends a claim after a call to Auth0 that failed: the session stays as it was. But where its `mfa_token` is
    /// over, its pending part goes; and where its user is blocked, a signed-in session ends.
    pub(crate) async fn call_off(
        &self,
        call: &Call<'_>,
        claimed: &Claimed,
        after: After<'_>,
        failure: Failure,
    ) -> Refused {
        if failure.refusal() != Some(&Refusal::MfaTokenGone) {
            return self.not_begun(call, claimed, after, failure).await;
        }
        if claimed.item.signed_in.is_some() {
            self.settle(claimed, After { drop_pending: true, ..after }, failure.into()).await
        } else {
            self.end_session(call, claimed, failure.into()).await
        }
    }

    /// Ends a claim after a demand for MFA that found no challenge. What was pending before is as it was; but
    /// where the user is blocked, a signed-in session ends.
    pub(crate) async fn not_begun(
        &self,
        call: &Call<'_>,
        claimed: &Claimed,
        after: After<'_>,
        failure: Failure,
    ) -> Refused {
        if claimed.item.signed_in.is_some() && failure.refusal() == Some(&Refusal::Blocked) {
            return self.end_session(call, claimed, failure.into()).await;
        }
        self.settle(claimed, after, failure.into()).await
    }

    /// Gives the lease back after a failure, which stays the answer unless the session ended meanwhile.
    pub(crate) async fn settle(&self, claimed: &Claimed, after: After<'_>, refused: Refused) -> Refused {
        match self.store.release(claimed, after).await {
            Ok(()) => refused,
            Err(OutcomeError::Lost(_)) => Refused::ended(Error::SessionExpired),
            Err(OutcomeError::Store(fault)) => {
                tracing::warn!(detail = %fault, "a lease was not given back; it runs out by itself");
                refused
            }
        }
    }

    /// Ends the whole session after a failure: the item goes, and with it the refresh token at Auth0.
    pub(crate) async fn end_session(&self, call: &Call<'_>, claimed: &Claimed, error: Error) -> Refused {
        match self.store.end(claimed).await {
            Ok(()) => {}
            Err(OutcomeError::Lost(_)) => return Refused::ended(Error::SessionExpired),
            Err(OutcomeError::Store(fault)) => {
                tracing::warn!(detail = %fault, "the item of a session that is over was not removed");
            }
        }
        if let Ok(Some(signed_in)) = claimed.signed_in(self.clock.seconds()) {
            self.revoke(call, Some(&signed_in.refresh_token)).await;
        }
        Refused::ended(error)
    }

    /// Takes the session away that the request came with: another has begun.
    pub(crate) async fn replace_presented(&self, call: &Call<'_>) {
        let Presented::Session(old) = &call.session else { return };
        if let Err(fault) = self.remove(call, old).await {
            tracing::warn!(detail = %fault, "the session before this one was not removed");
        }
    }

    /// Removes a session, lease or no lease, and revokes its refresh token at Auth0.
    async fn remove(&self, call: &Call<'_>, id: &SessionId) -> Result<(), StoreError> {
        let item = self.store.remove(id).await?;
        if let Some(Ok(Some(signed_in))) = item.map(|item| item.signed_in(id, self.clock.seconds())) {
            self.revoke(call, Some(&signed_in.refresh_token)).await;
        }
        Ok(())
    }

    /// Takes back what a sign-in has written that fails with `error`. Sealed under a cookie that nobody has,
    /// it is harmless; still, it goes if it can.
    pub(crate) async fn forget(&self, id: &SessionId, error: impl Into<Refused>) -> Refused {
        if let Err(fault) = self.store.remove(id).await {
            tracing::warn!(detail = %fault, "the item of a failed sign-in was not removed; nobody has its cookie");
        }
        error.into()
    }

    pub(crate) async fn revoke(&self, call: &Call<'_>, refresh_token: Option<&RefreshToken>) {
        let Some(refresh_token) = refresh_token else { return };
        if let Err(failure) = self.auth0.revoke(call.invocation, refresh_token).await {
            tracing::warn!(detail = %failure, "a refresh token was not revoked at Auth0");
        }
    }

    /// Seconds until `ends_at`.
    pub(crate) fn left(&self, ends_at: u64) -> u64 {
        ends_at.saturating_sub(self.clock.seconds())
    }
}

/// The session that a request needs.
pub(crate) fn session<'a>(call: &'a Call<'_>) -> Result<&'a SessionId, Refused> {
    match &call.session {
        Presented::Session(id) => Ok(id),
        Presented::Nothing => Err(Error::SessionExpired.into()),
        Presented::Unusable => Err(Refused::ended(Error::SessionExpired)),
    }
}

/// An outcome that could not be written: where the session ended meanwhile, its cookie goes too.
pub(crate) fn ended(error: OutcomeError) -> Refused {
    match error {
        OutcomeError::Lost(_) => Refused::ended(error),
        OutcomeError::Store(_) => error.into(),
    }
}
