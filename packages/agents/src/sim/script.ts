/**
 * What a script may say. A script is a list of turns, one an iteration of the task's loop (the last repeats);
 * a turn is a list of steps; a step is an object with one key, its kind.
 *
 * `cases` let one script serve a tree of tasks: the first whose `when` stands in the session's first message
 * gives the turns. `onMessage` steps run when a later message holds the text: between steps when it comes while
 * tools run, as a turn of its own (that does not count as an iteration) when it comes between turns.
 */
import { z } from "zod";

/** Allows the short form of a step: `run: ls` for `run: { command: ls }`, `hang: true` for `hang: {}`. */
function short<Shape extends z.ZodRawShape>(key: (keyof Shape & string) | "", shape: Shape) {
  return z.preprocess((given) => {
    if (given === true) return {};
    return key !== "" && (typeof given === "string" || typeof given === "number") ? { [key]: given } : given;
  }, z.strictObject(shape));
}

const text = z.string();
const path = z.string().min(1);
const seconds = z.number().nonnegative();
const yes = z.literal(true);

const GATE = {
  /** Put before the block, in the same text. */
  text: text.optional(),
  ready: z.boolean(),
  reason: text.optional(),
  progress: text.optional(),
  blockers: z.array(text).optional(),
  confidence: z.number().min(0).max(1).optional(),
  milestones: z.array(text).optional(),
  learnings: z.array(text).optional(),
  /** Further keys of the block, as they are. */
  extra: z.record(text, z.unknown()).optional(),
  as: z.enum(["lines", "json"]).default("lines"),
};

const OPTION = z.preprocess(
  (given) => (typeof given === "string" ? { label: given } : given),
  z.strictObject({ label: text.min(1), description: text.optional() }),
);

/** Every kind of step with the value it takes. */
export const STEP_SHAPES = {
  say: text,
  think: text,
  /** Relative to the working directory; an absolute path is taken as it is, so that a script can try to leave. */
  write: z.strictObject({ path, content: text }),
  edit: z.strictObject({ path, find: text.min(1), replace: text, all: z.boolean().default(false) }),
  append: z.strictObject({ path, content: text }),
  delete: short("path", { path }),
  read: short("path", { path }),
  run: short("command", {
    command: text.min(1),
    description: text.optional(),
    timeoutSecs: seconds.default(120),
  }),
  wait: seconds,
  ask: z.strictObject({
    question: text.min(1),
    header: text.optional(),
    options: z.array(OPTION).min(1),
    multiSelect: z.boolean().default(false),
  }),
  /** Asks even with --dangerously-skip-permissions, as claude does for a few tools; then does what was allowed. */
  permission: z.strictObject({ tool: text.default("Bash"), input: z.record(text, z.unknown()) }),
  gate: z.strictObject(GATE),
  noGate: yes,
  commit: text.min(1),
  /** `prefix 1`, `prefix 2`, …: one message each, `size` bytes of text at least, `rate` a second (0: no pause). */
  lines: short("count", {
    count: z.number().int().nonnegative(),
    size: z.number().int().nonnegative().default(0),
    prefix: text.default("line"),
    rate: z.number().nonnegative().default(0),
    /** Ends each line in a word of its own, so that a line that was said twice can be told from one stored twice. */
    nonce: z.boolean().default(false),
  }),
  /** Bytes on stdout as they are, then a line end. */
  raw: short("text", {
    text: text.optional(),
    base64: z.base64().optional(),
    newline: z.boolean().default(true),
  }),
  stderr: text,
  crash: short("", {
    signal: z.enum(["SIGKILL", "SIGTERM", "SIGSEGV", "SIGABRT", "SIGHUP", "SIGINT"]).optional(),
    exitCode: z.number().int().min(0).max(255).optional(),
    midLine: z.boolean().default(false),
    once: z.boolean().default(false),
    stderr: text.optional(),
  }),
  /** Says nothing more, for ever or for so long. `deaf`: heeds neither interrupt, nor signals, and says so by a status line. */
  hang: short("secs", { secs: seconds.optional(), deaf: z.boolean().default(false) }),
  usageLimit: short("resetsInSecs", {
    resetsInSecs: seconds.default(3600),
    type: z.enum(["five_hour", "seven_day", "seven_day_opus"]).default("five_hour"),
  }),
  /** Fails until somebody has run `setup-token` since, or so often. */
  authExpired: short("times", { times: z.number().int().positive().optional() }),
  overloaded: short("retries", {
    retries: z.number().int().min(0).default(10),
    status: z.union([z.literal(529), z.literal(500)]).default(529),
    times: z.number().int().positive().default(1),
    /** The last retry works and the turn goes on. */
    recovers: z.boolean().default(false),
  }),
  /** "Prompt is too long", once in a working directory: the fresh session after it goes past. */
  contextFull: short("", { times: z.number().int().positive().default(1) }),
  spawnOrphan: short("secs", { secs: seconds.default(600), stubborn: z.boolean().default(false) }),
  /** A background command whose end makes a turn and a result of its own, after the turn's result. */
  backgroundResult: short("command", {
    command: text.min(1),
    description: text.default("Background command"),
    say: text.default("The background command finished."),
    gate: z.strictObject(GATE).optional(),
  }),
  subagent: short("text", {
    text,
    description: text.default("Small job"),
    prompt: text.default("Do the small job and report back."),
    run: text.optional(),
  }),
  /** US dollars on top of what the turn costs anyway. */
  cost: z.number().nonnegative(),
  /** Figures of the next model call, in tokens. */
  usage: z.strictObject({
    inputTokens: z.number().int().nonnegative().optional(),
    outputTokens: z.number().int().nonnegative().optional(),
    cacheReadInputTokens: z.number().int().nonnegative().optional(),
    cacheCreationInputTokens: z.number().int().nonnegative().optional(),
    contextWindow: z.number().int().positive().optional(),
  }),
} as const;

export type StepKind = keyof typeof STEP_SHAPES;
export type StepValue<Kind extends StepKind> = z.output<(typeof STEP_SHAPES)[Kind]>;
export type Gate = StepValue<"gate">;
export type Step = { [Kind in StepKind]: { readonly kind: Kind; readonly value: StepValue<Kind> } }[StepKind];

const optional = Object.fromEntries(
  Object.entries(STEP_SHAPES).map(([kind, shape]) => [kind, shape.optional()]),
);

const STEP = z
  .strictObject(optional)
  .refine((step) => Object.keys(step).length === 1, "a step has exactly one key, its kind")
  .transform((step) => {
    const [kind, value] = Object.entries(step)[0] ?? [];
    return { kind, value } as Step;
  });

const STEPS = z.array(STEP);
const TURNS = z.array(STEPS).min(1);

export const SCRIPT = z.strictObject({
  name: text.optional(),
  description: text.optional(),
  /** Seconds before each step, for a natural pace. */
  pace: seconds.default(0),
  turns: TURNS,
  cases: z.array(z.strictObject({ when: text.min(1), turns: TURNS })).default([]),
  onMessage: z.array(z.strictObject({ when: text.min(1), steps: STEPS })).default([]),
});

export type Script = z.output<typeof SCRIPT>;
