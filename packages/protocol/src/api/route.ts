/**
 * The REST contract as data: each route is declared once here, mounted by the server, called by the
 * client and printed by the docs.
 */
import type { z } from "zod";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** Kinds of principal that may call a route at all; what they may touch is decided by owner and contract. */
export type Principal = "person" | "daemon" | "task";

export interface Route<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Response extends z.ZodType = z.ZodType,
> {
  /** Unique; also OpenAPI's operationId. */
  id: string;
  method: Method;
  /** Path below /api/v1 with `:name` parameters; paths that begin with `//` stand at the root of the server. */
  path: string;
  summary: string;
  tag: string;
  /** Who may call; `public` needs no key. */
  access: "public" | readonly Principal[];
  params?: Params;
  query?: Query;
  body?: Body;
  /** Of the success answer; undefined means 204. */
  response?: Response;
  status: 200 | 201 | 202 | 204;
  /** Creating and acting routes take an Idempotency-Key. */
  idempotent?: boolean;
}

/** Keeps the literal types of a declaration. */
export function route<
  P extends z.ZodType = z.ZodUndefined,
  Q extends z.ZodType = z.ZodUndefined,
  B extends z.ZodType = z.ZodUndefined,
  R extends z.ZodType = z.ZodUndefined,
>(declaration: Route<P, Q, B, R>): Route<P, Q, B, R> {
  return declaration;
}

type Input<T> = T extends z.ZodType ? z.input<T> : undefined;
type Output<T> = T extends z.ZodType ? z.output<T> : undefined;

/** What a caller passes. */
export type CallOf<R> =
  R extends Route<infer P, infer Q, infer B, z.ZodType>
    ? { params: Input<P>; query: Input<Q>; body: Input<B> }
    : never;
/** What a handler gets, parsed. */
export type RequestOf<R> =
  R extends Route<infer P, infer Q, infer B, z.ZodType>
    ? { params: Output<P>; query: Output<Q>; body: Output<B> }
    : never;
/** What a handler returns and a caller gets. */
export type ResponseOf<R> = R extends Route<z.ZodType, z.ZodType, z.ZodType, infer A> ? Output<A> : never;
