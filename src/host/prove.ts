/** Proof that a low port is the service's alone: it is tried, as another user. */
import type { LowPortDecision } from "./low-port.ts";
import type { ExecResult, Host } from "./types.ts";

/** What was tried and what came of it. `info`: so by design. */
export interface PortProof {
  readonly id: string;
  readonly outcome: "pass" | "fail" | "unknown" | "info";
  readonly message: string;
  readonly fix: string | null;
}

/** What is to be proven. */
export interface ProveOptions {
  /** `address:port`, IPv6 in brackets. */
  readonly address: string;
  /** How the service gets at its port. */
  readonly method: LowPortDecision["method"];
  /** Any Python 3, to try with. */
  readonly interpreter: string;
  /** With a file capability: the private copy that has it. */
  readonly copy?: string;
  /** The copy is a Python 2, which cannot be asked what OpenSSL has made of its environment. */
  readonly old?: boolean;
}

/** An account that owns nothing, on Linux as on FreeBSD. */
const nobody = 65_534;

/**
 * Tries to bind the port as a user that is neither root nor the service, and with a file capability to run the private copy as one. An answer
 * that cannot be had is `unknown`. Leaves the machine as it is: nothing listens at any moment.
 */
export async function provePort(host: Host, options: ProveOptions): Promise<readonly PortProof[]> {
  const proofs = [await strangerProof(host, options)];
  if (options.method !== "file-capability" || options.copy === undefined) return proofs;
  return [...proofs, ...(await copyProofs(host, options, options.copy))];
}

/** Root becomes nobody inside of the program, so that whoever it becomes need not be able to start it. */
const becoming = `import os, sys
uid, gid = int(sys.argv[1]), int(sys.argv[2])
if os.getuid() == 0:
    os.setgroups([]); os.setresgid(gid, gid, gid); os.setresuid(uid, uid, uid)
`;

const bindProgram = `${becoming}
import errno, socket
host, port = sys.argv[3], int(sys.argv[4])
taken = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
try:
    taken.bind((host, port)); print("bound")
except OSError as error:
    print(errno.errorcode.get(error.errno, error.errno))
`;

