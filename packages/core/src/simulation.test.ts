/**
 * Seeded histories of a server and its daemons in one process: messages are delayed, doubled, reordered and lost,
 * daemons die, stall and come back, the server restarts. After every step the laws must hold: at most one
 * daemon works on a task in the server's eyes and with its leave, epochs never fall, one completion counts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fenceAt, leaseAt, leaseEnds, renewLease, type Lease, type LeaseRules } from "./run.ts";
import { hasLiveRun, isFinal, stepTask, type TaskEvent, type TaskState } from "./task.ts";

const SEEDS = 200;
const STEPS = 400;
const RULES: LeaseRules = { leaseMs: 45, graceMs: 100 };

/** Mulberry32: small, fast, and the same everywhere. */
function randomOf(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Held {
  epoch: number;
  heardAt: number;
  /** Iterations of work until it says done. */
  left: number;
}
interface Message {
  to: "server" | number;
  due: number;
  body: {
    type: "heartbeat" | "renewed" | "spawn" | "done" | "running" | "parked" | "stop";
    daemon: number;
    epoch: number;
    /** Heartbeats and their answers: the daemon's clock when it sent the heartbeat. */
    sentAt?: number;
  };
}

class World {
  readonly random: () => number;
  now = 0;
  serverUpSince = 0;
  task: TaskState = { status: "pending", epoch: 0, attempt: 1, maxAttempts: 5, pauseRequested: false };
  holder: number | undefined;
  lease: Lease | undefined;
  completions = 0;
  readonly daemons: { held: Held | undefined; awake: boolean }[] = [0, 1, 2].map(() => ({
    held: undefined,
    awake: true,
  }));
  messages: Message[] = [];
  /** A partition, one-way or both ways. What is stored is sent again when it is over. */
  cutUntil = 0;
  cut: "both" | "to server" | "from server" = "both";

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  /** A stored message arrives once or more often, late, in any order; a heartbeat may be lost. */
  send(to: Message["to"], body: Message["body"], durable: boolean): void {
    const cut =
      this.now < this.cutUntil && (to === "server" ? this.cut !== "from server" : this.cut !== "to server");
    if (!durable && (cut || this.random() < 0.2)) return;
    const copies = this.random() < 0.15 ? 2 : 1;
    for (let i = 0; i < copies; i += 1)
      this.messages.push({ to, due: this.now + 1 + this.random() * 30, body });
  }

  step(event: TaskEvent): boolean {
    const before = this.task;
    const result = stepTask(before, event);
    if (!result.ok) return false;
    assert.ok(result.state.epoch >= before.epoch, "an epoch fell");
    this.task = result.state;
    if (this.task.status === "done") this.completions += 1;
    for (const effect of result.effects) {
      if (effect.type === "endRun") {
        this.holder = undefined;
        this.lease = undefined;
      }
      if (effect.type === "stopRun" && this.holder !== undefined) {
        this.send(this.holder, { type: "stop", daemon: this.holder, epoch: effect.epoch }, true);
      }
    }
    return true;
  }

  tick(): void {
    this.now += 1 + Math.floor(this.random() * 12);
    this.server();
    this.daemons.forEach((_, index) => this.daemon(index));
    const due = this.messages.filter((message) => message.due <= this.now);
    this.messages = this.messages.filter((message) => message.due > this.now);
    for (const message of due) this.deliver(message);
    this.trouble();
    this.check();
  }

  server(): void {
    if (this.lease) {
      this.lease = leaseAt(this.lease, this.now, this.serverUpSince, RULES);
      if (this.lease.state === "lost") {
        const daemon = this.daemons[this.holder ?? -1];
        const held = daemon?.awake ? daemon.held : undefined;
        const works = held?.epoch === this.task.epoch && this.now < fenceAt(held.heardAt, RULES);
        assert.ok(!works, "a run was given away while its daemon still works on it by its own clock");
        this.step({ type: "lost", epoch: this.task.epoch, message: "not heard" });
      }
    }
    if (this.task.status === "pending" && this.step({ type: "placed" })) {
      const daemon = Math.floor(this.random() * this.daemons.length);
      this.holder = daemon;
      this.lease = { state: "live", renewedAt: this.now };
      this.send(daemon, { type: "spawn", daemon, epoch: this.task.epoch, sentAt: this.now }, true);
    }
    if (this.task.status === "blocked" || this.task.status === "paused") this.step({ type: "woken" });
  }

  daemon(index: number): void {
    const daemon = this.daemons[index];
    if (!daemon?.awake || !daemon.held) return;
    const { held } = daemon;
    if (this.now >= fenceAt(held.heardAt, RULES)) {
      daemon.held = undefined;
      return;
    }
    this.send("server", { type: "heartbeat", daemon: index, epoch: held.epoch, sentAt: this.now }, false);
    if (this.random() < 0.3) held.left -= 1;
    if (held.left > 0) return;
    daemon.held = undefined;
    const type = this.random() < 0.3 ? "parked" : "done";
    this.send("server", { type, daemon: index, epoch: held.epoch }, true);
  }

  deliver({ to, body }: Message): void {
    if (to === "server") return this.toServer(body);
    const daemon = this.daemons[to];
    if (!daemon) return;
    if (!daemon.awake) {
      if (body.type === "spawn") this.messages.push({ to, due: this.now + 20, body });
      return;
    }
    const { held } = daemon;
    if (body.type === "spawn" && (held?.epoch ?? 0) < body.epoch && body.epoch >= this.task.epoch) {
      daemon.held = {
        epoch: body.epoch,
        heardAt: body.sentAt ?? 0,
        left: 1 + Math.floor(this.random() * 12),
      };
      this.send("server", { type: "running", daemon: to, epoch: body.epoch }, true);
    }
    if (body.type === "renewed" && held?.epoch === body.epoch)
      held.heardAt = Math.max(held.heardAt, body.sentAt ?? 0);
    if (body.type === "stop" && held?.epoch === body.epoch) {
      daemon.held = undefined;
      this.send("server", { type: "parked", daemon: to, epoch: body.epoch }, true);
    }
  }

  toServer(body: Message["body"]): void {
    if (body.type === "heartbeat") {
      if (body.epoch !== this.task.epoch || body.daemon !== this.holder || !this.lease) return;
      const renewed = renewLease(this.lease, this.now);
      if (!renewed) return;
      this.lease = renewed;
      this.send(body.daemon, { ...body, type: "renewed" }, false);
      return;
    }
    const { epoch } = body;
    if (body.type === "running") this.step({ type: "running", epoch });
    if (body.type === "done") this.step({ type: "ended", epoch, outcome: { type: "done" } });
    if (body.type === "parked") {
      const reason = this.task.pauseRequested ? "paused" : "usage_limit";
      this.step({ type: "ended", epoch, outcome: { type: "parked", reason } });
    }
  }

  trouble(): void {
    const pick = this.daemons[Math.floor(this.random() * this.daemons.length)];
    const chance = this.random();
    if (chance < 0.02 && pick) pick.held = undefined;
    else if (chance < 0.06 && pick) pick.awake = !pick.awake;
    else if (chance < 0.08) this.serverUpSince = this.now;
    else if (chance < 0.09) this.step({ type: "pause" });
    else if (chance < 0.11) {
      this.cutUntil = this.now + this.random() * 400;
      this.cut = (["both", "to server", "from server"] as const)[Math.floor(this.random() * 3)] ?? "both";
    } else if (chance < 0.16 && isFinal(this.task.status)) {
      this.completions = 0;
      this.step({ type: "retry" });
    }
  }

  check(): void {
    assert.equal(
      hasLiveRun(this.task.status),
      this.holder !== undefined,
      "a live run and a holder go together",
    );
    assert.ok(this.completions <= 1, "a task was completed twice");
    assert.ok(this.task.attempt <= this.task.maxAttempts);
  }
}

test("no seeded history of server and daemons breaks the laws of runs", () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const world = new World(seed);
    try {
      for (let i = 0; i < STEPS; i += 1) world.tick();
    } catch (cause) {
      throw new Error(`seed ${seed} at ${world.now}: ${String(cause)}`, { cause });
    }
  }
});

