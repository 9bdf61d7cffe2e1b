/** What a connection costs the server's endpoint, against `openssl s_server` of the same build, stock Twisted and nginx. */
import { rmSync } from "node:fs";
import { heldKiB, load, nginx, nginxVersion, sServer, twisted, type Contender } from "./support/contender.ts";
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { machineText, watchMachine, type Machine } from "./support/machine.ts";
import { prefixOf, runProgram, say, type Arguments } from "./support/program.ts";
import { stackOf, type Stack } from "./support/stack.ts";
import { round, summarise, type Summary } from "./support/statistics.ts";
import { table } from "./support/table.ts";

interface Row {
  readonly what: string;
  readonly unit: string;
  /** By contender. */
  readonly values: Readonly<Record<string, Summary>>;
  /** Ours to each other one, round by round. */
  readonly ratios: Readonly<Record<string, Summary>>;
}

interface Result {
  readonly rows: readonly Row[];
  /** What the ratios have to be read beside. */
  readonly notes: readonly string[];
  readonly figures: readonly Figure[];
  readonly machine: Machine;
}

await runProgram({
  name: "endpoint",
  summary: "Server CPU of a handshake, a request and a body, and memory of an idle connection. Linux only.",
  options: {
    prefix: { value: "DIR", help: "a prefix with a stack (default: tlsforge's own)" },
    rounds: { value: "N", help: "rounds of each comparison (default: 7)" },
    count: { value: "N", help: "connections of a round (default: 400)" },
  },
  run,
  text: ({ rows, notes, figures, machine }: Result) =>
    [
      ...rows.map(rowText),
      ...notes.map((note) => `Note       ${note}\n`),
      figuresText(figures),
      machineText(machine),
    ].join(""),
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const stack = await stackOf(prefixOf(given));
  const [rounds, count] = [given.count("rounds", 7), given.count("count", 400)];
  const machine = watchMachine();
  let own = 0;
  const compare = async (
    what: string,
    servers: readonly Contender[],
    of: { kind: "handshake" | "get" | "body"; group?: string; count: number; per: number; unit: string },
  ): Promise<Row> => {
    const samples: Record<string, number[]> = Object.fromEntries(servers.map(({ name }) => [name, []]));
    // The first round warms up.
    for (let turn = 0; turn <= rounds; turn += 1) {
      signal.throwIfAborted();
      for (const server of turn % 2 === 0 ? servers : servers.toReversed()) {
        const before = server.cpuMicroseconds();
        await load(of.kind, { port: server.port, count: of.count, group: of.group ?? "X25519" }, stack);
        const spent = server.cpuMicroseconds() - before;
        own += spent / 1e6;
        if (turn > 0) samples[server.name]?.push(spent / of.count / of.per);
      }
    }
    say(`${what}: done`);
    return rowOf(what, of.unit, samples);
  };
  const servers: Contender[] = [];
  const started = async (server: Promise<Contender>): Promise<Contender> => {
    const made = await server;
    servers.push(made);
    return made;
  };
  try {
    const plain = [await started(twisted("ours", "answer", stack)), await started(twisted("stock", "answer", stack))];
    const web = [await started(twisted("ours", "web", stack)), await started(twisted("stock", "web", stack))];
    const version = nginxVersion();
    const other = version === null ? [] : [await started(nginx(stack))];
    const all = [...plain, await started(sServer(stack))];
    const perConnection = { count, per: 1, unit: "us" };
    const rows = [
      await compare("handshake, X25519", [...all, ...other], { kind: "handshake", ...perConnection }),
      await compare("handshake, X25519MLKEM768", all, { kind: "handshake", group: "X25519MLKEM768", ...perConnection }),
      await compare("handshake and one GET, plain protocol", [...all, ...other], { kind: "get", ...perConnection }),
      await compare("handshake and one GET, twisted.web", [...web, ...other], { kind: "get", ...perConnection }),
      await compare("bodies of 4 MB, for each MB", web, { kind: "body", count: 25, per: 4, unit: "us" }),
      await memory(stack, servers),
    ];
    const nginxNote =
      version === null
        ? "nginx: not measured, since it is not installed"
        : `${version} of the system, which is not the OpenSSL of the others; one process, no tickets`;
    const notes = [nginxNote, "s_server and stock Twisted send two tickets with each handshake, ours none"];
    return { rows, notes, figures: figuresOf(rows), machine: machine(own) };
  } finally {
    await Promise.all(servers.map(async (server) => await server.stop()));
    rmSync(stack.folder, { recursive: true });
  }
}

/** Of fresh servers, so that nothing is used that was freed before. */
async function memory(stack: Stack, servers: Contender[]): Promise<Row> {
  const samples: Record<string, number[]> = { ours: [], stock: [] };
  for (const kind of ["ours", "stock", "stock", "ours"] as const) {
    const server = await twisted(kind, "answer", stack);
    servers.push(server);
    samples[kind]?.push(await heldKiB(server, 900, stack));
  }
  return rowOf("memory of an idle connection", "KiB", samples);
}

function rowOf(what: string, unit: string, samples: Readonly<Record<string, readonly number[]>>): Row {
  const ours = samples["ours"] ?? [];
  const others = Object.entries(samples).filter(([name]) => name !== "ours");
  return {
    what,
    unit,
    values: Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, summarise(values)])),
    ratios: Object.fromEntries(
      others.map(([name, values]) => [name, summarise(values.map((value, index) => (ours[index] ?? 0) / value))]),
    ),
  };
}

function figuresOf(rows: readonly Row[]): readonly Figure[] {
  const ratio = (row: number, name: string, atMost: number): readonly Figure[] => {
    const value = rows[row]?.ratios[name]?.median;
    return value === undefined
      ? []
      : [figure(`${rows[row]?.what}, against ${name}`, { value, atMost, unit: "" }, false)];
  };
  const kib = { value: rows[5]?.values["ours"]?.median ?? Number.NaN, atMost: 15, unit: "KiB" };
  return [
    ...ratio(0, "s_server", 1.25),
    ...ratio(0, "stock", 0.7),
    ...ratio(1, "s_server", 1.25),
    ...ratio(2, "nginx", 1.15),
    ...ratio(3, "nginx", 1.7),
    ...ratio(4, "stock", 0.9),
    figure("memory of an idle connection", kib, false),
  ];
}

function rowText({ what, unit, values, ratios }: Row): string {
  const lines = Object.entries(values).map(([name, { median, min, max }]) => [
    `  ${name}`,
    `${round(median)} ${unit}`,
    `${min} to ${max}`,
    ratios[name] === undefined ? "" : `ours is ${ratios[name].median} of it`,
  ]);
  return `${what}\n${table(lines)}`;
}
