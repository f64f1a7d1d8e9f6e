//! The table: every read and write that the functions make.
//!
//! The rule that shapes all of it: a request that is about to ask Auth0 something in a session's name first
//! takes the session's lease, by one conditional `UpdateItem` that also counts a code attempt and returns
//! the item ([`Store::claim`]); what comes of it is written, and the lease given back, by one more
//! ([`Store::release`], [`Store::end`]). So guesses made in parallel cannot exceed the limit, and no code
//! and no refresh token is ever presented twice at once.
//!
//! The SDK tries each operation twice. A first try whose answer was lost may have been applied, and the
//! second then fails its own condition; each method says how it tells that from a real refusal.
//!
//! The future of each operation is in a box: it is kilobytes large, and inside of ours would be moved with it, from where
//! the request is dispatched down to here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use ring::rand::{SecureRandom, SystemRandom};

use super::id::SessionId;
use super::seal::{Part, SealError};
use super::{LEASE, Pending, SignedIn};
use crate::clock::Clock;

/// DynamoDB, as far as sessions are concerned.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    client: Client,
    table: String,
    clock: Clock,
    max_attempts: u32,
}

/// A session's item as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) pending: Option<Vec<u8>>,
    pub(crate) signed_in: Option<Vec<u8>>,
    pub(crate) attempts: u32,
    pending_until: u64,
    expires_at: u64,
    busy_until: Option<String>,
}

/// A session under lease, and what its item holds.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) item: Item,
    lease: Lease,
}

#[derive(Debug)]
struct Lease {
    id: SessionId,
    /// `busy_until` as this request wrote it.
    mark: String,
}

/// What a request wants of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// To try a code for the pending part. Costs an attempt.
    Attempt,
    /// To work on the pending part.
    Pending,
    /// To work on the signed-in part.
    SignedIn,
}

/// What becomes of a session when its lease is given back.
#[derive(Debug, Default)]
pub(crate) struct After<'a> {
    /// A new pending part, in place of the old.
    pub(crate) pending: Option<&'a Pending>,
    /// The pending part goes. (Where there is nothing else in the item, [`Store::end`] is what is meant.)
    pub(crate) drop_pending: bool,
    /// A new signed-in part, in place of the old: its refresh token was rotated.
    pub(crate) signed_in: Option<&'a SignedIn>,
    /// A success: wrong codes before it count no more.
    pub(crate) reset_attempts: bool,
    /// Whether the attempt that the claim counted was none.
    pub(crate) give_back_attempt: bool,
}

/// Why a session cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    /// Unknown, over, spent: there is nothing to work on. `signed_in`: the session itself lives on.
    #[error("the session, or the part of it that was asked for, is gone")]
    Gone { signed_in: bool },
    /// Another request has the lease.
    #[error("another request of this session is under way")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The item is gone, or another request has its lease: what this one did counts for nothing any more.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the session ended while this request was under way")]
pub(crate) struct Lost;

