/** JSON web tokens as credentials: made with the server's own secret, or by an identity provider. */
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";

export interface JwtSettings {
  /** HS256 secret, 32 characters or more. */
  jwtSecret?: string;
  /** Key set of an identity provider. */
  jwksUrl?: string;
  /** Must be named by a token where set; needed with `jwksUrl`. */
  issuer?: string;
  audience?: string;
}

/** Who a token speaks for, at its issuer. */
export interface Subject {
  issuer: string;
  subject: string;
  name: string | undefined;
  scopes: readonly string[];
  /** Epoch seconds. */
  expiresAt: number;
}

export type VerifyJwt = (token: string) => Promise<Subject | undefined>;

/** Undefined when no tokens are to be taken. Throws on settings that would take tokens of anyone. */
export function makeJwtVerifier(settings: JwtSettings): VerifyJwt | undefined {
  const { jwtSecret, jwksUrl, issuer, audience } = settings;
  if (!jwtSecret && !jwksUrl) return undefined;
  if (jwtSecret && jwtSecret.length < 32) {
    throw new Error("auth.jwt_secret is too short: use 32 characters or more.");
  }
  if (jwksUrl && (!issuer || !audience)) {
    throw new Error(
      "auth.jwks_url needs auth.issuer and auth.audience: without them any token of that provider would do.",
    );
  }
  const own = jwtSecret ? new TextEncoder().encode(jwtSecret) : undefined;
  const external = jwksUrl ? createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: 5000 }) : undefined;
  const common = {
    requiredClaims: ["sub", "exp"],
    clockTolerance: 5,
    ...(issuer ? { issuer } : {}),
    ...(audience ? { audience } : {}),
  };

  return async (token) => {
    try {
      const payload = await verifyWith(token, own, external, common);
      return payload && subjectOf(payload);
    } catch (error) {
      if (error instanceof errors.JWKSTimeout) return undefined;
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  };
}

/** The header's algorithm chooses which key is tried; each key takes only its own algorithms. */
async function verifyWith(
  token: string,
  own: Uint8Array | undefined,
  external: JWTVerifyGetKey | undefined,
  options: object,
): Promise<JWTPayload | undefined> {
  if (own && algorithmOf(token) === "HS256") {
    return (await jwtVerify(token, own, { ...options, algorithms: ["HS256"] })).payload;
  }
  if (!external) return undefined;
  return (await jwtVerify(token, external, { ...options, algorithms: [...ASYMMETRIC] })).payload;
}

const ASYMMETRIC = [
  "EdDSA",
  "Ed25519",
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
] as const;

function algorithmOf(token: string): unknown {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString("utf8"));
    return typeof header === "object" && header !== null && "alg" in header ? header.alg : undefined;
  } catch {
    return undefined;
  }
}

function subjectOf(payload: JWTPayload): Subject | undefined {
  if (!payload.sub || payload.exp === undefined) return undefined;
  const name = payload["name"] ?? payload["email"];
  return {
    issuer: payload.iss ?? "",
    subject: payload.sub,
    name: typeof name === "string" ? name : undefined,
    scopes: scopesOf(payload["scope"]),
    expiresAt: payload.exp,
  };
}

/** The claim as OAuth writes it; a token without it reads and writes. */
function scopesOf(claim: unknown): readonly string[] {
  const words = typeof claim === "string" ? claim.split(" ") : Array.isArray(claim) ? claim.map(String) : [];
  const known = words
    .map((word) => word.replace(/^makima:/, ""))
    .filter((word) => ["read", "write", "approve", "admin"].includes(word));
  return known.length > 0 ? known : ["read", "write"];
}
