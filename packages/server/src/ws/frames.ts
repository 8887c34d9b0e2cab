/** Frames as they come in: text, JSON of bounded depth, the schema. Never throws. */
import type { RawData } from "ws";
import type { z } from "zod";
import { isDeeperThan } from "../http/json-body.ts";

export type Decoded<T> = { ok: true; frame: T; bytes: number } | { ok: false; message: string };

/** Far above what agents write as a tool's input, far below what overflows a stack. */
const MAX_DEPTH = 500;

export function decodeFrame<S extends z.ZodType>(
  schema: S,
  data: RawData,
  isBinary: boolean,
): Decoded<z.output<S>> {
  const json = decodeJson(data, isBinary);
  if (!json.ok) return json;
  const parsed = schema.safeParse(json.frame);
  if (parsed.success) return { ok: true, frame: parsed.data, bytes: json.bytes };
  return { ok: false, message: `The frame is not understood: ${firstIssue(parsed.error)}.` };
}

/** JSON of bounded depth, whatever it holds. */
export function decodeJson(data: RawData, isBinary: boolean): Decoded<unknown> {
  if (isBinary) return { ok: false, message: "Frames are JSON text, not binary." };
  const text = toText(data);
  if (isDeeperThan(text, MAX_DEPTH)) {
    return { ok: false, message: `The frame is nested more than ${MAX_DEPTH} levels deep.` };
  }
  try {
    return { ok: true, frame: JSON.parse(text), bytes: text.length };
  } catch {
    return { ok: false, message: "The frame is not valid JSON." };
  }
}

export function firstIssue({ issues: [issue] }: z.ZodError): string {
  return `${issue?.path.join(".") || "the frame"}: ${issue?.message ?? "not valid"}`;
}

export function encodeFrame(frame: unknown): Buffer {
  return Buffer.from(JSON.stringify(frame));
}

function toText(data: RawData): string {
  if (Buffer.isBuffer(data)) return data.toString("utf8");
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)).toString("utf8");
}