/// Why an outcome was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutcomeError {
    #[error(transparent)]
    Lost(#[from] Lost),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The table did not do what it was asked. For the log; the page learns that it happened, and no more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("DynamoDB {operation} failed: {fault}")]
    DynamoDb { operation: &'static str, fault: String },
    #[error("an item of the session table is malformed: {0}")]
    Malformed(&'static str),
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Store {
    pub(crate) fn new(client: Client, table: String, max_attempts: u32, clock: Clock) -> Self {
        Self { client, table, clock, max_attempts }
    }

    /// Reads an item, whatever its state; `None` where there is none or it is over. Takes no lease.
    pub(crate) async fn get(&self, id: &SessionId) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("id", AttributeValue::S(id.key()));
        let output = Box::pin(get.consistent_read(true).send()).await.map_err(|error| failed("GetItem", &error))?;
        let Some(attributes) = output.item else { return Ok(None) };
        let item = Item::read(&attributes)?;
        Ok((item.expires_at > self.clock.seconds()).then_some(item))
    }

    /// Writes the item of a sign-in that has passed its first factor.
    pub(crate) async fn put_pending(&self, id: &SessionId, pending: &Pending) -> Result<(), StoreError> {
        let sealed = pending.seal(id)?;
        self.put(id, Part::Pending, sealed, pending.ends_at).await
    }

    /// Writes the item of a signed-in session.
    pub(crate) async fn put_signed_in(&self, id: &SessionId, signed_in: &SignedIn) -> Result<(), StoreError> {
        let sealed = signed_in.seal(id)?;
        self.put(id, Part::SignedIn, sealed, signed_in.ends_at).await
    }

    async fn put(&self, id: &SessionId, part: Part, sealed: Vec<u8>, ends_at: u64) -> Result<(), StoreError> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("id", AttributeValue::S(id.key()))
            .item(part.attribute(), AttributeValue::B(Blob::new(sealed)))
            .item("attempts", number(0_u32))
            .item("expires_at", number(ends_at));
        if part == Part::Pending {
            put = put.item("pending_until", number(ends_at));
        }
        Box::pin(put.send()).await.map(drop).map_err(|error| failed("PutItem", &error))
    }

    /// Takes the lease, and for [`Claim::Attempt`] counts one, in one conditional write.
    pub(crate) async fn claim(&self, id: &SessionId, claim: Claim) -> Result<Claimed, ClaimError> {
        let now = self.clock.millis();
        let lease = Lease { id: id.clone(), mark: lease_mark(now).map_err(StoreError::from)? };
        let part = match claim {
            Claim::Attempt | Claim::Pending => "attribute_exists(pending) AND pending_until > :now",
            Claim::SignedIn => "attribute_exists(signed_in)",
        };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.key()))
            .update_expression(match claim {
                Claim::Attempt => "SET busy_until = :lease ADD attempts :one",
                Claim::Pending | Claim::SignedIn => "SET busy_until = :lease",
            })
            .condition_expression(format!(
                "{part} AND expires_at > :now AND attempts < :max \
                 AND (attribute_not_exists(busy_until) OR busy_until <= :now_millis)"
            ))
            .expression_attribute_values(":lease", AttributeValue::N(lease.mark.clone()))
            .expression_attribute_values(":now", number(now / 1000))
            .expression_attribute_values(":now_millis", number(now))
            .expression_attribute_values(":max", number(self.max_attempts))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if claim == Claim::Attempt {
            update = update.expression_attribute_values(":one", number(1_u32));
        }
        let attributes = match Box::pin(update.send()).await {
            Ok(output) => output.attributes.unwrap_or_default(),
            Err(error) => match refused_item(&error) {
                Some(attributes) if !attributes.is_empty() => {
                    let item = Item::read(attributes)?;
                    let busy_until = item.busy_until.as_deref();
                    // The mark is random: where it is ours, an earlier try was applied and its answer lost.
                    if busy_until != Some(lease.mark.as_str()) {
                        return Err(self.refusal(&item, claim, now));
                    }
                    return Ok(Claimed { item, lease });
                }
                Some(_) => return Err(ClaimError::Gone { signed_in: false }),
                None => return Err(failed("UpdateItem", &error).into()),
            },
        };
        Ok(Claimed { item: Item::read(&attributes)?, lease })
    }

    /// Which part of a claim's condition did not hold.
    fn refusal(&self, item: &Item, claim: Claim, now: u64) -> ClaimError {
        let expired = item.expires_at <= now / 1000;
        let missing = match claim {
            Claim::Attempt | Claim::Pending => item.pending.is_none() || item.pending_until <= now / 1000,
            Claim::SignedIn => item.signed_in.is_none(),
        };
        let busy = item.busy_until.as_deref().is_some_and(|until| whole(until).is_some_and(|until| until >= now));
        if busy && !expired && !missing {
            return ClaimError::Busy;
        }
        let spent = item.attempts >= self.max_attempts;
        ClaimError::Gone { signed_in: item.signed_in.is_some() && !expired && !spent }
    }

    /// Gives the lease back and writes what came of the request.
    pub(crate) async fn release(&self, claimed: &Claimed, after: After<'_>) -> Result<(), OutcomeError> {
        let Lease { id, mark } = &claimed.lease;
        let mut set = Vec::new();
        let mut update = self.client.update_item();
        if let Some(pending) = after.pending {
            let sealed = pending.seal(id).map_err(StoreError::from)?;
            set.extend(["pending = :pending", "pending_until = :until"]);
            update = update
                .expression_attribute_values(":pending", AttributeValue::B(Blob::new(sealed)))
                .expression_attribute_values(":until", number(pending.ends_at));
            if claimed.item.signed_in.is_none() {
                set.push("expires_at = :until");
            }
        }
        if let Some(signed_in) = after.signed_in {
            let sealed = signed_in.seal(id).map_err(StoreError::from)?;
            set.push("signed_in = :signed_in");
            update = update.expression_attribute_values(":signed_in", AttributeValue::B(Blob::new(sealed)));
        }
        if after.reset_attempts {
            set.push("attempts = :zero");
            update = update.expression_attribute_values(":zero", number(0_u32));
        }
        let remove = if after.drop_pending { "busy_until, pending, pending_until" } else { "busy_until" };
        if after.give_back_attempt {
            set.push("attempts = attempts - :one");
            update = update.expression_attribute_values(":one", number(1_u32));
        }
        let set = if set.is_empty() { String::new() } else { format!("SET {} ", set.join(", ")) };
        let update = update
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.key()))
            .update_expression(format!("{set}REMOVE {remove}"))
            .condition_expression("busy_until = :lease")
            .expression_attribute_values(":lease", AttributeValue::N(mark.clone()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match Box::pin(update.send()).await {
            Ok(_) => Ok(()),
            Err(error) => match refused_item(&error) {
                // None but the holder takes a mark away: an earlier try was applied and its answer lost.
                Some(item) if !item.is_empty() && !item.contains_key("busy_until") => Ok(()),
                Some(_) => Err(Lost.into()),
                None => Err(failed("UpdateItem", &error).into()),
            },
        }
    }

    /// Ends the session: the item goes, if this request still has its lease.
    pub(crate) async fn end(&self, claimed: &Claimed) -> Result<(), OutcomeError> {
        let Lease { id, mark } = &claimed.lease;
        let tries = Tries::default();
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.key()))
            .condition_expression("busy_until = :lease")
            .expression_attribute_values(":lease", AttributeValue::N(mark.clone()))
            .customize()
            .interceptor(tries.clone());
        match Box::pin(delete.send()).await {
            Ok(_) => Ok(()),
            Err(error) => match refused_item(&error) {
                // After a lost answer, an item that is gone is one that we deleted.
                Some(_) if tries.count() > 1 => Ok(()),
                Some(_) => Err(Lost.into()),
                None => Err(failed("DeleteItem", &error).into()),
            },
        }
    }

    /// Deletes an item, lease or no lease, and returns what it held.
    pub(crate) async fn remove(&self, id: &SessionId) -> Result<Option<Item>, StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).key("id", AttributeValue::S(id.key()));
        let output = Box::pin(delete.return_values(ReturnValue::AllOld).send())
            .await
            .map_err(|error| failed("DeleteItem", &error))?;
        output.attributes.filter(|attributes| !attributes.is_empty()).map(|item| Item::read(&item)).transpose()
    }
}

