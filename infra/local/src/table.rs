//! DynamoDB: an embedded database behind its own HTTP server, with the one table that the functions use.

use std::fmt;
use std::sync::Arc;

use dynoxide::storage_backend::Clock as DatabaseClock;
use dynoxide::{Database, DynoxideError, Item};
use mfa_core::Clock;
use serde_json::{Value, json};

use crate::server::Stopped;

/// The sessions' table, looked at from the inside, past HTTP and also while DynamoDB is down.
#[derive(Clone)]
pub struct Table {
    name: String,
    database: Database,
}

impl Table {
    /// A new database with this table in it: partition key `id` and TTL on `expires_at`, as deployed.
    pub(crate) fn create(name: &str, clock: Clock) -> Result<Self, DynoxideError> {
        let database = Database::memory_with_clock(Arc::new(InjectedClock(clock)))?;
        let request = |json: Value| json.to_string();
        let create = json!({
            "TableName": name,
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "BillingMode": "PAY_PER_REQUEST",
        });
        let ttl = json!({
            "TableName": name,
            "TimeToLiveSpecification": { "AttributeName": "expires_at", "Enabled": true },
        });
        database.create_table(parse(&request(create))?)?;
        database.update_time_to_live(parse(&request(ttl))?)?;
        Ok(Self { name: name.to_owned(), database })
    }

    /// Its name, the value of `SESSION_TABLE`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All items.
    pub fn items(&self) -> Result<Vec<Item>, DynoxideError> {
        let scan = json!({ "TableName": self.name, "ConsistentRead": true });
        Ok(self.database.scan(parse(&scan.to_string())?)?.items.unwrap_or_default())
    }

    /// Writes `item`, replacing the one with its `id`.
    pub fn put(&self, item: Item) -> Result<(), DynoxideError> {
        let mut request = parse::<dynoxide::actions::put_item::PutItemRequest>(
            &json!({ "TableName": self.name, "Item": { "id": { "S": "" } } }).to_string(),
        )?;
        request.item = item;
        self.database.put_item(request).map(drop)
    }

    /// Deletes the item with this `id`.
    pub fn delete(&self, id: &str) -> Result<(), DynoxideError> {
        let request = json!({ "TableName": self.name, "Key": { "id": { "S": id } } });
        self.database.delete_item(parse(&request.to_string())?).map(drop)
    }

    /// Deletes what the TTL attribute says is over, by the injected clock, and returns how many items that
    /// were. DynamoDB does this by itself, hours or days late; here it happens only when asked for.
    pub fn sweep(&self) -> Result<usize, DynoxideError> {
        self.database.sweep_ttl()
    }

    /// The database itself, for whatever else there is to look at.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Serves the database until `stopped`.
    pub(crate) async fn serve(self, listener: tokio::net::TcpListener, stopped: Stopped) {
        if let Err(fault) = dynoxide::server::serve_with_shutdown(listener, self.database, stopped).await {
            tracing::error!(fault, "DynamoDB ended");
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(request: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(request).map_err(|fault| DynoxideError::ValidationException(fault.to_string()))
}

struct InjectedClock(Clock);

impl DatabaseClock for InjectedClock {
    fn now_unix_secs(&self) -> u64 {
        self.0.seconds()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        std::time::Duration::from_millis(self.0.millis()).as_secs_f64()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("name", &self.name).finish_non_exhaustive()
    }
}
