/**
 * Post-login Action: which tokens there are only after a second factor.
 *
 * A sign-in with a password demands one. So does a refresh that asks for a step-up scope, and no other
 * refresh. A step-up scope leaves the tenant with no other token, however it was come by: what did not ask
 * for it by name loses it, and what asks for it in another flow is refused.
 *
 * Two secrets of the Action configure it:
 *   STEP_UP_SCOPES  the scopes, separated by spaces: "transfer:funds"
 *   STEP_UP_CLAIM   the claim that marks a step-up's tokens, a URL: "https://bank.example/step_up"
 *
 * After Auth0's documentation, by the titles of its pages: "Event Object" and "API Object" of the post-login
 * trigger, "Password and refresh token exchange rules migration", "Configure Step-up Authentication for
 * APIs", "Bypass MFA for refresh token requests", "API Access Policies for Applications", "Create Custom
 * Claims".
 */

const REFRESH = "oauth2-refresh-token";
// "oauth2-password" is the password and the password-realm exchange; the other one is their predecessor.
const PASSWORD = ["oauth2-password", "oauth2-resource-owner"];

exports.onExecutePostLogin = async (event, api) => {
  const stepUpScopes = words(event.secrets.STEP_UP_SCOPES);
  const claim = event.secrets.STEP_UP_CLAIM;
  if (stepUpScopes.length === 0 || !/^https?:\/\/\S+$/.test(claim)) {
    // Without knowing what to guard it would guard nothing, and nobody would notice.
    api.access.deny("Sign-in is not set up: the step-up Action lacks its secrets.");
    return;
  }

  const protocol = event.transaction?.protocol;
  const requested = requestedScopes(event, protocol);
  const isRequested = (scope) => requested.includes(scope);
  const isStepUp = protocol === REFRESH && stepUpScopes.some(isRequested);

  // A request that names no scope is given those of the first sign-in (a refresh), or all that there are (a
  // password): also the ones that must be asked for.
  for (const scope of stepUpScopes.filter((scope) => !isRequested(scope))) {
    api.accessToken.removeScope(scope);
  }

  if (isStepUp || PASSWORD.includes(protocol)) {
    // The challenge comes at the end of the flow, after all Actions: no token is issued until it is passed,
    // and what is set below is only ever seen in a token that was.
    api.multifactor.enable("any", { allowRememberBrowser: false });
  } else if (stepUpScopes.some(isRequested)) {
    api.access.deny("A step-up scope is given for a refresh token and a second factor only.");
    return;
  }

  if (isStepUp) {
    // Tokens of the MFA API have no `amr`, and an Action cannot set it.
    api.accessToken.setCustomClaim(claim, true);
    api.idToken.setCustomClaim(claim, true);
  }
};

/** What this very request asks for: of a refresh not what the sign-in asked for, long ago. */
function requestedScopes(event, protocol) {
  const inBody = words(event.request?.body?.scope);
  return protocol === REFRESH ? inBody : [...inBody, ...(event.transaction?.requested_scopes ?? [])];
}

function words(text) {
  return typeof text === "string" ? text.split(/\s+/).filter(Boolean) : [];
}