impl Claimed {
    /// The pending part, opened: see [`Item::pending`].
    pub(crate) fn pending(&self, now: u64) -> Result<Option<Pending>, SealError> {
        self.item.pending(&self.lease.id, now)
    }

    /// The signed-in part, opened: see [`Item::signed_in`].
    pub(crate) fn signed_in(&self, now: u64) -> Result<Option<SignedIn>, SealError> {
        self.item.signed_in(&self.lease.id, now)
    }
}

impl Item {
    fn read(attributes: &HashMap<String, AttributeValue>) -> Result<Self, StoreError> {
        let sealed = |name: &str| match attributes.get(name) {
            Some(AttributeValue::B(blob)) => Some(blob.as_ref().to_vec()),
            _ => None,
        };
        let text = |name: &str| match attributes.get(name) {
            Some(AttributeValue::N(number)) => Some(number.clone()),
            _ => None,
        };
        let seconds = |name: &str| text(name).and_then(|number| whole(&number));
        let attempts = text("attempts").and_then(|number| number.parse().ok());
        Ok(Self {
            pending: sealed(Part::Pending.attribute()),
            signed_in: sealed(Part::SignedIn.attribute()),
            attempts: attempts.ok_or(StoreError::Malformed("attempts"))?,
            pending_until: seconds("pending_until").unwrap_or(0),
            expires_at: seconds("expires_at").ok_or(StoreError::Malformed("expires_at"))?,
            busy_until: text("busy_until"),
        })
    }

