import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const CGROUPS = '/sys/fs/cgroup';
/** More than a sidecar keeps files open of; and some that come and go, with orphans among them. */
const PROGRAM =
  'i=0; while [ $i -lt 140 ]; do sleep 100000 & i=$((i+1)); done; while :; do for i in 1 2 3 4 5; do (sleep 0.2 &); sleep 0.1; done; done';

/**
 * Processes of the batch and of its neighbour, beside a sidecar that is a process of this machine: each container has
 * a cgroup v1 that bears its Docker id, as on EC2 (root is needed). Of the batch there is no CPU counter to be read,
 * so that its source is `proc`; its neighbour's is `cgroup`.
 */
export class ContainerProcesses {
  readonly #directories: string[] = [];
  readonly #shells: ChildProcess[] = [];
  readonly #parent = `fargauge-soak-${process.pid}`;
  readonly #ids: ReadonlyMap<string, string>;

  private constructor(ids: ReadonlyMap<string, string>) {
    this.#ids = ids;
  }

  /** @param endpoint of a task with the containers `batch`, `proxy` and `fargauge` */
  static async start(endpoint: string): Promise<ContainerProcesses> {
    const answer = await fetch(`${endpoint}/task`);
    const { Containers } = (await answer.json()) as { Containers: { Name: string; DockerId: string }[] };
    const processes = new ContainerProcesses(
      new Map(Containers.map(({ Name, DockerId }) => [Name, DockerId])),
    );
    for (const [name, controllers] of [
      ['batch', ['memory']],
      ['proxy', ['memory', 'cpuacct']],
    ] as const) {
      processes.within(name, controllers, () => {
        processes.#shells.push(spawn('sh', ['-c', PROGRAM], { stdio: 'ignore', detached: true }));
      });
    }
    return processes;
  }

  /** Starts something as a process of a container: what a process starts is in its cgroups. */
  within<T>(name: string, controllers: readonly string[], start: () => T): T {
    const enter = (directory: string) => writeFileSync(`${directory}/cgroup.procs`, `${process.pid}`);
    const moves = controllers.map((controller) => {
      const directory = `${CGROUPS}/${controller}/${this.#parent}/${this.#ids.get(name)}`;
      mkdirSync(directory, { recursive: true });
      this.#directories.push(directory);
      return { directory, back: `${CGROUPS}/${controller}${ownPath(controller)}` };
    });
    for (const { directory } of moves) enter(directory);
    try {
      return start();
    } finally {
      for (const { back } of moves) enter(back);
    }
  }

  async close(): Promise<void> {
    for (const shell of this.#shells) {
      const ended = once(shell, 'exit');
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
      await ended;
    }
    // A cgroup is busy until the last of its processes was waited for.
    await delay(500);
    for (const directory of this.#directories) rmdirSync(directory);
    for (const parent of new Set(this.#directories.map((each) => each.slice(0, each.lastIndexOf('/')))))
      rmdirSync(parent);
  }
}

/** Of this process, in the tree of a controller. */
function ownPath(controller: string): string {
  const line = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .find((each) => each.split(':')[1]?.split(',').includes(controller));
  if (line === undefined) throw new Error(`no cgroup v1 of ${controller} on this machine`);
  return line.split(':').slice(2).join(':');
}
