/**
 * The lines that Claude Code writes, as far as makima reads them.
 *
 * Lenient on purpose: a field of an unexpected shape counts as missing, unknown fields and types are no
 * errors. Newer versions add both.
 */
import { z } from "zod";

const text = z.string().optional().catch(undefined);
const number = z.number().optional().catch(undefined);
const flag = z.boolean().optional().catch(undefined);
const parent = z.string().nullable().catch(null).default(null);

const usage = z
  .object({
    input_tokens: number,
    output_tokens: number,
    cache_creation_input_tokens: number,
    cache_read_input_tokens: number,
  })
  .optional()
  .catch(undefined);
export type WireUsage = NonNullable<z.infer<typeof usage>>;

const block = z
  .looseObject({
    type: z.string(),
    text,
    thinking: text,
    id: text,
    name: text,
    input: z.unknown().optional(),
    tool_use_id: text,
    is_error: flag,
    content: z.unknown().optional(),
  })
  .catch((failed) => ({ type: "unknown", input: failed.input }));
export type WireBlock = z.infer<typeof block>;

const content = z
  .union([z.string().transform((text) => [{ type: "text", text } as WireBlock]), z.array(block)])
  .catch([]);

export const wireType = z.object({ type: z.string(), subtype: text });

export const wireInit = z.object({
  session_id: z.string(),
  model: text,
  claude_code_version: text,
  apiKeySource: text,
});

export const wireRetry = z.object({
  attempt: z.number().catch(0),
  max_retries: z.number().catch(0),
  retry_delay_ms: z.number().catch(0),
  error_status: number,
  error: text,
});

export const wireStatus = z.object({
  status: z.string().nullable().optional().catch(undefined),
  compact_result: text,
  compact_error: text,
});

export const wireCompactBoundary = z.object({
  compact_metadata: z.object({ trigger: text, pre_tokens: number, post_tokens: number }).catch({}),
});

export const wireRateLimit = z.object({
  rate_limit_info: z.object({ status: z.string(), resetsAt: number, rateLimitType: text }),
});

export const wireMessage = z.object({
  message: z.object({ id: text, model: text, content, usage }),
  parent_tool_use_id: parent,
  error: text,
  api_error_status: number,
  isReplay: flag,
  isSynthetic: flag,
});

export const wireControlRequest = z.object({
  request_id: z.string(),
  request: z
    .object({ subtype: text, tool_name: text, input: z.unknown().optional() })
    .catch({ input: undefined }),
});

export const wireControlCancel = z.object({ request_id: z.string() });

export const wireControlResponse = z.object({
  response: z.object({ subtype: text, request_id: z.string(), error: text }),
});

export const wireResult = z.object({
  subtype: z.string().catch("unknown"),
  is_error: z.boolean().catch(false),
  api_error_status: number,
  duration_ms: z.number().catch(0),
  num_turns: z.number().catch(0),
  result: text,
  session_id: text,
  total_cost_usd: z.number().catch(0),
  usage,
  modelUsage: z
    .record(z.string(), z.object({ contextWindow: number, inputTokens: number }).catch({}))
    .catch({}),
  permission_denials: z.array(z.unknown()).catch([]),
  terminal_reason: text,
  errors: z.array(z.string()).catch([]),
});

export const wireQuestions = z.object({
  questions: z
    .array(
      z.object({
        question: z.string(),
        header: text,
        options: z
          .array(z.object({ label: z.string(), description: text }).catch({ label: "" }))
          .transform((options) => options.filter((option) => option.label !== ""))
          .catch([]),
        multiSelect: z.boolean().catch(false),
      }),
    )
    .min(1),
});