    /// The pending part, opened, if there is one that is not over at `now` (epoch seconds).
    pub(crate) fn pending(&self, id: &SessionId, now: u64) -> Result<Option<Pending>, SealError> {
        let Some(sealed) = &self.pending else { return Ok(None) };
        let pending = Pending::open(id, sealed)?;
        Ok((pending.ends_at > now && self.pending_until > now).then_some(pending))
    }

    /// The signed-in part, opened, if there is one that is not over at `now` (epoch seconds).
    pub(crate) fn signed_in(&self, id: &SessionId, now: u64) -> Result<Option<SignedIn>, SealError> {
        let Some(sealed) = &self.signed_in else { return Ok(None) };
        let signed_in = SignedIn::open(id, sealed)?;
        Ok((signed_in.ends_at > now).then_some(signed_in))
    }
}

fn number(number: impl Into<u64>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// The whole part of a number as DynamoDB writes it.
fn whole(number: &str) -> Option<u64> {
    number.split('.').next()?.parse().ok()
}

/// `busy_until` of a new lease: its end in epoch milliseconds, with nine random digits behind the point.
/// The last is not 0, which DynamoDB would drop: the mark must come back as it was written.
fn lease_mark(now: u64) -> Result<String, SealError> {
    let mut random = [0; 8];
    SystemRandom::new().fill(&mut random).map_err(|_| SealError::Random)?;
    let random = u64::from_le_bytes(random);
    let end = now + u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX);
    Ok(format!("{end}.{:08}{}", random / 9 % 100_000_000, 1 + random % 9))
}

/// The item that made a condition fail (empty: there was none); `None` where it was another failure.
fn refused_item<E: ConditionFailure>(error: &SdkError<E>) -> Option<&HashMap<String, AttributeValue>> {
    static NO_ITEM: std::sync::LazyLock<HashMap<String, AttributeValue>> = std::sync::LazyLock::new(HashMap::new);
    let failure = error.as_service_error()?.condition_failure()?;
    Some(failure.item().unwrap_or(&NO_ITEM))
}

/// The two operations with conditions have an error type each, with one variant in common.
trait ConditionFailure {
    fn condition_failure(&self) -> Option<&aws_sdk_dynamodb::types::error::ConditionalCheckFailedException>;
}

impl ConditionFailure for aws_sdk_dynamodb::operation::update_item::UpdateItemError {
    fn condition_failure(&self) -> Option<&aws_sdk_dynamodb::types::error::ConditionalCheckFailedException> {
        match self {
            Self::ConditionalCheckFailedException(failure) => Some(failure),
            _ => None,
        }
    }
}

impl ConditionFailure for aws_sdk_dynamodb::operation::delete_item::DeleteItemError {
    fn condition_failure(&self) -> Option<&aws_sdk_dynamodb::types::error::ConditionalCheckFailedException> {
        match self {
            Self::ConditionalCheckFailedException(failure) => Some(failure),
            _ => None,
        }
    }
}

/// What the log says of a failed operation: AWS's code and message, or that it did not come to an answer.
fn failed<E: ProvideErrorMetadata>(operation: &'static str, error: &SdkError<E>) -> StoreError {
    StoreError::DynamoDb { operation, fault: crate::aws::fault(error) }
}

/// Counts the tries that the SDK makes of an operation.
#[derive(Clone, Debug, Default)]
struct Tries(Arc<AtomicU32>);

impl Tries {
    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Tries {
    fn name(&self) -> &'static str {
        "Tries"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_a_number_that_dynamodb_returns_as_it_was_written() {
        for _ in 0..1000 {
            let mark = lease_mark(1_764_000_000_000).unwrap();
            let (end, fraction) = mark.split_once('.').unwrap();
            assert_eq!(end, "1764000010000");
            assert_eq!(fraction.len(), 9);
            assert!(fraction.bytes().all(|digit| digit.is_ascii_digit()) && !fraction.ends_with('0'), "{mark}");
            assert_eq!(whole(&mark), Some(1_764_000_010_000));
        }
    }

    #[test]
    fn two_leases_of_the_same_moment_differ() {
        assert_ne!(lease_mark(1).unwrap(), lease_mark(1).unwrap());
    }
}
