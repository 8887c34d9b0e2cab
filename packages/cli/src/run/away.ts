/** A server that is away: looked after once when it lasts, given up when it lasts too long. */
import type { SocketState } from "@makima/client/socket";

export interface AwayOptions {
  reviveMs: number;
  giveUpMs: number;
  revive: () => void;
  giveUp: (reason: string) => void;
}

export interface Away extends Disposable {
  seen(state: SocketState): void;
}

export function watchAway({ reviveMs, giveUpMs, revive, giveUp }: AwayOptions): Away {
  let timers: NodeJS.Timeout[] = [];
  const back = () => {
    for (const timer of timers) clearTimeout(timer);
    timers = [];
  };
  return {
    seen(state) {
      if (state.type === "open") back();
      else if (state.type === "waiting" && timers.length === 0) {
        timers = [setTimeout(revive, reviveMs), setTimeout(giveUp, giveUpMs, state.reason)];
      }
    },
    [Symbol.dispose]: back,
  };
}
