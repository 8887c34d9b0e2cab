/** Loaded into a server that is measured (`--import`): tells, when it is asked, how late its event loop was. */
import { monitorEventLoopDelay } from "node:perf_hooks";

export interface LoopDelay {
  /** Milliseconds since the last time that was asked. */
  p50: number;
  p99: number;
  max: number;
  /** Share of one core that the process used since then. */
  cpu: number;
}

if (process.send) {
  const resolution = 5;
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  let cpu = process.cpuUsage();
  let since = performance.now();
  // A delay is measured between ticks of a timer; what exceeds the timer's own interval is the delay.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution);
  process.on("message", () => {
    const used = process.cpuUsage(cpu);
    const delay: LoopDelay = {
      p50: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
      cpu: (used.user + used.system) / 1000 / (performance.now() - since),
    };
    histogram.reset();
    cpu = process.cpuUsage();
    since = performance.now();
    process.send?.(delay);
  });
  process.channel?.unref();
}
