/** A daemon that can be killed at any moment and started again on the same state. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { World } from "./world.ts";

const PROGRAM = fileURLToPath(new URL("./daemon-child.ts", import.meta.url));

export class DaemonProcess {
  readonly #world: World;
  #child: ChildProcess | undefined;

  private constructor(world: World) {
    this.#world = world;
  }

  static start(t: TestContext, world: World): DaemonProcess {
    const daemon = new DaemonProcess(world);
    daemon.start();
    t.after(() => daemon.kill());
    return daemon;
  }

  start(): void {
    const { folder, options } = this.#world;
    const facts = { folder, config: options.config, serverUrl: options.serverUrl };
    this.#child = spawn(process.execPath, [PROGRAM, JSON.stringify(facts)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }

  kill(): Promise<void> {
    return this.end("SIGKILL");
  }

  async killAndStart(): Promise<void> {
    await this.kill();
    this.start();
  }
}