async function strangerProof(host: Host, { address, method, interpreter }: ProveOptions): Promise<PortProof> {
  const [, name = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  const id = `port:${address}`;
  const who = host.uid === 0 ? nobody : host.uid;
  const argv = [interpreter, "-I", "-c", bindProgram, String(who), String(who), name, port];
  const answer = await tried(host, argv);
  const word = answer.stdout.trim();
  if (word === "EACCES" || word === "EPERM")
    return {
      id,
      outcome: "pass",
      message: `${address}: another user is refused it (${word} as uid ${who})`,
      fix: null,
    };
  // The right to a port is asked before whether it is free.
  if (word === "bound" || word === "EADDRINUSE") {
    const message = `${address}: every user of this machine may bind port ${port}`;
    if (method === "sysctl")
      return { id, outcome: "info", message: `${message}, which is how host.low-port: sysctl works`, fix: null };
    if (method === "not-needed")
      return { id, outcome: "info", message: `${message}, by the machine's own setting`, fix: null };
    return {
      id,
      outcome: "fail",
      message: `${message}, and host.low-port: ${method} does not need that`,
      fix: closing(host),
    };
  }
  const reason = word === "" ? (answer.stderr.trim().split("\n").at(-1) ?? "") : word;
  return {
    id,
    outcome: "unknown",
    message: `${address}: whether another user may bind it is not known (${reason})`,
    fix: null,
  };
}

function closing(host: Host): string {
  return host.platform.os === "linux"
    ? "see who set net.ipv4.ip_unprivileged_port_start, and whether this user has ambient capabilities"
    : "see who set net.inet.ip.portrange.reservedhigh, and the rules of mac_portacl";
}

/** Given as it is to Python 2 and 3. */
const runProgram = `${becoming}
try:
    os.execv(sys.argv[3], [sys.argv[3], "-E", "-s", "-c", "print('ran')"])
except OSError as error:
    import errno; print(errno.errorcode.get(error.errno, error.errno))
`;

/** The same settings for OpenSSL, read by the shared interpreter and by the copy: one suite of TLS 1.3 instead of all. */
const environmentProgram = `${becoming}
import subprocess, tempfile
with tempfile.NamedTemporaryFile("w", suffix=".cnf") as settings:
    settings.write("openssl_conf = a\\n[a]\\nssl_conf = b\\n[b]\\nsystem_default = c\\n[c]\\nCiphersuites = TLS_AES_128_GCM_SHA256\\n")
    settings.flush()
    count = "import ssl; print(sum(c['protocol'] == 'TLSv1.3' for c in ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).get_ciphers()))"
    def asked(program, environment):
        told = subprocess.run([program, "-I", "-c", count], env=environment, capture_output=True, text=True)
        return told.stdout.strip() or told.stderr.strip().splitlines()[-1]
    with_file = {"OPENSSL_CONF": settings.name}
    print(asked(sys.executable, {}), asked(sys.executable, with_file), asked(sys.argv[3], with_file))
`;

async function copyProofs(
  host: Host,
  { interpreter, old = false }: ProveOptions,
  copy: string,
): Promise<readonly PortProof[]> {
  const facts = await host.facts(copy);
  if (facts === null)
    return [{ id: "copy", outcome: "fail", message: `${copy} is not there`, fix: "run provision again" }];
  const stranger = await asOther(host, [interpreter, "-I", "-c", runProgram, String(nobody), String(nobody), copy]);
  if (old) {
    const message = `${copy}: whether OPENSSL_CONF changes it was not tried, its Python is too old to tell`;
    return [runProof(copy, stranger), { id: "copy:environment", outcome: "info", message, fix: null }];
  }
  // As a member of its group: for root itself the kernel gives no file capability and clears no environment.
  const member = [interpreter, "-I", "-c", environmentProgram, String(nobody), String(facts.gid), copy];
  const told = await tried(host, member);
  return [runProof(copy, stranger), environmentProof(copy, told)];
}

function runProof(copy: string, answer: ExecResult | null): PortProof {
  const id = "copy:others";
  if (answer === null)
    return {
      id,
      outcome: "unknown",
      message: `whether another user can run ${copy} can only be tried with privilege`,
      fix: "run this as root",
    };
  const word = answer.stdout.trim();
  if (word === "EACCES")
    return { id, outcome: "pass", message: `${copy}: another user cannot run it (EACCES as uid ${nobody})`, fix: null };
  if (word === "ran")
    return {
      id,
      outcome: "fail",
      message: `${copy}: every user can run it, and so bind any port`,
      fix: `chmod 0750 ${copy}`,
    };
  const reason = word === "" ? (answer.stderr.trim().split("\n").at(-1) ?? "") : word;
  return {
    id,
    outcome: "unknown",
    message: `${copy}: whether another user can run it is not known (${reason})`,
    fix: null,
  };
}

function environmentProof(copy: string, answer: ExecResult): PortProof {
  const id = "copy:environment";
  const [plain = "", changed = "", ofCopy = ""] = answer.stdout.trim().split(" ");
  if (![plain, changed, ofCopy].every((count) => /^\d+$/.test(count)))
    return {
      id,
      outcome: "unknown",
      message: `${copy}: whether OPENSSL_CONF changes it is not known (${(answer.stdout.trim() || answer.stderr.trim()).split("\n").at(-1) ?? ""})`,
      fix: null,
    };
  if (ofCopy !== plain)
    return {
      id,
      outcome: "fail",
      message: `${copy}: OPENSSL_CONF changes its policy`,
      fix: "run provision again: its capability may be gone",
    };
  const control = changed === plain ? "as in the shared interpreter" : "which it does in the shared interpreter";
  return { id, outcome: "pass", message: `${copy}: OPENSSL_CONF does not change its policy, ${control}`, fix: null };
}

function tried(host: Host, argv: readonly string[]): Promise<ExecResult> {
  return host.exec(argv, { timeoutSeconds: 30 });
}

/** As another user, which only root can become; null without privilege. */
async function asOther(host: Host, argv: readonly string[]): Promise<ExecResult | null> {
  if (host.uid === 0) return tried(host, argv);
  if (host.privilege === "none") return null;
  return host.elevated(argv, "another user must not be able to run the private interpreter", { timeoutSeconds: 30 });
}
