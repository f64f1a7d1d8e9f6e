// Pending sign-ins, in DynamoDB. The table has its TTL on `expires_at`.

import { createHash } from "node:crypto";
import { DynamoDBClient, DeleteItemCommand, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";

const TableName = process.env.SESSION_TABLE;
const MAX_ATTEMPTS = 5;
const dynamodb = new DynamoDBClient({});

const now = () => Math.floor(Date.now() / 1000);
const key = (id) => ({ id: { S: createHash("sha256").update(id).digest("base64url") } });

export function put(id, mfaToken, ttl) {
  const Item = { ...key(id), mfa_token: { S: mfaToken }, attempts: { N: "0" }, expires_at: { N: String(now() + ttl) } };
  return dynamodb.send(new PutItemCommand({ TableName, Item }));
}

/** Counts an attempt and reads the session, in one write; nothing where there is none to try. */
export async function attempt(id) {
  try {
    const { Attributes } = await dynamodb.send(new UpdateItemCommand({
      TableName,
      Key: key(id),
      UpdateExpression: "ADD attempts :one",
      ConditionExpression: "expires_at > :now AND attempts < :max",
      ExpressionAttributeValues: { ":one": { N: "1" }, ":now": { N: String(now()) }, ":max": { N: String(MAX_ATTEMPTS) } },
      ReturnValues: "ALL_NEW",
    }));
    return { mfaToken: Attributes.mfa_token.S, attemptsLeft: MAX_ATTEMPTS - Number(Attributes.attempts.N) };
  } catch (error) {
    if (error.name === "ConditionalCheckFailedException") return undefined;
    throw error;
  }
}

export const remove = (id) => dynamodb.send(new DeleteItemCommand({ TableName, Key: key(id) }));
