/** Permissions and questions over the wire: a control_request goes out, its control_response comes in. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Wire } from "./wire.ts";

export type Decision =
  | { readonly behavior: "allow"; readonly updatedInput?: Readonly<Record<string, unknown>> | undefined }
  | { readonly behavior: "deny"; readonly message: string };

const DECISION = z.discriminatedUnion("behavior", [
  z.object({ behavior: z.literal("allow"), updatedInput: z.record(z.string(), z.unknown()).optional() }),
  z.object({ behavior: z.literal("deny"), message: z.string().default("") }),
]);

const RESPONSE = z.discriminatedUnion("subtype", [
  z.object({ subtype: z.literal("success"), request_id: z.string(), response: z.unknown() }),
  z.object({ subtype: z.literal("error"), request_id: z.string(), error: z.string().default("") }),
]);

const CLOSED =
  "Tool permission request failed: Error: Tool permission stream closed before response received";

export class Asks {
  readonly #open = new Map<string, (decision: Decision) => void>();
  readonly #wire: Wire;
  #closed = false;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Asks whether a tool may run. Denied when the input is closed; rejects when the signal is given. */
  async canUseTool(request: object, signal: AbortSignal): Promise<Decision> {
    const id = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<Decision>();
    const abort = () => {
      void this.#wire.send({ type: "control_cancel_request", request_id: id });
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#open.set(id, resolve);
    try {
      await this.#wire.send({
        type: "control_request",
        request_id: id,
        request: { subtype: "can_use_tool", ...request },
      });
      if (this.#closed) return { behavior: "deny", message: CLOSED };
      return await promise;
    } finally {
      this.#open.delete(id);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Takes up a control_response; what answers no open question is ignored. */
  settle(given: unknown): void {
    const response = RESPONSE.safeParse(given);
    if (!response.success) return;
    const resolve = this.#open.get(response.data.request_id);
    if (response.data.subtype === "error")
      return resolve?.({ behavior: "deny", message: response.data.error });
    const decision = DECISION.safeParse(response.data.response);
    resolve?.(
      decision.success
        ? decision.data
        : { behavior: "deny", message: `Tool permission request failed: ${z.prettifyError(decision.error)}` },
    );
  }

  /** The input is closed: no answer comes any more. */
  close(): void {
    this.#closed = true;
    for (const resolve of this.#open.values()) resolve({ behavior: "deny", message: CLOSED });
  }
}
