/**
 * The main agent's own words in one process, kept as far as a completion gate may be found in them.
 *
 * Memory is bounded however much the agent says: of what is old only closed gates are kept, the newest few.
 */

/** Text is shortened when it passes twice this many characters. */
const KEEP = 256 * 1024;
/** Gates of older text that are kept, in case the newest ones are malformed. */
const KEEP_GATES = 4;
/** A gate longer than this is none. */
const LONGEST_GATE = 64 * 1024;

const TAG = /<(\/?)COMPLETION_GATE>/gi;
const LONGEST_TAG = "</COMPLETION_GATE>".length;
const HALF_TAG = /<[/A-Z_]*$/i;

export interface GateText {
  /** One block of the main agent's text; blocks of one message belong together without a break. */
  add(text: string, messageId?: string): void;
  /** The turn is over: a gate cannot go on in the next one. */
  endTurn(): void;
  /** Text in which the process's last gate is to be looked for. */
  text(): string;
}

export function createGateText(): GateText {
  let older: string[] = [];
  let recent = "";
  let lastMessage: string | undefined;
  /** Where in `recent` the gate begins that was opened last and is not closed. */
  let open: number | undefined;

  /** Looks at the text from `from` on, and at the end of a tag that may have begun before it. */
  function follow(from: number): void {
    const start = Math.max(0, from - LONGEST_TAG + 1);
    for (const tag of recent.slice(start).matchAll(TAG)) {
      if (start + tag.index + tag[0].length <= from) continue;
      open = tag[1] === "" ? start + tag.index : undefined;
    }
  }

  function inGate(): boolean {
    if (open !== undefined && recent.length - open < LONGEST_GATE) return true;
    return HALF_TAG.test(recent.slice(-LONGEST_TAG));
  }

  function shorten(): void {
    if (recent.length <= 2 * KEEP) return;
    let at = recent.length - KEEP;
    if (open !== undefined && recent.length - open < LONGEST_GATE + KEEP) at = Math.min(at, open);
    older = [...older, ...closedGates(recent.slice(0, at))].slice(-KEEP_GATES);
    recent = recent.slice(at);
    open = open === undefined || open < at ? undefined : open - at;
  }

  return {
    add(text, messageId) {
      const sameMessage = messageId !== undefined && messageId === lastMessage;
      // A gate may also go on in the next message, when the model's output was cut at its limit.
      const joins = recent === "" || sameMessage || inGate();
      const from = recent.length;
      recent += joins ? text : `\n${text}`;
      lastMessage = messageId;
      follow(from);
      shorten();
    },
    endTurn() {
      // An empty gate after a tag that was left open keeps it from joining with one of the next turn.
      recent += open === undefined ? "\n" : "\n<COMPLETION_GATE></COMPLETION_GATE>\n";
      open = undefined;
      lastMessage = undefined;
    },
    text: () => [...older, recent].join("\n"),
  };
}

function closedGates(text: string): string[] {
  const gates: string[] = [];
  let opened: number | undefined;
  for (const tag of text.matchAll(TAG)) {
    if (tag[1] === "") {
      opened = tag.index;
    } else if (opened !== undefined) {
      const end = tag.index + tag[0].length;
      if (end - opened <= LONGEST_GATE) gates.push(text.slice(opened, end));
      opened = undefined;
    }
  }
  return gates.slice(-KEEP_GATES);
}
