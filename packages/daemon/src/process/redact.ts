/**
 * Masks known secrets in text, also where one is split over chunks.
 *
 * One automaton over all secrets (Aho and Corasick): the time is linear in the text, whatever the secrets
 * are and however they overlap.
 */

export const MASK = "[redacted]";
/** Shorter values would mask words of everyday text. */
const LEAST_LENGTH = 6;

export interface RedactingStream {
  /** Masked text that is safe to give out; what may be the beginning of a secret is held back. */
  push(chunk: string): string;
  /** What was held back. */
  end(): string;
}

export interface Redactor {
  redact(text: string): string;
  stream(): RedactingStream;
}

interface Node {
  next: Map<number, Node>;
  fail: Node | undefined;
  depth: number;
  /** Length of the longest secret that ends here; 0 for none. */
  match: number;
}

/** A redactor of these values. Those of fewer than six characters are left alone. */
export function createRedactor(secrets: Iterable<string>): Redactor {
  const known = [...new Set(secrets)].filter((secret) => secret.trim().length >= LEAST_LENGTH);
  const root = automaton(known);
  return {
    redact(text) {
      if (!known.some((secret) => text.includes(secret))) return text;
      const stream = redacting(root);
      return stream.push(text) + stream.end();
    },
    stream: () => redacting(root),
  };
}

function automaton(secrets: string[]): Node {
  const root: Node = { next: new Map(), fail: undefined, depth: 0, match: 0 };
  for (const secret of secrets) {
    let node = root;
    for (let at = 0; at < secret.length; at += 1) {
      const code = secret.charCodeAt(at);
      let child = node.next.get(code);
      if (!child) node.next.set(code, (child = { next: new Map(), fail: root, depth: at + 1, match: 0 }));
      node = child;
    }
    node.match = secret.length;
  }
  // Breadth first, so that the shorter suffix of each node is done before it.
  const queue = [...root.next.values()];
  for (const node of queue) {
    for (const [code, child] of node.next) {
      child.fail = step(node.fail ?? root, code, root);
      child.match = Math.max(child.match, child.fail.match);
      queue.push(child);
    }
  }
  return root;
}

function step(from: Node, code: number, root: Node): Node {
  for (let node: Node | undefined = from; node; node = node.fail) {
    const next = node.next.get(code);
    if (next) return next;
  }
  return root;
}

function redacting(root: Node): RedactingStream {
  let node = root;
  /** Text not given out yet; `base` is where it begins in the whole. */
  let held = "";
  let base = 0;
  /** Disjoint masked ranges that are not wholly given out, in order. */
  let ranges: { from: number; to: number; shown: boolean }[] = [];

  function mark(from: number, to: number): void {
    let start = from;
    let shown = false;
    for (let last = ranges.at(-1); last && last.to >= start; last = ranges.at(-1)) {
      start = Math.min(start, last.from);
      shown ||= last.shown;
      ranges.pop();
    }
    ranges.push({ from: start, to, shown });
  }

  function give(until: number): string {
    let out = "";
    let at = base;
    for (const range of ranges) {
      if (range.from >= until) break;
      if (range.from > at) out += held.slice(at - base, range.from - base);
      if (!range.shown) out += MASK;
      range.shown = true;
      at = Math.max(at, Math.min(range.to, until));
    }
    out += held.slice(at - base, until - base);
    held = held.slice(until - base);
    base = until;
    ranges = ranges.filter((range) => range.to >= until);
    return out;
  }

  return {
    push(chunk) {
      const start = base + held.length;
      for (let at = 0; at < chunk.length; at += 1) {
        node = step(node, chunk.charCodeAt(at), root);
        if (node.match > 0) mark(start + at + 1 - node.match, start + at + 1);
      }
      held += chunk;
      return give(base + held.length - node.depth);
    },
    end() {
      node = root;
      return give(base + held.length);
    },
  };
}