test("most seeded histories come to a completion, so that the simulation simulates something", () => {
  let done = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const world = new World(seed);
    for (let i = 0; i < STEPS && world.completions === 0; i += 1) world.tick();
    done += world.completions;
  }
  assert.ok(done > SEEDS / 2, `only ${done} of ${SEEDS}`);
});

test("a daemon stops its runs before the server may give them away", () => {
  const lease: Lease = { state: "live", renewedAt: 1000 };
  const { lostAt } = leaseEnds(lease, 0, RULES);
  assert.ok(fenceAt(1000, RULES) < lostAt);
});

test("no lease runs out before the server has been up for one lease", () => {
  const lease: Lease = { state: "live", renewedAt: 0 };
  assert.equal(leaseAt(lease, 10_044, 10_000, RULES).state, "live");
  assert.equal(leaseAt(lease, 10_045, 10_000, RULES).state, "suspect");
  assert.equal(leaseAt(lease, 10_145, 10_000, RULES).state, "lost");
});

test("a suspect run is taken up again, a lost one is not", () => {
  assert.deepEqual(renewLease({ state: "suspect", renewedAt: 1 }, 5), { state: "live", renewedAt: 5 });
  assert.equal(renewLease({ state: "lost", renewedAt: 1 }, 5), undefined);
});
