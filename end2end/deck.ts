import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Draft } from './events';

const BINARY = resolve(process.env.SWARMDECK_BIN ?? join(import.meta.dirname, '../target/release/swarmdeck'));
const STARTS_WITHIN_MS = 10_000;

/** What the server answers to a batch that it took. */
export interface Accepted {
  accepted: number;
  first_seq: number;
  last_seq: number;
}

/** An event as the log has it. */
export interface Logged {
  seq: number;
  type: string;
  entity?: { kind: string; id: string };
  payload: Record<string, unknown>;
}

/** One server with a log of its own, on a port of its own. */
export class Deck {
  #process: ChildProcess | undefined;
  #said = '';

  private constructor(
    readonly folder: string,
    readonly port: number,
  ) {}

  static async start(): Promise<Deck> {
    const deck = new Deck(await mkdtemp(join(tmpdir(), 'swarmdeck-')), await freePort());
    await deck.restart();
    return deck;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts the server again: the same address, the same log. */
  async restart(): Promise<void> {
    await this.#serve(this.port);
  }

  /** Ends the server as a crash would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Asks the server to end. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Ends the server and forgets its log: the next start begins another. */
  async forget(): Promise<void> {
    await this.kill();
    await rm(join(this.folder, 'log'), { recursive: true, force: true });
  }

  /** Ends the server and leaves nothing behind. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Sends events; resolves when they are in the log. */
  async send(events: Draft | Draft[]): Promise<Accepted> {
    return this.#post(this.port, events);
  }

  /** While the server is down: puts events into its log that no page can see arrive. */
  async sendUnseen(events: Draft[]): Promise<Accepted> {
    const elsewhere = await freePort();
    await this.#serve(elsewhere);
    const accepted = await this.#post(elsewhere, events);
    await this.stop();
    return accepted;
  }

  /** The newest event's seq. */
  async head(): Promise<number> {
    const answer = await fetch(`${this.url}/api/events?limit=1`);
    return ((await answer.json()) as { head: number }).head;
  }

  /** The newest events of these types, oldest first. */
  async events(types: string): Promise<Logged[]> {
    const answer = await fetch(`${this.url}/api/events?limit=1000&types=${encodeURIComponent(types)}`);
    const { events } = (await answer.json()) as { events: Logged[] };
    return events.sort((one, other) => one.seq - other.seq);
  }

  /** Asks a service as a program does; an answer that is none of success is an error. */
  async post(path: string, body: unknown): Promise<void> {
    const answer = await send(`${this.url}${path}`, body);
    if (!answer.ok) {
      throw new Error(`${path} was refused: ${await answer.text()}`);
    }
  }

  /** Runs `swarmdeck demo` against this server to its end. */
  async demo(...flags: string[]): Promise<string> {
    return command('demo', '--url', this.url, ...flags);
  }

  async #serve(port: number): Promise<void> {
    this.#said = '';
    const child = spawn(BINARY, ['serve', '--addr', `127.0.0.1:${port}`, '--data', join(this.folder, 'log')], {
      cwd: this.folder,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    let broken: Error | undefined;
    child.on('error', (error) => (broken = error));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => (this.#said += chunk));
    }
    const deadline = Date.now() + STARTS_WITHIN_MS;
    while (!(await answers(port))) {
      if (broken || child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${BINARY} does not serve: ${broken?.message ?? this.#said}`);
      }
      await new Promise((again) => setTimeout(again, 20));
    }
  }

  async #post(port: number, events: Draft | Draft[]): Promise<Accepted> {
    const answer = await send(`http://127.0.0.1:${port}/api/events`, events);
    if (!answer.ok) {
      throw new Error(`the events were refused: ${await answer.text()}`);
    }
    return (await answer.json()) as Accepted;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}

function send(address: string, body: unknown): Promise<Response> {
  return fetch(address, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

/** Runs a command of the binary; what it printed. */
export async function command(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(BINARY, words, { env: environment(), cwd: tmpdir() });
  return stdout.trim();
}

// Settings of whoever runs the tests must not reach the servers under test.
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SWARMDECK_')));
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') {
    throw new Error('the system gave no port');
  }
  return address.port;
}
