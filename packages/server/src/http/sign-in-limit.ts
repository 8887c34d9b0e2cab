/** Bounds how often one address may be wrong about who it is. Whoever is right is never slowed. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Refusal } from "../outcome.ts";
import { tooMany } from "./server.ts";

export interface SignInLimit {
  /** RATE_LIMITED when this address was wrong too often already. */
  refuse(request: FastifyRequest): Promise<Refusal | undefined>;
  /** This address was wrong once more; RATE_LIMITED when that was once too often. */
  failed(request: FastifyRequest): Promise<Refusal | undefined>;
}

export function limitSignIns(app: FastifyInstance, perMinute: number): SignInLimit {
  const look = app.createRateLimit({
    max: perMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => `failed ${request.ip}`,
  });
  const check = async (request: FastifyRequest, increment: boolean) => {
    const found = await look(request, { increment });
    return !found.isAllowed && found.isExceeded ? tooMany(found.ttl).refusal : undefined;
  };
  return { refuse: (request) => check(request, false), failed: (request) => check(request, true) };
}
