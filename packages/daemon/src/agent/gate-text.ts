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
  // Kept in pieces and joined only when it is shortened or read: one growing string would be copied at each block.
  let pieces: string[] = [];
  /** Positions count from the start of the process; `pieces` hold what lies between these two. */
  let start = 0;
  let end = 0;
  /** The last characters, which may be the beginning of a tag. */
  let edge = "";
  let lastMessage: string | undefined;
  /** Where the gate begins that was opened last and is not closed. */
  let open: number | undefined;

  function push(text: string): void {
    const looked = edge + text;
    const from = end - edge.length;
    for (const tag of looked.matchAll(TAG)) open = tag[1] === "" ? from + tag.index : undefined;
    edge = looked.slice(-(LONGEST_TAG - 1));
    pieces.push(text);
    end += text.length;
  }

  function inGate(): boolean {
    return (open !== undefined && end - open < LONGEST_GATE) || HALF_TAG.test(edge);
  }

  function shorten(): void {
    if (end - start <= 2 * KEEP) return;
    const recent = pieces.join("");
    let at = end - KEEP;
    if (open !== undefined && at - open < LONGEST_GATE) at = Math.min(at, open);
    older = [...older, ...closedGates(recent.slice(0, at - start))].slice(-KEEP_GATES);
    pieces = [recent.slice(at - start)];
    start = at;
    if (open !== undefined && open < at) open = undefined;
  }

  return {
    add(text, messageId) {
      const sameMessage = messageId !== undefined && messageId === lastMessage;
      // A gate may also go on in the next message, when the model's output was cut at its limit.
      push(end === 0 || sameMessage || inGate() ? text : `\n${text}`);
      lastMessage = messageId;
      shorten();
    },
    endTurn() {
      // An empty gate after a tag that was left open keeps it from joining with one of the next turn.
      push(open === undefined ? "\n" : "\n<COMPLETION_GATE></COMPLETION_GATE>\n");
      lastMessage = undefined;
    },
    text: () => [...older, pieces.join("")].join("\n"),
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
