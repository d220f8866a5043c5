// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// A certified OpenID provider (npm oidc-provider) on loopback, told what to do line by line.
//
// argv: one JSON object { port, redirect_uri, secret, client_jwk, keys }. Prints "ready" and then
// answers each line on standard input: {"keys": [...]} takes other signing keys, which means a new
// provider under the same issuer.
import http from "node:http";
import readline from "node:readline";
import Provider, { interactionPolicy } from "oidc-provider";

const told = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${told.port}`;

function provider(keys) {
  const made = new Provider(issuer, {
    clients: [
      { client_id: "varco-secret", client_secret: told.secret, redirect_uris: [told.redirect_uri],
        token_endpoint_auth_method: "client_secret_basic" },
      { client_id: "varco-key", redirect_uris: [told.redirect_uri],
        token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [told.client_jwk] } },
    ],
    jwks: { keys },
    acrValues: ["L1", "L2", "L3"],
    pkce: { required: () => true },
    cookies: { keys: ["not-a-secret-of-anybody"] },
    features: { devInteractions: { enabled: false } },
    claims: { acr: null, sid: null, auth_time: null, openid: ["sub"] },
    findAccount: async (_context, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
    interactions: { policy: interactionPolicy.base(), url: (_context, one) => `/interaction/${one.uid}` },
  });
  made.on("server_error", (_context, error) => console.error(error));
  return made;
}

// A person at the provider: ?who=SUB&acr=LEVEL on the interaction's own address.
async function interact(made, request, response) {
  const wish = new URL(request.url, issuer).searchParams;
  const { prompt, params, session, grantId } = await made.interactionDetails(request, response);
  if (prompt.name === "login") {
    const result = { login: { accountId: wish.get("who") ?? "nobody", acr: wish.get("acr") ?? "L1", amr: ["pwd"] } };
    if (wish.has("refuse")) return made.interactionFinished(request, response, { error: "access_denied" });
    return made.interactionFinished(request, response, result);
  }
  const grant = grantId ? await made.Grant.find(grantId) : new made.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope("openid");
  return made.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

let current = provider(told.keys);
http.createServer((request, response) => {
  const answer = request.url.startsWith("/interaction/")
    ? interact(current, request, response)
    : current.callback()(request, response);
  Promise.resolve(answer).catch((error) => { console.error(error); response.writeHead(500).end(); });
}).listen(told.port, "127.0.0.1", () => console.log("ready"));

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  current = provider(JSON.parse(line).keys);
  console.log("ready");
}).on("close", () => process.exit(0));
