import { statfsSync } from 'node:fs';
import type { Sample } from '../core/types.ts';
import { TICK_NS } from './proc-files.ts';
import { type Acceptance, isText, KeptDirectory, KeptFile, type OpenFiles, readText } from './proc-texts.ts';

/** What a container's own cgroup files say. */
export type CgroupFigures = Omit<Sample, 'readAtMs' | 'source'>;

/** Magic numbers of file systems, from include/uapi/linux/magic.h. */
const CGROUP_SUPER_MAGIC = 0x27e0eb;
const CGROUP2_SUPER_MAGIC = 0x63677270;

/**
 * Whether a path is of a cgroup file system: a container that has none mounted may have anything there.
 */
export function isCgroupFileSystem(path: string): boolean {
  try {
    const { type } = statfsSync(path);
    return type === CGROUP_SUPER_MAGIC || type === CGROUP2_SUPER_MAGIC;
  } catch {
    return false;
  }
}

/** Files by what they tell. */
type Files = Readonly<Record<string, KeptFile>>;

/** One version's files, and what they mean. */
interface Version {
  /** Directories of the controllers below the mount, each with one of these names; the first one is memory's. */
  readonly controllers: readonly (readonly string[])[];
  /** Name of each file, and the index of its controller. Those that a kernel may lack are optional. */
  readonly files: Readonly<
    Record<string, { readonly name: string; readonly at: number; readonly isOptional?: true }>
  >;
  readonly figures: (text: (file: string) => string) => CgroupFigures;
}

const V2: Version = {
  controllers: [['']],
  files: {
    current: { name: 'memory.current', at: 0 },
    memory: { name: 'memory.stat', at: 0 },
    cpu: { name: 'cpu.stat', at: 0 },
    peak: { name: 'memory.peak', at: 0, isOptional: true },
    pressure: { name: 'memory.pressure', at: 0, isOptional: true },
  },
  figures(text) {
    const memory = lines(text('memory'));
    const cpu = lines(text('cpu'));
    const pressure = lines(text('pressure'));
    return {
      ...present({
        cpuUsageNs: scaled(figure(cpu, 'usage_usec'), 1_000),
        kernelCpuUsageNs: scaled(figure(cpu, 'system_usec'), 1_000),
        throttledTimeNs: scaled(figure(cpu, 'throttled_usec'), 1_000),
        memoryPressureNs: scaled(totalOf(pressure, 'some'), 1_000),
        memoryFullPressureNs: scaled(totalOf(pressure, 'full'), 1_000),
      }),
      memory: present({
        usageBytes: whole(text('current')),
        inactiveFileBytes: figure(memory, 'inactive_file'),
        anonBytes: figure(memory, 'anon'),
        maxUsageBytes: whole(text('peak')),
        majorPageFaultCount: figure(memory, 'pgmajfault'),
      }),
    };
  },
};

const V1: Version = {
  controllers: [['memory'], ['cpuacct', 'cpu,cpuacct']],
  files: {
    current: { name: 'memory.usage_in_bytes', at: 0 },
    memory: { name: 'memory.stat', at: 0 },
    peak: { name: 'memory.max_usage_in_bytes', at: 0 },
    failures: { name: 'memory.failcnt', at: 0 },
    usage: { name: 'cpuacct.usage', at: 1 },
    cpu: { name: 'cpuacct.stat', at: 1 },
  },
  figures(text) {
    const memory = lines(text('memory'));
    return {
      ...present({
        cpuUsageNs: whole(text('usage')),
        kernelCpuUsageNs: scaled(figure(lines(text('cpu')), 'system'), TICK_NS),
      }),
      memory: present({
        usageBytes: whole(text('current')),
        cacheBytes: figure(memory, 'cache'),
        totalInactiveFileBytes: figure(memory, 'total_inactive_file'),
        inactiveFileBytes: figure(memory, 'inactive_file'),
        anonBytes: figure(memory, 'total_rss'),
        maxUsageBytes: whole(text('peak')),
        hierarchicalLimitBytes: figure(memory, 'hierarchical_memory_limit'),
        failCount: whole(text('failures')),
        majorPageFaultCount: figure(memory, 'total_pgmajfault'),
      }),
    };
  },
};

/**
 * The counters of the cgroup that a process is in, as the process's own container sees them: below
 * /proc/PID/root, which opens itself to the same user with no fewer capabilities, and else to nobody.
 */
export class CgroupCounters {
  readonly #version: Version;
  readonly #files: Files;
  readonly #directories: readonly KeptDirectory[];

