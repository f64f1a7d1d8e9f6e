//! A DynamoDB table in memory: the four operations, as far as the two functions and the peer use them.
//!
//! It is there to be fast. Of a condition it checks one thing, that the item exists: here every sign-in succeeds.
//! Whether conditions are right is what the end-to-end tests see, on a store that has them all.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

/// Items by the value of their partition key, `id`.
#[derive(Debug, Default)]
pub(crate) struct Table(Mutex<HashMap<String, Map<String, Value>>>);

impl Table {
    /// Status and body. `operation` is what stands in `X-Amz-Target` behind the point.
    pub(crate) fn answer(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let holder = if operation == "PutItem" { "Item" } else { "Key" };
        let id = request.pointer(&format!("/{holder}/id/S")).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_conditional = request.get("ConditionExpression").is_some();
        if is_conditional && !items.contains_key(&id) {
            return refused("ConditionalCheckFailedException", "The conditional request failed");
        }
        let answer = match operation {
            "GetItem" => items.get(&id).map_or_else(|| json!({}), |item| json!({"Item": item})),
            "PutItem" => {
                let item = request.get("Item").and_then(Value::as_object).cloned().unwrap_or_default();
                items.insert(id, item);
                json!({})
            }
            "DeleteItem" => {
                items.remove(&id);
                json!({})
            }
            "UpdateItem" => {
                let item = items.entry(id).or_default();
                if !update(item, &request) {
                    return refused("ValidationException", "an update expression that this table does not know");
                }
                json!({"Attributes": item})
            }
            _ => return refused("UnknownOperationException", operation),
        };
        (200, answer.to_string())
    }
}

fn refused(kind: &str, message: &str) -> (u16, String) {
    (400, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": message}).to_string())
}

/// Applies an expression of the form `SET a = :v, … ADD b :n`; `false` if it has another.
fn update(item: &mut Map<String, Value>, request: &Value) -> bool {
    let expression = request.get("UpdateExpression").and_then(Value::as_str).unwrap_or_default();
    let value = |name: &str| request.get("ExpressionAttributeValues").and_then(|values| values.get(name)).cloned();
    let (set, add) = match expression.split_once("ADD ") {
        Some((set, add)) => (set, Some(add)),
        None => (expression, None),
    };
    let set = set.trim().strip_prefix("SET ").unwrap_or_default();
    for assignment in set.split(',').filter(|assignment| !assignment.trim().is_empty()) {
        let Some((name, value)) = assignment.split_once('=').and_then(|(name, by)| Some((name, value(by.trim())?)))
        else {
            return false;
        };
        item.insert(name.trim().to_owned(), value);
    }
    let Some(add) = add else { return true };
    let mut words = add.split_whitespace();
    let (Some(name), Some(addend), None) = (words.next(), words.next().and_then(value), words.next()) else {
        return false;
    };
    let number = |value: Option<&Value>| {
        value.and_then(|value| value.get("N")?.as_str()?.parse::<i64>().ok()).unwrap_or_default()
    };
    let sum = number(item.get(name)) + number(Some(&addend));
    item.insert(name.to_owned(), json!({"N": sum.to_string()}));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_put_counted_read_and_deleted() {
        let table = Table::default();
        let do_it = |operation, request: Value| {
            let (status, body) = table.answer(operation, request.to_string().as_bytes());
            (status, serde_json::from_str::<Value>(&body).unwrap())
        };
        let key = json!({"id": {"S": "a"}});
        do_it("PutItem", json!({"Item": {"id": {"S": "a"}, "attempts": {"N": "0"}}}));
        let update = json!({
            "Key": key, "UpdateExpression": "SET busy_until = :b, x = :one ADD attempts :one",
            "ConditionExpression": "attempts < :max",
            "ExpressionAttributeValues": {":b": {"N": "7.5"}, ":one": {"N": "1"}, ":max": {"N": "5"}},
        });
        let (status, updated) = do_it("UpdateItem", update.clone());
        assert_eq!((status, &updated["Attributes"]["attempts"]["N"]), (200, &json!("1")));
        assert_eq!(updated["Attributes"]["busy_until"]["N"], json!("7.5"));
        assert_eq!(do_it("GetItem", json!({"Key": key})).1["Item"], updated["Attributes"]);
        do_it("DeleteItem", json!({"Key": key}));
        assert_eq!(do_it("GetItem", json!({"Key": key})).1, json!({}));
        assert_eq!(do_it("UpdateItem", update).0, 400);
    }
}
