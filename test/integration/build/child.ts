/** Builds the tiny project in a process of its own, so that a test can kill it: `child.ts FOLDER SECONDS WAYS`, sealed in the first of these ways that there is. Writes `ready` when a step of that length has begun, and `done` at the end. */
import { machineSeal, make, prepare } from "./hello.ts";

const [folder, seconds, ways] = process.argv.slice(2) as [string, string, string];
const project = await prepare(folder);
const { steps } = project.recipe;
// Some of it in a session of its own, as daemons are.
const slow = {
  kind: "run",
  argv: ["sh", "-c", `setsid sleep ${seconds} & echo checking for time... ; sleep ${seconds}`],
} as const;
const { cached } = await make(project, {
  seal: await machineSeal(JSON.parse(ways) as string[][]),
  recipe: { steps: [...steps.slice(0, 3), slow, ...steps.slice(3)] },
  onEvent: (event) => {
    if (event.type === "build-activity" && event.activity === "checking time") process.stdout.write("ready\n");
  },
});
process.stdout.write(`done ${cached ? "cached" : "built"}\n`);