  private constructor(version: Version, files: Files, directories: readonly KeptDirectory[]) {
    this.#version = version;
    this.#files = files;
    this.#directories = directories;
  }

  /**
   * @param root `/proc`
   * @param path the process's own, out of /proc/PID/cgroup: a container without a cgroup namespace sees the whole tree
   * @param isCgroup of a cgroup file system; asked of what was opened, as the container may change what is at a path
   * @returns undefined where they cannot be read, do not tell of CPU and memory, or are not those of this process
   */
  static open(
    root: string,
    pid: number,
    path: string,
    room: OpenFiles,
    isCgroup: Acceptance,
  ): CgroupCounters | undefined {
    const mount = KeptDirectory.open(`${root}/${pid}/root/sys/fs/cgroup`);
    if (mount === undefined) return undefined;
    const inTree = path === '/' || path.includes('..') ? [] : [path];
    try {
      for (const version of [V2, V1]) {
        for (const below of ['', ...inTree]) {
          const directories = openDirectories(
            version,
            mount.path,
            below,
            (directory) => isCgroup(directory) && hasProcess(directory, pid, isCgroup),
          );
          if (directories === undefined) continue;
          const counters = new CgroupCounters(
            version,
            filesOf(version, directories, room, isCgroup),
            directories,
          );
          const figures = counters.read();
          if (figures?.cpuUsageNs !== undefined && figures.memory.usageBytes !== undefined) return counters;
          counters.close();
        }
      }
      return undefined;
    } finally {
      mount.close();
    }
  }

  /** Undefined when the cgroup is gone. */
  read(): CgroupFigures | undefined {
    const texts: Record<string, string> = {};
    for (const [name, file] of Object.entries(this.#files)) {
      const text = file.read();
      if (isText(text)) texts[name] = text;
      else if (!this.#version.files[name]?.isOptional) return undefined;
    }
    return this.#version.figures((name) => texts[name] ?? '');
  }

  close(): void {
    for (const file of Object.values(this.#files)) file.close();
    for (const directory of this.#directories) directory.close();
  }
}

/** Of a container's view of all cgroups of the machine, the root has the machine's counters, and other processes. */
function hasProcess(directory: string, pid: number, isCgroup: Acceptance): boolean {
  return lines(readText(`${directory}/cgroup.procs`, isCgroup) ?? '').includes(`\n${pid}\n`);
}

/** One for each controller, or undefined where one of them has none that is accepted. */
function openDirectories(
  { controllers }: Version,
  mount: string,
  below: string,
  accepts: Acceptance,
): readonly KeptDirectory[] | undefined {
  const directories: KeptDirectory[] = [];
  for (const names of controllers) {
    let directory: KeptDirectory | undefined;
    for (const name of names) {
      const path = [mount, name, below.slice(1)].filter((part) => part !== '').join('/');
      directory ??= KeptDirectory.open(path, accepts);
    }
    if (directory) directories.push(directory);
  }
  if (directories.length === controllers.length) return directories;
  for (const directory of directories) directory.close();
  return undefined;
}

/** Those that a kernel may lack only where they can be read. */
function filesOf(
  { files }: Version,
  directories: readonly KeptDirectory[],
  room: OpenFiles,
  isCgroup: Acceptance,
): Files {
  const kept: Record<string, KeptFile> = {};
  for (const [key, { name, at, isOptional }] of Object.entries(files)) {
    const file = new KeptFile(`${directories[at]?.path}/${name}`, room, isCgroup);
    if (!isOptional || isText(file.read())) kept[key] = file;
  }
  return kept;
}

/** Every line with its break on both sides, so that a name is found at the beginning of a line only. */
function lines(text: string): string {
  return text.endsWith('\n') ? `\n${text}` : `\n${text}\n`;
}

/** The figure of a line `name 123`. */
function figure(text: string, name: string): number | undefined {
  const at = text.indexOf(`\n${name} `);
  if (at < 0) return undefined;
  const from = at + name.length + 2;
  return whole(text.slice(from, text.indexOf('\n', from)));
}

/** Of a line `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`, in µs (Documentation/accounting/psi.rst). */
function totalOf(text: string, kind: 'some' | 'full'): number | undefined {
  const at = text.indexOf(`\n${kind} `);
  if (at < 0) return undefined;
  const line = text.slice(at + 1, text.indexOf('\n', at + 1));
  return whole(line.slice(line.indexOf('total=') + 'total='.length));
}

function whole(text: string): number | undefined {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isInteger(value) && value >= 0 ? value : undefined;
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The same without what is not known. */
function present<T extends object>(figures: T): Present<T> {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined)) as Present<T>;
}
