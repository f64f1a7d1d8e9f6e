// The types are those of infra/openapi.yaml: this file type-checks only if they are. `./test` makes `openapi.d.ts`
// out of the document first.

import type { components } from "../../target/client/openapi";
import type * as mfa from "mfa-client";

type Schemas = components["schemas"];

/** `true` if two types are one and the same, optional members and all; `any` is nothing but `any`. */
type Same<A, B> = (<T>() => T extends Plain<A> ? 1 : 2) extends <T>() => T extends Plain<B> ? 1 : 2 ? true : false;

/** A type spelled out, so that it does not matter how it was put together. */
type Plain<T> = T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

/** What is asked of `authenticate`, without the `action` that the module adds. */
type Request<Name extends keyof Schemas> = Schemas[Name] extends infer R ? (R extends unknown ? Omit<R, "action"> : never) : never;

const holds = <_Claim extends true>() => {};

holds<Same<mfa.ServerErrorCode, Schemas["ErrorCode"]>>();
holds<Same<Extract<mfa.ClientErrorCode, mfa.ServerErrorCode>, never>>();

holds<Same<mfa.ChallengeAnswer, Schemas["ChallengeAnswer"]>>();
holds<Same<mfa.OpenChallenge, Schemas["OpenChallenge"]>>();
holds<Same<mfa.EnrollmentRequiredAnswer, Schemas["EnrollmentRequiredAnswer"]>>();
holds<Same<mfa.EnrollmentAnswer, Schemas["EnrollmentAnswer"]>>();
holds<Same<mfa.EnrollableType, Schemas["EnrollableType"]>>();
holds<Same<mfa.Authenticator[], Schemas["AuthenticatorsAnswer"]["authenticators"]>>();
holds<Same<mfa.Standing, Schemas["Standing"]>>();

// `mfa_required` is in these to tell them from a step; with MFA the answer says nothing, without it `false`.
holds<Same<Omit<mfa.Tokens, "mfa_required">, Schemas["TokensAnswer"]>>();
holds<Same<Omit<mfa.Tokens, "mfa_required" | "recovery_code">, Omit<Schemas["TokensWithoutMfaAnswer"], "mfa_required">>>();
holds<Same<Omit<mfa.PushPending, "mfa_required">, Schemas["PushPending"]>>();

type Answer = mfa.PendingStep | mfa.Tokens;
holds<Schemas["VerifyAnswer"] extends Answer ? true : false>();
holds<Exclude<Schemas["AuthenticateAnswer"], Schemas["AuthenticatorsAnswer"]> extends Answer ? true : false>();

holds<Same<mfa.Choice, Request<"Challenge">>>();
holds<Same<{ scope: string } & mfa.Choice, Request<"StepUp">>>();
holds<Same<mfa.Enroll, Request<"EnrollApp" | "EnrollPhone" | "EnrollEmail">>>();
holds<Same<mfa.Code | { push: true }, Schemas["VerifyRequest"]>>();

// That it is `email` or `username`, and one of them, is said in the document by `required` alone, which is lost.
type Key<T> = T extends unknown ? keyof T : never;
holds<mfa.Credentials extends Request<"SignIn"> ? true : false>();
holds<Same<Key<mfa.Credentials>, Key<Request<"SignIn">>>>();
