/** P10: `makima --version` of the bundle against Node doing nothing. */
import { interleave, median, timed } from "./block.ts";
import { bundle } from "./bundle.ts";
import { run } from "./child.ts";
import { atMost, type Figure } from "./figure.ts";

export const figure: Figure = {
  title: "the bundled program's first word",
  async measure(bench) {
    const file = await bundle(bench);
    const times = bench.quick ? 8 : 20;
    const several = async (args: string[]) => {
      const each: number[] = [];
      for (let n = 0; n < times; n += 1) each.push(await timed(() => run(process.execPath, args)));
      return [median(each)];
    };
    await several([file, "--version"]);
    const { makima, reference } = await interleave(bench.quick ? 5 : 9, {
      makima: () => several([file, "--version"]),
      reference: () => several(["-e", "0"]),
    });
    bench.row({
      what: "makima --version",
      unit: "ms",
      makima: makima[0] ?? [],
      reference: reference[0] ?? [],
      against: "node -e 0",
      goal: atMost(1.3),
    });
  },
};
