//! What the tenant sends to its users: text messages, calls, e-mails and pushes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use crate::opaque::Digest;

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A text message with a code.
    Sms,
    /// A call in which a code is spoken.
    Voice,
    /// An e-mail with a code.
    Email,
    /// A notification to approve or refuse.
    Push,
    /// The code of a new push device, to be scanned by the Guardian app: approving it stands for
    /// the scan.
    PushEnrollment,
}

/// Where a push stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Neither approved nor refused.
    Waiting,
    /// Approved (or scanned).
    Approved,
    /// Refused.
    Refused,
}

/// A message to a user. `Debug` does not print the code.
#[derive(Clone, Serialize)]
pub struct Message {
    /// Its number, from 1 on.
    pub id: u64,
    /// When it was sent, by the tenant's clock; in JSON, epoch milliseconds.
    #[serde(serialize_with = "epoch_millis")]
    pub at: SystemTime,
    /// Until when it can be answered, likewise.
    #[serde(serialize_with = "epoch_millis")]
    pub expires: SystemTime,
    /// The user's e-mail address, whatever the message was sent to.
    pub user: String,
    /// Its kind.
    pub kind: MessageKind,
    /// The telephone number, address or device it went to.
    pub to: String,
    /// The code, except in a push.
    pub code: Option<String>,
    /// Where a push stands; nothing for other messages.
    pub answer: Option<Answer>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

fn epoch_millis<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Called with every message that is sent, while the tenant answers: it must not call the tenant.
pub type OnMessage = Arc<dyn Fn(&Message) + Send + Sync>;

/// The messages, oldest first, each with the challenge that it belongs to.
#[derive(Default)]
pub(crate) struct Inbox {
    next: u64,
    messages: VecDeque<(Message, Digest)>,
    on_message: Option<OnMessage>,
}

/// The most messages that are kept; older ones go.
const KEPT: usize = 200;

impl Inbox {
    pub(crate) fn new(on_message: Option<OnMessage>) -> Self {
        Self { on_message, ..Self::default() }
    }

    pub(crate) fn send(&mut self, mut message: Message, challenge: Digest) {
        self.next += 1;
        message.id = self.next;
        if let Some(on_message) = &self.on_message {
            on_message(&message);
        }
        if self.messages.len() == KEPT {
            self.messages.pop_front();
        }
        self.messages.push_back((message, challenge));
    }

    pub(crate) fn all(&self) -> Vec<Message> {
        self.messages.iter().map(|(message, _)| message.clone()).collect()
    }

    /// Answers a push that waits, and says which challenge that was.
    pub(crate) fn answer(&mut self, id: u64, answer: Answer) -> Option<Digest> {
        let (message, challenge) = self.messages.iter_mut().find(|(m, _)| m.id == id)?;
        if message.answer != Some(Answer::Waiting) {
            return None;
        }
        message.answer = Some(answer);
        Some(*challenge)
    }

    /// The newest push of this user that waits.
    pub(crate) fn waiting(&self, user: &str) -> Option<u64> {
        self.messages
            .iter()
            .rev()
            .find(|(m, _)| m.answer == Some(Answer::Waiting) && m.user.eq_ignore_ascii_case(user))
            .map(|(message, _)| message.id)
    }

    pub(crate) fn clear(&mut self) {
        self.messages.clear();
    }
}
